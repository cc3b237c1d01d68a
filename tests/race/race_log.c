/*
 * The log under ThreadSanitizer: threads log, plainly and limited, while another changes the sink. Every event that a sink was
 * owed arrives once, in its thread's order, and none arrives at a sink after it was replaced.
 */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/log.h"

#define THREAD_COUNT 3
#define EVENT_COUNT_DEFAULT UINT64_C(200000)
#define SWAP_COUNT 500

/* Plain fields, on purpose: the log calls one sink at a time, and ThreadSanitizer would tell if it did not. */
struct collector {
	uint64_t counts[THREAD_COUNT];
	uint64_t next[THREAD_COUNT]; /* least sequence that may come next */
	uint64_t limited_count;      /* limited events seen */
	uint64_t suppressed_count;   /* and those they reported as kept back */
};

static struct collector collectors[2];
static uint64_t event_count;
static struct log_limit shared_limit;

static void fail(const char *what)
{
	fprintf(stderr, "race_log: %s\n", what);
	exit(1);
}

static void collect(void *context, enum log_level level, const char *component, const char *message, const char *fields)
{
	struct collector *collector = context;
	unsigned thread;
	uint64_t sequence, suppressed;
	(void)component;
	(void)message;
	if (level == LOG_WARN) {
		collector->limited_count++;
		if (sscanf(fields, "suppressed=%" SCNu64, &suppressed) == 1)
			collector->suppressed_count += suppressed;
		return;
	}
	if (sscanf(fields, "thread=%u sequence=%" SCNu64, &thread, &sequence) != 2 || thread >= THREAD_COUNT)
		fail("fields mangled");
	if (sequence < collector->next[thread])
		fail("event out of order or twice");
	collector->next[thread] = sequence + 1;
	collector->counts[thread]++;
}

static void *logger_run(void *context)
{
	unsigned thread = *(unsigned *)context;
	for (uint64_t sequence = 0; sequence < event_count; sequence++) {
		ringcast_log(LOG_INFO, "race", "plain", "thread=%u sequence=%" PRIu64, thread, sequence);
		ringcast_log_limit_event(&shared_limit, sequence * NS_PER_MS, LOG_WARN, "race", "limited", "%s", "");
	}
	return NULL;
}

/* Both sinks collect, so nothing may be lost while they change places. */
static void sinks_swap(void)
{
	for (unsigned i = 0; i < SWAP_COUNT; i++) {
		struct collector *retired = &collectors[i % 2];
		ringcast_log_set_sink(collect, &collectors[(i + 1) % 2], LOG_DEBUG);
		/* Unlocked: legal only because the sink before is not running any more and will not run again. */
		uint64_t before = retired->counts[0];
		sched_yield();
		if (retired->counts[0] != before)
			fail("an event arrived at a replaced sink");
	}
}

static void threads_run(void)
{
	pthread_t threads[THREAD_COUNT];
	unsigned indexes[THREAD_COUNT];
	ringcast_log_set_sink(collect, &collectors[0], LOG_DEBUG);
	for (unsigned i = 0; i < THREAD_COUNT; i++) {
		indexes[i] = i;
		int result = pthread_create(&threads[i], NULL, logger_run, &indexes[i]);
		ringcast_assert(result == 0);
	}
	sinks_swap();
	for (unsigned i = 0; i < THREAD_COUNT; i++) {
		int result = pthread_join(threads[i], NULL);
		ringcast_assert(result == 0);
	}
	ringcast_log_set_sink(NULL, NULL, LOG_DEBUG);
}

int main(int argument_count, char **arguments)
{
	event_count = argument_count > 1 ? strtoull(arguments[1], NULL, 10) : EVENT_COUNT_DEFAULT;
	threads_run();
	for (unsigned i = 0; i < THREAD_COUNT; i++)
		if (collectors[0].counts[i] + collectors[1].counts[i] != event_count)
			fail("events lost");
	uint64_t limited_count = collectors[0].limited_count + collectors[1].limited_count;
	uint64_t suppressed_count = collectors[0].suppressed_count + collectors[1].suppressed_count;
	uint64_t pending_count = __atomic_load_n(&shared_limit.suppressed_count, __ATOMIC_RELAXED);
	if (limited_count == 0 || limited_count + suppressed_count + pending_count != THREAD_COUNT * event_count)
		fail("limited events are neither seen nor counted as suppressed");
	printf("%" PRIu64 " events of each of %d threads; limited: %" PRIu64 " seen, the rest counted\n", event_count, THREAD_COUNT,
	       limited_count);
	return 0;
}
