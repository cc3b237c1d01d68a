/* The script's own files as modules. A file is compiled once per program; every session runs the same bytecode, which is ours and
 * therefore trusted. */
#include <stdlib.h>
#include <string.h>

#include "scripting/lua/lua_private.h"

enum { MODULE_NAME_BYTES_MAX = 200 };

/* Compiling */

static int chunk_append(lua_State *state, const void *bytes, size_t size, void *context)
{
	struct lua_chunk *chunk = context;
	char *longer = realloc(chunk->bytes, chunk->size + size);
	if (longer == NULL)
		return 1;
	memcpy(longer + chunk->size, bytes, size);
	chunk->bytes = longer;
	chunk->size += size;
	return 0;
}

static void chunk_compile(lua_State *state, const struct script_file *file, struct lua_chunk *chunk)
{
	lua_pushfstring(state, "@%s", file->path);
	if (luaL_loadbufferx(state, (const char *)file->bytes, file->size, lua_tostring(state, -1), "t") != 0)
		lua_error(state);
	if (lua_dump(state, chunk_append, chunk) != 0) {
		free(chunk->bytes);
		*chunk = (struct lua_chunk){0};
		luaL_error(state, "out of memory");
	}
	lua_pop(state, 2);
}

static void push_file(lua_State *state, const struct script_file *file)
{
	struct lua_program *program = ringcast_lua_self(state)->program;
	struct lua_chunk *chunk = &program->chunks[file - program->program.script->files];
	if (chunk->bytes == NULL) {
		chunk_compile(state, file, chunk);
		ringcast_lua_forgive(ringcast_lua_self(state)); /* only the first session of the program compiles */
	}
	if (luaL_loadbufferx(state, chunk->bytes, chunk->size, file->path, "b") != 0)
		lua_error(state);
}

/* require */

/* "a.b" is a/b.lua, or a/b/init.lua. A name with a slash means the same; the rest of the file system does not exist. */
static const struct script_file *file_of(lua_State *state, const char *name)
{
	const struct script *script = ringcast_lua_self(state)->program->program.script;
	char base[MODULE_NAME_BYTES_MAX + 1], path[MODULE_NAME_BYTES_MAX + 16];
	if (strlen(name) > MODULE_NAME_BYTES_MAX)
		return NULL;
	strcpy(base, name);
	for (char *c = base; *c != '\0'; c++)
		if (*c == '.')
			*c = '/';
	snprintf(path, sizeof(path), "%s.lua", base);
	const struct script_file *file = ringcast_script_find(script, path);
	if (file != NULL)
		return file;
	snprintf(path, sizeof(path), "%s/init.lua", base);
	return ringcast_script_find(script, path);
}

static bool push_builtin(lua_State *state, const char *name)
{
	if (strcmp(name, "json") == 0) {
		lua_pushcfunction(state, ringcast_lua_open_json);
		lua_call(state, 0, 1);
		return true;
	}
	return ringcast_lua_push_preloaded(state, name) || ringcast_lua_push_trusted(state, name);
}

/* Protected by require: runs the file of this name, or opens what is built in. nil: there is neither. */
static int run_module(lua_State *state)
{
	const char *name = lua_tostring(state, 1);
	const struct script_file *file = file_of(state, name);
	if (file == NULL && push_builtin(state, name))
		return 1;
	if (file == NULL) {
		lua_pushnil(state);
		return 1;
	}
	push_file(state, file);
	lua_pushvalue(state, 1);
	lua_call(state, 1, 1);
	if (!lua_isnil(state, -1))
		return 1;
	lua_pushboolean(state, 1);
	return 1;
}

/* While a module loads, its entry is a mark: who requires it then is in a circle. A module that failed may be tried again. */
int ringcast_lua_require(lua_State *state)
{
	const char *name = luaL_checkstring(state, 1);
	struct lua_session *self = ringcast_lua_self(state);
	ringcast_lua_check_depth(state);
	lua_settop(state, 1);
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_LOADED);
	lua_pushvalue(state, 1);
	lua_rawget(state, 2);
	if (lua_touserdata(state, -1) == self)
		return luaL_error(state, "module '%s' is required while it loads: the modules require each other in a circle", name);
	if (!lua_isnil(state, -1))
		return 1;
	lua_pop(state, 1);
	lua_pushvalue(state, 1);
	lua_pushlightuserdata(state, self);
	lua_rawset(state, 2);
	lua_pushcfunction(state, run_module);
	lua_pushvalue(state, 1);
	int status = lua_pcall(state, 1, 1, 0);
	lua_pushvalue(state, 1);
	if (status == 0)
		lua_pushvalue(state, 3);
	else
		lua_pushnil(state);
	lua_rawset(state, 2);
	ringcast_lua_check_spent(state);
	if (status == 0 && lua_isnil(state, 3))
		return luaL_error(state, "module '%s' not found: neither %s.lua nor %s/init.lua in the script's folder, nor built in", name,
				  name, name);
	return status == 0 ? 1 : lua_error(state);
}

/* The script file */

static void take_callbacks(lua_State *state, int table)
{
	for (int i = 0; i < SCRIPT_CALLBACK_COUNT; i++) {
		const char *name = ringcast_script_callback_name((enum script_callback)i);
		lua_getfield(state, table, name);
		if (!lua_isnil(state, -1) && !lua_isfunction(state, -1))
			luaL_error(state, "%s is a %s, not a function", name, luaL_typename(state, -1));
		if (lua_isnil(state, -1)) {
			lua_pop(state, 1);
			lua_pushboolean(state, 0);
		}
		lua_rawseti(state, LUA_REGISTRYINDEX, REF_CALLBACKS + i);
	}
}

static int run_main(lua_State *state)
{
	const struct script *script = ringcast_lua_self(state)->program->program.script;
	const struct script_file *file = ringcast_script_find(script, script->main);
	ringcast_assert(file != NULL);
	push_file(state, file);
	lua_call(state, 0, 1);
	if (!lua_istable(state, -1))
		return luaL_error(state, "%s returns a %s: a script returns the table of its callbacks", script->main,
				  luaL_typename(state, -1));
	take_callbacks(state, lua_gettop(state));
	return 1;
}

int ringcast_lua_push_main(lua_State *state, void *context)
{
	lua_pushcfunction(state, run_main);
	return 0;
}
