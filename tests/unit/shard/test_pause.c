/* A process that did not run for a while blames nobody for it: the shard's clock stands still meanwhile. */
#include <criterion/criterion.h>

#include "stand.h"

enum { FREEZE_MS = 60000 };

static struct stand stand;

static void set_up(void)
{
	struct ringcast_limits limits = stand_limits();
	stand_start(&stand, &limits, 1 << 16);
}

static void tear_down(void)
{
	stand_stop(&stand);
}

static void freeze_ms(uint64_t ms)
{
	ringcast_sim_network_advance_to(stand.network, ringcast_sim_network_now_ns(stand.network) + ms * NS_PER_MS);
}

TestSuite(pause, .init = set_up, .fini = tear_down, .timeout = 60);

Test(pause, a_login_that_is_under_way_is_not_late)
{
	struct seat *seat = stand_connect(&stand, 1);
	stand_run(&stand, 200);
	freeze_ms(FREEZE_MS);
	stand_run(&stand, 200);
	cr_assert(stand_is_open(&stand, seat));
	stand_run(&stand, FREEZE_MS); /* time that passes turn by turn counts as ever */
	cr_assert_not(stand_is_open(&stand, seat));
}

Test(pause, players_answer_the_pings_that_they_did_not_get)
{
	struct session *session = stand_session(&stand);
	struct seat *ann = stand_join(&stand, session, 1), *ben = stand_join(&stand, session, 2);
	for (int i = 0; i < 20; i++) {
		stand_run(&stand, 300);
		freeze_ms(FREEZE_MS);
	}
	stand_run(&stand, 300);
	cr_assert(stand_is_open(&stand, ann) && stand_is_open(&stand, ben));
	uint64_t before = ben->messages;
	stand_say(&stand, ann, ben->peer_id, 0, 10);
	stand_run(&stand, 300);
	cr_assert_eq(ben->messages, before + 1);
}

/* Long turns are not pauses: what is slow is told apart from what did not run. */
Test(pause, half_a_second_is_time_like_any)
{
	uint64_t before_ns = stand.shard->now_ns;
	for (int i = 0; i < 10; i++) {
		freeze_ms(500);
		stand_run(&stand, 1);
	}
	cr_assert_geq(stand.shard->now_ns - before_ns, 10 * 500 * NS_PER_MS);
}

/* Turns are measured by the clock that does not stand still; in the simulation they take no time at all. */
Test(pause, turns_after_it_are_no_longer_than_before)
{
	stand_run(&stand, 200);
	freeze_ms(FREEZE_MS);
	stand_run(&stand, 200);
	cr_assert_gt(stand.shard->paused_ns, 0);
	cr_assert_gt(stand.shard->counters.tick_time.counts[0], 0);
	cr_assert_eq(stand.shard->counters.tick_time.sum_ns, 0);
}
