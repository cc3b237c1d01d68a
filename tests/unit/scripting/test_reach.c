/*
 * All that a script can get hold of, found by a script: from its globals, what is built in, and one of each object that the engine gives it, through
 * keys, values, metatables and fields of any name that we know. What it found is compared with a list, and with what it must not find.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "lua_world.h"
#include "scripting/lua/lua_private.h"

static const char walker[] =
	"local reached, functions, names, queue = {}, {}, {}, {}\n"
	"local function visit(value, path)\n"
	"  local kind = type(value)\n"
	"  if kind == 'string' then names[value] = true end\n"
	"  if kind ~= 'table' and kind ~= 'userdata' and kind ~= 'function' and kind ~= 'thread' or reached[value] then return end\n"
	"  reached[value] = path\n"
	"  if kind == 'function' then functions[#functions + 1] = path else queue[#queue + 1] = value end\n"
	"end\n"
	"local function sorted(t)\n"
	"  local keys = {} for k in pairs(t) do keys[#keys + 1] = k end\n"
	"  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end) return keys\n"
	"end\n"
	"local function look(value, path)\n"
	"  visit(getmetatable(value), path .. '(meta)')\n"
	"  if type(value) == 'table' then for _, k in ipairs(sorted(value)) do visit(k, path .. '(key)') visit(rawget(value, k), path .. '.' .. tostring(k)) end end\n"
	"  for _, k in ipairs(sorted(names)) do local ok, v = pcall(function() return value[k] end) if ok then visit(v, path .. '.' .. k) end end\n"
	"end\n"
	"for _, k in ipairs{'__index', '__newindex', '__gc', '__metatable', '__len', '__concat', '__tostring', '__call', '__name', '__env', '__mode', 'ref', 'reserve', 'commit', 'putcdata', 'encode', 'decode'} do names[k] = true end\n"
	"function walk(roots)\n"
	"  visit(_G, 'G')\n"
	"  for _, k in ipairs(sorted(roots)) do visit(roots[k], k) end\n"
	"  look('', 'string') look(0, 'number') look(print, 'function') look(nil, 'nil') look(true, 'boolean')\n"
	"  local round = 0\n"
	"  repeat\n" /* again with the names that were found meanwhile, until nothing new turns up */
	"    local before = #queue\n"
	"    local i = 1 while i <= #queue do if queue[i] ~= reached and queue[i] ~= functions and queue[i] ~= names and queue[i] ~= queue then "
	"look(queue[i], reached[queue[i]]) end i = i + 1 end\n"
	"  until #queue == before\n"
	"  table.sort(functions)\n"
	"  print(table.concat(functions, '\\n'))\n"
	"end\n"
	"_G.walk_reached, _G.walk_names = reached, names\n"
	"local s\n"
	"return {init = function(x) s = x end, onMessage = function(m)\n"
	"  local buffer, json = require('string.buffer'), require('json')\n"
	"  walk{session = s, message = m, own = s:newTextGameMessage(1, -1, 'x'), logger = s:getLogger(), players = s:getPlayers(), members = s:getGroupMembers(-1),\n"
	"    json = json, array = json.decode('[1]'), object = json.decode('{}'), buffers = buffer, buffer = buffer.new():put('x'), new = require('table.new'),\n"
	"    clear = require('table.clear'), made = require('table.new')(1, 1), thread = coroutine.create(print), running = coroutine.running(),\n"
	"    date = os.date('*t'), bits = {ipairs{}}, iterator = {pairs{}}, match = ('x'):gmatch('x'), wrapped = coroutine.wrap(print), loaded = load('return 1'),\n"
	"    failure = select(2, pcall(error, {}))}\n"
	"end}\n";

/* Of these nothing may be reached: 'what' on top of the stack, gone afterwards. */
static void must_not_reach(lua_State *state, const char *what)
{
	cr_assert(lua_istable(state, -1) || lua_isfunction(state, -1), "%s is a %s", what, luaL_typename(state, -1));
	lua_getglobal(state, "walk_reached");
	lua_pushvalue(state, -2);
	lua_rawget(state, -2);
	cr_assert(lua_isnil(state, -1), "%s is reached as %s", what, lua_tostring(state, -1));
	lua_pop(state, 3);
}

