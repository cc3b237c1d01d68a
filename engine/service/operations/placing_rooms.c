/* Where placements find room, and which queues they wait in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "service/operations/placement_read.h"
#include "service/operations/placing_private.h"
#include "service/operations/runtime.h"

uint32_t ringcast_placing_add_pool(struct placing *placing, const char *key, size_t fleet_bytes)
{
	if (placing->pool_count == placing->pool_capacity) {
		uint32_t capacity = placing->pool_capacity > 0 ? 2 * placing->pool_capacity : 8;
		struct pool *grown = realloc(placing->pools, capacity * sizeof(*grown));
		if (grown == NULL)
			return PLACE_POOL_NONE;
		placing->pools = grown;
		placing->pool_capacity = capacity;
	}
	uint32_t pool = ringcast_place_board_add_pool(placing->board);
	char *copy = pool != PLACE_POOL_NONE ? strdup(key) : NULL;
	if (pool == PLACE_POOL_NONE)
		return PLACE_POOL_NONE;
	ringcast_assert(pool <= placing->pool_count);
	if (pool == placing->pool_count)
		placing->pools[placing->pool_count++] = (struct pool){0};
	if (copy == NULL || !ringcast_text_index_add(&placing->pools_by_key, copy, (void *)(uintptr_t)(pool + 1))) {
		free(copy);
		ringcast_place_board_remove_pool(placing->board, pool);
		return PLACE_POOL_NONE;
	}
	placing->pools[pool] = (struct pool){.key = copy, .fleet_bytes = fleet_bytes};
	return pool;
}

static void remove_pool(struct placing *placing, uint32_t pool)
{
	ringcast_text_index_remove(&placing->pools_by_key, placing->pools[pool].key);
	free(placing->pools[pool].key);
	placing->pools[pool] = (struct pool){0};
	ringcast_place_board_remove_pool(placing->board, pool);
}

/* Pools to which no queue leads any more go; one in which somebody is tried, when that is over. */
static void sweep_pools(struct placing *placing)
{
	bool *is_used = calloc(placing->pool_count, sizeof(*is_used));
	if (is_used == NULL) {
		placing->is_dirty = true;
		return;
	}
	ringcast_place_board_mark_pools(placing->board, is_used);
	for (uint32_t i = 1; i < placing->pool_count; i++) {
		struct pool *pool = &placing->pools[i];
		pool->is_left = !is_used[i] && pool->trying > 0;
		if (!is_used[i] && pool->key != NULL && pool->trying == 0)
			remove_pool(placing, i);
	}
	free(is_used);
}

/* Whether there is room nobody knows here: a few are tried at once, and the host says. */
static void probe(struct placing *placing, uint32_t pool)
{
	uint32_t trying = placing->pools[pool].trying;
	ringcast_place_board_set_room(placing->board, pool, trying < PROBES_MAX ? PROBES_MAX - trying : 0);
}

static uint32_t pool_of(struct model *model, const char *fleet_id, const json_t *fleet, const char *location)
{
	char key[KEY_BYTES];
	struct placing *placing = model->placing;
	if (!ringcast_fleet_is_custom(fleet))
		return 0;
	snprintf(key, sizeof(key), "%.128s/%s", fleet_id, location);
	uintptr_t number = (uintptr_t)ringcast_text_index_find(&placing->pools_by_key, key);
	if (number != 0)
		return (uint32_t)(number - 1);
	uint32_t pool = ringcast_placing_add_pool(placing, key, strlen(fleet_id));
	if (pool != PLACE_POOL_NONE)
		probe(placing, pool);
	return pool;
}

/* A fleet's game servers may have room: at which location, whoever says so does not know for sure. fleet "": all of them. */
void ringcast_placing_hear_of_room(struct model *model, const char *fleet, size_t fleet_bytes)
{
	struct placing *placing = model->placing;
	for (uint32_t i = 1; i < placing->pool_count; i++) {
		const struct pool *pool = &placing->pools[i];
		if (pool->key != NULL && (fleet_bytes == 0 || (pool->fleet_bytes == fleet_bytes && strncmp(pool->key, fleet, fleet_bytes) == 0)))
			probe(placing, i);
	}
}

void ringcast_placing_sync_engine(struct model *model)
{
	struct placing *placing = model->placing;
	int64_t room = (int64_t)model->settings.sessions_max - (int64_t)model->sessions.live_counts[MODEL_HOST_ENGINE];
	if (room < 0 || model->steady_ms < placing->engine_full_until_ms)
		room = 0;
	if (room != ringcast_place_board_room(placing->board, 0))
		ringcast_place_board_set_room(placing->board, 0, room);
}

void ringcast_placing_leave_pool(struct model *model, struct placement *placement, bool is_full)
{
	struct placing *placing = model->placing;
	ringcast_assert(placing->pools[placement->pool].trying > 0);
	if (--placing->pools[placement->pool].trying == 0 && placing->pools[placement->pool].is_left)
		placing->is_dirty = true;
	if (placement->pool == 0 && is_full)
		placing->engine_full_until_ms = model->steady_ms + FULL_MS;
	else if (placement->pool != 0 && !is_full)
		probe(placing, placement->pool);
}

/* Queues */

struct place_wish *ringcast_placing_wish(void *context, void *owner, const struct place_queue *queue)
{
	const struct model *model = context;
	const struct placement *placement = owner;
	return ringcast_placement_read_wish(ringcast_placement_document(model, placement->id), queue, model->placing->seed);
}

/* Told when it begins, and not each time that the queue is read. */
static void tell_left_out(const char *name, const struct place_queue *before, const struct place_queue *queue)
{
	uint32_t count = ringcast_place_queue_left_out_count(queue);
	if (count > 0 && (before == NULL || ringcast_place_queue_left_out_count(before) != count))
		ringcast_log(LOG_WARN, "service", "the fleets of a queue have more locations than it holds, and some are left out", "queue=\"%s\" left_out=%u max=%d", name,
			     (unsigned)count, PLACE_LOCATIONS_MAX);
}

void ringcast_placing_set_queue(struct model *model, const char *name, const json_t *document)
{
	struct place_queue *queue = document != NULL ? ringcast_placement_read_queue(model, document, pool_of) : NULL;
	if (document != NULL && queue == NULL) {
		model->placing->is_dirty = true; /* no memory now: once more */
		return;
	}
	/* Fleets change for much that no queue sees, and thousands may wait in it. */
	const struct place_queue *before = ringcast_place_board_queue(model->placing->board, name);
	if (queue != NULL && before != NULL && ringcast_place_queue_is_same(before, queue)) {
		ringcast_place_queue_destroy(&queue);
		return;
	}
	if (queue != NULL)
		tell_left_out(name, before, queue);
	if (!ringcast_place_board_set_queue(model->placing->board, name, queue, model->steady_ms))
		model->placing->is_dirty = true;
}

void ringcast_placing_sync_queues(struct model *model)
{
	if (!model->placing->is_dirty)
		return;
	model->placing->is_dirty = false;
	const struct record *queue = ringcast_records_next(&model->records, RECORD_QUEUE, "");
	for (; queue != NULL; queue = ringcast_records_next(&model->records, RECORD_QUEUE, queue->id))
		ringcast_placing_set_queue(model, queue->id, queue->document);
	sweep_pools(model->placing);
}
