/* What scripts ask for: at once outside of hooks; inside, after the event, in order, whatever it does to the session. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "session/session_impl.h"
#include "world.h"

static struct world world;
static struct session *session;
static struct player *one, *two, *three;

static void start(void)
{
	world_start(&world, &(struct world_options){.hooks = HOOKS_ALL & ~(1u << HOOK_TICK)});
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

TestSuite(commands, .init = start, .fini = stop);

static enum drop_reason say(int32_t opcode, int32_t sender, int32_t target_player, int32_t target_group, const char *text)
{
	struct packet packet = {
		.opcode = opcode,
		.sender = sender,
		.target_player = target_player,
		.target_group = target_group,
		.payload = ringcast_view_of(text, strlen(text)),
	};
	return ringcast_command_send(session, &packet, INTENT_RELIABLE);
}

Test(commands, a_script_sends_as_it_likes)
{
	cr_assert_eq(say(5, -1, 2, 0, "x"), DROP_NONE);
	cr_assert_eq(say(5, 3, 2, 0, "x"), DROP_NONE);
	cr_assert_eq(say(-101, -1, 0, -1, ""), DROP_NONE);
	expect(&world, "send 5 from -1 player 2 group 0 reliable to 2 'x'\n"
		       "send 5 from 3 player 2 group 0 reliable to 2 'x'\n"
		       "send -101 from -1 player 0 group -1 reliable to 1,2,3\n"); /* and no send_to hook is asked */
}

Test(commands, a_script_needs_no_membership)
{
	ringcast_group_join(two, 7, world.now_ns);
	world_forget(&world);
	cr_assert_eq(say(5, -1, 0, 7, "x"), DROP_NONE);
	cr_assert_eq(say(5, -1, 2, 7, "x"), DROP_NONE);
	cr_assert_eq(say(5, -1, 3, 7, "x"), DROP_NONE);
	expect(&world, "send 5 from -1 player 0 group 7 reliable to 2 'x'\n"
		       "send 5 from -1 player 0 group 7 reliable to 2 'x'\n"
		       "send 5 from -1 player 0 group 7 reliable to 2 'x'\nsend 5 from -1 player 3 group 0 reliable to 3 'x'\n");
}

Test(commands, a_send_that_goes_nowhere_says_why)
{
	cr_assert_eq(say(5, -1, 0, 0, "x"), DROP_NO_TARGET);
	cr_assert_eq(say(5, -1, 9, 0, "x"), DROP_NO_TARGET);
	cr_assert_eq(say(5, -1, -1, 0, "x"), DROP_NO_TARGET);
	cr_assert_eq(say(5, -1, 0, 7, "x"), DROP_NO_TARGET);
	cr_assert_eq(say(5, -1, 0, -7, "x"), DROP_NO_TARGET);
	cr_assert_eq(session->drops, 5);
	expect(&world, "");
}

static bool count_relief(void *context, size_t capacity_bytes)
{
	++*(unsigned *)context;
	return false;
}

/* However much a script says in one callback, no other session's players pay for it. */
Test(commands, what_waits_for_the_end_of_a_callback_takes_what_is_left_and_no_more)
{
	static char text[16001];
	static unsigned relief_count;
	unsigned taken = 0, refused = 0;
	memset(text, 'x', sizeof(text) - 1);
	ringcast_buf_pool_set_relief(world.pool, count_relief, &relief_count);
	ringcast_session_enter_hook(session);
	for (unsigned i = 0; i < 200; i++) {
		enum drop_reason reason = say(5, -1, 2, 0, text);
		taken += reason == DROP_NONE;
		refused += reason == DROP_NO_BUFFER;
	}
	cr_assert_eq(ringcast_command_kick(session, 3, "and this still happens"), DROP_NONE);
	ringcast_session_leave_hook(session);
	cr_assert_eq(taken + refused, 200);
	cr_assert_eq(relief_count, 0, "others were to give up theirs");
	cr_assert_gt(taken, 0);
	cr_assert_eq(session->drops, refused);
	cr_assert_gt(refused, 0);
	world_send(&world, one, 10, PROTO_PEER_SERVER, 0, ""); /* an event like any other: behind it the commands are carried out */
	cr_assert_eq(ringcast_buf_pool_in_use(world.pool), 0);
	cr_assert_eq(say(5, -1, 2, 0, text), DROP_NONE);
}

