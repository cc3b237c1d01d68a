#include "side_world.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"

PRINTF_LIKE(2, 3) static void note(struct side_world *world, const char *format, ...)
{
	va_list arguments;
	if (world->is_quiet)
		return;
	va_start(arguments, format);
	int size = vsnprintf(world->log + world->log_size, SIDE_LOG_BYTES - world->log_size, format, arguments);
	va_end(arguments);
	cr_assert(size >= 0 && (size_t)size < SIDE_LOG_BYTES - world->log_size, "the log is full");
	world->log_size += (size_t)size;
}

static void note_text(struct side_world *world, struct view text)
{
	if (text.size > 60)
		note(world, " %zu bytes", text.size);
	else
		note(world, " '%.*s'", (int)text.size, text.size > 0 ? (const char *)text.data : "");
}

/* What the store tells */

static int compare_ids(const void *a, const void *b)
{
	int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;
	return (left > right) - (left < right);
}

static void note_recipients(struct side_world *world, struct player *const *recipients, size_t count)
{
	int32_t ids[16];
	cr_assert(count <= ARRAY_COUNT(ids));
	for (size_t i = 0; i < count; i++)
		ids[i] = recipients[i]->peer_id;
	qsort(ids, count, sizeof(*ids), compare_ids);
	for (size_t i = 0; i < count; i++)
		note(world, i == 0 ? " to %d" : ",%d", ids[i]);
}

