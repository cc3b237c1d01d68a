/* Custom game servers as a host: sessions go to processes that are ready, and what becomes of them when processes end, vanish, lie and come back. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "sdk_rig.h"

static struct host_call *submit(struct sdk_rig *rig, enum host_call_kind kind, const char *session)
{
	struct host_call *call = ringcast_host_call_create(kind);
	snprintf(call->session, sizeof(call->session), "%s", session);
	call->activation_timeout_ms = 30000;
	if (kind == HOST_CREATE)
		call->facts = json_pack("{s:s, s:s}", "GameSessionId", ARN, "FleetId", session);
	ringcast_sdk_core_submit(&rig->core, call);
	return rig->returned;
}

static int about_player(struct sdk_rig *rig, struct sdk_link *link, const char *action, const char *player)
{
	char rest[256];
	snprintf(rest, sizeof(rest), "\"GameSessionId\": \"" ARN "\", \"PlayerSessionId\": \"%s\"", player);
	return sdk_rig_ask(rig, link, action, rest);
}

static void pass(struct sdk_rig *rig, int64_t ms)
{
	rig->core.now_ms += ms;
	ringcast_sdk_core_tick(&rig->core);
}

/* A core with one process that runs an active session. */
static void begin(struct sdk_rig *rig, struct sdk_link *link, char session[HOST_ID_BYTES])
{
	sdk_rig_init(rig);
	sdk_rig_learn_fleets(rig);
	sdk_rig_ready(rig, link, "p");
	sdk_rig_begin(rig, link, session);
}

Test(sdk_sessions, only_a_ready_process_of_the_fleet_gets_one)
{
	struct sdk_rig rig;
	struct sdk_link link, second;
	char session[HOST_ID_BYTES];
	sdk_rig_init(&rig);
	sdk_rig_learn_fleets(&rig);
	cr_assert_eq(submit(&rig, HOST_CREATE, "fleet-a")->result, HOST_FULL);
	cr_assert(sdk_rig_connect(&rig, &link, "fleet-a", "c", "p"));
	cr_assert_eq(submit(&rig, HOST_CREATE, "fleet-a")->result, HOST_FULL);
	cr_assert_eq(rig.room_count, 0);
	sdk_rig_ask(&rig, &link, "ActivateServerProcess", "\"Port\": 7");
	cr_assert_eq(rig.room_count, 1, "whoever waits for one is told");
	cr_assert_eq(submit(&rig, HOST_CREATE, "fleet-b")->result, HOST_FULL);
	sdk_rig_begin(&rig, &link, session);
	cr_assert(rig.events[0].kind == HOST_SESSION_ACTIVE && rig.events[0].sequence == 1);
	cr_assert_eq(submit(&rig, HOST_CREATE, "fleet-a")->result, HOST_FULL);
	sdk_rig_ready(&rig, &second, "q");
	cr_assert_eq(submit(&rig, HOST_CREATE, "fleet-a")->result, HOST_OK);
	cr_assert(rig.returned->is_activating && rig.returned->address.port == 7777);
	cr_assert_str_eq(rig.returned->address.compute, "c");
	sdk_rig_fini(&rig);
}

Test(sdk_sessions, the_process_that_waits_longest_is_first)
{
	struct sdk_rig rig;
	struct sdk_link first, second;
	sdk_rig_init(&rig);
	sdk_rig_learn_fleets(&rig);
	cr_assert(sdk_rig_connect(&rig, &first, "fleet-a", "c", "p"));
	sdk_rig_ready(&rig, &second, "q");
	sdk_rig_ask(&rig, &first, "ActivateServerProcess", "\"Port\": 7");
	cr_assert_eq(submit(&rig, HOST_CREATE, "fleet-a")->result, HOST_OK);
	cr_assert_not_null(second.process->session);
	sdk_rig_fini(&rig);
}

Test(sdk_sessions, players_are_accepted_once_and_removed)
{
	struct sdk_rig rig;
	struct sdk_link link;
	char session[HOST_ID_BYTES], a[HOST_ID_BYTES], b[HOST_ID_BYTES];
	begin(&rig, &link, session);
	cr_assert_eq(sdk_rig_reserve(&rig, session, "alice", a), HOST_OK);
	cr_assert_eq(sdk_rig_reserve(&rig, session, "alice", NULL), HOST_EXISTS);
	cr_assert_eq(about_player(&rig, &link, "AcceptPlayerSession", "psess-nobody"), 404);
	cr_assert_eq(about_player(&rig, &link, "AcceptPlayerSession", a), 200);
	cr_assert(sdk_rig_heard(&rig, HOST_PLAYER_ACTIVE));
	cr_assert_eq(about_player(&rig, &link, "AcceptPlayerSession", a), 400);
	cr_assert_eq(sdk_rig_reserve(&rig, session, "bob", b), HOST_OK);
	cr_assert_eq(sdk_rig_reserve(&rig, session, "carol", NULL), HOST_FULL);
	cr_assert_eq(about_player(&rig, &link, "RemovePlayerSession", a), 200);
	cr_assert(sdk_rig_heard(&rig, HOST_PLAYER_COMPLETED));
	cr_assert_eq(about_player(&rig, &link, "RemovePlayerSession", a), 400);
	cr_assert_eq(sdk_rig_reserve(&rig, session, "carol", NULL), HOST_OK);
	sdk_rig_fini(&rig);
}

