#include "scripting/sidecar/queue.h"

#include <stdlib.h>

#include "base/assert.h"

enum { CAPACITY_FIRST_BYTES = 16 << 10 };

static bool grow(struct sidecar_queue *queue, size_t needed_bytes)
{
	size_t capacity_bytes = queue->capacity_bytes > 0 ? queue->capacity_bytes : CAPACITY_FIRST_BYTES;
	while (capacity_bytes < needed_bytes)
		capacity_bytes *= 2;
	if (capacity_bytes == queue->capacity_bytes)
		return true;
	uint8_t *bytes = realloc(queue->bytes, capacity_bytes);
	if (bytes == NULL)
		return false;
	queue->bytes = bytes;
	queue->capacity_bytes = capacity_bytes;
	return true;
}

/* Moving what waits to the front costs a copy of it, so only when that makes at least as much room as it moves. */
static bool make_room(struct sidecar_queue *queue, size_t size)
{
	size_t waiting_bytes = ringcast_sidecar_queue_bytes(queue);
	if (queue->tail + size <= queue->capacity_bytes)
		return true;
	if (queue->head >= waiting_bytes && queue->head > 0) {
		memcpy(queue->bytes, queue->bytes + queue->head, waiting_bytes);
		queue->head = 0;
		queue->tail = waiting_bytes;
	}
	return grow(queue, queue->tail + size);
}

bool ringcast_sidecar_queue_push(struct sidecar_queue *queue, const struct sidecar_frame *frame)
{
	size_t size = ringcast_sidecar_frame_bytes(frame);
	ringcast_assert(size <= SIDECAR_FRAME_HEAD_BYTES + SIDECAR_FRAME_BODY_BYTES_MAX);
	if (!make_room(queue, size))
		return false;
	ringcast_sidecar_frame_write(frame, queue->bytes + queue->tail);
	queue->tail += size;
	return true;
}

struct view ringcast_sidecar_queue_view(const struct sidecar_queue *queue)
{
	return ringcast_view_of(queue->bytes != NULL ? queue->bytes + queue->head : NULL, ringcast_sidecar_queue_bytes(queue));
}

void ringcast_sidecar_queue_take(struct sidecar_queue *queue, size_t size)
{
	ringcast_assert(size <= ringcast_sidecar_queue_bytes(queue));
	queue->head += size;
	if (queue->head == queue->tail)
		queue->head = queue->tail = 0;
}

void ringcast_sidecar_queue_clear(struct sidecar_queue *queue)
{
	free(queue->bytes);
	*queue = (struct sidecar_queue){0};
}
