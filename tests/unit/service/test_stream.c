/* The stream of events: what is told, in which order, in which form; and events that nobody took. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"
#include "service/events/envelope.h"
#include "service/operations/letters.h"

static struct rig rig;
static char told[2048];
static uint64_t last_number;
static bool is_resend_taken;

static void emit(void *context, struct service_event *event)
{
	size_t used = strlen(told);
	cr_assert_eq(event->number, ++last_number, "no gap");
	snprintf(told + used, sizeof(told) - used, "%s ", event->type);
	ringcast_event_destroy(&event);
}

static bool emit_to(void *context, const char *url, struct service_event *event)
{
	cr_assert_str_eq(url, "http://one");
	if (is_resend_taken) {
		snprintf(told, sizeof(told), "%s %llu %s", event->type, (unsigned long long)event->number, event->detail);
		ringcast_event_destroy(&event);
	}
	return is_resend_taken;
}

static void init(void)
{
	rig_init_with(&rig, &(struct rig_options){.is_dev = true, .emit = emit, .emit_to = emit_to});
}

static void fini(void)
{
	rig_fini(&rig);
}

TestSuite(stream, .init = init, .fini = fini);

static struct service_event *event_of(const char *type, uint64_t number)
{
	struct service_event *event = ringcast_event_create(type, "arn:x", json_pack("{s:s}", "a", "b"));
	event->number = number;
	event->at_ms = 1700000000123;
	return event;
}

static void bury(uint64_t number)
{
	struct service_event *event = event_of("GameSessionActive", number);
	cr_assert(ringcast_loop_bury(rig.loop, "http://one", event, "answered 500"));
	ringcast_event_destroy(&event);
	rig_turn(&rig);
}

static struct request *ask(const struct operation *operation)
{
	struct request *request = rig_ask(&rig, "ListFleets", "{}"); /* nothing runs before the turn */
	request->operation = operation;
	rig_turn(&rig);
	cr_assert_eq(request->fault, FAULT_NONE, "%s", request->message);
	return request;
}

static size_t letter_count(void)
{
	struct request *request = ask(&ringcast_operation_list_letters);
	size_t count = json_array_size(json_object_get(request->output, "letters"));
	rig_free(request);
	return count;
}

Test(stream, sessions_and_players_are_told_in_order)
{
	struct request *session = rig_run(&rig, "CreateGameSession", "{\"FleetId\": \"fleet-1\", \"MaximumPlayerSessionCount\": 2, \"IdempotencyToken\": \"t\"}");
	rig_free(session);
	rig_free(rig_run(&rig, "CreatePlayerSession", "{\"GameSessionId\": \"arn:aws:gamelift:local::gamesession/fleet-1/t\", \"PlayerId\": \"p\"}"));
	rig_free(rig_run(&rig, "TerminateGameSession",
			 "{\"GameSessionId\": \"arn:aws:gamelift:local::gamesession/fleet-1/t\", \"TerminationMode\": \"FORCE_TERMINATE\"}"));
	struct host_event event = {.kind = HOST_SESSION_ENDED, .sequence = 100};
	struct game_session *found = ringcast_game_session_find(&ringcast_loop_model(rig.loop)->sessions, "fleet-1", "t");
	snprintf(event.session, sizeof(event.session), "%s", found->host_session);
	ringcast_loop_tell(rig.loop, &event);
	rig_turn(&rig);
	cr_assert_str_eq(told, "GameSessionActive PlayerSessionReserved GameSessionTerminating PlayerSessionCompleted GameSessionTerminated ");
}

Test(stream, fleet_events_are_told_when_they_are_durable)
{
	rig_free(rig_run(&rig, "CreateFleet", "{\"Name\": \"f\"}"));
	cr_assert_str_eq(told, "FleetEvent FleetEvent ");
}

Test(stream, a_dead_letter_is_kept_and_goes_out_again)
{
	bury(7);
	cr_assert_eq(letter_count(), 1);
	rig_free(ask(&ringcast_operation_resend_letters));
	cr_assert_eq(letter_count(), 1, "it was not taken this time either");
	is_resend_taken = true;
	rig_free(ask(&ringcast_operation_resend_letters));
	cr_assert_str_eq(told, "GameSessionActive 7 {\"a\":\"b\"}");
	cr_assert_eq(letter_count(), 0);
}

/* The rig keeps three. */
Test(stream, the_newest_letters_are_kept)
{
	for (uint64_t i = 1; i <= 10; i++)
		bury(i);
	cr_assert_eq(letter_count(), 3);
	struct request *request = ask(&ringcast_operation_list_letters);
	const json_t *first = json_array_get(json_object_get(request->output, "letters"), 0);
	cr_assert_eq(json_integer_value(json_object_get(first, "number")), 8);
	rig_free(request);
}

