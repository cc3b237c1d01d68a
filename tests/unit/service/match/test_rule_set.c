/* Reading rule sets: what is right becomes tables; what is wrong is told with its line, its path, and what would be right; cut anywhere, nothing breaks. */
#include "match_rig.h"

#include <math.h>
#include <string.h>

#define TEAMS "'teams': [{'name': 'red', 'minPlayers': 1, 'maxPlayers': 5}, {'name': 'blue', 'minPlayers': 1, 'maxPlayers': 5}]"
#define SKILL "'playerAttributes': [{'name': 'skill', 'type': 'number', 'default': 10}, {'name': 'maps', 'type': 'string_list'}, " \
	      "{'name': 'liking', 'type': 'string_number_map'}, {'name': 'mode', 'type': 'string'}]"
#define HEAD "{'ruleLanguageVersion': '1.0', " SKILL ", " TEAMS

static const char everything[] =
	"{\n"
	"  // a comment, with 'quotes' and a }\n"
	"  'name': 'all // of it', 'ruleLanguageVersion': '1.0',\n"
	"  " SKILL ",\n"
	"  'algorithm': {'strategy': 'exhaustiveSearch', 'batchingPreference': 'sorted', 'sortByAttributes': ['skill'], 'expansionAgeSelection': 'oldest',\n"
	"                'backfillPriority': 'high'},\n"
	"  'teams': [{'name': 'red', 'minPlayers': 2, 'maxPlayers': 4, 'quantity': 3}],\n"
	"  'rules': [\n"
	"    {'name': 'Fair', 'type': 'distance', 'measurements': ['avg(teams[*].players.attributes[skill])'],\n"
	"     'referenceValue': 'avg(flatten(teams[*].players.attributes[skill]))', 'maxDistance': 10}, // behind a value\n"
	"    {'name': 'Good', 'type': 'comparison', 'measurements': 'flatten(teams[*].players.attributes[skill])', 'operation': '>=', 'referenceValue': 3,\n"
	"     'partyAggregation': 'min'},\n"
	"    {'name': 'Mode', 'type': 'comparison', 'measurements': ['flatten(teams[*].players.attributes[mode])'], 'operation': '='},\n"
	"    {'name': 'Near', 'type': 'batchDistance', 'batchAttribute': 'skill', 'maxDistance': '500'},\n"
	"    {'name': 'Maps', 'type': 'collection', 'operation': 'intersection', 'measurements': ['flatten(teams[*].players.attributes[maps])'], 'minCount': 1},\n"
	"    {'name': 'Ping', 'type': 'latency', 'maxLatency': 50},\n"
	"    {'name': 'Like', 'type': 'absoluteSort', 'sortDirection': 'descending', 'sortAttribute': 'liking', 'mapKey': 'maxValue'},\n"
	"    {'name': 'Skill', 'type': 'distanceSort', 'sortDirection': 'ascending', 'sortAttribute': 'skill'},\n"
	"    {'name': 'Both', 'type': 'compound', 'statement': 'or(and(Good, Fair), not(Ping))'}],\n"
	"  'expansions': [{'target': 'rules[Fair].maxDistance', 'steps': [{'waitTimeSeconds': 5, 'value': 50}, {'waitTimeSeconds': 15, 'value': 100}]},\n"
	"                 {'target': 'teams[red].minPlayers', 'steps': [{'waitTimeSeconds': 10, 'value': 1}]},\n"
	"                 {'target': 'rules[Ping].maxLatency', 'steps': [{'waitTimeSeconds': 15, 'value': 150}]},\n"
	"                 {'target': 'algorithm.batchingPreference', 'steps': [{'waitTimeSeconds': 15, 'value': 'random'}]}]\n"
	"}\n";

Test(match_rule_set, the_whole_language)
{
	struct match_rule_set *rule_set = rules_of(everything);
	cr_assert_str_eq(rule_set->name, "all // of it");
	cr_assert(rule_set->clock_is_oldest && !rule_set->is_large);
	cr_assert_eq(rule_set->team_count, 3);
	cr_assert_str_eq(rule_set->teams[2].name, "red_3");
	cr_assert_eq(rule_set->players_max, 12);
	cr_assert_eq(rule_set->rule_count, 9);
	cr_assert_eq(rule_set->sort_count, 2);
	cr_assert(rule_set->rules[0].is_member && rule_set->rules[1].is_member && rule_set->rules[5].is_member && !rule_set->rules[2].is_member);
	cr_assert_eq(rule_set->level_count, 4);
	ringcast_match_rule_set_destroy(&rule_set);
	cr_assert_null(rule_set);
}

