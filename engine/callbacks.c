/* The embedder's C callbacks behind the session's hooks, and the commands they may give. */
#include "base/assert.h"
#include "engine_private.h"

static ringcast_session *session_of(struct session *session)
{
	return (ringcast_session *)session;
}

static const struct ringcast_engine *engine_of(void *context)
{
	return context;
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

static enum verdict verdict_of(ringcast_verdict verdict)
{
	return verdict == RINGCAST_ALLOW ? VERDICT_ALLOW : VERDICT_DENY;
}

static void on_session_started(void *context, struct session *session)
{
	engine_of(context)->callbacks.session_started(engine_of(context)->options.context, session_of(session));
}

static void on_session_ended(void *context, struct session *session, enum close_reason reason)
{
	engine_of(context)->callbacks.session_ended(engine_of(context)->options.context, session_of(session), ringcast_close_label(reason));
}

static enum verdict on_player_connect(void *context, struct session *session, struct player *player, struct view payload)
{
	return verdict_of(engine_of(context)->callbacks.player_connect(engine_of(context)->options.context, session_of(session), player->peer_id,
								      payload.data, payload.size));
}

static void on_player_accepted(void *context, struct session *session, struct player *player)
{
	engine_of(context)->callbacks.player_accepted(engine_of(context)->options.context, session_of(session), player->peer_id);
}

static void on_player_disconnected(void *context, struct session *session, struct player *player, enum close_reason reason)
{
	engine_of(context)->callbacks.player_disconnected(engine_of(context)->options.context, session_of(session), player->peer_id,
							 ringcast_close_label(reason));
}

static void on_message(void *context, struct session *session, const struct packet *packet)
{
	ringcast_message message = message_of(packet);

	engine_of(context)->callbacks.message(engine_of(context)->options.context, session_of(session), &message);
}

static enum verdict on_send_to_player(void *context, struct session *session, const struct packet *packet)
{
	ringcast_message message = message_of(packet);

	return verdict_of(engine_of(context)->callbacks.send_to_player(engine_of(context)->options.context, session_of(session), &message));
}

static enum verdict on_send_to_group(void *context, struct session *session, const struct packet *packet)
{
	ringcast_message message = message_of(packet);

	return verdict_of(engine_of(context)->callbacks.send_to_group(engine_of(context)->options.context, session_of(session), &message));
}

static enum verdict on_join_group(void *context, struct session *session, struct player *player, int32_t group)
{
	return verdict_of(
		engine_of(context)->callbacks.join_group(engine_of(context)->options.context, session_of(session), group, player->peer_id));
}

static enum verdict on_leave_group(void *context, struct session *session, struct player *player, int32_t group)
{
	return verdict_of(
		engine_of(context)->callbacks.leave_group(engine_of(context)->options.context, session_of(session), group, player->peer_id));
}

static void on_tick(void *context, struct session *session, uint64_t now_ns)
{
	engine_of(context)->callbacks.tick(engine_of(context)->options.context, session_of(session), now_ns);
}

void ringcast_engine_make_hooks(struct ringcast_engine *engine)
{
	const ringcast_callbacks *given = &engine->callbacks;

#define HOOK(name) .name = given->name != NULL ? on_##name : NULL
	engine->hooks = (struct hooks){
		HOOK(session_started), HOOK(session_ended), HOOK(player_connect), HOOK(player_accepted), HOOK(player_disconnected), HOOK(message),
		HOOK(send_to_player),  HOOK(send_to_group), HOOK(join_group),	  HOOK(leave_group),	 HOOK(tick),
	};
#undef HOOK
}

/* Commands */

static struct session *checked(ringcast_session *session)
{
	ringcast_assert(session != NULL);
	return (struct session *)session;
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

int ringcast_session_finish(ringcast_session *session)
{
	return error_of(ringcast_command_finish(checked(session)));
}
