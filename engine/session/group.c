#include "session/group.h"

#include <stdlib.h>

#include "base/assert.h"
#include "session/home.h"
#include "session/owed.h"
#include "session/retained.h"
#include "session/roster.h"
#include "session/session_impl.h"
#include "session/snapshot.h"

enum { GROUP_MEMBERS_MIN = 4 };

static uint64_t group_key(const struct session *session, int32_t group)
{
	return (uint64_t)ringcast_handle_index(session->self) << 32 | (uint32_t)group;
}

struct group *ringcast_group_find(const struct session *session, int32_t id)
{
	struct store *store = session->store;
	if (id <= PROTO_GROUP_NONE)
		return NULL;
	return ringcast_slab_find(&store->groups, ringcast_map_find(&store->groups_by_key, group_key(session, id)));
}

static struct membership *memberships_of(struct player *player)
{
	return player->group_capacity == 0 ? player->few : player->many;
}

/* Where the group is among the player's, or would be. */
static struct membership *membership_place(struct player *player, int32_t id)
{
	struct membership *first = memberships_of(player);
	uint32_t count = player->group_count;
	while (count > 0) {
		uint32_t half = count / 2;
		bool is_behind = first[half].group_id < id;
		first = is_behind ? first + half + 1 : first;
		count = is_behind ? count - half - 1 : half;
	}
	return first;
}

/* NULL: it is not in the group. */
static struct membership *membership_find(struct player *player, int32_t id)
{
	struct membership *place = membership_place(player, id);
	bool is_there = place < memberships_of(player) + player->group_count && place->group_id == id;
	return is_there ? place : NULL;
}

static struct group *group_of(const struct player *player, const struct membership *membership)
{
	struct group *group = ringcast_slab_object(&player->session->store->groups, membership->group_index);
	ringcast_assert(group->id == membership->group_id);
	return group;
}

static struct group *group_create(struct session *session, int32_t id)
{
	struct store *store = session->store;
	handle self;
	struct group *group = ringcast_slab_alloc(&store->groups, &self);
	if (group == NULL)
		return NULL;
	group->session = session;
	group->self = self;
	group->id = id;
	bool was_added = ringcast_map_add(&store->groups_by_key, group_key(session, id), self);
	ringcast_assert(was_added); /* the map is as large as the slab */
	ringcast_list_add_tail(&session->groups, &group->session_node);
	session->group_count++;
	return group;
}

static void group_destroy_if_empty(struct group *group)
{
	struct session *session = group->session;
	if (group->member_count > 0)
		return;
	ringcast_owed_settle(group);
	bool was_there = ringcast_map_remove(&session->store->groups_by_key, group_key(session, group->id));
	ringcast_assert(was_there);
	ringcast_assert(session->group_count > 0);
	ringcast_list_remove(&group->session_node);
	session->group_count--;
	free(group->members);
	free(group->limbs);
	ringcast_slab_free(&session->store->groups, group->self);
}

/* Room for one more. On failure everything is as before. */
static bool members_grow(struct group *group)
{
	if (group->member_count < group->member_capacity)
		return true;
	uint32_t capacity = group->member_capacity == 0 ? GROUP_MEMBERS_MIN : 2 * group->member_capacity;
	if (capacity > group->session->players_max)
		capacity = group->session->players_max;
	ringcast_assert(capacity > group->member_count); /* a group has no more members than its session */
	struct player **members = realloc(group->members, capacity * sizeof(*members));
	if (members == NULL)
		return false;
	group->members = members;
	group->member_capacity = capacity;
	return true;
}

/* Room for one more, as above. Those that were few move to the heap. */
static bool memberships_grow(struct player *player)
{
	bool is_few = player->group_capacity == 0;
	if (player->group_count < (is_few ? PLAYER_GROUPS_FEW : player->group_capacity))
		return true;
	uint32_t capacity = 2 * player->group_count;
	struct membership *many = realloc(is_few ? NULL : player->many, capacity * sizeof(*many));
	if (many == NULL)
		return false;
	if (is_few)
		memcpy(many, player->few, sizeof(player->few));
	player->many = many;
	player->group_capacity = capacity;
	return true;
}

