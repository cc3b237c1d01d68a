/* Verdicts that take time: what waits, what waits behind it, what goes on, and how it ends. */
#include <criterion/criterion.h>

#include "base/assert.h"
#include "check.h"
#include "faults.h"
#include "session/park.h"
#include "world.h"

enum { TICKETS = 64 };
#define BIT(hook) (1u << (hook))
#define VERDICTS (BIT(HOOK_CONNECT) | BIT(HOOK_SEND_PLAYER) | BIT(HOOK_SEND_GROUP) | BIT(HOOK_JOIN) | BIT(HOOK_LEAVE) | BIT(HOOK_HEALTH))

static struct world world;
static struct session *session;
static struct player *one, *two;
static unsigned later; /* hooks that answer later */
static uint64_t tickets[TICKETS];
static size_t ticket_count;

static enum verdict script(struct world *w, const struct hook_call *call)
{
	if ((later & BIT(call->hook)) == 0)
		return VERDICT_ALLOW;
	cr_assert_lt(ticket_count, (size_t)TICKETS);
	tickets[ticket_count++] = ringcast_park_ticket(call->session);
	return VERDICT_LATER;
}

static void start_with(unsigned hooks)
{
	ticket_count = 0;
	later = 0;
	world_start(&world, &(struct world_options){.hooks = hooks});
	world.script = script;
	session = world_open(&world);
	one = world_join(&world, session);
	two = world_join(&world, session);
	world_group(&world, one, OPCODE_JOIN_GROUP, 7);
	world_group(&world, two, OPCODE_JOIN_GROUP, 7);
	world_forget(&world);
	later = VERDICTS;
}

static void start(void)
{
	start_with(VERDICTS);
}

static void stop(void)
{
	check_store(&world.store);
	world_stop(&world);
}

static bool answer(size_t ticket, enum verdict verdict)
{
	bool is_awaited = ringcast_park_answer(session, tickets[ticket], verdict, world.now_ns);
	check_store(&world.store);
	return is_awaited;
}

static enum drop_reason direct(struct player *from, struct player *to, const char *text)
{
	return world_send(&world, from, 5, to->peer_id, 0, text);
}

static enum drop_reason to_group(struct player *from, const char *text)
{
	return world_send(&world, from, 6, 0, 7, text);
}

TestSuite(park, .init = start, .fini = stop);

Test(park, yes_lets_it_go)
{
	cr_assert_eq(direct(one, two, "x"), DROP_NONE);
	expect(&world, "hook send_to_player 5 from 1 player 2 group 0 'x'\n");
	cr_assert_eq(session->parked_count, 1);
	cr_assert(answer(0, VERDICT_ALLOW));
	expect(&world, "send 5 from 1 player 2 group 0 reliable to 2 'x'\n");
	cr_assert_eq(session->parked_count, 0);
}

Test(park, no_is_a_drop)
{
	direct(one, two, "x");
	world_forget(&world);
	cr_assert(answer(0, VERDICT_DENY));
	expect(&world, "drop denied 1\n");
	cr_assert_eq(session->drops, 1);
	cr_assert_eq(one->drops, 1);
}

Test(park, an_answer_is_taken_once)
{
	direct(one, two, "x");
	cr_assert(answer(0, VERDICT_ALLOW));
	world_forget(&world);
	cr_assert_not(answer(0, VERDICT_ALLOW));
	cr_assert_not(ringcast_park_answer(session, 0, VERDICT_ALLOW, world.now_ns));
	cr_assert_not(ringcast_park_answer(session, UINT64_MAX, VERDICT_ALLOW, world.now_ns));
	expect(&world, "");
}

Test(park, tickets_are_never_given_twice)
{
	for (int i = 0; i < 40; i++) {
		direct(one, two, "x");
		answer(ticket_count - 1, VERDICT_ALLOW);
		for (size_t j = 0; j + 1 < ticket_count; j++)
			cr_assert_neq(tickets[j], tickets[ticket_count - 1]);
		cr_assert_neq(tickets[ticket_count - 1], 0);
	}
}

