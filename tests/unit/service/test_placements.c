/* Placements through the operations, with a host that answers as the test wants. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "rig.h"
#include "service/events/envelope.h"
#include "service/operations/placing_private.h"

static struct rig rig;
static struct service_event *events[64];
static size_t event_count;

static void emit(void *context, struct service_event *event)
{
	(void)context;
	cr_assert_lt(event_count, 64);
	events[event_count++] = event;
}

static void begin(void)
{
	event_count = 0;
	rig_init_with(&rig, &(struct rig_options){.is_dev = true, .emit = emit});
}

static void end(void)
{
	rig_fini(&rig);
	while (event_count > 0)
		ringcast_event_destroy(&events[--event_count]);
}

TestSuite(placements, .init = begin, .fini = end);

static void must(const char *operation, const char *input)
{
	struct request *request = rig_run(&rig, operation, input);
	cr_assert_eq(request->fault, FAULT_NONE, "%s: %s", operation, request->message);
	rig_free(request);
}

static void answers(struct request *request, enum fault fault, const char *said)
{
	cr_assert_null(request->context, "not answered");
	cr_assert_eq(request->fault, fault, "%s", request->message);
	cr_assert_not_null(strstr(request->message, said), "%s", request->message);
	rig_free(request);
}

static void must_not(const char *operation, const char *input, enum fault fault, const char *said)
{
	answers(rig_run(&rig, operation, input), fault, said);
}

#define FLEET "arn:aws:gamelift:local::fleet/fleet-1"
#define QUEUE "{\"Name\": \"q\", \"TimeoutInSeconds\": 60, \"CustomEventData\": \"mine\", \"Destinations\": [{\"DestinationArn\": \"" FLEET "\"}]}"
#define START(id) "{\"PlacementId\": \"" id "\", \"GameSessionQueueName\": \"q\", \"MaximumPlayerSessionCount\": 40, \"GameSessionName\": \"n\"}"

/* Asks and does not answer what the hosts are asked. */
static void start(const char *input)
{
	struct request *request = rig_ask(&rig, "StartGameSessionPlacement", input);
	rig_turn(&rig);
	cr_assert_eq(request->fault, FAULT_NONE, "%s", request->message);
	cr_assert_str_eq(rig_text(request, "GameSessionPlacement.Status"), "PENDING");
	rig_free(request);
}

static void is_now(const char *id, const char *status)
{
	char input[128];
	snprintf(input, sizeof(input), "{\"PlacementId\": \"%s\"}", id);
	struct request *request = rig_ask(&rig, "DescribeGameSessionPlacement", input);
	rig_turn(&rig);
	cr_assert_str_eq(rig_text(request, "GameSessionPlacement.Status"), status, "%s %s", id, request->message);
	rig_free(request);
}

static void pass(int64_t ms)
{
	rig.now_ms += ms;
	rig_turn(&rig);
}

static struct host_call *take(enum host_call_kind kind)
{
	struct host_call *call = rig_take_call(&rig);
	cr_assert_not_null(call, "the host is not asked");
	cr_assert_eq(call->kind, kind);
	return call;
}

static const struct service_event *find_event(const char *type)
{
	const struct service_event *found = NULL;
	for (size_t i = 0; i < event_count; i++)
		if (strcmp(events[i]->type, type) == 0) {
			cr_assert_null(found, "%s is told twice", type);
			found = events[i];
		}
	return found;
}

static size_t count_endings(void)
{
	size_t count = 0;
	for (size_t i = 0; i < event_count; i++)
		count += strncmp(events[i]->type, "Placement", strlen("Placement")) == 0;
	return count;
}

Test(placements, one_gets_a_session_and_places_for_its_players_and_all_is_told_once)
{
	must("CreateGameSessionQueue", QUEUE);
	must("StartGameSessionPlacement", "{\"PlacementId\": \"p\", \"GameSessionQueueName\": \"q\", \"MaximumPlayerSessionCount\": 4, \"GameProperties\": [{\"Key\": \"k\", "
					  "\"Value\": \"v\"}], \"DesiredPlayerSessions\": [{\"PlayerId\": \"ann\", \"PlayerData\": \"d\"}, {\"PlayerId\": \"bob\"}]}");
	struct request *request = rig_run(&rig, "DescribeGameSessionPlacement", "{\"PlacementId\": \"p\"}");
	cr_assert_str_eq(rig_text(request, "GameSessionPlacement.Status"), "FULFILLED");
	cr_assert_str_eq(rig_text(request, "GameSessionPlacement.GameSessionArn"), "arn:aws:gamelift:local::gamesession/fleet-1/p");
	cr_assert_str_eq(rig_text(request, "GameSessionPlacement.GameSessionRegion"), "local");
	cr_assert_str_eq(rig_text(request, "GameSessionPlacement.PlacedPlayerSessions.1.PlayerId"), "bob");
	const json_t *shown = json_object_get(request->output, "GameSessionPlacement");
	cr_assert_eq(json_integer_value(json_object_get(shown, "Port")), 7777);
	cr_assert_null(json_object_get(shown, "DesiredPlayerSessions"), "the API does not show who was wanted");
	rig_free(request);
	const struct service_event *event = find_event("PlacementFulfilled");
	cr_assert_not_null(event);
	cr_assert_str_eq(event->resource, "arn:aws:gamelift:local::gamesessionqueue/q");
	char *body = ringcast_envelope_body(ENVELOPE_SNS, event, &(struct envelope_facts){"s", "local"});
	cr_assert(strstr(body, "GameLift Queue Placement Event") && strstr(body, "aws.gamelift") && strstr(body, "\\\"port\\\":\\\"7777\\\"") &&
		  strstr(body, "\\\"customEventData\\\":\\\"mine\\\"") && strstr(body, "\\\"playerId\\\":\\\"ann\\\"") && strstr(body, "\\\"type\\\":\\\"PlacementFulfilled\\\""), "%s", body);
	cr_assert_null(strstr(body, "\\\"d\\\""), "player data is not told");
	free(body);
}

