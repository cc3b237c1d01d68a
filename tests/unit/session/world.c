#include "world.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "faults.h"

static void log_reserve(struct world *world, size_t bytes)
{
	if (world->log_capacity - world->log_size > bytes)
		return;
	world->log_capacity = 2 * world->log_capacity + bytes + 4096;
	char *longer = malloc(world->log_capacity); /* not realloc: that one fails on purpose, see faults.h */
	cr_assert_not_null(longer);
	if (world->log_size > 0)
		memcpy(longer, world->log, world->log_size);
	free(world->log);
	world->log = longer;
}

static void log_add(struct world *world, const char *format, ...)
{
	va_list arguments;
	log_reserve(world, 512);
	va_start(arguments, format);
	int size = vsnprintf(world->log + world->log_size, 512, format, arguments);
	va_end(arguments);
	cr_assert(size >= 0 && size < 512);
	world->log_size += (size_t)size;
}

static void log_payload(struct world *world, struct view payload)
{
	if (payload.size > 0 && payload.size < 256)
		log_add(world, " '%.*s'", (int)payload.size, (const char *)payload.data);
	else if (payload.size > 0)
		log_add(world, " %zu bytes", payload.size);
}

static int compare_ids(const void *a, const void *b)
{
	int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;
	return (left > right) - (left < right);
}

/* Sorted: the order of members is nobody's business. */
static void log_ids(struct world *world, const char *word, int32_t *ids, size_t count)
{
	qsort(ids, count, sizeof(*ids), compare_ids);
	log_add(world, " %s ", word);
	if (count > 40) {
		log_add(world, "%zu players", count);
		return;
	}
	for (size_t i = 0; i < count; i++)
		log_add(world, i == 0 ? "%d" : ",%d", ids[i]);
}

static void log_delivery(void *context, const struct fanout *fanout)
{
	const struct packet *packet = fanout->packet;
	struct world *world = context;
	bool is_update = packet->command == PACKET_COMMAND_GROUP_MEMBERSHIP_UPDATE;
	cr_assert(fanout->recipient_count > 0);
	cr_assert_eq(packet->sequence, 0);
	cr_assert(is_update ? packet->opcode == OPCODE_GROUP_MEMBERSHIP_UPDATE : packet->command == PACKET_COMMAND_NONE);
	log_add(world, is_update ? "update %d" : "send %d", is_update ? packet->membership.group : packet->opcode);
	log_add(world, " from %d player %d group %d %s", packet->sender, fanout->target_player, fanout->target_group,
		fanout->intent == INTENT_RELIABLE ? "reliable" : "fast");
	int32_t *ids = malloc((fanout->recipient_count + packet->membership.player_count + 1) * sizeof(*ids));
	for (size_t i = 0; i < fanout->recipient_count; i++) {
		cr_assert_eq(fanout->recipients[i]->state, PLAYER_ACTIVE, "only players that are there receive");
		cr_assert_not_null(fanout->recipients[i]->transport);
		ids[i] = fanout->recipients[i]->peer_id;
	}
	log_ids(world, "to", ids, fanout->recipient_count);
	if (is_update) {
		memcpy(ids, packet->membership.players, packet->membership.player_count * sizeof(*ids));
		log_ids(world, "list", ids, packet->membership.player_count);
	}
	free(ids);
	log_payload(world, packet->payload);
	log_add(world, "\n");
}

static void log_disconnect(void *context, struct player *player, enum close_reason reason, const char *text)
{
	cr_assert(player->state == PLAYER_COMPLETED, "told to leave after it has left the session");
	cr_assert_null(ringcast_session_find_player(player->session, player->peer_id));
	log_add(context, "close %d %s '%s'\n", player->peer_id, ringcast_close_label(reason), text);
}

static void log_drop(void *context, enum drop_reason reason, uint64_t count)
{
	log_add(context, "drop %s %llu\n", ringcast_drop_label(reason), (unsigned long long)count);
}

static void log_admitted(void *context, struct player *player, enum drop_reason reason)
{
	if (reason == DROP_NONE) {
		cr_assert_eq(player->state, PLAYER_CONNECTING, "the result goes out before it is in");
		log_add(context, "admitted %d\n", player->peer_id);
	} else {
		cr_assert_eq(player->state, PLAYER_COMPLETED, "refused after it has left the session");
		log_add(context, "refused %d %s\n", player->peer_id, ringcast_drop_label(reason));
	}
}

