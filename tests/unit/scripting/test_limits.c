/* Scripts that throw, loop, eat, or do it all at once: the session lives on as its limits say, and others notice nothing. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"
#include "lua_world.h"

static const char runner[] =
	"local s, log local game = {}\n"
	"function game.init(session) s = session log = s:getLogger() end\n"
	"function game.onMessage(m) assert(load('local s, log = ... ' .. m.payload, '=it'))(s, log) end\n"
	"function game.onSendToGroup(m) error('no verdict') end\n"
	"return game\n";

static struct lua_world world;
static struct session *session;
static struct player *player;

static void begin(void)
{
	lua_world_load_main(&world, runner);
	session = lua_world_open(&world);
	player = lua_world_join(&world, session, "");
}

static void setup(void)
{
	lua_world_start(&world);
}

static void teardown(void)
{
	lua_world_stop(&world);
}

TestSuite(lua_limits, .init = setup, .fini = teardown);

static void run(const char *lua)
{
	lua_world_send(&world, player, 10, PROTO_PEER_SERVER, 0, lua);
}

static void expect_alive(void)
{
	lua_world_forget(&world);
	run("log:info('alive')");
	expect(&world, "info: alive\n");
}

Test(lua_limits, an_error_says_where)
{
	begin();
	run("local function f() error('oops') end f()");
	expect_part(&world, "error: onMessage: it:1: oops\nstack traceback:\n");
	run("error({code = 5})");
	expect_part(&world, "error: onMessage: {code = 5}\nstack traceback:");
	run("error(setmetatable({}, {__tostring = function() return 'custom' end}))");
	expect_part(&world, "error: onMessage: custom\n");
	run("error()");
	expect_part(&world, "error: onMessage: nil\n");
	run("error(setmetatable({}, {__tostring = function() error('again') end}))");
	expect_part(&world, "error: onMessage: ");
	cr_assert_eq(world.counts[SCRIPT_COUNT_ERRORS], 5);
	expect_alive();
}

Test(lua_limits, the_verdict_of_an_error)
{
	begin();
	cr_assert_eq(lua_world_send(&world, player, 10, 0, PROTO_GROUP_ALL, "x"), DROP_DENIED);
	expect_part(&world, "main.lua:4: no verdict");
	world.script_limits.on_error = SCRIPT_FAILURE_ALLOW;
	cr_assert_eq(lua_world_send(&world, player, 10, 0, PROTO_GROUP_ALL, "x"), DROP_NONE);
	expect_part(&world, "send 10 from 1 reliable to 1 'x'\n");
}

Test(lua_limits, too_many_errors_end_the_session)
{
	world.script_limits.errors_max = 3;
	begin();
	run("error('1')");
	run("error('2')");
	cr_assert_eq(session->state, SESSION_ACTIVE);
	lua_world_forget(&world);
	run("error('3')");
	cr_assert_not_null(strstr(world.log, "fatal: the session ends: too many errors of its script\n"));
	expect_part(&world, "close 1 script_failed 'the game's script failed'\n");
	cr_assert_eq(session->state, SESSION_ENDED);
	cr_assert_eq(session->close_reason, CLOSE_SCRIPT_FAILED);
	cr_assert_eq(world.counts[SCRIPT_COUNT_KILLED], 1);
}

Test(lua_limits, a_storm_of_errors_is_logged_by_drops)
{
	world.script_limits.log_lines_per_second = 5;
	begin();
	for (int i = 0; i < 100; i++)
		run("error('storm')");
	size_t lines = 0;
	for (const char *at = world.log; (at = strstr(at, "error: onMessage")) != NULL; at++)
		lines++;
	cr_assert_eq(lines, 5);
	cr_assert_eq(world.counts[SCRIPT_COUNT_ERRORS], 100);
	lua_world_forget(&world);
	lua_world_advance_ms(&world, 1000);
	run("log:info('later')");
	expect(&world, "warn: 95 lines left out\ninfo: later\n");
}

static const char *const eaters[] = {
	"local t = {} while true do t[#t + 1] = {} end",
	"local s = 'x' while true do s = s .. s end",
	"return ('x'):rep(1e9)",
	"return ('x'):rep(1e9, 'y')",
	"local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(i) end",
	"local function f(...) return f(1, ...) end f()",
	"local b = require('string.buffer').new() while true do b:put('0123456789012345678901234567890123456789') end",
	"local t = require('table.new')(1e8, 0)",
	"return table.concat(setmetatable({}, {}), ('x'):rep(1e6), 1, 0) .. ('%99999d'):format(1)",
	"local t = {} for i = 1, 1e9 do t[i] = coroutine.create(print) end",
	"local c = function() end for i = 1, 1e6 do local d = c c = function() return d end end local t = {} while true do t = {t} end",
	"require('json').encode(setmetatable({('x'):rep(1e6), ('y'):rep(1e6), ('z'):rep(1e6), ('w'):rep(1e6)}, nil))",
};

Test(lua_limits, memory_is_bounded)
{
	world.script_limits.budget_us = 0;
	begin();
	for (size_t i = 0; i < sizeof(eaters) / sizeof(*eaters); i++) {
		uint64_t errors = world.counts[SCRIPT_COUNT_ERRORS];
		lua_world_forget(&world);
		run(eaters[i]);
		cr_assert_eq(world.counts[SCRIPT_COUNT_ERRORS], errors + 1, "%s: %s", eaters[i], world.log);
		cr_assert(ringcast_lua_ops.session_bytes(world.host, session) < world.script_limits.memory_bytes, "%s", eaters[i]);
		expect_alive();
	}
	cr_assert(world.counts[SCRIPT_COUNT_OUT_OF_MEMORY] >= 5);
}

Test(lua_limits, garbage_is_not_memory)
{
	world.script_limits.budget_us = 0;
	begin();
	run("keep = {} for i = 1, 15000 do keep[i] = {i} end"); /* about half of what is allowed, by its own */
	expect(&world, "");
	for (int i = 0; i < 200; i++)
		run("local t for i = 1, 1000 do t = {('x'):rep(100) .. i} end");
	expect(&world, "");
	cr_assert_eq(world.counts[SCRIPT_COUNT_ERRORS], 0);
}