Test(match_rule_set, levels_say_what_holds_after_a_wait)
{
	static const double distances[] = {10, 50, 50, 100}, latencies[] = {50, 50, 50, 150};
	static const uint16_t players_min[] = {2, 2, 1, 1}, batchings[] = {MATCH_SORTED, MATCH_SORTED, MATCH_SORTED, MATCH_RANDOM};
	struct match_rule_set *rule_set = rules_of(everything);
	for (uint16_t i = 0; i < 4; i++) {
		const struct match_level *level = &rule_set->levels[i];
		cr_assert_eq(level->exact[0].max, distances[i]);
		cr_assert_eq(level->exact[5].latency_max, latencies[i]);
		cr_assert_eq(level->sizes[2].players_min, players_min[i]);
		cr_assert_eq(level->batching, batchings[i]);
	}
	cr_assert_eq(ringcast_match_level_at(rule_set, 5 * NS_PER_S - 1), 0);
	cr_assert_eq(ringcast_match_level_at(rule_set, 5 * NS_PER_S), 1);
	cr_assert_eq(ringcast_match_level_at(rule_set, 3600 * NS_PER_S), 3);
	ringcast_match_rule_set_destroy(&rule_set);
}

Test(match_rule_set, the_loosest_of_levels_covers_expansions_that_tighten)
{
	struct match_rule_set *rule_set = rules_of(HEAD ", 'rules': [{'name': 'N', 'type': 'batchDistance', 'batchAttribute': 'skill', 'maxDistance': 10}],"
							"'expansions': [{'target': 'rules[N].maxDistance', 'steps': [{'waitTimeSeconds': 1, 'value': 30},"
							"{'waitTimeSeconds': 2, 'value': 5}]}, {'target': 'teams[red,blue].maxPlayers',"
							"'steps': [{'waitTimeSeconds': 2, 'value': 3}]}]}");
	cr_assert_eq(rule_set->levels[2].exact[0].max, 5);
	cr_assert_eq(rule_set->levels[2].loosest[0].max, 30);
	cr_assert_eq(rule_set->levels[0].loosest[0].max, 10);
	cr_assert_eq(rule_set->levels[2].sizes[0].players_max, 3);
	cr_assert_eq(rule_set->levels[2].sizes[1].players_max, 3);
	cr_assert_eq(rule_set->levels[2].loosest_sizes[1].players_max, 5);
	ringcast_match_rule_set_destroy(&rule_set);
}

Test(match_rule_set, only_rules_that_cannot_recover_are_asked_early)
{
	static const struct {
		const char *rule;
		bool only_tightens;
	} cases[] = {
		{"'type': 'comparison', 'measurements': ['players.attributes[skill]'], 'operation': '<', 'referenceValue': 3", true},
		{"'type': 'comparison', 'measurements': ['avg(players.attributes[skill])'], 'operation': '<', 'referenceValue': 3", false},
		{"'type': 'comparison', 'measurements': ['flatten(teams[*].players.attributes[mode])'], 'operation': '!='", true},
		{"'type': 'distance', 'measurements': ['players.attributes[skill]'], 'referenceValue': 3, 'minDistance': 1", true},
		{"'type': 'distance', 'measurements': ['players.attributes[skill]'], 'referenceValue': 'avg(players.attributes[skill])', 'maxDistance': 1", false},
		{"'type': 'collection', 'operation': 'intersection', 'measurements': ['players.attributes[maps]'], 'minCount': 1", true},
		{"'type': 'collection', 'operation': 'intersection', 'measurements': ['players.attributes[maps]'], 'maxCount': 1", false},
		{"'type': 'collection', 'operation': 'contains', 'referenceValue': 'x', 'measurements': ['players.attributes[maps]'], 'maxCount': 1", true},
		{"'type': 'collection', 'operation': 'contains', 'referenceValue': 'x', 'measurements': ['players.attributes[maps]'], 'minCount': 1", false},
		{"'type': 'collection', 'operation': 'reference_intersection_count', 'measurements': ['players.attributes[maps]'], "
		 "'referenceValue': 'set_intersection(players.attributes[maps])', 'minCount': 1", true},
		{"'type': 'latency', 'maxLatency': 5", true},
		{"'type': 'latency', 'maxDistance': 5, 'distanceReference': 'avg'", false},
		{"'type': 'latency', 'maxDistance': 5, 'distanceReference': 'min'", true},
	};
	char text[2048];
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(text, sizeof(text), HEAD ", 'rules': [{'name': 'R', %s}]}", cases[i].rule);
		struct match_rule_set *rule_set = rules_of(text);
		cr_assert_eq(rule_set->rules[0].only_tightens, cases[i].only_tightens, "%s", cases[i].rule);
		ringcast_match_rule_set_destroy(&rule_set);
	}
}

