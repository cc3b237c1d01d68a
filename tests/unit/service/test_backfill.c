/* What games ask by their hosts: the API's own operations run, about the session that asks and no other, and game servers hear what became of it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"
#include "service/game_question.h"

static struct rig rig;
static char fleet[MODEL_ID_BYTES];
static struct host_question question;
static bool is_answered;
static struct {
	const char *reason;
	char ticket[HOST_TICKET_BYTES], data[2048];
	uint32_t count;
} told; /* the last update that a host was given */

static void init(void)
{
	rig_init(&rig, true);
	memset(&told, 0, sizeof(told));
}

static void fini(void)
{
	rig_fini(&rig);
}

TestSuite(backfill, .init = init, .fini = fini);

static void answer_calls(void)
{
	rig_turn(&rig);
	for (struct host_call *call = rig_take_call(&rig); call != NULL; call = rig_take_call(&rig)) {
		const char *data = json_string_value(json_object_get(call->facts, "MatchmakerData"));
		if (call->kind == HOST_UPDATE) {
			told.reason = call->update_reason;
			snprintf(told.ticket, sizeof(told.ticket), "%s", call->ticket);
			snprintf(told.data, sizeof(told.data), "%s", data != NULL ? data : "");
			told.count++;
		}
		rig_answer(&rig, call, HOST_OK);
	}
}

static void pass(int64_t ms)
{
	for (int64_t end = rig.now_ms + ms; rig.now_ms < end;) {
		rig.now_ms += 50;
		answer_calls();
	}
}

static const char *run_for(const char *operation, const char *input, const char *path)
{
	static char text[2048];
	struct request *request = rig_ask(&rig, operation, input);
	answer_calls();
	cr_assert_eq(request->fault, FAULT_NONE, "%s: %s", operation, request->message);
	snprintf(text, sizeof(text), "%s", rig_text(request, path));
	rig_free(request);
	return text;
}

#define RULES                                                                                                                                      \
	"{\\\"ruleLanguageVersion\\\": \\\"1.0\\\", \\\"playerAttributes\\\": [{\\\"name\\\": \\\"skill\\\", \\\"type\\\": \\\"number\\\", \\\"default\\\": 10}]," \
	"\\\"teams\\\": [{\\\"name\\\": \\\"red\\\", \\\"minPlayers\\\": 1, \\\"maxPlayers\\\": 1}, {\\\"name\\\": \\\"blue\\\", \\\"minPlayers\\\": 1, \\\"maxPlayers\\\": 1}]}"

static void configure(bool is_custom)
{
	char input[1024];
	snprintf(fleet, sizeof(fleet), "%s", is_custom ? run_for("CreateFleet", "{\"Name\": \"f\", \"ComputeType\": \"ANYWHERE\"}", "FleetAttributes.FleetId") : "fleet-1");
	snprintf(input, sizeof(input), "{\"Name\": \"q\", \"TimeoutInSeconds\": 60, \"Destinations\": [{\"DestinationArn\": \"arn:aws:gamelift:local::fleet/%s\"}]}", fleet);
	run_for("CreateGameSessionQueue", input, "");
	run_for("CreateMatchmakingRuleSet", "{\"Name\": \"rules\", \"RuleSetBody\": \"" RULES "\"}", "");
	run_for("CreateMatchmakingConfiguration",
		"{\"Name\": \"duel\", \"RuleSetName\": \"rules\", \"RequestTimeoutSeconds\": 60, \"AcceptanceRequired\": false, "
		"\"GameSessionQueueArns\": [\"arn:aws:gamelift:local::gamesessionqueue/q\"]}",
		"");
}

static void start(const char *name)
{
	char input[512];
	snprintf(input, sizeof(input), "{\"ConfigurationName\": \"duel\", \"TicketId\": \"%s\", \"Players\": [{\"PlayerId\": \"%s\", \"PlayerAttributes\": {\"skill\": {\"N\": 3.5}}}]}", name, name);
	run_for("StartMatchmaking", input, "");
}

static const char *member_of(const char *ticket, const char *path)
{
	char input[256], whole[128];
	snprintf(input, sizeof(input), "{\"TicketIds\": [\"%s\"]}", ticket);
	snprintf(whole, sizeof(whole), "TicketList.0.%s", path);
	return run_for("DescribeMatchmaking", input, whole);
}

static void is(const char *ticket, const char *status)
{
	cr_assert_str_eq(member_of(ticket, "Status"), status, "%s", ticket);
}

