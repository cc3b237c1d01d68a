#include "ask/ask.h"

#include <errno.h>
#include <time.h>

#include "base/assert.h"
#include "base/pause.h"
#include "ringcast/ringcast.h"

enum { TURN_MS = 100, BEGUN_MS = 10 };

static _Thread_local bool is_waiting_forbidden;

void ringcast_ask_forbid_waiting(void)
{
	is_waiting_forbidden = true;
}

static bool move(struct ask *ask, enum ask_state from, enum ask_state to)
{
	uint32_t expected = from;
	return __atomic_compare_exchange_n(&ask->state, &expected, to, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* The shard's side */

static bool run(struct shard *shard, struct shard_request *request)
{
	struct ask *ask = CONTAINER_OF(request, struct ask, request);
	if (!move(ask, ASK_WAITING, ASK_RUNNING))
		return true; /* given up */
	if (ask->answer(shard, ask))
		return true;
	bool is_moved = move(ask, ASK_RUNNING, ASK_WAITING);
	ringcast_assert(is_moved);
	return false;
}

static void finish(struct ask *ask, enum ask_state from)
{
	if (!move(ask, from, ASK_DONE))
		return; /* given up: the asker has gone */
	if (ask->completed != NULL)
		ask->completed(ask);
	sem_post(&ask->ended);
}

static void done(struct shard_request *request, bool is_answered)
{
	struct ask *ask = CONTAINER_OF(request, struct ask, request);
	if (is_answered)
		finish(ask, ASK_RUNNING);
	else if (move(ask, ASK_WAITING, ASK_RUNNING)) { /* the result is ours to write from here on */
		ask->result = RINGCAST_ERROR_STATE;
		finish(ask, ASK_RUNNING);
	}
	ringcast_ask_release(ask);
}

/* The asker's side */

void ringcast_ask_init(struct ask *ask, bool (*answer)(struct shard *shard, struct ask *ask), void (*free)(struct ask *ask))
{
	*ask = (struct ask){.request = {.run = run, .done = done}, .answer = answer, .free = free, .state = ASK_WAITING, .refs = 1};
	sem_init(&ask->ended, 0, 0);
}

void ringcast_ask_release(struct ask *ask)
{
	if (ask == NULL || __atomic_sub_fetch(&ask->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	sem_destroy(&ask->ended);
	ask->free(ask);
}

void ringcast_ask_post(struct ask *ask, struct mailbox *mailbox)
{
	__atomic_add_fetch(&ask->refs, 1, __ATOMIC_RELAXED);
	int error = ringcast_mailbox_ask(mailbox, &ask->request);
	if (error == 0)
		return;
	ask->result = error == -EPIPE ? RINGCAST_ERROR_STATE : RINGCAST_ERROR_FULL;
	finish(ask, ASK_WAITING);
	ringcast_ask_release(ask);
}

bool ringcast_ask_give_up(struct ask *ask)
{
	return move(ask, ASK_WAITING, ASK_GIVEN_UP);
}

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* False: not in this turn. */
static bool wait_turn(struct ask *ask, uint64_t turn_ns)
{
	uint64_t end_ns = now_ns() + turn_ns;
	struct timespec until = {.tv_sec = (time_t)(end_ns / NS_PER_S), .tv_nsec = (long)(end_ns % NS_PER_S)};
	while (sem_clockwait(&ask->ended, CLOCK_MONOTONIC, &until) != 0) {
		if (errno == ETIMEDOUT)
			return false;
		ringcast_assert(errno == EINTR);
	}
	return true;
}

/* As the shard does: while the process stood still nobody could answer, and that time is not taken off the asker's patience. False: none is left. */
static bool wait_patiently(struct ask *ask, uint64_t *patience_ns)
{
	uint64_t turn_ns_max = TURN_MS * NS_PER_MS, before_ns = now_ns();
	while (!wait_turn(ask, *patience_ns < turn_ns_max ? *patience_ns : turn_ns_max)) {
		uint64_t after_ns = now_ns();
		if (!ringcast_pause_spend(patience_ns, after_ns - before_ns, turn_ns_max))
			return false;
		before_ns = after_ns;
	}
	return true;
}

static int await(struct ask *ask, uint64_t *patience_ns)
{
	ringcast_assert(!is_waiting_forbidden);
	bool is_ended = wait_patiently(ask, patience_ns);
	if (!is_ended && ask->is_lasting)
		return RINGCAST_ERROR_TIMEOUT;
	while (!is_ended) {
		if (ringcast_ask_give_up(ask))
			return RINGCAST_ERROR_TIMEOUT;
		is_ended = wait_turn(ask, BEGUN_MS * NS_PER_MS); /* the shard is at it */
	}
	ringcast_assert(__atomic_load_n(&ask->state, __ATOMIC_ACQUIRE) == ASK_DONE); /* and the answer is there to be read */
	return ask->result;
}

int ringcast_ask_await(struct ask *ask, uint64_t patience_ns)
{
	return await(ask, &patience_ns);
}

int ringcast_ask_all(struct ask *const *asks, struct mailbox *const *mailboxes, uint32_t count)
{
	uint64_t patience_ns = ASK_TIMEOUT_MS * NS_PER_MS;
	int first_error = RINGCAST_OK;
	if (is_waiting_forbidden)
		return RINGCAST_ERROR_STATE;
	for (uint32_t i = 0; i < count; i++)
		ringcast_ask_post(asks[i], mailboxes[i]);
	for (uint32_t i = 0; i < count; i++) {
		int result = await(asks[i], &patience_ns);
		if (first_error == RINGCAST_OK)
			first_error = result;
	}
	return first_error;
}

int ringcast_ask_shard(struct ask *ask, struct mailbox *mailbox)
{
	return ringcast_ask_all(&ask, &mailbox, 1);
}
