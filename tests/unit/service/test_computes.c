/* Computes, their tokens and sessions of custom fleets, as the API shows them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

static char *anywhere_fleet(struct rig *rig)
{
	struct request *request = rig_run(rig, "CreateFleet", "{\"Name\": \"f\", \"ComputeType\": \"ANYWHERE\"}");
	char *id = strdup(rig_text(request, "FleetAttributes.FleetId"));
	cr_assert_eq(request->fault, FAULT_NONE, "%s", request->message);
	rig_free(request);
	return id;
}

static enum fault fault_of(struct rig *rig, const char *operation, const char *fleet, const char *rest)
{
	char input[512];
	snprintf(input, sizeof(input), "{\"FleetId\": \"%s\"%s%s}", fleet, *rest != '\0' ? ", " : "", rest);
	struct request *request = rig_run(rig, operation, input);
	enum fault fault = request->fault;
	rig_free(request);
	return fault;
}

static struct request *run(struct rig *rig, const char *operation, const char *fleet, const char *rest)
{
	char input[512];
	snprintf(input, sizeof(input), "{\"FleetId\": \"%s\"%s%s}", fleet, *rest != '\0' ? ", " : "", rest);
	struct request *request = rig_run(rig, operation, input);
	cr_assert_eq(request->fault, FAULT_NONE, "%s: %s", operation, request->message);
	return request;
}

Test(computes, one_is_registered_described_listed_and_taken_away)
{
	struct rig rig;
	rig_init(&rig, false);
	char *fleet = anywhere_fleet(&rig);
	cr_assert_eq(fault_of(&rig, "RegisterCompute", fleet, "\"ComputeName\": \"c1\""), FAULT_INVALID);
	cr_assert_eq(fault_of(&rig, "RegisterCompute", fleet, "\"ComputeName\": \"c1\", \"IpAddress\": \"10.0.0.9\", \"Location\": \"custom-x\""), FAULT_NOT_FOUND);
	struct request *made = run(&rig, "RegisterCompute", fleet, "\"ComputeName\": \"c1\", \"IpAddress\": \"10.0.0.9\", \"CertificatePath\": \"/c\"");
	cr_assert_str_eq(rig_text(made, "Compute.GameLiftServiceSdkEndpoint"), "ws://127.0.0.1:9081");
	cr_assert_str_eq(rig_text(made, "Compute.ComputeStatus"), "ACTIVE");
	cr_assert_str_eq(rig_text(made, "Compute.CertificatePath"), "");
	rig_free(made);
	cr_assert_eq(fault_of(&rig, "RegisterCompute", fleet, "\"ComputeName\": \"c1\", \"IpAddress\": \"10.0.0.9\""), FAULT_CONFLICT);
	struct request *list = run(&rig, "ListCompute", fleet, "");
	cr_assert_str_eq(rig_text(list, "ComputeList.0.ComputeName"), "c1");
	rig_free(list);
	struct request *one = run(&rig, "DescribeCompute", fleet, "\"ComputeName\": \"arn:aws:gamelift:local::compute/c1\"");
	cr_assert_str_eq(rig_text(one, "Compute.IpAddress"), "10.0.0.9");
	rig_free(one);
	cr_assert_eq(fault_of(&rig, "DeregisterCompute", fleet, "\"ComputeName\": \"c1\""), FAULT_NONE);
	cr_assert_eq(fault_of(&rig, "DeregisterCompute", fleet, "\"ComputeName\": \"c1\""), FAULT_NOT_FOUND);
	cr_assert_eq(fault_of(&rig, "GetComputeAccess", fleet, "\"ComputeName\": \"c1\""), FAULT_UNSUPPORTED);
	cr_assert_eq(fault_of(&rig, "DescribeInstances", fleet, ""), FAULT_INVALID);
	free(fleet);
	rig_fini(&rig);
}

Test(computes, a_fleet_takes_its_computes_with_it)
{
	struct rig rig;
	rig_init(&rig, false);
	char *fleet = anywhere_fleet(&rig);
	cr_assert_eq(fault_of(&rig, "RegisterCompute", fleet, "\"ComputeName\": \"c1\", \"IpAddress\": \"10.0.0.9\""), FAULT_NONE);
	cr_assert_eq(fault_of(&rig, "RegisterCompute", fleet, "\"ComputeName\": \"c2\", \"IpAddress\": \"10.0.0.9\""), FAULT_NONE);
	cr_assert_eq(fault_of(&rig, "DeleteFleet", fleet, ""), FAULT_NONE);
	cr_assert_eq(ringcast_records_count(&ringcast_loop_model(rig.loop)->records, RECORD_COMPUTE), 0);
	free(fleet);
	rig_fini(&rig);
}

Test(computes, a_token_is_good_for_its_fleet_and_compute_and_for_a_time)
{
	struct rig rig;
	int64_t expires_s;
	rig_init(&rig, false);
	char *fleet = anywhere_fleet(&rig);
	cr_assert_eq(fault_of(&rig, "GetComputeAuthToken", fleet, "\"ComputeName\": \"c1\""), FAULT_NOT_FOUND);
	cr_assert_eq(fault_of(&rig, "RegisterCompute", fleet, "\"ComputeName\": \"c1\", \"IpAddress\": \"10.0.0.9\""), FAULT_NONE);
	struct request *request = run(&rig, "GetComputeAuthToken", fleet, "\"ComputeName\": \"c1\"");
	const struct compute_token_secret *secret = ringcast_loop_token_secret(rig.loop);
	const char *token = rig_text(request, "AuthToken");
	int64_t now_s = rig.now_ms / 1000;
	cr_assert(ringcast_compute_token_check(secret, fleet, "c1", token, now_s, &expires_s));
	cr_assert_eq(expires_s, now_s + 3600);
	cr_assert_not(ringcast_compute_token_check(secret, fleet, "c2", token, now_s, &expires_s));
	cr_assert_not(ringcast_compute_token_check(secret, "fleet-x", "c1", token, now_s, &expires_s));
	cr_assert_not(ringcast_compute_token_check(secret, fleet, "c1", token, now_s + 3600, &expires_s));
	for (size_t i = 0; i < strlen(token); i++) {
		char changed[COMPUTE_TOKEN_BYTES];
		snprintf(changed, sizeof(changed), "%s", token);
		changed[i] ^= 1;
		cr_assert_not(ringcast_compute_token_check(secret, fleet, "c1", changed, now_s, &expires_s), "%s", changed);
	}
	cr_assert_not(ringcast_compute_token_check(secret, fleet, "c1", "", now_s, &expires_s));
	rig_free(request);
	free(fleet);
	rig_fini(&rig);
}

Test(computes, tokens_outlive_a_restart)
{
	struct rig rig;
	rig_init(&rig, false);
	rig_turn(&rig);
	struct compute_token_secret before = *ringcast_loop_token_secret(rig.loop), fresh = {{9}};
	struct model *model = ringcast_loop_model(rig.loop);
	ringcast_model_take_secret(model, &fresh);
	cr_assert_eq(memcmp(&before, &model->token_secret, sizeof(before)), 0);
	rig_fini(&rig);
}

Test(computes, a_session_of_a_custom_fleet_shows_where_its_server_is_and_becomes_active_when_it_says_so)
{
	struct rig rig;
	char input[256];
	rig_init(&rig, false);
	char *fleet = anywhere_fleet(&rig);
	snprintf(input, sizeof(input), "{\"FleetId\": \"%s\", \"MaximumPlayerSessionCount\": 2, \"IdempotencyToken\": \"t\"}", fleet);
	struct request *request = rig_ask(&rig, "CreateGameSession", input);
	rig_turn(&rig);
	struct host_call *call = rig_take_call(&rig);
	cr_assert_eq(call->host, MODEL_HOST_CUSTOM);
	cr_assert_str_eq(json_string_value(json_object_get(call->facts, "FleetId")), fleet);
	call->is_activating = true;
	call->address = (struct host_address){.ip_address = "10.0.0.9", .compute = "c1", .port = 4000};
	/* The event may be heard before the answer, since they come on different ways. */
	struct host_event event = {.kind = HOST_SESSION_ACTIVE, .sequence = 1, .session = "gsess-early"};
	snprintf(call->session, sizeof(call->session), "gsess-early");
	ringcast_loop_tell(rig.loop, &event);
	ringcast_loop_give_back(rig.loop, call);
	rig_turn(&rig);
	cr_assert_eq(request->fault, FAULT_NONE, "%s", request->message);
	cr_assert_str_eq(rig_text(request, "GameSession.Status"), "ACTIVE");
	cr_assert_str_eq(rig_text(request, "GameSession.IpAddress"), "10.0.0.9");
	cr_assert_str_eq(rig_text(request, "GameSession.ComputeName"), "c1");
	cr_assert_eq(json_integer_value(json_object_get(json_object_get(request->output, "GameSession"), "Port")), 4000);
	rig_free(request);
	cr_assert_eq(fault_of(&rig, "DeleteFleet", fleet, ""), FAULT_FLEET_STATUS);
	snprintf(input, sizeof(input), "{\"GameSessionId\": \"arn:aws:gamelift:local::gamesession/%s/t\", \"TerminationMode\": \"FORCE_TERMINATE\"}", fleet);
	request = rig_run(&rig, "TerminateGameSession", input);
	cr_assert_eq(request->fault, FAULT_INVALID);
	rig_free(request);
	free(fleet);
	rig_fini(&rig);
}

