/* Frames on their way to a process: one growing buffer, appended to at the end, taken from at the front. The bound is the caller's. */
#ifndef RINGCAST_SCRIPTING_SIDECAR_QUEUE_H
#define RINGCAST_SCRIPTING_SIDECAR_QUEUE_H

#include "scripting/sidecar/frame.h"

struct sidecar_queue {
	uint8_t *bytes;
	size_t head, tail, capacity_bytes; /* head <= tail <= capacity */
};

bool ringcast_sidecar_queue_push(struct sidecar_queue *queue, const struct sidecar_frame *frame); /* false: out of memory */
struct view ringcast_sidecar_queue_view(const struct sidecar_queue *queue);
void ringcast_sidecar_queue_take(struct sidecar_queue *queue, size_t size);
void ringcast_sidecar_queue_clear(struct sidecar_queue *queue); /* and gives the memory back */
static inline size_t ringcast_sidecar_queue_bytes(const struct sidecar_queue *queue) { return queue->tail - queue->head; }

#endif
