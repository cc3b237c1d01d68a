/*
 * Nobody is told what the store may still refuse, be it by an answer or by a refusal. A change and, before it is stored, something asked that it makes a difference
 * for; the store dies before each of its writes, or refuses them.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"
#include "service/operations/watch.h"

enum { WRITES_MAX = 3 };

static struct rig rig;
static char fleet[MODEL_ID_BYTES], alias[MODEL_ID_BYTES];

#define RULES "{\\\"ruleLanguageVersion\\\": \\\"1.0\\\", \\\"teams\\\": [{\\\"name\\\": \\\"a\\\", \\\"minPlayers\\\": 2, \\\"maxPlayers\\\": 2}]}"
#define ARN(resource, name) "arn:aws:gamelift:local::" resource "/" name
#define TICKET(id) "{\"ConfigurationName\": \"c\", \"TicketId\": \"" id "\", \"Players\": [{\"PlayerId\": \"" id "\"}]}"
#define PLACE(id) "{\"PlacementId\": \"" id "\", \"GameSessionQueueName\": \"q\", \"MaximumPlayerSessionCount\": 4}"
#define CONFIGURE(name) \
	"{\"Name\": \"" name "\", \"RuleSetName\": \"r\", \"RequestTimeoutSeconds\": 60, \"FlexMatchMode\": \"STANDALONE\", \"AcceptanceRequired\": false}"

/* FLEET and ALIAS in inputs are the ids of those that are there. */
static const struct step {
	const char *operation, *input;
} beginning[] = {
	{"CreateLocation", "{\"LocationName\": \"custom-a\", \"Tags\": [{\"Key\": \"k\", \"Value\": \"v\"}]}"},
	{"CreateGameSessionQueue", "{\"Name\": \"q\"}"},
	{"CreateMatchmakingRuleSet", "{\"Name\": \"r\", \"RuleSetBody\": \"" RULES "\"}"},
	{"CreateMatchmakingRuleSet", "{\"Name\": \"idle\", \"RuleSetBody\": \"" RULES "\"}"},
	{"CreateMatchmakingConfiguration", CONFIGURE("c")},
	{"StartMatchmaking", TICKET("waits")},
	{"StartGameSessionPlacement", PLACE("waits")},
};

