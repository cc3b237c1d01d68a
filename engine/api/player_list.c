/*
 * The players of a session, listed in the public API. Home knows who is in; of those who are on other shards, whoever has their connection is asked as well, all at once and each in
 * turns: what is told of a player is the same wherever it is, and nothing has to be sent to home for it while nobody asks.
 */
#include <stdlib.h>
#include <string.h>

#include "life/asking.h"
#include "session/limb.h"
#include "shard/inspect.h"

enum { COMERS_SPARE = 64 }; /* who may come to a shard between home's answer and its own */

struct ask_players {
	struct ask ask;
	char session_id[RINGCAST_ID_BYTES];
	handle session; /* home's answer; a limb's shard finds its part by it */
	uint32_t home_shard;
	uint32_t limb_counts[LIMBS_MAX]; /* home's answer: how many are elsewhere */
	uint32_t cursor;
	size_t count, count_max; /* count: how many there are, also when that is more than fit */
	ringcast_player_info infos[];
};

static void free_players(struct ask *ask)
{
	free(CONTAINER_OF(ask, struct ask_players, ask));
}

/* Pages of it that are not filled in are never touched. */
static struct ask_players *make(size_t count_max, bool (*answer)(struct shard *shard, struct ask *ask))
{
	struct ask_players *self = calloc(1, sizeof(*self) + count_max * sizeof(self->infos[0]));
	if (self == NULL)
		return NULL;
	ringcast_ask_init(&self->ask, answer, free_players);
	self->count_max = count_max;
	return self;
}

static void list_one(void *context, const struct player *player)
{
	struct ask_players *self = context;
	if (self->count < self->count_max)
		ringcast_shard_describe_player(player, &self->infos[self->count]);
	self->count++;
}

static bool answer_home(struct shard *shard, struct ask *ask)
{
	struct ask_players *self = CONTAINER_OF(ask, struct ask_players, ask);
	const struct session *session = ringcast_session_find(&shard->store, self->session_id);
	ask->result = session != NULL ? RINGCAST_OK : RINGCAST_ERROR_NOT_FOUND;
	if (session == NULL)
		return true;
	bool is_all = ringcast_shard_each_player(shard, session, &self->cursor, list_one, self);
	self->session = session->self;
	self->home_shard = shard->options.index;
	if (is_all && session->spread != NULL)
		memcpy(self->limb_counts, session->spread->all.counts, sizeof(self->limb_counts));
	return is_all;
}

/* Where the last one has left meanwhile there is nobody. */
static bool answer_limb(struct shard *shard, struct ask *ask)
{
	struct ask_players *self = CONTAINER_OF(ask, struct ask_players, ask);
	const struct letter about = {.session = self->session};
	const struct session *limb = ringcast_limb_find(&shard->store, self->home_shard, &about);
	ask->result = RINGCAST_OK;
	return limb == NULL || ringcast_shard_each_player(shard, limb, &self->cursor, list_one, self);
}

/* Those who are in by the order in which they came, then the reservations. */
static int compare(const void *a, const void *b)
{
	const ringcast_player_info *one = a, *other = b;
	if (one->peer_id != other->peer_id)
		return (uint32_t)one->peer_id - 1 < (uint32_t)other->peer_id - 1 ? -1 : 1;
	if (one->peer_id != 0) /* what is looked for among them has no time */
		return 0;
	return one->created_ns < other->created_ns ? -1 : one->created_ns > other->created_ns;
}

/* What is sent to a player is counted where its connection is, and what is refused of it partly there. */
static void complete(ringcast_player_info *info, const ringcast_player_info *there)
{
	info->shard = there->shard;
	memcpy(info->state, there->state, sizeof(info->state)); /* whoever has its stream knows first that it is broken */
	info->is_fast = there->is_fast;
	info->outq_bytes = there->outq_bytes;
	info->messages_sent = there->messages_sent;
	info->bytes_sent = there->bytes_sent;
	info->drops += there->drops;
	memcpy(info->address, there->address, sizeof(info->address));
}

static size_t filled(const struct ask_players *list)
{
	return list->count < list->count_max ? list->count : list->count_max;
}

static void join(struct ask_players *home, const struct ask_players *limb)
{
	for (size_t i = 0; i < filled(limb); i++) {
		ringcast_player_info *info = bsearch(&limb->infos[i], home->infos, filled(home), sizeof(home->infos[0]), compare);
		if (info != NULL)
			complete(info, &limb->infos[i]);
	}
}

/* One question for each shard that has any of them. */
static int make_limbs(const struct ask_players *home, struct ask **ret_asks, uint32_t *ret_shards, uint32_t *ret_count)
{
	for (uint32_t shard = 0; shard < LIMBS_MAX; shard++) {
		if (home->limb_counts[shard] == 0)
			continue;
		struct ask_players *limb = make((size_t)home->limb_counts[shard] + COMERS_SPARE, answer_limb);
		if (limb == NULL)
			return RINGCAST_ERROR_MEMORY;
		limb->session = home->session;
		limb->home_shard = home->home_shard;
		ret_asks[*ret_count] = &limb->ask;
		ret_shards[(*ret_count)++] = shard;
	}
	return RINGCAST_OK;
}

static int ask_limbs(struct ringcast_engine *engine, struct ask_players *home)
{
	struct ask *asks[LIMBS_MAX];
	uint32_t shards[LIMBS_MAX], count = 0;
	int result = make_limbs(home, asks, shards, &count);
	if (result == RINGCAST_OK && count > 0)
		result = ringcast_engine_ask_some(engine, asks, shards, count);
	for (uint32_t i = 0; i < count; i++) {
		if (result == RINGCAST_OK)
			join(home, CONTAINER_OF(asks[i], struct ask_players, ask));
		ringcast_ask_release(asks[i]);
	}
	return result;
}

static int list(struct ringcast_engine *engine, struct ask_players *self)
{
	int result = ringcast_engine_ask_about(engine, self->session_id, &self->ask);
	if (result != RINGCAST_OK)
		return result;
	qsort(self->infos, filled(self), sizeof(self->infos[0]), compare);
	return ask_limbs(engine, self);
}

int ringcast_player_list(ringcast_engine *engine, const char *session_id, ringcast_player_info *infos, size_t info_count_max, size_t *ret_count)
{
	size_t count_max = info_count_max < engine->options.limits.players_max ? info_count_max : engine->options.limits.players_max;
	struct ask_players *self = make(count_max, answer_home);
	if (self == NULL)
		return RINGCAST_ERROR_MEMORY;
	ringcast_ask_keep(self->session_id, sizeof(self->session_id), session_id);
	int result = list(engine, self);
	if (result == RINGCAST_OK) {
		if (filled(self) > 0)
			memcpy(infos, self->infos, filled(self) * sizeof(*infos));
		*ret_count = self->count;
	}
	ringcast_ask_release(&self->ask);
	return result;
}
