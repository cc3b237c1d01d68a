/*
 * Shards that stand still while the others go on. Whoever waits for one gives it up once it has read nothing for as long as is waited, and not before; only what is for a shard that
 * was given up, or for one whose queue is full where little may wait, may be lost. Both are looked at between each two shards, at the moment at which one of them gives up.
 *
 * The linker puts ringcast_home_lose in the place of the session's own (--wrap).
 */
#include "session/home.h"
#include "shard/shard_private.h"
#include "world.h"

#define NAP_NS (20 * NS_PER_MS) /* how long before it stood still a shard may have looked last: its naps, and the other's */

void __real_ringcast_home_lose(struct store *store, uint32_t shard, uint64_t now_ns);
void __wrap_ringcast_home_lose(struct store *store, uint32_t shard, uint64_t now_ns);

static struct world *watched;

void ringcast_standstill_watch(struct world *world)
{
	watched = world;
}

static uint64_t now_ns_of(const struct world *world)
{
	return ringcast_sim_network_now_ns(world->network);
}

void ringcast_standstill_begin(struct world *world, uint32_t shard)
{
	if (world->standstills[shard].since_ns == 0)
		world->standstills[shard].since_ns = now_ns_of(world);
}

/* How often somebody who looks again and again has waited in vain for as long as is waited. */
static uint64_t patiences_of(const struct world *world, uint32_t shard)
{
	uint64_t since_ns = world->standstills[shard].since_ns;
	return since_ns == 0 ? 0 : (now_ns_of(world) - since_ns + NAP_NS) / (world->swarm.limits.spread_patience_ms * NS_PER_MS);
}

/* Also one that answers a question meanwhile, and reads what there is. */
void ringcast_standstill_end(struct world *world, uint32_t shard, bool is_still)
{
	struct world_standstill *standstill = &world->standstills[shard];
	if (standstill->since_ns == 0)
		return;
	standstill->patiences += patiences_of(world, shard);
	standstill->since_ns = is_still ? now_ns_of(world) : 0;
}

/* Of all but one shard: so often it may have given another one up. */
static uint64_t patiences_with(const struct world *world, uint32_t shard)
{
	uint64_t patiences = 0;
	for (uint32_t i = 0; i < world->swarm.shard_count; i++)
		patiences += i != shard ? world->standstills[i].patiences : 0;
	return patiences;
}

uint64_t ringcast_standstill_patiences(const struct world *world)
{
	uint64_t patiences = 0;
	for (uint32_t i = 0; i < world->swarm.shard_count; i++)
		patiences += patiences_with(world, i);
	return patiences;
}

bool ringcast_standstill_may_lose_letters(const struct world *world, uint32_t shard)
{
	return world->swarm.narrow_memory > 0 || world->standstills[shard].given_up != 0;
}

static void judge(struct world *world, const struct shard *shard, uint32_t target)
{
	uint32_t sender = shard->options.index;
	struct world_standstill *of_sender = &world->standstills[sender];
	bool is_full = shard->letters.queues[target].bytes >= shard->options.limits.spread_queue_bytes;
	bool is_due = patiences_of(world, target) > 0;
	of_sender->given_up |= (uint64_t)is_due << target;
	if (!is_full && !is_due)
		ringcast_world_fail(world, "shard %u gives up shard %u, which has not stood still for as long as is waited", sender, target);
	else if (is_full && world->swarm.narrow_memory == 0 && (of_sender->given_up >> target & 1) == 0)
		ringcast_world_fail(world, "shard %u has lost letters for shard %u, and was to wait for it", sender, target);
}

void __wrap_ringcast_home_lose(struct store *store, uint32_t shard, uint64_t now_ns)
{
	judge(watched, CONTAINER_OF(store, struct shard, store), shard);
	__real_ringcast_home_lose(store, shard, now_ns);
}
