/* require: the script's own files and the built-in modules; the dry run. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "files.h"
#include "lua_world.h"

static void expect_files(const char *const *files, const char *expected)
{
	struct lua_world world;
	lua_world_start(&world);
	lua_world_load(&world, files);
	lua_world_open(&world);
	lua_world_expect_part(&world, expected, files[1], 0);
	lua_world_stop(&world);
}

Test(lua_modules, own_files)
{
	expect_files((const char *const[]){"main.lua", "local a = require 'lib.a' return {init = function() print(a.name, require('lib/a') == a) end}",
					   "lib/a.lua", "return {name = 'A ' .. ... .. require('deep').x}", "deep/init.lua", "return {x = '!'}", NULL},
		     "info: A lib.a! false");
	expect_files((const char *const[]){"main.lua", "return {init = function() print(require 'nothing', require 'nothing') end}", "nothing.lua", "n = (n or 0) + 1",
					   NULL},
		     "info: true true");
	expect_files((const char *const[]){"main.lua", "return {init = function() print(pcall(require, 'bad')) print(pcall(require, 'bad')) end}", "bad.lua",
					   "\n\nerror('loading')", NULL},
		     "info: false bad.lua:3: loading\ninfo: false bad.lua:3: loading\n");
}

Test(lua_modules, what_is_not_there)
{
	static const char *const names[] = {"../main", "/etc/passwd", "..", "", "main.lua", "lib", "%2e", "a\\\\0b"};
	char source[256];
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(source, sizeof(source), "return {init = function() print(select(2, pcall(require, '%s'))) end}", names[i]);
		expect_files((const char *const[]){"main.lua", source, NULL}, "not found");
	}
}

Test(lua_modules, circles_are_named)
{
	expect_files((const char *const[]){"main.lua", "return {init = function() print(select(2, pcall(require, 'a'))) end}", "a.lua", "local b = require 'b' return b", "b.lua",
					   "local a = require 'a' return a", NULL},
		     "b.lua:1: module 'a' is required while it loads");
}

static void expect_json(const char *lua, const char *expected)
{
	char source[4096], line[1024];
	snprintf(source, sizeof(source), "local json = require 'json' return {init = function() print((function() %s end)()) end}", lua);
	snprintf(line, sizeof(line), "info: %s\n", expected);
	expect_files((const char *const[]){"main.lua", source, NULL}, line);
}

Test(lua_modules, json)
{
	expect_json("return json.decode('[1, -2.5e3, true, false, \"x\", {}, []]')", "{1, -2500, true, false, \"x\", {}, {}}");
	expect_json("local v = json.decode(' {\"a\" : {\"b\": [ ] }, \"n\" : null} ') return json.encode(v.a), v.n == json.null, tostring(v.n)", "{\"b\":[]} true null");
	expect_json("return json.decode('\"\\\\u00e4\\\\ud83d\\\\ude00\\\\n\\\\\\\\ \\\\/ \\\\\"\"')", "\u00e4\U0001F600\n\\ / \"");
	expect_json("return json.encode({1, 2.5, 1e100, 0.1, -0.5, 123456789012, 'q\"\\\\\\n\\1', true, json.null})",
		    "[1,2.5,1e+100,0.1,-0.5,123456789012,\"q\\\"\\\\\\u000a\\u0001\",true,null]");
	expect_json("return json.encode({}), json.encode(json.array()), json.encode(json.array({})), json.encode({x = {}}), json.encode({[5] = 1})",
		    "{} [] [] {\"x\":{}} {\"5\":1}");
	expect_json("local t = {1, 2, 3} for i = 1, 12 do t = {t, i} end return #json.encode(json.decode(json.encode(t))) == #json.encode(t)", "true");
	expect_json("return pcall(json.encode, print)", "false json: a function has no form in JSON");
	expect_json("local t = {} t.t = t return pcall(json.encode, t)", "false json: nested too deeply, or in a circle");
	expect_json("return pcall(json.encode, 0/0)", "false json: nan has no form in JSON");
	expect_json("return pcall(json.encode, {[true] = 1})", "false json: a key that is a boolean");
}

/* Nothing is lost, or it is an error. */
Test(lua_modules, json_of_tables_that_are_no_sequence)
{
	expect_json("local v = json.decode(json.encode({[1] = 10, [5] = 20})) return v['1'], v['5']", "10 20");
	expect_json("local v = json.decode(json.encode({'a', 'b', name = 'c'})) return v['1'], v['2'], v.name", "a b c");
	expect_json("local t = {} for i = 1, 20 do t[i] = i end t[10] = nil local n = 0 for _ in pairs(json.decode(json.encode(t))) do n = n + 1 end return n", "19");
	expect_json("return json.encode({[0] = 1}), json.encode({[-1] = 1}), json.encode({[1.5] = 1}), json.encode({[2] = 1})", "{\"0\":1} {\"-1\":1} {\"1.5\":1} {\"2\":1}");
	expect_json("return pcall(json.encode, {[1] = 'a', [3] = 'c', ['3'] = 'd'})", "false json: a table with both the number 3 and the string \"3\" as keys");
	expect_json("local a = json.decode('[1,2,3,4]') a[2] = nil a[4] = nil return json.encode(a)", "[1,null,3]");
	expect_json("local a = json.array({1}) a.x = 1 return pcall(json.encode, a)", "false json: an array with a key that is not a whole number from 1");
	expect_json("local a = json.array({1}) a[1e9] = 1 return pcall(json.encode, a)", "false json: an array that is mostly holes (2 values, the last at 1000000000)");
}

