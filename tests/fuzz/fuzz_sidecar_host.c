/*
 * A process of the sidecar that says anything at any time, to a host whose sessions begin with more data than a frame holds. What it is sent stays a stream of
 * whole frames, its pieces in order and of the right bytes; garbage ends its own sessions at once and nobody else's; nothing is left at the end.
 *
 * Input: steps of one byte, the low three bits say what, the others how much. Bytes for the process's mouth follow their step.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "base/attr.h"
#include "fuzz_target.h"
#include "scripting/sidecar/inbox.h"
#include "scripting/sidecar/sidecar.h"
#include "session/session.h"

enum { SESSIONS_MAX = 32, PROPERTIES_BYTES = 40000, MATCHMAKER_BYTES = 17000, ARGUMENTS_BYTES = 30000, QUEUE_BYTES = 65536, STEPS_MAX = 400 };
enum step { STEP_SAY, STEP_SAY_MORE, STEP_TAKE, STEP_TAKE_ALL, STEP_TIME, STEP_OPEN, STEP_END, STEP_PLAYER };

struct told { /* of one session */
	bool is_open, is_whole;
	uint64_t what, offset;
};

struct world {
	struct store store;
	struct session_limits limits;
	struct timer_wheel wheel;
	struct buf_pool *pool;
	uint64_t now_ns, random_state;
	struct script_limits script_limits;
	struct script_environment environment;
	struct script script;
	struct sidecar_host *host;
	struct script_program *program;
	struct sidecar_inbox inbox; /* of the process behind channel 0 */
	struct told told[1 << 16];  /* by the session's number on the wire */
	char properties[PROPERTIES_BYTES + 1], matchmaker[MATCHMAKER_BYTES + 1], arguments[ARGUMENTS_BYTES + 1];
};

static uint64_t now_of(void *context) { return ((struct world *)context)->now_ns; }
static void on_log(void *context, struct session *session, enum script_level level, const char *text, size_t size) {}
static void on_count(void *context, enum script_count what) {}
static void on_deliver(void *context, const struct fanout *fanout) {}
static void on_disconnect(void *context, struct player *player, enum close_reason reason, const char *text) {}
static void on_drop(void *context, enum drop_reason reason, uint64_t count) {}
static void on_admitted(void *context, struct player *player, enum drop_reason reason) {}

static void fill_random(void *context, void *out, size_t size)
{
	struct world *world = context;
	for (size_t i = 0; i < size; i++) {
		world->random_state = world->random_state * 6364136223846793005u + 1442695040888963407u;
		((uint8_t *)out)[i] = (uint8_t)(world->random_state >> 56);
	}
}

static void start_store(struct world *world)
{
	struct buf_pool_options pool = {0};
	for (int i = 0; i < BUF_CLASS_COUNT; i++)
		pool.class_counts[i] = i < 6 ? 256 : 4;
	world->pool = ringcast_buf_pool_create(&pool);
	ringcast_timer_wheel_init(&world->wheel, world->now_ns);
	world->limits = (struct session_limits){.players_per_session_max = 8, .groups_per_session_max = 8, .groups_per_player_max = 8, .reservation_timeout_ms = 60000,
						.ping_interval_ms = 3000, .membership_push_max = 64, .commands_per_hook_max = 64, .timers_per_session_max = 4,
						.parked_player_max = 8, .parked_session_max = 16, .session_data_bytes = 16 << 20, .answer_timeout_ms = 5000};
	struct store_options options = {
		.sessions_max = SESSIONS_MAX, .players_max = 64, .groups_max = 64, .memberships_max = 64, .limits = &world->limits, .pool = world->pool,
		.wheel = &world->wheel, .random = fill_random, .random_context = world,
		.outbox = {.context = world, .deliver = on_deliver, .disconnect = on_disconnect, .drop = on_drop, .admitted = on_admitted},
	};
	ringcast_assert(world->pool != NULL && ringcast_store_init(&world->store, &options));
}

