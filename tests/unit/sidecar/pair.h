/* A side_world whose processes are real: Node with the sidecar's own program, on socket pairs, in real time. */
#ifndef TESTS_UNIT_SIDECAR_PAIR_H
#define TESTS_UNIT_SIDECAR_PAIR_H

#include "scripting/sidecar/process.h"
#include "side_world.h"

struct pair {
	struct side_world world;
	struct sidecar_process processes[SIDE_CHANNEL_COUNT];
	bool is_cut[SIDE_CHANNEL_COUNT]; /* garbage came, or the end */
};

/* main: a script of scripting/js/test/scripts. No process runs yet. */
void pair_start(struct pair *pair, const char *main, uint32_t stall_timeout_ms);
void pair_stop(struct pair *pair);
void pair_launch(struct pair *pair, uint32_t channel); /* and waits until it is ready */
void pair_turn(struct pair *pair);                     /* one round: read, feed, write, timers */
/* Turns until the log holds text; fails, with the log, after a patience that no healthy run needs. */
void pair_await(struct pair *pair, const char *text, const char *file, int line);
#define await_log(pair, text) pair_await(pair, text, __FILE__, __LINE__)
/* Waits for the process's end and detaches its channel; how it ended. */
const char *pair_reap(struct pair *pair, uint32_t channel);

#endif
