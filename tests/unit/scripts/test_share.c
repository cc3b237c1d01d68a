/*
 * Shares of processor time, on a clock of the test's own: a shard is simulated on which every callback takes the time that it says, and nothing else does.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "scripts/share.h"

enum { SESSIONS_MAX = 600, TURN_NS = 1000000 };

struct game { /* asks for work as long as it has any, once a turn each in turn */
	struct share_account account;
	uint64_t callback_ns;
	uint64_t period_ns;  /* between two events; 0: there is always one */
	uint64_t next_ns;
	uint64_t spent_ns, run_count, refused_count;
};

static struct share share;
static struct share_limits limits;
static struct game games[SESSIONS_MAX];
static uint64_t clock_ns, longest_turn_ns;

static void setup(void)
{
	share = (struct share){0};
	limits = (struct share_limits){.session_percent = 50, .shard_percent = 75};
	memset(games, 0, sizeof(games));
	clock_ns = 1000 * NS_PER_S;
	longest_turn_ns = 0;
}

TestSuite(share, .init = setup);

/* One event; the time that it took. */
static uint64_t offer(struct game *game, uint64_t now_ns)
{
	if (ringcast_share_wait_ns(&share, &game->account, &limits, now_ns) != 0) {
		game->refused_count++;
		return 0;
	}
	ringcast_share_charge(&share, &game->account, &limits, game->callback_ns, now_ns);
	game->spent_ns += game->callback_ns;
	game->run_count++;
	return game->callback_ns;
}

/* A turn of the shard takes as long as its callbacks, and a little; all that is due in it is offered at its beginning. */
static void turn(size_t count)
{
	uint64_t spent_ns = 0, now_ns = clock_ns;
	for (size_t i = 0; i < count; i++) {
		struct game *game = &games[i];
		for (int k = 0; k < 20; k++) {
			if (game->period_ns != 0 && game->next_ns > now_ns)
				break;
			game->next_ns = game->next_ns > now_ns - NS_PER_S ? game->next_ns + game->period_ns : now_ns;
			uint64_t took_ns = offer(game, now_ns);
			spent_ns += took_ns;
			if (took_ns == 0 && game->period_ns == 0)
				break;
		}
	}
	longest_turn_ns = spent_ns > longest_turn_ns ? spent_ns : longest_turn_ns;
	clock_ns += spent_ns + TURN_NS;
}

/* As a session does when it starts. */
static void begin(size_t first, size_t count)
{
	for (size_t i = first; i < count; i++)
		ringcast_share_charge(&share, &games[i].account, &limits, 1, clock_ns);
	clock_ns += NS_PER_S;
}

static void run_for(size_t count, uint64_t seconds)
{
	uint64_t end_ns = clock_ns + seconds * NS_PER_S;
	while (clock_ns < end_ns)
		turn(count);
}

static void forget(size_t count)
{
	for (size_t i = 0; i < count; i++)
		games[i].spent_ns = games[i].run_count = games[i].refused_count = 0;
}

static double percent_of(const struct game *game, uint64_t seconds)
{
	return (double)game->spent_ns * 100 / (double)(seconds * NS_PER_S);
}

Test(share, a_hog_gets_its_share_and_no_more)
{
	games[0].callback_ns = 19 * NS_PER_MS;
	run_for(1, 20);
	cr_expect_gt(percent_of(&games[0], 20), 48);
	cr_expect_lt(percent_of(&games[0], 20), 51);
	cr_expect_leq(longest_turn_ns, SHARE_BURST_NS + 19 * NS_PER_MS);
}

Test(share, who_stays_below_is_never_told_to_wait)
{
	games[0] = (struct game){.callback_ns = 5 * NS_PER_MS, .period_ns = 33 * NS_PER_MS, .next_ns = clock_ns}; /* 15 percent, all of the time */
	run_for(1, 2);
	games[1].callback_ns = 19 * NS_PER_MS;
	run_for(2, 20);
	cr_expect_eq(games[0].refused_count, 0);
	cr_expect_gt(percent_of(&games[1], 20), 45);
}

