/* Game and player sessions through the loop, with a host that answers when the test says so. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

static struct rig rig;

static void init(void)
{
	rig_init(&rig, true);
}

static void fini(void)
{
	rig_fini(&rig);
}

TestSuite(sessions, .init = init, .fini = fini);

#define CREATE "{\"FleetId\": \"fleet-1\", \"MaximumPlayerSessionCount\": 2, \"Name\": \"n\", \"IdempotencyToken\": \"t1\"}"

static struct request *about(const char *operation, const char *id, const char *more)
{
	char input[1024];
	snprintf(input, sizeof(input), "{\"GameSessionId\": \"%s\"%s}", id, more);
	return rig_run(&rig, operation, input);
}

Test(sessions, a_session_is_shown_when_its_host_has_it)
{
	struct request *request = rig_ask(&rig, "CreateGameSession", CREATE);
	rig_turn(&rig);
	cr_assert_not_null(request->context);
	struct host_call *call = rig_take_call(&rig);
	cr_assert_eq(call->kind, HOST_CREATE);
	cr_assert_eq(call->players_max, 2);
	rig_answer(&rig, call, HOST_OK);
	cr_assert_null(request->context);
	cr_assert_str_eq(rig_text(request, "GameSession.Status"), "ACTIVE");
	cr_assert_str_eq(rig_text(request, "GameSession.GameSessionId"), "arn:aws:gamelift:local::gamesession/fleet-1/t1");
	rig_free(request);
}

/* Every node of it has one owner: nothing in it belongs to the model as well. */
static bool is_own_tree(json_t *json)
{
	const char *key;
	size_t i;
	json_t *member;
	if (json->refcount != 1 && json->refcount != (size_t)-1) /* -1: true, false and null, which nobody counts */
		return false;
	json_object_foreach(json, key, member)
		if (!is_own_tree(member))
			return false;
	json_array_foreach(json, i, member)
		if (!is_own_tree(member))
			return false;
	return true;
}

Test(sessions, what_goes_to_a_host_is_nobody_else_s)
{
	struct request *create = rig_ask(&rig, "CreateGameSession", "{\"FleetId\": \"fleet-1\", \"MaximumPlayerSessionCount\": 2, \"Name\": \"n\", "
					 "\"GameProperties\": [{\"Key\": \"mode\", \"Value\": \"race\"}], \"IdempotencyToken\": \"t1\"}");
	rig_turn(&rig);
	struct host_call *call = rig_take_call(&rig);
	cr_assert_str_eq(json_string_value(json_object_get(call->facts, "Name")), "n");
	cr_assert(is_own_tree(call->facts));
	rig_answer(&rig, call, HOST_OK);
	rig_free(create);
	struct request *update = rig_ask(&rig, "UpdateGameSession", "{\"GameSessionId\": \"arn:aws:gamelift:local::gamesession/fleet-1/t1\", "
					 "\"GameProperties\": [{\"Key\": \"mode\", \"Value\": \"duel\"}]}");
	rig_turn(&rig);
	call = rig_take_call(&rig);
	cr_assert_eq(json_array_size(json_object_get(call->facts, "GameProperties")), 1);
	cr_assert(is_own_tree(call->facts));
	rig_answer(&rig, call, HOST_OK);
	rig_free(update);
}

Test(sessions, a_token_gives_one_session)
{
	struct request *first = rig_run(&rig, "CreateGameSession", CREATE), *second = rig_run(&rig, "CreateGameSession", CREATE);
	cr_assert_str_eq(rig_text(first, "GameSession.GameSessionId"), rig_text(second, "GameSession.GameSessionId"));
	cr_assert_eq(ringcast_loop_model(rig.loop)->sessions.live_count, 1);
	rig_free(first);
	rig_free(second);
	rig_expect_fault(rig_run(&rig, "CreateGameSession", "{\"FleetId\": \"fleet-1\", \"MaximumPlayerSessionCount\": 3, \"IdempotencyToken\": \"t1\"}"),
		     FAULT_IDEMPOTENT_MISMATCH);
}