Test(park, a_ticket_is_good_in_its_own_session_only)
{
	struct session *other = world_open(&world);
	direct(one, two, "x");
	world_forget(&world);
	cr_assert_not(ringcast_park_answer(other, tickets[0], VERDICT_ALLOW, world.now_ns));
	expect(&world, "");
	cr_assert(answer(0, VERDICT_ALLOW));
}

Test(park, what_comes_after_waits_behind_in_order)
{
	later = BIT(HOOK_SEND_PLAYER);
	direct(one, two, "1");
	world_forget(&world);
	to_group(one, "2");
	world_group(&world, one, OPCODE_JOIN_GROUP, 9);
	world_group(&world, one, OPCODE_REQUEST_GROUP_MEMBERSHIP, 9);
	direct(one, two, "3");
	to_group(one, "4");
	expect(&world, "");
	cr_assert(answer(0, VERDICT_ALLOW));
	expect(&world, "send 5 from 1 player 2 group 0 reliable to 2 '1'\n"
		       "hook send_to_group 6 from 1 player 0 group 7 '2'\n"
		       "send 6 from 1 player 0 group 7 reliable to 1,2 '2'\n"
		       "hook join 9 peer 1\n"
		       "update 9 from -1 player 0 group 9 reliable to 1 list 1\n"
		       "update 9 from 1 player 1 group 0 reliable to 1 list 1\n"
		       "hook send_to_player 5 from 1 player 2 group 0 '3'\n");
	cr_assert(answer(1, VERDICT_DENY));
	expect(&world, "drop denied 1\n"
		       "hook send_to_group 6 from 1 player 0 group 7 '4'\n"
		       "send 6 from 1 player 0 group 7 reliable to 1,2 '4'\n");
}

Test(park, everyone_else_goes_on)
{
	later = BIT(HOOK_SEND_PLAYER);
	direct(one, two, "late");
	world_forget(&world);
	to_group(two, "now");
	expect(&world, "hook send_to_group 6 from 2 player 0 group 7 'now'\nsend 6 from 2 player 0 group 7 reliable to 1,2 'now'\n");
}

Test(park, answers_come_in_any_order)
{
	direct(one, two, "1");
	direct(two, one, "2");
	world_forget(&world);
	cr_assert(answer(1, VERDICT_ALLOW));
	cr_assert(answer(0, VERDICT_ALLOW));
	expect(&world, "send 5 from 2 player 1 group 0 reliable to 1 '2'\nsend 5 from 1 player 2 group 0 reliable to 2 '1'\n");
}

Test(park, both_questions_of_one_message_may_take_time)
{
	world_send(&world, one, 5, 2, 7, "x");
	expect(&world, "hook send_to_player 5 from 1 player 2 group 7 'x'\n");
	answer(0, VERDICT_ALLOW);
	expect(&world, "hook send_to_group 5 from 1 player 2 group 7 'x'\n");
	answer(1, VERDICT_ALLOW);
	expect(&world, "send 5 from 1 player 0 group 7 reliable to 1,2 'x'\n");
	world_send(&world, one, 5, 2, 7, "y");
	answer(2, VERDICT_ALLOW);
	world_forget(&world);
	answer(3, VERDICT_DENY);
	expect(&world, "drop denied 1\n");
}

Test(park, joins_and_leaves_wait_too)
{
	world_group(&world, one, OPCODE_JOIN_GROUP, 9);
	expect(&world, "hook join 9 peer 1\n");
	cr_assert_not(ringcast_group_has(one, 9));
	answer(0, VERDICT_ALLOW);
	expect(&world, "update 9 from -1 player 0 group 9 reliable to 1 list 1\n");
	world_group(&world, one, OPCODE_LEAVE_GROUP, 9);
	world_group(&world, one, OPCODE_JOIN_GROUP, 9); /* is in when its turn comes: nothing to ask */
	answer(1, VERDICT_DENY);
	expect(&world, "hook leave 9 peer 1\ndrop denied 1\n");
	cr_assert(ringcast_group_has(one, 9));
}

