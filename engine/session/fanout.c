#include "session/fanout.h"

#include "base/assert.h"

/* packet is the caller's own copy. */
static void deliver(struct session *session, struct packet *packet, enum delivery_intent intent, struct player *const *recipients,
		    size_t recipient_count)
{
	const struct outbox *outbox = &session->store->options.outbox;
	ringcast_assert_slow(packet->opcode != OPCODE_LOGIN);
	if (recipient_count == 0)
		return;
	packet->is_reliable = intent == INTENT_RELIABLE;
	packet->sequence = 0; /* the transport's, per receiver */
	session->deliveries += recipient_count;
	outbox->deliver(outbox->context, packet, intent, recipients, recipient_count);
}

void ringcast_fanout_to_player(struct session *session, const struct packet *packet, enum delivery_intent intent, struct player *player)
{
	ringcast_assert(player->session == session);
	ringcast_assert(player->state == PLAYER_ACTIVE);
	struct packet copy = *packet;
	copy.target_player = player->peer_id;
	copy.target_group = PROTO_GROUP_NONE;
	deliver(session, &copy, intent, &player, 1);
}

void ringcast_fanout_to_members(struct session *session, const struct packet *packet, enum delivery_intent intent, int32_t group,
				struct player *const *recipients, size_t recipient_count)
{
	ringcast_assert(group != PROTO_GROUP_NONE);
	struct packet copy = *packet;
	copy.target_player = PROTO_PEER_NONE;
	copy.target_group = group;
	deliver(session, &copy, intent, recipients, recipient_count);
}

void ringcast_fanout_to_group(struct session *session, const struct packet *packet, enum delivery_intent intent, int32_t group)
{
	size_t member_count;
	struct player *const *members = ringcast_group_members(session, group, &member_count);
	ringcast_fanout_to_members(session, packet, intent, group, members, member_count);
}

void ringcast_fanout_to_union(struct session *session, const struct packet *packet, enum delivery_intent intent, struct player *player,
			      int32_t group)
{
	bool has_group = group != PROTO_GROUP_NONE;
	if (has_group)
		ringcast_fanout_to_group(session, packet, intent, group);
	if (player != NULL && !(has_group && ringcast_group_has(player, group)))
		ringcast_fanout_to_player(session, packet, intent, player);
}
