/*
 * require "json": decode(text) -> value, or nil and why; encode(value) -> text; json.null; json.array(t) marks a table as an array.
 * Straight between text and Lua values, so that all memory is the state's own and counted. RFC 8259, depth bounded. What is decoded from an
 * array is marked as one, so that an empty one stays one. Encoding loses nothing: what is no array is an object, whose number keys become strings.
 */
#include <math.h>
#include <string.h>

#include "scripting/lua/lua_private.h"

enum { DEPTH_MAX = 64, VALUE_STEPS = 4 };

/* Decoding */

struct reader {
	lua_State *state;
	const char *start, *at, *end;
	int null, array; /* stack indices: json.null, the metatable of arrays */
	const char *error;
};

static bool fail(struct reader *reader, const char *error)
{
	if (reader->error == NULL)
		reader->error = error;
	return false;
}

static int peek(const struct reader *reader)
{
	return reader->at < reader->end ? (unsigned char)*reader->at : -1;
}

static void charge_bytes(lua_State *state, size_t size)
{
	ringcast_lua_charge(state, size / LUA_STEP_BYTES);
}

static int peek_token(struct reader *reader)
{
	const char *start = reader->at;
	while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t' || *reader->at == '\n' || *reader->at == '\r'))
		reader->at++;
	charge_bytes(reader->state, (size_t)(reader->at - start));
	return peek(reader);
}

static bool read_word(struct reader *reader, const char *word)
{
	size_t size = strlen(word);
	if ((size_t)(reader->end - reader->at) < size || memcmp(reader->at, word, size) != 0)
		return fail(reader, "unknown word");
	reader->at += size;
	return true;
}

static size_t skip_digits(struct reader *reader)
{
	const char *start = reader->at;
	while (peek(reader) >= '0' && peek(reader) <= '9')
		reader->at++;
	return (size_t)(reader->at - start);
}

static bool skip_number(struct reader *reader)
{
	reader->at += peek(reader) == '-';
	if (peek(reader) == '0')
		reader->at++;
	else if (skip_digits(reader) == 0)
		return fail(reader, "digit expected");
	if (peek(reader) == '.') {
		reader->at++;
		if (skip_digits(reader) == 0)
			return fail(reader, "digit expected");
	}
	if (peek(reader) == 'e' || peek(reader) == 'E') {
		reader->at++;
		reader->at += peek(reader) == '+' || peek(reader) == '-';
		if (skip_digits(reader) == 0)
			return fail(reader, "digit expected");
	}
	return true;
}

/* The grammar was checked; Lua converts, for it knows no locale. */
static bool read_number(struct reader *reader)
{
	const char *start = reader->at;
	if (!skip_number(reader))
		return false;
	charge_bytes(reader->state, 4 * (size_t)(reader->at - start));
	lua_pushlstring(reader->state, start, (size_t)(reader->at - start));
	lua_pushnumber(reader->state, lua_tonumber(reader->state, -1));
	lua_remove(reader->state, -2);
	return true;
}

static int hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_unit(struct reader *reader, uint32_t *ret_unit)
{
	*ret_unit = 0;
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(peek(reader));
		if (digit < 0)
			return fail(reader, "\\u needs four hex digits");
		*ret_unit = *ret_unit << 4 | (uint32_t)digit;
		reader->at++;
	}
	return true;
}

static void add_utf8(luaL_Buffer *buffer, uint32_t code)
{
	if (code < 0x80) {
		luaL_addchar(buffer, (char)code);
	} else if (code < 0x800) {
		luaL_addchar(buffer, (char)(0xC0 | code >> 6));
		luaL_addchar(buffer, (char)(0x80 | (code & 0x3F)));
	} else if (code < 0x10000) {
		luaL_addchar(buffer, (char)(0xE0 | code >> 12));
		luaL_addchar(buffer, (char)(0x80 | (code >> 6 & 0x3F)));
		luaL_addchar(buffer, (char)(0x80 | (code & 0x3F)));
	} else {
		luaL_addchar(buffer, (char)(0xF0 | code >> 18));
		luaL_addchar(buffer, (char)(0x80 | (code >> 12 & 0x3F)));
		luaL_addchar(buffer, (char)(0x80 | (code >> 6 & 0x3F)));
		luaL_addchar(buffer, (char)(0x80 | (code & 0x3F)));
	}
}

