/* What must be true when everything has calmed down, and when everything has ended. */
#include "base/assert.h"
#include "world.h"

static bool is_honest(const struct bot *bot)
{
	return !bot->is_bad && !bot->is_leaving && !bot->is_deaf && !bot->is_expelled;
}

static bool is_healthy(const struct world *world, const struct bot *bot)
{
	return is_honest(bot) && bot->state == BOT_JOINED && ringcast_sim_stream_state(world->network, bot->stream) == SIM_STREAM_OPEN;
}

static void check_tokens(struct world *world)
{
	for (uint32_t i = 0; i < world->bot_count; i++) {
		for (uint32_t j = 0; j < i; j++) {
			const struct bot *a = &world->bots[i], *b = &world->bots[j];
			if (a->peer_id > 0 && b->peer_id > 0 && strcmp(a->token, b->token) == 0)
				ringcast_world_fail(world, "bots %u and %u were both admitted with one token", j, i);
			if (a->peer_id > 0 && a->peer_id == b->peer_id && a->session == b->session)
				ringcast_world_fail(world, "bots %u and %u of session %u were both given peer id %d", j, i, a->session, a->peer_id);
		}
	}
}

/* Slow is whoever reads in small pieces; deaf, whoever does not at all. The session that floods may be too much for anybody in it. */
static bool has_slow_reader(const struct world *world, uint32_t session)
{
	if (world->swarm.crowding > 0 && session == 0)
		return true;
	for (uint32_t i = 0; i < world->bot_count; i++) {
		const struct bot *bot = &world->bots[i];
		if (bot->session == session && (bot->is_deaf || bot->is_bad || bot->read_bytes_max > 0))
			return true;
	}
	return false;
}

/*
 * The buffers that all share are few, and some readers slow: that is for their own sessions to bear, not for those where everybody reads. Where messages are
 * large or shards run late, a session can fill the buffers by itself, and then it is its own that go.
 */
static void check_fairness(struct world *world)
{
	const struct swarm *swarm = &world->swarm;
	if (swarm->narrow_pool == 0 || swarm->payload_bytes_max > 400 || swarm->freeze > 0 || ringcast_swarm_may_disconnect(swarm, SWARM_BUT_POOL))
		return;
	for (uint32_t i = 0; i < world->bot_count; i++) {
		const struct bot *bot = &world->bots[i];
		const struct world_session *session = &world->sessions[bot->session];
		if (!is_honest(bot) || session->is_scripted || session->is_ended || has_slow_reader(world, bot->session))
			continue;
		if (bot->state == BOT_GONE && bot->peer_id > 0)
			ringcast_world_fail(world, "bot %u of a session where all read lost its connection, for slow readers elsewhere (close code %u)", i,
					    bot->close_code);
	}
}

/* Somebody shows its connect token as his own, again and again: the two take turns, and at the end it may be the other one's. */
static bool is_robbed(const struct world *world, const struct bot *bot)
{
	for (uint32_t i = 0; i < world->bot_count; i++)
		if (world->bots[i].victim == bot && world->bots[i].state == BOT_JOINED)
			return true;
	return false;
}

static uint64_t lives_of(const struct world *world, uint32_t session)
{
	uint64_t count = 0;
	for (uint32_t i = 0; i < world->bot_count; i++)
		count += world->bots[i].session == session;
	return count;
}

/* Three things may end an honest player's connection without any fault. */
static bool has_reason(const struct world *world, const struct bot *bot)
{
	uint64_t snapshots_refused = 0, unanswered = 0;
	for (uint32_t i = 0; i < world->swarm.shard_count; i++) {
		snapshots_refused += world->shards[i]->counters.drops[DROP_SNAPSHOT_FULL];
		unanswered += world->shards[i]->counters.closes[CLOSE_NO_PONG];
	}
	if (bot->state != BOT_GONE)
		return false;
	bool is_let_in = bot->peer_id != 0;
	if (bot->close_code == 3017 && !is_let_in) /* its login waited for a snapshot, and more was said meanwhile than is held for it */
		return snapshots_refused > 0;
	if (bot->close_code == 3504 && !is_let_in) /* its token was signed, and others, who came after it, took the places before it was there */
		return bot->signature.is_signed && lives_of(world, bot->session) > world->swarm.players_per_session_max;
	bool is_unanswered = bot->close_code == 0 || bot->close_code == 3012; /* 0: what it is told it does not come to, either */
	return bot->read_bytes_max > 0 && unanswered > 0 && is_unanswered; /* it reads so slowly that it does not come to the pings */
}

