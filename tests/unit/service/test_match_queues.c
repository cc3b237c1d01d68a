/* Matches whose configuration names several queues: where they go, in which order, and that each is told of once. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "rig.h"
#include "service/matchmaking/matchmaking.h"
#include "service/operations/placing.h"
#include "service/operations/watch.h"

static struct rig rig;
static char told[2048];

static void emit(void *context, struct service_event *event)
{
	(void)context;
	size_t used = strlen(told);
	if (strncmp(event->type, "Matchmaking", 11) == 0 || strncmp(event->type, "Placement", 9) == 0)
		snprintf(told + used, sizeof(told) - used, "%s ", event->type);
	ringcast_event_destroy(&event);
}

static void must(const char *operation, const char *input)
{
	struct request *request = rig_run(&rig, operation, input);
	cr_assert_eq(request->fault, FAULT_NONE, "%s: %s", operation, request->message);
	rig_free(request);
}

#define ARN(resource, name) "arn:aws:gamelift:local::" resource "/" name
#define QUEUE(name, timeout) "{\"Name\": \"" name "\", \"TimeoutInSeconds\": " timeout ", \"Destinations\": [{\"DestinationArn\": \"" ARN("fleet", "fleet-1") "\"}]}"

static void begin(void)
{
	*told = '\0';
	rig_init_with(&rig, &(struct rig_options){.is_dev = true, .emit = emit});
	must("CreateGameSessionQueue", QUEUE("first", "10"));
	must("CreateGameSessionQueue", QUEUE("second", "20"));
	must("CreateMatchmakingRuleSet", "{\"Name\": \"r\", \"RuleSetBody\": \"{\\\"ruleLanguageVersion\\\": \\\"1.0\\\", \\\"teams\\\": [{\\\"name\\\": \\\"t\\\", \\\"minPlayers\\\": 2, "
					 "\\\"maxPlayers\\\": 2}]}\"}");
	must("CreateMatchmakingConfiguration", "{\"Name\": \"c\", \"RuleSetName\": \"r\", \"RequestTimeoutSeconds\": 600, \"AcceptanceRequired\": false, \"GameSessionQueueArns\": [\"" ARN("gamesessionqueue", "first")
					       "\", \"" ARN("gamesessionqueue", "second") "\"]}");
	ringcast_loop_model(rig.loop)->settings.sessions_max = 0; /* there is no room */
}

static void end(void)
{
	rig_fini(&rig);
}

TestSuite(match_queues, .init = begin, .fini = end);

static void pass(int64_t ms)
{
	for (int64_t until = rig.now_ms + ms; rig.now_ms < until; rig_turn(&rig))
		rig.now_ms += 100;
}

static void match(void)
{
	must("StartMatchmaking", "{\"ConfigurationName\": \"c\", \"TicketId\": \"a\", \"Players\": [{\"PlayerId\": \"ann\"}]}");
	must("StartMatchmaking", "{\"ConfigurationName\": \"c\", \"TicketId\": \"b\", \"Players\": [{\"PlayerId\": \"bob\"}]}");
	pass(500);
}

static void are(const char *status)
{
	struct request *request = rig_run(&rig, "DescribeMatchmaking", "{\"TicketIds\": [\"a\", \"b\"]}");
	cr_assert_str_eq(rig_text(request, "TicketList.0.Status"), status);
	cr_assert_str_eq(rig_text(request, "TicketList.1.Status"), status);
	rig_free(request);
}

static uint32_t waiting(const char *queue)
{
	return ringcast_placing_depth(ringcast_loop_model(rig.loop), queue);
}

static size_t count(const char *word)
{
	size_t times = 0;
	for (const char *at = told; (at = strstr(at, word)) != NULL; at++)
		times++;
	return times;
}

static void play(void)
{
	ringcast_loop_model(rig.loop)->settings.sessions_max = 10;
	pass(100);
	for (struct host_call *call = rig_take_call(&rig); call != NULL; call = rig_take_call(&rig))
		rig_answer(&rig, call, HOST_OK);
	pass(100);
}

Test(match_queues, one_that_finds_no_room_in_time_goes_to_the_next_one)
{
	match();
	are("PLACING");
	cr_assert_eq(waiting("first"), 1);
	pass(9000);
	cr_assert_eq(waiting("first"), 1);
	pass(1500);
	are("PLACING");
	cr_assert_eq(waiting("first"), 0);
	cr_assert_eq(waiting("second"), 1);
	cr_assert_eq(count("Matchmaking"), count("MatchmakingSearching"), "%s", told);
	play();
	are("COMPLETED");
	cr_assert_eq(count("MatchmakingSucceeded"), 1);
	cr_assert_eq(count("PlacementTimedOut"), 1);
	cr_assert_eq(count("PlacementFulfilled"), 1);
	struct request *request = rig_run(&rig, "DescribeMatchmaking", "{\"TicketIds\": [\"b\"]}");
	const char *arn = rig_text(request, "TicketList.0.GameSessionConnectionInfo.GameSessionArn");
	cr_assert_str_eq(arn + strlen(arn) - 3, "-q2", "%s", arn);
	cr_assert_str_eq(rig_text(request, "TicketList.0.GameSessionConnectionInfo.MatchedPlayerSessions.0.PlayerId"), "bob");
	rig_free(request);
}

