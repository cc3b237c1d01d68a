#include "base/map.h"

#include "base/assert.h"
#include "base/pages.h"

/* 2^64 over the golden ratio. */
#define SPREAD UINT64_C(0x9E3779B97F4A7C15)

/*
 * The home slot of a key: the top bits of a product (Fibonacci hashing), because keys such as handles differ in few bits and
 * taking low bits as they are would pile equal strides up in one run.
 */
static uint32_t slot_home(const struct map *map, uint64_t key)
{
	return (uint32_t)((key * SPREAD) >> (64 - __builtin_ctz(map->slot_count)));
}

/* The slot that holds key, or the empty one where it would go. Ends, since at least half of the slots are empty. */
static struct map_slot *slot_of(const struct map *map, uint64_t key)
{
	ringcast_assert_slow(map->count <= map->capacity);
	uint32_t mask = map->slot_count - 1;
	uint32_t index = slot_home(map, key);
	while (map->slots[index].value != 0 && map->slots[index].key != key)
		index = (index + 1) & mask;
	return &map->slots[index];
}

bool ringcast_map_init(struct map *map, uint32_t capacity)
{
	ringcast_assert(capacity > 0);
	ringcast_assert(capacity <= UINT32_C(1) << 30);
	uint32_t slot_count = 4;
	while (slot_count < 2 * capacity)
		slot_count *= 2;
	struct map_slot *slots = ringcast_pages_reserve(slot_count * sizeof(*slots));
	if (slots == NULL)
		return false;
	*map = (struct map){.slots = slots, .slot_count = slot_count, .capacity = capacity};
	return true;
}

void ringcast_map_fini(struct map *map)
{
	ringcast_pages_release(map->slots, map->slot_count * sizeof(*map->slots));
	*map = (struct map){0};
}

static bool slot_fill(struct map *map, struct map_slot *slot, uint64_t key, uint64_t value)
{
	ringcast_assert(slot->value == 0);
	if (map->count == map->capacity)
		return false;
	*slot = (struct map_slot){.key = key, .value = value};
	map->count++;
	return true;
}

bool ringcast_map_add(struct map *map, uint64_t key, uint64_t value)
{
	ringcast_assert(value != 0);
	return slot_fill(map, slot_of(map, key), key, value);
}

uint64_t ringcast_map_find(const struct map *map, uint64_t key)
{
	return slot_of(map, key)->value;
}

bool ringcast_map_set(struct map *map, uint64_t key, uint64_t value)
{
	ringcast_assert(value != 0);
	struct map_slot *slot = slot_of(map, key);
	if (slot->value == 0)
		return slot_fill(map, slot, key, value);
	slot->value = value;
	return true;
}

/*
 * Closes the gap at index: an entry further along the run moves back into it if its home is not between the gap and itself,
 * so that no tombstones are needed and lookups stay as short as if the removed entry had never been.
 */
static void gap_close(struct map *map, uint32_t gap)
{
	uint32_t mask = map->slot_count - 1;
	for (uint32_t index = (gap + 1) & mask; map->slots[index].value != 0; index = (index + 1) & mask) {
		uint32_t home = slot_home(map, map->slots[index].key);
		if (((index - home) & mask) < ((index - gap) & mask))
			continue;
		map->slots[gap] = map->slots[index];
		gap = index;
	}
	map->slots[gap] = (struct map_slot){0};
}

bool ringcast_map_remove(struct map *map, uint64_t key)
{
	struct map_slot *slot = slot_of(map, key);
	if (slot->value == 0)
		return false;
	ringcast_assert(map->count > 0);
	map->count--;
	gap_close(map, (uint32_t)(slot - map->slots));
	return true;
}
