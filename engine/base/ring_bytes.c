#include "base/ring_bytes.h"

#include "base/assert.h"
#include "base/pages.h"

/*
 * A record is its size in 8 bytes, then its bytes, then what is missing to a multiple of 8. One that does not fit before the end of the memory begins at its start, and
 * SKIP stands where it would have begun. head and tail count bytes modulo 2^32.
 */
#define SKIP UINT64_MAX
enum { UNIT = 8 };

bool ringcast_ring_bytes_init(struct ring_bytes *ring, uint32_t capacity)
{
	ringcast_assert(capacity <= RING_BYTES_MAX);
	uint32_t rounded = RING_BYTES_MIN;
	while (rounded < capacity)
		rounded *= 2;
	uint8_t *bytes = ringcast_pages_reserve(rounded);
	if (bytes == NULL)
		return false;
	*ring = (struct ring_bytes){.bytes = bytes, .capacity = rounded};
	return true;
}

void ringcast_ring_bytes_fini(struct ring_bytes *ring)
{
	ringcast_pages_release(ring->bytes, ring->capacity);
	*ring = (struct ring_bytes){0};
}

static uint32_t record_bytes(uint64_t size_bytes)
{
	return (uint32_t)(UNIT + ((size_bytes + UNIT - 1) & ~(uint64_t)(UNIT - 1)));
}

static uint8_t *at(const struct ring_bytes *ring, uint32_t position)
{
	return ring->bytes + (position & (ring->capacity - 1));
}

static uint32_t left_to_end(const struct ring_bytes *ring, uint32_t position)
{
	return ring->capacity - (position & (ring->capacity - 1));
}

static bool has_room(struct ring_bytes *ring, uint32_t bytes)
{
	if (ring->capacity - (ring->head - ring->tail_cached) >= bytes)
		return true;
	ring->tail_cached = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
	return ring->capacity - (ring->head - ring->tail_cached) >= bytes;
}

void *ringcast_ring_bytes_begin(struct ring_bytes *ring, uint32_t size_bytes)
{
	ringcast_assert(size_bytes <= ringcast_ring_bytes_record_max(ring));
	uint32_t needed = record_bytes(size_bytes), left = left_to_end(ring, ring->head), skipped = needed <= left ? 0 : left;
	if (!has_room(ring, skipped + needed))
		return NULL;
	if (skipped > 0)
		*(uint64_t *)(void *)at(ring, ring->head) = SKIP;
	ring->begun = ring->head + skipped;
	*(uint64_t *)(void *)at(ring, ring->begun) = size_bytes;
	return at(ring, ring->begun) + UNIT;
}

void ringcast_ring_bytes_end(struct ring_bytes *ring)
{
	uint64_t size_bytes = *(uint64_t *)(void *)at(ring, ring->begun);
	__atomic_store_n(&ring->head, ring->begun + record_bytes(size_bytes), __ATOMIC_RELEASE);
}

const void *ringcast_ring_bytes_peek(struct ring_bytes *ring, uint32_t *ret_size_bytes)
{
	uint32_t tail = ring->tail;
	if (tail == ring->head_cached) {
		ring->head_cached = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
		if (tail == ring->head_cached)
			return NULL;
	}
	uint64_t size_bytes = *(const uint64_t *)(const void *)at(ring, tail);
	if (size_bytes == SKIP) { /* a record is there behind it: both were published together */
		tail += left_to_end(ring, tail);
		__atomic_store_n(&ring->tail, tail, __ATOMIC_RELEASE);
		size_bytes = *(const uint64_t *)(const void *)at(ring, tail);
	}
	*ret_size_bytes = (uint32_t)size_bytes;
	return at(ring, tail) + UNIT;
}

void ringcast_ring_bytes_pop(struct ring_bytes *ring)
{
	uint64_t size_bytes = *(const uint64_t *)(const void *)at(ring, ring->tail);
	ringcast_assert(ring->tail != ring->head_cached && size_bytes != SKIP);
	__atomic_store_n(&ring->tail, ring->tail + record_bytes(size_bytes), __ATOMIC_RELEASE);
}

bool ringcast_ring_bytes_is_empty(const struct ring_bytes *ring)
{
	/* tail first, see ring_spsc. */
	uint32_t tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
	return __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE) == tail;
}
