/* Naps of a loaded shard after long turns. Turns take no time in the simulation: it says that they did. */
#include <criterion/criterion.h>

#include "stand.h"

#include "shard/shard_private.h"

enum { ROUNDS = 100, LOADED = 1 << 20, UNLIMITED_NS = NS_PER_S };

static struct stand stand;
static struct seat *ann, *ben;

static void start(uint32_t pace_us)
{
	struct ringcast_limits limits = stand_limits();
	limits.pace_us = pace_us;
	stand_start(&stand, &limits, 1 << 16);
	struct session *session = stand_session(&stand);
	ann = stand_join(&stand, session, 1);
	ben = stand_join(&stand, session, 2);
	ringcast_sim_network_set_faults(stand.network, &(struct sim_faults){.slow_turn = 1000});
}

static void play(uint64_t deliveries_per_ms)
{
	for (int i = 0; i < ROUNDS; i++) {
		stand.shard->deliveries_per_ms = deliveries_per_ms;
		stand_say(&stand, ann, ben->peer_id, 0, 10);
		stand_run(&stand, 5);
	}
	stand_run(&stand, 100);
	cr_assert_eq(ben->messages, ROUNDS);
}

TestSuite(pace, .timeout = 60);

Test(pace, a_nap_is_half_the_turn_and_ends_by_the_next_deadline)
{
	cr_assert_eq(ringcast_pace_nap_ns(0, UNLIMITED_NS, NS_PER_MS), 0);
	cr_assert_eq(ringcast_pace_nap_ns(199999, UNLIMITED_NS, NS_PER_MS), 0, "a short turn");
	cr_assert_eq(ringcast_pace_nap_ns(200000, UNLIMITED_NS, NS_PER_MS), 100000);
	cr_assert_eq(ringcast_pace_nap_ns(NS_PER_S, UNLIMITED_NS, NS_PER_MS), NS_PER_MS, "no longer than it may");
	cr_assert_eq(ringcast_pace_nap_ns(NS_PER_S, 5000, NS_PER_MS), 5000);
	cr_assert_eq(ringcast_pace_nap_ns(NS_PER_S, 0, NS_PER_MS), 0, "something is due");
	cr_assert_eq(ringcast_pace_nap_ns(UINT64_MAX, UNLIMITED_NS, NS_PER_MS), NS_PER_MS);
}

Test(pace, a_loaded_shard_naps_and_nothing_is_lost)
{
	start(1000);
	play(LOADED);
	const struct shard_counters *counters = &stand.shard->counters;
	cr_assert_gt(counters->paces, ROUNDS / 2);
	cr_assert_leq(counters->paces, counters->flushes);
	cr_assert_gt(counters->paced_ns, 0);
	cr_assert_leq(counters->paced_ns, counters->paces * NS_PER_MS);
	cr_assert_eq(counters->tick_time.sum_ns, 0, "a nap is no part of a turn");
	stand_stop(&stand);
}

Test(pace, a_light_shard_serves_at_once)
{
	start(1000);
	play(0);
	cr_assert_eq(stand.shard->counters.paces, 0);
	stand_stop(&stand);
}

Test(pace, nobody_naps_where_it_is_off)
{
	start(0);
	play(LOADED);
	cr_assert_eq(stand.shard->counters.paces, 0);
	cr_assert_eq(stand.shard->counters.paced_ns, 0);
	stand_stop(&stand);
}

Test(pace, a_stop_is_not_kept_waiting)
{
	start(1000);
	play(LOADED);
	uint64_t paces = stand.shard->counters.paces;
	stand.shard->deliveries_per_ms = LOADED;
	stand.shard->flushed_ns = stand.shard->now_ns;
	cr_assert(ringcast_shard_is_paced(stand.shard));
	stand.shard->is_stopping = true;
	cr_assert_not(ringcast_shard_is_paced(stand.shard));
	stand.shard->is_stopping = false;
	stand.shard->letters.waiting = 1;
	cr_assert_not(ringcast_shard_is_paced(stand.shard), "letters wait for room");
	stand.shard->letters.waiting = 0;
	stand_stop(&stand);
	cr_assert_gt(paces, 0);
}

static bool answer(struct shard *shard, struct shard_request *request)
{
	(void)shard;
	(void)request;
	return true;
}

static void done(struct shard_request *request, bool is_answered)
{
	(void)request;
	cr_assert(is_answered);
}

Test(pace, who_has_mail_does_not_nap)
{
	struct shard_request request = {.run = answer, .done = done};
	start(1000);
	play(LOADED);
	stand.shard->deliveries_per_ms = LOADED;
	stand.shard->flushed_ns = stand.shard->now_ns;
	cr_assert_eq(ringcast_mailbox_ask(stand.mailbox, &request), 0);
	cr_assert_not(ringcast_shard_is_paced(stand.shard));
	stand_run(&stand, 10);
	stand_stop(&stand);
}
