/*
 * What happens when something that all connections share runs short: slices of send queues, or buffers.
 *
 * Who asks at that moment is nobody in particular; it would be wrong to refuse it. So whoever holds most gives: its queue is dropped at once, and
 * it is closed as a slow reader. Nothing is counted while there is enough. In need all connections are looked at once, and then so many of
 * the largest give that the next need is a while away: a sixteenth of what there is.
 */
#include "base/assert.h"
#include "shard/resume.h"

enum { VICTIMS_MAX = 64, GOAL_PART = 16, LOW_PART = 8, SLICES_HELD_MIN = 8, BYTES_HELD_MIN = 2048 };

struct need {
	bool is_slices; /* else bytes of bufs of these capacities */
	uint32_t capacity_min, capacity_max;
	uint64_t goal, held_min;
};

struct victim {
	struct conn *conn;
	uint64_t held;
	uint32_t idle_ms;
};

struct victims { /* the largest, in descending order; of two that hold as much the one that has been silent longer comes first */
	struct victim each[VICTIMS_MAX];
	unsigned count;
};

static uint64_t buf_bytes(const struct buf *buf, const struct need *need)
{
	return buf != NULL && buf->capacity >= need->capacity_min && buf->capacity <= need->capacity_max ? buf->capacity / buf->refs : 0;
}

static uint64_t amount_of(const struct outq_holding *holding, const struct need *need)
{
	return need->is_slices ? holding->slice_count : holding->bytes;
}

/* What is free as soon as it is dropped. */
static uint64_t waiting_of(const struct conn *conn, const struct need *need)
{
	struct outq_holding holding = {0};
	ringcast_outq_count_pending(&conn->outq, need->capacity_min, need->capacity_max, &holding);
	if (conn->secure != NULL) {
		ringcast_outq_count_pending(&conn->secure->cipher, need->capacity_min, need->capacity_max, &holding);
		holding.bytes += buf_bytes(conn->secure->held, need);
	}
	holding.bytes += buf_bytes(conn->stream.tail, need) + buf_bytes(conn->stream.message, need) + buf_bytes(conn->has_close_text ? conn->close_text : NULL, need);
	return amount_of(&holding, need);
}

/* What comes back when io is done with it. */
static uint64_t in_flight_of(const struct conn *conn, const struct need *need)
{
	struct outq_holding holding = {0};
	ringcast_outq_count_flight(&conn->outq, need->capacity_min, need->capacity_max, &holding);
	if (conn->secure != NULL)
		ringcast_outq_count_flight(&conn->secure->cipher, need->capacity_min, need->capacity_max, &holding);
	return amount_of(&holding, need);
}

static bool comes_before(const struct victim *a, const struct victim *b)
{
	return a->held != b->held ? a->held > b->held : a->idle_ms > b->idle_ms;
}

static void consider(struct victims *victims, const struct victim *victim)
{
	if (victims->count == VICTIMS_MAX && !comes_before(victim, &victims->each[VICTIMS_MAX - 1]))
		return;
	unsigned at = victims->count < VICTIMS_MAX ? victims->count++ : VICTIMS_MAX - 1;
	for (; at > 0 && comes_before(victim, &victims->each[at - 1]); at--)
		victims->each[at] = victims->each[at - 1];
	victims->each[at] = *victim;
}

/* Not who is being served, whose bytes are in somebody's hands, nor who moves to another shard, which takes its bytes along. */
static bool may_give(const struct shard *shard, const struct conn *conn)
{
	return conn != NULL && conn != shard->serving && conn->state != CONN_LEAVING && conn->state != CONN_CLOSED && !conn->is_crowded_out;
}

/* Of those who have given already: what io has not returned yet. */
static uint64_t coming_back(const struct shard *shard, const struct need *need)
{
	uint64_t coming = 0;
	for (uint32_t i = 0; i < shard->conns.high_water; i++) {
		handle self;
		const struct conn *conn = ringcast_slab_at(&shard->conns, i, &self);
		if (conn != NULL && conn->is_crowded_out)
			coming += in_flight_of(conn, need);
	}
	return coming;
}