Test(sdk_sessions, a_place_that_nobody_takes_is_free_again)
{
	struct sdk_rig rig;
	struct sdk_link link;
	char session[HOST_ID_BYTES], a[HOST_ID_BYTES];
	begin(&rig, &link, session);
	cr_assert_eq(sdk_rig_reserve(&rig, session, "alice", a), HOST_OK);
	pass(&rig, 59999);
	cr_assert_not(sdk_rig_heard(&rig, HOST_PLAYER_TIMEDOUT));
	pass(&rig, 1);
	cr_assert(sdk_rig_heard(&rig, HOST_PLAYER_TIMEDOUT));
	cr_assert_eq(about_player(&rig, &link, "AcceptPlayerSession", a), 400);
	cr_assert_eq(link.process->session->place_count, 0);
	sdk_rig_fini(&rig);
}

Test(sdk_sessions, players_who_have_left_are_remembered_within_bounds)
{
	struct sdk_rig rig;
	struct sdk_link link;
	char session[HOST_ID_BYTES], a[HOST_ID_BYTES];
	begin(&rig, &link, session);
	for (int i = 0; i < SDK_LEFT_PLAYERS_MAX + 5; i++) {
		sdk_rig_clear(&rig);
		cr_assert_eq(sdk_rig_reserve(&rig, session, "alice", a), HOST_OK);
		cr_assert_eq(about_player(&rig, &link, "RemovePlayerSession", a), 200);
	}
	cr_assert_eq(link.process->session->left_count, SDK_LEFT_PLAYERS_MAX);
	sdk_rig_fini(&rig);
}

Test(sdk_sessions, the_policy_is_the_process_s_and_the_backend_s)
{
	struct sdk_rig rig;
	struct sdk_link link;
	char session[HOST_ID_BYTES];
	begin(&rig, &link, session);
	cr_assert_eq(sdk_rig_ask(&rig, &link, "UpdatePlayerSessionCreationPolicy", "\"GameSessionId\": \"" ARN "\", \"PlayerSessionPolicy\": \"NO\""), 400);
	cr_assert_eq(sdk_rig_ask(&rig, &link, "UpdatePlayerSessionCreationPolicy", "\"GameSessionId\": \"" ARN "\", \"PlayerSessionPolicy\": \"DENY_ALL\""), 200);
	cr_assert(sdk_rig_heard(&rig, HOST_SESSION_CLOSED));
	cr_assert_eq(sdk_rig_reserve(&rig, session, "alice", NULL), HOST_STATE);
	struct host_call *call = ringcast_host_call_create(HOST_UPDATE);
	snprintf(call->session, sizeof(call->session), "%s", session);
	call->has_policy = true;
	call->players_max = 1;
	call->facts = json_pack("{s:s, s:[{s:s, s:s}]}", "Name", "new", "GameProperties", "Key", "mode", "Value", "race");
	ringcast_sdk_core_submit(&rig.core, call);
	cr_assert_eq(rig.returned->result, HOST_OK);
	const json_t *update = sdk_rig_push(&rig, "UpdateGameSession");
	cr_assert_eq(json_integer_value(json_object_get(json_object_get(update, "GameSession"), "MaximumPlayerSessionCount")), 1);
	cr_assert_str_eq(json_string_value(json_object_get(update, "UpdateReason")), "UNKNOWN");
	const json_t *shown = json_object_get(update, "GameSession");
	cr_assert_str_eq(json_string_value(json_object_get(shown, "Name")), "new");
	cr_assert_str_eq(json_string_value(json_object_get(json_object_get(shown, "GameProperties"), "mode")), "race");
	cr_assert_eq(sdk_rig_reserve(&rig, session, "alice", NULL), HOST_OK);
	cr_assert_eq(sdk_rig_reserve(&rig, session, "bob", NULL), HOST_FULL);
	sdk_rig_fini(&rig);
}

