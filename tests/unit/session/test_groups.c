/* Groups: who is in, who is told, and when nobody is. Players 1, 2 and 3 are there from the start. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "check.h"
#include "world.h"

static struct world world;
static struct session *session;
static struct player *one, *two, *three;

static void start_with(unsigned hooks)
{
	world_start(&world, &(struct world_options){.hooks = hooks});
	session = world_open(&world);
	one = world_join(&world, session);
	two = world_join(&world, session);
	three = world_join(&world, session);
	world_forget(&world);
}

static void start(void)
{
	start_with(0);
}

static void start_with_hooks(void)
{
	start_with(1u << HOOK_JOIN | 1u << HOOK_LEAVE);
}

static void stop(void)
{
	world_stop(&world);
}

TestSuite(groups, .init = start, .fini = stop);
TestSuite(group_hooks, .init = start_with_hooks, .fini = stop);

static enum drop_reason join(struct player *player, int32_t group)
{
	return world_group(&world, player, OPCODE_JOIN_GROUP, group);
}

static enum drop_reason leave(struct player *player, int32_t group)
{
	return world_group(&world, player, OPCODE_LEAVE_GROUP, group);
}

static enum drop_reason request(struct player *player, int32_t group)
{
	return world_group(&world, player, OPCODE_REQUEST_GROUP_MEMBERSHIP, group);
}

Test(groups, members_and_joiner_are_told)
{
	cr_assert_eq(join(one, 7), DROP_NONE);
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 1 list 1\n");
	cr_assert_eq(join(two, 7), DROP_NONE);
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 1,2 list 1,2\n");
	cr_assert(ringcast_group_has(two, 7));
	cr_assert_not(ringcast_group_has(three, 7));
	cr_assert_eq(session->group_count, 1);
}

Test(groups, remaining_members_and_leaver_are_told)
{
	join(one, 7);
	join(two, 7);
	join(three, 7);
	world_forget(&world);
	cr_assert_eq(leave(one, 7), DROP_NONE);
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 1,2,3 list 2,3\n");
	leave(three, 7);
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 2,3 list 2\n");
	leave(two, 7);
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 2 list \n");
	cr_assert_eq(session->group_count, 0);
	cr_assert_eq(world.store.groups.count, 0, "an empty group is no group");
}

Test(groups, who_is_gone_is_not_told)
{
	join(one, 7);
	join(two, 7);
	join(one, 8);
	world_forget(&world);
	ringcast_player_disconnect(one, CLOSE_CLIENT, world.now_ns);
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 2 list 2\n"); /* and group 8 is gone with it */
	cr_assert_eq(session->group_count, 1);
}

Test(groups, joining_twice_changes_nothing)
{
	join(one, 7);
	world_forget(&world);
	cr_assert_eq(join(one, 7), DROP_NONE);
	expect(&world, "");
	cr_assert_eq(one->group_count, 1);
}

Test(groups, leaving_what_was_not_joined_is_refused)
{
	join(one, 7);
	world_forget(&world);
	cr_assert_eq(leave(two, 7), DROP_NOT_MEMBER);
	cr_assert_eq(leave(one, 8), DROP_NOT_MEMBER);
	expect(&world, "");
}

Test(groups, only_positive_ids_are_groups)
{
	const int32_t ids[] = {0, -1, -2, INT32_MIN};
	for (size_t i = 0; i < ARRAY_COUNT(ids); i++) {
		cr_assert_eq(join(one, ids[i]), DROP_GROUP_LIMIT);
		cr_assert_eq(leave(one, ids[i]), DROP_GROUP_LIMIT);
		cr_assert_eq(request(one, ids[i]), ids[i] == -1 ? DROP_NONE : DROP_GROUP_LIMIT);
	}
	cr_assert_eq(join(one, INT32_MAX), DROP_NONE);
	cr_assert_eq(join(one, 1), DROP_NONE);
	cr_assert_eq(session->group_count, 2);
}