Test(sessions, a_fleet_id_of_any_length_reaches_no_assertion)
{
	char id[700], input[1024];
	memset(id, 'f', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	snprintf(input, sizeof(input), "{\"FleetId\": \"fleet-%s\", \"MaximumPlayerSessionCount\": 2, \"IdempotencyToken\": \"t1\"}", id);
	rig_expect_fault(rig_run(&rig, "CreateGameSession", input), FAULT_INVALID);
	rig_expect_fault(rig_run(&rig, "CreateGameSession", input), FAULT_INVALID);
}

Test(sessions, a_host_that_refuses_leaves_nothing)
{
	static const struct {
		enum host_result result;
		enum fault fault;
	} cases[] = {{HOST_FULL, FAULT_FLEET_CAPACITY}, {HOST_STATE, FAULT_SESSION_STATUS}, {HOST_SCRIPT, FAULT_INTERNAL},
		     {HOST_TIMEOUT, FAULT_INTERNAL},    {HOST_NOT_FOUND, FAULT_NOT_FOUND},  {HOST_FAILED, FAULT_INTERNAL}};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct request *request = rig_ask(&rig, "CreateGameSession", CREATE);
		rig_turn(&rig);
		rig_answer(&rig, rig_take_call(&rig), cases[i].result);
		rig_expect_fault(request, cases[i].fault);
		cr_assert_eq(ringcast_loop_model(rig.loop)->sessions.live_count, 0);
	}
}

Test(sessions, players_are_counted_and_bounded)
{
	const char *id = rig_session(&rig, "t1", 2);
	rig_free(about("CreatePlayerSession", id, ", \"PlayerId\": \"a\""));
	rig_expect_fault(about("CreatePlayerSessions", id, ", \"PlayerIds\": [\"b\", \"c\"]"), FAULT_SESSION_FULL);
	rig_expect_fault(about("CreatePlayerSessions", id, ", \"PlayerIds\": [\"b\", \"b\"]"), FAULT_INVALID);
	rig_free(about("CreatePlayerSession", id, ", \"PlayerId\": \"b\""));
	rig_expect_fault(about("CreatePlayerSession", id, ", \"PlayerId\": \"c\""), FAULT_SESSION_FULL);
	rig_expect_fault(about("CreatePlayerSession", "arn:aws:gamelift:local::gamesession/fleet-1/other", ", \"PlayerId\": \"c\""), FAULT_NOT_FOUND);
}

static struct host_event event_of(enum host_event_kind kind, uint64_t sequence, const char *player)
{
	struct host_event event = {.kind = kind, .sequence = sequence};
	struct game_session *session = ringcast_game_session_find(&ringcast_loop_model(rig.loop)->sessions, "fleet-1", "t1");
	snprintf(event.session, sizeof(event.session), "%s", session->host_session);
	snprintf(event.player, sizeof(event.player), "%s", player);
	return event;
}

static void tell(enum host_event_kind kind, uint64_t sequence, const char *player)
{
	struct host_event event = event_of(kind, sequence, player);
	ringcast_loop_tell(rig.loop, &event);
	rig_turn(&rig);
}

static void expect_player(const char *player, const char *status)
{
	char input[128];
	snprintf(input, sizeof(input), "{\"PlayerSessionId\": \"%s\"}", player);
	struct request *request = rig_run(&rig, "DescribePlayerSessions", input);
	cr_assert_str_eq(rig_text(request, "PlayerSessions.0.Status"), status);
	rig_free(request);
}

Test(sessions, a_host_says_what_became_of_players_and_older_news_change_nothing)
{
	char player[64];
	const char *id = rig_session(&rig, "t1", 2);
	struct request *request = about("CreatePlayerSession", id, ", \"PlayerId\": \"a\"");
	snprintf(player, sizeof(player), "%s", rig_text(request, "PlayerSession.PlayerSessionId"));
	rig_free(request);
	expect_player(player, "RESERVED");
	tell(HOST_PLAYER_ACTIVE, 5, player);
	expect_player(player, "ACTIVE");
	tell(HOST_PLAYER_TIMEDOUT, 4, player);
	expect_player(player, "ACTIVE");
	tell(HOST_PLAYER_COMPLETED, 6, player);
	expect_player(player, "COMPLETED");
	rig_free(about("CreatePlayerSessions", id, ", \"PlayerIds\": [\"b\", \"c\"]"));
	tell(HOST_SESSION_ENDED, 7, "");
	rig_expect_fault(about("CreatePlayerSession", id, ", \"PlayerId\": \"d\""), FAULT_SESSION_STATUS);
	cr_assert_eq(ringcast_loop_model(rig.loop)->sessions.live_count, 0);
}