Test(lua_modules, json_that_is_none)
{
	static const char *const bad[] = {"",	   " ",	     "{",	"[",	  "[1,",     "[1 2]",	"{\"a\"}",    "{\"a\":}", "{a:1}",   "tru",	"nul",
					  "01",	   "1.",     "-",	"1e",	  "+1",	     "0x10",	"inf",	      "nan",	  "\"a",     "\"\\x\"", "\"\\u12\"",
					  "[1]]",  "1 2",    "[,]",	"{,}",	  "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "'a'", "[1,]", "{\"a\":1,}", "\"\\"};
	struct lua_world world;
	lua_world_run(&world, "local json = require 'json' return {onMessage = function(m) local v, why = json.decode(m.payload) print(v, why) end}");
	struct session *session = lua_world_open(&world);
	struct player *player = lua_world_join(&world, session, "");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		lua_world_send(&world, player, 1, PROTO_PEER_SERVER, 0, bad[i]);
		cr_assert(strncmp(world.log, "info: nil ", 10) == 0 && strstr(world.log, " at byte ") != NULL, "'%s': %s", bad[i], world.log);
		lua_world_forget(&world);
	}
	char deep[300];
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	lua_world_send(&world, player, 1, PROTO_PEER_SERVER, 0, deep);
	expect_part(&world, "nested too deeply");
	cr_assert_eq(world.counts[SCRIPT_COUNT_ERRORS], 0);
	lua_world_stop(&world);
}

static void expect_pack(const char *lua, const char *expected)
{
	char source[4096], line[1024];
	snprintf(source, sizeof(source), "local function hex(s) return (s:gsub('.', function(c) return ('%%02x'):format(c:byte()) end)) end "
		 "return {init = function(s) print((function() %s end)()) end}", lua);
	snprintf(line, sizeof(line), "info: %s\n", expected);
	expect_files((const char *const[]){"main.lua", source, NULL}, line);
}

/* Bytes as Lua 5.3 makes them. */
Test(lua_modules, pack)
{
	expect_pack("return hex(string.pack('<bBhHi3I4', -1, 255, -2, 65535, -3, 0xDEADBEEF))", "fffffefffffffdffffefbeadde");
	expect_pack("return hex(string.pack('>i4 <i4 =i2 j', 1, 1, 1, -1))", "00000001010000000100ffffffffffffffff");
	expect_pack("return hex(string.pack('<fdx', 1, -2))", "0000803f00000000000000c000");
	expect_pack("return hex(string.pack('<s1s2zs4', 'ab', 'c', 'd', ''))", "0261620100636400" "00000000");
	expect_pack("return string.unpack('<bBhHi3I4', string.pack('<bBhHi3I4', -1, 255, -2, 65535, -3, 0xDEADBEEF))", "-1 255 -2 65535 -3 3735928559 14");
	expect_pack("return string.unpack('>s1zxi8', string.pack('>s1zxi8', 'ab', 'cd', -2^40))", "ab cd -1099511627776 16");
	expect_pack("return string.unpack('<I2', '\\1\\2\\3\\4', 3)", "1027 5");
	expect_pack("return string.packsize('<bi3fdxI8'), pcall(string.packsize, 's1')", "25 false a format with strings has no size of its own");
	expect_pack("local x = string.unpack('<d', ('\\255'):rep(8)) return x ~= x, type(x)", "true number");
	expect_pack("return string.unpack('<BB', s:newBinaryGameMessage(1, -1, '\\7\\8'))", "7 8 3");
	expect_pack("return pcall(string.unpack, '<I4', 'abc')", "false data string too short");
	expect_pack("return pcall(string.unpack, '<s4', '\\255\\255\\255\\255ab')", "false data string too short");
	expect_pack("return pcall(string.unpack, 'z', 'abc')", "false unfinished string");
	expect_pack("return pcall(string.unpack, 'B', 'abc', 5)", "false initial position out of string");
	expect_pack("return pcall(string.unpack, 'B', 'abc', 0/0)", "false initial position out of string");
	expect_pack("return pcall(string.unpack, 'i9', 'abc')", "false integers have 1 to 8 bytes");
	expect_pack("return pcall(string.unpack, 'i99999999999999999999', 'abc')", "false integers have 1 to 8 bytes");
	expect_pack("return pcall(string.unpack, 'y', 'abc')", "false unknown format option 'y'");
	expect_pack("return select(2, pcall(string.pack, '<B', 256))", "bad argument #2 to 'pack' (a whole number of 1 unsigned bytes expected, got 256)");
	expect_pack("return pcall(string.pack, '<b', -129), pcall(string.pack, 'b', 1.5), (pcall(string.pack, 'i', 0/0)), (pcall(string.pack, 'J', 2^64))",
		    "false false false false");
	expect_pack("return (pcall(string.pack, 's1', ('x'):rep(256))), (pcall(string.pack, 'z', 'a\\0b'))", "false false");
}