Test(groups, the_command_must_be_there)
{
	const int32_t opcodes[] = {OPCODE_JOIN_GROUP, OPCODE_LEAVE_GROUP, OPCODE_REQUEST_GROUP_MEMBERSHIP};
	const enum packet_command commands[] = {PACKET_COMMAND_NONE, PACKET_COMMAND_JOIN_GROUP, PACKET_COMMAND_LEAVE_GROUP,
						PACKET_COMMAND_REQUEST_GROUP_MEMBERSHIP, PACKET_COMMAND_LOGIN};
	for (size_t i = 0; i < ARRAY_COUNT(opcodes); i++) {
		for (size_t j = 0; j < ARRAY_COUNT(commands); j++) {
			struct packet packet = {.opcode = opcodes[i], .command = commands[j], .group = 7};
			enum drop_reason reason = ringcast_router_route(one, &packet, INTENT_RELIABLE, world.now_ns);
			if (j == i + 1)
				cr_assert_neq(reason, DROP_MALFORMED);
			else
				cr_assert_eq(reason, DROP_MALFORMED, "opcode %d command %d", opcodes[i], commands[j]);
		}
	}
}

Test(groups, anyone_may_ask_who_is_in)
{
	join(one, 7);
	join(two, 7);
	world_forget(&world);
	cr_assert_eq(request(three, 7), DROP_NONE);
	expect(&world, "update 7 from 3 player 3 group 0 reliable to 3 list 1,2\n");
	cr_assert_eq(request(one, 7), DROP_NONE);
	expect(&world, "update 7 from 1 player 1 group 0 reliable to 1 list 1,2\n");
	cr_assert_eq(request(one, 99), DROP_NONE);
	expect(&world, "update 99 from 1 player 1 group 0 reliable to 1 list \n");
	cr_assert_eq(request(two, -1), DROP_NONE);
	expect(&world, "update -1 from 2 player 2 group 0 reliable to 2 list 1,2,3\n");
}

Test(groups, large_groups_are_not_told_by_themselves)
{
	world.limits.membership_push_max = 2;
	join(one, 7);
	join(two, 7);
	world_forget(&world);
	join(three, 7);
	expect(&world, "");
	leave(one, 7);
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 1,2,3 list 2,3\n"); /* two are few enough again */
	world.limits.membership_push_max = 0;
	leave(two, 7);
	expect(&world, "");
}

Test(groups, a_player_is_in_so_many_groups_at_most)
{
	world.limits.groups_per_player_max = 2;
	cr_assert_eq(join(one, 1), DROP_NONE);
	cr_assert_eq(join(one, 2), DROP_NONE);
	cr_assert_eq(join(one, 3), DROP_GROUP_LIMIT);
	cr_assert_eq(join(one, 2), DROP_NONE, "it is in that one already");
	cr_assert_eq(join(two, 3), DROP_NONE);
	leave(one, 1);
	cr_assert_eq(join(one, 3), DROP_NONE);
}

Test(groups, a_session_has_so_many_groups_at_most)
{
	world.limits.groups_per_session_max = 2;
	struct player *elsewhere = world_join(&world, world_open(&world));
	cr_assert_eq(join(one, 1), DROP_NONE);
	cr_assert_eq(join(one, 2), DROP_NONE);
	cr_assert_eq(join(two, 3), DROP_GROUP_LIMIT);
	cr_assert_eq(join(two, 2), DROP_NONE);
	cr_assert_eq(join(elsewhere, 3), DROP_NONE);
	leave(one, 1);
	cr_assert_eq(join(two, 3), DROP_NONE);
}

Test(groups, the_same_id_in_another_session_is_another_group)
{
	struct session *other = world_open(&world);
	struct player *stranger = world_join(&world, other);
	join(one, 7);
	join(stranger, 7);
	world_forget(&world);
	request(one, 7);
	expect(&world, "update 7 from 1 player 1 group 0 reliable to 1 list 1\n");
	cr_assert_eq(world_send(&world, stranger, 5, 0, 7, "x"), DROP_NONE);
	expect(&world, "send 5 from 1 player 0 group 7 reliable to 1 'x'\n");
	cr_assert_eq(other->deliveries, 2);
	size_t count;
	cr_assert_eq(ringcast_group_members(other, 7, &count)[0], stranger);
	cr_assert_eq(count, 1);
}

