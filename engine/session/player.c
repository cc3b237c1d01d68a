#include "session/player.h"

#include "base/assert.h"
#include "base/hash.h"
#include "session/command.h"
#include "session/group.h"
#include "session/id.h"
#include "session/limb.h"
#include "session/park.h"
#include "session/session_impl.h"
#include "session/snapshot.h"

static uint64_t player_key(const struct session *session, int32_t peer_id)
{
	return (uint64_t)ringcast_handle_index(session->self) << 32 | (uint32_t)peer_id;
}

/* Two ids that meet in 64 bits under a secret seed would be taken for one: not in the life of this machine. */
static uint64_t id_key(const struct session *session, const char *player_id)
{
	const struct store *store = session->store;
	uint64_t session_hash = ringcast_hash_bytes(&session->self, sizeof(session->self), store->id_seed);
	return ringcast_hash_bytes(player_id, strlen(player_id), session_hash);
}

char *ringcast_player_text(struct player *player, size_t size_bytes)
{
	struct store *store = player->session->store;
	handle self;
	ringcast_assert(player->properties == NULL);
	if (size_bytes <= sizeof(player->label->text)) {
		player->label = ringcast_slab_alloc(&store->labels, &self);
		if (player->label == NULL)
			return NULL;
		player->label->self = self;
		player->has_label = true;
		return player->label->text;
	}
	player->properties = ringcast_buf_alloc(store->options.pool, size_bytes);
	if (player->properties == NULL)
		return NULL;
	player->properties->size = (uint32_t)size_bytes;
	return (char *)player->properties->data;
}

void ringcast_player_free_text(struct player *player)
{
	if (player->has_label)
		ringcast_slab_free(&player->session->store->labels, player->label->self);
	else if (player->properties != NULL)
		ringcast_buf_unref(player->properties);
	player->has_label = false;
	player->properties = NULL;
}

const char *ringcast_player_id(const struct player *player)
{
	if (player->has_label)
		return player->label->text;
	return player->properties != NULL ? (const char *)player->properties->data : "";
}

const char *ringcast_player_data(const struct player *player)
{
	const char *player_id = ringcast_player_id(player);
	return player->properties != NULL ? player_id + strlen(player_id) + 1 : "";
}

bool ringcast_player_is_id_taken(const struct session *session, const char *player_id)
{
	return player_id[0] != '\0' && ringcast_map_find(&session->store->players_by_id, id_key(session, player_id)) != 0;
}

void ringcast_player_hold_id(struct player *player)
{
	const char *player_id = ringcast_player_id(player);
	if (player_id[0] == '\0')
		return;
	bool was_added = ringcast_map_add(&player->session->store->players_by_id, id_key(player->session, player_id), player->self);
	ringcast_assert(was_added); /* the map is as large as the slab */
}

static void release_id(struct player *player)
{
	const char *player_id = ringcast_player_id(player);
	if (player_id[0] == '\0' || ringcast_session_is_limb(player->session)) /* whose ids home holds */
		return;
	bool was_there = ringcast_map_remove(&player->session->store->players_by_id, id_key(player->session, player_id));
	ringcast_assert(was_there);
}

struct player *ringcast_session_find_id(struct session *session, const char *player_id)
{
	struct store *store = session->store;
	if (player_id[0] == '\0')
		return NULL;
	return ringcast_slab_find(&store->players, ringcast_map_find(&store->players_by_id, id_key(session, player_id)));
}

struct player *ringcast_session_find_peer(struct session *session, int32_t peer_id)
{
	struct store *store = session->store;
	if (peer_id <= PROTO_PEER_NONE)
		return NULL;
	return ringcast_slab_find(&store->players, ringcast_map_find(&store->players_by_key, player_key(session, peer_id)));
}

struct player *ringcast_session_find_player(struct session *session, int32_t peer_id)
{
	struct player *player = ringcast_session_find_peer(session, peer_id);
	return player != NULL && player->state == PLAYER_ACTIVE ? player : NULL;
}

static void list_place(struct session *session, uint32_t index, struct player *player)
{
	session->players[index] = player;
	player->session_index = index;
}

static uint32_t active_count(const struct session *session)
{
	ringcast_assert(session->connecting_count <= session->player_count);
	return session->player_count - session->connecting_count;
}

static void list_add(struct player *player)
{
	struct session *session = player->session;
	ringcast_assert(session->player_count < session->players_max);
	list_place(session, session->player_count++, player);
	session->connecting_count++;
	session->admitting_count++;
}

