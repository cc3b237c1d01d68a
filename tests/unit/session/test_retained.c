/* Retained messages: who gets them, in which order, and what is refused. */
#include <criterion/criterion.h>

#include "check.h"
#include "session/park.h"
#include "session/tap.h"
#include "world.h"

static struct world world;
static struct session *session;
static struct player *one;

static void start(void)
{
	world_start(&world, &(struct world_options){0});
	session = world_open(&world);
	one = world_join(&world, session);
	world_forget(&world);
}

static void stop(void)
{
	check_store(&world.store);
	world_stop(&world);
	cr_assert_eq(world.store.retained_count + world.store.retained_bytes, 0);
}

TestSuite(retained, .init = start, .fini = stop);

static enum drop_reason retain(int32_t group, uint32_t key, const char *text)
{
	struct packet packet = {.opcode = 9, .sender = PROTO_PEER_SERVER, .target_group = group, .payload = ringcast_view_of(text, strlen(text))};
	return ringcast_command_retain(session, key, &packet);
}

static void join(struct player *player, int32_t group)
{
	cr_assert_eq(world_group(&world, player, OPCODE_JOIN_GROUP, group), DROP_NONE);
}

Test(retained, members_get_it_now_and_others_when_they_join)
{
	struct player *two = world_join(&world, session);
	join(one, 7);
	world_forget(&world);
	cr_assert_eq(retain(7, 1, "a"), DROP_NONE);
	expect(&world, "send 9 from -1 player 0 group 7 reliable to 1 'a'\n");
	join(two, 7);
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 1,2 list 1,2\n"
		       "send 9 from -1 player 0 group 7 reliable to 2 'a'\n");
	cr_assert_eq(world.store.retained_replayed, 1);
}

Test(retained, who_joins_gets_them_in_the_order_in_which_they_were_last_said)
{
	retain(7, 1, "a");
	retain(7, 2, "b");
	retain(7, 3, "c");
	retain(7, 1, "d");
	ringcast_command_forget_retained(session, 7, 3);
	ringcast_command_forget_retained(session, 7, 3); /* nothing is there any more */
	ringcast_command_forget_retained(session, 8, 1);
	expect(&world, "");
	join(one, 7);
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 1 list 1\n"
		       "send 9 from -1 player 0 group 7 reliable to 1 'b'\n"
		       "send 9 from -1 player 0 group 7 reliable to 1 'd'\n");
	cr_assert_eq(session->retained_count, 2);
}

Test(retained, what_comes_later_in_the_group_comes_behind_them)
{
	retain(7, 1, "a");
	join(one, 7);
	world_forget(&world);
	struct player *two = world_join(&world, session);
	join(two, 7);
	world_send(&world, one, 5, 0, 7, "x");
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 1,2 list 1,2\n"
		       "send 9 from -1 player 0 group 7 reliable to 2 'a'\n"
		       "send 5 from 1 player 0 group 7 reliable to 1,2 'x'\n");
}

Test(retained, a_join_of_one_who_is_in_already_says_nothing)
{
	retain(7, 1, "a");
	join(one, 7);
	world_forget(&world);
	join(one, 7);
	ringcast_command_join(session, 7, one->peer_id);
	expect(&world, "");
}

Test(retained, who_leaves_and_comes_back_gets_them_anew)
{
	retain(7, 1, "a");
	join(one, 7);
	world_group(&world, one, OPCODE_LEAVE_GROUP, 7);
	world_forget(&world);
	ringcast_command_join(session, 7, one->peer_id);
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 1 list 1\n"
		       "send 9 from -1 player 0 group 7 reliable to 1 'a'\n");
}

Test(retained, those_of_everyone_are_for_who_joins_the_session)
{
	cr_assert_eq(retain(PROTO_GROUP_ALL, 1, "a"), DROP_NONE);
	expect(&world, "send 9 from -1 player 0 group -1 reliable to 1 'a'\n");
	world_join(&world, session);
	expect(&world, "send 9 from -1 player 0 group -1 reliable to 2 'a'\n");
}

/* A dropped player is a member: what is retained meanwhile reaches it as all messages do, and its return is no join. */
Test(retained, who_comes_back_gets_nothing_twice)
{
	join(one, 7);
	retain(7, 1, "a");
	void *transport = one->transport;
	ringcast_player_drop(one, world.now_ns);
	world_forget(&world);
	ringcast_player_return(one, transport, world.now_ns);
	expect(&world, "");
	cr_assert_eq(world.store.retained_replayed, 0);
}

