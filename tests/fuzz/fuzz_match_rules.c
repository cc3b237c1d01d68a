/*
 * Rule sets: what is taken keeps its bounds, can judge any lineup, twice the same, and makes matches that its judge takes, within its steps; what is
 * refused names a line.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz_target.h"
#include "service/match/explain.h"
#include "service/match/judge.h"

enum { TICKETS = 4 };

static json_t *value_of(const struct match_attribute *attribute, int i)
{
	switch (attribute->type) {
	case MATCH_NUMBER:
		return json_pack("{s:f}", "N", i * 7.5);
	case MATCH_STRING:
		return json_pack("{s:s}", "S", i % 2 == 0 ? "a" : "b");
	case MATCH_STRING_LIST:
		return json_pack("{s:[s,s]}", "SL", "a", i % 2 == 0 ? "b" : "c");
	case MATCH_NUMBER_MAP:
		return json_pack("{s:{s:i,s:i}}", "SDM", "a", i, "b", 5 - i);
	}
	return NULL;
}

static json_t *make_players(const struct match_rule_set *rule_set, int i)
{
	char id[32];
	json_t *players = json_array();
	for (int player = 0; player <= i % 2; player++) {
		json_t *attributes = json_object();
		for (uint16_t attribute = 0; attribute < rule_set->attribute_count; attribute++)
			json_object_set_new(attributes, rule_set->attributes[attribute].name, value_of(&rule_set->attributes[attribute], i + player));
		snprintf(id, sizeof(id), "p%d.%d", i, player);
		json_array_append_new(players, json_pack("{s:s, s:o, s:{s:i}}", "PlayerId", id, "PlayerAttributes", attributes, "LatencyInMs", "eu", 20 * i));
	}
	return players;
}

static struct match_ticket *make_ticket(const struct match_rule_set *rule_set, struct match_regions *regions, int i)
{
	char problem[MATCH_TICKET_PROBLEM_BYTES];
	json_t *players = make_players(rule_set, i);
	struct match_ticket *ticket = ringcast_match_ticket_create(rule_set, regions, players, (uint64_t)i * NS_PER_S, problem);
	json_decref(players);
	/* Names that are no UTF-8 never get here; a name twice in a document is refused before. */
	ringcast_assert(ticket != NULL);
	return ticket;
}

static void check_tables(const struct match_rule_set *rule_set)
{
	ringcast_assert(rule_set->team_count > 0 && rule_set->team_count <= MATCH_TEAMS_MAX && rule_set->level_count > 0);
	ringcast_assert(rule_set->players_max <= MATCH_PLAYERS_MAX && (rule_set->is_large || rule_set->players_max <= MATCH_SMALL_PLAYERS_MAX));
	ringcast_assert(rule_set->column_count <= MATCH_COLUMNS_MAX && rule_set->expressions.count <= EXPRESSION_NODES_MAX);
	for (uint16_t i = 1; i < rule_set->level_count; i++)
		ringcast_assert(rule_set->levels[i].wait_ns > rule_set->levels[i - 1].wait_ns);
}

static void judge_all(const struct match_rule_set *rule_set, const struct lineup *lineup)
{
	struct judge *judge = ringcast_judge_create(rule_set);
	ringcast_assert(judge != NULL);
	for (uint16_t level = 0; level < rule_set->level_count; level++)
		for (uint16_t rule = 0; rule < rule_set->rule_count; rule++) {
			enum match_verdict verdict = ringcast_judge_rule(judge, rule, lineup, rule_set->levels[level].exact);
			ringcast_assert(verdict == ringcast_judge_rule(judge, rule, lineup, rule_set->levels[level].exact));
			/* What a level refuses, its loosest bounds may take; never the other way round, where a rule may be asked early. */
			if (rule_set->rules[rule].only_tightens && verdict == MATCH_PASSES)
				ringcast_assert(ringcast_judge_rule(judge, rule, lineup, rule_set->levels[level].loosest) != MATCH_FAILS);
		}
	ringcast_judge_destroy(&judge);
}

static void check_match(const struct match_rule_set *rule_set, struct match_pool *pool, handle match, uint64_t now_ns)
{
	struct match_lineup_view view;
	struct small_lineup lineup;
	struct judge *judge = ringcast_judge_create(rule_set);
	uint16_t rule;
	ringcast_assert(ringcast_match_pool_match(pool, match, &view) && view.count <= 2 * TICKETS);
	ringcast_lineup_init(&lineup);
	for (uint32_t i = 0; i < view.count; i++)
		ringcast_lineup_add(&lineup.lineup, ringcast_match_pool_ticket(pool, view.tickets[i]), view.teams[i]);
	ringcast_assert(judge != NULL && ringcast_judge_all(judge, &lineup.lineup, now_ns, &rule));
	ringcast_judge_destroy(&judge);
}

static void run_pool(const struct match_rule_set *rule_set)
{
	struct match_pool *pool = ringcast_match_pool_create(rule_set, &(struct match_pool_options){.seed = 1, .tickets_max = 2 * TICKETS, .steps_min = 500});
	char problem[MATCH_TICKET_PROBLEM_BYTES];
	uint32_t count;
	ringcast_assert(pool != NULL);
	for (int i = 0; i < 2 * TICKETS; i++) {
		json_t *players = make_players(rule_set, i);
		ringcast_match_pool_add(pool, players, (uint64_t)i * NS_PER_S, problem);
		json_decref(players);
	}
	ringcast_match_pool_round(pool, 20 * NS_PER_S);
	const struct match_effect *effects = ringcast_match_pool_effects(pool, &count);
	for (uint32_t i = 0; i < count; i++) {
		if (effects[i].state == MATCH_IS_PLACING)
			check_match(rule_set, pool, effects[i].match, 20 * NS_PER_S);
		json_decref(ringcast_match_explain(pool, effects[i].ticket, 20 * NS_PER_S));
	}
	ringcast_match_pool_destroy(&pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char problem[DOCUMENT_PROBLEM_BYTES] = "";
	struct match_ticket *tickets[TICKETS];
	struct small_lineup lineup;
	struct match_regions *regions = calloc(1, sizeof(*regions));
	struct match_rule_set *rule_set = ringcast_match_rule_set_create((const char *)data, size, 7, problem);
	if (rule_set == NULL)
		ringcast_assert(strncmp(problem, "line ", 5) == 0 && memchr(problem, '\0', sizeof(problem)) != NULL);
	if (rule_set != NULL) {
		check_tables(rule_set);
		ringcast_lineup_init(&lineup);
		for (int i = 0; i < TICKETS; i++) {
			tickets[i] = make_ticket(rule_set, regions, i);
			ringcast_lineup_add(&lineup.lineup, tickets[i], (uint8_t)(i % rule_set->team_count));
			judge_all(rule_set, &lineup.lineup);
		}
		for (int i = 0; i < TICKETS; i++)
			ringcast_match_ticket_destroy(&tickets[i]);
		run_pool(rule_set);
	}
	ringcast_match_rule_set_destroy(&rule_set);
	free(regions);
	return 0;
}
