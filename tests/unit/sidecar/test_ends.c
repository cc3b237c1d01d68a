/* How sessions end with their script, and processes with their channel. */
#include <criterion/criterion.h>
#include <signal.h>

#include "side_world.h"

static struct session *start_game(struct side_world *world)
{
	side_start(world, 1 << SCRIPT_CALLBACK_MESSAGE);
	side_attach(world, 0);
	struct session *session = side_open(world);
	side_login(world, session, "ann", "");
	side_hear(world, 0);
	side_forget(world);
	return session;
}

Test(sidecar_ends, a_script_that_is_done_ends_its_session)
{
	struct side_world world;
	start_game(&world);
	cr_assert(side_say_end(&world, 0, 1, SIDECAR_END_FINISHED, "bye"));
	side_hear(&world, 0);
	expect(&world, "log info: bye\nclose 1 session_ended 'game session ended'\nended session_ended\n"
		       "to 0: DISCONNECTED 1 1 'session_ended'\nto 0: CLOSE 1 'session_ended'\n");
	side_stop(&world);
}

Test(sidecar_ends, a_script_that_fails_ends_its_session)
{
	struct side_world world;
	start_game(&world);
	cr_assert(side_say_end(&world, 0, 1, SIDECAR_END_FAILED, "index.js:3: TypeError"));
	expect(&world, "log fatal: index.js:3: TypeError\nclose 1 script_failed 'the game's script failed'\nended script_failed\n");
	cr_assert_eq(world.counts[SCRIPT_COUNT_ERRORS], 1);
	side_stop(&world);
}

Test(sidecar_ends, a_script_without_memory_ends_its_session)
{
	struct side_world world;
	start_game(&world);
	cr_assert(side_say_end(&world, 0, 1, SIDECAR_END_OUT_OF_MEMORY, ""));
	expect(&world, "close 1 script_failed 'the game's script failed'\nended script_failed\n");
	cr_assert_eq(world.counts[SCRIPT_COUNT_OUT_OF_MEMORY], 1);
	side_stop(&world);
}

Test(sidecar_ends, errors_are_counted_and_too_many_of_them_end_the_session)
{
	struct side_world world;
	start_game(&world);
	world.script_limits.errors_max = 3;
	cr_assert(side_say_log(&world, 0, 1, SCRIPT_ERROR, true, "one"));
	cr_assert(side_say_log(&world, 0, 1, SCRIPT_ERROR, false, "not counted"));
	cr_assert(side_say_log(&world, 0, 1, SCRIPT_ERROR, true, "two"));
	side_forget(&world);
	cr_assert(side_say_log(&world, 0, 1, SCRIPT_ERROR, true, "three"));
	expect(&world, "log error: three\nlog fatal: session ends: its script failed 3 times\nclose 1 script_failed 'the game's script failed'\n"
		       "ended script_failed\n");
	cr_assert_eq(world.counts[SCRIPT_COUNT_ERRORS], 3);
	side_stop(&world);
}

Test(sidecar_ends, the_end_of_a_process_ends_its_sessions_and_no_others)
{
	struct side_world world;
	start_game(&world);
	side_attach(&world, 1);
	struct session *other = side_open(&world); /* on the emptier channel */
	cr_assert_eq(ringcast_sidecar_measure(world.host, 1).session_count, 1);
	side_forget(&world);
	ringcast_sidecar_detach(world.host, 0, world.now_ns);
	expect(&world, "log fatal: session ends: the process that ran its script is gone\n"
		       "close 1 script_lost 'the process that ran the game's script ended'\nended script_lost\n");
	cr_assert_eq(other->state, SESSION_ACTIVE);
	cr_assert_eq(ringcast_sidecar_measure(world.host, 0).sessions_lost, 1);
	cr_assert_eq(ringcast_sidecar_measure(world.host, 0).session_count, 0);
	cr_assert_eq(ringcast_sidecar_pending(world.host, 0).size, 0);
	ringcast_sidecar_detach(world.host, 0, world.now_ns); /* harmless */
	side_stop(&world);
}

