/* A datagram comes whole or not at all: so the last number that a shard has taken of a bot is that of the last packet of one of its datagrams. */
#include "world.h"

/* In clear what it says may be changed on the way, and others who look like it be taken for it; then the number says nothing. */
static bool is_sure(const struct world *world, const struct bot *bot)
{
	bool is_alone = !world->net.is_corrupt && !world->swarm.is_udp_address_free && !world->swarm.has_shared_ips;
	return (bot->is_secure || is_alone) && !bot->is_bad && !bot->is_mimicked;
}

static const struct bot *find_bot(const struct world *world, const struct conn *conn)
{
	for (uint32_t i = 0; i < world->bot_count; i++)
		if (ringcast_address_is_equal(&world->bots[i].tcp, &conn->address))
			return &world->bots[i];
	return NULL;
}

static void check(struct world *world, const struct conn *conn)
{
	const struct bot *bot = find_bot(world, conn);
	int32_t number = conn->fast->sequence_in;
	if (bot == NULL || number <= 0 || number + BOT_SEQUENCES_KEPT <= bot->sequence_out || !is_sure(world, bot))
		return;
	if (bot->last_numbers[(uint32_t)number % BOT_SEQUENCES_KEPT] != number)
		ringcast_world_fail(world, "of a datagram of bot %u the packets behind number %d are lost", bot->index, number);
}

void ringcast_checker_merged(struct world *world, uint32_t shard)
{
	struct slab *conns = &world->shards[shard]->conns;
	if (world->swarm.merging == 0)
		return;
	for (uint32_t i = 0; i < conns->high_water; i++) {
		handle self;
		const struct conn *conn = ringcast_slab_at(conns, i, &self);
		if (conn != NULL && conn->fast != NULL && conn->state == CONN_JOINED)
			check(world, conn);
	}
}