/* Without faults that break connections, and without anybody asking for it, honest players stay, and get their fast path. */
static void check_connections(struct world *world)
{
	for (uint32_t i = 0; i < world->bot_count; i++) {
		const struct bot *bot = &world->bots[i];
		const struct world_session *session = &world->sessions[bot->session];
		if ((bot->close_code == 3508 && session->end_reason != CLOSE_SCRIPT_FAILED) ||
		    (bot->close_code == 3509 && session->end_reason != CLOSE_SCRIPT_LOST))
			ringcast_world_fail(world, "bot %u was told that its script failed (%u)", i, bot->close_code);
		if (session->is_scripted && (session->is_ended || world->model.park_drops > 0))
			continue;
		if (!is_honest(bot))
			continue;
		if (is_healthy(world, bot) && bot->resume.count == 0 && bot->fast_port != 0 && bot->fast != BOT_FAST_UP && !world->net.is_corrupt && world->swarm.narrow_limits == 0 &&
		    world->swarm.crowding == 0 && !is_robbed(world, bot))
			ringcast_world_fail(world, "bot %u is connected and got no fast path in all the calm", i);
		if (ringcast_swarm_may_disconnect(&world->swarm, SWARM_ALL))
			continue;
		if (bot->state != BOT_JOINED && has_reason(world, bot))
			continue;
		if (bot->state != BOT_JOINED)
			ringcast_world_fail(world, "bot %u lost its connection for no reason (state %d, close code %u)", i, bot->state, bot->close_code);
		else if (bot->in_bytes > 0)
			ringcast_world_fail(world, "bot %u waits for the rest of a frame", i);
	}
}

static bool is_fast_in_doubt(const struct world *world)
{
	for (uint32_t i = 0; i < world->swarm.shard_count; i++)
		if (world->shards[i]->counters.fast_lost > 0)
			return true;
	return false;
}

/* Is everything that was sent fast surely to be seen? Not when a queue on its way has overflowed, as it may. */
static bool is_fast_sure(const struct world *world)
{
	uint64_t overflows = ringcast_sim_network_counts(world->network)->datagrams_overflowed;
	for (uint32_t i = 0; i < world->swarm.shard_count; i++) {
		const uint64_t *drops = world->shards[i]->counters.drops;
		overflows += drops[DROP_LETTERS_FULL] + drops[DROP_FAST_OVERFLOW] + drops[DROP_NO_BUFFER] + drops[DROP_SEND_ERROR];
	}
	return overflows == 0 && !world->net.has_lost_fast && !ringcast_swarm_may_lose_datagrams(&world->swarm);
}

/* What a bot read in the answer to its login is what the server says it gave. */
static void check_logins(struct world *world)
{
	for (uint32_t i = 0; i < world->bot_count; i++) {
		const struct bot *bot = &world->bots[i];
		if (bot->peer_id <= 0 || bot->given_peer_id == 0 || bot->given_conn != HANDLE_NONE || bot->resume.count > 0)
			continue;
		if (bot->peer_id != bot->given_peer_id || (bot->fast_port != 0) != bot->has_been_given_port)
			ringcast_world_fail(world, "bot %u was told that it is peer %d with port %u, and is peer %d", i, bot->peer_id, bot->fast_port,
					    bot->given_peer_id);
	}
}

/* In clear: a secure one shares its port. By what it was told; or, where it was cut off before that, by what it was given. */
static bool has_held_port(const struct bot *bot, int32_t peer_id)
{
	if (bot->is_secure)
		return false;
	if (bot->resume.count > 0 && bot->peer_id == peer_id)
		return true; /* at one time or another */
	return bot->peer_id > 0 ? bot->peer_id == peer_id && bot->fast_port != 0 : bot->given_peer_id == peer_id && bot->has_been_given_port;
}

/* A player gets no UDP only when all ports of its shard are taken by others who look the same: same address, same peer id. */
static void check_ports(struct world *world)
{
	for (uint32_t i = 0; i < world->bot_count; i++) {
		const struct bot *bot = &world->bots[i];
		uint32_t twins = 0;
		if (bot->peer_id <= 0 || bot->fast_port != 0 || bot->is_secure || bot->resume.count > 0)
			continue;
		for (uint32_t j = 0; j < world->bot_count; j++) {
			const struct bot *other = &world->bots[j];
			bool is_near = world->swarm.is_udp_address_free || ringcast_address_has_same_ip(&bot->tcp, &other->tcp);
			twins += i != j && is_near && has_held_port(other, bot->peer_id) &&
				 other->given_shard == bot->given_shard;
		}
		if (twins < world->swarm.udp_port_count)
			ringcast_world_fail(world, "bot %u was given no UDP port, though at most %u others look like it", i, twins);
	}
}

/* Every question has been answered, or its deadline has. */
static void check_parked(struct world *world, uint32_t shard)
{
	const struct slab *sessions = &world->shards[shard]->store.sessions;
	handle self;
	for (uint32_t i = 0; i < sessions->high_water; i++) {
		const struct session *session = ringcast_slab_at(sessions, i, &self);
		if (session != NULL && session->parked_count > 0)
			ringcast_world_fail(world, "%u events of session %s still wait for an answer", session->parked_count, session->id);
	}
}

