#include "session/router.h"

#include "base/assert.h"
#include "proto/gate.h"
#include "session/command.h"
#include "session/fanout.h"
#include "session/group.h"
#include "session/limb.h"
#include "session/park.h"
#include "session/roster.h"
#include "session/session_impl.h"
#include "session/snapshot.h"
#include "session/tap.h"

typedef enum verdict group_hook_fn(void *context, struct session *session, struct player *player, int32_t group);

static enum verdict answer_of(struct route *route, enum route_question question, enum verdict verdict)
{
	struct session *session = route->player->session;
	ringcast_session_leave_question(session, verdict);
	route->is_unknown = session->is_unheard; /* the latest question is what it knows of */
	if (verdict == VERDICT_LATER)
		route->asked = question;
	return verdict;
}

/* True: the script has used up its time. */
static bool is_unasked(struct route *route, enum verdict *ret_verdict)
{
	struct session *session = route->player->session;
	if (ringcast_session_wait_ns(session) == 0)
		return false;
	route->is_unasked = route->is_unknown = true;
	*ret_verdict = session->is_late_allowed ? VERDICT_ALLOW : VERDICT_DENY;
	return true;
}

static enum verdict ask_group(struct route *route, group_hook_fn *hook)
{
	struct session *session = route->player->session;
	enum verdict verdict;
	if (hook == NULL || (route->allowed & QUESTION_ABOUT_GROUP) != 0)
		return VERDICT_ALLOW;
	if (is_unasked(route, &verdict))
		return verdict;
	ringcast_session_enter_question(session, route->player);
	return answer_of(route, QUESTION_ABOUT_GROUP, hook(session->hooks_context, session, route->player, route->packet->group));
}

/* Of what is not allowed: LATER is no refusal, nothing has happened yet. */
static enum drop_reason refusal_of(const struct route *route, enum verdict verdict)
{
	if (verdict != VERDICT_DENY)
		return DROP_NONE;
	return route->is_unasked ? DROP_SCRIPT_SHARE : DROP_DENIED;
}

/* Of a join that is allowed. What the script has said already would follow a snapshot that knows of it: that is carried out first. */
static enum drop_reason ask_snapshot(struct route *route)
{
	const struct session *session = route->player->session;
	enum drop_reason denied;
	route->allowed |= QUESTION_ABOUT_GROUP;
	route->is_put_off = session->hooks->snapshot != NULL && session->command_count > 0;
	if (route->is_put_off)
		return DROP_NONE;
	enum verdict verdict = ringcast_snapshot_ask(route->player, route->packet->group, &denied);
	if (verdict == VERDICT_LATER)
		route->asked = QUESTION_SNAPSHOT;
	return verdict == VERDICT_DENY ? denied : DROP_NONE;
}

static enum drop_reason route_join(struct route *route)
{
	struct player *player = route->player;
	const struct packet *packet = route->packet;
	if (packet->command != PACKET_COMMAND_JOIN_GROUP)
		return DROP_MALFORMED;
	if (packet->group > PROTO_GROUP_NONE && ringcast_group_has(player, packet->group))
		return DROP_NONE;
	enum drop_reason reason = ringcast_group_check_join(player, packet->group);
	if (reason != DROP_NONE)
		return reason;
	enum verdict verdict = ask_group(route, player->session->hooks->join_group);
	if (verdict != VERDICT_ALLOW)
		return refusal_of(route, verdict);
	if ((route->allowed & QUESTION_SNAPSHOT) == 0) {
		if (ringcast_snapshot_is_asked(player, packet->group))
			return DROP_NONE; /* its script has it join already */
		reason = ask_snapshot(route);
	}
	return reason != DROP_NONE || route->asked != 0 || route->is_put_off ? reason : ringcast_snapshot_conclude(player, packet->group);
}