Test(park, recipients_are_those_of_the_answer)
{
	later = BIT(HOOK_SEND_GROUP);
	to_group(one, "x");
	struct player *three = world_join(&world, session);
	world_group(&world, three, OPCODE_JOIN_GROUP, 7);
	world_group(&world, two, OPCODE_LEAVE_GROUP, 7);
	world_forget(&world);
	answer(0, VERDICT_ALLOW);
	expect(&world, "send 6 from 1 player 0 group 7 reliable to 1,3 'x'\n");
}

Test(park, a_target_that_has_gone_is_no_target)
{
	direct(one, two, "x");
	ringcast_player_disconnect(two, CLOSE_CLIENT, world.now_ns);
	world_forget(&world);
	answer(0, VERDICT_ALLOW);
	expect(&world, "drop no_target 1\n");
	to_group(one, "y");
	ringcast_command_leave(session, 7, 1);
	world_forget(&world);
	answer(1, VERDICT_ALLOW);
	expect(&world, "drop not_member 1\n");
}

Test(park, the_channel_and_the_bytes_are_kept)
{
	struct packet packet = {.opcode = 5, .target_player = 2, .payload = ringcast_view_of("fast", 4), .sender = 99, .sequence = 7};
	char bytes[4] = "slow";
	ringcast_router_route(one, &packet, INTENT_FAST, world.now_ns);
	packet.payload = ringcast_view_of(bytes, 4);
	ringcast_router_route(one, &packet, INTENT_RELIABLE, world.now_ns);
	memset(bytes, '?', sizeof(bytes));
	packet.payload.size = 0;
	ringcast_router_route(one, &packet, INTENT_RELIABLE, world.now_ns);
	world_forget(&world);
	for (size_t i = 0; i < 3; i++)
		answer(i, VERDICT_ALLOW);
	expect(&world, "send 5 from 1 player 2 group 0 fast to 2 'fast'\nhook send_to_player 5 from 1 player 2 group 0 'slow'\n"
		       "send 5 from 1 player 2 group 0 reliable to 2 'slow'\nhook send_to_player 5 from 1 player 2 group 0\n"
		       "send 5 from 1 player 2 group 0 reliable to 2\n");
}

Test(park, what_was_never_legal_is_dropped_when_its_turn_comes)
{
	direct(one, two, "x");
	cr_assert_eq(world_send(&world, one, OPCODE_LOGIN, 2, 0, "x"), DROP_NONE);
	cr_assert_eq(world_send(&world, one, 5, 77, 0, "x"), DROP_NONE);
	world_forget(&world);
	answer(0, VERDICT_DENY);
	expect(&world, "drop denied 1\ndrop bad_state 1\ndrop no_target 1\n");
}

/* Bounds */

Test(park, a_player_may_have_so_many_waiting)
{
	world.limits.parked_player_max = 3;
	for (int i = 0; i < 3; i++)
		cr_assert_eq(direct(one, two, "x"), DROP_NONE);
	cr_assert_eq(direct(one, two, "x"), DROP_PARK_FULL);
	cr_assert_eq(direct(two, one, "x"), DROP_NONE);
	cr_assert_eq(session->drops, 1);
	answer(0, VERDICT_ALLOW);
	cr_assert_eq(direct(one, two, "x"), DROP_NONE);
}

Test(park, a_session_may_have_so_many_waiting)
{
	world.limits.parked_session_max = 3;
	direct(one, two, "x");
	direct(one, two, "x");
	direct(two, one, "x");
	cr_assert_eq(direct(two, one, "x"), DROP_PARK_FULL);
	char token[PLAYER_TOKEN_BYTES];
	struct player *none = NULL;
	world_reserve(&world, session, token);
	cr_assert_eq(ringcast_admission_admit(&world.store, ringcast_view_of(token, strlen(token)), (struct view){0}, &world, world.now_ns, &none),
		     DROP_PARK_FULL);
	cr_assert_null(none);
	check_store(&world.store);
}

Test(park, no_room_at_all_means_that_later_is_no)
{
	world.limits.parked_player_max = 0;
	cr_assert_eq(direct(one, two, "x"), DROP_PARK_FULL);
	expect(&world, "hook send_to_player 5 from 1 player 2 group 0 'x'\n");
	cr_assert_not(answer(0, VERDICT_ALLOW));
}

