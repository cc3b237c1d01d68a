#include "sdk_rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void op_send(void *context, struct sdk_link *link, const char *text)
{
	struct sdk_rig *rig = context;
	cr_assert_lt(rig->sent_count, SDK_RIG_TEXTS);
	rig->sent_to[rig->sent_count] = link;
	rig->sent[rig->sent_count] = json_loads(text, 0, NULL);
	cr_assert_not_null(rig->sent[rig->sent_count++], "%s", text);
}

static void op_close(void *context, struct sdk_link *link, uint16_t code, const char *reason)
{
	struct sdk_rig *rig = context;
	rig->closed_link = link;
	rig->closed_code = code;
}

static void op_give_back(void *context, struct host_call *call)
{
	struct sdk_rig *rig = context;
	ringcast_host_call_destroy(&rig->returned);
	rig->returned = call;
}

static void op_tell(void *context, const struct host_event *event)
{
	struct sdk_rig *rig = context;
	if (event->kind == HOST_FLEET_LOAD)
		return; /* test_scaling.c looks at those */
	if (event->kind == HOST_ROOM) {
		rig->room_count++;
		return;
	}
	cr_assert_lt(rig->event_count, SDK_RIG_EVENTS);
	rig->events[rig->event_count++] = *event;
}

static void op_random(void *context, void *out, size_t size)
{
	struct sdk_rig *rig = context;
	memset(out, 0, size);
	rig->chance++;
	memcpy(out, &rig->chance, sizeof(rig->chance));
}

static bool op_is_own(void *context, const char *fleet_id, const char *process_id)
{
	struct sdk_rig *rig = context;
	return rig->own_process != NULL && strcmp(rig->own_fleet, fleet_id) == 0 && strcmp(rig->own_process, process_id) == 0;
}

static void op_stop(void *context, const char *process_id, int64_t notice_until_ms)
{
	struct sdk_rig *rig = context;
	snprintf(rig->stopped, sizeof(rig->stopped), "%s", process_id);
	rig->stopped_until_ms = notice_until_ms;
}

static void op_plan(void *context, const char *fleet_id, const char *folder, const json_t *runtime)
{
	struct sdk_rig *rig = context;
	json_t *first = json_array_get(json_object_get(runtime, "ServerProcesses"), 0);
	const char *path = json_string_value(json_object_get(first, "LaunchPath"));
	snprintf(rig->planned, sizeof(rig->planned), "%.40s %.30s %.30s", fleet_id, folder != NULL ? folder : "-", path != NULL ? path : "-");
}

static void op_save(void *context, const struct sdk_process *process)
{
	struct sdk_rig *rig = context;
	json_decref(rig->saved);
	rig->saved = ringcast_sdk_process_save(process);
	cr_assert_not_null(rig->saved);
}

static void op_forget(void *context, const struct sdk_process *process)
{
	struct sdk_rig *rig = context;
	snprintf(rig->forgotten, sizeof(rig->forgotten), "%.100s", process->id);
}

static bool op_ask(void *context, struct host_question *question)
{
	struct sdk_rig *rig = context;
	if (rig->is_deaf || rig->question_count == SDK_RIG_QUESTIONS)
		return false;
	rig->questions[rig->question_count++] = question;
	return true;
}

static const struct sdk_core_ops ops = {op_send, op_close, op_give_back, op_tell, op_random, op_is_own, op_stop, op_plan, op_save, op_forget, op_ask};

void sdk_rig_init(struct sdk_rig *rig)
{
	*rig = (struct sdk_rig){0};
	const struct sdk_core_options options = {
		.ops = &ops,
		.context = rig,
		.ip_address = "10.0.0.1",
		.dns_name = "",
		.compute_name = "here",
		.endpoint = "ws://10.0.0.1:9081",
		.token_lifetime_s = 3600,
		.health_timeout_ms = 190000,
		.terminate_timeout_ms = 300000,
		.processes_max = 4,
	};
	cr_assert(ringcast_sdk_core_init(&rig->core, &options));
	rig->core.now_ms = 1700000000000;
}

void sdk_rig_clear(struct sdk_rig *rig)
{
	for (size_t i = 0; i < rig->sent_count; i++)
		json_decref(rig->sent[i]);
	for (size_t i = 0; i < rig->event_count; i++)
		json_decref(rig->events[i].found);
	rig->sent_count = rig->event_count = 0;
	rig->closed_link = NULL;
	rig->stopped[0] = rig->forgotten[0] = '\0';
}

void sdk_rig_reply(struct sdk_rig *rig, unsigned status, const char *fault, const char *text)
{
	cr_assert_gt(rig->question_count, 0);
	struct host_question *question = rig->questions[0];
	memmove(rig->questions, rig->questions + 1, --rig->question_count * sizeof(*rig->questions));
	json_decref(question->input);
	question->input = NULL;
	question->status = status;
	question->fault = fault;
	snprintf(status == 200 ? question->ticket : question->text, sizeof(question->ticket), "%s", text);
	ringcast_sdk_core_take_answer(&rig->core, question);
}

void sdk_rig_fini(struct sdk_rig *rig)
{
	while (rig->question_count > 0)
		sdk_rig_reply(rig, 503, "", "");
	sdk_rig_clear(rig);
	ringcast_host_call_destroy(&rig->returned);
	json_decref(rig->saved);
	ringcast_sdk_core_fini(&rig->core);
}

