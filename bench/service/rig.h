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
/* On threads, with an engine: so many sessions are created and ended. script: a folder; NULL: none. */
struct bench_load bench_real_sessions(const char *script, int count, int client_count);

#endif
