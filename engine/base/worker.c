#include "base/worker.h"

#include <time.h>

static void fini(struct worker *worker)
{
	pthread_cond_destroy(&worker->changed);
	pthread_mutex_destroy(&worker->lock);
}

bool ringcast_worker_start(struct worker *worker, void *(*run)(void *context), void *context)
{
	pthread_condattr_t steady;
	worker->is_stopping = false;
	pthread_mutex_init(&worker->lock, NULL);
	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	pthread_cond_init(&worker->changed, &steady);
	pthread_condattr_destroy(&steady);
	if (pthread_create(&worker->thread, NULL, run, context) == 0)
		return true;
	fini(worker);
	return false;
}

void ringcast_worker_stop(struct worker *worker)
{
	pthread_mutex_lock(&worker->lock);
	worker->is_stopping = true;
	pthread_cond_signal(&worker->changed);
	pthread_mutex_unlock(&worker->lock);
	pthread_join(worker->thread, NULL);
	fini(worker);
}
