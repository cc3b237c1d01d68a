/*
 * The ring of bytes between two real threads, under ThreadSanitizer: every record arrives, whole, once and in order, read where it lies. A tiny ring
 * is always full or empty, where the counters meet, and wraps with every few records.
 */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/ring_bytes.h"

enum { RECORDS = 1500000 };

struct race {
	struct ring_bytes ring;
	uint32_t record_count, refused_count, empty_count;
};

static uint32_t size_of(const struct race *race, uint32_t number)
{
	return 8 + number * 2654435761u % (ringcast_ring_bytes_record_max(&race->ring) - 7);
}

static void *produce(void *context)
{
	struct race *race = context;
	for (uint32_t number = 0; number < race->record_count; number++) {
		uint32_t size = size_of(race, number);
		uint8_t *record;
		while ((record = ringcast_ring_bytes_begin(&race->ring, size)) == NULL) {
			race->refused_count++;
			sched_yield();
		}
		memcpy(record, &number, sizeof(number));
		record[size - 1] = (uint8_t)number;
		ringcast_ring_bytes_end(&race->ring);
	}
	return NULL;
}

static void consume(struct race *race)
{
	for (uint32_t number = 0; number < race->record_count;) {
		uint32_t size, found;
		const uint8_t *record = ringcast_ring_bytes_peek(&race->ring, &size);
		if (record == NULL) {
			race->empty_count++;
			sched_yield();
			continue;
		}
		memcpy(&found, record, sizeof(found));
		if (found != number || size != size_of(race, number) || record[size - 1] != (uint8_t)number) {
			fprintf(stderr, "record %" PRIu32 ": found %" PRIu32 " of %" PRIu32 " bytes\n", number, found, size);
			exit(1);
		}
		ringcast_ring_bytes_pop(&race->ring);
		number++;
	}
}

static void run(uint32_t capacity, uint32_t record_count)
{
	static struct race race;
	pthread_t producer;
	race = (struct race){.record_count = record_count};
	bool is_ready = ringcast_ring_bytes_init(&race.ring, capacity);
	ringcast_assert(is_ready);
	int result = pthread_create(&producer, NULL, produce, &race);
	ringcast_assert(result == 0);
	consume(&race);
	result = pthread_join(producer, NULL);
	ringcast_assert(result == 0);
	ringcast_assert(ringcast_ring_bytes_is_empty(&race.ring));
	printf("%" PRIu32 " bytes: %" PRIu32 " records in order, ring full %" PRIu32 " times, empty %" PRIu32 " times\n", capacity, record_count,
	       race.refused_count, race.empty_count);
	ringcast_ring_bytes_fini(&race.ring);
}

int main(void)
{
	run(256, RECORDS / 10);
	run(4096, RECORDS / 5);
	run(262144, RECORDS);
	return 0;
}