Test(commands, op_codes_that_break_clients_are_refused)
{
	const int32_t refused[] = {0, -1, -6, -13, -15};
	for (size_t i = 0; i < ARRAY_COUNT(refused); i++)
		cr_assert_eq(say(refused[i], -1, 1, 0, "x"), DROP_BAD_STATE, "%d", refused[i]);
	expect(&world, "");
}

Test(commands, a_server_may_send_more_than_a_client_but_no_more_than_a_packet)
{
	static uint8_t bytes[PROTO_PACKET_BYTES_MAX];
	struct packet packet = {.opcode = 5, .target_player = 1, .payload = {bytes, PROTO_PACKET_BYTES_MAX - PROTO_PACKET_OVERHEAD_BYTES_MAX}};
	cr_assert_eq(ringcast_command_send(session, &packet, INTENT_RELIABLE), DROP_NONE);
	expect(&world, "send 5 from 0 player 1 group 0 reliable to 1 16288 bytes\n");
	packet.payload.size++;
	cr_assert_eq(ringcast_command_send(session, &packet, INTENT_RELIABLE), DROP_OVERSIZE);
	expect(&world, "");
}

Test(commands, a_kick_tells_the_script_then_the_transport)
{
	cr_assert_eq(ringcast_command_kick(session, 2, "too loud"), DROP_NONE);
	expect(&world, "hook disconnected 2 kicked\nclose 2 kicked 'too loud'\n");
	cr_assert_eq(ringcast_command_kick(session, 2, NULL), DROP_NO_TARGET);
	cr_assert_eq(ringcast_command_kick(session, 3, NULL), DROP_NONE);
	expect(&world, "hook disconnected 3 kicked\nclose 3 kicked 'kicked'\n");
	ringcast_player_disconnect(three, CLOSE_CLIENT, world.now_ns); /* the transport, later: harmless */
	expect(&world, "");
	cr_assert_eq(session->player_count, 1);
}

Test(commands, a_transport_that_went_by_itself_is_not_told_to_close)
{
	ringcast_player_disconnect(two, CLOSE_RESET, world.now_ns);
	expect(&world, "hook disconnected 2 reset\n");
	ringcast_player_disconnect(two, CLOSE_RESET, world.now_ns);
	expect(&world, "");
}

Test(commands, a_kick_text_fits_a_close_frame_and_stays_utf8)
{
	char text[200], expected[300];
	memset(text, 'x', sizeof(text));
	memcpy(text + 121, "\xe2\x82\xac", 3); /* a euro sign across the bound of 123 */
	text[199] = '\0';
	cr_assert_eq(ringcast_command_kick(session, 2, text), DROP_NONE);
	snprintf(expected, sizeof(expected), "hook disconnected 2 kicked\nclose 2 kicked '%.121s'\n", text);
	expect(&world, expected);
	text[123] = '\0';
	memcpy(text + 121, "xx", 2);
	cr_assert_eq(ringcast_command_kick(session, 3, text), DROP_NONE);
	snprintf(expected, sizeof(expected), "hook disconnected 3 kicked\nclose 3 kicked '%s'\n", text);
	expect(&world, expected);
}

Test(commands, a_script_moves_players_without_being_asked)
{
	cr_assert_eq(ringcast_command_join(session, 7, 1), DROP_NONE);
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 1 list 1\n");
	cr_assert_eq(ringcast_command_leave(session, 7, 1), DROP_NONE);
	expect(&world, "update 7 from -1 player 0 group 7 reliable to 1 list \n");
	cr_assert_eq(ringcast_command_leave(session, 7, 1), DROP_NOT_MEMBER);
	cr_assert_eq(ringcast_command_join(session, 7, 9), DROP_NO_TARGET);
	cr_assert_eq(ringcast_command_leave(session, 7, 9), DROP_NO_TARGET);
	cr_assert_eq(ringcast_command_join(session, -1, 1), DROP_GROUP_LIMIT);
	expect(&world, "");
}