static bool read_unicode(struct reader *reader, luaL_Buffer *buffer)
{
	uint32_t unit, low;
	if (!read_unit(reader, &unit))
		return false;
	if (unit >= 0xDC00 && unit < 0xE000)
		return fail(reader, "half of a surrogate pair");
	if (unit >= 0xD800 && unit < 0xDC00) {
		if (!read_word(reader, "\\u") || !read_unit(reader, &low) || low < 0xDC00 || low >= 0xE000)
			return fail(reader, "half of a surrogate pair");
		unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
	}
	add_utf8(buffer, unit);
	return true;
}

static bool read_escape(struct reader *reader, luaL_Buffer *buffer)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	int c = peek(reader);
	const char *name = c > 0 ? strchr(names, c) : NULL;
	if (name == NULL && c != 'u')
		return fail(reader, "unknown escape");
	reader->at++;
	if (c == 'u')
		return read_unicode(reader, buffer);
	luaL_addchar(buffer, values[name - names]);
	return true;
}

static bool read_string(struct reader *reader)
{
	luaL_Buffer buffer;
	luaL_buffinit(reader->state, &buffer);
	reader->at++;
	for (;;) {
		const char *start = reader->at;
		while (peek(reader) >= 0x20 && peek(reader) != '"' && peek(reader) != '\\')
			reader->at++;
		charge_bytes(reader->state, (size_t)(reader->at - start) + LUA_STEP_BYTES);
		luaL_addlstring(&buffer, start, (size_t)(reader->at - start));
		int c = peek(reader);
		if (c == '\\') {
			reader->at++;
			if (!read_escape(reader, &buffer))
				return false;
			continue;
		}
		if (c != '"')
			return fail(reader, c < 0 ? "string without end" : "control character in a string");
		reader->at++;
		luaL_pushresult(&buffer);
		return true;
	}
}

static bool read_value(struct reader *reader, int depth);

/* After an element: true when another one follows. */
static bool read_comma(struct reader *reader, int closing, bool *ret_is_more)
{
	int c = peek_token(reader);
	reader->at += c == ',' || c == closing;
	*ret_is_more = c == ',';
	return c == ',' || c == closing || fail(reader, closing == ']' ? "comma or ] expected" : "comma or } expected");
}

static bool read_array(struct reader *reader, int depth)
{
	lua_State *state = reader->state;
	bool is_more = true;
	lua_newtable(state);
	lua_pushvalue(state, reader->array);
	lua_setmetatable(state, -2);
	reader->at++;
	if (peek_token(reader) == ']') {
		reader->at++;
		return true;
	}
	for (int i = 1; is_more; i++) {
		if (!read_value(reader, depth + 1))
			return false;
		lua_rawseti(state, -2, i);
		if (!read_comma(reader, ']', &is_more))
			return false;
	}
	return true;
}

static bool read_object(struct reader *reader, int depth)
{
	lua_State *state = reader->state;
	bool is_more = true;
	lua_newtable(state);
	reader->at++;
	if (peek_token(reader) == '}') {
		reader->at++;
		return true;
	}
	while (is_more) {
		if (peek_token(reader) != '"')
			return fail(reader, "string expected");
		if (!read_string(reader))
			return false;
		if (peek_token(reader) != ':')
			return fail(reader, ": expected");
		reader->at++;
		if (!read_value(reader, depth + 1))
			return false;
		lua_rawset(state, -3);
		if (!read_comma(reader, '}', &is_more))
			return false;
	}
	return true;
}

