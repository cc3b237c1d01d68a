#include "session/session.h"

#include "base/assert.h"
#include "base/magic.h"
#include "session/admission.h"
#include "session/command.h"
#include "session/group.h"
#include "session/id.h"
#include "session/park.h"
#include "session/player.h"
#include "session/session_impl.h"
#include "session/snapshot.h"

static enum drop_reason check_reserve(const struct session *session, const char *player_id, const char *player_data)
{
	if (session->state == SESSION_ENDED)
		return DROP_NO_SESSION;
	if (session->is_closed)
		return DROP_SESSION_CLOSED;
	if (session->store->is_draining)
		return DROP_DRAINING;
	if (strnlen(player_id, PLAYER_ID_BYTES) == PLAYER_ID_BYTES ||
	    strnlen(player_data, PLAYER_DATA_BYTES_MAX) == PLAYER_DATA_BYTES_MAX)
		return DROP_OVERSIZE;
	if (ringcast_player_is_id_taken(session, player_id))
		return DROP_PLAYER_EXISTS;
	if (session->player_count + session->reserved_count >= session->players_max)
		return DROP_SESSION_FULL;
	return DROP_NONE;
}

static bool properties_copy(struct player *player, const char *player_id, const char *player_data)
{
	size_t id_bytes = strlen(player_id) + 1;
	size_t data_bytes = strlen(player_data) + 1;
	if (id_bytes + data_bytes == 2)
		return true;
	char *text = ringcast_player_text(player, id_bytes + data_bytes);
	if (text == NULL)
		return false;
	memcpy(text, player_id, id_bytes);
	memcpy(text + id_bytes, player_data, data_bytes);
	return true;
}

static struct player *player_create(struct session *session, const char *player_id, const char *player_data)
{
	struct store *store = session->store;
	handle self;
	bool has_room = store->players.count - store->limb_player_count < store->options.players_max;
	struct player *player = has_room ? ringcast_slab_alloc(&store->players, &self) : NULL;
	if (player == NULL)
		return NULL;
	player->magic = PLAYER_MAGIC;
	player->session = session;
	player->self = self;
	if (!properties_copy(player, player_id, player_data)) {
		ringcast_slab_free(&store->players, self);
		return NULL;
	}
	store->options.random(store->options.random_context, player->secret, sizeof(player->secret));
	return player;
}

static void reserve(struct player *player)
{
	struct session *session = player->session;
	struct store *store = session->store;
	player->state = PLAYER_RESERVED;
	player->created_ns = store->now_ns;
	player->timer.kind = SESSION_TIMER_RESERVATION;
	ringcast_player_hold_id(player);
	ringcast_list_add_tail(&session->reserved, &player->node);
	session->reserved_count++;
	store->reservations++;
	uint64_t timeout_ns = store->options.limits->reservation_timeout_ms * NS_PER_MS;
	ringcast_timer_arm(store->options.wheel, &player->timer, store->now_ns + timeout_ns);
	ringcast_session_watch_empty(session);
	ringcast_session_tell(session, CHANGE_PLAYER_RESERVED, player, CLOSE_NONE);
}

enum drop_reason ringcast_admission_reserve(struct session *session, const char *player_id, const char *player_data, uint64_t now_ns,
					    struct player **ret_player, char ret_token[PLAYER_TOKEN_BYTES])
{
	session->store->now_ns = now_ns;
	player_id = player_id != NULL ? player_id : "";
	player_data = player_data != NULL ? player_data : "";
	enum drop_reason reason = check_reserve(session, player_id, player_data);
	if (reason != DROP_NONE)
		return reason;
	struct player *player = player_create(session, player_id, player_data);
	if (player == NULL)
		return DROP_NO_BUFFER;
	reserve(player);
	ringcast_player_format_token(player, ret_token);
	*ret_player = player;
	return DROP_NONE;
}

/* The player that token stands for, whatever has become of the reservation since; NULL: none. */
static struct player *find_by_token(struct store *store, struct view token)
{
	struct player_ref ref;
	if (!ringcast_id_parse_player(token, &ref) || ref.host_index != ID_HOST_HERE ||
	    ref.shard_index != store->options.shard_index)
		return NULL;
	if (ref.player_index >= store->players.capacity)
		return NULL;
	handle self;
	struct player *player = ringcast_slab_at(&store->players, ref.player_index, &self);
	return player != NULL && ringcast_id_is_secret_equal(player->secret, ref.secret) ? player : NULL;
}

/* NULL: none, used, timed out. */
struct player *ringcast_admission_find(struct store *store, struct view token)
{
	struct player *player = find_by_token(store, token);
	return player != NULL && player->state == PLAYER_RESERVED ? player : NULL;
}

