#include <signal.h>

#include "base/pages.h"
#include "base/prng.h"
#include "buf/buf.h"
#include "tests/unit/base/check.h"

#define COUNT_PER_CLASS 3
#define LIVE_MAX (BUF_CLASS_COUNT * COUNT_PER_CLASS)

static struct buf_pool *pool_of(uint32_t count_per_class)
{
	struct buf_pool_options options;
	for (unsigned i = 0; i < BUF_CLASS_COUNT; i++)
		options.class_counts[i] = count_per_class;
	struct buf_pool *pool = ringcast_buf_pool_create(&options);
	cr_assert_not_null(pool);
	return pool;
}

Test(buf, the_smallest_class_that_fits_is_taken)
{
	static const size_t cases[][2] = {{0, 128},	{1, 128},	 {127, 128},	  {128, 128},	   {129, 256},	    {256, 256},
					  {1200, 2048}, {4096, 4096},	 {4097, 8192},	  {65535, 65536}, {65536, 65536}};
	struct buf_pool *pool = pool_of(1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf *buf = ringcast_buf_alloc(pool, cases[i][0]);
		cr_assert_not_null(buf);
		cr_assert_eq(buf->capacity, cases[i][1], "case %zu", i);
		cr_assert_eq(buf->refs, 1);
		cr_assert_eq(buf->size, 0);
		memset(buf->data, 1, buf->capacity);
		ringcast_buf_unref(buf);
	}
	cr_assert_null(ringcast_buf_alloc(pool, 65537));
	cr_assert_null(ringcast_buf_alloc(pool, SIZE_MAX));
	ringcast_buf_pool_destroy(&pool);
	cr_assert_null(pool);
	ringcast_buf_pool_destroy(&pool);
}

Test(buf, a_larger_class_steps_in_when_the_fitting_one_is_empty)
{
	struct buf_pool *pool = pool_of(1);
	struct buf *bufs[BUF_CLASS_COUNT];
	for (unsigned i = 0; i < BUF_CLASS_COUNT - 1; i++) {
		bufs[i] = ringcast_buf_alloc(pool, 100);
		cr_assert_not_null(bufs[i]);
		cr_assert_eq(bufs[i]->capacity, 128u << i);
	}
	cr_assert_null(ringcast_buf_alloc(pool, 100), "the largest is kept for what needs it");
	bufs[BUF_CLASS_COUNT - 1] = ringcast_buf_alloc(pool, 65536);
	cr_assert_not_null(bufs[BUF_CLASS_COUNT - 1]);
	cr_assert_eq(ringcast_buf_pool_in_use(pool), BUF_CLASS_COUNT);
	ringcast_buf_unref(bufs[4]);
	cr_assert_null(ringcast_buf_alloc(pool, 4096), "a smaller one is no help");
	cr_assert_eq(ringcast_buf_alloc(pool, 100), bufs[4]);
	for (unsigned i = 0; i < BUF_CLASS_COUNT; i++)
		ringcast_buf_unref(bufs[i]);
	ringcast_buf_pool_destroy(&pool);
}

Test(buf, spare_ones_leave_half_of_every_class)
{
	struct buf_pool *pool = pool_of(5);
	struct buf *spare[2 * BUF_CLASS_COUNT];
	unsigned count = 0;
	while ((spare[count] = ringcast_buf_alloc_spare(pool, 2000)) != NULL)
		count++;
	cr_assert_eq(count, 2 * 5, "two of each class from 2 KiB to 32 KiB");
	cr_assert_eq(spare[0]->capacity, 2048);
	cr_assert_eq(spare[2]->capacity, 4096);
	cr_assert_null(ringcast_buf_alloc_spare(pool, 70000));
	struct buf *own = ringcast_buf_alloc(pool, 2000);
	cr_assert_eq(own->capacity, 2048);
	ringcast_buf_unref(spare[0]);
	cr_assert_null(ringcast_buf_alloc_spare(pool, 2000), "two are in use");
	for (unsigned i = 1; i < count; i++)
		ringcast_buf_unref(spare[i]);
	ringcast_buf_unref(own);
	ringcast_buf_pool_destroy(&pool);
}

Test(buf, the_last_reference_returns_it_and_warm_ones_go_first)
{
	struct buf_pool *pool = pool_of(4);
	struct buf *a = ringcast_buf_alloc(pool, 1), *b = ringcast_buf_alloc(pool, 1);
	cr_assert_eq(ringcast_buf_ref(a), a);
	ringcast_buf_unref(a);
	cr_assert_eq(a->refs, 1);
	cr_assert_eq(ringcast_buf_pool_in_use(pool), 2);
	ringcast_buf_unref(a);
	cr_assert_eq(ringcast_buf_pool_in_use(pool), 1);
	ringcast_buf_unref(b);
	cr_assert_eq(ringcast_buf_alloc(pool, 1), b, "released last, handed out first");
	cr_assert_eq(ringcast_buf_alloc(pool, 1), a);
	ringcast_buf_unref(a);
	ringcast_buf_unref(b);
	ringcast_buf_pool_destroy(&pool);
}

