/* Messages: which op codes, which targets, to whom, how. Players 1, 2 and 3; 1 and 2 are in group 7. */
#include <criterion/criterion.h>
#include <stdio.h>

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
	cr_assert_eq(ringcast_group_join(one, 7, world.now_ns), DROP_NONE);
	cr_assert_eq(ringcast_group_join(two, 7, world.now_ns), DROP_NONE);
	world_forget(&world);
}

static void start(void)
{
	start_with(0);
}

static void start_with_hooks(void)
{
	start_with(1u << HOOK_MESSAGE | 1u << HOOK_SEND_PLAYER | 1u << HOOK_SEND_GROUP);
}

static void stop(void)
{
	world_stop(&world);
}

TestSuite(router, .init = start, .fini = stop);
TestSuite(router_hooks, .init = start_with_hooks, .fini = stop);

Test(router, to_a_player)
{
	cr_assert_eq(world_send(&world, one, 5, 2, 0, "x"), DROP_NONE);
	expect(&world, "send 5 from 1 player 2 group 0 reliable to 2 'x'\n");
	cr_assert_eq(world_send(&world, one, 5, 1, 0, ""), DROP_NONE);
	expect(&world, "send 5 from 1 player 1 group 0 reliable to 1\n"); /* to oneself */
}

Test(router, to_a_group_and_its_sender)
{
	cr_assert_eq(world_send(&world, one, 5, 0, 7, "x"), DROP_NONE);
	expect(&world, "send 5 from 1 player 0 group 7 reliable to 1,2 'x'\n");
	cr_assert_eq(world_send(&world, three, 5, 0, -1, "x"), DROP_NONE);
	expect(&world, "send 5 from 3 player 0 group -1 reliable to 1,2,3 'x'\n");
}

Test(router, strangers_do_not_send_to_a_group)
{
	cr_assert_eq(world_send(&world, three, 5, 0, 7, "x"), DROP_NOT_MEMBER);
	cr_assert_eq(world_send(&world, one, 5, 0, 8, "x"), DROP_NOT_MEMBER);
	cr_assert_eq(world_send(&world, one, 5, 0, -2, "x"), DROP_NOT_MEMBER);
	expect(&world, "");
}

Test(router, no_target_no_message)
{
	cr_assert_eq(world_send(&world, one, 5, 0, 0, "x"), DROP_NO_TARGET);
	cr_assert_eq(world_send(&world, one, 5, 4, 0, "x"), DROP_NO_TARGET);
	cr_assert_eq(world_send(&world, one, 5, -2, 0, "x"), DROP_NO_TARGET);
	cr_assert_eq(world_send(&world, one, 5, INT32_MIN, 0, "x"), DROP_NO_TARGET);
	expect(&world, "");
	cr_assert_eq(session->drops, 4);
}

Test(router, a_player_and_a_group_once_each)
{
	cr_assert_eq(world_send(&world, one, 5, 2, 7, "x"), DROP_NONE);
	expect(&world, "send 5 from 1 player 0 group 7 reliable to 1,2 'x'\n"); /* 2 is a member */
	cr_assert_eq(world_send(&world, one, 5, 3, 7, "x"), DROP_NONE);
	expect(&world, "send 5 from 1 player 0 group 7 reliable to 1,2 'x'\nsend 5 from 1 player 3 group 0 reliable to 3 'x'\n");
	cr_assert_eq(world_send(&world, one, 5, 3, -1, "x"), DROP_NONE);
	expect(&world, "send 5 from 1 player 0 group -1 reliable to 1,2,3 'x'\n");
	cr_assert_eq(world_send(&world, one, 5, -1, 7, "x"), DROP_NONE);
	expect(&world, "send 5 from 1 player 0 group 7 reliable to 1,2 'x'\n"); /* and the server, which has no script */
}

