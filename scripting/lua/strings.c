/* Functions of string that keep to the time budget: find, match, gmatch and gsub on the matcher that does, and those that take as long as the string
 * is. They give what LuaJIT's give: the tests compare them. */
#include <string.h>

#include "scripting/lua/lua_private.h"
#include "scripting/lua/pattern.h"

static struct pattern check_pattern(lua_State *state)
{
	size_t subject_size, text_size;
	struct pattern pattern = {.state = state};
	pattern.subject = luaL_checklstring(state, 1, &subject_size);
	pattern.text = luaL_checklstring(state, 2, &text_size);
	pattern.subject_end = pattern.subject + subject_size;
	pattern.text_end = pattern.text + text_size;
	return pattern;
}

static void charge_bytes(lua_State *state, size_t size)
{
	ringcast_lua_charge(state, size / LUA_STEP_BYTES);
}

static bool skip_anchor(struct pattern *pattern)
{
	bool is_anchored = pattern->text < pattern->text_end && *pattern->text == '^';
	pattern->text += is_anchored;
	return is_anchored;
}

/* The whole match when the pattern has no captures. */
static void push_capture(const struct pattern *pattern, int index, const char *start, const char *end)
{
	if (index == 0 && pattern->capture_count == 0) {
		charge_bytes(pattern->state, (size_t)(end - start));
		lua_pushlstring(pattern->state, start, (size_t)(end - start));
		return;
	}
	if (index >= pattern->capture_count)
		luaL_error(pattern->state, "invalid capture index");
	const struct pattern_capture *capture = &pattern->captures[index];
	if (capture->size == PATTERN_CAPTURE_OPEN)
		luaL_error(pattern->state, "unfinished capture");
	if (capture->size == PATTERN_CAPTURE_POSITION)
		lua_pushinteger(pattern->state, capture->start - pattern->subject + 1);
	else {
		charge_bytes(pattern->state, (size_t)capture->size);
		lua_pushlstring(pattern->state, capture->start, (size_t)capture->size);
	}
}

static int push_captures(const struct pattern *pattern, const char *start, const char *end, bool is_whole_counted)
{
	int count = pattern->capture_count == 0 && is_whole_counted ? 1 : pattern->capture_count;
	luaL_checkstack(pattern->state, count, "too many captures");
	for (int i = 0; i < count; i++)
		push_capture(pattern, i, start, end);
	return count;
}

/* find, match */

/* The third argument: 1 is the first character, -1 the last; beyond the end is the end. */
static const char *check_start(const struct pattern *pattern)
{
	ptrdiff_t size = pattern->subject_end - pattern->subject, at = luaL_optinteger(pattern->state, 3, 1);
	if (at < 0)
		at += size + 1;
	at = at < 1 ? 0 : at - 1;
	return pattern->subject + (at < size ? at : size);
}

static int push_found(const struct pattern *pattern, const char *start, const char *end)
{
	lua_pushinteger(pattern->state, start - pattern->subject + 1);
	lua_pushinteger(pattern->state, end - pattern->subject);
	return 2;
}

static int find_plain(const struct pattern *pattern, const char *start)
{
	size_t size = (size_t)(pattern->text_end - pattern->text);
	charge_bytes(pattern->state, (size_t)(pattern->subject_end - start) + size);
	const char *found = size == 0 ? start : memmem(start, (size_t)(pattern->subject_end - start), pattern->text, size);
	if (found != NULL)
		return push_found(pattern, found, found + size);
	lua_pushnil(pattern->state);
	return 1;
}

static bool is_plain(const struct pattern *pattern)
{
	for (const char *c = pattern->text; c < pattern->text_end; c++)
		if (strchr("^$*+?.([%-", *c) != NULL && *c != '\0')
			return false;
	return true;
}

static int find_or_match(lua_State *state, bool is_find)
{
	struct pattern pattern = check_pattern(state);
	const char *start = check_start(&pattern);
	if (is_find && (lua_toboolean(state, 4) || is_plain(&pattern)))
		return find_plain(&pattern, start);
	bool is_anchored = skip_anchor(&pattern);
	do {
		const char *end = ringcast_lua_pattern_match(&pattern, start);
		if (end != NULL)
			return (is_find ? push_found(&pattern, start, end) : 0) + push_captures(&pattern, start, end, !is_find);
	} while (start++ < pattern.subject_end && !is_anchored);
	lua_pushnil(state);
	return 1;
}

