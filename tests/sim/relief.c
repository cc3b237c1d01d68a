/*
 * Who gives when something that a shard's connections share runs short. Both sides can be looked at here: whoever is closed for it held, at that moment, at least
 * as much as anybody who stays; of two that held as much the more silent one goes; nobody goes beyond what is needed, and somebody goes where anybody holds enough.
 *
 * The linker puts these functions in the place of the shard's own (--wrap), whoever calls them. What is counted here is counted from the bufs themselves.
 */
#include "shard/shard_private.h"
#include "world.h"

enum { CONNS_MAX = 256, HELD_SLICES_MIN = 8, HELD_BYTES_MIN = 2048, PART_NEEDED = 16, PART_KEPT_FREE = 8 };

bool __real_ringcast_shard_relieve_slices(struct shard *shard);
bool __real_ringcast_shard_relieve_buffers(void *shard, size_t capacity_bytes);
void __real_ringcast_shard_keep_room(struct shard *shard);
bool __real_ringcast_resume_relieve(struct shard *shard);
bool __wrap_ringcast_shard_relieve_slices(struct shard *shard);
bool __wrap_ringcast_shard_relieve_buffers(void *context, size_t capacity_bytes);
void __wrap_ringcast_shard_keep_room(struct shard *shard);
bool __wrap_ringcast_resume_relieve(struct shard *shard);

static struct world *watched;

void ringcast_relief_watch(struct world *world)
{
	watched = world;
}

/* What is short: slices, or bufs of these capacities. */
struct shortage {
	bool is_slices;
	uint32_t capacity_min, capacity_max;
	uint64_t needed, held_min;
};

struct holder {
	const struct conn *conn; /* NULL: the place is empty */
	bool may_give, has_given; /* has_given: before this */
	uint64_t waits, flies;
	uint32_t silent_ms;
};

struct holders {
	struct holder each[CONNS_MAX];
	uint32_t count;
};

static uint64_t weigh_buf(const struct shortage *shortage, const struct buf *buf)
{
	bool is_short = !shortage->is_slices && buf != NULL && buf->capacity >= shortage->capacity_min && buf->capacity <= shortage->capacity_max;
	return is_short ? buf->capacity / buf->refs : 0;
}

static uint64_t weigh_slices(const struct shortage *shortage, const struct out_slice *slice)
{
	uint64_t weight = 0;
	for (; slice != NULL; slice = slice->next)
		weight += shortage->is_slices ? 1 : weigh_buf(shortage, slice->buf);
	return weight;
}

static struct holder look_at(const struct shard *shard, const struct shortage *shortage, const struct conn *conn)
{
	struct holder holder = {.conn = conn, .has_given = conn->is_crowded_out, .silent_ms = ringcast_shard_now_ms(shard) - conn->active_ms};
	holder.may_give = !conn->is_crowded_out && conn != shard->serving && conn->state != CONN_LEAVING && conn->state != CONN_CLOSED;
	holder.waits = weigh_slices(shortage, conn->outq.pending_head) + weigh_buf(shortage, conn->stream.tail) + weigh_buf(shortage, conn->stream.message);
	holder.flies = weigh_slices(shortage, conn->outq.flight_head);
	if (conn->has_close_text)
		holder.waits += weigh_buf(shortage, conn->close_text);
	if (conn->secure != NULL) {
		holder.waits += weigh_slices(shortage, conn->secure->cipher.pending_head) + weigh_buf(shortage, conn->secure->held);
		holder.flies += weigh_slices(shortage, conn->secure->cipher.flight_head);
	}
	return holder;
}

static void look(const struct shard *shard, const struct shortage *shortage, struct holders *ret_holders)
{
	handle self;
	ret_holders->count = shard->conns.high_water < CONNS_MAX ? shard->conns.high_water : CONNS_MAX;
	for (uint32_t i = 0; i < ret_holders->count; i++) {
		const struct conn *conn = ringcast_slab_at(&shard->conns, i, &self);
		ret_holders->each[i] = conn == NULL ? (struct holder){0} : look_at(shard, shortage, conn);
	}
}

static struct {
	const struct shortage *shortage; /* NULL: nothing is short */
	struct holders *holders;
} under_way;

/*
 * What is kept for players who may come back goes first, and each buffer that was shared with it weighs more on those who stay. Many shards have little memory each, so that one
 * that is behind runs short of it now and then.
 */
bool __wrap_ringcast_resume_relieve(struct shard *shard)
{
	bool is_relieved = __real_ringcast_resume_relieve(shard);
	watched->net.gap_shards |= (uint64_t)(is_relieved && watched->swarm.many_shards > 0) << shard->options.index;
	if (is_relieved && under_way.shortage != NULL)
		look(shard, under_way.shortage, under_way.holders);
	return is_relieved;
}

static void begin(const struct shard *shard, const struct shortage *shortage, struct holders *holders)
{
	look(shard, shortage, holders);
	under_way.shortage = shortage;
	under_way.holders = holders;
}