Test(placements, more_players_than_a_host_takes_at_once_come_in_turns)
{
	char input[4096];
	int used = snprintf(input, sizeof(input), "{\"PlacementId\": \"p\", \"GameSessionQueueName\": \"q\", \"MaximumPlayerSessionCount\": 60, \"DesiredPlayerSessions\": [");
	for (int i = 0; i < 60; i++)
		used += snprintf(input + used, sizeof(input) - (size_t)used, "%s{\"PlayerId\": \"p%d\"}", i > 0 ? ", " : "", i);
	snprintf(input + used, sizeof(input) - (size_t)used, "]}");
	must("CreateGameSessionQueue", QUEUE);
	must("StartGameSessionPlacement", input);
	struct request *request = rig_run(&rig, "DescribeGameSessionPlacement", "{\"PlacementId\": \"p\"}");
	const json_t *placed = json_object_get(json_object_get(request->output, "GameSessionPlacement"), "PlacedPlayerSessions");
	cr_assert_eq(json_array_size(placed), 60);
	cr_assert_str_eq(json_string_value(json_object_get(json_array_get(placed, 59), "PlayerId")), "p59");
	rig_free(request);
}

Test(placements, a_fleet_s_game_servers_are_waited_for_and_not_asked_again_until_one_is_ready)
{
	char queue[512], text[HOST_ID_BYTES];
	struct request *fleet = rig_run(&rig, "CreateFleet", "{\"Name\": \"f\", \"ComputeType\": \"ANYWHERE\"}");
	snprintf(text, sizeof(text), "%s", rig_text(fleet, "FleetAttributes.FleetId"));
	snprintf(queue, sizeof(queue), "{\"Name\": \"q\", \"Destinations\": [{\"DestinationArn\": \"%s\"}]}", rig_text(fleet, "FleetAttributes.FleetArn"));
	rig_free(fleet);
	must("CreateGameSessionQueue", queue);
	start(START("p1"));
	start(START("p2"));
	rig_answer(&rig, take(HOST_CREATE), HOST_FULL);
	rig_answer(&rig, take(HOST_CREATE), HOST_FULL);
	rig_turn(&rig);
	cr_assert_null(rig_take_call(&rig), "it has just said that it is full");
	is_now("p1", "PENDING");
	struct host_event event = {.kind = HOST_ROOM};
	snprintf(event.session, sizeof(event.session), "%s", text);
	ringcast_loop_tell(rig.loop, &event);
	rig_turn(&rig);
	struct host_call *first = take(HOST_CREATE), *second = take(HOST_CREATE);
	cr_assert_not_null(strstr(first->key, "/p1"), "who came first is first");
	rig_answer(&rig, first, HOST_OK);
	rig_answer(&rig, second, HOST_FULL);
	is_now("p1", "FULFILLED");
	is_now("p2", "PENDING");
	cr_assert_eq(count_endings(), 1);
}

Test(placements, where_all_sessions_are_in_use_one_that_ends_makes_room)
{
	must("CreateGameSessionQueue", QUEUE);
	struct model *model = ringcast_loop_model(rig.loop);
	model->settings.sessions_max = 1;
	must("StartGameSessionPlacement", START("p1"));
	is_now("p1", "FULFILLED");
	start(START("p2"));
	cr_assert_null(rig_take_call(&rig));
	must("TerminateGameSession", "{\"GameSessionId\": \"arn:aws:gamelift:local::gamesession/fleet-1/p1\", \"TerminationMode\": \"FORCE_TERMINATE\"}");
	is_now("p2", "PENDING");
	const struct game_session *session = ringcast_game_session_find(&model->sessions, "fleet-1", "p1");
	struct host_event event = {.kind = HOST_SESSION_ENDED, .sequence = 1};
	snprintf(event.session, sizeof(event.session), "%s", session->host_session);
	ringcast_loop_tell(rig.loop, &event);
	rig_turn(&rig);
	rig_answer(&rig, take(HOST_CREATE), HOST_OK);
	is_now("p2", "FULFILLED");
}