Test(computes, a_session_that_is_activating_waits_for_the_event)
{
	struct rig rig;
	char input[256];
	rig_init(&rig, false);
	char *fleet = anywhere_fleet(&rig);
	snprintf(input, sizeof(input), "{\"FleetId\": \"%s\", \"MaximumPlayerSessionCount\": 2}", fleet);
	struct request *request = rig_ask(&rig, "CreateGameSession", input);
	rig_turn(&rig);
	struct host_call *call = rig_take_call(&rig);
	call->is_activating = true;
	snprintf(call->session, sizeof(call->session), "gsess-late");
	ringcast_loop_give_back(rig.loop, call);
	rig_turn(&rig);
	cr_assert_str_eq(rig_text(request, "GameSession.Status"), "ACTIVATING");
	rig_free(request);
	ringcast_loop_tell(rig.loop, &(struct host_event){.kind = HOST_SESSION_ACTIVE, .sequence = 1, .session = "gsess-late"});
	ringcast_loop_tell(rig.loop, &(struct host_event){.kind = HOST_SESSION_CLOSED, .sequence = 2, .session = "gsess-late"});
	rig_turn(&rig);
	struct request *list = run(&rig, "DescribeGameSessions", fleet, "");
	cr_assert_str_eq(rig_text(list, "GameSessions.0.Status"), "ACTIVE");
	cr_assert_str_eq(rig_text(list, "GameSessions.0.PlayerSessionCreationPolicy"), "DENY_ALL");
	rig_free(list);
	free(fleet);
	rig_fini(&rig);
}