/* The model: each live buffer is filled with its own byte, so overlap of two shows as a wrong byte. */
struct model {
	struct buf *bufs[LIVE_MAX];
	uint32_t refs[LIVE_MAX];
	uint8_t fills[LIVE_MAX];
	unsigned count;
	unsigned class_counts[BUF_CLASS_COUNT];
};

static void model_alloc(struct model *model, struct buf_pool *pool, struct prng *prng)
{
	size_t wanted = (size_t)ringcast_prng_below(prng, UINT64_C(1) << (6 + ringcast_prng_below(prng, 11))) + 1;
	unsigned expected = 0;
	while (expected < BUF_CLASS_COUNT && ((128u << expected) < wanted || model->class_counts[expected] == COUNT_PER_CLASS))
		expected++;
	if (expected == BUF_CLASS_COUNT - 1 && wanted <= 128u << (BUF_CLASS_COUNT - 2))
		expected = BUF_CLASS_COUNT; /* the largest is kept for what needs it */
	struct buf *buf = ringcast_buf_alloc(pool, wanted);
	check((buf == NULL) == (expected == BUF_CLASS_COUNT), "refused exactly when nothing that fits is left");
	if (buf == NULL)
		return;
	check(buf->capacity == 128u << expected && buf->size == 0 && buf->refs == 1, "capacity %u", buf->capacity);
	model->class_counts[expected]++;
	model->bufs[model->count] = buf;
	model->refs[model->count] = 1;
	model->fills[model->count] = (uint8_t)ringcast_prng_next(prng);
	memset(buf->data, model->fills[model->count++], buf->capacity);
}

static void model_touch(struct model *model, struct prng *prng)
{
	if (model->count == 0)
		return;
	unsigned i = (unsigned)ringcast_prng_below(prng, model->count);
	struct buf *buf = model->bufs[i];
	check(buf->data[0] == model->fills[i] && buf->data[buf->capacity - 1] == model->fills[i], "bytes changed");
	check(memcmp(buf->data, buf->data + 1, buf->capacity - 1) == 0, "bytes changed");
	if (ringcast_prng_chance(prng, 1, 3)) {
		ringcast_buf_ref(buf);
		model->refs[i]++;
		return;
	}
	uint32_t capacity = buf->capacity;
	ringcast_buf_unref(buf);
	if (--model->refs[i] > 0)
		return;
	model->class_counts[__builtin_ctz(capacity / 128)]--;
	model->count--;
	model->bufs[i] = model->bufs[model->count];
	model->refs[i] = model->refs[model->count];
	model->fills[i] = model->fills[model->count];
}

Test(buf, buffers_never_overlap_and_none_is_lost, .timeout = 120)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct buf_pool *pool = pool_of(COUNT_PER_CLASS);
		struct model model = {.count = 0};
		struct prng prng;
		ringcast_prng_init(&prng, seed);
		for (unsigned step = 0; step < 3000; step++) {
			if (ringcast_prng_chance(&prng, 1, 3))
				model_alloc(&model, pool, &prng);
			else
				model_touch(&model, &prng);
			check(ringcast_buf_pool_in_use(pool) == model.count, "seed %lu step %u", seed, step);
		}
		while (model.count > 0)
			model_touch(&model, &prng);
		ringcast_buf_pool_destroy(&pool);
	}
}

Test(buf, the_memory_bill_counts_every_buffer)
{
	struct buf_pool_options none = {.class_counts = {0}};
	size_t base_bytes = ringcast_buf_pool_reserved_bytes(&none);
	for (unsigned i = 0; i < BUF_CLASS_COUNT; i++) {
		struct buf_pool_options options = none;
		options.class_counts[i] = 1000;
		size_t each_bytes = (ringcast_buf_pool_reserved_bytes(&options) - base_bytes) / 1000;
		cr_assert_geq(each_bytes, sizeof(struct buf) + (128u << i));
		cr_assert_lt(each_bytes, sizeof(struct buf) + (128u << i) + 64);
	}
	struct buf_pool *pool = ringcast_buf_pool_create(&none);
	cr_assert_not_null(pool);
	cr_assert_null(ringcast_buf_alloc(pool, 1));
	ringcast_buf_pool_destroy(&pool);
}

Test(buf, memory_that_cannot_be_had_is_reported)
{
	struct buf_pool_options options = {.class_counts = {[9] = UINT32_MAX}}; /* 256 TiB: beyond the address space */
	cr_assert_null(ringcast_buf_pool_create(&options));
}

Test(buf, releasing_twice_aborts, .signal = SIGABRT)
{
	struct buf_pool *pool = pool_of(1);
	struct buf *buf = ringcast_buf_alloc(pool, 1);
	ringcast_buf_unref(buf);
	ringcast_buf_unref(buf);
}

