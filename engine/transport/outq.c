#include "transport/outq.h"

#include "base/assert.h"
#include "base/pages.h"

enum { PRIVATE_BUF_BYTES = 4096 };

bool ringcast_slice_pool_init(struct slice_pool *pool, uint32_t capacity)
{
	size_t bytes;
	*pool = (struct slice_pool){.capacity = capacity};
	if (ringcast_pages_size_of(sizeof(*pool->slices), capacity, &bytes))
		pool->slices = ringcast_pages_reserve(bytes);
	return pool->slices != NULL;
}

void ringcast_slice_pool_fini(struct slice_pool *pool)
{
	ringcast_pages_release(pool->slices, sizeof(*pool->slices) * pool->capacity);
	*pool = (struct slice_pool){0};
}

static struct out_slice *slice_take(struct slice_pool *pool)
{
	struct out_slice *slice = pool->free;
	if (slice != NULL)
		pool->free = slice->next;
	else if (pool->high_water < pool->capacity)
		slice = &pool->slices[pool->high_water++];
	else
		return NULL;
	pool->count++;
	return slice;
}

static void slice_give(struct slice_pool *pool, struct out_slice *slice)
{
	ringcast_assert(pool->count > 0 && slice->buf != NULL);
	slice->buf = NULL;
	slice->next = pool->free;
	pool->free = slice;
	pool->count--;
}

static void append_slice(struct outq *outq, struct out_slice *slice)
{
	slice->next = NULL;
	if (outq->pending_tail != NULL)
		outq->pending_tail->next = slice;
	else
		outq->pending_head = slice;
	outq->pending_tail = slice;
}

static bool does_continue(const struct out_slice *tail, const struct buf *buf, uint32_t offset)
{
	return tail != NULL && tail->buf == buf && tail->offset + tail->size == offset;
}

bool ringcast_outq_add(struct outq *outq, struct slice_pool *slices, struct buf *buf, uint32_t offset, uint32_t size)
{
	ringcast_assert(size > 0);
	if (does_continue(outq->pending_tail, buf, offset)) {
		outq->pending_tail->size += size;
	} else {
		struct out_slice *slice = slice_take(slices);
		if (slice == NULL)
			return false;
		*slice = (struct out_slice){.buf = ringcast_buf_ref(buf), .offset = offset, .size = size};
		append_slice(outq, slice);
	}
	outq->pending_bytes += size;
	outq->pending_frames++;
	return true;
}

unsigned ringcast_outq_take(struct outq *outq, struct iovec *iov, unsigned iov_count_max)
{
	struct out_slice *last = NULL;
	unsigned count = 0;
	ringcast_assert(outq->flight_head == NULL);
	outq->flight_head = outq->pending_head;
	for (struct out_slice *slice = outq->pending_head; slice != NULL && count < iov_count_max; slice = slice->next) {
		iov[count++] = (struct iovec){.iov_base = slice->buf->data + slice->offset, .iov_len = slice->size};
		outq->flight_bytes += slice->size;
		last = slice;
	}
	if (last == NULL)
		return 0;
	outq->pending_head = last->next;
	if (outq->pending_head == NULL) {
		outq->pending_tail = NULL;
		outq->flight_frames = outq->pending_frames;
		outq->pending_frames = 0;
	}
	last->next = NULL;
	outq->pending_bytes -= outq->flight_bytes;
	return count;
}

static void free_slices(struct out_slice *slice, struct slice_pool *slices)
{
	while (slice != NULL) {
		struct out_slice *next = slice->next;
		ringcast_buf_unref(slice->buf);
		slice_give(slices, slice);
		slice = next;
	}
}

void ringcast_outq_sent(struct outq *outq, struct slice_pool *slices)
{
	ringcast_assert(outq->flight_head != NULL);
	free_slices(outq->flight_head, slices);
	outq->flight_head = NULL;
	outq->flight_bytes = 0;
	outq->flight_frames = 0;
}

static void count_slices(const struct out_slice *slice, uint32_t capacity_min, uint32_t capacity_max, struct outq_holding *holding)
{
	for (; slice != NULL; slice = slice->next) {
		holding->slice_count++;
		if (slice->buf->capacity >= capacity_min && slice->buf->capacity <= capacity_max)
			holding->bytes += slice->buf->capacity / slice->buf->refs;
	}
}