Test(computes, a_session_that_a_host_has_found_is_there_again)
{
	struct rig rig;
	rig_init(&rig, false);
	char *fleet = anywhere_fleet(&rig), arn[256];
	snprintf(arn, sizeof(arn), "arn:aws:gamelift:local::gamesession/%s/token", fleet);
	struct host_event event = {.kind = HOST_SESSION_FOUND, .sequence = 7, .session = "gsess-h"};
	event.found = json_pack("{s:{s:s, s:s, s:s}, s:b, s:b, s:i, s:I, s:{s:s, s:s, s:i}, s:s, s:[{s:s, s:s, s:s, s:I}]}", "facts", "GameSessionId", arn, "FleetId",
				fleet, "Name", "n", "is_active", 1, "is_deny_all", 0, "players_max", 3, "created_ms", (json_int_t)5000, "place", "IpAddress",
				"10.0.0.9", "DnsName", "", "Port", 4000, "compute", "c1", "players", "PlayerSessionId", "psess-1", "PlayerId", "alice", "Status",
				"ACTIVE", "CreationTime", (json_int_t)6000);
	ringcast_loop_tell(rig.loop, &event);
	event.found = json_object(); /* what makes no sense changes nothing */
	ringcast_loop_tell(rig.loop, &event);
	rig_turn(&rig);
	struct request *list = run(&rig, "DescribeGameSessions", fleet, "");
	cr_assert_str_eq(rig_text(list, "GameSessions.0.GameSessionId"), arn);
	cr_assert_str_eq(rig_text(list, "GameSessions.0.Status"), "ACTIVE");
	cr_assert_str_eq(rig_text(list, "GameSessions.0.IpAddress"), "10.0.0.9");
	cr_assert_eq(json_array_size(json_object_get(list->output, "GameSessions")), 1);
	rig_free(list);
	struct request *players = rig_run(&rig, "DescribePlayerSessions", "{\"PlayerSessionId\": \"psess-1\"}");
	cr_assert_str_eq(rig_text(players, "PlayerSessions.0.Status"), "ACTIVE");
	rig_free(players);
	free(fleet);
	rig_fini(&rig);
}

/* The rig's engine holds a hundred sessions. */
Test(computes, sessions_of_game_servers_take_no_room_in_the_engine)
{
	enum { ROOM = 100 };
	struct rig rig;
	rig_init(&rig, true);
	char *fleet = anywhere_fleet(&rig);
	const char *const one = "\"MaximumPlayerSessionCount\": 1";
	for (int i = 0; i < ROOM; i++)
		cr_assert_eq(fault_of(&rig, "CreateGameSession", fleet, one), FAULT_NONE);
	for (int i = 0; i < ROOM; i++)
		cr_assert_eq(fault_of(&rig, "CreateGameSession", "fleet-1", one), FAULT_NONE);
	cr_assert_eq(fault_of(&rig, "CreateGameSession", "fleet-1", one), FAULT_FLEET_CAPACITY);
	cr_assert_eq(fault_of(&rig, "CreateGameSession", fleet, one), FAULT_NONE);
	struct game_sessions *sessions = &ringcast_loop_model(rig.loop)->sessions;
	ringcast_game_session_remove(sessions, ringcast_session_order_last(&sessions->live));
	cr_assert_eq(fault_of(&rig, "CreateGameSession", "fleet-1", one), FAULT_FLEET_CAPACITY);
	ringcast_game_session_remove(sessions, ringcast_session_order_last(&sessions->live));
	cr_assert_eq(fault_of(&rig, "CreateGameSession", "fleet-1", one), FAULT_NONE);
	free(fleet);
	rig_fini(&rig);
}
