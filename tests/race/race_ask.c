/*
 * Askers of all kinds against one receiver that sleeps whenever its mailbox lets it: patient ones, ones that give up at once, ones that go on for several
 * turns; and a close in the middle. What was reported as done was done once, what was given up never, and no doorbell is missed (the test would hang).
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ask/ask.h"
#include "base/assert.h"
#include "ringcast/ringcast.h"

enum { ASKERS = 4, ASKS_EACH = 3000, ROUNDS = 3 };

struct question {
	struct ask ask;
	int turns_left;
	int *done; /* the asker's counter outlives all questions */
};

static struct mailbox *mailbox;
static struct io io;
static sem_t wakes;
static bool is_over; /* atomic */
static int done_counts[ASKERS][ASKS_EACH], freed_count;
static int ok_count, timeout_count, state_count;

void ringcast_crypto_free(struct crypto_session **session) /* no hand-offs here */
{
	ringcast_assert(*session == NULL);
}

static void wake(struct io *of)
{
	ringcast_assert(of == &io);
	sem_post(&wakes);
}

static const struct io_ops ops = {.wake = wake};

static bool answer(struct shard *shard, struct ask *ask)
{
	struct question *question = CONTAINER_OF(ask, struct question, ask);
	(void)shard;
	if (--question->turns_left > 0)
		return false;
	++*question->done;
	ask->result = RINGCAST_OK;
	return true;
}

static void free_question(struct ask *ask)
{
	__atomic_add_fetch(&freed_count, 1, __ATOMIC_RELAXED);
	free(CONTAINER_OF(ask, struct question, ask));
}

static void *receive(void *argument)
{
	uint32_t ticks_max = *(uint32_t *)argument;
	for (uint32_t ticks = 0; ticks < ticks_max && !__atomic_load_n(&is_over, __ATOMIC_ACQUIRE); ticks++) {
		if (ringcast_mailbox_prepare_sleep(mailbox))
			sem_wait(&wakes);
		ringcast_mailbox_awake(mailbox);
		ringcast_mailbox_answer(mailbox, NULL);
	}
	ringcast_mailbox_close(mailbox);
	return NULL;
}

static void *ask_on(void *argument)
{
	unsigned self = (unsigned)(uintptr_t)argument;
	for (unsigned i = 0; i < ASKS_EACH; i++) {
		struct question *question = calloc(1, sizeof(*question));
		ringcast_ask_init(&question->ask, answer, free_question);
		question->turns_left = 1 + (int)(i % 3);
		question->done = &done_counts[self][i];
		ringcast_ask_post(&question->ask, mailbox);
		int result = ringcast_ask_await(&question->ask, i % 4 == 0 ? 0 : UINT64_MAX / 2);
		if (result == RINGCAST_OK)
			ringcast_assert(done_counts[self][i] == 1);
		__atomic_add_fetch(result == RINGCAST_OK ? &ok_count : result == RINGCAST_ERROR_TIMEOUT ? &timeout_count : &state_count, 1,
				   __ATOMIC_RELAXED);
		ringcast_ask_release(&question->ask);
	}
	return NULL;
}

static void run_round(uint32_t ticks_max)
{
	pthread_t receiver, askers[ASKERS];
	int done = 0;
	memset(done_counts, 0, sizeof(done_counts));
	ok_count = timeout_count = state_count = freed_count = 0;
	is_over = false;
	mailbox = ringcast_mailbox_create(1);
	sem_init(&wakes, 0, 0);
	io.ops = &ops;
	mailbox->io = &io;
	pthread_create(&receiver, NULL, receive, &ticks_max);
	for (uintptr_t i = 0; i < ASKERS; i++)
		pthread_create(&askers[i], NULL, ask_on, (void *)i);
	for (unsigned i = 0; i < ASKERS; i++)
		pthread_join(askers[i], NULL);
	__atomic_store_n(&is_over, true, __ATOMIC_RELEASE);
	sem_post(&wakes);
	pthread_join(receiver, NULL);
	ringcast_mailbox_destroy(&mailbox);
	for (unsigned i = 0; i < ASKERS * ASKS_EACH; i++)
		done += done_counts[i / ASKS_EACH][i % ASKS_EACH];
	printf("%d done, %d given up, %d refused by the closed mailbox\n", ok_count, timeout_count, state_count);
	ringcast_assert(done == ok_count);
	ringcast_assert(ok_count + timeout_count + state_count == ASKERS * ASKS_EACH);
	ringcast_assert(freed_count == ASKERS * ASKS_EACH);
	sem_destroy(&wakes);
}

int main(void)
{
	for (int i = 0; i < ROUNDS; i++)
		run_round(UINT32_MAX);
	run_round(500); /* closes while they ask */
	ringcast_assert(state_count > 0);
	return 0;
}
