/* Rounds in pieces: they find what whole rounds find, and tickets may come, stop and be forgotten in between. And effort that was not counted once. */
#include "reference.h"
#include "service/match/explain.h"

#include <stdlib.h>

enum { CROWD = 60, RUNNING = 8 };

static const char *const small_rules = "'playerAttributes': [{'name': 'skill', 'type': 'number', 'default': 0}], "
				       "'teams': [{'name': 'side', 'minPlayers': 1, 'maxPlayers': 1, 'quantity': 2}], "
				       "'rules': [{'name': 'Near', 'type': 'batchDistance', 'batchAttribute': 'skill', 'maxDistance': 10}]";
static const char *const large_rules = "'playerAttributes': [{'name': 'skill', 'type': 'number'}], 'algorithm': {'strategy': 'balanced', 'balancedAttribute': 'skill'}, "
				       "'teams': [{'name': 'side', 'minPlayers': 1, 'maxPlayers': 30, 'quantity': 2}], "
				       "'rules': [{'name': 'Near', 'type': 'batchDistance', 'batchAttribute': 'skill', 'maxDistance': 10}]";

static struct match_pool *pool_with(const struct match_rule_set *rule_set, handle tickets[CROWD])
{
	char text[32], problem[MATCH_TICKET_PROBLEM_BYTES];
	struct match_pool *pool = ringcast_match_pool_create(rule_set, &(struct match_pool_options){.seed = 5, .batch_tickets = 8, .tickets_max = 4 * CROWD});
	for (int i = 0; i < CROWD; i++) {
		snprintf(text, sizeof(text), "p%d skill=%d", i, i * 37 % 200);
		json_t *players = players_of(text);
		tickets[i] = ringcast_match_pool_add(pool, players, (uint64_t)i * 1000, problem);
		json_decref(players);
	}
	return pool;
}

/* With running matches that lack players, if the rule set is a large one. */
static void add_running(struct match_pool *pool, const struct match_rule_set *rule_set, handle running[RUNNING])
{
	char problem[MATCH_TICKET_PROBLEM_BYTES];
	for (int i = 0; i < RUNNING && rule_set->is_large; i++) {
		json_t *players = json_array();
		for (int k = 0; k < 55; k++)
			json_array_append_new(players, json_pack("{s:o, s:s, s:{s:{s:i}}}", "PlayerId", json_sprintf("r%d.%d", i, k), "Team", k % 2 ? "side_1" : "side_2",
								 "PlayerAttributes", "skill", "N", 10 * i));
		running[i] = ringcast_match_pool_add_backfill(pool, players, (uint64_t)i * 7000, problem);
		cr_assert_neq(running[i], HANDLE_NONE, "%s", problem);
		json_decref(players);
	}
}

static void run_in_pieces(struct match_pool *pool, uint64_t step_max, int *ret_pieces)
{
	ringcast_match_pool_round_begin(pool, NS_PER_S);
	for (*ret_pieces = 1; !ringcast_match_pool_round_continue(pool, step_max); (*ret_pieces)++)
		cr_assert(ringcast_match_pool_is_in_round(pool));
	cr_assert_not(ringcast_match_pool_is_in_round(pool));
}

static void check_like_whole(const char *parts)
{
	struct match_rule_set *rule_set = rules_of_parts(parts);
	handle whole_tickets[CROWD], tickets[CROWD], whole_running[RUNNING], running[RUNNING];
	struct match_pool *whole = pool_with(rule_set, whole_tickets), *pieces = pool_with(rule_set, tickets);
	int count, filled = 0;
	add_running(whole, rule_set, whole_running);
	add_running(pieces, rule_set, running);
	ringcast_match_pool_round(whole, NS_PER_S);
	run_in_pieces(pieces, 3, &count);
	cr_assert_gt(count, rule_set->is_large ? 1 : 10);
	for (int i = 0; i < CROWD; i++) {
		enum match_ticket_state one = MATCH_STATE_COUNT, other = MATCH_STATE_COUNT;
		ringcast_match_pool_state(whole, whole_tickets[i], &one);
		ringcast_match_pool_state(pieces, tickets[i], &other);
		cr_assert_eq(one, other, "ticket %d", i);
	}
	for (int i = 0; i < RUNNING && rule_set->is_large; i++) {
		enum match_ticket_state one = MATCH_STATE_COUNT, other = MATCH_STATE_COUNT;
		ringcast_match_pool_state(whole, whole_running[i], &one);
		ringcast_match_pool_state(pieces, running[i], &other);
		cr_assert_eq(one, other, "running match %d", i);
		filled += one == MATCH_IS_PLACING;
	}
	cr_assert(!rule_set->is_large || filled >= 2, "%d", filled);
	cr_assert_eq(ringcast_match_pool_counts(whole)->matches, ringcast_match_pool_counts(pieces)->matches);
	cr_assert_gt(ringcast_match_pool_counts(whole)->matches, 0);
	ringcast_match_pool_destroy(&whole);
	ringcast_match_pool_destroy(&pieces);
	ringcast_match_rule_set_destroy(&rule_set);
}

Test(match_pieces, small_rounds_find_what_whole_ones_do)
{
	check_like_whole(small_rules);
}

Test(match_pieces, large_rounds_find_what_whole_ones_do)
{
	check_like_whole(large_rules);
}

