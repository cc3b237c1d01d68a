/*
 * Messages as scripts see them: one userdata for those that came in and those the script made. What came in is not copied: it points at the
 * engine's bytes, which are good for the callback that got it. Its numbers stay readable for ever; its bytes are refused later, by call
 * serial.
 */
#include <math.h>
#include <string.h>

#include "scripting/lua/lua_private.h"

/* Every message begins with the address of this, and no other userdata that scripts can have does: a faster proof than the metatable. */
static const char tag;

struct lua_message {
	const char *tag;
	uint64_t call_serial; /* whose bytes these are; 0: its own, behind the struct */
	int32_t opcode, sender, target_player, target_group;
	bool is_reliable;
	struct view payload;
};

enum message_field { FIELD_OPCODE = 1, FIELD_SENDER, FIELD_TARGET_PLAYER, FIELD_TARGET_GROUP, FIELD_RELIABLE, FIELD_PAYLOAD, FIELD_SIZE };

static const struct { const char *name; enum message_field field; } fields[] = {
	{"opCode", FIELD_OPCODE}, {"sender", FIELD_SENDER},   {"targetPlayer", FIELD_TARGET_PLAYER}, {"targetGroup", FIELD_TARGET_GROUP},
	{"reliable", FIELD_RELIABLE}, {"payload", FIELD_PAYLOAD}, {"size", FIELD_SIZE},
};

static bool is_message(lua_State *state, int index)
{
	return lua_type(state, index) == LUA_TUSERDATA && lua_objlen(state, index) >= sizeof(struct lua_message) &&
	       ((const struct lua_message *)lua_touserdata(state, index))->tag == &tag;
}

static struct lua_message *check_message(lua_State *state, int index)
{
	if (!is_message(state, index))
		ringcast_lua_argument_error(state, index, "a message");
	return lua_touserdata(state, index);
}

static struct view payload_of(lua_State *state, const struct lua_message *message)
{
	struct lua_session *self = ringcast_lua_self(state);
	if (message->call_serial != 0 && message->call_serial != self->call_serial)
		luaL_error(state, "the payload of a message can be read during the callback that got it; keep msg.payload instead of msg");
	return message->payload;
}

static void push_payload(lua_State *state, const struct lua_message *message)
{
	struct view payload = payload_of(state, message);
	ringcast_lua_charge(state, payload.size / LUA_STEP_BYTES);
	lua_pushlstring(state, payload.size > 0 ? (const char *)payload.data : "", payload.size);
}

static int push_field(lua_State *state, const struct lua_message *message, enum message_field field)
{
	switch (field) {
	case FIELD_OPCODE:
		lua_pushinteger(state, message->opcode);
		break;
	case FIELD_SENDER:
		lua_pushinteger(state, message->sender);
		break;
	case FIELD_TARGET_PLAYER:
		lua_pushinteger(state, message->target_player);
		break;
	case FIELD_TARGET_GROUP:
		lua_pushinteger(state, message->target_group);
		break;
	case FIELD_RELIABLE:
		lua_pushboolean(state, message->is_reliable);
		break;
	case FIELD_PAYLOAD:
		push_payload(state, message);
		break;
	case FIELD_SIZE:
		lua_pushinteger(state, (lua_Integer)message->payload.size);
		break;
	}
	return 1;
}

/* Upvalue: name -> number of a field, or a method. */
static int message_index(lua_State *state)
{
	const struct lua_message *message = check_message(state, 1);
	lua_settop(state, 2);
	lua_rawget(state, lua_upvalueindex(1));
	if (lua_type(state, 2) != LUA_TNUMBER)
		return 1;
	return push_field(state, message, (enum message_field)lua_tointeger(state, 2));
}

static int message_newindex(lua_State *state)
{
	return luaL_error(state, "messages do not change: make a new one");
}

static int message_length(lua_State *state)
{
	lua_pushinteger(state, (lua_Integer)check_message(state, 1)->payload.size);
	return 1;
}

static int message_tostring(lua_State *state)
{
	const struct lua_message *message = check_message(state, 1);
	lua_pushfstring(state, "message: opCode %d, sender %d, %d bytes", (int)message->opcode, (int)message->sender,
			(int)message->payload.size);
	return 1;
}

static int message_text(lua_State *state)
{
	push_payload(state, check_message(state, 1));
	return 1;
}

/* nil, so that it keeps its place among arguments. */
static int push_nothing(lua_State *state)
{
	lua_pushnil(state);
	return 1;
}

/* As string.byte: the first is 1, -1 is the last. */
static int message_byte(lua_State *state)
{
	struct view payload = payload_of(state, check_message(state, 1));
	lua_Integer index = luaL_optinteger(state, 2, 1);
	if (index < 0)
		index += (lua_Integer)payload.size + 1;
	if (index < 1 || (size_t)index > payload.size)
		return push_nothing(state);
	lua_pushinteger(state, payload.data[index - 1]);
	return 1;
}

/* Numbers inside the payload: msg:u16(offset [, "big"]). Offsets count from 0, as formats are written. nil beyond the end: players send
 * what they like. */
static bool read_number(lua_State *state, size_t size, uint64_t *ret_bits)
{
	struct view payload = payload_of(state, check_message(state, 1));
	lua_Number offset = luaL_checknumber(state, 2);
	bool is_big = lua_toboolean(state, 3);
	if (!(offset >= 0) || offset > (lua_Number)payload.size || payload.size - (size_t)offset < size)
		return false;
	const uint8_t *bytes = payload.data + (size_t)offset;
	*ret_bits = 0;
	for (size_t i = 0; i < size; i++)
		*ret_bits |= (uint64_t)bytes[i] << (8 * (is_big ? size - 1 - i : i));
	return true;
}

