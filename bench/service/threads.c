/* The loop on its threads, and clients that each wait for an answer before they ask again. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ringcast/ringcast.h"
#include "rig.h"
#include "service/hosts/local.h"

struct crowd {
	struct loop *loop;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	json_t *(*next)(struct crowd *crowd, struct request *answered, const char **ret_operation); /* NULL: this client is done */
	int left, busy;
	int number;
};

static double seconds(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "service-bench: %s: %s\n", what, why);
	exit(1);
}

static void answered(struct request *request);

static void ask(struct crowd *crowd, const char *operation, json_t *input)
{
	struct request *request = calloc(1, sizeof(*request));
	if (request == NULL || input == NULL)
		die(operation, "no input");
	*request = (struct request){.operation = ringcast_operation_find(operation), .input = input, .role = ROLE_OPERATOR, .done = answered, .context = crowd};
	if (!ringcast_loop_ask(crowd->loop, request))
		die(operation, "too many wait");
}

static void go_on(struct crowd *crowd, struct request *before)
{
	const char *operation = NULL;
	json_t *input = crowd->next(crowd, before, &operation);
	if (before != NULL)
		bench_free(before);
	if (input != NULL) {
		ask(crowd, operation, input);
		return;
	}
	pthread_mutex_lock(&crowd->lock);
	crowd->busy--;
	pthread_cond_signal(&crowd->changed);
	pthread_mutex_unlock(&crowd->lock);
}

/* The loop's thread. */
static void answered(struct request *request)
{
	if (request->fault != FAULT_NONE)
		die(request->operation->name, request->message);
	go_on(request->context, request);
}

static struct bench_load run(struct crowd *crowd, int client_count)
{
	struct bench_load load = {-seconds(CLOCK_MONOTONIC), -seconds(CLOCK_PROCESS_CPUTIME_ID)};
	pthread_mutex_init(&crowd->lock, NULL);
	pthread_cond_init(&crowd->changed, NULL);
	crowd->busy = client_count;
	for (int i = 0; i < client_count; i++)
		ask(crowd, "ListFleets", json_object());
	pthread_mutex_lock(&crowd->lock);
	while (crowd->busy > 0)
		pthread_cond_wait(&crowd->changed, &crowd->lock);
	pthread_mutex_unlock(&crowd->lock);
	load.wall_s += seconds(CLOCK_MONOTONIC);
	load.cpu_s += seconds(CLOCK_PROCESS_CPUTIME_ID);
	pthread_mutex_destroy(&crowd->lock);
	pthread_cond_destroy(&crowd->changed);
	return load;
}

static json_t *next_write(struct crowd *crowd, struct request *before, const char **ret_operation)
{
	char name[32];
	if (crowd->left == 0)
		return NULL;
	snprintf(name, sizeof(name), "alias %d", crowd->left--);
	*ret_operation = "CreateAlias";
	return json_pack("{s:s, s:{s:s, s:s}}", "Name", name, "RoutingStrategy", "Type", "SIMPLE", "FleetId", "fleet-1");
}

struct bench_load bench_write(struct bench_rig *rig, int count, int client_count)
{
	struct crowd crowd = {.loop = rig->loop, .next = next_write, .left = count};
	if (!ringcast_loop_start(rig->loop))
		die("no thread", "for the loop");
	return run(&crowd, client_count);
}

/* A client creates a session, ends it, and begins again. */
static json_t *next_of_session(struct crowd *crowd, struct request *before, const char **ret_operation)
{
	const json_t *made = before != NULL ? json_object_get(before->output, "GameSession") : NULL;
	bool is_made = made != NULL && strcmp(before->operation->name, "CreateGameSession") == 0;
	if (is_made) {
		*ret_operation = "TerminateGameSession";
		return json_pack("{s:O, s:s}", "GameSessionId", json_object_get(made, "GameSessionId"), "TerminationMode", "FORCE_TERMINATE");
	}
	if (crowd->left == 0)
		return NULL;
	crowd->left--;
	*ret_operation = "CreateGameSession";
	return json_pack("{s:s, s:i, s:s}", "FleetId", "fleet-1", "MaximumPlayerSessionCount", 8, "Name", "bench");
}