void ringcast_outq_count_pending(const struct outq *outq, uint32_t capacity_min, uint32_t capacity_max, struct outq_holding *holding)
{
	count_slices(outq->pending_head, capacity_min, capacity_max, holding);
}

void ringcast_outq_count_flight(const struct outq *outq, uint32_t capacity_min, uint32_t capacity_max, struct outq_holding *holding)
{
	count_slices(outq->flight_head, capacity_min, capacity_max, holding);
}

uint32_t ringcast_outq_clear(struct outq *outq, struct slice_pool *slices)
{
	uint32_t frames = outq->pending_frames;
	free_slices(outq->pending_head, slices);
	outq->pending_head = outq->pending_tail = NULL;
	outq->pending_bytes = 0;
	outq->pending_frames = 0;
	return frames;
}

uint32_t ringcast_outq_consume(struct outq *outq, struct slice_pool *slices, uint32_t size)
{
	ringcast_assert(size <= outq->pending_bytes);
	outq->pending_bytes -= size;
	while (size > 0) {
		struct out_slice *slice = outq->pending_head;
		if (slice->size > size) {
			slice->offset += size;
			slice->size -= size;
			return 0;
		}
		size -= slice->size;
		outq->pending_head = slice->next;
		slice->next = NULL;
		free_slices(slice, slices);
	}
	if (outq->pending_head != NULL)
		return 0;
	uint32_t frames = outq->pending_frames;
	outq->pending_tail = NULL;
	outq->pending_frames = 0;
	return frames;
}

/* Of this slice and of those behind it that are to be copied too, as far as they go into one buf. */
static uint32_t shared_bytes(const struct out_slice *slice)
{
	uint32_t bytes = slice->size;
	for (slice = slice->next; slice != NULL && !slice->is_private && bytes + slice->size <= PRIVATE_BUF_BYTES; slice = slice->next)
		bytes += slice->size;
	return bytes;
}

/* Moves the slice's bytes to the end of the private slice before it, or into a fresh private buf. */
static bool make_private(struct out_slice *previous, struct out_slice *slice, struct buf_pool *pool, bool is_fitting, bool *ret_is_merged)
{
	*ret_is_merged = false;
	if (previous != NULL && previous->is_private && previous->buf->capacity - previous->buf->size >= slice->size) {
		memcpy(previous->buf->data + previous->buf->size, slice->buf->data + slice->offset, slice->size);
		previous->buf->size += slice->size;
		previous->size += slice->size;
		*ret_is_merged = true;
		return true;
	}
	uint32_t room_bytes = is_fitting || slice->size > PRIVATE_BUF_BYTES ? shared_bytes(slice) : PRIVATE_BUF_BYTES;
	struct buf *own = ringcast_buf_alloc(pool, room_bytes);
	if (own == NULL)
		return false;
	memcpy(own->data, slice->buf->data + slice->offset, slice->size);
	own->size = slice->size;
	ringcast_buf_unref(slice->buf);
	slice->buf = own;
	slice->offset = 0;
	slice->is_private = true;
	return true;
}

static bool detach(struct outq *outq, struct slice_pool *slices, struct buf_pool *pool, bool is_fitting)
{
	struct out_slice *previous = NULL;
	for (struct out_slice *slice = outq->pending_head; slice != NULL;) {
		struct out_slice *next = slice->next;
		bool is_merged = false;
		if (!slice->is_private && !make_private(previous, slice, pool, is_fitting, &is_merged))
			return false;
		if (is_merged) {
			previous->next = next;
			if (outq->pending_tail == slice)
				outq->pending_tail = previous;
			ringcast_buf_unref(slice->buf);
			slice_give(slices, slice);
		} else {
			previous = slice;
		}
		slice = next;
	}
	return true;
}

bool ringcast_outq_detach(struct outq *outq, struct slice_pool *slices, struct buf_pool *pool)
{
	return detach(outq, slices, pool, false);
}

bool ringcast_outq_detach_fitting(struct outq *outq, struct slice_pool *slices, struct buf_pool *pool)
{
	return detach(outq, slices, pool, true);
}
