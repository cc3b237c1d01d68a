#include <stdlib.h>

#include "base/prng.h"
#include "base/timer_wheel.h"
#include "tests/unit/base/check.h"

/* The model: timers in an array, expiry by sorting. Ticks are 64 bits wide and count from the world's start. */
#define TIMER_COUNT 40
#define RANGE_MS (UINT64_C(0xFF000000) - 1) /* how far ahead a deadline may lie */

struct expectation {
	bool is_armed;
	uint64_t tick_ms;
	uint64_t order; /* of arming */
};

struct world {
	struct timer_wheel wheel;
	struct timer timers[TIMER_COUNT];
	struct expectation expected[TIMER_COUNT];
	uint64_t start_ns, now_ns;
	uint64_t order_next;
	struct prng prng;
	unsigned queue[TIMER_COUNT]; /* what the running advance has to expire, in order */
	unsigned queue_count, queue_next;
	uint64_t seed;
};

static uint64_t world_tick(const struct world *world)
{
	return (world->now_ns - world->start_ns) / NS_PER_MS;
}

static void world_init(struct world *world, uint64_t seed)
{
	memset(world, 0, sizeof(*world));
	world->seed = seed;
	ringcast_prng_init(&world->prng, seed);
	world->start_ns = world->now_ns = ringcast_prng_below(&world->prng, UINT64_C(1) << 60);
	ringcast_timer_wheel_init(&world->wheel, world->now_ns);
}

/* Lengths of time around every boundary of the wheel, and of every magnitude. */
static uint64_t random_span_ns(struct prng *prng)
{
	static const uint64_t edges_ms[] = {0, 1, 255, 256, 257, 511, 512, 65535, 65536, 65537, 16777215, 16777216, 16777217};
	uint64_t jitter_ns = ringcast_prng_below(prng, 2 * NS_PER_MS);
	if (ringcast_prng_chance(prng, 1, 3))
		return edges_ms[ringcast_prng_below(prng, ARRAY_COUNT(edges_ms))] * NS_PER_MS + jitter_ns;
	uint64_t magnitude = ringcast_prng_below(prng, 34); /* up to 99 days: beyond the range too */
	return ringcast_prng_below(prng, NS_PER_MS << magnitude) + (ringcast_prng_chance(prng, 1, 2) ? jitter_ns : 0);
}

static void world_arm(struct world *world, unsigned i, uint64_t deadline_ns)
{
	uint64_t now = world_tick(world);
	uint64_t tick = deadline_ns <= world->start_ns ? 0 : (deadline_ns - world->start_ns + NS_PER_MS - 1) / NS_PER_MS;
	tick = tick < now ? now : tick;
	tick = tick > now + RANGE_MS ? now + RANGE_MS : tick;
	world->expected[i] = (struct expectation){.is_armed = true, .tick_ms = tick, .order = world->order_next++};
	ringcast_timer_arm(&world->wheel, &world->timers[i], deadline_ns);
}

static void world_cancel(struct world *world, unsigned i)
{
	world->expected[i].is_armed = false;
	ringcast_timer_cancel(&world->wheel, &world->timers[i]);
}

static void world_arm_random(struct world *world)
{
	unsigned i = (unsigned)ringcast_prng_below(&world->prng, TIMER_COUNT);
	uint64_t span_ns = random_span_ns(&world->prng);
	bool is_past = ringcast_prng_chance(&world->prng, 1, 10);
	uint64_t deadline_ns = is_past ? world->now_ns - (span_ns < world->now_ns ? span_ns : world->now_ns) : world->now_ns + span_ns;
	/* Often the deadline of another timer, so that arming order has to decide. */
	unsigned other = (unsigned)ringcast_prng_below(&world->prng, TIMER_COUNT);
	if (world->expected[other].is_armed && ringcast_prng_chance(&world->prng, 1, 3))
		deadline_ns = world->start_ns + world->expected[other].tick_ms * NS_PER_MS;
	world_arm(world, i, deadline_ns);
}

static struct world *sorting; /* qsort has no context */

