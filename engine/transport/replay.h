/*
 * What a player was sent and has not acknowledged: whole WebSocket frames, oldest first, sharing bufs with the queue that sends them. Frames are numbered
 * from 0 in the order in which they are sent; numbers wrap, and only differences are looked at.
 *
 * It is bounded, and keeping is best effort: who is kept out gives up the oldest, and a client that then asks for one of those is told how many it
 * has missed. So memory that runs short never ends a connection from here.
 */
#ifndef RINGCAST_TRANSPORT_REPLAY_H
#define RINGCAST_TRANSPORT_REPLAY_H

#include "transport/outq.h"

struct replay {
	struct outq frames;
	uint32_t first, next; /* numbers: of the oldest one kept, of the next one to come */
	uint32_t spare_bytes; /* of bufs that are its alone: what is not of a frame */
};

static inline uint32_t ringcast_replay_count(const struct replay *replay) { return replay->next - replay->first; }
static inline uint32_t ringcast_replay_bytes(const struct replay *replay) { return replay->frames.pending_bytes; }
/* The memory that it takes: its own bufs whole, of those that it shares the frames. */
static inline uint32_t ringcast_replay_held_bytes(const struct replay *replay) { return replay->frames.pending_bytes + replay->spare_bytes; }

/* Keeps a frame, which must begin and end where a frame does. Returns how many had to be given up, of older ones and of this one. */
uint32_t ringcast_replay_add(struct replay *replay, struct slice_pool *slices, struct buf *buf, uint32_t offset, uint32_t size, uint32_t bytes_max);
/* The client has read all before received. False: it cannot have read so many; nothing is changed. */
bool ringcast_replay_acknowledge(struct replay *replay, struct slice_pool *slices, uint32_t received);
/* How many of those from received on are not kept any more. */
uint32_t ringcast_replay_lost(const struct replay *replay, uint32_t received);
/* All that is kept, to another queue. False: no slices; some may have been added. */
bool ringcast_replay_send(const struct replay *replay, struct outq *outq, struct slice_pool *slices);
/* Gives up the oldest until it holds less memory; returns how many. */
uint32_t ringcast_replay_shrink(struct replay *replay, struct slice_pool *slices);
/* Gives everything up; returns how many. */
uint32_t ringcast_replay_clear(struct replay *replay, struct slice_pool *slices);
/* What is shared is copied, so that nobody's chunk is held. False: no buffer. */
bool ringcast_replay_detach(struct replay *replay, struct slice_pool *slices, struct buf_pool *pool);

#endif