Test(sdk_sessions, one_that_is_not_activated_in_time_ends_with_a_fleet_event)
{
	struct sdk_rig rig;
	struct sdk_link link;
	sdk_rig_init(&rig);
	sdk_rig_learn_fleets(&rig);
	sdk_rig_ready(&rig, &link, "p");
	cr_assert_eq(submit(&rig, HOST_CREATE, "fleet-a")->result, HOST_OK);
	cr_assert_eq(sdk_rig_reserve(&rig, rig.returned->session, "alice", NULL), HOST_STATE);
	pass(&rig, 29999);
	cr_assert_eq(rig.event_count, 0);
	pass(&rig, 1);
	cr_assert_eq(rig.events[0].kind, HOST_FLEET_EVENT);
	cr_assert_str_eq(rig.events[0].player, "GAME_SESSION_ACTIVATION_TIMEOUT");
	cr_assert(sdk_rig_heard(&rig, HOST_SESSION_ENDED));
	cr_assert_not_null(sdk_rig_push(&rig, "TerminateProcess"));
	cr_assert_eq(sdk_rig_ask(&rig, &link, "ActivateGameSession", "\"GameSessionId\": \"" ARN "\""), 404);
	sdk_rig_fini(&rig);
}

Test(sdk_sessions, termination_is_a_notice_and_ends_when_the_process_says_so)
{
	struct sdk_rig rig;
	struct sdk_link link;
	char session[HOST_ID_BYTES];
	begin(&rig, &link, session);
	cr_assert_eq(submit(&rig, HOST_END, session)->result, HOST_OK);
	cr_assert_eq(json_integer_value(json_object_get(sdk_rig_push(&rig, "TerminateProcess"), "TerminationTime")), rig.core.now_ms + 300000);
	cr_assert_not(sdk_rig_heard(&rig, HOST_SESSION_ENDED));
	cr_assert_eq(sdk_rig_ask(&rig, &link, "TerminateServerProcess", ""), 200);
	cr_assert(sdk_rig_heard(&rig, HOST_SESSION_ENDED));
	ringcast_sdk_core_closed(&rig.core, &link);
	cr_assert_eq(rig.core.process_count, 0);
	cr_assert_str_eq(rig.forgotten, "p");
	sdk_rig_fini(&rig);
}

/* Saying it again and again is no way to stay. */
Test(sdk_sessions, who_says_again_that_it_ends_gets_no_more_time)
{
	struct sdk_rig rig;
	struct sdk_link link;
	sdk_rig_init(&rig);
	sdk_rig_learn_fleets(&rig);
	sdk_rig_ready(&rig, &link, "p");
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(rig.core.process_count, 1);
		cr_assert_eq(sdk_rig_ask(&rig, &link, "TerminateServerProcess", ""), 200);
		pass(&rig, 20000);
	}
	cr_assert_eq(rig.core.process_count, 0);
	sdk_rig_fini(&rig);
}

Test(sdk_sessions, who_does_not_end_in_time_is_given_up)
{
	struct sdk_rig rig;
	struct sdk_link link;
	char session[HOST_ID_BYTES];
	begin(&rig, &link, session);
	submit(&rig, HOST_END, session);
	pass(&rig, 299999);
	cr_assert_eq(rig.core.process_count, 1);
	pass(&rig, 1);
	cr_assert(sdk_rig_heard(&rig, HOST_SESSION_ENDED));
	cr_assert_eq(rig.core.process_count, 0);
	cr_assert_eq(rig.closed_link, &link);
	sdk_rig_fini(&rig);
}

static void force_end(struct sdk_rig *rig, const char *session)
{
	struct host_call *call = ringcast_host_call_create(HOST_END);
	snprintf(call->session, sizeof(call->session), "%s", session);
	call->is_forced = true;
	ringcast_sdk_core_submit(&rig->core, call);
	cr_assert_eq(rig->returned->result, HOST_OK);
	cr_assert(sdk_rig_heard(rig, HOST_SESSION_ENDED));
	cr_assert_not_null(sdk_rig_push(rig, "TerminateProcess"));
}

Test(sdk_sessions, force_ends_the_session_and_kills_the_process_where_an_agent_can)
{
	struct sdk_rig rig;
	struct sdk_link link;
	char session[HOST_ID_BYTES];
	begin(&rig, &link, session);
	force_end(&rig, session);
	cr_assert_str_eq(rig.stopped, "");
	sdk_rig_fini(&rig);
	begin(&rig, &link, session);
	rig.own_fleet = "fleet-a";
	rig.own_process = "p";
	force_end(&rig, session);
	cr_assert_str_eq(rig.stopped, "p");
	cr_assert_eq(rig.stopped_until_ms, 0);
	sdk_rig_fini(&rig);
}