static enum verdict ask(struct world *world, struct hook_call call)
{
	cr_assert(call.session->is_in_hook);
	return world->script == NULL ? VERDICT_ALLOW : world->script(world, &call);
}

static void on_started(void *context, struct session *session)
{
	log_add(context, "hook started\n");
	ask(context, (struct hook_call){.hook = HOOK_STARTED, .session = session});
}

static void on_ended(void *context, struct session *session, enum close_reason reason)
{
	log_add(context, "hook ended %s\n", ringcast_close_label(reason));
	cr_assert_eq(session->player_count + session->reserved_count, 0);
	ask(context, (struct hook_call){.hook = HOOK_ENDED, .session = session});
}

static enum verdict on_connect(void *context, struct session *session, struct player *player, struct view payload)
{
	log_add(context, "hook connect %d", player->peer_id);
	log_payload(context, payload);
	log_add(context, "\n");
	cr_assert_eq(session->players[player->session_index], player, "in the list, so that a script can send to it");
	return ask(context, (struct hook_call){.hook = HOOK_CONNECT, .session = session, .player = player, .payload = payload});
}

static void on_accepted(void *context, struct session *session, struct player *player)
{
	log_add(context, "hook accepted %d\n", player->peer_id);
	cr_assert_eq(ringcast_session_find_player(session, player->peer_id), player);
	ask(context, (struct hook_call){.hook = HOOK_ACCEPTED, .session = session, .player = player});
}

static void on_disconnected(void *context, struct session *session, struct player *player, enum close_reason reason)
{
	log_add(context, "hook disconnected %d %s\n", player->peer_id, ringcast_close_label(reason));
	cr_assert_eq(ringcast_session_find_player(session, player->peer_id), player, "before it leaves the list");
	ask(context, (struct hook_call){.hook = HOOK_DISCONNECTED, .session = session, .player = player});
}

static enum verdict on_packet(struct world *world, struct session *session, const struct packet *packet, enum hook hook, const char *word)
{
	log_add(world, "hook %s %d from %d player %d group %d", word, packet->opcode, packet->sender, packet->target_player,
		packet->target_group);
	log_payload(world, packet->payload);
	log_add(world, "\n");
	cr_assert_eq(packet->command, PACKET_COMMAND_NONE);
	return ask(world, (struct hook_call){.hook = hook, .session = session, .packet = packet});
}

static void on_message(void *context, struct session *session, const struct packet *packet)
{
	on_packet(context, session, packet, HOOK_MESSAGE, "message");
}

static enum verdict on_send_to_player(void *context, struct session *session, const struct packet *packet)
{
	return on_packet(context, session, packet, HOOK_SEND_PLAYER, "send_to_player");
}

static enum verdict on_send_to_group(void *context, struct session *session, const struct packet *packet)
{
	return on_packet(context, session, packet, HOOK_SEND_GROUP, "send_to_group");
}

static enum verdict on_join(void *context, struct session *session, struct player *player, int32_t group)
{
	log_add(context, "hook join %d peer %d\n", group, player->peer_id);
	return ask(context, (struct hook_call){.hook = HOOK_JOIN, .session = session, .player = player, .group = group});
}

static enum verdict on_leave(void *context, struct session *session, struct player *player, int32_t group)
{
	log_add(context, "hook leave %d peer %d\n", group, player->peer_id);
	return ask(context, (struct hook_call){.hook = HOOK_LEAVE, .session = session, .player = player, .group = group});
}

static enum verdict on_snapshot(void *context, struct session *session, struct player *player, int32_t group)
{
	log_add(context, "hook snapshot %d peer %d\n", group, player->peer_id);
	return ask(context, (struct hook_call){.hook = HOOK_SNAPSHOT, .session = session, .player = player, .group = group});
}

static void on_tick(void *context, struct session *session, uint64_t now_ns)
{
	log_add(context, "hook tick %llu\n", (unsigned long long)(now_ns / NS_PER_MS));
	ask(context, (struct hook_call){.hook = HOOK_TICK, .session = session});
}

