/*
 * Strict scripts have a matcher of their own, and stand-ins for other functions of string and table. Whatever LuaJIT's say about a subject and a pattern,
 * ours say: results, captures, errors. Random ones, made of few letters and all special characters, so that they often match and often are no pattern.
 */
#include <criterion/criterion.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>

#include "base/prng.h"
#include "lua_world.h"

enum { CASES = 60000, SUBJECT_BYTES_MAX = 24, PATTERN_BYTES_MAX = 12 };

/* Everything that they say, as one line. */
static const char describe[] =
	"local subject, pattern, init, repl = ... local out = {}\n"
	"local function show(ok, ...)\n"
	"  out[#out + 1] = tostring(ok)\n"
	"  for i = 1, select('#', ...) do out[#out + 1] = tostring((select(i, ...))):gsub('^.-:%d+: ', ''):gsub(\"to '%?'\", \"to '?'\") end\n"
	"end\n"
	"show(pcall(string.find, subject, pattern, init)) show(pcall(string.find, subject, pattern, init, true)) show(pcall(string.match, subject, pattern, init))\n"
	"show(pcall(string.gsub, subject, pattern, repl)) show(pcall(string.gsub, subject, pattern, repl, 2))\n"
	"show(pcall(string.gsub, subject, pattern, function(...) return (select('#', ...) % 2 == 0) and 'F' or nil end))\n"
	"show(pcall(string.gsub, subject, pattern, {a = 1, b = 'two', ab = false}))\n"
	"show(pcall(function() local n = 0 for a, b in subject:gmatch(pattern) do n = n + 1 show(a, b) if n > 40 then break end end end))\n"
	"show(pcall(string.rep, subject, init, repl)) show(pcall(function() local s = subject:rep(init + 300) return #s, s:sub(-30) end)) show(subject:lower(), subject:upper(), subject:reverse())\n"
	"local t = {} for i = 1, #subject do t[i] = subject:sub(i, i) end\n"
	"local s = {unpack(t)} table.sort(s) show(true, table.concat(s)) table.sort(s, function(a, b) return a > b end) show(true, table.concat(s))\n"
	"show(pcall(table.concat, t, repl, init)) show(pcall(table.concat, t, repl, 2, init)) show(pcall(table.concat, t)) show(pcall(table.remove, t))\n"
	"show(pcall(table.remove, t, init)) show(#t) if init > 0 and init <= #t + 1 then show(pcall(table.insert, t, init, repl)) end show(pcall(table.insert, t, repl))\n"
	"show(#t, table.maxn(t), unpack(t)) show(pcall(table.insert, t)) show(pcall(table.concat, {{}}))\n"
	"return table.concat(out, ' ')\n";

static void random_text(struct prng *prng, const char *alphabet, size_t bytes_max, char *ret_text)
{
	size_t size = ringcast_prng_below(prng, bytes_max + 1), letters = strlen(alphabet);
	for (size_t i = 0; i < size; i++)
		ret_text[i] = alphabet[ringcast_prng_below(prng, letters)];
	ret_text[size] = '\0';
}

/* The same chunk in a plain LuaJIT state. */
static lua_State *native_open(void)
{
	lua_State *state = luaL_newstate();
	cr_assert_not_null(state);
	luaL_openlibs(state);
	cr_assert_eq(luaL_loadstring(state, describe), 0);
	return state;
}

static const char *native_describe(lua_State *state, const char *subject, const char *pattern, int init, const char *repl)
{
	lua_settop(state, 1);
	lua_pushvalue(state, 1);
	lua_pushstring(state, subject);
	lua_pushstring(state, pattern);
	lua_pushinteger(state, init);
	lua_pushstring(state, repl);
	cr_assert_eq(lua_pcall(state, 4, 1, 0), 0, "%s", lua_tostring(state, -1));
	return lua_tostring(state, -1);
}

