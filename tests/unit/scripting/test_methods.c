/* What a script may ask and tell: every method of the session object, with right and wrong arguments. */
#include <criterion/criterion.h>

#include "lua_world.h"

/* A script whose onMessage runs the payload as Lua, with session as s and the message as m. */
static const char runner[] =
	"local s, log local game = {}\n"
	"function game.init(session) s = session log = s:getLogger() end\n"
	"function game.onMessage(m)\n"
	"  local f, err = load('local s, m, log, kept = ... ' .. m.payload, '=it')\n"
	"  if not f then error(err) end\n"
	"  f(s, m, log, game)\n"
	"end\n"
	"return game\n";

static struct lua_world world;
static struct session *session;
static struct player *one, *two;

static void setup(void)
{
	session = lua_world_run(&world, runner);
	one = lua_world_join(&world, session, "");
	two = lua_world_join(&world, session, "");
	expect(&world, "");
}

static void teardown(void)
{
	lua_world_stop(&world);
}

TestSuite(lua_methods, .init = setup, .fini = teardown);

static void run(const char *lua)
{
	cr_assert_eq(lua_world_send(&world, one, 10, PROTO_PEER_SERVER, 0, lua), DROP_NONE);
}

Test(lua_methods, sends)
{
	run("s:sendMessage(s:newTextGameMessage(20, s:getServerId(), 'a'), 1)");
	expect(&world, "send 20 from -1 fast to 1 'a'\n");
	run("s:sendReliableMessage(s:newTextGameMessage(20, 2, 'b'), 2)");
	expect(&world, "send 20 from 2 reliable to 2 'b'\n");
	run("s:sendGroupMessage(s:newBinaryGameMessage(-500, -1, 'c'), s:getAllPlayersGroupId())");
	expect(&world, "send -500 from -1 fast to 1,2 'c'\n");
	run("s:joinGroup(5, 2) s:sendReliableGroupMessage(s:newTextGameMessage(21, -1), 5)");
	expect(&world, "send 21 from -1 reliable to 2 ''\n");
}

Test(lua_methods, dots_strings_and_players_are_fine_too)
{
	run("s.sendMessage(s.newTextGameMessage(20, '1', 'a'), '2')");
	expect(&world, "send 20 from 1 fast to 2 'a'\n");
	run("local send = s.sendMessage send(s.newTextGameMessage(20, -1, 'a'), s.getPlayers()[2])");
	expect(&world, "send 20 from -1 fast to 2 'a'\n");
	run("s:sendMessage(m, 2)");
	expect_part(&world, "send 10 from 1 fast to 2 's:sendMessage(m, 2)'\n");
	run("s:sendMessage(s:newTextGameMessage(30, -1, m), 2)");
	expect_part(&world, "send 30 from -1 fast to 2 's:sendMessage(s:newText");
	run("local t = s:newTextGameMessage(31, -1, 'x') for id in pairs(s:getPlayers()) do s:sendMessage(t, id) end");
	expect(&world, "send 31 from -1 fast to 1 'x'\nsend 31 from -1 fast to 2 'x'\n");
}

Test(lua_methods, asks)
{
	run("log:info(s:getServerId(), s:getAllPlayersGroupId(), s:getGameSessionId() == tostring(s):match('session: (.*)'), s:getProperties(), s:getMatchmakerData())");
	expect(&world, "info: -1 -1 true {\"map\":\"moon\"} two teams\n");
	run("log:info(s:getPlayerId(2), s:getPlayerData(2), s:getPlayerId(9) == nil)");
	expect(&world, "info: user-2 level=7 true\n");
	run("local n = 0 for id, p in pairs(s:getPlayers()) do n = n + 1 assert(p.peerId == id and #p.playerSessionId > 30) end log:info(n)");
	expect(&world, "info: 2\n");
	run("s:getPlayers()[2].score = 5");
	run("log:info(s:getPlayers()[2].score, s:getPlayers()[1].score)");
	expect(&world, "info: 5 nil\n");
	run("s:getPlayers()[2] = nil log:info(s:getPlayers()[2] ~= nil)");
	expect(&world, "info: true\n");
	run("s:joinGroup(4, 1) s:joinGroup(4, 2)");
	run("local g = s:getGroupMembers(4) table.sort(g) log:info(g, s:getGroupMembers(99), #s:getGroupMembers(-1))");
	expect_part(&world, "info: {1, 2} {} 2\n");
	lua_world_advance_ms(&world, 1500);
	run("log:info(s:now(), s:getName())");
	expect(&world, "info: 2500 arena\n");
}

