/* DTLS associations that chance has brought to another shard than their player's. */
#include "stage.h"

#include "base/hex.h"

struct scattered { /* a player, and a way that comes to the neighbour of her shard */
	struct stage stage;
	struct client anna;
	struct fast fast;
};

static struct scattered *scattered_make(stage_options_fn *change)
{
	static struct scattered all;
	stage_init_neighbours(&all.stage, SHARD_SECURE_REQUIRED, change);
	client_join(&all.anna, &all.stage, 10, true);
	fast_open(&all.fast, &all.anna, stage_address(10, 40000));
	all.fast.port = stage_neighbours_port(&all.stage, all.anna.fast_port);
	return &all;
}

static void identify(struct scattered *all, struct fast *fast, int32_t sequence)
{
	fast_identify(fast, all->anna.peer_id, all->anna.connect_token, sequence);
	stage_run_ms(&all->stage, 5);
}

static bool is_identified(const struct fast *fast)
{
	const struct heard *answer = heard_last(&fast->heard, OPCODE_VERIFY_IDENTITY_RESPONSE);
	return answer != NULL && answer->is_success;
}

static uint32_t association_count(const struct shard *shard)
{
	return shard->security.associations.associations.count;
}

static void expect_home(const struct scattered *all)
{
	cr_assert_eq(association_count(all->stage.neighbour), 0);
	cr_assert_eq(association_count(all->stage.shard), 1);
	cr_assert_eq(all->stage.directory.shards.count, 1);
}

static void expect_heard(struct scattered *all, struct fast *fast, int32_t opcode, int32_t sequence)
{
	fast_say(fast, opcode, all->anna.peer_id, sequence);
	stage_run_ms(&all->stage, 5);
	cr_assert_eq(heard_count(&fast->heard, opcode), 1, "as a datagram: in her own session everybody hears her, and so does she");
}

Test(transfers, an_association_goes_to_the_shard_of_its_player)
{
	struct scattered *all = scattered_make(NULL);
	fast_handshake(&all->fast);
	cr_assert_eq(association_count(all->stage.neighbour), 1);
	identify(all, &all->fast, 0);
	cr_assert(is_identified(&all->fast));
	expect_home(all);
	cr_assert_eq(all->stage.neighbour->counters.associations_out, 1);
	cr_assert_eq(all->stage.shard->counters.associations_in, 1);
	expect_heard(all, &all->fast, 7, 1); /* by way of the neighbour */
	cr_assert_eq(all->stage.neighbour->counters.strays_out, 1);
	all->fast.port = all->anna.fast_port; /* and steered */
	expect_heard(all, &all->fast, 8, 2);
	cr_assert_eq(all->stage.neighbour->counters.strays_out, 1);
	stage_fini(&all->stage);
}

Test(transfers, a_wrong_secret_is_refused_where_the_token_points)
{
	struct scattered *all = scattered_make(NULL);
	size_t last = strlen(all->anna.connect_token) - 1;
	all->anna.connect_token[last] = all->anna.connect_token[last] == '0' ? '1' : '0';
	fast_handshake(&all->fast);
	identify(all, &all->fast, 0);
	cr_assert_not(is_identified(&all->fast));
	cr_assert(all->fast.is_over);
	cr_assert_eq(stage_drops(&all->stage, DROP_BAD_IDENTITY), 1);
	cr_assert_eq(association_count(all->stage.shard) + association_count(all->stage.neighbour), 0);
	cr_assert_eq(all->stage.directory.shards.count, 0);
	stage_fini(&all->stage);
}

/* No shard has such a number, or the digits are none. */
Test(transfers, a_token_of_no_shard_is_refused_at_once)
{
	static const char *const starts[] = {"02", "ff", "g0", "0G"};
	struct scattered *all = scattered_make(NULL);
	for (unsigned i = 0; i < ARRAY_COUNT(starts); i++) {
		memcpy(all->anna.connect_token, starts[i], 2);
		ringcast_crypto_free(&all->fast.crypto);
		all->fast.is_over = false;
		fast_handshake(&all->fast);
		identify(all, &all->fast, 0);
		cr_assert(all->fast.is_over);
		cr_assert_eq(all->stage.neighbour->counters.drops[DROP_BAD_IDENTITY], i + 1);
	}
	cr_assert_eq(all->stage.neighbour->counters.associations_out, 0);
	stage_fini(&all->stage);
}