Test(sessions, a_session_that_ends_while_places_are_being_taken_refuses_them)
{
	char input[512];
	snprintf(input, sizeof(input), "{\"GameSessionId\": \"%s\", \"PlayerId\": \"a\"}", rig_session(&rig, "t1", 2));
	struct request *request = rig_ask(&rig, "CreatePlayerSession", input);
	rig_turn(&rig);
	struct host_call *call = rig_take_call(&rig);
	tell(HOST_SESSION_ENDED, 1, "");
	rig_answer(&rig, call, HOST_OK);
	rig_expect_fault(request, FAULT_SESSION_STATUS);
}

Test(sessions, updates_and_ends_follow_the_table_of_states)
{
	const char *id = rig_session(&rig, "t1", 2);
	struct request *request = about("UpdateGameSession", id, ", \"Name\": \"new\", \"PlayerSessionCreationPolicy\": \"DENY_ALL\"");
	cr_assert_str_eq(rig_text(request, "GameSession.Name"), "new");
	rig_free(request);
	rig_expect_fault(about("CreatePlayerSession", id, ", \"PlayerId\": \"a\""), FAULT_SESSION_STATUS);
	request = about("TerminateGameSession", id, ", \"TerminationMode\": \"FORCE_TERMINATE\"");
	cr_assert_str_eq(rig_text(request, "GameSession.Status"), "TERMINATING");
	rig_free(request);
	rig_expect_fault(about("UpdateGameSession", id, ", \"Name\": \"x\""), FAULT_SESSION_STATUS);
	tell(HOST_SESSION_ENDED, 1, "");
	rig_expect_fault(about("TerminateGameSession", id, ", \"TerminationMode\": \"FORCE_TERMINATE\""), FAULT_SESSION_STATUS);
	request = about("DescribeGameSessions", id, "");
	cr_assert_str_eq(rig_text(request, "GameSessions.0.Status"), "TERMINATED");
	cr_assert_str_eq(rig_text(request, "GameSessions.0.StatusReason"), "FORCE_TERMINATED");
	rig_free(request);
}

Test(sessions, ended_sessions_are_forgotten_after_thirty_days)
{
	rig_session(&rig, "t1", 2);
	tell(HOST_SESSION_ENDED, 1, "");
	rig.now_ms += GAME_SESSION_KEPT_MS - 1;
	rig_turn(&rig);
	cr_assert_eq(ringcast_loop_model(rig.loop)->sessions.ended_count, 1);
	rig.now_ms += 2;
	rig_turn(&rig);
	cr_assert_eq(ringcast_loop_model(rig.loop)->sessions.ended_count, 0);
}

Test(sessions, what_waits_is_refused_when_the_loop_stops)
{
	struct request *request = rig_ask(&rig, "CreateGameSession", CREATE);
	rig_turn(&rig);
	ringcast_loop_stop(rig.loop);
	rig_expect_fault(request, FAULT_UNAVAILABLE);
}

/* What hosts tell */

static const char *status_of(const char *id)
{
	static char status[32];
	struct request *request = about("DescribeGameSessions", id, "");
	snprintf(status, sizeof(status), "%s", rig_text(request, "GameSessions.0.Status"));
	rig_free(request);
	return status;
}

static void tell_of(const char *host_session, enum host_event_kind kind, uint64_t sequence, const char *text)
{
	struct host_event event = {.kind = kind, .sequence = sequence};
	snprintf(event.session, sizeof(event.session), "%s", host_session);
	snprintf(event.text, sizeof(event.text), "%s", text);
	ringcast_loop_tell(rig.loop, &event);
}

/* A session whose host has answered so; the call's own name for it. */
static const char *begin(const char *token, bool is_activating, bool has_ended)
{
	static char host_session[HOST_ID_BYTES];
	char input[256];
	snprintf(input, sizeof(input), "{\"FleetId\": \"fleet-1\", \"MaximumPlayerSessionCount\": 2, \"IdempotencyToken\": \"%s\"}", token);
	struct request *request = rig_ask(&rig, "CreateGameSession", input);
	rig_turn(&rig);
	struct host_call *call = rig_take_call(&rig);
	call->is_activating = is_activating;
	call->has_ended = has_ended;
	rig_answer(&rig, call, HOST_OK);
	snprintf(host_session, sizeof(host_session), "%s", ringcast_game_session_find(&ringcast_loop_model(rig.loop)->sessions, "fleet-1", token)->host_session);
	rig_free(request);
	return host_session;
}