/* 127 ids of one byte, the rest of two: 127 + 1984 players fill 4096 bytes to within one. */
enum { LIST_MAX = 127 + (PROTO_PAYLOAD_RELIABLE_BYTES_MAX - 127) / 2 };

Test(groups, an_answer_is_cut_to_a_packet_and_the_asker_is_in_it)
{
	struct session *large = world_open_for(&world, 3000);
	struct player *last = NULL;
	for (int i = 0; i < 3000; i++)
		last = world_join(&world, large);
	world_forget(&world);
	cr_assert_eq(request(last, -1), DROP_NONE);
	char expected[128];
	snprintf(expected, sizeof(expected), "update -1 from 3000 player 3000 group 0 reliable to 3000 list %d players\n", LIST_MAX);
	expect(&world, expected);
}

static int32_t listed[4096];
static uint32_t listed_count;

static void note_list(void *context, const struct fanout *fanout)
{
	const struct packet *packet = fanout->packet;
	listed_count = packet->membership.player_count;
	cr_assert_leq(listed_count, ARRAY_COUNT(listed));
	memcpy(listed, packet->membership.players, listed_count * sizeof(listed[0]));
}

Test(groups, a_cut_answer_never_tells_the_asker_that_it_has_left)
{
	struct session *large = world_open_for(&world, 2500);
	struct player *players[2500];
	for (int i = 0; i < 2500; i++)
		players[i] = world_join(&world, large);
	world.store.options.outbox.deliver = note_list;
	for (int i = 0; i < 2500; i += 83) {
		cr_assert_eq(request(players[i], -1), DROP_NONE);
		size_t bytes = 0, found_count = 0;
		for (uint32_t j = 0; j < listed_count; j++) {
			bytes += listed[j] < 128 ? 1 : 2;
			found_count += listed[j] == players[i]->peer_id;
		}
		cr_assert_eq(found_count, 1);
		cr_assert_leq(bytes, (size_t)PROTO_PAYLOAD_RELIABLE_BYTES_MAX);
		cr_assert_geq(bytes, (size_t)PROTO_PAYLOAD_RELIABLE_BYTES_MAX - 1, "and no shorter than needed");
	}
}

Test(groups, what_does_not_fit_is_not_pushed_to_many)
{
	world.limits.membership_push_max = UINT32_MAX;
	struct session *large = world_open_for(&world, 3000);
	struct player *last = NULL;
	for (int i = 0; i < LIST_MAX; i++) {
		last = world_join(&world, large);
		cr_assert_eq(join(last, 5), DROP_NONE);
	}
	world_forget(&world);
	cr_assert_eq(ringcast_command_broadcast_membership(large, 5, 5), DROP_NONE);
	char expected[128];
	snprintf(expected, sizeof(expected), "update 5 from -1 player 0 group 5 reliable to %d players list %d players\n", LIST_MAX, LIST_MAX);
	expect(&world, expected);
	cr_assert_eq(join(world_join(&world, large), 5), DROP_NONE);
	expect(&world, "");
	cr_assert_eq(ringcast_command_broadcast_membership(large, 5, 5), DROP_OVERSIZE);
	expect(&world, "");
}

static enum verdict deny(struct world *w, const struct hook_call *call)
{
	return call->group == 13 ? VERDICT_DENY : VERDICT_ALLOW;
}

Test(group_hooks, are_asked_before_anything_happens)
{
	world.script = deny;
	cr_assert_eq(join(one, 7), DROP_NONE);
	expect(&world, "hook join 7 peer 1\nupdate 7 from -1 player 0 group 7 reliable to 1 list 1\n");
	cr_assert_eq(join(one, 13), DROP_DENIED);
	expect(&world, "hook join 13 peer 1\n");
	cr_assert_eq(session->group_count, 1);
	cr_assert_eq(leave(one, 7), DROP_NONE);
	expect(&world, "hook leave 7 peer 1\nupdate 7 from -1 player 0 group 7 reliable to 1 list \n");
}

Test(group_hooks, may_keep_a_player_in)
{
	cr_assert_eq(join(one, 13), DROP_NONE);
	world.script = deny;
	world_forget(&world);
	cr_assert_eq(leave(one, 13), DROP_DENIED);
	expect(&world, "hook leave 13 peer 1\n");
	cr_assert(ringcast_group_has(one, 13));
}