Test(placements, one_that_is_stopped_leaves_no_session)
{
	must("CreateGameSessionQueue", QUEUE);
	start(START("p"));
	struct host_call *call = take(HOST_CREATE);
	must("StopGameSessionPlacement", "{\"PlacementId\": \"p\"}");
	is_now("p", "CANCELLED");
	cr_assert_not_null(find_event("PlacementCancelled"));
	rig_answer(&rig, call, HOST_OK);
	struct host_call *ending = take(HOST_END);
	cr_assert(ending->is_forced);
	rig_answer(&rig, ending, HOST_OK);
	must_not("StopGameSessionPlacement", "{\"PlacementId\": \"p\"}", FAULT_INVALID, "CANCELLED, not PENDING");
	must_not("StopGameSessionPlacement", "{\"PlacementId\": \"none\"}", FAULT_NOT_FOUND, "none");
	must_not("StartGameSessionPlacement", START("p"), FAULT_INVALID, "used before");
	cr_assert_eq(count_endings(), 1);
}

Test(placements, one_times_out_by_its_queue_also_while_a_host_is_silent)
{
	must("CreateGameSessionQueue", QUEUE);
	start(START("p"));
	struct host_call *silent = take(HOST_CREATE);
	pass(31000);
	cr_assert_null(rig_take_call(&rig), "it rests");
	pass(1000);
	struct host_call *again = take(HOST_CREATE);
	cr_assert_not_null(strstr(again->key, "/p"));
	pass(28000);
	is_now("p", "TIMED_OUT");
	cr_assert_not_null(find_event("PlacementTimedOut"));
	rig_answer(&rig, silent, HOST_OK);
	rig_answer(&rig, take(HOST_END), HOST_OK);
	rig_answer(&rig, again, HOST_OK);
	rig_answer(&rig, take(HOST_END), HOST_OK);
	cr_assert_eq(count_endings(), 1);
}

static uint64_t ran_ns;

static uint64_t running_ns(void *context)
{
	(void)context;
	return ran_ns;
}

Test(placements, time_in_which_the_process_stood_still_is_not_held_against_a_host)
{
	end();
	rig_init_with(&rig, &(struct rig_options){.is_dev = true, .emit = emit, .running_ns = running_ns});
	must("CreateGameSessionQueue", QUEUE);
	start(START("p"));
	struct host_call *silent = take(HOST_CREATE);
	pass(ANSWER_MS + 1);
	cr_assert_eq(ringcast_loop_model(rig.loop)->placing->counts.retries, 0, "it was given up");
	rig_answer(&rig, silent, HOST_OK);
	is_now("p", "FULFILLED");
	start(START("q"));
	silent = take(HOST_CREATE);
	ran_ns += (ANSWER_MS + 1) * NS_PER_MS;
	pass(1);
	cr_assert_eq(ringcast_loop_model(rig.loop)->placing->counts.retries, 1);
	rig_answer(&rig, silent, HOST_OK);
}

static char logged[512];

static void keep_failure(void *context, enum log_level level, const char *component, const char *message, const char *fields)
{
	if (level == LOG_WARN && strcmp(message, "a placement has failed") == 0)
		snprintf(logged, sizeof(logged), "%s", fields);
}

Test(placements, a_session_that_ends_before_its_players_are_in_is_tried_again_and_given_up_at_last)
{
	ringcast_log_set_sink(keep_failure, NULL, LOG_WARN);
	must("CreateGameSessionQueue", QUEUE);
	start("{\"PlacementId\": \"p\", \"GameSessionQueueName\": \"q\", \"MaximumPlayerSessionCount\": 4, \"DesiredPlayerSessions\": [{\"PlayerId\": \"ann\"}]}");
	for (int i = 0; i < 5; i++) {
		rig_answer(&rig, take(HOST_CREATE), HOST_OK);
		rig_answer(&rig, take(HOST_RESERVE), i % 2 == 0 ? HOST_NOT_FOUND : HOST_FAILED);
		rig_answer(&rig, take(HOST_END), HOST_NOT_FOUND);
		cr_assert_eq(*logged != '\0', i == 4, "'%s'", logged);
		is_now("p", i < 4 ? "PENDING" : "FAILED");
		pass(1000 << i);
	}
	ringcast_log_set_sink(NULL, NULL, LOG_WARN);
	cr_assert_not_null(strstr(logged, "placement=p tries=5 err=\"its players got no places\""), "%s", logged);
	cr_assert_not_null(find_event("PlacementFailed"));
	cr_assert_eq(count_endings(), 1);
}

Test(placements, a_session_that_takes_its_time_to_start_is_waited_for)
{
	must("CreateGameSessionQueue", QUEUE);
	start(START("p"));
	struct host_call *call = take(HOST_CREATE);
	call->is_activating = true;
	rig_answer(&rig, call, HOST_OK);
	is_now("p", "PENDING");
	const struct game_session *session = ringcast_game_session_find(&ringcast_loop_model(rig.loop)->sessions, "fleet-1", "p");
	struct host_event event = {.kind = HOST_SESSION_ACTIVE, .sequence = 1};
	snprintf(event.session, sizeof(event.session), "%s", session->host_session);
	ringcast_loop_tell(rig.loop, &event);
	rig_turn(&rig);
	is_now("p", "FULFILLED");
}

