/* Snapshots that are missed: they fail, come too late, or cannot be asked for. Nothing of them is delivered, and it is decided whether who joins does so without. */
#include <criterion/criterion.h>

#include "check.h"
#include "session/park.h"
#include "world.h"

#define BIT(hook) (1u << (hook))

static struct world world;
static struct session *session;
static struct player *one, *two, *three;
static uint64_t ticket, left_ns;

static enum verdict later(struct world *w, const struct hook_call *call)
{
	if (call->hook != HOOK_SNAPSHOT)
		return VERDICT_ALLOW;
	ticket = ringcast_park_ticket(call->session);
	return VERDICT_LATER;
}

/* One is in group 7, and two who join later are not. Whoever wants hooks that others do not: start_with. */
static void start_with(unsigned hooks)
{
	world_start(&world, &(struct world_options){.hooks = BIT(HOOK_SNAPSHOT) | hooks});
	session = world_open(&world);
	one = world_join(&world, session);
	two = world_join(&world, session);
	three = world_join(&world, session);
	world_group(&world, one, OPCODE_JOIN_GROUP, 7);
	world.script = later;
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

TestSuite(missed, .init = start, .fini = stop);

static enum drop_reason say(uint64_t of_ticket, int32_t opcode, const char *text)
{
	struct packet packet = {.opcode = opcode, .sender = PROTO_PEER_SERVER, .payload = ringcast_view_of(text, strlen(text))};
	return ringcast_command_snapshot(session, of_ticket, &packet);
}

static bool answer(void)
{
	return ringcast_park_answer(session, ticket, VERDICT_ALLOW, world.now_ns);
}

static enum drop_reason log_in(struct player **ret_player)
{
	char token[PLAYER_TOKEN_BYTES];
	world_reserve(&world, session, token);
	return ringcast_admission_admit(&world.store, ringcast_view_of(token, strlen(token)), (struct view){0}, &world, world.now_ns, ret_player);
}

static uint64_t wait_ns(void *context, struct session *of_session)
{
	return left_ns;
}

/* Half of it is worse than none, and what others said meanwhile is nowhere else. */
Test(missed, of_one_that_takes_too_long_nothing_comes_but_what_is_held)
{
	session->is_late_allowed = true;
	world_group(&world, two, OPCODE_JOIN_GROUP, 7);
	say(ticket, 9, "half");
	ringcast_command_join(session, 7, three->peer_id);
	say(ticket, 9, "half");
	world_send(&world, one, 5, 0, 7, "x");
	world_forget(&world);
	world_advance_ms(&world, 5001);
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 1,2 list 1,2\n"
		       "send 5 from 1 player 0 group 7 reliable to 2 'x'\n"
		       "update 7 from -1 player 0 group 7 reliable to 1,2,3 list 1,2,3\n"
		       "send 5 from 1 player 0 group 7 reliable to 3 'x'\n");
	cr_assert_eq(world.store.snapshots_missed, 2);
	cr_assert_eq(session->joiner_count + session->joiner_bytes, 0);
}

Test(missed, nor_at_a_login)
{
	struct player *player;
	session->is_late_allowed = true;
	cr_assert_eq(log_in(&player), DROP_NONE);
	say(ticket, 9, "half");
	world_send(&world, one, 5, 0, -1, "x");
	world_forget(&world);
	world_advance_ms(&world, 5001);
	expect(&world, "admitted 4\n"
		       "send 5 from 1 player 0 group -1 reliable to 4 'x'\n");
	cr_assert_eq(world.store.snapshots_missed, 1);
}

static enum verdict spendthrift(struct world *w, const struct hook_call *call)
{
	cr_assert_neq(call->hook, HOOK_SNAPSHOT);
	if (call->hook == HOOK_MESSAGE) {
		ringcast_command_join(call->session, 7, w->script_state);
		left_ns = NS_PER_MS;
	}
	return VERDICT_ALLOW;
}

/* It has said yes, and has no time left to say more. */
Test(missed, a_join_that_the_script_commands_with_its_last_time_goes_without)
{
	stop();
	start_with(BIT(HOOK_MESSAGE));
	uint64_t asked_before = world.store.snapshots_asked;
	world.store.hooks.wait_ns = wait_ns;
	left_ns = 0;
	world.script_state = two->peer_id;
	world.script = spendthrift;
	world_send(&world, one, 5, PROTO_PEER_SERVER, 0, "");
	expect(&world, "hook message 5 from 1 player -1 group 0\n"
		       "update 7 from -1 player 0 group 7 reliable to 1,2 list 1,2\n");
	cr_assert_eq(world.store.snapshots_missed, 1);
	cr_assert_eq(world_group(&world, three, OPCODE_JOIN_GROUP, 7), DROP_SCRIPT_SHARE); /* the player's own wish it has not heard */
	cr_assert_eq(world.store.snapshots_missed, 1);
	session->is_late_allowed = true;
	cr_assert_eq(world_group(&world, three, OPCODE_JOIN_GROUP, 7), DROP_NONE);
	cr_assert_eq(world.store.snapshots_missed, 2);
	cr_assert_eq(world.store.snapshots_asked, asked_before);
	left_ns = 0;
}

