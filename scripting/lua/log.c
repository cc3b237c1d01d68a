/* What scripts and the host say of a session. Bounded per second and session; what was left out is counted, and said. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "scripting/lua/lua_private.h"

enum { LOG_BYTES_MAX = 8192, INSPECT_DEPTH = 4, INSPECT_BYTES_MAX = 4096, INSPECT_ENTRIES_MAX = 100 };

static void emit(struct lua_session *self, enum script_level level, const char *text, size_t size)
{
	const struct script_environment *environment = self->program->host->environment;
	environment->log(environment->context, self->session, level, text, size);
}

/* A window of one second: in one that is full, nothing more is said; the next one begins by saying how much was not. */
static bool is_allowed(struct lua_session *self)
{
	uint64_t now_ns = self->session->store->now_ns;
	if (self->log_lines == 0 || now_ns - self->log_window_ns >= NS_PER_S) {
		if (self->log_suppressed > 0) {
			char text[64];
			int size = snprintf(text, sizeof(text), "%u lines left out", self->log_suppressed);
			emit(self, SCRIPT_WARN, text, (size_t)size);
		}
		self->log_window_ns = now_ns;
		self->log_lines = 0;
		self->log_suppressed = 0;
	}
	bool is_free = self->limits->log_lines_per_second == 0 || self->log_lines < self->limits->log_lines_per_second;
	self->log_lines += is_free;
	self->log_suppressed += !is_free;
	return is_free;
}

void ringcast_lua_log_text(struct lua_session *self, enum script_level level, const char *text, size_t size)
{
	if (self->session == NULL || level < self->program->host->log_level_min || !is_allowed(self))
		return;
	emit(self, level, text, size < LOG_BYTES_MAX ? size : LOG_BYTES_MAX);
}

void ringcast_lua_log(struct lua_session *self, enum script_level level, const char *format, ...)
{
	char text[LOG_BYTES_MAX];
	va_list arguments;
	va_start(arguments, format);
	int size = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (size > 0)
		ringcast_lua_log_text(self, level, text, (size_t)size < sizeof(text) ? (size_t)size : sizeof(text) - 1);
}

/* Values as text for people. Bounded in depth, length and entries: scripts log whatever they have. */

struct inspect {
	char bytes[INSPECT_BYTES_MAX];
	size_t size;
};

PRINTF_LIKE(2, 3) static void add(struct inspect *inspect, const char *format, ...)
{
	size_t room = sizeof(inspect->bytes) - inspect->size;
	va_list arguments;
	va_start(arguments, format);
	int size = vsnprintf(inspect->bytes + inspect->size, room, format, arguments);
	va_end(arguments);
	if (size > 0)
		inspect->size += (size_t)size < room ? (size_t)size : room - 1;
}

static void add_value(lua_State *state, struct inspect *inspect, int index, int depth, bool is_quoted);

static void add_entry(lua_State *state, struct inspect *inspect, int *next_index, int depth)
{
	if (lua_type(state, -2) == LUA_TNUMBER && lua_tonumber(state, -2) == (lua_Number)*next_index)
		(*next_index)++;
	else if (lua_type(state, -2) == LUA_TSTRING)
		add(inspect, "%s = ", lua_tostring(state, -2));
	else {
		add(inspect, "[");
		add_value(state, inspect, lua_gettop(state) - 1, depth, true);
		add(inspect, "] = ");
	}
	add_value(state, inspect, lua_gettop(state), depth, true);
}

static void add_table(lua_State *state, struct inspect *inspect, int table, int depth)
{
	int entry_count = 0, next_index = 1;
	if (depth == INSPECT_DEPTH || lua_checkstack(state, 8) == 0) {
		add(inspect, "{...}");
		return;
	}
	add(inspect, "{");
	lua_pushnil(state);
	while (lua_next(state, table) != 0) {
		add(inspect, entry_count == 0 ? "" : ", ");
		if (entry_count++ == INSPECT_ENTRIES_MAX || inspect->size >= sizeof(inspect->bytes) - 1) {
			add(inspect, "...");
			lua_pop(state, 2);
			break;
		}
		add_entry(state, inspect, &next_index, depth + 1);
		lua_pop(state, 1);
	}
	add(inspect, "}");
}