Test(router, two_targets_are_one_message)
{
	cr_assert_eq(world_send(&world, three, 5, 2, 7, "x"), DROP_NOT_MEMBER);
	cr_assert_eq(world_send(&world, one, 5, 9, 7, "x"), DROP_NO_TARGET);
	expect(&world, "");
}

Test(router, a_server_without_a_script_listens_to_nothing)
{
	cr_assert_eq(world_send(&world, one, 5, -1, 0, "x"), DROP_NONE);
	expect(&world, "");
	cr_assert_eq(session->drops, 0);
}

Test(router, op_codes_of_the_engine_are_not_relayed)
{
	const int32_t refused[] = {0, -1, -3, -5, -6, -7, -13, -14, -15, -101, -103, -1000, -1001};
	for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
		cr_assert_eq(world_send(&world, one, refused[i], 0, -1, "x"), DROP_BAD_STATE, "%d", refused[i]);
		cr_assert_eq(world_send(&world, one, refused[i], 2, 0, "x"), DROP_BAD_STATE, "%d", refused[i]);
		cr_assert_eq(world_send(&world, one, refused[i], -1, 0, "x"), DROP_BAD_STATE, "%d", refused[i]);
	}
	expect(&world, "");
}

Test(router, undefined_negative_op_codes_are_the_games)
{
	const int32_t relayed[] = {1, INT32_MAX, -2, -4, -8, -9, -16, -100, -102, -500, -501, -999, -1002, -99999, INT32_MIN};
	for (size_t i = 0; i < ARRAY_COUNT(relayed); i++) {
		char expected[128];
		snprintf(expected, sizeof(expected), "send %d from 1 player 2 group 0 reliable to 2 'x'\n", relayed[i]);
		cr_assert_eq(world_send(&world, one, relayed[i], 2, 0, "x"), DROP_NONE, "%d", relayed[i]);
		expect(&world, expected);
	}
}

Test(router, the_senders_word_about_itself_counts_for_nothing)
{
	struct packet packet = {
		.opcode = 5,
		.sender = 2, /* forged */
		.sequence = 77,
		.client_version = 9,
		.is_reliable = true, /* it came by the fast channel */
		.target_player = 2,
		.command = PACKET_COMMAND_LOGIN_RESULT, /* smuggled along */
		.payload = ringcast_view_of("x", 1),
	};
	cr_assert_eq(ringcast_router_route(one, &packet, INTENT_FAST, world.now_ns), DROP_NONE);
	cr_assert_eq(packet.sender, 1);
	expect(&world, "send 5 from 1 player 2 group 0 fast to 2 'x'\n");
}

Test(router, counts_what_comes_and_what_goes)
{
	world_send(&world, one, 5, 0, 7, "four");
	world_send(&world, one, 5, 0, 8, "two");
	world_send(&world, two, 5, 3, 0, "");
	cr_assert_eq(one->messages_received, 2);
	cr_assert_eq(one->bytes_received, 7);
	cr_assert_eq(two->messages_received, 1);
	cr_assert_eq(session->messages_received, 3);
	cr_assert_eq(session->bytes_received, 7);
	cr_assert_eq(session->drops, 1);
	cr_assert_eq(session->deliveries, 2 + 1 + 1 + 2, "and the updates of joining");
}

Test(router, who_has_left_says_nothing_any_more)
{
	ringcast_player_disconnect(two, CLOSE_CLIENT, world.now_ns);
	world_forget(&world);
	cr_assert_eq(world_send(&world, two, 5, 0, -1, "x"), DROP_BAD_STATE);
	cr_assert_eq(world_group(&world, two, OPCODE_JOIN_GROUP, 7), DROP_BAD_STATE);
	cr_assert_eq(world_send(&world, one, 5, 2, 0, "x"), DROP_NO_TARGET);
	ringcast_session_end_now(session, CLOSE_SESSION_ENDED, world.now_ns);
	world_forget(&world);
	cr_assert_eq(world_send(&world, one, 5, 0, -1, "x"), DROP_SESSION_ENDED);
	expect(&world, "");
}

