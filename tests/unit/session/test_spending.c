/* A script whose time is bounded: what becomes of its events while it has to wait, and what counts as its work. */
#include <criterion/criterion.h>

#include "check.h"
#include "session/command.h"
#include "world.h"

static struct world world;
static struct session *session;
static struct player *alice, *bob;
static struct hooks hooks;
static uint64_t left_ns;
static int asked, begun, ended;

static uint64_t wait_ns(void *context, struct session *s)
{
	cr_assert(s == session || session == NULL);
	asked++;
	return left_ns;
}

static void work_began(void *context, struct session *s)
{
	cr_assert_eq(begun++, ended);
}

static void work_ended(void *context, struct session *s)
{
	cr_assert_eq(begun, ++ended);
}

/* The world's hooks, with a bound. */
static void start_with(bool is_late_allowed)
{
	world_start(&world, &(struct world_options){.hooks = HOOKS_ALL});
	hooks = world.store.hooks;
	hooks.wait_ns = wait_ns;
	hooks.work_began = work_began;
	hooks.work_ended = work_ended;
	struct session_options options = {.hooks = &hooks, .hooks_context = &world, .tick_interval_ms = 50, .is_late_allowed = is_late_allowed};
	cr_assert_eq(ringcast_session_open(&world.store, &options, world.now_ns, &session), DROP_NONE);
	alice = world_join(&world, session);
	bob = world_join(&world, session);
	cr_assert_gt(begun, 0);
	world_forget(&world);
}

static void start(void)
{
	start_with(false);
}

static void start_allowing(void)
{
	start_with(true);
}

static void stop(void)
{
	cr_expect_eq(begun, ended);
	left_ns = 0;
	check_store(&world.store);
	world_stop(&world);
}

TestSuite(spending, .init = start, .fini = stop);
TestSuite(spending_allowing, .init = start_allowing, .fini = stop);

Test(spending, messages_to_it_are_dropped_while_it_waits)
{
	cr_expect_eq(world_send(&world, alice, 5, PROTO_PEER_SERVER, 0, "x"), DROP_NONE);
	world_forget(&world);
	left_ns = NS_PER_MS;
	cr_expect_eq(world_send(&world, alice, 5, PROTO_PEER_SERVER, 0, "x"), DROP_SCRIPT_SHARE);
	expect(&world, "");
	left_ns = 0;
	cr_expect_eq(world_send(&world, alice, 5, PROTO_PEER_SERVER, 0, "x"), DROP_NONE);
}

/* The players of the group get theirs all the same; what its script missed is counted. */
Test(spending_allowing, others_addressed_besides_get_theirs)
{
	left_ns = NS_PER_MS;
	cr_expect_eq(world_send(&world, alice, 5, PROTO_PEER_SERVER, PROTO_GROUP_ALL, "x"), DROP_NONE);
	expect(&world, "drop script_share 1\nsend 5 from 1 player 0 group -1 reliable to 1,2 'x'\n");
}

Test(spending, questions_are_answered_with_no)
{
	char token[PLAYER_TOKEN_BYTES];
	struct player *carol;
	world_reserve(&world, session, token);
	world_forget(&world);
	left_ns = NS_PER_MS;
	cr_expect_eq(world_send(&world, alice, 5, 2, 0, "x"), DROP_SCRIPT_SHARE);
	cr_expect_eq(world_send(&world, alice, 5, 0, PROTO_GROUP_ALL, "x"), DROP_SCRIPT_SHARE);
	cr_expect_eq(world_group(&world, alice, OPCODE_JOIN_GROUP, 7), DROP_SCRIPT_SHARE);
	cr_expect_eq(ringcast_admission_admit(&world.store, ringcast_view_of(token, strlen(token)), ringcast_view_of(NULL, 0), &world, world.now_ns, &carol), DROP_SCRIPT_SHARE);
	expect(&world, "");
}

Test(spending_allowing, questions_are_answered_with_yes)
{
	left_ns = NS_PER_MS;
	cr_expect_eq(world_send(&world, alice, 5, 2, 0, "x"), DROP_NONE);
	expect(&world, "send 5 from 1 player 2 group 0 reliable to 2 'x'\n");
	cr_expect_eq(world_group(&world, alice, OPCODE_JOIN_GROUP, 7), DROP_NONE);
	cr_expect(ringcast_group_has(alice, 7));
}

