/* How long a loaded shard holds messages back. Turns take no time in the simulation: its io says that they did. */
#include <criterion/criterion.h>

#include "stand.h"

#include "shard/shard_private.h"

enum { ROUNDS = 100, LOADED = 1 << 20, PACE_US = 8000, CROWD = 200, ALWAYS = 1000 };

static struct stand stand;
static struct seat *ann, *ben;

static void start(uint32_t pace_us, uint32_t busy)
{
	struct ringcast_limits limits = stand_limits();
	limits.pace_us = pace_us;
	stand_start(&stand, &limits, 1 << 16);
	struct session *session = stand_session(&stand);
	ann = stand_join(&stand, session, 1);
	ben = stand_join(&stand, session, 2);
	ringcast_sim_network_set_faults(stand.network, &(struct sim_faults){.busy = busy});
}

static void play(uint64_t deliveries_per_ms, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		stand.shard->deliveries_per_ms = deliveries_per_ms;
		stand_say(&stand, ann, ben->peer_id, 0, 10);
		stand_run(&stand, 1);
	}
}

static void finish(void)
{
	stand_run(&stand, 100);
	stand_stop(&stand);
}

/* Loaded, and holding for as long as it may. */
static void start_holding(void)
{
	start(PACE_US, ALWAYS);
	play(LOADED, 1000);
	cr_assert_eq(stand.shard->hold_ns, PACE_US * NS_PER_US);
}

TestSuite(pace, .timeout = 60);

Test(pace, the_hold_grows_and_falls_by_steps_within_its_bounds)
{
	enum { MAX_NS = 16000000 };
	cr_assert_eq(ringcast_pace_hold_ns(0, 100, MAX_NS), 125000);
	cr_assert_eq(ringcast_pace_hold_ns(125000, 100, MAX_NS), 250000);
	cr_assert_eq(ringcast_pace_hold_ns(8000000, 75, MAX_NS), 9000000);
	cr_assert_eq(ringcast_pace_hold_ns(8000000, 74, MAX_NS), 8000000, "busy enough, and not too busy");
	cr_assert_eq(ringcast_pace_hold_ns(8000000, 66, MAX_NS), 8000000);
	cr_assert_eq(ringcast_pace_hold_ns(8000000, 65, MAX_NS), 7000000);
	cr_assert_eq(ringcast_pace_hold_ns(100000, 0, MAX_NS), 0);
	cr_assert_eq(ringcast_pace_hold_ns(15900000, 100, MAX_NS), MAX_NS);
	cr_assert_eq(ringcast_pace_hold_ns(8000000, 70, 1000000), 1000000, "a smaller limit holds at once");
	cr_assert_eq(ringcast_pace_hold_ns(8000000, 100, 0), 0);
}

Test(pace, messages_of_a_busy_shard_share_writes_and_none_is_lost)
{
	start_holding();
	const struct shard_counters *counters = &stand.shard->counters;
	uint64_t writes = counters->stream_writes, messages = ben->messages, paces = counters->paces;
	play(LOADED, ROUNDS);
	cr_assert_leq(counters->stream_writes - writes, ROUNDS / 8 + 2, "%d messages in %llu writes", ROUNDS, (unsigned long long)(counters->stream_writes - writes));
	cr_assert_geq(ben->messages - messages, ROUNDS - 10, "none waits for longer than it may");
	cr_assert_gt(counters->paces, paces);
	cr_assert_leq(counters->paced_ns, counters->paces * stand.shard->options.limits.flush_budget_us * NS_PER_US);
	cr_assert_eq(counters->tick_time.sum_ns, 0, "a nap is no part of a turn");
	stand_run(&stand, 100);
	cr_assert_eq(ben->messages, 1000 + ROUNDS);
	finish();
}

