/* Running large matches that are filled up, one thing at a time: who joins which team, what a join may do to the balance, whose turn it is, what it costs. */
#include <stdlib.h>
#include <string.h>

#include "match_rig.h"
#include "service/match/pool.h"

static struct match_pool *pool;
static struct match_rule_set *rule_set;
static char problem[MATCH_TICKET_PROBLEM_BYTES];

#define SKILL(more) "'playerAttributes': [{'name': 'skill', 'type': 'number'}], 'algorithm': {'strategy': 'balanced', 'balancedAttribute': 'skill'" more "}, "
#define SIDES "'teams': [{'name': 'red', 'minPlayers': 20, 'maxPlayers': 30}, {'name': 'blue', 'minPlayers': 20, 'maxPlayers': 30}]"

static void open_pool(const char *parts, struct match_pool_options options)
{
	rule_set = rules_of_parts(parts);
	options.tickets_max = options.tickets_max == 0 ? 1000 : options.tickets_max;
	pool = ringcast_match_pool_create(rule_set, &options);
	cr_assert_not_null(pool);
}

static void close_pool(void)
{
	ringcast_match_pool_destroy(&pool);
	ringcast_match_rule_set_destroy(&rule_set);
}

static handle add(const char *text, uint64_t at_s)
{
	json_t *players = players_of(text);
	handle ticket = ringcast_match_pool_add(pool, players, at_s * NS_PER_S, problem);
	cr_assert_neq(ticket, HANDLE_NONE, "%s: %s", text, problem);
	json_decref(players);
	return ticket;
}

static json_t *team_of(const char *team, int count, double skill)
{
	json_t *players = json_array();
	for (int i = 0; i < count; i++) {
		char id[64];
		static int number;
		snprintf(id, sizeof(id), "r%d", number++);
		json_array_append_new(players, json_pack("{s:s, s:s, s:{s:{s:f}}}", "PlayerId", id, "Team", team, "PlayerAttributes", "skill", "N", skill));
	}
	return players;
}

/* Two teams, all of each of one skill. */
static handle add_running(int red, double red_skill, int blue, double blue_skill, uint64_t at_s)
{
	json_t *players = team_of("red", red, red_skill), *others = team_of("blue", blue, blue_skill);
	json_array_extend(players, others);
	handle ticket = ringcast_match_pool_add_backfill(pool, players, at_s * NS_PER_S, problem);
	json_decref(players);
	json_decref(others);
	return ticket;
}

static enum match_ticket_state state_of(handle ticket)
{
	enum match_ticket_state state = MATCH_STATE_COUNT;
	cr_assert(ringcast_match_pool_state(pool, ticket, &state));
	return state;
}

static void run_at(uint64_t at_s)
{
	ringcast_match_pool_round(pool, at_s * NS_PER_S);
}

/* The match that the last call told of for this ticket; it must be there. */
static struct match_lineup_view match_of(handle ticket)
{
	struct match_lineup_view view = {0};
	uint32_t count;
	const struct match_effect *effects = ringcast_match_pool_effects(pool, &count);
	for (uint32_t i = count; i > 0; i--)
		if (effects[i - 1].ticket == ticket) {
			cr_assert(ringcast_match_pool_match(pool, effects[i - 1].match, &view));
			return view;
		}
	cr_assert_fail("it is in no match");
	return view;
}

Test(match_filling, a_leaver_is_replaced_by_whom_the_teams_need_to_be_even)
{
	open_pool(SKILL("") SIDES, (struct match_pool_options){0});
	handle running = add_running(29, 50, 30, 51, 0);
	cr_assert_neq(running, HANDLE_NONE, "%s", problem);
	add("weak skill=20", 0);
	add("alike skill=50", 0);
	handle even = add("even skill=51", 0);
	add("strong skill=90", 0);
	run_at(1);
	struct match_lineup_view view = match_of(running);
	cr_assert(view.count == 1 && view.backfill == running && view.teams[0] == 0);
	cr_assert_eq(view.tickets[0], even, "the nearest to what red lacks, of those like the players who are there");
	close_pool();
}

