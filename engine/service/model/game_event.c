#include "service/model/game_event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "service/model/stream.h"

struct waiting {
	struct list_node node;
	char session[HOST_ID_BYTES], name[HOST_TEXT_BYTES];
	char json[]; /* with NUL */
};

void ringcast_game_events_init(struct game_events *events)
{
	*events = (struct game_events){0};
	ringcast_list_init(&events->waiting);
}

static struct waiting *take_first(struct game_events *events)
{
	struct waiting *first = CONTAINER_OF(events->waiting.next, struct waiting, node);
	ringcast_list_remove(&first->node);
	events->count--;
	return first;
}

void ringcast_game_events_fini(struct game_events *events)
{
	while (!ringcast_list_is_empty(&events->waiting))
		free(take_first(events));
}

/* Takes it. */
static void tell(struct model *model, const struct game_session *session, struct waiting *event)
{
	ringcast_stream_game(model, session, event->session, event->name, event->json);
	free(event);
}

static struct waiting *make(const struct host_event *event)
{
	const char *json = json_string_value(event->found);
	size_t bytes = json != NULL ? strlen(json) + 1 : 0;
	struct waiting *made = json != NULL ? calloc(1, sizeof(*made) + bytes) : NULL;
	if (made == NULL)
		return NULL;
	snprintf(made->session, sizeof(made->session), "%s", event->session);
	snprintf(made->name, sizeof(made->name), "%s", event->text);
	memcpy(made->json, json, bytes);
	return made;
}

void ringcast_game_event_hear(struct model *model, const struct host_event *event)
{
	struct game_events *events = &model->game_events;
	const struct game_session *session = ringcast_game_session_of_host(&model->sessions, event->session);
	struct waiting *made = model->settings.has_stream ? make(event) : NULL;
	if (made == NULL) {
		model->events_lost_count += model->settings.has_stream;
		return;
	}
	if (session != NULL || events->creating_count == 0) {
		tell(model, session, made);
		return;
	}
	if (events->count == GAME_EVENTS_WAITING_MAX) /* the oldest goes on as a stranger's, rather than not at all */
		tell(model, NULL, take_first(events));
	ringcast_list_add_tail(&events->waiting, &made->node);
	events->count++;
}

void ringcast_game_events_place(struct model *model, const struct game_session *session)
{
	struct game_events *events = &model->game_events;
	for (struct list_node *node = events->waiting.next, *next; node != &events->waiting; node = next) {
		struct waiting *event = CONTAINER_OF(node, struct waiting, node);
		next = node->next;
		if (strcmp(event->session, session->host_session) != 0)
			continue;
		ringcast_list_remove(&event->node);
		events->count--;
		tell(model, session, event);
	}
}

void ringcast_game_events_creation_begun(struct model *model)
{
	model->game_events.creating_count++;
}

void ringcast_game_events_creation_answered(struct model *model)
{
	struct game_events *events = &model->game_events;
	ringcast_assert(events->creating_count > 0);
	if (--events->creating_count > 0)
		return;
	while (!ringcast_list_is_empty(&events->waiting))
		tell(model, NULL, take_first(events));
}
