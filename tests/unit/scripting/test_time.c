/*
 * The time budget under the real clock of the processor: whatever a script calls, its shard's thread is free again after a small multiple of it. CPU time,
 * not time: how loaded the machine is does not matter.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "lua_world.h"
#include "reach.h"
#include "scripting/lua/lua_private.h"

/* A script that only C functions and the backstop stop may take BACKSTOP_BUDGETS_MAX budgets, and what one instruction can take: sanitizers make that long. */
enum { BUDGET_US = 10000, HELD_MS_MAX = 150 };

static struct lua_world world;
static struct session *session;
static struct player *player;
static double worst_ms;

static uint64_t thread_cpu_ns(void *context)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void setup(void)
{
	lua_world_start(&world);
	ringcast_lua_destroy(&world.host);
	world.environment.cpu_ns = thread_cpu_ns;
	world.script_limits.budget_us = BUDGET_US;
	world.script_limits.memory_bytes = 32 << 20;
	world.script_limits.log_lines_per_second = 5;
	world.host = ringcast_lua_create(&world.environment, &(struct lua_options){.has_backstop = true});
	cr_assert_not_null(world.host);
}

static void teardown(void)
{
	lua_world_stop(&world);
}

TestSuite(lua_time, .init = setup, .fini = teardown, .timeout = 280);

static void begin(const char *source)
{
	if (world.program == NULL)
		lua_world_load_main(&world, source);
	world.script_limits.budget_us = 0;
	session = lua_world_open(&world);
	world.script_limits.budget_us = BUDGET_US;
	player = lua_world_join(&world, session, "");
	cr_assert_not_null(player, "%s", world.log);
	lua_world_forget(&world);
}

/* One callback, and what it held the thread for. */
static void hold(const char *lua, const char *name)
{
	uint64_t start_ns = thread_cpu_ns(NULL);
	lua_world_send(&world, player, 10, PROTO_PEER_SERVER, 0, lua);
	double held_ms = (double)(thread_cpu_ns(NULL) - start_ns) / NS_PER_MS;
	cr_expect(held_ms < HELD_MS_MAX, "%s held its thread for %.0f ms; %s", name, held_ms, world.log);
	if (held_ms > worst_ms) {
		worst_ms = held_ms;
		fprintf(stderr, "longest so far: %.1f ms, %s\n", held_ms, name);
	}
	lua_world_forget(&world);
}

static const char runner[] = "local big = ('x'):rep(2e6) return {onMessage = function(m) local f = assert(load('local big = ... ' .. m.payload, '=it')) f(big) end}";

static const char *const loops[] = {
	"while true do end",
	"local function f() while true do pcall(f) end end f()",
	"local function f() while true do xpcall(f, f) end end f()",
	"local function f() pcall(f) pcall(f) end while true do f() end",
	"local function f() while true do coroutine.resume(coroutine.create(f)) end end f()",
	"local function f() while true do pcall(coroutine.wrap(f)) end end f()",
	"local function f() while true do pcall(pcall, f) end end f()",
	"local function f() error(setmetatable({}, {__tostring = f})) end while true do pcall(f) pcall(tostring, setmetatable({}, {__tostring = f})) end",
	"local t, f = {}, function() error() end for i = 1, 1e4 do t[i] = f end while true do pcall(table.sort, t, pcall) end",
	"local t = {} for i = 1, 2e4 do t[i] = 1 end while true do table.sort(t, rawequal) end",
	"while true do (big):gsub('', '') end",
	"while true do big:gsub('.', pcall) end",
	"while true do big:find('[' .. big .. ']') end",
	"while true do os.date(big:gsub('x', '%%%%c')) end",
	"local s = ('x=1 '):rep(3e5) while true do load(s) end",
	"local t = {} for i = 1, 1e4 do t[i] = 'goto a' .. i end local s = table.concat(t, ' ') while true do load(s) end",
	"while true do pcall(string.packsize, ('b'):rep(1e6)) end",
	"while true do pcall(string.unpack, ('b'):rep(1e6), big) end",
	"local s = '0x' .. ('f'):rep(2e6) while true do local n = s + 0 tonumber(s) end",
	"local s = ('9'):rep(2e6) while true do local n = s + 0 tonumber(s) end",
	"local t = require('table.new')(1e6, 0) while true do next(t) end",
	"local t = require('table.new')(1e6, 0) while true do for k in pairs(t) do end end",
	"local t = require('table.new')(1e6, 0) while true do require('table.clear')(t) require('json').encode(t) print(t) end",
	"while true do local t = big .. 'y' end",
	"local a, b = big .. 'a', big .. 'b' while true do local c = a < b end",
	"while true do ('%s%s%q'):format(big, big, big) end",
	"local function g(n, ...) if n == 0 then return (('%.99f'):rep(select('#', ...))):format(...) end return g(n - 1, 1e308, ...) end while true do g(2000) end",
	"local t = {} for i = 1, 5e4 do t[i] = {} end while true do collectgarbage() end",
	"local t = {} while true do t[#t + 1] = {} if #t > 2e5 then t = {} end end",
	"local t = {} for i = 1, 5e3 do t[i] = i end while true do select(1, unpack(t)) math.max(unpack(t)) bit.bxor(unpack(t)) end",
	"local t = {} for i = 1, 2e4 do t[i * 2^32] = i end while true do local x = t[2^52] end",
	"local b = require('string.buffer').new() while true do b:set(big) b:put('x', big) b:get() end",
	"local json = require('json') while true do json.decode('\"' .. big .. '\"') json.encode(('\\n'):rep(1e5)) end",
	"while true do print(big, big) end",
	"local t = setmetatable({}, {__tostring = function(t) return ('%s'):format(t) end}) while true do pcall(tostring, t) end",
	"local function f() table.sort({3, 2, 1}, f) end while true do pcall(f) end",
};