static enum verdict on_health(void *context, struct session *session)
{
	log_add(context, "hook health\n");
	return ask(context, (struct hook_call){.hook = HOOK_HEALTH, .session = session});
}

static void on_terminate(void *context, struct session *session, uint64_t deadline_ns)
{
	log_add(context, "hook terminate %llu\n", (unsigned long long)(deadline_ns / NS_PER_MS));
	ask(context, (struct hook_call){.hook = HOOK_TERMINATE, .session = session, .number = deadline_ns / NS_PER_MS});
}

static void on_timer(void *context, struct session *session, uint32_t timer, uint64_t now_ns)
{
	log_add(context, "hook timer %u at %llu\n", timer, (unsigned long long)(now_ns / NS_PER_MS));
	ask(context, (struct hook_call){.hook = HOOK_TIMER, .session = session, .number = timer});
}

static void fill_random(void *context, void *out, size_t size)
{
	ringcast_prng_fill(context, out, size);
}

static struct hooks hooks_of(unsigned bits)
{
	struct hooks hooks = {0};
#define SET(bit, member, function) if (bits & (1u << (bit))) hooks.member = function
	SET(HOOK_STARTED, session_started, on_started);
	SET(HOOK_ENDED, session_ended, on_ended);
	SET(HOOK_CONNECT, player_connect, on_connect);
	SET(HOOK_ACCEPTED, player_accepted, on_accepted);
	SET(HOOK_DISCONNECTED, player_disconnected, on_disconnected);
	SET(HOOK_MESSAGE, message, on_message);
	SET(HOOK_SEND_PLAYER, send_to_player, on_send_to_player);
	SET(HOOK_SEND_GROUP, send_to_group, on_send_to_group);
	SET(HOOK_JOIN, join_group, on_join);
	SET(HOOK_LEAVE, leave_group, on_leave);
	SET(HOOK_TICK, tick, on_tick);
	SET(HOOK_HEALTH, health_check, on_health);
	SET(HOOK_TERMINATE, terminate, on_terminate);
	SET(HOOK_TIMER, timer, on_timer);
	SET(HOOK_SNAPSHOT, snapshot, on_snapshot);
#undef SET
	return hooks;
}

static struct buf_pool *pool_of(const struct world_options *options)
{
	struct buf_pool_options pool = {.class_counts = {options->bufs_max}};
	if (options->bufs_max == 0)
		for (int i = 0; i < BUF_CLASS_COUNT; i++)
			pool.class_counts[i] = i < 6 ? 8192 : 64;
	return ringcast_buf_pool_create(&pool);
}

static uint32_t or_plenty(uint32_t count)
{
	return count != 0 ? count : 8192;
}

void world_start(struct world *world, const struct world_options *options)
{
	*world = (struct world){.now_ns = NS_PER_S, .heap_count = faults_heap_count()};
	world->limits = (struct session_limits){
		.players_per_session_max = 8192,
		.groups_per_session_max = 1024,
		.groups_per_player_max = 64,
		.reservation_timeout_ms = 60000,
		.empty_session_timeout_ms = 300000,
		.ping_interval_ms = 3000,
		.membership_push_max = 256,
		.commands_per_hook_max = 4096,
		.timers_per_session_max = 256,
		.health_interval_ms = 0,
		.health_failures_max = 3,
		.parked_player_max = 64,
		.session_data_bytes = 8 << 20,
		.parked_session_max = 4096,
		.answer_timeout_ms = 5000,
		.retained_per_group_max = 64,
		.retained_bytes = 65536,
		.snapshot_bytes = 65536,
	};
	world->pool = pool_of(options);
	cr_assert_not_null(world->pool);
	ringcast_prng_init(&world->prng, 1);
	ringcast_timer_wheel_init(&world->wheel, world->now_ns);
	struct hooks hooks = hooks_of(options->hooks);
	struct store_options store = {
		.shard_index = 3,
		.sessions_max = or_plenty(options->sessions_max),
		.players_max = or_plenty(options->players_max),
		.groups_max = or_plenty(options->groups_max),
		.memberships_max = or_plenty(options->memberships_max),
		.limits = &world->limits,
		.pool = world->pool,
		.wheel = &world->wheel,
		.outbox = {.context = world, .deliver = log_delivery, .disconnect = log_disconnect, .drop = log_drop,
			   .admitted = log_admitted},
		.hooks = options->hooks != 0 ? &hooks : NULL,
		.hooks_context = world,
		.random = fill_random,
		.random_context = &world->prng,
	};
	if (options->outbox != NULL)
		store.outbox = *options->outbox;
	cr_assert(ringcast_store_init(&world->store, &store));
	log_reserve(world, 1);
	world_forget(world);
}

