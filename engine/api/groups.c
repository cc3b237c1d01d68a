/* Groups in the public API, and who went last. Both are walked through in turns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "life/asking.h"
#include "io/socket.h"
#include "shard/inspect.h"

/* Groups of a session */

struct ask_groups {
	struct ask ask;
	char session_id[RINGCAST_ID_BYTES];
	uint32_t cursor;
	bool is_over; /* the walk is at its end */
	size_t count, count_max;
	ringcast_group_info infos[];
};

static void free_groups(struct ask *ask)
{
	free(CONTAINER_OF(ask, struct ask_groups, ask));
}

static bool describe_group(void *context, const struct group *group)
{
	struct ask_groups *self = context;
	if (self->count == self->count_max)
		return false;
	ringcast_group_info *info = &self->infos[self->count++];
	*info = (ringcast_group_info){.group = group->id, .member_count = group->member_count};
	for (uint32_t i = 0; i < group->member_count && i < RINGCAST_GROUP_MEMBERS_SHOWN; i++)
		info->members[i] = group->members[i]->peer_id;
	return true;
}

static bool answer_groups(struct shard *shard, struct ask *ask)
{
	struct ask_groups *self = CONTAINER_OF(ask, struct ask_groups, ask);
	const struct session *session = ringcast_session_find(&shard->store, self->session_id);
	if (session == NULL) {
		ask->result = RINGCAST_ERROR_NOT_FOUND;
		return true;
	}
	self->is_over = ringcast_shard_each_group(shard, session, &self->cursor, describe_group, self);
	return self->is_over || self->count == self->count_max;
}

int ringcast_group_list(ringcast_engine *engine, const char *session_id, uint32_t *cursor, ringcast_group_info *infos, size_t info_count_max, size_t *ret_count)
{
	struct ask_groups *self = calloc(1, sizeof(*self) + info_count_max * sizeof(*infos));
	if (self == NULL)
		return RINGCAST_ERROR_MEMORY;
	ringcast_ask_init(&self->ask, answer_groups, free_groups);
	ringcast_ask_keep(self->session_id, sizeof(self->session_id), session_id);
	self->cursor = *cursor;
	self->count_max = info_count_max;
	int result = ringcast_engine_ask_about(engine, session_id, &self->ask);
	if (result == RINGCAST_OK) {
		if (self->count > 0)
			memcpy(infos, self->infos, self->count * sizeof(*infos));
		*ret_count = self->count;
		*cursor = self->is_over ? 0 : self->cursor;
	}
	ringcast_ask_release(&self->ask);
	return result;
}

/* Who went last, of all shards */

struct ask_disconnects {
	struct ask ask;
	uint64_t number;
	size_t count, count_max;
	ringcast_disconnect_info infos[];
};

static void free_disconnects(struct ask *ask)
{
	free(CONTAINER_OF(ask, struct ask_disconnects, ask));
}

static void describe_disconnect(const struct shard *shard, const struct disconnect *disconnect, uint64_t number, ringcast_disconnect_info *ret)
{
	enum close_reason reason = disconnect->reason;
	*ret = (ringcast_disconnect_info){.at_ns = disconnect->now_ns, .number = number + 1, .shard = shard->options.index, .peer_id = disconnect->peer_id,
					  .close_code = ringcast_close_code(reason), .is_by_api = disconnect->is_by_api};
	snprintf(ret->reason, sizeof(ret->reason), "%s", ringcast_close_label(reason));
	snprintf(ret->session_id, sizeof(ret->session_id), "%s", disconnect->session_id);
	snprintf(ret->player_id, sizeof(ret->player_id), "%s", disconnect->player_id);
	ringcast_socket_format_address(&disconnect->address, ret->address);
}

static bool answer_disconnects(struct shard *shard, struct ask *ask)
{
	struct ask_disconnects *self = CONTAINER_OF(ask, struct ask_disconnects, ask);
	for (uint32_t i = 0; i < SHARD_REQUEST_ITEMS_MAX && self->count < self->count_max; i++) {
		const struct disconnect *disconnect = ringcast_disconnects_before(&shard->disconnects, self->number, &self->number);
		if (disconnect == NULL)
			return true;
		describe_disconnect(shard, disconnect, self->number, &self->infos[self->count++]);
	}
	return self->count == self->count_max;
}

static struct ask_disconnects *make_disconnects(size_t count_max)
{
	struct ask_disconnects *self = calloc(1, sizeof(*self) + count_max * sizeof(self->infos[0]));
	if (self == NULL)
		return NULL;
	ringcast_ask_init(&self->ask, answer_disconnects, free_disconnects);
	self->number = UINT64_MAX;
	self->count_max = count_max;
	return self;
}

static int compare(const void *a, const void *b)
{
	const ringcast_disconnect_info *one = a, *other = b;
	if (one->at_ns != other->at_ns)
		return one->at_ns > other->at_ns ? -1 : 1;
	if (one->shard != other->shard)
		return one->shard < other->shard ? -1 : 1;
	return one->number > other->number ? -1 : one->number < other->number;
}

/* The newest of all: each shard has told its newest ones. */
static int merge(struct ask *const *asks, uint32_t shard_count, ringcast_disconnect_info *infos, size_t info_count_max, size_t *ret_count)
{
	size_t count = 0, total = 0;
	for (uint32_t i = 0; i < shard_count; i++)
		total += CONTAINER_OF(asks[i], struct ask_disconnects, ask)->count;
	ringcast_disconnect_info *all = calloc(total > 0 ? total : 1, sizeof(*all));
	if (all == NULL)
		return RINGCAST_ERROR_MEMORY;
	for (uint32_t i = 0; i < shard_count; i++) {
		const struct ask_disconnects *self = CONTAINER_OF(asks[i], struct ask_disconnects, ask);
		if (self->count > 0)
			memcpy(&all[count], self->infos, self->count * sizeof(*all));
		count += self->count;
	}
	qsort(all, count, sizeof(*all), compare);
	*ret_count = count < info_count_max ? count : info_count_max;
	if (*ret_count > 0)
		memcpy(infos, all, *ret_count * sizeof(*all));
	free(all);
	return RINGCAST_OK;
}

int ringcast_disconnect_list(ringcast_engine *engine, ringcast_disconnect_info *infos, size_t info_count_max, size_t *ret_count)
{
	struct ask **asks = calloc(engine->shard_count, sizeof(*asks));
	int result = asks != NULL ? RINGCAST_OK : RINGCAST_ERROR_MEMORY;
	for (uint32_t i = 0; result == RINGCAST_OK && i < engine->shard_count; i++) {
		struct ask_disconnects *self = make_disconnects(info_count_max);
		if (self == NULL)
			result = RINGCAST_ERROR_MEMORY;
		else
			asks[i] = &self->ask;
	}
	if (result == RINGCAST_OK)
		result = ringcast_engine_ask_all(engine, asks);
	if (result == RINGCAST_OK)
		result = merge(asks, engine->shard_count, infos, info_count_max, ret_count);
	for (uint32_t i = 0; asks != NULL && i < engine->shard_count; i++)
		ringcast_ask_release(asks[i]);
	free(asks);
	return result;
}
