#include "shard/inspect.h"

#include <stdio.h>

#include "base/assert.h"
#include "io/socket.h"
#include "session/limb.h"

enum { SLOTS_PER_TURN_MAX = 2048 }; /* looked at, free ones too */

static void describe_limbs(const struct session *session, ringcast_session_info *ret)
{
	static_assert((int)RINGCAST_SHARDS_MAX == (int)LIMBS_MAX, "each limb has its count");
	if (session->spread == NULL)
		return;
	const struct limbs *all = &session->spread->all;
	ret->is_spread = true;
	memcpy(ret->limb_counts, all->counts, sizeof(all->counts));
	ret->limb_counts[session->store->options.shard_index] = session->player_count - session->connecting_count - all->remote_count;
}

void ringcast_shard_describe_session(const struct shard *shard, const struct session *session, ringcast_session_info *ret)
{
	*ret = (ringcast_session_info){
		.shard = shard->options.index,
		.players_max = session->players_max,
		.player_count = session->player_count,
		.reserved_count = session->reserved_count,
		.group_count = session->group_count,
		.created_ns = session->created_ns,
		.age_ns = shard->now_ns - session->created_ns,
		.messages_received = session->messages_received,
		.deliveries = session->deliveries,
		.bytes_received = session->bytes_received,
		.drops = session->drops,
		.parked_count = session->parked_count,
		.health_failures = session->health_failures,
		.retained_count = session->retained_count,
		.retained_bytes = session->retained_bytes,
	};
	describe_limbs(session, ret);
	snprintf(ret->id, sizeof(ret->id), "%s", session->id);
	snprintf(ret->name, sizeof(ret->name), "%s", session->name);
	snprintf(ret->state, sizeof(ret->state), "%s", session->is_terminating ? "ending" : session->is_activating ? "activating" : "active");
}

static const char *state_text(const struct player *player)
{
	if (ringcast_player_is_dropped(player))
		return "dropped";
	switch ((enum player_state)player->state) {
	case PLAYER_RESERVED:
		return "reserved";
	case PLAYER_CONNECTING:
	case PLAYER_ACTIVE:
		return "active";
	case PLAYER_COMPLETED:
		return "completed";
	case PLAYER_TIMEDOUT:
		return "timedout";
	}
	ringcast_unreachable("player state");
}

void ringcast_shard_describe_player(const struct player *player, ringcast_player_info *ret)
{
	const struct conn *conn = player->limb == 0 ? player->transport : NULL; /* else it is on another shard */
	*ret = (ringcast_player_info){
		.peer_id = player->peer_id,
		.shard = player->limb > 0 ? ringcast_player_shard(player) : player->session->store->options.shard_index,
		.created_ns = player->created_ns,
		.joined_ns = player->joined_ns,
		.messages_received = player->messages_received,
		.messages_sent = player->messages_sent,
		.bytes_received = player->bytes_received,
		.bytes_sent = player->bytes_sent,
		.drops = player->drops,
	};
	snprintf(ret->state, sizeof(ret->state), "%s", state_text(player));
	snprintf(ret->player_id, sizeof(ret->player_id), "%s", ringcast_player_id(player));
	if (player->state <= PLAYER_ACTIVE) /* it names the place as long as that is held */
		ringcast_player_format_token(player, ret->token);
	if (conn == NULL)
		return;
	ret->is_fast = ringcast_conn_is_fast(conn);
	ret->outq_bytes = ringcast_outq_bytes(&conn->outq);
	ringcast_socket_format_address(&conn->address, ret->address);
}

/* The object in the next slot that is in use, if that is among the first *slots_left; NULL: the walk is at its end, or the turn is. */
static void *next_used(const struct slab *slab, uint32_t *cursor, uint32_t *slots_left)
{
	handle h;
	while (*cursor < slab->high_water && *slots_left > 0) {
		void *object = ringcast_slab_at(slab, (*cursor)++, &h);
		(*slots_left)--;
		if (object != NULL)
			return object;
	}
	return NULL;
}

bool ringcast_shard_each_session(struct shard *shard, uint32_t *cursor, void (*each)(void *context, struct shard *shard, struct session *session),
				 void *context)
{
	const struct slab *sessions = &shard->store.sessions;
	uint32_t slots_left = SLOTS_PER_TURN_MAX;
	struct session *session;
	for (uint32_t count = 0; count < SHARD_REQUEST_ITEMS_MAX && (session = next_used(sessions, cursor, &slots_left)) != NULL;) {
		if (session->state != SESSION_ACTIVE || ringcast_session_is_limb(session))
			continue;
		each(context, shard, session);
		count++;
	}
	return *cursor >= sessions->high_water;
}

bool ringcast_shard_each_player(struct shard *shard, const struct session *session, uint32_t *cursor,
				void (*each)(void *context, const struct player *player), void *context)
{
	const struct slab *players = &shard->store.players;
	uint32_t slots_left = SLOTS_PER_TURN_MAX;
	const struct player *player;
	for (uint32_t count = 0; count < SHARD_REQUEST_ITEMS_MAX && (player = next_used(players, cursor, &slots_left)) != NULL;) {
		if (player->session != session || player->state > PLAYER_ACTIVE)
			continue;
		each(context, player);
		count++;
	}
	return *cursor >= players->high_water;
}

bool ringcast_shard_each_group(struct shard *shard, const struct session *session, uint32_t *cursor, bool (*each)(void *context, const struct group *group),
			       void *context)
{
	const struct slab *groups = &shard->store.groups;
	uint32_t slots_left = SLOTS_PER_TURN_MAX;
	const struct group *group;
	for (uint32_t count = 0; count < SHARD_REQUEST_ITEMS_MAX && (group = next_used(groups, cursor, &slots_left)) != NULL;) {
		if (group->session != session)
			continue;
		if (!each(context, group)) {
			(*cursor)--;
			return false;
		}
		count++;
	}
	return *cursor >= groups->high_water;
}

struct shard_gauges ringcast_shard_gauges(const struct shard *shard)
{
	return (struct shard_gauges){
		.connections = shard->conns.count,
		.players = shard->store.players.count - shard->store.remote_count,
		.sessions = shard->store.sessions.count - shard->store.limb_count,
		.buffers_in_use = ringcast_buf_pool_in_use(shard->pool),
		.hold_ns = shard->hold_ns,
		.reservations_timedout = shard->store.reservations_timedout,
		.answers_awaited = shard->store.answers_awaited,
		.answers_late = shard->store.answers_late,
		.lists_sent = shard->store.lists_sent,
		.list_bytes = shard->store.list_bytes,
		.lists_merged = shard->store.lists_merged,
		.lists_too_long = shard->store.lists_too_long,
		.retained_messages = shard->store.retained_count,
		.retained_bytes = shard->store.retained_bytes,
		.retained_replayed = shard->store.retained_replayed,
		.snapshots_asked = shard->store.snapshots_asked,
		.snapshots_missed = shard->store.snapshots_missed,
		.snapshot_messages = shard->store.snapshot_messages,
		.held_messages = shard->store.held_messages,
		.half_open = shard->security.associations.half_open.count,
		.handshakes_waiting = ringcast_handshake_queue_count(&shard->security.queue),
		.associations = shard->security.associations.associations.count,
	};
}
