#include "service/model/text_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"

enum { SLOTS_AT_FIRST = 16 };

void ringcast_text_index_init(struct text_index *index, uint64_t seed)
{
	*index = (struct text_index){.seed = seed};
}

void ringcast_text_index_fini(struct text_index *index)
{
	free(index->entries);
	index->entries = NULL;
	index->slot_count = index->count = 0;
}

/* Where the text stands, or the free slot where it would. */
static size_t slot_of(const struct text_index *index, const char *text, uint64_t hash)
{
	size_t mask = index->slot_count - 1, slot = hash & mask;
	while (index->entries[slot].text != NULL && (index->entries[slot].hash != hash || strcmp(index->entries[slot].text, text) != 0))
		slot = (slot + 1) & mask;
	return slot;
}

static bool grow(struct text_index *index)
{
	struct text_index larger = {.seed = index->seed, .slot_count = index->slot_count > 0 ? 2 * index->slot_count : SLOTS_AT_FIRST};
	larger.entries = calloc(larger.slot_count, sizeof(*larger.entries));
	if (larger.entries == NULL)
		return false;
	for (size_t i = 0; i < index->slot_count; i++)
		if (index->entries[i].text != NULL)
			larger.entries[slot_of(&larger, index->entries[i].text, index->entries[i].hash)] = index->entries[i];
	larger.count = index->count;
	free(index->entries);
	*index = larger;
	return true;
}

bool ringcast_text_index_add(struct text_index *index, const char *text, void *object)
{
	uint64_t hash = ringcast_hash_bytes(text, strlen(text), index->seed);
	if (2 * (index->count + 1) > index->slot_count && !grow(index))
		return false;
	size_t slot = slot_of(index, text, hash);
	ringcast_assert(index->entries[slot].text == NULL);
	index->entries[slot] = (struct text_entry){text, object, hash};
	index->count++;
	return true;
}

void *ringcast_text_index_find(const struct text_index *index, const char *text)
{
	if (index->count == 0)
		return NULL;
	return index->entries[slot_of(index, text, ringcast_hash_bytes(text, strlen(text), index->seed))].object;
}

/* Moves back what stands behind the hole because its own place was taken. */
static void close_hole(struct text_index *index, size_t hole)
{
	size_t mask = index->slot_count - 1;
	for (size_t slot = (hole + 1) & mask; index->entries[slot].text != NULL; slot = (slot + 1) & mask) {
		size_t wish = index->entries[slot].hash & mask;
		if (((slot - wish) & mask) < ((slot - hole) & mask))
			continue;
		index->entries[hole] = index->entries[slot];
		index->entries[slot] = (struct text_entry){0};
		hole = slot;
	}
}

void ringcast_text_index_remove(struct text_index *index, const char *text)
{
	ringcast_assert(index->count > 0);
	size_t slot = slot_of(index, text, ringcast_hash_bytes(text, strlen(text), index->seed));
	ringcast_assert(index->entries[slot].text != NULL);
	index->entries[slot] = (struct text_entry){0};
	index->count--;
	close_hole(index, slot);
}
