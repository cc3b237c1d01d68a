/* Whose a DTLS association is. */
#include "stage.h"

struct pair { /* two players who came by TLS, and one association */
	struct stage stage;
	struct client anna, bert;
	struct fast fast;
};

static struct pair *pair_make(void)
{
	static struct pair pair;
	stage_init(&pair.stage, SHARD_SECURE_REQUIRED, NULL);
	client_join(&pair.anna, &pair.stage, 10, true);
	client_join(&pair.bert, &pair.stage, 11, true);
	fast_open(&pair.fast, &pair.anna, stage_address(10, 40000));
	fast_handshake(&pair.fast);
	return &pair;
}

Test(associations, a_second_identity_is_refused_and_ends_the_association)
{
	struct pair *pair = pair_make();
	fast_identify(&pair->fast, pair->anna.peer_id, pair->anna.connect_token, 0);
	cr_assert(heard_last(&pair->fast.heard, OPCODE_VERIFY_IDENTITY_RESPONSE)->is_success);
	pair->fast.heard.count = 0;
	fast_identify(&pair->fast, pair->bert.peer_id, pair->bert.connect_token, 1);
	cr_assert_not(heard_last(&pair->fast.heard, OPCODE_VERIFY_IDENTITY_RESPONSE)->is_success);
	cr_assert(pair->fast.is_over);
	cr_assert_eq(stage_drops(&pair->stage, DROP_BAD_IDENTITY), 1);
	cr_assert_not(pair->anna.has_ended || pair->bert.has_ended);
	stage_fini(&pair->stage);
}

Test(associations, the_same_identity_is_answered_again)
{
	struct pair *pair = pair_make();
	for (int32_t i = 0; i < 3; i++)
		fast_identify(&pair->fast, pair->anna.peer_id, pair->anna.connect_token, i);
	cr_assert_eq(heard_count(&pair->fast.heard, OPCODE_VERIFY_IDENTITY_RESPONSE), 3);
	cr_assert(heard_last(&pair->fast.heard, OPCODE_VERIFY_IDENTITY_RESPONSE)->is_success);
	cr_assert_not(pair->fast.is_over);
	stage_fini(&pair->stage);
}

/* A client's keepalive: she says nothing else for minutes, and her messages go fast all the same. */
Test(associations, who_asks_again_has_been_heard)
{
	struct pair *pair = pair_make();
	for (int32_t i = 0; i < 6; i++) {
		fast_identify(&pair->fast, pair->anna.peer_id, pair->anna.connect_token, i);
		stage_run_ms(&pair->stage, 15000);
		cr_assert_eq(pair->stage.shard->counters.fast_lost, 0, "%d", (int)i);
	}
	stage_run_ms(&pair->stage, 34000);
	cr_assert_eq(pair->stage.shard->counters.fast_lost, 1);
	fast_identify(&pair->fast, pair->anna.peer_id, pair->anna.connect_token, 5);
	cr_assert_eq(pair->stage.shard->counters.fast_regained, 0, "a number that was there says nothing");
	fast_identify(&pair->fast, pair->anna.peer_id, pair->anna.connect_token, 6);
	cr_assert_eq(pair->stage.shard->counters.fast_regained, 1);
	stage_fini(&pair->stage);
}

Test(associations, a_player_who_comes_again_takes_the_new_association_and_the_old_one_ends)
{
	struct pair *pair = pair_make();
	struct fast again;
	fast_identify(&pair->fast, pair->anna.peer_id, pair->anna.connect_token, 0);
	fast_open(&again, &pair->anna, stage_address(12, 40001));
	fast_handshake(&again);
	fast_identify(&again, pair->anna.peer_id, pair->anna.connect_token, 5);
	cr_assert(heard_last(&again.heard, OPCODE_VERIFY_IDENTITY_RESPONSE)->is_success);
	cr_assert(pair->fast.is_over);
	client_send(&pair->bert, &(struct packet){.opcode = 7, .target_group = PROTO_GROUP_ALL});
	stage_run_ms(&pair->stage, 5);
	cr_assert_eq(heard_count(&pair->anna.heard, 7), 1);
	stage_fini(&pair->stage);
}