struct bench_world {
	ringcast_engine *engine;
	struct host_local *local;
	struct loop *loop;
	struct store *store;
};

static void give_back(void *context, struct host_call *call)
{
	ringcast_loop_give_back(((struct bench_world *)context)->loop, call);
}

static void on_change(void *context, const ringcast_change *change)
{
	struct bench_world *world = context;
	struct host_event event;
	if (world->loop != NULL && ringcast_host_local_event(change, &event))
		ringcast_loop_tell(world->loop, &event);
}

static int64_t now_ms(void *context)
{
	return (int64_t)(seconds(CLOCK_REALTIME) * 1e3);
}

static int64_t steady_ms(void *context)
{
	return (int64_t)(seconds(CLOCK_MONOTONIC) * 1e3);
}

static void open_engine(struct bench_world *world, const char *script)
{
	char problem[512] = "";
	ringcast_engine_options options = RINGCAST_ENGINE_OPTIONS_INIT;
	options.shard_count = 1;
	options.change = on_change;
	options.change_context = world;
	if (ringcast_engine_create(&options, &world->engine, problem, sizeof(problem)) != RINGCAST_OK ||
	    ringcast_engine_start(world->engine, problem, sizeof(problem)) != RINGCAST_OK)
		die("no engine", problem);
	if (script == NULL)
		return;
	ringcast_script_source source = RINGCAST_SCRIPT_SOURCE_INIT;
	source.name = "bench";
	source.path = script;
	if (ringcast_script_add(world->engine, &source, NULL, problem, sizeof(problem)) != RINGCAST_OK)
		die(script, problem);
}

static void open_service(struct bench_world *world, const char *script)
{
	char problem[STORE_PROBLEM_BYTES] = "";
	const struct host_local_options host = {.engine = world->engine, .give_back = give_back, .context = world};
	world->store = ringcast_service_store_open(NULL, problem);
	world->local = ringcast_host_local_create(&host);
	struct loop_options options = {
		.settings = {.region = "local", .is_dev = true, .script = script != NULL ? "bench" : NULL, .ip_address = "127.0.0.1", .dns_name = "", .port = 1,
			     .sessions_max = 10000, .players_per_session_max = 200, .fleet_events_max = 100, .metric_names_max = 2, .ended_data_bytes_max = 256 << 20, .ended_sessions_max = 100000, .left_players_max = 200000,
			     .left_players_per_session_max = 1000},
		.store = world->store,
		.store_log_bytes_max = 256 << 20,
		.hosts = {ringcast_host_local_base(world->local)},
		.host_count = 1,
		.now_ms = now_ms,
		.steady_ms = steady_ms,
		.context = world,
		.requests_max = 10000,
		.events_max = 100000,
		.game_events_max = 1024,
		.game_questions_max = 1024,
		.repeats_max = 1000,
	};
	world->loop = ringcast_loop_create(&options, problem);
	if (world->loop == NULL || !ringcast_loop_start(world->loop))
		die("no loop", problem);
}

struct bench_world *bench_world_open(const char *script)
{
	struct bench_world *world = calloc(1, sizeof(*world));
	if (world == NULL)
		die("no world", "out of memory");
	open_engine(world, script);
	open_service(world, script);
	return world;
}

struct loop *bench_world_loop(struct bench_world *world)
{
	return world->loop;
}

void bench_world_close(struct bench_world **world)
{
	ringcast_loop_stop((*world)->loop);
	ringcast_host_local_destroy(&(*world)->local);
	ringcast_engine_stop((*world)->engine, 1000);
	ringcast_loop_destroy(&(*world)->loop);
	ringcast_engine_destroy(&(*world)->engine);
	ringcast_service_store_close(&(*world)->store);
	free(*world);
	*world = NULL;
}

struct bench_load bench_end_sessions(struct bench_world *world, int count, int client_count)
{
	struct crowd crowd = {.loop = world->loop, .next = next_of_session, .left = count};
	return run(&crowd, client_count);
}
