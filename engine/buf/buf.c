#include "buf/buf.h"

#include "base/assert.h"
#include "base/pages.h"

#define CLASS_BYTES_MIN UINT32_C(128)
#define POISON 0xDB

/*
 * The pool and all of its buffers are one reservation: the pool's own struct, then class after class. Every buffer starts on a
 * cache line, so that two buffers never share one.
 */
struct buf_class {
	uint8_t *buffers;
	struct buf *free_head; /* released last, handed out first: its bytes are still in the cache */
	uint32_t count;
	uint32_t high_water; /* buffers ever handed out; beyond it nothing is touched */
	uint32_t in_use_count;
};

struct buf_pool {
	size_t reserved_bytes;
	buf_relieve_fn *relieve;
	void *relieve_context;
	bool is_relieving;
	struct buf_class classes[BUF_CLASS_COUNT];
};

static size_t round_to_cache_line(size_t size)
{
	return (size + CACHE_LINE_BYTES - 1) / CACHE_LINE_BYTES * CACHE_LINE_BYTES;
}

static uint32_t class_capacity(uint32_t class_index)
{
	return CLASS_BYTES_MIN << class_index;
}

static size_t class_stride(uint32_t class_index)
{
	return round_to_cache_line(sizeof(struct buf) + class_capacity(class_index));
}

/* Cannot overflow: ten classes of at most 2^32 buffers of less than 2^17 bytes. */
size_t ringcast_buf_pool_reserved_bytes(const struct buf_pool_options *options)
{
	size_t total_bytes = round_to_cache_line(sizeof(struct buf_pool));
	for (uint32_t i = 0; i < BUF_CLASS_COUNT; i++)
		total_bytes += class_stride(i) * options->class_counts[i];
	return total_bytes;
}

struct buf_pool *ringcast_buf_pool_create(const struct buf_pool_options *options)
{
	size_t reserved_bytes = ringcast_buf_pool_reserved_bytes(options);
	struct buf_pool *pool = ringcast_pages_reserve(reserved_bytes);
	if (pool == NULL)
		return NULL;
	pool->reserved_bytes = reserved_bytes;
	uint8_t *next = (uint8_t *)pool + round_to_cache_line(sizeof(*pool));
	ringcast_pages_hide(next, reserved_bytes - round_to_cache_line(sizeof(*pool)));
	for (uint32_t i = 0; i < BUF_CLASS_COUNT; i++) {
		pool->classes[i].buffers = next;
		pool->classes[i].count = options->class_counts[i];
		next += class_stride(i) * options->class_counts[i];
	}
	ringcast_assert(next == (uint8_t *)pool + reserved_bytes);
	return pool;
}

void ringcast_buf_pool_destroy(struct buf_pool **pool)
{
	if (*pool == NULL)
		return;
	ringcast_assert(ringcast_buf_pool_in_use(*pool) == 0);
	ringcast_pages_release(*pool, (*pool)->reserved_bytes);
	*pool = NULL;
}

static bool is_poisoned(const struct buf *buf) UNUSED;
static bool is_poisoned(const struct buf *buf)
{
	for (uint32_t i = 0; i < buf->capacity; i++)
		if (buf->data[i] != POISON)
			return false;
	return true;
}

/* Last use, written or read through a reference already given up, shows: in ASan at once, with slow asserts at the next alloc. */
static void data_hide(struct buf *buf)
{
#ifdef RINGCAST_SLOW_ASSERTS
	memset(buf->data, POISON, buf->capacity);
#endif
	ringcast_pages_hide(buf->data, buf->capacity);
}

static struct buf *take_warm(struct buf_class *class)
{
	struct buf *buf = class->free_head;
	class->free_head = buf->next_free;
	ringcast_pages_unhide(buf->data, buf->capacity);
	ringcast_assert_slow(is_poisoned(buf));
	return buf;
}

static struct buf *take_fresh(struct buf_pool *pool, uint32_t class_index)
{
	struct buf_class *class = &pool->classes[class_index];
	struct buf *buf = (struct buf *)(class->buffers + class_stride(class_index) * class->high_water++);
	ringcast_pages_unhide(buf, sizeof(*buf) + class_capacity(class_index));
	buf->pool = pool;
	buf->capacity = class_capacity(class_index);
	buf->class_index = class_index;
	return buf;
}