Test(associations, an_identity_whose_player_is_on_its_way_out_is_refused)
{
	struct pair *pair = pair_make();
	char token[PROTO_TOKEN_BYTES_MAX + 1];
	memcpy(token, pair->anna.connect_token, sizeof(token));
	client_send_raw(&pair->anna, WEBSOCKET_CLOSE, NULL, 0);
	stage_run_ms(&pair->stage, 5);
	fast_identify(&pair->fast, pair->anna.peer_id, token, 0);
	cr_assert_not(heard_last(&pair->fast.heard, OPCODE_VERIFY_IDENTITY_RESPONSE)->is_success);
	cr_assert(pair->fast.is_over);
	stage_fini(&pair->stage);
}

Test(associations, a_flood_of_strangers_does_not_keep_known_addresses_out)
{
	static struct pair pair;
	struct fast strangers[4];
	stage_init(&pair.stage, SHARD_SECURE_REQUIRED, stage_few_hellos);
	client_join(&pair.anna, &pair.stage, 10, true);
	for (unsigned i = 0; i < ARRAY_COUNT(strangers); i++)
		fast_open(&strangers[i], &pair.anna, stage_address((uint8_t)(100 + i), 40000));
	for (unsigned i = 0; i < 20; i++)
		fast_knock(&strangers[i % ARRAY_COUNT(strangers)]);
	cr_assert_gt(stage_drops(&pair.stage, DROP_RATE_HELLOS), 0);
	fast_open(&pair.fast, &pair.anna, stage_address(10, 41000));
	fast_handshake(&pair.fast);
	fast_identify(&pair.fast, pair.anna.peer_id, pair.anna.connect_token, 0);
	cr_assert(heard_last(&pair.fast.heard, OPCODE_VERIFY_IDENTITY_RESPONSE)->is_success);
	stage_fini(&pair.stage);
}

/* A hello with a cookie that nobody gave it. */
static void forge(struct fast *fast, uint8_t number)
{
	enum { BODY = 2 + 32 + 1 + 1 + 8 + 6, SIZE = 13 + 12 + BODY, COOKIE_AT = 13 + 12 + 2 + 32 + 1 };
	uint8_t hello[SIZE] = {22, 0xfe, 0xfd, [12] = 12 + BODY, [13] = 1, [16] = BODY, [24] = BODY, [25] = 0xfe, 0xfd, number, [COOKIE_AT] = 8, number};
	fast_emit(fast, hello, sizeof(hello));
}

Test(associations, forged_cookies_are_answered_like_none_and_wait_among_nobody)
{
	static struct pair pair;
	stage_init(&pair.stage, SHARD_SECURE_REQUIRED, stage_few_hellos);
	client_join(&pair.anna, &pair.stage, 10, true);
	struct fast stranger = {.stage = &pair.stage, .address = stage_address(100, 40000), .port = pair.anna.fast_port}; /* reads no answers */
	uint64_t steps = pair.stage.shard->counters.handshake_steps;
	for (uint8_t i = 0; i < 20; i++) {
		forge(&stranger, i);
		stage_run_ms(&pair.stage, 1);
	}
	cr_assert_eq(pair.stage.shard->counters.dtls_hellos_answered, 5);
	cr_assert_eq(stage_drops(&pair.stage, DROP_RATE_HELLOS), 15);
	cr_assert_eq(pair.stage.shard->counters.handshake_steps, steps);
	fast_open(&pair.fast, &pair.anna, stage_address(10, 41000));
	fast_handshake(&pair.fast);
	fast_identify(&pair.fast, pair.anna.peer_id, pair.anna.connect_token, 0);
	cr_assert(heard_last(&pair.fast.heard, OPCODE_VERIFY_IDENTITY_RESPONSE)->is_success);
	stage_fini(&pair.stage);
}

static void few_half_open(struct shard_options *options)
{
	options->limits.half_open_max = 3;
}

