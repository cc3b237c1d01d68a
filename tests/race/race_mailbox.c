/*
 * The mailbox between real threads, under ThreadSanitizer: shards that post, control threads that ask, and one receiver that sleeps as a shard does,
 * with nothing but the doorbell to wake it. Everything comes once and in order, and what a message points at is seen whole. (Orders that threads do not
 * happen to try are explore_doorbell.c's.)
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "shard/mailbox.h"

enum { SENDERS = 3, ASKERS = 2, HANDOFFS = 60000, LETTERS = HANDOFFS, QUESTIONS = 20000, PATIENCE_MS = 60000 }; /* patience: to end a test that has failed */

static struct mailbox *mailbox;
static int bell;
static uint32_t handoffs_taken[SENDERS], letters_taken[SENDERS], questions_taken[ASKERS], sleeps;

struct question {
	struct shard_request request;
	uint32_t asker, number;
};

void ringcast_crypto_free(struct crypto_session **crypto)
{
	*crypto = NULL;
}

static void wake(struct io *io)
{
	uint64_t one = 1;
	ssize_t written = write(bell, &one, sizeof(one));
	(void)io;
	ringcast_assert(written == sizeof(one));
}

static const struct io_ops ops = {.wake = wake};
static struct io io = {&ops};

static void post_handoff(uint32_t sender, uint32_t number)
{
	struct handoff *handoff = malloc(sizeof(*handoff) + sizeof(number));
	ringcast_assert(handoff != NULL);
	*handoff = (struct handoff){.fd = (int)sender, .login_bytes = sizeof(number)};
	memcpy(handoff->bytes, &number, sizeof(number));
	while (!ringcast_mailbox_post(mailbox, sender, handoff))
		sched_yield();
}

/* A batch of them, and one bell. */
static void post_letter(uint32_t sender, uint32_t number)
{
	uint32_t size = 8 + number % 200;
	uint8_t *letter;
	while ((letter = ringcast_mailbox_letter_begin(mailbox, sender, size)) == NULL) {
		ringcast_mailbox_ring(mailbox);
		sched_yield();
	}
	memset(letter, (int)sender, size);
	memcpy(letter, &number, sizeof(number));
	ringcast_mailbox_letter_end(mailbox, sender);
	if (number % 7 == 0 || number == LETTERS - 1)
		ringcast_mailbox_ring(mailbox);
}

static void *post(void *context)
{
	uint32_t sender = (uint32_t)(uintptr_t)context;
	for (uint32_t i = 0; i < HANDOFFS; i++) {
		post_letter(sender, i);
		post_handoff(sender, i);
		if (i % 64 == 0)
			sched_yield(); /* so that the receiver falls asleep now and then */
	}
	return NULL;
}

static bool answer(struct shard *shard, struct shard_request *request)
{
	struct question *question = CONTAINER_OF(request, struct question, request);
	(void)shard;
	ringcast_assert(question->number == questions_taken[question->asker]++);
	return true;
}

static void answered(struct shard_request *request, bool is_answered)
{
	ringcast_assert(is_answered);
	free(CONTAINER_OF(request, struct question, request));
}

static void *ask(void *context)
{
	for (uint32_t i = 0; i < QUESTIONS; i++) {
		struct question *question = malloc(sizeof(*question));
		ringcast_assert(question != NULL);
		*question = (struct question){.request = {.run = answer, .done = answered}, .asker = (uint32_t)(uintptr_t)context, .number = i};
		int error;
		while ((error = ringcast_mailbox_ask(mailbox, &question->request)) == -ENOBUFS)
			sched_yield();
		ringcast_assert(error == 0);
		sched_yield();
	}
	return NULL;
}

static void take_handoffs(void)
{
	for (struct handoff *handoff; (handoff = ringcast_mailbox_take(mailbox)) != NULL;) {
		uint32_t number;
		memcpy(&number, handoff->bytes, sizeof(number));
		ringcast_assert(number == handoffs_taken[handoff->fd]++);
		ringcast_handoff_free(handoff);
	}
}

static void take_letters(uint32_t sender)
{
	const uint8_t *letter;
	uint32_t number, size;
	while ((letter = ringcast_mailbox_letter_peek(mailbox, sender, &size)) != NULL) {
		memcpy(&number, letter, sizeof(number));
		ringcast_assert(number == letters_taken[sender]++ && size == 8 + number % 200);
		ringcast_assert(letter[sizeof(number)] == sender && letter[size - 1] == sender);
		ringcast_mailbox_letter_pop(mailbox, sender);
	}
}

static bool has_all(void)
{
	for (uint32_t i = 0; i < SENDERS; i++)
		if (handoffs_taken[i] < HANDOFFS || letters_taken[i] < LETTERS)
			return false;
	for (uint32_t i = 0; i < ASKERS; i++)
		if (questions_taken[i] < QUESTIONS)
			return false;
	return true;
}

static void receive(void)
{
	struct pollfd fd = {.fd = bell, .events = POLLIN};
	uint64_t count;
	while (!has_all()) {
		if (ringcast_mailbox_prepare_sleep(mailbox)) {
			sleeps++;
			int ready = poll(&fd, 1, PATIENCE_MS);
			ringcast_assert(ready == 1); /* else a wake-up was lost */
		}
		ringcast_mailbox_awake(mailbox);
		if (read(bell, &count, sizeof(count)) < 0)
			sched_yield();
		take_handoffs();
		for (uint32_t i = 0; i < SENDERS; i++)
			take_letters(i);
		ringcast_mailbox_answer(mailbox, NULL);
	}
}

int main(void)
{
	pthread_t threads[SENDERS + ASKERS];
	bell = eventfd(0, EFD_NONBLOCK);
	mailbox = ringcast_mailbox_create(SENDERS);
	ringcast_assert(bell >= 0 && mailbox != NULL);
	mailbox->io = &io;
	for (uintptr_t i = 0; i < SENDERS; i++)
		ringcast_assert(pthread_create(&threads[i], NULL, post, (void *)i) == 0);
	for (uintptr_t i = 0; i < ASKERS; i++)
		ringcast_assert(pthread_create(&threads[SENDERS + i], NULL, ask, (void *)i) == 0);
	receive();
	for (unsigned i = 0; i < ARRAY_COUNT(threads); i++)
		pthread_join(threads[i], NULL);
	ringcast_mailbox_close(mailbox);
	ringcast_mailbox_destroy(&mailbox);
	printf("slept %u times\n", sleeps);
	return sleeps > 0 ? 0 : 1; /* without a sleep no bell was needed */
}