void ringcast_checker_after_calm(struct world *world)
{
	for (uint32_t i = 0; i < world->bot_count; i++)
		world->model.bots[i].is_healthy = is_healthy(world, &world->bots[i]);
	for (uint32_t i = 0; i < world->swarm.shard_count; i++) {
		check_parked(world, i);
		world->model.park_drops += world->shards[i]->counters.drops[DROP_PARK_FULL] + world->shards[i]->counters.drops[DROP_NO_BUFFER];
	}
	check_tokens(world);
	check_connections(world);
	check_fairness(world);
	check_logins(world);
	check_ports(world);
	ringcast_checker_spread(world);
	ringcast_late_check(world);
	ringcast_checker_resume(world);
	world->model.is_fast_sure = is_fast_sure(world);
	if (is_fast_in_doubt(world))
		world->model.late_by_stream = -1; /* then that is where fast messages go */
	ringcast_model_finish(&world->model, ringcast_sim_network_now_ns(world->network));
}

static void check_zero(struct world *world, uint32_t shard, const char *what, uint64_t count)
{
	if (count != 0)
		ringcast_world_fail(world, "after shutdown shard %u still has %llu %s", shard, (unsigned long long)count, what);
}

/* An address is remembered for a while for its rates; nobody is there any more. */
static void check_addresses(struct world *world, uint32_t i)
{
	const struct slab *entries = &world->shards[i]->addresses.entries;
	handle self;
	for (uint32_t j = 0; j < entries->high_water; j++) {
		const struct address_entry *entry = ringcast_slab_at(entries, j, &self);
		if (entry == NULL)
			continue;
		check_zero(world, i, "connections of an address", entry->connection_count);
		check_zero(world, i, "strangers of an address", entry->stranger_count);
		check_zero(world, i, "secure players of an address", entry->known_count);
	}
}

static void check_shard(struct world *world, uint32_t i)
{
	const struct shard *shard = world->shards[i];
	struct sim_usage usage = ringcast_io_sim_usage(world->ios[i]);
	check_zero(world, i, "connections", shard->conns.count);
	check_zero(world, i, "queued slices", shard->slices.count);
	check_zero(world, i, "sessions", shard->store.sessions.count);
	check_zero(world, i, "players", shard->store.players.count);
	check_zero(world, i, "groups", shard->store.groups.count);
	check_zero(world, i, "players who may come back", shard->resumes.count + shard->resumes_by_player.count);
	check_zero(world, i, "bytes for players who may come back", shard->resume_bytes);
	check_zero(world, i, "memberships", shard->store.membership_count);
	check_zero(world, i, "fast peers", shard->fast_peers.count);
	check_zero(world, i, "fast paths", shard->fast_paths.count);
	check_zero(world, i, "short player ids", shard->store.labels.count);
	check_addresses(world, i);
	check_zero(world, i, "TLS connections", shard->security.streams.count);
	check_zero(world, i, "DTLS associations", shard->security.associations.associations.count);
	check_zero(world, i, "half-open associations", shard->security.associations.half_open.count);
	check_zero(world, i, "addresses with half-open associations", shard->security.associations.half_open.crowds.count);
	check_zero(world, i, "waiting handshakes", ringcast_handshake_queue_count(&shard->security.queue));
	check_zero(world, i, "timers", shard->wheel.armed_count);
	check_zero(world, i, "streams in io", usage.streams);
	check_zero(world, i, "stream buffers held", usage.stream_buffers_held);
	check_zero(world, i, "datagram buffers held", usage.datagram_buffers_held);
	check_zero(world, i, "listeners", usage.listeners);
	check_zero(world, i, "buffers beside its chunk and its last datagrams",
		   ringcast_buf_pool_in_use(shard->pool) - (shard->chunk != NULL) - shard->tx_buf_count);
	check_zero(world, i, "references to its chunk", shard->chunk != NULL ? shard->chunk->refs - 1 : 0);
}

/* Nothing vanishes: what was sent is somewhere. */
static void check_network(struct world *world)
{
	const struct sim_counts *c = ringcast_sim_network_counts(world->network);
	uint64_t in = c->datagrams_sent + c->duplicated;
	uint64_t out = c->datagrams_delivered + c->datagrams_lost + c->datagrams_unroutable + c->datagrams_overflowed + c->datagrams_in_flight;
	if (in != out)
		ringcast_world_fail(world, "%llu datagrams in, %llu out", (unsigned long long)in, (unsigned long long)out);
	if (ringcast_sim_network_detached_count(world->network) != 0)
		ringcast_world_fail(world, "%u descriptors were lost in a hand-off", ringcast_sim_network_detached_count(world->network));
}

void ringcast_checker_after_shutdown(struct world *world)
{
	for (uint32_t i = 0; i < world->swarm.shard_count; i++)
		check_shard(world, i);
	check_network(world);
	ringcast_accounts_check(world);
}
