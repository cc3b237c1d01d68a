/*
 * string.pack, string.unpack and string.packsize of Lua 5.3, for binary payloads: LuaJIT has none. Without alignment (!), and little-endian
 * where the format does not say. unpack takes a message as well as a string, and reads the engine's own bytes then.
 */
#include <math.h>
#include <string.h>

#include "scripting/lua/lua_private.h"

enum { INTEGER_BYTES_MAX = 8 };

enum item_kind { ITEM_END, ITEM_SIGNED, ITEM_UNSIGNED, ITEM_FLOAT, ITEM_DOUBLE, ITEM_STRING, ITEM_ZERO, ITEM_PAD };

struct item {
	enum item_kind kind;
	size_t size; /* of the number, or of a string's length */
};

struct format {
	lua_State *state;
	const char *at;
	bool is_big;
};

/* i4: the digits behind a letter. */
static size_t read_size(struct format *format, size_t otherwise)
{
	size_t size = 0;
	if (*format->at < '0' || *format->at > '9')
		return otherwise;
	while (*format->at >= '0' && *format->at <= '9' && size <= INTEGER_BYTES_MAX)
		size = 10 * size + (size_t)(*format->at++ - '0');
	if (size == 0 || size > INTEGER_BYTES_MAX)
		luaL_error(format->state, "integers have 1 to %d bytes", INTEGER_BYTES_MAX);
	return size;
}

static bool read_letter(struct format *format, char letter, struct item *ret_item)
{
	static const struct { char letter; struct item item; } fixed[] = {
		{'b', {ITEM_SIGNED, 1}},   {'B', {ITEM_UNSIGNED, 1}}, {'h', {ITEM_SIGNED, 2}}, {'H', {ITEM_UNSIGNED, 2}},
		{'l', {ITEM_SIGNED, 8}},   {'L', {ITEM_UNSIGNED, 8}}, {'j', {ITEM_SIGNED, 8}}, {'J', {ITEM_UNSIGNED, 8}},
		{'T', {ITEM_UNSIGNED, 8}}, {'f', {ITEM_FLOAT, 4}},    {'d', {ITEM_DOUBLE, 8}}, {'n', {ITEM_DOUBLE, 8}},
		{'z', {ITEM_ZERO, 0}},     {'x', {ITEM_PAD, 1}},
	};
	for (size_t i = 0; i < ARRAY_COUNT(fixed); i++) {
		if (fixed[i].letter != letter)
			continue;
		*ret_item = fixed[i].item;
		return true;
	}
	if (letter == 'i' || letter == 'I')
		*ret_item = (struct item){letter == 'i' ? ITEM_SIGNED : ITEM_UNSIGNED, read_size(format, 4)};
	else if (letter == 's')
		*ret_item = (struct item){ITEM_STRING, read_size(format, 8)};
	else
		return false;
	return true;
}

static struct item next_item(struct format *format)
{
	struct item item;
	for (;;) {
		ringcast_lua_charge(format->state, 2);
		char letter = *format->at;
		if (letter == '\0')
			return (struct item){ITEM_END, 0};
		format->at++;
		if (letter == '<' || letter == '=')
			format->is_big = false;
		else if (letter == '>')
			format->is_big = true;
		else if (letter != ' ') {
			if (read_letter(format, letter, &item))
				return item;
			luaL_error(format->state, "unknown format option '%c'", letter);
		}
	}
}

static uint64_t get_bits(const uint8_t *bytes, size_t size, bool is_big)
{
	uint64_t bits = 0;
	for (size_t i = 0; i < size; i++)
		bits |= (uint64_t)bytes[i] << (8 * (is_big ? size - 1 - i : i));
	return bits;
}

static void put_bits(luaL_Buffer *buffer, uint64_t bits, size_t size, bool is_big)
{
	for (size_t i = 0; i < size; i++)
		luaL_addchar(buffer, (char)(bits >> (8 * (is_big ? size - 1 - i : i))));
}

/* Packing */