Test(commands, a_list_goes_to_whom_the_script_says)
{
	ringcast_command_join(session, 7, 1);
	ringcast_command_join(session, 8, 2);
	world_forget(&world);
	cr_assert_eq(ringcast_command_broadcast_membership(session, 7, 8), DROP_NONE);
	cr_assert_eq(ringcast_command_broadcast_membership(session, 7, -1), DROP_NONE);
	cr_assert_eq(ringcast_command_broadcast_membership(session, -1, 8), DROP_NONE);
	cr_assert_eq(ringcast_command_broadcast_membership(session, 9, 8), DROP_NONE);
	expect(&world, "update 7 from -1 player 0 group 8 reliable to 2 list 1\n"
		       "update 7 from -1 player 0 group -1 reliable to 1,2,3 list 1\n"
		       "update -1 from -1 player 0 group 8 reliable to 2 list 1,2,3\n"
		       "update 9 from -1 player 0 group 8 reliable to 2 list \n");
	cr_assert_eq(ringcast_command_broadcast_membership(session, 7, 9), DROP_NO_TARGET);
	cr_assert_eq(ringcast_command_broadcast_membership(session, 0, 8), DROP_GROUP_LIMIT);
	expect(&world, "");
}

static enum verdict answer(struct world *w, const struct hook_call *call)
{
	if (call->hook == HOOK_SEND_GROUP) {
		cr_assert_eq(ringcast_command_kick(call->session, 2, NULL), DROP_NONE);
		cr_assert_eq(say(9, -1, 0, -1, "after"), DROP_NONE);
		cr_assert_eq(say(9, -1, 2, 0, "too late"), DROP_NONE);
		cr_assert_eq(call->session->player_count, 3, "nothing has happened yet");
	}
	return VERDICT_ALLOW;
}

Test(commands, from_a_hook_come_after_the_event_in_order)
{
	world.script = answer;
	cr_assert_eq(world_send(&world, one, 5, 0, -1, "first"), DROP_NONE);
	expect(&world, "hook send_to_group 5 from 1 player 0 group -1 'first'\n"
		       "send 5 from 1 player 0 group -1 reliable to 1,2,3 'first'\n"
		       "hook disconnected 2 kicked\nclose 2 kicked 'kicked'\n"
		       "send 9 from -1 player 0 group -1 reliable to 1,3 'after'\n"
		       "drop no_target 1\n");
	cr_assert_eq(session->drops, 1);
	cr_assert_eq(ringcast_buf_pool_in_use(world.pool), 0);
}

/* Each one who goes takes the next one along. */
static enum verdict kick_the_next(struct world *w, const struct hook_call *call)
{
	if (call->hook == HOOK_DISCONNECTED)
		ringcast_command_kick(call->session, call->player->peer_id + 1, NULL);
	return VERDICT_ALLOW;
}

Test(commands, that_call_hooks_that_give_commands_end)
{
	world.script = kick_the_next;
	ringcast_player_disconnect(one, CLOSE_CLIENT, world.now_ns);
	expect(&world, "hook disconnected 1 client\nhook disconnected 2 kicked\nclose 2 kicked 'kicked'\n"
		       "hook disconnected 3 kicked\nclose 3 kicked 'kicked'\ndrop no_target 1\n");
	cr_assert_eq(session->player_count, 0);
}

static enum verdict kick_the_sender(struct world *w, const struct hook_call *call)
{
	if (call->packet != NULL)
		ringcast_command_kick(call->session, call->packet->sender, "no");
	return VERDICT_DENY;
}

Test(commands, may_remove_the_sender_of_the_very_message)
{
	world.script = kick_the_sender;
	cr_assert_eq(world_send(&world, one, 5, 0, -1, "x"), DROP_DENIED);
	expect(&world, "hook send_to_group 5 from 1 player 0 group -1 'x'\nhook disconnected 1 kicked\nclose 1 kicked 'no'\n");
	cr_assert_eq(one->state, PLAYER_COMPLETED, "and it is still there to be looked at, until the tick ends");
}

