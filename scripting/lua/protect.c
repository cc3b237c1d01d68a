/* pcall and xpcall: LuaJIT's, but the error of a spent budget goes through them. In Lua, because coroutines may yield across them, but not across C.
 * And they nest only so deep, coroutines among them. */
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

/*
 * depth: protected calls under way in the running coroutine; base: those, and coroutines, that it was resumed in. Bounded, as in Lua 5.1: an error that nothing
 * may catch is raised anew at every level, and a level costs microseconds to leave. (Constants where upvalues would do: each session has its copy.)
 */
#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)
#define ENTER "local was = depth if was + base >= " TEXT(LUA_NEST_MAX) " then return false, '" LUA_TOO_DEEP "' end depth = was + 1 "
static const char text[] =
	"local pcall, xpcall, guard, check = ... local base, depth = 0, 0 "
	"local function finish(was, ok, ...) depth = was if not ok then check() end return ok, ... end "
	"return function(...) " ENTER "return finish(was, pcall(...)) end, "
	"function(f, handler, ...) " ENTER "return finish(was, xpcall(f, guard(handler), ...)) end";
enum nest_value { NEST_DEPTH = 1, NEST_BASE }; /* pcall's upvalues, in the order of their use */

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
	lua_pushvalue(state, -1);
	lua_rawseti(state, LUA_REGISTRYINDEX, REF_NEST);
	lua_setglobal(state, "pcall");
}

static uint32_t get(lua_State *state, int nest, enum nest_value which)
{
	lua_getupvalue(state, nest, which);
	uint32_t value = (uint32_t)lua_tointeger(state, -1);
	lua_pop(state, 1);
	return value;
}

static void set(lua_State *state, int nest, enum nest_value which, uint32_t value)
{
	lua_pushinteger(state, (lua_Integer)value);
	lua_setupvalue(state, nest, which);
}

/* REF_WAITING: coroutine -> depth at which it has yielded. Keeps none alive; made when the first one yields inside a protected call. */
static uint32_t take_waiting(lua_State *state, int coroutine)
{
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_WAITING);
	if (!lua_istable(state, -1)) {
		lua_pop(state, 1);
		return 0;
	}
	lua_pushvalue(state, coroutine);
	lua_rawget(state, -2);
	uint32_t depth = (uint32_t)lua_tointeger(state, -1);
	lua_pop(state, 2);
	return depth;
}

static void push_waiting(lua_State *state)
{
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_WAITING);
	if (lua_istable(state, -1))
		return;
	lua_pop(state, 1);
	lua_newtable(state);
	lua_createtable(state, 0, 1);
	lua_pushliteral(state, "k");
	lua_setfield(state, -2, "__mode");
	lua_setmetatable(state, -2);
	lua_pushvalue(state, -1);
	lua_rawseti(state, LUA_REGISTRYINDEX, REF_WAITING);
}

static void keep_waiting(lua_State *state, int coroutine, uint32_t depth)
{
	push_waiting(state);
	lua_pushvalue(state, coroutine);
	lua_pushinteger(state, (lua_Integer)depth);
	lua_rawset(state, -3);
	lua_pop(state, 1);
}

bool ringcast_lua_nest_enter(lua_State *state, int coroutine, struct lua_nest *ret_outside)
{
	*ret_outside = (struct lua_nest){0};
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_NEST);
	int nest = lua_gettop(state);
	bool is_fine = true;
	if (lua_isfunction(state, nest)) {
		ret_outside->base = get(state, nest, NEST_BASE);
		ret_outside->depth = get(state, nest, NEST_DEPTH);
		uint32_t base = ret_outside->base + ret_outside->depth + 1;
		ret_outside->waited = lua_status(lua_tothread(state, coroutine)) == LUA_YIELD ? take_waiting(state, coroutine) : 0;
		is_fine = base + ret_outside->waited <= LUA_NEST_MAX;
		if (is_fine) {
			set(state, nest, NEST_BASE, base);
			set(state, nest, NEST_DEPTH, ret_outside->waited);
		}
	}
	lua_pop(state, 1);
	return is_fine;
}

void ringcast_lua_nest_leave(lua_State *state, int coroutine, const struct lua_nest *outside)
{
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_NEST);
	int nest = lua_gettop(state);
	if (lua_isfunction(state, nest)) {
		uint32_t depth = get(state, nest, NEST_DEPTH);
		set(state, nest, NEST_BASE, outside->base);
		set(state, nest, NEST_DEPTH, outside->depth);
		if (lua_status(lua_tothread(state, coroutine)) == LUA_YIELD && depth != outside->waited)
			keep_waiting(state, coroutine, depth);
	}
	lua_pop(state, 1);
}

void ringcast_lua_nest_reset(lua_State *state)
{
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_NEST);
	int nest = lua_gettop(state);
	if (lua_isfunction(state, nest)) {
		set(state, nest, NEST_BASE, 0);
		set(state, nest, NEST_DEPTH, 0);
	}
	lua_pop(state, 1);
}