static uint64_t check_integer(lua_State *state, int index, struct item item)
{
	lua_Number number = luaL_checknumber(state, index), bits = (lua_Number)(8 * item.size);
	bool is_signed = item.kind == ITEM_SIGNED;
	lua_Number min = is_signed ? -ldexp(1, (int)bits - 1) : 0, end = ldexp(1, is_signed ? (int)bits - 1 : (int)bits);
	if (number != floor(number) || !(number >= min && number < end))
		luaL_error(state, "bad argument #%d to 'pack' (a whole number of %d %s bytes expected, got %f)", index, (int)item.size,
			   is_signed ? "signed" : "unsigned", number);
	return number < 0 ? (uint64_t)(int64_t)number : (uint64_t)number;
}

static void put_string(lua_State *state, luaL_Buffer *buffer, int index, struct item item, bool is_big)
{
	size_t size;
	const char *text = luaL_checklstring(state, index, &size);
	ringcast_lua_charge(state, size / LUA_STEP_BYTES);
	if (item.kind == ITEM_ZERO && strlen(text) != size)
		luaL_error(state, "bad argument #%d to 'pack' (a string without zeros expected)", index);
	if (item.kind == ITEM_STRING && item.size < 8 && size >> (8 * item.size) != 0)
		luaL_error(state, "bad argument #%d to 'pack' (a string whose length fits %d bytes expected)", index, (int)item.size);
	if (item.kind == ITEM_STRING)
		put_bits(buffer, size, item.size, is_big);
	luaL_addlstring(buffer, text, size);
	if (item.kind == ITEM_ZERO)
		luaL_addchar(buffer, '\0');
}

static void put_item(lua_State *state, luaL_Buffer *buffer, int index, struct item item, bool is_big)
{
	uint64_t bits;
	double number;
	float small;
	uint32_t small_bits;
	switch (item.kind) {
	case ITEM_SIGNED:
	case ITEM_UNSIGNED:
		put_bits(buffer, check_integer(state, index, item), item.size, is_big);
		return;
	case ITEM_FLOAT:
		small = (float)luaL_checknumber(state, index);
		memcpy(&small_bits, &small, sizeof(small));
		put_bits(buffer, small_bits, sizeof(small), is_big);
		return;
	case ITEM_DOUBLE:
		number = luaL_checknumber(state, index);
		memcpy(&bits, &number, sizeof(number));
		put_bits(buffer, bits, sizeof(number), is_big);
		return;
	case ITEM_STRING:
	case ITEM_ZERO:
		put_string(state, buffer, index, item, is_big);
		return;
	case ITEM_PAD:
		luaL_addchar(buffer, '\0');
		return;
	case ITEM_END:
		break;
	}
	ringcast_unreachable("item");
}

static int pack(lua_State *state)
{
	struct format format = {.state = state, .at = luaL_checkstring(state, 1)};
	luaL_Buffer buffer;
	int index = 1;
	luaL_buffinit(state, &buffer);
	for (;;) {
		struct item item = next_item(&format);
		if (item.kind == ITEM_END)
			break;
		put_item(state, &buffer, item.kind == ITEM_PAD ? 0 : ++index, item, format.is_big);
	}
	luaL_pushresult(&buffer);
	return 1;
}

/* Unpacking */

struct unpack {
	lua_State *state;
	struct view bytes;
	size_t at;
};

static const uint8_t *take(struct unpack *unpack, size_t size)
{
	if (unpack->bytes.size - unpack->at < size)
		luaL_error(unpack->state, "data string too short");
	ringcast_lua_charge(unpack->state, size / LUA_STEP_BYTES);
	const uint8_t *bytes = unpack->bytes.data + unpack->at;
	unpack->at += size;
	return bytes;
}

static void push_signed(lua_State *state, uint64_t bits, size_t size)
{
	unsigned shift = (unsigned)(64 - 8 * size);
	lua_pushnumber(state, (lua_Number)((int64_t)(bits << shift) >> shift));
}