void sdk_rig_learn(struct sdk_rig *rig, const char *kind, const char *id, const char *document)
{
	ringcast_sdk_core_learn(&rig->core, kind, id, document != NULL ? json_loads(document, 0, NULL) : NULL);
}

void sdk_rig_learn_fleets(struct sdk_rig *rig)
{
	sdk_rig_learn(rig, "build", "build-1", "{\"BuildId\": \"build-1\", \"Folder\": \"game/1\"}");
	sdk_rig_learn(rig, "compute", "fleet-a/c", "{\"IpAddress\": \"10.0.0.9\", \"DnsName\": \"c.example\", \"Location\": \"custom-x\", \"CertificatePath\": \"/cert\"}");
	sdk_rig_learn(rig, "fleet", "fleet-a", "{\"ComputeType\": \"ANYWHERE\", \"RuntimeConfiguration\": {\"GameSessionActivationTimeoutSeconds\": 30}}");
	sdk_rig_learn(rig, "fleet", "fleet-b",
		      "{\"BuildId\": \"build-1\", \"RuntimeConfiguration\": {\"ServerProcesses\": [{\"LaunchPath\": \"run\", \"ConcurrentExecutions\": 1}]}}");
}

bool sdk_rig_connect(struct sdk_rig *rig, struct sdk_link *link, const char *fleet, const char *compute, const char *process)
{
	struct sdk_login login = {.token_expires_ms = rig->core.now_ms + 3600000, .language = "C", .version = "5.4.0"};
	char problem[SDK_PROBLEM_BYTES];
	snprintf(login.fleet, sizeof(login.fleet), "%s", fleet);
	snprintf(login.compute, sizeof(login.compute), "%s", compute);
	snprintf(login.process, sizeof(login.process), "%s", process);
	return ringcast_sdk_core_connect(&rig->core, link, &login, problem);
}

int sdk_rig_ask(struct sdk_rig *rig, struct sdk_link *link, const char *action, const char *rest)
{
	char text[1024];
	size_t before = rig->sent_count;
	int size = snprintf(text, sizeof(text), "{\"Action\": \"%s\", \"RequestId\": \"r\"%s%s}", action, *rest != '\0' ? ", " : "", rest);
	ringcast_sdk_core_hear(&rig->core, link, text, (size_t)size);
	for (size_t i = before; i < rig->sent_count; i++)
		if (json_object_get(rig->sent[i], "RequestId") != NULL) {
			cr_assert_str_eq(json_string_value(json_object_get(rig->sent[i], "Action")), action);
			cr_assert_eq(rig->sent_to[i], link);
			return (int)json_integer_value(json_object_get(rig->sent[i], "StatusCode"));
		}
	return 0;
}

json_t *sdk_rig_answer(struct sdk_rig *rig)
{
	for (size_t i = rig->sent_count; i-- > 0;)
		if (json_object_get(rig->sent[i], "RequestId") != NULL)
			return rig->sent[i];
	return NULL;
}

json_t *sdk_rig_push(struct sdk_rig *rig, const char *action)
{
	for (size_t i = rig->sent_count; i-- > 0;)
		if (json_object_get(rig->sent[i], "RequestId") == NULL && strcmp(json_string_value(json_object_get(rig->sent[i], "Action")), action) == 0)
			return rig->sent[i];
	return NULL;
}

void sdk_rig_ready(struct sdk_rig *rig, struct sdk_link *link, const char *process)
{
	cr_assert(sdk_rig_connect(rig, link, "fleet-a", "c", process));
	cr_assert_eq(sdk_rig_ask(rig, link, "ActivateServerProcess", "\"SdkVersion\": \"5.4.0\", \"SdkLanguage\": \"Cpp\", \"Port\": 7777, \"LogPaths\": []"), 200);
}

void sdk_rig_begin(struct sdk_rig *rig, struct sdk_link *link, char ret_session[HOST_ID_BYTES])
{
	struct host_call *call = ringcast_host_call_create(HOST_CREATE);
	call->facts = json_pack("{s:s, s:s, s:s, s:[{s:s, s:s}], s:s, s:s}", "GameSessionId", ARN, "FleetId", "fleet-a", "Name", "n", "GameProperties", "Key",
				"mode", "Value", "ctf", "GameSessionData", "data", "MatchmakerData", "teams");
	call->players_max = 2;
	call->activation_timeout_ms = 30000;
	ringcast_sdk_core_submit(&rig->core, call);
	cr_assert_eq(rig->returned->result, HOST_OK, "%s", rig->returned->text);
	snprintf(ret_session, HOST_ID_BYTES, "%s", rig->returned->session);
	cr_assert_eq(sdk_rig_ask(rig, link, "ActivateGameSession", "\"GameSessionId\": \"" ARN "\""), 200);
}

enum host_result sdk_rig_reserve(struct sdk_rig *rig, const char *session, const char *player_id, char ret_token[HOST_ID_BYTES])
{
	struct host_call *call = ringcast_host_call_create(HOST_RESERVE);
	snprintf(call->session, sizeof(call->session), "%s", session);
	call->players[call->player_count++].player_id = strdup(player_id);
	ringcast_sdk_core_submit(&rig->core, call);
	if (ret_token != NULL)
		snprintf(ret_token, HOST_ID_BYTES, "%s", rig->returned->players[0].token);
	return rig->returned->result;
}

bool sdk_rig_heard(const struct sdk_rig *rig, enum host_event_kind kind)
{
	for (size_t i = 0; i < rig->event_count; i++)
		if (rig->events[i].kind == kind)
			return true;
	return false;
}