Test(sdk_sessions, who_has_lost_what_was_told_can_ask)
{
	struct sdk_rig rig;
	struct sdk_link link;
	char session[HOST_ID_BYTES], a[HOST_ID_BYTES], b[HOST_ID_BYTES];
	begin(&rig, &link, session);
	sdk_rig_reserve(&rig, session, "alice", a);
	sdk_rig_reserve(&rig, session, "bob", b);
	about_player(&rig, &link, "AcceptPlayerSession", b);
	about_player(&rig, &link, "RemovePlayerSession", a);
	const struct host_call *call = submit(&rig, HOST_DESCRIBE, session);
	cr_assert(call->result == HOST_OK && !call->is_activating && call->place_count == 1 && call->places[0].is_active);
	cr_assert_str_eq(call->places[0].token, b);
	cr_assert_eq(submit(&rig, HOST_DESCRIBE, "gsess-other")->result, HOST_NOT_FOUND);
	sdk_rig_fini(&rig);
}

Test(sdk_sessions, a_lost_connection_is_no_lost_session)
{
	struct sdk_rig rig;
	struct sdk_link link, again;
	char session[HOST_ID_BYTES];
	begin(&rig, &link, session);
	ringcast_sdk_core_closed(&rig.core, &link);
	pass(&rig, 150000);
	cr_assert_eq(sdk_rig_reserve(&rig, session, "alice", NULL), HOST_OK);
	cr_assert(sdk_rig_connect(&rig, &again, "fleet-a", "c", "p"));
	cr_assert_not_null(again.process->session);
	pass(&rig, 150000);
	cr_assert_not(sdk_rig_heard(&rig, HOST_SESSION_ENDED));
	ringcast_sdk_core_closed(&rig.core, &again);
	pass(&rig, 190001);
	pass(&rig, 1);
	cr_assert(sdk_rig_heard(&rig, HOST_SESSION_ENDED));
	cr_assert_eq(rig.core.process_count, 0);
	sdk_rig_fini(&rig);
}

Test(sdk_sessions, a_newer_connection_takes_over_and_the_old_one_may_finish)
{
	struct sdk_rig rig;
	struct sdk_link link, again;
	char session[HOST_ID_BYTES];
	begin(&rig, &link, session);
	cr_assert(sdk_rig_connect(&rig, &again, "fleet-a", "c", "p"));
	cr_assert_eq(sdk_rig_ask(&rig, &link, "HeartbeatServerProcess", "\"HealthStatus\": true"), 200);
	cr_assert_eq(sdk_rig_ask(&rig, &again, "HeartbeatServerProcess", "\"HealthStatus\": true"), 200);
	rig.core.now_ms += 30000;
	ringcast_sdk_core_link_tick(&rig.core, &link);
	cr_assert_eq(rig.closed_link, &link);
	ringcast_sdk_core_closed(&rig.core, &link);
	cr_assert_eq(again.process->link, &again);
	sdk_rig_fini(&rig);
}

Test(sdk_sessions, an_old_connection_may_outlive_its_process)
{
	struct sdk_rig rig;
	struct sdk_link link, again;
	char session[HOST_ID_BYTES];
	begin(&rig, &link, session);
	cr_assert(sdk_rig_connect(&rig, &again, "fleet-a", "c", "p"));
	cr_assert_eq(sdk_rig_ask(&rig, &again, "TerminateServerProcess", ""), 200);
	ringcast_sdk_core_closed(&rig.core, &again);
	cr_assert_eq(rig.core.process_count, 0);
	cr_assert_null(link.process);
	cr_assert_eq(rig.closed_link, &link);
	ringcast_sdk_core_hear(&rig.core, &link, "{}", 2);
	ringcast_sdk_core_closed(&rig.core, &link);
	sdk_rig_fini(&rig);
}

Test(sdk_sessions, three_unhealthy_reports_in_a_row_end_a_process)
{
	struct sdk_rig rig;
	struct sdk_link link;
	sdk_rig_init(&rig);
	sdk_rig_learn_fleets(&rig);
	sdk_rig_ready(&rig, &link, "p");
	sdk_rig_ask(&rig, &link, "HeartbeatServerProcess", "\"HealthStatus\": false");
	sdk_rig_ask(&rig, &link, "HeartbeatServerProcess", "\"HealthStatus\": true");
	sdk_rig_ask(&rig, &link, "HeartbeatServerProcess", "\"HealthStatus\": false");
	cr_assert_eq(submit(&rig, HOST_CREATE, "fleet-a")->result, HOST_FULL);
	sdk_rig_ask(&rig, &link, "HeartbeatServerProcess", "\"HealthStatus\": false");
	cr_assert_null(sdk_rig_push(&rig, "TerminateProcess"));
	sdk_rig_ask(&rig, &link, "HeartbeatServerProcess", "\"HealthStatus\": false");
	cr_assert_not_null(sdk_rig_push(&rig, "TerminateProcess"));
	cr_assert_str_eq(rig.events[0].player, "SERVER_PROCESS_TERMINATED_UNHEALTHY");
	sdk_rig_fini(&rig);
}

