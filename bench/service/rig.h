/* The service's loop without a daemon around it: one host that answers at once, or a real engine. Any mistake ends the program with a line. */
#ifndef RINGCAST_BENCH_SERVICE_RIG_H
#define RINGCAST_BENCH_SERVICE_RIG_H

#include "service/loop.h"

struct bench_rig {
	struct host host;
	struct store *store;
	struct loop *loop;
	uint64_t number; /* of names that the host gives */
};

struct bench_world;
struct bench_load {
	double wall_s, cpu_s;
};

double bench_thread_cpu_s(void);
const char *bench_number(int number); /* as text; good until the next call */

void bench_rig_open(struct bench_rig *rig, const char *store_path); /* NULL: in memory */
void bench_rig_close(struct bench_rig *rig);

/* Asks and turns the loop until it is answered, without a fault. Takes the input. */
struct request *bench_ask(struct bench_rig *rig, const char *operation, json_t *input);
void bench_free(struct request *request);
void bench_create(struct bench_rig *rig, int number, char ret_id[256]); /* a session with a name and two properties */
void bench_end(struct bench_rig *rig, const char *id);		       /* and its host says that it has ended */

/* On threads: count records are written by so many clients at once. */
struct bench_load bench_write(struct bench_rig *rig, int count, int client_count);
/* On threads: so many sessions are created and ended. */
struct bench_load bench_end_sessions(struct bench_world *world, int count, int client_count);

/* A service on a real engine, both on their threads. script: a folder; NULL: none. */
struct bench_world *bench_world_open(const char *script);
struct loop *bench_world_loop(struct bench_world *world);
void bench_world_close(struct bench_world **world);

/* At fixed times, so many operations a second, of clients who create and end sessions, fill sessions with players, or write records. */
enum bench_pace_kind { BENCH_SESSIONS, BENCH_PLAYERS, BENCH_RECORDS };
struct bench_pace {
	enum bench_pace_kind kind;
	const char *measured; /* operation whose answers count */
	double per_second, seconds;
};
struct bench_paced {
	double p50_ms, p99_ms, per_second, cpu_share; /* per_second: of what is measured; cpu_share: of one processor, all threads */
};
struct bench_paced bench_run_paced(struct loop *loop, const struct bench_pace *pace); /* the loop has been started */

#endif