/* Each change, and what it makes another answer of. */
static const struct pair {
	struct step change, question;
} pairs[] = {
	{{"CreateLocation", "{\"LocationName\": \"custom-b\"}"}, {"CreateLocation", "{\"LocationName\": \"custom-b\"}"}},
	{{"CreateLocation", "{\"LocationName\": \"custom-b\"}"}, {"ListLocations", "{\"Filters\": [\"CUSTOM\"]}"}},
	{{"DeleteLocation", "{\"LocationName\": \"custom-a\"}"}, {"DeleteLocation", "{\"LocationName\": \"custom-a\"}"}},
	{{"DeleteLocation", "{\"LocationName\": \"custom-a\"}"}, {"ListTagsForResource", "{\"ResourceARN\": \"" ARN("location", "custom-a") "\"}"}},
	{{"DeleteLocation", "{\"LocationName\": \"custom-a\"}"}, {"CreateFleetLocations", "{\"FleetId\": \"FLEET\", \"Locations\": [{\"Location\": \"custom-a\"}]}"}},
	{{"TagResource", "{\"ResourceARN\": \"" ARN("location", "custom-a") "\", \"Tags\": [{\"Key\": \"x\", \"Value\": \"y\"}]}"},
	 {"ListTagsForResource", "{\"ResourceARN\": \"" ARN("location", "custom-a") "\"}"}},
	{{"UntagResource", "{\"ResourceARN\": \"" ARN("location", "custom-a") "\", \"TagKeys\": [\"k\"]}"},
	 {"ListTagsForResource", "{\"ResourceARN\": \"" ARN("location", "custom-a") "\"}"}},
	{{"UpdateAlias", "{\"AliasId\": \"ALIAS\", \"Name\": \"other\"}"}, {"DescribeAlias", "{\"AliasId\": \"ALIAS\"}"}},
	{{"UpdateAlias", "{\"AliasId\": \"ALIAS\", \"RoutingStrategy\": {\"Type\": \"TERMINAL\", \"Message\": \"closed\"}}"}, {"ResolveAlias", "{\"AliasId\": \"ALIAS\"}"}},
	{{"UpdateAlias", "{\"AliasId\": \"ALIAS\", \"RoutingStrategy\": {\"Type\": \"TERMINAL\", \"Message\": \"closed\"}}"},
	 {"CreateGameSession", "{\"AliasId\": \"ALIAS\", \"MaximumPlayerSessionCount\": 2}"}},
	{{"DeleteAlias", "{\"AliasId\": \"ALIAS\"}"}, {"DescribeAlias", "{\"AliasId\": \"ALIAS\"}"}},
	{{"DeleteAlias", "{\"AliasId\": \"ALIAS\"}"}, {"ListAliases", "{}"}},
	{{"UpdateFleetAttributes", "{\"FleetId\": \"FLEET\", \"Name\": \"other\"}"}, {"DescribeFleetAttributes", "{\"FleetIds\": [\"FLEET\"]}"}},
	{{"UpdateFleetCapacity", "{\"FleetId\": \"FLEET\", \"DesiredInstances\": 3, \"MaxSize\": 5}"}, {"DescribeFleetCapacity", "{\"FleetIds\": [\"FLEET\"]}"}},
	{{"UpdateFleetCapacity", "{\"FleetId\": \"FLEET\", \"DesiredInstances\": 3, \"MaxSize\": 5}"}, {"DescribeFleetEvents", "{\"FleetId\": \"FLEET\"}"}},
	{{"RegisterCompute", "{\"FleetId\": \"FLEET\", \"ComputeName\": \"box\", \"IpAddress\": \"192.0.2.1\"}"}, {"DescribeCompute", "{\"FleetId\": \"FLEET\", \"ComputeName\": \"box\"}"}},
	{{"RegisterCompute", "{\"FleetId\": \"FLEET\", \"ComputeName\": \"box\", \"IpAddress\": \"192.0.2.1\"}"}, {"ListCompute", "{\"FleetId\": \"FLEET\"}"}},
	{{"DeleteFleet", "{\"FleetId\": \"FLEET\"}"}, {"DeleteFleet", "{\"FleetId\": \"FLEET\"}"}},
	{{"DeleteFleet", "{\"FleetId\": \"FLEET\"}"}, {"ListFleets", "{}"}},
	{{"DeleteFleet", "{\"FleetId\": \"FLEET\"}"}, {"CreateGameSession", "{\"FleetId\": \"FLEET\", \"MaximumPlayerSessionCount\": 2}"}},
	{{"PutScalingPolicy", "{\"FleetId\": \"FLEET\", \"Name\": \"p\", \"PolicyType\": \"TargetBased\", \"MetricName\": \"PercentAvailableGameSessions\", \"TargetConfiguration\": "
			      "{\"TargetValue\": 20}}"},
	 {"DescribeScalingPolicies", "{\"FleetId\": \"FLEET\"}"}},
	{{"CreateGameSessionQueue", "{\"Name\": \"new\"}"}, {"CreateGameSessionQueue", "{\"Name\": \"new\"}"}},
	{{"UpdateGameSessionQueue", "{\"Name\": \"q\", \"TimeoutInSeconds\": 7}"}, {"DescribeGameSessionQueues", "{\"Names\": [\"q\"]}"}},
	{{"DeleteGameSessionQueue", "{\"Name\": \"q\"}"}, {"DescribeGameSessionQueues", "{}"}},
	{{"DeleteGameSessionQueue", "{\"Name\": \"q\"}"}, {"StartGameSessionPlacement", PLACE("new")}},
	{{"StartGameSessionPlacement", PLACE("new")}, {"DescribeGameSessionPlacement", "{\"PlacementId\": \"new\"}"}},
	{{"StartGameSessionPlacement", PLACE("new")}, {"StartGameSessionPlacement", PLACE("new")}},
	{{"StopGameSessionPlacement", "{\"PlacementId\": \"waits\"}"}, {"StopGameSessionPlacement", "{\"PlacementId\": \"waits\"}"}},
	{{"StopGameSessionPlacement", "{\"PlacementId\": \"waits\"}"}, {"DescribeGameSessionPlacement", "{\"PlacementId\": \"waits\"}"}},
	{{"DeleteMatchmakingRuleSet", "{\"Name\": \"idle\"}"}, {"DescribeMatchmakingRuleSets", "{\"Names\": [\"idle\"]}"}},
	{{"DeleteMatchmakingRuleSet", "{\"Name\": \"idle\"}"}, {"DeleteMatchmakingRuleSet", "{\"Name\": \"idle\"}"}},
	{{"CreateMatchmakingConfiguration", CONFIGURE("new")}, {"DescribeMatchmakingConfigurations", "{\"Names\": [\"new\"]}"}},
	{{"CreateMatchmakingConfiguration", CONFIGURE("new")}, {"CreateMatchmakingConfiguration", CONFIGURE("new")}},
	{{"UpdateMatchmakingConfiguration", "{\"Name\": \"c\", \"Description\": \"other\"}"}, {"DescribeMatchmakingConfigurations", "{}"}},
	{{"UpdateMatchmakingConfiguration", "{\"Name\": \"c\", \"RuleSetName\": \"idle\"}"}, {"DeleteMatchmakingRuleSet", "{\"Name\": \"idle\"}"}},
	{{"StartMatchmaking", TICKET("new")}, {"DescribeMatchmaking", "{\"TicketIds\": [\"new\"]}"}},
	{{"StartMatchmaking", TICKET("new")}, {"StartMatchmaking", TICKET("new")}},
	{{"StopMatchmaking", "{\"TicketId\": \"waits\"}"}, {"StopMatchmaking", "{\"TicketId\": \"waits\"}"}},
	{{"StopMatchmaking", "{\"TicketId\": \"waits\"}"}, {"DescribeMatchmaking", "{\"TicketIds\": [\"waits\"]}"}},
	{{"StopMatchmaking", "{\"TicketId\": \"waits\"}"}, {"AcceptMatch", "{\"TicketId\": \"waits\", \"PlayerIds\": [\"waits\"], \"AcceptanceType\": \"ACCEPT\"}"}},
	{{"StartMatchmaking", TICKET("new")}, {"DeleteMatchmakingConfiguration", "{\"Name\": \"c\"}"}},
};