Test(lua_time, loops_come_to_their_end)
{
	for (size_t i = 0; i < sizeof(loops) / sizeof(*loops); i++) {
		uint64_t over = world.counts[SCRIPT_COUNT_OVER_BUDGET];
		begin(runner);
		hold(loops[i], loops[i]);
		cr_expect(world.counts[SCRIPT_COUNT_OVER_BUDGET] == over + 1 || world.counts[SCRIPT_COUNT_OUT_OF_MEMORY] > 0, "%s", loops[i]);
		if (session->state == SESSION_ACTIVE)
			ringcast_session_end_now(session, CLOSE_SHUTDOWN, world.now_ns);
		ringcast_store_collect(&world.store);
	}
}

/* Burns so many ms of CPU time in C, where no hook is called. */
static int burn(lua_State *state)
{
	uint64_t end_ns = thread_cpu_ns(NULL) + (uint64_t)lua_tointeger(state, 1) * NS_PER_MS;
	while (thread_cpu_ns(NULL) < end_ns)
		;
	return 0;
}

static void offer_burn(void)
{
	lua_State *state = ((struct lua_session *)session->user)->state;
	lua_pushcfunction(state, burn);
	lua_setglobal(state, "burn");
}

Test(lua_time, the_backstop_ends_the_session)
{
	begin(runner);
	offer_burn();
	lua_world_send(&world, player, 10, PROTO_PEER_SERVER, 0, "pcall(function()\n for i = 1, 1e9 do pcall(burn, 100) end\n end) print('never')");
	cr_assert_null(strstr(world.log, "never"), "%s", world.log);
	cr_assert_not_null(strstr(world.log, "error: onMessage: it:2: ran for longer than its budget of 10000 us\n"), "%s", world.log);
	expect_part(&world, "fatal: the session ends: onMessage of script test held its thread for 3 times its budget of 10000 us, at it:2\n");
	cr_assert_eq(session->state, SESSION_ENDED);
	cr_assert_eq(session->close_reason, CLOSE_SCRIPT_FAILED);
}

/* The interpreter's own hook is taken away: the backstop sets it. */
Test(lua_time, the_backstop_needs_no_hook)
{
	begin(runner);
	lua_sethook(((struct lua_session *)session->user)->state, NULL, 0, 0);
	lua_world_send(&world, player, 10, PROTO_PEER_SERVER, 0, "while true do end");
	expect_part(&world, "error: onMessage: it:1: ran for longer than its budget");
	cr_assert_eq(world.counts[SCRIPT_COUNT_OVER_BUDGET], 1);
}

/* A thread that waits uses no processor time: nobody is punished for a pause, or for what other threads take. */
static int pause_thread(lua_State *state)
{
	usleep(20 * BUDGET_US);
	return 0;
}

Test(lua_time, a_pause_is_not_time)
{
	begin(runner);
	lua_State *state = ((struct lua_session *)session->user)->state;
	lua_pushcfunction(state, pause_thread);
	lua_setglobal(state, "pause");
	lua_world_send(&world, player, 10, PROTO_PEER_SERVER, 0, "for i = 1, 3 do for k = 1, 5000 do end pause() end");
	expect(&world, "");
	cr_assert_eq(world.counts[SCRIPT_COUNT_ERRORS], 0);
}

