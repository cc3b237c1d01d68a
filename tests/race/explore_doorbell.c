/*
 * The mailbox's doorbell, every interleaving of it: the mailbox's and the ring's own source, with each atomic operation made a step of a scheduler that
 * tries all orders, and with stores that others see late, as processors have it. ThreadSanitizer does not model fences, and a lost wake-up is too rare for
 * threads to show: here it is a state in which the receiver sleeps, mail waits, and nobody will ring any more.
 *
 * Stores go to memory at once and into their thread's buffer with the value before; other threads' loads see that value until the store drains, which
 * the scheduler may let happen at any later step, oldest first. A fence, a lock and an unlock drain all. The search goes depth first by running the
 * scenario again and again, each time with the last choice changed that can be; a state that was reached before on another way is not gone on from.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "base/attr.h"
#include "io/io.h"

enum { THREADS_MAX = 4, BUFFERED_MAX = 8, STEPS_MAX = 400, STACK_BYTES = 65536, CHOICES_MAX = 2 * THREADS_MAX, STATES_MAX = 1 << 22 };

struct buffered {
	const void *address;
	uint64_t before;
	size_t size;
};

struct thread {
	ucontext_t context;
	char stack[STACK_BYTES];
	void (*run)(uint32_t self);
	struct buffered stores[BUFFERED_MAX];
	unsigned store_count;
	bool is_done;
	bool is_asleep;   /* goes on when woken */
	bool wants_lock;  /* goes on when nobody has it */
	uint64_t past;    /* a hash of all it did and saw: what its stack and registers hold follows from it */
};

/* Which fences there are; the receiver is thread 0. */
enum fences { FENCES_NONE, FENCES_RECEIVER, FENCES_SENDERS, FENCES_ALL };

static struct explorer {
	ucontext_t scheduler;
	struct thread threads[THREADS_MAX];
	uint32_t thread_count, current;
	bool is_locked, is_woken;
	enum fences fences;
	uint32_t woken_count;
	/* the search */
	uint8_t choices[STEPS_MAX], choice_counts[STEPS_MAX];
	unsigned depth, prefix;
	uint64_t execution_count, lost_count, state_count;
	uint64_t states[STATES_MAX]; /* hashes of those that were reached; 0: free */
} explorer;

