#include "service/model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/attr.h"
#include "base/hex.h"
#include "service/model/fleet_event.h"
#include "service/model/game_event.h"
#include "service/model/stream.h"

enum { DISOWN_ATTEMPTS = 16 };

static void session_moved(void *context, const struct game_session *session)
{
	struct model *model = context;
	if (model->settings.has_stream)
		ringcast_stream_session(model, session);
	if (model->session_followed != NULL)
		model->session_followed(model, session);
}

static void player_moved(void *context, const struct player_session *player)
{
	ringcast_stream_player(context, player);
}

void ringcast_resend_destroy(struct resend **resend)
{
	if (*resend == NULL)
		return;
	ringcast_event_destroy(&(*resend)->event);
	free((*resend)->url);
	free(*resend);
	*resend = NULL;
}

void ringcast_model_init(struct model *model, const struct model_settings *settings, uint64_t seed)
{
	*model = (struct model){.settings = *settings};
	ringcast_prng_init(&model->prng, seed);
	ringcast_records_init(&model->records);
	model->records.unsettled.seed = ringcast_prng_next(&model->prng);
	ringcast_game_sessions_init(&model->sessions, ringcast_prng_next(&model->prng));
	model->sessions.left_per_session_max = settings->left_players_per_session_max;
	ringcast_early_news_init(&model->early, ringcast_prng_next(&model->prng));
	ringcast_game_events_init(&model->game_events);
	ringcast_list_init(&model->calls);
	ringcast_list_init(&model->stream);
	ringcast_list_init(&model->resends);
	model->sessions.context = model;
	model->sessions.session_moved = session_moved;
	ringcast_model_set_stream(model, settings->has_stream);
}

void ringcast_model_set_stream(struct model *model, bool has_stream)
{
	model->settings.has_stream = has_stream;
	model->sessions.player_moved = has_stream ? player_moved : NULL;
}

static void stream_fini(struct model *model)
{
	while (!ringcast_list_is_empty(&model->stream)) {
		struct service_event *event = CONTAINER_OF(model->stream.next, struct service_event, node);
		ringcast_list_remove(&event->node);
		ringcast_event_destroy(&event);
	}
	while (!ringcast_list_is_empty(&model->resends)) {
		struct resend *resend = CONTAINER_OF(model->resends.next, struct resend, node);
		ringcast_list_remove(&resend->node);
		ringcast_resend_destroy(&resend);
	}
}

void ringcast_model_fini(struct model *model)
{
	ringcast_fleet_loads_fini(&model->loads);
	stream_fini(model);
	while (!ringcast_list_is_empty(&model->calls)) {
		struct host_call *call = CONTAINER_OF(model->calls.next, struct host_call, node);
		ringcast_list_remove(&call->node);
		ringcast_host_call_destroy(&call);
	}
	ringcast_early_news_fini(&model->early);
	ringcast_game_events_fini(&model->game_events);
	ringcast_game_sessions_fini(&model->sessions);
	ringcast_records_fini(&model->records);
}

void ringcast_model_new_id(struct model *model, const char *prefix, char ret_id[MODEL_ID_BYTES])
{
	uint8_t bytes[HEX_UUID_BYTES];
	ringcast_prng_fill(&model->prng, bytes, sizeof(bytes));
	bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40); /* RFC 9562, version 4 */
	bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
	size_t used = (size_t)snprintf(ret_id, MODEL_ID_BYTES, "%s", prefix);
	ringcast_assert(used + HEX_UUID_TEXT_BYTES <= MODEL_ID_BYTES);
	ringcast_hex_write_uuid(bytes, ret_id + used);
}

void ringcast_model_arn(const struct model *model, const char *resource, const char *id, char ret_arn[MODEL_ARN_BYTES])
{
	snprintf(ret_arn, MODEL_ARN_BYTES, "arn:aws:gamelift:%s::%s/%s", model->settings.region, resource, id);
}

