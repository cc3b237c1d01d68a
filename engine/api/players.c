/* Players in the public API: reserved, kicked, removed. One small struct per question. (Listed: player_list.c.) */
#include <stdlib.h>
#include <string.h>

#include "life/asking.h"
#include "life/errors.h"
#include "session/command.h"
#include "shard/shard.h"

enum { REASON_BYTES = 512 }; /* cut further by the close frame that carries it */

static struct session *find(struct shard *shard, struct ask *ask, const char *session_id)
{
	struct session *session = ringcast_session_find(&shard->store, session_id);
	ask->result = session != NULL ? RINGCAST_OK : RINGCAST_ERROR_NOT_FOUND;
	return session;
}

/* Reserve */

struct ask_reserve {
	struct ask ask;
	char session_id[RINGCAST_ID_BYTES], player_id[RINGCAST_PLAYER_ID_BYTES], player_data[RINGCAST_DATA_BYTES];
	char token[RINGCAST_ID_BYTES]; /* the answer */
};
static_assert(PLAYER_TOKEN_BYTES <= RINGCAST_ID_BYTES, "a token fits");

static void free_reserve(struct ask *ask)
{
	free(CONTAINER_OF(ask, struct ask_reserve, ask));
}

static bool answer_reserve(struct shard *shard, struct ask *ask)
{
	struct ask_reserve *self = CONTAINER_OF(ask, struct ask_reserve, ask);
	struct session *session = find(shard, ask, self->session_id);
	struct player *player;
	if (session != NULL)
		ask->result = ringcast_error_of_drop(ringcast_admission_reserve(session, self->player_id, self->player_data, shard->now_ns, &player,
										self->token));
	return true;
}

int ringcast_player_reserve(ringcast_engine *engine, const char *session_id, const char *player_id, const char *player_data,
			    char ret_token[RINGCAST_ID_BYTES])
{
	struct ask_reserve *self = calloc(1, sizeof(*self));
	int result = RINGCAST_ERROR_ARGUMENT;
	if (self == NULL)
		return RINGCAST_ERROR_MEMORY;
	ringcast_ask_init(&self->ask, answer_reserve, free_reserve);
	ringcast_ask_keep(self->session_id, sizeof(self->session_id), session_id);
	if (ringcast_ask_keep(self->player_id, sizeof(self->player_id), player_id) &&
	    ringcast_ask_keep(self->player_data, sizeof(self->player_data), player_data))
		result = ringcast_engine_ask_about(engine, session_id, &self->ask);
	if (result == RINGCAST_OK)
		memcpy(ret_token, self->token, RINGCAST_ID_BYTES);
	ringcast_ask_release(&self->ask);
	return result;
}

/* Reserve several: all or none */

struct ask_reserve_all {
	struct ask ask;
	char session_id[RINGCAST_ID_BYTES];
	size_t count;
	struct {
		char player_id[RINGCAST_PLAYER_ID_BYTES], player_data[RINGCAST_DATA_BYTES];
		char token[RINGCAST_ID_BYTES]; /* the answer */
	} wishes[];
};

static void free_reserve_all(struct ask *ask)
{
	free(CONTAINER_OF(ask, struct ask_reserve_all, ask));
}

static bool answer_reserve_all(struct shard *shard, struct ask *ask)
{
	struct ask_reserve_all *self = CONTAINER_OF(ask, struct ask_reserve_all, ask);
	struct session *session = find(shard, ask, self->session_id);
	struct player *players[RINGCAST_RESERVATIONS_MAX];
	size_t count = 0;
	if (session == NULL)
		return true;
	for (; count < self->count && ask->result == RINGCAST_OK; count++)
		ask->result = ringcast_error_of_drop(ringcast_admission_reserve(session, self->wishes[count].player_id, self->wishes[count].player_data,
										shard->now_ns, &players[count], self->wishes[count].token));
	/* The last one failed: those before it give their places back. */
	for (size_t i = 0; ask->result != RINGCAST_OK && i + 1 < count; i++)
		ringcast_player_disconnect(players[i], CLOSE_KICKED, shard->now_ns);
	return true;
}

static int fill_reserve_all(struct ask_reserve_all *self, const char *session_id, const ringcast_reservation *reservations, size_t count)
{
	ringcast_ask_keep(self->session_id, sizeof(self->session_id), session_id);
	for (self->count = 0; self->count < count; self->count++) {
		const ringcast_reservation *from = &reservations[self->count];
		if (!ringcast_ask_keep(self->wishes[self->count].player_id, RINGCAST_PLAYER_ID_BYTES, from->player_id) ||
		    !ringcast_ask_keep(self->wishes[self->count].player_data, RINGCAST_DATA_BYTES, from->player_data))
			return RINGCAST_ERROR_ARGUMENT;
	}
	return RINGCAST_OK;
}

