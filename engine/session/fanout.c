#include "session/fanout.h"

#include "base/assert.h"
#include "session/group.h"
#include "session/home.h"

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
	if (UNLIKELY(player->limb > 0)) {
		session->deliveries++;
		ringcast_home_to_player(session, packet, intent, player, PROTO_GROUP_NONE);
		return;
	}
	deliver(session, &(struct fanout){.packet = packet, .target_player = player->peer_id, .target_group = PROTO_GROUP_NONE, .intent = intent,
					  .recipients = &player, .recipient_count = 1});
}

static void deliver_to_group(struct session *session, const struct packet *packet, enum delivery_intent intent, int32_t group, struct player *const *recipients,
			     size_t recipient_count)
{
	deliver(session, &(struct fanout){.packet = packet, .target_player = PROTO_PEER_NONE, .target_group = group, .intent = intent,
					  .recipients = recipients, .recipient_count = recipient_count});
}

void ringcast_fanout_to_one_of(struct session *session, const struct packet *packet, enum delivery_intent intent, int32_t group, struct player *player)
{
	ringcast_assert(player->session == session && player->state == PLAYER_ACTIVE && group != PROTO_GROUP_NONE);
	if (player->limb == 0) {
		deliver_to_group(session, packet, intent, group, &player, 1);
		return;
	}
	session->deliveries++;
	ringcast_home_to_player(session, packet, intent, player, group);
}

/* Those of this shard are the first of the members; behind the last one there may be one who has just left. */
static void spread_to_members(struct session *session, const struct packet *packet, enum delivery_intent intent, int32_t group,
			      struct player *const *recipients, size_t recipient_count)
{
	size_t member_count;
	struct player *const *members = ringcast_group_members(session, group, &member_count);
	const struct limbs *limbs = ringcast_group_limbs(session, group);
	const struct player *leaver = recipient_count > member_count ? recipients[member_count] : NULL;
	ringcast_assert(recipients == members && recipient_count - member_count <= 1);
	uint64_t before = session->deliveries;
	deliver_to_group(session, packet, intent, group, recipients, member_count - ringcast_limbs_remote_count(limbs));
	if (leaver != NULL && leaver->limb == 0) {
		deliver_to_group(session, packet, intent, group, &recipients[member_count], 1);
		leaver = NULL;
	}
	session->deliveries = before + recipient_count;
	ringcast_home_to_group(session, packet, intent, group, limbs, leaver, recipient_count);
}

void ringcast_fanout_to_members(struct session *session, const struct packet *packet, enum delivery_intent intent, int32_t group,
				struct player *const *recipients, size_t recipient_count)
{
	ringcast_assert(group != PROTO_GROUP_NONE);
	if (UNLIKELY(session->spread != NULL))
		spread_to_members(session, packet, intent, group, recipients, recipient_count);
	else
		deliver_to_group(session, packet, intent, group, recipients, recipient_count);
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
