/* One Lua state per session, with its memory counted and bounded. */
#include <lualib.h>
#include <luajit.h>
#include <stdlib.h>
#include <string.h>

#include "scripting/lua/lua_private.h"

enum { COLLECT_PAUSE = 150, COLLECT_SPEED = 400, COLLECT_SPEED_NEAR_LIMIT = 2000 }; /* LuaJIT's setpause and setstepmul, in percent */
enum { LARGE_BYTES = 4096 }; /* beyond what glibc keeps in bins of one size */

/* LuaJIT does not collect because an allocation was refused; by itself it begins when what lives has grown by half. Near the limit it is told to
 * begin, and to be quick: in the script's own time, between its own instructions. These are plain stores, allowed within an allocation. */
static void collect_near_limit(struct lua_session *self)
{
	bool is_near = self->bytes > self->bytes_max - self->bytes_max / 4;
	if (is_near == self->is_collecting)
		return;
	self->is_collecting = is_near;
	lua_gc(self->state, LUA_GCSETSTEPMUL, is_near ? COLLECT_SPEED_NEAR_LIMIT : COLLECT_SPEED);
	if (is_near)
		lua_gc(self->state, LUA_GCRESTART, 0);
}

/* The limit holds for scripts, not for what the host does to the state: bytes_max is 0 then. */
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
	if (self->bytes_max != 0)
		collect_near_limit(self);
	return memory;
}

static int collect(lua_State *state)
{
	lua_gc(state, LUA_GCCOLLECT, 0);
	return 0;
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
	lua_pushcfunction(state, collect);
	lua_rawseti(state, LUA_REGISTRYINDEX, REF_COLLECT);
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
	ringcast_lua_open_questions(state);
	ringcast_lua_open_session(state);
	return 0;
}

/* LuaJIT found no protected call for an error, and would end the process next. It never should: all that may raise is protected. */
static int on_panic(lua_State *state)
{
	longjmp(ringcast_lua_self(state)->panic, 1);
}

static bool build(struct lua_session *self)
{
	self->state = lua_newstate(allocate, self);
	if (self->state == NULL || setjmp(self->panic) != 0)
		return false;
	lua_atpanic(self->state, on_panic);
	lua_gc(self->state, LUA_GCSETPAUSE, COLLECT_PAUSE);
	lua_gc(self->state, LUA_GCSETSTEPMUL, COLLECT_SPEED);
	if (lua_cpcall(self->state, open_all, NULL) != 0)
		return false;
	ringcast_lua_collect(self);
	ringcast_lua_set_budget(self);
	return true;
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
	if (!build(self)) {
		ringcast_lua_close(&self);
		return NULL;
	}
	self->bytes_max = limits->memory_bytes;
	return self;
}

/*
 * glibc leaves small blocks that were freed as they are until something large is wanted, and joins them all then: after 256 sessions that ended, whoever
 * came next waited for 9 ms, and the shard with it. So each session's are joined when it ends.
 */
static void join_freed_blocks(void)
{
	void *volatile large = malloc(LARGE_BYTES); /* volatile: a compiler may leave out what it sees freed unused */
	free(large);
}

/* Frees all: no script has a finaliser, so that nothing of it runs here. */
void ringcast_lua_close(struct lua_session **self)
{
	if (*self == NULL)
		return;
	(*self)->bytes_max = 0;
	if ((*self)->state != NULL && setjmp((*self)->panic) == 0)
		lua_close((*self)->state);
	/* When memory ends while LuaJIT makes a closure, it frees that under a smaller size: 8 bytes an upvalue are miscounted then, not
	 * lost. */
	ringcast_assert_slow((*self)->bytes == 0 || (*self)->was_refused);
	free(*self);
	*self = NULL;
	join_freed_blocks();
}

/* The collector needs memory too: it makes LuaJIT's table of strings smaller by making a new one. */
void ringcast_lua_collect(struct lua_session *self)
{
	uint64_t bytes_max = self->bytes_max;
	self->bytes_max = 0;
	lua_rawgeti(self->state, LUA_REGISTRYINDEX, REF_COLLECT);
	if (lua_pcall(self->state, 0, 0, 0) != 0)
		lua_pop(self->state, 1); /* not even the machine has any: the next allocation will say so */
	self->bytes_max = bytes_max;
}