Test(envelope, the_forms_that_receivers_know)
{
	const struct envelope_facts facts = {"start", "local"};
	struct service_event *event = event_of("GameSessionActive", 3);
	char *text = ringcast_envelope_body(ENVELOPE_SNS, event, &facts);
	json_t *outer = json_loads(text, 0, NULL), *inner = json_loads(json_string_value(json_object_get(outer, "Message")), 0, NULL);
	cr_assert_str_eq(json_string_value(json_object_get(outer, "Type")), "Notification");
	cr_assert_str_eq(json_string_value(json_object_get(inner, "id")), "start-3");
	cr_assert_str_eq(json_string_value(json_object_get(inner, "time")), "2023-11-14T22:13:20.123Z");
	cr_assert_str_eq(json_string_value(json_object_get(json_object_get(inner, "detail"), "type")), "GameSessionActive");
	json_decref(outer);
	json_decref(inner);
	free(text);
	text = ringcast_envelope_body(ENVELOPE_CLOUDEVENTS, event, &facts);
	json_t *cloud = json_loads(text, 0, NULL);
	cr_assert_str_eq(json_string_value(json_object_get(cloud, "specversion")), "1.0");
	cr_assert_str_eq(json_string_value(json_object_get(cloud, "type")), "ringcast.GameSessionActive");
	cr_assert_eq(json_integer_value(json_object_get(json_object_get(cloud, "data"), "sequence")), 3);
	json_decref(cloud);
	free(text);
	ringcast_event_destroy(&event);
}

/* printf '1700000000.body' | openssl dgst -sha256 -hmac secret */
Test(envelope, the_signature_is_an_hmac_of_time_and_body)
{
	char signature[ENVELOPE_SIGNATURE_BYTES];
	ringcast_envelope_sign("secret", "body", 1700000000, signature);
	cr_assert_str_eq(signature, "t=1700000000,v1=42ac6f0448c1d9c3e1e82b9726248f58fef84afffcbad5188246e96070e0ea46");
}

/* What games emit */

static char details[4096];

static void keep_detail(void *context, struct service_event *event)
{
	size_t used = strlen(details);
	if (strcmp(event->type, "GameSessionEvent") == 0)
		snprintf(details + used, sizeof(details) - used, "%s %s\n", event->resource, event->detail);
	else
		snprintf(details + used, sizeof(details) - used, "%s\n", event->type);
	ringcast_event_destroy(&event);
}

static void begin_with_details(void)
{
	rig_fini(&rig);
	details[0] = '\0';
	rig_init_with(&rig, &(struct rig_options){.is_dev = true, .emit = keep_detail});
}

static void emit_game(const char *host_session, const char *name, const char *json)
{
	struct host_event event = {.kind = HOST_GAME_EVENT, .found = json_string(json)};
	snprintf(event.session, sizeof(event.session), "%s", host_session);
	snprintf(event.text, sizeof(event.text), "%s", name);
	ringcast_loop_tell(rig.loop, &event);
}

Test(stream, what_a_game_emits_is_told_with_its_session)
{
	begin_with_details();
	rig_free(rig_run(&rig, "CreateGameSession", "{\"FleetId\": \"fleet-1\", \"MaximumPlayerSessionCount\": 2, \"IdempotencyToken\": \"t\"}"));
	const char *host_session = ringcast_game_session_find(&ringcast_loop_model(rig.loop)->sessions, "fleet-1", "t")->host_session;
	char expected[512];
	details[0] = '\0';
	emit_game(host_session, "boss.down", "{\"by\":[1,2]}");
	rig_turn(&rig);
	snprintf(expected, sizeof(expected),
		 "arn:aws:gamelift:local::gamesession/fleet-1/t {\"gameSessionArn\":\"arn:aws:gamelift:local::gamesession/fleet-1/t\",\"fleetId\":\"fleet-1\",\"location\":\"\","
		 "\"currentPlayerSessionCount\":0,\"maximumPlayerSessionCount\":2,\"sessionId\":\"%s\",\"eventName\":\"boss.down\",\"eventData\":{\"by\":[1,2]}}\n", host_session);
	cr_assert_str_eq(details, expected);
}

Test(stream, what_a_game_emits_before_its_session_has_a_name_waits_for_it)
{
	begin_with_details();
	struct request *request = rig_ask(&rig, "CreateGameSession", "{\"FleetId\": \"fleet-1\", \"MaximumPlayerSessionCount\": 2, \"IdempotencyToken\": \"t\"}");
	rig_turn(&rig);
	struct host_call *call = rig_take_call(&rig);
	snprintf(call->session, sizeof(call->session), "host-early");
	emit_game("host-early", "first", "1");
	emit_game("host-stranger", "other", "2");
	emit_game("host-early", "second", "3");
	rig_turn(&rig);
	cr_assert_str_eq(details, "");
	call->result = HOST_OK;
	ringcast_loop_give_back(rig.loop, call);
	rig_turn(&rig);
	cr_assert_not_null(strstr(details, "GameSessionActive\narn:aws:gamelift:local::gamesession/fleet-1/t "), "%s", details);
	const char *first = strstr(details, "\"first\""), *second = strstr(details, "\"second\"");
	cr_assert(first != NULL && second != NULL && first < second, "%s", details);
	cr_assert_not_null(strstr(details, "\nhost-stranger {\"sessionId\":\"host-stranger\",\"eventName\":\"other\",\"eventData\":2}\n"), "%s", details);
	rig_free(request);
}

Test(stream, of_what_games_emit_so_many_may_wait)
{
	begin_with_details();
	for (int i = 0; i < 6; i++)
		emit_game("host-x", "n", "{}");
	cr_assert_eq(ringcast_loop_lost_game_count(rig.loop), 2);
	cr_assert_eq(ringcast_loop_lost_count(rig.loop), 0);
	rig_turn(&rig);
	emit_game("host-x", "n", "{}");
	rig_turn(&rig);
	cr_assert_eq(ringcast_loop_lost_game_count(rig.loop), 2);
	size_t count = 0;
	for (const char *at = details; (at = strstr(at, "host-x {")) != NULL; at++)
		count++;
	cr_assert_eq(count, 5);
}