/* Back from the heap once they are fewer than few: not at the first that goes, which may come back. Nobody keeps more than four times what is in use. */
static void memberships_shrink(struct player *player)
{
	uint32_t count = player->group_count;
	struct membership *many = player->many, *fewer;
	if (player->group_capacity == 0)
		return;
	if (count < PLAYER_GROUPS_FEW) {
		memcpy(player->few, many, count * sizeof(*many));
		player->group_capacity = 0;
		free(many);
	} else if (player->group_capacity > 4 * count && (fewer = realloc(many, 2 * count * sizeof(*many))) != NULL) {
		player->many = fewer;
		player->group_capacity = 2 * count;
	}
}

/* Counts of those elsewhere, once there is one. */
static bool limbs_grow(struct group *group, const struct player *player)
{
	if (player->limb > 0 && group->limbs == NULL)
		group->limbs = calloc(1, sizeof(*group->limbs));
	return player->limb == 0 || group->limbs != NULL;
}

static void member_place(struct group *group, uint32_t index, struct player *member)
{
	group->members[index] = member;
	membership_find(member, group->id)->member_index = index;
}

/* Behind all others, or, on this shard, behind the others of this shard: one from elsewhere goes to the end for it. */
static void member_settle(struct group *group, struct player *player)
{
	uint32_t last = group->member_count++, first_remote = last - ringcast_limbs_remote_count(group->limbs);
	group->members[last] = player;
	if (player->limb > 0)
		ringcast_limbs_add(group->limbs, ringcast_player_shard(player));
	if (player->limb > 0 || first_remote == last)
		return;
	member_place(group, last, group->members[first_remote]);
	member_place(group, first_remote, player);
}

static void member_add(struct group *group, struct player *player)
{
	struct membership *place = membership_place(player, group->id), *end = memberships_of(player) + player->group_count;
	memmove(place + 1, place, (size_t)(end - place) * sizeof(*place));
	*place = (struct membership){.group_id = group->id, .group_index = ringcast_handle_index(group->self), .member_index = group->member_count};
	player->group_count++;
	player->session->store->membership_count++;
	member_settle(group, player);
}

/* The player that goes changes places with the last one of its kind, and with the last one. */
static void member_unsettle(struct group *group, struct player *player, uint32_t hole)
{
	uint32_t last = --group->member_count, local_last = last - ringcast_limbs_remote_count(group->limbs);
	if (player->limb > 0) {
		ringcast_limbs_remove(group->limbs, ringcast_player_shard(player));
	} else if (local_last != last) {
		member_place(group, hole, group->members[local_last]);
		hole = local_last;
	}
	member_place(group, hole, group->members[last]);
	group->members[last] = player;
}

/* The player that goes changes places with the last one, so that just after it the array still holds it behind the members. */
static void member_remove(struct group *group, struct player *player)
{
	struct membership *membership = membership_find(player, group->id), *end = memberships_of(player) + player->group_count;
	struct store *store = player->session->store;
	ringcast_assert(membership != NULL && group->member_count > 0 && store->membership_count > 0);
	ringcast_assert(group->members[membership->member_index] == player);
	member_unsettle(group, player, membership->member_index);
	memmove(membership, membership + 1, (size_t)(end - membership - 1) * sizeof(*membership));
	player->group_count--;
	store->membership_count--;
	memberships_shrink(player);
}

void ringcast_group_welcome(struct player *player, int32_t id)
{
	const struct session *session = player->session;
	if (UNLIKELY(session->retained_count > 0))
		ringcast_retained_replay(player, id);
	if (UNLIKELY(session->joiner_count > 0 || player->joins_without))
		ringcast_snapshot_complete(player, id);
}

enum drop_reason ringcast_group_check_join(struct player *player, int32_t id)
{
	struct session *session = player->session;
	struct store *store = session->store;
	const struct session_limits *limits = store->options.limits;
	bool is_limb = ringcast_session_is_limb(session); /* home has decided, by limits of its own: a change comes to each shard at another moment */
	if (id <= PROTO_GROUP_NONE || (!is_limb && player->group_count >= limits->groups_per_player_max))
		return DROP_GROUP_LIMIT;
	if (store->membership_count == store->options.memberships_max)
		return DROP_NO_BUFFER;
	if (ringcast_group_find(session, id) != NULL)
		return DROP_NONE;
	if (!is_limb && session->group_count >= limits->groups_per_session_max)
		return DROP_GROUP_LIMIT;
	return store->groups.count == store->groups.capacity ? DROP_NO_BUFFER : DROP_NONE;
}

