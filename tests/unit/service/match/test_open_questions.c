/* What the vendor's documents leave open: ours, row by row of the table in docs/matchmaking.md, where no other test has it. */
#include "match_rig.h"
#include "service/match/pool.h"

#include <stdlib.h>
#include <string.h>

enum { TICKETS_MAX = 8 };

#define ATTRIBUTES "'playerAttributes': [{'name': 'skill', 'type': 'number', 'default': 10}, {'name': 'maps', 'type': 'string_list', 'default': ['z']}, " \
		   "{'name': 'word', 'type': 'string', 'default': 'm'}, {'name': 'liking', 'type': 'string_number_map', 'default': {}}]"
#define TEAMS "'teams': [{'name': 'a', 'minPlayers': 0, 'maxPlayers': 5}, {'name': 'b', 'minPlayers': 0, 'maxPlayers': 5}]"
#define SKILLS "flatten(teams[*].players.attributes[skill])"

struct scene {
	struct match_rule_set *rule_set;
	struct match_regions regions;
	struct match_ticket *tickets[TICKETS_MAX];
	int ticket_count;
	struct small_lineup lineup;
};

/* Tickets, parted by |, all in team a; b stays empty. */
static void line_up(struct scene *scene, const char *rules, const char *tickets)
{
	char parts[4096], copy[1024], *next;
	memset(scene, 0, sizeof(*scene));
	snprintf(parts, sizeof(parts), ATTRIBUTES ", " TEAMS ", 'rules': [%s]", rules);
	scene->rule_set = rules_of_parts(parts);
	ringcast_lineup_init(&scene->lineup);
	snprintf(copy, sizeof(copy), "%s", tickets);
	for (char *one = strtok_r(copy, "|", &next); one != NULL; one = strtok_r(NULL, "|", &next)) {
		cr_assert_lt(scene->ticket_count, TICKETS_MAX);
		struct match_ticket *ticket = ticket_of(scene->rule_set, &scene->regions, one, 0);
		scene->tickets[scene->ticket_count++] = ticket;
		ringcast_lineup_add(&scene->lineup.lineup, ticket, 0);
	}
}

/* What the last rule says of these tickets, and whether it and the others let them play. */
static void expect(const char *rules, const char *tickets, enum match_verdict wanted)
{
	struct scene scene;
	uint16_t failed;
	line_up(&scene, rules, tickets);
	struct judge *judge = ringcast_judge_create(scene.rule_set);
	uint16_t last = (uint16_t)(scene.rule_set->rule_count - 1);
	cr_assert_eq(ringcast_judge_rule(judge, last, &scene.lineup.lineup, scene.rule_set->levels[0].exact), wanted, "%s\nof %s", rules, tickets);
	cr_assert_eq(ringcast_judge_all(judge, &scene.lineup.lineup, 0, &failed), wanted != MATCH_FAILS, "%s\nof %s", rules, tickets);
	ringcast_judge_destroy(&judge);
	for (int i = 0; i < scene.ticket_count; i++)
		ringcast_match_ticket_destroy(&scene.tickets[i]);
	ringcast_match_rule_set_destroy(&scene.rule_set);
}

/* A statement of P, which passes, F, which fails, and U, which has nothing to say; only those that it names are there, since another would act alone. */
static void expect_statement(const char *statement, enum match_verdict wanted)
{
	static const char *const parts[] = {
		"{'name': 'P', 'type': 'comparison', 'measurements': ['" SKILLS "'], 'operation': '>', 'referenceValue': 0},",
		"{'name': 'F', 'type': 'comparison', 'measurements': ['" SKILLS "'], 'operation': '<', 'referenceValue': 0},",
		"{'name': 'U', 'type': 'comparison', 'measurements': ['avg(teams[b].players.attributes[skill])'], 'operation': '>', 'referenceValue': 0},",
	};
	char rules[2048] = "";
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (strchr(statement, "PFU"[i]) != NULL)
			strcat(rules, parts[i]);
	snprintf(rules + strlen(rules), sizeof(rules) - strlen(rules), "{'name': 'S', 'type': 'compound', 'statement': '%s'}", statement);
	expect(rules, "x | y", wanted);
}

Test(match_open_questions, a_rule_over_an_empty_team)
{
	expect("{'name': 'R', 'type': 'comparison', 'measurements': ['avg(teams[b].players.attributes[skill])'], 'operation': '>', 'referenceValue': 99}", "x",
	       MATCH_UNDECIDED);
	expect("{'name': 'R', 'type': 'distance', 'measurements': ['" SKILLS "'], 'referenceValue': 'avg(teams[b].players.attributes[skill])', 'maxDistance': 1}", "x",
	       MATCH_UNDECIDED);
	expect_statement("and(U, F)", MATCH_FAILS);
	expect_statement("and(U, P)", MATCH_UNDECIDED);
	expect_statement("or(U, P)", MATCH_PASSES);
	expect_statement("or(U, F)", MATCH_UNDECIDED);
	expect_statement("not(U)", MATCH_UNDECIDED);
}

Test(match_open_questions, xor_with_more_than_two)
{
	expect_statement("xor(P, F, F)", MATCH_PASSES);
	expect_statement("xor(P, P, F)", MATCH_FAILS);
	expect_statement("xor(P, P, P)", MATCH_FAILS);
	expect_statement("xor(F, F, F)", MATCH_FAILS);
}

Test(match_open_questions, a_map_without_the_key)
{
	static const char each[] = "{'name': 'R', 'type': 'comparison', 'measurements': ['players.attributes[liking][dust]'], 'operation': '>=', 'referenceValue': 5}";
	static const char some[] = "{'name': 'R', 'type': 'comparison', 'measurements': ['avg(players.attributes[liking][dust])'], 'operation': '>=', 'referenceValue': 5}";
	expect(each, "x liking={'dust':9} | y", MATCH_FAILS);
	expect(each, "x liking={'dust':9} | y liking={'dust':5}", MATCH_PASSES);
	expect(some, "x liking={'dust':9} | y", MATCH_PASSES);
}