static int string_find(lua_State *state)
{
	return find_or_match(state, true);
}

static int string_match(lua_State *state)
{
	return find_or_match(state, false);
}

/* gmatch. Upvalues: subject, pattern, where to go on. */

static int gmatch_next(lua_State *state)
{
	lua_settop(state, 0);
	lua_pushvalue(state, lua_upvalueindex(1));
	lua_pushvalue(state, lua_upvalueindex(2));
	struct pattern pattern = check_pattern(state);
	for (const char *start = pattern.subject + lua_tointeger(state, lua_upvalueindex(3)); start <= pattern.subject_end; start++) {
		const char *end = ringcast_lua_pattern_match(&pattern, start);
		if (end == NULL)
			continue;
		lua_pushinteger(state, end - pattern.subject + (end == start));
		lua_replace(state, lua_upvalueindex(3));
		return push_captures(&pattern, start, end, true);
	}
	return 0;
}

static int string_gmatch(lua_State *state)
{
	luaL_checkstring(state, 1);
	luaL_checkstring(state, 2);
	lua_settop(state, 2);
	lua_pushinteger(state, 0);
	lua_pushcclosure(state, gmatch_next, 3);
	return 1;
}

/* gsub */

static void add_template(const struct pattern *pattern, luaL_Buffer *buffer, const char *start, const char *end)
{
	size_t size;
	const char *text = lua_tolstring(pattern->state, 3, &size);
	for (size_t i = 0; i < size; i++) {
		ringcast_lua_charge(pattern->state, 1);
		if (text[i] != '%') {
			luaL_addchar(buffer, text[i]);
			continue;
		}
		char name = ++i < size ? text[i] : '\0';
		if (name < '0' || name > '9') {
			luaL_addchar(buffer, name);
		} else if (name == '0') {
			charge_bytes(pattern->state, (size_t)(end - start));
			luaL_addlstring(buffer, start, (size_t)(end - start));
		} else {
			push_capture(pattern, name - '1', start, end);
			luaL_addvalue(buffer);
		}
	}
}

/* What stands for the match: a string's template, a table's entry, a function's result; the match itself if that is false or nil. */
static void add_replacement(const struct pattern *pattern, luaL_Buffer *buffer, const char *start, const char *end)
{
	lua_State *state = pattern->state;
	int type = lua_type(state, 3);
	if (type == LUA_TSTRING || type == LUA_TNUMBER) {
		add_template(pattern, buffer, start, end);
		return;
	}
	if (type == LUA_TTABLE) {
		push_capture(pattern, 0, start, end);
		lua_gettable(state, 3);
	} else {
		lua_pushvalue(state, 3);
		lua_call(state, push_captures(pattern, start, end, true), 1);
	}
	if (!lua_toboolean(state, -1)) {
		lua_pop(state, 1);
		lua_pushlstring(state, start, (size_t)(end - start));
	} else if (!lua_isstring(state, -1)) {
		luaL_error(state, "invalid replacement value (a %s)", luaL_typename(state, -1));
	}
	charge_bytes(state, lua_objlen(state, -1));
	luaL_addvalue(buffer);
}

static int string_gsub(lua_State *state)
{
	ringcast_lua_check_depth(state);
	struct pattern pattern = check_pattern(state);
	int type = lua_type(state, 3), count = 0;
	bool is_replacement = type == LUA_TSTRING || type == LUA_TNUMBER || type == LUA_TTABLE || type == LUA_TFUNCTION;
	luaL_argcheck(state, is_replacement, 3, "string/function/table expected");
	lua_Number count_max = luaL_optnumber(state, 4, (lua_Number)(pattern.subject_end - pattern.subject) + 1);
	bool is_anchored = skip_anchor(&pattern);
	const char *start = pattern.subject;
	luaL_Buffer buffer;
	luaL_buffinit(state, &buffer);
	while (count < count_max) {
		const char *end = ringcast_lua_pattern_match(&pattern, start);
		if (end != NULL) {
			count++;
			add_replacement(&pattern, &buffer, start, end);
		}
		if (end != NULL && end > start)
			start = end;
		else if (start < pattern.subject_end)
			luaL_addchar(&buffer, *start++);
		else
			break;
		if (is_anchored)
			break;
	}
	luaL_addlstring(&buffer, start, (size_t)(pattern.subject_end - start));
	luaL_pushresult(&buffer);
	lua_pushinteger(state, count);
	return 2;
}

