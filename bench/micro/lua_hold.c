/*
 * How long one callback of a hostile Lua script can hold its shard's thread, in CPU time: that is what players of other sessions wait.
 * Default limits, each attack in a process of its own, which is killed after 30 s of CPU time. Run: micro-lua-hold [budget in us]
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "scripting/lua/lua_host.h"
#include "session/session.h"

enum { KILLED_AFTER_S = 30 };

static const char runner[] = "return {onMessage = function(m) assert(load(m.payload, '=it'))() end}";

static const struct attack { const char *name, *lua; } attacks[] = {
	{"while true do end", "while true do end"},
	{"pcall, recursively", "local function f() while true do pcall(f) end end f()"},
	{"xpcall, recursively", "local function f() while true do xpcall(f, f) end end f()"},
	{"coroutines, recursively", "local function f() while true do coroutine.resume(coroutine.create(f)) end end f()"},
	{"pcall, twice at each level", "local function f() pcall(f) pcall(f) end while true do f() end"},
	{"os.date", "local s = ('%c'):rep(4e6) while true do os.date(s) end"},
	{"gsub with an empty pattern", "local s = ('x'):rep(4e6) while true do s:gsub('', '') end"},
	{"load", "local s = ('x=1 '):rep(1e6) while true do load(s) end"},
	{"load of gotos", "local t = {} for i = 1, 2e4 do t[i] = 'goto a' .. i end local s = table.concat(t, ' ') while true do load(s) end"},
	{"string.packsize", "local s = ('b'):rep(1e7) while true do string.packsize(s) end"},
	{"string.pack", "local s = ('x'):rep(4e6) while true do string.pack(s) end"},
	{"string.unpack", "local s = ('x'):rep(8e6) while true do string.unpack(s, s) end"},
	{"table.sort(t, rawequal)", "local t = {} for i = 1, 1e6 do t[i] = 1 end while true do pcall(table.sort, t, rawequal) end"},
	{"table.sort(t, pcall)", "local t, f = {}, function() error() end for i = 1, 5e5 do t[i] = f end while true do pcall(table.sort, t, pcall) end"},
	{"tonumber('0x...')", "local s = '0x' .. ('f'):rep(1.2e7) while true do tonumber(s) end"},
	{"'0x...' + 0", "local s = '0x' .. ('f'):rep(1.2e7) while true do local n = s + 0 end"},
	{"plain find", "local s = ('ab'):rep(5e6) while true do s:find('ac', 1, true) end"},
	{"json.decode", "local json, s = require('json'), '\"' .. ('x'):rep(7e6) .. '\"' while true do json.decode(s) end"},
	{"json.encode", "local json, s = require('json'), ('\\n'):rep(1.5e6) while true do json.encode(s) end"},
	{"table.concat", "local t = {} for i = 1, 1e6 do t[i] = 'abcdefgh' end while true do table.concat(t) end"},
	{"table.insert at the front", "local t = {} for i = 1, 1e6 do t[i] = i end while true do table.insert(t, 1, 0) end"},
	{"table.remove at the front", "local t = {} for i = 1, 1e6 do t[i] = i end while true do table.remove(t, 1) end"},
	{"table.maxn", "local t = {} for i = 1, 1e6 do t[i] = i end while true do table.maxn(t) end"},
	{"next in an empty table", "local t = require('table.new')(3e6, 0) while true do next(t) end"},
	{"pairs of an empty table", "local t = require('table.new')(3e6, 0) while true do for k in pairs(t) do end end"},
	{"table.clear", "local t = require('table.new')(3e6, 0) while true do require('table.clear')(t) end"},
	{"string.rep", "while true do ('x'):rep(1.2e7) end"},
	{"string.upper, reverse", "local s = ('x'):rep(1.2e7) while true do s:upper() s:reverse() end"},
	{"s .. s", "local s = ('x'):rep(1e7) while true do local t = s .. 'y' end"},
	{"s < s", "local s = ('x'):rep(7e6) local a, b = s .. 'a', s .. 'b' while true do local t = a < b end"},
	{"string.format", "local s = ('x'):rep(5e6) while true do ('%s%s'):format(s, s) end"},
	{"string.format('%q')", "local s = ('\\n'):rep(5e6) while true do ('%q'):format(s) end"},
	{"string.buffer", "local b, s = require('string.buffer').new(), ('x'):rep(5e6) while true do b:set(s) b:put('x') b:get() end"},
	{"collectgarbage", "local t = {} for i = 1, 2e5 do t[i] = {} end while true do collectgarbage() end"},
	{"select, unpack", "local t = {} for i = 1, 7900 do t[i] = i end while true do select(1, unpack(t)) end"},
	{"print", "local t = {} for i = 1, 90 do t[i] = ('x'):rep(40) end while true do print(t) end"},
	{"gsub in gsub", "local function f(s) return (s:gsub('x', f)) end f('x')"},
	{"resume in resume", "local function f() coroutine.wrap(f)() end f()"},
	{"sort in sort", "local function f() table.sort({3, 2, 1}, f) end f()"},
	{"format in format", "local t = setmetatable({}, {__tostring = function(t) return ('%s'):format(t) end}) tostring(t)"},
	{"gsub by __index", "local t t = setmetatable({}, {__index = function(_, k) return (k:gsub('x', t)) end}) ('x'):gsub('x', t)"},
	{"string.format of numbers", "local function g(n, ...) if n == 0 then return (('%.99f'):rep(select('#', ...))):format(...) end return g(n - 1, 1e308, ...) end while true do g(8000) end"},
	{"keys of one hash", "local t, k = {}, {} for i = 1, 2e5 do t[i * 2^32] = i end while true do local x = t[2^52] end"},
	{"many short names dropped", "for i = 1, 4e5 do local s = 'n' .. i end local t = {} while true do t[#t + 1] = {} end"},
};

static void fill(void *context, void *out, size_t size)
{
	memset(out, 7, size);
}

static uint64_t cpu_ns(void *context)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void on_log(void *context, struct session *session, enum script_level level, const char *text, size_t size)
{
	*(bool *)context |= level >= SCRIPT_FATAL;
}

static void on_count(void *context, enum script_count what) {}
static void on_deliver(void *context, const struct fanout *fanout) {}
static void on_disconnect(void *context, struct player *player, enum close_reason reason, const char *text) {}
static void on_drop(void *context, enum drop_reason reason, uint64_t count) {}
static void on_admitted(void *context, struct player *player, enum drop_reason reason) {}

static void die(const char *what)
{
	fprintf(stderr, "micro-lua-hold: %s\n", what);
	exit(1);
}

static struct script *script_of(const char *source)
{
	char path[] = "/tmp/ringcast-micro-XXXXXX.lua", error[SCRIPT_ERROR_BYTES];
	int fd = mkstemps(path, 4);
	if (fd < 0 || write(fd, source, strlen(source)) != (ssize_t)strlen(source) || close(fd) != 0)
		die("cannot write the script");
	struct script *script = ringcast_script_read(&(struct script_source){.name = "micro", .path = path}, error, sizeof(error));
	unlink(path);
	if (script == NULL)
		die(error);
	return script;
}

static struct session *open_session(struct store *store, const struct script_program *program, struct player **ret_player)
{
	struct session_options options = {.hooks = &program->hooks, .hooks_context = program->hooks_context};
	struct session *session;
	char token[PLAYER_TOKEN_BYTES];
	if (ringcast_session_open(store, &options, NS_PER_S, &session) != DROP_NONE ||
	    ringcast_admission_reserve(session, NULL, NULL, NS_PER_S, ret_player, token) != DROP_NONE ||
	    ringcast_admission_admit(store, ringcast_view_of(token, strlen(token)), ringcast_view_of(NULL, 0), store, NS_PER_S, ret_player) != DROP_NONE)
		die("cannot set up a session");
	ringcast_admission_accept(*ret_player, NS_PER_S);
	return session;
}

static void play(const char *lua, uint32_t budget_us)
{
	static struct session_limits session_limits = {.players_per_session_max = 8, .groups_per_session_max = 8, .groups_per_player_max = 8,
						       .reservation_timeout_ms = 60000, .commands_per_hook_max = 4096, .timers_per_session_max = 8};
	struct script_limits limits = {.memory_bytes = 32 << 20, .budget_us = budget_us, .is_jit_off = true, .log_lines_per_second = 100};
	bool is_killed = false;
	struct script_environment environment = {.context = &is_killed, .limits = &limits, .cpu_ns = cpu_ns, .random = fill, .log = on_log, .count = on_count};
	struct lua_host *host = ringcast_lua_create(&environment, &(struct lua_options){.has_backstop = true});
	struct script *script = script_of(runner);
	char error[SCRIPT_ERROR_BYTES];
	struct timer_wheel wheel;
	struct store store;
	struct player *player;
	struct store_options options = {.sessions_max = 4, .players_max = 8, .groups_max = 8, .memberships_max = 64, .limits = &session_limits,
					.pool = ringcast_buf_pool_create(&(struct buf_pool_options){.class_counts = {64, 64, 64}}), .wheel = &wheel, .random = fill,
					.outbox = {.deliver = on_deliver, .disconnect = on_disconnect, .drop = on_drop, .admitted = on_admitted}};
	ringcast_timer_wheel_init(&wheel, NS_PER_S);
	if (host == NULL || !ringcast_lua_check(script, &limits, error, sizeof(error)) || !ringcast_store_init(&store, &options))
		die("cannot begin");
	open_session(&store, ringcast_lua_ops.load(host, script, error, sizeof(error)), &player);
	struct packet packet = {.opcode = 10, .target_player = PROTO_PEER_SERVER, .payload = ringcast_view_of(lua, strlen(lua))};
	uint64_t start_ns = cpu_ns(NULL);
	ringcast_router_route(player, &packet, INTENT_RELIABLE, NS_PER_S);
	printf("%9.1f ms%s\n", (double)(cpu_ns(NULL) - start_ns) / 1e6, is_killed ? "   the session ends" : "");
	fflush(stdout);
	_exit(0);
}

int main(int argument_count, char **arguments)
{
	uint32_t budget_us = argument_count > 1 ? (uint32_t)strtoul(arguments[1], NULL, 10) : 20000;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < ARRAY_COUNT(attacks); i++) {
		int status;
		printf("%-28s", attacks[i].name);
		fflush(stdout);
		pid_t pid = fork();
		if (pid == 0) {
			setrlimit(RLIMIT_CPU, &(struct rlimit){KILLED_AFTER_S, KILLED_AFTER_S});
			play(attacks[i].lua, budget_us);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			die("cannot fork");
		if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGXCPU))
			printf("  over %d s\n", KILLED_AFTER_S);
		else if (status != 0)
			printf("  the process is gone (%s %d)\n", WIFSIGNALED(status) ? "signal" : "exit code", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	}
	return 0;
}