Test(match_filling, each_team_gets_those_who_even_it_out_and_parties_stay_whole)
{
	open_pool(SKILL("") SIDES, (struct match_pool_options){0});
	handle running = add_running(28, 40, 28, 60, 0);
	handle strong = add("a skill=80; b skill=80", 0), weak = add("c skill=20; d skill=20", 0);
	run_at(1);
	struct match_lineup_view view = match_of(running);
	cr_assert_eq(view.count, 2);
	for (uint32_t i = 0; i < view.count; i++)
		cr_assert_eq(view.teams[i], view.tickets[i] == strong ? 0 : 1, "the strong ones to the weak team");
	cr_assert_eq(state_of(weak), MATCH_IS_PLACING);
	close_pool();
}

Test(match_filling, joiners_change_teams_until_that_helps_no_more)
{
	open_pool(SKILL("") SIDES, (struct match_pool_options){0});
	handle running = add_running(29, 50, 28, 50, 0), strongest = HANDLE_NONE;
	for (int i = 52; i <= 54; i++) {
		char text[32];
		snprintf(text, sizeof(text), "p%d skill=%d", i, i);
		strongest = add(text, 0);
	}
	run_at(1);
	struct match_lineup_view view = match_of(running);
	cr_assert_eq(view.count, 3);
	for (uint32_t i = 0; i < view.count; i++)
		cr_assert_eq(view.teams[i], view.tickets[i] == strongest ? 0 : 1, "the strongest against the two others");
	close_pool();
}

/* Thirty of 40 against twenty-nine of 60 are 20 apart; one player could set them (90 - 40) / 30 apart, which is less. */
Test(match_filling, a_join_does_not_make_uneven_teams_more_uneven)
{
	open_pool(SKILL("") SIDES, (struct match_pool_options){0});
	handle running = add_running(30, 40, 29, 60, 0), strong = add("a skill=90", 0);
	run_at(1);
	cr_assert_eq(state_of(running), MATCH_IS_SEARCHING);
	cr_assert_eq(state_of(strong), MATCH_IS_SEARCHING);
	handle weak = add("b skill=59", 1);
	run_at(2);
	cr_assert_eq(match_of(running).tickets[0], weak);
	cr_assert_eq(state_of(strong), MATCH_IS_SEARCHING);
	close_pool();
}

Test(match_filling, even_teams_may_become_as_uneven_as_one_player_makes_them)
{
	open_pool(SKILL("") SIDES, (struct match_pool_options){0});
	handle running = add_running(30, 50, 29, 50, 0), stranger = add("a skill=1000", 0);
	run_at(1);
	cr_assert_eq(match_of(running).tickets[0], stranger, "nobody nearer waits, and no rule is against it");
	close_pool();
}

Test(match_filling, a_team_below_its_minimum_is_filled_to_it_or_not_at_all)
{
	open_pool(SKILL("") SIDES, (struct match_pool_options){0});
	handle running = add_running(30, 50, 17, 50, 0);
	add("a skill=50; b skill=50", 0);
	run_at(1);
	cr_assert_eq(state_of(running), MATCH_IS_SEARCHING, "19 of 20");
	add("c skill=50", 1);
	run_at(2);
	struct match_lineup_view view = match_of(running);
	cr_assert(view.count == 2 && view.teams[0] == 1 && view.teams[1] == 1);
	close_pool();
}

Test(match_filling, a_party_is_found_that_fits_where_a_nearer_player_would_leave_a_gap)
{
	open_pool(SKILL("") "'teams': [{'name': 'red', 'minPlayers': 60, 'maxPlayers': 60}]", (struct match_pool_options){0});
	json_t *players = team_of("red", 58, 50);
	handle running = ringcast_match_pool_add_backfill(pool, players, 0, problem);
	json_decref(players);
	handle near = add("a skill=50", 0), pair = add("b skill=10; c skill=10", 0);
	run_at(1);
	cr_assert_eq(match_of(running).tickets[0], pair);
	cr_assert_eq(state_of(near), MATCH_IS_SEARCHING);
	close_pool();
}