static struct buf *class_take(struct buf_pool *pool, uint32_t class_index)
{
	struct buf_class *class = &pool->classes[class_index];
	if (class->in_use_count == class->count)
		return NULL;
	struct buf *buf = class->free_head != NULL ? take_warm(class) : take_fresh(pool, class_index);
	ringcast_assert(buf->pool == pool && buf->class_index == class_index);
	ringcast_assert(buf->refs == 0);
	class->in_use_count++;
	buf->next_free = NULL;
	buf->refs = 1;
	buf->size = 0;
	return buf;
}

static uint32_t class_of(size_t capacity_bytes)
{
	uint32_t class_index = 0;
	while (class_index < BUF_CLASS_COUNT && class_capacity(class_index) < capacity_bytes)
		class_index++;
	return class_index;
}

/* Where a search that begins at fitting ends: before the largest class, unless nothing else is large enough. */
static uint32_t class_end(const struct buf_pool *pool, uint32_t fitting)
{
	for (uint32_t i = fitting; i < BUF_CLASS_COUNT - 1; i++)
		if (pool->classes[i].count > 0)
			return BUF_CLASS_COUNT - 1;
	return BUF_CLASS_COUNT;
}

void ringcast_buf_pool_set_relief(struct buf_pool *pool, buf_relieve_fn *relieve, void *context)
{
	pool->relieve = relieve;
	pool->relieve_context = context;
}

void ringcast_buf_pool_range(const struct buf_pool *pool, size_t capacity_bytes, uint32_t *ret_min, uint32_t *ret_max)
{
	uint32_t fitting = class_of(capacity_bytes);
	*ret_min = class_capacity(fitting);
	*ret_max = class_capacity(class_end(pool, fitting) - 1);
}

uint64_t ringcast_buf_pool_bytes(const struct buf_pool *pool, size_t capacity_bytes, uint64_t *ret_free_bytes)
{
	uint32_t fitting = class_of(capacity_bytes);
	uint64_t bytes = 0;
	*ret_free_bytes = 0;
	for (uint32_t i = fitting; i < class_end(pool, fitting); i++) {
		bytes += (uint64_t)pool->classes[i].count * class_capacity(i);
		*ret_free_bytes += (uint64_t)(pool->classes[i].count - pool->classes[i].in_use_count) * class_capacity(i);
	}
	return bytes;
}

static struct buf *take(struct buf_pool *pool, uint32_t fitting)
{
	for (uint32_t i = fitting; i < class_end(pool, fitting); i++) {
		struct buf *buf = class_take(pool, i);
		if (buf != NULL)
			return buf;
	}
	return NULL;
}

/* In a moment of need somebody else may have to give. */
static struct buf *take_after_relief(struct buf_pool *pool, uint32_t fitting, size_t capacity_bytes)
{
	if (pool->relieve == NULL || pool->is_relieving)
		return NULL;
	pool->is_relieving = true;
	bool is_relieved = pool->relieve(pool->relieve_context, capacity_bytes);
	pool->is_relieving = false;
	return is_relieved ? take(pool, fitting) : NULL;
}

struct buf *ringcast_buf_alloc(struct buf_pool *pool, size_t capacity_bytes)
{
	uint32_t fitting = class_of(capacity_bytes);
	struct buf *buf = take(pool, fitting);
	return LIKELY(buf != NULL) ? buf : take_after_relief(pool, fitting, capacity_bytes);
}

struct buf *ringcast_buf_alloc_left(struct buf_pool *pool, size_t capacity_bytes)
{
	return take(pool, class_of(capacity_bytes));
}

struct buf *ringcast_buf_alloc_spare(struct buf_pool *pool, size_t capacity_bytes)
{
	uint32_t fitting = class_of(capacity_bytes);
	for (uint32_t i = fitting; i < class_end(pool, fitting); i++)
		if (pool->classes[i].in_use_count < pool->classes[i].count / 2)
			return class_take(pool, i);
	return NULL;
}

void ringcast_buf_unref(struct buf *buf)
{
	ringcast_assert(buf->refs > 0);
	if (--buf->refs > 0)
		return;
	struct buf_class *class = &buf->pool->classes[buf->class_index];
	ringcast_assert(class->in_use_count > 0);
	ringcast_assert(buf->size <= buf->capacity); /* else somebody wrote beyond the end */
	class->in_use_count--;
	buf->next_free = class->free_head;
	class->free_head = buf;
	data_hide(buf);
}

uint32_t ringcast_buf_pool_in_use(const struct buf_pool *pool)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < BUF_CLASS_COUNT; i++)
		count += pool->classes[i].in_use_count;
	return count;
}
