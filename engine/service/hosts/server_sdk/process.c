#include "service/hosts/server_sdk/process.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

static const char *const player_statuses[] = {"RESERVED", "ACTIVE", "COMPLETED", "TIMEDOUT"};
static_assert(ARRAY_COUNT(player_statuses) == SDK_PLAYER_STATUS_COUNT, "a name each");

const char *ringcast_sdk_player_status_name(enum sdk_player_status status)
{
	return player_statuses[status];
}

struct sdk_session *ringcast_sdk_session_create(json_t *facts)
{
	struct sdk_session *session = calloc(1, sizeof(*session));
	if (session == NULL) {
		json_decref(facts);
		return NULL;
	}
	session->facts = facts;
	ringcast_list_init(&session->players);
	return session;
}

static void player_free(struct sdk_player *player)
{
	ringcast_list_remove(&player->node);
	free(player->data);
	free(player->player_id);
	free(player);
}

void ringcast_sdk_session_destroy(struct sdk_session **session)
{
	if (*session == NULL)
		return;
	while (!ringcast_list_is_empty(&(*session)->players))
		player_free(CONTAINER_OF((*session)->players.next, struct sdk_player, node));
	json_decref((*session)->facts);
	free(*session);
	*session = NULL;
}

const char *ringcast_sdk_session_arn(const struct sdk_session *session)
{
	const char *arn = json_string_value(json_object_get(session->facts, "GameSessionId"));
	return arn != NULL ? arn : "";
}

struct host_event ringcast_sdk_session_event(struct sdk_session *session, enum host_event_kind kind, const char *player, const char *text)
{
	struct host_event event = {.kind = kind, .sequence = ++session->sequence};
	snprintf(event.session, sizeof(event.session), "%s", session->id);
	snprintf(event.player, sizeof(event.player), "%s", player);
	snprintf(event.text, sizeof(event.text), "%s", text);
	return event;
}

/* Players */

struct sdk_player *ringcast_sdk_player_add(struct sdk_session *session, const char *id, const char *player_id, const char *data, int64_t now_ms)
{
	struct sdk_player *player = calloc(1, sizeof(*player));
	if (player == NULL)
		return NULL;
	player->player_id = strdup(player_id);
	player->data = data != NULL && *data != '\0' ? strdup(data) : NULL;
	snprintf(player->id, sizeof(player->id), "%s", id);
	player->created_ms = now_ms;
	player->reserved_until_ms = now_ms + SDK_RESERVATION_MS;
	ringcast_list_add_tail(&session->players, &player->node);
	if (player->player_id == NULL || (data != NULL && *data != '\0' && player->data == NULL)) {
		player_free(player);
		return NULL;
	}
	session->place_count++;
	return player;
}

struct sdk_player *ringcast_sdk_player_find(const struct sdk_session *session, const char *id)
{
	for (struct list_node *node = session->players.next; node != &session->players; node = node->next) {
		struct sdk_player *player = CONTAINER_OF(node, struct sdk_player, node);
		if (strcmp(player->id, id) == 0)
			return player;
	}
	return NULL;
}

static bool has_place(const struct sdk_player *player)
{
	return player->status == SDK_PLAYER_RESERVED || player->status == SDK_PLAYER_ACTIVE;
}

bool ringcast_sdk_player_has_place(const struct sdk_session *session, const char *player_id)
{
	for (struct list_node *node = session->players.next; node != &session->players; node = node->next) {
		const struct sdk_player *player = CONTAINER_OF(node, struct sdk_player, node);
		if (has_place(player) && strcmp(player->player_id, player_id) == 0)
			return true;
	}
	return false;
}

static void forget_oldest(struct sdk_session *session)
{
	for (struct list_node *node = session->players.next; node != &session->players; node = node->next) {
		struct sdk_player *player = CONTAINER_OF(node, struct sdk_player, node);
		if (has_place(player))
			continue;
		player_free(player);
		session->left_count--;
		return;
	}
}

void ringcast_sdk_player_end(struct sdk_session *session, struct sdk_player *player, enum sdk_player_status status, int64_t now_ms)
{
	ringcast_assert(has_place(player) && session->place_count > 0);
	player->status = status;
	player->ended_ms = now_ms;
	session->place_count--;
	if (++session->left_count > SDK_LEFT_PLAYERS_MAX)
		forget_oldest(session);
}

/* Processes */

struct sdk_process *ringcast_sdk_process_create(const char *fleet, const char *compute, const char *id)
{
	struct sdk_process *process = calloc(1, sizeof(*process));
	if (process == NULL)
		return NULL;
	ringcast_list_init(&process->links);
	snprintf(process->fleet, sizeof(process->fleet), "%s", fleet);
	snprintf(process->compute, sizeof(process->compute), "%s", compute);
	snprintf(process->id, sizeof(process->id), "%s", id);
	return process;
}

void ringcast_sdk_process_destroy(struct sdk_process **process)
{
	if (*process == NULL)
		return;
	ringcast_assert(!ringcast_list_has(&(*process)->node) && ringcast_list_is_empty(&(*process)->links));
	ringcast_sdk_session_destroy(&(*process)->session);
	free(*process);
	*process = NULL;
}