const char *ringcast_model_id_of(const char *text, const char *resource)
{
	char middle[64];
	snprintf(middle, sizeof(middle), ":%s/", resource);
	const char *found = strncmp(text, "arn:", 4) == 0 ? strstr(text, middle) : NULL;
	return found != NULL ? found + strlen(middle) : text;
}

json_t *ringcast_model_time(int64_t ms)
{
	return json_real((double)ms / 1000);
}

/* Showing */

static void put_text(json_t *json, const char *name, const char *text)
{
	if (text != NULL && *text != '\0')
		json_object_set_new(json, name, json_string(text));
}

static void put_fleet(const struct model *model, json_t *json, const struct game_session *session)
{
	char fleet[MODEL_ID_BYTES * 4], arn[MODEL_ARN_BYTES];
	snprintf(fleet, sizeof(fleet), "%.*s", (int)session->fleet_bytes, session->key);
	ringcast_model_arn(model, "fleet", fleet, arn);
	put_text(json, "FleetId", fleet);
	put_text(json, "FleetArn", arn);
}

void ringcast_model_session_arn(const struct model *model, const struct game_session *session, char ret_arn[MODEL_ARN_BYTES])
{
	char path[MODEL_ARN_BYTES - 64];
	snprintf(path, sizeof(path), "%.*s/%s%s%s", (int)session->fleet_bytes, session->key, session->location, *session->location != '\0' ? "/" : "",
		 session->id);
	ringcast_model_arn(model, "gamesession", path, ret_arn);
}

static void put_connection(const struct model *model, const struct game_session *session, json_t *json)
{
	if (session->address != NULL) {
		put_text(json, "IpAddress", session->address->ip_address);
		put_text(json, "DnsName", session->address->dns_name);
		json_object_set_new(json, "Port", json_integer(session->address->port));
		return;
	}
	put_text(json, "IpAddress", model->settings.ip_address);
	put_text(json, "DnsName", model->settings.dns_name);
	json_object_set_new(json, "Port", json_integer(model->settings.port));
}

json_t *ringcast_model_show_session(const struct model *model, const struct game_session *session)
{
	char arn[MODEL_ARN_BYTES];
	json_t *json = ringcast_game_facts_show(session->facts);
	if (json == NULL)
		return NULL;
	ringcast_model_session_arn(model, session, arn);
	put_text(json, "GameSessionId", arn);
	put_fleet(model, json, session);
	put_text(json, "Location", session->location);
	put_text(json, "Status", ringcast_game_session_status_name(session->status));
	put_text(json, "StatusReason", session->status_reason);
	put_text(json, "PlayerSessionCreationPolicy", session->is_deny_all ? "DENY_ALL" : "ACCEPT_ALL");
	json_object_set_new(json, "CreationTime", ringcast_model_time(session->created_ms));
	if (ringcast_game_session_is_ended(session))
		json_object_set_new(json, "TerminationTime", ringcast_model_time(session->ended_ms));
	json_object_set_new(json, "CurrentPlayerSessionCount", json_integer(session->player_count));
	json_object_set_new(json, "MaximumPlayerSessionCount", json_integer(session->players_max));
	put_text(json, "ComputeName", session->address != NULL ? session->address->compute : "");
	put_connection(model, session, json);
	return json;
}

json_t *ringcast_model_show_player(const struct model *model, const struct player_session *player)
{
	char arn[MODEL_ARN_BYTES];
	json_t *json = json_object();
	ringcast_model_session_arn(model, player->session, arn);
	put_text(json, "PlayerSessionId", player->id);
	put_text(json, "PlayerId", player->player_id);
	put_text(json, "GameSessionId", arn);
	put_fleet(model, json, player->session);
	json_object_set_new(json, "CreationTime", ringcast_model_time(player->created_ms));
	if (player->ended_ms != 0)
		json_object_set_new(json, "TerminationTime", ringcast_model_time(player->ended_ms));
	put_text(json, "Status", ringcast_player_session_status_name(player->status));
	put_text(json, "PlayerData", player->data);
	put_connection(model, player->session, json);
	return json;
}