Test(match_open_questions, parties_in_rules)
{
	static const char ten[] = "{'name': 'R', 'type': 'comparison', 'measurements': ['" SKILLS "'], 'operation': '=', 'referenceValue': 10}";
	static const char shared[] = "{'name': 'R', 'type': 'collection', 'operation': 'intersection', "
				     "'measurements': ['flatten(teams[*].players.attributes[maps])'], 'minCount': 2}";
	expect(ten, "x skill=0; y skill=20", MATCH_PASSES);
	expect(ten, "x skill=0 | y skill=20", MATCH_FAILS);
	expect(shared, "x maps=['p']; y maps=['q'] | v maps=['p','q']", MATCH_PASSES);
	expect("{'name': 'R', 'type': 'comparison', 'measurements': ['flatten(teams[*].players.attributes[word])'], 'operation': '='}", "x word='m'; y word='n'",
	       MATCH_FAILS);
	expect("{'name': 'R', 'type': 'comparison', 'measurements': ['count(teams[a].players)'], 'operation': '=', 'referenceValue': 3}", "x; y | v", MATCH_PASSES);
}

Test(match_open_questions, contains_counts_collections)
{
#define CONTAINS "{'name': 'R', 'type': 'collection', 'operation': 'contains', 'referenceValue': 'x', 'measurements': ['flatten(teams[*].players.attributes[maps])']"
	expect(CONTAINS ", 'maxCount': 1}", "p maps=['x']; q maps=['x'] | r", MATCH_PASSES);
	expect(CONTAINS ", 'maxCount': 1}", "p maps=['x'] | q maps=['x']", MATCH_FAILS);
	expect(CONTAINS "}", "p | q", MATCH_FAILS);
	expect(CONTAINS "}", "p | q maps=['x']", MATCH_PASSES);
}

Test(match_open_questions, each_list_against_the_reference)
{
#define LIKES "{'name': 'R', 'type': 'collection', 'operation': 'reference_intersection_count', 'referenceValue': ['x', 'y'], " \
	      "'measurements': ['flatten(teams[*].players.attributes[maps])'], 'minCount': 1}"
	expect(LIKES, "p maps=['x'] | q maps=['y','z']", MATCH_PASSES);
	expect(LIKES, "p maps=['x','y'] | q maps=['z']", MATCH_FAILS);
}

Test(match_open_questions, a_text_is_a_collection_of_one)
{
#define ONE "{'name': 'R', 'type': 'collection', 'operation': 'intersection', 'measurements': ['flatten(teams[*].players.attributes[word])'], 'minCount': 1}"
	expect(ONE, "p word='m' | q word='m'", MATCH_PASSES);
	expect(ONE, "p word='m' | q word='n'", MATCH_FAILS);
}

Test(match_open_questions, regions_that_the_whole_party_has_named)
{
	static const char ping[] = "{'name': 'R', 'type': 'latency', 'maxLatency': 60}";
	expect(ping, "p @eu=10 @us=10; q @eu=20 | r @eu=30", MATCH_PASSES);
	expect(ping, "p @eu=10 @us=10; q @eu=20 | r @us=30", MATCH_FAILS);
}

Test(match_open_questions, acceptance_is_no_property_of_a_rule_set)
{
	rules_refused("{'ruleLanguageVersion': '1.0', " TEAMS ", 'acceptanceTimeoutSeconds': 5}", "there is no such property here");
}

/* Whether a running match, which comes at 5 s with somebody else, is served before the two players, of whom the oldest has waited since 0. */
static bool running_comes_first(uint64_t now_s)
{
	char problem[MATCH_TICKET_PROBLEM_BYTES];
	struct match_rule_set *rule_set = rules_of_parts("'algorithm': {'backfillPriority': 'low'}, "
		"'teams': [{'name': 'side', 'minPlayers': 1, 'maxPlayers': 1, 'quantity': 2}],"
		"'expansions': [{'target': 'algorithm.backfillPriority', 'steps': [{'waitTimeSeconds': 7, 'value': 'high'}]}]");
	struct match_pool *pool = ringcast_match_pool_create(rule_set, &(struct match_pool_options){.seed = 1});
	json_t *players[] = {players_of("x"), players_of("y"), json_pack("[{s:s, s:s}]", "PlayerId", "a", "Team", "side_1")};
	enum match_ticket_state state;
	cr_assert_neq(ringcast_match_pool_add(pool, players[0], NS_PER_S, problem), HANDLE_NONE, "%s", problem);
	cr_assert_neq(ringcast_match_pool_add(pool, players[1], 6 * NS_PER_S, problem), HANDLE_NONE, "%s", problem);
	handle running = ringcast_match_pool_add_backfill(pool, players[2], 6 * NS_PER_S, problem);
	cr_assert_neq(running, HANDLE_NONE, "%s", problem);
	ringcast_match_pool_round(pool, (now_s + 1) * NS_PER_S);
	cr_assert(ringcast_match_pool_state(pool, running, &state));
	for (size_t i = 0; i < sizeof(players) / sizeof(*players); i++)
		json_decref(players[i]);
	ringcast_match_pool_destroy(&pool);
	ringcast_match_rule_set_destroy(&rule_set);
	return state == MATCH_IS_PLACING;
}

Test(match_open_questions, the_algorithm_expands_by_the_oldest_who_waits)
{
	cr_assert(!running_comes_first(6));
	cr_assert(running_comes_first(7));
}
