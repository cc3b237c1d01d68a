/* Matchmaking's operations in the loop: what is refused, what is stored when, who is told what, and that nothing ends twice. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"
#include "service/match/pool_private.h"
#include "service/operations/overview.h"
#include "service/matchmaking/private.h"

static struct rig rig;
static char told[4096], last_detail[4096];

static void emit(void *context, struct service_event *event)
{
	size_t used = strlen(told);
	if (strstr(event->resource, "matchmakingconfiguration") != NULL) {
		snprintf(told + used, sizeof(told) - used, "%s ", event->type);
		snprintf(last_detail, sizeof(last_detail), "%s", event->detail);
	}
	ringcast_event_destroy(&event);
}

static void init(void)
{
	*told = '\0';
	rig_init_with(&rig, &(struct rig_options){.is_dev = true, .emit = emit});
}

static void fini(void)
{
	rig_fini(&rig);
}

TestSuite(matchmaking, .init = init, .fini = fini);

#define RULES(teams, rules)                                                                                                                                    \
	"{\\\"ruleLanguageVersion\\\": \\\"1.0\\\", \\\"playerAttributes\\\": [{\\\"name\\\": \\\"skill\\\", \\\"type\\\": \\\"number\\\", \\\"default\\\": 10}]," \
	"\\\"teams\\\": [" teams "]" rules "}"
#define TEAM(name, most) "{\\\"name\\\": \\\"" name "\\\", \\\"minPlayers\\\": 1, \\\"maxPlayers\\\": " most "}"
#define DUEL RULES(TEAM("red", "1") "," TEAM("blue", "1"), "")
#define NEAR \
	", \\\"rules\\\": [{\\\"name\\\": \\\"near\\\", \\\"type\\\": \\\"distance\\\", \\\"measurements\\\": [\\\"teams[red].players.attributes[skill]\\\"]," \
	"\\\"referenceValue\\\": \\\"avg(teams[blue].players.attributes[skill])\\\", \\\"maxDistance\\\": 5}]"

static void run(const char *operation, const char *input)
{
	struct request *request = rig_run(&rig, operation, input);
	cr_assert_eq(request->fault, FAULT_NONE, "%s: %s", operation, request->message);
	rig_free(request);
}

static void refused(const char *operation, const char *input, enum fault fault, const char *words)
{
	struct request *request = rig_run(&rig, operation, input);
	cr_assert_eq(request->fault, fault, "%s %s: %d %s", operation, input, (int)request->fault, request->message);
	cr_assert_not_null(strstr(request->message, words), "%s", request->message);
	rig_free(request);
}

static void configure(const char *rules, const char *more)
{
	char input[2048];
	snprintf(input, sizeof(input), "{\"Name\": \"rules\", \"RuleSetBody\": \"%s\"}", rules);
	run("CreateMatchmakingRuleSet", input);
	snprintf(input, sizeof(input),
		 "{\"Name\": \"duel\", \"RuleSetName\": \"rules\", \"RequestTimeoutSeconds\": 60, \"FlexMatchMode\": \"STANDALONE\", \"AcceptanceRequired\": %s}", more);
	run("CreateMatchmakingConfiguration", input);
}

static void start(const char *ticket, const char *players)
{
	char input[1024];
	snprintf(input, sizeof(input), "{\"ConfigurationName\": \"duel\", \"TicketId\": \"%s\", \"Players\": %s}", ticket, players);
	run("StartMatchmaking", input);
}

static const char *member_of(const char *ticket, const char *path)
{
	static char text[512];
	char input[256];
	snprintf(input, sizeof(input), "{\"TicketIds\": [\"%s\"]}", ticket);
	struct request *request = rig_run(&rig, "DescribeMatchmaking", input);
	char whole[128];
	snprintf(whole, sizeof(whole), "TicketList.0.%s", path);
	snprintf(text, sizeof(text), "%s", rig_text(request, whole));
	rig_free(request);
	return text;
}

static void is(const char *ticket, const char *status)
{
	cr_assert_str_eq(member_of(ticket, "Status"), status, "%s: %s", ticket, member_of(ticket, "Status"));
}

/* Until the rounds of so many milliseconds have been held. */
static void pass(int64_t ms)
{
	for (int64_t end = rig.now_ms + ms; rig.now_ms < end;) {
		rig.now_ms += 50;
		rig_turn(&rig);
	}
}