/* LuaJIT's own collector may find no memory, or the script may have made more garbage than the limit: nothing but an error comes of it. */
Test(lua_limits, many_names_dropped_then_no_memory)
{
	world.script_limits.budget_us = 0;
	world.script_limits.memory_bytes = 8 << 20;
	begin();
	for (int i = 0; i < 6; i++) {
		run("for i = 1, 1e5 do local s = 'n' .. i .. os.clock() end local t = {} while true do t[#t + 1] = {} end");
		expect_part(&world, "not enough memory");
		expect_alive();
	}
	run("for i = 1, 3e6 do local s = {i} end");
	expect(&world, "");
}

/* What an endless finaliser or a lost one would do, if scripts could have any. */
Test(lua_limits, no_finaliser_of_the_scripts_ever_runs)
{
	begin();
	run("local b = require('string.buffer').new() b:put(('x'):rep(1e5)) local m = getmetatable(b) "
	    "for _, o in ipairs({b, m, b.__index, s, s:newTextGameMessage(1, -1, 'x')}) do pcall(function() o.__gc = nil end) "
	    "pcall(function() o.__gc = function() while true do end end end) pcall(rawset, o, '__gc', print) pcall(setmetatable, o, {__gc = print}) end "
	    "setmetatable({}, {__gc = function() print('finalised') end}) kept = b collectgarbage()");
	expect(&world, "");
	expect_alive();
}

