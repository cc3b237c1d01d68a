/* The queues of an encrypted stream: what is gathered and consumed is, byte for byte, what was queued. */
#include "base/prng.h"
#include "tests/unit/base/check.h"
#include "transport/secure_stream.h"

enum { STREAM_BYTES = 200000 };

static struct buf_pool *pool;
static struct slice_pool slices;

static void set_up(void)
{
	struct buf_pool_options options = {.class_counts = {64, 64, 64, 64, 64, 64, 64, 64, 64, 64}};
	pool = ringcast_buf_pool_create(&options);
	cr_assert(pool != NULL && ringcast_slice_pool_init(&slices, 1024));
}

static void tear_down(void)
{
	cr_assert_eq(slices.count, 0);
	ringcast_slice_pool_fini(&slices);
	ringcast_buf_pool_destroy(&pool); /* asserts that every buf is back */
}

TestSuite(secure_stream, .init = set_up, .fini = tear_down);

static uint8_t byte_at(size_t position)
{
	return (uint8_t)(position * 2654435761u >> 13);
}

/* One frame of the stream in a buf of its own. */
static void add_frame(struct outq *outq, size_t position, uint32_t size)
{
	struct buf *buf = ringcast_buf_alloc(pool, size + 3);
	cr_assert(buf != NULL);
	for (uint32_t i = 0; i < size; i++)
		buf->data[3 + i] = byte_at(position + i);
	cr_assert(ringcast_outq_add(outq, &slices, buf, 3, size));
	ringcast_buf_unref(buf);
}

static void check_bytes(struct view bytes, size_t position)
{
	for (size_t i = 0; i < bytes.size; i++)
		check(bytes.data[i] == byte_at(position + i), "byte %zu", position + i);
}

Test(secure_stream, gathers_what_was_queued_in_records)
{
	static uint8_t scratch[CRYPTO_STREAM_RECORD_BYTES];
	struct outq outq = {0};
	struct prng prng;
	size_t in = 0, out = 0;
	uint32_t frames_in = 0, frames_out = 0;
	ringcast_prng_init(&prng, 11);
	while (out < STREAM_BYTES) {
		if (in < STREAM_BYTES && outq.pending_bytes < 60000 && ringcast_prng_chance(&prng, 2, 3)) {
			uint32_t size = 1 + (uint32_t)ringcast_prng_below(&prng, ringcast_prng_chance(&prng, 1, 8) ? 40000 : 300);
			add_frame(&outq, in, size);
			in += size;
			frames_in++;
			continue;
		}
		struct view record = ringcast_secure_stream_gather(&outq, scratch);
		cr_assert_eq(record.size, outq.pending_bytes < CRYPTO_STREAM_RECORD_BYTES ? outq.pending_bytes : CRYPTO_STREAM_RECORD_BYTES);
		check_bytes(record, out);
		frames_out += ringcast_outq_consume(&outq, &slices, (uint32_t)record.size);
		out += record.size;
		cr_assert_eq(outq.pending_bytes, in - out);
		cr_assert(outq.pending_bytes > 0 || frames_out == frames_in, "frames are done with the last byte");
	}
	ringcast_outq_clear(&outq, &slices);
}

Test(secure_stream, one_slice_is_not_copied)
{
	uint8_t scratch[CRYPTO_STREAM_RECORD_BYTES];
	struct outq outq = {0};
	add_frame(&outq, 0, 500);
	cr_assert_eq(ringcast_secure_stream_gather(&outq, scratch).data, outq.pending_head->buf->data + outq.pending_head->offset);
	cr_assert_eq(ringcast_outq_consume(&outq, &slices, 200), 0);
	struct view rest = ringcast_secure_stream_gather(&outq, scratch);
	cr_assert_eq(rest.size, 300);
	check_bytes(rest, 200);
	cr_assert_eq(ringcast_outq_consume(&outq, &slices, 300), 1);
	cr_assert(ringcast_outq_is_idle(&outq));
	cr_assert_eq(ringcast_secure_stream_gather(&outq, scratch).size, 0);
}

Test(secure_stream, holds_handshake_bytes_up_to_a_bound)
{
	struct secure_stream secure = {0};
	uint8_t bytes[1000];
	size_t held = 0;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	while (ringcast_secure_stream_hold(&secure, pool, ringcast_view_of(bytes, sizeof(bytes))))
		held += sizeof(bytes);
	cr_assert_eq(held, SECURE_STREAM_HELD_BYTES_MAX / sizeof(bytes) * sizeof(bytes));
	struct buf *buf = ringcast_secure_stream_take_held(&secure);
	cr_assert_eq(buf->size, held);
	for (size_t i = 0; i < held; i++)
		check(buf->data[i] == (uint8_t)(i % sizeof(bytes)), "byte %zu", i);
	ringcast_buf_unref(buf);
	cr_assert_null(ringcast_secure_stream_take_held(&secure));
}