Test(sdk_sessions, tokens_are_refreshed_in_time_and_over_when_they_are_over)
{
	struct sdk_rig rig;
	struct sdk_link link;
	sdk_rig_init(&rig);
	sdk_rig_learn_fleets(&rig);
	sdk_rig_ready(&rig, &link, "p");
	rig.core.now_ms += 3600000 - 900001;
	ringcast_sdk_core_link_tick(&rig.core, &link);
	cr_assert_null(sdk_rig_push(&rig, "RefreshConnection"));
	rig.core.now_ms++;
	ringcast_sdk_core_link_tick(&rig.core, &link);
	const json_t *refresh = sdk_rig_push(&rig, "RefreshConnection");
	cr_assert_str_eq(json_string_value(json_object_get(refresh, "RefreshConnectionEndpoint")), "ws://10.0.0.1:9081");
	cr_assert_not_null(json_object_get(refresh, "AuthToken"));
	rig.core.now_ms += 900000;
	ringcast_sdk_core_link_tick(&rig.core, &link);
	cr_assert_eq(rig.closed_code, 1008);
	sdk_rig_fini(&rig);
}

Test(sdk_sessions, a_compute_or_fleet_that_goes_takes_its_processes_with_it)
{
	struct sdk_rig rig;
	struct sdk_link link, other;
	char session[HOST_ID_BYTES];
	begin(&rig, &link, session);
	sdk_rig_learn(&rig, "compute", "fleet-a/c", NULL);
	cr_assert_not_null(sdk_rig_push(&rig, "TerminateProcess"));
	cr_assert(sdk_rig_heard(&rig, HOST_SESSION_ENDED));
	cr_assert_eq(rig.closed_link, &link);
	cr_assert_eq(rig.core.process_count, 0);
	cr_assert_null(link.process);
	cr_assert_not(sdk_rig_connect(&rig, &other, "fleet-a", "c", "p"));
	sdk_rig_fini(&rig);
}

Test(sdk_sessions, the_agent_s_plan_follows_fleets_and_builds)
{
	struct sdk_rig rig;
	sdk_rig_init(&rig);
	sdk_rig_learn_fleets(&rig);
	cr_assert_str_eq(rig.planned, "fleet-b game/1 run");
	sdk_rig_learn(&rig, "fleet", "fleet-b", NULL);
	cr_assert_str_eq(rig.planned, "fleet-b - -");
	sdk_rig_fini(&rig);
}

Test(sdk_sessions, an_agent_s_process_is_known_from_its_start_to_its_exit)
{
	struct sdk_rig rig;
	struct sdk_link link;
	sdk_rig_init(&rig);
	sdk_rig_learn_fleets(&rig);
	rig.own_fleet = "fleet-b";
	rig.own_process = "own";
	cr_assert(ringcast_sdk_core_started(&rig.core, "fleet-b", "own"));
	pass(&rig, 190001);
	cr_assert_str_eq(rig.events[0].player, "SERVER_PROCESS_SDK_INITIALIZATION_TIMEOUT");
	cr_assert_str_eq(rig.stopped, "own");
	ringcast_sdk_core_exited(&rig.core, "own", "killed by signal 9");
	cr_assert_eq(rig.core.process_count, 0);
	sdk_rig_clear(&rig);
	cr_assert(ringcast_sdk_core_started(&rig.core, "fleet-b", "own"));
	cr_assert(sdk_rig_connect(&rig, &link, "fleet-b", "here", "own"));
	cr_assert_eq(sdk_rig_ask(&rig, &link, "ActivateServerProcess", "\"Port\": 7"), 200);
	cr_assert_eq(submit(&rig, HOST_CREATE, "fleet-b")->result, HOST_OK);
	cr_assert_str_eq(rig.returned->address.ip_address, "10.0.0.1");
	cr_assert(ringcast_sdk_core_is_busy(&rig.core, "own"));
	ringcast_sdk_core_exited(&rig.core, "own", "ended with status 1");
	cr_assert(sdk_rig_heard(&rig, HOST_SESSION_ENDED));
	cr_assert_null(link.process);
	sdk_rig_fini(&rig);
}