Test(retained, a_group_has_so_many_and_a_key_that_is_there_takes_no_more)
{
	world.limits.retained_per_group_max = 2;
	join(one, 7);
	cr_assert_eq(retain(7, 1, "a"), DROP_NONE);
	cr_assert_eq(retain(7, 2, "b"), DROP_NONE);
	world_forget(&world);
	cr_assert_eq(retain(7, 3, "c"), DROP_RETAINED_FULL);
	expect(&world, ""); /* nobody gets it */
	cr_assert_eq(retain(7, 2, "d"), DROP_NONE);
	cr_assert_eq(retain(8, 1, "e"), DROP_NONE);
	cr_assert_eq(session->retained_count, 3);
	struct player *late = world_join(&world, session);
	world_forget(&world);
	join(late, 7);
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 1,2 list 1,2\n"
		       "send 9 from -1 player 0 group 7 reliable to 2 'a'\n"
		       "send 9 from -1 player 0 group 7 reliable to 2 'd'\n"); /* nor later */
}

Test(retained, a_session_has_so_many_bytes)
{
	world.limits.retained_bytes = 4 * 128; /* the group's own, and three messages */
	cr_assert_eq(retain(7, 1, "a"), DROP_NONE);
	cr_assert_eq(retain(7, 2, "b"), DROP_NONE);
	cr_assert_eq(retain(7, 3, "c"), DROP_NONE);
	cr_assert_eq(session->retained_bytes, 4 * 128);
	world_forget(&world);
	cr_assert_eq(retain(7, 4, "d"), DROP_RETAINED_FULL);
	expect(&world, "");
	cr_assert_eq(retain(8, 1, "d"), DROP_RETAINED_FULL); /* and nothing is left of the group that was begun for it */
	cr_assert_eq(retain(7, 3, "d"), DROP_NONE);
	cr_assert_eq(session->retained_bytes, 4 * 128);
	cr_assert_eq(session->retained_group_count, 1);
	ringcast_command_forget_retained(session, 7, 1);
	ringcast_command_forget_retained(session, 7, 2);
	ringcast_command_forget_retained(session, 7, 3);
	cr_assert_eq(session->retained_bytes + session->retained_group_count, 0);
}

Test(retained, of_groups_no_more_than_a_session_may_have)
{
	world.limits.groups_per_session_max = 2;
	cr_assert_eq(retain(7, 1, "a"), DROP_NONE);
	cr_assert_eq(retain(8, 1, "a"), DROP_NONE);
	cr_assert_eq(retain(9, 1, "a"), DROP_RETAINED_FULL);
	ringcast_command_forget_retained(session, 7, 1);
	cr_assert_eq(retain(9, 1, "a"), DROP_NONE);
}

Test(retained, off_is_zero)
{
	world.limits.retained_per_group_max = 0;
	cr_assert_eq(retain(7, 1, "a"), DROP_RETAINED_FULL);
	world.limits.retained_per_group_max = 1;
	world.limits.retained_bytes = 0;
	cr_assert_eq(retain(7, 1, "a"), DROP_RETAINED_FULL);
}

Test(retained, what_is_no_message_of_a_game_to_a_group_is_refused)
{
	struct packet packet = {.opcode = OPCODE_LOGIN, .target_group = 7};
	cr_assert_eq(ringcast_command_retain(session, 1, &packet), DROP_BAD_STATE);
	cr_assert_eq(retain(0, 1, "a"), DROP_GROUP_LIMIT);
	cr_assert_eq(retain(-2, 1, "a"), DROP_GROUP_LIMIT);
	cr_assert_eq(session->retained_group_count, 0);
}

Test(retained, a_tap_shows_them)
{
	struct tap *tap = ringcast_tap_create(&(struct tap_filter){.payload_bytes_max = 16}, 4096);
	const struct tap_record *record;
	uint64_t left_out;
	cr_assert(ringcast_tap_attach(session, tap, 1));
	world.limits.retained_per_group_max = 1;
	retain(7, 1, "a");
	retain(7, 2, "b");
	cr_assert_eq(ringcast_tap_peek(tap, &record, &left_out), TAP_RECORD);
	cr_assert(record->opcode == 9 && record->target_group == 7 && record->drop == DROP_NONE);
	ringcast_tap_pop(tap);
	cr_assert_eq(ringcast_tap_peek(tap, &record, &left_out), TAP_RECORD);
	cr_assert_eq(record->drop, DROP_RETAINED_FULL);
	ringcast_tap_pop(tap);
	join(one, 7);
	cr_assert_eq(ringcast_tap_peek(tap, &record, &left_out), TAP_RECORD);
	cr_assert(record->opcode == 9 && record->target_group == 7 && record->target_player == one->peer_id);
	ringcast_tap_leave(&tap);
}