/* The dry run */

static void check(const char *source, bool is_ok, const char *part)
{
	char error[SCRIPT_ERROR_BYTES] = "";
	struct script_limits limits = {.memory_bytes = 4 << 20};
	struct script *script = files_script((const char *const[]){"main.lua", source, "lib.lua", "return {}", NULL});
	cr_assert_eq(ringcast_lua_check(script, &limits, error, sizeof(error)), is_ok, "%s: %s", source, error);
	cr_assert_not_null(strstr(error, part), "%s: \"%s\" should hold \"%s\"", source, error, part);
	cr_assert_null(strchr(error, '\n'));
	ringcast_script_unref(&script);
}

Test(lua_check, refuses)
{
	check("return {", false, "main.lua:1: ");
	check("\n\nlocal x = = 5", false, "main.lua:3: ");
	check("", false, "main.lua returns a nil");
	check("return 5", false, "main.lua returns a number");
	check("\nerror('at load')", false, "main.lua:2: at load");
	check("return {onMessage = 5}", false, "onMessage is a number, not a function");
	check("return {configuration = 5}", false, "configuration is a number");
	check("return {configuration = {maxPlayers = 0}}", false, "configuration.maxPlayers must be a whole number from 1 to 65536");
	check("return {configuration = {maxPlayers = '4'}}", false, "maxPlayers");
	check("return {configuration = {maxPlayers = 1.5}}", false, "maxPlayers");
	check("return {configuration = {pingIntervalTime = 5}}", false, "pingIntervalTime must be a whole number from 100");
	check("return {configuration = {tickInterval = -5}}", false, "tickInterval");
	check("return {configuration = {tickInterval = 0/0}}", false, "tickInterval");
	check("while true do end", false, "does not come to an end");
	check("while true do pcall(function() while true do end end) end", false, "does not come to an end");
	check("local t = {} while true do t[#t + 1] = {} end", false, "not enough memory");
	check("require 'missing' return {}", false, "main.lua:1: module 'missing' not found");
	check("error({})", false, "{}");
	check("return setmetatable({}, {__index = function() error('sly') end})", false, "sly");
}

Test(lua_check, accepts_and_learns)
{
	char error[SCRIPT_ERROR_BYTES] = "";
	struct script_limits limits = {.memory_bytes = 4 << 20};
	struct script *script = files_script((const char *const[]){
		"main.lua", "print('quiet') return {onMessage = print, onTick = print, configuration = {maxPlayers = 200, tickInterval = 50}}", NULL});
	cr_assert(ringcast_lua_check(script, &limits, error, sizeof(error)), "%s", error);
	cr_assert_eq(script->facts.callbacks, 1u << SCRIPT_CALLBACK_MESSAGE | 1u << SCRIPT_CALLBACK_TICK);
	cr_assert_eq(script->facts.players_max, 200);
	cr_assert_eq(script->facts.ping_interval_ms, 0);
	cr_assert_eq(script->facts.tick_interval_ms, 50);
	ringcast_script_unref(&script);
	check("local lib = require 'lib' return {init = function() error('not called') end}", true, "");
}
