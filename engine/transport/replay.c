#include "transport/replay.h"

#include "base/assert.h"

/* Of the frame that begins here; we made it, so its head is whole, short, and without a mask. */
static uint32_t frame_bytes(const uint8_t *head)
{
	uint32_t length = head[1] & 0x7f;
	ringcast_assert(length != 127 && (head[1] & 0x80) == 0);
	return length < 126 ? 2 + length : 4 + ((uint32_t)head[2] << 8 | head[3]);
}

/* Frames never lie across two slices: they come whole, and are copied whole. */
static void forget_oldest(struct replay *replay, struct slice_pool *slices)
{
	const struct out_slice *slice = replay->frames.pending_head;
	uint32_t size = frame_bytes(slice->buf->data + slice->offset);
	ringcast_assert(size <= slice->size);
	if (slice->is_private) /* the buf is held until its last frame goes */
		replay->spare_bytes += size < slice->size ? size : size - slice->buf->capacity;
	ringcast_outq_consume(&replay->frames, slices, size);
	replay->first++;
}

uint32_t ringcast_replay_clear(struct replay *replay, struct slice_pool *slices)
{
	uint32_t count = ringcast_replay_count(replay);
	ringcast_outq_clear(&replay->frames, slices);
	replay->spare_bytes = 0;
	replay->first = replay->next;
	return count;
}

uint32_t ringcast_replay_add(struct replay *replay, struct slice_pool *slices, struct buf *buf, uint32_t offset, uint32_t size, uint32_t bytes_max)
{
	uint32_t given_up = 0;
	ringcast_assert(frame_bytes(buf->data + offset) == size);
	replay->next++;
	if (size > bytes_max || !ringcast_outq_add(&replay->frames, slices, buf, offset, size))
		return ringcast_replay_clear(replay, slices);
	for (; replay->frames.pending_bytes > bytes_max; given_up++)
		forget_oldest(replay, slices);
	return given_up;
}

uint32_t ringcast_replay_shrink(struct replay *replay, struct slice_pool *slices)
{
	uint32_t held_bytes = ringcast_replay_held_bytes(replay), count = 0;
	for (; ringcast_replay_count(replay) > 0 && ringcast_replay_held_bytes(replay) >= held_bytes; count++)
		forget_oldest(replay, slices);
	return count;
}

bool ringcast_replay_acknowledge(struct replay *replay, struct slice_pool *slices, uint32_t received)
{
	uint32_t behind = replay->next - received;
	if (behind > INT32_MAX)
		return false;
	while (ringcast_replay_count(replay) > behind)
		forget_oldest(replay, slices);
	return true;
}

uint32_t ringcast_replay_lost(const struct replay *replay, uint32_t received)
{
	uint32_t behind = replay->next - received, kept = ringcast_replay_count(replay);
	return behind > kept ? behind - kept : 0;
}

static bool send_slice(const struct out_slice *slice, struct outq *outq, struct slice_pool *slices)
{
	for (uint32_t done = 0; done < slice->size;) {
		uint32_t size = frame_bytes(slice->buf->data + slice->offset + done);
		if (!ringcast_outq_add(outq, slices, slice->buf, slice->offset + done, size))
			return false;
		done += size;
	}
	return true;
}

bool ringcast_replay_send(const struct replay *replay, struct outq *outq, struct slice_pool *slices)
{
	for (const struct out_slice *slice = replay->frames.pending_head; slice != NULL; slice = slice->next)
		if (!send_slice(slice, outq, slices))
			return false;
	return true;
}

bool ringcast_replay_detach(struct replay *replay, struct slice_pool *slices, struct buf_pool *pool)
{
	bool is_detached = ringcast_outq_detach_fitting(&replay->frames, slices, pool);
	replay->spare_bytes = 0;
	for (const struct out_slice *slice = replay->frames.pending_head; slice != NULL; slice = slice->next)
		replay->spare_bytes += slice->is_private ? slice->buf->capacity - slice->size : 0;
	return is_detached;
}