Test(placements, the_location_that_is_nearest_is_taken_and_policies_hold_until_they_are_over)
{
	char queue[512], text[512];
	must("CreateLocation", "{\"LocationName\": \"custom-a\"}");
	must("CreateLocation", "{\"LocationName\": \"custom-b\"}");
	must("CreateScript", "{\"Name\": \"s\", \"ZipFile\": \"UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==\"}");
	struct request *scripts = rig_run(&rig, "ListScripts", "{}");
	snprintf(text, sizeof(text), "{\"Name\": \"f\", \"ScriptId\": \"%s\", \"Locations\": [{\"Location\": \"custom-a\"}, {\"Location\": \"custom-b\"}]}", rig_text(scripts, "Scripts.0.ScriptId"));
	rig_free(scripts);
	struct request *fleet = rig_run(&rig, "CreateFleet", text);
	cr_assert_eq(fleet->fault, FAULT_NONE, "%s", fleet->message);
	snprintf(queue, sizeof(queue), "{\"Name\": \"q\", \"Destinations\": [{\"DestinationArn\": \"%s\"}], \"PlayerLatencyPolicies\": [{\"MaximumIndividualPlayerLatencyMilliseconds\": 50, "
		 "\"PolicyDurationSeconds\": 20}]}", rig_text(fleet, "FleetAttributes.FleetArn"));
	rig_free(fleet);
	must("CreateGameSessionQueue", queue);
	must("StartGameSessionPlacement", "{\"PlacementId\": \"near\", \"GameSessionQueueName\": \"q\", \"MaximumPlayerSessionCount\": 4, \"PlayerLatencies\": [{\"PlayerId\": \"x\", \"RegionIdentifier\": "
					  "\"custom-a\", \"LatencyInMilliseconds\": 45.5}, {\"PlayerId\": \"x\", \"RegionIdentifier\": \"custom-b\", \"LatencyInMilliseconds\": 12}]}");
	start("{\"PlacementId\": \"far\", \"GameSessionQueueName\": \"q\", \"MaximumPlayerSessionCount\": 4, \"PlayerLatencies\": [{\"PlayerId\": \"x\", \"RegionIdentifier\": "
	      "\"custom-a\", \"LatencyInMilliseconds\": 60}]}");
	struct request *request = rig_run(&rig, "DescribeGameSessionPlacement", "{\"PlacementId\": \"near\"}");
	cr_assert_str_eq(rig_text(request, "GameSessionPlacement.GameSessionRegion"), "custom-b");
	rig_free(request);
	pass(19000);
	cr_assert_null(rig_take_call(&rig), "60 ms are too far yet");
	pass(1000);
	rig_answer(&rig, take(HOST_CREATE), HOST_OK);
	request = rig_run(&rig, "DescribeGameSessionPlacement", "{\"PlacementId\": \"far\"}");
	cr_assert_str_eq(rig_text(request, "GameSessionPlacement.GameSessionRegion"), "custom-a");
	rig_free(request);
}

Test(placements, a_queue_that_is_removed_fails_who_waits_in_it)
{
	must("CreateGameSessionQueue", QUEUE);
	ringcast_loop_model(rig.loop)->settings.sessions_max = 0;
	start(START("p"));
	must("DeleteGameSessionQueue", "{\"Name\": \"q\"}");
	rig_turn(&rig);
	is_now("p", "FAILED");
	must_not("DeleteGameSessionQueue", "{\"Name\": \"q\"}", FAULT_NOT_FOUND, "no queue");
	must_not("StartGameSessionPlacement", START("p2"), FAULT_NOT_FOUND, "no queue q");
}

/* Of 300 locations, which three fleets name, a queue sees as many as it holds, and works. */
Test(placements, a_queue_whose_fleets_have_more_locations_than_it_holds_takes_those_that_it_holds)
{
	char input[8192], queue[1024] = "{\"Name\": \"q\", \"Destinations\": [";
	for (int fleet = 0; fleet < 3; fleet++) {
		int at = snprintf(input, sizeof(input), "{\"Name\": \"f\", \"Locations\": [");
		for (int i = 0; i < 100; i++)
			at += snprintf(input + at, sizeof(input) - (size_t)at, "%s{\"Location\": \"aa-place-%d\"}", i > 0 ? ", " : "", 100 * fleet + i);
		snprintf(input + at, sizeof(input) - (size_t)at, "]}");
		struct request *made = rig_run(&rig, "CreateFleet", input);
		cr_assert_eq(made->fault, FAULT_NONE, "%s", made->message);
		snprintf(queue + strlen(queue), sizeof(queue) - strlen(queue), "%s{\"DestinationArn\": \"%s\"}", fleet > 0 ? ", " : "", rig_text(made, "FleetAttributes.FleetArn"));
		rig_free(made);
	}
	strcat(queue, "]}");
	must("CreateGameSessionQueue", queue);
	start(START("p1"));
	rig_turn(&rig);
	is_now("p1", "PENDING");
	cr_assert_not_null(ringcast_place_board_queue(ringcast_loop_model(rig.loop)->placing->board, "q"));
	cr_assert(!ringcast_loop_model(rig.loop)->placing->is_dirty, "it is not read again each turn");
}

