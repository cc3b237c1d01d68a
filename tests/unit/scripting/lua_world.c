#include "lua_world.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"
#include "files.h"

enum { LOG_BYTES = 1 << 20 };

PRINTF_LIKE(2, 3) static void note(struct lua_world *world, const char *format, ...)
{
	va_list arguments;
	if (world->is_quiet)
		return;
	va_start(arguments, format);
	int size = vsnprintf(world->log + world->log_size, LOG_BYTES - world->log_size, format, arguments);
	va_end(arguments);
	cr_assert(size >= 0 && (size_t)size < LOG_BYTES - world->log_size, "the log is full");
	world->log_size += (size_t)size;
}

/* What the store tells */

static int compare_ids(const void *a, const void *b)
{
	int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;
	return (left > right) - (left < right);
}

static void note_ids(struct lua_world *world, const char *word, int32_t *ids, size_t count)
{
	qsort(ids, count, sizeof(*ids), compare_ids);
	note(world, " %s ", word);
	for (size_t i = 0; i < count; i++)
		note(world, i == 0 ? "%d" : ",%d", ids[i]);
}

static void on_deliver(void *context, const struct fanout *fanout)
{
	const struct packet *packet = fanout->packet;
	struct lua_world *world = context;
	bool is_update = packet->command == PACKET_COMMAND_GROUP_MEMBERSHIP_UPDATE;
	int32_t ids[64];
	if (world->is_quiet)
		return;
	cr_assert(fanout->recipient_count <= ARRAY_COUNT(ids));
	for (size_t i = 0; i < fanout->recipient_count; i++)
		ids[i] = fanout->recipients[i]->peer_id;
	if (is_update)
		note(world, "update %d", packet->membership.group);
	else
		note(world, "send %d from %d %s", packet->opcode, packet->sender, fanout->intent == INTENT_RELIABLE ? "reliable" : "fast");
	note_ids(world, "to", ids, fanout->recipient_count);
	if (is_update) {
		memcpy(ids, packet->membership.players, packet->membership.player_count * sizeof(*ids));
		note_ids(world, "list", ids, packet->membership.player_count);
	} else {
		note(world, " '%.*s'", (int)packet->payload.size, packet->payload.size > 0 ? (const char *)packet->payload.data : "");
	}
	note(world, "\n");
}

static void on_disconnect(void *context, struct player *player, enum close_reason reason, const char *text)
{
	note(context, "close %d %s '%s'\n", player->peer_id, ringcast_close_label(reason), text);
}

static void on_drop(void *context, enum drop_reason reason, uint64_t count)
{
	note(context, "drop %s %llu\n", ringcast_drop_label(reason), (unsigned long long)count);
}

/* Lua answers at once. */
static void on_admitted(void *context, struct player *player, enum drop_reason reason)
{
	cr_assert_fail("nobody waits");
}

/* What the host is given */

static uint64_t clock_now(void *context)
{
	struct lua_world *world = context;
	world->clock_ns += world->clock_step_ns;
	return world->clock_ns;
}

static void fill_random(void *context, void *out, size_t size)
{
	struct lua_world *world = context;
	for (size_t i = 0; i < size; i++) {
		world->random_state = world->random_state * 6364136223846793005u + 1442695040888963407u;
		((uint8_t *)out)[i] = (uint8_t)(world->random_state >> 56);
	}
}

static void on_log(void *context, struct session *session, enum script_level level, const char *text, size_t size)
{
	static const char *const levels[] = {"debug", "info", "warn", "error", "fatal", "cxfatal"};
	note(context, "%s: %.*s\n", levels[level], (int)size, text);
}

static void on_count(void *context, enum script_count what)
{
	((struct lua_world *)context)->counts[what]++;
}

/* Beginning and end */

static void store_start(struct lua_world *world)
{
	struct buf_pool_options pool = {0};
	for (int i = 0; i < BUF_CLASS_COUNT; i++)
		pool.class_counts[i] = i < 6 ? 8192 : 16;
	world->pool = ringcast_buf_pool_create(&pool);
	cr_assert_not_null(world->pool);
	ringcast_timer_wheel_init(&world->wheel, world->now_ns);
	struct store_options options = {
		.sessions_max = 1024,
		.players_max = 1024,
		.groups_max = 256,
		.memberships_max = 1024,
		.limits = &world->limits,
		.pool = world->pool,
		.wheel = &world->wheel,
		.outbox = {.context = world, .deliver = on_deliver, .disconnect = on_disconnect, .drop = on_drop, .admitted = on_admitted},
		.random = fill_random,
		.random_context = world,
	};
	cr_assert(ringcast_store_init(&world->store, &options));
}

void lua_world_start(struct lua_world *world)
{
	*world = (struct lua_world){.now_ns = NS_PER_S, .clock_ns = NS_PER_S, .random_state = 1};
	world->log = calloc(1, LOG_BYTES);
	cr_assert_not_null(world->log);
	world->limits = (struct session_limits){
		.players_per_session_max = 256,
		.groups_per_session_max = 64,
		.groups_per_player_max = 16,
		.reservation_timeout_ms = 60000,
		.empty_session_timeout_ms = 300000,
		.ping_interval_ms = 3000,
		.membership_push_max = 0,
		.commands_per_hook_max = 4096,
		.timers_per_session_max = 32,
		.health_interval_ms = 60000,
		.health_failures_max = 3,
		.session_data_bytes = 1 << 20,
		.parked_session_max = 16,
		.retained_per_group_max = 16,
		.retained_bytes = 16384,
		.snapshot_bytes = 16384,
	};
	world->script_limits = (struct script_limits){
		.memory_bytes = 4 << 20,
		.budget_us = 10000,
		.is_jit_off = true,
		.on_error = SCRIPT_FAILURE_DENY,
		.log_lines_per_second = 100,
	};
	world->environment = (struct script_environment){
		.context = world,
		.limits = &world->script_limits,
		.now_ns = clock_now,
		.cpu_ns = clock_now,
		.random = fill_random,
		.log = on_log,
		.count = on_count,
	};
	store_start(world);
	world->host = ringcast_lua_create(&world->environment, &(struct lua_options){.arguments = " one  loggingLevel:DEBUG two "});
	cr_assert_not_null(world->host);
}

