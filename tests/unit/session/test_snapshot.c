/* Snapshots: where they stand in what a player receives, what is held meanwhile, and every way in which a join ends. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "check.h"
#include "session/park.h"
#include "world.h"

#define BIT(hook) (1u << (hook))

static struct world world;
static struct session *session;
static struct player *one;
static uint64_t ticket;
static bool is_later, is_connect_later, is_silent;
static enum verdict verdict;

static void say_for(uint64_t of_ticket, const char *text)
{
	struct packet packet = {.opcode = 9, .sender = PROTO_PEER_SERVER, .payload = ringcast_view_of(text, strlen(text))};
	cr_assert_eq(ringcast_command_snapshot(session, of_ticket, &packet), DROP_NONE);
}

static enum verdict script(struct world *w, const struct hook_call *call)
{
	if (call->hook == HOOK_CONNECT && is_connect_later) {
		ticket = ringcast_park_ticket(call->session);
		return VERDICT_LATER;
	}
	if (call->hook != HOOK_SNAPSHOT || is_silent)
		return VERDICT_ALLOW;
	if (is_later) {
		ticket = ringcast_park_ticket(call->session);
		return VERDICT_LATER;
	}
	if (verdict == VERDICT_ALLOW)
		say_for(0, "s");
	return verdict;
}

static void start_with(unsigned hooks)
{
	is_later = is_connect_later = false;
	is_silent = true;
	verdict = VERDICT_ALLOW;
	world_start(&world, &(struct world_options){.hooks = BIT(HOOK_SNAPSHOT) | hooks});
	world.script = script;
	session = world_open(&world);
	one = world_join(&world, session);
	world_group(&world, one, OPCODE_JOIN_GROUP, 7);
	is_silent = false;
	world_forget(&world);
}

static void start(void)
{
	start_with(0);
}

static void stop(void)
{
	check_store(&world.store);
	world_stop(&world);
}

TestSuite(snapshot, .init = start, .fini = stop);

static void retain(int32_t group, uint32_t key, const char *text)
{
	struct packet packet = {.opcode = 8, .sender = PROTO_PEER_SERVER, .target_group = group, .payload = ringcast_view_of(text, strlen(text))};
	ringcast_command_retain(session, key, &packet);
}

static bool answer(enum verdict given)
{
	return ringcast_park_answer(session, ticket, given, world.now_ns);
}

static struct player *second(void)
{
	is_silent = true;
	struct player *player = world_join(&world, session);
	is_silent = false;
	world_forget(&world);
	return player;
}

Test(snapshot, it_follows_the_join_and_what_the_group_retains)
{
	struct player *two = second();
	retain(7, 1, "r");
	world_forget(&world);
	cr_assert_eq(world_group(&world, two, OPCODE_JOIN_GROUP, 7), DROP_NONE);
	expect(&world, "hook snapshot 7 peer 2\n"
		       "update 7 from -1 player 0 group 7 reliable to 1,2 list 1,2\n"
		       "send 8 from -1 player 0 group 7 reliable to 2 'r'\n"
		       "send 9 from -1 player 2 group 0 reliable to 2 's'\n");
	cr_assert_eq(session->joiner_count + session->joiner_bytes, 0);
}

Test(snapshot, of_the_session_it_follows_the_login)
{
	world_join(&world, session);
	expect(&world, "hook snapshot -1 peer 2\n"
		       "send 9 from -1 player 2 group 0 reliable to 2 's'\n");
}

Test(snapshot, a_join_that_the_script_commands_is_asked_about_too)
{
	struct player *two = second();
	cr_assert_eq(ringcast_command_join(session, 7, two->peer_id), DROP_NONE);
	expect(&world, "hook snapshot 7 peer 2\n"
		       "update 7 from -1 player 0 group 7 reliable to 1,2 list 1,2\n"
		       "send 9 from -1 player 2 group 0 reliable to 2 's'\n");
	ringcast_command_join(session, 7, two->peer_id);
	expect(&world, ""); /* it is in */
}