/* 1024 characters are allowed by the interface, and are more bytes than a host takes: nobody shall wait for what cannot be. */
Test(placements, a_player_whose_id_or_data_no_host_takes_is_refused_at_once)
{
	char text[2049] = "", wide[2 * 2048 + 1] = "", input[8192];
	memset(text, 'a', sizeof(text) - 1);
	for (int i = 0; i < 2048; i++)
		strcpy(wide + 2 * i, "\u00e4");
	must("CreateGameSessionQueue", QUEUE);
	snprintf(input, sizeof(input), "{\"PlacementId\": \"p\", \"GameSessionQueueName\": \"q\", \"MaximumPlayerSessionCount\": 4, \"DesiredPlayerSessions\": "
		 "[{\"PlayerId\": \"%.1024s\"}, {\"PlayerId\": \"%.2048s\"}]}", text, wide);
	must_not("StartGameSessionPlacement", input, FAULT_INVALID, "DesiredPlayerSessions[1]: the player's id has 2048 bytes, at most 1024 are allowed");

	snprintf(input, sizeof(input), "{\"PlacementId\": \"p\", \"GameSessionQueueName\": \"q\", \"MaximumPlayerSessionCount\": 4, \"DesiredPlayerSessions\": "
		 "[{\"PlayerId\": \"a\", \"PlayerData\": \"%s\"}, {\"PlayerId\": \"b\", \"PlayerData\": \"%s\"}]}", text, wide);
	must_not("StartGameSessionPlacement", input, FAULT_INVALID, "DesiredPlayerSessions[1]: the player's data has 4096 bytes, at most 2048 are allowed");
}

/* Languages that know one kind of number write 40.0. */
Test(placements, a_number_of_players_with_a_point_is_that_number)
{
	must("CreateGameSessionQueue", QUEUE);
	start("{\"PlacementId\": \"p\", \"GameSessionQueueName\": \"q\", \"MaximumPlayerSessionCount\": 40.0}");
	struct host_call *call = take(HOST_CREATE);
	cr_assert_eq(call->players_max, 40);
	ringcast_host_call_destroy(&call);
}

Test(placements, what_changes_of_a_fleet_and_not_of_its_queue_is_nothing_to_who_waits)
{
	char input[512];
	struct request *made = rig_run(&rig, "CreateFleet", "{\"Name\": \"f\", \"ComputeType\": \"ANYWHERE\"}");
	const struct place_board *board = ringcast_loop_model(rig.loop)->placing->board;
	snprintf(input, sizeof(input), "{\"Name\": \"q\", \"Destinations\": [{\"DestinationArn\": \"%s\"}]}", rig_text(made, "FleetAttributes.FleetArn"));
	must("CreateGameSessionQueue", input);
	start(START("p"));
	rig_answer(&rig, take(HOST_CREATE), HOST_FULL);
	uint64_t decisions = ringcast_place_board_decisions(board);
	snprintf(input, sizeof(input), "{\"FleetId\": \"%s\", \"Description\": \"another\"}", rig_text(made, "FleetAttributes.FleetId"));
	must("UpdateFleetAttributes", input);
	rig_turn(&rig);
	cr_assert_eq(ringcast_place_board_decisions(board), decisions);
	snprintf(input, sizeof(input), "{\"FleetId\": \"%s\", \"Locations\": [{\"Location\": \"aa-other-1\"}]}", rig_text(made, "FleetAttributes.FleetId"));
	must("CreateFleetLocations", input);
	rig_turn(&rig);
	cr_assert_gt(ringcast_place_board_decisions(board), decisions, "it is another queue now");
	rig_free(made);
}

Test(placements, queues_are_changed_and_shown)
{
	must("CreateGameSessionQueue", QUEUE);
	must("CreateGameSessionQueue", "{\"Name\": \"r\", \"Tags\": [{\"Key\": \"a\", \"Value\": \"b\"}]}");
	must("UpdateGameSessionQueue", "{\"Name\": \"q\", \"TimeoutInSeconds\": 5, \"PriorityConfiguration\": {\"PriorityOrder\": [\"LOCATION\", \"LATENCY\"], \"LocationOrder\": [\"local\"]}}");
	struct request *request = rig_run(&rig, "DescribeGameSessionQueues", "{\"Names\": [\"arn:aws:gamelift:local::gamesessionqueue/q\"]}");
	const json_t *queue = json_array_get(json_object_get(request->output, "GameSessionQueues"), 0);
	cr_assert_eq(json_array_size(json_object_get(request->output, "GameSessionQueues")), 1);
	cr_assert_eq(json_integer_value(json_object_get(queue, "TimeoutInSeconds")), 5);
	cr_assert_str_eq(rig_text(request, "GameSessionQueues.0.Destinations.0.DestinationArn"), FLEET);
	rig_free(request);
	request = rig_run(&rig, "DescribeGameSessionQueues", "{\"Limit\": 1}");
	cr_assert_str_neq(rig_text(request, "NextToken"), "");
	rig_free(request);
	must_not("DescribeGameSessionQueues", "{\"Names\": [\"none\"]}", FAULT_NOT_FOUND, "none");
	must_not("CreateGameSessionQueue", QUEUE, FAULT_INVALID, "there already");
}