Test(share, no_bound_is_no_bound)
{
	limits = (struct share_limits){0};
	games[0].callback_ns = 50 * NS_PER_MS;
	run_for(1, 20);
	cr_expect_eq(games[0].refused_count, 0);
	cr_expect_eq(share.pot_ns, 0);
}

/* Each alone is within its share; together they would leave the relay nothing. */
Test(share, hogs_together_leave_the_relay_its_part)
{
	static const size_t counts[] = {2, 4, 30, 500};
	for (size_t k = 0; k < sizeof(counts) / sizeof(*counts); k++) {
		uint64_t spent_ns = 0, least_ns = UINT64_MAX, most_ns = 0;
		setup();
		for (size_t i = 0; i < counts[k]; i++)
			games[i].callback_ns = 10 * NS_PER_MS;
		run_for(counts[k], 60); /* shares find their size */
		forget(counts[k]);
		run_for(counts[k], 200);
		for (size_t i = 0; i < counts[k]; i++) {
			spent_ns += games[i].spent_ns;
			least_ns = games[i].spent_ns < least_ns ? games[i].spent_ns : least_ns;
			most_ns = games[i].spent_ns > most_ns ? games[i].spent_ns : most_ns;
		}
		cr_expect_lt((double)spent_ns / (200.0 * NS_PER_S), 0.76, "%zu: %.1f %%", counts[k], (double)spent_ns / (2.0 * NS_PER_S));
		cr_expect_gt((double)spent_ns / (200.0 * NS_PER_S), 0.45, "%zu: %.1f %%", counts[k], (double)spent_ns / (2.0 * NS_PER_S));
		cr_expect_gt(least_ns * 3, most_ns, "%zu: %llu to %llu us", counts[k], (unsigned long long)least_ns / 1000, (unsigned long long)most_ns / 1000);
		cr_expect_leq(longest_turn_ns, SHARE_BURST_NS + SHARE_DEBT_NS + 10 * NS_PER_MS, "%zu: %llu us", counts[k], (unsigned long long)longest_turn_ns / 1000);
	}
}

/* Four hogs and fifty small games: these never wait, whatever the hogs ask for. */
Test(share, the_modest_do_not_pay_for_hogs)
{
	for (size_t i = 0; i < 54; i++) /* 50 games of 0.6 percent each */
		games[i] = (struct game){.callback_ns = 200 * NS_PER_US, .period_ns = 33 * NS_PER_MS};
	begin(4, 54);
	for (size_t i = 4; i < 54; i++)
		games[i].next_ns = clock_ns + i * NS_PER_MS / 2;
	run_for(54, 2);
	for (size_t i = 0; i < 4; i++) {
		games[i] = (struct game){.callback_ns = 19 * NS_PER_MS};
		run_for(54, 1);
	}
	run_for(54, 30);
	for (size_t i = 4; i < 54; i++)
		cr_expect_eq(games[i].refused_count, 0, "game %zu: %llu of %llu", i, (unsigned long long)games[i].refused_count,
			     (unsigned long long)games[i].run_count);
	cr_expect_gt(games[0].refused_count, 0);
}

/* Half a second at a time: nothing stops that but its own budget. The others have waited; they are not made to pay besides. */
Test(share, one_extreme_callback_is_its_sessions_debt)
{
	games[0] = (struct game){.callback_ns = NS_PER_MS, .period_ns = 33 * NS_PER_MS, .next_ns = clock_ns};
	run_for(1, 2);
	games[1].callback_ns = 500 * NS_PER_MS;
	run_for(2, 30);
	cr_expect_eq(games[0].refused_count, 0, "%llu of %llu", (unsigned long long)games[0].refused_count, (unsigned long long)games[0].run_count);
	cr_expect_lt(percent_of(&games[1], 30), 52);
}

