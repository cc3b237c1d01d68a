/* What a process hears: every hook as a frame, only of callbacks that the script has, within bounds. */
#include <criterion/criterion.h>

#include "side_world.h"

static const char greeting[] = "to 0: HELLO 0 1129530194 2 2 0 4096 0 'ringcast'\n";

static struct session *start_ready(struct side_world *world, uint32_t callbacks)
{
	side_start(world, callbacks);
	side_attach(world, 0);
	side_hear(world, 0);
	expect(world, greeting);
	return side_open(world);
}

/* A player that is in, without a trace. */
static struct player *enter(struct side_world *world, struct session *session, uint64_t ticket)
{
	struct player *player = side_login(world, session, "ann", "");
	side_hear(world, 0);
	if (player->is_waiting)
		cr_assert(side_answer(world, 0, 1, ticket, SIDECAR_ANSWER_ALLOW));
	side_hear(world, 0);
	side_forget(world);
	return player;
}

static void replace_id(struct side_world *world, const struct session *session)
{
	for (char *at; (at = strstr(world->log, session->id)) != NULL;) {
		memcpy(at, "ID", 2);
		memmove(at + 2, at + strlen(session->id), strlen(at + strlen(session->id)) + 1);
		world->log_size = strlen(world->log);
	}
}

Test(sidecar_events, a_session_is_opened_with_all_that_its_script_needs)
{
	struct side_world world;
	struct session *session = start_ready(&world, 0);
	side_hear(&world, 0);
	replace_id(&world, session);
	expect(&world, "to 0: OPEN 1 0 8 3000 100 'ID' 'arena' '{\"map\":\"sand\"}' 'teams' 'game' 'v1' '/scripts' 'index.js' 'one two'\n");
	side_stop(&world);
}

Test(sidecar_events, a_script_hears_what_it_has_a_callback_for_and_always_who_comes_and_goes)
{
	struct side_world world;
	struct session *session = start_ready(&world, 1 << SCRIPT_CALLBACK_INIT);
	const struct hooks *hooks = session->hooks;
	cr_assert_null(hooks->player_connect);
	cr_assert_null(hooks->message);
	cr_assert_null(hooks->send_to_player);
	cr_assert_null(hooks->send_to_group);
	cr_assert_null(hooks->join_group);
	cr_assert_null(hooks->leave_group);
	cr_assert_null(hooks->health_check);
	cr_assert_null(hooks->terminate);
	cr_assert_null(hooks->tick);
	cr_assert_not_null(hooks->player_accepted);
	cr_assert_not_null(hooks->player_disconnected);
	side_stop(&world);
}

static void replace_tokens(struct side_world *world)
{
	for (char *at; (at = strstr(world->log, "psess-")) != NULL;) {
		memcpy(at, "TOKEN", 5);
		memmove(at + 5, at + 38, strlen(at + 38) + 1);
		world->log_size = strlen(world->log);
	}
}

Test(sidecar_events, a_login_waits_for_the_script_and_its_life_is_told)
{
	struct side_world world;
	struct session *session = start_ready(&world, 0);
	side_hear(&world, 0);
	side_forget(&world);
	struct player *player = side_login(&world, session, "ann", "hello");
	cr_assert(player->is_waiting);
	side_hear(&world, 0);
	replace_tokens(&world);
	expect(&world, "to 0: CONNECT 1 1 1 'TOKEN' 'ann' 'gold' 'hello'\n");
	cr_assert(side_answer(&world, 0, 1, 1, SIDECAR_ANSWER_ALLOW));
	side_hear(&world, 0);
	replace_tokens(&world);
	expect(&world, "admitted 1\nto 0: ACCEPTED 1 1 'TOKEN' 'ann' 'gold'\n");
	ringcast_player_disconnect(player, CLOSE_CLIENT, world.now_ns);
	side_hear(&world, 0);
	expect(&world, "to 0: DISCONNECTED 1 1 'client'\n");
	side_stop(&world);
}