Test(matchmaking, two_tickets_become_a_match_and_are_told_so)
{
	configure(DUEL, "false, \"CustomEventData\": \"mine\"");
	start("a", "[{\"PlayerId\": \"anna\", \"PlayerAttributes\": {\"skill\": {\"N\": 3}}}]");
	pass(300);
	is("a", "SEARCHING");
	start("b", "[{\"PlayerId\": \"ben\"}]");
	pass(300);
	is("a", "COMPLETED");
	is("b", "COMPLETED");
	cr_assert_str_eq(member_of("a", "Players.0.Team"), "red");
	cr_assert_str_eq(member_of("b", "Players.0.Team"), "blue");
	cr_assert_str_eq(told, "MatchmakingSearching MatchmakingSearching PotentialMatchCreated MatchmakingSucceeded ");
	cr_assert_not_null(strstr(last_detail, "\"customEventData\":\"mine\""), "%s", last_detail);
	cr_assert_not_null(strstr(last_detail, "\"playerId\":\"anna\",\"team\":\"red\""), "%s", last_detail);
	cr_assert_null(strstr(last_detail, "skill"), "no attributes");
	refused("StopMatchmaking", "{\"TicketId\": \"a\"}", FAULT_INVALID, "COMPLETED already");
	struct matchmaking_counts counts = ringcast_loop_match_counts(rig.loop);
	cr_assert_eq(counts.tickets_completed, 2);
	cr_assert_eq(counts.current_tickets, 0);
}

Test(matchmaking, a_ticket_is_searched_for_only_when_it_is_stored)
{
	configure(DUEL, "false");
	start("a", "[{\"PlayerId\": \"anna\"}]");
	ringcast_loop_hold_writes(rig.loop);
	struct request *late =
		rig_ask(&rig, "StartMatchmaking", "{\"ConfigurationName\": \"duel\", \"TicketId\": \"b\", \"Players\": [{\"PlayerId\": \"ben\"}]}");
	pass(3000);
	cr_assert_not_null(late->context, "not answered before it is stored");
	is("a", "SEARCHING");
	struct request *early = rig_ask(&rig, "DescribeMatchmaking", "{\"TicketIds\": [\"b\"]}");
	rig_turn(&rig);
	cr_assert_not_null(early->context, "nor shown");
	json_t *shown = ringcast_matchmaking_show(ringcast_loop_model(rig.loop)->matchmaking, "b");
	cr_assert_str_eq(json_string_value(json_object_get(shown, "Status")), "QUEUED");
	json_decref(shown);
	cr_assert(ringcast_loop_write(rig.loop));
	pass(300);
	cr_assert_null(late->context);
	cr_assert_str_eq(rig_text(early, "TicketList.0.Status"), "QUEUED");
	rig_free(early);
	cr_assert_null(strstr(told, "Succeeded"), "the end is not stored, so nobody is told");
	early = rig_ask(&rig, "DescribeMatchmaking", "{\"TicketIds\": [\"a\"]}");
	rig_turn(&rig);
	cr_assert_not_null(early->context, "who asks neither");
	cr_assert(ringcast_loop_write(rig.loop));
	rig_turn(&rig);
	cr_assert_str_eq(rig_text(early, "TicketList.0.Status"), "COMPLETED");
	rig_free(early);
	cr_assert_not_null(strstr(told, "Succeeded"));
	is("a", "COMPLETED");
	rig_free(late);
}