/* Deadlines */

Test(park, late_is_no)
{
	direct(one, two, "x");
	world_forget(&world);
	world_advance_ms(&world, 4999);
	expect(&world, "");
	world_advance_ms(&world, 1);
	expect(&world, "drop park_timeout 1\n");
	cr_assert_not(answer(0, VERDICT_ALLOW));
	cr_assert_eq(world.store.answers_awaited, 1);
	cr_assert_eq(world.store.answers_late, 1);
}

Test(park, a_session_may_say_that_late_is_yes_and_when_it_is_late)
{
	struct session_options options = {.answer_timeout_ms = 100, .is_late_allowed = true};
	later = 0;
	cr_assert_eq(ringcast_session_open(&world.store, &options, world.now_ns, &session), DROP_NONE);
	struct player *three = world_join(&world, session), *four = world_join(&world, session);
	later = VERDICTS;
	direct(three, four, "x");
	world_advance_ms(&world, 99);
	world_forget(&world);
	world_advance_ms(&world, 1);
	expect(&world, "send 5 from 1 player 2 group 0 reliable to 2 'x'\n");
}

Test(park, each_question_has_its_own_deadline)
{
	direct(one, two, "1");
	direct(one, two, "2");
	world_advance_ms(&world, 3000);
	answer(0, VERDICT_ALLOW); /* the second is asked only now */
	world_advance_ms(&world, 4999);
	world_forget(&world);
	world_advance_ms(&world, 1);
	expect(&world, "drop park_timeout 1\n");
}

/* Leaving */

Test(park, who_leaves_takes_along_what_waits)
{
	direct(one, two, "1");
	direct(one, two, "2");
	world_forget(&world);
	ringcast_player_disconnect(one, CLOSE_CLIENT, world.now_ns);
	expect(&world, "drop park_lost 1\ndrop park_lost 1\nupdate 7 from -1 player 0 group 7 reliable to 2 list 2\n");
	cr_assert_not(answer(0, VERDICT_ALLOW));
	cr_assert_eq(session->parked_count, 0);
}

Test(park, the_end_of_the_session_ends_all_waiting)
{
	direct(one, two, "1");
	to_group(two, "2");
	world_forget(&world);
	ringcast_session_end_now(session, CLOSE_SESSION_ENDED, world.now_ns);
	expect(&world, "drop session_ended 1\nclose 2 session_ended 'game session ended'\n"
		       "drop session_ended 1\nclose 1 session_ended 'game session ended'\n");
	cr_assert_not(answer(0, VERDICT_ALLOW));
	cr_assert_not(answer(1, VERDICT_ALLOW));
}

Test(park, a_kick_does_not_wait)
{
	direct(one, two, "1");
	world_forget(&world);
	ringcast_command_kick(session, 1, "out");
	expect(&world, "drop park_lost 1\nupdate 7 from -1 player 0 group 7 reliable to 2 list 2\nclose 1 kicked 'out'\n");
}

/* Answers from inside hooks, and commands between */

static enum verdict answer_in_tick(struct world *w, const struct hook_call *call)
{
	if (call->hook == HOOK_TICK) {
		struct packet packet = {.opcode = 8, .sender = -1, .target_group = -1};
		ringcast_command_answer(call->session, tickets[0], VERDICT_ALLOW);
		ringcast_command_answer(call->session, tickets[0], VERDICT_DENY); /* ignored: it has been answered */
		ringcast_command_send(call->session, &packet, INTENT_RELIABLE);
	}
	return script(w, call);
}

static void start_ticking(void)
{
	start_with(VERDICTS | BIT(HOOK_TICK));
}

Test(park_tick, a_hook_answers_by_command, .init = start_ticking, .fini = stop)
{
	struct session_options options = {.tick_interval_ms = 10};
	later = 0;
	ringcast_session_open(&world.store, &options, world.now_ns, &session);
	struct player *three = world_join(&world, session), *four = world_join(&world, session);
	world.script = answer_in_tick;
	later = BIT(HOOK_SEND_PLAYER);
	direct(three, four, "1");
	direct(three, four, "2");
	world_forget(&world);
	world_advance_ms(&world, 10);
	expect(&world, "hook tick 1010\n"
		       "send 5 from 1 player 2 group 0 reliable to 2 '1'\n"
		       "send 8 from -1 player 0 group -1 reliable to 1,2\n" /* commands first, then the next in line */
		       "hook send_to_player 5 from 1 player 2 group 0 '2'\n");
}

