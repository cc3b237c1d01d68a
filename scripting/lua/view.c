/* Trusted scripts only (script_limits.is_lua_ffi_on): LuaJIT's ffi, and the running callback's message as a struct that compiled code
 * reads directly. */
#include "scripting/lua/view.h"

#include <lua_cdef.h>
#include <lualib.h>
#include <string.h>

#include "scripting/lua/lua_private.h"

/* Opened once: a second time, LuaJIT would forget the memory of the first. */
static void push_ffi(lua_State *state)
{
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_FFI);
	if (lua_istable(state, -1))
		return;
	lua_pop(state, 1);
	lua_pushcfunction(state, luaopen_ffi);
	lua_pushstring(state, "ffi");
	lua_call(state, 1, 1);
	lua_pushvalue(state, -1);
	lua_rawseti(state, LUA_REGISTRYINDEX, REF_FFI);
}

static void push_view(lua_State *state)
{
	static const char text[] =
		"local ffi, cdef, view = ... ffi.cdef(cdef) return ffi.cast('const struct ringcast_message_view *', view)";
	if (luaL_loadbuffer(state, text, sizeof(text) - 1, "=view") != 0)
		lua_error(state);
	push_ffi(state);
	lua_pushstring(state, lua_cdef);
	lua_pushlightuserdata(state, &ringcast_lua_self(state)->view);
	lua_call(state, 3, 1);
}

bool ringcast_lua_push_trusted(lua_State *state, const char *name)
{
	if (!ringcast_lua_self(state)->limits->is_lua_ffi_on)
		return false;
	if (strcmp(name, "ffi") == 0)
		push_ffi(state);
	else if (strcmp(name, "ringcast.view") == 0)
		push_view(state);
	else
		return false;
	return true;
}

void ringcast_lua_view_show(struct lua_session *self, const struct packet *packet)
{
	self->view = (struct ringcast_message_view){
		.payload = packet->payload.data,
		.payload_bytes = (uint32_t)packet->payload.size,
		.opcode = packet->opcode,
		.sender = packet->sender,
		.target_player = packet->target_player,
		.target_group = packet->target_group,
		.is_reliable = packet->is_reliable,
	};
}