/* C functions that call back, nested until the C stack would end. */
static const char *const nests[] = {
	"local function f(s) return (s:gsub('x', f)) end f('x')",
	"local t t = setmetatable({}, {__index = function(_, k) return (k:gsub('x', t)) end}) ; ('x'):gsub('x', t)",
	"local function f() table.sort({3, 2, 1}, f) end f()",
	"local m m = {__lt = function(a, b) table.sort({a, b, a}) return true end} table.sort({setmetatable({}, m), setmetatable({}, m)})",
	"local t = setmetatable({}, {__tostring = function(t) return ('%s'):format(t) end}) tostring(t)",
	"local function f() return coroutine.wrap(f)() end f()",
	"local function f() local ok, e = coroutine.resume(coroutine.create(f)) error(e, 0) end f()",
	"local function f(s) for w in s:gmatch('x') do local r = w:gsub('x', f) end end f('x')",
};

Test(lua_limits, nesting_is_bounded)
{
	world.script_limits.budget_us = 0;
	world.script_limits.memory_bytes = 64 << 20;
	begin();
	for (size_t i = 0; i < sizeof(nests) / sizeof(*nests); i++) {
		run(nests[i]);
		expect_part(&world, "overflow");
		expect_alive();
	}
}

/* However a callback ends, the next one may nest as deep as any. */
Test(lua_limits, a_failed_call_leaves_no_nesting)
{
	static const char count[] = "local n = 0 local function f() n = n + 1 pcall(f) end f() print(n - 1)";
	world.script_limits.budget_us = 0;
	world.script_limits.errors_max = 0;
	world.script_limits.memory_bytes = 16 << 20;
	begin();
	for (int i = 0; i < 5; i++) {
		run("local function f(...) return f(1, ...) end f()");
		run("local function f(n) local a, b, c = f(n + 1) return a end local t = {} for i = 1, 7000 do t[i] = i end for i = 1, 3 do pcall(f, unpack(t)) end error(1)");
		run("local t = {} local function f() t[#t + 1] = ('x'):rep(1e6) .. #t return pcall(f) or error(1) end f() error(2)");
		lua_world_forget(&world);
		run(count);
		expect(&world, "info: 200\n");
	}
}

static const char *const loops[] = {
	"while true do end",
	"while true do pcall(function() while true do end end) end",
	"local function f() while true do pcall(f) end end f()",
	"while true do xpcall(function() while true do end end, function() while true do end end) end",
	"coroutine.wrap(function() while true do end end)()",
	"while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
	"table.sort({3, 1, 2}, function() while true do end end)",
	"local t = setmetatable({}, {__index = function() while true do end end}) return t.x",
	"for _ in function() return 1 end do end",
	"('x'):gsub('.', function() while true do end end)",
	"local s = ('a'):rep(20000) s:find('.-.-.-.-b')",
	"local s = ('a'):rep(20000) s:match('(.-)(.-)(.-)b')",
	"local s = ('a'):rep(100000) s:gsub('.-b', '')",
	"local s = ('a'):rep(20000) for _ in s:gmatch('.-.-.-b') do end",
	"local s = ('('):rep(100000) s:gsub('%b()', '')",
	"table.move({}, 1, 1e15, 2)",
	"local t = {} for i = 1, 6e4 do t[i] = (i * 7919) % 65521 end while true do table.sort(t) end",
	"local json, t = require('json'), {} for i = 1, 3e4 do t[i] = i end while true do json.encode(t) end",
	"local json = require('json') local s = '[' .. ('1,'):rep(50000) .. '1]' while true do json.decode(s) end",
	"while true do ('x'):rep(1000):find('y', 1, true) end",
	"repeat local ok, f = pcall(load, 'while true do end') pcall(f) until false",
	"local t = setmetatable({}, {__tostring = function() while true do end end}) error(t)",
};

Test(lua_limits, time_is_bounded)
{
	begin();
	world.clock_step_ns = NS_PER_MS;
	for (size_t i = 0; i < sizeof(loops) / sizeof(*loops); i++) {
		uint64_t over = world.counts[SCRIPT_COUNT_OVER_BUDGET];
		lua_world_forget(&world);
		run(loops[i]);
		cr_assert_eq(world.counts[SCRIPT_COUNT_OVER_BUDGET], over + 1, "%s: %s", loops[i], world.log);
		expect_part(&world, "onMessage: ");
		expect_alive();
	}
	run("while true do end");
	expect_part(&world, "ran for longer than its budget of 10000 us\nstack traceback:\n");
}