/* Saved */

static json_t *save_players(const struct sdk_session *session)
{
	json_t *players = json_array();
	for (struct list_node *node = session->players.next; node != &session->players; node = node->next) {
		const struct sdk_player *player = CONTAINER_OF(node, struct sdk_player, node);
		json_array_append_new(players, json_pack("{s:s, s:s, s:s*, s:i, s:I, s:I}", "id", player->id, "player", player->player_id, "data",
							 player->data, "status", (int)player->status, "created", (json_int_t)player->created_ms,
							 "ended", (json_int_t)player->ended_ms));
	}
	return players;
}

static json_t *save_session(const struct sdk_session *session)
{
	return json_pack("{s:s, s:O, s:b, s:b, s:I, s:I, s:I, s:I, s:o}", "id", session->id, "facts", session->facts, "active", session->is_active, "deny",
			 session->is_deny_all, "max", (json_int_t)session->players_max, "created", (json_int_t)session->created_ms, "deadline",
			 (json_int_t)session->deadline_ms, "sequence", (json_int_t)session->sequence, "players", save_players(session));
}

json_t *ringcast_sdk_process_save(const struct sdk_process *process)
{
	return json_pack("{s:s, s:s, s:s, s:i, s:i, s:I, s:o*}", "fleet", process->fleet, "compute", process->compute, "id", process->id, "state",
			 (int)process->state, "port", (int)process->port, "deadline", (json_int_t)process->deadline_ms, "session",
			 process->session != NULL ? save_session(process->session) : NULL);
}

static bool restore_player(struct sdk_session *session, json_t *saved)
{
	const char *id, *player_id, *data = NULL;
	json_int_t created, ended;
	int status;
	if (json_unpack(saved, "{s:s, s:s, s?s, s:i, s:I, s:I}", "id", &id, "player", &player_id, "data", &data, "status", &status, "created", &created,
			"ended", &ended) != 0 || status < 0 || status >= SDK_PLAYER_STATUS_COUNT || strlen(id) >= HOST_ID_BYTES)
		return false;
	struct sdk_player *player = ringcast_sdk_player_add(session, id, player_id, data, created);
	if (player == NULL)
		return false;
	if (status == SDK_PLAYER_COMPLETED || status == SDK_PLAYER_TIMEDOUT)
		ringcast_sdk_player_end(session, player, (enum sdk_player_status)status, ended);
	else
		player->status = (enum sdk_player_status)status;
	return true;
}

static struct sdk_session *restore_session(json_t *saved)
{
	const char *id;
	json_t *facts, *players, *player;
	json_int_t players_max, created, deadline, sequence;
	int is_active, is_deny_all;
	size_t i;
	if (json_unpack(saved, "{s:s, s:o, s:b, s:b, s:I, s:I, s:I, s:I, s:o}", "id", &id, "facts", &facts, "active", &is_active, "deny", &is_deny_all, "max",
			&players_max, "created", &created, "deadline", &deadline, "sequence", &sequence, "players", &players) != 0 ||
	    strlen(id) >= HOST_ID_BYTES || *id == '\0' || !json_is_object(facts) || players_max < 0 || players_max > UINT32_MAX)
		return NULL;
	struct sdk_session *session = ringcast_sdk_session_create(json_incref(facts));
	if (session == NULL)
		return NULL;
	snprintf(session->id, sizeof(session->id), "%s", id);
	session->is_active = is_active;
	session->is_deny_all = is_deny_all;
	session->players_max = (uint32_t)players_max;
	session->created_ms = created;
	session->deadline_ms = deadline;
	session->sequence = (uint64_t)sequence;
	json_array_foreach(players, i, player)
		if (!restore_player(session, player)) {
			ringcast_sdk_session_destroy(&session);
			return NULL;
		}
	return session;
}

struct sdk_process *ringcast_sdk_process_restore(const json_t *saved)
{
	const char *fleet, *compute, *id;
	json_t *session = NULL;
	json_int_t deadline;
	int state, port;
	if (json_unpack((json_t *)saved, "{s:s, s:s, s:s, s:i, s:i, s:I, s?o}", "fleet", &fleet, "compute", &compute, "id", &id, "state", &state, "port", &port,
			"deadline", &deadline, "session", &session) != 0 || state < 0 || state >= SDK_PROCESS_STATE_COUNT || port < 0 || port > UINT16_MAX)
		return NULL;
	struct sdk_process *process = ringcast_sdk_process_create(fleet, compute, id);
	if (process == NULL)
		return NULL;
	process->state = (enum sdk_process_state)state;
	process->port = (uint16_t)port;
	process->deadline_ms = deadline;
	process->session = session != NULL ? restore_session(session) : NULL;
	/* A process that is busy with nothing, or has a session that it never had, is not one of ours. */
	bool needs_session = process->state == SDK_BUSY, may_have_session = needs_session || process->state == SDK_ENDING;
	if ((process->session != NULL && !may_have_session) || (process->session == NULL && (needs_session || session != NULL)))
		ringcast_sdk_process_destroy(&process);
	return process;
}