static int expectation_compare(const void *a, const void *b)
{
	const struct expectation *x = &sorting->expected[*(const unsigned *)a], *y = &sorting->expected[*(const unsigned *)b];
	if (x->tick_ms != y->tick_ms)
		return x->tick_ms < y->tick_ms ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static void queue_fill(struct world *world)
{
	world->queue_count = world->queue_next = 0;
	for (unsigned i = 0; i < TIMER_COUNT; i++)
		if (world->expected[i].is_armed && world->expected[i].tick_ms <= world_tick(world))
			world->queue[world->queue_count++] = i;
	sorting = world;
	qsort(world->queue, world->queue_count, sizeof(world->queue[0]), expectation_compare);
}

/* A timer that was cancelled or armed again meanwhile has to leave the queue. */
static void queue_drop(struct world *world, unsigned i)
{
	unsigned kept = world->queue_next;
	for (unsigned k = world->queue_next; k < world->queue_count; k++)
		if (world->queue[k] != i)
			world->queue[kept++] = world->queue[k];
	world->queue_count = kept;
}

static void world_expired(void *context, struct timer *timer)
{
	struct world *world = context;
	unsigned i = (unsigned)(timer - world->timers);
	check(world->queue_next < world->queue_count, "seed %lu: timer %u expired unexpectedly", world->seed, i);
	check(world->queue[world->queue_next] == i, "seed %lu: timer %u expired out of order", world->seed, i);
	check(!ringcast_timer_is_armed(timer), "seed %lu: armed in its own callback", world->seed);
	world->queue_next++;
	world->expected[i].is_armed = false;
	for (uint64_t n = ringcast_prng_below(&world->prng, 3); n > 0; n--) {
		unsigned other = ringcast_prng_chance(&world->prng, 1, 2) ? i : (unsigned)ringcast_prng_below(&world->prng, TIMER_COUNT);
		queue_drop(world, other);
		if (ringcast_prng_chance(&world->prng, 1, 2))
			world_cancel(world, other);
		else
			world_arm(world, other, world->now_ns + random_span_ns(&world->prng) - NS_PER_MS);
	}
}

static void world_check(struct world *world)
{
	uint64_t tick_min = UINT64_MAX;
	unsigned armed_count = 0;
	for (unsigned i = 0; i < TIMER_COUNT; i++) {
		check(ringcast_timer_is_armed(&world->timers[i]) == world->expected[i].is_armed, "seed %lu timer %u", world->seed, i);
		if (!world->expected[i].is_armed)
			continue;
		armed_count++;
		tick_min = world->expected[i].tick_ms < tick_min ? world->expected[i].tick_ms : tick_min;
	}
	check(world->wheel.armed_count == armed_count, "seed %lu", world->seed);
	uint64_t deadline_ns = ringcast_timer_wheel_deadline_ns(&world->wheel);
	if (armed_count == 0) {
		check(deadline_ns == UINT64_MAX, "seed %lu", world->seed);
		return;
	}
	uint64_t expiry_ns = world->start_ns + tick_min * NS_PER_MS;
	/* What is overdue (left by a bounded advance, or armed in the past) is due now, whenever its deadline was. */
	expiry_ns = expiry_ns < world->now_ns ? world->now_ns : expiry_ns;
	check(deadline_ns <= expiry_ns, "seed %lu: deadline is later than the first expiry", world->seed);
	check(tick_min <= world_tick(world) || deadline_ns > world->now_ns,
	      "seed %lu: asks to be called at once though nothing is due", world->seed);
}

static void world_advance(struct world *world, uint64_t span_ns)
{
	world->now_ns += span_ns;
	queue_fill(world);
	unsigned count_max = ringcast_prng_chance(&world->prng, 1, 3) ? (unsigned)ringcast_prng_below(&world->prng, 4) : UINT32_MAX;
	unsigned count = ringcast_timer_wheel_advance(&world->wheel, world->now_ns, count_max, world_expired, world);
	check(count == world->queue_next, "seed %lu: count", world->seed);
	check(count <= count_max, "seed %lu: count above its bound", world->seed);
	check(count == count_max || world->queue_next == world->queue_count, "seed %lu: some due timers did not expire", world->seed);
}

Test(timer_wheel, behaves_like_a_sorted_list, .timeout = 120)
{
	static struct world world;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		world_init(&world, seed);
		for (unsigned step = 0; step < 1500; step++) {
			uint64_t kind = ringcast_prng_below(&world.prng, 10);
			if (kind < 5)
				world_arm_random(&world);
			else if (kind < 6)
				world_cancel(&world, (unsigned)ringcast_prng_below(&world.prng, TIMER_COUNT));
			else if (kind < 9)
				world_advance(&world, ringcast_prng_below(&world.prng, 300 * NS_PER_MS));
			else
				world_advance(&world, random_span_ns(&world.prng));
			world_check(&world);
		}
	}
}

static void count_expired(void *context, struct timer *timer)
{
	(void)timer;
	++*(unsigned *)context;
}

