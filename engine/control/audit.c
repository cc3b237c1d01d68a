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
	struct timespec at;
	char surface[12], who[80], role[12], what[80], object[400], answer[48], address[64];
};

struct audit {
	pthread_mutex_t lock; /* guards count and entries */
	uint64_t count;	      /* ever; the newest one's number */
	uint32_t entries_max;
	struct kept entries[]; /* of number n: n % entries_max */
};

struct audit *ringcast_audit_create(uint32_t entries_max)
{
	ringcast_assert(entries_max > 0);
	struct audit *audit = calloc(1, sizeof(*audit) + (size_t)entries_max * sizeof(audit->entries[0])); /* untouched pages cost nothing */
	if (!audit)
		return NULL;
	audit->entries_max = entries_max;
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
	struct kept *kept = &audit->entries[++audit->count % audit->entries_max];
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

static json_t *show(uint64_t number, const struct kept *kept)
{
	char at[TIME_TEXT_BYTES];
	json_t *json = json_object();
	ringcast_time_text((uint64_t)kept->at.tv_sec, (uint32_t)kept->at.tv_nsec, TIME_MILLISECONDS, at);
	json_object_set_new(json, "number", json_integer((json_int_t)number));
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

json_t *ringcast_audit_list(struct audit *audit, uint64_t before, uint32_t limit)
{
	ringcast_assert(audit);
	json_t *entries = json_array();
	pthread_mutex_lock(&audit->lock);
	uint64_t total = audit->count, oldest = total > audit->entries_max ? total - audit->entries_max + 1 : 1;
	uint64_t number = before > 0 && before <= total ? before - 1 : total;
	for (; number >= oldest && limit > 0; number--, limit--)
		json_array_append_new(entries, show(number, &audit->entries[number % audit->entries_max]));
	pthread_mutex_unlock(&audit->lock);
	json_t *page = json_pack("{s:o, s:I}", "entries", entries, "total", (json_int_t)total);
	if (number >= oldest)
		json_object_set_new(page, "next", json_integer((json_int_t)number + 1));
	return page;
}

void ringcast_audit_hear_service(void *context, const char *caller, const char *operation, const char *resource, const char *result, const char *request_id)
{
	(void)request_id; /* the log has it */
	const struct audit_entry entry = {.surface = "service", .who = caller, .role = "", .what = operation, .object = resource, .answer = result, .address = ""};
	ringcast_audit_note(context, &entry);
}
