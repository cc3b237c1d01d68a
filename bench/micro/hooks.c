/*
 * What a script costs: CPU time per message through the router of a real session store, with nobody asked, with a hook in C, and with
 * LuaJIT. The sink counts and does nothing, so that the difference between two lines is the hook. Then memory of many sessions at once,
 * counted and as the kernel sees it. Run: micro-hooks [millions of messages per line, default 2]
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "scripting/lua/lua_host.h"
#include "session/session.h"

enum { ROUNDS = 5, BATCH = 1000, SESSIONS = 500, SESSION_MESSAGES = 200 };

static uint64_t delivery_count, question_count;

static void on_deliver(void *context, const struct fanout *fanout)
{
	delivery_count += fanout->recipient_count;
}

static void on_disconnect(void *context, struct player *player, enum close_reason reason, const char *text) {}
static void on_drop(void *context, enum drop_reason reason, uint64_t count) {}
static void on_admitted(void *context, struct player *player, enum drop_reason reason) {}

static void on_message(void *context, struct session *session, const struct packet *packet)
{
	question_count += packet->payload.size > 0;
}

static enum verdict on_send_to_group(void *context, struct session *session, const struct packet *packet)
{
	question_count++;
	return packet->payload.size > 0 && packet->payload.data[0] != 0 ? VERDICT_ALLOW : VERDICT_DENY;
}

static void fill(void *context, void *out, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((uint8_t *)out)[i] = (uint8_t)(i * 37 + 11);
}

static uint64_t thread_cpu_ns(void *context)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static double cpu_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void on_log(void *context, struct session *session, enum script_level level, const char *text, size_t size)
{
	fprintf(stderr, "script: %.*s\n", (int)size, text);
	exit(1);
}

static void on_count(void *context, enum script_count what) {}

struct bench {
	struct store store;
	struct session_limits limits;
	struct timer_wheel wheel;
	struct buf_pool *pool;
	struct session *session; /* the latest */
	struct player *player;
};

static void die(const char *what)
{
	fprintf(stderr, "micro-hooks: %s\n", what);
	exit(1);
}

static void session_add(struct bench *bench, const struct hooks *hooks, void *hooks_context)
{
	struct session_options session = {.hooks = hooks, .hooks_context = hooks_context};
	char token[PLAYER_TOKEN_BYTES];
	if (ringcast_session_open(&bench->store, &session, NS_PER_S, &bench->session) != DROP_NONE ||
	    ringcast_admission_reserve(bench->session, NULL, NULL, NS_PER_S, &bench->player, token) != DROP_NONE ||
	    ringcast_admission_admit(&bench->store, ringcast_view_of(token, strlen(token)), ringcast_view_of(NULL, 0), bench, NS_PER_S, &bench->player) !=
		    DROP_NONE)
		die("cannot set up a session");
	ringcast_admission_accept(bench->player, NS_PER_S);
}

static void bench_start(struct bench *bench)
{
	struct buf_pool_options pool = {.class_counts = {8192, 1024, 64}};
	*bench = (struct bench){.limits = {.players_per_session_max = 64, .groups_per_session_max = 8, .groups_per_player_max = 8, .reservation_timeout_ms = 60000,
					   .commands_per_hook_max = 4096, .timers_per_session_max = 8, .ping_interval_ms = 3000}};
	bench->pool = ringcast_buf_pool_create(&pool);
	ringcast_timer_wheel_init(&bench->wheel, NS_PER_S);
	struct store_options options = {
		.sessions_max = SESSIONS, .players_max = SESSIONS, .groups_max = 8, .memberships_max = 64, .limits = &bench->limits, .pool = bench->pool,
		.wheel = &bench->wheel, .random = fill,
		.outbox = {.deliver = on_deliver, .disconnect = on_disconnect, .drop = on_drop, .admitted = on_admitted}};
	if (bench->pool == NULL || !ringcast_store_init(&bench->store, &options))
		die("no memory for the store");
}

static void bench_stop(struct bench *bench)
{
	for (uint32_t i = 0; i < bench->store.sessions.high_water; i++) {
		handle self;
		struct session *session = ringcast_slab_at(&bench->store.sessions, i, &self);
		if (session != NULL)
			ringcast_session_end_now(session, CLOSE_SHUTDOWN, NS_PER_S);
	}
	ringcast_store_collect(&bench->store);
	ringcast_store_fini(&bench->store);
	ringcast_buf_pool_destroy(&bench->pool);
}

static void send_batch(struct bench *bench, bool is_to_group, int count)
{
	static const uint8_t payload[64] = {1, 2, 3, 4};
	for (int i = 0; i < count; i++) {
		struct packet packet = {.opcode = 10, .payload = {payload, sizeof(payload)}};
		if (is_to_group)
			packet.target_group = PROTO_GROUP_ALL;
		else
			packet.target_player = PROTO_PEER_SERVER;
		ringcast_router_route(bench->player, &packet, INTENT_FAST, NS_PER_S);
	}
}

/* The best of some rounds: what else runs on the machine only ever adds. */
static double measure(const struct hooks *hooks, void *hooks_context, bool is_to_group, size_t message_count)
{
	struct bench bench;
	double best = 1e18;
	bench_start(&bench);
	session_add(&bench, hooks, hooks_context);
	for (int round = 0; round < ROUNDS; round++) {
		double start = cpu_ns();
		for (size_t i = 0; i < message_count / BATCH / ROUNDS; i++)
			send_batch(&bench, is_to_group, BATCH);
		double each = (cpu_ns() - start) / (double)(message_count / BATCH / ROUNDS * BATCH);
		if (each < best)
			best = each;
	}
	bench_stop(&bench);
	return best;
}