static struct game_session *session_of(const char *ticket)
{
	struct game_session *session =
		ringcast_game_session_resolve(&ringcast_loop_model(rig.loop)->sessions, member_of(ticket, "GameSessionConnectionInfo.GameSessionArn"));
	cr_assert_not_null(session);
	return session;
}

/* A duel of these two that runs. */
static struct game_session *play(const char *one, const char *two)
{
	start(one);
	start(two);
	struct host_event room = {.kind = HOST_ROOM};
	snprintf(room.session, sizeof(room.session), "%s", fleet);
	for (int i = 0; i < 10; i++) {
		ringcast_loop_tell(rig.loop, &room);
		pass(200);
	}
	is(one, "COMPLETED");
	is(two, "COMPLETED");
	return session_of(one);
}

static void leaves(struct game_session *session, const char *player_id)
{
	struct host_event event = {.kind = HOST_PLAYER_COMPLETED, .sequence = session->event_sequence + 1};
	for (struct list_node *node = session->players.next; node != &session->players; node = node->next) {
		const struct player_session *player = CONTAINER_OF(node, struct player_session, node);
		if (strcmp(player->player_id, player_id) == 0)
			snprintf(event.player, sizeof(event.player), "%s", player->id);
	}
	cr_assert_neq(*event.player, '\0');
	snprintf(event.session, sizeof(event.session), "%s", session->host_session);
	ringcast_loop_tell(rig.loop, &event);
	rig_turn(&rig);
}

static void answered(struct host_question *given)
{
	cr_assert_eq(given, &question);
	cr_assert_not(is_answered);
	cr_assert_null(given->input);
	is_answered = true;
}

static bool ask(enum host_question_kind kind, const char *session, const char *input)
{
	question = (struct host_question){.kind = kind, .input = json_loads(input, 0, NULL), .answered = answered};
	snprintf(question.session, sizeof(question.session), "%s", session);
	cr_assert_not_null(question.input, "%s", input);
	is_answered = false;
	return ringcast_game_question_ask(rig.loop, &question);
}

/* False: it was refused, as question says. */
static bool asked(enum host_question_kind kind, const char *session, const char *input)
{
	cr_assert(ask(kind, session, input));
	answer_calls();
	cr_assert(is_answered);
	return question.status == 200;
}

static void refused(enum host_question_kind kind, const char *session, const char *input, unsigned status, const char *fault, const char *words)
{
	cr_assert_not(asked(kind, session, input), "%s", input);
	cr_assert_eq(question.status, status, "%u %s: %s", question.status, question.fault, question.text);
	cr_assert_str_eq(question.fault, fault);
	cr_assert_not_null(strstr(question.text, words), "%s", question.text);
}

Test(backfill, a_leaver_is_replaced_and_the_game_server_told)
{
	configure(true);
	struct game_session *session = play("anna", "ben");
	leaves(session, "ben");
	cr_assert(asked(HOST_START_BACKFILL, session->host_session, "{}"), "%s", question.text);
	char ticket[HOST_TICKET_BYTES];
	snprintf(ticket, sizeof(ticket), "%s", question.ticket);
	cr_assert_str_eq(member_of(ticket, "Players.0.PlayerId"), "anna");
	start("cara");
	pass(500);
	is(ticket, "COMPLETED");
	is("cara", "COMPLETED");
	cr_assert_eq(session_of("cara"), session);
	cr_assert_eq(told.count, 1);
	cr_assert_str_eq(told.reason, "MATCHMAKING_DATA_UPDATED");
	cr_assert_str_eq(told.ticket, ticket);
	cr_assert_not_null(strstr(told.data, "\"playerId\":\"anna\",\"attributes\":{\"skill\":{\"attributeType\":\"DOUBLE\",\"valueAttribute\":3.5}}"), "%s", told.data);
	cr_assert_not_null(strstr(told.data, "cara"), "%s", told.data);
	cr_assert_null(strstr(told.data, "ben"), "%s", told.data);
	char input[512];
	snprintf(input, sizeof(input), "{\"FleetId\": \"%s\"}", fleet);
	cr_assert_str_eq(run_for("DescribeGameSessions", input, "GameSessions.0.MatchmakerData"), told.data);
	leaves(session, "anna");
	cr_assert(asked(HOST_START_BACKFILL, session->host_session, "{\"TicketId\": \"again\"}"), "%s", question.text);
	cr_assert_str_eq(question.ticket, "again");
	cr_assert_str_eq(member_of("again", "Players.0.PlayerId"), "cara", "who came is known with a team");
}