static bool read_value(struct reader *reader, int depth)
{
	lua_State *state = reader->state;
	if (depth > DEPTH_MAX)
		return fail(reader, "nested too deeply");
	ringcast_lua_charge(state, VALUE_STEPS);
	luaL_checkstack(state, 8, "json");
	switch (peek_token(reader)) {
	case '{':
		return read_object(reader, depth);
	case '[':
		return read_array(reader, depth);
	case '"':
		return read_string(reader);
	case 't':
		lua_pushboolean(state, 1);
		return read_word(reader, "true");
	case 'f':
		lua_pushboolean(state, 0);
		return read_word(reader, "false");
	case 'n':
		lua_pushvalue(state, reader->null);
		return read_word(reader, "null");
	case -1:
		return fail(reader, "value expected");
	default:
		return read_number(reader);
	}
}

/* Upvalues of all functions here: json.null, the metatable of arrays. */
static int json_decode(lua_State *state)
{
	size_t size;
	const char *text = luaL_checklstring(state, 1, &size);
	struct reader reader = {.state = state, .start = text, .at = text, .end = text + size, .null = 2, .array = 3};
	lua_settop(state, 1);
	lua_pushvalue(state, lua_upvalueindex(1));
	lua_pushvalue(state, lua_upvalueindex(2));
	if (read_value(&reader, 1) && peek_token(&reader) == -1)
		return 1;
	lua_settop(state, 3);
	lua_pushnil(state);
	lua_pushfstring(state, "%s at byte %d", reader.error != NULL ? reader.error : "more after the value", (int)(reader.at - text) + 1);
	return 2;
}

/* Encoding. The text grows in a userdata of the state: a luaL_Buffer keeps parts on the stack, where walking a table needs its own. */

struct writer {
	lua_State *state;
	char *bytes; /* in the userdata at stack index home */
	size_t size, capacity;
	int home, null, array;
};

static void reserve(struct writer *writer, size_t more)
{
	if (writer->capacity - writer->size >= more)
		return;
	size_t capacity = 2 * writer->capacity + more;
	char *bytes = lua_newuserdata(writer->state, capacity);
	charge_bytes(writer->state, writer->size);
	if (writer->size > 0)
		memcpy(bytes, writer->bytes, writer->size);
	lua_replace(writer->state, writer->home);
	writer->bytes = bytes;
	writer->capacity = capacity;
}

static void put(struct writer *writer, const char *bytes, size_t size)
{
	reserve(writer, size);
	memcpy(writer->bytes + writer->size, bytes, size);
	writer->size += size;
}

static void put_text(struct writer *writer, const char *text)
{
	put(writer, text, strlen(text));
}

/* The shortest text that reads back as the same number. */
static void write_number(struct writer *writer, lua_Number number)
{
	char text[40];
	if (!isfinite(number))
		luaL_error(writer->state, "json: %s has no form in JSON", isnan(number) ? "nan" : "infinity");
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, number);
		char *comma = strchr(text, ','); /* of a locale */
		if (comma != NULL)
			*comma = '.';
		lua_pushstring(writer->state, text);
		bool is_exact = lua_tonumber(writer->state, -1) == number;
		lua_pop(writer->state, 1);
		if (is_exact)
			break;
	}
	put_text(writer, text);
}

static void write_escaped(struct writer *writer, unsigned char c)
{
	char escape[8];
	if (c < 0x20)
		snprintf(escape, sizeof(escape), "\\u%04x", c);
	else
		snprintf(escape, sizeof(escape), "\\%c", c);
	put_text(writer, escape);
}

