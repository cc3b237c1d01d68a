#include <criterion/criterion.h>

#include "transport/outq.h"

enum { SLICES = 8 };

static struct buf_pool *pool;
static struct slice_pool slices;
static struct outq outq;

static void begin(void)
{
	struct buf_pool_options options = {.class_counts = {64, 64, 64, 64, 64, 64, 64, 64, 64, 64}};
	pool = ringcast_buf_pool_create(&options);
	cr_assert(pool != NULL && ringcast_slice_pool_init(&slices, SLICES));
	outq = (struct outq){0};
}

static void end(void)
{
	cr_assert_eq(slices.count, 0, "every slice was given back");
	ringcast_slice_pool_fini(&slices);
	ringcast_buf_pool_destroy(&pool);
}

TestSuite(outq, .init = begin, .fini = end);

static struct buf *filled(uint8_t first, uint32_t size)
{
	struct buf *buf = ringcast_buf_alloc(pool, size);
	cr_assert_not_null(buf);
	for (uint32_t i = 0; i < size; i++)
		buf->data[i] = (uint8_t)(first + i);
	buf->size = size;
	return buf;
}

static unsigned take(uint8_t *out, size_t *ret_size)
{
	struct iovec iov[64];
	unsigned count = ringcast_outq_take(&outq, iov, 64);
	*ret_size = 0;
	for (unsigned i = 0; i < count; i++) {
		memcpy(out + *ret_size, iov[i].iov_base, iov[i].iov_len);
		*ret_size += iov[i].iov_len;
	}
	return count;
}

Test(outq, neighbours_merge_and_others_do_not)
{
	struct buf *a = filled(0, 100), *b = filled(100, 50);
	uint8_t out[200];
	size_t size;
	cr_assert(ringcast_outq_add(&outq, &slices, a, 0, 10) && ringcast_outq_add(&outq, &slices, a, 10, 20));
	cr_assert_eq(slices.count, 1);
	cr_assert(ringcast_outq_add(&outq, &slices, a, 40, 10) && ringcast_outq_add(&outq, &slices, b, 0, 5));
	cr_assert_eq(slices.count, 3);
	cr_assert_eq(outq.pending_frames, 4);
	cr_assert_eq(take(out, &size), 3);
	cr_assert_eq(size, 45);
	cr_assert_eq(out[29], 29);
	cr_assert_eq(out[30], 40);
	cr_assert_eq(out[40], 100);
	cr_assert_eq(ringcast_outq_bytes(&outq), 45);
	ringcast_buf_unref(a); /* the queue holds its own references */
	ringcast_buf_unref(b);
	ringcast_outq_sent(&outq, &slices);
	cr_assert(ringcast_outq_is_idle(&outq));
}

Test(outq, what_is_added_behind_a_flight_waits_and_never_joins_it)
{
	struct buf *a = filled(0, 100);
	uint8_t out[100];
	size_t size;
	cr_assert(ringcast_outq_add(&outq, &slices, a, 0, 10));
	take(out, &size);
	cr_assert(ringcast_outq_add(&outq, &slices, a, 10, 10));
	cr_assert_eq(slices.count, 2);
	cr_assert_eq(outq.flight_bytes, 10);
	cr_assert_eq(outq.pending_bytes, 10);
	ringcast_outq_sent(&outq, &slices);
	cr_assert_eq(take(out, &size), 1);
	cr_assert(size == 10 && out[0] == 10);
	ringcast_outq_sent(&outq, &slices);
	ringcast_buf_unref(a);
}

Test(outq, slices_run_out_and_come_back)
{
	struct buf *a = filled(0, 100);
	for (uint32_t i = 0; i < SLICES; i++)
		cr_assert(ringcast_outq_add(&outq, &slices, a, 2 * i, 1));
	cr_assert_not(ringcast_outq_add(&outq, &slices, a, 50, 1));
	cr_assert_eq(outq.pending_frames, SLICES, "what was refused is not counted");
	cr_assert_eq(ringcast_outq_clear(&outq, &slices), SLICES);
	cr_assert(ringcast_outq_is_idle(&outq));
	cr_assert(ringcast_outq_add(&outq, &slices, a, 50, 1));
	cr_assert_eq(slices.high_water, SLICES, "the freed are used again");
	cr_assert_eq(ringcast_outq_clear(&outq, &slices), 1);
	ringcast_buf_unref(a);
}

Test(outq, consume_goes_through_slices_and_counts_frames_with_the_last_byte)
{
	struct buf *a = filled(0, 100);
	uint8_t out[100];
	size_t size;
	cr_assert(ringcast_outq_add(&outq, &slices, a, 0, 10) && ringcast_outq_add(&outq, &slices, a, 20, 10));
	cr_assert_eq(ringcast_outq_consume(&outq, &slices, 13), 0);
	cr_assert_eq(slices.count, 1);
	cr_assert_eq(take(out, &size), 1);
	cr_assert(size == 7 && out[0] == 23);
	ringcast_outq_sent(&outq, &slices);
	cr_assert(ringcast_outq_add(&outq, &slices, a, 0, 4) && ringcast_outq_add(&outq, &slices, a, 8, 4));
	cr_assert_eq(ringcast_outq_consume(&outq, &slices, 8), 2);
	cr_assert(ringcast_outq_is_idle(&outq));
	ringcast_buf_unref(a);
}

Test(outq, detach_copies_so_that_the_shared_buf_is_free)
{
	struct buf *a = filled(0, 100);
	uint8_t out[100];
	size_t size;
	cr_assert(ringcast_outq_add(&outq, &slices, a, 0, 10) && ringcast_outq_add(&outq, &slices, a, 20, 10));
	cr_assert(ringcast_outq_detach(&outq, &slices, pool));
	cr_assert_eq(a->refs, 1);
	cr_assert_eq(slices.count, 1, "private slices join");
	memset(a->data, 0xee, 100);
	cr_assert_eq(take(out, &size), 1);
	cr_assert(size == 20 && out[9] == 9 && out[10] == 20);
	ringcast_outq_sent(&outq, &slices);
	ringcast_buf_unref(a);
}

Test(outq, more_slices_than_one_send_takes_keep_their_frames_until_the_last)
{
	struct buf *a = filled(0, 100);
	struct iovec iov[2];
	for (uint32_t i = 0; i < 3; i++)
		cr_assert(ringcast_outq_add(&outq, &slices, a, 2 * i, 1));
	cr_assert_eq(ringcast_outq_take(&outq, iov, 2), 2);
	cr_assert_eq(outq.flight_frames, 0);
	cr_assert_eq(outq.pending_bytes, 1);
	ringcast_outq_sent(&outq, &slices);
	cr_assert_eq(ringcast_outq_take(&outq, iov, 2), 1);
	cr_assert_eq(outq.flight_frames, 3);
	ringcast_outq_sent(&outq, &slices);
	ringcast_buf_unref(a);
}
