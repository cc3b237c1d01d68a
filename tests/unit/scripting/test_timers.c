/* after, every, cancel. */
#include <criterion/criterion.h>

#include "lua_world.h"

Test(lua_timers, once)
{
	struct lua_world world;
	lua_world_run(&world, "return {init = function(s) s:after(50, function() print('a', s:now()) end) s.setTimer(function() print('b', s.now()) end, 20) "
			      "s:after(0, function() print('c') end) end}");
	expect(&world, "");
	lua_world_advance_ms(&world, 100);
	cr_assert_not_null(strstr(world.log, "info: c\ninfo: b 102"));
	expect_part(&world, "info: a 105");
	lua_world_advance_ms(&world, 1000);
	expect(&world, "");
	lua_world_stop(&world);
}

Test(lua_timers, again_and_again_without_drift)
{
	struct lua_world world;
	struct session *session =
		lua_world_run(&world, "local n, id = 0 return {init = function(s) id = s:every(100, function() n = n + 1 print(n, s:now()) "
				      "if n == 3 then print(s:cancel(id), s:cancel(id)) end end) end}");
	lua_world_advance_ms(&world, 350);
	expect(&world, "info: 1 1100\ninfo: 2 1200\ninfo: 3 1300\ninfo: true false\n");
	lua_world_advance_ms(&world, 500);
	expect(&world, "");
	cr_assert_eq(session->alarm_count, 0);
	lua_world_stop(&world);
}

Test(lua_timers, a_late_clock_skips_what_was_missed)
{
	struct lua_world world;
	lua_world_run(&world, "return {init = function(s) s:every(100, function() print(s:now()) end) end}");
	world.now_ns += 950 * NS_PER_MS;
	lua_world_advance_ms(&world, 1);
	lua_world_advance_ms(&world, 60);
	expect(&world, "info: 1951\ninfo: 2000\n");
	lua_world_stop(&world);
}

Test(lua_timers, errors_do_not_stop_what_repeats)
{
	struct lua_world world;
	lua_world_run(&world, "return {init = function(s) s:every(100, function() error('x') end) end}");
	lua_world_advance_ms(&world, 350);
	cr_assert_eq(world.counts[SCRIPT_COUNT_ERRORS], 3);
	expect_part(&world, "error: timer: main.lua:1: x");
	lua_world_stop(&world);
}

Test(lua_timers, are_bounded_and_cancelled)
{
	struct lua_world world;
	lua_world_run(&world, "local game, ids, s = {}, {} function game.init(x) s = x local id, why repeat id, why = s:after(10, print) ids[#ids + 1] = id or nil "
			      "until not id print(#ids, why) end\n"
			      "function game.onMessage() for _, id in ipairs(ids) do assert(s:cancel(id)) end print(s:cancel(0), s:cancel(99999), s:cancel(0/0)) "
			      "print(s:after(1, print) ~= false) end return game");
	expect(&world, "info: 32 timer_limit\n");
	struct session *session = ringcast_slab_at(&world.store.sessions, 0, &(handle){0});
	struct player *player = lua_world_join(&world, session, "");
	lua_world_send(&world, player, 1, PROTO_PEER_SERVER, 0, "");
	expect(&world, "info: false false false\ninfo: true\n");
	lua_world_stop(&world);
}

Test(lua_timers, end_with_their_session)
{
	struct lua_world world;
	lua_world_run(&world, "return {init = function(s) s:every(10, function() print('tick') if s:now() > 1025 then s:processEnding() end end) end}");
	lua_world_advance_ms(&world, 100);
	expect(&world, "info: tick\ninfo: tick\ninfo: tick\n");
	lua_world_stop(&world);
}
