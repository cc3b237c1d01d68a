/* What a script can get hold of is compared with a list, and with what it must not. */
#include <criterion/criterion.h>
#include <string.h>

#include "lua_world.h"
#include "reach.h"
#include "scripting/lua/lua_private.h"

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

static void walk(struct lua_world *world)
{
	struct session *session;
	lua_world_start(world);
	world->script_limits.budget_us = 0;
	lua_world_load_main(world, reach_walker);
	session = lua_world_open(world);
	reach_add_names(session);
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
	"session.after\nsession.broadcastGroupMembershipUpdate\nsession.cancel\nsession.emitEvent\nsession.every\nsession.forgetMessage\nsession.getAllPlayersGroupId\n"
	"session.getGameSessionId\nsession.getGroupMembers\nsession.getLogger\nsession.getMatchmakerData\nsession.getName\nsession.getPlayerData\n"
	"session.getPlayerId\nsession.getPlayers\nsession.getProperties\nsession.getServerId\nsession.joinGroup\nsession.kick\n"
	"session.leaveGroup\nsession.newBinaryGameMessage\nsession.newTextGameMessage\nsession.now\nsession.processEnding\nsession.retainMessage\n"
	"session.sendGroupMessage\nsession.sendMessage\nsession.sendReliableGroupMessage\nsession.sendReliableMessage\n"
	"session.setTimer\nsession.startMatchBackfill\nsession.stopMatchBackfill\nstring.byte\nwrapped";

Test(lua_reach, no_function_off_the_list)
{
	struct lua_world world;
	char expected[sizeof(list) + 16];
	walk(&world);
	snprintf(expected, sizeof(expected), "info: %s\n", list);
	expect(&world, expected);
	lua_world_stop(&world);
}