static void must_not_reach_metatable(lua_State *state, const char *what)
{
	int is_there = lua_getmetatable(state, -1);
	cr_assert(is_there, "%s has no metatable", what);
	lua_pushliteral(state, "__gc");
	lua_rawget(state, -2);
	if (lua_isnil(state, -1))
		lua_pop(state, 1);
	else
		must_not_reach(state, what);
	must_not_reach(state, what);
	lua_pop(state, 1);
}

static void must_not_reach_ref(lua_State *state, enum lua_ref ref, const char *what)
{
	lua_rawgeti(state, LUA_REGISTRYINDEX, ref);
	must_not_reach(state, what);
}

/* The keys of the table on top, which goes, are names that the script tries. */
static void add_names(lua_State *state)
{
	lua_getglobal(state, "walk_names");
	for (lua_pushnil(state); lua_next(state, -3) != 0; lua_pop(state, 1)) {
		if (lua_type(state, -2) != LUA_TSTRING)
			continue;
		lua_pushvalue(state, -2);
		lua_pushboolean(state, 1);
		lua_rawset(state, -5);
	}
	lua_pop(state, 2);
}

/* Objects do not tell their fields, but here their metatables do. */
static void add_all_names(lua_State *state)
{
	cr_assert(lua_checkstack(state, 16));
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_SESSION);
	cr_assert(lua_getmetatable(state, -1));
	lua_getfield(state, -1, "__index");
	add_names(state);
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_MESSAGE_META);
	lua_getfield(state, -1, "__index");
	cr_assert_not_null(lua_getupvalue(state, -1, 1));
	add_names(state);
	cr_assert_eq(luaL_dostring(state, "return require('string.buffer').new()"), 0);
	cr_assert(lua_getmetatable(state, -1));
	add_names(state);
	lua_settop(state, 0);
}

static void walk(struct lua_world *world)
{
	struct session *session;
	lua_world_start(world);
	world->script_limits.budget_us = 0;
	lua_world_load_main(world, walker);
	session = lua_world_open(world);
	add_all_names(((struct lua_session *)session->user)->state);
	lua_world_send(world, lua_world_join(world, session, ""), 10, PROTO_PEER_SERVER, 0, "x");
	cr_assert_eq(strncmp(world->log, "info: ", 6), 0, "%s", world->log);
}

Test(lua_reach, no_metatable_of_ours)
{
	struct lua_world world;
	handle self;
	walk(&world);
	struct session *session = ringcast_slab_at(&world.store.sessions, 0, &self);
	struct lua_session *lua = session->user;
	lua_State *state = lua->state;
	cr_assert(lua_checkstack(state, 16));
	lua_pushliteral(state, "");
	must_not_reach_metatable(state, "strings' metatable");
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_SESSION);
	must_not_reach_metatable(state, "the session's metatable");
	cr_assert_eq(luaL_dostring(state, "return require('string.buffer').new()"), 0);
	must_not_reach_metatable(state, "buffers' metatable");
	cr_assert_eq(luaL_dostring(state, "return require('json').null"), 0);
	must_not_reach_metatable(state, "null's metatable");
	must_not_reach_ref(state, REF_MESSAGE_META, "messages' metatable");
	must_not_reach_ref(state, REF_ARRAY_META, "arrays' metatable");
	must_not_reach_ref(state, REF_PLAYERS, "the players");
	must_not_reach_ref(state, REF_TIMERS, "the timers");
	must_not_reach_ref(state, REF_LOADED, "the modules");
	must_not_reach_ref(state, REF_TRACEBACK, "the message handler");
	must_not_reach_ref(state, REF_TRAMPOLINE, "the trampoline");
	must_not_reach_ref(state, REF_COLLECT, "the collector");
	lua_pushvalue(state, LUA_REGISTRYINDEX);
	must_not_reach(state, "the registry");
	lua_settop(state, 0);
	lua_world_stop(&world);
}

