#include "service/model/stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Takes the detail. */
static void emit(struct model *model, const char *type, const char *resource, json_t *detail)
{
	struct service_event *event = ringcast_event_create(type, resource, detail);
	model->stream_number++; /* also where memory is short, so that whoever counts notices */
	if (event == NULL) {
		model->events_lost_count++;
		return;
	}
	event->number = model->stream_number;
	event->at_ms = model->now_ms;
	ringcast_list_add_tail(&model->stream, &event->node);
}

void ringcast_stream_tell(struct model *model, const char *type, const char *resource, json_t *detail)
{
	if (model->settings.has_stream)
		emit(model, type, resource, detail);
	else
		json_decref(detail);
}

static json_t *session_detail(const struct model *model, const struct game_session *session, char ret_arn[MODEL_ARN_BYTES])
{
	char fleet[MODEL_ARN_BYTES];
	ringcast_model_session_arn(model, session, ret_arn);
	snprintf(fleet, sizeof(fleet), "%.*s", (int)session->fleet_bytes, session->key);
	return json_pack("{s:s, s:s, s:s, s:i, s:i}", "gameSessionArn", ret_arn, "fleetId", fleet, "location", session->location, "currentPlayerSessionCount",
			 (int)session->player_count, "maximumPlayerSessionCount", (int)session->players_max);
}

void ringcast_stream_session(struct model *model, const struct game_session *session)
{
	static const char *const types[] = {
		[GAME_SESSION_ACTIVATING] = "GameSessionActivating",   [GAME_SESSION_ACTIVE] = "GameSessionActive", [GAME_SESSION_TERMINATING] = "GameSessionTerminating",
		[GAME_SESSION_TERMINATED] = "GameSessionTerminated", [GAME_SESSION_ERROR] = "GameSessionError",
	};
	char arn[MODEL_ARN_BYTES];
	json_t *detail = session_detail(model, session, arn);
	if (*session->status_reason != '\0')
		json_object_set_new(detail, "statusReason", json_string(session->status_reason));
	emit(model, types[session->status], arn, detail);
}

void ringcast_stream_player(struct model *model, const struct player_session *player)
{
	static const char *const types[] = {
		[PLAYER_SESSION_RESERVED] = "PlayerSessionReserved", [PLAYER_SESSION_ACTIVE] = "PlayerSessionActive",
		[PLAYER_SESSION_COMPLETED] = "PlayerSessionCompleted", [PLAYER_SESSION_TIMEDOUT] = "PlayerSessionTimedOut",
	};
	char arn[MODEL_ARN_BYTES];
	json_t *detail = session_detail(model, player->session, arn);
	json_object_set_new(detail, "playerSessionId", json_string(player->id));
	json_object_set_new(detail, "playerId", json_string(player->player_id));
	emit(model, types[player->status], arn, detail);
}

void ringcast_stream_fleet(struct model *model, const json_t *fleet_event)
{
	char arn[MODEL_ARN_BYTES];
	const char *fleet = json_string_value(json_object_get(fleet_event, "ResourceId"));
	ringcast_model_arn(model, "fleet", fleet != NULL ? fleet : "", arn);
	emit(model, "FleetEvent", arn,
	     json_pack("{s:s?, s:O?, s:O?, s:O?}", "fleetId", fleet, "eventCode", json_object_get(fleet_event, "EventCode"), "message",
		       json_object_get(fleet_event, "Message"), "count", json_object_get(fleet_event, "Count")));
}

void ringcast_stream_game(struct model *model, const struct game_session *session, const char *host_session, const char *name, const char *json)
{
	char arn[MODEL_ARN_BYTES];
	json_t *data = json_loads(json, JSON_DECODE_ANY, NULL), *detail = session != NULL ? session_detail(model, session, arn) : json_object();
	if (data == NULL || detail == NULL) {
		json_decref(data);
		json_decref(detail);
		model->events_lost_count++;
		return;
	}
	json_object_set_new(detail, "sessionId", json_string(host_session));
	json_object_set_new(detail, "eventName", json_string(name));
	json_object_set_new(detail, "eventData", data);
	emit(model, "GameSessionEvent", session != NULL ? arn : host_session, detail);
}

static void put_member(json_t *detail, const char *name, const json_t *value)
{
	if (value != NULL)
		json_object_set(detail, name, (json_t *)value);
}

