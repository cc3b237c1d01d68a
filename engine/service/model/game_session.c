#include "service/model/game_session.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/attr.h"

static const char *const game_names[] = {"ACTIVATING", "ACTIVE", "TERMINATING", "TERMINATED", "ERROR"};
static const char *const player_names[] = {"RESERVED", "ACTIVE", "COMPLETED", "TIMEDOUT"};
static_assert(ARRAY_COUNT(game_names) == GAME_SESSION_STATUS_COUNT, "a name each");
static_assert(ARRAY_COUNT(player_names) == PLAYER_SESSION_STATUS_COUNT, "a name each");

/* From the row's state to the column's: 1 where it may go. */
static const bool game_moves[GAME_SESSION_STATUS_COUNT][GAME_SESSION_STATUS_COUNT] = {
	/*                           ACTIVATING ACTIVE TERMINATING TERMINATED ERROR */
	[GAME_SESSION_ACTIVATING] = {0,		1,     1,	   1,	      1},
	[GAME_SESSION_ACTIVE] =	    {0,		0,     1,	   1,	      1},
	[GAME_SESSION_TERMINATING] = {0,	0,     0,	   1,	      1},
	[GAME_SESSION_TERMINATED] = {0,		0,     0,	   0,	      0},
	[GAME_SESSION_ERROR] =	    {0,		0,     0,	   0,	      0},
};

static const bool player_moves[PLAYER_SESSION_STATUS_COUNT][PLAYER_SESSION_STATUS_COUNT] = {
	/*                           RESERVED ACTIVE COMPLETED TIMEDOUT */
	[PLAYER_SESSION_RESERVED] =  {0,      1,     1,	       1},
	[PLAYER_SESSION_ACTIVE] =    {0,      0,     1,	       0},
	[PLAYER_SESSION_COMPLETED] = {0,      0,     0,	       0},
	[PLAYER_SESSION_TIMEDOUT] =  {0,      0,     0,	       0},
};

static bool find_name(const char *const *names, size_t count, const char *name, unsigned *ret_index)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0) {
			*ret_index = (unsigned)i;
			return true;
		}
	return false;
}

const char *ringcast_game_session_status_name(enum game_session_status status)
{
	return game_names[status];
}

bool ringcast_game_session_status_find(const char *name, enum game_session_status *ret_status)
{
	unsigned index;
	if (!find_name(game_names, ARRAY_COUNT(game_names), name, &index))
		return false;
	*ret_status = (enum game_session_status)index;
	return true;
}

const char *ringcast_player_session_status_name(enum player_session_status status)
{
	return player_names[status];
}

bool ringcast_player_session_status_find(const char *name, enum player_session_status *ret_status)
{
	unsigned index;
	if (!find_name(player_names, ARRAY_COUNT(player_names), name, &index))
		return false;
	*ret_status = (enum player_session_status)index;
	return true;
}

void ringcast_game_sessions_init(struct game_sessions *sessions, uint64_t seed)
{
	*sessions = (struct game_sessions){.next_number = 1, .left_per_session_max = SIZE_MAX};
	ringcast_text_index_init(&sessions->by_key, seed);
	ringcast_text_index_init(&sessions->by_host_session, seed);
	ringcast_text_index_init(&sessions->players_by_id, seed);
	ringcast_session_order_init(&sessions->all);
	ringcast_session_order_init(&sessions->live);
	ringcast_list_init(&sessions->ended);
	ringcast_list_init(&sessions->ended_with_data);
	ringcast_list_init(&sessions->left_players);
	ringcast_list_init(&sessions->crowded);
}

void ringcast_game_sessions_fini(struct game_sessions *sessions)
{
	struct game_session *session;
	while ((session = ringcast_session_order_last(&sessions->all)) != NULL)
		ringcast_game_session_remove(sessions, session);
	ringcast_session_order_fini(&sessions->all);
	ringcast_session_order_fini(&sessions->live);
	ringcast_text_index_fini(&sessions->by_key);
	ringcast_text_index_fini(&sessions->by_host_session);
	ringcast_text_index_fini(&sessions->players_by_id);
}

