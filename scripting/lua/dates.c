/* os.date: LuaJIT's asks strftime for the whole text again and again, with more room each time, which takes seconds for a long format. Here it is asked
 * for one conversion at a time. */
#include <string.h>
#include <time.h>

#include "scripting/lua/lua_private.h"

enum { SPEC_BYTES_MAX = 8, CONVERSION_BYTES_MAX = 512, CONVERSION_STEPS = 50 };

static void set_number(lua_State *state, const char *name, int value)
{
	lua_pushinteger(state, value);
	lua_setfield(state, -2, name);
}

static int push_table(lua_State *state, const struct tm *date)
{
	lua_createtable(state, 0, 9);
	set_number(state, "sec", date->tm_sec);
	set_number(state, "min", date->tm_min);
	set_number(state, "hour", date->tm_hour);
	set_number(state, "day", date->tm_mday);
	set_number(state, "month", date->tm_mon + 1);
	set_number(state, "year", date->tm_year + 1900);
	set_number(state, "wday", date->tm_wday + 1);
	set_number(state, "yday", date->tm_yday + 1);
	if (date->tm_isdst >= 0) {
		lua_pushboolean(state, date->tm_isdst);
		lua_setfield(state, -2, "isdst");
	}
	return 1;
}

/* A conversion from its % on: flags, a width, E or O, a letter. Its size. */
static size_t spec_of(lua_State *state, const char *at, const char *end, char spec[SPEC_BYTES_MAX + 1])
{
	size_t size = 1;
	while (at + size < end && strchr("_-0^#123456789EO", at[size]) != NULL && at[size] != '\0')
		size++;
	size += at + size < end;
	if (size > SPEC_BYTES_MAX || (size > 5 && strpbrk(at, "123456789") != NULL && strpbrk(at, "123456789") < at + size - 4))
		luaL_error(state, "invalid conversion in the format of a date");
	memcpy(spec, at, size);
	spec[size] = '\0';
	return size;
}

static int push_text(lua_State *state, const char *format, size_t size, const struct tm *date)
{
	char spec[SPEC_BYTES_MAX + 1], text[CONVERSION_BYTES_MAX];
	const char *end = format + size;
	luaL_Buffer buffer;
	luaL_buffinit(state, &buffer);
	while (format < end) {
		const char *percent = memchr(format, '%', (size_t)(end - format));
		size_t plain_size = (size_t)((percent != NULL ? percent : end) - format);
		ringcast_lua_charge(state, CONVERSION_STEPS + plain_size / LUA_STEP_BYTES);
		luaL_addlstring(&buffer, format, plain_size);
		format += plain_size;
		if (percent == NULL)
			break;
		format += spec_of(state, percent, end, spec);
		luaL_addlstring(&buffer, text, strftime(text, sizeof(text), spec, date));
	}
	luaL_pushresult(&buffer);
	return 1;
}

/* A number beyond what the calendar can name is refused before it is converted: there the conversion has no result. */
static time_t check_time(lua_State *state, int index)
{
	const lua_Number max = 1e15;
	lua_Number number = luaL_checknumber(state, index);
	if (!(number >= -max && number <= max))
		luaL_error(state, "bad argument #%d to 'date' (a time in seconds since 1970 expected, got %f)", index, number);
	return (time_t)number;
}

static int os_date(lua_State *state)
{
	size_t size;
	struct tm date;
	const char *format = luaL_optlstring(state, 1, "%c", &size);
	time_t when = lua_isnoneornil(state, 2) ? time(NULL) : check_time(state, 2);
	bool is_utc = *format == '!';
	format += is_utc;
	size -= is_utc;
	if ((is_utc ? gmtime_r(&when, &date) : localtime_r(&when, &date)) == NULL) {
		lua_pushnil(state);
		return 1;
	}
	if (strncmp(format, "*t", 2) == 0)
		return push_table(state, &date);
	return push_text(state, format, size, &date);
}

void ringcast_lua_open_dates(lua_State *state)
{
	lua_getglobal(state, "os");
	lua_pushcfunction(state, os_date);
	lua_setfield(state, -2, "date");
	lua_pop(state, 1);
}