static void on_deliver(void *context, const struct fanout *fanout)
{
	const struct packet *packet = fanout->packet;
	struct side_world *world = context;
	world->delivered_count += fanout->recipient_count;
	if (world->is_quiet)
		return;
	if (packet->command == PACKET_COMMAND_GROUP_MEMBERSHIP_UPDATE)
		note(world, "update %d", packet->membership.group);
	else
		note(world, "send %d from %d %s", packet->opcode, packet->sender, fanout->intent == INTENT_RELIABLE ? "reliable" : "fast");
	note_recipients(world, fanout->recipients, fanout->recipient_count);
	if (packet->command != PACKET_COMMAND_GROUP_MEMBERSHIP_UPDATE)
		note_text(world, packet->payload);
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

static void on_admitted(void *context, struct player *player, enum drop_reason reason)
{
	if (reason == DROP_NONE)
		note(context, "admitted %d\n", player->peer_id);
	else
		note(context, "refused %d %s\n", player->peer_id, ringcast_drop_label(reason));
}

/* What the host is given */

static uint64_t clock_now(void *context)
{
	return ((struct side_world *)context)->now_ns;
}

static void fill_random(void *context, void *out, size_t size)
{
	struct side_world *world = context;
	for (size_t i = 0; i < size; i++) {
		world->random_state = world->random_state * 6364136223846793005u + 1442695040888963407u;
		((uint8_t *)out)[i] = (uint8_t)(world->random_state >> 56);
	}
}

static void on_log(void *context, struct session *session, enum script_level level, const char *text, size_t size)
{
	static const char *const levels[] = {"debug", "info", "warn", "error", "fatal", "cxfatal"};
	note(context, "log%s %s: %.*s\n", session == NULL ? " -" : "", levels[level], (int)size, text);
}

static void on_count(void *context, enum script_count what)
{
	((struct side_world *)context)->counts[what]++;
}

static struct side_world *current; /* hooks have one context, and it is the host's */

static void on_ended(void *context, struct session *session, enum close_reason reason)
{
	note(current, "ended %s\n", ringcast_close_label(reason));
	current->program->hooks.session_ended(context, session, reason);
}

/* Beginning and end */

static void store_start(struct side_world *world)
{
	struct buf_pool_options pool = {0};
	for (int i = 0; i < BUF_CLASS_COUNT; i++)
		pool.class_counts[i] = i < 6 ? 2048 : 16;
	world->pool = ringcast_buf_pool_create(&pool);
	cr_assert_not_null(world->pool);
	ringcast_timer_wheel_init(&world->wheel, world->now_ns);
	struct store_options options = {
		.sessions_max = 64,
		.players_max = 256,
		.groups_max = 64,
		.memberships_max = 256,
		.limits = &world->limits,
		.pool = world->pool,
		.wheel = &world->wheel,
		.outbox = {.context = world, .deliver = on_deliver, .disconnect = on_disconnect, .drop = on_drop, .admitted = on_admitted},
		.random = fill_random,
		.random_context = world,
	};
	cr_assert(ringcast_store_init(&world->store, &options));
}

static void limits_start(struct side_world *world)
{
	world->limits = (struct session_limits){
		.players_per_session_max = 16,
		.groups_per_session_max = 16,
		.groups_per_player_max = 16,
		.reservation_timeout_ms = 60000,
		.ping_interval_ms = 3000,
		.membership_push_max = 256,
		.commands_per_hook_max = 4096,
		.timers_per_session_max = 16,
		.parked_player_max = 64,
		.session_data_bytes = 8 << 20,
		.parked_session_max = 256,
		.answer_timeout_ms = 60000,
		.health_interval_ms = 0,
		.retained_per_group_max = 16,
		.retained_bytes = 16384,
		.snapshot_bytes = 16384,
	};
	world->script_limits = (struct script_limits){.outgoing_bytes_max = 1 << 20, .on_error = SCRIPT_FAILURE_DENY};
	world->environment = (struct script_environment){
		.context = world, .limits = &world->script_limits, .now_ns = clock_now, .random = fill_random, .log = on_log, .count = on_count};
}

static void host_start(struct side_world *world, uint32_t callbacks, uint32_t stall_timeout_ms, uint32_t window_bytes)
{
	char error[SCRIPT_ERROR_BYTES];
	struct sidecar_options options = {
		.environment = &world->environment,
		.channel_count = SIDE_CHANNEL_COUNT,
		.sessions_max = 64,
		.window_bytes = window_bytes,
		.stall_timeout_ms = stall_timeout_ms,
		.arguments = "one two",
	};
	world->host = ringcast_sidecar_create(&options);
	cr_assert_not_null(world->host);
	world->script = (struct script){
		.name = "game",
		.version = "v1",
		.language = SCRIPT_JS,
		.folder = "/scripts",
		.main = "index.js",
		.facts.callbacks = callbacks != 0 ? callbacks : ((1u << SCRIPT_CALLBACK_COUNT) - 1) & ~(1u << SCRIPT_CALLBACK_SNAPSHOT),
		.refs = 1,
	};
	world->program = ringcast_sidecar_ops.load(world->host, &world->script, error, sizeof(error));
	cr_assert_not_null(world->program);
	world->hooks = world->program->hooks;
	world->hooks.session_ended = on_ended;
}

void side_start_patient(struct side_world *world, uint32_t callbacks, uint32_t stall_timeout_ms, uint32_t window_bytes)
{
	*world = (struct side_world){.now_ns = NS_PER_S, .random_state = 1};
	current = world;
	world->log = calloc(1, SIDE_LOG_BYTES);
	cr_assert_not_null(world->log);
	limits_start(world);
	store_start(world);
	host_start(world, callbacks, stall_timeout_ms, window_bytes);
}

void side_start(struct side_world *world, uint32_t callbacks)
{
	side_start_patient(world, callbacks, 0, 4096);
}

static void end_all_sessions(struct side_world *world)
{
	for (uint32_t i = 0; i < world->store.sessions.high_water; i++) {
		handle self;
		struct session *session = ringcast_slab_at(&world->store.sessions, i, &self);
		if (session != NULL)
			ringcast_session_end_now(session, CLOSE_SHUTDOWN, world->now_ns);
	}
	ringcast_store_collect(&world->store);
}

void side_stop(struct side_world *world)
{
	end_all_sessions(world);
	cr_assert_eq(world->program->session_count, 0);
	ringcast_sidecar_ops.unload(world->host, world->program);
	cr_assert_eq(world->script.refs, 1);
	ringcast_sidecar_destroy(&world->host);
	cr_assert_null(world->host);
	ringcast_sidecar_destroy(&world->host); /* harmless */
	for (unsigned i = 0; i < SIDE_CHANNEL_COUNT; i++)
		ringcast_sidecar_inbox_clear(&world->inboxes[i]);
	ringcast_store_fini(&world->store);
	ringcast_buf_pool_destroy(&world->pool);
	free(world->log);
}

static void on_expired(void *context, struct timer *timer)
{
	struct side_world *world = context;
	ringcast_session_expire(&world->store, timer, world->now_ns);
}

void side_expire(struct side_world *world)
{
	ringcast_timer_wheel_advance(&world->wheel, world->now_ns, UINT32_MAX, on_expired, world);
	ringcast_sidecar_tick(world->host, world->now_ns);
	ringcast_store_collect(&world->store);
}

void side_advance_ms(struct side_world *world, uint64_t ms)
{
	uint64_t end_ns = world->now_ns + ms * NS_PER_MS;
	while (world->now_ns < end_ns) {
		world->now_ns += 100 * NS_PER_MS;
		side_expire(world);
	}
}

/* Players */

struct session *side_open(struct side_world *world)
{
	struct session *session;
	struct session_options options = {.name = "arena",
					  .properties = "{\"map\":\"sand\"}",
					  .matchmaker_data = "teams",
					  .players_max = 8,
					  .empty_timeout_ms = UINT32_MAX,
					  .tick_interval_ms = 100,
					  .hooks = &world->hooks,
					  .hooks_context = world->program->hooks_context};
	cr_assert_eq(ringcast_session_open(&world->store, &options, world->now_ns, &session), DROP_NONE);
	return session;
}

struct player *side_login(struct side_world *world, struct session *session, const char *player_id, const char *payload)
{
	char token[PLAYER_TOKEN_BYTES];
	struct player *player;
	cr_assert_eq(ringcast_admission_reserve(session, player_id, "gold", world->now_ns, &player, token), DROP_NONE);
	if (ringcast_admission_admit(&world->store, side_text(token), side_text(payload), world, world->now_ns, &player) != DROP_NONE)
		return NULL;
	if (!player->is_waiting)
		ringcast_admission_accept(player, world->now_ns);
	return player;
}

enum drop_reason side_send(struct side_world *world, struct player *player, int32_t opcode, int32_t target_player, int32_t target_group,
			   const char *payload)
{
	struct packet packet = {
		.opcode = opcode, .target_player = target_player, .target_group = target_group, .is_reliable = true, .payload = side_text(payload)};
	return ringcast_router_route(player, &packet, INTENT_RELIABLE, world->now_ns);
}

enum drop_reason side_group(struct side_world *world, struct player *player, int32_t opcode, int32_t group)
{
	struct packet packet = {.opcode = opcode, .target_player = PROTO_PEER_SERVER, .group = group};
	packet.command = opcode == OPCODE_JOIN_GROUP ? PACKET_COMMAND_JOIN_GROUP : PACKET_COMMAND_LEAVE_GROUP;
	return ringcast_router_route(player, &packet, INTENT_RELIABLE, world->now_ns);
}

/* The made-up process */

static bool greet_back(struct side_world *world, uint32_t channel)
{
	struct sidecar_frame frame = {.kind = SIDECAR_FRAME_WELCOME, .numbers = {SIDECAR_MAGIC, SIDECAR_VERSION_MAX, 0, 42}, .texts = {side_text("test")}};
	return side_say(world, channel, &frame);
}

void side_attach(struct side_world *world, uint32_t channel)
{
	ringcast_sidecar_attach(world->host, channel, world->now_ns);
	cr_assert(!ringcast_sidecar_is_ready(world->host, channel));
	cr_assert(greet_back(world, channel));
	cr_assert(ringcast_sidecar_is_ready(world->host, channel));
}

static bool is_question(uint8_t kind)
{
	return kind == SIDECAR_FRAME_CONNECT || kind == SIDECAR_FRAME_TO_PLAYER || kind == SIDECAR_FRAME_TO_GROUP || kind == SIDECAR_FRAME_JOIN ||
	       kind == SIDECAR_FRAME_LEAVE || kind == SIDECAR_FRAME_SNAPSHOT || kind == SIDECAR_FRAME_HEALTH;
}

static void name_ticket(struct side_world *world, struct sidecar_frame *frame)
{
	if (!is_question(frame->kind) || world->ticket_count == ARRAY_COUNT(world->tickets))
		return;
	world->tickets[world->ticket_count++] = frame->numbers[0];
	frame->numbers[0] = world->ticket_count;
}

static void note_frame(struct side_world *world, uint32_t channel, const struct sidecar_frame *frame)
{
	static const char *const layouts[SIDECAR_FRAME_KIND_COUNT] = {
#define FRAME(name, number, layout, fields) [number] = layout,
#include "scripting/sidecar/frame.def"
#undef FRAME
	};
	const uint64_t *number = frame->numbers;
	const struct view *text = frame->texts;
	cr_assert(!ringcast_sidecar_frame_is_to_engine(frame));
	note(world, "to %u: %s %u%s", channel, ringcast_sidecar_frame_name(frame->kind), frame->session, frame->flags ? " reliable" : "");
	for (const char *layout = layouts[frame->kind]; *layout != '\0'; layout++) {
		if (*layout == 'I')
			note(world, " %d", (int32_t)*number++);
		else if (*layout == 'Q')
			note(world, " %llu", (unsigned long long)*number++);
		else
			note_text(world, *text++);
	}
	note(world, "\n");
}

/* In pieces of 7 bytes, so that the made-up process sees every kind of cut. */
void side_hear(struct side_world *world, uint32_t channel)
{
	for (struct view pending; (pending = ringcast_sidecar_pending(world->host, channel)).size > 0;) {
		struct sidecar_frame frame;
		size_t size = pending.size < 7 ? pending.size : 7;
		struct view piece = ringcast_view_of(pending.data, size);
		while (ringcast_sidecar_inbox_next(&world->inboxes[channel], &piece, &frame) == SIDECAR_FRAME_OK) {
			name_ticket(world, &frame);
			note_frame(world, channel, &frame);
		}
		cr_assert_eq(piece.size, 0);
		ringcast_sidecar_sent(world->host, channel, size);
	}
}

bool side_say(struct side_world *world, uint32_t channel, const struct sidecar_frame *frame)
{
	size_t size = ringcast_sidecar_frame_bytes(frame);
	uint8_t *bytes = malloc(size); /* exactly, so that a sanitizer sees any step beyond */
	ringcast_sidecar_frame_write(frame, bytes);
	bool is_good = ringcast_sidecar_feed(world->host, channel, ringcast_view_of(bytes, size), world->now_ns);
	free(bytes);
	return is_good;
}

bool side_answer(struct side_world *world, uint32_t channel, uint32_t number, uint64_t ticket, enum sidecar_answer answer)
{
	bool is_known = ticket >= 1 && ticket <= world->ticket_count;
	struct sidecar_frame frame = {
		.kind = SIDECAR_FRAME_ANSWER, .session = number, .numbers = {is_known ? world->tickets[ticket - 1] : ticket, answer}};
	return side_say(world, channel, &frame);
}

bool side_say_log(struct side_world *world, uint32_t channel, uint32_t number, enum script_level level, bool is_error, const char *text)
{
	struct sidecar_frame frame = {
		.kind = SIDECAR_FRAME_LOG, .flags = is_error, .session = number, .numbers = {level}, .texts = {side_text(text)}};
	return side_say(world, channel, &frame);
}

bool side_say_end(struct side_world *world, uint32_t channel, uint32_t number, enum sidecar_end how, const char *text)
{
	struct sidecar_frame frame = {.kind = SIDECAR_FRAME_END, .session = number, .numbers = {how}, .texts = {side_text(text)}};
	return side_say(world, channel, &frame);
}

bool side_credit(struct side_world *world, uint32_t channel, uint32_t number, uint32_t bytes)
{
	struct sidecar_frame frame = {.kind = SIDECAR_FRAME_CREDIT, .session = number, .numbers = {bytes}};
	return side_say(world, channel, &frame);
}

struct view side_text(const char *text)
{
	return ringcast_view_of(text, strlen(text));
}

/* The log */

void side_expect(struct side_world *world, const char *expected, const char *file, int line)
{
	cr_assert(strcmp(world->log, expected) == 0, "%s:%d\n--- expected\n%s--- got\n%s", file, line, expected, world->log);
	side_forget(world);
}

void side_forget(struct side_world *world)
{
	world->log_size = 0;
	world->log[0] = '\0';
}
