/* Player sessions: reserve a place, or up to 25 at once; describe. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/operations/handlers.h"
#include "service/operations/page.h"

enum { DESCRIBE_LIMIT = 100, LIMIT_MAX = 1024 };

static struct game_session *session_of(struct model *model, struct request *request)
{
	const char *id = ringcast_request_text(request, "GameSessionId");
	struct game_session *session = ringcast_game_session_resolve(&model->sessions, id);
	if (session == NULL)
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "there is no game session %.200s", id);
	return session;
}

/* Who says so first is the index; the host has the last word. */
static bool may_reserve(struct request *request, const struct game_session *session, size_t count)
{
	if (session->status != GAME_SESSION_ACTIVE)
		ringcast_request_refuse(request, FAULT_SESSION_STATUS, "the session is %s, not ACTIVE", ringcast_game_session_status_name(session->status));
	else if (session->is_deny_all)
		ringcast_request_refuse(request, FAULT_SESSION_STATUS, "the session's PlayerSessionCreationPolicy is DENY_ALL");
	else if (session->player_count + count > session->players_max)
		ringcast_request_refuse(request, FAULT_SESSION_FULL, "the session has %" PRIu32 " of %" PRIu32 " players", session->player_count,
					session->players_max);
	return !request->is_answered;
}

static void refuse(struct request *request, const struct host_call *call)
{
	switch (call->result) {
	case HOST_FULL:
		ringcast_request_refuse(request, FAULT_SESSION_FULL, "the session is full");
		break;
	case HOST_NOT_FOUND:
		ringcast_request_refuse(request, FAULT_SESSION_STATUS, "the session has ended");
		break;
	case HOST_STATE:
		ringcast_request_refuse(request, FAULT_SESSION_STATUS, "the session takes no players any more");
		break;
	case HOST_EXISTS:
		ringcast_request_refuse(request, FAULT_INVALID, "%s",
					*call->text != '\0' ? call->text : "the player holds a place in the session already");
		break;
	default:
		ringcast_request_refuse(request, FAULT_INTERNAL, "%s", *call->text != '\0' ? call->text : "the host did not answer; nothing has changed");
		break;
	}
}

/* Everybody is taken in, also when memory is short for the answer: the host has them. NULL: no memory, or no place that can be. */
static json_t *take_players(struct model *model, struct game_session *session, const struct host_call *call)
{
	json_t *list = json_array();
	bool is_whole = list != NULL;
	for (uint32_t i = 0; i < call->player_count; i++) {
		const struct player_session *player = ringcast_model_seat(model, session, &call->players[i]);
		is_whole = player != NULL && is_whole && json_array_append_new(list, ringcast_model_show_player(model, player)) == 0;
	}
	if (is_whole)
		return list;
	json_decref(list);
	return NULL;
}

static void answer_players(struct request *request, json_t *players)
{
	if (strcmp(request->operation->name, "CreatePlayerSession") == 0) {
		ringcast_request_answer_with(request, "PlayerSession", json_incref(json_array_get(players, 0)));
		json_decref(players);
	} else {
		ringcast_request_answer_with(request, "PlayerSessions", players);
	}
}

static void reserved(struct model *model, struct host_call *call)
{
	struct request *request = call->request; /* NULL: it was given up, and the host has the players all the same */
	struct game_session *session = ringcast_game_session_of_host(&model->sessions, call->session);
	bool is_live = session != NULL && !ringcast_game_session_is_ended(session);
	if (session != NULL)
		session->reserve_count--;
	json_t *players = call->result == HOST_OK && is_live ? take_players(model, session, call) : NULL;
	if (request == NULL)
		json_decref(players);
	else if (call->result != HOST_OK)
		refuse(request, call);
	else if (!is_live)
		ringcast_request_refuse(request, FAULT_SESSION_STATUS, "the session has ended");
	else if (players == NULL)
		ringcast_request_refuse(request, FAULT_INTERNAL, "out of memory, or the host gave a place that another player has");
	else
		answer_players(request, players);
}

/* False: refused, out of memory, and the call has gone. */
static bool add_player(struct request *request, struct host_call *call, const char *player_id, const char *data)
{
	struct host_player *player = &call->players[call->player_count++];
	player->player_id = strdup(player_id);
	player->data = data != NULL ? strdup(data) : NULL;
	if (player->player_id != NULL && (data == NULL || player->data != NULL))
		return true;
	ringcast_request_call_drop(request, call);
	return false;
}

void ringcast_operation_CreatePlayerSession(struct model *model, struct request *request)
{
	const char *id = ringcast_request_text(request, "PlayerId"), *data = json_string_value(json_object_get(request->input, "PlayerData"));
	struct game_session *session = session_of(model, request);
	if (session == NULL || !ringcast_request_player_fits(request, "PlayerId", id, data) || !may_reserve(request, session, 1))
		return;
	struct host_call *call = ringcast_request_call(model, request, HOST_RESERVE, session, reserved);
	if (call != NULL && add_player(request, call, id, data))
		session->reserve_count++;
}

static bool are_players_right(struct request *request, const json_t *ids, const json_t *data)
{
	for (size_t i = 0; i < json_array_size(ids); i++) {
		const char *id = json_string_value(json_array_get(ids, i));
		char place[48];
		snprintf(place, sizeof(place), "PlayerIds[%zu]", i);
		if (!ringcast_request_player_fits(request, place, id, json_string_value(json_object_get(data, id))))
			return false;
		for (size_t k = i + 1; k < json_array_size(ids); k++)
			if (json_equal(json_array_get(ids, i), json_array_get(ids, k))) {
				ringcast_request_refuse(request, FAULT_INVALID, "PlayerIds[%zu]: the same player as PlayerIds[%zu]", k, i);
				return false;
			}
	}
	return true;
}

