/* Messages of the Server SDK's protocol, as its SDKs write them, and what must come back. */
#include <criterion/criterion.h>
#include <string.h>

#include "sdk_rig.h"

static const char *text_of(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));
	return text != NULL ? text : "";
}

static void refused(const char *text)
{
	struct sdk_message message;
	char problem[SDK_PROBLEM_BYTES] = "";
	cr_assert_not(ringcast_sdk_message_read(text, strlen(text), &message, problem), "%s", text);
	cr_assert_gt(strlen(problem), 0);
}

Test(sdk_messages, what_cannot_be_answered_is_refused)
{
	refused("");
	refused("[]");
	refused("{\"Action\": \"HeartbeatServerProcess\"}");
	refused("{\"RequestId\": \"1\"}");
	refused("{\"Action\": 1, \"RequestId\": \"1\"}");
	refused("{\"Action\": \"HeartbeatServerProcess\", \"RequestId\": \"1\", \"RequestId\": \"2\"}");
	refused("{\"Action\": \"HeartbeatServerProcess\", \"RequestId\": \"1\"");
}

Test(sdk_messages, a_member_of_another_type_is_absent)
{
	static const char text[] = "{\"Action\": \"ActivateServerProcess\", \"RequestId\": \"1\", \"Port\": \"7\", \"SdkVersion\": 5, \"HealthStatus\": 1}";
	struct sdk_message message;
	char problem[SDK_PROBLEM_BYTES];
	cr_assert(ringcast_sdk_message_read(text, sizeof(text) - 1, &message, problem));
	cr_assert_eq(message.action, SDK_ActivateServerProcess);
	cr_assert_eq(ringcast_sdk_message_number(&message, "Port", -1), -1);
	cr_assert_str_eq(ringcast_sdk_message_text(&message, "SdkVersion"), "");
	cr_assert_not(ringcast_sdk_message_flag(&message, "HealthStatus"));
	ringcast_sdk_message_free(&message);
}

Test(sdk_messages, every_request_is_answered_with_its_action_and_id)
{
	static const char *const actions[] = {
#define X(name) #name,
		SDK_ACTIONS(X)
#undef X
		"SomethingNew",
	};
	struct sdk_rig rig;
	struct sdk_link link;
	sdk_rig_init(&rig);
	sdk_rig_learn_fleets(&rig);
	cr_assert(sdk_rig_connect(&rig, &link, "fleet-a", "c", "p"));
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		int status = sdk_rig_ask(&rig, &link, actions[i], "");
		cr_assert(status >= 200 && status < 500, "%s: %d", actions[i], status);
		cr_assert_str_eq(text_of(sdk_rig_answer(&rig), "RequestId"), "r");
		cr_assert((status == 200) == (*text_of(sdk_rig_answer(&rig), "ErrorMessage") == '\0'));
	}
	sdk_rig_fini(&rig);
}

Test(sdk_messages, a_process_becomes_ready_on_a_port_of_the_sdk)
{
	struct sdk_rig rig;
	struct sdk_link link;
	sdk_rig_init(&rig);
	sdk_rig_learn_fleets(&rig);
	cr_assert(sdk_rig_connect(&rig, &link, "fleet-a", "c", "p"));
	cr_assert_eq(sdk_rig_ask(&rig, &link, "ActivateServerProcess", "\"Port\": 0"), 400);
	cr_assert_eq(sdk_rig_ask(&rig, &link, "ActivateServerProcess", "\"Port\": 60001"), 400);
	cr_assert_eq(sdk_rig_ask(&rig, &link, "ActivateServerProcess", "\"SdkVersion\": \"5.4.0\", \"SdkLanguage\": \"Cpp\", \"Port\": 60000"), 200);
	cr_assert_eq(link.process->state, SDK_READY);
	sdk_rig_fini(&rig);
}

Test(sdk_messages, a_session_is_pushed_as_the_sdks_read_it)
{
	struct sdk_rig rig;
	struct sdk_link link;
	char session[HOST_ID_BYTES];
	sdk_rig_init(&rig);
	sdk_rig_learn_fleets(&rig);
	sdk_rig_ready(&rig, &link, "p");
	sdk_rig_begin(&rig, &link, session);
	const json_t *push = sdk_rig_push(&rig, "CreateGameSession");
	cr_assert_not_null(push);
	cr_assert_str_eq(text_of(push, "GameSessionId"), ARN);
	cr_assert_str_eq(text_of(push, "GameSessionName"), "n");
	cr_assert_str_eq(text_of(push, "GameSessionData"), "data");
	cr_assert_str_eq(text_of(push, "MatchmakerData"), "teams");
	cr_assert_str_eq(text_of(push, "IpAddress"), "10.0.0.9");
	cr_assert_str_eq(text_of(push, "DnsName"), "c.example");
	cr_assert_eq(json_integer_value(json_object_get(push, "Port")), 7777);
	cr_assert_eq(json_integer_value(json_object_get(push, "MaximumPlayerSessionCount")), 2);
	cr_assert_str_eq(text_of(json_object_get(push, "GameProperties"), "mode"), "ctf");
	cr_assert_null(json_object_get(push, "StatusCode"));
	sdk_rig_fini(&rig);
}

