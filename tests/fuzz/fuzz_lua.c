/*
 * Calls of a hostile script: the input says which functions of the sandbox are called, with which of the values that lie about, how deep, and where the results
 * go. Real session, real limits, the processor's clock and the backstop. Whatever it is, the callback comes back after a small multiple of its budget, memory
 * keeps to its limit, and the session ends or lives on.
 */
#include <stdio.h>
#include <time.h>

#include "base/assert.h"
#include "base/attr.h"
#include "fuzz_target.h"
#include "scripting/lua/lua_private.h"
#include "session/session.h"

enum { BUDGET_US = 5000, HELD_MS_MAX = 1000, MEMORY_BYTES = 8 << 20 };

/* Collects all functions from its globals, what is built in, and the objects that it is given; names: of methods. Then a message is a list of calls. */
static const char driver[] =
	"local functions, seen, s = {}, {}, nil\n"
	"local function add(f) if type(f) == 'function' and not seen[f] then seen[f] = true functions[#functions + 1] = f end end\n"
	"local function walk(t) if type(t) ~= 'table' or seen[t] then return end seen[t] = true\n"
	"  local keys = {} for k in pairs(t) do keys[#keys + 1] = tostring(k) end table.sort(keys)\n"
	"  for _, k in ipairs(keys) do local v = rawget(t, k) add(v) walk(v) end end\n"
	"local pool\n"
	"local function prepare(m)\n"
	"  local json, buffer = require('json'), require('string.buffer')\n"
	"  local b = buffer.new():put('x')\n"
	"  for _, t in ipairs{_G, json, buffer, s:getLogger(), {require('table.new'), require('table.clear')}} do walk(t) end\n"
	"  for _, o in ipairs{s, m, b} do for name in names:gmatch('%S+') do local ok, f = pcall(function() return o[name] end) if ok then add(f) end end end\n"
	"  local big, list, f = ('x'):rep(3e5), {}, nil for i = 1, 2000 do list[i] = i end\n"
	"  function f(...) return pcall(f, ...) end\n"
	"  pool = {s, m, b, big, list, f, pcall, print, rawequal, coroutine.create(f), coroutine.wrap(f), setmetatable({}, {__index = f, __tostring = f, __lt = f, __call = f}),\n"
	"    0, 1, -1, 2, 1e9, -1e9, 2^31, 2^53, 0 / 0, 1 / 0, '', 'x', '%c', '.-.-b', '<i4s2z', '*t', 'collect', '{\"a\": [1]}', true, false, {}, function() error({}) end}\n"
	"end\n"
	"return {init = function(x) s = x end, onMessage = function(m)\n"
	"  if not pool then prepare(m) end\n"
	"  local p, at = m.payload, 0\n"
	"  local function byte() at = at + 1 return string.byte(p, at) or 0 end\n"
	"  local function call()\n"
	"    local f, count, arguments = functions[byte() % #functions + 1], byte() % 5, {}\n"
	"    for i = 1, count do arguments[i] = pool[byte() % #pool + 1] end\n"
	"    local how, slot = byte() % 4, byte()\n"
	"    if how == 1 then f = coroutine.wrap(f) elseif how == 2 then local g = f f = function(...) return call(), g(...) end end\n"
	"    local ok, result = pcall(f, unpack(arguments, 1, count))\n"
	"    if how == 3 and ok and result ~= nil then pool[slot % #pool + 1] = result end\n"
	"    return result\n"
	"  end\n"
	"  while at < #p do call() end\n"
	"end}\n";

static struct world {
	struct session_limits session_limits;
	struct script_limits limits;
	struct script_environment environment;
	struct timer_wheel wheel;
	struct store store;
	struct lua_host *host;
	struct script script;
	struct script_file file;
	struct script_program *program;
	struct session *session;
	struct player *player;
} world;

static uint64_t thread_cpu_ns(void *context)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void fill(void *context, void *out, size_t size)
{
	memset(out, 7, size);
}

static void on_log(void *context, struct session *session, enum script_level level, const char *text, size_t size) {}
static void on_count(void *context, enum script_count what) {}
static void on_deliver(void *context, const struct fanout *fanout) {}
static void on_disconnect(void *context, struct player *player, enum close_reason reason, const char *text) {}
static void on_drop(void *context, enum drop_reason reason, uint64_t count) {}
static void on_admitted(void *context, struct player *player, enum drop_reason reason) {}