/* A hog has all places for those who have not proven who they are. Who comes with the first one of its own gets one, and the hog's oldest goes. */
Test(associations, a_hog_of_half_open_places_makes_room_for_others_and_not_for_itself)
{
	static struct pair pair;
	struct fast hogs[4];
	stage_init(&pair.stage, SHARD_SECURE_REQUIRED, few_half_open);
	client_join(&pair.anna, &pair.stage, 10, true);
	for (unsigned i = 0; i < ARRAY_COUNT(hogs); i++)
		fast_open(&hogs[i], &pair.anna, stage_address(100, (uint16_t)(40000 + i)));
	for (unsigned i = 0; i < 3; i++)
		fast_handshake(&hogs[i]);
	fast_knock(&hogs[3]);
	cr_assert_not(ringcast_crypto_is_established(hogs[3].crypto), "its others have just come");
	cr_assert_eq(stage_drops(&pair.stage, DROP_HALF_OPEN_LIMIT), 1);
	fast_open(&pair.fast, &pair.anna, stage_address(10, 41000));
	fast_handshake(&pair.fast);
	cr_assert(hogs[0].is_over && !hogs[1].is_over && !hogs[2].is_over);
	fast_identify(&pair.fast, pair.anna.peer_id, pair.anna.connect_token, 0);
	cr_assert(heard_last(&pair.fast.heard, OPCODE_VERIFY_IDENTITY_RESPONSE)->is_success);
	cr_assert_eq(stage_drops(&pair.stage, DROP_HALF_OPEN_CROWDED), 1);
	stage_fini(&pair.stage);
}

static void few_waiting(struct shard_options *options)
{
	options->limits.handshake_datagrams_max = 2;
}

static void emit_many(void *context, const uint8_t *bytes, size_t size)
{
	for (unsigned i = 0; i < 6; i++)
		fast_emit(context, bytes, size);
}

/* One who says everything many times, faster than the shard can work on it, loses its own. */
Test(associations, a_hog_of_the_queue_keeps_nobody_out)
{
	static struct pair pair;
	struct fast hog;
	stage_init(&pair.stage, SHARD_SECURE_REQUIRED, few_waiting);
	client_join(&pair.anna, &pair.stage, 10, true);
	fast_open(&hog, &pair.anna, stage_address(100, 40000));
	fast_open(&pair.fast, &pair.anna, stage_address(10, 41000));
	hog.crypto = ringcast_crypto_open(pair.stage.datagram_context, "sim", emit_many, &hog);
	pair.fast.crypto = ringcast_crypto_open(pair.stage.datagram_context, "sim", fast_emit, &pair.fast);
	ringcast_crypto_connect(hog.crypto);
	ringcast_crypto_connect(pair.fast.crypto);
	stage_run_ms(&pair.stage, 10);
	cr_assert_gt(stage_drops(&pair.stage, DROP_HANDSHAKE_QUEUE), 0);
	cr_assert(ringcast_crypto_is_established(pair.fast.crypto));
	stage_fini(&pair.stage);
}

/* What a client said last and the network kept. */
struct kept {
	struct fast *fast;
	unsigned count; /* of datagrams: the first one is let through, for it has no cookie */
	uint8_t bytes[2048];
	size_t size;
};

static void emit_first(void *context, const uint8_t *bytes, size_t size)
{
	struct kept *kept = context;
	cr_assert_leq(size, sizeof(kept->bytes));
	if (kept->count++ == 0)
		fast_emit(kept->fast, bytes, size);
	memcpy(kept->bytes, bytes, size);
	kept->size = size;
}

/* A start that was given up when it had its cookie. Its hello with that is still under way. */
static struct kept keep_hello(struct fast *fast)
{
	struct kept kept = {.fast = fast};
	fast->crypto = ringcast_crypto_open(fast->stage->datagram_context, "sim", emit_first, &kept);
	ringcast_crypto_connect(fast->crypto);
	stage_run_ms(fast->stage, 5);
	cr_assert_eq(kept.count, 2, "a hello, and one with the cookie");
	ringcast_crypto_free(&fast->crypto);
	return kept;
}

struct late { /* a player whose association stands, and a hello of hers that it does not know */
	struct stage stage;
	struct client anna, bert;
	struct fast fast;
	struct kept hello;
};

