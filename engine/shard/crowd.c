/*
 * What happens when the places for connections run short: somebody who has not logged in makes room, never a player, and not whoever happens to come.
 *
 * Of the strangers those go first whose address (in IPv6 its /64) has most of them; then those of addresses where no player is; then those who
 * came first, for they have had their time. Somebody who came within the last second stays, unless its address has more strangers than the newcomer's. A
 * place is free again when io has closed the stream, so room is made before the last ones are taken; and where nobody makes room, these are for addresses that
 * have no stranger yet.
 */
#include "base/assert.h"
#include "shard/shard_private.h"

enum { SPARE_PART = 64, PAUSE_MS = 10, GRACE_MS = 1000 };

static bool is_stranger(const struct conn *conn)
{
	return !conn->is_logged_in && conn->player == NULL && conn->state != CONN_LEAVING && conn->state != CONN_CLOSED;
}

struct candidate {
	handle self;
	struct address_crowd crowd;
	uint32_t waited_ms;
};

struct candidates {
	struct candidate each[SHARD_CROWD_MAX];
	unsigned count;
};

static bool comes_before(const struct candidate *a, const struct candidate *b)
{
	if (a->crowd.stranger_count != b->crowd.stranger_count)
		return a->crowd.stranger_count > b->crowd.stranger_count;
	if (a->crowd.has_players != b->crowd.has_players)
		return b->crowd.has_players;
	return a->waited_ms > b->waited_ms;
}

static void consider(struct candidates *candidates, const struct candidate *candidate)
{
	if (candidates->count == SHARD_CROWD_MAX && !comes_before(candidate, &candidates->each[SHARD_CROWD_MAX - 1]))
		return;
	unsigned at = candidates->count < SHARD_CROWD_MAX ? candidates->count++ : SHARD_CROWD_MAX - 1;
	for (; at > 0 && comes_before(candidate, &candidates->each[at - 1]); at--)
		candidates->each[at] = candidates->each[at - 1];
	candidates->each[at] = *candidate;
}

/* All connections are looked at once for so many that go one after the other. */
static void find_candidates(struct shard *shard)
{
	struct candidates candidates = {.count = 0};
	shard->crowd_looks++;
	for (uint32_t i = 0; i < shard->conns.high_water; i++) {
		struct candidate candidate;
		const struct conn *conn = ringcast_slab_at(&shard->conns, i, &candidate.self);
		if (conn == NULL || !is_stranger(conn))
			continue;
		candidate.crowd = ringcast_address_table_crowd(&shard->addresses, &conn->address);
		candidate.waited_ms = ringcast_shard_now_ms(shard) - conn->active_ms;
		consider(&candidates, &candidate);
	}
	for (unsigned i = 0; i < candidates.count; i++)
		shard->crowd[i] = candidates.each[candidates.count - 1 - i].self;
	shard->crowd_count = candidates.count;
}

/* The next who may still go, and is to; NULL: nobody. */
static struct conn *take_victim(struct shard *shard, uint32_t newcomer_count)
{
	while (shard->crowd_count > 0) {
		struct conn *conn = ringcast_slab_find(&shard->conns, shard->crowd[--shard->crowd_count]);
		if (conn == NULL || !is_stranger(conn))
			continue;
		bool is_hog = ringcast_address_table_crowd(&shard->addresses, &conn->address).stranger_count > newcomer_count;
		if (is_hog || ringcast_shard_now_ms(shard) - conn->active_ms >= GRACE_MS)
			return conn;
	}
	return NULL;
}

/* Where nobody was found for one, nobody is for those who have as many strangers or more: for a while they need not be looked for again. */
static bool is_vain(const struct shard *shard, uint32_t newcomer_count)
{
	return shard->now_ns < shard->crowd_pause_ns && newcomer_count >= shard->crowd_vain_count;
}

static struct conn *find_victim(struct shard *shard, uint32_t newcomer_count)
{
	struct conn *victim = take_victim(shard, newcomer_count);
	if (victim != NULL || is_vain(shard, newcomer_count))
		return victim;
	find_candidates(shard);
	victim = take_victim(shard, newcomer_count);
	if (victim == NULL) {
		shard->crowd_pause_ns = shard->now_ns + PAUSE_MS * NS_PER_MS;
		shard->crowd_vain_count = newcomer_count;
	}
	return victim;
}

bool ringcast_shard_make_place(struct shard *shard, const struct address *newcomer)
{
	uint32_t spare = shard->conns.capacity / SPARE_PART + 1;
	if (LIKELY(shard->conns.count + spare < shard->conns.capacity))
		return true;
	uint32_t newcomer_count = ringcast_address_table_crowd(&shard->addresses, newcomer).stranger_count;
	struct conn *victim = find_victim(shard, newcomer_count);
	if (victim == NULL)
		return newcomer_count == 1;
	ringcast_shard_drop(shard, DROP_CROWDED, 1);
	ringcast_shard_conn_cut(shard, victim, CLOSE_CROWDED);
	return true;
}