Test(matchmaking, wrong_rule_sets_and_configurations_are_refused)
{
	refused("ValidateMatchmakingRuleSet", "{\"RuleSetBody\": \"{\"}", FAULT_INVALID, "RuleSetBody, line 1");
	refused("CreateMatchmakingRuleSet", "{\"Name\": \"\", \"RuleSetBody\": \"" DUEL "\"}", FAULT_INVALID, "Name");
	run("ValidateMatchmakingRuleSet", "{\"RuleSetBody\": \"" DUEL "\"}");
	run("CreateMatchmakingRuleSet", "{\"Name\": \"rules\", \"RuleSetBody\": \"" DUEL "\"}");
	refused("CreateMatchmakingRuleSet", "{\"Name\": \"rules\", \"RuleSetBody\": \"" DUEL "\"}", FAULT_INVALID, "already");
#define MAKE(name, more) "{\"Name\": \"" name "\", \"RequestTimeoutSeconds\": 60, " more "}"
	refused("CreateMatchmakingConfiguration", MAKE("c", "\"RuleSetName\": \"none\", \"AcceptanceRequired\": false"), FAULT_NOT_FOUND, "rule set none");
	refused("CreateMatchmakingConfiguration", MAKE("c", "\"RuleSetName\": \"rules\", \"AcceptanceRequired\": false"), FAULT_INVALID, "GameSessionQueueArns");
	refused("CreateMatchmakingConfiguration", MAKE("c", "\"RuleSetName\": \"rules\", \"AcceptanceRequired\": true, \"FlexMatchMode\": \"STANDALONE\""),
		FAULT_INVALID, "AcceptanceTimeoutSeconds");
	refused("CreateMatchmakingConfiguration",
		MAKE("c", "\"RuleSetName\": \"rules\", \"AcceptanceRequired\": false, \"FlexMatchMode\": \"STANDALONE\", \"BackfillMode\": \"AUTOMATIC\""), FAULT_INVALID,
		"BackfillMode");
	run("CreateMatchmakingConfiguration",
	    MAKE("c", "\"RuleSetName\": \"arn:aws:gamelift:local::matchmakingruleset/rules\", \"AcceptanceRequired\": false, \"FlexMatchMode\": \"STANDALONE\""));
	refused("DeleteMatchmakingRuleSet", "{\"Name\": \"rules\"}", FAULT_INVALID, "the configuration c uses it");
	run("DeleteMatchmakingConfiguration", "{\"Name\": \"c\"}");
	run("DeleteMatchmakingRuleSet", "{\"Name\": \"rules\"}");
	refused("DeleteMatchmakingRuleSet", "{\"Name\": \"rules\"}", FAULT_NOT_FOUND, "no rule set");
}

Test(matchmaking, bounds_are_told)
{
	configure(DUEL, "false");
	char input[512];
	for (int i = 0; i < 3; i++) {
		snprintf(input, sizeof(input), "{\"Name\": \"r%d\", \"RuleSetBody\": \"%s\"}", i, DUEL);
		run("CreateMatchmakingRuleSet", input);
	}
	refused("CreateMatchmakingRuleSet", "{\"Name\": \"r4\", \"RuleSetBody\": \"" DUEL "\"}", FAULT_LIMIT, "service.match_rule_sets_max");
	for (int i = 0; i < 64; i++) {
		snprintf(input, sizeof(input), "{\"ConfigurationName\": \"duel\", \"Players\": [{\"PlayerId\": \"p%d\"}]}", i);
		run("StartMatchmaking", input); /* no time passes, so nobody is matched */
	}
	refused("StartMatchmaking", "{\"ConfigurationName\": \"duel\", \"Players\": [{\"PlayerId\": \"more\"}]}", FAULT_INVALID, "service.match_tickets_max");
	pass(1000);
	cr_assert_eq(ringcast_loop_match_counts(rig.loop).current_tickets, 0);
	cr_assert_eq(ringcast_loop_match_counts(rig.loop).kept_tickets, 8, "the oldest are forgotten");
	cr_assert_eq(ringcast_records_count(&ringcast_loop_model(rig.loop)->records, RECORD_TICKET), 8);
}