static enum drop_reason route_leave(struct route *route)
{
	struct player *player = route->player;
	const struct packet *packet = route->packet;
	if (packet->command != PACKET_COMMAND_LEAVE_GROUP)
		return DROP_MALFORMED;
	if (packet->group <= PROTO_GROUP_NONE)
		return DROP_GROUP_LIMIT;
	if (!ringcast_group_has(player, packet->group))
		return DROP_NOT_MEMBER;
	enum verdict verdict = ask_group(route, player->session->hooks->leave_group);
	if (verdict != VERDICT_ALLOW)
		return refusal_of(route, verdict);
	return ringcast_group_leave(player, packet->group, player->session->store->now_ns);
}

static enum drop_reason route_request(struct route *route)
{
	const struct packet *packet = route->packet;
	if (packet->command != PACKET_COMMAND_REQUEST_GROUP_MEMBERSHIP)
		return DROP_MALFORMED;
	if (packet->group <= PROTO_GROUP_NONE && packet->group != PROTO_GROUP_ALL)
		return DROP_GROUP_LIMIT;
	return ringcast_roster_answer(route->player, packet->group);
}

typedef enum verdict send_hook_fn(void *context, struct session *session, const struct packet *packet);

static enum verdict ask_send(struct route *route, enum route_question question, send_hook_fn *hook)
{
	struct session *session = route->player->session;
	enum verdict verdict;
	if ((route->allowed & question) != 0)
		return VERDICT_ALLOW;
	if (is_unasked(route, &verdict))
		return verdict;
	ringcast_session_enter_question(session, route->player);
	return answer_of(route, question, hook(session->hooks_context, session, route->packet));
}

/* Both must say yes to a message for a player and a group; the second is not asked before the first has. */
static enum verdict ask_sends(struct route *route, bool has_target)
{
	const struct hooks *hooks = route->player->session->hooks;
	enum verdict verdict = VERDICT_ALLOW;
	if (has_target && hooks->send_to_player != NULL)
		verdict = ask_send(route, QUESTION_SEND_TO_PLAYER, hooks->send_to_player);
	if (verdict != VERDICT_ALLOW || route->packet->target_group == PROTO_GROUP_NONE || hooks->send_to_group == NULL)
		return verdict;
	route->allowed |= QUESTION_SEND_TO_PLAYER;
	return ask_send(route, QUESTION_ABOUT_GROUP, hooks->send_to_group);
}

static enum drop_reason tell_server(struct session *session, const struct packet *packet)
{
	if (session->hooks->message == NULL)
		return DROP_NONE; /* nobody there to hear it: not the sender's fault */
	if (ringcast_session_wait_ns(session) != 0)
		return DROP_SCRIPT_SHARE;
	ringcast_session_enter_hook(session);
	session->hooks->message(session->hooks_context, session, packet);
	ringcast_session_leave_hook(session);
	return DROP_NONE;
}

/* The targets are valid, or nothing happens at all: a message to two targets is one message. */
static enum drop_reason find_targets(struct player *sender, const struct packet *packet, struct targets *ret)
{
	*ret = (struct targets){.group = packet->target_group, .quiet_sender = sender->has_no_echo ? sender : NULL};
	if (packet->target_player != PROTO_PEER_NONE) {
		ret->player = ringcast_session_find_player(sender->session, packet->target_player);
		if (ret->player == NULL && packet->target_player != PROTO_PEER_SERVER)
			return DROP_NO_TARGET;
	} else if (packet->target_group == PROTO_GROUP_NONE) {
		return DROP_NO_TARGET;
	}
	if (packet->target_group != PROTO_GROUP_NONE)
		ret->members = ringcast_group_members_with(sender, packet->target_group, &ret->member_count);
	return packet->target_group == PROTO_GROUP_NONE || ret->members != NULL ? DROP_NONE : DROP_NOT_MEMBER;
}

/* What its script was asked about it knows, and may have in a snapshot already. */
static void hold_for_joiners(const struct route *route, const struct player *target)
{
	struct session *session = route->player->session;
	bool is_unknown = session->hooks->send_to_group == NULL || route->is_unknown;
	if (route->intent == INTENT_RELIABLE && route->packet->target_group != PROTO_GROUP_NONE && is_unknown)
		ringcast_snapshot_hold(session, route->packet, route->packet->target_group, target);
}

