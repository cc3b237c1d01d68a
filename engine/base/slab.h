/*
 * A fixed number of equal objects, addressed by handle (index + generation). All memory is reserved at init and touched
 * only when a slot is first used. O(1) alloc and free (free list, LIFO: warm slots first). One thread.
 */
#ifndef RINGCAST_BASE_SLAB_H
#define RINGCAST_BASE_SLAB_H

#include "base/types.h"

struct slab {
	uint8_t *objects;
	uint32_t *generations; /* odd = in use, even = free; 0 never handed out */
	uint32_t *next_free;
	size_t object_bytes;
	uint32_t capacity;
	uint32_t count;      /* in use */
	uint32_t free_head;  /* UINT32_MAX = none */
	uint32_t high_water; /* slots ever used; beyond it nothing is touched */
};

bool ringcast_slab_init(struct slab *slab, size_t object_bytes, uint32_t capacity); /* false: out of memory */
void ringcast_slab_fini(struct slab *slab);
/* Returns a zeroed object and its handle, or NULL when full. */
void *ringcast_slab_alloc(struct slab *slab, handle *ret_handle);
void ringcast_slab_free(struct slab *slab, handle h); /* asserts that h is live */
static inline void *ringcast_slab_find(const struct slab *slab, handle h); /* NULL when stale or HANDLE_NONE */
/* Of a slot that is known to be in use, because whoever uses it is known to be there. */
static inline void *ringcast_slab_object(const struct slab *slab, uint32_t index);
/* For iteration up to high_water. NULL when the slot is free. */
void *ringcast_slab_at(const struct slab *slab, uint32_t index, handle *ret_handle);

/* inline definitions */

/* Once or twice for each message and each send. */
static inline void *ringcast_slab_find(const struct slab *slab, handle h)
{
	uint32_t index = ringcast_handle_index(h), generation = ringcast_handle_generation(h);
	if ((generation & 1) == 0 || index >= slab->high_water || slab->generations[index] != generation)
		return NULL;
	return ringcast_slab_object(slab, index);
}

static inline void *ringcast_slab_object(const struct slab *slab, uint32_t index)
{
	return slab->objects + (size_t)index * slab->object_bytes;
}

#endif