Test(matchmaking, wrong_tickets_are_refused)
{
	configure(DUEL, "false");
	refused("StartMatchmaking", "{\"ConfigurationName\": \"none\", \"Players\": [{\"PlayerId\": \"a\"}]}", FAULT_NOT_FOUND, "configuration none");
	refused("StartMatchmaking", "{\"ConfigurationName\": \"duel\", \"Players\": [{\"PlayerId\": \"a\"}, {\"PlayerId\": \"b\"}]}", FAULT_INVALID, "2 players");
	refused("StartMatchmaking", "{\"ConfigurationName\": \"duel\", \"Players\": [{}]}", FAULT_INVALID, "PlayerId");
	refused("StartMatchmaking", "{\"ConfigurationName\": \"duel\", \"Players\": [{\"PlayerId\": \"a\", \"PlayerAttributes\": {\"skill\": {\"S\": \"x\"}}}]}",
		FAULT_INVALID, "skill");
	char wide[2 * 600 + 1] = "", input[2048];
	for (int i = 0; i < 600; i++)
		strcpy(wide + 2 * i, "\u00e4");
	snprintf(input, sizeof(input), "{\"ConfigurationName\": \"duel\", \"Players\": [{\"PlayerId\": \"%s\"}]}", wide);
	refused("StartMatchmaking", input, FAULT_INVALID, "Players[0].PlayerId: the player's id has 1200 bytes, at most 1024 are allowed");
	start("a", "[{\"PlayerId\": \"anna\"}]");
	refused("StartMatchmaking", "{\"ConfigurationName\": \"duel\", \"TicketId\": \"a\", \"Players\": [{\"PlayerId\": \"a\"}]}", FAULT_INVALID, "already");
	refused("StopMatchmaking", "{\"TicketId\": \"none\"}", FAULT_NOT_FOUND, "no matchmaking ticket");
	refused("AcceptMatch", "{\"TicketId\": \"a\", \"PlayerIds\": [\"anna\"], \"AcceptanceType\": \"ACCEPT\"}", FAULT_INVALID, "not REQUIRES_ACCEPTANCE");
	refused("DeleteMatchmakingConfiguration", "{\"Name\": \"duel\"}", FAULT_INVALID, "1 tickets");
	refused("DescribeMatchmaking", "{\"TicketIds\": [\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\"]}", FAULT_INVALID, "11");
	run("StopMatchmaking", "{\"TicketId\": \"a\"}");
	is("a", "CANCELLED");
	cr_assert_str_eq(member_of("a", "StatusReason"), "Cancelled");
	run("DeleteMatchmakingConfiguration", "{\"Name\": \"duel\"}");
}

static void answer(const char *ticket, const char *player, const char *type)
{
	char input[256];
	snprintf(input, sizeof(input), "{\"TicketId\": \"%s\", \"PlayerIds\": [\"%s\"], \"AcceptanceType\": \"%s\"}", ticket, player, type);
	run("AcceptMatch", input);
}

static void propose(void)
{
	configure(DUEL, "true, \"AcceptanceTimeoutSeconds\": 5");
	start("a", "[{\"PlayerId\": \"anna\"}]");
	start("b", "[{\"PlayerId\": \"ben\"}]");
	pass(300);
	is("a", "REQUIRES_ACCEPTANCE");
	is("b", "REQUIRES_ACCEPTANCE");
	cr_assert_not_null(strstr(last_detail, "\"acceptanceTimeout\":5"), "%s", last_detail);
	*told = '\0';
}

Test(matchmaking, a_match_that_all_accept)
{
	propose();
	refused("AcceptMatch", "{\"TicketId\": \"a\", \"PlayerIds\": [\"ben\"], \"AcceptanceType\": \"ACCEPT\"}", FAULT_INVALID, "ben is not in the ticket");
	answer("a", "anna", "ACCEPT");
	is("a", "REQUIRES_ACCEPTANCE");
	cr_assert_not_null(strstr(last_detail, "\"playerId\":\"anna\",\"team\":\"red\",\"accepted\":true"), "%s", last_detail);
	answer("b", "ben", "ACCEPT");
	is("a", "COMPLETED");
	is("b", "COMPLETED");
	cr_assert_str_eq(told, "AcceptMatch AcceptMatch AcceptMatchCompleted MatchmakingSucceeded ");
}

Test(matchmaking, a_match_that_one_rejects)
{
	propose();
	answer("a", "anna", "ACCEPT");
	answer("b", "ben", "REJECT");
	is("a", "SEARCHING");
	is("b", "CANCELLED");
	cr_assert_str_eq(member_of("b", "StatusReason"), "AcceptanceRejected");
	cr_assert_str_eq(told, "AcceptMatch AcceptMatch AcceptMatchCompleted MatchmakingSearching MatchmakingCancelled ");
	start("c", "[{\"PlayerId\": \"carl\"}]");
	pass(300);
	answer("a", "anna", "ACCEPT");
	answer("c", "carl", "ACCEPT");
	is("a", "COMPLETED");
}

