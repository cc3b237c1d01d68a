/* How long a shard has not turned, by the clock that stands still while the process does. Time is what the test says. */
#include <criterion/criterion.h>

#include "life/watch.h"

enum { COUNT = 2, MS = 1000000 };
static const uint64_t BEGIN_NS = UINT64_C(5000000000);

static struct watch watch;
static uint64_t now_ns, beats_ns[COUNT];

static void start(void)
{
	now_ns = BEGIN_NS;
	beats_ns[0] = beats_ns[1] = now_ns;
	watch = (struct watch){0};
	ringcast_watch_begin(&watch, beats_ns, COUNT, now_ns);
}

/* Both shards turn, or the first one only; the watch looks every tenth of a second. */
static void run_ms(uint64_t ms, bool is_second_stuck)
{
	for (; ms > 0; ms--) {
		now_ns += MS;
		if (now_ns / MS % 50 == 0) {
			beats_ns[0] = now_ns;
			beats_ns[1] = is_second_stuck ? beats_ns[1] : now_ns;
		}
		if (now_ns / MS % 100 == 0)
			ringcast_watch_look(&watch, beats_ns, COUNT, now_ns);
	}
}

static uint64_t stall_ms(uint32_t shard)
{
	return ringcast_watch_stall_ns(&watch, shard, beats_ns[shard], now_ns) / MS;
}

TestSuite(watch, .init = start);

Test(watch, who_turns_is_well_and_who_does_not_is_seen)
{
	run_ms(3000, false);
	cr_assert_leq(stall_ms(0), 50);
	cr_assert_leq(stall_ms(1), 50);
	run_ms(3000, true);
	cr_assert_leq(stall_ms(0), 50);
	cr_assert_geq(stall_ms(1), 2900);
	cr_assert_leq(stall_ms(1), 3100);
	run_ms(100, false);
	cr_assert_leq(stall_ms(1), 100);
}

/* Whoever asks first, before the watch or a shard has run again, is told no more than a look's time. */
Test(watch, a_process_that_stood_still_has_no_stall)
{
	run_ms(1000, false);
	now_ns += UINT64_C(60000) * MS;
	cr_assert_leq(stall_ms(0), 150);
	ringcast_watch_look(&watch, beats_ns, COUNT, now_ns);
	cr_assert_leq(stall_ms(0), 250);
	run_ms(100, false);
	cr_assert_leq(stall_ms(0), 100);
}

/* A pause neither hides a stall nor makes it longer. */
Test(watch, a_stuck_shard_is_still_stuck_after_a_pause)
{
	run_ms(1000, false);
	run_ms(2000, true);
	now_ns += UINT64_C(60000) * MS;
	ringcast_watch_look(&watch, beats_ns, COUNT, now_ns);
	run_ms(2000, true);
	cr_assert_leq(stall_ms(0), 50);
	cr_assert_geq(stall_ms(1), 3900);
	cr_assert_leq(stall_ms(1), 4300);
}

Test(watch, its_clock_goes_on_and_never_back)
{
	uint64_t before_ns = ringcast_watch_running_ns(&watch, now_ns), first_ns = before_ns;
	for (int i = 0; i < 50; i++) {
		now_ns += i % 7 == 0 ? UINT64_C(5000) * MS : 30 * MS; /* pauses among ordinary time */
		uint64_t unlooked_ns = ringcast_watch_running_ns(&watch, now_ns);
		ringcast_watch_look(&watch, beats_ns, COUNT, now_ns);
		uint64_t looked_ns = ringcast_watch_running_ns(&watch, now_ns);
		cr_assert_geq(unlooked_ns, before_ns);
		cr_assert_geq(looked_ns, unlooked_ns);
		before_ns = looked_ns;
	}
	cr_assert_leq(before_ns - first_ns, UINT64_C(50) * 100 * MS);
}