Test(placements, what_cannot_be_is_refused_with_its_place)
{
	static const struct {
		const char *operation, *input, *said;
		enum fault fault;
	} mistakes[] = {
		{"CreateGameSessionQueue", "{\"Name\": \"x\", \"Destinations\": [{\"DestinationArn\": \"arn:aws:gamelift:local::script/s\"}]}", "Destinations[0].DestinationArn", FAULT_INVALID},
		{"CreateGameSessionQueue", "{\"Name\": \"x\", \"Destinations\": [{\"DestinationArn\": \"arn:aws:gamelift:local::fleet/fle:t-1\"}]}", "Destinations[0].DestinationArn", FAULT_INVALID},
		{"CreateGameSessionQueue", "{\"Name\": \"x\", \"Destinations\": [{\"DestinationArn\": \"arn:aws:gamelift:local::alias/alias-1\"}]}", "there is no", FAULT_NOT_FOUND},
		{"CreateGameSessionQueue", "{\"Name\": \"x\", \"Destinations\": [{\"DestinationArn\": \"" FLEET "\"}, {\"DestinationArn\": \"" FLEET "\"}]}", "the same as Destinations[0]", FAULT_INVALID},
		{"CreateGameSessionQueue", "{\"Name\": \"x\", \"PlayerLatencyPolicies\": [{\"PolicyDurationSeconds\": 1}]}", "PlayerLatencyPolicies[0].Maximum", FAULT_INVALID},
		{"CreateGameSessionQueue", "{\"Name\": \"x\", \"PriorityConfiguration\": {\"PriorityOrder\": [\"COST\", \"COST\"]}}", "COST stands there twice", FAULT_INVALID},
		{"CreateGameSessionQueue", "{\"Name\": \"x\", \"TimeoutInSeconds\": 86401}", "at most 86400", FAULT_INVALID},
		{"UpdateGameSessionQueue", "{\"Name\": \"none\"}", "no queue none", FAULT_NOT_FOUND},
		{"DescribeGameSessionPlacement", "{\"PlacementId\": \"none\"}", "no placement none", FAULT_NOT_FOUND},
#define BAD(rest) "{\"PlacementId\": \"x\", \"GameSessionQueueName\": \"q\", \"MaximumPlayerSessionCount\": " rest "}"
		{"StartGameSessionPlacement", BAD("0"), "must be 1 to 200", FAULT_INVALID},
		{"StartGameSessionPlacement", BAD("1, \"DesiredPlayerSessions\": [{\"PlayerId\": \"a\"}, {\"PlayerId\": \"b\"}]"), "2 players", FAULT_INVALID},
		{"StartGameSessionPlacement", BAD("2, \"DesiredPlayerSessions\": [{\"PlayerId\": \"a\"}, {\"PlayerId\": \"a\"}]"), "DesiredPlayerSessions[1]", FAULT_INVALID},
		{"StartGameSessionPlacement", BAD("2, \"DesiredPlayerSessions\": [{}]"), "DesiredPlayerSessions[0].PlayerId", FAULT_INVALID},
		{"StartGameSessionPlacement", BAD("2, \"PlayerLatencies\": [{\"PlayerId\": \"a\", \"RegionIdentifier\": \"b\", \"LatencyInMilliseconds\": -1}]"), "PlayerLatencies[0].Latency", FAULT_INVALID},
		{"StartGameSessionPlacement", BAD("2, \"PlayerLatencies\": [{\"PlayerId\": \"a\"}]"), "PlayerLatencies[0]: needs", FAULT_INVALID},
		{"StartGameSessionPlacement", BAD("2, \"PriorityConfigurationOverride\": {\"LocationOrder\": []}"), "1 to 100", FAULT_INVALID},
		{"StartGameSessionPlacement",
		 BAD("2, \"PlayerLatencies\": [{\"PlayerId\": \"a\", \"RegionIdentifier\": \"b\", \"LatencyInMilliseconds\": 1}], \"PriorityConfigurationOverride\": {\"LocationOrder\": [\"b\"]}"),
		 "together with PlayerLatencies", FAULT_INVALID},
	};
	must("CreateGameSessionQueue", QUEUE);
	for (size_t i = 0; i < ARRAY_COUNT(mistakes); i++)
		must_not(mistakes[i].operation, mistakes[i].input, mistakes[i].fault, mistakes[i].said);
	ringcast_loop_model(rig.loop)->settings.placements_max = 1;
	ringcast_loop_model(rig.loop)->settings.sessions_max = 0;
	start(START("p1"));
	must_not("StartGameSessionPlacement", START("p2"), FAULT_LIMIT, "service.placements_max");
}

Test(placements, they_are_forgotten_when_there_are_too_many_or_after_thirty_days)
{
	must("CreateGameSessionQueue", QUEUE);
	struct model *model = ringcast_loop_model(rig.loop);
	model->settings.ended_placements_max = 1;
	must("StartGameSessionPlacement", START("p1"));
	pass(1000);
	must("StartGameSessionPlacement", START("p2"));
	pass(1000);
	must_not("DescribeGameSessionPlacement", "{\"PlacementId\": \"p1\"}", FAULT_NOT_FOUND, "p1");
	is_now("p2", "FULFILLED");
	pass(31ll * 24 * 3600 * 1000);
	must_not("DescribeGameSessionPlacement", "{\"PlacementId\": \"p2\"}", FAULT_NOT_FOUND, "p2");
}