Test(snapshot, no_is_no)
{
	struct player *two = second();
	verdict = VERDICT_DENY;
	cr_assert_eq(world_group(&world, two, OPCODE_JOIN_GROUP, 7), DROP_DENIED);
	cr_assert_eq(ringcast_command_join(session, 7, two->peer_id), DROP_DENIED);
	cr_assert(!ringcast_group_has(two, 7));
	char token[PLAYER_TOKEN_BYTES];
	struct player *refused;
	world_reserve(&world, session, token);
	cr_assert_eq(ringcast_admission_admit(&world.store, ringcast_view_of(token, strlen(token)), (struct view){0}, &world, world.now_ns, &refused), DROP_DENIED);
	cr_assert_eq(session->joiner_count, 0);
}

/* What players say to each other past the script follows; what was said to the joiner besides, and what is fast, is not held. */
Test(snapshot, while_it_is_made_messages_of_the_group_are_held)
{
	struct player *two = second();
	is_later = true;
	cr_assert_eq(world_group(&world, two, OPCODE_JOIN_GROUP, 7), DROP_NONE);
	expect(&world, "hook snapshot 7 peer 2\n");
	world_send(&world, one, 5, 0, 7, "x");
	world_send(&world, one, 5, 0, -1, "not of this group");
	world_send(&world, one, 5, 2, 7, "y");
	struct packet fast = {.opcode = 5, .target_group = 7, .payload = ringcast_view_of("z", 1)};
	ringcast_router_route(one, &fast, INTENT_FAST, world.now_ns);
	world_forget(&world);
	say_for(ticket, "s");
	cr_assert(answer(VERDICT_ALLOW));
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 1,2 list 1,2\n"
		       "send 9 from -1 player 2 group 0 reliable to 2 's'\n"
		       "send 5 from 1 player 0 group 7 reliable to 2 'x'\n");
	cr_assert_eq(world.store.held_messages, 1);
	world_send(&world, one, 5, 0, 7, "w");
	expect(&world, "send 5 from 1 player 0 group 7 reliable to 1,2 'w'\n");
	cr_assert_eq(session->joiner_count + session->joiner_bytes, 0);
}

/* What the script sends, or retains, while it makes the snapshot is the snapshot's to contain. */
Test(snapshot, what_the_script_says_before_its_answer_is_not_held)
{
	struct player *two = second();
	is_later = true;
	ringcast_command_join(session, 7, two->peer_id);
	struct packet packet = {.opcode = 6, .sender = PROTO_PEER_SERVER, .target_group = 7, .payload = ringcast_view_of("c", 1)};
	ringcast_command_send(session, &packet, INTENT_RELIABLE);
	retain(7, 1, "r");
	world_forget(&world);
	cr_assert(answer(VERDICT_ALLOW));
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 1,2 list 1,2\n"
		       "send 8 from -1 player 0 group 7 reliable to 2 'r'\n");
}

/* A script that is asked about messages knows them in the order of its own answers. */
Test(snapshot, what_the_script_is_asked_about_is_not_held)
{
	stop();
	start_with(BIT(HOOK_SEND_GROUP));
	struct player *two = second();
	is_later = true;
	world_group(&world, two, OPCODE_JOIN_GROUP, 7);
	world_send(&world, one, 5, 0, 7, "x");
	world_forget(&world);
	cr_assert(answer(VERDICT_ALLOW));
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 1,2 list 1,2\n");
}

static uint64_t left_ns;

static uint64_t wait_ns(void *context, struct session *of_session)
{
	return left_ns;
}

static enum verdict deaf(struct world *w, const struct hook_call *call)
{
	call->session->is_unheard = call->hook == HOOK_SEND_GROUP;
	return script(w, call);
}

/* A message that a script is asked about as a rule, and was not: there was no time, or no room. */
Test(snapshot, what_the_script_was_not_asked_about_is_held)
{
	stop();
	start_with(BIT(HOOK_SEND_GROUP));
	struct player *two = second();
	is_later = session->is_late_allowed = true;
	world.store.hooks.wait_ns = wait_ns;
	world_group(&world, two, OPCODE_JOIN_GROUP, 7);
	left_ns = NS_PER_MS;
	world_send(&world, one, 5, 0, 7, "no time");
	left_ns = 0;
	world_send(&world, one, 5, 0, 7, "asked about");
	world.script = deaf;
	world_send(&world, one, 5, 0, 7, "no room");
	world_forget(&world);
	cr_assert(answer(VERDICT_ALLOW));
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 1,2 list 1,2\n"
		       "send 5 from 1 player 0 group 7 reliable to 2 'no time'\n"
		       "send 5 from 1 player 0 group 7 reliable to 2 'no room'\n");
}