/* Runs of plain characters go out at once. */
static void write_string(struct writer *writer, int index)
{
	size_t size, plain = 0;
	const char *text = lua_tolstring(writer->state, index, &size);
	reserve(writer, size + 2);
	put_text(writer, "\"");
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];
		if (i % LUA_STEP_BYTES == 0)
			ringcast_lua_charge(writer->state, 1);
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		put(writer, text + plain, i - plain);
		write_escaped(writer, c);
		plain = i + 1;
		ringcast_lua_charge(writer->state, VALUE_STEPS);
	}
	put(writer, text + plain, size - plain);
	put_text(writer, "\"");
}

static void write_value(struct writer *writer, int index, int depth);

static bool is_marked(const struct writer *writer, int table)
{
	lua_State *state = writer->state;
	if (lua_getmetatable(state, table) == 0)
		return false;
	bool is_so = lua_rawequal(state, -1, writer->array);
	lua_pop(state, 1);
	return is_so;
}

/* What is found in a table: how many entries, and whether all keys are whole numbers from 1, up to which. */
struct shape {
	size_t count;
	lua_Number index_max;
	bool is_indexed;
};

static struct shape shape_of(lua_State *state, int table)
{
	struct shape shape = {.is_indexed = true};
	for (lua_pushnil(state); lua_next(state, table) != 0; lua_pop(state, 1)) {
		ringcast_lua_charge(state, 1);
		lua_Number key = lua_type(state, -2) == LUA_TNUMBER ? lua_tonumber(state, -2) : 0;
		shape.count++;
		shape.is_indexed = shape.is_indexed && key >= 1 && key == floor(key);
		if (key > shape.index_max)
			shape.index_max = key;
	}
	return shape;
}

enum { HOLES_MAX = 10 }; /* in a marked array; beyond that, it may have as many as entries */

/* The length as an array; SIZE_MAX: it is none. A table that is marked as one must be one, give or take some holes. */
static size_t array_length(const struct writer *writer, int table)
{
	struct shape shape = shape_of(writer->state, table);
	if (!is_marked(writer, table))
		return shape.count > 0 && shape.is_indexed && shape.index_max == (lua_Number)shape.count ? shape.count : SIZE_MAX;
	if (!shape.is_indexed)
		luaL_error(writer->state, "json: an array with a key that is not a whole number from 1");
	if (shape.index_max > (lua_Number)(2 * shape.count + HOLES_MAX))
		luaL_error(writer->state, "json: an array that is mostly holes (%d values, the last at %f)", (int)shape.count, shape.index_max);
	return (size_t)shape.index_max;
}

static void write_array(struct writer *writer, int table, size_t count, int depth)
{
	put_text(writer, "[");
	for (size_t i = 1; i <= count; i++) {
		if (i > 1)
			put_text(writer, ",");
		lua_rawgeti(writer->state, table, (int)i);
		write_value(writer, lua_gettop(writer->state), depth);
		lua_pop(writer->state, 1);
	}
	put_text(writer, "]");
}

/* The key below the value on top, as a string. Two keys that would become the same are an error: one of them would be lost. */
static void write_key(struct writer *writer, int table)
{
	lua_State *state = writer->state;
	int type = lua_type(state, -2);
	if (type != LUA_TSTRING && type != LUA_TNUMBER)
		luaL_error(state, "json: a key that is a %s", luaL_typename(state, -2));
	lua_pushvalue(state, -2); /* a copy: tolstring would change the key itself, and break the walk */
	const char *name = lua_tostring(state, -1);
	if (type == LUA_TNUMBER) {
		lua_pushvalue(state, -1);
		lua_rawget(state, table);
		if (!lua_isnil(state, -1))
			luaL_error(state, "json: a table with both the number %s and the string \"%s\" as keys", name, name);
		lua_pop(state, 1);
	}
	write_string(writer, lua_gettop(state));
	lua_pop(state, 1);
	put_text(writer, ":");
}