Test(sidecar_events, a_denied_login_is_refused)
{
	struct side_world world;
	struct session *session = start_ready(&world, 0);
	side_login(&world, session, "ann", "");
	side_hear(&world, 0);
	side_forget(&world);
	cr_assert(side_answer(&world, 0, 1, 1, SIDECAR_ANSWER_DENY));
	expect(&world, "refused 1 denied\n");
	side_stop(&world);
}

Test(sidecar_events, messages_and_questions_carry_everything)
{
	struct side_world world;
	struct session *session = start_ready(&world, 0);
	struct player *player = enter(&world, session, 1);
	cr_assert_eq(side_send(&world, player, 10, PROTO_PEER_SERVER, 0, "to the server"), DROP_NONE);
	side_hear(&world, 0);
	expect(&world, "to 0: MESSAGE 1 reliable 10 1 -1 0 'to the server'\n");
	cr_assert_eq(side_send(&world, player, 11, 1, 0, "self"), DROP_NONE);
	side_hear(&world, 0);
	expect(&world, "to 0: TO_PLAYER 1 reliable 2 11 1 1 0 'self'\n");
	cr_assert(side_answer(&world, 0, 1, 2, SIDECAR_ANSWER_ALLOW));
	expect(&world, "send 11 from 1 reliable to 1 'self'\n");
	cr_assert_eq(side_send(&world, player, 12, 0, -1, "all"), DROP_NONE);
	side_hear(&world, 0);
	expect(&world, "to 0: TO_GROUP 1 reliable 3 12 1 0 -1 'all'\n");
	cr_assert(side_answer(&world, 0, 1, 3, SIDECAR_ANSWER_DENY));
	expect(&world, "drop denied 1\n");
	cr_assert_eq(side_group(&world, player, OPCODE_JOIN_GROUP, 7), DROP_NONE);
	side_hear(&world, 0);
	expect(&world, "to 0: JOIN 1 4 7 1\n");
	cr_assert(side_answer(&world, 0, 1, 4, SIDECAR_ANSWER_ALLOW));
	cr_assert(ringcast_group_has(player, 7));
	side_forget(&world);
	cr_assert_eq(side_group(&world, player, OPCODE_LEAVE_GROUP, 7), DROP_NONE);
	side_hear(&world, 0);
	expect(&world, "to 0: LEAVE 1 5 7 1\n");
	cr_assert(side_answer(&world, 0, 1, 5, SIDECAR_ANSWER_ALLOW));
	cr_assert(!ringcast_group_has(player, 7));
	side_stop(&world);
}

Test(sidecar_events, ticks_health_checks_and_the_last_word_are_told)
{
	struct side_world world;
	side_start(&world, 0);
	world.limits.health_interval_ms = 250;
	world.limits.health_failures_max = 1;
	side_attach(&world, 0);
	struct session *session = side_open(&world);
	side_hear(&world, 0);
	side_forget(&world);
	side_advance_ms(&world, 100);
	side_hear(&world, 0);
	expect(&world, "to 0: TICK 1 1100000000\n");
	ringcast_session_ask_to_end(session, world.now_ns + 5 * NS_PER_S, world.now_ns);
	side_hear(&world, 0);
	expect(&world, "to 0: TERMINATE 1 5000\n");
	side_advance_ms(&world, 200);
	side_hear(&world, 0);
	cr_assert_not_null(strstr(world.log, "to 0: HEALTH 1 1\n"), "%s", world.log);
	side_forget(&world);
	cr_assert(side_answer(&world, 0, 1, 1, SIDECAR_ANSWER_DENY));
	side_hear(&world, 0);
	expect(&world, "ended unhealthy\nto 0: CLOSE 1 'unhealthy'\n");
	side_stop(&world);
}

