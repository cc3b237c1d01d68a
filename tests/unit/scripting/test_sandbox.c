/* What a script cannot reach. */
#include <criterion/criterion.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>

#include "lua_world.h"
#include "scripting/lua/view.h"

static void expect_info(const char *lua, const char *expected)
{
	struct lua_world world;
	char source[4096], line[1024];
	snprintf(source, sizeof(source), "return {init = function(s) local log = s:getLogger() log:info((function() %s end)()) end}", lua);
	lua_world_run(&world, source);
	snprintf(line, sizeof(line), "info: %s\n", expected);
	lua_world_expect(&world, line, lua, 0);
	lua_world_stop(&world);
}

Test(lua_sandbox, nothing_but_the_list)
{
	static const char *const absent[] = {
		"io", "package", "ffi", "jit", "dofile", "loadfile", "getfenv", "setfenv", "newproxy", "module", "gcinfo", "os.execute", "os.exit", "os.getenv",
		"os.remove", "os.rename", "os.tmpname", "os.setlocale", "string.dump", "debug.getinfo", "debug.sethook", "debug.getregistry", "debug.getmetatable",
		"debug.setmetatable", "debug.getupvalue", "debug.setupvalue", "debug.getlocal", "debug.setfenv", "debug.getfenv", "debug.upvalueid", "debug.debug",
		"debug.gethook", "debug.setlocal", "debug.upvaluejoin", "debug.setuservalue", "debug.getuservalue",
	};
	static const char *const present[] = {"assert", "load", "loadstring", "pcall", "require", "print", "os.time", "os.date", "os.clock", "debug.traceback",
					      "string.format", "table.concat", "math.floor", "bit.band", "coroutine.wrap", "collectgarbage", "unpack"};
	char lua[128];
	for (size_t i = 0; i < sizeof(absent) / sizeof(*absent); i++) {
		snprintf(lua, sizeof(lua), "return %s", absent[i]);
		expect_info(lua, "nil");
	}
	for (size_t i = 0; i < sizeof(present) / sizeof(*present); i++) {
		snprintf(lua, sizeof(lua), "return type(%s)", present[i]);
		expect_info(lua, "function");
	}
}

Test(lua_sandbox, no_bytecode)
{
	expect_info("return load('\\27LJ\\2\\0')", "nil attempt to load chunk with wrong mode");
	expect_info("return loadstring('\\27LJ\\2\\0')", "nil attempt to load chunk with wrong mode");
	expect_info("return load('\\27Lua', 'x', 'b')", "nil attempt to load chunk with wrong mode");
	expect_info("return select(2, pcall(load, function() return nil end)):match('%(.*')", "(string expected, got function)");
	expect_info("local e = {x = 5} return load('return x', 'c', 't', e)()", "5");
	expect_info("return load('return 1 +')", "nil (load):1: unexpected symbol near '<eof>'");
}

/* A file of bytecode, or with a hash line that hides some, is no script either. */
Test(lua_sandbox, no_bytecode_files)
{
	struct lua_world world;
	char error[SCRIPT_ERROR_BYTES];
	lua_world_run(&world, "return {init = function() require('evil') end}");
	lua_world_stop(&world);
	lua_world_start(&world);
	lua_world_load(&world, (const char *const[]){"main.lua", "return {init = function() require('evil') end}", "evil.lua", "\x1bLJ\x02\x02", NULL});
	lua_world_open(&world);
	expect_part(&world, "wrong mode");
	cr_assert_not(error == NULL);
	lua_world_stop(&world);
}

Test(lua_sandbox, metatables_of_ours_are_closed)
{
	expect_info("return getmetatable(print) == nil, (pcall(setmetatable, 'x', {}))", "true false");
	expect_info("local b = require('string.buffer').new() return getmetatable(''), getmetatable(b), b.__index, b.__gc, b.__metatable, ('').__index",
		    "string buffer nil nil nil nil");
	expect_info("local json = require('json') return getmetatable(json.null), (pcall(setmetatable, json.null, {})), getmetatable(json.decode('[]')), "
		    "getmetatable(setmetatable(json.array(), {1}))[1], (pcall(json.array, json.null)), getmetatable(setmetatable({}, {__metatable = 5}))",
		    "null false nil 1 false 5");
	expect_info("return pcall(getmetatable)", "false bad argument #1 to '?' (value expected)");
	struct lua_world world;
	lua_world_run(&world, "return {init = function(s) print(getmetatable(s), getmetatable(s:newTextGameMessage(1, -1, ''))) "
			      "print(pcall(setmetatable, s, {})) print(pcall(rawset, s, 1, 2)) s.x = 5 end}");
	expect_part(&world, "info: session message\ninfo: false bad argument");
	lua_world_stop(&world);
}