#define ARN "arn:aws:gamelift:local::gamesession/fleet-1/"

Test(sessions, a_session_is_activating_until_its_script_has_started)
{
	const char *host_session = begin("a", true, false);
	cr_assert_str_eq(status_of(ARN "a"), "ACTIVATING");
	rig_expect_fault(about("CreatePlayerSession", ARN "a", ", \"PlayerId\": \"p\""), FAULT_SESSION_STATUS);
	tell_of(host_session, HOST_SESSION_ACTIVE, 2, "");
	rig_turn(&rig);
	cr_assert_str_eq(status_of(ARN "a"), "ACTIVE");
}

Test(sessions, a_start_that_fails_is_an_error_and_one_that_takes_too_long_ends)
{
	tell_of(begin("a", true, false), HOST_SESSION_ENDED, 2, "script_failed");
	tell_of(begin("b", true, false), HOST_SESSION_ENDED, 2, "activation");
	tell_of(begin("c", false, false), HOST_SESSION_ENDED, 2, "script_failed");
	begin("d", false, true);
	rig_turn(&rig);
	cr_assert_str_eq(status_of(ARN "a"), "ERROR");
	cr_assert_str_eq(status_of(ARN "b"), "TERMINATED");
	cr_assert_str_eq(status_of(ARN "c"), "TERMINATED");
	cr_assert_str_eq(status_of(ARN "d"), "ERROR");
}

Test(sessions, what_was_told_before_the_answer_counts)
{
	struct request *request = rig_ask(&rig, "CreateGameSession", CREATE);
	rig_turn(&rig);
	struct host_call *call = rig_take_call(&rig);
	call->is_activating = true;
	snprintf(call->session, sizeof(call->session), "gsess-early");
	tell_of("gsess-early", HOST_SESSION_ACTIVE, 2, "");
	ringcast_loop_give_back(rig.loop, call);
	rig_turn(&rig);
	cr_assert_str_eq(rig_text(request, "GameSession.Status"), "ACTIVE");
	rig_free(request);
}

/* Two players: one will be found active, one gone. The session behind it has ended, and nobody told. */
Test(sessions, a_gap_in_what_was_told_is_mended)
{
	char first[HOST_ID_BYTES], second[HOST_ID_BYTES];
	snprintf(first, sizeof(first), "%s", begin("a", false, false));
	snprintf(second, sizeof(second), "%s", begin("b", true, false));
	struct request *players = about("CreatePlayerSessions", ARN "a", ", \"PlayerIds\": [\"p\", \"q\"]");
	for (uint64_t i = 0; i < 20; i++)
		tell_of("gsess-others", HOST_SESSION_ACTIVE, i, "");
	rig_turn(&rig);
	cr_assert_eq(ringcast_loop_lost_count(rig.loop), 12, "the rig's inbox holds eight");
	struct host_call *call = rig_take_call(&rig), *other = rig_take_call(&rig);
	cr_assert_eq(call->kind, HOST_DESCRIBE);
	cr_assert_str_eq(call->session, first);
	cr_assert_str_eq(other->session, second);
	call->places = calloc(1, sizeof(*call->places));
	call->place_count = 1;
	call->places[0].is_active = true;
	snprintf(call->places[0].token, sizeof(call->places[0].token), "%s", rig_text(players, "PlayerSessions.1.PlayerSessionId"));
	rig_answer(&rig, call, HOST_OK);
	rig_answer(&rig, other, HOST_NOT_FOUND);
	rig_free(players);
	players = about("DescribePlayerSessions", ARN "a", "");
	cr_assert_str_eq(rig_text(players, "PlayerSessions.0.Status"), "COMPLETED");
	cr_assert_str_eq(rig_text(players, "PlayerSessions.1.Status"), "ACTIVE");
	rig_free(players);
	cr_assert_str_eq(status_of(ARN "a"), "ACTIVE");
	cr_assert_str_eq(status_of(ARN "b"), "TERMINATED");
	cr_assert_null(rig_take_call(&rig), "nothing is asked for ever");
}

/* What the simulation has found */

