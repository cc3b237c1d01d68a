/* Several packets in a datagram, in both directions: who gets and may send them, and what each of them is worth. */
#include "stage.h"

struct trio {
	struct stage stage;
	struct client anna, bert;
	struct fast anna_fast, bert_fast; /* Anna's client can, Bert's cannot */
};

static void log_in(struct client *client, struct stage *stage, uint8_t host, bool is_secure, bool may_merge)
{
	static const char token[] = "dev-room-";
	struct packet login = {.command = PACKET_COMMAND_LOGIN, .login = {.player_session_id = ringcast_view_of(token, strlen(token)), .may_merge = may_merge}};
	client_connect(client, stage, host, is_secure);
	client_upgrade(client);
	client_log_in_as(client, &login);
	cr_assert_gt(client->peer_id, 0);
}

static void come_up(struct fast *fast, struct client *client, uint8_t host)
{
	fast_open(fast, client, stage_address(host, 40000));
	if (client->crypto != NULL) {
		fast_handshake(fast);
		fast_identify(fast, client->peer_id, client->connect_token, 0);
		return;
	}
	fast_send(fast, &(struct packet){.opcode = OPCODE_UDP_CONNECT, .sender = client->peer_id, .target_player = PROTO_PEER_SERVER, .command = PACKET_COMMAND_UDP_CONNECT});
	fast_say(fast, 9, client->peer_id, 1);
}

static struct trio *make(enum shard_security_mode security, stage_options_fn *options)
{
	static struct trio trio;
	stage_init(&trio.stage, security, options);
	log_in(&trio.anna, &trio.stage, 10, security != SHARD_PLAIN, true);
	log_in(&trio.bert, &trio.stage, 11, security != SHARD_PLAIN, false);
	come_up(&trio.anna_fast, &trio.anna, 10);
	come_up(&trio.bert_fast, &trio.bert, 11);
	stage_run_ms(&trio.stage, 5);
	trio.anna_fast.heard.count = trio.bert_fast.heard.count = 0;
	trio.anna_fast.datagrams_heard = trio.bert_fast.datagrams_heard = 0;
	return &trio;
}

/* Packets of one player to the whole session, one behind the other. */
static size_t pack(uint8_t *out, size_t capacity, int32_t sender, int32_t first_sequence, unsigned count)
{
	size_t size = 0;
	for (unsigned i = 0; i < count; i++) {
		const struct packet packet = {.opcode = 20, .sender = sender, .target_group = PROTO_GROUP_ALL, .sequence = first_sequence + (int32_t)i,
					      .payload = ringcast_view_of("x", 1)};
		size += ringcast_packet_encode(&packet, out + size, capacity - size);
	}
	return size;
}

static void emit(struct fast *fast, const uint8_t *bytes, size_t size)
{
	uint8_t sealed[2048];
	if (fast->crypto == NULL)
		fast_emit(fast, bytes, size);
	else
		fast_emit(fast, sealed, ringcast_crypto_seal(fast->crypto, ringcast_view_of(bytes, size), sealed, sizeof(sealed)));
	stage_run_ms(fast->stage, 2);
}

static void send_several(struct fast *fast, int32_t sender, int32_t first_sequence, unsigned count)
{
	uint8_t bytes[1400];
	emit(fast, bytes, pack(bytes, sizeof(bytes), sender, first_sequence, count));
}

static void go_both_ways(enum shard_security_mode security)
{
	struct trio *trio = make(security, NULL);
	send_several(&trio->anna_fast, trio->anna.peer_id, 2, 5);
	cr_assert_eq(heard_count(&trio->bert_fast.heard, 20), 5);
	cr_assert_eq(trio->bert_fast.datagrams_heard, 5, "each has its own for a client that did not ask");
	cr_assert_eq(heard_count(&trio->anna_fast.heard, 20), 5);
	cr_assert_eq(trio->anna_fast.datagrams_heard, 1, "the echoes share one");
	cr_assert_eq(trio->stage.shard->counters.datagrams_merged, 1);
	cr_assert_eq(trio->stage.shard->counters.datagrams_merged_received, 1);
	for (unsigned i = 1; i < trio->anna_fast.heard.count; i++)
		cr_assert_eq(trio->anna_fast.heard.items[i].sequence, trio->anna_fast.heard.items[i - 1].sequence + 1);
	stage_fini(&trio->stage);
}

Test(merge, goes_both_ways) { go_both_ways(SHARD_PLAIN); }
Test(merge, goes_both_ways_in_a_record) { go_both_ways(SHARD_SECURE_REQUIRED); }

static void with_little(struct shard_options *options)
{
	options->limits.merge_bytes = 40;
}

static void with_none(struct shard_options *options)
{
	options->limits.merge_bytes = 0;
}

Test(merge, stays_within_the_limit)
{
	struct trio *trio = make(SHARD_PLAIN, with_little);
	send_several(&trio->anna_fast, trio->anna.peer_id, 2, 6);
	cr_assert_eq(heard_count(&trio->anna_fast.heard, 20), 6);
	cr_assert_gt(trio->anna_fast.datagrams_heard, 1);
	cr_assert_leq(trio->anna_fast.bytes_heard, 40 * trio->anna_fast.datagrams_heard + 64);
	stage_fini(&trio->stage);
}

