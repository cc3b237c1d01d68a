#include "session/group.h"

#include <stdlib.h>

#include "base/assert.h"
#include "session/roster.h"

enum { GROUP_MEMBERS_MIN = 4 };

static uint64_t group_key(const struct session *session, int32_t group)
{
	return (uint64_t)ringcast_handle_index(session->self) << 32 | (uint32_t)group;
}

static uint64_t membership_key(const struct player *player, const struct group *group)
{
	return (uint64_t)ringcast_handle_index(player->self) << 32 | ringcast_handle_index(group->self);
}

static struct group *group_find(const struct session *session, int32_t id)
{
	struct store *store = session->store;
	if (id <= PROTO_GROUP_NONE)
		return NULL;
	return ringcast_slab_find(&store->groups, ringcast_map_find(&store->groups_by_key, group_key(session, id)));
}

static struct membership *membership_find(const struct player *player, const struct group *group)
{
	struct store *store = player->session->store;
	if (group == NULL)
		return NULL;
	return ringcast_slab_find(&store->memberships, ringcast_map_find(&store->memberships_by_key, membership_key(player, group)));
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
	bool was_there = ringcast_map_remove(&session->store->groups_by_key, group_key(session, group->id));
	ringcast_assert(was_there);
	ringcast_assert(session->group_count > 0);
	ringcast_list_remove(&group->session_node);
	session->group_count--;
	free(group->members);
	free(group->memberships);
	ringcast_slab_free(&session->store->groups, group->self);
}

/* Room for one more. On failure everything is as before, but one array may be longer than needed. */
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
	struct membership **memberships = realloc(group->memberships, capacity * sizeof(struct membership *));
	if (memberships == NULL)
		return false;
	group->memberships = memberships;
	group->member_capacity = capacity;
	return true;
}

static bool member_add(struct group *group, struct player *player)
{
	struct store *store = player->session->store;
	handle self;
	struct membership *membership = ringcast_slab_alloc(&store->memberships, &self);
	if (membership == NULL)
		return false;
	*membership = (struct membership){.player = player, .group = group, .self = self, .member_index = group->member_count};
	bool was_added = ringcast_map_add(&store->memberships_by_key, membership_key(player, group), self);
	ringcast_assert(was_added);
	ringcast_list_add_tail(&player->memberships, &membership->player_node);
	player->group_count++;
	group->members[group->member_count] = player;
	group->memberships[group->member_count] = membership;
	group->member_count++;
	return true;
}

/* The player that goes changes places with the last one, so that just after it the arrays still hold it behind the members. */
static void member_remove(struct membership *membership)
{
	struct group *group = membership->group;
	struct player *player = membership->player;
	struct store *store = player->session->store;
	ringcast_assert(group->member_count > 0 && player->group_count > 0);
	ringcast_assert(group->memberships[membership->member_index] == membership);
	uint32_t last = --group->member_count;
	struct membership *moved = group->memberships[last];
	group->members[membership->member_index] = moved->player;
	group->memberships[membership->member_index] = moved;
	moved->member_index = membership->member_index;
	group->members[last] = player;
	group->memberships[last] = NULL;
	bool was_there = ringcast_map_remove(&store->memberships_by_key, membership_key(player, group));
	ringcast_assert(was_there);
	ringcast_list_remove(&membership->player_node);
	player->group_count--;
	ringcast_slab_free(&store->memberships, membership->self);
}

enum drop_reason ringcast_group_check_join(struct player *player, int32_t id)
{
	struct session *session = player->session;
	struct store *store = session->store;
	const struct session_limits *limits = store->options.limits;
	if (id <= PROTO_GROUP_NONE || player->group_count >= limits->groups_per_player_max)
		return DROP_GROUP_LIMIT;
	if (store->memberships.count == store->memberships.capacity)
		return DROP_NO_BUFFER;
	if (group_find(session, id) != NULL)
		return DROP_NONE;
	if (session->group_count >= limits->groups_per_session_max)
		return DROP_GROUP_LIMIT;
	return store->groups.count == store->groups.capacity ? DROP_NO_BUFFER : DROP_NONE;
}

enum drop_reason ringcast_group_join(struct player *player, int32_t id, uint64_t now_ns)
{
	struct session *session = player->session;
	ringcast_assert(!session->is_in_hook);
	ringcast_assert(player->state == PLAYER_ACTIVE);
	struct group *group = group_find(session, id);
	if (membership_find(player, group) != NULL)
		return DROP_NONE;
	enum drop_reason reason = ringcast_group_check_join(player, id);
	if (reason != DROP_NONE)
		return reason;
	if (group == NULL)
		group = group_create(session, id);
	if (group == NULL)
		return DROP_NO_BUFFER;
	if (!members_grow(group) || !member_add(group, player)) {
		group_destroy_if_empty(group);
		return DROP_NO_BUFFER;
	}
	ringcast_roster_push(group, group->member_count);
	return DROP_NONE;
}

enum drop_reason ringcast_group_leave(struct player *player, int32_t id, uint64_t now_ns)
{
	ringcast_assert(!player->session->is_in_hook);
	ringcast_assert(player->state == PLAYER_ACTIVE);
	if (id <= PROTO_GROUP_NONE)
		return DROP_GROUP_LIMIT;
	struct group *group = group_find(player->session, id);
	struct membership *membership = membership_find(player, group);
	if (membership == NULL)
		return DROP_NOT_MEMBER;
	member_remove(membership);
	ringcast_roster_push(group, (size_t)group->member_count + 1); /* the leaver is told too */
	group_destroy_if_empty(group);
	return DROP_NONE;
}

void ringcast_group_leave_all(struct player *player)
{
	bool is_ending = player->session->state == SESSION_ENDED;
	while (!ringcast_list_is_empty(&player->memberships)) {
		struct membership *membership = CONTAINER_OF(player->memberships.next, struct membership, player_node);
		struct group *group = membership->group;
		member_remove(membership);
		if (!is_ending)
			ringcast_roster_push(group, group->member_count);
		group_destroy_if_empty(group);
	}
	ringcast_assert(player->group_count == 0);
}

bool ringcast_group_has(struct player *player, int32_t id)
{
	if (id == PROTO_GROUP_ALL)
		return player->state == PLAYER_ACTIVE;
	return membership_find(player, group_find(player->session, id)) != NULL;
}

struct player *const *ringcast_group_members(struct session *session, int32_t id, size_t *ret_count)
{
	if (id == PROTO_GROUP_ALL) {
		*ret_count = session->player_count - session->connecting_count;
		return session->players;
	}
	struct group *group = group_find(session, id);
	*ret_count = group == NULL ? 0 : group->member_count;
	return group == NULL ? NULL : group->members;
}
