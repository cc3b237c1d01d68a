/* How long a loaded shard holds messages back. Turns take no time in the simulation: its io says that they did. */
#include <criterion/criterion.h>

#include "stand.h"

#include "shard/shard_private.h"

enum { ROUNDS = 100, LOADED = 1 << 20, PACE_US = 8000, CROWD = 200, ALWAYS = 1000 };

static struct stand stand;
static struct seat *ann, *ben;

/* Nobody is slowed down: it is not the sender who is bounded here. */
static struct ringcast_limits limits_of(uint32_t pace_us)
{
	struct ringcast_limits limits = stand_limits();
	limits.pace_us = pace_us;
	limits.messages_per_second = 100000;
	limits.bytes_per_second = limits.fanout_bytes_per_second = 64 << 20;
	return limits;
}

static void start_with(const struct ringcast_limits *limits, uint32_t window_bytes, uint32_t busy)
{
	stand_start(&stand, limits, window_bytes);
	struct session *session = stand_session(&stand);
	ann = stand_join(&stand, session, 1);
	ben = stand_join(&stand, session, 2);
	ringcast_sim_network_set_faults(stand.network, &(struct sim_faults){.busy = busy});
}

static void start(uint32_t pace_us, uint32_t busy)
{
	struct ringcast_limits limits = limits_of(pace_us);
	start_with(&limits, 1 << 16, busy);
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
static void hold(void)
{
	play(LOADED, 1000);
	cr_assert_eq(stand.shard->hold_ns, PACE_US * NS_PER_US);
}

static void start_holding(void)
{
	start(PACE_US, ALWAYS);
	hold();
}

TestSuite(pace, .timeout = 60);

Test(pace, the_hold_grows_and_falls_by_steps_within_its_bounds)
{
	enum { MAX_NS = 16000000 };
	static const struct {
		uint64_t hold_ns;
		struct pace_load load;
		uint64_t hold_ns_max, next_ns;
		const char *why;
	} steps[] = {
		{0, {100, 0}, MAX_NS, 125000, "a little is tried"},
		{125000, {100, 0}, MAX_NS, 250000, "and a little more"},
		{8000000, {75, 35}, MAX_NS, 9000000, "too busy"},
		{8000000, {74, 60}, MAX_NS, 7875000, "busy enough: it creeps down"},
		{8000000, {66, 60}, MAX_NS, 7875000, "still so"},
		{8000000, {65, 60}, MAX_NS, 7000000, "less busy than it may be"},
		{8000000, {100, 34}, MAX_NS, 7875000, "busy, but with other things as well"},
		{8000000, {100, 24}, MAX_NS, 7000000, "busy with other things"},
		{1000000, {100, 0}, MAX_NS, 875000, "the same"},
		{100000, {0, 0}, MAX_NS, 0, "none"},
		{15900000, {100, 100}, MAX_NS, MAX_NS, "no longer than it may"},
		{8000000, {70, 60}, 1000000, 1000000, "a smaller limit holds at once"},
		{8000000, {100, 100}, 0, 0, "off"},
	};
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		cr_expect_eq(ringcast_pace_hold_ns(steps[i].hold_ns, steps[i].load, steps[i].hold_ns_max), steps[i].next_ns, "%s", steps[i].why);
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

Test(pace, a_shard_with_a_part_of_a_processor_is_busy_with_that)
{
	start_holding();
	stand.shard->options.cpu_percent = 1000; /* of which it takes a tenth, and what it sends another */
	play(LOADED, 1000);
	cr_assert_eq(stand.shard->hold_ns, 0);
	finish();
}

Test(pace, what_all_share_leaves_before_it_runs_short)
{
	start_holding();
	struct slice_pool *slices = &stand.shard->slices;
	uint32_t count = slices->count;
	slices->count = slices->capacity / 2;
	ringcast_shard_set_hold(stand.shard);
	cr_assert_eq(stand.shard->hold_ns, PACE_US * NS_PER_US, "half is left");
	slices->count++;
	ringcast_shard_set_hold(stand.shard);
	cr_assert_eq(stand.shard->hold_ns, 0);
	slices->count = count;
	ringcast_shard_set_hold(stand.shard);
	cr_assert_gt(stand.shard->hold_ns, 0);
	struct buf *bufs[1 << 12];
	unsigned buf_count = 0;
	while (stand.shard->hold_ns > 0 && buf_count < 1 << 12) {
		bufs[buf_count] = ringcast_buf_alloc(stand.shard->pool, SHARD_CHUNK_BYTES);
		cr_assert_not_null(bufs[buf_count]);
		buf_count++;
		ringcast_shard_set_hold(stand.shard);
	}
	cr_assert_eq(stand.shard->hold_ns, 0, "%u large buffers are in use", buf_count);
	while (buf_count > 0)
		ringcast_buf_unref(bufs[--buf_count]);
	finish();
}

/* Also where only the time between two flushes keeps it. */
Test(pace, a_flush_does_not_wait_where_it_runs_short)
{
	struct ringcast_limits limits = limits_of(0);
	limits.flush_budget_us = 1000000;
	start_with(&limits, 1 << 16, 0);
	play(LOADED, 3);
	uint64_t messages = ben->messages;
	play(LOADED, 20);
	cr_assert_eq(ben->messages, messages, "they wait");
	struct buf *bufs[1 << 12];
	unsigned buf_count = 0;
	while (!ringcast_shard_is_short(stand.shard) && buf_count < 1 << 12)
		bufs[buf_count++] = ringcast_buf_alloc(stand.shard->pool, SHARD_CHUNK_BYTES);
	play(LOADED, 3);
	cr_assert_geq(ben->messages, messages + 20);
	while (buf_count > 0)
		ringcast_buf_unref(bufs[--buf_count]);
	finish();
}

Test(pace, limits_that_shrink_hold_at_once)
{
	start_holding();
	stand.shard->options.limits.pace_us = 1000;
	ringcast_shard_set_hold(stand.shard);
	cr_assert_eq(stand.shard->hold_ns, 1000 * NS_PER_US);
	stand.shard->options.limits.flush_budget_us = 0;
	ringcast_shard_set_hold(stand.shard);
	cr_assert_eq(stand.shard->hold_ns, 0, "nothing is ever held back");
	finish();
}

static struct conn *first_dirty(void)
{
	return CONTAINER_OF(stand.shard->dirty.next, struct conn, dirty_node);
}

static uint32_t dirty_count(void)
{
	uint32_t count = 0;
	for (const struct list_node *node = stand.shard->dirty.next; node != &stand.shard->dirty; node = node->next)
		count++;
	return count;
}

/* Many whose time comes at once: some leave, then the sockets are looked at, then the next. */
Test(pace, who_is_due_leaves_in_portions_and_in_order)
{
	enum { PORTION = 128 };
	start(PACE_US, ALWAYS);
	struct session *session = stand_session(&stand);
	struct seat *seats[CROWD];
	for (int i = 0; i < CROWD; i++)
		seats[i] = stand_join(&stand, session, 3);
	hold();
	stand_say(&stand, seats[0], PROTO_PEER_NONE, PROTO_GROUP_ALL, 10);
	play(LOADED, PACE_US / 1000 - 2);
	uint32_t held = dirty_count();
	cr_assert_geq(held, CROWD, "all of them are held");
	for (int i = 0; i < CROWD; i++)
		cr_assert_eq(seats[i]->messages, 0);
	struct shard *shard = stand.shard;
	uint64_t writes = shard->counters.stream_writes, hold_ns = shard->hold_ns;
	struct conn *first = first_dirty();
	shard->hold_ns = 1; /* so that the time of all has come */
	ringcast_shard_flush(shard);
	cr_assert_eq(shard->counters.stream_writes - writes, PORTION);
	cr_assert_eq(dirty_count(), held - PORTION);
	cr_assert_not(ringcast_list_has(&first->dirty_node), "who has waited longest leaves first");
	cr_assert(shard->is_flush_cut);
	cr_assert_leq(ringcast_shard_flush_deadline_ns(shard), shard->now_ns, "the others do not wait for anything but a look");
	ringcast_shard_flush(shard);
	cr_assert_eq(dirty_count(), 0);
	cr_assert_not(shard->is_flush_cut);
	shard->hold_ns = hold_ns;
	play(LOADED, 20);
	for (int i = 0; i < CROWD; i++)
		cr_assert_eq(seats[i]->messages, 1, "player %d", i);
	finish();
}

/* Each write is so long that its end is told some milliseconds later, when something new is held. */
Test(pace, a_send_that_is_done_does_not_take_along_what_is_held)
{
	enum { MESSAGE_BYTES = 1000, WINDOW_BYTES = 2048 };
	struct ringcast_limits limits = limits_of(PACE_US);
	start_with(&limits, WINDOW_BYTES, ALWAYS);
	play(LOADED, 1000);
	cr_assert_gt(stand.shard->hold_ns, PACE_US * NS_PER_US / 2);
	uint64_t writes = stand.shard->counters.stream_writes;
	for (int i = 0; i < ROUNDS; i++) {
		stand.shard->deliveries_per_ms = LOADED;
		stand_say(&stand, ann, ben->peer_id, 0, MESSAGE_BYTES);
		stand_run(&stand, 1);
	}
	uint64_t made = stand.shard->counters.stream_writes - writes;
	cr_assert_leq(made, ROUNDS / 8 + 2, "%llu", (unsigned long long)made);
	finish();
	cr_assert_eq(ben->messages, 1000 + ROUNDS);
}

/* What waits because we hold it must not look like what waits because nobody reads it. */
Test(pace, a_burst_for_one_receiver_is_not_held)
{
	struct ringcast_limits limits = limits_of(PACE_US);
	limits.outq_reliable_bytes = 16384;
	start_with(&limits, 1 << 16, ALWAYS);
	play(LOADED, 1000);
	for (int i = 0; i < ROUNDS; i++) {
		stand.shard->deliveries_per_ms = LOADED;
		for (int k = 0; k < 4; k++)
			stand_say(&stand, ann, ben->peer_id, 0, 1000);
		stand_run(&stand, 1);
	}
	cr_assert_eq(stand.shard->counters.drops[DROP_RATE_RECEIVERS], 0, "nobody is slowed down");
	stand_run(&stand, 100);
	cr_assert(stand_is_open(&stand, ben));
	cr_assert_eq(ben->messages, 1000 + 4 * ROUNDS);
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
