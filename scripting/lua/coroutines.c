/* coroutine.resume and coroutine.wrap: LuaJIT's nest until the C stack ends, and the process with it; and they catch the error of a spent
 * budget. What they give is what LuaJIT's give. */
#include "scripting/lua/lua_private.h"

static const char *const refusals[] = {"cannot resume dead coroutine", "cannot resume non-suspended coroutine"};

/* NULL: it can be resumed. */
static const char *refusal_of(lua_State *state, lua_State *coroutine)
{
	lua_Debug frame;
	if (coroutine == state)
		return refusals[1];
	if (lua_status(coroutine) == LUA_YIELD)
		return NULL;
	if (lua_status(coroutine) != 0)
		return refusals[0];
	if (lua_getstack(coroutine, 0, &frame) > 0)
		return refusals[1];
	return lua_gettop(coroutine) == 0 ? refusals[0] : NULL;
}

/* The coroutine at that index. Takes so many arguments from the stack. The number of results that it puts there instead; or -1: the one value there is an error. */
static int resume(lua_State *state, int index, int argument_count)
{
	lua_State *coroutine = lua_tothread(state, index);
	struct lua_nest outside;
	ringcast_lua_check_depth(state);
	const char *refusal = refusal_of(state, coroutine);
	if (refusal == NULL && lua_checkstack(coroutine, argument_count) == 0)
		refusal = "too many arguments to resume";
	if (refusal == NULL && !ringcast_lua_nest_enter(state, index, &outside))
		refusal = LUA_TOO_DEEP;
	if (refusal != NULL) {
		lua_pop(state, argument_count);
		lua_pushstring(state, refusal);
		return -1;
	}
	lua_xmove(state, coroutine, argument_count);
	int status = lua_resume(coroutine, argument_count);
	ringcast_lua_nest_leave(state, index, &outside);
	ringcast_lua_check_spent(state);
	if (status != 0 && status != LUA_YIELD) {
		lua_xmove(coroutine, state, 1);
		return -1;
	}
	int result_count = lua_gettop(coroutine);
	if (lua_checkstack(state, result_count + 1) == 0) {
		lua_settop(coroutine, 0);
		lua_pushliteral(state, "too many results to resume");
		return -1;
	}
	lua_xmove(coroutine, state, result_count);
	return result_count;
}

static int coroutine_resume(lua_State *state)
{
	luaL_argcheck(state, lua_isthread(state, 1), 1, "coroutine expected");
	int count = resume(state, 1, lua_gettop(state) - 1);
	lua_pushboolean(state, count >= 0);
	lua_replace(state, 1);
	return count >= 0 ? lua_gettop(state) : 2;
}

/* Upvalue: the coroutine. */
static int resume_wrapped(lua_State *state)
{
	int count = resume(state, lua_upvalueindex(1), lua_gettop(state));
	if (count >= 0)
		return count;
	if (lua_type(state, -1) == LUA_TSTRING) { /* say where, as any error does */
		luaL_where(state, 1);
		lua_insert(state, -2);
		lua_concat(state, 2);
	}
	return lua_error(state);
}

static int coroutine_wrap(lua_State *state)
{
	luaL_checktype(state, 1, LUA_TFUNCTION);
	lua_State *coroutine = lua_newthread(state);
	lua_pushvalue(state, 1);
	lua_xmove(state, coroutine, 1);
	lua_pushcclosure(state, resume_wrapped, 1);
	return 1;
}

void ringcast_lua_open_coroutines(lua_State *state)
{
	lua_getglobal(state, "coroutine");
	lua_pushcfunction(state, coroutine_resume);
	lua_setfield(state, -2, "resume");
	lua_pushcfunction(state, coroutine_wrap);
	lua_setfield(state, -2, "wrap");
	lua_pop(state, 1);
}