Test(sessions, whoever_repeats_a_token_waits_for_the_host_too)
{
	struct request *first = rig_ask(&rig, "CreateGameSession", CREATE), *second = rig_ask(&rig, "CreateGameSession", CREATE);
	rig_turn(&rig);
	cr_assert_not_null(second->context, "told of a session that no host has");
	rig_answer(&rig, rig_take_call(&rig), HOST_FULL);
	cr_assert_null(rig_take_call(&rig));
	rig_expect_fault(first, FAULT_FLEET_CAPACITY);
	rig_expect_fault(second, FAULT_FLEET_CAPACITY);
	rig_free(rig_run(&rig, "CreateGameSession", CREATE));
	cr_assert_eq(ringcast_loop_model(rig.loop)->sessions.live_count, 1);
}

Test(sessions, a_host_that_is_silent_is_given_up_and_what_it_makes_late_is_ended)
{
	struct request *first = rig_ask(&rig, "CreateGameSession", CREATE), *second = rig_ask(&rig, "CreateGameSession", CREATE);
	rig_turn(&rig);
	struct host_call *silent = rig_take_call(&rig);
	rig.now_ms += LOOP_ANSWER_MS + 1;
	rig_turn(&rig);
	rig_expect_fault(first, FAULT_INTERNAL);
	rig_expect_fault(second, FAULT_INTERNAL);
	struct request *again = rig_run(&rig, "CreateGameSession", CREATE);
	cr_assert_eq(again->fault, FAULT_NONE, "%s", again->message);
	rig_free(again);
	rig_answer(&rig, silent, HOST_OK);
	for (int i = 0; i < 3; i++) {
		struct host_call *end = rig_take_call(&rig);
		cr_assert_not_null(end);
		cr_assert(end->kind == HOST_END && end->is_forced);
		rig_answer(&rig, end, i < 2 ? HOST_TIMEOUT : HOST_OK);
	}
	cr_assert_null(rig_take_call(&rig));
	cr_assert_eq(ringcast_loop_model(rig.loop)->sessions.live_count, 1);
}

static uint64_t ran_ns;

static uint64_t running_ns(void *context)
{
	return ran_ns;
}

Test(sessions, time_in_which_the_process_stood_still_is_not_held_against_a_host)
{
	struct rig own;
	rig_init_with(&own, &(struct rig_options){.is_dev = true, .running_ns = running_ns});
	struct request *request = rig_ask(&own, "CreateGameSession", CREATE);
	rig_turn(&own);
	own.now_ms += 10 * LOOP_ANSWER_MS;
	rig_turn(&own);
	cr_assert_not_null(request->context, "it was given up");
	rig_answer(&own, rig_take_call(&own), HOST_OK);
	cr_assert_eq(request->fault, FAULT_NONE, "%s", request->message);
	rig_free(request);
	request = rig_ask(&own, "CreateGameSession", "{\"FleetId\": \"fleet-1\", \"MaximumPlayerSessionCount\": 2}");
	rig_turn(&own);
	ran_ns += (LOOP_ANSWER_MS + 1) * NS_PER_MS;
	rig_turn(&own);
	rig_expect_fault(request, FAULT_INTERNAL);
	rig_fini(&own);
}

Test(sessions, places_and_changes_that_a_host_gives_late_hold_all_the_same)
{
	char input[512];
	const char *id = rig_session(&rig, "t1", 2);
	snprintf(input, sizeof(input), "{\"GameSessionId\": \"%s\", \"PlayerId\": \"a\"}", id);
	struct request *reserve = rig_ask(&rig, "CreatePlayerSession", input);
	snprintf(input, sizeof(input), "{\"GameSessionId\": \"%s\", \"Name\": \"new\", \"MaximumPlayerSessionCount\": 1}", id);
	struct request *update = rig_ask(&rig, "UpdateGameSession", input);
	rig_turn(&rig);
	struct host_call *calls[] = {rig_take_call(&rig), rig_take_call(&rig)};
	rig.now_ms += LOOP_ANSWER_MS + 1;
	rig_turn(&rig);
	rig_expect_fault(reserve, FAULT_INTERNAL);
	rig_expect_fault(update, FAULT_INTERNAL);
	rig_answer(&rig, calls[0], HOST_OK);
	rig_answer(&rig, calls[1], HOST_OK);
	struct request *request = about("DescribeGameSessions", id, "");
	cr_assert_str_eq(rig_text(request, "GameSessions.0.Name"), "new");
	rig_free(request);
	rig_expect_fault(about("CreatePlayerSession", id, ", \"PlayerId\": \"b\""), FAULT_SESSION_FULL);
}