static uint32_t remote_count(const struct session *session)
{
	return session->spread != NULL ? session->spread->all.remote_count : 0;
}

/* Behind those that were ACTIVE before, of whom the ones of this shard stay in front. */
static void list_settle(struct player *player)
{
	struct session *session = player->session;
	uint32_t last = player->session_index, first_remote = last - remote_count(session);
	if (player->limb > 0)
		ringcast_limbs_add(&session->spread->all, ringcast_player_shard(player));
	if (player->limb > 0 || first_remote == last)
		return;
	list_place(session, last, session->players[first_remote]);
	list_place(session, first_remote, player);
}

/* Where the hole is then: behind those that stay. */
static uint32_t list_unsettle(struct player *player)
{
	struct session *session = player->session;
	uint32_t hole = player->session_index, last = active_count(session) - 1, local_last = last - remote_count(session);
	if (player->limb > 0) {
		ringcast_limbs_remove(&session->spread->all, ringcast_player_shard(player));
	} else if (local_last != last) {
		list_place(session, hole, session->players[local_last]);
		hole = local_last;
	}
	list_place(session, hole, session->players[last]);
	return last;
}

/* The hole moves to the end of its kind, then to the end of the list: ACTIVE players stay in front. */
static void list_remove(struct player *player)
{
	struct session *session = player->session;
	uint32_t hole = player->session_index;
	ringcast_assert(session->players[hole] == player);
	if (player->state == PLAYER_ACTIVE) {
		hole = list_unsettle(player);
	} else {
		session->connecting_count--;
		session->admitting_count -= !player->is_waiting;
	}
	uint32_t last = --session->player_count;
	if (hole != last) /* else the one at last has moved already */
		list_place(session, hole, session->players[last]);
	session->players[last] = NULL;
}

void ringcast_player_connect(struct player *player, void *transport, uint64_t now_ns)
{
	struct session *session = player->session;
	struct store *store = session->store;
	ringcast_assert(player->state == PLAYER_RESERVED);
	ringcast_assert(session->reserved_count > 0);
	ringcast_timer_cancel(store->options.wheel, &player->timer);
	ringcast_list_remove(&player->node);
	session->reserved_count--;
	player->state = PLAYER_CONNECTING;
	store->remote_count += player->limb > 0;
	player->transport = transport;
	player->joined_ns = now_ns;
	player->peer_id = session->peer_id_next++;
	bool was_added = ringcast_map_add(&store->players_by_key, player_key(session, player->peer_id), player->self);
	ringcast_assert(was_added); /* the map is as large as the slab */
	list_add(player);
}

void ringcast_player_activate(struct player *player)
{
	struct session *session = player->session;
	ringcast_assert(player->state == PLAYER_CONNECTING && !player->is_waiting);
	uint32_t first_connecting = active_count(session);
	list_place(session, player->session_index, session->players[first_connecting]);
	list_place(session, first_connecting, player);
	session->connecting_count--;
	session->admitting_count--;
	player->state = PLAYER_ACTIVE;
	list_settle(player);
	ringcast_session_tell(session, CHANGE_PLAYER_ACCEPTED, player, CLOSE_NONE);
}

void ringcast_player_appear(struct player *player, int32_t peer_id)
{
	struct session *limb = player->session;
	ringcast_assert(ringcast_session_is_limb(limb) && limb->player_count < limb->players_max);
	player->state = PLAYER_ACTIVE;
	player->peer_id = peer_id;
	bool was_added = ringcast_map_add(&limb->store->players_by_key, player_key(limb, peer_id), player->self);
	ringcast_assert(was_added);
	list_place(limb, limb->player_count++, player);
}

void ringcast_player_await(struct player *player)
{
	ringcast_assert(player->state == PLAYER_CONNECTING && !player->is_waiting);
	player->is_waiting = true;
	player->session->admitting_count--;
}

void ringcast_player_resume(struct player *player)
{
	ringcast_assert(player->state == PLAYER_CONNECTING && player->is_waiting);
	player->is_waiting = false;
	player->session->admitting_count++;
}

static void bury(struct player *player, enum player_state state, enum close_reason reason)
{
	release_id(player);
	player->state = (uint8_t)state;
	player->close_reason = (uint8_t)reason;
	ringcast_list_add_tail(&player->session->store->graveyard, &player->node);
	ringcast_session_watch_empty(player->session);
	ringcast_session_tell(player->session, state == PLAYER_TIMEDOUT ? CHANGE_PLAYER_TIMEDOUT : CHANGE_PLAYER_COMPLETED, player, reason);
}