Test(matchmaking, a_match_that_one_does_not_answer)
{
	propose();
	answer("a", "anna", "ACCEPT");
	pass(7000);
	is("a", "SEARCHING");
	is("b", "CANCELLED");
	cr_assert_str_eq(member_of("b", "StatusReason"), "AcceptanceTimeout");
	cr_assert_str_eq(told, "AcceptMatch AcceptMatchCompleted MatchmakingSearching MatchmakingCancelled ");
	cr_assert_eq(ringcast_loop_match_counts(rig.loop).matches_rejected, 1);
}

Test(matchmaking, a_stop_while_players_are_asked)
{
	propose();
	answer("a", "anna", "ACCEPT");
	run("StopMatchmaking", "{\"TicketId\": \"b\"}");
	is("a", "SEARCHING");
	is("b", "CANCELLED");
	cr_assert_str_eq(member_of("b", "StatusReason"), "Cancelled");
}

Test(matchmaking, a_ticket_times_out)
{
	configure(DUEL, "false");
	start("a", "[{\"PlayerId\": \"anna\"}]");
	pass(59000);
	is("a", "SEARCHING");
	pass(3000);
	is("a", "TIMED_OUT");
	cr_assert_str_eq(told, "MatchmakingSearching MatchmakingTimedOut ");
	cr_assert_eq(ringcast_matchmaking_due_ms(ringcast_loop_model(rig.loop)->matchmaking), INT64_MAX, "nobody waits, nothing is due");
}

Test(matchmaking, a_new_rule_set_holds_for_who_waits)
{
	configure(RULES(TEAM("red", "1") "," TEAM("blue", "1"), NEAR), "false");
	start("a", "[{\"PlayerId\": \"anna\", \"PlayerAttributes\": {\"skill\": {\"N\": 1}}}]");
	start("b", "[{\"PlayerId\": \"ben\", \"PlayerAttributes\": {\"skill\": {\"N\": 50}}}]");
	pass(1500);
	is("a", "SEARCHING");
	run("CreateMatchmakingRuleSet", "{\"Name\": \"any\", \"RuleSetBody\": \"" DUEL "\"}");
	run("UpdateMatchmakingConfiguration", "{\"Name\": \"duel\", \"RuleSetName\": \"any\"}");
	pass(300);
	is("a", "COMPLETED");
	is("b", "COMPLETED");
}

Test(matchmaking, who_is_asked_answers_under_the_old_configuration)
{
	propose();
	run("UpdateMatchmakingConfiguration", "{\"Name\": \"duel\", \"AcceptanceRequired\": false}");
	pass(300);
	is("a", "REQUIRES_ACCEPTANCE");
	answer("a", "anna", "ACCEPT");
	answer("b", "ben", "REJECT");
	start("c", "[{\"PlayerId\": \"carl\"}]");
	pass(300);
	is("a", "COMPLETED");
}

Test(matchmaking, why_a_ticket_waits)
{
	configure(RULES(TEAM("red", "1") "," TEAM("blue", "1"), NEAR), "false");
	start("a", "[{\"PlayerId\": \"anna\", \"PlayerAttributes\": {\"skill\": {\"N\": 1}}}]");
	start("b", "[{\"PlayerId\": \"ben\", \"PlayerAttributes\": {\"skill\": {\"N\": 50}}}]");
	pass(300);
	json_t *explained = ringcast_matchmaking_explain(ringcast_loop_model(rig.loop)->matchmaking, "a");
	cr_assert_str_eq(json_string_value(json_object_get(explained, "state")), "SEARCHING");
	cr_assert_not_null(strstr(json_string_value(json_object_get(explained, "answer")), "near"), "the rule is named");
	json_decref(explained);
	cr_assert_null(ringcast_matchmaking_explain(ringcast_loop_model(rig.loop)->matchmaking, "none"));
}

/* As the admin API asks; after "": the first page. */
static json_t *overview_of(enum overview what, const char *after)
{
	struct model *model = ringcast_loop_model(rig.loop);
	struct request request = {.input = json_pack("{s:s}", "After", after), .role = ROLE_READER, .operation = ringcast_operation_overview(what)};
	request.operation->run(model, &request);
	cr_assert_eq(request.fault, FAULT_NONE, "%s", request.message);
	json_decref(request.input);
	return request.output;
}