Test(match_filling, an_expansion_lets_those_join_who_have_waited)
{
	open_pool(SKILL("") SIDES ", 'rules': [{'name': 'Near', 'type': 'batchDistance', 'batchAttribute': 'skill', 'maxDistance': 5}],"
		  "'expansions': [{'target': 'rules[Near].maxDistance', 'steps': [{'waitTimeSeconds': 10, 'value': 50}]}]", (struct match_pool_options){0});
	handle running = add_running(29, 50, 30, 50, 0), patient = add("a skill=60", 5);
	run_at(10);
	cr_assert_eq(state_of(running), MATCH_IS_SEARCHING, "the one who would join has waited for five seconds");
	add("b skill=61", 14);
	run_at(15);
	cr_assert_eq(match_of(running).tickets[0], patient);
	close_pool();
}

/* The oldest sets the clock: whoever is too far for the youngest may join with somebody old, and only then. */
Test(match_filling, one_who_has_waited_widens_what_the_match_may_be)
{
	open_pool(SKILL(", 'expansionAgeSelection': 'oldest'") SIDES ", 'rules': [{'name': 'Near', 'type': 'batchDistance', 'batchAttribute': 'skill', 'maxDistance': 5}],"
		  "'expansions': [{'target': 'rules[Near].maxDistance', 'steps': [{'waitTimeSeconds': 10, 'value': 50}]}]", (struct match_pool_options){0});
	handle running = add_running(29, 50, 30, 50, 15);
	char text[64];
	for (int i = 0; i < 30; i++) {
		snprintf(text, sizeof(text), "young%d skill=%d", i, 58 + i % 5);
		add(text, 15);
	}
	run_at(16);
	cr_assert_eq(state_of(running), MATCH_IS_SEARCHING);
	handle old = add("old skill=95", 5);
	run_at(17);
	cr_assert_eq(match_of(running).tickets[0], old);
	close_pool();
}

/* Forty could begin a match or fill one up, and not both. */
Test(match_filling, large_running_matches_come_first_last_or_by_age)
{
	static const struct {
		const char *algorithm;
		uint64_t running_s;
		bool running_gets_them;
	} cases[] = {{SKILL(", 'backfillPriority': 'high'") SIDES, 2, true}, {SKILL(", 'backfillPriority': 'normal'") SIDES, 2, false},
		     {SKILL(", 'backfillPriority': 'normal'") SIDES, 0, true}, {SKILL(", 'backfillPriority': 'low'") SIDES, 0, false}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[64];
		open_pool(cases[i].algorithm, (struct match_pool_options){0});
		for (int k = 0; k < 40; k++) {
			snprintf(text, sizeof(text), "p%d skill=50", k);
			add(text, 1);
		}
		handle running = add_running(29, 50, 30, 50, cases[i].running_s);
		run_at(3);
		cr_assert_eq(state_of(running) == MATCH_IS_PLACING, cases[i].running_gets_them, "case %zu", i);
		cr_assert_eq(ringcast_match_pool_counts(pool)->matches, 1, "case %zu", i);
		close_pool();
	}
}

Test(match_filling, what_is_wrong_with_a_large_running_match_is_told)
{
	open_pool(SKILL("") SIDES, (struct match_pool_options){0});
	cr_assert_eq(add_running(30, 50, 31, 50, 0), HANDLE_NONE);
	cr_assert_str_eq(problem, "a running match has 1 to 60 players, and this one 61");
	cr_assert_eq(add_running(0, 50, 0, 50, 0), HANDLE_NONE);
	handle uneven = add_running(31, 50, 20, 50, 0); /* too many in one team: nobody joins until somebody has left */
	add("a skill=50", 0);
	run_at(1);
	cr_assert_eq(state_of(uneven), MATCH_IS_SEARCHING);
	size_t bytes = ringcast_match_pool_bytes(pool);
	cr_assert(ringcast_match_pool_stop(pool, uneven));
	ringcast_match_pool_forget(pool, uneven);
	cr_assert_lt(ringcast_match_pool_bytes(pool), bytes, "its players were counted");
	close_pool();
}

