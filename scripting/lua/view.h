/* The message of the running callback as trusted scripts see it through ffi. tools/lua_cdef.py turns this file into what ffi.cdef is
 * given. */
#ifndef RINGCAST_SCRIPTING_LUA_VIEW_H
#define RINGCAST_SCRIPTING_LUA_VIEW_H

#include <stdint.h>

struct ringcast_message_view {
	const uint8_t *payload; /* NULL outside callbacks with a message */
	uint32_t payload_bytes;
	int32_t opcode;
	int32_t sender;
	int32_t target_player;
	int32_t target_group;
	int32_t is_reliable;
};

#endif