#define NUMBER(name, type, size)							\
	static int message_##name(lua_State *state)					\
	{										\
		uint64_t bits;								\
		if (!read_number(state, size, &bits))					\
			return push_nothing(state);					\
		lua_pushnumber(state, (lua_Number)(type)bits);				\
		return 1;								\
	}
NUMBER(u8, uint8_t, 1)
NUMBER(i8, int8_t, 1)
NUMBER(u16, uint16_t, 2)
NUMBER(i16, int16_t, 2)
NUMBER(u32, uint32_t, 4)
NUMBER(i32, int32_t, 4)
#undef NUMBER

/* A NaN of the wire may have any bits, and LuaJIT keeps types in those: only the one that it knows goes in. */
static int push_float(lua_State *state, double value)
{
	lua_pushnumber(state, isnan(value) ? (lua_Number)NAN : value);
	return 1;
}

static int message_f32(lua_State *state)
{
	uint64_t bits;
	float value;
	if (!read_number(state, sizeof(value), &bits))
		return push_nothing(state);
	uint32_t low = (uint32_t)bits;
	memcpy(&value, &low, sizeof(value));
	return push_float(state, (double)value);
}

static int message_f64(lua_State *state)
{
	uint64_t bits;
	double value;
	if (!read_number(state, sizeof(value), &bits))
		return push_nothing(state);
	memcpy(&value, &bits, sizeof(value));
	return push_float(state, value);
}

static const luaL_Reg methods[] = {
	{"getPayloadAsText", message_text}, {"text", message_text}, {"byte", message_byte}, {"u8", message_u8}, {"i8", message_i8},
	{"u16", message_u16}, {"i16", message_i16}, {"u32", message_u32}, {"i32", message_i32}, {"f32", message_f32}, {"f64", message_f64},
};

void ringcast_lua_open_messages(lua_State *state)
{
	lua_createtable(state, 0, 6);
	lua_createtable(state, 0, ARRAY_COUNT(fields) + ARRAY_COUNT(methods));
	for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
		lua_pushinteger(state, fields[i].field);
		lua_setfield(state, -2, fields[i].name);
	}
	for (size_t i = 0; i < ARRAY_COUNT(methods); i++) {
		lua_pushcfunction(state, methods[i].func);
		lua_setfield(state, -2, methods[i].name);
	}
	lua_pushcclosure(state, message_index, 1);
	lua_setfield(state, -2, "__index");
	lua_pushcfunction(state, message_newindex);
	lua_setfield(state, -2, "__newindex");
	lua_pushcfunction(state, message_length);
	lua_setfield(state, -2, "__len");
	lua_pushcfunction(state, message_tostring);
	lua_setfield(state, -2, "__tostring");
	lua_pushliteral(state, "message");
	lua_setfield(state, -2, "__metatable");
	lua_rawseti(state, LUA_REGISTRYINDEX, REF_MESSAGE_META);
}

static struct lua_message *new_message(lua_State *state, size_t own_bytes)
{
	struct lua_message *message = lua_newuserdata(state, sizeof(*message) + own_bytes);
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_MESSAGE_META);
	lua_setmetatable(state, -2);
	return message;
}

void ringcast_lua_push_packet(lua_State *state, const struct packet *packet)
{
	struct lua_session *self = ringcast_lua_self(state);
	struct lua_message *message = new_message(state, 0);
	if (self->limits->is_lua_ffi_on)
		ringcast_lua_view_show(self, packet);
	*message = (struct lua_message){
		.tag = &tag,
		.call_serial = self->call_serial,
		.opcode = packet->opcode,
		.sender = packet->sender,
		.target_player = packet->target_player,
		.target_group = packet->target_group,
		.is_reliable = packet->is_reliable,
		.payload = packet->payload,
	};
}

struct view ringcast_lua_read_bytes(lua_State *state, int index)
{
	if (lua_isnoneornil(state, index))
		return ringcast_view_of(NULL, 0);
	if (is_message(state, index))
		return payload_of(state, lua_touserdata(state, index));
	size_t size;
	const char *bytes = lua_tolstring(state, index, &size);
	if (bytes == NULL)
		ringcast_lua_argument_error(state, index, "a string or a message");
	return ringcast_view_of(bytes, size);
}

void ringcast_lua_push_message(lua_State *state, int32_t opcode, int32_t sender, int payload_index)
{
	struct view payload = ringcast_lua_read_bytes(state, payload_index);
	struct lua_message *message = new_message(state, payload.size);
	uint8_t *bytes = (uint8_t *)(message + 1);
	if (payload.size > 0)
		memcpy(bytes, payload.data, payload.size);
	*message = (struct lua_message){.tag = &tag, .opcode = opcode, .sender = sender, .payload = {bytes, payload.size}};
}

void ringcast_lua_read_message(lua_State *state, int index, struct packet *ret_packet)
{
	const struct lua_message *message = check_message(state, index);
	*ret_packet = (struct packet){.opcode = message->opcode, .sender = message->sender, .payload = payload_of(state, message)};
}

bool ringcast_lua_try_message(lua_State *state, int index, struct packet *ret_packet)
{
	const struct lua_message *message = is_message(state, index) ? lua_touserdata(state, index) : NULL;
	if (message == NULL || message->call_serial != 0)
		return false;
	*ret_packet = (struct packet){.opcode = message->opcode, .sender = message->sender, .payload = message->payload};
	return true;
}