static uint64_t message_ticket;

static enum verdict slow(struct world *w, const struct hook_call *call)
{
	if (call->hook != HOOK_SEND_GROUP)
		return script(w, call);
	message_ticket = ringcast_park_ticket(call->session);
	return VERDICT_LATER;
}

/* Nor is it in the order of the script's answers, if it goes out without one. */
Test(snapshot, what_the_script_did_not_answer_in_time_is_held)
{
	stop();
	start_with(BIT(HOOK_SEND_GROUP));
	struct player *two = second();
	is_later = session->is_late_allowed = true;
	world.script = slow;
	world_send(&world, one, 5, 0, 7, "unanswered");
	world_send(&world, one, 5, 0, 7, "answered");
	world_advance_ms(&world, 1000);
	world_group(&world, two, OPCODE_JOIN_GROUP, 7);
	world_advance_ms(&world, 4001);
	cr_assert(ringcast_park_answer(session, message_ticket, VERDICT_ALLOW, world.now_ns));
	world_forget(&world);
	cr_assert(answer(VERDICT_ALLOW));
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 1,2 list 1,2\n"
		       "send 5 from 1 player 0 group 7 reliable to 2 'unanswered'\n");
}

static enum verdict say_for_both(struct world *w, const struct hook_call *call)
{
	if (call->hook == HOOK_SNAPSHOT) {
		say_for(ticket, "for two");
		say_for(0, "for three");
	}
	return VERDICT_ALLOW;
}

Test(snapshot, parts_for_who_waits_may_be_said_while_it_is_asked_about_another)
{
	struct player *two = second(), *three = second();
	is_later = true;
	cr_assert_eq(world_group(&world, two, OPCODE_JOIN_GROUP, 7), DROP_NONE);
	world.script = say_for_both;
	world_forget(&world);
	cr_assert_eq(world_group(&world, three, OPCODE_JOIN_GROUP, 7), DROP_NONE);
	expect(&world, "hook snapshot 7 peer 3\n"
		       "update 7 from -1 player 0 group 7 reliable to 1,3 list 1,3\n"
		       "send 9 from -1 player 3 group 0 reliable to 3 'for three'\n");
	cr_assert(answer(VERDICT_ALLOW));
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 1,2,3 list 1,2,3\n"
		       "send 9 from -1 player 2 group 0 reliable to 2 'for two'\n");
}

Test(snapshot, a_login_waits_for_it)
{
	char token[PLAYER_TOKEN_BYTES];
	struct player *player;
	is_later = true;
	world_reserve(&world, session, token);
	cr_assert_eq(ringcast_admission_admit(&world.store, ringcast_view_of(token, strlen(token)), (struct view){0}, &world, world.now_ns, &player), DROP_NONE);
	cr_assert(player->is_waiting);
	world_send(&world, one, 5, 0, -1, "x");
	world_forget(&world);
	say_for(ticket, "s");
	cr_assert(answer(VERDICT_ALLOW));
	expect(&world, "admitted 2\n"
		       "send 9 from -1 player 2 group 0 reliable to 2 's'\n"
		       "send 5 from 1 player 0 group -1 reliable to 2 'x'\n");
}

Test(snapshot, a_login_may_wait_for_its_verdict_and_then_for_it)
{
	stop();
	start_with(BIT(HOOK_CONNECT));
	char token[PLAYER_TOKEN_BYTES];
	struct player *player;
	is_later = is_connect_later = true;
	world_reserve(&world, session, token);
	cr_assert_eq(ringcast_admission_admit(&world.store, ringcast_view_of(token, strlen(token)), (struct view){0}, &world, world.now_ns, &player), DROP_NONE);
	world_send(&world, one, 5, 0, -1, "before it was asked about");
	world_forget(&world);
	cr_assert(answer(VERDICT_ALLOW));
	expect(&world, "hook snapshot -1 peer 2\n");
	world_send(&world, one, 5, 0, -1, "x");
	world_forget(&world);
	cr_assert(answer(VERDICT_ALLOW));
	expect(&world, "admitted 2\n"
		       "send 5 from 1 player 0 group -1 reliable to 2 'x'\n");
	cr_assert(!answer(VERDICT_ALLOW)); /* nothing waits for it any more */
}