/* Hearing */

static void move_player(struct player_session *player, enum host_event_kind kind, int64_t now_ms)
{
	static const enum player_session_status statuses[] = {
		[HOST_PLAYER_ACTIVE] = PLAYER_SESSION_ACTIVE,
		[HOST_PLAYER_COMPLETED] = PLAYER_SESSION_COMPLETED,
		[HOST_PLAYER_TIMEDOUT] = PLAYER_SESSION_TIMEDOUT,
	};
	ringcast_player_session_move(player, statuses[kind], now_ms);
}

static void hear_of_player(struct model *model, const struct game_session *session, const struct host_event *event)
{
	struct player_session *player = ringcast_player_session_find(&model->sessions, event->player);
	if (player == NULL && session->reserve_count > 0)
		ringcast_early_news_note(&model->early, event->player, event, model->now_ms);
	else if (player != NULL && player->session == session)
		move_player(player, event->kind, model->now_ms);
}

/* "FLEET/ID" -> "FLEET" */
static void fleet_of(const struct game_session *session, char ret_fleet[MODEL_ARN_BYTES])
{
	snprintf(ret_fleet, MODEL_ARN_BYTES, "%.*s", (int)session->fleet_bytes, session->key);
}

/* How it ended, in the words of ringcast_change.reason, and what its fleet is told of it. */
static const struct end {
	const char *reason, *code, *text;
	bool is_error_at_start; /* a session whose start came to this is in ERROR, not TERMINATED */
} ends[] = {
	{"activation", "GAME_SESSION_ACTIVATION_TIMEOUT", "its script's start was not through in time", false},
	{"script_failed", "SERVER_PROCESS_CRASHED", "its script failed", true},
	{"script_lost", "SERVER_PROCESS_CRASHED", "the process that ran its script ended", true},
	{"unhealthy", "SERVER_PROCESS_TERMINATED_UNHEALTHY", "its script said that it is unhealthy", true},
};

static void hear_of_end(struct model *model, struct game_session *session, const char *reason)
{
	const struct end *end = NULL;
	char fleet[MODEL_ARN_BYTES];
	for (size_t i = 0; i < ARRAY_COUNT(ends); i++)
		if (strcmp(ends[i].reason, reason) == 0)
			end = &ends[i];
	bool is_error = end != NULL && end->is_error_at_start && session->status == GAME_SESSION_ACTIVATING;
	if (!ringcast_game_session_move(&model->sessions, session, is_error ? GAME_SESSION_ERROR : GAME_SESSION_TERMINATED, session->status_reason,
					model->now_ms) ||
	    end == NULL)
		return;
	fleet_of(session, fleet);
	ringcast_fleet_event_note(model, fleet, end->code, "a game session ended: %s", end->text);
}

static void hear_of_session(struct model *model, struct game_session *session, const struct host_event *event)
{
	if (event->kind == HOST_SESSION_ACTIVE)
		ringcast_game_session_move(&model->sessions, session, GAME_SESSION_ACTIVE, "", model->now_ms);
	else if (event->kind == HOST_SESSION_ENDED)
		hear_of_end(model, session, event->text);
	else if (event->kind == HOST_SESSION_OPENED || event->kind == HOST_SESSION_CLOSED)
		session->is_deny_all = event->kind == HOST_SESSION_CLOSED;
	else
		hear_of_player(model, session, event);
}

static void hear_early(struct model *model, struct game_session *session)
{
	struct early_word word;
	if (!ringcast_early_news_take(&model->early, session->host_session, "", &word))
		return;
	session->event_sequence = word.event.sequence;
	if (word.was_active)
		ringcast_game_session_move(&model->sessions, session, GAME_SESSION_ACTIVE, "", model->now_ms);
	hear_of_session(model, session, &word.event);
}