void lua_world_load(struct lua_world *world, const char *const *files)
{
	char error[SCRIPT_ERROR_BYTES] = "";
	world->script = files_script(files);
	cr_assert(ringcast_lua_check(world->script, &world->script_limits, error, sizeof(error)), "%s", error);
	world->program = ringcast_lua_ops.load(world->host, world->script, error, sizeof(error));
	cr_assert_not_null(world->program, "%s", error);
}

void lua_world_load_main(struct lua_world *world, const char *source)
{
	lua_world_load(world, (const char *const[]){"main.lua", source, NULL});
}

struct session *lua_world_open(struct lua_world *world)
{
	struct session *session;
	const struct script_facts *facts = &world->script->facts;
	struct session_options options = {
		.name = "arena",
		.properties = world->properties != NULL ? world->properties : "{\"map\":\"moon\"}",
		.matchmaker_data = world->matchmaker_data != NULL ? world->matchmaker_data : "two teams",
		.players_max = facts->players_max,
		.ping_interval_ms = facts->ping_interval_ms,
		.tick_interval_ms = facts->tick_interval_ms,
		.hooks = &world->program->hooks,
		.hooks_context = world->program->hooks_context,
	};
	cr_assert_eq(ringcast_session_open(&world->store, &options, world->now_ns, &session), DROP_NONE);
	return session;
}

struct session *lua_world_run(struct lua_world *world, const char *source)
{
	lua_world_start(world);
	lua_world_load_main(world, source);
	return lua_world_open(world);
}

static void end_all(struct lua_world *world)
{
	for (uint32_t i = 0; i < world->store.sessions.high_water; i++) {
		handle self;
		struct session *session = ringcast_slab_at(&world->store.sessions, i, &self);
		if (session != NULL)
			ringcast_session_end_now(session, CLOSE_SHUTDOWN, world->now_ns);
	}
	ringcast_store_collect(&world->store);
}

void lua_world_stop(struct lua_world *world)
{
	end_all(world);
	if (world->program != NULL)
		ringcast_lua_ops.unload(world->host, world->program);
	ringcast_lua_destroy(&world->host);
	ringcast_script_unref(&world->script);
	ringcast_store_fini(&world->store);
	cr_assert_eq(ringcast_buf_pool_in_use(world->pool), 0);
	ringcast_buf_pool_destroy(&world->pool);
	free(world->log);
}

/* Events */

struct player *lua_world_join(struct lua_world *world, struct session *session, const char *payload)
{
	struct player *player;
	char token[PLAYER_TOKEN_BYTES], id[32];
	snprintf(id, sizeof(id), "user-%d", session->peer_id_next);
	enum drop_reason reason = ringcast_admission_reserve(session, id, "level=7", world->now_ns, &player, token);
	cr_assert_eq(reason, DROP_NONE, "%s", ringcast_drop_label(reason));
	struct view login = ringcast_view_of(token, strlen(token)), view = ringcast_view_of(payload, strlen(payload));
	if (ringcast_admission_admit(&world->store, login, view, world, world->now_ns, &player) != DROP_NONE)
		return NULL;
	ringcast_admission_accept(player, world->now_ns);
	return player;
}

enum drop_reason lua_world_send(struct lua_world *world, struct player *player, int32_t opcode, int32_t target_player, int32_t target_group,
				const char *payload)
{
	struct packet packet = {
		.opcode = opcode,
		.target_player = target_player,
		.target_group = target_group,
		.payload = ringcast_view_of(payload, strlen(payload)),
	};
	return ringcast_router_route(player, &packet, INTENT_RELIABLE, world->now_ns);
}

enum drop_reason lua_world_group(struct lua_world *world, struct player *player, int32_t opcode, int32_t group)
{
	struct packet packet = {.opcode = opcode, .target_player = PROTO_PEER_SERVER, .group = group};
	packet.command = opcode == OPCODE_JOIN_GROUP ? PACKET_COMMAND_JOIN_GROUP : PACKET_COMMAND_LEAVE_GROUP;
	return ringcast_router_route(player, &packet, INTENT_FAST, world->now_ns);
}

static void on_expired(void *context, struct timer *timer)
{
	struct lua_world *world = context;
	ringcast_session_expire(&world->store, timer, world->now_ns);
}

void lua_world_advance_ms(struct lua_world *world, uint64_t ms)
{
	for (uint64_t i = 0; i < ms; i++) {
		world->now_ns += NS_PER_MS;
		world->clock_ns += NS_PER_MS;
		ringcast_timer_wheel_advance(&world->wheel, world->now_ns, UINT32_MAX, on_expired, world);
	}
}

/* Comparing */

void lua_world_forget(struct lua_world *world)
{
	world->log_size = 0;
	world->log[0] = '\0';
}

void lua_world_expect(struct lua_world *world, const char *expected, const char *file, int line)
{
	cr_assert_str_eq(world->log, expected, "%s:%d: the log is\n%s--- but should be\n%s---", file, line, world->log, expected);
	lua_world_forget(world);
}

void lua_world_expect_part(struct lua_world *world, const char *part, const char *file, int line)
{
	cr_assert_not_null(strstr(world->log, part), "%s:%d: the log is\n%s--- but should hold\n%s\n---", file, line, world->log, part);
	lua_world_forget(world);
}