Test(pace, nothing_is_held_where_there_is_no_need)
{
	start(PACE_US, 0); /* many deliveries, but hardly any processor time */
	play(LOADED, ROUNDS);
	cr_assert_eq(stand.shard->hold_ns, 0);
	cr_assert_eq(stand.shard->counters.paces, 0);
	finish();
	start(PACE_US, ALWAYS); /* a busy thread, but not with deliveries */
	play(0, ROUNDS);
	cr_assert_eq(stand.shard->hold_ns, 0);
	cr_assert_eq(stand.shard->counters.paces, 0);
	finish();
	start(0, ALWAYS);
	play(LOADED, ROUNDS);
	cr_assert_eq(stand.shard->hold_ns, 0);
	cr_assert_eq(stand.shard->counters.paces, 0);
	finish();
}

Test(pace, a_shard_that_was_light_for_a_while_begins_anew)
{
	start_holding();
	play(0, 200);
	play(LOADED, 2);
	cr_assert_eq(stand.shard->hold_ns, 0);
	finish();
}

Test(pace, what_all_share_leaves_before_it_runs_short)
{
	start_holding();
	struct slice_pool *slices = &stand.shard->slices;
	uint32_t count = slices->count;
	slices->count = slices->capacity - slices->capacity / 4;
	ringcast_shard_set_hold(stand.shard);
	cr_assert_eq(stand.shard->hold_ns, PACE_US * NS_PER_US, "a quarter is left");
	slices->count++;
	ringcast_shard_set_hold(stand.shard);
	cr_assert_eq(stand.shard->hold_ns, 0);
	slices->count = count;
	finish();
}

/* Many whose time comes at once: the rest leave in the next turn, which has looked at the sockets, in the order in which theirs began. */
Test(pace, who_is_due_leaves_in_turns_and_in_order)
{
	start_holding();
	struct session *session = stand_session(&stand);
	struct seat *seats[CROWD];
	for (int i = 0; i < CROWD; i++)
		seats[i] = stand_join(&stand, session, 3);
	play(LOADED, ROUNDS);
	const struct shard_counters *counters = &stand.shard->counters;
	uint64_t messages = seats[CROWD - 1]->messages;
	stand_say(&stand, seats[0], PROTO_PEER_NONE, PROTO_GROUP_ALL, 10);
	play(LOADED, PACE_US / 1000 - 2);
	cr_assert_eq(seats[CROWD - 1]->messages, messages, "held");
	uint64_t flushes = counters->flushes, writes = counters->stream_writes;
	play(LOADED, 6);
	cr_assert_geq(counters->flushes - flushes, 2);
	cr_assert_leq(counters->stream_writes - writes, CROWD + 6);
	for (int i = 0; i < CROWD; i++)
		cr_assert_eq(seats[i]->messages, messages + 1, "player %d", i);
	finish();
}

Test(pace, a_send_that_is_done_does_not_take_along_what_is_held)
{
	start_holding();
	const struct shard_counters *counters = &stand.shard->counters;
	ringcast_sim_network_set_faults(stand.network, &(struct sim_faults){.busy = ALWAYS, .short_send = 500});
	uint64_t writes = counters->stream_writes;
	play(LOADED, ROUNDS);
	cr_assert_leq(counters->stream_writes - writes, ROUNDS / 8 + 2);
	finish();
}

Test(pace, a_stop_is_not_kept_waiting)
{
	start_holding();
	cr_assert(ringcast_shard_may_nap(stand.shard));
	stand.shard->is_stopping = true;
	cr_assert_not(ringcast_shard_may_nap(stand.shard));
	ringcast_shard_set_hold(stand.shard);
	cr_assert_eq(stand.shard->hold_ns, 0);
	stand.shard->is_stopping = false;
	ringcast_shard_set_hold(stand.shard);
	stand.shard->letters.waiting = 1;
	cr_assert_not(ringcast_shard_may_nap(stand.shard), "letters wait for room");
	stand.shard->letters.waiting = 0;
	cr_assert(ringcast_shard_may_nap(stand.shard));
	finish();
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
	start_holding();
	cr_assert_eq(ringcast_mailbox_ask(stand.mailbox, &request), 0);
	cr_assert_not(ringcast_shard_may_nap(stand.shard));
	finish();
}