static struct thread *current(void)
{
	return &explorer.threads[explorer.current];
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

/* All that is shared lies in the mailbox, which need not be at one place in all executions. */
static const void *shared;

static uint64_t offset_of(const void *address)
{
	return (uintptr_t)address - (uintptr_t)shared;
}

/* What a thread does between two steps happens at once. */
static void step(void)
{
	swapcontext(&current()->context, &explorer.scheduler);
}

static void drain_oldest(struct thread *thread)
{
	thread->store_count--;
	memmove(thread->stores, thread->stores + 1, thread->store_count * sizeof(thread->stores[0]));
}

static void explorer_fence(void)
{
	step();
	current()->past = mix(current()->past, 1);
	if (explorer.fences & (explorer.current == 0 ? FENCES_RECEIVER : FENCES_SENDERS))
		current()->store_count = 0;
}

static void buffer_store(void *address, const void *value, size_t size)
{
	struct thread *thread = current();
	while (thread->store_count == BUFFERED_MAX)
		drain_oldest(thread);
	struct buffered *store = &thread->stores[thread->store_count++];
	*store = (struct buffered){.address = address, .size = size};
	memcpy(&store->before, address, size);
	memcpy(address, value, size);
	thread->past = mix(thread->past, offset_of(address));
}

static void explorer_store(void *address, const void *value, size_t size)
{
	step();
	buffer_store(address, value, size);
}

/* One thread at a time stores to any of these addresses, or they are swapped, so at most one has stores to it that others do not see yet. */
static void explorer_load(const void *address, void *value, size_t size)
{
	step();
	memcpy(value, address, size);
	for (uint32_t i = 0; i < explorer.thread_count; i++)
		for (unsigned s = explorer.threads[i].store_count; i != explorer.current && s > 0; s--)
			if (explorer.threads[i].stores[s - 1].address == address)
				memcpy(value, &explorer.threads[i].stores[s - 1].before, size);
	uint64_t seen = 0;
	memcpy(&seen, value, size);
	current()->past = mix(mix(current()->past, offset_of(address)), seen);
}

/* Reads what was written last and writes in one step; others may see it late, as any store, but not before what it followed on. */
static void swap(void *address, const void *value, size_t size)
{
	for (uint32_t i = 0; i < explorer.thread_count; i++)
		for (unsigned s = explorer.threads[i].store_count; s > 0; s--)
			if (explorer.threads[i].stores[s - 1].address == address) {
				struct thread *thread = &explorer.threads[i];
				memmove(&thread->stores[s - 1], &thread->stores[s], (thread->store_count-- - s) * sizeof(thread->stores[0]));
			}
	buffer_store(address, value, size);
}

static void note_seen(const void *address, const void *value, size_t size)
{
	uint64_t seen = 0;
	memcpy(&seen, value, size);
	current()->past = mix(mix(current()->past, offset_of(address)), seen);
}

static void explorer_exchange(void *address, const void *value, void *ret_before, size_t size)
{
	step();
	memcpy(ret_before, address, size);
	note_seen(address, ret_before, size);
	swap(address, value, size);
}

static bool explorer_compare_exchange(void *address, void *expected, const void *value, size_t size)
{
	step();
	bool is_equal = memcmp(address, expected, size) == 0;
	memcpy(expected, address, size);
	note_seen(address, expected, size);
	if (is_equal)
		swap(address, value, size);
	return is_equal;
}

static int explorer_lock(void)
{
	current()->wants_lock = true;
	step();
	current()->wants_lock = false;
	explorer.is_locked = true;
	current()->past = mix(current()->past, 2);
	current()->store_count = 0;
	return 0;
}

static int explorer_unlock(void)
{
	step();
	current()->past = mix(current()->past, 3);
	current()->store_count = 0;
	explorer.is_locked = false;
	return 0;
}

#define VALUE_OF(pointer) __typeof__(((void)0, *(pointer)))
#define __atomic_load_n(pointer, order) ({ VALUE_OF(pointer) value_; explorer_load((pointer), &value_, sizeof(value_)); value_; })
#define __atomic_store_n(pointer, value, order) ({ VALUE_OF(pointer) value_ = (value); explorer_store((pointer), &value_, sizeof(value_)); })
#define __atomic_exchange_n(pointer, value, order) \
	({ VALUE_OF(pointer) value_ = (value), before_; explorer_exchange((pointer), &value_, &before_, sizeof(value_)); before_; })
#define __atomic_compare_exchange_n(pointer, expected, value, is_weak, success, failure) \
	({ VALUE_OF(pointer) value_ = (value); explorer_compare_exchange((pointer), (expected), &value_, sizeof(value_)); })
#define __atomic_thread_fence(order) explorer_fence()
#define pthread_mutex_lock(lock) explorer_lock()
#define pthread_mutex_unlock(lock) explorer_unlock()
#include "../../engine/base/ring_bytes.c"
#include "../../engine/base/ring_spsc.c"
#include "../../engine/shard/mailbox.c"
#undef __atomic_load_n
#undef __atomic_store_n
#undef __atomic_exchange_n
#undef __atomic_compare_exchange_n

void ringcast_crypto_free(struct crypto_session **crypto)
{
	*crypto = NULL;
}

/* the scenario: what threads do with one mailbox */

enum { MAIL_MAX = 8 };

static struct mailbox *mailbox;
static struct handoff letters[MAIL_MAX];
static struct shard_request questions[MAIL_MAX];
static uint32_t posted_count, taken_count, expected_count;

static void on_wake(struct io *io)
{
	(void)io;
	explorer.is_woken = true;
	explorer.woken_count++;
}

static const struct io_ops ops = {.wake = on_wake};
static struct io io = {&ops};

static void post_once(uint32_t self)
{
	ringcast_mailbox_post(mailbox, self - 1, &letters[self]);
	posted_count++;
}

static void post_letter(uint32_t self)
{
	uint64_t *letter = ringcast_mailbox_letter_begin(mailbox, self - 1, sizeof(*letter));
	ringcast_assert(letter != NULL);
	*letter = self;
	ringcast_mailbox_letter_end(mailbox, self - 1);
	posted_count++;
}

/* A batch, and one bell. */
static void post_letters(uint32_t self)
{
	post_letter(self);
	post_letter(self);
	ringcast_mailbox_ring(mailbox);
}

static void post_twice(uint32_t self)
{
	post_once(self);
	post_once(self);
}

static bool answer(struct shard *shard, struct shard_request *request)
{
	(void)shard, (void)request;
	return true;
}

static void answered(struct shard_request *request, bool is_answered)
{
	(void)request;
	taken_count += is_answered;
}

static void ask_once(uint32_t self)
{
	questions[self] = (struct shard_request){.run = answer, .done = answered};
	ringcast_mailbox_ask(mailbox, &questions[self]);
	posted_count++;
}

static void ask_twice(uint32_t self)
{
	ask_once(self);
	questions[self + 1] = (struct shard_request){.run = answer, .done = answered};
	ringcast_mailbox_ask(mailbox, &questions[self + 1]);
	posted_count++;
}

static void take_letters(uint32_t sender)
{
	uint32_t size;
	for (; ringcast_mailbox_letter_peek(mailbox, sender, &size) != NULL; taken_count++)
		ringcast_mailbox_letter_pop(mailbox, sender);
}

static void take_all(void)
{
	for (uint32_t i = 0; i < mailbox->sender_count; i++)
		take_letters(i);
	while (ringcast_mailbox_take(mailbox) != NULL)
		taken_count++;
	ringcast_mailbox_answer(mailbox, NULL);
}

/* As tick.c has it: prepare, run, awake, drain; until all has come. Asleep is asleep: no deadline helps. */
static void receive(uint32_t self)
{
	(void)self;
	while (taken_count < expected_count) {
		if (ringcast_mailbox_prepare_sleep(mailbox)) {
			current()->is_asleep = true;
			step();
			current()->is_asleep = false;
			explorer.is_woken = false;
		}
		ringcast_mailbox_awake(mailbox);
		take_all();
	}
}

/* states */

/* Memory follows from what every thread has done, and in which order, but for what was taken: that is counted. */
static uint64_t state_hash(void)
{
	uint64_t hash = mix(mix(explorer.is_locked, explorer.is_woken), (uint64_t)taken_count << 32 | posted_count);
	for (uint32_t i = 0; i < explorer.thread_count; i++) {
		const struct thread *thread = &explorer.threads[i];
		hash = mix(hash, thread->past);
		hash = mix(hash, (uint64_t)thread->is_done | (uint64_t)thread->is_asleep << 1 | (uint64_t)thread->wants_lock << 2);
		for (unsigned s = 0; s < thread->store_count; s++)
			hash = mix(mix(hash, offset_of(thread->stores[s].address)), thread->stores[s].before);
		hash = mix(hash, thread->store_count);
	}
	hash = mix(hash, (uint64_t)mailbox->is_sleeping << 1 | (mailbox->asked != NULL));
	for (uint32_t i = 0; i < mailbox->sender_count; i++)
		hash = mix(mix(hash, (uint64_t)mailbox->rings[i].head << 32 | mailbox->rings[i].tail),
			   (uint64_t)mailbox->letters[i].head << 32 | mailbox->letters[i].tail);
	return hash | 1;
}

/* False: it was reached before, and all that can follow has been or will be looked at there. */
static bool is_new_state(void)
{
	uint64_t hash = state_hash();
	uint64_t place = hash >> 20;
	while (explorer.states[place % STATES_MAX] != 0) {
		if (explorer.states[place % STATES_MAX] == hash)
			return false;
		place++;
	}
	explorer.states[place % STATES_MAX] = hash;
	if (++explorer.state_count > STATES_MAX / 2) {
		fprintf(stderr, "too many states\n");
		exit(1);
	}
	return true;
}

/* one execution */

static void start(uint32_t self)
{
	explorer.threads[self].run(self);
	explorer.threads[self].is_done = true;
	swapcontext(&explorer.threads[self].context, &explorer.scheduler);
}

static bool can_run(const struct thread *thread)
{
	return !thread->is_done && !(thread->is_asleep && !explorer.is_woken) && !(thread->wants_lock && explorer.is_locked);
}

/* Even numbers run a thread, odd ones drain a store of it. */
static unsigned list_choices(uint8_t choices[CHOICES_MAX])
{
	unsigned count = 0;
	for (uint32_t i = 0; i < explorer.thread_count; i++) {
		if (can_run(&explorer.threads[i]))
			choices[count++] = (uint8_t)(2 * i);
		if (explorer.threads[i].store_count > 0)
			choices[count++] = (uint8_t)(2 * i + 1);
	}
	return count;
}

static void take_choice(uint8_t choice)
{
	explorer.current = choice / 2;
	if (choice % 2 == 1) {
		drain_oldest(current());
		return;
	}
	current()->past = mix(current()->past, 4);
	swapcontext(&explorer.scheduler, &current()->context);
}

static void prepare(void (*const runs[])(uint32_t), uint32_t count)
{
	explorer.thread_count = count;
	explorer.is_locked = explorer.is_woken = false;
	posted_count = taken_count = 0;
	mailbox = ringcast_mailbox_create(count); /* as many shards as there are threads: the receiver has a place too, and writes nothing */
	shared = mailbox;
	mailbox->io = &io;
	for (uint32_t i = 0; i < count; i++) {
		struct thread *thread = &explorer.threads[i];
		thread->run = runs[i];
		thread->store_count = 0;
		thread->past = i;
		thread->is_done = thread->is_asleep = thread->wants_lock = false;
		getcontext(&thread->context);
		thread->context.uc_stack.ss_sp = thread->stack;
		thread->context.uc_stack.ss_size = sizeof(thread->stack);
		makecontext(&thread->context, (void (*)(void))start, 1, i);
	}
}

static void execute(void)
{
	uint8_t choices[CHOICES_MAX];
	unsigned count;
	for (explorer.depth = 0; (count = list_choices(choices)) > 0; explorer.depth++) {
		if (explorer.depth == STEPS_MAX) {
			fprintf(stderr, "an execution without end\n");
			exit(1);
		}
		if (explorer.depth >= explorer.prefix && !is_new_state())
			return;
		if (explorer.depth >= explorer.prefix)
			explorer.choices[explorer.depth] = 0;
		explorer.choice_counts[explorer.depth] = (uint8_t)count;
		take_choice(choices[explorer.choices[explorer.depth]]);
	}
	explorer.execution_count++;
	explorer.lost_count += taken_count < expected_count;
}

static void forget(void)
{
	for (uint32_t i = 0; i < mailbox->sender_count; i++) {
		ringcast_ring_spsc_fini(&mailbox->rings[i]);
		ringcast_ring_bytes_fini(&mailbox->letters[i]);
	}
	free(mailbox);
}

/* The next execution differs in the deepest choice that has another value left. */
static bool advance(void)
{
	while (explorer.depth > 0) {
		unsigned last = explorer.depth - 1;
		if (++explorer.choices[last] < explorer.choice_counts[last]) {
			explorer.prefix = explorer.depth;
			return true;
		}
		explorer.depth--;
	}
	return false;
}

struct scenario {
	const char *name;
	uint32_t mail_count, thread_count;
	void (*runs[THREADS_MAX])(uint32_t);
};

static void explore(const struct scenario *scenario, enum fences fences)
{
	static const char *const names[] = {"without fences", "without the senders' fence", "without the receiver's fence", "as it is"};
	explorer.fences = fences;
	explorer.execution_count = explorer.lost_count = explorer.woken_count = explorer.state_count = 0;
	memset(explorer.states, 0, sizeof(explorer.states));
	explorer.prefix = 0;
	expected_count = scenario->mail_count;
	do {
		prepare(scenario->runs, scenario->thread_count);
		execute();
		forget();
	} while (advance());
	printf("%s, %s: %llu states, %llu ends, %u wakes, %llu lost wake-ups\n", scenario->name, names[fences],
	       (unsigned long long)explorer.state_count, (unsigned long long)explorer.execution_count, explorer.woken_count,
	       (unsigned long long)explorer.lost_count);
}

int main(void)
{
	static const struct scenario scenarios[] = {
		{"a hand-off", 1, 2, {receive, post_once}},
		{"a question", 1, 2, {receive, ask_once}},
		{"two hand-offs of one shard", 2, 2, {receive, post_twice}},
		{"hand-offs of two shards", 2, 3, {receive, post_once, post_once}},
		{"a hand-off and a question", 2, 3, {receive, post_once, ask_once}},
		{"two letters of one shard", 2, 2, {receive, post_letters}},
		{"letters and a hand-off", 3, 3, {receive, post_letters, post_once}},
		{"two questions", 2, 3, {receive, ask_once, ask_once}},
		{"two questions of one", 2, 2, {receive, ask_twice}},
	};
	int failures = 0;
	for (size_t i = 0; i < ARRAY_COUNT(scenarios); i++) {
		explore(&scenarios[i], FENCES_ALL);
		failures += explorer.lost_count > 0;      /* the doorbell is wrong */
		failures += explorer.woken_count == 0;    /* nobody ever slept: nothing was tried */
	}
	for (enum fences fences = FENCES_NONE; fences < FENCES_ALL; fences++) {
		explore(&scenarios[0], fences);
		failures += explorer.lost_count == 0; /* the explorer is blind: without either fence a wake-up can be lost */
	}
	return failures > 0;
}
