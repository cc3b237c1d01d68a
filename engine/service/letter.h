/* An event that a webhook did not take, on its way to the loop that keeps it. */
#ifndef RINGCAST_SERVICE_LETTER_H
#define RINGCAST_SERVICE_LETTER_H

#include "base/list.h"
#include "service/events/event.h"

struct letter {
	struct list_node node;
	struct service_event *event; /* owned, as are the texts */
	char *url, *error;
};

struct letter *ringcast_letter_create(const char *url, const struct service_event *event, const char *error); /* copies; NULL: out of memory */
void ringcast_letter_destroy(struct letter **letter); /* accepts NULL inside, nulls */
void ringcast_letters_free(struct list_node *list);

#endif
