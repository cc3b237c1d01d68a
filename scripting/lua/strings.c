/* string.find, match, gmatch and gsub on the matcher that keeps to the time budget. They give what LuaJIT's give: the tests compare
 * them. */
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
	else
		lua_pushlstring(pattern->state, capture->start, (size_t)capture->size);
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
		if (text[i] != '%') {
			luaL_addchar(buffer, text[i]);
			continue;
		}
		char name = ++i < size ? text[i] : '\0';
		if (name < '0' || name > '9') {
			luaL_addchar(buffer, name);
		} else if (name == '0') {
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

void ringcast_lua_open_strings(lua_State *state)
{
	static const luaL_Reg functions[] = {
		{"gmatch", string_gmatch}, {"gsub", string_gsub}, {"match", string_match}, {"find", string_find}};
	size_t count = ARRAY_COUNT(functions) - !ringcast_lua_self(state)->is_strict; /* the compiler knows find, and only find */
	lua_getglobal(state, "string");
	for (size_t i = 0; i < count; i++) {
		lua_pushcfunction(state, functions[i].func);
		lua_setfield(state, -2, functions[i].name);
	}
	lua_pop(state, 1);
}
