/*
 * A stream's bounded queue to the kernel: slices of shared, reference-counted bufs. A frame for many receivers is encoded once into a buf and
 * each receiver's outq holds a slice of it; neighbouring slices merge, so a tick's traffic for one receiver is usually one slice.
 *
 * Two lists: pending (may still grow) and flight (given to io, untouched until SENT). A receiver that is slow would pin bufs it shares with
 * everybody, so its pending slices are copied into bufs of its own (detach) as soon as its stream is found busy at a flush.
 */
#ifndef RINGCAST_TRANSPORT_OUTQ_H
#define RINGCAST_TRANSPORT_OUTQ_H

#include <sys/uio.h>

#include "buf/buf.h"

struct out_slice {
	struct out_slice *next;
	struct buf *buf;
	uint32_t offset, size;
	bool is_private; /* buf belongs to this outq alone */
};

/* Where slices come from: a shard's. The one freed last goes first, so that a tick's few stay in the cache. */
struct slice_pool {
	struct out_slice *slices; /* reserved at init, touched as they are used */
	struct out_slice *free;
	uint32_t capacity, count; /* count: in use */
	uint32_t high_water;      /* ever used */
};

bool ringcast_slice_pool_init(struct slice_pool *pool, uint32_t capacity); /* false: out of memory */
void ringcast_slice_pool_fini(struct slice_pool *pool);

struct outq {
	struct out_slice *pending_head, *pending_tail, *flight_head;
	uint32_t pending_bytes, flight_bytes;
	uint32_t pending_frames, flight_frames; /* for conservation: frames not yet known to be sent */
};

/* Appends [offset, offset + size) of buf, taking a reference of its own if it does not merge. False: no slice left. */
bool ringcast_outq_add(struct outq *outq, struct slice_pool *slices, struct buf *buf, uint32_t offset, uint32_t size);
/* Moves up to iov_count_max pending slices to flight and describes them; 0 when nothing is pending. Asserts that nothing is in flight. */
unsigned ringcast_outq_take(struct outq *outq, struct iovec *iov, unsigned iov_count_max);
void ringcast_outq_sent(struct outq *outq, struct slice_pool *slices); /* the flight is over, sent or not */
/* Takes the first size pending bytes off, which were copied or sealed elsewhere. Returns the frames that are thereby gone: all of them with the last byte. */
uint32_t ringcast_outq_consume(struct outq *outq, struct slice_pool *slices, uint32_t size);
/* Copies shared pending slices into private bufs. False: the pool is empty, slices stay shared. */
bool ringcast_outq_detach(struct outq *outq, struct slice_pool *slices, struct buf_pool *pool);
/* The same for what will not grow: into bufs no larger than what is copied needs. */
bool ringcast_outq_detach_fitting(struct outq *outq, struct slice_pool *slices, struct buf_pool *pool);
/* Drops everything pending (not the flight); returns the frames dropped. */
uint32_t ringcast_outq_clear(struct outq *outq, struct slice_pool *slices);

struct outq_holding { /* of what all share */
	uint32_t slice_count;
	uint64_t bytes; /* of bufs; of one that others hold too, this outq's part */
};
/* Adds what waits, or what is in flight; of bufs only those with a capacity from capacity_min to capacity_max. Walks the list. */
void ringcast_outq_count_pending(const struct outq *outq, uint32_t capacity_min, uint32_t capacity_max, struct outq_holding *holding);
void ringcast_outq_count_flight(const struct outq *outq, uint32_t capacity_min, uint32_t capacity_max, struct outq_holding *holding);
static inline bool ringcast_outq_is_idle(const struct outq *outq) { return outq->pending_head == NULL && outq->flight_head == NULL; }
static inline uint32_t ringcast_outq_bytes(const struct outq *outq) { return outq->pending_bytes + outq->flight_bytes; }

#endif