static void start_host(struct world *world)
{
	char error[SCRIPT_ERROR_BYTES];
	world->script_limits = (struct script_limits){.outgoing_bytes_max = QUEUE_BYTES, .errors_max = 5, .log_lines_per_second = 3};
	world->environment = (struct script_environment){
		.context = world, .limits = &world->script_limits, .now_ns = now_of, .random = fill_random, .log = on_log, .count = on_count};
	for (int i = 0; i < PROPERTIES_BYTES; i++)
		world->properties[i] = (char)('a' + i % 23);
	for (int i = 0; i < ARGUMENTS_BYTES; i++)
		world->arguments[i] = (char)('a' + i % 19);
	memset(world->matchmaker, 'm', MATCHMAKER_BYTES);
	struct sidecar_options options = {.environment = &world->environment, .channel_count = 2, .sessions_max = SESSIONS_MAX, .arguments = world->arguments};
	world->host = ringcast_sidecar_create(&options);
	world->script = (struct script){.name = "game", .version = "v1", .language = SCRIPT_JS, .folder = "/s", .main = "m.js", .refs = 1};
	world->program = ringcast_sidecar_ops.load(world->host, &world->script, error, sizeof(error));
	ringcast_assert(world->host != NULL && world->program != NULL);
}

static void come_up(struct world *world, uint32_t channel)
{
	struct sidecar_frame welcome = {.kind = SIDECAR_FRAME_WELCOME, .numbers = {SIDECAR_MAGIC, SIDECAR_VERSION_MAX, 0, 7}};
	uint8_t bytes[64];
	ringcast_sidecar_attach(world->host, channel, world->now_ns);
	ringcast_sidecar_frame_write(&welcome, bytes);
	ringcast_assert(ringcast_sidecar_feed(world->host, channel, ringcast_view_of(bytes, ringcast_sidecar_frame_bytes(&welcome)), world->now_ns));
}

/* What the process hears */

static void check_piece(const struct world *world, struct told *told, const struct sidecar_frame *frame)
{
	const char *const texts[SIDECAR_PIECE_COUNT] = {world->properties, world->matchmaker, world->arguments};
	struct view bytes = frame->texts[0];
	ringcast_assert(frame->numbers[0] < SIDECAR_PIECE_COUNT);
	const char *text = texts[frame->numbers[0]];
	if (frame->numbers[0] == told->what + 1 && told->offset == strlen(texts[told->what]))
		*told = (struct told){.is_open = true, .what = told->what + 1};
	ringcast_assert(told->is_open && !told->is_whole && frame->numbers[0] == told->what && frame->numbers[2] == told->offset);
	ringcast_assert(frame->numbers[1] == strlen(text) && bytes.size > 0 && told->offset + bytes.size <= frame->numbers[1]);
	ringcast_assert(memcmp(bytes.data, text + told->offset, bytes.size) == 0);
	told->offset += bytes.size;
	told->is_whole = (frame->flags & SIDECAR_FLAG_MORE) == 0;
	ringcast_assert(told->is_whole == (told->what == SIDECAR_PIECE_ARGUMENTS && told->offset == ARGUMENTS_BYTES));
}

static void check_frame(struct world *world, const struct sidecar_frame *frame)
{
	ringcast_assert(frame->session < ARRAY_COUNT(world->told));
	struct told *told = &world->told[frame->session];
	if (frame->kind == SIDECAR_FRAME_OPEN) {
		ringcast_assert(!told->is_open && frame->flags == SIDECAR_FLAG_MORE);
		told->is_open = true;
	} else if (frame->kind == SIDECAR_FRAME_PIECE)
		check_piece(world, told, frame);
	else if (frame->session != 0)
		ringcast_assert(told->is_open);
}

static void take(struct world *world, size_t size_max)
{
	struct view pending = ringcast_sidecar_pending(world->host, 0);
	struct sidecar_frame frame;
	size_t size = pending.size < size_max ? pending.size : size_max;
	struct view piece = ringcast_view_of(pending.data, size);
	enum sidecar_frame_result result;
	while ((result = ringcast_sidecar_inbox_next(&world->inbox, &piece, &frame)) == SIDECAR_FRAME_OK)
		check_frame(world, &frame);
	ringcast_assert(result == SIDECAR_FRAME_INCOMPLETE);
	ringcast_sidecar_sent(world->host, 0, size);
}

/* What happens */

static struct session *any_session(struct world *world, unsigned place)
{
	handle self;
	struct session *session = ringcast_slab_at(&world->store.sessions, place % SESSIONS_MAX, &self);
	return session != NULL && session->state == SESSION_ACTIVE ? session : NULL;
}

static void open_session(struct world *world)
{
	struct session *session;
	struct session_options options = {.properties = world->properties, .matchmaker_data = world->matchmaker, .players_max = 4, .empty_timeout_ms = UINT32_MAX, .activation_timeout_ms = 30000,
					  .hooks = &world->program->hooks, .hooks_context = world->program->hooks_context};
	(void)ringcast_session_open(&world->store, &options, world->now_ns, &session); /* full is fine */
}