enum drop_reason ringcast_admission_cancel(struct session *session, const char *player_id, struct view token, const char *text, uint64_t now_ns)
{
	struct player *player = player_id != NULL ? ringcast_session_find_id(session, player_id) : find_by_token(session->store, token);
	if (player == NULL || player->session != session)
		return DROP_BAD_TOKEN;
	if (player->state == PLAYER_RESERVED) {
		ringcast_player_disconnect(player, CLOSE_KICKED, now_ns);
		return DROP_NONE;
	}
	session->store->now_ns = now_ns;
	return player->state == PLAYER_COMPLETED || player->state == PLAYER_TIMEDOUT ? DROP_BAD_TOKEN
										   : ringcast_command_kick(session, player->peer_id, text);
}

/* *ret_denied: what a refusal is counted as; it is not the script's when there was no time to ask. */
static enum verdict ask_connect(struct player *player, struct view payload, enum drop_reason *ret_denied)
{
	struct session *session = player->session;
	*ret_denied = DROP_DENIED;
	if (session->hooks->player_connect == NULL)
		return VERDICT_ALLOW;
	if (ringcast_session_wait_ns(session) != 0) {
		*ret_denied = DROP_SCRIPT_SHARE;
		return session->is_late_allowed ? VERDICT_ALLOW : VERDICT_DENY;
	}
	ringcast_session_enter_question(session, player);
	enum verdict verdict = session->hooks->player_connect(session->hooks_context, session, player, payload);
	ringcast_session_leave_question(session, verdict);
	return verdict;
}

static enum drop_reason conclude(struct player *player, enum verdict verdict, enum drop_reason denied)
{
	enum drop_reason reason = verdict == VERDICT_DENY ? denied : DROP_NONE;
	if (verdict == VERDICT_ALLOW)
		reason = ringcast_snapshot_check(player, PROTO_GROUP_ALL);
	if (verdict == VERDICT_LATER)
		reason = ringcast_park_login(player);
	if (reason != DROP_NONE)
		ringcast_player_leave(player, CLOSE_DENIED);
	else if (!player->is_waiting)
		player->session->store->players_admitted++;
	ringcast_command_apply(player->session);
	return reason;
}

enum drop_reason ringcast_admission_arrive(struct store *store, struct view token, struct view payload, const struct arrival *arrival, uint64_t now_ns,
					   struct player **ret_player)
{
	store->now_ns = now_ns;
	if (store->is_draining)
		return DROP_DRAINING;
	struct player *player = ringcast_admission_find(store, token);
	if (player == NULL)
		return DROP_BAD_TOKEN;
	if (player->session->peer_id_next == INT32_MAX)
		return DROP_SESSION_FULL; /* peer ids are never reused, and there are no more */
	player->limb = arrival->limb;
	player->has_no_echo = arrival->has_no_echo;
	ringcast_player_connect(player, arrival->transport, now_ns);
	enum drop_reason denied;
	enum verdict verdict = ask_connect(player, payload, &denied);
	if (verdict == VERDICT_ALLOW)
		verdict = ringcast_snapshot_ask(player, PROTO_GROUP_ALL, &denied);
	enum drop_reason reason = conclude(player, verdict, denied);
	if (reason == DROP_NONE)
		*ret_player = player;
	return reason;
}

enum drop_reason ringcast_admission_admit(struct store *store, struct view token, struct view payload, void *transport, uint64_t now_ns,
					  struct player **ret_player)
{
	return ringcast_admission_arrive(store, token, payload, &(struct arrival){.transport = transport}, now_ns, ret_player);
}

/* As the caller of admit does it: first the result, then accept. */
void ringcast_admission_answered(struct player *player, enum drop_reason reason)
{
	struct store *store = player->session->store;
	ringcast_player_resume(player);
	if (reason != DROP_NONE)
		ringcast_player_leave(player, CLOSE_DENIED);
	else
		store->players_admitted++;
	ringcast_home_tell_admitted(player, reason);
	if (reason == DROP_NONE)
		ringcast_admission_accept(player, store->now_ns);
}

void ringcast_admission_accept(struct player *player, uint64_t now_ns)
{
	struct session *session = player->session;
	ringcast_assert(!session->is_in_hook);
	session->store->now_ns = now_ns;
	if (player->state != PLAYER_CONNECTING)
		return; /* lost between the two calls: its transport broke, or the session ended */
	ringcast_player_activate(player);
	ringcast_group_welcome(player, PROTO_GROUP_ALL);
	if (session->hooks->player_accepted != NULL) {
		ringcast_session_enter_hook(session);
		session->hooks->player_accepted(session->hooks_context, session, player);
		ringcast_session_leave_hook(session);
	}
	ringcast_command_apply(session);
}
