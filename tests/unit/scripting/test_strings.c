/*
 * Strict scripts have a matcher of their own. Whatever LuaJIT's says about a subject and a pattern, ours says: results, captures, errors. Random ones,
 * made of few letters and all special characters, so that they often match and often are no pattern.
 */
#include <criterion/criterion.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>

#include "base/prng.h"
#include "lua_world.h"

enum { CASES = 60000, SUBJECT_BYTES_MAX = 24, PATTERN_BYTES_MAX = 12 };

/* Everything that find, match, gmatch and gsub say, as one line. */
static const char describe[] =
	"local subject, pattern, init, repl = ... local out = {}\n"
	"local function show(ok, ...)\n"
	"  out[#out + 1] = tostring(ok)\n"
	"  for i = 1, select('#', ...) do out[#out + 1] = tostring((select(i, ...))):gsub('^.-:%d+: ', ''):gsub(\"to '%?'\", \"to '?'\") end\n"
	"end\n"
	"show(pcall(string.find, subject, pattern, init)) show(pcall(string.find, subject, pattern, init, true)) show(pcall(string.match, subject, pattern, init))\n"
	"show(pcall(string.gsub, subject, pattern, repl)) show(pcall(string.gsub, subject, pattern, repl, 2))\n"
	"show(pcall(string.gsub, subject, pattern, function(...) return (select('#', ...) % 2 == 0) and 'F' or nil end))\n"
	"show(pcall(string.gsub, subject, pattern, {a = 1, b = 'two', ab = false}))\n"
	"show(pcall(function() local n = 0 for a, b in subject:gmatch(pattern) do n = n + 1 show(a, b) if n > 40 then break end end end))\n"
	"return table.concat(out, ' ')\n";

static void random_text(struct prng *prng, const char *alphabet, size_t bytes_max, char *ret_text)
{
	size_t size = ringcast_prng_below(prng, bytes_max + 1), letters = strlen(alphabet);
	for (size_t i = 0; i < size; i++)
		ret_text[i] = alphabet[ringcast_prng_below(prng, letters)];
	ret_text[size] = '\0';
}

/* The same chunk in a plain LuaJIT state. */
static lua_State *native_open(void)
{
	lua_State *state = luaL_newstate();
	cr_assert_not_null(state);
	luaL_openlibs(state);
	cr_assert_eq(luaL_loadstring(state, describe), 0);
	return state;
}

static const char *native_describe(lua_State *state, const char *subject, const char *pattern, int init, const char *repl)
{
	lua_settop(state, 1);
	lua_pushvalue(state, 1);
	lua_pushstring(state, subject);
	lua_pushstring(state, pattern);
	lua_pushinteger(state, init);
	lua_pushstring(state, repl);
	cr_assert_eq(lua_pcall(state, 4, 1, 0), 0, "%s", lua_tostring(state, -1));
	return lua_tostring(state, -1);
}

Test(lua_strings, as_native)
{
	struct lua_world world;
	struct prng prng;
	char subject[SUBJECT_BYTES_MAX + 1], pattern[PATTERN_BYTES_MAX + 1], repl[8], payload[128], source[4096];
	snprintf(source, sizeof(source), "local function describe(...) %s end return {onMessage = function(m) "
		 "local subject, pattern, init, repl = string.unpack('s1s1i2s1', m.payload) print(describe(subject, pattern, init, repl)) end}", describe);
	struct session *session = lua_world_run(&world, source);
	world.script_limits.log_lines_per_second = 0;
	struct player *player = lua_world_join(&world, session, "");
	lua_State *native = native_open();
	ringcast_prng_init(&prng, 11);
	for (int i = 0; i < CASES; i++) {
		random_text(&prng, "aabb-1 A[(", SUBJECT_BYTES_MAX, subject);
		random_text(&prng, "aab.%()[]^$*+?-%dw1SfbA]", PATTERN_BYTES_MAX, pattern);
		random_text(&prng, "x%012", 6, repl);
		int init = (int)ringcast_prng_below(&prng, 12) - 5;
		struct packet packet = {.opcode = 1, .target_player = PROTO_PEER_SERVER};
		size_t size = (size_t)snprintf(payload, sizeof(payload), "%c%s%c%s%c%c%c%s", (int)strlen(subject), subject, (int)strlen(pattern), pattern, init & 255,
					       init >> 8 & 255, (int)strlen(repl), repl);
		/* snprintf writes the zeros too */
		packet.payload = ringcast_view_of(payload, size);
		lua_world_forget(&world);
		ringcast_router_route(player, &packet, INTENT_FAST, world.now_ns);
		const char *expected = native_describe(native, subject, pattern, init, repl);
		size_t log_size = strlen(world.log);
		cr_assert(log_size > 7 && strncmp(world.log, "info: ", 6) == 0, "%s", world.log);
		world.log[log_size - 1] = '\0';
		cr_assert_str_eq(world.log + 6, expected, "subject '%s' pattern '%s' init %d repl '%s'", subject, pattern, init, repl);
	}
	lua_close(native);
	lua_world_stop(&world);
}