/* Sums beyond what a number holds: of no team an average is known. */
Test(match_filling, numbers_without_measure_do_no_harm)
{
	open_pool(SKILL("") "'teams': [{'name': 't', 'minPlayers': 0, 'maxPlayers': 6, 'quantity': 64}]", (struct match_pool_options){0});
	json_t *players = team_of("t_1", 2, 1e308);
	handle running = ringcast_match_pool_add_backfill(pool, players, 0, problem);
	json_decref(players);
	cr_assert_neq(running, HANDLE_NONE, "%s", problem);
	for (int i = 0; i < 70; i++) {
		char text[128];
		snprintf(text, sizeof(text), "p%d skill=-1e308; q%d skill=-1e308; r%d skill=1e308; s%d skill=-1e308", i, i, i, i);
		add(text, 1);
	}
	run_at(2);
	cr_assert(state_of(running) == MATCH_IS_PLACING || state_of(running) == MATCH_IS_SEARCHING);
	close_pool();
}

/* So many games that lack somebody, and so many who wait; how many steps a round takes. */
static uint64_t steps_of_round(int games, int waiting, double skill, uint64_t *ret_matches)
{
	char text[64];
	open_pool(SKILL(", 'backfillPriority': 'high'") SIDES ", 'rules': [{'name': 'Near', 'type': 'batchDistance', 'batchAttribute': 'skill', 'maxDistance': 10}]",
		  (struct match_pool_options){.tickets_max = 8000, .steps_min = 4000, .steps_per_ticket = 16});
	for (int i = 0; i < waiting; i++) {
		snprintf(text, sizeof(text), "w%d skill=%g", i, skill);
		add(text, 0);
	}
	for (int i = 0; i < games; i++)
		cr_assert_neq(add_running(29, 50, 30, 50, 0), HANDLE_NONE);
	run_at(1);
	uint64_t steps = ringcast_match_pool_counts(pool)->steps;
	*ret_matches = ringcast_match_pool_counts(pool)->matches;
	close_pool();
	return steps;
}

Test(match_filling, a_round_with_games_looks_no_further_than_one_without)
{
	uint64_t matches, few = steps_of_round(100, 200, 50, &matches);
	cr_assert_geq(matches, 100, "all games, and some new ones: %lu", matches);
	uint64_t many = steps_of_round(200, 400, 50, &matches);
	cr_assert_geq(matches, 200);
	cr_assert_lt(many, few * 5 / 2, "%lu steps for twice as much, of %lu", many, few);
	/* Nobody may join any of them: as many are tried as a round tries of anything that fails, within its steps. */
	uint64_t hopeless = steps_of_round(300, 600, 90, &matches);
	cr_assert_leq(hopeless, 4000 + 16 * 600 + 100, "%lu steps", hopeless);
}

/* Games that use up their half of a round leave the other half to those who wait for a new match; and all have their turn in some round. */
Test(match_filling, neither_games_nor_new_matches_starve_when_rounds_are_short)
{
	enum { GAMES = 150, HOPEFUL = 149 };
	char text[64];
	handle games[GAMES], first = HANDLE_NONE;
	open_pool(SKILL(", 'backfillPriority': 'high'") SIDES ", 'rules': [{'name': 'Near', 'type': 'batchDistance', 'batchAttribute': 'skill', 'maxDistance': 10}]",
		  (struct match_pool_options){.steps_min = 300, .steps_per_ticket = 1});
	for (int i = 0; i < 60; i++) {
		snprintf(text, sizeof(text), "w%d skill=%d", i, i % 10);
		handle ticket = add(text, 0);
		first = i == 0 ? ticket : first;
	}
	for (int i = 0; i < GAMES; i++)
		games[i] = i == HOPEFUL ? add_running(29, 95, 30, 95, 1) : add_running(29, 50, 30, 50, 0);
	handle joiner = add("x skill=95", 0);
	run_at(2);
	cr_assert_eq(state_of(first), MATCH_IS_PLACING, "a new match is made in the first round");
	int rounds = 1;
	for (; state_of(games[HOPEFUL]) != MATCH_IS_PLACING && rounds < 20; rounds++)
		run_at(2 + (uint64_t)rounds);
	cr_assert_eq(state_of(joiner), MATCH_IS_PLACING, "after %d rounds", rounds);
	close_pool();
}
