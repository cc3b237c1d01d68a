#include "service/model/model.h"

#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "";
}

static void find_players(struct model *model, struct game_session *session, const json_t *players)
{
	size_t i;
	json_t *player;
	json_array_foreach(players, i, player) {
		enum player_session_status status;
		const char *id = text_of(player, "PlayerSessionId");
		if (ringcast_player_session_find(&model->sessions, id) != NULL || !ringcast_player_session_status_find(text_of(player, "Status"), &status))
			continue;
		int64_t created_ms = json_integer_value(json_object_get(player, "CreationTime"));
		struct player_session *added = ringcast_player_session_add(&model->sessions, session, id, text_of(player, "PlayerId"),
									   text_of(player, "PlayerData"), created_ms);
		if (added == NULL)
			return;
		if (status == PLAYER_SESSION_COMPLETED)
			ringcast_player_session_move(added, PLAYER_SESSION_ACTIVE, model->now_ms);
		ringcast_player_session_move(added, status, model->now_ms);
	}
}

static void find_place(struct game_session *session, const json_t *found)
{
	const json_t *place = json_object_get(found, "place");
	session->address = calloc(1, sizeof(*session->address));
	if (session->address == NULL)
		return;
	session->address->port = (uint16_t)json_integer_value(json_object_get(place, "Port"));
	strncpy(session->address->ip_address, text_of(place, "IpAddress"), sizeof(session->address->ip_address) - 1);
	strncpy(session->address->dns_name, text_of(place, "DnsName"), sizeof(session->address->dns_name) - 1);
	strncpy(session->address->compute, text_of(found, "compute"), sizeof(session->address->compute) - 1);
}

void ringcast_model_find(struct model *model, const struct host_event *event)
{
	const json_t *found = event->found, *shown = json_object_get(found, "facts");
	const char *arn = text_of(shown, "GameSessionId"), *fleet = text_of(shown, "FleetId"), *id = strrchr(arn, '/');
	if (id == NULL || strlen(++id) >= GAME_SESSION_ID_BYTES || ringcast_game_session_of_host(&model->sessions, event->session) != NULL)
		return;
	if (ringcast_game_session_find(&model->sessions, fleet, id) != NULL) { /* somebody was quicker to ask for one of that name again */
		ringcast_model_disown(model, MODEL_HOST_CUSTOM, event->session);
		return;
	}
	struct game_session *session = ringcast_game_session_add(&model->sessions, fleet, text_of(shown, "Location"), id, shown,
								 json_integer_value(json_object_get(found, "created_ms")));
	if (session == NULL)
		return;
	if (!ringcast_game_session_name_host(&model->sessions, session, event->session)) {
		ringcast_game_session_remove(&model->sessions, session);
		return;
	}
	ringcast_game_session_set_host(&model->sessions, session, MODEL_HOST_CUSTOM);
	session->event_sequence = event->sequence;
	session->digest = strtoull(text_of(shown, "RequestDigest"), NULL, 16);
	session->players_max = (uint32_t)json_integer_value(json_object_get(found, "players_max"));
	session->is_deny_all = json_is_true(json_object_get(found, "is_deny_all"));
	find_place(session, found);
	if (json_is_true(json_object_get(found, "is_active")))
		ringcast_game_session_move(&model->sessions, session, GAME_SESSION_ACTIVE, "", model->now_ms);
	find_players(model, session, json_object_get(found, "players"));
	if (model->session_found != NULL)
		model->session_found(model, session);
}
