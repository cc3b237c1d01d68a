/* Tickets: whatever JSON stands for players is taken within its bounds or refused with a line; what was taken is matched whole or not at all. */
#include <jansson.h>
#include <stdlib.h>

#include "base/assert.h"
#include "fuzz_target.h"
#include "service/match/explain.h"

static const char rules[] =
	"{\"ruleLanguageVersion\": \"1.0\", \"playerAttributes\": [{\"name\": \"skill\", \"type\": \"number\", \"default\": 1}, {\"name\": \"mode\", \"type\": \"string\", \"default\": \"m\"},"
	"{\"name\": \"maps\", \"type\": \"string_list\", \"default\": [\"x\"]}, {\"name\": \"liking\", \"type\": \"string_number_map\", \"default\": {}}],"
	"\"teams\": [{\"name\": \"a\", \"minPlayers\": 1, \"maxPlayers\": 3}, {\"name\": \"b\", \"minPlayers\": 1, \"maxPlayers\": 3}],"
	"\"rules\": [{\"name\": \"D\", \"type\": \"distance\", \"measurements\": [\"avg(teams[*].players.attributes[skill])\"], \"maxDistance\": 50,"
	" \"referenceValue\": \"avg(flatten(teams[*].players.attributes[skill]))\", \"partyAggregation\": \"max\"},"
	"{\"name\": \"M\", \"type\": \"comparison\", \"operation\": \"=\", \"measurements\": [\"players.attributes[mode]\"]},"
	"{\"name\": \"C\", \"type\": \"collection\", \"operation\": \"intersection\", \"measurements\": [\"players.attributes[maps]\"], \"minCount\": 1, \"partyAggregation\": \"intersection\"},"
	"{\"name\": \"K\", \"type\": \"comparison\", \"operation\": \">=\", \"measurements\": [\"max(players.attributes[liking][sea])\"], \"referenceValue\": 0},"
	"{\"name\": \"S\", \"type\": \"absoluteSort\", \"sortAttribute\": \"liking\", \"mapKey\": \"minValue\"},"
	"{\"name\": \"P\", \"type\": \"latency\", \"maxLatency\": 100, \"maxDistance\": 50, \"distanceReference\": \"avg\"}]}";

static const char large_rules[] =
	"{\"ruleLanguageVersion\": \"1.0\", \"playerAttributes\": [{\"name\": \"skill\", \"type\": \"number\", \"default\": 1}, {\"name\": \"mode\", \"type\": \"string\", \"default\": \"m\"}],"
	"\"algorithm\": {\"strategy\": \"balanced\", \"balancedAttribute\": \"skill\", \"backfillPriority\": \"high\"},"
	"\"teams\": [{\"name\": \"a\", \"minPlayers\": 1, \"maxPlayers\": 30}, {\"name\": \"b\", \"minPlayers\": 0, \"maxPlayers\": 30}],"
	"\"rules\": [{\"name\": \"M\", \"type\": \"batchDistance\", \"batchAttribute\": \"mode\"}, {\"name\": \"P\", \"type\": \"latency\", \"maxLatency\": 100}]}";

static void check_matched(struct match_pool *pool, const handle *tickets, int count)
{
	struct match_lineup_view view;
	uint32_t effect_count, matched = 0, members = 0;
	const struct match_effect *effects = ringcast_match_pool_effects(pool, &effect_count);
	handle seen = HANDLE_NONE;
	for (uint32_t i = 0; i < effect_count; i++) {
		if (effects[i].state != MATCH_IS_PLACING)
			continue;
		matched++;
		if (effects[i].match == seen)
			continue;
		seen = effects[i].match;
		ringcast_assert(ringcast_match_pool_match(pool, seen, &view));
		members += view.count + (view.backfill != HANDLE_NONE);
	}
	ringcast_assert(matched == members && matched <= (uint32_t)count + 1);
	for (int i = 0; i < count; i++)
		json_decref(ringcast_match_explain(pool, tickets[i], NS_PER_S));
}

/* Three tickets and a running match, all of the same players. */
static void match_them(const char *text, size_t text_size, const json_t *players)
{
	char problem[DOCUMENT_PROBLEM_BYTES], refusal[MATCH_TICKET_PROBLEM_BYTES] = "";
	struct match_rule_set *rule_set = ringcast_match_rule_set_create(text, text_size, 3, problem);
	struct match_pool *pool = rule_set == NULL ? NULL : ringcast_match_pool_create(rule_set, &(struct match_pool_options){.tickets_max = 4, .steps_min = 500});
	handle tickets[3];
	int count = 0;
	ringcast_assert(pool != NULL);
	for (int i = 0; i < 3; i++) {
		handle ticket = ringcast_match_pool_add(pool, players, 0, refusal);
		if (ticket == HANDLE_NONE)
			ringcast_assert(refusal[0] != '\0' && memchr(refusal, '\0', sizeof(refusal)) != NULL);
		else
			tickets[count++] = ticket;
	}
	ringcast_match_pool_add_backfill(pool, players, 0, refusal);
	ringcast_match_pool_round(pool, NS_PER_S);
	check_matched(pool, tickets, count);
	ringcast_match_pool_destroy(&pool);
	ringcast_match_rule_set_destroy(&rule_set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *players = json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL);
	match_them(rules, sizeof(rules) - 1, players);
	if (json_is_array(players))
		match_them(large_rules, sizeof(large_rules) - 1, players);
	json_decref(players);
	return 0;
}
