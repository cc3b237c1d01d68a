#include "service/model/unsettled.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"

enum { PLACES_AT_FIRST = 64 };

void ringcast_unsettled_fini(struct unsettled *unsettled)
{
	free(unsettled->entries);
	*unsettled = (struct unsettled){.seed = unsettled->seed};
}

static uint64_t hash_of(const struct unsettled *unsettled, unsigned kind, const char *id)
{
	return ringcast_hash_bytes(id, strlen(id), unsettled->seed + kind);
}

/* Its own place, or the free one where it would be. */
static struct unsettled_entry *place_of(struct unsettled_entry *entries, size_t capacity, uint64_t hash)
{
	size_t place = hash & (capacity - 1);
	while (entries[place].number != 0 && entries[place].hash != hash)
		place = (place + 1) & (capacity - 1);
	return &entries[place];
}

static bool grow(struct unsettled *unsettled)
{
	size_t capacity = unsettled->capacity > 0 ? 2 * unsettled->capacity : PLACES_AT_FIRST;
	struct unsettled_entry *entries = calloc(capacity, sizeof(*entries));
	if (entries == NULL)
		return false;
	for (size_t i = 0; i < unsettled->capacity; i++)
		if (unsettled->entries[i].number != 0)
			*place_of(entries, capacity, unsettled->entries[i].hash) = unsettled->entries[i];
	free(unsettled->entries);
	unsettled->entries = entries;
	unsettled->capacity = capacity;
	return true;
}

void ringcast_unsettled_note(struct unsettled *unsettled, unsigned kind, const char *id, uint64_t number)
{
	ringcast_assert(kind < UNSETTLED_KINDS_MAX && number != 0);
	unsettled->newest_of[kind] = number;
	if (2 * (unsettled->count + 1) > unsettled->capacity && !grow(unsettled)) {
		unsettled->newest_lost = number;
		return;
	}
	uint64_t hash = hash_of(unsettled, kind, id);
	struct unsettled_entry *entry = place_of(unsettled->entries, unsettled->capacity, hash);
	unsettled->count += entry->number == 0;
	*entry = (struct unsettled_entry){hash, number};
}

void ringcast_unsettled_clear(struct unsettled *unsettled)
{
	bool is_too_large = unsettled->capacity > PLACES_AT_FIRST && 16 * unsettled->count < unsettled->capacity;
	if (is_too_large) {
		free(unsettled->entries);
		unsettled->entries = NULL;
		unsettled->capacity = 0;
	} else if (unsettled->count > 0) {
		memset(unsettled->entries, 0, unsettled->capacity * sizeof(*unsettled->entries));
	}
	memset(unsettled->newest_of, 0, sizeof(unsettled->newest_of));
	unsettled->newest_lost = 0;
	unsettled->count = 0;
}

uint64_t ringcast_unsettled_number(const struct unsettled *unsettled, unsigned kind, const char *id)
{
	uint64_t number = unsettled->newest_of[kind];
	if (id != NULL && number != 0)
		number = unsettled->count > 0 ? place_of(unsettled->entries, unsettled->capacity, hash_of(unsettled, kind, id))->number : 0;
	return number > unsettled->newest_lost ? number : unsettled->newest_lost;
}
