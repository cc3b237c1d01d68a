#include "faults.h"

#include <stddef.h>

#include "base/pages.h"
#include "base/slab.h"
#include "buf/buf.h"

static struct {
	bool is_on;
	uint64_t first, count, calls;
} faults;

static int64_t heap_count;

void faults_begin(uint64_t first, uint64_t count)
{
	faults.is_on = true;
	faults.first = first;
	faults.count = count;
	faults.calls = 0;
}

uint64_t faults_end(void)
{
	faults.is_on = false;
	return faults.calls;
}

static bool is_refused(void)
{
	if (!faults.is_on)
		return false;
	uint64_t call = faults.calls++;
	return call >= faults.first && call - faults.first < faults.count;
}

void *__real_ringcast_slab_alloc(struct slab *slab, handle *ret_handle);
void *__wrap_ringcast_slab_alloc(struct slab *slab, handle *ret_handle);
struct buf *__real_ringcast_buf_alloc(struct buf_pool *pool, size_t capacity_bytes);
struct buf *__wrap_ringcast_buf_alloc(struct buf_pool *pool, size_t capacity_bytes);
struct buf *__real_ringcast_buf_alloc_spare(struct buf_pool *pool, size_t capacity_bytes);
struct buf *__wrap_ringcast_buf_alloc_spare(struct buf_pool *pool, size_t capacity_bytes);
struct buf *__real_ringcast_buf_alloc_left(struct buf_pool *pool, size_t capacity_bytes);
struct buf *__wrap_ringcast_buf_alloc_left(struct buf_pool *pool, size_t capacity_bytes);
void *__real_ringcast_pages_reserve(size_t size_bytes);
void *__wrap_ringcast_pages_reserve(size_t size_bytes);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void __real_free(void *memory);
void __wrap_free(void *memory);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_ringcast_slab_alloc(struct slab *slab, handle *ret_handle)
{
	return is_refused() ? NULL : __real_ringcast_slab_alloc(slab, ret_handle);
}

struct buf *__wrap_ringcast_buf_alloc(struct buf_pool *pool, size_t capacity_bytes)
{
	return is_refused() ? NULL : __real_ringcast_buf_alloc(pool, capacity_bytes);
}

struct buf *__wrap_ringcast_buf_alloc_spare(struct buf_pool *pool, size_t capacity_bytes)
{
	return is_refused() ? NULL : __real_ringcast_buf_alloc_spare(pool, capacity_bytes);
}

struct buf *__wrap_ringcast_buf_alloc_left(struct buf_pool *pool, size_t capacity_bytes)
{
	return is_refused() ? NULL : __real_ringcast_buf_alloc_left(pool, capacity_bytes);
}

void *__wrap_ringcast_pages_reserve(size_t size_bytes)
{
	return is_refused() ? NULL : __real_ringcast_pages_reserve(size_bytes);
}

static void *counted(void *memory)
{
	heap_count += memory != NULL;
	return memory;
}

/* The tests' own: never refused. */
void *__wrap_malloc(size_t size)
{
	return counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return is_refused() ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *memory, size_t size)
{
	if (is_refused())
		return NULL;
	void *moved = __real_realloc(memory, size);
	return memory == NULL ? counted(moved) : moved;
}

void __wrap_free(void *memory)
{
	heap_count -= memory != NULL;
	__real_free(memory);
}

int64_t faults_heap_count(void)
{
	return heap_count;
}