/* Her answer was lost, and she asks again; it comes by the neighbour. */
Test(transfers, who_asks_again_is_answered_again)
{
	struct scattered *all = scattered_make(NULL);
	fast_handshake(&all->fast);
	for (int32_t i = 0; i < 3; i++)
		identify(all, &all->fast, i);
	cr_assert_eq(heard_count(&all->fast.heard, OPCODE_VERIFY_IDENTITY_RESPONSE), 3);
	cr_assert(is_identified(&all->fast));
	cr_assert_eq(all->stage.neighbour->counters.associations_out, 1);
	expect_home(all);
	stage_fini(&all->stage);
}

/* A translator has given her another port. */
Test(transfers, the_player_comes_again_from_another_address)
{
	struct fast other;
	struct scattered *all = scattered_make(NULL);
	fast_handshake(&all->fast);
	identify(all, &all->fast, 0);
	fast_open(&other, &all->anna, stage_address(10, 41000));
	other.port = all->fast.port;
	fast_handshake(&other);
	identify(all, &other, 1);
	cr_assert(is_identified(&other));
	cr_assert(all->fast.is_over);
	expect_home(all);
	expect_heard(all, &other, 7, 2);
	stage_fini(&all->stage);
}

/* After a crash, at the same address: its hello comes to the neighbour, who knows whose the address is. */
Test(transfers, who_begins_anew_at_her_address_is_passed_on)
{
	struct scattered *all = scattered_make(NULL);
	fast_handshake(&all->fast);
	identify(all, &all->fast, 0);
	ringcast_crypto_free(&all->fast.crypto);
	all->fast.heard.count = 0;
	fast_handshake(&all->fast);
	cr_assert_eq(all->stage.neighbour->counters.dtls_handshakes_started, 1);
	cr_assert_eq(all->stage.shard->counters.dtls_handshakes_started, 1, "the second one");
	identify(all, &all->fast, 1);
	cr_assert(is_identified(&all->fast));
	cr_assert_eq(all->stage.neighbour->counters.associations_out, 1);
	expect_home(all);
	expect_heard(all, &all->fast, 7, 2);
	stage_fini(&all->stage);
}

Test(transfers, a_player_who_leaves_is_forgotten)
{
	struct scattered *all = scattered_make(NULL);
	fast_handshake(&all->fast);
	identify(all, &all->fast, 0);
	client_send_raw(&all->anna, WEBSOCKET_CLOSE, NULL, 0);
	stage_run_ms(&all->stage, 20);
	cr_assert(all->fast.is_over, "it was told");
	cr_assert_eq(all->stage.directory.shards.count, 0);
	cr_assert_eq(all->stage.directory.known.entries.count, 1);
	fast_say(&all->fast, 7, all->anna.peer_id, 1);
	cr_assert_eq(all->stage.neighbour->counters.drops[DROP_UNKNOWN_ASSOCIATION], 1);
	stage_fini(&all->stage);
}

static void one_half_open(struct shard_options *options)
{
	options->limits.half_open_max = 1;
}

/* Somebody has the only place for those who have not said who they are, and has just come. */
Test(transfers, who_finds_no_room_is_told)
{
	struct fast other;
	struct scattered *all = scattered_make(one_half_open);
	fast_handshake(&all->fast);
	fast_open(&other, &all->anna, stage_address(77, 41000)); /* its port is her own shard's */
	fast_handshake(&other);
	cr_assert_eq(association_count(all->stage.shard), 1);
	identify(all, &all->fast, 0);
	cr_assert_eq(all->stage.shard->counters.associations_refused, 1);
	cr_assert(all->fast.is_over, "and may begin again at once");
	cr_assert_eq(association_count(all->stage.neighbour), 0);
	cr_assert_eq(association_count(all->stage.shard), 1);
	stage_fini(&all->stage);
}

/* The strangers' allowance of the shard that her hello comes to is used up, and her address is known to the other one only. */
Test(transfers, a_flood_of_strangers_does_not_keep_a_player_of_another_shard_out)
{
	struct fast stranger;
	struct scattered *all = scattered_make(stage_few_hellos);
	fast_open(&stranger, &all->anna, stage_address(100, 40000));
	stranger.port = all->fast.port;
	for (unsigned i = 0; i < 20; i++)
		fast_knock(&stranger);
	cr_assert_gt(all->stage.neighbour->counters.drops[DROP_RATE_HELLOS], 0);
	fast_handshake(&all->fast);
	identify(all, &all->fast, 0);
	cr_assert(is_identified(&all->fast));
	stage_fini(&all->stage);
}
