#include "session/fanout.h"

#include "base/assert.h"

static void deliver(struct session *session, const struct fanout *fanout)
{
	const struct outbox *outbox = &session->store->options.outbox;
	ringcast_assert_slow(fanout->packet->opcode != OPCODE_LOGIN);
	if (fanout->recipient_count == 0)
		return;
	session->deliveries += fanout->recipient_count;
	outbox->deliver(outbox->context, fanout);
}

void ringcast_fanout_to_player(struct session *session, const struct packet *packet, enum delivery_intent intent, struct player *player)
{
	ringcast_assert(player->session == session);
	ringcast_assert(player->state == PLAYER_ACTIVE);
	deliver(session, &(struct fanout){.packet = packet, .target_player = player->peer_id, .target_group = PROTO_GROUP_NONE, .intent = intent,
					  .recipients = &player, .recipient_count = 1});
}

void ringcast_fanout_to_members(struct session *session, const struct packet *packet, enum delivery_intent intent, int32_t group,
				struct player *const *recipients, size_t recipient_count)
{
	ringcast_assert(group != PROTO_GROUP_NONE);
	deliver(session, &(struct fanout){.packet = packet, .target_player = PROTO_PEER_NONE, .target_group = group, .intent = intent,
					  .recipients = recipients, .recipient_count = recipient_count});
}

void ringcast_fanout_to_group(struct session *session, const struct packet *packet, enum delivery_intent intent, int32_t group)
{
	size_t member_count;
	struct player *const *members = ringcast_group_members(session, group, &member_count);
	ringcast_fanout_to_members(session, packet, intent, group, members, member_count);
}

void ringcast_fanout_to_targets(struct session *session, const struct packet *packet, enum delivery_intent intent, const struct targets *targets)
{
	bool has_group = targets->group != PROTO_GROUP_NONE;
	if (has_group)
		ringcast_fanout_to_members(session, packet, intent, targets->group, targets->members, targets->member_count);
	if (targets->player != NULL && !(has_group && ringcast_group_has(targets->player, targets->group)))
		ringcast_fanout_to_player(session, packet, intent, targets->player);
}