static enum verdict answer_at_once(struct world *w, const struct hook_call *call)
{
	enum verdict verdict = script(w, call);
	if (verdict == VERDICT_LATER)
		ringcast_command_answer(call->session, tickets[ticket_count - 1], VERDICT_ALLOW);
	return verdict;
}

Test(park, the_answer_may_be_given_before_the_hook_returns)
{
	world.script = answer_at_once;
	world_send(&world, one, 5, 2, 7, "x");
	expect(&world, "hook send_to_player 5 from 1 player 2 group 7 'x'\nhook send_to_group 5 from 1 player 2 group 7 'x'\n"
		       "send 5 from 1 player 0 group 7 reliable to 1,2 'x'\n");
}

static enum verdict kick_in_message(struct world *w, const struct hook_call *call)
{
	if (call->hook == HOOK_SEND_GROUP)
		ringcast_command_kick(call->session, call->packet->sender, NULL);
	return script(w, call);
}

Test(park, a_kick_between_ends_the_line)
{
	later = BIT(HOOK_SEND_PLAYER);
	world.script = kick_in_message;
	direct(one, two, "1");
	to_group(one, "2");
	to_group(one, "3");
	world_forget(&world);
	answer(0, VERDICT_ALLOW);
	expect(&world, "send 5 from 1 player 2 group 0 reliable to 2 '1'\n"
		       "hook send_to_group 6 from 1 player 0 group 7 '2'\n"
		       "send 6 from 1 player 0 group 7 reliable to 1,2 '2'\n"
		       "drop park_lost 1\n"
		       "update 7 from -1 player 0 group 7 reliable to 2 list 2\n"
		       "close 1 kicked 'kicked'\n");
}

/* Logins */

static struct player *knock(const char *payload)
{
	char token[PLAYER_TOKEN_BYTES];
	struct player *player = NULL;
	world_reserve(&world, session, token);
	cr_assert_eq(ringcast_admission_admit(&world.store, ringcast_view_of(token, strlen(token)), ringcast_view_of(payload, strlen(payload)),
					      &world, world.now_ns, &player),
		     DROP_NONE);
	cr_assert(player->is_waiting);
	check_store(&world.store);
	return player;
}

static void start_logins(void)
{
	start_with(VERDICTS | BIT(HOOK_ACCEPTED) | BIT(HOOK_DISCONNECTED) | BIT(HOOK_MESSAGE));
	later = BIT(HOOK_CONNECT);
}

TestSuite(park_login, .init = start_logins, .fini = stop);

Test(park_login, yes_lets_it_in)
{
	struct player *three = knock("hello");
	expect(&world, "hook connect 3 'hello'\n");
	cr_assert_null(ringcast_session_find_player(session, 3));
	cr_assert_eq(ringcast_session_find_peer(session, 3), three);
	cr_assert(answer(0, VERDICT_ALLOW));
	expect(&world, "admitted 3\nhook accepted 3\n");
	cr_assert_eq(three->state, PLAYER_ACTIVE);
	cr_assert_not(three->is_waiting);
}

Test(park_login, no_refuses_it)
{
	struct player *three = knock("");
	world_forget(&world);
	answer(0, VERDICT_DENY);
	expect(&world, "refused 3 denied\n");
	cr_assert_eq(three->state, PLAYER_COMPLETED);
	cr_assert_eq(session->player_count, 2);
}

Test(park_login, late_refuses_it)
{
	knock("");
	world_forget(&world);
	world_advance_ms(&world, 5000);
	expect(&world, "refused 3 park_timeout\n");
}

Test(park_login, late_may_let_it_in)
{
	struct session_options options = {.is_late_allowed = true};
	ringcast_session_open(&world.store, &options, world.now_ns, &session);
	knock("");
	world_forget(&world);
	world_advance_ms(&world, 5000);
	expect(&world, "admitted 1\nhook accepted 1\n");
}