Test(match_rule_set, what_is_wrong_is_told_with_its_place)
{
#define RULE(text) HEAD ",\n 'rules': [\n{'name': 'R', " text "}]}"
	static const struct {
		const char *text, *problem;
	} cases[] = {
		{"", "line 1: "},
		{"[]", "line 1: a rule set is an object"},
		{"{\n'a': 1,\n'a': 2}", "line 3: duplicate object key"},
		{"{'ruleLanguageVersion': '2.0'}", "line 1, ruleLanguageVersion: ruleLanguageVersion must be \"1.0\""},
		{"{'ruleLanguageVersion': '1.0'}", "teams must be an array"},
		{"{'ruleLanguageVersion': '1.0',\n\n'team': []}", "line 3, team: there is no such property here"},
		{HEAD ", 'rules': [[[[[[[[[[[[[]]]]]]]]]]]]]}", "nested more than 12 deep"},
		{"{'ruleLanguageVersion': '1.0', 'teams': [{'name': 'a', 'maxPlayers': 2}]}", "teams[0]: minPlayers is missing"},
		{"{'ruleLanguageVersion': '1.0', 'teams': [{'name': 'a', 'minPlayers': 3, 'maxPlayers': 2}]}", "teams[0].minPlayers: this must not be above"},
		{"{'ruleLanguageVersion': '1.0', 'teams': [{'name': 'a', 'minPlayers': 1, 'maxPlayers': 2.5}]}", "whole number from 1 to 5000"},
		{"{'ruleLanguageVersion': '1.0', 'teams': [{'name': 'a', 'minPlayers': 1, 'maxPlayers': 41}]}", "the algorithm's strategy must be balanced"},
		{"{'ruleLanguageVersion': '1.0', 'teams': [{'name': 'a', 'minPlayers': 1, 'maxPlayers': 2},\n{'name': 'a', 'minPlayers': 1, 'maxPlayers': 2}]}",
		 "line 2, teams[1]: a team 'a' is above"},
		{RULE("'type': 'distanse'"), "line 3, rules[0].type: 'distanse' is not known here; it is one of: comparison, distance"},
		{RULE("'type': 'comparison'"), "measurements is missing"},
		{RULE("'type': 'comparison', 'measurements': ['players.attributes[skill]']"), "operation is missing"},
		{RULE("'type': 'comparison', 'measurements': ['players.attributes[skill]'], 'operation': '=>', 'referenceValue': 1"), "it is one of: =, !=, <"},
		{RULE("'type': 'comparison', 'measurements': ['players.attributes[skill]'], 'operation': '<'"), "only = (all are equal)"},
		{RULE("'type': 'comparison', 'measurements': ['players.attributes[mode]'], 'operation': '<', 'referenceValue': 'a'"), "texts know = and != only"},
		{RULE("'type': 'comparison', 'measurements': ['players.attributes[maps]'], 'operation': '='"), "compared by a collection rule"},
		{RULE("'type': 'comparison', 'measurements': ['players.attributes[skill]'], 'operation': '=', 'referenceValue': 'fast'"), "must be a number or"},
		{RULE("'type': 'comparison', 'measurements': ['players.attributes[skil]'], 'operation': '='"), "'skil' is not among playerAttributes"},
		{RULE("'type': 'comparison', 'measurements': ['players.attributes[skill]'], 'operation': '=', 'maxDistence': 1"),
		 "rules[0].maxDistence: there is no such property here; there are: name"},
		{RULE("'type': 'distance', 'measurements': ['players.attributes[skill]'], 'maxDistance': 3"), "referenceValue is missing"},
		{RULE("'type': 'distance', 'measurements': ['players.attributes[skill]'], 'referenceValue': 3"), "maxDistance or minDistance is missing"},
		{RULE("'type': 'distance', 'measurements': ['players.attributes[mode]'], 'referenceValue': 3, 'maxDistance': 1"), "this rule measures numbers"},
		{RULE("'type': 'distance', 'measurements': ['players.attributes[skill]'], 'referenceValue': 3, 'maxDistance': -1"), "must not be below 0"},
		{RULE("'type': 'batchDistance', 'batchAttribute': 'maps'"), "a number or a string"},
		{RULE("'type': 'batchDistance', 'batchAttribute': 'skill'"), "maxDistance is missing"},
		{RULE("'type': 'collection', 'operation': 'contains', 'measurements': ['players.attributes[maps]']"), "referenceValue is missing"},
		{RULE("'type': 'collection', 'operation': 'intersection', 'measurements': ['players.attributes[maps]'], 'referenceValue': 'a'"), "takes no reference"},
		{RULE("'type': 'collection', 'operation': 'contains', 'referenceValue': 'a', 'measurements': ['players']"), "players themselves are no values"},
		{RULE("'type': 'latency'"), "maxLatency is missing"},
		{RULE("'type': 'latency', 'maxDistance': 3"), "distanceReference (min or avg)"},
		{RULE("'type': 'absoluteSort', 'sortAttribute': 'liking'"), "sorted by minValue or maxValue"},
		{RULE("'type': 'distanceSort', 'sortAttribute': 'mode'"), "only a number or a string_number_map"},
		{RULE("'type': 'compound', 'statement': 'and(R,S)'"), "'S' is neither a rule of this set"},
		{RULE("'type': 'compound', 'statement': 'R'"), "a compound rule cannot stand in a compound statement"},
		{RULE("'type': 'compound', 'statement': 'nand(R,R)'"), "'nand(' is none of and("},
		{RULE("'type': 'compound', 'statement': 'and(R)'"), "and takes at least 2"},
		{RULE("'type': 'compound', 'statement': 'and(R,R'"), "')' is missing"},
		{HEAD ", 'expansions': [{'target': 'rules[X].maxDistance', 'steps': [{'waitTimeSeconds': 1, 'value': 2}]}]}", "there is no rule 'X'"},
		{HEAD ", 'expansions': [{'target': 'teams[red].quantity', 'steps': [{'waitTimeSeconds': 1, 'value': 2}]}]}", "only minPlayers and maxPlayers"},
		{HEAD ", 'expansions': [{'target': 'teams[red].minPlayers', 'steps': [{'waitTimeSeconds': 1, 'value': 6}]}]}", "after 1 s team 'red' has minPlayers above"},
		{HEAD ", 'expansions': [{'target': 'teams[red].minPlayers',\n'steps': [{'waitTimeSeconds': 3, 'value': 1},\n{'waitTimeSeconds': 2, 'value': 1}]}]}",
		 "line 3, expansions[0].steps[1]: steps must be in the order"},
		{HEAD ", 'expansions': [{'target': 'algorithm.strategy', 'steps': [{'waitTimeSeconds': 1, 'value': 'balanced'}]}]}", "batchingPreference and backfillPriority"},
		{HEAD ", 'algorithm': {'strategy': 'balanced'}}", "needs balancedAttribute"},
		{HEAD ", 'algorithm': {'batchingPreference': 'sorted'}}", "sorted batches need"},
		{HEAD ", 'algorithm': {'strategy': 'balanced', 'balancedAttribute': 'skill'}, 'rules': [{'name': 'R', 'type': 'comparison'}]}", "knows latency with maxLatency"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		rules_refused(cases[i].text, cases[i].problem);
}

Test(match_rule_set, cut_at_every_byte_it_is_refused)
{
	char problem[DOCUMENT_PROBLEM_BYTES], *text = quoted(everything);
	size_t end = strrchr(text, '}') - text;
	for (size_t size = 0; size <= end; size++) {
		char *part = malloc(size + 1); /* its own block, so that a step beyond it is seen */
		memcpy(part, text, size);
		struct match_rule_set *rule_set = ringcast_match_rule_set_create(part, size, 1, problem);
		cr_assert_null(rule_set, "taken at %zu", size);
		cr_assert_eq(strncmp(problem, "line ", 5), 0);
		free(part);
	}
	free(text);
}

Test(match_rule_set, bounds_are_told)
{
	char *text = malloc(70000), problem[DOCUMENT_PROBLEM_BYTES];
	memset(text, ' ', 70000);
	cr_assert_null(ringcast_match_rule_set_create(text, 70000, 1, problem));
	cr_assert_not_null(strstr(problem, "longer than 65535 bytes"));
	memset(text, '[', 60000);
	cr_assert_null(ringcast_match_rule_set_create(text, 60000, 1, problem));
	cr_assert_not_null(strstr(problem, "nested more than 12 deep"));
	int used = snprintf(text, 70000, "{'ruleLanguageVersion': '1.0', 'teams': [{'name': 'a', 'minPlayers': 1, 'maxPlayers': 1}], 'rules': [");
	for (int i = 0; i < 65; i++)
		used += snprintf(text + used, 70000 - used, "%s{'name': 'r%d', 'type': 'latency', 'maxLatency': 1}", i == 0 ? "" : ",", i);
	snprintf(text + used, 70000 - used, "]}");
	rules_refused(text, "rules: 65 members; 0 to 64 are allowed");
	free(text);
}