static enum drop_reason route_message(struct route *route)
{
	struct session *session = route->player->session;
	const struct packet *packet = route->packet;
	struct targets targets; /* good for as long as no command is applied: not before this returns */
	enum drop_reason reason = find_targets(route->player, packet, &targets);
	if (reason != DROP_NONE)
		return reason;
	enum verdict verdict = ask_sends(route, targets.player != NULL);
	if (verdict != VERDICT_ALLOW)
		return refusal_of(route, verdict);
	if (packet->target_player == PROTO_PEER_SERVER)
		reason = tell_server(session, packet);
	if (packet->target_group == PROTO_GROUP_NONE && targets.player == NULL)
		return reason;
	ringcast_session_count_drops(session, reason, 1); /* the others get it */
	if (UNLIKELY(session->joiner_count > 0))
		hold_for_joiners(route, targets.player);
	ringcast_fanout_to_targets(session, packet, route->intent, &targets);
	return DROP_NONE;
}

/* What clients ask of the relay itself. Everything else that the gate lets through is a message of the game. */
static enum drop_reason (*const requests[GATE_ROW_COUNT])(struct route *route) = {
	[GATE_ROW_JOIN_GROUP] = route_join,
	[GATE_ROW_LEAVE_GROUP] = route_leave,
	[GATE_ROW_REQUEST_GROUP_MEMBERSHIP] = route_request,
};

enum drop_reason ringcast_router_dispatch(struct route *route)
{
	struct player *player = route->player;
	if (player->session->state == SESSION_ENDED)
		return DROP_SESSION_ENDED;
	enum gate_place place = route->intent == INTENT_RELIABLE ? GATE_STREAM_JOINED : GATE_DATAGRAM_UP;
	enum gate_row row = ringcast_gate_row(route->packet->opcode);
	if (player->state != PLAYER_ACTIVE || ringcast_gate_action(row, place) != GATE_ROUTE)
		return DROP_BAD_STATE;
	return requests[row] != NULL ? requests[row](route) : route_message(route);
}

/* Behind what waits, or through the rules, which may end in waiting too. */
static enum drop_reason dispatch_or_park(struct player *player, const struct packet *packet, enum delivery_intent intent, bool *ret_is_parked)
{
	struct route route = {.player = player, .packet = packet, .intent = intent};
	enum drop_reason reason = DROP_NONE;
	bool must_wait = player->parked != NULL;
	if (!must_wait) {
		reason = ringcast_router_dispatch(&route);
		must_wait = route.asked != 0 || route.is_put_off;
	}
	if (must_wait)
		reason = ringcast_park_packet(&route);
	if (reason != DROP_NONE && route.asked == QUESTION_SNAPSHOT)
		ringcast_snapshot_abandon(player, packet->group);
	*ret_is_parked = must_wait && reason == DROP_NONE;
	return reason;
}

/* Only what a game message consists of: the rest of what a client may have put into its packet goes no further. */
static void reduce_to_message(struct packet *packet, enum delivery_intent intent)
{
	packet->sequence = 0;
	packet->client_version = 0;
	packet->is_reliable = intent == INTENT_RELIABLE;
	packet->command = PACKET_COMMAND_NONE;
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
	if (ringcast_session_is_limb(session))
		return ringcast_limb_forward(player, packet, intent);
	if (requests[ringcast_gate_row(packet->opcode)] == NULL)
		reduce_to_message(packet, intent);
	bool is_parked;
	enum drop_reason reason = dispatch_or_park(player, packet, intent, &is_parked);
	if (!is_parked)
		ringcast_tap_message(session, packet, intent, reason);
	if (reason != DROP_NONE)
		session->drops++; /* the player's are the shard's to count: it drops for reasons of its own too */
	ringcast_command_apply(session);
	return reason;
}
