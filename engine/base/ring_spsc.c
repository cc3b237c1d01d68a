#include "base/ring_spsc.h"

#include "base/assert.h"
#include "base/pages.h"

/*
 * head and tail count records pushed and popped, modulo 2^32; their difference is the fill. A release store publishes the record
 * (or the freed slot) that an acquire load on the other side then sees whole. The cached copy of the other side's counter is only
 * refreshed when it says full or empty, so that in steady flow neither side reads a line the other is writing.
 */
#define RECORD_BYTES_MAX 64
#define CAPACITY_MAX (UINT32_C(1) << 31)

bool ringcast_ring_spsc_init(struct ring_spsc *ring, size_t record_bytes, uint32_t capacity)
{
	ringcast_assert(record_bytes > 0 && record_bytes <= RECORD_BYTES_MAX);
	ringcast_assert(capacity > 0 && capacity <= CAPACITY_MAX);
	uint32_t rounded = 1;
	while (rounded < capacity)
		rounded *= 2;
	uint8_t *records = ringcast_pages_reserve(record_bytes * rounded);
	if (records == NULL)
		return false;
	*ring = (struct ring_spsc){.records = records, .record_bytes = record_bytes, .capacity = rounded};
	return true;
}

void ringcast_ring_spsc_fini(struct ring_spsc *ring)
{
	ringcast_pages_release(ring->records, ring->record_bytes * ring->capacity);
	*ring = (struct ring_spsc){0};
}

static uint8_t *record_at(const struct ring_spsc *ring, uint32_t position)
{
	return ring->records + (size_t)(position & (ring->capacity - 1)) * ring->record_bytes;
}

bool ringcast_ring_spsc_push(struct ring_spsc *ring, const void *record)
{
	uint32_t head = ring->head;
	if (head - ring->tail_cached == ring->capacity) {
		ring->tail_cached = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
		if (head - ring->tail_cached == ring->capacity)
			return false;
	}
	memcpy(record_at(ring, head), record, ring->record_bytes);
	__atomic_store_n(&ring->head, head + 1, __ATOMIC_RELEASE);
	return true;
}

bool ringcast_ring_spsc_pop(struct ring_spsc *ring, void *ret_record)
{
	uint32_t tail = ring->tail;
	if (tail == ring->head_cached) {
		ring->head_cached = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
		if (tail == ring->head_cached)
			return false;
	}
	memcpy(ret_record, record_at(ring, tail), ring->record_bytes);
	__atomic_store_n(&ring->tail, tail + 1, __ATOMIC_RELEASE);
	return true;
}

bool ringcast_ring_spsc_is_empty(const struct ring_spsc *ring)
{
	/* tail first: read the other way round, records pushed and popped in between could make a full ring look empty. */
	uint32_t tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
	return __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE) == tail;
}