/* Somebody goes and somebody comes after each piece. */
static void disturb(struct match_pool *pool, struct prng *prng, handle tickets[CROWD], int number)
{
	char text[32], problem[MATCH_TICKET_PROBLEM_BYTES];
	enum match_ticket_state state;
	int i = (int)ringcast_prng_below(prng, CROWD);
	if (ringcast_match_pool_state(pool, tickets[i], &state) && state == MATCH_IS_SEARCHING) {
		cr_assert(ringcast_match_pool_stop(pool, tickets[i]));
		ringcast_match_pool_forget(pool, tickets[i]);
		cr_assert_not(ringcast_match_pool_state(pool, tickets[i], &state), "forgotten at once");
		cr_assert_null(ringcast_match_explain(pool, tickets[i], NS_PER_S));
	}
	snprintf(text, sizeof(text), "n%d skill=%d", number, i);
	json_t *players = players_of(text);
	tickets[i] = ringcast_match_pool_add(pool, players, 0, problem);
	json_decref(players);
	json_t *why = ringcast_match_explain(pool, tickets[i], NS_PER_S);
	cr_assert_not_null(why, "also in the middle of a round");
	json_decref(why);
}

static void check_disturbed(const char *parts)
{
	struct match_rule_set *rule_set = rules_of_parts(parts);
	handle tickets[CROWD], running[RUNNING] = {HANDLE_NONE};
	struct prng prng;
	struct match_pool *pool = pool_with(rule_set, tickets);
	add_running(pool, rule_set, running);
	ringcast_prng_init(&prng, 7);
	for (int round = 0; round < 6; round++) {
		ringcast_match_pool_round_begin(pool, (uint64_t)(round + 1) * NS_PER_S);
		for (int number = 0; !ringcast_match_pool_round_continue(pool, 3) && number < 20; number++) {
			disturb(pool, &prng, tickets, round * 1000 + number);
			enum match_ticket_state state;
			if (number == 1 && ringcast_match_pool_state(pool, running[round], &state) && state == MATCH_IS_SEARCHING && ringcast_match_pool_stop(pool, running[round]))
				ringcast_match_pool_forget(pool, running[round]);
		}
		while (ringcast_match_pool_is_in_round(pool))
			ringcast_match_pool_round_continue(pool, 1000);
	}
	cr_assert_gt(ringcast_match_pool_counts(pool)->matches, 0);
	ringcast_match_pool_round_begin(pool, 100 * NS_PER_S); /* and it may end in the middle of one */
	ringcast_match_pool_destroy(&pool);
	ringcast_match_rule_set_destroy(&rule_set);
}

Test(match_pieces, tickets_come_and_go_in_between)
{
	check_disturbed(small_rules);
	check_disturbed(large_rules);
}

Test(match_pieces, a_held_ticket_is_passed_over)
{
	struct match_rule_set *rule_set = rules_of_parts(small_rules);
	handle tickets[CROWD];
	struct match_pool *pool = pool_with(rule_set, tickets);
	enum match_ticket_state state;
	ringcast_match_pool_hold(pool, tickets[0], true);
	ringcast_match_pool_round(pool, NS_PER_S);
	cr_assert(ringcast_match_pool_state(pool, tickets[0], &state) && state == MATCH_IS_QUEUED);
	ringcast_match_pool_hold(pool, tickets[0], false);
	ringcast_match_pool_round(pool, 2 * NS_PER_S);
	cr_assert(ringcast_match_pool_state(pool, tickets[0], &state) && state != MATCH_IS_QUEUED);
	ringcast_match_pool_destroy(&pool);
	ringcast_match_rule_set_destroy(&rule_set);
}

/* A reference of many texts against lists of many: each comparison counts as work. */
Test(match_pieces, comparing_with_a_long_reference_is_work)
{
	char parts[4096], list[1024] = "", text[1200];
	for (int i = 0; i < 90; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s'w%d'", i == 0 ? "" : ",", i);
	snprintf(parts, sizeof(parts),
		 "'playerAttributes': [{'name': 'words', 'type': 'string_list'}], 'teams': [{'name': 'side', 'minPlayers': 1, 'maxPlayers': 2}], 'rules': "
		 "[{'name': 'R', 'type': 'collection', 'operation': 'reference_intersection_count', 'measurements': ['flatten(teams[*].players.attributes[words])'], "
		 "'referenceValue': [%s], 'minCount': 0}]", list);
	struct match_rule_set *rule_set = rules_of_parts(parts);
	struct match_regions regions = {0};
	struct judge *judge = ringcast_judge_create(rule_set);
	struct small_lineup lineup;
	snprintf(text, sizeof(text), "a words=[%s]", list);
	struct match_ticket *ticket = ticket_of(rule_set, &regions, text, 0);
	ringcast_lineup_init(&lineup);
	ringcast_lineup_add(&lineup.lineup, ticket, 0);
	ringcast_judge_rule(judge, 0, &lineup.lineup, rule_set->levels[0].exact);
	cr_assert_gt(judge->work, 90 * 90, "%lu", judge->work);
	ringcast_match_ticket_destroy(&ticket);
	ringcast_judge_destroy(&judge);
	ringcast_match_rule_set_destroy(&rule_set);
}