Test(sdk_sessions, another_fleet_s_process_that_takes_the_id_of_an_agent_s_is_not_taken_for_it)
{
	struct sdk_rig rig;
	struct sdk_link link, other, twin;
	sdk_rig_init(&rig);
	sdk_rig_learn_fleets(&rig);
	sdk_rig_learn(&rig, "fleet", "fleet-c", "{\"BuildId\": \"build-1\"}");
	rig.own_fleet = "fleet-b";
	rig.own_process = "own";
	cr_assert(sdk_rig_connect(&rig, &twin, "fleet-c", "here", "own")); /* of this machine too, and first in the list */
	cr_assert(ringcast_sdk_core_started(&rig.core, "fleet-b", "own"));
	cr_assert(sdk_rig_connect(&rig, &link, "fleet-b", "here", "own"));
	cr_assert(sdk_rig_connect(&rig, &other, "fleet-a", "c", "own"));
	cr_assert_eq(sdk_rig_ask(&rig, &other, "TerminateServerProcess", ""), 200);
	cr_assert_eq(sdk_rig_ask(&rig, &twin, "TerminateServerProcess", ""), 200);
	cr_assert_str_eq(rig.stopped, "", "the agent's process goes on");
	ringcast_sdk_core_closed(&rig.core, &other);
	cr_assert_eq(rig.core.process_count, 2, "no agent says when it is gone");
	ringcast_sdk_core_exited(&rig.core, "own", "ended with status 1");
	cr_assert_null(link.process);
	cr_assert_not_null(twin.process);
	sdk_rig_fini(&rig);
}

Test(sdk_sessions, a_leap_of_the_clock_ends_nothing)
{
	struct sdk_rig rig;
	struct sdk_link link, old;
	char session[HOST_ID_BYTES], player[HOST_ID_BYTES];
	begin(&rig, &old, session);
	cr_assert(sdk_rig_connect(&rig, &link, "fleet-a", "c", "p"));
	sdk_rig_reserve(&rig, session, "alice", player);
	sdk_rig_clear(&rig);
	for (int64_t leap_ms = 3600000; leap_ms >= -7200000; leap_ms -= 10800000) { /* forth, and back behind where it was */
		rig.core.now_ms += leap_ms;
		ringcast_sdk_core_put_off(&rig.core, leap_ms);
		ringcast_sdk_core_tick(&rig.core);
		cr_assert_eq(rig.event_count, 0);
		cr_assert_eq(old.close_at_ms, rig.core.now_ms + 30000);
	}
	pass(&rig, 59999);
	cr_assert_eq(rig.event_count, 0);
	pass(&rig, 1);
	cr_assert(sdk_rig_heard(&rig, HOST_PLAYER_TIMEDOUT));
	pass(&rig, 130001);
	cr_assert_str_eq(sdk_rig_push(&rig, "TerminateProcess") != NULL ? "told" : "", "told");
	sdk_rig_fini(&rig);
}

Test(sdk_sessions, processes_are_bounded)
{
	struct sdk_rig rig;
	struct sdk_link links[5];
	char name[8];
	sdk_rig_init(&rig);
	sdk_rig_learn_fleets(&rig);
	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		cr_assert_eq(sdk_rig_connect(&rig, &links[i], "fleet-a", "c", name), i < 4);
	}
	sdk_rig_fini(&rig);
}

Test(sdk_sessions, what_is_told_has_been_saved)
{
	struct sdk_rig rig;
	struct sdk_link link;
	char session[HOST_ID_BYTES], a[HOST_ID_BYTES];
	begin(&rig, &link, session);
	sdk_rig_reserve(&rig, session, "alice", a);
	const json_t *player = json_array_get(json_object_get(json_object_get(rig.saved, "session"), "players"), 0);
	cr_assert_str_eq(json_string_value(json_object_get(player, "id")), a);
	about_player(&rig, &link, "AcceptPlayerSession", a);
	player = json_array_get(json_object_get(json_object_get(rig.saved, "session"), "players"), 0);
	cr_assert_eq(json_integer_value(json_object_get(player, "status")), SDK_PLAYER_ACTIVE);
	sdk_rig_ask(&rig, &link, "UpdatePlayerSessionCreationPolicy", "\"GameSessionId\": \"" ARN "\", \"PlayerSessionPolicy\": \"DENY_ALL\"");
	cr_assert(json_is_true(json_object_get(json_object_get(rig.saved, "session"), "deny")));
	about_player(&rig, &link, "RemovePlayerSession", a);
	player = json_array_get(json_object_get(json_object_get(rig.saved, "session"), "players"), 0);
	cr_assert_eq(json_integer_value(json_object_get(player, "status")), SDK_PLAYER_COMPLETED);
	sdk_rig_ask(&rig, &link, "TerminateServerProcess", "");
	cr_assert_null(json_object_get(rig.saved, "session"));
	sdk_rig_fini(&rig);
}

