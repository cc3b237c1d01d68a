/* One Lua state per session, with its memory counted and bounded. */
#include <lualib.h>
#include <luajit.h>
#include <stdlib.h>
#include <string.h>

#include "scripting/lua/lua_private.h"

/* The limit holds for scripts, not for the building and tearing down of the state: bytes_max is 0 then. */
static void *allocate(void *context, void *old, size_t old_bytes, size_t new_bytes)
{
	struct lua_session *self = context;
	if (new_bytes == 0) {
		free(old);
		self->bytes -= old_bytes;
		return NULL;
	}
	bool is_refused = new_bytes > old_bytes && self->bytes_max != 0 && self->bytes + (new_bytes - old_bytes) > self->bytes_max;
	void *memory = is_refused ? NULL : realloc(old, new_bytes);
	if (memory != NULL)
		self->bytes += new_bytes - old_bytes;
	else
		self->was_refused = true;
	return memory;
}

static void open_refs(lua_State *state)
{
	for (int ref = 1; ref < REF_COUNT; ref++) { /* in order, so that they come to lie in the registry's array part */
		lua_pushboolean(state, 0);
		lua_rawseti(state, LUA_REGISTRYINDEX, ref);
	}
	lua_pushcfunction(state, ringcast_lua_traceback);
	lua_rawseti(state, LUA_REGISTRYINDEX, REF_TRACEBACK);
	lua_pushcfunction(state, ringcast_lua_trampoline);
	lua_rawseti(state, LUA_REGISTRYINDEX, REF_TRAMPOLINE);
	lua_newtable(state);
	lua_rawseti(state, LUA_REGISTRYINDEX, REF_PLAYERS);
	lua_newtable(state);
	lua_rawseti(state, LUA_REGISTRYINDEX, REF_LOADED);
}

static int open_all(lua_State *state)
{
	open_refs(state);
	ringcast_lua_open_globals(state);
	ringcast_lua_open_logger(state);
	ringcast_lua_open_messages(state);
	ringcast_lua_open_timers(state);
	ringcast_lua_open_session(state);
	return 0;
}

struct lua_session *ringcast_lua_open(struct lua_program *program, struct session *session, const struct script_limits *limits)
{
	struct lua_session *self = calloc(1, sizeof(*self));
	if (self == NULL)
		return NULL;
	self->program = program;
	self->session = session;
	self->limits = limits;
	self->is_strict = limits->is_jit_off;
	if (session != NULL)
		memcpy(self->session_id, session->id, sizeof(self->session_id));
	self->state = lua_newstate(allocate, self);
	if (self->state == NULL || lua_cpcall(self->state, open_all, NULL) != 0) {
		ringcast_lua_close(&self);
		return NULL;
	}
	lua_gc(self->state, LUA_GCCOLLECT, 0);
	ringcast_lua_set_budget(self);
	self->bytes_max = limits->memory_bytes;
	return self;
}

void ringcast_lua_close(struct lua_session **self)
{
	if (*self == NULL)
		return;
	(*self)->bytes_max = 0;
	if ((*self)->state != NULL)
		lua_close((*self)->state);
	/* When memory ends while LuaJIT makes a closure, it frees that under a smaller size: 8 bytes an upvalue are miscounted then, not
	 * lost. */
	ringcast_assert((*self)->bytes == 0 || (*self)->was_refused);
	free(*self);
	*self = NULL;
}

/* LuaJIT collects when what lives has doubled, and does not collect because an allocation was refused. So a script that lives in less
 * than half of its memory never meets the limit by garbage; one that lives in more is collected here, between its callbacks. */
void ringcast_lua_collect(struct lua_session *self)
{
	if (self->bytes_max == 0 || self->bytes < self->bytes_max / 2)
		return;
	if (self->bytes < self->bytes_max - self->bytes_max / 4)
		lua_gc(self->state, LUA_GCSTEP, 64);
	else
		lua_gc(self->state, LUA_GCCOLLECT, 0);
}