Test(backfill, scripts_of_the_engine_may_ask_and_are_told_how_it_ended)
{
	configure(false);
	struct game_session *session = play("anna", "ben");
	leaves(session, "ben");
	cr_assert(asked(HOST_START_BACKFILL, session->host_session, "{}"), "%s", question.text);
	start("cara");
	pass(500);
	cr_assert_eq(session_of("cara"), session);
	cr_assert_eq(told.count, 1);
	cr_assert_str_eq(told.reason, "MATCHMAKING_DATA_UPDATED");
}

Test(backfill, one_at_a_time_and_stopped_by_the_game)
{
	configure(true);
	struct game_session *session = play("anna", "ben");
	leaves(session, "ben");
	cr_assert(asked(HOST_START_BACKFILL, session->host_session, "{\"TicketId\": \"t\"}"), "%s", question.text);
	refused(HOST_START_BACKFILL, session->host_session, "{\"TicketId\": \"u\"}", 409, "ConflictException", "by the ticket t");
	cr_assert(asked(HOST_STOP_BACKFILL, session->host_session, "{\"TicketId\": \"t\"}"), "%s", question.text);
	is("t", "CANCELLED");
	pass(50);
	cr_assert_str_eq(told.reason, "BACKFILL_CANCELLED");
	cr_assert_str_eq(told.ticket, "t");
	refused(HOST_STOP_BACKFILL, session->host_session, "{\"TicketId\": \"t\"}", 400, "InvalidRequestException", "CANCELLED already");
	refused(HOST_STOP_BACKFILL, session->host_session, "{}", 404, "NotFoundException", "no backfill ticket");
	cr_assert(asked(HOST_START_BACKFILL, session->host_session, "{\"TicketId\": \"u\"}"), "%s", question.text);
	cr_assert(asked(HOST_STOP_BACKFILL, session->host_session, "{}"), "%s", question.text);
	is("u", "CANCELLED");
}

Test(backfill, nobody_stops_what_is_not_his)
{
	configure(true);
	struct game_session *one = play("anna", "ben"), *two = play("carl", "dora");
	cr_assert_neq(one, two);
	leaves(one, "ben");
	cr_assert(asked(HOST_START_BACKFILL, one->host_session, "{\"TicketId\": \"t\"}"), "%s", question.text);
	refused(HOST_STOP_BACKFILL, two->host_session, "{\"TicketId\": \"t\"}", 404, "NotFoundException", "no backfill ticket t");
	char other[512];
	snprintf(other, sizeof(other), "{\"TicketId\": \"t\", \"HostSession\": \"%s\"}", one->host_session);
	refused(HOST_STOP_BACKFILL, two->host_session, other, 404, "NotFoundException", "no backfill ticket t");
	run_for("StopMatchmaking", "{\"TicketId\": \"t\"}", "");
	start("emil");
	refused(HOST_STOP_BACKFILL, two->host_session, "{\"TicketId\": \"emil\"}", 404, "NotFoundException", "no backfill ticket emil");
	is("emil", "QUEUED");
}

Test(backfill, what_the_api_refuses_a_game_is_refused)
{
	configure(true);
	struct game_session *session = play("anna", "ben");
	const char *host = session->host_session;
	refused(HOST_START_BACKFILL, "gsess-none", "{}", 404, "NotFoundException", "does not know this session");
	refused(HOST_STOP_BACKFILL, "gsess-none", "{}", 404, "NotFoundException", "does not know this session");
	refused(HOST_START_BACKFILL, host, "{\"ConfigurationName\": \"none\"}", 404, "NotFoundException", "configuration none");
	refused(HOST_START_BACKFILL, host, "{\"ConfigurationName\": 7}", 400, "InvalidRequestException", "ConfigurationName");
	refused(HOST_START_BACKFILL, host, "{\"TicketId\": \"anna\"}", 400, "InvalidRequestException", "a ticket anna already");
	refused(HOST_START_BACKFILL, host, "{\"Players\": [{\"PlayerId\": \"x\", \"Team\": \"green\"}]}", 400, "InvalidRequestException", "Team");
	refused(HOST_START_BACKFILL, host, "{\"Players\": \"all\"}", 400, "InvalidRequestException", "Players");
	refused(HOST_START_BACKFILL, host, "{\"Players\": [7]}", 400, "InvalidRequestException", "Players");
	char wide[401], input[512];
	for (int i = 0; i < 200; i++)
		memcpy(wide + 2 * i, "\u00e4", 3);
	snprintf(input, sizeof(input), "{\"TicketId\": \"a%s\"}", wide);
	refused(HOST_STOP_BACKFILL, host, input, 404, "NotFoundException", "\u00e4?"); /* cut within a letter, and still a text */
	struct host_event ended = {.kind = HOST_SESSION_ENDED, .sequence = session->event_sequence + 1};
	snprintf(ended.session, sizeof(ended.session), "%s", host);
	ringcast_loop_tell(rig.loop, &ended);
	rig_turn(&rig);
	refused(HOST_START_BACKFILL, host, "{}", 409, "InvalidGameSessionStatusException", "TERMINATED");
}

