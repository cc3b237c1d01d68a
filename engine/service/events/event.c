#include "service/events/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct service_event *event_new(const char *type, const char *resource, char *detail)
{
	struct service_event *event = calloc(1, sizeof(*event));
	if (event != NULL) {
		snprintf(event->type, sizeof(event->type), "%s", type);
		event->resource = strdup(resource);
		event->detail = detail;
	}
	if (event != NULL && event->resource != NULL && event->detail != NULL)
		return event;
	if (event != NULL)
		free(event->resource);
	free(event);
	free(detail);
	return NULL;
}

struct service_event *ringcast_event_create(const char *type, const char *resource, json_t *detail)
{
	char *text = json_dumps(detail, JSON_COMPACT);
	json_decref(detail);
	return event_new(type, resource, text);
}

void ringcast_event_time(int64_t ms, char ret_text[EVENT_TIME_BYTES])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm parts;
	gmtime_r(&seconds, &parts);
	size_t used = strftime(ret_text, EVENT_TIME_BYTES, "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(ret_text + used, EVENT_TIME_BYTES - used, ".%03dZ", (int)(ms % 1000));
}

struct service_event *ringcast_event_copy(const struct service_event *event)
{
	struct service_event *copy = event_new(event->type, event->resource, strdup(event->detail));
	if (copy != NULL) {
		copy->number = event->number;
		copy->at_ms = event->at_ms;
	}
	return copy;
}

void ringcast_event_destroy(struct service_event **event)
{
	if (*event == NULL)
		return;
	free((*event)->resource);
	free((*event)->detail);
	free(*event);
	*event = NULL;
}