/* Its connection may go before it is told that it is in. */
Test(missed, whoever_goes_before_it_has_joined_has_missed_none)
{
	struct player *player;
	world.store.hooks.wait_ns = wait_ns;
	left_ns = NS_PER_MS;
	cr_assert_eq(log_in(&player), DROP_SCRIPT_SHARE);
	cr_assert_eq(world.store.snapshots_missed, 0);
	session->is_late_allowed = true;
	cr_assert_eq(log_in(&player), DROP_NONE);
	ringcast_player_disconnect(player, CLOSE_RESET, world.now_ns);
	ringcast_admission_accept(player, world.now_ns);
	cr_assert_eq(world.store.snapshots_missed, 0);
	cr_assert_eq(log_in(&player), DROP_NONE);
	ringcast_admission_accept(player, world.now_ns);
	cr_assert_eq(world.store.snapshots_missed, 1);
	left_ns = 0;
	cr_assert_eq(world_group(&world, player, OPCODE_JOIN_GROUP, 8), DROP_NONE);
	cr_assert(answer()); /* of this one it has got one */
	cr_assert_eq(world.store.snapshots_missed, 1);
}

static enum verdict out_of_reach(struct world *w, const struct hook_call *call)
{
	call->session->is_unheard = call->hook == HOOK_SNAPSHOT;
	return VERDICT_ALLOW;
}

Test(missed, a_script_that_could_not_be_asked_for_one_is_counted_as_not_asked)
{
	uint64_t asked_before = world.store.snapshots_asked;
	session->is_late_allowed = true;
	world.script = out_of_reach;
	cr_assert_eq(world_group(&world, two, OPCODE_JOIN_GROUP, 7), DROP_NONE);
	cr_assert_eq(world.store.snapshots_missed, 1);
	cr_assert_eq(world.store.snapshots_asked, asked_before);
}

Test(missed, what_is_no_message_of_a_game_fails_the_whole_of_it)
{
	static uint8_t much[PROTO_PACKET_BYTES_MAX];
	struct packet large = {.opcode = 9, .payload = ringcast_view_of(much, sizeof(much))};
	cr_assert_eq(ringcast_command_snapshot(session, 0, &large), DROP_NO_TARGET); /* nobody is asked */
	world_group(&world, two, OPCODE_JOIN_GROUP, 7);
	say(ticket, 9, "s");
	cr_assert_eq(say(ticket, OPCODE_LOGIN, ""), DROP_BAD_STATE);
	cr_assert_eq(session->joiner_bytes, 0);
	cr_assert_eq(ringcast_command_snapshot(session, ticket, &large), DROP_NO_TARGET); /* the rest of it is not taken */
	world_forget(&world);
	cr_assert(answer());
	expect(&world, "drop denied 1\n");
	cr_assert(!ringcast_group_has(two, 7));
	session->is_late_allowed = true;
	ringcast_command_join(session, 7, three->peer_id);
	say(ticket, 9, "s");
	cr_assert_eq(ringcast_command_snapshot(session, ticket, &large), DROP_OVERSIZE);
	world_send(&world, one, 5, 0, 7, "x");
	world_forget(&world);
	cr_assert(answer());
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 1,3 list 1,3\n"
		       "send 5 from 1 player 0 group 7 reliable to 3 'x'\n");
	cr_assert_eq(world.store.snapshots_missed, 1);
}

static enum verdict clumsy(struct world *w, const struct hook_call *call)
{
	if (call->hook == HOOK_SNAPSHOT) {
		say(0, 9, "s");
		say(0, OPCODE_LOGIN, "");
	}
	return VERDICT_ALLOW;
}

Test(missed, nor_does_it_join_with_half_of_one_that_is_said_at_once)
{
	struct player *refused;
	world.script = clumsy;
	cr_assert_eq(world_group(&world, two, OPCODE_JOIN_GROUP, 7), DROP_DENIED);
	cr_assert_eq(ringcast_command_join(session, 7, two->peer_id), DROP_DENIED);
	cr_assert_eq(log_in(&refused), DROP_DENIED);
	session->is_late_allowed = true;
	world_forget(&world);
	cr_assert_eq(world_group(&world, two, OPCODE_JOIN_GROUP, 7), DROP_NONE);
	expect(&world, "hook snapshot 7 peer 2\n"
		       "update 7 from -1 player 0 group 7 reliable to 1,2 list 1,2\n");
	cr_assert_eq(session->joiner_count + session->joiner_bytes, 0);
}
