#include "session/roster.h"

#include <stdlib.h>

#include "base/assert.h"
#include "session/fanout.h"
#include "session/group.h"
#include "session/home.h"
#include "session/owed.h"
#include "session/player.h"

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

enum drop_reason ringcast_roster_answer(struct player *player, int32_t group)
{
	struct session *session = player->session;
	size_t member_count;
	struct player *const *members = ringcast_group_members(session, group, &member_count);
	struct roster roster;
	enum owed owed = ringcast_owed_answer(player, group);
	if (owed != OWED_NOTHING)
		return owed == OWED_REFUSED ? DROP_LISTS_OWED : DROP_NONE;
	roster_fill(&roster, members, member_count, ringcast_group_has(player, group) ? player : NULL);
	struct packet update = update_of(&roster, group, player->peer_id);
	ringcast_fanout_to_player(session, &update, INTENT_RELIABLE, player);
	ringcast_owed_charge(session, 1, roster.packed_bytes);
	return DROP_NONE;
}

void ringcast_roster_push(struct group *group, size_t recipient_count)
{
	struct session *session = group->session;
	struct player *leaver = recipient_count > group->member_count ? group->members[group->member_count] : NULL;
	struct roster roster;
	ringcast_assert(recipient_count >= group->member_count);
	if (ringcast_session_is_limb(session) || ringcast_owed_change(group, leaver)) /* home tells; it waits */
		return;
	if (!roster_fill(&roster, group->members, group->member_count, NULL))
		return;
	struct packet update = update_of(&roster, group->id, PROTO_PEER_SERVER);
	ringcast_fanout_to_members(session, &update, INTENT_RELIABLE, group->id, group->members, recipient_count);
	ringcast_owed_charge(session, recipient_count, roster.packed_bytes);
}

bool ringcast_roster_tell_members(struct session *session, int32_t group, int32_t target_group)
{
	size_t member_count, recipient_count;
	struct player *const *members = ringcast_group_members(session, group, &member_count);
	struct roster roster;
	if (!roster_fill(&roster, members, member_count, NULL)) {
		session->store->lists_too_long++;
		return false;
	}
	struct packet update = update_of(&roster, group, PROTO_PEER_SERVER);
	ringcast_group_members(session, target_group, &recipient_count);
	ringcast_fanout_to_group(session, &update, INTENT_RELIABLE, target_group);
	ringcast_owed_charge(session, recipient_count, roster.packed_bytes);
	return true;
}

enum drop_reason ringcast_roster_broadcast(struct session *session, int32_t group, int32_t target_group)
{
	enum owed owed = ringcast_owed_broadcast(session, group, target_group);
	if (owed != OWED_NOTHING)
		return owed == OWED_REFUSED ? DROP_LISTS_OWED : DROP_NONE;
	return ringcast_roster_tell_members(session, group, target_group) ? DROP_NONE : DROP_OVERSIZE;
}

/* The list does not fit: those it is for, as far as they are in it, then as many of the others as there is room for. */
static void roster_fill_cut(struct roster *roster, int32_t group, struct player *const *members, size_t member_count, struct player *const *first, size_t first_count)
{
	roster->count = roster->packed_bytes = 0;
	for (size_t i = 0; i < first_count; i++)
		if (ringcast_group_has(first[i], group))
			roster_add(roster, first[i]);
	for (size_t i = 0; i < member_count; i++)
		if (bsearch(&members[i], first, first_count, sizeof(*first), ringcast_player_compare) == NULL && !roster_add(roster, members[i]))
			return;
}

void ringcast_roster_tell_some(struct session *session, int32_t group, struct player *const *players, size_t player_count)
{
	size_t member_count;
	struct player *const *members = ringcast_group_members(session, group, &member_count);
	struct roster roster;
	if (!roster_fill(&roster, members, member_count, NULL))
		roster_fill_cut(&roster, group, members, member_count, players, player_count);
	struct packet update = update_of(&roster, group, PROTO_PEER_SERVER);
	ringcast_fanout_to_some(session, &update, INTENT_RELIABLE, group, players, player_count);
	ringcast_owed_charge(session, player_count, roster.packed_bytes);
}