Test(matchmaking, a_console_lists_tickets_with_their_reasons)
{
	size_t seen = 0, i;
	char id[32], after[32] = "";
	json_t *ticket, *page;
	configure(RULES(TEAM("red", "1") "," TEAM("blue", "1"), NEAR), "false");
	for (int skill = 0; skill < 12; skill++) {
		char players[128];
		snprintf(id, sizeof(id), "t%02d", skill);
		snprintf(players, sizeof(players), "[{\"PlayerId\": \"p%d\", \"PlayerAttributes\": {\"skill\": {\"N\": %d}}}]", skill, skill * 100);
		start(id, players);
	}
	pass(300);
	run("StopMatchmaking", "{\"TicketId\": \"t05\"}");
	do {
		page = overview_of(OVERVIEW_TICKETS, after);
		cr_assert_leq(json_array_size(json_object_get(page, "tickets")), 100);
		json_array_foreach(json_object_get(page, "tickets"), i, ticket) {
			cr_assert_str_neq(json_string_value(json_object_get(ticket, "id")), "t05", "it has ended");
			cr_assert_str_eq(json_string_value(json_object_get(ticket, "state")), "SEARCHING");
			cr_assert_not_null(strstr(json_string_value(json_object_get(ticket, "waiting_because")), "near"), "the rule is named");
			seen++;
		}
		const char *next = json_string_value(json_object_get(page, "next"));
		snprintf(after, sizeof(after), "%s", next != NULL ? next : "");
		json_decref(page);
	} while (*after != '\0');
	cr_assert_eq(seen, 11, "each of those that wait, once");
}

static uint64_t judge_work(void)
{
	const struct matchmaking *matchmaking = ringcast_loop_model(rig.loop)->matchmaking;
	return ringcast_maker_ground(ringcast_maker_find(matchmaking, "duel"))->pool->judge->work;
}

/* Nobody of these fits another one. */
static void configure_dear_rules(uint32_t count)
{
	char *rules = NULL;
	size_t size;
	FILE *out = open_memstream(&rules, &size);
	fputs("{\"Name\": \"rules\", \"RuleSetBody\": \"" , out);
	fputs("{\\\"ruleLanguageVersion\\\": \\\"1.0\\\", \\\"playerAttributes\\\": [{\\\"name\\\": \\\"skill\\\", \\\"type\\\": \\\"number\\\", \\\"default\\\": 10}],"
	      "\\\"teams\\\": [" TEAM("red", "4") "," TEAM("blue", "4") "], \\\"rules\\\": [", out);
	for (uint32_t i = 0; i < count; i++)
		fprintf(out, "%s{\\\"name\\\": \\\"near%u\\\", \\\"type\\\": \\\"batchDistance\\\", \\\"batchAttribute\\\": \\\"skill\\\", \\\"maxDistance\\\": 5}", i > 0 ? "," : "", i);
	fputs("]}\"}", out);
	fclose(out);
	run("CreateMatchmakingRuleSet", rules);
	free(rules);
	run("CreateMatchmakingConfiguration",
	    "{\"Name\": \"duel\", \"RuleSetName\": \"rules\", \"RequestTimeoutSeconds\": 60, \"FlexMatchMode\": \"STANDALONE\", \"AcceptanceRequired\": false}");
}

/* The service has one thread: a page that somebody leaves open must not take it from the players. */
Test(matchmaking, a_long_list_of_dear_tickets_costs_the_service_little)
{
	size_t seen = 0, explained = 0, pages = 0, i;
	char players[128], id[32], after[32] = "";
	json_t *ticket;
	ringcast_loop_model(rig.loop)->settings.match_tickets_max = 256;
	configure_dear_rules(20);
	for (int n = 0; n < 200; n++) {
		snprintf(id, sizeof(id), "t%03d", n);
		snprintf(players, sizeof(players), "[{\"PlayerId\": \"p%d\", \"PlayerAttributes\": {\"skill\": {\"N\": %d}}}]", n, n * 100);
		start(id, players);
	}
	pass(300);
	uint64_t before = judge_work();
	do {
		json_t *page = overview_of(OVERVIEW_TICKETS, after);
		json_array_foreach(json_object_get(page, "tickets"), i, ticket) {
			bool is_explained = json_is_true(json_object_get(ticket, "is_explained"));
			cr_assert_eq(is_explained, json_is_string(json_object_get(ticket, "waiting_because")), "who was not looked into is told so, and not why it waits");
			cr_assert_str_eq(json_string_value(json_object_get(ticket, "state")), "SEARCHING");
			cr_assert(json_is_real(json_object_get(ticket, "waited_seconds")) || json_is_integer(json_object_get(ticket, "waited_seconds")));
			explained += is_explained;
			seen++;
		}
		const char *next = json_string_value(json_object_get(page, "next"));
		snprintf(after, sizeof(after), "%s", next != NULL ? next : "");
		json_decref(page);
		pages++;
	} while (*after != '\0');
	cr_assert_eq(seen, 200);
	cr_assert_eq(pages, 2);
	cr_assert(explained > 0 && explained < 100, "%zu", explained);
	cr_assert_lt(judge_work() - before, 2100000, "all pages together: %llu", (unsigned long long)(judge_work() - before));
}

