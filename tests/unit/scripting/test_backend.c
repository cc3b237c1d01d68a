/* Lua and backends: onServiceMessage, emitEvent. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lua_world.h"
#include "session/backend.h"

static char emitted[1024];

static void emit(void *context, const struct session *session, const char *name, struct view json)
{
	size_t used = strlen(emitted);
	snprintf(emitted + used, sizeof(emitted) - used, "%s %.*s\n", name, (int)json.size, (const char *)json.data);
}

static struct session *run(struct lua_world *world, const char *source)
{
	lua_world_start(world);
	world->limits.service_messages_per_second = world->limits.emitted_events_per_second = 100;
	world->limits.service_message_bytes = world->limits.emitted_event_bytes = 100;
	world->store.options.emit = emit;
	emitted[0] = '\0';
	lua_world_load_main(world, source);
	return lua_world_open(world);
}

static enum drop_reason say(struct lua_world *world, struct session *session, const char *text)
{
	struct backend_message message = {.player_id = "", .opcode = 7, .payload = ringcast_view_of(text, strlen(text))};
	return ringcast_backend_message(session, &message, world->now_ns);
}

Test(lua_backend, a_message_is_heard)
{
	struct lua_world world;
	struct session *session = run(&world, "return {onServiceMessage = function(m) print(m.opCode, m.sender, m.payload, m:getPayloadAsText()) end}");
	cr_assert_eq(say(&world, session, "wave 3"), DROP_NONE);
	expect(&world, "info: 7 -1 wave 3 wave 3\n");
	lua_world_stop(&world);
}

Test(lua_backend, a_script_without_the_callback_says_so)
{
	struct lua_world world;
	struct session *session = run(&world, "return {onMessage = function(m) end}");
	cr_assert_eq(say(&world, session, "wave 3"), DROP_SERVICE_UNHEARD);
	lua_world_stop(&world);
}

static void run_line(struct lua_world *world, const char *line)
{
	char source[512];
	snprintf(source, sizeof(source), "local s local game = {init = function(given) s = given end} function game.onStartGameSession() %s end return game", line);
	run(world, source);
}

Test(lua_backend, events_are_texts_of_json_or_become_them)
{
	struct lua_world world;
	run_line(&world, "print(s:emitEvent('boss.down', '{\"by\":1}')) s.emitEvent('wave', {n = 3}) s:emitEvent('list', {1, 'two', true}) s:emitEvent('nothing')");
	cr_assert_str_eq(emitted, "boss.down {\"by\":1}\nwave {\"n\":3}\nlist [1,\"two\",true]\nnothing null\n");
	expect(&world, "info: true\n");
	lua_world_stop(&world);
}

Test(lua_backend, what_is_not_right_is_answered_counted_and_not_told)
{
	struct lua_world world;
	run_line(&world, "print(s:emitEvent('boss down', '{}')) print(s:emitEvent('a', '{')) print(s:emitEvent('a', '{}x')) print(s:emitEvent('a', ''))"
			 "print(s:emitEvent('a', '\"' .. ('x'):rep(100) .. '\"')) print(pcall(s.emitEvent, s, 'a', print)) print(pcall(s.emitEvent, s, 7))");
	cr_assert_str_eq(emitted, "");
	expect_part(&world, "drop event_invalid 1\ninfo: false event_invalid\ndrop event_invalid 1\ninfo: false event_invalid\n"
			    "drop event_invalid 1\ninfo: false event_invalid\ndrop event_invalid 1\ninfo: false event_invalid\ndrop oversize 1\n"
			    "info: false oversize\ninfo: false ");
	lua_world_stop(&world);
}

Test(lua_backend, what_is_dropped_is_counted_even_if_the_callback_ends_there)
{
	struct lua_world world;
	struct session *session = run(&world, "local s local long = ('x'):rep(40000) return {init = function(given) s = given end, onServiceMessage = function() while true do s:emitEvent('a', long) end end}");
	world.clock_step_ns = NS_PER_S;
	lua_world_forget(&world);
	cr_assert_eq(say(&world, session, ""), DROP_NONE);
	unsigned count = 0;
	for (const char *at = world.log; (at = strstr(at, "drop oversize 1\n")) != NULL; at++)
		count++;
	cr_assert_gt(count, 0);
	cr_assert_eq(count, session->drops);
	expect_part(&world, "ran for longer than its budget");
	lua_world_stop(&world);
}

Test(lua_backend, json_is_what_the_other_end_reads)
{
	struct lua_world world;
	run_line(&world, "print(s:emitEvent('a', '\"\\\\u0000\"')) print(s:emitEvent('a', '9223372036854775808')) print(s:emitEvent('a', '9223372036854775807'))");
	cr_assert_str_eq(emitted, "a 9223372036854775807\n");
	expect(&world, "drop event_invalid 1\ninfo: false event_invalid\ndrop event_invalid 1\ninfo: false event_invalid\ninfo: true\n");
	lua_world_stop(&world);
}

Test(lua_backend, last_words_are_told)
{
	struct lua_world world;
	struct session *session = run(&world, "local s return {init = function(given) s = given end, onServiceMessage = function(m) s:processEnding() s:emitEvent('over', m.payload) end}");
	cr_assert_eq(say(&world, session, "{\"winner\":2}"), DROP_NONE);
	cr_assert_str_eq(emitted, "over {\"winner\":2}\n");
	cr_assert_eq(session->state, SESSION_ENDED);
	lua_world_stop(&world);
}

/* Questions */