/* By the name under which it was first found. */
static const char list[] =
	"G.assert\nG.bit.arshift\nG.bit.band\nG.bit.bnot\nG.bit.bor\nG.bit.bswap\nG.bit.bxor\nG.bit.lshift\nG.bit.rol\nG.bit.ror\n"
	"G.bit.rshift\nG.bit.tobit\nG.bit.tohex\nG.collectgarbage\nG.coroutine.create\nG.coroutine.isyieldable\nG.coroutine.resume\n"
	"G.coroutine.running\nG.coroutine.status\nG.coroutine.wrap\nG.coroutine.yield\nG.debug.traceback\nG.error\nG.getmetatable\n"
	"G.ipairs\nG.load\nG.loadstring\nG.math.abs\nG.math.acos\nG.math.asin\nG.math.atan\nG.math.atan2\nG.math.ceil\nG.math.cos\n"
	"G.math.cosh\nG.math.deg\nG.math.exp\nG.math.floor\nG.math.fmod\nG.math.frexp\nG.math.ldexp\nG.math.log\nG.math.log10\n"
	"G.math.max\nG.math.min\nG.math.modf\nG.math.pow\nG.math.rad\nG.math.random\nG.math.randomseed\nG.math.sin\nG.math.sinh\n"
	"G.math.sqrt\nG.math.tan\nG.math.tanh\nG.next\nG.os.clock\nG.os.date\nG.os.difftime\nG.os.time\nG.pairs\nG.pcall\nG.print\n"
	"G.rawequal\nG.rawget\nG.rawset\nG.require\nG.select\nG.setmetatable\nG.string.char\nG.string.find\nG.string.format\n"
	"G.string.gmatch\nG.string.gsub\nG.string.len\nG.string.lower\nG.string.match\nG.string.pack\nG.string.packsize\n"
	"G.string.rep\nG.string.reverse\nG.string.sub\nG.string.unpack\nG.string.upper\nG.table.concat\nG.table.foreach\n"
	"G.table.foreachi\nG.table.getn\nG.table.insert\nG.table.maxn\nG.table.move\nG.table.remove\nG.table.sort\nG.tonumber\n"
	"G.tostring\nG.type\nG.unpack\nG.walk\nG.xpcall\nbits.1\nbuffer.free\nbuffer.get\nbuffer.put\nbuffer.putf\nbuffer.reset\n"
	"buffer.set\nbuffer.skip\nbuffer.tostring\nbuffers.new\nclear\njson.array\njson.decode\njson.encode\nloaded\nlogger.cxfatal\n"
	"logger.debug\nlogger.error\nlogger.fatal\nlogger.info\nlogger.warn\nmatch\nmessage.byte\nmessage.f32\nmessage.f64\n"
	"message.getPayloadAsText\nmessage.i16\nmessage.i32\nmessage.i8\nmessage.text\nmessage.u16\nmessage.u32\nmessage.u8\nnew\n"
	"session.after\nsession.broadcastGroupMembershipUpdate\nsession.cancel\nsession.every\nsession.getAllPlayersGroupId\n"
	"session.getGameSessionId\nsession.getGroupMembers\nsession.getLogger\nsession.getName\nsession.getPlayerData\n"
	"session.getPlayerId\nsession.getPlayers\nsession.getProperties\nsession.getServerId\nsession.joinGroup\nsession.kick\n"
	"session.leaveGroup\nsession.newBinaryGameMessage\nsession.newTextGameMessage\nsession.now\nsession.processEnding\n"
	"session.sendGroupMessage\nsession.sendMessage\nsession.sendReliableGroupMessage\nsession.sendReliableMessage\n"
	"session.setTimer\nstring.byte\nwrapped";

Test(lua_reach, no_function_off_the_list)
{
	struct lua_world world;
	char expected[sizeof(list) + 16];
	walk(&world);
	snprintf(expected, sizeof(expected), "info: %s\n", list);
	expect(&world, expected);
	lua_world_stop(&world);
}