static char last_owner[64];

static void placement_ended(struct model *model, const json_t *document)
{
	(void)model;
	snprintf(last_owner, sizeof(last_owner), "%s %s", json_string_value(json_object_get(document, "Owner")), json_string_value(json_object_get(document, "Status")));
}

Test(placements, a_matchmaker_s_own_carries_its_data_and_its_owner_is_told)
{
	struct model *model = ringcast_loop_model(rig.loop);
	must("CreateGameSessionQueue", QUEUE);
	model->placement_ended = placement_ended;
	cr_assert(ringcast_placing_start(model, json_pack("{s:s, s:s, s:i, s:s, s:s}", "PlacementId", "m", "GameSessionQueueName", "q", "MaximumPlayerSessionCount", 2,
							  "MatchmakerData", "{}", "Owner", "ticket-1")));
	rig_turn(&rig);
	struct host_call *call = take(HOST_CREATE);
	cr_assert_str_eq(json_string_value(json_object_get(call->facts, "MatchmakerData")), "{}");
	cr_assert_str_eq(last_owner, "");
	rig_answer(&rig, call, HOST_OK);
	cr_assert_str_eq(last_owner, "ticket-1 FULFILLED");
}

static void restart(void)
{
	char problem[STORE_PROBLEM_BYTES];
	for (struct host_call *call = rig_take_call(&rig); call != NULL; call = rig_take_call(&rig))
		ringcast_host_call_destroy(&call);
	ringcast_loop_stop(rig.loop);
	ringcast_loop_destroy(&rig.loop);
	rig.loop = rig_loop(&rig, &(struct rig_options){.is_dev = true, .emit = emit}, problem);
	cr_assert_not_null(rig.loop, "%s", problem);
	rig_turn(&rig);
}

Test(placements, those_that_wait_go_on_after_a_restart_at_their_age_and_those_that_have_ended_are_not_told_again)
{
	must("CreateGameSessionQueue", QUEUE);
	must("StartGameSessionPlacement", START("done"));
	ringcast_loop_model(rig.loop)->settings.sessions_max = 0;
	start(START("old"));
	pass(40000);
	start(START("young"));
	restart();
	is_now("done", "FULFILLED");
	cr_assert_eq(count_endings(), 1);
	struct host_call *first = take(HOST_CREATE), *second = take(HOST_CREATE);
	cr_assert_not_null(strstr(first->key, "/old"));
	pass(20000);
	is_now("old", "TIMED_OUT");
	is_now("young", "PENDING");
	rig_answer(&rig, second, HOST_OK);
	is_now("young", "FULFILLED");
	rig_answer(&rig, first, HOST_OK);
	rig_answer(&rig, take(HOST_END), HOST_OK);
	cr_assert_eq(count_endings(), 3);
}

Test(placements, an_end_is_shown_and_told_when_it_is_on_the_disk)
{
	must("CreateGameSessionQueue", QUEUE);
	start(START("p"));
	ringcast_loop_hold_writes(rig.loop);
	rig_answer(&rig, take(HOST_CREATE), HOST_OK);
	struct request *asking = rig_ask(&rig, "DescribeGameSessionPlacement", "{\"PlacementId\": \"p\"}");
	struct request *stopping = rig_ask(&rig, "StopGameSessionPlacement", "{\"PlacementId\": \"p\"}");
	rig_turn(&rig);
	cr_assert_eq(count_endings(), 0);
	cr_assert_not_null(asking->context, "what ended is shown before it is stored");
	cr_assert_not_null(stopping->context, "what ended is told before it is stored: %s", stopping->message);
	cr_assert(ringcast_loop_write(rig.loop));
	rig_turn(&rig);
	is_now("p", "FULFILLED");
	cr_assert_eq(count_endings(), 1);
	cr_assert_str_eq(rig_text(asking, "GameSessionPlacement.Status"), "FULFILLED");
	rig_free(asking);
	answers(stopping, FAULT_INVALID, "FULFILLED, not PENDING");
	must_not("StopGameSessionPlacement", "{\"PlacementId\": \"p\"}", FAULT_INVALID, "FULFILLED, not PENDING");
}

/* What is written with it is refused: the store cannot write a text that is not UTF-8. */
static void spoil_next_write(void)
{
	cr_assert(ringcast_records_put(&ringcast_loop_model(rig.loop)->records, RECORD_LOCATION, "spoiled", json_pack("{s:o}", "Name", json_stringn_nocheck("\xff", 1))));
}

static void was_refused(void)
{
	cr_assert_null(ringcast_records_find(&ringcast_loop_model(rig.loop)->records, RECORD_LOCATION, "spoiled"));
}

Test(placements, who_stops_one_whose_end_is_refused_by_the_store_is_not_told_of_that_end)
{
	must("CreateGameSessionQueue", QUEUE);
	start(START("p"));
	ringcast_loop_hold_writes(rig.loop);
	spoil_next_write();
	rig_answer(&rig, take(HOST_CREATE), HOST_OK);
	struct request *stopping = rig_ask(&rig, "StopGameSessionPlacement", "{\"PlacementId\": \"p\"}");
	rig_turn(&rig);
	cr_assert(ringcast_loop_write(rig.loop));
	rig_turn(&rig);
	was_refused();
	answers(stopping, FAULT_INTERNAL, "could not be stored");
	is_now("p", "PENDING");
}