void world_stop(struct world *world)
{
	world->script = NULL;
	for (uint32_t i = 0; i < world->store.sessions.high_water; i++) {
		handle self;
		struct session *session = ringcast_slab_at(&world->store.sessions, i, &self);
		if (session != NULL)
			ringcast_session_end_now(session, CLOSE_SHUTDOWN, world->now_ns);
	}
	ringcast_store_collect(&world->store);
	cr_assert_eq(world->store.sessions_created, world->store.sessions_ended);
	cr_assert_eq(world->store.players_admitted, world->store.players_disconnected);
	cr_assert_eq(world->wheel.armed_count, 0);
	ringcast_store_fini(&world->store); /* asserts that every slab and map is empty */
	cr_assert_eq(ringcast_buf_pool_in_use(world->pool), 0);
	ringcast_buf_pool_destroy(&world->pool);
	free(world->log);
	world->log = NULL;
	cr_assert_eq(faults_heap_count(), world->heap_count, "something was not freed");
}

static void on_expired(void *context, struct timer *timer)
{
	struct world *world = context;
	ringcast_session_expire(&world->store, timer, world->now_ns);
}

void world_advance_ms(struct world *world, uint64_t ms)
{
	world->now_ns += ms * NS_PER_MS;
	ringcast_timer_wheel_advance(&world->wheel, world->now_ns, UINT32_MAX, on_expired, world);
}

struct session *world_open_for(struct world *world, uint32_t players_max)
{
	struct session *session;
	struct session_options options = {.players_max = players_max};
	cr_assert_eq(ringcast_session_open(&world->store, &options, world->now_ns, &session), DROP_NONE);
	return session;
}

struct session *world_open(struct world *world)
{
	return world_open_for(world, 0);
}

struct player *world_reserve(struct world *world, struct session *session, char token[PLAYER_TOKEN_BYTES])
{
	struct player *player;
	cr_assert_eq(ringcast_admission_reserve(session, NULL, NULL, world->now_ns, &player, token), DROP_NONE);
	return player;
}

struct player *world_admit(struct world *world, const char *token)
{
	struct player *player;
	struct view view = ringcast_view_of(token, strlen(token));
	cr_assert_eq(ringcast_admission_admit(&world->store, view, ringcast_view_of(NULL, 0), world, world->now_ns, &player), DROP_NONE);
	ringcast_admission_accept(player, world->now_ns);
	return player;
}

struct player *world_join(struct world *world, struct session *session)
{
	char token[PLAYER_TOKEN_BYTES];
	world_reserve(world, session, token);
	return world_admit(world, token);
}

enum drop_reason world_group(struct world *world, struct player *player, int32_t opcode, int32_t group)
{
	struct packet packet = {.opcode = opcode, .target_player = PROTO_PEER_SERVER, .group = group};
	packet.command = opcode == OPCODE_JOIN_GROUP    ? PACKET_COMMAND_JOIN_GROUP
			 : opcode == OPCODE_LEAVE_GROUP ? PACKET_COMMAND_LEAVE_GROUP
							: PACKET_COMMAND_REQUEST_GROUP_MEMBERSHIP;
	return ringcast_router_route(player, &packet, INTENT_FAST, world->now_ns);
}

enum drop_reason world_send(struct world *world, struct player *player, int32_t opcode, int32_t target_player, int32_t target_group,
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

void world_forget(struct world *world)
{
	world->log_size = 0;
	world->log[0] = '\0';
}

void world_expect(struct world *world, const char *expected, const char *file, int line)
{
	cr_assert_str_eq(world->log, expected, "%s:%d: the log is\n%s--- but should be\n%s---", file, line, world->log, expected);
	world_forget(world);
}