Test(snapshot, what_the_player_does_meanwhile_comes_behind_it)
{
	struct player *two = second();
	is_later = true;
	world_group(&world, two, OPCODE_JOIN_GROUP, 7);
	cr_assert_eq(world_send(&world, two, 5, 0, 7, "mine"), DROP_NONE);
	world_forget(&world);
	say_for(ticket, "s");
	answer(VERDICT_ALLOW);
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 1,2 list 1,2\n"
		       "send 9 from -1 player 2 group 0 reliable to 2 's'\n"
		       "send 5 from 2 player 0 group 7 reliable to 1,2 'mine'\n");
}

Test(snapshot, who_goes_meanwhile_takes_it_along)
{
	struct player *two = second(), *three = second();
	is_later = true;
	world_group(&world, two, OPCODE_JOIN_GROUP, 7);
	say_for(ticket, "s");
	uint64_t of_two = ticket;
	ringcast_command_join(session, 7, three->peer_id);
	world_send(&world, one, 5, 0, 7, "x");
	cr_assert_eq(session->joiner_count, 2);
	ringcast_player_disconnect(two, CLOSE_RESET, world.now_ns);
	ringcast_player_disconnect(three, CLOSE_RESET, world.now_ns);
	cr_assert_eq(session->joiner_count + session->joiner_bytes, 0);
	cr_assert(!answer(VERDICT_ALLOW));
	struct packet packet = {.opcode = 9};
	cr_assert_eq(ringcast_command_snapshot(session, ticket, &packet), DROP_NO_TARGET);
	cr_assert_eq(ringcast_command_snapshot(session, of_two, &packet), DROP_NO_TARGET);
}

Test(snapshot, the_script_may_take_its_own_join_back)
{
	struct player *two = second();
	is_later = true;
	ringcast_command_join(session, 7, two->peer_id);
	ringcast_command_join(session, 7, two->peer_id); /* it is asked about already */
	cr_assert_eq(session->joiner_count, 1);
	cr_assert_eq(world_group(&world, two, OPCODE_JOIN_GROUP, 7), DROP_NONE); /* and the player's wish is on its way */
	cr_assert_eq(session->joiner_count, 1);
	cr_assert_eq(ringcast_command_leave(session, 7, two->peer_id), DROP_NONE);
	cr_assert_eq(session->joiner_count, 0);
	cr_assert(!answer(VERDICT_ALLOW));
	cr_assert(!ringcast_group_has(two, 7));
}

Test(snapshot, no_answer_in_time_is_what_the_session_says)
{
	struct player *two = second(), *three = second();
	is_later = true;
	world_group(&world, two, OPCODE_JOIN_GROUP, 7);
	ringcast_command_join(session, 7, three->peer_id);
	world_forget(&world);
	world_advance_ms(&world, 5001);
	expect(&world, "drop park_timeout 1\ndrop park_timeout 1\n");
	cr_assert(!ringcast_group_has(two, 7) && !ringcast_group_has(three, 7) && session->joiner_count == 0);
	session->is_late_allowed = true;
	ringcast_command_join(session, 7, three->peer_id);
	world_advance_ms(&world, 5001);
	cr_assert(ringcast_group_has(three, 7) && session->joiner_count == 0);
}

Test(snapshot, what_is_more_than_a_session_may_hold_refuses_the_join)
{
	struct player *two = second();
	struct packet packet = {.opcode = 9, .payload = ringcast_view_of("s", 1)};
	is_later = true;
	world.limits.snapshot_bytes = 2 * 128;
	world_group(&world, two, OPCODE_JOIN_GROUP, 7);
	say_for(ticket, "s");
	say_for(ticket, "s");
	cr_assert_eq(ringcast_command_snapshot(session, ticket, &packet), DROP_SNAPSHOT_FULL);
	cr_assert_eq(session->joiner_bytes, 0); /* half of it is worse than none */
	cr_assert_eq(ringcast_command_snapshot(session, ticket, &packet), DROP_SNAPSHOT_FULL);
	world_forget(&world);
	answer(VERDICT_ALLOW);
	expect(&world, "drop snapshot_full 1\n");
	cr_assert(!ringcast_group_has(two, 7) && session->joiner_count == 0);
	ringcast_command_join(session, 7, two->peer_id);
	for (int i = 0; i < 3; i++)
		world_send(&world, one, 5, 0, 7, "x");
	world_forget(&world);
	answer(VERDICT_ALLOW);
	expect(&world, "drop snapshot_full 1\n");
}