static enum verdict finish(struct world *w, const struct hook_call *call)
{
	if (w->script_state == (int)call->hook) {
		cr_assert_eq(say(9, -1, 0, -1, "bye"), DROP_NONE);
		cr_assert_eq(ringcast_command_finish(call->session), DROP_NONE);
		cr_assert_eq(say(9, -1, 0, -1, "never"), DROP_NONE);
	} else if (call->session->state == SESSION_ENDED) {
		cr_assert_eq(say(9, -1, 0, -1, "refused"), DROP_SESSION_ENDED);
		cr_assert_eq(ringcast_command_finish(call->session), DROP_SESSION_ENDED);
	}
	return VERDICT_ALLOW;
}

static void finish_in(enum hook hook)
{
	world.script = finish;
	world.script_state = (int)hook;
}

#define ALL_GO "drop session_ended 1\n" \
	"hook disconnected 3 session_ended\nclose 3 session_ended 'game session ended'\n" \
	"hook disconnected 2 session_ended\nclose 2 session_ended 'game session ended'\n" \
	"hook disconnected 1 session_ended\nclose 1 session_ended 'game session ended'\n" \
	"hook ended session_ended\n"

Test(commands, finish_ends_the_session_after_the_message)
{
	finish_in(HOOK_SEND_GROUP);
	cr_assert_eq(world_send(&world, one, 5, 0, -1, "x"), DROP_NONE);
	expect(&world, "hook send_to_group 5 from 1 player 0 group -1 'x'\nsend 5 from 1 player 0 group -1 reliable to 1,2,3 'x'\n"
		       "send 9 from -1 player 0 group -1 reliable to 1,2,3 'bye'\n" ALL_GO);
	cr_assert_eq(session->state, SESSION_ENDED);
	cr_assert_eq(ringcast_buf_pool_in_use(world.pool), 0);
}

Test(commands, finish_from_the_message_hook)
{
	finish_in(HOOK_MESSAGE);
	cr_assert_eq(world_send(&world, two, 5, -1, 0, "x"), DROP_NONE);
	expect(&world, "hook message 5 from 2 player -1 group 0 'x'\nsend 9 from -1 player 0 group -1 reliable to 1,2,3 'bye'\n" ALL_GO);
}

Test(commands, finish_from_a_join)
{
	finish_in(HOOK_JOIN);
	cr_assert_eq(world_group(&world, one, OPCODE_JOIN_GROUP, 7), DROP_NONE);
	expect(&world, "hook join 7 peer 1\nupdate 7 from -1 player 0 group 7 reliable to 1 list 1\n"
		       "send 9 from -1 player 0 group -1 reliable to 1,2,3 'bye'\n" ALL_GO); /* no updates while everyone goes */
	cr_assert_eq(world.store.groups.count, 0);
}

Test(commands, finish_twice_is_finish_once)
{
	world.script = finish; /* which checks that hooks of the ending can give no commands */
	world.script_state = -1;
	cr_assert_eq(ringcast_command_finish(session), DROP_NONE);
	cr_assert_eq(ringcast_command_finish(session), DROP_SESSION_ENDED);
	ringcast_session_end_now(session, CLOSE_SCRIPT_FAILED, world.now_ns);
	cr_assert_eq(session->close_reason, CLOSE_SESSION_ENDED, "the first reason stays");
}

static enum verdict finish_when_two_goes(struct world *w, const struct hook_call *call)
{
	if (call->hook == HOOK_DISCONNECTED && call->player->peer_id == 2 && call->session->state == SESSION_ACTIVE)
		cr_assert_eq(ringcast_command_finish(call->session), DROP_NONE);
	return VERDICT_ALLOW;
}

Test(commands, finish_in_the_middle_of_kicks)
{
	world.script = finish_when_two_goes;
	cr_assert_eq(ringcast_command_kick(session, 2, NULL), DROP_NONE);
	expect(&world, "hook disconnected 2 kicked\nclose 2 kicked 'kicked'\n"
		       "hook disconnected 3 session_ended\nclose 3 session_ended 'game session ended'\n"
		       "hook disconnected 1 session_ended\nclose 1 session_ended 'game session ended'\n"
		       "hook ended session_ended\n");
}

