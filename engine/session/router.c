#include "session/session.h"

#include "base/assert.h"
#include "session/command.h"
#include "session/fanout.h"
#include "session/group.h"
#include "session/roster.h"
#include "session/session_impl.h"

/* Undefined op codes are the game's, also negative ones. */
static bool is_from_client(int32_t opcode)
{
	switch (opcode) {
#define OPCODE(name, number, from_client, from_server, text)                                                                           \
	case number:                                                                                                                   \
		return from_client;
#include "proto/opcode.def"
#undef OPCODE
	default:
		return true;
	}
}

/* Legal from a client, but not from one that is a player already, or not by this way. */
static bool is_handshake(int32_t opcode)
{
	return opcode == OPCODE_LOGIN || opcode == OPCODE_UDP_CONNECT || opcode == OPCODE_UDP_CONNECT_CLIENT_ACK ||
	       opcode == OPCODE_VERIFY_IDENTITY;
}

typedef enum verdict group_hook_fn(void *context, struct session *session, struct player *player, int32_t group);

static enum verdict ask_group(group_hook_fn *hook, struct player *player, int32_t group)
{
	struct session *session = player->session;
	if (hook == NULL)
		return VERDICT_ALLOW;
	ringcast_session_enter_hook(session);
	enum verdict verdict = hook(session->hooks_context, session, player, group);
	ringcast_session_leave_hook(session);
	return verdict;
}

static enum drop_reason route_join(struct player *player, const struct packet *packet, uint64_t now_ns)
{
	if (packet->command != PACKET_COMMAND_JOIN_GROUP)
		return DROP_MALFORMED;
	if (packet->group > PROTO_GROUP_NONE && ringcast_group_has(player, packet->group))
		return DROP_NONE;
	enum drop_reason reason = ringcast_group_check_join(player, packet->group);
	if (reason != DROP_NONE)
		return reason;
	if (ask_group(player->session->hooks->join_group, player, packet->group) == VERDICT_DENY)
		return DROP_DENIED;
	return ringcast_group_join(player, packet->group, now_ns);
}

static enum drop_reason route_leave(struct player *player, const struct packet *packet, uint64_t now_ns)
{
	if (packet->command != PACKET_COMMAND_LEAVE_GROUP)
		return DROP_MALFORMED;
	if (packet->group <= PROTO_GROUP_NONE)
		return DROP_GROUP_LIMIT;
	if (!ringcast_group_has(player, packet->group))
		return DROP_NOT_MEMBER;
	if (ask_group(player->session->hooks->leave_group, player, packet->group) == VERDICT_DENY)
		return DROP_DENIED;
	return ringcast_group_leave(player, packet->group, now_ns);
}

static enum drop_reason route_request(struct player *player, const struct packet *packet)
{
	if (packet->command != PACKET_COMMAND_REQUEST_GROUP_MEMBERSHIP)
		return DROP_MALFORMED;
	if (packet->group <= PROTO_GROUP_NONE && packet->group != PROTO_GROUP_ALL)
		return DROP_GROUP_LIMIT;
	ringcast_roster_answer(player, packet->group);
	return DROP_NONE;
}

typedef enum verdict send_hook_fn(void *context, struct session *session, const struct packet *packet);

static enum verdict ask_send(send_hook_fn *hook, struct session *session, const struct packet *packet)
{
	if (hook == NULL)
		return VERDICT_ALLOW;
	ringcast_session_enter_hook(session);
	enum verdict verdict = hook(session->hooks_context, session, packet);
	ringcast_session_leave_hook(session);
	return verdict;
}

static void tell_server(struct session *session, const struct packet *packet)
{
	if (session->hooks->message == NULL)
		return; /* nobody there to hear it: not the sender's fault */
	ringcast_session_enter_hook(session);
	session->hooks->message(session->hooks_context, session, packet);
	ringcast_session_leave_hook(session);
}

/* The targets are valid, or nothing happens at all: a message to two targets is one message. */
static enum drop_reason check_targets(struct player *sender, const struct packet *packet, struct player **ret_player)
{
	*ret_player = ringcast_session_find_player(sender->session, packet->target_player);
	if (packet->target_player == PROTO_PEER_NONE && packet->target_group == PROTO_GROUP_NONE)
		return DROP_NO_TARGET;
	if (packet->target_player != PROTO_PEER_NONE && packet->target_player != PROTO_PEER_SERVER && *ret_player == NULL)
		return DROP_NO_TARGET;
	if (packet->target_group != PROTO_GROUP_NONE && !ringcast_group_has(sender, packet->target_group))
		return DROP_NOT_MEMBER;
	return DROP_NONE;
}

static enum drop_reason route_message(struct player *sender, const struct packet *packet, enum delivery_intent intent)
{
	struct session *session = sender->session;
	const struct hooks *hooks = session->hooks;
	struct player *target;
	enum drop_reason reason = check_targets(sender, packet, &target);
	if (reason != DROP_NONE)
		return reason;
	if (target != NULL && ask_send(hooks->send_to_player, session, packet) == VERDICT_DENY)
		return DROP_DENIED;
	if (packet->target_group != PROTO_GROUP_NONE && ask_send(hooks->send_to_group, session, packet) == VERDICT_DENY)
		return DROP_DENIED;
	if (packet->target_player == PROTO_PEER_SERVER)
		tell_server(session, packet);
	ringcast_fanout_to_union(session, packet, intent, target, packet->target_group);
	return DROP_NONE;
}

/* Only what a game message consists of: the rest of what a client may have put into its packet goes no further. */
static struct packet message_of(const struct player *sender, const struct packet *packet, enum delivery_intent intent)
{
	return (struct packet){
		.opcode = packet->opcode,
		.sender = sender->peer_id,
		.target_player = packet->target_player,
		.target_group = packet->target_group,
		.is_reliable = intent == INTENT_RELIABLE,
		.payload = packet->payload,
	};
}

static enum drop_reason dispatch(struct player *player, const struct packet *packet, enum delivery_intent intent, uint64_t now_ns)
{
	if (player->session->state == SESSION_ENDED)
		return DROP_SESSION_ENDED;
	if (player->state != PLAYER_ACTIVE || !is_from_client(packet->opcode) || is_handshake(packet->opcode))
		return DROP_BAD_STATE;
	switch (packet->opcode) {
	case OPCODE_JOIN_GROUP:
		return route_join(player, packet, now_ns);
	case OPCODE_LEAVE_GROUP:
		return route_leave(player, packet, now_ns);
	case OPCODE_REQUEST_GROUP_MEMBERSHIP:
		return route_request(player, packet);
	default: {
		struct packet message = message_of(player, packet, intent);
		return route_message(player, &message, intent);
	}
	}
}

enum drop_reason ringcast_router_route(struct player *player, struct packet *packet, enum delivery_intent intent, uint64_t now_ns)
{
	struct session *session = player->session;
	ringcast_assert(!session->is_in_hook);
	session->store->now_ns = now_ns;
	packet->sender = player->peer_id;
	player->messages_received++;
	player->bytes_received += packet->payload.size;
	session->messages_received++;
	session->bytes_received += packet->payload.size;
	enum drop_reason reason = dispatch(player, packet, intent, now_ns);
	if (reason != DROP_NONE)
		session->drops++; /* the player's are the shard's to count: it drops for reasons of its own too */
	ringcast_command_apply(session);
	return reason;
}