Test(park_login, lost_is_lost)
{
	struct player *three = knock("");
	world_forget(&world);
	ringcast_player_disconnect(three, CLOSE_RESET, world.now_ns);
	expect(&world, "");
	cr_assert_not(answer(0, VERDICT_ALLOW));
	cr_assert_eq(session->player_count, 2);
}

Test(park_login, the_end_of_the_session_refuses_it)
{
	knock("");
	world_forget(&world);
	ringcast_session_end_now(session, CLOSE_SESSION_ENDED, world.now_ns);
	expect(&world, "refused 3 no_session\nhook disconnected 2 session_ended\nclose 2 session_ended 'game session ended'\n"
		       "hook disconnected 1 session_ended\nclose 1 session_ended 'game session ended'\n");
}

Test(park_login, a_drain_says_so)
{
	knock("");
	world.store.is_draining = true;
	world_forget(&world);
	ringcast_session_end_now(session, CLOSE_SHUTDOWN, world.now_ns);
	cr_assert_eq(strncmp(world.log, "refused 3 draining\n", 19), 0, "%s", world.log);
}

Test(park_login, holds_its_place_and_its_number)
{
	session->players_max = 4;
	knock("");
	later = 0;
	struct player *four = world_join(&world, session);
	char token[PLAYER_TOKEN_BYTES];
	struct player *five;
	cr_assert_eq(four->peer_id, 4);
	cr_assert_eq(ringcast_admission_reserve(session, NULL, NULL, world.now_ns, &five, token), DROP_SESSION_FULL);
	world_forget(&world);
	answer(0, VERDICT_ALLOW);
	expect(&world, "admitted 3\nhook accepted 3\n");
}

Test(park_login, others_do_not_wait)
{
	struct packet packet = {.opcode = 8, .sender = -1, .target_group = -1};
	knock("");
	world_forget(&world);
	ringcast_command_send(session, &packet, INTENT_RELIABLE);
	direct(one, two, "x");
	expect(&world, "send 8 from -1 player 0 group -1 reliable to 1,2\n"
		       "hook send_to_player 5 from 1 player 2 group 0 'x'\nsend 5 from 1 player 2 group 0 reliable to 2 'x'\n");
	later = 0;
	world_join(&world, session);
	expect(&world, "hook connect 4\nhook accepted 4\n");
}

Test(park_login, what_is_sent_behind_it_comes_behind_it)
{
	struct player *three = knock("");
	world_forget(&world);
	cr_assert_eq(direct(three, one, "hi"), DROP_NONE);
	cr_assert_eq(world_group(&world, three, OPCODE_JOIN_GROUP, 9), DROP_NONE);
	expect(&world, "");
	answer(0, VERDICT_ALLOW);
	expect(&world, "admitted 3\nhook accepted 3\nhook send_to_player 5 from 3 player 1 group 0 'hi'\n"
		       "send 5 from 3 player 1 group 0 reliable to 1 'hi'\nhook join 9 peer 3\n"
		       "update 9 from -1 player 0 group 9 reliable to 3 list 3\n");
}

Test(park_login, nothing_reaches_it_before_its_result)
{
	knock("");
	world_forget(&world);
	cr_assert_eq(world_send(&world, one, 5, 3, 0, "too early"), DROP_NO_TARGET);
	world_send(&world, one, 5, 0, -1, "all");
	expect(&world, "hook send_to_group 5 from 1 player 0 group -1 'all'\nsend 5 from 1 player 0 group -1 reliable to 1,2 'all'\n");
}

static enum verdict greet(struct world *w, const struct hook_call *call)
{
	struct packet packet = {.opcode = 8, .sender = -1, .target_player = 3, .payload = ringcast_view_of("welcome", 7)};
	if (call->hook == HOOK_CONNECT) {
		cr_assert_eq(ringcast_command_send(call->session, &packet, INTENT_RELIABLE), DROP_NONE);
		cr_assert_eq(ringcast_command_join(call->session, 7, 3), DROP_NONE);
	}
	return script(w, call);
}

