/* The dry run: the script file is run without a session, in a state that is thrown away. */
#include <math.h>

#include "scripting/lua/lua_private.h"

enum { INSTRUCTIONS_MAX = 20 * 1000 * 1000 }; /* about 0.1 s */

struct range {
	const char *name;
	lua_Number min, max;
};

/* nil is 0: not said. */
static uint32_t read_setting(lua_State *state, int table, struct range range)
{
	lua_getfield(state, table, range.name);
	lua_Number value = lua_tonumber(state, -1);
	bool is_good = lua_type(state, -1) == LUA_TNUMBER && value >= range.min && value <= range.max && value == floor(value);
	if (!lua_isnil(state, -1) && !is_good) {
		lua_pushfstring(state, "configuration.%s must be a whole number from %f to %f", range.name, range.min, range.max);
		lua_error(state);
	}
	lua_pop(state, 1);
	return (uint32_t)value;
}

/* The table that the script returned is on the stack. */
static int read_facts(lua_State *state)
{
	struct script_facts *facts = lua_touserdata(state, 2);
	for (int i = 0; i < SCRIPT_CALLBACK_COUNT; i++) {
		lua_rawgeti(state, LUA_REGISTRYINDEX, REF_CALLBACKS + i);
		facts->callbacks |= lua_isfunction(state, -1) ? 1u << i : 0;
		lua_pop(state, 1);
	}
	lua_getfield(state, 1, "configuration");
	if (lua_isnil(state, -1))
		return 0;
	if (!lua_istable(state, -1))
		return luaL_error(state, "configuration is a %s, not a table", luaL_typename(state, -1));
	int table = lua_gettop(state);
	facts->players_max = read_setting(state, table, (struct range){"maxPlayers", 1, 65536});
	facts->ping_interval_ms = read_setting(state, table, (struct range){"pingIntervalTime", 100, 3600 * 1000});
	facts->tick_interval_ms = read_setting(state, table, (struct range){"tickInterval", 1, 3600 * 1000});
	return 0;
}

/* Runs main, then reads what it returned. */
static int dry_run(lua_State *state)
{
	ringcast_lua_push_main(state, NULL);
	lua_call(state, 0, 1);
	lua_insert(state, 1);
	return read_facts(state);
}

static int push_dry_run(lua_State *state, void *context)
{
	lua_pushcfunction(state, dry_run);
	lua_pushlightuserdata(state, context);
	return 1;
}

bool ringcast_lua_check(struct script *script, const struct script_limits *limits, char *reterr, size_t reterr_bytes)
{
	ringcast_assert(script->language == SCRIPT_LUA);
	struct script_limits strict = *limits;
	strict.is_jit_off = true;
	struct script_facts facts = {0};
	struct lua_program *program = ringcast_lua_program_create(NULL, script);
	struct lua_session *self = program == NULL ? NULL : ringcast_lua_open(program, NULL, &strict);
	bool is_ok = self != NULL;
	if (is_ok) {
		self->instructions_left = INSTRUCTIONS_MAX;
		self->error_text = reterr;
		self->error_text_bytes = reterr_bytes;
		is_ok = ringcast_lua_call(self, "loading the script", push_dry_run, &facts) == CALL_DONE;
	} else {
		snprintf(reterr, reterr_bytes, "out of memory");
	}
	if (is_ok)
		script->facts = facts;
	ringcast_lua_close(&self);
	ringcast_lua_program_destroy(&program);
	return is_ok;
}