static bool take_address(struct game_session *session, const struct host_address *address)
{
	if (address->port == 0)
		return true;
	session->address = malloc(sizeof(*session->address));
	if (session->address != NULL)
		*session->address = *address;
	return session->address != NULL;
}

bool ringcast_model_begin(struct model *model, struct game_session *session, const struct host_call *call)
{
	if (!take_address(session, &call->address) || !ringcast_game_session_name_host(&model->sessions, session, call->session))
		return false;
	hear_early(model, session);
	if (call->has_ended)
		ringcast_game_session_move(&model->sessions, session, GAME_SESSION_ERROR, "", model->now_ms);
	else if (!call->is_activating)
		ringcast_game_session_move(&model->sessions, session, GAME_SESSION_ACTIVE, "", model->now_ms);
	ringcast_game_events_place(model, session);
	return true;
}

struct player_session *ringcast_model_seat(struct model *model, struct game_session *session, const struct host_player *given)
{
	struct early_word word;
	if (ringcast_player_session_find(&model->sessions, given->token) != NULL)
		return NULL;
	struct player_session *player =
		ringcast_player_session_add(&model->sessions, session, given->token, given->player_id, given->data, model->now_ms);
	if (player != NULL && ringcast_early_news_take(&model->early, session->host_session, given->token, &word))
		move_player(player, word.event.kind, model->now_ms);
	return player;
}

static void disown(struct model *model, uint32_t host, const char *host_session, uint32_t attempt);

static void disowned(struct model *model, struct host_call *call)
{
	if (call->result != HOST_OK && call->result != HOST_NOT_FOUND)
		disown(model, call->host, call->session, call->attempt + 1);
}

static void disown(struct model *model, uint32_t host, const char *host_session, uint32_t attempt)
{
	struct host_call *call = attempt < DISOWN_ATTEMPTS ? ringcast_host_call_create(HOST_END) : NULL;
	if (call == NULL) {
		model->orphan_count++; /* it runs until its script ends it, or the host */
		return;
	}
	call->host = host;
	call->is_forced = true;
	call->answered = disowned;
	call->attempt = attempt;
	snprintf(call->session, sizeof(call->session), "%s", host_session);
	ringcast_list_add_tail(&model->calls, &call->node);
}

void ringcast_model_disown(struct model *model, uint32_t host, const char *host_session)
{
	disown(model, host, host_session, 0);
}

/* Only of what is being created can news come early; other sessions that nobody here knows are none of ours. */
static void hear_of_stranger(struct model *model, const struct host_event *event)
{
	bool is_of_session = event->kind == HOST_SESSION_ENDED || event->kind == HOST_SESSION_ACTIVE;
	if (is_of_session && model->sessions.status_counts[GAME_SESSION_ACTIVATING] > 0)
		ringcast_early_news_note(&model->early, "", event, model->now_ms);
}

static void hear_numbered(struct model *model, const struct host_event *event)
{
	struct game_session *session = ringcast_game_session_of_host(&model->sessions, event->session);
	if (session == NULL)
		hear_of_stranger(model, event);
	if (session == NULL || event->sequence <= session->event_sequence)
		return;
	session->event_sequence = event->sequence;
	hear_of_session(model, session, event);
}

void ringcast_model_hear(struct model *model, const struct host_event *event)
{
	if (event->kind == HOST_SESSION_FOUND)
		ringcast_model_find(model, event);
	else if (event->kind == HOST_ROOM && model->room_heard != NULL)
		model->room_heard(model, event->session);
	else if (event->kind == HOST_GAME_EVENT)
		ringcast_game_event_hear(model, event);
	else if (event->kind == HOST_FLEET_EVENT)
		ringcast_fleet_event_note(model, event->session, event->player, "%s", event->text);
	else if (event->kind == HOST_FLEET_LOAD)
		ringcast_fleet_loads_put(&model->loads, event->session, &event->load); /* where memory is short, it is told again */
	else
		hear_numbered(model, event);
}
