/*
 * The SPSC ring between two real threads, under ThreadSanitizer: every record arrives, whole, once and in order. Rings of several
 * sizes, since a tiny one is always full or empty (where the counters meet) and a large one hardly ever.
 */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/ring_spsc.h"

#define RECORD_COUNT_DEFAULT UINT64_C(10000000)
#define RECORD_WORDS 3 /* more than one word, so that a torn record would show */

struct race {
	struct ring_spsc ring;
	uint64_t record_count;
	uint64_t refused_count; /* producer's: pushes into a full ring */
	uint64_t empty_count;   /* consumer's: pops from an empty ring */
};

static void record_fill(uint64_t *record, uint64_t sequence)
{
	for (unsigned i = 0; i < RECORD_WORDS; i++)
		record[i] = sequence * (2 * i + 1);
}

static void *producer_run(void *context)
{
	struct race *race = context;
	uint64_t record[RECORD_WORDS];
	for (uint64_t sequence = 0; sequence < race->record_count; sequence++) {
		record_fill(record, sequence);
		while (!ringcast_ring_spsc_push(&race->ring, record)) {
			race->refused_count++;
			sched_yield();
		}
	}
	return NULL;
}

static void consumer_run(struct race *race)
{
	for (uint64_t sequence = 0; sequence < race->record_count;) {
		uint64_t record[RECORD_WORDS], expected[RECORD_WORDS];
		if (!ringcast_ring_spsc_pop(&race->ring, record)) {
			race->empty_count++;
			sched_yield();
			continue;
		}
		record_fill(expected, sequence);
		if (memcmp(record, expected, sizeof(record)) != 0) {
			fprintf(stderr, "record %" PRIu64 ": found %" PRIu64 "\n", sequence, record[0]);
			exit(1);
		}
		sequence++;
	}
}

static void race_run(uint32_t capacity, uint64_t record_count)
{
	static struct race race;
	pthread_t producer;
	race = (struct race){.record_count = record_count};
	bool is_ready = ringcast_ring_spsc_init(&race.ring, sizeof(uint64_t) * RECORD_WORDS, capacity);
	ringcast_assert(is_ready);
	int result = pthread_create(&producer, NULL, producer_run, &race);
	ringcast_assert(result == 0);
	consumer_run(&race);
	result = pthread_join(producer, NULL);
	ringcast_assert(result == 0);
	ringcast_assert(ringcast_ring_spsc_is_empty(&race.ring));
	printf("capacity %" PRIu32 ": %" PRIu64 " records in order, ring full %" PRIu64 " times, empty %" PRIu64 " times\n", capacity,
	       record_count, race.refused_count, race.empty_count);
	ringcast_ring_spsc_fini(&race.ring);
}

/* One argument: how many records in all. */
int main(int argument_count, char **arguments)
{
	uint64_t record_count = argument_count > 1 ? strtoull(arguments[1], NULL, 10) : RECORD_COUNT_DEFAULT;
	static const uint32_t capacities[] = {1, 2, 16, 1024};
	static const uint64_t shares[] = {1, 4, 15, 80}; /* percent: tiny rings go slowly */
	for (size_t i = 0; i < ARRAY_COUNT(capacities); i++)
		race_run(capacities[i], record_count * shares[i] / 100);
	return 0;
}