Test(backfill, a_session_that_no_matchmaker_made_says_who_plays)
{
	configure(false);
	char arn[MODEL_ARN_BYTES], input[512];
	snprintf(arn, sizeof(arn), "%s", run_for("CreateGameSession", "{\"FleetId\": \"fleet-1\", \"MaximumPlayerSessionCount\": 2}", "GameSession.GameSessionId"));
	const struct game_session *session = ringcast_game_session_resolve(&ringcast_loop_model(rig.loop)->sessions, arn);
	refused(HOST_START_BACKFILL, session->host_session, "{}", 400, "InvalidRequestException", "ConfigurationName: is required");
	refused(HOST_START_BACKFILL, session->host_session, "{\"ConfigurationName\": \"duel\"}", 400, "InvalidRequestException", "nobody plays");
	snprintf(input, sizeof(input), "{\"GameSessionId\": \"%s\", \"PlayerId\": \"x\"}", arn);
	run_for("CreatePlayerSession", input, "");
	refused(HOST_START_BACKFILL, session->host_session, "{\"ConfigurationName\": \"duel\"}", 400, "InvalidRequestException", "say who plays in which");
	cr_assert(asked(HOST_START_BACKFILL, session->host_session, "{\"ConfigurationName\": \"duel\", \"Players\": [{\"PlayerId\": \"x\", \"Team\": \"red\"}]}"));
}

Test(backfill, a_ticket_is_told_when_it_is_stored_and_so_is_its_end)
{
	configure(true);
	struct game_session *session = play("anna", "ben");
	leaves(session, "ben");
	pass(50);
	ringcast_loop_hold_writes(rig.loop);
	cr_assert(ask(HOST_START_BACKFILL, session->host_session, "{\"TicketId\": \"t\"}"));
	pass(1000);
	cr_assert_not(is_answered);
	while (ringcast_loop_write(rig.loop))
		pass(50);
	cr_assert(is_answered);
	cr_assert_eq(question.status, 200, "%s", question.text);
	pass(62000);
	struct request *early = rig_ask(&rig, "DescribeMatchmaking", "{\"TicketIds\": [\"t\"]}");
	rig_turn(&rig);
	cr_assert_not_null(early->context, "the store may still refuse it, so it is not shown");
	cr_assert_eq(told.count, 0, "the store may still refuse it");
	while (ringcast_loop_write(rig.loop))
		pass(50);
	cr_assert_str_eq(rig_text(early, "TicketList.0.Status"), "TIMED_OUT");
	rig_free(early);
	is("t", "TIMED_OUT");
	cr_assert_eq(told.count, 1);
	cr_assert_str_eq(told.reason, "BACKFILL_TIMED_OUT");
	cr_assert_str_eq(told.data, "");
}

static void backend_starts(const char *ticket, const char *session)
{
	char input[1024];
	snprintf(input, sizeof(input), "{\"ConfigurationName\": \"duel\", \"TicketId\": \"%s\", \"GameSessionArn\": \"%s\", \"Players\": [{\"PlayerId\": \"anna\", \"Team\": \"red\"}]}", ticket,
		 session);
	run_for("StartMatchBackfill", input, "");
}

static const char *arn_of(const struct game_session *session)
{
	static char arn[MODEL_ARN_BYTES];
	ringcast_model_session_arn(ringcast_loop_model(rig.loop), session, arn);
	return arn;
}