static void take_question(void *context, const struct session *session, uint32_t number, struct view json)
{
	size_t used = strlen(emitted);
	snprintf(emitted + used, sizeof(emitted) - used, "%u %.*s\n", number, (int)json.size, (const char *)json.data);
}

/* line: says what it likes when a backend speaks; said prints what it is given. */
static struct session *run_asking(struct lua_world *world, const char *line)
{
	char source[1024];
	snprintf(source, sizeof(source), "local s local function said(...) print('said', ...) end return {init = function(given) s = given end, onServiceMessage = function() %s end}", line);
	struct session *session = run(world, source);
	world->store.options.question = take_question;
	lua_world_forget(world);
	cr_assert_eq(say(world, session, ""), DROP_NONE);
	return session;
}

static void reply(struct lua_world *world, struct session *session, uint32_t number, const char *json)
{
	cr_assert_eq(ringcast_backend_answer(session, number, ringcast_view_of(json, strlen(json)), world->now_ns), DROP_NONE);
}

Test(lua_backend, players_are_asked_for_and_the_answer_is_heard)
{
	struct lua_world world;
	struct session *session = run_asking(&world, "print(s:startMatchBackfill(said)) s.stopMatchBackfill('t-1', said) s:stopMatchBackfill(said) s:startMatchBackfill()");
	cr_assert_not_null(strstr(emitted, "1 {\"Action\":\"StartMatchBackfill\"}\n"), "%s", emitted);
	cr_assert_not_null(strstr(emitted, "\"TicketId\":\"t-1\""), "%s", emitted);
	cr_assert_not_null(strstr(emitted, "3 {\"Action\":\"StopMatchBackfill\"}\n"), "%s", emitted);
	expect(&world, "info: true\n");
	lua_world_forget(&world);
	reply(&world, session, 1, "{\"TicketId\": \"t-9\"}");
	reply(&world, session, 2, "{\"Error\": \"NotFoundException\", \"Message\": \"there is none\"}");
	reply(&world, session, 3, "7");
	reply(&world, session, 4, "{\"TicketId\": \"t-9\"}");
	expect(&world, "info: said t-9 nil nil\ninfo: said nil NotFoundException there is none\ninfo: said nil nil nil\n");
	lua_world_stop(&world);
}

Test(lua_backend, what_is_asked_for_is_the_scripts_to_say)
{
	struct lua_world world;
	run_asking(&world, "local wish = {TicketId = 't', Action = 'x', Players = {{PlayerId = 'a', Team = 'red'}}} s:startMatchBackfill(wish, said) print(wish.Action)");
	cr_assert_not_null(strstr(emitted, "\"Action\":\"StartMatchBackfill\""), "%s", emitted);
	cr_assert_not_null(strstr(emitted, "\"Players\":[{"), "%s", emitted);
	expect(&world, "info: x\n"); /* the script's table is its own */
	lua_world_stop(&world);
}

Test(lua_backend, questions_that_are_wrong_or_too_many_are_said_at_once)
{
	struct lua_world world;
	struct session *session = run_asking(&world, "print(pcall(s.startMatchBackfill, s, 7)) print(pcall(s.stopMatchBackfill, s, {})) print(pcall(s.startMatchBackfill, s, {}, 7))"
						     "print(s:startMatchBackfill({Players = ('x'):rep(100)}, said)) for i = 1, 9 do s:stopMatchBackfill(said) end print(s:stopMatchBackfill(said))");
	static const char *const said[] = {"a table of what is asked for", "a ticket's id", "a function", "drop oversize 1\ninfo: false oversize\n",
					   "drop event_rate 1\ninfo: false event_rate\n"};
	for (size_t i = 0; i < ARRAY_COUNT(said); i++)
		cr_assert_not_null(strstr(world.log, said[i]), "%s: %s", said[i], world.log);
	world.store.options.question = NULL;
	lua_world_forget(&world);
	cr_assert_eq(say(&world, session, ""), DROP_NONE);
	expect_part(&world, "drop event_unheard 1\ninfo: false event_unheard\n");
	lua_world_stop(&world);
}

static void tell_end(struct lua_world *world, struct session *session, const char *ticket)
{
	char json[64];
	snprintf(json, sizeof(json), "{\"TicketId\": \"%s\", \"Status\": \"TIMED_OUT\"}", ticket);
	cr_assert_eq(ringcast_backend_news(session, ringcast_view_of(json, strlen(json)), world->now_ns), DROP_NONE);
}

Test(lua_backend, the_ends_of_the_latest_searches_are_waited_for_not_of_all_whose_end_nobody_tells)
{
	struct lua_world world;
	struct session *session = run_asking(&world, "s:startMatchBackfill(nil, nil, said)");
	world.limits.emitted_events_per_second = 100;
	for (uint32_t number = 1; number <= 18; number++) {
		char json[64];
		snprintf(json, sizeof(json), "{\"TicketId\": \"t-%u\"}", number == 17 ? 2 : number); /* 2 is the latest then, and once */
		reply(&world, session, number, json);
		lua_world_advance_ms(&world, 100); /* for the rate of questions */
		cr_assert_eq(say(&world, session, ""), DROP_NONE);
	}
	lua_world_forget(&world);
	tell_end(&world, session, "t-1");
	tell_end(&world, session, "t-2");
	tell_end(&world, session, "t-2");
	tell_end(&world, session, "t-3");
	tell_end(&world, session, "t-18");
	expect(&world, "info: said t-2 TIMED_OUT\ninfo: said t-3 TIMED_OUT\ninfo: said t-18 TIMED_OUT\n");
	lua_world_stop(&world);
}
