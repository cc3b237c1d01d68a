/* Lists of members that wait: of what is true when their turn comes, one for all that came meanwhile. Players 1, 2 and 3 are there from the start. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "check.h"
#include "session/owed.h"
#include "world.h"

static struct world world;
static struct session *session;
static struct player *one, *two, *three;

static void start(void)
{
	world_start(&world, &(struct world_options){0});
	world.limits.membership_bytes_per_second = 200; /* a list for one is about half of it */
	session = world_open(&world);
	one = world_join(&world, session);
	two = world_join(&world, session);
	three = world_join(&world, session);
	world_forget(&world);
}

static void stop(void)
{
	world_stop(&world);
}

TestSuite(owed, .init = start, .fini = stop);

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

/* From here on everything waits for some seconds. */
static void spend(void)
{
	ringcast_owed_charge(session, 10, 0);
	world_forget(&world);
}

Test(owed, what_the_budget_allows_goes_at_once)
{
	join(one, 7);
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 1 list 1\n");
	join(two, 7);
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 1,2 list 1,2\n");
	cr_assert_eq(world.store.lists_sent, 2);
	cr_assert_eq(world.store.list_bytes, 1 + 2 * 2);
	cr_assert_eq(world.store.lists_merged, 0);
}

Test(owed, one_list_is_for_all_that_came_meanwhile)
{
	join(one, 7);
	spend();
	join(two, 7);
	join(three, 7);
	request(one, 7);
	leave(two, 7);
	expect(&world, "");
	world_advance_ms(&world, 20000);
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 1,3 list 1,3\n"
		       "update 7 from -1 player 0 group 7 reliable to 2 list 1,3\n"); /* who left is told as well */
	cr_assert_eq(world.store.lists_merged, 3);
	cr_assert(ringcast_list_is_empty(&session->debts));
}

Test(owed, who_left_and_came_back_is_told_once)
{
	join(one, 7);
	join(two, 7);
	spend();
	leave(two, 7);
	join(two, 7);
	leave(two, 7);
	join(two, 7);
	world_advance_ms(&world, 20000);
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 1,2 list 1,2\n");
	cr_assert_eq(two->lists_owed, 0);
}

Test(owed, those_who_ask_share_an_answer)
{
	join(one, 7);
	spend();
	request(three, 7);
	request(two, 7);
	request(three, 7);
	expect(&world, "");
	world_advance_ms(&world, 20000);
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 2,3 list 1\n");
	cr_assert_eq(two->lists_owed + three->lists_owed, 0);
	cr_assert_eq(request(two, 7), DROP_NONE);
	expect(&world, "update 7 from 2 player 2 group 0 reliable to 2 list 1\n");
}

Test(owed, nobody_waits_for_an_empty_list)
{
	spend();
	request(two, 99);
	expect(&world, "update 99 from 2 player 2 group 0 reliable to 2 list \n");
}

Test(owed, a_player_waits_for_so_many_and_no_more)
{
	join(one, 7);
	spend();
	for (int i = 0; i < OWED_PER_PLAYER_MAX; i++)
		cr_assert_eq(request(two, 7), DROP_NONE);
	cr_assert_eq(request(two, 7), DROP_LISTS_OWED);
	cr_assert_eq(request(three, 7), DROP_NONE, "others may");
	cr_assert_eq(two->lists_owed, OWED_PER_PLAYER_MAX);
	world_advance_ms(&world, 30000);
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 2,3 list 1\n");
	cr_assert_eq(two->lists_owed, 0);
}

Test(owed, who_leaves_and_waits_for_too_many_is_told_at_once)
{
	for (int32_t group = 1; group <= 9; group++) {
		world.limits.membership_bytes_per_second = 0;
		join(one, group);
		join(two, group);
	}
	world.limits.membership_bytes_per_second = 200;
	spend();
	for (int32_t group = 1; group <= 9; group++)
		leave(two, group);
	expect(&world, "update 8 from -1 player 0 group 8 reliable to 2 list 1\nupdate 9 from -1 player 0 group 9 reliable to 2 list 1\n");
	for (int second = 0; second < 60; second++)
		world_advance_ms(&world, 1000);
	cr_assert_eq(two->lists_owed, 0);
	cr_assert(ringcast_list_is_empty(&session->debts));
	world_forget(&world);
}

Test(owed, the_last_who_leaves_is_told_at_once_and_so_are_those_who_asked)
{
	join(one, 7);
	join(two, 7);
	spend();
	request(three, 7);
	leave(one, 7);
	expect(&world, "");
	leave(two, 7);
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 2 list \nupdate 7 from -1 player 0 group 7 reliable to 1,3 list \n");
	cr_assert_eq(session->group_count, 0);
}