static void session_free(struct game_session *session)
{
	free(session->address);
	free(session->facts);
	free(session);
}

static struct game_session *session_new(const char *fleet_id, const char *location, const char *id)
{
	size_t fleet_bytes = strlen(fleet_id), key_bytes = fleet_bytes + 1 + strlen(id) + 1, location_bytes = strlen(location) + 1;
	struct game_session *session = calloc(1, sizeof(*session) + key_bytes + location_bytes);
	if (session == NULL)
		return NULL;
	session->status_reason = "";
	ringcast_list_init(&session->players);
	ringcast_list_init(&session->left_players);
	snprintf(session->texts, key_bytes, "%s/%s", fleet_id, id);
	memcpy(session->texts + key_bytes, location, location_bytes);
	session->key = session->texts;
	session->fleet_bytes = fleet_bytes;
	session->id = session->texts + fleet_bytes + 1;
	session->location = session->texts + key_bytes;
	return session;
}

/* Into all indexes, or none. */
static bool enter(struct game_sessions *sessions, struct game_session *session)
{
	if (!ringcast_session_order_add(&sessions->all, session->number, session))
		return false;
	if (ringcast_session_order_add(&sessions->live, session->number, session)) {
		if (ringcast_text_index_add(&sessions->by_key, session->key, session))
			return true;
		ringcast_session_order_remove(&sessions->live, session->number);
	}
	ringcast_session_order_remove(&sessions->all, session->number);
	return false;
}

struct game_session *ringcast_game_session_add(struct game_sessions *sessions, const char *fleet_id, const char *location, const char *id,
					       const json_t *facts, int64_t now_ms)
{
	ringcast_assert(strlen(id) < GAME_SESSION_ID_BYTES);
	struct game_session *session = session_new(fleet_id, location, id);
	if (session == NULL)
		return NULL;
	session->facts = ringcast_game_facts_pack(facts);
	session->number = sessions->next_number++;
	if (session->facts == NULL || !enter(sessions, session)) {
		session_free(session);
		return NULL;
	}
	session->all = sessions;
	session->created_ms = now_ms;
	sessions->live_count++;
	sessions->live_counts[session->host]++;
	sessions->status_counts[GAME_SESSION_ACTIVATING]++;
	return session;
}

void ringcast_game_session_set_host(struct game_sessions *sessions, struct game_session *session, uint32_t host)
{
	ringcast_assert(!ringcast_game_session_is_ended(session) && host < GAME_SESSION_HOSTS_MAX);
	sessions->live_counts[session->host]--;
	sessions->live_counts[host]++;
	session->host = host;
}

struct game_session *ringcast_game_session_find(const struct game_sessions *sessions, const char *fleet_id, const char *id)
{
	char key[512];
	int size = snprintf(key, sizeof(key), "%s/%s", fleet_id, id);
	return size > 0 && (size_t)size < sizeof(key) ? ringcast_text_index_find(&sessions->by_key, key) : NULL;
}

/* "arn:aws:gamelift:REGION::gamesession/FLEET/[LOCATION/]ID" -> "FLEET/ID". */
static bool key_of_arn(const char *arn, char *out, size_t out_bytes)
{
	const char *start = strstr(arn, ":gamesession/"), *end = strrchr(arn, '/');
	if (strncmp(arn, "arn:", 4) != 0 || start == NULL)
		return false;
	start += strlen(":gamesession/");
	const char *slash = strchr(start, '/');
	if (slash == NULL || end < slash)
		return false;
	int size = snprintf(out, out_bytes, "%.*s%s", (int)(slash - start), start, end);
	return size > 0 && (size_t)size < out_bytes;
}

struct game_session *ringcast_game_session_resolve(const struct game_sessions *sessions, const char *id_or_arn)
{
	char key[512];
	if (key_of_arn(id_or_arn, key, sizeof(key)))
		return ringcast_text_index_find(&sessions->by_key, key);
	return ringcast_text_index_find(&sessions->by_host_session, id_or_arn);
}