static void add_value(lua_State *state, struct inspect *inspect, int index, int depth, bool is_quoted)
{
	switch (lua_type(state, index)) {
	case LUA_TNIL:
		add(inspect, "nil");
		break;
	case LUA_TBOOLEAN:
		add(inspect, lua_toboolean(state, index) ? "true" : "false");
		break;
	case LUA_TNUMBER:
		add(inspect, "%.14g", lua_tonumber(state, index));
		break;
	case LUA_TSTRING:
		add(inspect, is_quoted ? "\"%s\"" : "%s", lua_tostring(state, index));
		break;
	case LUA_TTABLE:
		add_table(state, inspect, index, depth);
		break;
	default:
		add(inspect, "%s", luaL_typename(state, index));
	}
}

void ringcast_lua_inspect(lua_State *state, int index)
{
	struct inspect inspect = {.size = 0};
	if (luaL_getmetafield(state, index, "__tostring")) { /* of ours: messages and sessions */
		lua_pop(state, 1);
		if (lua_type(state, index) == LUA_TUSERDATA) {
			luaL_callmeta(state, index, "__tostring");
			return;
		}
	}
	add_value(state, &inspect, index, 0, false);
	lua_pushlstring(state, inspect.bytes, inspect.size);
}

/* A string goes out as it is, whatever its length; the rest is made readable. */
static void push_line(lua_State *state, int first)
{
	int last = lua_gettop(state);
	if (last == first && lua_type(state, first) == LUA_TSTRING)
		return;
	luaL_checkstack(state, last + 8, "too many values");
	lua_pushliteral(state, "");
	for (int i = first; i <= last; i++) {
		if (i > first)
			lua_pushliteral(state, " ");
		if (lua_type(state, i) == LUA_TSTRING)
			lua_pushvalue(state, i);
		else
			ringcast_lua_inspect(state, i);
	}
	lua_concat(state, lua_gettop(state) - last);
}

static int write_line(lua_State *state, int first, enum script_level level)
{
	size_t size;
	push_line(state, first);
	const char *text = lua_tolstring(state, -1, &size);
	ringcast_lua_log_text(ringcast_lua_self(state), level, text, size);
	return 0;
}

int ringcast_lua_print(lua_State *state)
{
	return write_line(state, 1, SCRIPT_INFO);
}

/* Upvalues: the level, the logger (which is passed over, so that logger.info and logger:info are the same). */
static int logger_write(lua_State *state)
{
	int first = lua_rawequal(state, 1, lua_upvalueindex(2)) ? 2 : 1;
	return write_line(state, first, (enum script_level)lua_tointeger(state, lua_upvalueindex(1)));
}

static const char *const levels[] = {"debug", "info", "warn", "error", "fatal", "cxfatal"};

enum script_level ringcast_lua_log_threshold(const char *arguments)
{
	static const char key[] = "loggingLevel:";
	const char *value = strstr(arguments, key);
	if (value == NULL)
		return SCRIPT_INFO;
	value += sizeof(key) - 1;
	size_t size = strcspn(value, " \t\r\n");
	for (size_t i = 0; i < ARRAY_COUNT(levels); i++)
		if (strlen(levels[i]) == size && strncasecmp(levels[i], value, size) == 0)
			return (enum script_level)i;
	return SCRIPT_INFO;
}

void ringcast_lua_open_logger(lua_State *state)
{
	lua_createtable(state, 0, ARRAY_COUNT(levels));
	for (size_t i = 0; i < ARRAY_COUNT(levels); i++) {
		lua_pushinteger(state, (lua_Integer)i);
		lua_pushvalue(state, -2);
		lua_pushcclosure(state, logger_write, 2);
		lua_setfield(state, -2, levels[i]);
	}
	lua_rawseti(state, LUA_REGISTRYINDEX, REF_LOGGER);
}