int ringcast_players_reserve(ringcast_engine *engine, const char *session_id, ringcast_reservation *reservations, size_t count)
{
	if (count == 0 || count > RINGCAST_RESERVATIONS_MAX)
		return RINGCAST_ERROR_ARGUMENT;
	struct ask_reserve_all *self = calloc(1, sizeof(*self) + count * sizeof(self->wishes[0]));
	if (self == NULL)
		return RINGCAST_ERROR_MEMORY;
	ringcast_ask_init(&self->ask, answer_reserve_all, free_reserve_all);
	int result = fill_reserve_all(self, session_id, reservations, count);
	if (result == RINGCAST_OK)
		result = ringcast_engine_ask_about(engine, session_id, &self->ask);
	for (size_t i = 0; result == RINGCAST_OK && i < count; i++)
		memcpy(reservations[i].token, self->wishes[i].token, RINGCAST_ID_BYTES);
	ringcast_ask_release(&self->ask);
	return result;
}

/* Kick */

struct ask_kick {
	struct ask ask;
	char session_id[RINGCAST_ID_BYTES], reason[REASON_BYTES];
	int32_t peer_id;
};

static void free_kick(struct ask *ask)
{
	free(CONTAINER_OF(ask, struct ask_kick, ask));
}

static bool answer_kick(struct shard *shard, struct ask *ask)
{
	struct ask_kick *self = CONTAINER_OF(ask, struct ask_kick, ask);
	struct session *session = find(shard, ask, self->session_id);
	shard->store.origin = "api";
	if (session != NULL && ringcast_command_kick(session, self->peer_id, self->reason) != DROP_NONE)
		ask->result = RINGCAST_ERROR_NOT_FOUND;
	shard->store.origin = NULL;
	return true;
}

int ringcast_player_kick(ringcast_engine *engine, const char *session_id, int32_t peer_id, const char *reason)
{
	struct ask_kick *self = calloc(1, sizeof(*self));
	if (self == NULL)
		return RINGCAST_ERROR_MEMORY;
	ringcast_ask_init(&self->ask, answer_kick, free_kick);
	ringcast_ask_keep(self->session_id, sizeof(self->session_id), session_id);
	strncpy(self->reason, reason != NULL ? reason : "", sizeof(self->reason) - 1);
	self->peer_id = peer_id;
	int result = ringcast_engine_ask_about(engine, session_id, &self->ask);
	ringcast_ask_release(&self->ask);
	return result;
}

/* Remove, whoever has logged in or not yet */

struct ask_remove {
	struct ask ask;
	char session_id[RINGCAST_ID_BYTES], player_id[RINGCAST_PLAYER_ID_BYTES], token[RINGCAST_ID_BYTES], reason[REASON_BYTES];
	bool is_by_token;
};

static void free_remove(struct ask *ask)
{
	free(CONTAINER_OF(ask, struct ask_remove, ask));
}

static bool answer_remove(struct shard *shard, struct ask *ask)
{
	struct ask_remove *self = CONTAINER_OF(ask, struct ask_remove, ask);
	struct session *session = find(shard, ask, self->session_id);
	struct view token = ringcast_view_of(self->token, strlen(self->token));
	if (session == NULL)
		return true;
	enum drop_reason drop = ringcast_admission_cancel(session, self->is_by_token ? NULL : self->player_id, token,
							  self->reason[0] != '\0' ? self->reason : NULL, shard->now_ns);
	ask->result = drop == DROP_BAD_TOKEN ? RINGCAST_ERROR_NOT_FOUND : ringcast_error_of_drop(drop);
	return true;
}

int ringcast_player_remove(ringcast_engine *engine, const char *session_id, const char *player_id, const char *token, const char *reason)
{
	if ((player_id == NULL) == (token == NULL))
		return RINGCAST_ERROR_ARGUMENT;
	struct ask_remove *self = calloc(1, sizeof(*self));
	int result = RINGCAST_ERROR_NOT_FOUND; /* nobody's id or token is as long as that */
	if (self == NULL)
		return RINGCAST_ERROR_MEMORY;
	ringcast_ask_init(&self->ask, answer_remove, free_remove);
	ringcast_ask_keep(self->session_id, sizeof(self->session_id), session_id);
	strncpy(self->reason, reason != NULL ? reason : "", sizeof(self->reason) - 1);
	self->is_by_token = token != NULL;
	if (ringcast_ask_keep(self->player_id, sizeof(self->player_id), player_id) && ringcast_ask_keep(self->token, sizeof(self->token), token))
		result = ringcast_engine_ask_about(engine, session_id, &self->ask);
	ringcast_ask_release(&self->ask);
	return result;
}