/* Lua */

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

struct lua {
	struct script_limits limits;
	struct script_environment environment;
	struct lua_host *host;
	struct script *script;
	struct script_program *program;
};

static void lua_start(struct lua *lua, const char *source, bool is_jit_off)
{
	char error[SCRIPT_ERROR_BYTES] = "no memory";
	*lua = (struct lua){.limits = {.memory_bytes = 16 << 20, .budget_us = 10000, .is_jit_off = is_jit_off, .log_lines_per_second = 100}};
	lua->environment = (struct script_environment){.limits = &lua->limits, .cpu_ns = thread_cpu_ns, .random = fill, .log = on_log, .count = on_count};
	lua->host = ringcast_lua_create(&lua->environment, &(struct lua_options){.watchdog_ms = 200, .has_backstop = true});
	lua->script = script_of(source);
	if (lua->host == NULL || !ringcast_lua_check(lua->script, &lua->limits, error, sizeof(error)))
		die(error);
	lua->program = ringcast_lua_ops.load(lua->host, lua->script, error, sizeof(error));
	if (lua->program == NULL)
		die(error);
}

static void lua_stop(struct lua *lua)
{
	ringcast_lua_ops.unload(lua->host, lua->program);
	ringcast_script_unref(&lua->script);
	ringcast_lua_destroy(&lua->host);
}

static double measure_lua(const char *source, bool is_jit_off, bool is_to_group, size_t message_count)
{
	struct lua lua;
	lua_start(&lua, source, is_jit_off);
	double each = measure(&lua.program->hooks, lua.program->hooks_context, is_to_group, message_count);
	lua_stop(&lua);
	return each;
}

static double resident_bytes(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	if (file == NULL || fscanf(file, "%*s %ld", &pages) != 1)
		die("no /proc/self/statm");
	fclose(file);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

/* Every session has had its messages, so that what is compiled is compiled. */
static void report_memory(const char *name, const char *source, bool is_jit_off)
{
	struct bench bench;
	struct lua lua;
	double counted = 0;
	lua_start(&lua, source, is_jit_off);
	bench_start(&bench);
	malloc_trim(0); /* what went before must not be counted as free room */
	double before = resident_bytes();
	for (int i = 0; i < SESSIONS; i++) {
		session_add(&bench, &lua.program->hooks, lua.program->hooks_context);
		send_batch(&bench, false, SESSION_MESSAGES);
		counted += (double)ringcast_lua_ops.session_bytes(lua.host, bench.session);
	}
	printf("%-44s %8.1f kB counted %8.1f kB resident\n", name, counted / SESSIONS / 1000, (resident_bytes() - before) / SESSIONS / 1000);
	bench_stop(&bench);
	lua_stop(&lua);
}

static const char lua_message[] =
	"local n = 0 return {onMessage = function(m) if m.opCode == 10 and m:u8(0) == 1 then n = n + 1 end end}";
static const char lua_group[] = "return {onSendToGroup = function(m) return m:u8(0) ~= 0 end}";
static const char lua_reply[] =
	"local s return {init = function(session) s = session end, onMessage = function(m) s:sendMessage(m, m.sender) end}";
static const char lua_other[] = "return {onTick = function() end}";

static void report(const char *name, double each, double base)
{
	printf("%-44s %8.0f ns", name, each);
	if (base > 0)
		printf("   hook %6.0f ns", each - base);
	printf("\n");
}

int main(int argument_count, char **arguments)
{
	size_t count = (argument_count > 1 ? (size_t)strtoul(arguments[1], NULL, 10) : 2) * 1000000;
	if (count == 0)
		die("usage: micro-hooks [millions of messages]");
	static const struct hooks none = {0}, in_c = {.message = on_message, .send_to_group = on_send_to_group};
	double server = measure(&none, NULL, false, count), group = measure(&none, NULL, true, count);
	printf("CPU per message of 64 bytes, one session, one player; best of %d rounds\n", ROUNDS);
	report("to the server, no hook", server, 0);
	report("to the server, Lua script without onMessage", measure_lua(lua_other, true, false, count), server);
	report("to the server, C message", measure(&in_c, NULL, false, count), server);
	report("to the server, Lua onMessage, compiled", measure_lua(lua_message, false, false, count), server);
	report("to the server, Lua onMessage, strict", measure_lua(lua_message, true, false, count), server);
	report("to the server, Lua echo, compiled", measure_lua(lua_reply, false, false, count), server);
	report("to the server, Lua echo, strict", measure_lua(lua_reply, true, false, count), server);
	report("to a group, no hook", group, 0);
	report("to a group, C verdict", measure(&in_c, NULL, true, count), group);
	report("to a group, Lua onSendToGroup, compiled", measure_lua(lua_group, false, true, count), group);
	report("to a group, Lua onSendToGroup, strict", measure_lua(lua_group, true, true, count), group);
	printf("memory of a session, %d at once after %d messages each\n", SESSIONS, SESSION_MESSAGES);
	report_memory("Lua onMessage, strict", lua_message, true);
	report_memory("Lua onMessage, compiled", lua_message, false);
	return delivery_count > 0 && question_count > 0 ? 0 : 1;
}