Test(match_queues, one_that_was_in_all_of_them_has_failed_once)
{
	match();
	pass(40000);
	are("FAILED");
	cr_assert_eq(count("MatchmakingFailed"), 1);
	cr_assert_eq(count("PlacementTimedOut"), 2);
	pass(60000);
	cr_assert_eq(count("MatchmakingFailed"), 1);
	cr_assert_eq(ringcast_loop_match_counts(rig.loop).tickets_failed, 2);
}

Test(match_queues, the_one_in_which_fewest_wait_is_the_first)
{
	struct request *request = rig_ask(&rig, "StartGameSessionPlacement", "{\"PlacementId\": \"p\", \"GameSessionQueueName\": \"first\", \"MaximumPlayerSessionCount\": 4}");
	rig_turn(&rig);
	rig_free(request);
	match();
	cr_assert_eq(waiting("first"), 1);
	cr_assert_eq(waiting("second"), 1);
	pass(20000);
	are("PLACING");
	cr_assert_eq(waiting("first"), 1);
	cr_assert_eq(waiting("second"), 0);
}

Test(match_queues, a_queue_that_is_removed_is_left_for_the_next_one)
{
	match();
	must("DeleteGameSessionQueue", "{\"Name\": \"first\"}");
	pass(300);
	are("PLACING");
	cr_assert_eq(waiting("second"), 1);
	must("DeleteGameSessionQueue", "{\"Name\": \"second\"}");
	pass(300);
	are("FAILED");
	cr_assert_eq(count("MatchmakingFailed"), 1);
}

Test(match_queues, after_a_restart_it_goes_on_where_it_was)
{
	char problem[STORE_PROBLEM_BYTES];
	for (int round = 0; round < 2; round++) {
		if (round == 0)
			match();
		else
			pass(11000);
		ringcast_loop_stop(rig.loop);
		ringcast_loop_destroy(&rig.loop);
		rig.loop = rig_loop(&rig, &(struct rig_options){.is_dev = true, .emit = emit}, problem);
		cr_assert_not_null(rig.loop, "%s", problem);
		ringcast_loop_model(rig.loop)->settings.sessions_max = 0;
		pass(1500);
		are("PLACING");
		cr_assert_eq(waiting(round == 0 ? "first" : "second"), 1, "round %d", round);
	}
	play();
	are("COMPLETED");
	cr_assert_eq(count("MatchmakingSucceeded"), 1);
}

/* The label of more queues than metrics name (2 here), and of those that are gone. */
static double metric(const char *kind, const char *name, const char *cell)
{
	struct request *request = rig_ask(&rig, "ListFleets", "{}");
	request->operation = &ringcast_operation_watch;
	rig_turn(&rig);
	double value = json_number_value(json_object_get(json_object_get(json_object_get(request->output, kind), name), cell));
	rig_free(request);
	return value;
}

Test(match_queues, what_is_counted_of_each_adds_up_and_has_a_bound)
{
	match();
	cr_assert_eq(metric("queues", "first", "depth"), 1);
	pass(5000);
	cr_assert_geq(metric("queues", "first", "average_wait_time"), 5000);
	cr_assert_eq(metric("configurations", "c", "current_tickets"), 2);
	pass(6000);
	cr_assert_eq(metric("queues", "first", "placements_timed_out"), 1);
	cr_assert_eq(metric("queues", "first", "depth"), 0);
	play();
	cr_assert_eq(metric("queues", "second", "placements_succeeded"), 1);
	cr_assert_eq(metric("configurations", "c", "tickets_completed"), 2);
	cr_assert_eq(metric("configurations", "c", "current_tickets"), 0);
	cr_assert_geq(metric("configurations", "c", "time_to_match_ms"), 2 * 11000);
	must("CreateGameSessionQueue", QUEUE("third", "10"));
	must("StartGameSessionPlacement", "{\"PlacementId\": \"p\", \"GameSessionQueueName\": \"third\", \"MaximumPlayerSessionCount\": 4}");
	cr_assert_eq(metric("queues", "third", "placements_started"), 0, "it is one too many");
	cr_assert_eq(metric("queues", "(others)", "placements_succeeded"), 1);
	must("DeleteGameSessionQueue", "{\"Name\": \"second\"}");
	cr_assert_eq(metric("queues", "third", "placements_started"), 1, "now there is a place for it");
	cr_assert_eq(metric("queues", "(others)", "placements_succeeded"), 1, "what was counted of those that are gone");
}