Test(buf, destroying_a_pool_in_use_aborts, .signal = SIGABRT)
{
	struct buf_pool *pool = pool_of(1);
	if (ringcast_buf_alloc(pool, 1) != NULL)
		ringcast_buf_pool_destroy(&pool);
}

#ifdef RINGCAST_HAS_ASAN
Test(buf, released_bytes_and_the_gaps_between_buffers_are_hidden)
{
	struct buf_pool *pool = pool_of(2);
	struct buf *buf = ringcast_buf_alloc(pool, 1);
	cr_assert_not(__asan_address_is_poisoned(buf->data + buf->capacity - 1));
	cr_assert(__asan_address_is_poisoned(buf->data + buf->capacity));
	ringcast_buf_unref(buf);
	cr_assert(__asan_address_is_poisoned(buf->data));
	cr_assert(__asan_address_is_poisoned(buf->data + buf->capacity - 1));
	ringcast_buf_pool_destroy(&pool);
}
#elif defined(RINGCAST_SLOW_ASSERTS)
Test(buf, released_bytes_are_poisoned)
{
	struct buf_pool *pool = pool_of(1);
	struct buf *buf = ringcast_buf_alloc(pool, 1);
	memset(buf->data, 7, buf->capacity);
	ringcast_buf_unref(buf);
	for (uint32_t i = 0; i < buf->capacity; i++)
		cr_assert_eq(buf->data[i], 0xDB);
	ringcast_buf_pool_destroy(&pool);
}

Test(buf, a_write_after_release_is_found_at_the_next_alloc, .signal = SIGABRT)
{
	struct buf_pool *pool = pool_of(1);
	struct buf *buf = ringcast_buf_alloc(pool, 1);
	ringcast_buf_unref(buf);
	buf->data[100] = 1;
	(void)ringcast_buf_alloc(pool, 1);
}
#endif

/* Gives back one of the bufs that it holds, and only from the capacities asked for. */
struct giver {
	struct buf *held[LIVE_MAX];
	unsigned count, calls;
	uint32_t min, max;
	struct buf_pool *pool;
};

static bool give(void *context, size_t capacity_bytes)
{
	struct giver *giver = context;
	giver->calls++;
	ringcast_buf_pool_range(giver->pool, capacity_bytes, &giver->min, &giver->max);
	for (unsigned i = 0; i < giver->count; i++) {
		struct buf *buf = giver->held[i];
		if (buf->capacity < giver->min || buf->capacity > giver->max)
			continue;
		giver->held[i] = giver->held[--giver->count];
		ringcast_buf_unref(buf);
		return true;
	}
	return false;
}

Test(buf, in_need_the_holder_is_asked_to_give)
{
	struct giver giver = {.pool = pool_of(1)};
	struct buf *buf;
	uint64_t free_bytes;
	cr_assert_eq(ringcast_buf_pool_bytes(giver.pool, 4096, &free_bytes), 4096 + 8192 + 16384 + 32768);
	cr_assert_eq(free_bytes, 4096 + 8192 + 16384 + 32768);
	ringcast_buf_pool_set_relief(giver.pool, give, &giver);
	for (size_t size = 4096; size <= 32768; size *= 2)
		giver.held[giver.count++] = ringcast_buf_alloc(giver.pool, size);
	cr_assert_eq(giver.calls, 0); /* nobody is asked while there is enough */
	ringcast_buf_pool_bytes(giver.pool, 4096, &free_bytes);
	cr_assert_eq(free_bytes, 0);
	cr_assert_not_null(buf = ringcast_buf_alloc(giver.pool, 16000));
	cr_assert_eq(buf->capacity, 16384);
	cr_assert_eq(giver.calls, 1);
	cr_assert_eq(giver.min, 16384);
	cr_assert_eq(giver.max, 32768); /* the largest class is only for what needs it */
	cr_assert_null(ringcast_buf_alloc_spare(giver.pool, 4096)); /* strangers are given nothing */
	cr_assert_eq(giver.calls, 1);
	cr_assert_eq(giver.count, 3);
	ringcast_buf_unref(buf);
	while (giver.count > 0)
		ringcast_buf_unref(giver.held[--giver.count]);
	ringcast_buf_pool_destroy(&giver.pool);
}

Test(buf, in_need_nobody_who_holds_something_means_none)
{
	struct giver giver = {.pool = pool_of(1)};
	ringcast_buf_pool_set_relief(giver.pool, give, &giver);
	struct buf *buf = ringcast_buf_alloc(giver.pool, 65536);
	cr_assert_null(ringcast_buf_alloc(giver.pool, 65536));
	cr_assert_eq(giver.calls, 1);
	ringcast_buf_unref(buf);
	ringcast_buf_pool_destroy(&giver.pool);
}