Test(group_hooks, are_not_asked_about_what_will_not_happen)
{
	world.limits.groups_per_player_max = 1;
	join(one, 7);
	world_forget(&world);
	cr_assert_eq(join(one, 8), DROP_GROUP_LIMIT);
	cr_assert_eq(join(one, 7), DROP_NONE);
	cr_assert_eq(join(two, 0), DROP_GROUP_LIMIT);
	cr_assert_eq(leave(two, 7), DROP_NOT_MEMBER);
	cr_assert_eq(leave(two, -1), DROP_GROUP_LIMIT);
	expect(&world, "");
}

Test(group_hooks, are_not_asked_when_a_player_goes)
{
	join(one, 7);
	world_forget(&world);
	ringcast_player_disconnect(one, CLOSE_CLIENT, world.now_ns);
	expect(&world, "");
}

static void allow_groups(uint32_t count)
{
	world.limits.groups_per_player_max = world.limits.groups_per_session_max = count;
	world.limits.membership_push_max = 0;
}

/* Few groups lie in the player, more on the heap: each way between, and all orders of coming and going. */
Test(groups, any_number_of_groups_in_any_order)
{
	enum { GROUPS = 61, STRIDE = 23 }; /* coprime, so that each is met once */
	allow_groups(GROUPS);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < GROUPS; i++) {
			cr_assert_eq(join(one, 1 + i * STRIDE % GROUPS), DROP_NONE);
			cr_assert_eq(join(two, 1 + i), DROP_NONE);
			check_store(&world.store);
		}
		cr_assert_eq(world.store.membership_count, 2 * GROUPS);
		cr_assert_eq(join(one, GROUPS + 1), DROP_GROUP_LIMIT);
		for (int i = 0; i < GROUPS; i++) {
			int32_t group = 1 + i * (round + 1) % GROUPS;
			cr_assert_eq(leave(one, group), DROP_NONE);
			cr_assert_eq(leave(one, group), DROP_NOT_MEMBER);
			cr_assert(ringcast_group_has(two, group));
			check_store(&world.store);
		}
		ringcast_group_leave(two, 1 + round, world.now_ns);
		ringcast_player_disconnect(two, CLOSE_CLIENT, world.now_ns);
		cr_assert_eq(world.store.membership_count, 0);
		ringcast_store_collect(&world.store);
		two = world_join(&world, session);
	}
}

Test(groups, few_groups_take_no_memory_of_their_own)
{
	allow_groups(64);
	for (int32_t group = 1; group <= PLAYER_GROUPS_FEW; group++)
		join(one, group);
	cr_assert_eq(one->group_capacity, 0);
	join(one, PLAYER_GROUPS_FEW + 1);
	cr_assert_gt(one->group_capacity, PLAYER_GROUPS_FEW);
	leave(one, 1);
	cr_assert_gt(one->group_capacity, 0, "the next may come at once");
	leave(one, 2);
	cr_assert_eq(one->group_capacity, 0);
	cr_assert(ringcast_group_has(one, 3) && ringcast_group_has(one, 4) && one->group_count == 2);
}

/* The count of a player's groups was narrower than the limit allows, and wrapped. */
Test(groups, more_groups_than_sixteen_bits_count)
{
	enum { GROUPS = 65536 + 2 };
	world_stop(&world);
	world_start(&world, &(struct world_options){.groups_max = GROUPS, .memberships_max = GROUPS});
	session = world_open(&world);
	one = world_join(&world, session);
	allow_groups(GROUPS);
	for (int32_t group = 1; group <= GROUPS; group++)
		cr_assert_eq(ringcast_group_join(one, group, world.now_ns), DROP_NONE);
	cr_assert_eq(one->group_count, GROUPS);
	cr_assert_eq(ringcast_group_join(one, GROUPS + 1, world.now_ns), DROP_GROUP_LIMIT);
	cr_assert_eq(ringcast_group_leave(one, 1, world.now_ns), DROP_NONE);
	cr_assert(ringcast_group_has(one, GROUPS) && ringcast_group_has(one, 2));
}
