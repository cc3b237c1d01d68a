/*
 * A thread that waits for work, and what its owner shares with it: both hold the lock while they look at the work, and whoever changes it signals. The
 * thread ends when it sees is_stopping. Waits with a deadline go by CLOCK_MONOTONIC.
 */
#ifndef RINGCAST_BASE_WORKER_H
#define RINGCAST_BASE_WORKER_H

#include <pthread.h>
#include <stdbool.h>

struct worker {
	pthread_t thread;
	pthread_mutex_t lock; /* guards is_stopping and what the owner says */
	pthread_cond_t changed;
	bool is_stopping;
};

/* False: no thread, and there is nothing to stop. Else stop it once. context: what the owner's thread works on; lives until then. */
bool ringcast_worker_start(struct worker *worker, void *(*run)(void *context), void *context);
/* Tells it to stop, and waits until it has. The lock is gone afterwards; what work is left is the owner's alone. */
void ringcast_worker_stop(struct worker *worker);

#endif