static void answer_with_token(struct host_call *call, const char *token)
{
	call->result = HOST_OK;
	snprintf(call->players[0].token, sizeof(call->players[0].token), "%s", token);
	ringcast_loop_give_back(rig.loop, call);
	rig_turn(&rig);
}

Test(sessions, what_a_player_does_may_be_heard_before_the_place_is_answered)
{
	static const struct {
		enum host_event_kind kind;
		const char *status;
	} cases[] = {{HOST_PLAYER_ACTIVE, "ACTIVE"}, {HOST_PLAYER_COMPLETED, "COMPLETED"}, {HOST_PLAYER_TIMEDOUT, "TIMEDOUT"}};
	char input[512], token[32];
	const char *id = rig_session(&rig, "t1", 9);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		snprintf(input, sizeof(input), "{\"GameSessionId\": \"%s\", \"PlayerId\": \"p%zu\"}", id, i);
		snprintf(token, sizeof(token), "psess-early%zu", i);
		struct request *request = rig_ask(&rig, "CreatePlayerSession", input);
		rig_turn(&rig);
		struct host_call *call = rig_take_call(&rig);
		tell(cases[i].kind, i + 1, token);
		answer_with_token(call, token);
		cr_assert_eq(request->fault, FAULT_NONE);
		rig_free(request);
		expect_player(token, cases[i].status);
	}
}

Test(sessions, many_sessions_may_end_before_their_creation_is_answered)
{
	enum { COUNT = 90 };
	struct request *requests[COUNT];
	struct host_call *calls[COUNT];
	char input[256];
	for (int i = 0; i < COUNT; i++) {
		snprintf(input, sizeof(input), "{\"FleetId\": \"fleet-1\", \"MaximumPlayerSessionCount\": 2, \"IdempotencyToken\": \"m%d\"}", i);
		requests[i] = rig_ask(&rig, "CreateGameSession", input);
	}
	rig_turn(&rig);
	for (int i = 0; i < COUNT; i++) {
		calls[i] = rig_take_call(&rig);
		struct host_event event = {.kind = HOST_SESSION_ENDED, .sequence = 1};
		snprintf(event.session, sizeof(event.session), "early-%d", i);
		ringcast_loop_tell(rig.loop, &event);
		rig_turn(&rig);
	}
	for (int i = 0; i < COUNT; i++) {
		calls[i]->result = HOST_OK;
		snprintf(calls[i]->session, sizeof(calls[i]->session), "early-%d", i);
		ringcast_loop_give_back(rig.loop, calls[i]);
	}
	rig_turn(&rig);
	for (int i = 0; i < COUNT; i++)
		rig_free(requests[i]);
	cr_assert_eq(ringcast_loop_model(rig.loop)->sessions.live_count, 0);
}

static void create_with_name(const char *name, enum fault fault)
{
	struct request *request = rig_ask(&rig, "CreateGameSession", CREATE);
	rig_turn(&rig);
	struct host_call *call = rig_take_call(&rig);
	call->result = HOST_OK;
	memcpy(call->session, name, HOST_ID_BYTES);
	ringcast_loop_give_back(rig.loop, call);
	rig_turn(&rig);
	rig_expect_fault(request, fault);
}

Test(sessions, names_that_a_host_cannot_have_meant_are_refused)
{
	char endless[HOST_ID_BYTES], none[HOST_ID_BYTES] = "";
	memset(endless, 'x', sizeof(endless));
	create_with_name(none, FAULT_INTERNAL);
	create_with_name(endless, FAULT_INTERNAL);
	cr_assert_eq(ringcast_loop_model(rig.loop)->sessions.live_count, 0);
	const char *id = rig_session(&rig, "t2", 9);
	rig_free(about("CreatePlayerSession", id, ", \"PlayerId\": \"a\""));
	const struct player_session *known =
		CONTAINER_OF(ringcast_game_session_find(&ringcast_loop_model(rig.loop)->sessions, "fleet-1", "t2")->players.next, struct player_session, node);
	const char *const tokens[] = {"", known->id};
	char input[512];
	snprintf(input, sizeof(input), "{\"GameSessionId\": \"%s\", \"PlayerId\": \"b\"}", id);
	for (size_t i = 0; i < ARRAY_COUNT(tokens); i++) {
		struct request *request = rig_ask(&rig, "CreatePlayerSession", input);
		rig_turn(&rig);
		answer_with_token(rig_take_call(&rig), tokens[i]);
		rig_expect_fault(request, FAULT_INTERNAL);
	}
}