static void start(void)
{
	char error[SCRIPT_ERROR_BYTES];
	world.session_limits = (struct session_limits){.players_per_session_max = 8, .groups_per_session_max = 8, .groups_per_player_max = 8,
						       .reservation_timeout_ms = 60000, .commands_per_hook_max = 256, .timers_per_session_max = 8};
	world.limits = (struct script_limits){.memory_bytes = MEMORY_BYTES, .budget_us = BUDGET_US, .is_jit_off = true, .log_lines_per_second = 10};
	world.environment = (struct script_environment){.limits = &world.limits, .cpu_ns = thread_cpu_ns, .random = fill, .log = on_log, .count = on_count};
	world.file = (struct script_file){.path = "main.lua", .bytes = (uint8_t *)driver, .size = sizeof(driver) - 1};
	world.script = (struct script){.name = "fuzz", .version = "0", .language = SCRIPT_LUA, .main = "main.lua", .files = &world.file, .file_count = 1, .refs = 1};
	world.script.facts.callbacks = 1u << SCRIPT_CALLBACK_INIT | 1u << SCRIPT_CALLBACK_MESSAGE;
	struct store_options options = {.sessions_max = 4, .players_max = 8, .groups_max = 8, .memberships_max = 64, .limits = &world.session_limits,
					.pool = ringcast_buf_pool_create(&(struct buf_pool_options){.class_counts = {512, 512, 512, 64, 64, 64}}), .wheel = &world.wheel,
					.random = fill,
					.outbox = {.deliver = on_deliver, .disconnect = on_disconnect, .drop = on_drop, .admitted = on_admitted}};
	ringcast_timer_wheel_init(&world.wheel, NS_PER_S);
	world.host = ringcast_lua_create(&world.environment, &(struct lua_options){.has_backstop = true});
	ringcast_assert(world.host != NULL && ringcast_store_init(&world.store, &options));
	world.program = ringcast_lua_ops.load(world.host, &world.script, error, sizeof(error));
	ringcast_assert(world.program != NULL);
}

/* The keys of the table on top, as words behind those in names. */
static void add_names(lua_State *state, char *names, size_t names_bytes)
{
	for (lua_pushnil(state); lua_next(state, -2) != 0; lua_pop(state, 1)) {
		size_t used = strlen(names);
		if (lua_type(state, -2) == LUA_TSTRING)
			snprintf(names + used, names_bytes - used, "%s ", lua_tostring(state, -2));
	}
}

/* Objects do not tell their methods to scripts. */
static void offer_names(lua_State *state)
{
	char names[4096] = "put putf get set skip reset free tostring ";
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_SESSION);
	lua_getmetatable(state, -1);
	lua_getfield(state, -1, "__index");
	add_names(state, names, sizeof(names));
	lua_rawgeti(state, LUA_REGISTRYINDEX, REF_MESSAGE_META);
	lua_getfield(state, -1, "__index");
	lua_getupvalue(state, -1, 1);
	add_names(state, names, sizeof(names));
	lua_pushstring(state, names);
	lua_setglobal(state, "names");
	lua_settop(state, 0);
}

static void begin(void)
{
	struct session_options options = {.hooks = &world.program->hooks, .hooks_context = world.program->hooks_context};
	char token[PLAYER_TOKEN_BYTES];
	world.limits.budget_us = 0; /* to prepare is not the script's time */
	enum drop_reason opened = ringcast_session_open(&world.store, &options, NS_PER_S, &world.session);
	ringcast_assert(opened == DROP_NONE && world.session->user != NULL);
	enum drop_reason reserved = ringcast_admission_reserve(world.session, NULL, NULL, NS_PER_S, &world.player, token);
	struct view login = ringcast_view_of(token, strlen(token));
	enum drop_reason admitted = ringcast_admission_admit(&world.store, login, ringcast_view_of(NULL, 0), &world, NS_PER_S, &world.player);
	ringcast_assert(reserved == DROP_NONE && admitted == DROP_NONE);
	ringcast_admission_accept(world.player, NS_PER_S);
	offer_names(((struct lua_session *)world.session->user)->state);
}

static void end(void)
{
	if (world.session->state != SESSION_ENDED)
		ringcast_session_end_now(world.session, CLOSE_SHUTDOWN, NS_PER_S);
	ringcast_store_collect(&world.store);
}

static void say(const uint8_t *data, size_t size)
{
	struct packet packet = {.opcode = 10, .target_player = PROTO_PEER_SERVER, .payload = {data, size}};
	ringcast_router_route(world.player, &packet, INTENT_RELIABLE, NS_PER_S);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (world.host == NULL)
		start();
	begin();
	say(data, 0);
	world.limits.budget_us = BUDGET_US;
	uint64_t start_ns = thread_cpu_ns(NULL);
	say(data, size < 256 ? size : 256);
	uint64_t held_ms = (thread_cpu_ns(NULL) - start_ns) / NS_PER_MS;
	ringcast_assert(held_ms < HELD_MS_MAX);
	if (world.session->state == SESSION_ACTIVE)
		ringcast_assert(ringcast_lua_ops.session_bytes(world.host, world.session) <= MEMORY_BYTES + sizeof(struct lua_session));
	end();
	return 0;
}