/* lower, upper, reverse, rep */

enum { SMALL_BYTES = 256 };

/* Room for a result: the caller's small one, or of the state's own memory, counted and collected. */
static char *room_for(lua_State *state, size_t size, char small[SMALL_BYTES])
{
	return size <= SMALL_BYTES ? small : lua_newuserdata(state, size);
}

/* In pieces, between which the time is looked at. */
static int change_each(lua_State *state, char change(const char *text, size_t size, size_t at))
{
	size_t size;
	char small[SMALL_BYTES];
	const char *text = luaL_checklstring(state, 1, &size);
	char *out = room_for(state, size, small);
	for (size_t at = 0; at < size;) {
		size_t end = size - at < LUA_PIECE_BYTES ? size : at + LUA_PIECE_BYTES;
		charge_bytes(state, 4 * (end - at));
		for (; at < end; at++)
			out[at] = change(text, size, at);
	}
	lua_pushlstring(state, out, size);
	return 1;
}

/* ASCII, whatever the locale. */
static char lower_at(const char *text, size_t size, size_t at)
{
	return (char)(text[at] + (text[at] >= 'A' && text[at] <= 'Z' ? 'a' - 'A' : 0));
}

static char upper_at(const char *text, size_t size, size_t at)
{
	return (char)(text[at] - (text[at] >= 'a' && text[at] <= 'z' ? 'a' - 'A' : 0));
}

static char mirrored_at(const char *text, size_t size, size_t at)
{
	return text[size - 1 - at];
}

static int string_lower(lua_State *state)
{
	return change_each(state, lower_at);
}

static int string_upper(lua_State *state)
{
	return change_each(state, upper_at);
}

static int string_reverse(lua_State *state)
{
	return change_each(state, mirrored_at);
}

/* So many bytes of out are the unit that is to be repeated; doubles them, in pieces, until it is full. */
static void repeat_unit(lua_State *state, char *out, size_t unit_size, size_t size)
{
	for (size_t filled = unit_size; filled < size;) {
		size_t more = filled < size - filled ? filled : size - filled;
		if (more > LUA_PIECE_BYTES && more > unit_size)
			more = LUA_PIECE_BYTES > unit_size ? LUA_PIECE_BYTES / unit_size * unit_size : unit_size;
		charge_bytes(state, more);
		memcpy(out + filled, out, more);
		filled += more;
	}
}

/* rep(s, n [, separator]) */
static int string_rep(lua_State *state)
{
	size_t size, separator_size;
	char small[SMALL_BYTES];
	const char *text = luaL_checklstring(state, 1, &size);
	lua_Number count = luaL_checknumber(state, 2);
	const char *separator = luaL_optlstring(state, 3, "", &separator_size);
	size_t unit_size = size + separator_size;
	if (!(count >= 1) || unit_size == 0) {
		lua_pushliteral(state, "");
		return 1;
	}
	if (count > (lua_Number)INT32_MAX / (lua_Number)unit_size)
		return luaL_error(state, "not enough memory");
	size_t whole_size = (size_t)count * unit_size;
	char *out = room_for(state, whole_size, small);
	memcpy(out, text, size);
	memcpy(out + size, separator, separator_size);
	repeat_unit(state, out, unit_size, whole_size);
	lua_pushlstring(state, out, whole_size - separator_size);
	return 1;
}

/* The compiler knows the first half: those stay LuaJIT's where there is one, and where nothing keeps to the budget. */
void ringcast_lua_open_strings(lua_State *state)
{
	static const luaL_Reg functions[] = {{"find", string_find},	  {"lower", string_lower}, {"rep", string_rep},	    {"reverse", string_reverse},
					     {"upper", string_upper}, {"gmatch", string_gmatch}, {"gsub", string_gsub}, {"match", string_match}};
	lua_getglobal(state, "string");
	for (size_t i = ringcast_lua_self(state)->is_strict ? 0 : 5; i < ARRAY_COUNT(functions); i++) {
		lua_pushcfunction(state, functions[i].func);
		lua_setfield(state, -2, functions[i].name);
	}
	lua_pop(state, 1);
}