Test(backfill, of_two_of_a_backend_the_second_is_known_when_the_first_ends)
{
	configure(true);
	struct game_session *session = play("anna", "ben");
	leaves(session, "ben");
	for (const char *name = "tuvw"; *name != '\0'; name++)
		backend_starts((char[]){*name, '\0'}, arn_of(session));
	refused(HOST_START_BACKFILL, session->host_session, "{}", 409, "ConflictException", "by the ticket t");
	run_for("StopMatchmaking", "{\"TicketId\": \"u\"}", "");
	refused(HOST_START_BACKFILL, session->host_session, "{}", 409, "ConflictException", "by the ticket t");
	run_for("StopMatchmaking", "{\"TicketId\": \"t\"}", "");
	refused(HOST_START_BACKFILL, session->host_session, "{}", 409, "ConflictException", "by the ticket v");
	run_for("StopMatchmaking", "{\"TicketId\": \"v\"}", "");
	cr_assert(asked(HOST_STOP_BACKFILL, session->host_session, "{}"), "%s", question.text);
	is("w", "CANCELLED");
	cr_assert(asked(HOST_START_BACKFILL, session->host_session, "{}"), "%s", question.text);
}

Test(backfill, a_session_that_a_backend_names_by_its_id_is_the_same)
{
	configure(true);
	struct game_session *session = play("anna", "ben");
	leaves(session, "ben");
	backend_starts("t", session->host_session);
	refused(HOST_START_BACKFILL, session->host_session, "{}", 409, "ConflictException", "by the ticket t");
	cr_assert(asked(HOST_STOP_BACKFILL, session->host_session, "{\"TicketId\": \"t\"}"), "%s", question.text);
}

/* Its end and another's beginning in one batch, which the store refuses: it cannot write a text that is not UTF-8. */
Test(backfill, one_that_goes_on_since_its_end_was_refused_is_known)
{
	configure(true);
	struct game_session *session = play("anna", "ben");
	leaves(session, "ben");
	cr_assert(asked(HOST_START_BACKFILL, session->host_session, "{\"TicketId\": \"t\"}"), "%s", question.text);
	ringcast_loop_hold_writes(rig.loop);
	cr_assert(ringcast_records_put(&ringcast_loop_model(rig.loop)->records, RECORD_KEY, "spoiled", json_pack("{s:o}", "Name", json_stringn_nocheck("\xff", 1))));
	struct request *stop = rig_ask(&rig, "StopMatchmaking", "{\"TicketId\": \"t\"}");
	rig_turn(&rig);
	cr_assert(ask(HOST_START_BACKFILL, session->host_session, "{\"TicketId\": \"u\"}"));
	answer_calls();
	cr_assert_not(is_answered);
	while (ringcast_loop_write(rig.loop))
		answer_calls();
	cr_assert_eq(stop->fault, FAULT_INTERNAL, "%s", stop->message);
	rig_free(stop);
	cr_assert(is_answered);
	cr_assert_eq(question.status, 500, "%u %s", question.status, question.text);
	refused(HOST_START_BACKFILL, session->host_session, "{}", 409, "ConflictException", "by the ticket t");
}

static bool is_second_answered;

static void second_answered(struct host_question *given)
{
	is_second_answered = true;
}

Test(backfill, a_refusal_waits_for_the_ticket_that_it_names)
{
	configure(true);
	struct game_session *session = play("anna", "ben");
	leaves(session, "ben");
	pass(50);
	ringcast_loop_hold_writes(rig.loop);
	cr_assert(ask(HOST_START_BACKFILL, session->host_session, "{\"TicketId\": \"t\"}"));
	struct host_question second = {.kind = HOST_START_BACKFILL, .input = json_object(), .answered = second_answered};
	snprintf(second.session, sizeof(second.session), "%s", session->host_session);
	is_second_answered = false;
	cr_assert(ringcast_game_question_ask(rig.loop, &second));
	pass(100);
	cr_assert_not(is_answered);
	cr_assert_not(is_second_answered, "the store may still refuse the ticket t: %s", second.text);
	while (ringcast_loop_write(rig.loop))
		answer_calls();
	cr_assert_eq(question.status, 200, "%s", question.text);
	cr_assert(is_second_answered);
	cr_assert_eq(second.status, 409, "%s", second.text);
}

#define NEAR                                                                                                                                                        \
	"{\\\"ruleLanguageVersion\\\": \\\"1.0\\\", \\\"teams\\\": [{\\\"name\\\": \\\"red\\\", \\\"minPlayers\\\": 1, \\\"maxPlayers\\\": 2}]," \
	"\\\"rules\\\": [{\\\"name\\\": \\\"near\\\", \\\"type\\\": \\\"latency\\\", \\\"maxLatency\\\": 100}]}"

