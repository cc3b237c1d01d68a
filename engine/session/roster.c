#include "session/roster.h"

#include "base/assert.h"
#include "session/fanout.h"
#include "session/home.h"

/* Distinct ids take a byte up to 127 and two or more beyond. */
enum { ROSTER_PLAYERS_MAX = 127 + (PROTO_PAYLOAD_RELIABLE_BYTES_MAX - 127) / 2 };

struct roster {
	uint32_t count;
	uint32_t packed_bytes;
	int32_t peer_ids[ROSTER_PLAYERS_MAX];
};

static uint32_t varint_bytes(int32_t peer_id)
{
	uint32_t bytes = 1;
	for (uint32_t rest = (uint32_t)peer_id >> 7; rest != 0; rest >>= 7)
		bytes++;
	return bytes;
}

static bool roster_add(struct roster *roster, const struct player *player)
{
	uint32_t bytes = varint_bytes(player->peer_id);
	if (roster->packed_bytes + bytes > PROTO_PAYLOAD_RELIABLE_BYTES_MAX)
		return false;
	ringcast_assert(roster->count < ROSTER_PLAYERS_MAX);
	roster->peer_ids[roster->count++] = player->peer_id;
	roster->packed_bytes += bytes;
	return true;
}

/* False: cut. first (NULL: none) is taken before the others. */
static bool roster_fill(struct roster *roster, struct player *const *members, size_t member_count, const struct player *first)
{
	roster->count = 0;
	roster->packed_bytes = 0;
	if (first != NULL)
		roster_add(roster, first);
	for (size_t i = 0; i < member_count; i++)
		if (members[i] != first && !roster_add(roster, members[i]))
			return false;
	return true;
}

static struct packet update_of(const struct roster *roster, int32_t group, int32_t sender)
{
	return (struct packet){
		.opcode = OPCODE_GROUP_MEMBERSHIP_UPDATE,
		.sender = sender,
		.command = PACKET_COMMAND_GROUP_MEMBERSHIP_UPDATE,
		.membership = {.group = group, .players = roster->peer_ids, .player_count = roster->count},
	};
}

void ringcast_roster_answer(struct player *player, int32_t group)
{
	struct session *session = player->session;
	size_t member_count;
	struct player *const *members = ringcast_group_members(session, group, &member_count);
	struct roster roster;
	roster_fill(&roster, members, member_count, ringcast_group_has(player, group) ? player : NULL);
	struct packet update = update_of(&roster, group, player->peer_id);
	ringcast_fanout_to_player(session, &update, INTENT_RELIABLE, player);
}

void ringcast_roster_push(struct group *group, size_t recipient_count)
{
	struct session *session = group->session;
	ringcast_assert(recipient_count >= group->member_count);
	if (group->member_count > session->store->options.limits->membership_push_max || ringcast_session_is_limb(session)) /* home tells */
		return;
	struct roster roster;
	if (!roster_fill(&roster, group->members, group->member_count, NULL))
		return;
	struct packet update = update_of(&roster, group->id, PROTO_PEER_SERVER);
	ringcast_fanout_to_members(session, &update, INTENT_RELIABLE, group->id, group->members, recipient_count);
}

enum drop_reason ringcast_roster_broadcast(struct session *session, int32_t group, int32_t target_group)
{
	size_t member_count;
	struct player *const *members = ringcast_group_members(session, group, &member_count);
	struct roster roster;
	if (!roster_fill(&roster, members, member_count, NULL))
		return DROP_OVERSIZE;
	struct packet update = update_of(&roster, group, PROTO_PEER_SERVER);
	ringcast_fanout_to_group(session, &update, INTENT_RELIABLE, target_group);
	return DROP_NONE;
}