Test(lua_limits, time_is_bounded_even_if_it_stands_still)
{
	begin();
	run("while true do end");
	expect_part(&world, "ran for longer than its budget of 10000 us");
	run("for i = 1, 4e6 do end");
	expect(&world, "");
}

/* What the engine copies for a script is the script's work: megabytes of text, thousands of players. */
static const char asker[] =
	"local s\n"
	"local questions = {function() s:getProperties() end, function() s:getMatchmakerData() end, function() s:getPlayers() end,\n"
	"	function() s:getGroupMembers(-1) end, function(m) local it = m.payload end}\n"
	"return {configuration = {maxPlayers = 256}, init = function(given) s = given end,\n"
	"	onMessage = function(m) for i = 1, 5e3 do questions[m.opCode](m) end end}\n";

Test(lua_limits, what_is_asked_of_the_session_is_bounded_too)
{
	static char text[160000];
	memset(text, 'x', sizeof(text) - 1);
	world.properties = world.matchmaker_data = text;
	world.script_limits.budget_us = 1000;
	lua_world_load_main(&world, asker);
	session = lua_world_open(&world);
	for (unsigned i = 0; i < 256; i++)
		player = lua_world_join(&world, session, "");
	for (int32_t question = 1; question <= 5; question++) {
		lua_world_forget(&world);
		lua_world_send(&world, player, question, PROTO_PEER_SERVER, 0, text + sizeof(text) - 1 - 16000);
		expect_part(&world, "ran for longer than its budget of 1000 us");
	}
}

/* Nobody's clock: a look at the time does not return until the watchdog, which is a thread, has named the callback. */
static uint64_t clock_that_waits(void *context)
{
	struct lua_world *waiting = context;
	while (ringcast_lua_stuck_count(waiting->host) == 0)
		usleep(1000);
	return waiting->clock_ns;
}

static char named[512];

static void keep_name(void *context, enum log_level level, const char *component, const char *message, const char *fields)
{
	snprintf(named, sizeof(named), "%s: %s %s", component, message, fields);
}

Test(lua_limits, the_watchdog_names_who_does_not_come_back)
{
	char expected[128];
	ringcast_lua_destroy(&world.host);
	world.host = ringcast_lua_create(&world.environment, &(struct lua_options){.watchdog_ms = 8});
	ringcast_log_set_sink(keep_name, NULL, LOG_DEBUG);
	begin();
	run("for i = 1, 100 do end");
	cr_assert_eq(ringcast_lua_stuck_count(world.host), 0);
	world.environment.cpu_ns = clock_that_waits;
	run("for i = 1, 1e4 do end");
	world.environment.cpu_ns = NULL;
	cr_assert(ringcast_lua_stuck_count(world.host) >= 1);
	ringcast_log_set_sink(NULL, NULL, LOG_DEBUG);
	snprintf(expected, sizeof(expected), "script: callback does not come back script=test@%.12s session=%s callback=onMessage", world.script->version, session->id);
	cr_assert_not_null(strstr(named, expected), "%s", named);
}

/* As under MemoryDenyWriteExecute=yes. Kernels before 6.3 know no such thing, and then nothing forbids it. */
Test(lua_limits, a_compiler_needs_leave)
{
	const int set_mdwe = 65, refuse_exec_gain = 1;
	cr_assert(ringcast_lua_can_compile());
	bool is_forbidden = prctl(set_mdwe, refuse_exec_gain, 0, 0, 0) == 0;
	cr_assert_eq(ringcast_lua_can_compile(), !is_forbidden);
}

Test(lua_limits, compiled_scripts)
{
	world.script_limits.is_jit_off = false;
	begin();
	run("local n = 0 for i = 1, 1e6 do n = n + i % 7 end log:info(n)");
	expect(&world, "info: 2999998\n");
	for (size_t i = 0; i < sizeof(eaters) / sizeof(*eaters); i++) {
		run(eaters[i]);
		expect_alive();
	}
	cr_assert_eq(world.counts[SCRIPT_COUNT_ERRORS], sizeof(eaters) / sizeof(*eaters));
	for (int i = 0; i < 1000; i++)
		run("local t = s:newTextGameMessage(5, -1, 'x') for i = 1, 10 do s:sendMessage(t, 1) end");
	cr_assert_eq(world.counts[SCRIPT_COUNT_ERRORS], sizeof(eaters) / sizeof(*eaters));
}

