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