static int fired, ticked;

static enum verdict note(struct world *w, const struct hook_call *call)
{
	fired += call->hook == HOOK_TIMER;
	ticked += call->hook == HOOK_TICK;
	return VERDICT_ALLOW;
}

Test(spending, timers_and_ticks_are_put_off_not_lost)
{
	world.script = note;
	cr_assert_eq(ringcast_command_timer(session, 1, 10 * NS_PER_MS), DROP_NONE);
	left_ns = 30 * NS_PER_MS;
	world_advance_ms(&world, 500);
	cr_expect_eq(fired + ticked, 0);
	left_ns = 0;
	world_advance_ms(&world, 40);
	cr_expect_eq(fired, 1);
	cr_expect_eq(ticked, 1);
	for (int i = 0; i < 500; i++)
		world_advance_ms(&world, 1);
	cr_expect_eq(fired, 1);
	cr_expect(ticked == 10 || ticked == 11, "%d", ticked); /* by its interval again */
}

/* Facts: a script that has to wait still hears who has left, and that it is over. */
Test(spending, facts_are_told_whatever_it_has_left)
{
	left_ns = NS_PER_MS;
	ringcast_player_disconnect(bob, CLOSE_CLIENT, world.now_ns);
	ringcast_session_end_now(session, CLOSE_SHUTDOWN, world.now_ns);
	cr_expect_not_null(strstr(world.log, "hook disconnected 2"), "%s", world.log);
	cr_expect_not_null(strstr(world.log, "hook ended"), "%s", world.log);
	session = NULL;
}

static enum verdict give(struct world *w, const struct hook_call *call)
{
	if (call->hook != HOOK_MESSAGE)
		return VERDICT_ALLOW;
	struct packet packet = {.opcode = 9, .target_group = PROTO_GROUP_ALL, .sender = -1};
	cr_assert_eq(begun, ended + 1);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(ringcast_command_send(session, &packet, INTENT_RELIABLE), DROP_NONE);
	cr_assert_eq(ringcast_command_kick(session, 2, NULL), DROP_NONE);
	return VERDICT_ALLOW;
}

/* One stretch for the callback, one for all that it asked for, callbacks inside included. */
Test(spending, commands_are_work_too)
{
	int before = begun;
	world.script = give;
	world_send(&world, alice, 5, PROTO_PEER_SERVER, 0, "x");
	cr_expect_eq(begun, before + 2);
	world.script = NULL;
	world_send(&world, alice, 5, PROTO_PEER_SERVER, 0, "x");
	cr_expect_eq(begun, before + 3);
}

/* A script in another process gives commands whenever it likes: within its share, but it may always end things. */
Test(spending, commands_from_outside_wait_for_nothing_but_are_dropped)
{
	struct packet packet = {.opcode = 9, .target_group = PROTO_GROUP_ALL, .sender = -1};
	int before = begun;
	cr_expect_eq(ringcast_command_send(session, &packet, INTENT_RELIABLE), DROP_NONE);
	cr_expect_eq(begun, before + 1);
	left_ns = NS_PER_MS;
	cr_expect_eq(ringcast_command_send(session, &packet, INTENT_RELIABLE), DROP_SCRIPT_SHARE);
	cr_expect_eq(ringcast_command_join(session, 7, 1), DROP_SCRIPT_SHARE);
	cr_expect_eq(ringcast_command_broadcast_membership(session, PROTO_GROUP_ALL, PROTO_GROUP_ALL), DROP_SCRIPT_SHARE);
	cr_expect_eq(ringcast_command_kick(session, 2, NULL), DROP_NONE);
	cr_expect_eq(ringcast_command_finish(session), DROP_NONE);
	session = NULL;
}

/* Of what is the script's doing, and of nothing else. */
Test(spending, a_relayed_message_without_hooks_is_nobodys_work)
{
	int before = begun;
	hooks.send_to_player = NULL;
	world_send(&world, alice, 5, 2, 0, "x");
	cr_expect_eq(begun, before);
}