static void find_victims(struct shard *shard, const struct need *need, struct victims *ret_victims)
{
	bool is_enough_coming = coming_back(shard, need) >= need->goal;
	ret_victims->count = 0;
	for (uint32_t i = 0; i < shard->conns.high_water; i++) {
		handle self;
		struct conn *conn = ringcast_slab_at(&shard->conns, i, &self);
		if (!may_give(shard, conn))
			continue;
		struct victim victim = {conn, waiting_of(conn, need), ringcast_shard_now_ms(shard) - conn->active_ms};
		if (!is_enough_coming)
			victim.held += in_flight_of(conn, need);
		if (victim.held >= need->held_min)
			consider(ret_victims, &victim);
	}
}

static void drop_secure(struct shard *shard, struct secure_stream *secure)
{
	struct buf *held = ringcast_secure_stream_take_held(secure);
	ringcast_handshake_queue_remove_stream(&shard->security.queue, &secure->queue_node);
	if (held != NULL)
		ringcast_buf_unref(held);
	ringcast_shard_drop(shard, DROP_OUTQ_FULL, ringcast_outq_clear(&secure->cipher, &shard->slices));
	secure->is_broken = true;
}

/* Drops what waits now. What the kernel has in its hands comes back when the stream is cut, which close_doomed does. */
static void crowd_out(struct shard *shard, struct conn *conn)
{
	conn->is_crowded_out = true;
	shard->counters.crowded_out += conn->close_reason == CLOSE_NONE; /* else it is closed already, for another reason */
	ringcast_shard_drop(shard, DROP_OUTQ_FULL, ringcast_outq_clear(&conn->outq, &shard->slices));
	ringcast_stream_forget(&conn->stream);
	if (conn->secure != NULL)
		drop_secure(shard, conn->secure);
	if (conn->state == CONN_CLOSING)
		ringcast_shard_conn_cut(shard, conn, conn->close_reason);
	else
		ringcast_shard_conn_doom(shard, conn, CLOSE_SLOW);
}

static bool has_enough(const struct shard *shard, const struct need *need)
{
	uint64_t free_bytes;
	if (need->is_slices)
		return shard->slices.capacity - shard->slices.count >= need->goal;
	ringcast_buf_pool_bytes(shard->pool, need->capacity_min, &free_bytes);
	return free_bytes >= need->goal;
}

static bool relieve(struct shard *shard, const struct need *need)
{
	struct victims victims;
	uint64_t given = 0;
	bool is_relieved = false;
	while (ringcast_resume_relieve(shard)) {
		is_relieved = true;
		if (has_enough(shard, need))
			return true;
	}
	find_victims(shard, need, &victims);
	for (unsigned i = 0; i < victims.count && given < need->goal; i++) {
		given += victims.each[i].held;
		crowd_out(shard, victims.each[i].conn);
	}
	return given > 0 || is_relieved;
}

bool ringcast_shard_relieve_slices(struct shard *shard)
{
	struct need need = {.is_slices = true, .goal = shard->slices.capacity / GOAL_PART, .held_min = SLICES_HELD_MIN};
	return relieve(shard, &need);
}

bool ringcast_shard_relieve_buffers(void *context, size_t capacity_bytes)
{
	struct shard *shard = context;
	uint64_t free_bytes;
	struct need need = {.held_min = BYTES_HELD_MIN, .goal = ringcast_buf_pool_bytes(shard->pool, capacity_bytes, &free_bytes) / GOAL_PART};
	ringcast_buf_pool_range(shard->pool, capacity_bytes, &need.capacity_min, &need.capacity_max);
	return relieve(shard, &need);
}

/* Large buffers may be in the kernel's hands, from where they do not come back at once: so there is room kept for those who need one meanwhile. */
void ringcast_shard_keep_room(struct shard *shard)
{
	uint64_t free_bytes, bytes = ringcast_buf_pool_bytes(shard->pool, SHARD_CHUNK_BYTES, &free_bytes);
	if (UNLIKELY(free_bytes < bytes / LOW_PART))
		ringcast_shard_relieve_buffers(shard, SHARD_CHUNK_BYTES);
}
