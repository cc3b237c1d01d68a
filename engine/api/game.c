/* What the embedder's C callbacks may ask and command: the [callback] part of the public header. */
#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "life/errors.h"
#include "life/hooks.h"
#include "scripting/event.h"
#include "session/command.h"
#include "session/group.h"
#include "session/park.h"
#include "session/player.h"
#include "transport/conn.h"

const char *ringcast_session_id(ringcast_session *session)
{
	return ringcast_engine_checked(session)->id;
}

const char *ringcast_session_properties(ringcast_session *session)
{
	return ringcast_session_get_properties(ringcast_engine_checked(session));
}

const char *ringcast_session_matchmaker_data(ringcast_session *session)
{
	return ringcast_session_get_matchmaker_data(ringcast_engine_checked(session));
}

uint64_t ringcast_session_now_ns(ringcast_session *session)
{
	return ringcast_engine_checked(session)->store->now_ns;
}

const char *ringcast_session_player_id(ringcast_session *session, int32_t peer_id)
{
	const struct player *player = ringcast_session_find_peer(ringcast_engine_checked(session), peer_id);
	return player != NULL ? ringcast_player_id(player) : NULL;
}

const char *ringcast_session_player_data(ringcast_session *session, int32_t peer_id)
{
	const struct player *player = ringcast_session_find_peer(ringcast_engine_checked(session), peer_id);
	return player != NULL ? ringcast_player_data(player) : NULL;
}

int ringcast_session_player_token(ringcast_session *session, int32_t peer_id, char ret_token[RINGCAST_ID_BYTES])
{
	const struct player *player = ringcast_session_find_peer(ringcast_engine_checked(session), peer_id);
	static_assert(PLAYER_TOKEN_BYTES <= RINGCAST_ID_BYTES, "a token fits");
	if (player == NULL)
		return RINGCAST_ERROR_NOT_FOUND;
	ringcast_player_format_token(player, ret_token);
	return RINGCAST_OK;
}

bool ringcast_session_player_is_fast(ringcast_session *session, int32_t peer_id)
{
	const struct player *player = ringcast_session_find_peer(ringcast_engine_checked(session), peer_id);
	const struct conn *conn = player != NULL && player->limb == 0 ? player->transport : NULL;
	return conn != NULL ? ringcast_conn_is_fast(conn) : player != NULL && player->is_fast; /* on another shard: as that one has said last */
}

void ringcast_session_set_user(ringcast_session *session, void *user)
{
	ringcast_engine_checked(session)->user = user;
}

void *ringcast_session_user(ringcast_session *session)
{
	return ringcast_engine_checked(session)->user;
}

static struct packet packet_of(const ringcast_message *message)
{
	return (struct packet){
		.opcode = message->opcode,
		.sender = message->sender,
		.target_player = message->target_player,
		.target_group = message->target_group,
		.is_reliable = message->intent == RINGCAST_RELIABLE,
		.payload = ringcast_view_of(message->payload, message->payload_bytes),
	};
}

static bool is_wrong(const ringcast_message *message)
{
	return message->opcode == OPCODE_LOGIN || message->payload_bytes > PROTO_PAYLOAD_RELIABLE_BYTES_MAX;
}

int ringcast_session_send(ringcast_session *session, const ringcast_message *message)
{
	struct packet packet = packet_of(message);
	if (is_wrong(message))
		return RINGCAST_ERROR_ARGUMENT;
	return ringcast_error_of_drop(ringcast_command_send(ringcast_engine_checked(session), &packet, packet.is_reliable ? INTENT_RELIABLE : INTENT_FAST));
}

int ringcast_session_kick(ringcast_session *session, int32_t peer_id, const char *reason)
{
	return ringcast_error_of_drop(ringcast_command_kick(ringcast_engine_checked(session), peer_id, reason));
}

int ringcast_session_join(ringcast_session *session, int32_t group, int32_t peer_id)
{
	return ringcast_error_of_drop(ringcast_command_join(ringcast_engine_checked(session), group, peer_id));
}

int ringcast_session_leave(ringcast_session *session, int32_t group, int32_t peer_id)
{
	return ringcast_error_of_drop(ringcast_command_leave(ringcast_engine_checked(session), group, peer_id));
}

int ringcast_session_broadcast_membership(ringcast_session *session, int32_t group, int32_t target_group)
{
	return ringcast_error_of_drop(ringcast_command_broadcast_membership(ringcast_engine_checked(session), group, target_group));
}

