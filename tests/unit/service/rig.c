#include "rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void submit(struct host *host, struct host_call *call)
{
	struct rig *rig = CONTAINER_OF(host, struct rig, host);
	ringcast_list_add_tail(&rig->calls, &call->node);
}

static const struct host_ops ops = {submit};

static int64_t now_ms(void *context)
{
	return ((struct rig *)context)->now_ms;
}

void rig_init(struct rig *rig, bool is_dev)
{
	rig_init_with(rig, &(struct rig_options){.is_dev = is_dev});
}

struct loop *rig_loop(struct rig *rig, const struct rig_options *given, char problem[STORE_PROBLEM_BYTES])
{
	struct loop_options options = {
		.settings = {.region = "local", .is_dev = given->is_dev, .has_stream = given->emit != NULL, .letters_max = 3, .ip_address = "127.0.0.1", .dns_name = "", .port = 7777, .sessions_max = 100, .placements_max = 1000, .ended_placements_max = 1000, .metric_names_max = 2, .ended_data_bytes_max = 4096, .ended_sessions_max = 1000, .left_players_max = 10, .left_players_per_session_max = 4,
			     .match_tickets_max = 64, .match_ended_tickets_max = 8, .match_configurations_max = 4, .match_rule_sets_max = 4, .match_round_ms = 100,
			     .players_per_session_max = 200, .fleet_events_max = 5, .sdk_endpoint = "ws://127.0.0.1:9081", .compute_name = "here",
			     .has_builds = true, .token_lifetime_s = 3600},
		.store = rig->store,
		.hosts = {&rig->host, &rig->host}, /* which one a call is for, the call says */
		.host_count = 2,
		.seed = 1,
		.now_ms = now_ms,
		.steady_ms = now_ms,
		.emit = given->emit,
		.emit_to = given->emit_to,
		.scaled = given->scaled,
		.running_ns = given->running_ns,
		.context = rig,
		.requests_max = 1000,
		.events_max = 8,
		.game_events_max = 4,
		.game_questions_max = 4,
		.repeats_max = 4,
	};
	return ringcast_loop_create(&options, problem);
}

void rig_init_with(struct rig *rig, const struct rig_options *given)
{
	char problem[STORE_PROBLEM_BYTES] = "";
	*rig = (struct rig){.host = {&ops}, .now_ms = 1700000000000};
	ringcast_list_init(&rig->calls);
	rig->store = ringcast_service_store_open(NULL, problem);
	cr_assert_not_null(rig->store, "%s", problem);
	rig->loop = rig_loop(rig, given, problem);
	cr_assert_not_null(rig->loop, "%s", problem);
}

void rig_fini(struct rig *rig)
{
	for (struct host_call *call = rig_take_call(rig); call != NULL; call = rig_take_call(rig))
		ringcast_host_call_destroy(&call);
	ringcast_loop_stop(rig->loop);
	ringcast_loop_destroy(&rig->loop);
	ringcast_service_store_close(&rig->store);
}

void rig_turn(struct rig *rig)
{
	for (int i = 0; i < 3; i++)
		while (ringcast_loop_turn(rig->loop))
			;
}

static void done(struct request *request)
{
	((struct rig *)request->context)->done_count++;
	request->context = NULL; /* answered */
}

struct request *rig_ask(struct rig *rig, const char *operation, const char *input)
{
	struct request *request = calloc(1, sizeof(*request));
	request->operation = ringcast_operation_find(operation);
	cr_assert_not_null(request->operation, "%s", operation);
	request->input = json_loads(input, 0, NULL);
	cr_assert_not_null(request->input, "%s", input);
	request->role = ROLE_OPERATOR;
	request->done = done;
	request->context = rig;
	cr_assert(ringcast_loop_ask(rig->loop, request));
	return request;
}

void rig_free(struct request *request)
{
	cr_assert_null(request->context, "freed before it was answered");
	json_decref(request->input);
	json_decref(request->output);
	free(request);
}

struct host_call *rig_take_call(struct rig *rig)
{
	if (ringcast_list_is_empty(&rig->calls))
		return NULL;
	struct host_call *call = CONTAINER_OF(rig->calls.next, struct host_call, node);
	ringcast_list_remove(&call->node);
	return call;
}

void rig_answer(struct rig *rig, struct host_call *call, enum host_result result)
{
	static unsigned number;
	call->result = result;
	if (result == HOST_OK && call->kind == HOST_CREATE)
		snprintf(call->session, sizeof(call->session), "gsess-host-%u", ++number);
	if (result == HOST_OK && call->kind == HOST_SCRIPT_PUSH)
		snprintf(call->version, sizeof(call->version), "version%u", ++number);
	for (uint32_t i = 0; result == HOST_OK && i < call->player_count; i++)
		snprintf(call->players[i].token, sizeof(call->players[i].token), "psess-%u", ++number);
	ringcast_loop_give_back(rig->loop, call);
	rig_turn(rig);
}

struct request *rig_run(struct rig *rig, const char *operation, const char *input)
{
	struct request *request = rig_ask(rig, operation, input);
	rig_turn(rig);
	for (struct host_call *call = rig_take_call(rig); call != NULL; call = rig_take_call(rig))
		rig_answer(rig, call, HOST_OK);
	cr_assert_null(request->context, "%s was not answered", operation);
	return request;
}

const char *rig_text(const struct request *request, const char *path)
{
	char copy[128], *rest = copy;
	const json_t *value = request->output;
	snprintf(copy, sizeof(copy), "%s", path);
	for (char *part; (part = strsep(&rest, ".")) != NULL;)
		value = json_is_array(value) ? json_array_get(value, (size_t)atoi(part)) : json_object_get(value, part);
	return json_is_string(value) ? json_string_value(value) : "";
}

const char *rig_session(struct rig *rig, const char *token, uint32_t players_max)
{
	static char id[256];
	char input[512];
	snprintf(input, sizeof(input), "{\"FleetId\": \"fleet-1\", \"MaximumPlayerSessionCount\": %u, \"IdempotencyToken\": \"%.128s\"}", players_max, token);
	struct request *request = rig_run(rig, "CreateGameSession", input);
	snprintf(id, sizeof(id), "%s", rig_text(request, "GameSession.GameSessionId"));
	rig_free(request);
	return id;
}

void rig_expect_fault(struct request *request, enum fault fault)
{
	cr_assert_eq(request->fault, fault, "%s: %s", ringcast_fault_type(request->fault), request->message);
	rig_free(request);
}
