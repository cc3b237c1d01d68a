/*
 * The stream of what happened, for the outside: sessions, players, fleets. The model emits events in order and numbers them; the loop hands them on;
 * webhooks deliver them. Texts, because an event crosses threads.
 */
#ifndef RINGCAST_SERVICE_EVENTS_EVENT_H
#define RINGCAST_SERVICE_EVENTS_EVENT_H

#include <jansson.h>
#include <stdint.h>

#include "base/list.h"

enum { EVENT_TYPE_BYTES = 48, EVENT_TIME_BYTES = 40 };

struct service_event {
	struct list_node node; /* whoever has it */
	uint64_t number;       /* from 1, without a gap, since the service started */
	int64_t at_ms;
	char type[EVENT_TYPE_BYTES]; /* "GameSessionActive" */
	char *resource;		     /* an ARN; owned */
	char *detail;		     /* a JSON object; owned */
};

/* detail is taken. NULL: out of memory. */
struct service_event *ringcast_event_create(const char *type, const char *resource, json_t *detail);
struct service_event *ringcast_event_copy(const struct service_event *event); /* in no list; NULL: out of memory */
void ringcast_event_time(int64_t ms, char ret_text[EVENT_TIME_BYTES]); /* ISO 8601 with milliseconds */
void ringcast_event_destroy(struct service_event **event); /* accepts NULL inside, nulls */

#endif