Test(lua_methods, kicks_and_moves)
{
	run("log:info(s:joinGroup(3, 2))");
	expect(&world, "info: true\n");
	run("s:leaveGroup(3, 2)");
	expect(&world, "update 3 to 2 list \n");
	run("s:joinGroup(3, 1) s:broadcastGroupMembershipUpdate(3, -1)");
	expect(&world, "update 3 to 1,2 list 1\n");
	run("s:kick(2, 'too loud')");
	expect(&world, "close 2 kicked 'too loud'\n");
	run("log:info(s:getPlayers()[2] == nil) s:kick(2)");
	expect(&world, "info: true\ndrop no_target 1\n");
}

Test(lua_methods, ends)
{
	run("log:info(s:processEnding()) log:info(s:processEnding())");
	expect(&world, "info: true\ninfo: true\nclose 2 session_ended 'game session ended'\nclose 1 session_ended 'game session ended'\n");
	cr_assert_eq(session->state, SESSION_ENDED);
}

Test(lua_methods, wrong_arguments_are_errors_with_a_line)
{
	static const struct { const char *lua, *part; } wrongs[] = {
		{"s:sendMessage(s:newTextGameMessage(20, -1, 'a'), nil)", "error: onMessage: it:1: bad argument #2 to 'sendMessage' (a player's peer id expected, got nil)"},
		{"s:sendMessage(s:newTextGameMessage(20, -1, 'a'), 0/0)", "a player's peer id expected, got number"},
		{"s:sendMessage(s:newTextGameMessage(20, -1, 'a'), 1e300)", "a player's peer id expected, got number"},
		{"s:sendMessage(s:newTextGameMessage(20, -1, 'a'), {})", "a player's peer id expected, got table"},
		{"s:sendMessage('hello', 1)", "bad argument #1 to 'sendMessage' (a message expected, got string)"},
		{"s:sendMessage({opCode = 1}, 1)", "(a message expected, got table)"},
		{"s:sendMessage(io, 1)", "(a message expected, got nil)"},
		{"s:newTextGameMessage(nil, -1, 'x')", "an op code expected, got nil"},
		{"s:newTextGameMessage(0, -1, 'x')", "op code 0 is the engine's"},
		{"s:newTextGameMessage(1.5, -1, 'x')", "an op code expected, got number"},
		{"s:newTextGameMessage(1, -1, {})", "#3 to 'newTextGameMessage' (a string or a message expected, got table)"},
		{"s:joinGroup('x', 1)", "a group's number expected, got string"},
		{"s:kick(1, {})", "a reason expected, got table"},
		{"s:after(-1, print)", "from 0 ms to 26 days"},
		{"s:every(0, print)", "from 1 ms to 26 days"},
		{"s:after(1)", "function expected"},
		{"s:nonsense()", "attempt to call method 'nonsense'"},
	};
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(*wrongs); i++) {
		run(wrongs[i].lua);
		expect_part(&world, wrongs[i].part);
	}
	cr_assert_eq(world.counts[SCRIPT_COUNT_ERRORS], sizeof(wrongs) / sizeof(*wrongs));
}

Test(lua_methods, what_the_engine_refuses)
{
	run("log:info(s:sendMessage(s:newTextGameMessage(20, -1, 'a'), 77))");
	expect(&world, "info: true\ndrop no_target 1\n");
	run("log:info(s:sendMessage(s:newTextGameMessage(20, -1, ('x'):rep(70000)), 1))");
	expect(&world, "info: false oversize\n");
	run("s:sendMessage(s:newTextGameMessage(-1, -1, 'a'), 1)");
	expect(&world, "drop bad_state 1\n");
}