static char *filled(const char *text)
{
	static char out[4][2048];
	static unsigned next;
	char *to = out[next++ % 4];
	size_t used = 0;
	for (; *text != '\0'; text++) {
		bool is_fleet = strncmp(text, "FLEET", 5) == 0, is_alias = strncmp(text, "ALIAS", 5) == 0;
		if (is_fleet || is_alias)
			used += (size_t)snprintf(to + used, sizeof(out[0]) - used, "%s", is_fleet ? fleet : alias);
		else
			to[used++] = *text;
		text += is_fleet || is_alias ? 4 : 0;
	}
	to[used] = '\0';
	return to;
}

static struct request *ask(const struct step *step)
{
	struct request *request = rig_ask(&rig, step->operation, filled(step->input));
	rig_turn(&rig);
	return request;
}

static void drop_calls(void)
{
	for (struct host_call *call = rig_take_call(&rig); call != NULL; call = rig_take_call(&rig))
		ringcast_host_call_destroy(&call);
}

static void make(const char *operation, const char *input, const char *path, char ret_id[MODEL_ID_BYTES])
{
	struct request *request = rig_run(&rig, operation, input);
	cr_assert_eq(request->fault, FAULT_NONE, "%s: %s", operation, request->message);
	if (path != NULL)
		snprintf(ret_id, MODEL_ID_BYTES, "%s", rig_text(request, path));
	rig_free(request);
}