static void enter_player(struct world *world, struct session *session)
{
	char token[PLAYER_TOKEN_BYTES];
	struct player *player;
	if (session == NULL || ringcast_admission_reserve(session, "ann", "gold", world->now_ns, &player, token) != DROP_NONE)
		return;
	struct view login = ringcast_view_of(token, strlen(token));
	if (ringcast_admission_admit(&world->store, login, ringcast_view_of(NULL, 0), world, world->now_ns, &player) == DROP_NONE && !player->is_waiting)
		ringcast_admission_accept(player, world->now_ns);
}

/* Its memory is exactly what is fed, so that a sanitizer sees any step beyond. */
static void say(struct world *world, const uint8_t *data, size_t size)
{
	uint32_t others = ringcast_sidecar_measure(world->host, 1).session_count;
	uint8_t *bytes = malloc(size + 1);
	ringcast_assert(bytes != NULL);
	memcpy(bytes, data, size);
	bool is_good = ringcast_sidecar_feed(world->host, 0, ringcast_view_of(bytes, size), world->now_ns);
	free(bytes);
	if (!is_good) {
		ringcast_sidecar_detach(world->host, 0, world->now_ns);
		ringcast_assert(ringcast_sidecar_measure(world->host, 0).session_count == 0 && ringcast_sidecar_pending(world->host, 0).size == 0);
		ringcast_sidecar_inbox_clear(&world->inbox);
		come_up(world, 0);
	}
	ringcast_assert(ringcast_sidecar_measure(world->host, 1).session_count == others);
}

static void expire(void *context, struct timer *timer)
{
	struct world *world = context;
	ringcast_session_expire(&world->store, timer, world->now_ns);
}

static void pass_time(struct world *world, uint64_t ms)
{
	world->now_ns += ms * NS_PER_MS;
	ringcast_timer_wheel_advance(&world->wheel, world->now_ns, UINT32_MAX, expire, world);
	ringcast_sidecar_tick(world->host, world->now_ns);
}

/* Returns how many bytes of data it used. */
static size_t step(struct world *world, const uint8_t *data, size_t size)
{
	unsigned amount = data[0] >> 3;
	size_t said = data[0] % 8 == STEP_SAY_MORE ? 4 * (amount + 1u) : amount + 1u;
	struct session *session = any_session(world, amount);
	switch ((enum step)(data[0] % 8)) {
	case STEP_SAY:
	case STEP_SAY_MORE:
		said = said < size - 1 ? said : size - 1;
		say(world, data + 1, said);
		return 1 + said;
	case STEP_TAKE:
		take(world, 64u * amount + 1);
		break;
	case STEP_TAKE_ALL:
		take(world, SIZE_MAX);
		break;
	case STEP_TIME:
		pass_time(world, 50u * (amount + 1));
		break;
	case STEP_OPEN:
		open_session(world);
		break;
	case STEP_END:
		if (session != NULL)
			ringcast_session_end_now(session, CLOSE_SHUTDOWN, world->now_ns);
		break;
	case STEP_PLAYER:
		enter_player(world, session);
		break;
	}
	return 1;
}

static void end_world(struct world *world)
{
	for (unsigned i = 0; i < SESSIONS_MAX; i++) {
		struct session *session = any_session(world, i);
		if (session != NULL)
			ringcast_session_end_now(session, CLOSE_SHUTDOWN, world->now_ns);
	}
	ringcast_store_collect(&world->store);
	ringcast_assert(world->program->session_count == 0 && world->store.session_data_bytes == 0);
	ringcast_sidecar_ops.unload(world->host, world->program);
	ringcast_sidecar_destroy(&world->host);
	ringcast_sidecar_inbox_clear(&world->inbox);
	ringcast_store_fini(&world->store);
	ringcast_buf_pool_destroy(&world->pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *world = calloc(1, sizeof(*world));
	ringcast_assert(world != NULL);
	world->now_ns = NS_PER_S;
	world->random_state = size;
	start_store(world);
	start_host(world);
	come_up(world, 0);
	come_up(world, 1);
	for (unsigned i = 0; i < 3; i++)
		open_session(world);
	for (unsigned i = 0; i < STEPS_MAX && size > 0; i++) {
		size_t used = step(world, data, size);
		ringcast_store_collect(&world->store);
		data += used;
		size -= used;
	}
	end_world(world);
	free(world);
	return 0;
}