Test(lua_strings, as_native)
{
	struct lua_world world;
	struct prng prng;
	char subject[SUBJECT_BYTES_MAX + 1], pattern[PATTERN_BYTES_MAX + 1], repl[8], payload[128], source[8192];
	snprintf(source, sizeof(source), "local function describe(...) %s end return {onMessage = function(m) "
		 "local subject, pattern, init, repl = string.unpack('s1s1i2s1', m.payload) print(describe(subject, pattern, init, repl)) end}", describe);
	struct session *session = lua_world_run(&world, source);
	world.script_limits.log_lines_per_second = 0;
	struct player *player = lua_world_join(&world, session, "");
	lua_State *native = native_open();
	ringcast_prng_init(&prng, 11);
	for (int i = 0; i < CASES; i++) {
		random_text(&prng, "aabb-1 A[(", SUBJECT_BYTES_MAX, subject);
		random_text(&prng, "aab.%()[]^$*+?-%dw1SfbA]", PATTERN_BYTES_MAX, pattern);
		random_text(&prng, "x%012", 6, repl);
		int init = (int)ringcast_prng_below(&prng, 12) - 5;
		struct packet packet = {.opcode = 1, .target_player = PROTO_PEER_SERVER};
		size_t size = (size_t)snprintf(payload, sizeof(payload), "%c%s%c%s%c%c%c%s", (int)strlen(subject), subject, (int)strlen(pattern), pattern, init & 255,
					       init >> 8 & 255, (int)strlen(repl), repl);
		/* snprintf writes the zeros too */
		packet.payload = ringcast_view_of(payload, size);
		lua_world_forget(&world);
		ringcast_router_route(player, &packet, INTENT_FAST, world.now_ns);
		const char *expected = native_describe(native, subject, pattern, init, repl);
		size_t log_size = strlen(world.log);
		cr_assert(log_size > 7 && strncmp(world.log, "info: ", 6) == 0, "%s", world.log);
		world.log[log_size - 1] = '\0';
		cr_assert_str_eq(world.log + 6, expected, "subject '%s' pattern '%s' init %d repl '%s'\n%s\n%s", subject, pattern, init, repl, world.log + 6,
			      expected);
	}
	lua_close(native);
	lua_world_stop(&world);
}

static void expect_info(const char *lua, const char *expected)
{
	struct lua_world world;
	char source[2048], line[256];
	snprintf(source, sizeof(source), "return {init = function() print((function() %s end)()) end}", lua);
	lua_world_run(&world, source);
	snprintf(line, sizeof(line), "info: %s\n", expected);
	lua_world_expect(&world, line, lua, 0);
	lua_world_stop(&world);
}

Test(lua_strings, dates)
{
	expect_info("return os.date('!%Y-%m-%d %H:%M:%S %%', 1e9)", "2001-09-09 01:46:40 %");
	expect_info("return os.date('!', 0), os.date('!no conversion', 0), os.date('!%', 0):sub(1, 1), #os.date()", " no conversion % 24");
	expect_info("local t = os.date('!*t', 86399) return t.year, t.month, t.day, t.hour, t.min, t.sec, t.wday, t.yday, t.isdst", "1970 1 1 23 59 59 5 1 false");
	expect_info("return os.date('!%Ey|%_d|%-d|%03d', 0)", "70| 1|1|001");
	expect_info("return pcall(os.date, '!%Y', 1/0)", "false bad argument #2 to 'date' (a time in seconds since 1970 expected, got inf)");
	expect_info("return pcall(os.date, '!%Y', 0/0), pcall(os.date, '!%Y', -1e300)", "false false bad argument #2 to 'date' (a time in seconds since 1970 expected, got -1e+300)");
	expect_info("return os.date('!%Y', 1e15), os.date('!%Y', -1e15)", "31690708 -31686769");
	expect_info("return pcall(os.date, '%999999999Y')", "false invalid conversion in the format of a date");
	expect_info("return #os.date('!' .. ('%Y'):rep(1e4), 0), pcall(os.date, '%c', 'x')", "40000 false bad argument #2 to '?' (number expected, got string)");
}

/* The largest comes last whatever the order is that a script's function makes, and nothing is lost, not even when it throws. */
Test(lua_strings, sorting)
{
	expect_info("local t = {} for i = 1, 1000 do t[i] = (i * 7919) % 1009 end table.sort(t) for i = 2, 1000 do assert(t[i - 1] <= t[i]) end return #t, t[1], t[1000]",
		    "1000 1 1008");
	expect_info("local t, n = {}, 0 for i = 1, 100 do t[i] = i end "
		    "local ok, e = pcall(table.sort, t, function() n = n + 1 if n == 50 then error('x', 0) end return n % 3 == 0 end) "
		    "local sum = 0 for i = 1, 100 do sum = sum + t[i] end return ok, e, sum", "false x 5050");
	expect_info("local t = {} for i = 1, 100 do t[i] = i end table.sort(t, function() return true end) local sum = 0 for i = 1, 100 do sum = sum + t[i] end return sum",
		    "5050");
	expect_info("local m = {__lt = function(a, b) return a.v < b.v end} local t = {} for i = 1, 9 do t[i] = setmetatable({v = (i * 4) % 9}, m) end table.sort(t) "
		    "return t[1].v, t[5].v, t[9].v", "0 4 8");
	expect_info("return pcall(table.sort, {1, 'x'})", "false attempt to compare string with number");
}