Test(sdk_sessions, a_fleet_says_how_many_may_be_activating)
{
	struct sdk_rig rig;
	struct sdk_link first, second;
	sdk_rig_init(&rig);
	sdk_rig_learn_fleets(&rig);
	sdk_rig_learn(&rig, "fleet", "fleet-a", "{\"ComputeType\": \"ANYWHERE\", \"RuntimeConfiguration\": {\"MaxConcurrentGameSessionActivations\": 1}}");
	sdk_rig_ready(&rig, &first, "p");
	sdk_rig_ready(&rig, &second, "q");
	cr_assert_eq(submit(&rig, HOST_CREATE, "fleet-a")->result, HOST_OK);
	cr_assert_eq(submit(&rig, HOST_CREATE, "fleet-a")->result, HOST_FULL);
	cr_assert_eq(sdk_rig_ask(&rig, &first, "ActivateGameSession", "\"GameSessionId\": \"" ARN "\""), 200);
	cr_assert_eq(submit(&rig, HOST_CREATE, "fleet-a")->result, HOST_OK);
	sdk_rig_fini(&rig);
}

Test(sdk_sessions, what_was_saved_is_taken_up_again)
{
	struct sdk_rig rig, after;
	struct sdk_link link, again;
	char session[HOST_ID_BYTES], a[HOST_ID_BYTES], b[HOST_ID_BYTES];
	begin(&rig, &link, session);
	sdk_rig_reserve(&rig, session, "alice", a);
	about_player(&rig, &link, "AcceptPlayerSession", a);
	sdk_rig_reserve(&rig, session, "bob", b);
	about_player(&rig, &link, "RemovePlayerSession", b);
	pass(&rig, 1);
	sdk_rig_init(&after);
	cr_assert_not(ringcast_sdk_core_restore(&after.core, rig.saved), "its fleet is not there");
	sdk_rig_learn_fleets(&after);
	cr_assert(ringcast_sdk_core_restore(&after.core, rig.saved));
	const json_t *found = after.events[0].found, *players = json_object_get(found, "players");
	cr_assert_eq(after.events[0].kind, HOST_SESSION_FOUND);
	cr_assert_gt(after.events[0].sequence, rig.events[rig.event_count - 1].sequence);
	cr_assert(json_is_true(json_object_get(found, "is_active")));
	cr_assert_eq(json_array_size(players), 2);
	cr_assert_str_eq(json_string_value(json_object_get(json_array_get(players, 1), "Status")), "COMPLETED");
	cr_assert(sdk_rig_connect(&after, &again, "fleet-a", "c", "p"));
	cr_assert_eq(sdk_rig_reserve(&after, session, "carol", NULL), HOST_OK);
	cr_assert_eq(sdk_rig_reserve(&after, session, "dave", NULL), HOST_FULL);
	sdk_rig_fini(&after);
	sdk_rig_fini(&rig);
}

Test(sdk_sessions, what_was_not_saved_by_us_is_refused)
{
	static const char *const texts[] = {
		"{}", "[]", "{\"fleet\": \"fleet-a\"}",
		"{\"fleet\": \"fleet-a\", \"compute\": \"c\", \"id\": \"p\", \"state\": 9, \"port\": 1, \"deadline\": 0}",
		"{\"fleet\": \"fleet-a\", \"compute\": \"c\", \"id\": \"p\", \"state\": 2, \"port\": 1, \"deadline\": 0}",
		"{\"fleet\": \"fleet-a\", \"compute\": \"c\", \"id\": \"p\", \"state\": 1, \"port\": 70000, \"deadline\": 0}",
		"{\"fleet\": \"fleet-a\", \"compute\": \"c\", \"id\": \"p\", \"state\": 2, \"port\": 1, \"deadline\": 0, \"session\": {\"id\": \"\"}}",
	};
	struct sdk_rig rig;
	sdk_rig_init(&rig);
	sdk_rig_learn_fleets(&rig);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_t *saved = json_loads(texts[i], 0, NULL);
		cr_assert_not(ringcast_sdk_core_restore(&rig.core, saved), "%s", texts[i]);
		json_decref(saved);
	}
	sdk_rig_fini(&rig);
}