Test(lua_methods, messages)
{
	run("log:info(m.opCode, m.sender, m.targetPlayer, m.targetGroup, m.reliable, m.size == #m.payload, m:text() == m.payload, "
	    "m:getPayloadAsText() == m.payload, m.nothing, m:byte(1) == m.payload:byte(1), m:byte(-1) == m.payload:byte(-1), m:byte(9999), tostring(m))");
	expect_part(&world, "info: 10 1 -1 0 true true true true nil true true nil message: opCode 10, sender 1, ");
	run("m.opCode = 5");
	expect_part(&world, "messages do not change");
	run("getmetatable(m).__index = nil");
	expect_part(&world, "error: ");
	run("local t = s:newBinaryGameMessage(1, 2, '\\1\\2\\255\\255\\0\\0\\128\\63' .. ('\\0'):rep(6) .. '\\240\\63') "
	    "log:info(t:u8(0), t:i8(2), t:u16(0), t:u16(0, true), t:i16(2), t:u32(0), t:i32(0, true), t:f32(4), t:f64(8), t:u8(16), t:u32(13), t:u8(-1), "
	    "t:u8(0/0), t:u8(1e300))");
	expect(&world, "info: 1 -1 513 258 -1 4294902273 16973823 1 1 nil nil nil nil nil\n");
	run("local t = s:newBinaryGameMessage(1, 2, ('\\255'):rep(8)) local x = t:f64(0) log:info(x ~= x, type(x), t:f32(0) ~= t:f32(0))");
	expect(&world, "info: true number true\n");
}

Test(lua_methods, a_message_is_good_for_its_callback)
{
	run("kept.m = m kept.text = m.payload kept.own = s:newTextGameMessage(7, -1, 'mine')");
	run("log:info(kept.m.opCode, kept.m.sender, kept.m.size, #kept.text, kept.own.payload)");
	expect(&world, "info: 10 1 79 79 mine\n");
	run("log:info(kept.m.payload)");
	expect_part(&world, "can be read during the callback that got it");
	run("log:info(kept.m:u8(0))");
	expect_part(&world, "can be read during the callback that got it");
	run("s:sendMessage(kept.m, 1)");
	expect_part(&world, "can be read during the callback that got it");
	run("s:sendMessage(kept.own, 1)");
	expect(&world, "send 7 from -1 fast to 1 'mine'\n");
}

Test(lua_methods, log_levels_and_values)
{
	run("log.debug('d') log:info('i') log:warn('w') log.error('e') log:fatal('f') log:cxfatal('c') print('p', 1)");
	expect(&world, "debug: d\ninfo: i\nwarn: w\nerror: e\nfatal: f\ncxfatal: c\ninfo: p 1\n");
	run("log:info({1, 'two', {three = 3}, [10] = true}, nil, print == nil, 1.5)");
	expect(&world, "info: {1, \"two\", {three = 3}, [10] = true} nil false 1.5\n");
	run("local t = {} t.t = t log:info(t)");
	expect(&world, "info: {t = {t = {t = {t = {...}}}}}\n");
	run("log:info(s) log:info(setmetatable({}, {__tostring = function() error('no') end}))");
	cr_assert_not_null(strstr(world.log, "info: session: "));
	expect_part(&world, "info: {}\n");
	run("log:info()");
	expect(&world, "info: \n");
}

Test(lua_methods, a_flood_of_sends_is_bounded)
{
	run("local t, ok, why, n = s:newTextGameMessage(1, -1, 'x'), true, nil, 0 "
	    "while ok do ok, why = s:sendMessage(t, 2) n = n + 1 if n > 1e5 then break end end log:info(n, ok, why)");
	cr_assert(strncmp(world.log, "info: 4097 false command_limit\n", 31) == 0, "%.60s", world.log);
	lua_world_forget(&world);
	run("log:info('still there')");
	expect(&world, "info: still there\n");
}
