#include "control/audit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "control/http_reply.h"
#include "control/time_text.h"

struct kept {
	uint64_t number; /* of the trail, from 1 on */
	struct timespec at;
	char surface[12], who[80], role[12], what[80], object[400], answer[48], address[64];
};

struct ring {
	uint64_t count;	      /* ever */
	uint32_t entries_max;
	struct kept *entries; /* the nth lies at n % entries_max */
};

enum { CHANGES, TRAFFIC, RING_COUNT };

struct audit {
	pthread_mutex_t lock; /* guards count, rings and entries */
	uint64_t count;	      /* ever; the newest one's number */
	struct ring rings[RING_COUNT];
	struct kept entries[]; /* of one ring, then of the other */
};

struct audit *ringcast_audit_create(uint32_t entries_max)
{
	ringcast_assert(entries_max > 0);
	struct audit *audit = calloc(1, sizeof(*audit) + (size_t)entries_max * RING_COUNT * sizeof(audit->entries[0])); /* untouched pages cost nothing */
	if (!audit)
		return NULL;
	for (size_t i = 0; i < RING_COUNT; i++)
		audit->rings[i] = (struct ring){.entries_max = entries_max, .entries = &audit->entries[i * entries_max]};
	pthread_mutex_init(&audit->lock, NULL);
	return audit;
}

void ringcast_audit_destroy(struct audit **audit)
{
	ringcast_assert(audit);
	if (!*audit)
		return;
	pthread_mutex_destroy(&(*audit)->lock);
	free(*audit);
	*audit = NULL;
}

#define KEEP(to, text) snprintf(to, sizeof(to), "%s", text)

void ringcast_audit_note(struct audit *audit, const struct audit_entry *entry)
{
	ringcast_assert(audit && entry);
	pthread_mutex_lock(&audit->lock);
	struct ring *ring = &audit->rings[entry->is_traffic ? TRAFFIC : CHANGES];
	struct kept *kept = &ring->entries[ring->count++ % ring->entries_max];
	kept->number = ++audit->count;
	clock_gettime(CLOCK_REALTIME, &kept->at);
	KEEP(kept->surface, entry->surface);
	KEEP(kept->who, entry->who);
	KEEP(kept->role, entry->role);
	KEEP(kept->what, entry->what);
	KEEP(kept->object, entry->object);
	KEEP(kept->answer, entry->answer);
	KEEP(kept->address, entry->address);
	pthread_mutex_unlock(&audit->lock);
}

static void put(json_t *json, const char *key, const char *text)
{
	json_object_set_new(json, key, ringcast_http_text(text, strlen(text)));
}

static json_t *show(const struct kept *kept)
{
	char at[TIME_TEXT_BYTES];
	json_t *json = json_object();
	ringcast_time_text((uint64_t)kept->at.tv_sec, (uint32_t)kept->at.tv_nsec, TIME_MILLISECONDS, at);
	json_object_set_new(json, "number", json_integer((json_int_t)kept->number));
	put(json, "at", at);
	put(json, "surface", kept->surface);
	put(json, "who", kept->who);
	put(json, "role", kept->role);
	put(json, "what", kept->what);
	put(json, "object", kept->object);
	put(json, "answer", kept->answer);
	put(json, "address", kept->address);
	return json;
}

static uint64_t oldest_of(const struct ring *ring)
{
	return ring->count > ring->entries_max ? ring->count - ring->entries_max : 0;
}

static const struct kept *at(const struct ring *ring, uint64_t n)
{
	return &ring->entries[n % ring->entries_max];
}

/* One behind the newest of a ring whose number is below this. */
static uint64_t end_before(const struct ring *ring, uint64_t number)
{
	uint64_t low = oldest_of(ring), high = ring->count;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		if (at(ring, middle)->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The newest of all rings before these ends, and its end moves; NULL: there are no more. */
static const struct kept *take_newest(const struct audit *audit, uint64_t ends[RING_COUNT])
{
	const struct kept *newest = NULL;
	size_t whose = 0;
	for (size_t i = 0; i < RING_COUNT; i++) {
		const struct kept *kept = ends[i] > oldest_of(&audit->rings[i]) ? at(&audit->rings[i], ends[i] - 1) : NULL;
		if (!kept || (newest && newest->number > kept->number))
			continue;
		newest = kept;
		whose = i;
	}
	ends[whose] -= newest != NULL;
	return newest;
}

json_t *ringcast_audit_list(struct audit *audit, uint64_t before, uint32_t limit)
{
	ringcast_assert(audit);
	json_t *entries = json_array();
	uint64_t ends[RING_COUNT];
	const struct kept *kept;
	pthread_mutex_lock(&audit->lock);
	for (size_t i = 0; i < RING_COUNT; i++)
		ends[i] = end_before(&audit->rings[i], before > 0 ? before : UINT64_MAX);
	while ((kept = take_newest(audit, ends)) != NULL && limit-- > 0)
		json_array_append_new(entries, show(kept));
	json_t *page = json_pack("{s:o, s:I}", "entries", entries, "total", (json_int_t)audit->count);
	if (kept)
		json_object_set_new(page, "next", json_integer((json_int_t)kept->number + 1));
	pthread_mutex_unlock(&audit->lock);
	return page;
}

void ringcast_audit_hear_service(void *context, const char *caller, const char *operation, const char *resource, const char *result, bool is_traffic)
{
	const struct audit_entry entry = {.surface = "service", .who = caller, .role = "", .what = operation, .object = resource, .answer = result, .address = "",
					  .is_traffic = is_traffic};
	ringcast_audit_note(context, &entry);
}