Test(merge, can_be_switched_off)
{
	struct trio *trio = make(SHARD_PLAIN, with_none);
	send_several(&trio->anna_fast, trio->anna.peer_id, 2, 2);
	cr_assert_eq(heard_count(&trio->bert_fast.heard, 20), 0);
	cr_assert_eq(stage_drops(&trio->stage, DROP_MALFORMED), 1, "several packets are none where nobody agreed on them");
	stage_fini(&trio->stage);
}

Test(merge, is_not_taken_from_who_did_not_say_so)
{
	struct trio *trio = make(SHARD_PLAIN, NULL);
	send_several(&trio->bert_fast, trio->bert.peer_id, 2, 2);
	cr_assert_eq(heard_count(&trio->anna_fast.heard, 20), 0);
	cr_assert_eq(stage_drops(&trio->stage, DROP_MALFORMED), 1);
	stage_fini(&trio->stage);
}

Test(merge, is_bounded_in_packets)
{
	struct trio *trio = make(SHARD_PLAIN, NULL);
	uint8_t bytes[1400];
	size_t size = pack(bytes, sizeof(bytes), trio->anna.peer_id, 2, 1);
	while (size + 3 <= sizeof(bytes)) { /* the smallest there are, of nobody */
		memcpy(bytes + size, "\x02\x08\x01", 3);
		size += 3;
	}
	emit(&trio->anna_fast, bytes, size);
	cr_assert_eq(heard_count(&trio->bert_fast.heard, 20), 1);
	cr_assert_eq(stage_drops(&trio->stage, DROP_UNKNOWN_PEER), PROTO_MERGED_PACKETS_MAX - 1);
	cr_assert_eq(stage_drops(&trio->stage, DROP_MERGED_TOO_MANY), 1);
	stage_fini(&trio->stage);
}

Test(merge, each_message_is_judged_by_itself)
{
	struct trio *trio = make(SHARD_PLAIN, NULL);
	uint8_t bytes[1400];
	size_t size = pack(bytes, sizeof(bytes), trio->anna.peer_id, 2, 2);
	size += pack(bytes + size, sizeof(bytes) - size, trio->anna.peer_id, 2, 1); /* a number that was there */
	size += pack(bytes + size, sizeof(bytes) - size, trio->anna.peer_id, 4, 1);
	memcpy(bytes + size, "\x7f\x08", 2); /* the beginning of one */
	emit(&trio->anna_fast, bytes, size + 2);
	cr_assert_eq(heard_count(&trio->bert_fast.heard, 20), 3);
	cr_assert_eq(stage_drops(&trio->stage, DROP_STALE_SEQUENCE), 1);
	cr_assert_eq(stage_drops(&trio->stage, DROP_MALFORMED), 1);
	stage_fini(&trio->stage);
}

static void with_few_messages(struct shard_options *options)
{
	options->limits.messages_per_second = 10;
}

Test(merge, rates_count_messages_not_datagrams)
{
	struct trio *trio = make(SHARD_PLAIN, with_few_messages);
	send_several(&trio->anna_fast, trio->anna.peer_id, 2, 30);
	cr_assert_leq(heard_count(&trio->bert_fast.heard, 20), 10);
	cr_assert_geq(stage_drops(&trio->stage, DROP_RATE_MESSAGES), 20);
	stage_fini(&trio->stage);
}

/* Behind another port, as after a NAT has forgotten it, a client that always has several things to say must be heard again. */
Test(merge, three_datagrams_move_a_silent_player)
{
	struct trio *trio = make(SHARD_PLAIN, NULL);
	struct fast moved;
	fast_open(&moved, &trio->anna, stage_address(10, 50000));
	stage_run_ms(&trio->stage, 4000);
	send_several(&moved, trio->anna.peer_id, 2, 5);
	send_several(&moved, trio->anna.peer_id, 7, 5);
	cr_assert_eq(heard_count(&trio->bert_fast.heard, 20), 0);
	cr_assert_eq(stage_drops(&trio->stage, DROP_WRONG_ADDRESS), 4, "the first of each, and what is behind it");
	cr_assert_eq(stage_drops(&trio->stage, DROP_MALFORMED), 0);
	send_several(&moved, trio->anna.peer_id, 12, 5);
	cr_assert_eq(trio->stage.shard->counters.fast_moved, 1);
	cr_assert_eq(heard_count(&trio->bert_fast.heard, 20), 5);
	stage_fini(&trio->stage);
}

/* Three packets in a row from elsewhere move a silent player: one datagram is one of them, however many it holds. */
Test(merge, one_datagram_moves_nobody)
{
	struct trio *trio = make(SHARD_PLAIN, NULL);
	struct fast other;
	fast_open(&other, &trio->anna, stage_address(10, 50000));
	stage_run_ms(&trio->stage, 4000);
	send_several(&other, trio->anna.peer_id, 2, 5);
	cr_assert_eq(heard_count(&trio->bert_fast.heard, 20), 0);
	cr_assert_eq(trio->stage.shard->counters.fast_moved, 0);
	stage_fini(&trio->stage);
}