/* An answer that comes too late says nothing into the snapshot of the next join. */
Test(snapshot, what_is_said_for_another_question_goes_nowhere)
{
	struct player *two = second();
	struct packet packet = {.opcode = 9, .payload = ringcast_view_of("old", 3)};
	is_later = true;
	world_group(&world, two, OPCODE_JOIN_GROUP, 7);
	uint64_t old = ticket;
	world_advance_ms(&world, 5001);
	world_group(&world, two, OPCODE_JOIN_GROUP, 7);
	world_forget(&world);
	cr_assert_eq(ringcast_command_snapshot(session, old, &packet), DROP_NO_TARGET);
	say_for(ticket, "s");
	cr_assert(!ringcast_park_answer(session, old, VERDICT_DENY, world.now_ns));
	answer(VERDICT_ALLOW);
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 1,2 list 1,2\n"
		       "send 9 from -1 player 2 group 0 reliable to 2 's'\n");
}

static struct player *joiner;

/* Says a number to the group, and then it is in the snapshot. */
static enum verdict counting(struct world *w, const struct hook_call *call)
{
	struct packet packet = {.opcode = 6, .sender = PROTO_PEER_SERVER, .target_group = 7, .payload = ringcast_view_of("n", 1)};
	char text[16];
	if (call->hook == HOOK_JOIN || call->hook == HOOK_MESSAGE) {
		w->script_state++;
		if (call->hook == HOOK_MESSAGE) {
			ringcast_command_join(call->session, 7, joiner->peer_id);
			ringcast_command_join(call->session, 8, joiner->peer_id);
		}
		ringcast_command_send(call->session, &packet, INTENT_RELIABLE);
	}
	if (call->hook == HOOK_SNAPSHOT && w->script_state > 0) {
		snprintf(text, sizeof(text), "%d", w->script_state);
		say_for(0, text);
	}
	return VERDICT_ALLOW;
}

/* A script that answers at once: what it has said before it is asked goes out before, or the snapshot would be followed by what it contains. */
Test(snapshot, what_the_script_has_said_before_it_is_asked_goes_before)
{
	stop();
	start_with(BIT(HOOK_JOIN) | BIT(HOOK_MESSAGE));
	joiner = second();
	world.script = counting;
	world_group(&world, joiner, OPCODE_JOIN_GROUP, 7);
	expect(&world, "hook join 7 peer 2\n"
		       "send 6 from -1 player 0 group 7 reliable to 1 'n'\n"
		       "hook snapshot 7 peer 2\n"
		       "update 7 from -1 player 0 group 7 reliable to 1,2 list 1,2\n"
		       "send 9 from -1 player 2 group 0 reliable to 2 '1'\n");
	joiner = second();
	world.script = counting;
	world_send(&world, one, 5, PROTO_PEER_SERVER, 0, "");
	expect(&world, "hook message 5 from 1 player -1 group 0\n"
		       "send 6 from -1 player 0 group 7 reliable to 1,2 'n'\n"
		       "hook snapshot 7 peer 3\n"
		       "update 7 from -1 player 0 group 7 reliable to 1,2,3 list 1,2,3\n"
		       "send 9 from -1 player 3 group 0 reliable to 3 '2'\n"
		       "hook snapshot 8 peer 3\n"
		       "update 8 from -1 player 0 group 8 reliable to 3 list 3\n"
		       "send 9 from -1 player 3 group 0 reliable to 3 '2'\n");
}

static enum verdict wavering(struct world *w, const struct hook_call *call)
{
	if (call->hook == HOOK_MESSAGE) {
		ringcast_command_join(call->session, 7, joiner->peer_id);
		ringcast_command_leave(call->session, 7, joiner->peer_id);
	}
	return VERDICT_ALLOW;
}

Test(snapshot, a_join_that_is_put_off_may_be_taken_back)
{
	stop();
	start_with(BIT(HOOK_MESSAGE));
	joiner = second();
	world.script = wavering;
	world_send(&world, one, 5, PROTO_PEER_SERVER, 0, "");
	expect(&world, "hook message 5 from 1 player -1 group 0\n");
	cr_assert(!ringcast_group_has(joiner, 7) && session->put_off_count == 0 && session->command_count == 0);
}

static int joins;