Test(sdk_messages, players_are_described_by_pages)
{
	struct sdk_rig rig;
	struct sdk_link link;
	char session[HOST_ID_BYTES], a[HOST_ID_BYTES], b[HOST_ID_BYTES], rest[256];
	sdk_rig_init(&rig);
	sdk_rig_learn_fleets(&rig);
	sdk_rig_ready(&rig, &link, "p");
	sdk_rig_begin(&rig, &link, session);
	cr_assert_eq(sdk_rig_reserve(&rig, session, "alice", a), HOST_OK);
	cr_assert_eq(sdk_rig_reserve(&rig, session, "bob", b), HOST_OK);
	cr_assert_eq(sdk_rig_ask(&rig, &link, "DescribePlayerSessions", "\"GameSessionId\": \"" ARN "\", \"Limit\": 1, \"PlayerSessionStatusFilter\": \"NOT_SET\""), 200);
	const json_t *list = json_object_get(sdk_rig_answer(&rig), "PlayerSessions"), *first = json_array_get(list, 0);
	cr_assert_eq(json_array_size(list), 1);
	cr_assert_str_eq(text_of(first, "PlayerSessionId"), a);
	cr_assert_str_eq(text_of(first, "Status"), "RESERVED");
	cr_assert_eq(json_integer_value(json_object_get(first, "CreationTime")), rig.core.now_ms);
	snprintf(rest, sizeof(rest), "\"GameSessionId\": \"" ARN "\", \"Limit\": 1, \"NextToken\": \"%s\"", text_of(sdk_rig_answer(&rig), "NextToken"));
	cr_assert_eq(sdk_rig_ask(&rig, &link, "DescribePlayerSessions", rest), 200);
	first = json_array_get(json_object_get(sdk_rig_answer(&rig), "PlayerSessions"), 0);
	cr_assert_str_eq(text_of(first, "PlayerId"), "bob");
	cr_assert_null(json_object_get(sdk_rig_answer(&rig), "NextToken"));
	cr_assert_eq(sdk_rig_ask(&rig, &link, "DescribePlayerSessions", "\"PlayerId\": \"bob\", \"PlayerSessionStatusFilter\": \"ACTIVE\""), 200);
	cr_assert_eq(json_array_size(json_object_get(sdk_rig_answer(&rig), "PlayerSessions")), 0);
	cr_assert_eq(sdk_rig_ask(&rig, &link, "DescribePlayerSessions", "\"PlayerId\": \"bob\", \"GameSessionId\": \"" ARN "\""), 400);
	sdk_rig_fini(&rig);
}

Test(sdk_messages, too_many_bad_ones_close_the_connection)
{
	struct sdk_rig rig;
	struct sdk_link link;
	sdk_rig_init(&rig);
	sdk_rig_learn_fleets(&rig);
	sdk_rig_ready(&rig, &link, "p");
	for (int i = 0; i < 15; i++)
		ringcast_sdk_core_hear(&rig.core, &link, "{", 1);
	cr_assert_null(rig.closed_link);
	ringcast_sdk_core_hear(&rig.core, &link, "{", 1);
	cr_assert_eq(rig.closed_link, &link);
	cr_assert_eq(rig.closed_code, 1008);
	sdk_rig_fini(&rig);
}

Test(sdk_messages, what_else_processes_ask_has_a_word_for_it)
{
	struct sdk_rig rig;
	struct sdk_link link, other;
	sdk_rig_init(&rig);
	sdk_rig_learn_fleets(&rig);
	cr_assert(sdk_rig_connect(&rig, &link, "fleet-a", "c", "p"));
	cr_assert(sdk_rig_connect(&rig, &other, "fleet-b", "here", "p"));
	cr_assert_eq(sdk_rig_ask(&rig, &link, "GetComputeCertificate", ""), 200);
	cr_assert_str_eq(text_of(sdk_rig_answer(&rig), "CertificatePath"), "/cert");
	cr_assert_str_eq(text_of(sdk_rig_answer(&rig), "ComputeName"), "c");
	cr_assert_eq(sdk_rig_ask(&rig, &other, "GetComputeCertificate", ""), 404);
	cr_assert_eq(sdk_rig_ask(&rig, &link, "GetFleetRoleCredentials", "\"RoleArn\": \"arn:x\""), 400);
	cr_assert_eq(sdk_rig_ask(&rig, &link, "StartMatchBackfill", ""), 404);
	cr_assert_eq(sdk_rig_ask(&rig, &link, "StopMatchBackfill", ""), 404);
	cr_assert_eq(sdk_rig_ask(&rig, &link, "RefreshConnection", ""), 200);
	int64_t expires_s;
	cr_assert(ringcast_compute_token_check(&rig.core.options.secret, "fleet-a", "c", text_of(sdk_rig_answer(&rig), "AuthToken"), rig.core.now_ms / 1000, &expires_s));
	sdk_rig_fini(&rig);
}