/* Exactly at the deadline and not one nanosecond before, for deadlines on every level, from starts on both sides of a boundary. */
Test(timer_wheel, expires_at_its_deadline_and_not_before)
{
	static const uint64_t spans_ms[] = {1,	   2,	  254,	    255,      256,	257,	   65535,	65536,
					    65537, 70000, 16777215, 16777216, 16777217, 100000000, 3000000000, RANGE_MS};
	static const uint64_t offsets_ms[] = {0, 1, 255, 65535, 16777215, 16777216, 4294967295, 4294967296, 5000000000};
	static struct timer_wheel wheel;
	for (size_t o = 0; o < ARRAY_COUNT(offsets_ms); o++) {
		for (size_t s = 0; s < ARRAY_COUNT(spans_ms); s++) {
			struct timer timer = {.kind = 7};
			unsigned count = 0;
			uint64_t now_ns = 1234567 + offsets_ms[o] * NS_PER_MS;
			uint64_t deadline_ns = now_ns + spans_ms[s] * NS_PER_MS;
			ringcast_timer_wheel_init(&wheel, 1234567);
			ringcast_timer_wheel_advance(&wheel, now_ns, 1, count_expired, &count);
			ringcast_timer_arm(&wheel, &timer, deadline_ns);
			ringcast_timer_wheel_advance(&wheel, deadline_ns - 1, 9, count_expired, &count);
			check(count == 0, "offset %lu span %lu: early", offsets_ms[o], spans_ms[s]);
			ringcast_timer_wheel_advance(&wheel, deadline_ns, 9, count_expired, &count);
			check(count == 1, "offset %lu span %lu: late", offsets_ms[o], spans_ms[s]);
			check(timer.kind == 7, "kind belongs to the owner");
		}
	}
}

/* Whoever sleeps until deadline_ns each time is there in time, and wakes at most once per level before. */
Test(timer_wheel, following_the_deadline_takes_few_wakes)
{
	static struct timer_wheel wheel;
	struct prng prng;
	ringcast_prng_init(&prng, 11);
	for (unsigned round = 0; round < 2000; round++) {
		struct timer timer = {0};
		unsigned count = 0, wakes = 0;
		uint64_t now_ns = ringcast_prng_below(&prng, UINT64_C(1) << 55);
		ringcast_timer_wheel_init(&wheel, now_ns);
		uint64_t deadline_ns = now_ns + random_span_ns(&prng) % (RANGE_MS * NS_PER_MS);
		ringcast_timer_arm(&wheel, &timer, deadline_ns);
		for (; count == 0; wakes++) {
			now_ns = ringcast_timer_wheel_deadline_ns(&wheel);
			ringcast_timer_wheel_advance(&wheel, now_ns, 1, count_expired, &count);
			check(wakes <= TIMER_WHEEL_LEVELS, "round %u", round);
		}
		check(now_ns >= deadline_ns && now_ns < deadline_ns + NS_PER_MS, "round %u", round);
	}
}

static void rearm_in_the_past(void *context, struct timer *timer)
{
	ringcast_timer_arm(context, timer, 0);
}

Test(timer_wheel, a_timer_that_rearms_in_the_past_expires_once_per_advance)
{
	static struct timer_wheel wheel;
	struct timer timer = {0};
	ringcast_timer_wheel_init(&wheel, 1000);
	ringcast_timer_arm(&wheel, &timer, 0);
	for (unsigned i = 0; i < 5; i++) /* the same time again and again, then later ones */
		cr_assert_eq(ringcast_timer_wheel_advance(&wheel, 1000 + i / 3 * NS_PER_S, 100, rearm_in_the_past, &wheel), 1);
	cr_assert_eq(wheel.armed_count, 1);
}

Test(timer_wheel, time_that_goes_back_expires_nothing_and_harms_nothing)
{
	static struct timer_wheel wheel;
	struct timer timer = {0};
	unsigned count = 0;
	ringcast_timer_wheel_init(&wheel, 5 * NS_PER_S);
	ringcast_timer_wheel_advance(&wheel, 9 * NS_PER_S, 1, count_expired, &count);
	ringcast_timer_arm(&wheel, &timer, 10 * NS_PER_S);
	ringcast_timer_wheel_advance(&wheel, 6 * NS_PER_S, 1, count_expired, &count);
	ringcast_timer_wheel_advance(&wheel, 1, 1, count_expired, &count);
	cr_assert_eq(count, 0);
	ringcast_timer_wheel_advance(&wheel, 10 * NS_PER_S, 1, count_expired, &count);
	cr_assert_eq(count, 1);
}

Test(timer_wheel, many_due_at_once_keep_arming_order_over_bounded_advances)
{
	static struct timer_wheel wheel;
	static struct timer timers[1000];
	unsigned count = 0;
	ringcast_timer_wheel_init(&wheel, 0);
	for (unsigned i = 0; i < 1000; i++)
		ringcast_timer_arm(&wheel, &timers[i], 70000 * NS_PER_MS);
	for (unsigned round = 0; round < 10; round++) {
		cr_assert_eq(ringcast_timer_wheel_advance(&wheel, 80000 * NS_PER_MS, 100, count_expired, &count), 100);
		for (unsigned i = 0; i < 1000; i++)
			check(ringcast_timer_is_armed(&timers[i]) == (i >= (round + 1) * 100), "timer %u in round %u", i, round);
		uint64_t deadline_ns = ringcast_timer_wheel_deadline_ns(&wheel);
		check(round == 9 ? deadline_ns == UINT64_MAX : deadline_ns <= 80000 * NS_PER_MS, "round %u", round);
	}
}