/* In one callback. */
static void join_and_leave(void)
{
	for (int i = 0; i < joins; i++)
		ringcast_command_join(session, 7, joiner->peer_id);
	ringcast_command_leave(session, 7, joiner->peer_id);
}

static enum verdict wavering_much(struct world *w, const struct hook_call *call)
{
	if (call->hook == HOOK_MESSAGE)
		join_and_leave();
	if (call->hook == HOOK_SNAPSHOT && is_later) {
		ticket = ringcast_park_ticket(call->session);
		return VERDICT_LATER;
	}
	return VERDICT_ALLOW;
}

Test(snapshot, who_is_in_and_is_to_join_and_leave_is_out)
{
	stop();
	start_with(BIT(HOOK_MESSAGE));
	joiner = one;
	joins = 1;
	world.script = wavering_much;
	world_send(&world, one, 5, PROTO_PEER_SERVER, 0, "");
	cr_assert(!ringcast_group_has(one, 7) && session->put_off_count == 0);
}

Test(snapshot, all_joins_that_wait_are_taken_back)
{
	stop();
	start_with(BIT(HOOK_MESSAGE));
	joiner = second();
	joins = 3;
	is_later = true;
	world.script = wavering_much;
	ringcast_command_join(session, 7, joiner->peer_id); /* one is being asked about already */
	cr_assert_eq(session->joiner_count, 1);
	world_forget(&world);
	world_send(&world, one, 5, PROTO_PEER_SERVER, 0, "");
	expect(&world, "hook message 5 from 1 player -1 group 0\n");
	cr_assert_eq(session->joiner_count + session->put_off_count, 0);
	cr_assert(!answer(VERDICT_ALLOW) && !ringcast_group_has(joiner, 7));
	ringcast_command_leave(session, 7, joiner->peer_id); /* there is nothing to take back */
	expect(&world, "");
	cr_assert_eq(ringcast_command_leave(session, 7, joiner->peer_id), DROP_NOT_MEMBER);
}

static enum verdict wavering_at_login(struct world *w, const struct hook_call *call)
{
	if (call->hook == HOOK_CONNECT) {
		joiner = call->player;
		join_and_leave();
		ticket = ringcast_park_ticket(call->session);
		return VERDICT_LATER;
	}
	return VERDICT_ALLOW;
}

/* Commands about a player whose login waits keep their order. */
Test(snapshot, who_is_not_in_yet_and_is_to_join_and_leave_is_out)
{
	stop();
	start_with(BIT(HOOK_CONNECT));
	char token[PLAYER_TOKEN_BYTES];
	struct player *player;
	joins = 2;
	world.script = wavering_at_login;
	world_reserve(&world, session, token);
	cr_assert_eq(ringcast_admission_admit(&world.store, ringcast_view_of(token, strlen(token)), (struct view){0}, &world, world.now_ns, &player), DROP_NONE);
	cr_assert(answer(VERDICT_ALLOW));
	cr_assert(player->state == PLAYER_ACTIVE && !ringcast_group_has(player, 7));
	cr_assert_eq(session->joiner_count + session->put_off_count, 0);
}

/* Else a script that leaves and joins in it would hold its shard for ever. */
static enum verdict restless(struct world *w, const struct hook_call *call)
{
	cr_assert_lt(w->script_state++, 3);
	ringcast_command_leave(call->session, 7, call->player->peer_id);
	ringcast_command_join(call->session, 7, call->player->peer_id);
	ringcast_command_join(call->session, 8, call->player->peer_id);
	return VERDICT_ALLOW;
}

Test(snapshot, about_a_join_that_it_commands_itself_the_hook_is_not_asked)
{
	struct player *two = second();
	world.script = restless;
	world_group(&world, two, OPCODE_JOIN_GROUP, 7);
	cr_assert_eq(world.script_state, 1);
	cr_assert(ringcast_group_has(two, 7) && ringcast_group_has(two, 8));
}

Test(snapshot, a_dropped_player_is_asked_about_once)
{
	struct player *two = second();
	void *transport = two->transport;
	is_later = true;
	world_group(&world, two, OPCODE_JOIN_GROUP, 7);
	ringcast_player_drop(two, world.now_ns);
	ringcast_player_return(two, transport, world.now_ns);
	world_forget(&world);
	say_for(ticket, "s");
	answer(VERDICT_ALLOW);
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 1,2 list 1,2\n"
		       "send 9 from -1 player 2 group 0 reliable to 2 's'\n");
}
