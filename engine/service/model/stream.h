/*
 * What the model tells the outside (service/events): put in order and numbered here, taken by the loop after each turn. Where nobody wants to
 * know, nothing is made.
 */
#ifndef RINGCAST_SERVICE_MODEL_STREAM_H
#define RINGCAST_SERVICE_MODEL_STREAM_H

#include "service/model/model.h"

void ringcast_stream_session(struct model *model, const struct game_session *session); /* by its status */
void ringcast_stream_player(struct model *model, const struct player_session *player);
void ringcast_stream_fleet(struct model *model, const json_t *fleet_event); /* as the API shows it; it is durable */
/* session NULL: one that the service has not created. host_session: the host's name for it. json: whole. */
void ringcast_stream_game(struct model *model, const struct game_session *session, const char *host_session, const char *name, const char *json);

void ringcast_stream_placement(struct model *model, const json_t *placement, const char *type); /* the record of one that has ended; it is durable */
/* Of what has no function of its own here. Takes the detail. */
void ringcast_stream_tell(struct model *model, const char *type, const char *resource, json_t *detail);

/* Dead letters: events that a webhook did not take, as records, the newest ones. */
void ringcast_letter_put(struct model *model, const char *url, const struct service_event *event, const char *error);
/* The event of a letter, and where it should have gone (borrowed). NULL: out of memory. */
struct service_event *ringcast_letter_open(const json_t *letter, const char **ret_url);

#endif