enum drop_reason ringcast_group_join(struct player *player, int32_t id, uint64_t now_ns)
{
	struct session *session = player->session;
	ringcast_assert(!session->is_in_hook);
	ringcast_assert(player->state == PLAYER_ACTIVE);
	if (membership_find(player, id) != NULL)
		return DROP_NONE;
	enum drop_reason reason = ringcast_group_check_join(player, id);
	if (reason != DROP_NONE)
		return reason;
	struct group *group = ringcast_group_find(session, id);
	if (group == NULL)
		group = group_create(session, id);
	if (group == NULL)
		return DROP_NO_BUFFER;
	if (!members_grow(group) || !memberships_grow(player) || !limbs_grow(group, player)) {
		group_destroy_if_empty(group);
		return DROP_NO_BUFFER;
	}
	member_add(group, player);
	if (player->limb > 0)
		ringcast_home_join(player, id);
	ringcast_roster_push(group, group->member_count);
	ringcast_group_welcome(player, id);
	return DROP_NONE;
}

enum drop_reason ringcast_group_leave(struct player *player, int32_t id, uint64_t now_ns)
{
	ringcast_assert(!player->session->is_in_hook);
	ringcast_assert(player->state == PLAYER_ACTIVE);
	if (id <= PROTO_GROUP_NONE)
		return DROP_GROUP_LIMIT;
	struct membership *membership = membership_find(player, id);
	if (membership == NULL)
		return DROP_NOT_MEMBER;
	struct group *group = group_of(player, membership);
	member_remove(group, player);
	ringcast_roster_push(group, (size_t)group->member_count + 1); /* the leaver is told too */
	if (player->limb > 0)
		ringcast_home_leave(player, id);
	group_destroy_if_empty(group);
	return DROP_NONE;
}

void ringcast_group_leave_all(struct player *player)
{
	bool is_ending = player->session->state == SESSION_ENDED;
	while (player->group_count > 0) {
		struct group *group = group_of(player, memberships_of(player) + player->group_count - 1);
		member_remove(group, player);
		if (!is_ending)
			ringcast_roster_push(group, group->member_count);
		group_destroy_if_empty(group);
	}
	ringcast_assert(player->group_count == 0 && player->group_capacity == 0);
	memset(player->few, 0, sizeof(player->few)); /* from here on it is a node of the graveyard again */
}

bool ringcast_group_has(struct player *player, int32_t id)
{
	if (id == PROTO_GROUP_ALL)
		return player->state == PLAYER_ACTIVE;
	return membership_find(player, id) != NULL;
}

size_t ringcast_group_skip(struct player *quiet_sender, int32_t id)
{
	if (LIKELY(quiet_sender == NULL) || quiet_sender->limb > 0)
		return 0;
	return 1 + (size_t)(id == PROTO_GROUP_ALL ? quiet_sender->session_index : membership_find(quiet_sender, id)->member_index);
}

const struct limbs *ringcast_group_limbs(const struct session *session, int32_t id)
{
	if (id == PROTO_GROUP_ALL)
		return &session->spread->all;
	const struct group *group = ringcast_group_find(session, id);
	return group != NULL ? group->limbs : NULL;
}

struct player *const *ringcast_group_members_with(struct player *player, int32_t id, size_t *ret_count)
{
	if (id == PROTO_GROUP_ALL)
		return player->state == PLAYER_ACTIVE ? ringcast_group_members(player->session, id, ret_count) : NULL;
	struct membership *membership = membership_find(player, id);
	if (membership == NULL)
		return NULL;
	struct group *group = group_of(player, membership);
	*ret_count = group->member_count;
	return group->members;
}

struct player *const *ringcast_group_members(struct session *session, int32_t id, size_t *ret_count)
{
	if (id == PROTO_GROUP_ALL) {
		*ret_count = session->player_count - session->connecting_count;
		return session->players;
	}
	struct group *group = ringcast_group_find(session, id);
	*ret_count = group == NULL ? 0 : group->member_count;
	return group == NULL ? NULL : group->members;
}
