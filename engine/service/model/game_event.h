/*
 * What games emit for those outside, on its way into the stream. An event may overtake the answer that names its session: while any session is being
 * created, what a stranger emits waits for that. Sessions that the service has not created have no ARN; their events are told all the same.
 */
#ifndef RINGCAST_SERVICE_MODEL_GAME_EVENT_H
#define RINGCAST_SERVICE_MODEL_GAME_EVENT_H

#include "service/model/model.h"

enum { GAME_EVENTS_WAITING_MAX = 256 };

void ringcast_game_events_init(struct game_events *events);
void ringcast_game_events_fini(struct game_events *events);
/* event->text is its name, event->found a text of JSON, whole. */
void ringcast_game_event_hear(struct model *model, const struct host_event *event);
/* The session has its name now. */
void ringcast_game_events_place(struct model *model, const struct game_session *session);
/* By the loop: one more session is being created by a host; a host has answered about one. */
void ringcast_game_events_creation_begun(struct model *model);
void ringcast_game_events_creation_answered(struct model *model);

#endif