/* Every function that a script can get hold of, with what is large, deep, or calls back. The walk has filled found and roots. */
static const char caller[] =
	"if not made then\n"
	"  local S, T, f = ('x'):rep(1e6), {}, nil for i = 1, 2e4 do T[i] = i end\n"
	"  local function f(...) return pcall(f, ...) end\n"
	"  local function e() error({}) end\n"
	"  made = {{S}, {S, S}, {S, 1e9}, {S, -1e9, 1e9}, {S, '', ''}, {S, '.', pcall}, {S, '.-.-.-b', f}, {S, 'x', 1, true}, {S, '*t', S}, {('%c'):rep(1e5)}, {('<i4'):rep(1e5), S},\n"
	"    {T}, {T, 1, 0}, {T, -1e9, 0}, {T, rawequal}, {T, pcall}, {T, f}, {T, S}, {T, '', 1, 1e9}, {T, 1, 1e9, 2}, {1e9}, {1e9, 1e9, 1e9}, {-2^31, 2^31}, {0 / 0, 1 / 0},\n"
	"    {f, f}, {e, f}, {pcall, pcall, f}, {coroutine.create(f), T}, {coroutine.wrap(f)}, {setmetatable({}, {__index = f, __tostring = f, __lt = f}), f}, {'collect'}, {}}\n"
	"  paths = {} for path in pairs(found) do paths[#paths + 1] = path end table.sort(paths)\n"
	"  print(#paths, #made) return\n"
	"end\n"
	"local at, k = (...).payload:match('(%d+) (%d+)')\n"
	"local path, a = paths[tonumber(at)], made[tonumber(k)]\n"
	"local f, own = found[path], roots[path:match('^[^.]*')]\n"
	"for i = 1, 50 do\n"
	"  if type(own) == 'userdata' then pcall(f, own, unpack(a)) else pcall(f, unpack(a)) end\n"
	"end\n";

/* The script walks, and makes what it calls with; from then on a message is a case. */
static void prepare(int *ret_path_count, int *ret_arguments_count)
{
	begin(reach_walker);
	reach_add_names(session);
	world.script_limits.budget_us = 0;
	lua_world_send(&world, player, 10, PROTO_PEER_SERVER, 0, "x");
	lua_world_forget(&world);
	lua_State *state = ((struct lua_session *)session->user)->state;
	cr_assert_eq(luaL_loadbuffer(state, caller, sizeof(caller) - 1, "=caller"), 0);
	lua_rawseti(state, LUA_REGISTRYINDEX, REF_CALLBACKS + SCRIPT_CALLBACK_MESSAGE);
	lua_world_send(&world, player, 10, PROTO_PEER_SERVER, 0, "x");
	cr_assert_eq(sscanf(world.log, "info: %d %d", ret_path_count, ret_arguments_count), 2, "%s", world.log);
	lua_world_forget(&world);
	world.script_limits.budget_us = BUDGET_US;
}

static void name_of(int path, int arguments, char *name, size_t name_bytes)
{
	lua_State *state = ((struct lua_session *)session->user)->state;
	lua_getglobal(state, "paths");
	lua_rawgeti(state, -1, path);
	snprintf(name, name_bytes, "%s with arguments %d", lua_tostring(state, -1), arguments);
	lua_settop(state, 0);
}

Test(lua_time, no_function_holds_the_thread)
{
	int path_count = 0, arguments_count = 0;
	prepare(&path_count, &arguments_count);
	cr_assert(path_count > 150 && arguments_count > 25, "%d functions, %d arguments", path_count, arguments_count);
	for (int path = 1; path <= path_count; path++) {
		for (int arguments = 1; arguments <= arguments_count; arguments++) {
			char payload[32], name[64];
			snprintf(payload, sizeof(payload), "%d %d", path, arguments);
			name_of(path, arguments, name, sizeof(name));
			hold(payload, name);
			if (session->state == SESSION_ACTIVE && ringcast_session_find_peer(session, 1) != NULL)
				continue;
			if (session->state == SESSION_ACTIVE)
				ringcast_session_end_now(session, CLOSE_SHUTDOWN, world.now_ns);
			ringcast_store_collect(&world.store);
			prepare(&path_count, &arguments_count);
		}
	}
}