Test(sessions, a_session_that_its_host_has_lost_is_not_unknown)
{
	char input[512];
	snprintf(input, sizeof(input), "{\"GameSessionId\": \"%s\", \"Name\": \"x\"}", rig_session(&rig, "t1", 2));
	struct request *request = rig_ask(&rig, "UpdateGameSession", input);
	rig_turn(&rig);
	rig_answer(&rig, rig_take_call(&rig), HOST_NOT_FOUND);
	rig_expect_fault(request, FAULT_SESSION_STATUS);
}

Test(sessions, a_session_for_nobody_is_refused)
{
	rig_expect_fault(rig_run(&rig, "CreateGameSession", "{\"FleetId\": \"fleet-1\", \"MaximumPlayerSessionCount\": 0}"), FAULT_INVALID);
	rig_expect_fault(about("UpdateGameSession", rig_session(&rig, "t1", 2), ", \"MaximumPlayerSessionCount\": 0"), FAULT_INVALID);
}

Test(sessions, ended_sessions_are_kept_by_number_and_by_time)
{
	struct game_sessions *sessions = &ringcast_loop_model(rig.loop)->sessions;
	char token[16];
	for (int i = 0; i < 1010; i++) {
		snprintf(token, sizeof(token), "t%d", i);
		rig_session(&rig, token, 2);
		ringcast_game_session_move(sessions, ringcast_game_session_find(sessions, "fleet-1", token), GAME_SESSION_TERMINATED, "", rig.now_ms);
	}
	rig_turn(&rig);
	cr_assert_eq(sessions->ended_count, 1000);
	cr_assert_null(ringcast_game_session_find(sessions, "fleet-1", "t9"));
	cr_assert_not_null(ringcast_game_session_find(sessions, "fleet-1", "t10"));
	rig.now_ms += GAME_SESSION_KEPT_MS + 1;
	for (int i = 0; i < 10; i++)
		ringcast_loop_turn(rig.loop);
	cr_assert_eq(sessions->by_key.count, 0);
}

/* Two sessions, each with a place that is asked for and not answered yet. */
struct two_places {
	struct request *requests[2];
	struct host_call *calls[2];
};

static void ask_for_two(struct two_places *ret_places)
{
	char input[512];
	for (int i = 0; i < 2; i++) {
		snprintf(input, sizeof(input), "{\"GameSessionId\": \"%s\", \"PlayerId\": \"p\"}", rig_session(&rig, i == 0 ? "t1" : "t2", 2));
		ret_places->requests[i] = rig_ask(&rig, "CreatePlayerSession", input);
		rig_turn(&rig);
		ret_places->calls[i] = rig_take_call(&rig);
	}
}

/* The second session's place is kept, and its player is in this status then. Ends both. */
static void expect_of_second(struct two_places *places, const char *token, const char *status)
{
	struct host_call *second = places->calls[1];
	snprintf(second->players[0].token, sizeof(second->players[0].token), "%s", token);
	second->result = HOST_OK;
	ringcast_loop_give_back(rig.loop, second);
	rig_turn(&rig);
	expect_player(token, status);
	rig_answer(&rig, places->calls[0], HOST_OK);
	for (int i = 0; i < 2; i++)
		rig_free(places->requests[i]);
}

Test(sessions, what_is_told_of_a_player_under_another_session_is_not_believed)
{
	struct two_places places;
	ask_for_two(&places);
	tell(HOST_PLAYER_COMPLETED, 1, "psess-told-too-early");
	expect_of_second(&places, "psess-told-too-early", "RESERVED");
}

Test(sessions, what_is_told_of_a_player_under_another_session_does_not_hide_what_its_own_says)
{
	struct two_places places;
	ask_for_two(&places);
	struct host_event event = {.kind = HOST_PLAYER_ACTIVE, .sequence = 9, .player = "psess-told-by-both"};
	memcpy(event.session, places.calls[0]->session, sizeof(event.session));
	ringcast_loop_tell(rig.loop, &event);
	event.kind = HOST_PLAYER_COMPLETED;
	event.sequence = 2;
	memcpy(event.session, places.calls[1]->session, sizeof(event.session));
	ringcast_loop_tell(rig.loop, &event);
	expect_of_second(&places, "psess-told-by-both", "COMPLETED");
}
