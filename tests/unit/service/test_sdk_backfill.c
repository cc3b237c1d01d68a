/* Game servers ask for players who join: what the service is asked, what comes back to whom, and what of a game server that asks without end. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "sdk_rig.h"

#define ABOUT "\"GameSessionArn\": \"" ARN "\", \"MatchmakingConfigurationArn\": \"arn:aws:gamelift:local::matchmakingconfiguration/duel\", \"TicketId\": \"t\""
#define START(players) ABOUT ", \"Players\": " players

static struct sdk_rig rig;
static struct sdk_link link, again;
static char session[HOST_ID_BYTES];

static void init(void)
{
	sdk_rig_init(&rig);
	sdk_rig_learn_fleets(&rig);
	sdk_rig_ready(&rig, &link, "p");
	sdk_rig_begin(&rig, &link, session);
	sdk_rig_clear(&rig);
}

static void fini(void)
{
	sdk_rig_fini(&rig);
}

TestSuite(sdk_backfill, .init = init, .fini = fini);

static const char *text_of(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));
	return text != NULL ? text : "";
}

static int status(void)
{
	return (int)json_integer_value(json_object_get(sdk_rig_answer(&rig), "StatusCode"));
}

/* Asked, and not answered yet. */
static void ask(const char *action, const char *rest)
{
	size_t before = rig.question_count;
	cr_assert_eq(sdk_rig_ask(&rig, &link, action, rest), 0, "%s", action);
	cr_assert_eq(rig.question_count, before + 1);
}

Test(sdk_backfill, a_ticket_is_answered_by_the_request_that_asked_for_it)
{
	ask("StartMatchBackfill", START("[]"));
	cr_assert_eq(rig.questions[0]->kind, HOST_START_BACKFILL);
	cr_assert_str_eq(rig.questions[0]->session, session);
	cr_assert_eq(sdk_rig_ask(&rig, &link, "HeartbeatServerProcess", "\"HealthStatus\": true"), 200, "nobody else waits");
	sdk_rig_reply(&rig, 200, "", "ticket-1");
	cr_assert_eq(status(), 200);
	cr_assert_str_eq(text_of(sdk_rig_answer(&rig), "Action"), "StartMatchBackfill");
	cr_assert_str_eq(text_of(sdk_rig_answer(&rig), "RequestId"), "r");
	cr_assert_str_eq(text_of(sdk_rig_answer(&rig), "TicketId"), "ticket-1");
	ask("StopMatchBackfill", ABOUT);
	cr_assert_eq(rig.questions[0]->kind, HOST_STOP_BACKFILL);
	cr_assert_str_eq(text_of(rig.questions[0]->input, "TicketId"), "t");
	sdk_rig_reply(&rig, 200, "", "");
	cr_assert_eq(status(), 200);
	cr_assert_str_eq(text_of(sdk_rig_answer(&rig), "Action"), "StopMatchBackfill");
	cr_assert_eq(link.process->question_count, 0);
	cr_assert_eq(rig.core.counts.questions, 2);
}

Test(sdk_backfill, a_refusal_has_its_status_and_its_word)
{
	ask("StartMatchBackfill", START("[]"));
	sdk_rig_reply(&rig, 404, "NotFoundException", "there is no such configuration");
	cr_assert_eq(status(), 404);
	cr_assert_str_eq(text_of(sdk_rig_answer(&rig), "ErrorMessage"), "NotFoundException: there is no such configuration");
	rig.is_deaf = true;
	cr_assert_eq(sdk_rig_ask(&rig, &link, "StartMatchBackfill", START("[]")), 503);
	cr_assert_eq(link.process->question_count, 0);
}

static void becomes(const char *players, const char *wanted)
{
	char rest[1024];
	snprintf(rest, sizeof(rest), START("%s"), players);
	ask("StartMatchBackfill", rest);
	json_t *expected = json_loads(wanted, JSON_DECODE_ANY, NULL);
	cr_assert_not_null(expected, "%s", wanted);
	char *got = json_dumps(json_object_get(rig.questions[0]->input, "Players"), JSON_ENCODE_ANY);
	cr_assert(json_equal(json_object_get(rig.questions[0]->input, "Players"), expected), "%s: %s", players, got);
	free(got);
	json_decref(expected);
	sdk_rig_reply(&rig, 200, "", "t");
}