Test(sidecar_events, what_a_failing_script_would_answer_is_by_the_configuration)
{
	struct side_world world;
	struct session *session = start_ready(&world, 0);
	struct player *player = enter(&world, session, 1);
	cr_assert_eq(side_send(&world, player, 11, 1, 0, "a"), DROP_NONE);
	side_hear(&world, 0);
	side_forget(&world);
	cr_assert(side_answer(&world, 0, 1, 2, SIDECAR_ANSWER_FAILED));
	expect(&world, "drop denied 1\n");
	world.script_limits.on_error = SCRIPT_FAILURE_ALLOW;
	cr_assert_eq(side_send(&world, player, 11, 1, 0, "b"), DROP_NONE);
	side_hear(&world, 0);
	side_forget(&world);
	cr_assert(side_answer(&world, 0, 1, 3, SIDECAR_ANSWER_FAILED));
	expect(&world, "send 11 from 1 reliable to 1 'b'\n");
	side_stop(&world);
}

/* The window is 4096 bytes: of messages of 40 + 1000 bytes, three fit. */
static void fill_window(struct side_world *world, struct player *player)
{
	char payload[1001] = "";
	memset(payload, 'x', 1000);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(side_send(world, player, 10, PROTO_PEER_SERVER, 0, payload), DROP_NONE);
	side_hear(world, 0);
	side_forget(world);
	side_send(world, player, 10, PROTO_PEER_SERVER, 0, payload);
}

Test(sidecar_bounds, a_script_that_does_not_keep_up_misses_notifications_and_they_are_counted)
{
	struct side_world world;
	struct session *session = start_ready(&world, 0);
	struct player *player = enter(&world, session, 1);
	fill_window(&world, player);
	expect(&world, "drop script_busy 1\n");
	cr_assert_eq(ringcast_sidecar_measure(world.host, 0).notifications_dropped, 1);
	cr_assert_eq(ringcast_sidecar_pending(world.host, 0).size, 0);
	cr_assert(side_credit(&world, 0, 1, 3000));
	fill_window(&world, player);
	side_stop(&world);
}

Test(sidecar_bounds, a_question_that_cannot_be_asked_is_answered_on_the_spot)
{
	struct side_world world;
	struct session *session = start_ready(&world, 0);
	struct player *player = enter(&world, session, 1);
	char payload[1001] = "";
	memset(payload, 'x', 1000);
	fill_window(&world, player);
	side_forget(&world);
	cr_assert_eq(side_send(&world, player, 11, 1, 0, payload), DROP_DENIED);
	world.script_limits.on_error = SCRIPT_FAILURE_ALLOW;
	cr_assert_eq(side_send(&world, player, 11, 1, 0, payload), DROP_NONE);
	expect(&world, "send 11 from 1 reliable to 1 1000 bytes\n");
	cr_assert_eq(ringcast_sidecar_measure(world.host, 0).questions_defaulted, 2);
	side_stop(&world);
}

/* Its script does not know of it, so it is not in the snapshot that the script is making. */
Test(sidecar_bounds, who_joins_hears_what_the_script_could_not_be_asked_about)
{
	struct side_world world;
	struct session *session = start_ready(&world, 1 << SCRIPT_CALLBACK_MESSAGE | 1 << SCRIPT_CALLBACK_SEND_TO_GROUP | 1 << SCRIPT_CALLBACK_SNAPSHOT);
	struct player *one = enter(&world, session, 1);
	side_group(&world, one, OPCODE_JOIN_GROUP, 7);
	struct player *two = side_login(&world, session, "bob", "");
	side_hear(&world, 0);
	cr_assert(side_answer(&world, 0, 1, 2, SIDECAR_ANSWER_ALLOW));
	cr_assert(side_answer(&world, 0, 1, 3, SIDECAR_ANSWER_ALLOW));
	side_group(&world, two, OPCODE_JOIN_GROUP, 7);
	side_hear(&world, 0);
	fill_window(&world, one);
	side_forget(&world);
	world.script_limits.on_error = SCRIPT_FAILURE_ALLOW;
	char payload[1001] = "";
	memset(payload, 'x', 1000);
	cr_assert_eq(side_send(&world, one, 11, 0, 7, payload), DROP_NONE);
	expect(&world, "send 11 from 1 reliable to 1 1000 bytes\n");
	cr_assert(side_answer(&world, 0, 1, 4, SIDECAR_ANSWER_ALLOW));
	cr_assert_not_null(strstr(world.log, "send 11 from 1 reliable to 2 1000 bytes\n"), "%s", world.log);
	side_stop(&world);
}