Test(sidecar_ends, a_process_that_comes_again_is_greeted_anew_and_serves)
{
	struct side_world world;
	start_game(&world);
	ringcast_sidecar_detach(world.host, 0, world.now_ns);
	ringcast_store_collect(&world.store);
	side_attach(&world, 0);
	side_forget(&world);
	side_hear(&world, 0);
	expect(&world, "to 0: HELLO 0 1129530194 2 2 0 4096 0 'ringcast'\n");
	side_open(&world);
	side_hear(&world, 0);
	cr_assert_eq(strncmp(world.log, "to 0: OPEN 2 ", 13), 0);
	side_stop(&world);
}

Test(sidecar_ends, a_session_waits_for_a_process_to_come_up)
{
	struct side_world world;
	side_start(&world, 0);
	struct session *session = side_open(&world);
	cr_assert_eq(ringcast_sidecar_pending(world.host, 0).size, 0);
	side_advance_ms(&world, 5000);
	cr_assert_eq(session->state, SESSION_ACTIVE);
	side_attach(&world, 0);
	side_hear(&world, 0);
	cr_assert_eq(strncmp(world.log, "to 0: HELLO 0 ", 14), 0, "%s", world.log);
	cr_assert_not_null(strstr(world.log, "\nto 0: OPEN 1 "));
	side_stop(&world);
}

Test(sidecar_ends, a_session_whose_process_does_not_come_up_is_lost)
{
	struct side_world world;
	side_start(&world, 0);
	side_open(&world);
	cr_assert_neq(ringcast_sidecar_deadline_ns(world.host), 0);
	side_advance_ms(&world, 13000);
	expect(&world, "log fatal: session ends: the process that ran its script is gone\nended script_lost\n");
	side_attach(&world, 0);
	side_hear(&world, 0);
	expect(&world, "to 0: HELLO 0 1129530194 2 2 0 4096 0 'ringcast'\n"); /* of that session the process never hears */
	side_stop(&world);
}

static void talk_for_ms(struct side_world *world, uint64_t ms, uint32_t credited)
{
	struct sidecar_frame pong = {.kind = SIDECAR_FRAME_PONG};
	for (uint64_t at = 0; at < ms; at += 500) {
		side_advance_ms(world, 500);
		side_hear(world, 0);
		cr_assert(side_say(world, 0, &pong));
		cr_assert(credited == 0 || side_credit(world, 0, credited, 0));
	}
}

Test(sidecar_stall, a_script_that_takes_nothing_is_killed_while_its_process_lives)
{
	struct side_world world;
	struct session *session = start_game(&world); /* what it was opened with was never credited */
	talk_for_ms(&world, 8000, 0);
	cr_assert_eq(session->state, SESSION_ACTIVE);
	side_forget(&world);
	talk_for_ms(&world, 6000, 0);
	cr_assert_not_null(strstr(world.log, "log fatal: session ends: its script has taken no event for 10000 ms (an endless loop?)\n"), "%s",
			   world.log);
	cr_assert_not_null(strstr(world.log, "ended script_failed\n"));
	cr_assert_not_null(strstr(world.log, "to 0: CLOSE 1 'script_failed'\n"));
	cr_assert_eq(world.counts[SCRIPT_COUNT_KILLED], 1);
	cr_assert_eq(ringcast_sidecar_measure(world.host, 0).sessions_killed, 1);
	cr_assert(!ringcast_sidecar_is_silent(world.host, 0));
	side_stop(&world);
}

Test(sidecar_stall, a_script_is_not_blamed_for_the_time_its_process_took_to_come_up)
{
	struct side_world world;
	side_start(&world, 0);
	struct session *session = side_open(&world);
	side_advance_ms(&world, 9000);
	ringcast_sidecar_attach(world.host, 0, world.now_ns);
	side_advance_ms(&world, 20000); /* a runtime in no hurry */
	cr_assert(!ringcast_sidecar_is_silent(world.host, 0));
	struct sidecar_frame welcome = {.kind = SIDECAR_FRAME_WELCOME, .numbers = {SIDECAR_MAGIC, SIDECAR_VERSION_MAX}};
	cr_assert(side_say(&world, 0, &welcome));
	talk_for_ms(&world, 9000, 0);
	cr_assert_eq(session->state, SESSION_ACTIVE);
	talk_for_ms(&world, 5000, 0);
	cr_assert_not_null(strstr(world.log, "ended script_failed\n"), "%s", world.log);
	side_stop(&world);
}