static void put_time(json_t *detail, const char *name, const json_t *seconds)
{
	char text[EVENT_TIME_BYTES];
	ringcast_event_time((int64_t)(json_number_value(seconds) * 1000 + 0.5), text);
	json_object_set_new(detail, name, json_string(text));
}

static json_t *placed_players(const json_t *placed)
{
	size_t i;
	json_t *player, *list = json_array();
	json_array_foreach(placed, i, player)
		json_array_append_new(list, json_pack("{s:O?, s:O?}", "playerId", json_object_get(player, "PlayerId"), "playerSessionId",
						      json_object_get(player, "PlayerSessionId")));
	return list;
}

/* As the vendor has it: the port is a text. */
static void put_game_session(json_t *detail, const json_t *placement)
{
	const json_t *port = json_object_get(placement, "Port");
	put_member(detail, "gameSessionArn", json_object_get(placement, "GameSessionArn"));
	put_member(detail, "gameSessionRegion", json_object_get(placement, "GameSessionRegion"));
	put_member(detail, "ipAddress", json_object_get(placement, "IpAddress"));
	put_member(detail, "dnsName", json_object_get(placement, "DnsName"));
	if (port != NULL)
		json_object_set_new(detail, "port", json_sprintf("%" JSON_INTEGER_FORMAT, json_integer_value(port)));
	json_object_set_new(detail, "placedPlayerSessions", placed_players(json_object_get(placement, "PlacedPlayerSessions")));
}

void ringcast_stream_placement(struct model *model, const json_t *placement, const char *type)
{
	char arn[MODEL_ARN_BYTES];
	const char *name = json_string_value(json_object_get(placement, "GameSessionQueueName"));
	const json_t *queue = ringcast_records_find(&model->records, RECORD_QUEUE, name != NULL ? name : "");
	ringcast_model_arn(model, "gamesessionqueue", name != NULL ? name : "", arn);
	json_t *detail = json_pack("{s:O?}", "placementId", json_object_get(placement, "PlacementId"));
	put_time(detail, "startTime", json_object_get(placement, "StartTime"));
	put_time(detail, "endTime", json_object_get(placement, "EndTime"));
	put_member(detail, "customEventData", json_object_get(queue, "CustomEventData"));
	if (json_object_get(placement, "GameSessionArn") != NULL)
		put_game_session(detail, placement);
	emit(model, type, arn, detail);
}

/* Dead letters */

static void forget_oldest(struct model *model)
{
	char id[64];
	while (ringcast_records_count(&model->records, RECORD_LETTER) >= model->settings.letters_max) {
		snprintf(id, sizeof(id), "%s", ringcast_records_next(&model->records, RECORD_LETTER, "")->id);
		if (!ringcast_records_remove(&model->records, RECORD_LETTER, id))
			return;
	}
}

void ringcast_letter_put(struct model *model, const char *url, const struct service_event *event, const char *error)
{
	char id[64];
	int64_t moment = model->now_ms * 1000;
	forget_oldest(model);
	model->event_moment = moment > model->event_moment ? moment : model->event_moment + 1;
	snprintf(id, sizeof(id), "%020" PRId64, model->event_moment);
	json_t *letter = json_pack("{s:s, s:s, s:o, s:s, s:s, s:s, s:I, s:I}", "id", id, "url", url, "failed_at", ringcast_model_time(model->now_ms), "error", error,
				   "type", event->type, "resource", event->resource, "number", (json_int_t)event->number, "at_ms", (json_int_t)event->at_ms);
	json_t *detail = json_loads(event->detail, 0, NULL);
	if (json_object_set_new(letter, "detail", detail) == 0 && ringcast_records_put(&model->records, RECORD_LETTER, id, letter))
		return;
	model->events_lost_count++;
}

struct service_event *ringcast_letter_open(const json_t *letter, const char **ret_url)
{
	const char *type = json_string_value(json_object_get(letter, "type")), *resource = json_string_value(json_object_get(letter, "resource"));
	*ret_url = json_string_value(json_object_get(letter, "url"));
	if (type == NULL || resource == NULL || *ret_url == NULL)
		return NULL;
	struct service_event *event = ringcast_event_create(type, resource, json_deep_copy(json_object_get(letter, "detail")));
	if (event != NULL) {
		event->number = (uint64_t)json_integer_value(json_object_get(letter, "number"));
		event->at_ms = json_integer_value(json_object_get(letter, "at_ms"));
	}
	return event;
}
