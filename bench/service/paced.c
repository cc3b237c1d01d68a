/* Clients who ask at fixed times, whether the last answers were late or not: what is measured begins when a request was due. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/histogram.h"
#include "rig.h"

/* All clients together stay below the players that a shard holds unless it is told otherwise. */
enum { CLIENTS = 256, PLAYERS = 16, SLEEP_NS = 200000 };

struct paced;
struct client {
	struct paced *paced;
	struct request *before; /* what was answered last; NULL at first */
	int64_t due_ns;
	bool is_waiting; /* until it is due */
	int player_count;
	char session[256];
};

struct paced {
	const struct bench_pace *pace;
	struct loop *loop;
	pthread_mutex_t lock; /* guards clients and what follows */
	struct client clients[CLIENTS];
	struct histogram latency;
	int64_t end_ns;
	int busy, number;
};

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "service-bench: %s: %s\n", what, why);
	exit(1);
}

/* The loop's thread. */
static void answered(struct request *request)
{
	struct client *client = request->context;
	struct paced *paced = client->paced;
	if (request->fault != FAULT_NONE)
		die(request->operation->name, request->message);
	pthread_mutex_lock(&paced->lock);
	if (strcmp(request->operation->name, paced->pace->measured) == 0)
		ringcast_histogram_add(&paced->latency, (uint64_t)(clock_ns(CLOCK_MONOTONIC) - client->due_ns));
	client->before = request;
	client->due_ns += CLIENTS * (int64_t)(1e9 / paced->pace->per_second);
	client->is_waiting = true;
	pthread_mutex_unlock(&paced->lock);
}

static void note_session(struct client *client)
{
	const struct request *before = client->before;
	const json_t *id = before != NULL ? json_object_get(json_object_get(before->output, "GameSession"), "GameSessionId") : NULL;
	bool is_made = id != NULL && strcmp(before->operation->name, "CreateGameSession") == 0;
	if (is_made)
		snprintf(client->session, sizeof(client->session), "%s", json_string_value(id));
}

static json_t *create_session(struct client *client, const char **ret_operation)
{
	client->player_count = 0;
	*ret_operation = "CreateGameSession";
	return json_pack("{s:s, s:i, s:s}", "FleetId", "fleet-1", "MaximumPlayerSessionCount", PLAYERS, "Name", "bench");
}

static json_t *end_session(struct client *client, const char **ret_operation)
{
	json_t *input = json_pack("{s:s, s:s}", "GameSessionId", client->session, "TerminationMode", "FORCE_TERMINATE");
	*client->session = '\0';
	*ret_operation = "TerminateGameSession";
	return input;
}

static json_t *next_of_sessions(struct client *client, const char **ret_operation)
{
	note_session(client);
	return *client->session != '\0' ? end_session(client, ret_operation) : create_session(client, ret_operation);
}

static json_t *next_of_players(struct client *client, const char **ret_operation)
{
	note_session(client);
	if (*client->session == '\0')
		return create_session(client, ret_operation);
	if (client->player_count == PLAYERS)
		return end_session(client, ret_operation);
	client->player_count++;
	*ret_operation = "CreatePlayerSession";
	return json_pack("{s:s, s:s+}", "GameSessionId", client->session, "PlayerId", "player-", bench_number(client->player_count));
}

static json_t *next_of_records(struct client *client, const char **ret_operation)
{
	*ret_operation = "CreateAlias";
	return json_pack("{s:s+, s:{s:s, s:s}}", "Name", "alias ", bench_number(client->paced->number++), "RoutingStrategy", "Type", "SIMPLE", "FleetId", "fleet-1");
}

static void ask_next(struct client *client)
{
	static json_t *(*const nexts[])(struct client *, const char **) = {
		[BENCH_SESSIONS] = next_of_sessions, [BENCH_PLAYERS] = next_of_players, [BENCH_RECORDS] = next_of_records};
	const char *operation;
	struct request *request = calloc(1, sizeof(*request));
	json_t *input = nexts[client->paced->pace->kind](client, &operation);
	if (request == NULL || input == NULL)
		die(operation, "no input");
	*request = (struct request){.operation = ringcast_operation_find(operation), .input = input, .role = ROLE_OPERATOR, .done = answered, .context = client};
	if (client->before != NULL)
		bench_free(client->before);
	client->before = NULL;
	client->is_waiting = false;
	if (!ringcast_loop_ask(client->paced->loop, request))
		die(operation, "too many wait");
}

/* True: somebody is still to be waited for. */
static bool ask_all_due(struct paced *paced)
{
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	int waiting = 0;
	pthread_mutex_lock(&paced->lock);
	for (int i = 0; i < CLIENTS; i++) {
		struct client *client = &paced->clients[i];
		if (client->is_waiting && client->due_ns <= now_ns && now_ns < paced->end_ns)
			ask_next(client);
		waiting += client->is_waiting;
	}
	pthread_mutex_unlock(&paced->lock);
	return now_ns < paced->end_ns || waiting < CLIENTS;
}

struct bench_paced bench_run_paced(struct loop *loop, const struct bench_pace *pace)
{
	const struct timespec sleep = {.tv_nsec = SLEEP_NS};
	struct paced *paced = calloc(1, sizeof(*paced));
	int64_t begin_ns = clock_ns(CLOCK_MONOTONIC), cpu_ns = -clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	if (paced == NULL)
		die("paced", "out of memory");
	paced->pace = pace;
	paced->loop = loop;
	paced->end_ns = begin_ns + (int64_t)(pace->seconds * 1e9);
	pthread_mutex_init(&paced->lock, NULL);
	for (int i = 0; i < CLIENTS; i++)
		paced->clients[i] = (struct client){.paced = paced, .due_ns = begin_ns + (int64_t)(i * 1e9 / pace->per_second), .is_waiting = true};
	while (ask_all_due(paced))
		nanosleep(&sleep, NULL);
	cpu_ns += clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	struct bench_paced result = {.p50_ms = (double)ringcast_histogram_percentile(&paced->latency, 50000) / 1e6,
				     .p99_ms = (double)ringcast_histogram_percentile(&paced->latency, 99000) / 1e6,
				     .per_second = (double)paced->latency.count / pace->seconds,
				     .cpu_share = (double)cpu_ns / (double)(clock_ns(CLOCK_MONOTONIC) - begin_ns)};
	for (int i = 0; i < CLIENTS; i++)
		if (paced->clients[i].before != NULL)
			bench_free(paced->clients[i].before);
	pthread_mutex_destroy(&paced->lock);
	free(paced);
	return result;
}