struct game_session *ringcast_game_session_of_host(const struct game_sessions *sessions, const char *host_session)
{
	return ringcast_text_index_find(&sessions->by_host_session, host_session);
}

bool ringcast_game_session_name_host(struct game_sessions *sessions, struct game_session *session, const char *host_session)
{
	ringcast_assert(*session->host_session == '\0' && *host_session != '\0' && strlen(host_session) < GAME_SESSION_ID_BYTES);
	if (ringcast_text_index_find(&sessions->by_host_session, host_session) != NULL)
		return false;
	snprintf(session->host_session, sizeof(session->host_session), "%s", host_session);
	if (ringcast_text_index_add(&sessions->by_host_session, session->host_session, session))
		return true;
	*session->host_session = '\0';
	return false;
}

static void remove_player(struct game_sessions *sessions, struct player_session *player)
{
	ringcast_text_index_remove(&sessions->players_by_id, player->id);
	ringcast_list_remove(&player->node);
	if (ringcast_list_has(&player->left_node)) {
		ringcast_list_remove(&player->left_node);
		ringcast_list_remove(&player->left_all_node);
		player->session->left_count--;
		sessions->left_count--;
	}
	free(player->data);
	free(player);
}

/* Its data are not counted any more. */
static void leave_data(struct game_sessions *sessions, struct game_session *session)
{
	ringcast_assert(sessions->ended_data_bytes >= session->data_bytes);
	ringcast_list_remove(&session->data_node);
	sessions->ended_data_bytes -= session->data_bytes;
	session->data_bytes = 0;
}

static void note_data(struct game_sessions *sessions, struct game_session *session)
{
	session->data_bytes = ringcast_game_facts_data_bytes(session->facts);
	if (session->data_bytes == 0)
		return;
	sessions->ended_data_bytes += session->data_bytes;
	ringcast_list_add_tail(&sessions->ended_with_data, &session->data_node);
}

void ringcast_game_session_remove(struct game_sessions *sessions, struct game_session *session)
{
	while (!ringcast_list_is_empty(&session->players))
		remove_player(sessions, CONTAINER_OF(session->players.next, struct player_session, node));
	if (ringcast_list_has(&session->crowded_node))
		ringcast_list_remove(&session->crowded_node);
	if (ringcast_list_has(&session->data_node))
		leave_data(sessions, session);
	ringcast_text_index_remove(&sessions->by_key, session->key);
	if (*session->host_session != '\0')
		ringcast_text_index_remove(&sessions->by_host_session, session->host_session);
	ringcast_session_order_remove(&sessions->all, session->number);
	sessions->status_counts[session->status]--;
	if (ringcast_game_session_is_ended(session)) {
		ringcast_list_remove(&session->ended_node);
		sessions->ended_count--;
	} else {
		ringcast_session_order_remove(&sessions->live, session->number);
		sessions->live_count--;
		sessions->live_counts[session->host]--;
	}
	session_free(session);
}

static void end_players(struct game_session *session, int64_t now_ms)
{
	for (struct list_node *node = session->players.next; node != &session->players; node = node->next)
		ringcast_player_session_move(CONTAINER_OF(node, struct player_session, node), PLAYER_SESSION_COMPLETED, now_ms);
}

bool ringcast_game_session_move(struct game_sessions *sessions, struct game_session *session, enum game_session_status status,
				const char *reason, int64_t now_ms)
{
	if (!game_moves[session->status][status])
		return false;
	sessions->status_counts[session->status]--;
	sessions->status_counts[status]++;
	sessions->interruption_count += status == GAME_SESSION_ERROR;
	session->status = status;
	session->status_reason = reason;
	if (ringcast_game_session_is_ended(session)) {
		session->ended_ms = now_ms;
		sessions->live_count--;
		sessions->live_counts[session->host]--;
		sessions->ended_count++;
		ringcast_session_order_remove(&sessions->live, session->number);
		ringcast_list_add_tail(&sessions->ended, &session->ended_node);
		note_data(sessions, session);
		end_players(session, now_ms);
	}
	if (sessions->session_moved != NULL)
		sessions->session_moved(sessions->context, session);
	return true;
}

/* Players */