Test(sdk_backfill, players_are_told_as_the_service_knows_them)
{
	becomes("[{\"PlayerId\": \"a\", \"Team\": \"red\", \"LatencyInMs\": {\"here\": 20}, \"Other\": 1}]",
		"[{\"PlayerId\": \"a\", \"Team\": \"red\", \"LatencyInMs\": {\"here\": 20}}]");
	becomes("[{\"PlayerId\": \"a\", \"PlayerAttributes\": {\"n\": {\"AttrType\": \"DOUBLE\", \"N\": 2.5, \"S\": \"\", \"SL\": null, \"SDM\": {}}}}]",
		"[{\"PlayerId\": \"a\", \"PlayerAttributes\": {\"n\": {\"N\": 2.5}}}]");
	becomes("[{\"PlayerAttributes\": {\"n\": {\"AttrType\": \"DOUBLE\"}, \"l\": {\"AttrType\": \"STRING_LIST\"}, \"m\": {\"AttrType\": \"STRING_DOUBLE_MAP\"}, "
		"\"s\": {\"AttrType\": \"STRING\"}}}]",
		"[{\"PlayerAttributes\": {\"n\": {\"N\": 0}, \"l\": {\"SL\": []}, \"m\": {\"SDM\": {}}, \"s\": {\"S\": \"\"}}}]");
	becomes("[{\"PlayerAttributes\": {\"n\": {\"S\": \"x\", \"N\": null}}}]", "[{\"PlayerAttributes\": {\"n\": {\"S\": \"x\"}}}]");
	becomes("[7, {\"PlayerAttributes\": 7, \"Team\": null}]", "[{}, {}]");
	becomes("{}", "[]");
}

Test(sdk_backfill, only_for_a_session_of_its_own_that_runs)
{
	cr_assert_eq(sdk_rig_ask(&rig, &link, "StartMatchBackfill", "\"GameSessionArn\": \"arn:of:another\""), 404);
	cr_assert_eq(sdk_rig_ask(&rig, &link, "StopMatchBackfill", "\"GameSessionArn\": \"arn:of:another\", \"TicketId\": \"t\""), 404);
	cr_assert_eq(sdk_rig_ask(&rig, &link, "StartMatchBackfill", ""), 404);
	link.process->session->is_active = false;
	cr_assert_eq(sdk_rig_ask(&rig, &link, "StartMatchBackfill", START("[]")), 409);
	link.process->session->is_active = true;
	cr_assert_eq(sdk_rig_ask(&rig, &link, "TerminateServerProcess", ""), 200);
	cr_assert_eq(sdk_rig_ask(&rig, &link, "StartMatchBackfill", START("[]")), 404);
	cr_assert_eq(rig.question_count, 0);
}

Test(sdk_backfill, a_game_server_that_asks_without_end_asks_the_service_little)
{
	for (int i = 0; i < 8; i++)
		ask("StartMatchBackfill", START("[]"));
	for (int i = 0; i < 40; i++)
		cr_assert_eq(sdk_rig_ask(&rig, &link, "StartMatchBackfill", START("[]")), 429);
	cr_assert_eq(rig.question_count, 8);
	cr_assert_eq(rig.core.counts.questions_refused, 40);
	while (rig.question_count > 0)
		sdk_rig_reply(&rig, 200, "", "t");
	sdk_rig_clear(&rig);
	rig.core.now_ms += 1000;
	for (int i = 0; i < 10; i++) {
		ask("StopMatchBackfill", ABOUT);
		sdk_rig_reply(&rig, 404, "NotFoundException", "");
	}
	cr_assert_eq(sdk_rig_ask(&rig, &link, "StopMatchBackfill", ABOUT), 429, "more often than may be in a second");
	rig.core.now_ms += 1000;
	ask("StopMatchBackfill", ABOUT);
}