static struct late *late_make(void)
{
	static struct late late;
	stage_init(&late.stage, SHARD_SECURE_REQUIRED, NULL);
	client_join(&late.anna, &late.stage, 10, true);
	client_join(&late.bert, &late.stage, 11, true);
	fast_open(&late.fast, &late.anna, stage_address(10, 40000));
	late.hello = keep_hello(&late.fast);
	fast_handshake(&late.fast);
	return &late;
}

static void come_late(struct late *late)
{
	uint64_t started = late->stage.shard->counters.dtls_handshakes_started;
	fast_emit(&late->fast, late->hello.bytes, late->hello.size);
	stage_run_ms(&late->stage, 5);
	cr_assert_eq(late->stage.shard->counters.dtls_handshakes_started, started + 1, "its cookie is good");
}

static void expect_heard(struct late *late, int32_t opcode, int32_t sequence)
{
	fast_say(&late->fast, opcode, late->anna.peer_id, sequence);
	stage_run_ms(&late->stage, 5);
	cr_assert_eq(heard_count(&late->bert.heard, opcode), 1);
}

/* Also by one who keeps it back and sends it when he likes. It is never answered, so it never gets anything. */
Test(associations, a_late_hello_does_not_take_the_place_of_a_player)
{
	struct late *late = late_make();
	fast_identify(&late->fast, late->anna.peer_id, late->anna.connect_token, 0);
	come_late(late);
	expect_heard(late, 7, 1);
	cr_assert_eq(late->stage.shard->security.associations.half_open.count, 1);
	stage_run_ms(&late->stage, late->stage.shard->options.limits.handshake_timeout_ms + 1000);
	cr_assert_eq(late->stage.shard->security.associations.half_open.count, 0, "it had its time");
	cr_assert_eq(late->stage.shard->security.associations.associations.count, 1);
	expect_heard(late, 8, 2);
	cr_assert_not(late->fast.is_over);
	stage_fini(&late->stage);
}

Test(associations, a_late_hello_does_not_take_the_place_of_who_is_about_to_say_who_it_is)
{
	struct late *late = late_make();
	come_late(late);
	fast_identify(&late->fast, late->anna.peer_id, late->anna.connect_token, 0);
	cr_assert(heard_last(&late->fast.heard, OPCODE_VERIFY_IDENTITY_RESPONSE)->is_success);
	expect_heard(late, 7, 1);
	stage_fini(&late->stage);
}

/* It has forgotten everything, as after a crash, and the port is the same. RFC 6347 4.2.8: with its Finished the old one is over. */
Test(associations, who_begins_anew_at_its_address_takes_its_place_when_the_handshake_is_through)
{
	struct late *late = late_make();
	fast_identify(&late->fast, late->anna.peer_id, late->anna.connect_token, 0);
	come_late(late);
	ringcast_crypto_free(&late->fast.crypto);
	fast_handshake(&late->fast);
	cr_assert_eq(late->stage.shard->security.associations.associations.count, 1);
	fast_identify(&late->fast, late->anna.peer_id, late->anna.connect_token, 1);
	cr_assert(heard_last(&late->fast.heard, OPCODE_VERIFY_IDENTITY_RESPONSE)->is_success);
	expect_heard(late, 7, 2);
	stage_fini(&late->stage);
}

/* Her goodbye, while somebody's handshake waits for an answer: that one may go on. */
Test(associations, a_start_beside_a_player_outlives_the_player)
{
	struct late *late = late_make();
	fast_identify(&late->fast, late->anna.peer_id, late->anna.connect_token, 0);
	come_late(late);
	ringcast_crypto_close(late->fast.crypto);
	stage_run_ms(&late->stage, 5);
	cr_assert_eq(late->stage.shard->security.associations.associations.count, 1);
	cr_assert_eq(late->stage.shard->security.associations.half_open.count, 1);
	ringcast_crypto_free(&late->fast.crypto);
	fast_handshake(&late->fast);
	fast_identify(&late->fast, late->anna.peer_id, late->anna.connect_token, 1);
	cr_assert(heard_last(&late->fast.heard, OPCODE_VERIFY_IDENTITY_RESPONSE)->is_success);
	stage_fini(&late->stage);
}
