/*
 * What a script finds in its globals: the allow-list below and nothing else. Libraries are opened as they are, then everything that is not
 * in the list is taken out, so that a LuaJIT that brings something new brings nothing new to scripts.
 */
#include <lualib.h>
#include <luajit.h>
#include <string.h>

#include "scripting/lua/lua_private.h"

/* A library needs its own name here as well as those of its functions. */
static const char *const allowed[] = {
	"_G", "_VERSION", "assert", "error", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "rawset", "rawlen",
	"select", "setmetatable", "tonumber", "tostring", "type", "unpack", "xpcall",
	"bit", "bit.arshift", "bit.band", "bit.bnot", "bit.bor", "bit.bswap", "bit.bxor", "bit.lshift", "bit.rol", "bit.ror", "bit.rshift",
	"bit.tobit", "bit.tohex",
	"coroutine", "coroutine.create", "coroutine.isyieldable", "coroutine.resume", "coroutine.running", "coroutine.status",
	"coroutine.wrap", "coroutine.yield",
	"math", "math.abs", "math.acos", "math.asin", "math.atan", "math.atan2", "math.ceil", "math.cos", "math.cosh", "math.deg",
	"math.exp", "math.floor", "math.fmod", "math.frexp", "math.huge", "math.ldexp", "math.log", "math.log10", "math.max", "math.min",
	"math.modf", "math.pi", "math.pow", "math.rad", "math.random", "math.randomseed", "math.sin", "math.sinh", "math.sqrt", "math.tan",
	"math.tanh",
	"table", "table.concat", "table.foreach", "table.foreachi", "table.getn", "table.insert", "table.maxn", "table.move", "table.pack",
	"table.remove", "table.sort", "table.unpack",
	"string", "string.byte", "string.char", "string.find", "string.format", "string.gmatch", "string.gsub", "string.len",
	"string.lower", "string.match", "string.rep", "string.reverse", "string.sub", "string.upper",
	"os", "os.clock", "os.date", "os.difftime", "os.time",
	"debug", "debug.traceback",
};

/* Methods of LuaJIT's string buffer that hand out no pointers. */
static const char *const buffer_methods[] = {"free", "get", "put", "putf", "reset", "set", "skip", "tostring"};

