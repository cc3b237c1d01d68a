/*
 * Lua patterns, as string.find and its kin understand them, with a bound on time: LuaJIT's own matcher is one instruction to the count
 * hook, and a pattern such as ".-.-.-b" keeps it busy for hours. Used where the budget is strict; the compiler's inlined ones are used
 * elsewhere.
 */
#ifndef RINGCAST_SCRIPTING_LUA_PATTERN_H
#define RINGCAST_SCRIPTING_LUA_PATTERN_H

#include <lua.h>
#include <stdint.h>

enum { PATTERN_CAPTURES_MAX = 32 };

struct pattern_capture {
	const char *start;
	ptrdiff_t size; /* or PATTERN_CAPTURE_... */
};
enum { PATTERN_CAPTURE_OPEN = -1, PATTERN_CAPTURE_POSITION = -2 };

/* The caller fills state, both texts and their ends; the rest is the matcher's. */
struct pattern {
	lua_State *state;
	const char *subject, *subject_end;
	const char *text, *text_end;
	uint32_t step_count;
	int depth, capture_count;
	struct pattern_capture captures[PATTERN_CAPTURES_MAX];
};

/* Matches the whole pattern at start. Where the match ends, or NULL. Raises an error for what is no pattern, and when the time is up. */
const char *ringcast_lua_pattern_match(struct pattern *pattern, const char *start);

#endif