static void begin(void)
{
	rig_init(&rig, false);
	make("CreateFleet", "{\"Name\": \"f\", \"ComputeType\": \"ANYWHERE\"}", "FleetAttributes.FleetId", fleet);
	char text[256];
	snprintf(text, sizeof(text), "{\"Name\": \"a\", \"RoutingStrategy\": {\"Type\": \"SIMPLE\", \"FleetId\": \"%s\"}}", fleet);
	make("CreateAlias", text, "Alias.AliasId", alias);
	for (size_t i = 0; i < ARRAY_COUNT(beginning); i++)
		make(beginning[i].operation, beginning[i].input, NULL, NULL);
	ringcast_loop_hold_writes(rig.loop);
}

/* The answer in one line; no time passes here. */
static char *text_of(const struct request *request)
{
	char *output = request->output != NULL ? json_dumps(request->output, JSON_COMPACT | JSON_SORT_KEYS) : NULL, *text = malloc(65536);
	snprintf(text, 65536, "%d %s %s", (int)request->fault, request->message, output != NULL ? output : "");
	free(output);
	return text;
}

/* What it says after kill -9: a loop on what was written, and on nothing else. The one that has died lies still beside it. */
static char *answer_after_death(const struct step *step)
{
	char problem[STORE_PROBLEM_BYTES] = "";
	struct loop *dead = rig.loop;
	drop_calls();
	rig.loop = rig_loop(&rig, &(struct rig_options){.is_dev = false}, problem);
	cr_assert_not_null(rig.loop, "%s", problem);
	struct request *request = ask(step);
	char *text = request->context == NULL ? text_of(request) : strdup("-");
	drop_calls();
	ringcast_loop_stop(rig.loop);
	rig_free(request);
	ringcast_loop_destroy(&rig.loop);
	rig.loop = dead;
	return text;
}

static void end(struct request *change, struct request *question)
{
	drop_calls();
	ringcast_loop_stop(rig.loop);
	rig_free(change);
	rig_free(question);
	rig_fini(&rig);
}

/* Dies after so many writes. True: the question was answered before. */
static bool crash(const struct pair *pair, int writes)
{
	begin();
	struct request *change = ask(&pair->change), *question = ask(&pair->question);
	for (int i = 0; i < writes && ringcast_loop_write(rig.loop); i++)
		rig_turn(&rig);
	bool is_answered = question->context == NULL;
	char *told = is_answered ? text_of(question) : strdup("-"), *then = answer_after_death(&pair->question);
	cr_assert(writes > 0 || !is_answered, "%s, then %s: answered before anything was written: %s", pair->change.operation, pair->question.operation, told);
	cr_assert(!is_answered || strcmp(told, then) == 0, "%s, then %s, dead after %d writes: was told\n%s\nand after the restart it is\n%s", pair->change.operation,
		  pair->question.operation, writes, told, then);
	free(told);
	free(then);
	end(change, question);
	return is_answered;
}

Test(unsettled, whatever_was_told_before_the_store_died_is_so_after_it)
{
	for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
		bool is_answered = false;
		for (int writes = 0; writes <= WRITES_MAX; writes++)
			is_answered = crash(&pairs[i], writes);
		cr_assert(is_answered, "%s, then %s: never answered", pairs[i].change.operation, pairs[i].question.operation);
	}
}

/* Else the pair would prove nothing. */
Test(unsettled, each_change_makes_a_difference_for_what_is_asked)
{
	for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
		begin();
		char *before = answer_after_death(&pairs[i].question);
		struct request *change = ask(&pairs[i].change);
		while (ringcast_loop_write(rig.loop))
			rig_turn(&rig);
		cr_assert_null(change->context, "%s", pairs[i].change.operation);
		cr_assert_eq(change->fault, FAULT_NONE, "%s: %s", pairs[i].change.operation, change->message);
		char *after = answer_after_death(&pairs[i].question);
		cr_assert_str_neq(before, after, "%s, then %s", pairs[i].change.operation, pairs[i].question.operation);
		free(before);
		free(after);
		ringcast_loop_stop(rig.loop);
		rig_free(change);
		rig_fini(&rig);
	}
}

