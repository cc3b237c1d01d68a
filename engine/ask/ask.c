#include "ask/ask.h"

#include <time.h>

#include "ringcast/ringcast.h"

enum { ANSWER_TIMEOUT_S = 5 };

static void run(struct shard *shard, struct shard_request *request)
{
	struct ask *ask = CONTAINER_OF(request, struct ask, request);
	ask->answer(shard, ask);
}

static void done(struct shard_request *request)
{
	struct ask *ask = CONTAINER_OF(request, struct ask, request);
	pthread_mutex_lock(&ask->lock);
	ask->is_answered = true;
	pthread_cond_signal(&ask->answered);
	pthread_mutex_unlock(&ask->lock);
	ringcast_ask_release(ask);
}

void ringcast_ask_init(struct ask *ask, void (*answer)(struct shard *shard, struct ask *ask), void (*free)(struct ask *ask))
{
	pthread_condattr_t attributes;
	*ask = (struct ask){.request = {.run = run, .done = done}, .answer = answer, .free = free, .refs = 1};
	pthread_mutex_init(&ask->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&ask->answered, &attributes);
	pthread_condattr_destroy(&attributes);
}

void ringcast_ask_release(struct ask *ask)
{
	if (__atomic_sub_fetch(&ask->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	pthread_cond_destroy(&ask->answered);
	pthread_mutex_destroy(&ask->lock);
	ask->free(ask);
}

static bool await_answer(struct ask *ask)
{
	struct timespec until;
	int error = 0;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ANSWER_TIMEOUT_S;
	pthread_mutex_lock(&ask->lock);
	while (!ask->is_answered && error == 0)
		error = pthread_cond_timedwait(&ask->answered, &ask->lock, &until);
	bool is_answered = ask->is_answered;
	pthread_mutex_unlock(&ask->lock);
	return is_answered;
}

int ringcast_ask_shard(struct mailbox *mailbox, struct ask *ask)
{
	ask->is_answered = false;
	__atomic_add_fetch(&ask->refs, 1, __ATOMIC_ACQ_REL);
	if (!ringcast_mailbox_ask(mailbox, &ask->request)) {
		ringcast_ask_release(ask);
		return RINGCAST_ERROR_STATE;
	}
	return await_answer(ask) ? ask->result : RINGCAST_ERROR_TIMEOUT;
}
