/* The embedder's C callbacks behind the session's hooks. */
#include "life/hooks.h"

#include "base/assert.h"
#include "session/player.h"

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

/* Any value but ALLOW and LATER denies: a game that returns nonsense lets nobody in. */
enum verdict ringcast_engine_verdict_of(ringcast_verdict verdict)
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
	return ringcast_engine_verdict_of(callbacks_of(context)->health_check(context_of(context), session_of(session)));
}

static void on_terminate(void *context, struct session *session, uint64_t deadline_ns)
{
	callbacks_of(context)->process_terminate(context_of(context), session_of(session), deadline_ns);
}

static enum verdict on_player_connect(void *context, struct session *session, struct player *player, struct view payload)
{
	return ringcast_engine_verdict_of(callbacks_of(context)->player_connect(context_of(context), session_of(session), player->peer_id, payload.data,
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

static void on_player_dropped(void *context, struct session *session, struct player *player)
{
	callbacks_of(context)->player_dropped(context_of(context), session_of(session), player->peer_id);
}

static void on_player_resumed(void *context, struct session *session, struct player *player)
{
	callbacks_of(context)->player_resumed(context_of(context), session_of(session), player->peer_id);
}

static void on_message(void *context, struct session *session, const struct packet *packet)
{
	ringcast_message message = message_of(packet);
	callbacks_of(context)->message(context_of(context), session_of(session), &message);
}

static bool on_service_message(void *context, struct session *session, const struct packet *packet)
{
	ringcast_message message = message_of(packet);
	callbacks_of(context)->service_message(context_of(context), session_of(session), &message);
	return true;
}

static void on_question_answered(void *context, struct session *session, uint32_t number, struct view json)
{
	callbacks_of(context)->question_answered(context_of(context), session_of(session), number, (const char *)json.data, json.size);
}

static enum verdict on_send_to_player(void *context, struct session *session, const struct packet *packet)
{
	ringcast_message message = message_of(packet);
	return ringcast_engine_verdict_of(callbacks_of(context)->send_to_player(context_of(context), session_of(session), &message));
}

static enum verdict on_send_to_group(void *context, struct session *session, const struct packet *packet)
{
	ringcast_message message = message_of(packet);
	return ringcast_engine_verdict_of(callbacks_of(context)->send_to_group(context_of(context), session_of(session), &message));
}

static enum verdict on_join_group(void *context, struct session *session, struct player *player, int32_t group)
{
	return ringcast_engine_verdict_of(callbacks_of(context)->join_group(context_of(context), session_of(session), group, player->peer_id));
}

static enum verdict on_leave_group(void *context, struct session *session, struct player *player, int32_t group)
{
	return ringcast_engine_verdict_of(callbacks_of(context)->leave_group(context_of(context), session_of(session), group, player->peer_id));
}

static enum verdict on_snapshot(void *context, struct session *session, struct player *player, int32_t group)
{
	return ringcast_engine_verdict_of(callbacks_of(context)->snapshot(context_of(context), session_of(session), group, player->peer_id));
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
		HOOK(player_dropped),
		HOOK(player_resumed),
		HOOK(message),
		HOOK(service_message),
		HOOK(question_answered),
		HOOK(send_to_player),
		HOOK(send_to_group),
		HOOK(join_group),
		HOOK(leave_group),
		HOOK(snapshot),
		HOOK(tick),
		HOOK(timer),
	};
#undef HOOK
}

struct session *ringcast_engine_checked(ringcast_session *session)
{
	struct session *own = (struct session *)session;
	ringcast_assert(session != NULL);
	ringcast_assert(own->store == thread_store); /* [callback] functions are for the thread of the session's shard */
	return own;
}