Test(park_login, what_a_script_says_to_it_meanwhile_comes_after_the_result)
{
	struct packet packet = {.opcode = 9, .sender = -1, .target_player = 3, .target_group = 7};
	world.script = greet;
	knock("");
	expect(&world, "hook connect 3\n");
	cr_assert_eq(ringcast_command_send(session, &packet, INTENT_FAST), DROP_NONE); /* from outside of hooks, later */
	expect(&world, "");
	answer(0, VERDICT_ALLOW);
	expect(&world, "admitted 3\nhook accepted 3\nsend 8 from -1 player 3 group 0 reliable to 3 'welcome'\n"
		       "update 7 from -1 player 0 group 7 reliable to 1,2,3 list 1,2,3\n"
		       "send 9 from -1 player 0 group 7 fast to 1,2,3\n");
}

Test(park_login, what_was_said_to_one_who_never_came_is_dropped)
{
	world.script = greet;
	knock("");
	ringcast_command_kick(session, 3, "no");
	world_forget(&world);
	answer(0, VERDICT_DENY);
	expect(&world, "drop no_target 1\ndrop no_target 1\ndrop no_target 1\nrefused 3 denied\n");
	cr_assert_eq(ringcast_buf_pool_in_use(world.pool), 0);
}

Test(park_login, a_kick_waits_for_the_login_it_is_about)
{
	knock("");
	world_forget(&world);
	cr_assert_eq(ringcast_command_kick(session, 3, "no"), DROP_NONE);
	expect(&world, "");
	answer(0, VERDICT_ALLOW);
	expect(&world, "admitted 3\nhook accepted 3\nhook disconnected 3 kicked\nclose 3 kicked 'no'\n");
}

Test(park_login, commands_about_it_are_bounded_too)
{
	world.limits.parked_player_max = 2;
	knock("");
	cr_assert_eq(ringcast_command_join(session, 7, 3), DROP_NONE);
	cr_assert_eq(ringcast_command_join(session, 8, 3), DROP_PARK_FULL);
	cr_assert_eq(ringcast_buf_pool_in_use(world.pool), 3, "the login, and one command with its place in the line");
}

Test(park_login, many_wait_at_once_and_are_answered_in_any_order)
{
	for (int i = 0; i < 10; i++)
		knock("");
	for (size_t i = 0; i < 10; i++)
		cr_assert(answer((i * 7) % 10, i % 2 == 0 ? VERDICT_ALLOW : VERDICT_DENY));
	cr_assert_eq(session->player_count, 7);
	cr_assert_eq(session->connecting_count, 0);
}

/* Health */

TestSuite(park_health, .init = start, .fini = stop);

static void expire_health(void)
{
	world.limits.health_interval_ms = 1000;
	later = 0;
	struct session_options options = {.empty_timeout_ms = UINT32_MAX};
	cr_assert_eq(ringcast_session_open(&world.store, &options, world.now_ns, &session), DROP_NONE);
	later = BIT(HOOK_HEALTH);
	world_forget(&world);
	world_advance_ms(&world, 1000);
	expect(&world, "hook health\n");
}

Test(park_health, may_take_until_the_next_check)
{
	expire_health();
	cr_assert(answer(0, VERDICT_ALLOW));
	cr_assert_not(answer(0, VERDICT_DENY));
	cr_assert_eq(session->health_failures, 0);
	world_advance_ms(&world, 1000);
	cr_assert(answer(1, VERDICT_DENY));
	cr_assert_eq(session->health_failures, 1);
}

Test(park_health, silence_is_ill_health)
{
	expire_health();
	world_advance_ms(&world, 2000 + 1); /* missed checks are not made up for */
	expect(&world, "hook health\n");
	cr_assert_eq(session->health_failures, 1);
	world_advance_ms(&world, 1000);
	expect(&world, "hook health\n");
	world_advance_ms(&world, 1000);
	expect(&world, "");
	cr_assert_eq(session->state, SESSION_ENDED);
	cr_assert_eq(session->close_reason, CLOSE_UNHEALTHY);
	cr_assert_not(answer(2, VERDICT_ALLOW));
}