Test(router, sessions_do_not_hear_each_other)
{
	struct session *other = world_open(&world);
	struct player *stranger = world_join(&world, other);
	cr_assert_eq(world_send(&world, stranger, 5, 0, -1, "x"), DROP_NONE);
	expect(&world, "send 5 from 1 player 0 group -1 reliable to 1 'x'\n");
	cr_assert_eq(world_send(&world, stranger, 5, 2, 0, "x"), DROP_NO_TARGET, "peer 2 is another session's");
	cr_assert_eq(world_send(&world, stranger, 5, 0, 7, "x"), DROP_NOT_MEMBER);
	cr_assert_eq(other->deliveries, 1);
}

static enum verdict deny_14(struct world *w, const struct hook_call *call)
{
	return call->packet->opcode == 14 ? VERDICT_DENY : VERDICT_ALLOW;
}

Test(router_hooks, hear_what_is_sent_and_may_stop_it)
{
	world.script = deny_14;
	cr_assert_eq(world_send(&world, one, 5, 2, 0, "x"), DROP_NONE);
	expect(&world, "hook send_to_player 5 from 1 player 2 group 0 'x'\nsend 5 from 1 player 2 group 0 reliable to 2 'x'\n");
	cr_assert_eq(world_send(&world, one, 14, 2, 0, "x"), DROP_DENIED);
	expect(&world, "hook send_to_player 14 from 1 player 2 group 0 'x'\n");
	cr_assert_eq(world_send(&world, one, 5, 0, 7, "x"), DROP_NONE);
	expect(&world, "hook send_to_group 5 from 1 player 0 group 7 'x'\nsend 5 from 1 player 0 group 7 reliable to 1,2 'x'\n");
	cr_assert_eq(world_send(&world, one, 14, 0, -1, "x"), DROP_DENIED);
	expect(&world, "hook send_to_group 14 from 1 player 0 group -1 'x'\n");
}

Test(router_hooks, the_server_gets_its_own)
{
	cr_assert_eq(world_send(&world, one, 5, -1, 0, "x"), DROP_NONE);
	expect(&world, "hook message 5 from 1 player -1 group 0 'x'\n");
	cr_assert_eq(world_send(&world, one, -8, -1, 0, ""), DROP_NONE);
	expect(&world, "hook message -8 from 1 player -1 group 0\n");
	cr_assert_eq(world_send(&world, one, 5, -1, -1, "x"), DROP_NONE);
	expect(&world, "hook send_to_group 5 from 1 player -1 group -1 'x'\nhook message 5 from 1 player -1 group -1 'x'\n"
		       "send 5 from 1 player 0 group -1 reliable to 1,2,3 'x'\n");
}

Test(router_hooks, either_of_two_may_stop_both)
{
	world.script = deny_14;
	cr_assert_eq(world_send(&world, one, 5, 3, 7, "x"), DROP_NONE);
	expect(&world, "hook send_to_player 5 from 1 player 3 group 7 'x'\nhook send_to_group 5 from 1 player 3 group 7 'x'\n"
		       "send 5 from 1 player 0 group 7 reliable to 1,2 'x'\nsend 5 from 1 player 3 group 0 reliable to 3 'x'\n");
	cr_assert_eq(world_send(&world, one, 14, -1, 7, "x"), DROP_DENIED);
	expect(&world, "hook send_to_group 14 from 1 player -1 group 7 'x'\n"); /* the server does not hear it either */
}

Test(router_hooks, are_not_asked_about_what_goes_nowhere)
{
	world_send(&world, one, 5, 9, 0, "x");
	world_send(&world, three, 5, 0, 7, "x");
	world_send(&world, one, 5, 0, 0, "x");
	world_send(&world, one, -1, 0, -1, "x");
	expect(&world, "");
}