int ringcast_session_retain(ringcast_session *session, uint32_t key, const ringcast_message *message)
{
	struct packet packet = packet_of(message);
	if (is_wrong(message) || (packet.target_group <= PROTO_GROUP_NONE && packet.target_group != PROTO_GROUP_ALL))
		return RINGCAST_ERROR_ARGUMENT;
	return ringcast_error_of_drop(ringcast_command_retain(ringcast_engine_checked(session), key, &packet));
}

int ringcast_session_forget(ringcast_session *session, int32_t group, uint32_t key)
{
	return ringcast_error_of_drop(ringcast_command_forget_retained(ringcast_engine_checked(session), group, key));
}

int ringcast_session_snapshot(ringcast_session *session, uint64_t ticket, const ringcast_message *message)
{
	struct packet packet = packet_of(message);
	struct session *own = ringcast_engine_checked(session);
	if (is_wrong(message)) {
		ringcast_command_snapshot_fail(own, ticket);
		return RINGCAST_ERROR_ARGUMENT;
	}
	enum drop_reason reason = ringcast_command_snapshot(own, ticket, &packet);
	if (reason != DROP_NONE)
		own->store->options.outbox.drop(own->store->options.outbox.context, reason, 1);
	return reason == DROP_NO_TARGET ? RINGCAST_ERROR_NOT_FOUND : ringcast_error_of_drop(reason);
}

size_t ringcast_session_players(ringcast_session *session, int32_t *peer_ids, size_t peer_id_count_max)
{
	size_t count;
	struct player *const *players = ringcast_group_members(ringcast_engine_checked(session), PROTO_GROUP_ALL, &count);

	for (size_t i = 0; i < count && i < peer_id_count_max; i++)
		peer_ids[i] = players[i]->peer_id;
	return count;
}

uint64_t ringcast_session_ticket(ringcast_session *session)
{
	return ringcast_park_ticket(ringcast_engine_checked(session));
}

int ringcast_session_answer(ringcast_session *session, uint64_t ticket, ringcast_verdict verdict)
{
	if (verdict != RINGCAST_ALLOW && verdict != RINGCAST_DENY)
		return RINGCAST_ERROR_ARGUMENT;
	return ringcast_error_of_drop(ringcast_command_answer(ringcast_engine_checked(session), ticket, ringcast_engine_verdict_of(verdict)));
}

int ringcast_session_set_timer(ringcast_session *session, uint32_t timer, uint64_t delay_ns)
{
	return ringcast_error_of_drop(ringcast_command_timer(ringcast_engine_checked(session), timer, delay_ns));
}

int ringcast_session_cancel_timer(ringcast_session *session, uint32_t timer)
{
	return ringcast_command_cancel_timer(ringcast_engine_checked(session), timer) ? RINGCAST_OK : RINGCAST_ERROR_NOT_FOUND;
}

void ringcast_session_log(ringcast_session *session, ringcast_log_level level, const char *text)
{
	ringcast_log((enum log_level)level, "game", text, "session=%s", ringcast_engine_checked(session)->id);
}

int ringcast_session_finish(ringcast_session *session)
{
	return ringcast_error_of_drop(ringcast_command_finish(ringcast_engine_checked(session)));
}

int ringcast_session_hold(ringcast_session *given)
{
	struct session *session = ringcast_engine_checked(given);
	if (!session->is_starting)
		return RINGCAST_ERROR_STATE;
	ringcast_session_hold_up(session);
	return RINGCAST_OK;
}

int ringcast_session_activate(ringcast_session *given)
{
	struct session *session = ringcast_engine_checked(given);
	if (!session->is_activating)
		return RINGCAST_ERROR_STATE;
	ringcast_session_start_done(session, session->store->now_ns);
	return RINGCAST_OK;
}

int ringcast_session_emit_event(ringcast_session *session, const char *name, const char *json)
{
	struct session *own = ringcast_engine_checked(session);
	const struct outbox *outbox = &own->store->options.outbox;
	if (name == NULL || json == NULL)
		return RINGCAST_ERROR_ARGUMENT;
	enum drop_reason reason = ringcast_script_emit(own, name, ringcast_view_of(json, strlen(json)), own->store->now_ns);
	if (reason != DROP_NONE)
		outbox->drop(outbox->context, reason, 1);
	return ringcast_error_of_drop(reason);
}

int ringcast_session_ask(ringcast_session *session, uint32_t number, const char *json)
{
	struct session *own = ringcast_engine_checked(session);
	const struct outbox *outbox = &own->store->options.outbox;
	if (json == NULL)
		return RINGCAST_ERROR_ARGUMENT;
	enum drop_reason reason = ringcast_script_ask(own, number, ringcast_view_of(json, strlen(json)), own->store->now_ns);
	if (reason != DROP_NONE)
		outbox->drop(outbox->context, reason, 1);
	return ringcast_error_of_drop(reason);
}