Test(matchmaking, running_matches_get_players)
{
	configure(RULES(TEAM("red", "2") "," TEAM("blue", "2"), ""), "false");
	run("StartMatchBackfill", "{\"ConfigurationName\": \"duel\", \"TicketId\": \"run\", \"Players\": [{\"PlayerId\": \"x\", \"Team\": \"red\"}]}");
	start("a", "[{\"PlayerId\": \"anna\"}]");
	pass(300);
	is("run", "COMPLETED");
	is("a", "COMPLETED");
	cr_assert_str_eq(member_of("a", "Players.0.Team"), "blue");
	refused("StartMatchBackfill", "{\"ConfigurationName\": \"duel\", \"Players\": [{\"PlayerId\": \"x\"}]}", FAULT_INVALID, "Team");
}

/* Places are kept open from what a team may have at most; all of them cannot be, whatever the number is. */
Test(matchmaking, more_places_to_keep_open_than_a_match_has_are_as_many_as_it_has)
{
	char input[1024];
	run("CreateGameSessionQueue", "{\"Name\": \"q\", \"Destinations\": [{\"DestinationArn\": \"arn:aws:gamelift:local::fleet/fleet-1\"}]}");
	snprintf(input, sizeof(input), "{\"Name\": \"rules\", \"RuleSetBody\": \"%s\"}", RULES(TEAM("red", "2"), ""));
	run("CreateMatchmakingRuleSet", input);
	run("CreateMatchmakingConfiguration", "{\"Name\": \"duel\", \"RuleSetName\": \"rules\", \"RequestTimeoutSeconds\": 60, \"FlexMatchMode\": \"WITH_QUEUE\", \"AcceptanceRequired\": false, "
	    "\"AdditionalPlayerCount\": 65536, \"GameSessionQueueArns\": [\"arn:aws:gamelift:local::gamesessionqueue/q\"]}");
	refused("StartMatchmaking", "{\"ConfigurationName\": \"duel\", \"Players\": [{\"PlayerId\": \"a\"}, {\"PlayerId\": \"b\"}]}", FAULT_INVALID, "2 players");
	start("a", "[{\"PlayerId\": \"anna\"}]");
}

/* Else every match of it would be made, asked, placed five times and given up. */
Test(matchmaking, matches_that_no_session_holds_are_refused_where_they_are_configured)
{
	char input[1024];
	static const char configuration[] = "{\"Name\": \"duel\", \"RuleSetName\": \"rules\", \"RequestTimeoutSeconds\": 60, \"FlexMatchMode\": \"WITH_QUEUE\", \"AcceptanceRequired\": false, "
					    "\"GameSessionQueueArns\": [\"arn:aws:gamelift:local::gamesessionqueue/q\"]}";
	ringcast_loop_model(rig.loop)->settings.players_per_session_max = 3;
	run("CreateGameSessionQueue", "{\"Name\": \"q\", \"Destinations\": [{\"DestinationArn\": \"arn:aws:gamelift:local::fleet/fleet-1\"}]}");
	snprintf(input, sizeof(input), "{\"Name\": \"rules\", \"RuleSetBody\": \"%s\"}", RULES(TEAM("red", "2") "," TEAM("blue", "2"), ""));
	run("CreateMatchmakingRuleSet", input);
	refused("CreateMatchmakingConfiguration", configuration, FAULT_INVALID, "RuleSetName: its matches have up to 4 players, and a session has at most 3 here");
	ringcast_loop_model(rig.loop)->settings.players_per_session_max = 4;
	run("CreateMatchmakingConfiguration", configuration);
}