Test(backfill, players_whose_latencies_are_not_known_are_not_filled_in)
{
	configure(true);
	run_for("CreateMatchmakingRuleSet", "{\"Name\": \"near\", \"RuleSetBody\": \"" NEAR "\"}", "");
	run_for("CreateMatchmakingConfiguration",
		"{\"Name\": \"near\", \"RuleSetName\": \"near\", \"RequestTimeoutSeconds\": 60, \"AcceptanceRequired\": false, "
		"\"GameSessionQueueArns\": [\"arn:aws:gamelift:local::gamesessionqueue/q\"]}",
		"");
	struct game_session *session = play("anna", "ben");
	leaves(session, "ben");
	refused(HOST_START_BACKFILL, session->host_session, "{\"ConfigurationName\": \"near\"}", 400, "InvalidRequestException", "with LatencyInMs");
	cr_assert(asked(HOST_START_BACKFILL, session->host_session,
			"{\"ConfigurationName\": \"near\", \"Players\": [{\"PlayerId\": \"anna\", \"Team\": \"red\", \"LatencyInMs\": {\"local\": 20}}]}"),
		  "%s", question.text);
}

static uint64_t ran_ns;

static uint64_t running_ns(void *context)
{
	(void)context;
	return ran_ns;
}

/* Of the match that fills up the session; not answered. */
static struct host_call *reserve_call(void)
{
	for (int i = 0; i < 20; i++) {
		struct host_call *call = rig_take_call(&rig);
		if (call != NULL && call->kind == HOST_RESERVE)
			return call;
		if (call != NULL)
			rig_answer(&rig, call, HOST_OK);
		rig.now_ms += 50;
		rig_turn(&rig);
	}
	cr_assert_fail("no place is asked for");
	return NULL;
}

Test(backfill, time_in_which_the_process_stood_still_is_not_held_against_a_host)
{
	enum { SILENT_MS = 31000 };
	fini();
	rig_init_with(&rig, &(struct rig_options){.is_dev = true, .running_ns = running_ns});
	configure(false);
	struct game_session *session = play("anna", "ben");
	leaves(session, "ben");
	cr_assert(asked(HOST_START_BACKFILL, session->host_session, "{}"), "%s", question.text);
	start("cara");
	struct host_call *call = reserve_call();
	rig.now_ms += SILENT_MS;
	rig_turn(&rig);
	is("cara", "PLACING");
	rig_answer(&rig, call, HOST_OK);
	is("cara", "COMPLETED");
	leaves(session, "cara");
	cr_assert(asked(HOST_START_BACKFILL, session->host_session, "{}"), "%s", question.text);
	start("dora");
	call = reserve_call();
	ran_ns += SILENT_MS * NS_PER_MS;
	rig_turn(&rig);
	is("dora", "FAILED");
	rig_answer(&rig, call, HOST_OK);
}

static unsigned answer_count;

static void count_answer(struct host_question *given)
{
	cr_assert_eq(given->status, 404, "%s", given->text);
	answer_count++;
}

/* Backends and operators have the rest of the room. */
Test(backfill, questions_have_a_share_of_the_room_for_requests)
{
	static struct host_question many[5];
	for (unsigned i = 0; i < ARRAY_COUNT(many); i++) {
		many[i] = (struct host_question){.kind = HOST_STOP_BACKFILL, .input = json_object(), .session = "gsess-none", .answered = count_answer};
		cr_assert_eq(ringcast_game_question_ask(rig.loop, &many[i]), i < 4, "%u", i);
	}
	cr_assert_eq(ringcast_loop_refused_game_questions(rig.loop), 1);
	struct request *request = rig_ask(&rig, "DescribeMatchmaking", "{\"TicketIds\": []}");
	rig_turn(&rig);
	cr_assert_null(request->context);
	rig_free(request);
	cr_assert_eq(answer_count, 4);
	cr_assert(ringcast_game_question_ask(rig.loop, &many[4]), "those before it are answered");
	rig_turn(&rig);
	cr_assert_eq(answer_count, 5);
}

Test(backfill, a_loop_that_stops_takes_no_question)
{
	configure(false);
	ringcast_loop_stop(rig.loop);
	cr_assert_not(ask(HOST_START_BACKFILL, "x", "{}"));
	cr_assert_not(is_answered);
	json_decref(question.input);
}
