#include "session/fanout.h"

#include "base/assert.h"
#include "session/group.h"
#include "session/home.h"

static void deliver(struct session *session, const struct fanout *fanout)
{
	const struct outbox *outbox = &session->store->options.outbox;
	ringcast_assert_slow(fanout->packet->opcode != OPCODE_LOGIN);
	size_t meant_count = fanout->recipient_count - (fanout->skip > 0);
	ringcast_assert(fanout->skip <= fanout->recipient_count);
	if (meant_count == 0)
		return;
	session->deliveries += meant_count;
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

static void deliver_to_group(struct session *session, const struct group_message *message, struct player *const *recipients, size_t recipient_count, size_t skip)
{
	deliver(session, &(struct fanout){.packet = message->packet, .target_player = PROTO_PEER_NONE, .target_group = message->group, .intent = message->intent,
					  .recipients = recipients, .recipient_count = recipient_count, .skip = skip});
}

void ringcast_fanout_to_one_of(struct session *session, const struct packet *packet, enum delivery_intent intent, int32_t group, struct player *player)
{
	ringcast_assert(player->session == session && player->state == PLAYER_ACTIVE && group != PROTO_GROUP_NONE);
	if (player->limb == 0) {
		deliver_to_group(session, &(struct group_message){.packet = packet, .intent = intent, .group = group}, &player, 1, 0);
		return;
	}
	session->deliveries++;
	ringcast_home_to_player(session, packet, intent, player, group);
}

/* Those of this shard are the first of the members; behind the last one there may be one who has just left. */
static void spread_to_members(struct session *session, struct group_message *message, struct player *const *recipients, size_t recipient_count)
{
	size_t member_count;
	struct player *const *members = ringcast_group_members(session, message->group, &member_count);
	message->limbs = ringcast_group_limbs(session, message->group);
	message->leaver = recipient_count > member_count ? recipients[member_count] : NULL;
	message->total_count = recipient_count - (message->quiet_sender != NULL);
	ringcast_assert(recipients == members && recipient_count - member_count <= 1);
	uint64_t before = session->deliveries;
	deliver_to_group(session, message, recipients, member_count - ringcast_limbs_remote_count(message->limbs), ringcast_group_skip(message->quiet_sender, message->group));
	if (message->leaver != NULL && message->leaver->limb == 0) {
		deliver_to_group(session, message, &recipients[member_count], 1, 0);
		message->leaver = NULL;
	}
	session->deliveries = before + message->total_count;
	ringcast_home_to_group(session, message);
}

static void to_members(struct session *session, struct group_message *message, struct player *const *recipients, size_t recipient_count)
{
	ringcast_assert(message->group != PROTO_GROUP_NONE);
	if (UNLIKELY(session->spread != NULL))
		spread_to_members(session, message, recipients, recipient_count);
	else
		deliver_to_group(session, message, recipients, recipient_count, ringcast_group_skip(message->quiet_sender, message->group));
}

void ringcast_fanout_to_members(struct session *session, const struct packet *packet, enum delivery_intent intent, int32_t group,
				struct player *const *recipients, size_t recipient_count)
{
	to_members(session, &(struct group_message){.packet = packet, .intent = intent, .group = group}, recipients, recipient_count);
}

void ringcast_fanout_to_group(struct session *session, const struct packet *packet, enum delivery_intent intent, int32_t group)
{
	size_t member_count;
	struct player *const *members = ringcast_group_members(session, group, &member_count);
	ringcast_fanout_to_members(session, packet, intent, group, members, member_count);
}

void ringcast_fanout_to_some(struct session *session, const struct packet *packet, enum delivery_intent intent, int32_t group, struct player *const *players,
			     size_t player_count)
{
	struct player *here[FANOUT_SOME_MAX];
	size_t here_count = 0;
	uint64_t shards = 0;
	ringcast_assert(player_count <= FANOUT_SOME_MAX);
	for (size_t i = 0; i < player_count; i++)
		if (players[i]->limb == 0)
			here[here_count++] = players[i];
		else
			shards |= UINT64_C(1) << ringcast_player_shard(players[i]);
	if (here_count > 0)
		deliver_to_group(session, &(struct group_message){.packet = packet, .intent = intent, .group = group}, here, here_count, 0);
	session->deliveries += player_count - here_count;
	for (; shards != 0; shards &= shards - 1)
		ringcast_home_to_some(session, packet, group, (uint32_t)__builtin_ctzll(shards), players, player_count);
}

void ringcast_fanout_to_targets(struct session *session, const struct packet *packet, enum delivery_intent intent, const struct targets *targets)
{
	bool has_group = targets->group != PROTO_GROUP_NONE;
	if (has_group)
		to_members(session, &(struct group_message){.packet = packet, .intent = intent, .group = targets->group, .quiet_sender = targets->quiet_sender},
			   targets->members, targets->member_count);
	if (targets->player != NULL && !(has_group && ringcast_group_has(targets->player, targets->group)))
		ringcast_fanout_to_player(session, packet, intent, targets->player);
}
