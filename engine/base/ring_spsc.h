/*
 * Bounded single-producer single-consumer ring of 64-byte-or-smaller records, lock-free. Producer and consumer counters live on
 * separate cache lines, each side caches the other's. push/pop are wait-free; a full ring refuses (the caller counts it).
 */
#ifndef RINGCAST_BASE_RING_SPSC_H
#define RINGCAST_BASE_RING_SPSC_H

#include "base/attr.h"
#include "base/types.h"

struct ring_spsc {
	uint8_t *records;
	size_t record_bytes;
	uint32_t capacity; /* power of two */
	CACHE_ALIGNED uint32_t head; /* written by the producer */
	uint32_t tail_cached;
	CACHE_ALIGNED uint32_t tail; /* written by the consumer */
	uint32_t head_cached;
};

/* capacity is rounded up to 2^n. False: out of memory. */
bool ringcast_ring_spsc_init(struct ring_spsc *ring, size_t record_bytes, uint32_t capacity);
void ringcast_ring_spsc_fini(struct ring_spsc *ring);
bool ringcast_ring_spsc_push(struct ring_spsc *ring, const void *record); /* producer thread only; false: full */
bool ringcast_ring_spsc_pop(struct ring_spsc *ring, void *ret_record);   /* consumer thread only; false: empty */
bool ringcast_ring_spsc_is_empty(const struct ring_spsc *ring);          /* either thread; a hint for the other's side */

#endif
