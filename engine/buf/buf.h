/*
 * Reference-counted byte buffers from a fixed pool.
 *
 * Ownership: a buf belongs to the pool of one shard and is touched by that shard's thread only (plain counts). The holder of the
 * last reference returns it by unref. Size classes are powers of two from 128 bytes to 64 KiB; each class has its own bound and
 * all memory is reserved when the pool starts (touched on first use). In debug and sim builds released bytes are poisoned with 0xDB.
 */
#ifndef RINGCAST_BUF_BUF_H
#define RINGCAST_BUF_BUF_H

#include "base/types.h"

struct buf_pool;

struct buf {
	struct buf_pool *pool;
	struct buf *next_free;
	uint32_t refs;
	uint32_t size;     /* bytes used */
	uint32_t capacity; /* bytes available in data */
	uint32_t class_index;
	uint8_t data[];
};

/*
 * Called when there is no room for capacity_bytes: may give back bufs of the pool, and says whether it did. What the caller of alloc works
 * on must not be among them. Must not take bufs itself.
 */
typedef bool buf_relieve_fn(void *context, size_t capacity_bytes);

#define BUF_CLASS_COUNT 10 /* 128 << i, i = 0..9: 128 .. 65536 */

struct buf_pool_options {
	uint32_t class_counts[BUF_CLASS_COUNT]; /* buffers of capacity 128 << i */
};

struct buf_pool *ringcast_buf_pool_create(const struct buf_pool_options *options); /* NULL: out of memory */
void ringcast_buf_pool_set_relief(struct buf_pool *pool, buf_relieve_fn *relieve, void *context); /* NULL: nobody; at first nobody */
void ringcast_buf_pool_destroy(struct buf_pool **pool); /* asserts that every buf is back */
/*
 * Smallest class that fits and has room (a larger class is tried when the fitting one is empty, but the largest only for what needs it, so that
 * many small holders cannot stop those who send); NULL when none. refs = 1, size = 0.
 */
struct buf *ringcast_buf_alloc(struct buf_pool *pool, size_t capacity_bytes);
/* For those who have proven nothing yet, or who wait for somebody: as above, but only from classes of which less than half is in use. */
struct buf *ringcast_buf_alloc_spare(struct buf_pool *pool, size_t capacity_bytes);
static inline struct buf *ringcast_buf_ref(struct buf *buf) { buf->refs++; return buf; }
/* For what is much and asked for by one: all that is left, as above, but nobody gives anything up for it. */
struct buf *ringcast_buf_alloc_left(struct buf_pool *pool, size_t capacity_bytes);
/* The capacities that an alloc of this size may get, smallest and largest. */
void ringcast_buf_pool_range(const struct buf_pool *pool, size_t capacity_bytes, uint32_t *ret_min, uint32_t *ret_max);
uint64_t ringcast_buf_pool_bytes(const struct buf_pool *pool, size_t capacity_bytes, uint64_t *ret_free_bytes); /* of these capacities: in all, and free */
void ringcast_buf_unref(struct buf *buf);
uint32_t ringcast_buf_pool_in_use(const struct buf_pool *pool); /* all classes */
size_t ringcast_buf_pool_reserved_bytes(const struct buf_pool_options *options); /* for the memory bill */

#endif