static bool is_listed(const char *const *list, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

static bool is_allowed(const char *library, const char *name)
{
	char path[128];
	if (library == NULL)
		return is_listed(allowed, ARRAY_COUNT(allowed), name);
	snprintf(path, sizeof(path), "%s.%s", library, name);
	return is_listed(allowed, ARRAY_COUNT(allowed), path);
}

/* The table on top loses what is not allowed; what lies in it under other keys than strings goes too. */
static void strip(lua_State *state, const char *library)
{
	int table = lua_gettop(state);
	lua_pushnil(state);
	while (lua_next(state, table) != 0) {
		bool is_kept = lua_type(state, -2) == LUA_TSTRING && is_allowed(library, lua_tostring(state, -2));
		bool is_library = is_kept && library == NULL && lua_istable(state, -1) && !lua_rawequal(state, -1, table);
		if (is_library)
			strip(state, lua_tostring(state, -2));
		lua_pop(state, 1);
		if (is_kept)
			continue;
		lua_pushvalue(state, -1);
		lua_pushnil(state);
		lua_rawset(state, table); /* an existing key may be cleared while walking */
	}
}

/* The library keeps few of its many names: a table of that size in place of the one that LuaJIT made for all of them. */
static void shrink(lua_State *state, const char *library, int count)
{
	lua_getglobal(state, library);
	lua_createtable(state, 0, count);
	lua_pushnil(state);
	while (lua_next(state, -3) != 0) {
		lua_pushvalue(state, -2);
		lua_insert(state, -2);
		lua_rawset(state, -4);
	}
	lua_setglobal(state, library);
	lua_pop(state, 1);
}

/* LuaJIT's list of what is loaded keeps alive what scripts cannot reach; require has a list of its own. It is made again when it is needed. */
static void forget_unreachable(lua_State *state)
{
	shrink(state, LUA_OSLIBNAME, 4);
	shrink(state, LUA_DBLIBNAME, 1);
	lua_pushnil(state);
	lua_setfield(state, LUA_REGISTRYINDEX, "_LOADED");
}

static void open_library(lua_State *state, lua_CFunction open, const char *name)
{
	lua_pushcfunction(state, open);
	lua_pushstring(state, name);
	lua_call(state, 1, 0);
}

/* Without luaopen_jit there is no compiler at all in this state: that is how "JIT off" is meant. */
static void open_libraries(lua_State *state)
{
	open_library(state, luaopen_base, "");
	open_library(state, luaopen_table, LUA_TABLIBNAME);
	open_library(state, luaopen_string, LUA_STRLIBNAME);
	open_library(state, luaopen_math, LUA_MATHLIBNAME);
	open_library(state, luaopen_bit, LUA_BITLIBNAME);
	open_library(state, luaopen_os, LUA_OSLIBNAME);
	open_library(state, luaopen_debug, LUA_DBLIBNAME);
	if (!ringcast_lua_self(state)->is_strict)
		open_library(state, luaopen_jit, LUA_JITLIBNAME);
}

/* load(text [, name [, mode [, environment]]]): text only. Bytecode can break out of anything. Read in pieces, for to compile takes its time. */

enum { LOAD_PIECE_BYTES = 1024, LOAD_BYTE_STEPS = 4 };

static const char *read_piece(lua_State *state, void *context, size_t *ret_size)
{
	struct view *rest = context;
	const char *piece = (const char *)rest->data;
	*ret_size = rest->size < LOAD_PIECE_BYTES ? rest->size : LOAD_PIECE_BYTES;
	ringcast_lua_charge(state, *ret_size * LOAD_BYTE_STEPS);
	*rest = ringcast_view_of(rest->data + *ret_size, rest->size - *ret_size);
	return *ret_size > 0 ? piece : NULL;
}

static int load_text(lua_State *state)
{
	size_t size;
	const char *text = luaL_checklstring(state, 1, &size);
	const char *name = luaL_optstring(state, 2, "=(load)");
	struct view rest = ringcast_view_of(text, size);
	bool has_environment = !lua_isnoneornil(state, 4);
	if (has_environment)
		luaL_checktype(state, 4, LUA_TTABLE);
	if (lua_loadx(state, read_piece, &rest, name, "t") != 0) {
		ringcast_lua_check_spent(state);
		lua_pushnil(state);
		lua_insert(state, -2);
		return 2;
	}
	if (has_environment) {
		lua_pushvalue(state, 4);
		lua_setfenv(state, -2);
	}
	return 1;
}

static int push_nil(lua_State *state)
{
	lua_pushnil(state);
	return 1;
}

enum { COLLECT_STEP_KIB = 16, COLLECT_STEPS = 4000 };

/* To the end of the cycle that runs, and once around. */
static void collect_in_steps(lua_State *state)
{
	for (int cycle = 0; cycle < 2;) {
		ringcast_lua_charge(state, COLLECT_STEPS);
		cycle += lua_gc(state, LUA_GCSTEP, COLLECT_STEP_KIB);
	}
}

static int collect_garbage(lua_State *state)
{
	static const char *const options[] = {"count", "collect", "step", NULL};
	int option = luaL_checkoption(state, 1, "collect", options), result = 0;
	if (option == 0) {
		lua_pushnumber(state, (lua_Number)ringcast_lua_self(state)->bytes / 1024);
		return 1;
	}
	ringcast_lua_charge(state, COLLECT_STEPS);
	if (option == 1)
		collect_in_steps(state);
	else
		result = lua_gc(state, LUA_GCSTEP, 0);
	lua_pushinteger(state, result);
	return 1;
}

static void set_function(lua_State *state, const char *name, lua_CFunction function)
{
	lua_pushcfunction(state, function);
	lua_setglobal(state, name);
}

/* As Lua's, but that json's mark of arrays is not seen: all arrays of the session share it. */
static int get_metatable(lua_State *state)
{
	luaL_checkany(state, 1);
	lua_settop(state, 1);
	if (lua_getmetatable(state, 1) == 0)
		return push_nil(state);
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_ARRAY_META);
	if (lua_rawequal(state, 2, 3))
		return push_nil(state);
	lua_settop(state, 2);
	lua_pushliteral(state, "__metatable");
	lua_rawget(state, 2);
	if (lua_isnil(state, 3))
		lua_pop(state, 1);
	return 1;
}

