#include "transport/secure_stream.h"

#include "base/assert.h"

enum { HELD_BYTES = 2048 };

static bool grow_held(struct secure_stream *secure, struct buf_pool *pool, size_t size)
{
	struct buf *larger = ringcast_buf_alloc(pool, size > HELD_BYTES ? size : HELD_BYTES);
	if (larger == NULL)
		return false;
	if (secure->held != NULL) {
		memcpy(larger->data, secure->held->data, secure->held->size);
		larger->size = secure->held->size;
		ringcast_buf_unref(secure->held);
	}
	secure->held = larger;
	return true;
}

bool ringcast_secure_stream_hold(struct secure_stream *secure, struct buf_pool *pool, struct view bytes)
{
	size_t size = bytes.size + (secure->held != NULL ? secure->held->size : 0);
	if (size > SECURE_STREAM_HELD_BYTES_MAX)
		return false;
	if ((secure->held == NULL || secure->held->capacity < size) && !grow_held(secure, pool, size))
		return false;
	memcpy(secure->held->data + secure->held->size, bytes.data, bytes.size);
	secure->held->size = (uint32_t)size;
	return true;
}

struct buf *ringcast_secure_stream_take_held(struct secure_stream *secure)
{
	struct buf *held = secure->held;
	secure->held = NULL;
	return held;
}

struct view ringcast_secure_stream_gather(const struct outq *outq, uint8_t *scratch)
{
	const struct out_slice *slice = outq->pending_head;
	size_t size = 0;
	if (slice == NULL)
		return ringcast_view_of(NULL, 0);
	if (slice->next == NULL || slice->size >= CRYPTO_STREAM_RECORD_BYTES)
		return ringcast_view_of(slice->buf->data + slice->offset, slice->size < CRYPTO_STREAM_RECORD_BYTES ? slice->size : CRYPTO_STREAM_RECORD_BYTES);
	for (; slice != NULL && size < CRYPTO_STREAM_RECORD_BYTES; slice = slice->next) {
		size_t part = slice->size < CRYPTO_STREAM_RECORD_BYTES - size ? slice->size : CRYPTO_STREAM_RECORD_BYTES - size;
		memcpy(scratch + size, slice->buf->data + slice->offset, part);
		size += part;
	}
	return ringcast_view_of(scratch, size);
}
