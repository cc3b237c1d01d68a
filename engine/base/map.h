/*
 * Fixed-capacity open-addressing map from a 64-bit key to a 64-bit value (a handle, usually).
 * Memory is taken once at init (calloc, so untouched slots cost nothing resident); never grows. Keys are used as given: hash
 * them first if they come from the wire. Linear probing, backward-shift deletion, iteration order = slot order (stable for a
 * given insertion history). One thread.
 */
#ifndef RINGCAST_BASE_MAP_H
#define RINGCAST_BASE_MAP_H

#include "base/types.h"

struct map_slot {
	uint64_t key;
	uint64_t value; /* 0 = empty, so values must not be 0 */
};

struct map {
	struct map_slot *slots;
	uint32_t slot_count; /* power of two, >= 2 * capacity */
	uint32_t count;
	uint32_t capacity;
};

bool ringcast_map_init(struct map *map, uint32_t capacity); /* false: out of memory */
void ringcast_map_fini(struct map *map);
/* False if full. Asserts that key is absent and value is not 0. */
bool ringcast_map_add(struct map *map, uint64_t key, uint64_t value);
uint64_t ringcast_map_find(const struct map *map, uint64_t key); /* 0 = absent */
bool ringcast_map_set(struct map *map, uint64_t key, uint64_t value); /* add or replace */
bool ringcast_map_remove(struct map *map, uint64_t key);              /* false: was absent */

#endif
