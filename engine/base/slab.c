#include "base/slab.h"

#include "base/assert.h"
#include "base/pages.h"

#define FREE_NONE UINT32_MAX

static bool is_in_use(uint32_t generation)
{
	return (generation & 1) != 0;
}

static uint8_t *object_at(const struct slab *slab, uint32_t index)
{
	ringcast_assert_slow(index < slab->high_water);
	return slab->objects + (size_t)index * slab->object_bytes;
}

bool ringcast_slab_init(struct slab *slab, size_t object_bytes, uint32_t capacity)
{
	ringcast_assert(object_bytes > 0);
	ringcast_assert(capacity > 0 && capacity < FREE_NONE);
	size_t objects_bytes;
	if (!ringcast_pages_size_of(object_bytes, capacity, &objects_bytes))
		return false;
	*slab = (struct slab){.object_bytes = object_bytes, .capacity = capacity, .free_head = FREE_NONE};
	slab->objects = ringcast_pages_reserve(objects_bytes);
	slab->generations = ringcast_pages_reserve(capacity * sizeof(*slab->generations));
	slab->next_free = ringcast_pages_reserve(capacity * sizeof(*slab->next_free));
	if (slab->objects == NULL || slab->generations == NULL || slab->next_free == NULL) {
		ringcast_slab_fini(slab);
		return false;
	}
	ringcast_pages_hide(slab->objects, objects_bytes);
	return true;
}

void ringcast_slab_fini(struct slab *slab)
{
	ringcast_pages_release(slab->objects, slab->object_bytes * slab->capacity);
	ringcast_pages_release(slab->generations, slab->capacity * sizeof(*slab->generations));
	ringcast_pages_release(slab->next_free, slab->capacity * sizeof(*slab->next_free));
	*slab = (struct slab){.free_head = FREE_NONE};
}

/* The slot freed last, else one never used. */
static uint32_t slot_take(struct slab *slab)
{
	uint32_t index = slab->free_head;
	if (index == FREE_NONE)
		return slab->high_water++;
	slab->free_head = slab->next_free[index];
	return index;
}

void *ringcast_slab_alloc(struct slab *slab, handle *ret_handle)
{
	if (slab->count == slab->capacity)
		return NULL;
	uint32_t index = slot_take(slab);
	ringcast_assert(index < slab->capacity);
	ringcast_assert(!is_in_use(slab->generations[index]));
	uint8_t *object = object_at(slab, index);
	ringcast_pages_unhide(object, slab->object_bytes);
	if (slab->generations[index] != 0)
		memset(object, 0, slab->object_bytes); /* used before; a fresh slot is zero already and stays untouched */
	slab->generations[index]++;
	slab->count++;
	*ret_handle = ringcast_handle_of(index, slab->generations[index]);
	return object;
}

void ringcast_slab_free(struct slab *slab, handle h)
{
	ringcast_assert(ringcast_slab_find(slab, h) != NULL);
	uint32_t index = ringcast_handle_index(h);
	slab->generations[index]++;
	slab->next_free[index] = slab->free_head;
	slab->free_head = index;
	slab->count--;
	ringcast_pages_hide(object_at(slab, index), slab->object_bytes);
}

void *ringcast_slab_at(const struct slab *slab, uint32_t index, handle *ret_handle)
{
	ringcast_assert(index < slab->capacity);
	if (index >= slab->high_water || !is_in_use(slab->generations[index]))
		return NULL;
	*ret_handle = ringcast_handle_of(index, slab->generations[index]);
	return object_at(slab, index);
}