static void write_object(struct writer *writer, int table, int depth)
{
	lua_State *state = writer->state;
	bool is_first = true;
	put_text(writer, "{");
	lua_pushnil(state);
	while (lua_next(state, table) != 0) {
		if (!is_first)
			put_text(writer, ",");
		is_first = false;
		write_key(writer, table);
		write_value(writer, lua_gettop(state), depth);
		lua_pop(state, 1);
	}
	put_text(writer, "}");
}

static void write_table(struct writer *writer, int table, int depth)
{
	if (depth == DEPTH_MAX)
		luaL_error(writer->state, "json: nested too deeply, or in a circle");
	luaL_checkstack(writer->state, 8, "json");
	size_t length = array_length(writer, table);
	if (length != SIZE_MAX)
		write_array(writer, table, length, depth + 1);
	else
		write_object(writer, table, depth + 1);
}

static void write_value(struct writer *writer, int index, int depth)
{
	lua_State *state = writer->state;
	ringcast_lua_charge(state, VALUE_STEPS);
	switch (lua_type(state, index)) {
	case LUA_TNIL:
		put_text(writer, "null");
		return;
	case LUA_TBOOLEAN:
		put_text(writer, lua_toboolean(state, index) ? "true" : "false");
		return;
	case LUA_TNUMBER:
		write_number(writer, lua_tonumber(state, index));
		return;
	case LUA_TSTRING:
		write_string(writer, index);
		return;
	case LUA_TTABLE:
		if (lua_rawequal(state, index, writer->null))
			put_text(writer, "null");
		else
			write_table(writer, index, depth);
		return;
	default:
		luaL_error(state, "json: a %s has no form in JSON", luaL_typename(state, index));
	}
}

static int json_encode(lua_State *state)
{
	struct writer writer = {.state = state, .home = 2, .null = 3, .array = 4};
	luaL_checkany(state, 1);
	lua_settop(state, 1);
	lua_pushnil(state);
	lua_pushvalue(state, lua_upvalueindex(1));
	lua_pushvalue(state, lua_upvalueindex(2));
	reserve(&writer, 64);
	write_value(&writer, 1, 0);
	charge_bytes(state, writer.size);
	lua_pushlstring(state, writer.bytes, writer.size);
	return 1;
}

static int json_array(lua_State *state)
{
	if (lua_isnoneornil(state, 1)) {
		lua_settop(state, 0);
		lua_newtable(state);
	}
	luaL_checktype(state, 1, LUA_TTABLE);
	if (luaL_getmetafield(state, 1, "__metatable"))
		luaL_error(state, "json: a table whose metatable is protected is no array");
	lua_settop(state, 1);
	lua_pushvalue(state, lua_upvalueindex(2));
	lua_setmetatable(state, 1);
	return 1;
}

static int null_tostring(lua_State *state)
{
	lua_pushliteral(state, "null");
	return 1;
}

static void set_function(lua_State *state, const char *name, lua_CFunction function)
{
	lua_pushvalue(state, 1);
	lua_pushvalue(state, 2);
	lua_pushcclosure(state, function, 2);
	lua_setfield(state, 3, name);
}

int ringcast_lua_open_json(lua_State *state)
{
	lua_settop(state, 0);
	lua_newtable(state); /* null: a value that is equal to nothing else */
	lua_createtable(state, 0, 2);
	lua_pushcfunction(state, null_tostring);
	lua_setfield(state, -2, "__tostring");
	lua_pushliteral(state, "null");
	lua_setfield(state, -2, "__metatable");
	lua_setmetatable(state, 1);
	lua_newtable(state); /* the metatable of arrays */
	lua_pushvalue(state, 2);
	lua_rawseti(state, LUA_REGISTRYINDEX, REF_ARRAY_META);
	lua_createtable(state, 0, 4);
	set_function(state, "decode", json_decode);
	set_function(state, "encode", json_encode);
	set_function(state, "array", json_array);
	lua_pushvalue(state, 1);
	lua_setfield(state, 3, "null");
	return 1;
}
