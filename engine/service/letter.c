#include "service/letter.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

struct letter *ringcast_letter_create(const char *url, const struct service_event *event, const char *error)
{
	struct letter *letter = calloc(1, sizeof(*letter));
	if (letter == NULL)
		return NULL;
	letter->event = ringcast_event_copy(event);
	letter->url = strdup(url);
	letter->error = strdup(error);
	if (letter->event == NULL || letter->url == NULL || letter->error == NULL)
		ringcast_letter_destroy(&letter);
	return letter;
}

void ringcast_letter_destroy(struct letter **letter)
{
	if (*letter == NULL)
		return;
	ringcast_event_destroy(&(*letter)->event);
	free((*letter)->url);
	free((*letter)->error);
	free(*letter);
	*letter = NULL;
}

void ringcast_letters_free(struct list_node *list)
{
	while (!ringcast_list_is_empty(list)) {
		struct letter *letter = CONTAINER_OF(list->next, struct letter, node);
		ringcast_list_remove(&letter->node);
		ringcast_letter_destroy(&letter);
	}
}