Test(commands, finish_at_accept)
{
	finish_in(HOOK_ACCEPTED);
	char token[PLAYER_TOKEN_BYTES];
	world_reserve(&world, session, token);
	struct player *four = world_admit(&world, token);
	cr_assert_eq(four->state, PLAYER_COMPLETED);
	expect(&world, "hook connect 4\nhook accepted 4\nsend 9 from -1 player 0 group -1 reliable to 1,2,3,4 'bye'\ndrop session_ended 1\n"
		       "hook disconnected 4 session_ended\nclose 4 session_ended 'game session ended'\n"
		       "hook disconnected 3 session_ended\nclose 3 session_ended 'game session ended'\n"
		       "hook disconnected 2 session_ended\nclose 2 session_ended 'game session ended'\n"
		       "hook disconnected 1 session_ended\nclose 1 session_ended 'game session ended'\n"
		       "hook ended session_ended\n");
}

Test(commands, finish_at_the_start)
{
	finish_in(HOOK_STARTED);
	struct session *kept = session;
	struct session_options options = {0};
	cr_assert_eq(ringcast_session_open(&world.store, &options, world.now_ns, &session), DROP_NONE);
	cr_assert_eq(session->state, SESSION_ENDED);
	cr_assert_eq(kept->state, SESSION_ACTIVE);
	ringcast_store_collect(&world.store);
	cr_assert_eq(world.store.sessions.count, 1);
}

static enum verdict flood(struct world *w, const struct hook_call *call)
{
	if (call->hook == HOOK_MESSAGE)
		for (int i = 0; i < 10; i++) {
			enum drop_reason reason = say(9, -1, 1, 0, "x");
			cr_assert_eq(reason, i < 4 ? DROP_NONE : DROP_COMMAND_LIMIT);
		}
	return VERDICT_ALLOW;
}

Test(commands, of_one_hook_are_bounded)
{
	world.limits.commands_per_hook_max = 4;
	world.script = flood;
	for (int round = 0; round < 2; round++) { /* the bound is per event, not for ever */
		cr_assert_eq(world_send(&world, one, 5, -1, 0, "x"), DROP_NONE);
		expect(&world, "hook message 5 from 1 player -1 group 0 'x'\n"
			       "send 9 from -1 player 1 group 0 reliable to 1 'x'\nsend 9 from -1 player 1 group 0 reliable to 1 'x'\n"
			       "send 9 from -1 player 1 group 0 reliable to 1 'x'\nsend 9 from -1 player 1 group 0 reliable to 1 'x'\n");
	}
	cr_assert_eq(session->drops, 12);
}

static enum verdict say_much(struct world *w, const struct hook_call *call)
{
	static uint8_t bytes[PROTO_PACKET_BYTES_MAX - PROTO_PACKET_OVERHEAD_BYTES_MAX];
	struct packet packet = {.opcode = 9, .target_player = 1, .payload = {bytes, sizeof(bytes)}};
	for (; call->hook == HOOK_MESSAGE && packet.payload.size > 0; packet.payload.size /= 2)
		cr_assert_eq(ringcast_command_send(call->session, &packet, INTENT_FAST), DROP_NONE);
	return VERDICT_ALLOW;
}

Test(commands, of_every_size_wait_in_bufs_that_hold_them)
{
	world.script = say_much;
	world_send(&world, one, 5, -1, 0, "x");
	cr_assert_not_null(strstr(world.log, "fast to 1 16288 bytes\n"));
	cr_assert_not_null(strstr(world.log, "fast to 1 8144 bytes\n"));
	cr_assert_eq(session->deliveries, 14);
	cr_assert_eq(ringcast_buf_pool_in_use(world.pool), 0);
}

/* The payload of a message is the receive buffer's: a command has its own copy. */
static enum verdict echo(struct world *w, const struct hook_call *call)
{
	if (call->hook == HOOK_MESSAGE) {
		char text[] = "scratch";
		say(9, -1, 1, 0, text);
		memset(text, '?', sizeof(text));
	}
	return VERDICT_ALLOW;
}

Test(commands, keep_their_own_bytes)
{
	world.script = echo;
	world_send(&world, one, 5, -1, 0, "x");
	expect(&world, "hook message 5 from 1 player -1 group 0 'x'\nsend 9 from -1 player 1 group 0 reliable to 1 'scratch'\n");
}
