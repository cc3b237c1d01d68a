#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double seconds(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double bench_thread_cpu_s(void)
{
	return seconds(CLOCK_THREAD_CPUTIME_ID);
}

const char *bench_number(int number)
{
	static char text[16];
	snprintf(text, sizeof(text), "%d", number);
	return text;
}

static int64_t now_ms(void *context)
{
	return (int64_t)(seconds(CLOCK_REALTIME) * 1e3);
}

static int64_t steady_ms(void *context)
{
	return (int64_t)(seconds(CLOCK_MONOTONIC) * 1e3);
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "service-bench: %s: %s\n", what, why);
	exit(1);
}

/* A host that says yes at once. */
static void submit(struct host *host, struct host_call *call)
{
	struct bench_rig *rig = CONTAINER_OF(host, struct bench_rig, host);
	if (call->kind == HOST_CREATE)
		snprintf(call->session, sizeof(call->session), "gsess-%llu", (unsigned long long)++rig->number);
	for (uint32_t i = 0; i < call->player_count; i++)
		snprintf(call->players[i].token, sizeof(call->players[i].token), "psess-%llu", (unsigned long long)++rig->number);
	ringcast_loop_give_back(rig->loop, call);
}

static const struct host_ops ops = {submit};

static struct loop_options options_of(struct bench_rig *rig, struct host *host)
{
	return (struct loop_options){
		.settings = {.region = "local", .is_dev = true, .ip_address = "127.0.0.1", .dns_name = "", .port = 7777, .sessions_max = 1000000,
			     .players_per_session_max = 200, .fleet_events_max = 100, .metric_names_max = 2, .ended_data_bytes_max = 256 << 20, .ended_sessions_max = 1000000, .left_players_max = 200000,
			     .left_players_per_session_max = 1000, .match_tickets_max = 100000, .match_ended_tickets_max = 10000, .match_configurations_max = 10,
			     .match_rule_sets_max = 10, .match_round_ms = 200},
		.store = rig->store,
		.store_log_bytes_max = 256 << 20,
		.hosts = {host},
		.host_count = 1,
		.seed = 1,
		.now_ms = now_ms,
		.steady_ms = steady_ms,
		.context = rig,
		.requests_max = 100000,
		.events_max = 100000,
		.game_events_max = 1024,
		.game_questions_max = 1024,
		.repeats_max = 1000,
	};
}

void bench_rig_open(struct bench_rig *rig, const char *store_path)
{
	char problem[STORE_PROBLEM_BYTES] = "";
	*rig = (struct bench_rig){.host = {&ops}};
	rig->store = ringcast_service_store_open(store_path, problem);
	struct loop_options options = options_of(rig, &rig->host);
	if (rig->store != NULL)
		rig->loop = ringcast_loop_create(&options, problem);
	if (rig->loop == NULL)
		die("no loop", problem);
}

void bench_rig_close(struct bench_rig *rig)
{
	ringcast_loop_stop(rig->loop);
	ringcast_loop_destroy(&rig->loop);
	ringcast_service_store_close(&rig->store);
}

static void answered(struct request *request)
{
	if (request->fault != FAULT_NONE)
		die(request->operation->name, request->message);
	request->context = NULL;
}

struct request *bench_ask(struct bench_rig *rig, const char *operation, json_t *input)
{
	struct request *request = calloc(1, sizeof(*request));
	if (request == NULL || input == NULL)
		die(operation, "no input");
	*request = (struct request){.operation = ringcast_operation_find(operation), .input = input, .role = ROLE_OPERATOR, .done = answered, .context = rig};
	if (!ringcast_loop_ask(rig->loop, request))
		die(operation, "too many wait");
	while (request->context != NULL)
		ringcast_loop_turn(rig->loop);
	return request;
}

void bench_free(struct request *request)
{
	json_decref(request->input);
	json_decref(request->output);
	free(request);
}

static json_t *new_session(int number)
{
	char name[32];
	snprintf(name, sizeof(name), "session %d", number);
	return json_pack("{s:s, s:i, s:s, s:[{s:s, s:s}, {s:s, s:s}]}", "FleetId", "fleet-1", "MaximumPlayerSessionCount", 200, "Name", name,
			 "GameProperties", "Key", "mode", "Value", number % 2 == 0 ? "ctf" : "dm", "Key", "map", "Value", "dust");
}

static const char *id_of(const struct request *request)
{
	return json_string_value(json_object_get(json_object_get(request->output, "GameSession"), "GameSessionId"));
}

void bench_create(struct bench_rig *rig, int number, char ret_id[256])
{
	struct request *request = bench_ask(rig, "CreateGameSession", new_session(number));
	snprintf(ret_id, 256, "%s", id_of(request));
	bench_free(request);
}

static json_t *end_of(const char *id)
{
	return json_pack("{s:s, s:s}", "GameSessionId", id, "TerminationMode", "FORCE_TERMINATE");
}

void bench_end(struct bench_rig *rig, const char *id)
{
	struct host_event event = {.kind = HOST_SESSION_ENDED, .sequence = 1};
	bench_free(bench_ask(rig, "TerminateGameSession", end_of(id)));
	snprintf(event.session, sizeof(event.session), "%s",
		 ringcast_game_session_resolve(&ringcast_loop_model(rig->loop)->sessions, id)->host_session);
	ringcast_loop_tell(rig->loop, &event);
	ringcast_loop_turn(rig->loop);
}
