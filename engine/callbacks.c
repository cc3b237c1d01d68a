/* The embedder's C callbacks behind the session's hooks, and the commands they may give. */
#include "base/assert.h"
#include "base/log.h"
#include "engine_private.h"
#include "session/park.h"

/* Whose callbacks run on this thread: a shard's thread serves one store, so that a command from a foreign thread is found out. */
static _Thread_local const struct store *thread_store;

static ringcast_session *session_of(struct session *session)
{
	thread_store = session->store;
	return (ringcast_session *)session;
}

static const ringcast_callbacks *callbacks_of(void *context)
{
	const struct ringcast_engine *engine = context;
	return &engine->callbacks;
}

static void *context_of(void *context)
{
	const struct ringcast_engine *engine = context;
	return engine->options.context;
}

static ringcast_message message_of(const struct packet *packet)
{
	return (ringcast_message){
		.opcode = packet->opcode,
		.sender = packet->sender,
		.target_player = packet->target_player,
		.target_group = packet->target_group,
		.intent = packet->is_reliable ? RINGCAST_RELIABLE : RINGCAST_FAST,
		.payload = packet->payload.data,
		.payload_bytes = packet->payload.size,
	};
}

/* What is neither yes nor later is no. */
static enum verdict verdict_of(ringcast_verdict verdict)
{
	switch (verdict) {
	case RINGCAST_ALLOW:
		return VERDICT_ALLOW;
	case RINGCAST_LATER:
		return VERDICT_LATER;
	default:
		return VERDICT_DENY;
	}
}

static void on_session_started(void *context, struct session *session)
{
	callbacks_of(context)->session_started(context_of(context), session_of(session));
}

static void on_session_ended(void *context, struct session *session, enum close_reason reason)
{
	callbacks_of(context)->session_ended(context_of(context), session_of(session), ringcast_close_label(reason));
}

static enum verdict on_health_check(void *context, struct session *session)
{
	return verdict_of(callbacks_of(context)->health_check(context_of(context), session_of(session)));
}

static void on_terminate(void *context, struct session *session, uint64_t deadline_ns)
{
	callbacks_of(context)->process_terminate(context_of(context), session_of(session), deadline_ns);
}

static enum verdict on_player_connect(void *context, struct session *session, struct player *player, struct view payload)
{
	return verdict_of(callbacks_of(context)->player_connect(context_of(context), session_of(session), player->peer_id, payload.data,
								payload.size));
}

static void on_player_accepted(void *context, struct session *session, struct player *player)
{
	callbacks_of(context)->player_accepted(context_of(context), session_of(session), player->peer_id);
}

static void on_player_disconnected(void *context, struct session *session, struct player *player, enum close_reason reason)
{
	callbacks_of(context)->player_disconnected(context_of(context), session_of(session), player->peer_id, ringcast_close_label(reason));
}

static void on_message(void *context, struct session *session, const struct packet *packet)
{
	ringcast_message message = message_of(packet);
	callbacks_of(context)->message(context_of(context), session_of(session), &message);
}

static enum verdict on_send_to_player(void *context, struct session *session, const struct packet *packet)
{
	ringcast_message message = message_of(packet);
	return verdict_of(callbacks_of(context)->send_to_player(context_of(context), session_of(session), &message));
}

static enum verdict on_send_to_group(void *context, struct session *session, const struct packet *packet)
{
	ringcast_message message = message_of(packet);
	return verdict_of(callbacks_of(context)->send_to_group(context_of(context), session_of(session), &message));
}

static enum verdict on_join_group(void *context, struct session *session, struct player *player, int32_t group)
{
	return verdict_of(callbacks_of(context)->join_group(context_of(context), session_of(session), group, player->peer_id));
}

static enum verdict on_leave_group(void *context, struct session *session, struct player *player, int32_t group)
{
	return verdict_of(callbacks_of(context)->leave_group(context_of(context), session_of(session), group, player->peer_id));
}

static void on_tick(void *context, struct session *session, uint64_t now_ns)
{
	callbacks_of(context)->tick(context_of(context), session_of(session), now_ns);
}

static void on_timer(void *context, struct session *session, uint32_t timer, uint64_t now_ns)
{
	callbacks_of(context)->timer(context_of(context), session_of(session), timer, now_ns);
}

void ringcast_engine_make_hooks(struct ringcast_engine *engine)
{
	const ringcast_callbacks *given = &engine->callbacks;
#define HOOK(name) .name = given->name != NULL ? on_##name : NULL
	engine->hooks = (struct hooks){
		HOOK(session_started),
		HOOK(session_ended),
		HOOK(health_check),
		.terminate = given->process_terminate != NULL ? on_terminate : NULL,
		HOOK(player_connect),
		HOOK(player_accepted),
		HOOK(player_disconnected),
		HOOK(message),
		HOOK(send_to_player),
		HOOK(send_to_group),
		HOOK(join_group),
		HOOK(leave_group),
		HOOK(tick),
		HOOK(timer),
	};
#undef HOOK
}

/* Commands */

static struct session *checked(ringcast_session *session)
{
	struct session *own = (struct session *)session;
	ringcast_assert(session != NULL);
	ringcast_assert(own->store == thread_store); /* [callback] functions are for the thread of the session's shard */
	return own;
}