struct player_session *ringcast_player_session_add(struct game_sessions *sessions, struct game_session *session, const char *id,
						   const char *player_id, const char *data, int64_t now_ms)
{
	ringcast_assert(strlen(id) < GAME_SESSION_ID_BYTES && !ringcast_game_session_is_ended(session));
	size_t name_bytes = strlen(player_id) + 1;
	struct player_session *player = calloc(1, sizeof(*player) + name_bytes);
	if (player == NULL)
		return NULL;
	memcpy(player->player_id, player_id, name_bytes);
	snprintf(player->id, sizeof(player->id), "%s", id);
	player->data = data != NULL && *data != '\0' ? strdup(data) : NULL;
	if ((data != NULL && *data != '\0' && player->data == NULL) || !ringcast_text_index_add(&sessions->players_by_id, player->id, player)) {
		free(player->data);
		free(player);
		return NULL;
	}
	player->session = session;
	player->number = ++session->next_player;
	player->created_ms = now_ms;
	ringcast_list_add_tail(&session->players, &player->node);
	session->player_count++;
	if (sessions->player_moved != NULL)
		sessions->player_moved(sessions->context, player);
	return player;
}

struct player_session *ringcast_player_session_find(const struct game_sessions *sessions, const char *id)
{
	return ringcast_text_index_find(&sessions->players_by_id, id);
}

static void note_left(struct game_sessions *sessions, struct player_session *player)
{
	struct game_session *session = player->session;
	ringcast_list_add_tail(&session->left_players, &player->left_node);
	ringcast_list_add_tail(&sessions->left_players, &player->left_all_node);
	sessions->left_count++;
	if (++session->left_count > sessions->left_per_session_max && !ringcast_list_has(&session->crowded_node))
		ringcast_list_add_tail(&sessions->crowded, &session->crowded_node);
}

bool ringcast_player_session_move(struct player_session *player, enum player_session_status status, int64_t now_ms)
{
	if (!player_moves[player->status][status])
		return false;
	player->status = status;
	player->session->all->activation_count += status == PLAYER_SESSION_ACTIVE;
	if (status == PLAYER_SESSION_COMPLETED || status == PLAYER_SESSION_TIMEDOUT) {
		ringcast_assert(player->session->player_count > 0);
		player->session->player_count--;
		player->ended_ms = now_ms;
		note_left(player->session->all, player);
	}
	if (player->session->all->player_moved != NULL)
		player->session->all->player_moved(player->session->all->context, player);
	return true;
}

void ringcast_game_sessions_forget_players(struct game_sessions *sessions, size_t kept_max)
{
	while (!ringcast_list_is_empty(&sessions->crowded)) {
		struct game_session *session = CONTAINER_OF(sessions->crowded.next, struct game_session, crowded_node);
		ringcast_list_remove(&session->crowded_node);
		while (session->left_count > sessions->left_per_session_max)
			remove_player(sessions, CONTAINER_OF(session->left_players.next, struct player_session, left_node));
	}
	while (sessions->left_count > kept_max)
		remove_player(sessions, CONTAINER_OF(sessions->left_players.next, struct player_session, left_all_node));
}

void ringcast_game_sessions_forget_data(struct game_sessions *sessions, size_t bytes_max)
{
	while (sessions->ended_data_bytes > bytes_max) {
		struct game_session *session = CONTAINER_OF(sessions->ended_with_data.next, struct game_session, data_node);
		leave_data(sessions, session);
		ringcast_game_facts_drop_data(&session->facts);
		sessions->data_forgotten_count++;
	}
}

size_t ringcast_game_sessions_forget(struct game_sessions *sessions, int64_t before_ms, size_t kept_max, size_t count_max)
{
	size_t count = 0;
	for (; count < count_max && !ringcast_list_is_empty(&sessions->ended); count++) {
		struct game_session *session = CONTAINER_OF(sessions->ended.next, struct game_session, ended_node);
		if (session->ended_ms >= before_ms && sessions->ended_count <= kept_max)
			break;
		ringcast_game_session_remove(sessions, session);
	}
	return count;
}