Test(sdk_backfill, whoever_waits_too_long_is_told_so_once)
{
	ask("StartMatchBackfill", START("[]"));
	rig.core.now_ms += 14999;
	ringcast_sdk_core_tick(&rig.core);
	cr_assert_null(sdk_rig_answer(&rig));
	rig.core.now_ms += 1;
	ringcast_sdk_core_tick(&rig.core);
	cr_assert_eq(status(), 503);
	size_t count = rig.sent_count;
	rig.core.now_ms += 1000;
	ringcast_sdk_core_tick(&rig.core);
	cr_assert_eq(link.process->question_count, 1, "the service still has it");
	sdk_rig_reply(&rig, 200, "", "t");
	cr_assert_eq(rig.sent_count, count);
	cr_assert_eq(rig.core.counts.answers_late, 1);
	cr_assert_eq(link.process->question_count, 0);
}

Test(sdk_backfill, a_clock_that_leaps_ends_no_wait)
{
	ask("StartMatchBackfill", START("[]"));
	rig.core.now_ms += 3600000;
	ringcast_sdk_core_put_off(&rig.core, 3600000);
	ringcast_sdk_core_tick(&rig.core);
	cr_assert_null(sdk_rig_answer(&rig));
}

Test(sdk_backfill, an_answer_to_a_lost_connection_goes_to_nobody)
{
	ask("StartMatchBackfill", START("[]"));
	ringcast_sdk_core_closed(&rig.core, &link);
	cr_assert(sdk_rig_connect(&rig, &again, "fleet-a", "c", "p"));
	sdk_rig_clear(&rig);
	sdk_rig_reply(&rig, 200, "", "t");
	cr_assert_eq(rig.sent_count, 0);
	cr_assert_eq(rig.core.counts.answers_lost, 1);
	cr_assert_eq(again.process->question_count, 0);
}

Test(sdk_backfill, an_answer_to_a_process_that_is_gone_goes_to_nobody)
{
	ask("StartMatchBackfill", START("[]"));
	sdk_rig_learn(&rig, "compute", "fleet-a/c", NULL);
	cr_assert_null(link.process);
	sdk_rig_clear(&rig);
	sdk_rig_reply(&rig, 200, "", "t");
	cr_assert_eq(rig.sent_count, 0);
	cr_assert_eq(rig.core.counts.answers_lost, 1);
}

static void update(const char *reason, const char *ticket, const char *data)
{
	struct host_call *call = ringcast_host_call_create(HOST_UPDATE);
	snprintf(call->session, sizeof(call->session), "%s", session);
	call->facts = json_object();
	if (data != NULL)
		json_object_set_new(call->facts, "MatchmakerData", json_string(data));
	call->update_reason = reason;
	snprintf(call->ticket, sizeof(call->ticket), "%s", ticket);
	ringcast_sdk_core_submit(&rig.core, call);
}

static void is_told(const char *reason, const char *ticket, const char *data)
{
	const json_t *push = sdk_rig_push(&rig, "UpdateGameSession");
	cr_assert_not_null(push);
	cr_assert_str_eq(text_of(push, "UpdateReason"), reason);
	cr_assert_str_eq(text_of(push, "BackfillTicketId"), ticket);
	cr_assert_str_eq(text_of(json_object_get(push, "GameSession"), "MatchmakerData"), data);
	sdk_rig_clear(&rig);
}

Test(sdk_backfill, the_game_server_is_told_what_became_of_it)
{
	update("MATCHMAKING_DATA_UPDATED", "t", "new teams");
	is_told("MATCHMAKING_DATA_UPDATED", "t", "new teams");
	update("BACKFILL_TIMED_OUT", "u", NULL);
	is_told("BACKFILL_TIMED_OUT", "u", "new teams");
	ringcast_sdk_core_closed(&rig.core, &link);
	cr_assert(sdk_rig_connect(&rig, &again, "fleet-a", "c", "p"));
	is_told("BACKFILL_TIMED_OUT", "u", "new teams"); /* it may have been lost */
	update(NULL, "", NULL);
	is_told("UNKNOWN", "", "new teams");
}