static void ask_disconnected(struct player *player, enum close_reason reason)
{
	struct session *session = player->session;
	if (player->state != PLAYER_ACTIVE || session->hooks->player_disconnected == NULL)
		return;
	ringcast_session_enter_hook(session);
	session->hooks->player_disconnected(session->hooks_context, session, player, reason);
	ringcast_session_leave_hook(session);
}

void ringcast_player_leave(struct player *player, enum close_reason reason)
{
	struct session *session = player->session;
	struct store *store = session->store;
	ringcast_assert(player->state == PLAYER_CONNECTING || player->state == PLAYER_ACTIVE);
	ringcast_park_discard(player);
	ringcast_snapshot_leave(player);
	ask_disconnected(player, reason);
	ringcast_group_leave_all(player);
	bool was_there = ringcast_map_remove(&store->players_by_key, player_key(session, player->peer_id));
	ringcast_assert(was_there);
	store->remote_count -= player->limb > 0;
	list_remove(player);
	bury(player, PLAYER_COMPLETED, reason);
}

void ringcast_player_expel(struct player *player, enum close_reason reason, const char *text)
{
	struct store *store = player->session->store;
	const struct outbox *outbox = &store->options.outbox;
	if (player->limb > 0 && !player->is_waiting) /* before anything is sent to those who stay */
		ringcast_home_kick(player, reason, text);
	ringcast_player_leave(player, reason);
	if (player->is_waiting) {
		ringcast_home_tell_admitted(player, store->is_draining ? DROP_DRAINING : DROP_NO_SESSION);
		return;
	}
	store->players_disconnected++;
	if (player->limb == 0)
		outbox->disconnect(outbox->context, player, reason, text != NULL ? text : ringcast_close_text(reason));
}

void ringcast_player_release(struct player *player, enum player_state state, enum close_reason reason)
{
	struct session *session = player->session;
	ringcast_assert(player->state == PLAYER_RESERVED);
	ringcast_assert(session->reserved_count > 0);
	ringcast_timer_cancel(session->store->options.wheel, &player->timer);
	ringcast_list_remove(&player->node);
	session->reserved_count--;
	bury(player, state, reason);
}

void ringcast_player_disconnect(struct player *player, enum close_reason reason, uint64_t now_ns)
{
	struct session *session = player->session;
	ringcast_assert(!session->is_in_hook);
	session->store->now_ns = now_ns;
	if (ringcast_session_is_limb(session)) {
		ringcast_limb_disconnect(player, reason);
		return;
	}
	if (player->state == PLAYER_RESERVED) {
		ringcast_player_release(player, PLAYER_COMPLETED, reason);
		return;
	}
	if (player->state != PLAYER_CONNECTING && player->state != PLAYER_ACTIVE)
		return;
	ringcast_player_leave(player, reason);
	session->store->players_disconnected += !player->is_waiting;
	ringcast_command_apply(session);
}

static void tell_hook(struct player *player, void (*hook)(void *context, struct session *session, struct player *player))
{
	struct session *session = player->session;
	if (hook != NULL) {
		ringcast_session_enter_hook(session);
		hook(session->hooks_context, session, player);
		ringcast_session_leave_hook(session);
	}
	ringcast_command_apply(session);
}

void ringcast_player_drop(struct player *player, uint64_t now_ns)
{
	ringcast_assert(player->state == PLAYER_ACTIVE && player->transport != NULL && !player->session->is_in_hook);
	player->session->store->now_ns = now_ns;
	player->transport = NULL;
	tell_hook(player, player->session->hooks->player_dropped);
}

void ringcast_player_return(struct player *player, void *transport, uint64_t now_ns)
{
	ringcast_assert(ringcast_player_is_dropped(player) && !player->session->is_in_hook);
	player->session->store->now_ns = now_ns;
	player->transport = transport;
	tell_hook(player, player->session->hooks->player_resumed);
}

void ringcast_player_format_token(const struct player *player, char ret_token[PLAYER_TOKEN_BYTES])
{
	struct player_ref ref = {
		.shard_index = player->session->store->options.shard_index,
		.player_index = ringcast_handle_index(player->self),
	};
	static_assert(sizeof(ref.secret) == sizeof(player->secret), "all of the secret is in the token");
	memcpy(ref.secret, player->secret, sizeof(ref.secret));
	ringcast_id_format_player(&ref, ret_token);
}