static int error_of(enum drop_reason drop)
{
	switch (drop) {
	case DROP_NONE:
		return RINGCAST_OK;
	case DROP_NO_TARGET:
	case DROP_NOT_MEMBER:
		return RINGCAST_ERROR_NOT_FOUND;
	case DROP_OVERSIZE:
	case DROP_BAD_STATE:
	case DROP_MALFORMED:
		return RINGCAST_ERROR_ARGUMENT;
	case DROP_SESSION_ENDED:
		return RINGCAST_ERROR_STATE;
	default:
		return RINGCAST_ERROR_FULL;
	}
}

const char *ringcast_session_id(ringcast_session *session)
{
	return checked(session)->id;
}

const char *ringcast_session_properties(ringcast_session *session)
{
	return ringcast_session_get_properties(checked(session));
}

uint64_t ringcast_session_now_ns(ringcast_session *session)
{
	return checked(session)->store->now_ns;
}

const char *ringcast_session_player_id(ringcast_session *session, int32_t peer_id)
{
	const struct player *player = ringcast_session_find_peer(checked(session), peer_id);
	return player != NULL ? ringcast_player_id(player) : NULL;
}

const char *ringcast_session_player_data(ringcast_session *session, int32_t peer_id)
{
	const struct player *player = ringcast_session_find_peer(checked(session), peer_id);
	return player != NULL ? ringcast_player_data(player) : NULL;
}

int ringcast_session_player_token(ringcast_session *session, int32_t peer_id, char ret_token[RINGCAST_ID_BYTES])
{
	const struct player *player = ringcast_session_find_peer(checked(session), peer_id);
	static_assert(PLAYER_TOKEN_BYTES <= RINGCAST_ID_BYTES, "a token fits");
	if (player == NULL)
		return RINGCAST_ERROR_NOT_FOUND;
	ringcast_player_format_token(player, ret_token);
	return RINGCAST_OK;
}

bool ringcast_session_player_is_fast(ringcast_session *session, int32_t peer_id)
{
	const struct player *player = ringcast_session_find_peer(checked(session), peer_id);
	const struct conn *conn = player != NULL ? player->transport : NULL;
	return conn != NULL && conn->fast.state == FAST_UP;
}

void ringcast_session_set_user(ringcast_session *session, void *user)
{
	checked(session)->user = user;
}

void *ringcast_session_user(ringcast_session *session)
{
	return checked(session)->user;
}

int ringcast_session_send(ringcast_session *session, const ringcast_message *message)
{
	struct packet packet = {
		.opcode = message->opcode,
		.sender = message->sender,
		.target_player = message->target_player,
		.target_group = message->target_group,
		.is_reliable = message->intent == RINGCAST_RELIABLE,
		.payload = ringcast_view_of(message->payload, message->payload_bytes),
	};
	if (message->opcode == OPCODE_LOGIN || message->payload_bytes > PROTO_PAYLOAD_RELIABLE_BYTES_MAX)
		return RINGCAST_ERROR_ARGUMENT;
	return error_of(ringcast_command_send(checked(session), &packet, packet.is_reliable ? INTENT_RELIABLE : INTENT_FAST));
}

int ringcast_session_kick(ringcast_session *session, int32_t peer_id, const char *reason)
{
	return error_of(ringcast_command_kick(checked(session), peer_id, reason));
}

int ringcast_session_join(ringcast_session *session, int32_t group, int32_t peer_id)
{
	return error_of(ringcast_command_join(checked(session), group, peer_id));
}

int ringcast_session_leave(ringcast_session *session, int32_t group, int32_t peer_id)
{
	return error_of(ringcast_command_leave(checked(session), group, peer_id));
}

int ringcast_session_broadcast_membership(ringcast_session *session, int32_t group, int32_t target_group)
{
	return error_of(ringcast_command_broadcast_membership(checked(session), group, target_group));
}

size_t ringcast_session_players(ringcast_session *session, int32_t *peer_ids, size_t peer_id_count_max)
{
	size_t count;
	struct player *const *players = ringcast_group_members(checked(session), PROTO_GROUP_ALL, &count);

	for (size_t i = 0; i < count && i < peer_id_count_max; i++)
		peer_ids[i] = players[i]->peer_id;
	return count;
}

uint64_t ringcast_session_ticket(ringcast_session *session)
{
	return ringcast_park_ticket(checked(session));
}

int ringcast_session_answer(ringcast_session *session, uint64_t ticket, ringcast_verdict verdict)
{
	if (verdict != RINGCAST_ALLOW && verdict != RINGCAST_DENY)
		return RINGCAST_ERROR_ARGUMENT;
	return error_of(ringcast_command_answer(checked(session), ticket, verdict_of(verdict)));
}

int ringcast_session_set_timer(ringcast_session *session, uint32_t timer, uint64_t delay_ns)
{
	return error_of(ringcast_command_timer(checked(session), timer, delay_ns));
}

int ringcast_session_cancel_timer(ringcast_session *session, uint32_t timer)
{
	return ringcast_command_cancel_timer(checked(session), timer) ? RINGCAST_OK : RINGCAST_ERROR_NOT_FOUND;
}

void ringcast_session_log(ringcast_session *session, ringcast_log_level level, const char *text)
{
	ringcast_log((enum log_level)level, "game", text, "session=%s", checked(session)->id);
}

int ringcast_session_finish(ringcast_session *session)
{
	return error_of(ringcast_command_finish(checked(session)));
}