Test(owed, who_has_gone_is_owed_nothing)
{
	join(one, 7);
	join(two, 7);
	spend();
	request(three, 7);
	request(two, 7);
	ringcast_player_disconnect(three, CLOSE_CLIENT, world.now_ns);
	ringcast_player_disconnect(two, CLOSE_CLIENT, world.now_ns);
	world_advance_ms(&world, 20000);
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 1 list 1\n");
	spend();
	request(one, 7);
	ringcast_player_disconnect(one, CLOSE_CLIENT, world.now_ns); /* and the group with it */
	expect(&world, "");
}

Test(owed, nobody_is_told_anything_while_a_session_ends)
{
	join(one, 7);
	spend();
	join(two, 7);
	request(three, 7);
	request(three, PROTO_GROUP_ALL);
	ringcast_session_end_now(session, CLOSE_SESSION_ENDED, world.now_ns);
	expect(&world, "close 3 session_ended 'game session ended'\nclose 2 session_ended 'game session ended'\nclose 1 session_ended 'game session ended'\n");
	world_advance_ms(&world, 20000);
	expect(&world, "");
}

Test(owed, a_script_may_want_a_list_sent_to_so_many_groups)
{
	world.limits.membership_bytes_per_second = 0;
	for (int32_t group = 1; group <= OWED_TARGETS_MAX + 1; group++)
		join(one, group);
	world.limits.membership_bytes_per_second = 100000;
	world_advance_ms(&world, 20000);
	world_forget(&world);
	cr_assert_eq(ringcast_command_broadcast_membership(session, 1, 1), DROP_NONE);
	expect(&world, "update 1 from -1 player 0 group 1 reliable to 1 list 1\n");
	ringcast_owed_charge(session, 2000, 0);
	for (int32_t target = 1; target <= OWED_TARGETS_MAX; target++) {
		cr_assert_eq(ringcast_command_broadcast_membership(session, 1, target), DROP_NONE);
		cr_assert_eq(ringcast_command_broadcast_membership(session, 1, target), DROP_NONE, "it is the same one");
	}
	cr_assert_eq(ringcast_command_broadcast_membership(session, 1, OWED_TARGETS_MAX + 1), DROP_LISTS_OWED);
	expect(&world, "");
	uint64_t before = world.store.lists_sent;
	world_advance_ms(&world, 20000);
	cr_assert_eq(world.store.lists_sent - before, OWED_TARGETS_MAX);
	world_forget(&world);
}

Test(owed, changes_of_large_groups_are_told_together)
{
	world.limits.membership_bytes_per_second = 1000000;
	world.limits.membership_push_max = 2;
	join(one, 7);
	join(two, 7);
	world_forget(&world);
	join(three, 7);
	expect(&world, "");
	world_advance_ms(&world, OWED_GATHER_MS - 10);
	expect(&world, "");
	world_advance_ms(&world, 20);
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 1,2,3 list 1,2,3\n");
	request(three, 7);
	request(two, PROTO_GROUP_ALL);
	expect(&world, "");
	world_advance_ms(&world, OWED_GATHER_MS + 10);
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 3 list 1,2,3\nupdate -1 from -1 player 0 group -1 reliable to 2 list 1,2,3\n");
}

/* A member that comes and goes faster than its group's list may be sent. */
static void churn(struct player *player, int32_t group, uint32_t seconds)
{
	for (uint32_t i = 0; i < 5 * seconds; i++) {
		cr_assert_eq(i % 2 == 0 ? join(player, group) : leave(player, group), DROP_NONE);
		world_advance_ms(&world, 200);
	}
}

Test(owed, a_group_that_changes_all_the_time_keeps_nobody_waiting)
{
	join(one, 7);
	join(one, 8);
	spend();
	churn(two, 7, 1);
	leave(two, 7);
	cr_assert_eq(request(three, 8), DROP_NONE);
	cr_assert_eq(request(three, 7), DROP_NONE); /* of its own askers none waits either */
	cr_assert_eq(ringcast_command_broadcast_membership(session, 7, PROTO_GROUP_ALL), DROP_NONE);
	churn(two, 7, 60);
	cr_assert_eq(three->lists_owed, 0, "%s", world.log);
	cr_assert_not_null(strstr(world.log, "update 8 from -1 player 0 group 8 reliable to 3 list 1\n"), "%s", world.log);
	cr_assert_not_null(strstr(world.log, "update 7 from -1 player 0 group -1 reliable to 1,2,3 list "), "%s", world.log);
}