Test(placements, one_that_is_to_be_forgotten_is_so_though_the_store_refuses_at_first)
{
	must("CreateGameSessionQueue", QUEUE);
	must("StartGameSessionPlacement", START("p1"));
	pass(1000);
	must("StartGameSessionPlacement", START("p2"));
	ringcast_loop_model(rig.loop)->settings.ended_placements_max = 1;
	spoil_next_write();
	pass(1000);
	was_refused();
	pass(1000);
	must_not("DescribeGameSessionPlacement", "{\"PlacementId\": \"p1\"}", FAULT_NOT_FOUND, "p1");
	is_now("p2", "FULFILLED");
}

Test(placements, those_that_are_not_stored_yet_count_until_the_store_refuses_them)
{
	must("CreateGameSessionQueue", QUEUE);
	ringcast_loop_model(rig.loop)->settings.placements_max = 2;
	ringcast_loop_hold_writes(rig.loop);
	spoil_next_write();
	struct request *first = rig_ask(&rig, "StartGameSessionPlacement", START("p1")), *second = rig_ask(&rig, "StartGameSessionPlacement", START("p2"));
	struct request *again = rig_ask(&rig, "StartGameSessionPlacement", START("p1")), *third = rig_ask(&rig, "StartGameSessionPlacement", START("p3"));
	rig_turn(&rig);
	cr_assert_eq(third->fault, FAULT_LIMIT, "%s", third->message);
	cr_assert_not_null(again->context, "its id is said to be used before that is stored");
	cr_assert(ringcast_loop_write(rig.loop));
	rig_turn(&rig);
	was_refused();
	answers(first, FAULT_INTERNAL, "could not be stored");
	answers(second, FAULT_INTERNAL, "could not be stored");
	answers(again, FAULT_INTERNAL, "could not be stored");
	answers(third, FAULT_INTERNAL, "could not be stored");
	struct request *last = rig_ask(&rig, "StartGameSessionPlacement", START("p3"));
	rig_turn(&rig);
	cr_assert(ringcast_loop_write(rig.loop));
	rig_turn(&rig);
	cr_assert_eq(last->fault, FAULT_NONE, "%s", last->message);
	rig_free(last);
}

Test(placements, one_that_is_cancelled_before_its_start_is_on_the_disk_is_not_shown_so)
{
	must("CreateGameSessionQueue", QUEUE);
	ringcast_loop_hold_writes(rig.loop);
	struct request *starting = rig_ask(&rig, "StartGameSessionPlacement", START("p"));
	rig_turn(&rig);
	struct request *stopping = rig_ask(&rig, "StopGameSessionPlacement", "{\"PlacementId\": \"p\"}");
	struct request *asking = rig_ask(&rig, "DescribeGameSessionPlacement", "{\"PlacementId\": \"p\"}");
	rig_turn(&rig);
	cr_assert_not_null(asking->context, "shown before it is on the disk");
	while (ringcast_loop_write(rig.loop))
		rig_turn(&rig);
	cr_assert_str_eq(rig_text(asking, "GameSessionPlacement.Status"), "CANCELLED");
	rig_free(asking);
	is_now("p", "CANCELLED");
	cr_assert_eq(count_endings(), 1);
	rig_free(starting);
	rig_free(stopping);
}

/* A game server ran a session for it when the service died. */
Test(placements, a_session_from_before_a_restart_that_nobody_was_told_of_is_ended)
{
	char queue[512], arn[MODEL_ARN_BYTES];
	struct request *fleet = rig_run(&rig, "CreateFleet", "{\"Name\": \"f\", \"ComputeType\": \"ANYWHERE\"}");
	snprintf(queue, sizeof(queue), "{\"Name\": \"q\", \"Destinations\": [{\"DestinationArn\": \"%s\"}]}", rig_text(fleet, "FleetAttributes.FleetArn"));
	rig_free(fleet);
	must("CreateGameSessionQueue", queue);
	start(START("p"));
	struct host_call *call = take(HOST_CREATE);
	json_t *facts = json_deep_copy(call->facts);
	ringcast_host_call_destroy(&call);
	snprintf(arn, sizeof(arn), "%s", json_string_value(json_object_get(facts, "GameSessionId")));
	restart();
	struct host_event event = {.kind = HOST_SESSION_FOUND, .session = "gsess-before",
				   .found = json_pack("{s:o, s:{s:i}, s:[], s:b}", "facts", facts, "place", "Port", 4000, "players", "is_active", true)};
	ringcast_loop_tell(rig.loop, &event);
	rig_turn(&rig);
	struct host_call *again = take(HOST_CREATE), *ending = take(HOST_END);
	cr_assert_str_eq(ending->session, "gsess-before");
	cr_assert_not_null(strstr(arn, "/p"));
	rig_answer(&rig, ending, HOST_OK);
	rig_answer(&rig, again, HOST_OK);
	is_now("p", "FULFILLED");
}