static void say_part(struct side_world *world, uint64_t ticket, int32_t opcode, const char *text)
{
	struct sidecar_frame part = {.kind = SIDECAR_FRAME_SNAPSHOT_PART, .session = 1, .numbers = {0, (uint32_t)opcode, (uint32_t)-1}, .texts = {side_text(text)}};
	side_hear(world, 0);
	part.numbers[0] = world->tickets[ticket - 1];
	cr_assert(side_say(world, 0, &part));
}

/* Half of one is worse than none. */
Test(sidecar_events, of_a_snapshot_that_failed_nothing_is_delivered)
{
	struct side_world world;
	struct session *session = start_ready(&world, 1 << SCRIPT_CALLBACK_SNAPSHOT);
	struct player *one = enter(&world, session, 1);
	world.script_limits.on_error = SCRIPT_FAILURE_ALLOW;
	session->is_late_allowed = true;
	side_group(&world, one, OPCODE_JOIN_GROUP, 7);
	side_group(&world, one, OPCODE_JOIN_GROUP, 8);
	say_part(&world, 2, 20, "half");
	cr_assert(side_answer(&world, 0, 1, 2, SIDECAR_ANSWER_FAILED));
	cr_assert(ringcast_group_has(one, 7));
	say_part(&world, 3, 20, "half");
	say_part(&world, 3, OPCODE_LOGIN, "no message of a game");
	cr_assert_not_null(strstr(world.log, "drop bad_state 1\n"), "%s", world.log);
	cr_assert_not_null(strstr(world.log, "a part of the snapshot is no message that a game may send"), "%s", world.log);
	cr_assert(side_answer(&world, 0, 1, 3, SIDECAR_ANSWER_ALLOW));
	cr_assert(ringcast_group_has(one, 8));
	cr_assert_null(strstr(world.log, "half"), "%s", world.log);
	cr_assert_eq(world.store.snapshots_missed, 2);
	side_stop(&world);
}

Test(sidecar_bounds, the_bytes_that_wait_for_a_process_are_bounded_over_all_its_sessions)
{
	struct side_world world;
	struct session *session = start_ready(&world, 0);
	struct player *player = enter(&world, session, 1);
	world.script_limits.outgoing_bytes_max = 2000;
	char payload[901] = "";
	memset(payload, 'x', 900);
	for (unsigned i = 0; i < 4; i++)
		side_send(&world, player, 10, PROTO_PEER_SERVER, 0, payload);
	expect(&world, "drop script_busy 1\ndrop script_busy 1\n");
	cr_assert_leq(ringcast_sidecar_pending(world.host, 0).size, 2000);
	cr_assert_eq(ringcast_sidecar_measure(world.host, 0).queued_bytes, ringcast_sidecar_pending(world.host, 0).size);
	side_stop(&world);
}

Test(sidecar_bounds, who_comes_and_goes_is_told_beyond_the_bound_and_a_script_that_cannot_be_told_is_ended)
{
	struct side_world world;
	struct session *session = start_ready(&world, 1 << SCRIPT_CALLBACK_MESSAGE);
	struct player *player = side_login(&world, session, "ann", "");
	side_hear(&world, 0);
	side_forget(&world);
	fill_window(&world, player);
	side_hear(&world, 0);
	side_forget(&world);
	for (unsigned i = 0; i < 60 && session->state == SESSION_ACTIVE; i++) {
		struct player *guest = side_login(&world, session, "bob", "");
		ringcast_player_disconnect(guest, CLOSE_CLIENT, world.now_ns);
		ringcast_store_collect(&world.store);
	}
	cr_assert_not_null(strstr(world.log, "log fatal: session ends: its script is too far behind to be told who is in it\n"), "%s", world.log);
	cr_assert_eq(ringcast_sidecar_deadline_ns(world.host), 0);
	side_forget(&world);
	ringcast_sidecar_tick(world.host, world.now_ns);
	expect(&world, "close 1 script_failed 'the game's script failed'\nended script_failed\n");
	side_stop(&world);
}