Test(owed, of_those_who_wait_the_first_is_served_first)
{
	spend();
	for (int32_t target = 1; target <= 3; target++) {
		join(one, target);
		ringcast_command_broadcast_membership(session, PROTO_GROUP_ALL, target);
	}
	world_forget(&world);
	for (int i = 0; i < 60; i++)
		world_advance_ms(&world, 1000);
	char *first = strstr(world.log, "update -1 from -1 player 0 group 1 "), *last = strstr(world.log, "update -1 from -1 player 0 group 3 ");
	cr_assert(first != NULL && last != NULL && first < last, "%s", world.log);
}

/* Who leaves as the last is told at once, as often as it likes. */
Test(owed, what_cannot_wait_is_not_at_the_expense_of_those_who_do)
{
	join(one, 7);
	spend();
	request(three, 7);
	churn(two, 8, 60);
	cr_assert_eq(three->lists_owed, 0);
}

/* The budget has come back, and the timer of those who wait is about to run out. */
Test(owed, who_comes_at_the_right_moment_does_not_go_ahead)
{
	join(one, 7);
	spend();
	request(three, 7);
	world.now_ns = session->lists_due_ns;
	join(two, 8);
	expect(&world, "");
	world_advance_ms(&world, 1);
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 3 list 1\n");
}

/* A storm: everybody comes, joins one group and asks who is in. What each has heard last, and what all of it took. */

enum { STORM_PLAYERS_MAX = 2500 };

static uint32_t heard[STORM_PLAYERS_MAX + 1]; /* by peer id: how many were in its last list */
static uint64_t heard_bytes;

static void note_list(void *context, const struct fanout *fanout)
{
	const struct packet *packet = fanout->packet;
	uint64_t bytes = 0;
	bool has[STORM_PLAYERS_MAX + 1] = {false};
	for (uint32_t i = 0; i < packet->membership.player_count; i++) {
		cr_assert(!has[packet->membership.players[i]], "listed twice");
		has[packet->membership.players[i]] = true;
		bytes += packet->membership.players[i] < 128 ? 1 : 2;
	}
	cr_assert_leq(bytes, (uint64_t)PROTO_PAYLOAD_RELIABLE_BYTES_MAX);
	for (size_t i = 0; i < fanout->recipient_count; i++) {
		cr_assert(has[fanout->recipients[i]->peer_id], "a list without its receiver tells it that it has left");
		heard[fanout->recipients[i]->peer_id] = packet->membership.player_count;
		heard_bytes += bytes;
	}
}

/* One each millisecond. Returns how many bytes of lists were sent to all of them together. */
static uint64_t storm(uint32_t player_count, uint64_t bytes_per_second, uint32_t push_max)
{
	world.limits.membership_bytes_per_second = bytes_per_second;
	world.limits.membership_push_max = push_max;
	world.store.options.outbox.deliver = note_list;
	memset(heard, 0, sizeof(heard));
	heard_bytes = 0;
	struct session *large = world_open_for(&world, player_count);
	for (uint32_t i = 0; i < player_count; i++) {
		struct player *player = world_join(&world, large);
		cr_assert_eq(join(player, 5), DROP_NONE);
		cr_assert_eq(request(player, 5), DROP_NONE);
		world_advance_ms(&world, 1);
	}
	world_advance_ms(&world, 60000);
	cr_assert(ringcast_list_is_empty(&large->debts));
	uint64_t bytes = heard_bytes;
	ringcast_session_end_now(large, CLOSE_SESSION_ENDED, world.now_ns);
	ringcast_store_collect(&world.store);
	return bytes;
}

Test(owed, in_a_storm_everybody_knows_in_the_end_who_is_in)
{
	uint64_t bytes = storm(1000, 4194304, 256);
	for (uint32_t peer = 1; peer <= 1000; peer++)
		cr_assert_eq(heard[peer], 1000, "peer %u", peer);
	cr_assert_lt(bytes, UINT64_C(4194304) * 3, "a second's worth, that of the storm, and the last list");
	uint64_t unbounded = storm(1000, 0, UINT32_MAX);
	cr_log_info("1000 players join one group and ask for it within a second: %llu bytes of lists, without a budget %llu", (unsigned long long)bytes,
		    (unsigned long long)unbounded);
	cr_assert_gt(unbounded, 20 * bytes);
}

/* What does not fit a packet is sent to those who asked, cut, and never without its receiver: note_list looks. */
Test(owed, who_asks_for_a_list_that_is_too_long_is_in_it)
{
	storm(STORM_PLAYERS_MAX, 4194304, 256);
	uint32_t told = 0;
	for (uint32_t peer = 1; peer <= STORM_PLAYERS_MAX; peer++)
		told += heard[peer] > 0;
	cr_assert_eq(told, STORM_PLAYERS_MAX);
	cr_assert_gt(world.store.lists_too_long, 0);
}