/* A NaN may have any bits on the wire; LuaJIT, which keeps types in them, must see only its own. */
static void push_float(lua_State *state, double number)
{
	lua_pushnumber(state, isnan(number) ? (lua_Number)NAN : number);
}

static void push_zero_string(struct unpack *unpack)
{
	size_t rest = unpack->bytes.size - unpack->at;
	const uint8_t *end = rest > 0 ? memchr(unpack->bytes.data + unpack->at, 0, rest) : NULL;
	if (end == NULL)
		luaL_error(unpack->state, "unfinished string");
	size_t size = (size_t)(end - (unpack->bytes.data + unpack->at));
	lua_pushlstring(unpack->state, (const char *)take(unpack, size + 1), size);
}

static void push_item(struct unpack *unpack, struct item item, bool is_big)
{
	uint64_t bits;
	double number;
	float small;
	uint32_t small_bits;
	switch (item.kind) {
	case ITEM_SIGNED:
		push_signed(unpack->state, get_bits(take(unpack, item.size), item.size, is_big), item.size);
		return;
	case ITEM_UNSIGNED:
		lua_pushnumber(unpack->state, (lua_Number)get_bits(take(unpack, item.size), item.size, is_big));
		return;
	case ITEM_FLOAT:
		small_bits = (uint32_t)get_bits(take(unpack, sizeof(small)), sizeof(small), is_big);
		memcpy(&small, &small_bits, sizeof(small));
		push_float(unpack->state, (double)small);
		return;
	case ITEM_DOUBLE:
		bits = get_bits(take(unpack, sizeof(number)), sizeof(number), is_big);
		memcpy(&number, &bits, sizeof(number));
		push_float(unpack->state, number);
		return;
	case ITEM_STRING:
		bits = get_bits(take(unpack, item.size), item.size, is_big);
		if (bits > unpack->bytes.size - unpack->at)
			luaL_error(unpack->state, "data string too short");
		lua_pushlstring(unpack->state, bits > 0 ? (const char *)take(unpack, (size_t)bits) : "", (size_t)bits);
		return;
	case ITEM_ZERO:
		push_zero_string(unpack);
		return;
	case ITEM_PAD:
		take(unpack, 1);
		return;
	case ITEM_END:
		break;
	}
	ringcast_unreachable("item");
}

static int unpack_items(lua_State *state)
{
	struct format format = {.state = state, .at = luaL_checkstring(state, 1)};
	struct unpack unpack = {.state = state, .bytes = ringcast_lua_read_bytes(state, 2)};
	lua_Number start = luaL_optnumber(state, 3, 1);
	if (!(start >= 1 && start <= (lua_Number)unpack.bytes.size + 1))
		luaL_error(state, "initial position out of string");
	unpack.at = (size_t)start - 1;
	int top = lua_gettop(state);
	for (;;) {
		struct item item = next_item(&format);
		if (item.kind == ITEM_END)
			break;
		luaL_checkstack(state, 4, "too many results");
		push_item(&unpack, item, format.is_big);
	}
	lua_pushinteger(state, (lua_Integer)unpack.at + 1);
	return lua_gettop(state) - top;
}

static int pack_size(lua_State *state)
{
	struct format format = {.state = state, .at = luaL_checkstring(state, 1)};
	size_t size = 0;
	for (;;) {
		struct item item = next_item(&format);
		if (item.kind == ITEM_END)
			break;
		if (item.kind == ITEM_STRING || item.kind == ITEM_ZERO)
			luaL_error(state, "a format with strings has no size of its own");
		size += item.size;
	}
	lua_pushinteger(state, (lua_Integer)size);
	return 1;
}

void ringcast_lua_open_pack(lua_State *state)
{
	lua_getglobal(state, "string");
	lua_pushcfunction(state, pack);
	lua_setfield(state, -2, "pack");
	lua_pushcfunction(state, unpack_items);
	lua_setfield(state, -2, "unpack");
	lua_pushcfunction(state, pack_size);
	lua_setfield(state, -2, "packsize");
	lua_pop(state, 1);
}
