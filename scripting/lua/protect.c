/* pcall and xpcall: LuaJIT's, but the error of a spent budget goes through them. In Lua, because coroutines may yield across them, but not across C. */
#include <string.h>

#include "scripting/lua/lua_private.h"

static int check_spent(lua_State *state)
{
	ringcast_lua_check_spent(state);
	return 0;
}

/*
 * An error that a hook raises is handled while that hook still counts as running, so that no other hook fires: a handler of the script's
 * would have no bounds in time there. So handlers are not called when the budget is spent.
 */
static int call_handler(lua_State *state)
{
	const struct lua_session *self = ringcast_lua_self(state);
	lua_settop(state, 1);
	if (self->is_over_budget || self->is_condemned)
		return 1;
	lua_pushvalue(state, lua_upvalueindex(1));
	lua_insert(state, 1);
	lua_call(state, 1, 1);
	return 1;
}

static int guard_handler(lua_State *state)
{
	lua_settop(state, 1);
	lua_pushcclosure(state, call_handler, 1);
	return 1;
}

static const char text[] =
	"local pcall, xpcall, guard, check = ... "
	"local function finish(ok, ...) if not ok then check() end return ok, ... end "
	"return function(...) return finish(pcall(...)) end, function(f, handler, ...) return finish(xpcall(f, guard(handler), ...)) end";

void ringcast_lua_open_protect(lua_State *state)
{
	if (luaL_loadbuffer(state, text, sizeof(text) - 1, "=sandbox") != 0)
		lua_error(state);
	lua_getglobal(state, "pcall");
	lua_getglobal(state, "xpcall");
	lua_pushcfunction(state, guard_handler);
	lua_pushcfunction(state, check_spent);
	lua_call(state, 4, 2);
	lua_setglobal(state, "xpcall");
	lua_setglobal(state, "pcall");
}