void ringcast_operation_CreatePlayerSessions(struct model *model, struct request *request)
{
	struct game_session *session = session_of(model, request);
	const json_t *ids = json_object_get(request->input, "PlayerIds"), *data = json_object_get(request->input, "PlayerDataMap");
	if (session == NULL || !are_players_right(request, ids, data) || !may_reserve(request, session, json_array_size(ids)))
		return;
	struct host_call *call = ringcast_request_call(model, request, HOST_RESERVE, session, reserved);
	bool is_whole = call != NULL;
	for (size_t i = 0; is_whole && i < json_array_size(ids) && i < HOST_PLAYERS_MAX; i++) {
		const char *id = json_string_value(json_array_get(ids, i));
		is_whole = add_player(request, call, id, json_string_value(json_object_get(data, id)));
	}
	session->reserve_count += is_whole;
}

/* Describing */

struct wish {
	const char *player_id; /* "": any */
	bool has_status;
	enum player_session_status status;
};

static bool is_wished(const struct wish *wish, const struct player_session *player)
{
	return (!wish->has_status || player->status == wish->status) && (*wish->player_id == '\0' || strcmp(wish->player_id, player->player_id) == 0);
}

struct listing {
	const struct model *model;
	const struct wish *wish;
	struct page page;
	json_t *list;
	uint64_t behind_session, behind_player;
	char next[64];
	bool is_full;
};

static void list_players(struct listing *listing, const struct game_session *session)
{
	for (struct list_node *node = session->players.next; node != &session->players && !listing->is_full; node = node->next) {
		const struct player_session *player = CONTAINER_OF(node, struct player_session, node);
		if ((session->number == listing->behind_session && player->number <= listing->behind_player) || !is_wished(listing->wish, player))
			continue;
		if (json_array_size(listing->list) == listing->page.limit) {
			listing->is_full = true;
			break;
		}
		json_array_append_new(listing->list, ringcast_model_show_player(listing->model, player));
		snprintf(listing->next, sizeof(listing->next), "%" PRIu64 "-%" PRIu64, session->number, player->number);
	}
}

static void list_all_players(struct listing *listing, const struct session_order *sessions)
{
	const struct game_session *session;
	size_t at = listing->behind_session > 0 ? ringcast_session_order_behind(sessions, listing->behind_session - 1) : 0;
	while (!listing->is_full && (session = ringcast_session_order_next(sessions, &at)) != NULL)
		list_players(listing, session);
}

static void answer_listing(struct request *request, struct listing *listing)
{
	json_t *output = json_object();
	if (listing->is_full)
		ringcast_page_continue(&listing->page, listing->next, output);
	json_object_set_new(output, "PlayerSessions", listing->list);
	ringcast_request_answer(request, output);
}

static void describe_one(struct model *model, struct request *request, const struct wish *wish)
{
	const char *id = ringcast_request_text(request, "PlayerSessionId");
	const struct player_session *player = ringcast_player_session_find(&model->sessions, id);
	if (player == NULL)
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "there is no player session %.100s; of those that have ended the newest %" PRIu32 " of a game session are kept, %" PRIu32 " in all", id,
					model->settings.left_players_per_session_max, model->settings.left_players_max);
	else
		ringcast_request_answer_with(request, "PlayerSessions",
					     is_wished(wish, player) ? json_pack("[o]", ringcast_model_show_player(model, player)) : json_array());
}

static void describe_many(struct model *model, struct request *request, const struct wish *wish, const struct game_session *only)
{
	struct listing listing = {.model = model, .wish = wish};
	if (!ringcast_page_begin(request, DESCRIBE_LIMIT, LIMIT_MAX, &listing.page))
		return;
	sscanf(listing.page.behind, "%" SCNu64 "-%" SCNu64, &listing.behind_session, &listing.behind_player);
	listing.list = json_array();
	if (only != NULL)
		list_players(&listing, only);
	else
		list_all_players(&listing, &model->sessions.all);
	answer_listing(request, &listing);
}

void ringcast_operation_DescribePlayerSessions(struct model *model, struct request *request)
{
	struct wish wish = {.player_id = ringcast_request_text(request, "PlayerId")};
	const char *status = ringcast_request_text(request, "PlayerSessionStatusFilter");
	bool has_session = ringcast_request_has(request, "GameSessionId"), has_id = ringcast_request_has(request, "PlayerSessionId");
	if (has_session + has_id + (*wish.player_id != '\0') != 1) {
		ringcast_request_refuse(request, FAULT_INVALID, "exactly one of GameSessionId, PlayerId and PlayerSessionId must be given");
		return;
	}
	if (*status != '\0' && !(wish.has_status = ringcast_player_session_status_find(status, &wish.status))) {
		ringcast_request_refuse(request, FAULT_INVALID, "PlayerSessionStatusFilter: must be one of RESERVED, ACTIVE, COMPLETED, TIMEDOUT");
		return;
	}
	if (has_id) {
		describe_one(model, request, &wish);
		return;
	}
	const struct game_session *only = has_session ? session_of(model, request) : NULL;
	if (!has_session || only != NULL)
		describe_many(model, request, &wish, only);
}
