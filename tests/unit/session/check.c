#include "check.h"

#include <criterion/criterion.h>

#include "base/attr.h"

static uint64_t key(handle owner, uint32_t id)
{
	return (uint64_t)ringcast_handle_index(owner) << 32 | id;
}

/* Those of a player, in order, and each where it says it is. */
static void check_memberships(struct store *store, const struct player *player)
{
	const struct membership *memberships = player->group_capacity == 0 ? player->few : player->many;
	cr_assert_leq(player->group_count, player->group_capacity == 0 ? PLAYER_GROUPS_FEW : player->group_capacity);
	cr_assert_leq(player->group_capacity, 4 * player->group_count);
	for (uint32_t i = 0; i < player->group_count; i++) {
		handle self;
		const struct group *group = ringcast_slab_at(&store->groups, memberships[i].group_index, &self);
		cr_assert_not_null(group);
		cr_assert_eq(group->id, memberships[i].group_id);
		cr_assert(i == 0 || memberships[i - 1].group_id < group->id);
		cr_assert_lt(memberships[i].member_index, group->member_count);
		cr_assert_eq(group->members[memberships[i].member_index], player);
		cr_assert_eq(group->session, player->session);
	}
}

static void check_player(struct store *store, struct player *player)
{
	cr_assert_eq(ringcast_slab_find(&store->players, player->self), player);
	if (player->state == PLAYER_ACTIVE)
		check_memberships(store, player);
	else if (player->state == PLAYER_CONNECTING)
		cr_assert_not(ringcast_list_has(&player->node));
	if (player->state != PLAYER_ACTIVE)
		cr_assert(player->group_count == 0 && ringcast_timer_is_armed(&player->timer) == (player->state == PLAYER_RESERVED));
	if (player->state != PLAYER_CONNECTING && player->state != PLAYER_ACTIVE)
		cr_assert_null(player->parked);
	if (player->is_waiting)
		cr_assert(player->state == PLAYER_CONNECTING && player->parked != NULL);
}

static void check_players(struct session *session)
{
	struct store *store = session->store;
	uint32_t active_count = session->player_count - session->connecting_count;
	cr_assert_leq(session->connecting_count, session->player_count);
	uint32_t waiting_count = 0;
	for (uint32_t i = 0; i < session->player_count; i++) {
		struct player *player = session->players[i];
		waiting_count += i >= active_count && player->is_waiting;
		cr_assert_eq(player->session, session);
		cr_assert_eq(player->session_index, i);
		cr_assert_eq(player->state, i < active_count ? PLAYER_ACTIVE : PLAYER_CONNECTING);
		cr_assert_eq(ringcast_map_find(&store->players_by_key, key(session->self, (uint32_t)player->peer_id)), player->self);
		check_player(store, player);
	}
	cr_assert_eq(session->admitting_count, session->connecting_count - waiting_count);
	cr_assert(ringcast_list_is_empty(&session->runnable), "between events, whatever may go on has gone on");
	for (uint32_t i = session->player_count; i < session->players_max; i++)
		cr_assert_null(session->players[i]);
	uint32_t reserved_count = 0;
	for (struct list_node *node = session->reserved.next; node != &session->reserved; node = node->next) {
		struct player *player = CONTAINER_OF(node, struct player, node);
		cr_assert_eq(player->state, PLAYER_RESERVED);
		check_player(store, player);
		reserved_count++;
	}
	cr_assert_eq(session->reserved_count, reserved_count);
	cr_assert_leq(session->player_count + session->reserved_count, session->players_max);
}

static uint32_t check_groups(struct session *session)
{
	struct store *store = session->store;
	uint32_t group_count = 0, membership_count = 0;
	for (struct list_node *node = session->groups.next; node != &session->groups; node = node->next) {
		struct group *group = CONTAINER_OF(node, struct group, session_node);
		cr_assert_eq(group->session, session);
		cr_assert_gt(group->member_count, 0, "an empty group is no group");
		cr_assert_leq(group->member_count, group->member_capacity);
		cr_assert_leq(group->member_capacity, session->players_max);
		cr_assert_eq(ringcast_map_find(&store->groups_by_key, key(session->self, (uint32_t)group->id)), group->self);
		for (uint32_t i = 0; i < group->member_count; i++) {
			cr_assert_eq(group->members[i]->state, PLAYER_ACTIVE);
			cr_assert(ringcast_group_has(group->members[i], group->id));
		}
		membership_count += group->member_count;
		group_count++;
	}
	cr_assert_eq(session->group_count, group_count);
	return membership_count;
}

static void check_empty_timer(const struct session *session)
{
	bool is_empty = session->player_count == 0 && session->reserved_count == 0;
	bool is_limited = session->empty_timeout_ms != UINT32_MAX && session->store->options.limits->empty_session_timeout_ms != 0;
	cr_assert_eq(ringcast_timer_is_armed(&session->timer_empty), session->state == SESSION_ACTIVE && is_empty && is_limited);
}

static uint32_t graveyard_count(const struct store *store)
{
	uint32_t count = 0;
	for (const struct list_node *node = store->graveyard.next; node != &store->graveyard; node = node->next) {
		const struct player *player = CONTAINER_OF(node, struct player, node);
		cr_assert(player->state == PLAYER_COMPLETED || player->state == PLAYER_TIMEDOUT);
		cr_assert_eq(player->group_count, 0);
		count++;
	}
	return count;
}

void check_store(struct store *store)
{
	uint32_t players = 0, reserved = 0, groups = 0, memberships = 0, sessions = 0;
	for (uint32_t i = 0; i < store->sessions.high_water; i++) {
		handle self;
		struct session *session = ringcast_slab_at(&store->sessions, i, &self);
		if (session == NULL)
			continue;
		cr_assert_eq(session->self, self);
		cr_assert_not(session->is_in_hook);
		cr_assert_not(session->is_applying);
		check_players(session);
		memberships += check_groups(session);
		check_empty_timer(session);
		players += session->player_count;
		reserved += session->reserved_count;
		groups += session->group_count;
		sessions++;
		if (session->state == SESSION_ENDED)
			cr_assert_eq(session->player_count + session->reserved_count + session->group_count + session->command_count +
					     session->parked_count + session->alarm_count, 0);
	}
	cr_assert_eq(store->sessions.count, sessions);
	cr_assert_eq(store->players.count, players + reserved + graveyard_count(store));
	cr_assert_eq(store->players_by_key.count, players);
	cr_assert_leq(store->players_by_id.count, players + reserved);
	cr_assert_eq(store->groups.count, groups);
	cr_assert_eq(store->groups_by_key.count, groups);
	cr_assert_eq(store->membership_count, memberships);
}
