/*
 * Bounded single-producer single-consumer ring of records of any size, lock-free: a record lies whole in the ring's own bytes, so that what one thread
 * copies in is read by the other where it lies. Counters as in ring_spsc. A full ring refuses (the caller decides what becomes of the record).
 */
#ifndef RINGCAST_BASE_RING_BYTES_H
#define RINGCAST_BASE_RING_BYTES_H

#include "base/attr.h"
#include "base/types.h"

enum { RING_BYTES_MIN = 256, RING_BYTES_MAX = 1 << 30, RING_RECORD_PART = 4 }; /* a record is at most the capacity's fourth part */

struct ring_bytes {
	uint8_t *bytes;
	uint32_t capacity; /* power of two */
	CACHE_ALIGNED uint32_t head; /* written by the producer */
	uint32_t tail_cached;
	uint32_t begun; /* where the record lies that is being written */
	CACHE_ALIGNED uint32_t tail; /* written by the consumer */
	uint32_t head_cached;
};

/* capacity is rounded up to 2^n. False: out of memory. */
bool ringcast_ring_bytes_init(struct ring_bytes *ring, uint32_t capacity);
void ringcast_ring_bytes_fini(struct ring_bytes *ring);
static inline uint32_t ringcast_ring_bytes_record_max(const struct ring_bytes *ring);
/* Producer thread only: room for so many bytes, aligned to 8, to be written before end; NULL: full. */
MUST_USE void *ringcast_ring_bytes_begin(struct ring_bytes *ring, uint32_t size_bytes);
void ringcast_ring_bytes_end(struct ring_bytes *ring); /* the record that was begun is the other thread's */
/* Consumer thread only: the oldest record, good until it is popped; NULL: empty. */
const void *ringcast_ring_bytes_peek(struct ring_bytes *ring, uint32_t *ret_size_bytes);
void ringcast_ring_bytes_pop(struct ring_bytes *ring); /* the one that was peeked at */
bool ringcast_ring_bytes_is_empty(const struct ring_bytes *ring); /* either thread; a hint for the other's side */

/* inline definitions */

static inline uint32_t ringcast_ring_bytes_record_max(const struct ring_bytes *ring)
{
	return ring->capacity / RING_RECORD_PART;
}

#endif