Test(lua_limits, the_budget_begins_anew_with_each_call)
{
	begin();
	world.clock_step_ns = 2 * NS_PER_MS; /* two looks or so in each call: 4 ms of 10 */
	for (int i = 0; i < 50; i++)
		run("for i = 1, 2000 do end");
	cr_assert_eq(world.counts[SCRIPT_COUNT_OVER_BUDGET], 0);
	cr_assert_eq(world.counts[SCRIPT_COUNT_ERRORS], 0);
}

Test(lua_limits, failing_to_start_ends_the_session)
{
	static const struct { const char *source, *part; } bad[] = {
		{"return {init = function() error('no') end}", "error: init: main.lua:1: no"},
		{"return {onProcessStarted = function() return false end}", "fatal: the session ends: onProcessStarted said no"},
		{"return {onStartGameSession = function() while true do end end}", "budget of 10000 us"},
		{"local n = _G.math.random() return {onStartGameSession = function() error('late') end}", "main.lua:1: late"},
	};
	world.clock_step_ns = NS_PER_MS;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		lua_world_load_main(&world, bad[i].source);
		session = lua_world_open(&world);
		expect_part(&world, bad[i].part);
		cr_assert_eq(session->state, SESSION_ENDED);
		cr_assert_eq(session->close_reason, CLOSE_SCRIPT_FAILED);
		ringcast_store_collect(&world.store);
		ringcast_lua_ops.unload(world.host, world.program);
		ringcast_script_unref(&world.script);
		world.program = NULL;
	}
}

Test(lua_limits, no_memory_for_the_script_itself)
{
	char error[SCRIPT_ERROR_BYTES];
	lua_world_load_main(&world, "local t = {} for i = 1, 5000 do t[i] = {} end return {}");
	world.script_limits.memory_bytes = 20000; /* less than an empty state takes */
	cr_assert_not(ringcast_lua_check(world.script, &world.script_limits, error, sizeof(error)));
	cr_assert_not_null(strstr(error, "not enough memory"), "%s", error);
	world.script_limits.memory_bytes = 64 * 1024;
	session = lua_world_open(&world);
	expect_part(&world, "not enough memory");
	cr_assert_eq(session->close_reason, CLOSE_SCRIPT_FAILED);
	cr_assert_not(ringcast_lua_check(world.script, &world.script_limits, error, sizeof(error)));
	cr_assert_not_null(strstr(error, "not enough memory"), "%s", error);
}

Test(lua_limits, five_hundred_sessions)
{
	enum { SESSIONS = 500 };
	struct session *sessions[SESSIONS];
	uint64_t bytes = 0;
	lua_world_load_main(&world, "local game, n, s = {}, 0 function game.init(x) s = x end\n"
				    "function game.onMessage(m) n = n + 1 s:sendMessage(s:newTextGameMessage(n, -1, m), m.sender) end return game");
	for (int i = 0; i < SESSIONS; i++) {
		sessions[i] = lua_world_open(&world);
		bytes += ringcast_lua_ops.session_bytes(world.host, sessions[i]);
	}
	fprintf(stderr, "a Lua session that has begun: %llu bytes\n", (unsigned long long)(bytes / SESSIONS));
	cr_assert(bytes / SESSIONS < 40000, "%llu bytes for each", (unsigned long long)(bytes / SESSIONS));
	for (int i = 0; i < SESSIONS; i += 7) { /* each counts for itself */
		player = lua_world_join(&world, sessions[i], "");
		run("a");
		expect(&world, "send 1 from -1 fast to 1 'a'\n");
		run("b");
		expect(&world, "send 2 from -1 fast to 1 'b'\n");
	}
}