/* The store cannot write a text that is not UTF-8. Who only looks sees what there was; whoever wanted a change is told that there is none. */
Test(unsettled, what_the_store_refuses_nobody_was_told_of)
{
	for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
		begin();
		bool only_looks = ringcast_operation_find(pairs[i].question.operation)->role == ROLE_READER;
		char *before = answer_after_death(&pairs[i].question);
		cr_assert(ringcast_records_put(&ringcast_loop_model(rig.loop)->records, RECORD_KEY, "spoiled", json_pack("{s:o}", "Name", json_stringn_nocheck("\xff", 1))));
		struct request *change = ask(&pairs[i].change), *question = ask(&pairs[i].question);
		cr_assert(ringcast_loop_write(rig.loop));
		rig_turn(&rig);
		cr_assert_eq(change->fault, FAULT_INTERNAL, "%s: %s", pairs[i].change.operation, change->message);
		cr_assert_null(question->context, "%s, then %s: not answered", pairs[i].change.operation, pairs[i].question.operation);
		char *told = text_of(question);
		if (only_looks)
			cr_assert_str_eq(told, before, "%s, then %s: %s instead of %s", pairs[i].change.operation, pairs[i].question.operation, told, before);
		else
			cr_assert_eq(question->fault, FAULT_INTERNAL, "%s, then %s: %s", pairs[i].change.operation, pairs[i].question.operation, told);
		free(before);
		free(told);
		end(change, question);
	}
}

/* A refusal waits for what it says, and for nothing else that happens to be open. */
Test(unsettled, who_asks_for_what_was_never_there_is_told_so_at_once)
{
	static const struct step none[] = {
		{"DeleteLocation", "{\"LocationName\": \"custom-none\"}"}, {"DeleteAlias", "{\"AliasId\": \"alias-none\"}"},	 {"DeleteFleet", "{\"FleetId\": \"fleet-none\"}"},
		{"DeleteMatchmakingRuleSet", "{\"Name\": \"none\"}"},    {"DeleteGameSessionQueue", "{\"Name\": \"none\"}"}, {"DeleteMatchmakingConfiguration", "{\"Name\": \"none\"}"},
		{"StopMatchmaking", "{\"TicketId\": \"none\"}"},	     {"StopGameSessionPlacement", "{\"PlacementId\": \"none\"}"}};
	static const struct step changes[] = {{"CreateFleet", "{\"Name\": \"g\", \"ComputeType\": \"ANYWHERE\"}"}, {"CreateLocation", "{\"LocationName\": \"custom-b\"}"},
					      {"CreateMatchmakingConfiguration", CONFIGURE("new")}, {"StartMatchmaking", TICKET("new")}, {"StartGameSessionPlacement", PLACE("new")}};
	struct request *open[ARRAY_COUNT(changes)];
	begin();
	for (size_t i = 0; i < ARRAY_COUNT(changes); i++)
		open[i] = ask(&changes[i]);
	for (size_t i = 0; i < ARRAY_COUNT(none); i++) {
		struct request *request = ask(&none[i]);
		cr_assert_null(request->context, "%s waits", none[i].operation);
		cr_assert_eq(request->fault, FAULT_NOT_FOUND, "%s: %s", none[i].operation, request->message);
		rig_free(request);
	}
	ringcast_loop_stop(rig.loop);
	for (size_t i = 0; i < ARRAY_COUNT(changes); i++)
		rig_free(open[i]);
	rig_fini(&rig);
}

/* Who watches is not kept waiting by a store that hangs. */
Test(unsettled, a_glance_waits_for_nothing)
{
	begin();
	struct request *change = ask(&(struct step){"CreateLocation", "{\"LocationName\": \"custom-b\"}"}), *glance = rig_ask(&rig, "ListLocations", "{}");
	glance->operation = &ringcast_operation_watch;
	rig_turn(&rig);
	cr_assert_not_null(change->context);
	cr_assert_null(glance->context);
	end(change, glance);
}