Test(lua_sandbox, buffers_hand_out_no_pointers)
{
	expect_info("local b = require('string.buffer').new() return b.ref, b.reserve, b.commit, b.putcdata, b.encode, b.decode, require('string.buffer').decode",
		    "nil nil nil nil nil nil nil");
	expect_info("local b = require('string.buffer').new() b:put('a', 1):putf('%d', 5) b:put('xyz') b:skip(1) return #b, b:get(2), tostring(b)", "5 15 xyz");
	expect_info("return type(require('table.new')(4, 0)), require('table.clear')({}) == nil", "table true");
	expect_info("local ok, err = pcall(require, 'ffi') return ok, err:match('^[^:]*')", "false module 'ffi' not found");
	expect_info("for _, name in ipairs({'io', 'os', 'jit', 'debug', 'package', 'jit.util', 'string', '_G'}) do assert(not pcall(require, name), name) end "
		    "return 'ok'", "ok");
}

Test(lua_sandbox, guarded_xpcall_is_xpcall)
{
	expect_info("return xpcall(function(a, b) return a + b end, print, 2, 3)", "true 5");
	expect_info("return xpcall(function() error('x', 0) end, function(m) return 'handled ' .. m end)", "false handled x");
	expect_info("local c = coroutine.wrap(function() return xpcall(function() coroutine.yield(1) error('y', 0) end, function(m) return m end) end) "
		    "return c(), c()", "1 false y");
}

Test(lua_sandbox, coroutines_are_coroutines)
{
	expect_info("local c = coroutine.create(function(a, b) local x, y = coroutine.yield(a + b, 'y') return x, y, 'end' end) "
		    "local r = {coroutine.resume(c, 1, 2)} for i = 1, 3 do local t = {coroutine.resume(c, 8, 9)} for k = 1, #t do r[#r + 1] = tostring(t[k]) end end "
		    "r[1] = 'ok' return table.concat(r, ' ')",
		    "ok 3 y true 8 9 end false cannot resume dead coroutine false cannot resume dead coroutine");
	expect_info("local c c = coroutine.create(function() return coroutine.resume(c) end) return coroutine.resume(c)", "true false cannot resume non-suspended coroutine");
	expect_info("local a a = coroutine.create(function() local b = coroutine.wrap(function() return coroutine.resume(a) end) return b() end) "
		    "return coroutine.resume(a)", "true false cannot resume non-suspended coroutine");
	expect_info("local n = 0 for v in coroutine.wrap(function() for i = 1, 5 do coroutine.yield(i) end end) do n = n + v end return n", "15");
	expect_info("return pcall(coroutine.wrap(function() error({5}) end))", "false {5}");
	expect_info("return pcall(coroutine.wrap(function() error('x', 0) end))", "false x");
	expect_info("return pcall(coroutine.resume, 5)", "false bad argument #1 to '?' (coroutine expected)");
	expect_info("return coroutine.status(coroutine.create(print)), pcall(coroutine.wrap, 5)", "suspended false bad argument #1 to '?' (function expected, got number)");
	expect_info("local c = coroutine.wrap(function() return pcall(function() coroutine.yield(1) error('in', 0) end) end) return c(), c()", "1 false in");
}

/* Protected calls and coroutines inside one another: 200 levels, however they are mixed; and a level that was left may be entered again. */
Test(lua_sandbox, protected_calls_nest_two_hundred_deep)
{
	static const char deep[] = "C stack overflow: pcall, xpcall and coroutines are nested too deeply";
	char expected[128];
	snprintf(expected, sizeof(expected), "200 %s", deep);
	expect_info("local n, last = 0 local function f() n = n + 1 local ok, e = pcall(f) last = last or e end f() return n - 1, last", expected);
	expect_info("local n, last = 0 local function f() n = n + 1 local ok, e = xpcall(f, print) last = last or e end f() return n - 1, last", expected);
	expect_info("local n, last = 0 local function f() n = n + 1 local ok, e = coroutine.resume(coroutine.create(f)) last = last or e end f() return n - 1, last", expected);
	expect_info("local n = 0 local function f() n = n + 1 pcall(coroutine.wrap(f)) end f() return n - 1", "100");
	expect_info("for i = 1, 1000 do pcall(error) end local n = 0 local function f() n = n + 1 pcall(f) end f() return n - 1", "200");
}

/* What a coroutine has nested when it yields counts again when it is resumed, and only then. */
Test(lua_sandbox, a_yield_takes_its_nesting_along)
{
	static const char dig[] = "local function dig(k, f) if k == 0 then return f() end local ok, e = pcall(dig, k - 1, f) return e end "
				  "local function free() local n = 0 local function f() n = n + 1 pcall(f) end f() return n - 1 end ";
	char source[1024];
	snprintf(source, sizeof(source), "%s local c = coroutine.wrap(function() return dig(50, function() coroutine.yield(1) return free() end) end) "
		 "c() local outside = free() return outside, dig(30, c), free()", dig);
	expect_info(source, "200 119 200"); /* 200 - 30 - the coroutine - 50 */
	snprintf(source, sizeof(source), "%s local c = coroutine.create(function() return dig(150, function() coroutine.yield(1) return 'through' end) end) "
		 "coroutine.resume(c) local early = dig(60, function() return select(2, coroutine.resume(c)) end) return early:sub(1, 16), select(2, coroutine.resume(c))", dig);
	expect_info(source, "C stack overflow through");
	snprintf(source, sizeof(source), "%s for i = 1, 1000 do coroutine.wrap(function() dig(100, coroutine.yield) end)() end return free()", dig);
	expect_info(source, "200");
}