/* A game that has just begun is answered, though a hog is there. */
Test(share, the_first_event_of_a_small_game_passes)
{
	games[0].callback_ns = 19 * NS_PER_MS;
	run_for(1, 5);
	for (size_t i = 1; i < 20; i++) {
		games[i] = (struct game){.callback_ns = 100 * NS_PER_US, .period_ns = 100 * NS_PER_MS, .next_ns = clock_ns};
		run_for(20, 1);
		cr_expect_eq(games[i].refused_count, 0, "game %zu", i);
	}
}

/* 500 scripts that were never heard of before all begin at once; who was there before is served again soon, and the turns stay short. */
Test(share, a_crowd_of_newcomers_is_held_to_the_pot)
{
	games[0] = (struct game){.callback_ns = 20 * NS_PER_US, .period_ns = 33 * NS_PER_MS};
	run_for(1, 5);
	for (size_t i = 1; i < 500; i++)
		games[i].callback_ns = 19 * NS_PER_MS;
	uint64_t start_ns = clock_ns, spent_ns = 0;
	run_for(500, 30);
	for (size_t i = 0; i < 500; i++)
		spent_ns += games[i].spent_ns;
	cr_expect_lt((double)spent_ns, 0.76 * (double)(clock_ns - start_ns) + 2.0 * SHARE_DEBT_NS + 19.0 * NS_PER_MS);
	cr_expect_leq(longest_turn_ns, SHARE_BURST_NS + SHARE_DEBT_NS + 19 * NS_PER_MS);
	forget(1);
	run_for(500, 10);
	cr_expect_eq(games[0].refused_count, 0, "%llu of %llu", (unsigned long long)games[0].refused_count, (unsigned long long)games[0].run_count);
}

Test(share, shares_grow_back)
{
	for (size_t i = 0; i < 30; i++)
		games[i].callback_ns = 10 * NS_PER_MS;
	run_for(30, 60);
	cr_expect_gt(share.shrink_ppm, 500000);
	forget(1);
	run_for(1, 60);
	cr_expect_eq(share.shrink_ppm, 0);
	forget(1);
	run_for(1, 20);
	cr_expect_gt(percent_of(&games[0], 20), 45);
}

Test(share, a_debt_is_paid_and_told)
{
	games[0].callback_ns = 10 * NS_PER_S; /* one callback without a bound of its own */
	turn(1);
	uint64_t end_ns = clock_ns + 9 * NS_PER_S; /* ten seconds have paid half of it */
	while (clock_ns < end_ns) {
		uint64_t wait_ns = ringcast_share_wait_ns(&share, &games[0].account, &limits, clock_ns);
		cr_assert(wait_ns >= NS_PER_MS && wait_ns <= NS_PER_S);
		clock_ns += wait_ns;
	}
	clock_ns += 3 * NS_PER_S;
	cr_expect_eq(ringcast_share_wait_ns(&share, &games[0].account, &limits, clock_ns), 0);
}

Test(share, only_seconds_on_end_make_hopeless)
{
	limits.seconds_max = 10;
	for (int i = 0; i < 30; i++) {
		games[0].account.own_ns = -1000 * (int64_t)NS_PER_S;
		games[0].account.updated_ns = clock_ns;
		cr_assert_gt(ringcast_share_wait_ns(&share, &games[0].account, &limits, clock_ns), 0);
		cr_assert_gt(ringcast_share_wait_ns(&share, &games[0].account, &limits, clock_ns), 0);
		cr_assert_not(ringcast_share_is_hopeless(&games[0].account, &limits));
		clock_ns += i % 5 == 4 ? 2 * NS_PER_S : NS_PER_S;
	}
	for (int i = 0; i < 11; i++) {
		cr_assert_not(ringcast_share_is_hopeless(&games[0].account, &limits), "%d", i);
		cr_assert_gt(ringcast_share_wait_ns(&share, &games[0].account, &limits, clock_ns), 0);
		clock_ns += NS_PER_S;
	}
	cr_assert(ringcast_share_is_hopeless(&games[0].account, &limits));
	limits.seconds_max = 0;
	cr_assert_not(ringcast_share_is_hopeless(&games[0].account, &limits));
}