/* Where as much as is needed comes back already, only what is free at once counts. */
static void settle_weights(const struct shortage *shortage, struct holders *holders)
{
	uint64_t coming = 0;
	for (uint32_t i = 0; i < holders->count; i++)
		coming += holders->each[i].has_given ? holders->each[i].flies : 0;
	for (uint32_t i = 0; i < holders->count && coming < shortage->needed; i++)
		holders->each[i].waits += holders->each[i].flies;
}

static bool goes_before(const struct holder *a, const struct holder *b)
{
	return a->waits != b->waits ? a->waits > b->waits : a->silent_ms > b->silent_ms;
}

static bool is_enough(const struct shard *shard, const struct shortage *shortage)
{
	uint64_t free_bytes;
	if (shortage->is_slices)
		return shard->slices.capacity - shard->slices.count >= shortage->needed;
	ringcast_buf_pool_bytes(shard->pool, shortage->capacity_min, &free_bytes);
	return free_bytes >= shortage->needed;
}

/* is_settled: what was kept for players who may come back has been given up, that was enough, and nobody else needs to give. */
static void judge(const struct shortage *shortage, struct holders *holders, bool is_settled)
{
	const struct holder *least = NULL, *most = NULL; /* of those who gave, and of those who stay */
	uint64_t given = 0;
	under_way.shortage = NULL;
	settle_weights(shortage, holders);
	for (uint32_t i = 0; i < holders->count; i++) {
		const struct holder *holder = &holders->each[i];
		if (holder->conn == NULL || !holder->may_give)
			continue;
		bool gives = holder->conn->is_crowded_out;
		given += gives ? holder->waits : 0;
		if (gives && (least == NULL || goes_before(least, holder)))
			least = holder;
		if (!gives && (most == NULL || goes_before(holder, most)))
			most = holder;
	}
	if (least != NULL && most != NULL && goes_before(most, least))
		ringcast_world_fail(watched, "a connection that held %llu of what ran short was closed for it, and one that held %llu was not",
				    (unsigned long long)least->waits, (unsigned long long)most->waits);
	if (least != NULL && (least->waits < shortage->held_min || given - least->waits >= shortage->needed))
		ringcast_world_fail(watched, "a connection that held %llu was closed for want of %llu, and %llu had been given", (unsigned long long)least->waits,
				    (unsigned long long)shortage->needed, (unsigned long long)(given - least->waits));
	if (!is_settled && least == NULL && most != NULL && most->waits >= shortage->held_min)
		ringcast_world_fail(watched, "nobody gave, though somebody held %llu of what ran short", (unsigned long long)most->waits);
}

static struct shortage shortage_of_buffers(const struct shard *shard, size_t capacity_bytes)
{
	uint64_t free_bytes;
	struct shortage shortage = {.held_min = HELD_BYTES_MIN, .needed = ringcast_buf_pool_bytes(shard->pool, capacity_bytes, &free_bytes) / PART_NEEDED};
	ringcast_buf_pool_range(shard->pool, capacity_bytes, &shortage.capacity_min, &shortage.capacity_max);
	return shortage;
}

bool __wrap_ringcast_shard_relieve_slices(struct shard *shard)
{
	const struct shortage shortage = {.is_slices = true, .needed = shard->slices.capacity / PART_NEEDED, .held_min = HELD_SLICES_MIN};
	struct holders holders;
	uint64_t kept = shard->resume_bytes;
	begin(shard, &shortage, &holders);
	bool is_relieved = __real_ringcast_shard_relieve_slices(shard);
	judge(&shortage, &holders, shard->resume_bytes < kept && is_enough(shard, &shortage));
	return is_relieved;
}

bool __wrap_ringcast_shard_relieve_buffers(void *context, size_t capacity_bytes)
{
	const struct shortage shortage = shortage_of_buffers(context, capacity_bytes);
	const struct shard *shard = context;
	struct holders holders;
	uint64_t kept = shard->resume_bytes;
	begin(context, &shortage, &holders);
	bool is_relieved = __real_ringcast_shard_relieve_buffers(context, capacity_bytes);
	judge(&shortage, &holders, shard->resume_bytes < kept && is_enough(shard, &shortage));
	return is_relieved;
}

void __wrap_ringcast_shard_keep_room(struct shard *shard)
{
	uint64_t free_bytes, bytes = ringcast_buf_pool_bytes(shard->pool, SHARD_CHUNK_BYTES, &free_bytes);
	const struct shortage shortage = shortage_of_buffers(shard, SHARD_CHUNK_BYTES);
	bool is_low = free_bytes < bytes / PART_KEPT_FREE;
	struct holders holders;
	uint64_t kept = shard->resume_bytes;
	if (is_low)
		begin(shard, &shortage, &holders);
	__real_ringcast_shard_keep_room(shard);
	if (is_low)
		judge(&shortage, &holders, shard->resume_bytes < kept && is_enough(shard, &shortage));
}