/* What Lua believes of the struct is what C does: the declaration is made from the header, and here is the proof. */
Test(lua_sandbox, trusted_scripts_see_the_message)
{
	struct lua_world world;
	char expected[256];
	lua_world_start(&world);
	world.script_limits.is_lua_ffi_on = true;
	lua_world_load_main(&world, "local ffi, view = require 'ffi', require 'ringcast.view' local T = 'struct ringcast_message_view' "
				    "return {init = function() print(view.payload == nil, ffi.sizeof(T), ffi.offsetof(T, 'payload'), ffi.offsetof(T, 'payload_bytes'), "
				    "ffi.offsetof(T, 'opcode'), ffi.offsetof(T, 'sender'), ffi.offsetof(T, 'target_player'), ffi.offsetof(T, 'target_group'), "
				    "ffi.offsetof(T, 'is_reliable')) print(pcall(function() view.sender = 5 end)) end, "
				    "onMessage = function(m) print(view.opcode, view.sender, view.target_player, view.is_reliable, ffi.string(view.payload, view.payload_bytes)) "
				    "end, onTick = function() print(view.payload == nil) end, configuration = {tickInterval = 100}}");
	struct session *session = lua_world_open(&world);
	snprintf(expected, sizeof(expected), "info: true %zu %zu %zu %zu %zu %zu %zu %zu\n", sizeof(struct ringcast_message_view),
		 offsetof(struct ringcast_message_view, payload), offsetof(struct ringcast_message_view, payload_bytes),
		 offsetof(struct ringcast_message_view, opcode), offsetof(struct ringcast_message_view, sender),
		 offsetof(struct ringcast_message_view, target_player), offsetof(struct ringcast_message_view, target_group),
		 offsetof(struct ringcast_message_view, is_reliable));
	cr_assert(strncmp(world.log, expected, strlen(expected)) == 0, "%s instead of %s", world.log, expected);
	expect_part(&world, "attempt to write to constant location");
	struct player *player = lua_world_join(&world, session, "");
	lua_world_send(&world, player, 10, PROTO_PEER_SERVER, 0, "bytes");
	expect(&world, "info: 10 1 -1 1 bytes\n");
	lua_world_advance_ms(&world, 100);
	expect(&world, "info: true\n");
	lua_world_stop(&world);
}

Test(lua_sandbox, guarded_sort_is_sort)
{
	expect_info("local t = {3, 1, 2} table.sort(t) return table.concat(t, ' ')", "1 2 3");
	expect_info("local t = {'b', 'a'} table.sort(t, function(a, b) return a > b end) return table.concat(t, ' ')", "b a");
	expect_info("return (pcall(table.sort, {1, 'x'})), (pcall(table.sort, 5)), (pcall(table.sort, {2, 1}, 5))", "false false false");
}

/* Methods of foreign objects, called with each other's. */
Test(lua_sandbox, objects_do_not_mix)
{
	struct lua_world world;
	lua_world_run(&world, "return {init = function(s) local m, b = s:newTextGameMessage(1, -1, 'x'), require('string.buffer').new() "
			      "local n = 0 for _, f in ipairs({m.u8, m.text, m.byte, m.f64, b.put, b.get, b.set, b.skip, b.tostring, b.reset, b.free}) do "
			      "for _, o in ipairs({m, b, s, {}, 'x', 5, print}) do n = n + (pcall(f, o, 1) and 0 or 1) end end "
			      "local gc = (getmetatable(b) or {}) if type(gc) == 'table' then for k, f in pairs(gc) do if type(f) == 'function' then "
			      "pcall(f, s) pcall(f, m) pcall(f, b) pcall(f, {}) pcall(f) pcall(f, b) end end end b:put('y') print(n > 40, tostring(b)) end}");
	expect_part(&world, "info: true ");
	lua_world_stop(&world);
}

Test(lua_sandbox, sessions_do_not_meet)
{
	struct lua_world world;
	lua_world_run(&world, "x = (x or 0) + 1 string.y = (string.y or 0) + 1 return {init = function() print(x, string.y) end}");
	lua_world_open(&world);
	expect(&world, "info: 1 1\ninfo: 1 1\n");
	lua_world_stop(&world);
}

Test(lua_sandbox, chance_is_the_sessions_own)
{
	struct lua_world world;
	lua_world_run(&world, "return {init = function() print(math.random(1e9)) end}");
	lua_world_open(&world);
	size_t half = (size_t)(strchr(world.log, '\n') - world.log) + 1;
	cr_assert_neq(strncmp(world.log, world.log + half, half), 0, "two sessions with the same chance: %s", world.log);
	char first[64];
	snprintf(first, sizeof(first), "%.*s", (int)half, world.log);
	lua_world_stop(&world);
	lua_world_run(&world, "return {init = function() print(math.random(1e9)) end}");
	cr_assert_eq(strncmp(world.log, first, half), 0, "the same entropy gives the same game");
	lua_world_stop(&world);
}