/* Lost connections */

static size_t push_count(const struct sdk_rig *rig, const char *action)
{
	size_t count = 0;
	for (size_t i = 0; i < rig->sent_count; i++)
		count += json_object_get(rig->sent[i], "RequestId") == NULL && strcmp(json_string_value(json_object_get(rig->sent[i], "Action")), action) == 0;
	return count;
}

/* A process whose session is activating, and has not been named by it. */
static void begin_activating(struct sdk_rig *rig, struct sdk_link *link)
{
	sdk_rig_init(rig);
	sdk_rig_learn_fleets(rig);
	sdk_rig_ready(rig, link, "p");
	cr_assert_eq(submit(rig, HOST_CREATE, "fleet-a")->result, HOST_OK);
	cr_assert_eq(push_count(rig, "CreateGameSession"), 1);
	sdk_rig_clear(rig);
}

Test(sdk_sessions, a_start_that_was_lost_with_its_connection_is_told_again)
{
	struct sdk_rig rig;
	struct sdk_link link, second, third, fourth;
	begin_activating(&rig, &link);
	ringcast_sdk_core_closed(&rig.core, &link);
	cr_assert(sdk_rig_connect(&rig, &second, "fleet-a", "c", "p"));
	const json_t *push = sdk_rig_push(&rig, "CreateGameSession");
	cr_assert_str_eq(json_string_value(json_object_get(push, "GameSessionId")), ARN);
	cr_assert(sdk_rig_connect(&rig, &third, "fleet-a", "c", "p")); /* the old one hangs, and nobody has noticed */
	cr_assert_eq(push_count(&rig, "CreateGameSession"), 2);
	cr_assert_eq(sdk_rig_ask(&rig, &third, "ActivateGameSession", "\"GameSessionId\": \"" ARN "\""), 200);
	ringcast_sdk_core_closed(&rig.core, &third);
	cr_assert(sdk_rig_connect(&rig, &fourth, "fleet-a", "c", "p"));
	cr_assert_eq(push_count(&rig, "CreateGameSession"), 2);
	cr_assert_eq(rig.events[0].kind, HOST_SESSION_ACTIVE);
	sdk_rig_fini(&rig);
}

Test(sdk_sessions, a_start_is_told_once_to_who_has_named_its_session_or_only_changes_its_connection)
{
	struct sdk_rig rig;
	struct sdk_link link, second, third;
	begin_activating(&rig, &link);
	cr_assert_eq(sdk_rig_ask(&rig, &link, "RefreshConnection", ""), 200);
	cr_assert(sdk_rig_connect(&rig, &second, "fleet-a", "c", "p"));
	cr_assert_eq(push_count(&rig, "CreateGameSession"), 0);
	sdk_rig_ask(&rig, &second, "UpdatePlayerSessionCreationPolicy", "\"GameSessionId\": \"" ARN "\", \"PlayerSessionPolicy\": \"DENY_ALL\"");
	ringcast_sdk_core_closed(&rig.core, &second);
	cr_assert(sdk_rig_connect(&rig, &third, "fleet-a", "c", "p"));
	cr_assert_eq(push_count(&rig, "CreateGameSession"), 0);
	sdk_rig_fini(&rig);
}

Test(sdk_sessions, an_update_and_an_end_that_were_lost_are_told_again)
{
	struct sdk_rig rig;
	struct sdk_link link, second, third;
	char session[HOST_ID_BYTES];
	begin(&rig, &link, session);
	sdk_rig_clear(&rig);
	ringcast_sdk_core_closed(&rig.core, &link);
	struct host_call *call = ringcast_host_call_create(HOST_UPDATE);
	snprintf(call->session, sizeof(call->session), "%s", session);
	call->players_max = 1;
	ringcast_sdk_core_submit(&rig.core, call);
	cr_assert_eq(push_count(&rig, "UpdateGameSession"), 0);
	cr_assert(sdk_rig_connect(&rig, &second, "fleet-a", "c", "p"));
	const json_t *shown = json_object_get(sdk_rig_push(&rig, "UpdateGameSession"), "GameSession");
	cr_assert_eq(json_integer_value(json_object_get(shown, "MaximumPlayerSessionCount")), 1);
	cr_assert_eq(submit(&rig, HOST_END, session)->result, HOST_OK);
	cr_assert_eq(push_count(&rig, "TerminateProcess"), 1);
	cr_assert(sdk_rig_connect(&rig, &third, "fleet-a", "c", "p")); /* the old one hangs */
	cr_assert_eq(push_count(&rig, "TerminateProcess"), 2);
	sdk_rig_fini(&rig);
}