/* Strings share one metatable; whoever reaches it changes what strings are, for the host's own Lua as well. */
static void close_string_metatable(lua_State *state)
{
	lua_pushliteral(state, "");
	if (lua_getmetatable(state, -1) == 0)
		luaL_error(state, "strings have no metatable");
	lua_pushliteral(state, "string");
	lua_setfield(state, -2, "__metatable");
	lua_pop(state, 2);
}

/* Every session has its own chance, from the engine's entropy: in the simulator the same seed gives the same game. */
static void seed_random(lua_State *state)
{
	const struct lua_session *self = ringcast_lua_self(state);
	uint64_t seed = 0;
	if (self->session != NULL)
		self->program->host->environment->random(self->program->host->environment->context, &seed, sizeof(seed));
	lua_getglobal(state, "math");
	lua_getfield(state, -1, "randomseed");
	lua_pushnumber(state, (lua_Number)(seed >> 11));
	lua_call(state, 1, 0);
	lua_pop(state, 1);
}

void ringcast_lua_open_globals(lua_State *state)
{
	open_libraries(state);
	lua_pushvalue(state, LUA_GLOBALSINDEX);
	strip(state, NULL);
	lua_pop(state, 1);
	forget_unreachable(state);
	close_string_metatable(state);
	set_function(state, "getmetatable", get_metatable);
	set_function(state, "load", load_text);
	set_function(state, "loadstring", load_text);
	set_function(state, "collectgarbage", collect_garbage);
	set_function(state, "print", ringcast_lua_print);
	set_function(state, "require", ringcast_lua_require);
	ringcast_lua_open_coroutines(state);
	ringcast_lua_open_dates(state);
	ringcast_lua_open_pack(state);
	ringcast_lua_open_strings(state);
	if (ringcast_lua_self(state)->is_strict) {
		ringcast_lua_open_protect(state);
		ringcast_lua_open_tables(state);
	}
	seed_random(state);
}

/* Modules that LuaJIT carries and opens when first required */

/* The buffer's metatable is on top. LuaJIT keeps the methods in it and lets it be its own __index, so that any buffer hands out the metatable,
 * finaliser included. Here __index is a table of the methods alone. */
static void close_buffer_metatable(lua_State *state)
{
	lua_createtable(state, 0, ARRAY_COUNT(buffer_methods));
	for (size_t i = 0; i < ARRAY_COUNT(buffer_methods); i++) {
		lua_getfield(state, -2, buffer_methods[i]);
		lua_setfield(state, -2, buffer_methods[i]);
	}
	lua_setfield(state, -2, "__index");
	lua_pushliteral(state, "buffer");
	lua_setfield(state, -2, "__metatable");
}

/* encode and decode go too: decode makes pointers out of bytes. */
static void tame_buffer(lua_State *state)
{
	lua_getfield(state, -1, "new");
	lua_call(state, 0, 1);
	if (lua_getmetatable(state, -1) == 0)
		luaL_error(state, "string.buffer: no metatable");
	close_buffer_metatable(state);
	lua_pop(state, 2);
	lua_createtable(state, 0, 1);
	lua_getfield(state, -2, "new");
	lua_setfield(state, -2, "new");
	lua_remove(state, -2);
}

bool ringcast_lua_push_preloaded(lua_State *state, const char *name)
{
	if (strcmp(name, "string.buffer") != 0 && strcmp(name, "table.new") != 0 && strcmp(name, "table.clear") != 0)
		return false;
	lua_getfield(state, LUA_REGISTRYINDEX, "_PRELOAD");
	lua_getfield(state, -1, name);
	lua_remove(state, -2);
	lua_pushstring(state, name);
	lua_call(state, 1, 1);
	if (strcmp(name, "string.buffer") == 0)
		tame_buffer(state);
	return true;
}