Test(sidecar_stall, a_process_that_never_greets_is_silent)
{
	struct side_world world;
	side_start(&world, 0);
	ringcast_sidecar_attach(world.host, 0, world.now_ns);
	side_advance_ms(&world, 34000);
	cr_assert(ringcast_sidecar_is_silent(world.host, 0));
	ringcast_sidecar_detach(world.host, 0, world.now_ns);
	side_stop(&world);
}

Test(sidecar_stall, a_script_that_says_it_is_alive_is_left_alone)
{
	struct side_world world;
	struct session *session = start_game(&world);
	talk_for_ms(&world, 30000, 1);
	cr_assert_eq(session->state, SESSION_ACTIVE);
	side_stop(&world);
}

Test(sidecar_stall, a_script_that_has_taken_everything_may_be_quiet)
{
	struct side_world world;
	struct session *session = start_game(&world);
	struct sidecar_stats stats = ringcast_sidecar_measure(world.host, 0);
	struct sidecar_frame hello = {.kind = SIDECAR_FRAME_HELLO, .texts = {side_text("ringcast")}};
	cr_assert(side_credit(&world, 0, 1, (uint32_t)(stats.bytes_sent - ringcast_sidecar_frame_bytes(&hello))));
	talk_for_ms(&world, 60000, 0);
	cr_assert_eq(session->state, SESSION_ACTIVE);
	side_stop(&world);
}

Test(sidecar_stall, a_process_that_says_nothing_is_found_and_its_scripts_are_not_blamed)
{
	struct side_world world;
	struct session *session = start_game(&world);
	side_advance_ms(&world, 9000);
	side_hear(&world, 0);
	cr_assert_not_null(strstr(world.log, "to 0: PING 0 "));
	cr_assert(!ringcast_sidecar_is_silent(world.host, 0));
	side_advance_ms(&world, 4000);
	cr_assert(ringcast_sidecar_is_silent(world.host, 0));
	cr_assert_eq(session->state, SESSION_ACTIVE); /* until the owner cuts the channel */
	side_forget(&world);
	ringcast_sidecar_detach(world.host, 0, world.now_ns);
	cr_assert_not_null(strstr(world.log, "ended script_lost\n"));
	cr_assert(!ringcast_sidecar_is_silent(world.host, 0));
	side_stop(&world);
}

Test(sidecar_stall, under_a_debugger_nobody_is_killed_for_being_slow)
{
	struct side_world world;
	side_start(&world, 0);
	ringcast_sidecar_attach(world.host, 0, world.now_ns);
	struct sidecar_frame welcome = {.kind = SIDECAR_FRAME_WELCOME, .numbers = {SIDECAR_MAGIC, SIDECAR_VERSION_MAX, SIDECAR_FEATURE_DEBUGGER}};
	cr_assert(side_say(&world, 0, &welcome));
	struct session *session = side_open(&world);
	side_advance_ms(&world, 60000);
	talk_for_ms(&world, 60000, 0);
	cr_assert_eq(session->state, SESSION_ACTIVE);
	cr_assert(!ringcast_sidecar_is_silent(world.host, 0));
	side_stop(&world);
}

Test(sidecar_ends, a_host_with_sessions_cannot_be_destroyed, .signal = SIGABRT)
{
	struct side_world world;
	side_start(&world, 0);
	side_open(&world);
	ringcast_sidecar_destroy(&world.host);
}

Test(sidecar_ends, a_channel_is_attached_once, .signal = SIGABRT)
{
	struct side_world world;
	side_start(&world, 0);
	side_attach(&world, 0);
	ringcast_sidecar_attach(world.host, 0, world.now_ns);
}
