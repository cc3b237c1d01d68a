/* The run: phases one after the other, and the one loop that drives every bot. */
#include "bench/load/load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
	EVENT_BATCH = 256,
	EVENTS_BETWEEN_SENDS = 16,    /* a full batch of reads takes most of a millisecond: the schedule is looked at in between */
	TICK_NS = 4000000,
	TICK_PARTS = 16,              /* bots whose deadlines are looked at per tick: one in so many */
	SETTLE_NS_MIN = 300000000,    /* joins are on their way */
	TAIL_QUIET_NS = 300000000,
};
static const uint64_t settle_ns_max = 4 * NS_PER_S, tail_ns_max = 5 * NS_PER_S, close_ns_max = 3 * NS_PER_S;

static uint64_t seconds_ns(double seconds)
{
	return (uint64_t)(seconds * 1e9);
}

static bool is_joining(const struct world *world)
{
	return world->options.connect_rate > 0;
}

static void fail(struct world *world, const struct bot *bot, const char *what)
{
	if (world->failure[0] == '\0')
		snprintf(world->failure, sizeof(world->failure), "player %u of session %u %s: %s (code %u)", bot->player, bot->session, what,
			 bot->end_reason[0] ? bot->end_reason : "no reason given", bot->end_code);
}

/* what bots report */

static void on_ready(struct bot *bot)
{
	struct world *world = bot->world;
	uint64_t now_ns = ringcast_load_clock_ns();
	bot->state = BOT_READY;
	world->connecting_count--;
	world->ready_count++;
	world->counts.connects++;
	ringcast_histogram_add(world->connect_time, now_ns > bot->connect_due_ns ? now_ns - bot->connect_due_ns : 0);
	if (is_joining(world)) {
		bot->state = BOT_LEAVING;
		ringcast_client_core_close(&bot->core, 1000, world->now_ns);
	} else if (world->options.grid_side > 0) {
		ringcast_area_enter(bot);
	} else if (world->options.group_count > 0) {
		int32_t group = (int32_t)(1 + bot->player % world->options.group_count);
		ringcast_client_core_send_group(&bot->core, OPCODE_JOIN_GROUP, group);
	}
}

static void start_bot(struct bot *bot, uint64_t due_ns)
{
	bot->world->connecting_count++;
	ringcast_bot_connect(bot, due_ns);
}

static void end_connecting(struct world *world, const struct bot *bot)
{
	world->connecting_count--;
	world->counts.connect_failures++;
	fail(world, bot, "cannot join");
}

static void end_ready(struct world *world, struct bot *bot)
{
	world->ready_count--;
	bot->is_cut = true;
	ringcast_traffic_reset(bot);
	if (bot->is_slow) {
		world->counts.slow_disconnects++;
		return;
	}
	world->counts.disconnects++;
	fail(world, bot, "was disconnected");
}

static void end_leaving(struct world *world, struct bot *bot)
{
	world->ready_count--;
	if (is_joining(world) || (world->phase != LOAD_WARMUP && world->phase != LOAD_MEASURE))
		return;
	ringcast_traffic_reset(bot);
	world->counts.rejoins++;
	start_bot(bot, world->now_ns);
}

static void on_ended(struct bot *bot)
{
	enum bot_state state = bot->state;
	bot->state = BOT_IDLE;
	if (state == BOT_CONNECTING)
		end_connecting(bot->world, bot);
	else if (state == BOT_READY)
		end_ready(bot->world, bot);
	else if (state == BOT_LEAVING)
		end_leaving(bot->world, bot);
}

static const struct bot_events bot_events = {.ready = on_ready, .ended = on_ended};

/* phases: each step function is called once per turn of the loop, and says when it is over */

static void enter(struct world *world, enum load_phase phase, uint64_t length_ns)
{
	world->phase = phase;
	world->phase_start_ns = world->now_ns;
	world->phase_end_ns = world->now_ns + length_ns;
}

static void step_connect(struct world *world)
{
	uint64_t spacing_ns = seconds_ns(world->options.ramp_seconds) / world->bot_count;
	while (world->connect_next < world->bot_count && world->connecting_count < LOAD_CONNECTING_MAX) {
		uint64_t due_ns = world->connect_start_ns + world->connect_next * spacing_ns;
		if (due_ns > world->now_ns)
			break;
		start_bot(&world->bots[world->connect_next++], spacing_ns > 0 ? due_ns : world->now_ns);
	}
	if (world->counts.connect_failures > 0 || world->counts.disconnects > 0) {
		enter(world, LOAD_CLOSE, close_ns_max);
	} else if (world->ready_count == world->bot_count) {
		world->connect_end_ns = world->now_ns;
		enter(world, LOAD_SETTLE, settle_ns_max);
	}
}

static bool is_settled(const struct world *world)
{
	if (world->now_ns < world->phase_start_ns + SETTLE_NS_MIN)
		return false;
	for (uint32_t i = 0; i < world->bot_count; i++) {
		if (world->bots[i].core.fast == CLIENT_CORE_FAST_HELLO)
			return false;
	}
	return true;
}

static void enter_measure(struct world *world)
{
	enter(world, LOAD_MEASURE, seconds_ns(world->options.duration_seconds));
	world->measure_start_ns = world->phase_start_ns;
	world->measure_end_ns = world->phase_end_ns;
	/* idle: what the connections cost is the difference to the sample taken before them */
	if (!world->options.is_idle)
		world->before = ringcast_server_sample(world->options.server_pid);
	world->own_cpu_before_ns = ringcast_server_own_cpu_ns();
	ringcast_series_start(&world->series, world->measure_start_ns);
}

static void begin(struct world *world)
{
	if (world->options.is_idle || is_joining(world)) {
		enter_measure(world);
		return;
	}
	enter(world, LOAD_WARMUP, seconds_ns(world->options.warmup_seconds));
	ringcast_traffic_start(world, world->go_ns ? world->go_ns : world->now_ns);
}

/* Those who share a run begin together. */
static void be_ready(struct world *world)
{
	enter(world, LOAD_WAIT, 0);
	if (world->part && !ringcast_part_ready(world->part))
		world->is_called_off = true;
}

static void step_settle(struct world *world)
{
	if (world->now_ns >= world->phase_end_ns || is_settled(world))
		be_ready(world);
}

static void step_wait(struct world *world)
{
	if (world->counts.disconnects > 0)
		enter(world, LOAD_CLOSE, close_ns_max);
	else if (!world->part || (world->go_ns > 0 && world->now_ns >= world->go_ns))
		begin(world);
	else if (world->go_ns == 0 && !ringcast_part_hear(world->part, world->now_ns, &world->go_ns))
		world->is_called_off = true;
}

static void step_churn(struct world *world)
{
	if (world->options.churn_rate <= 0 || world->now_ns < world->churn_next_ns)
		return;
	world->churn_next_ns = world->now_ns + seconds_ns(1 / world->options.churn_rate);
	struct bot *bot = &world->bots[ringcast_prng_below(&world->prng, world->bot_count)];
	if (bot->state == BOT_READY && !bot->is_slow)
		ringcast_bot_leave(bot);
}

/* --connect-rate: bots are a pool; each that is free takes the next place of the schedule. */
static void step_joins(struct world *world)
{
	uint64_t spacing_ns = seconds_ns(1 / world->options.connect_rate);
	for (uint32_t tried = 0; tried < world->bot_count; tried++) {
		uint64_t due_ns = world->measure_start_ns + world->schedule_index * spacing_ns;
		struct bot *bot = &world->bots[world->connect_next];
		if (due_ns > world->now_ns || world->now_ns >= world->phase_end_ns)
			return;
		world->connect_next = (world->connect_next + 1) % world->bot_count;
		if (bot->state != BOT_IDLE)
			continue;
		world->schedule_index++;
		world->counts.late += world->now_ns - due_ns > NS_PER_MS;
		ringcast_histogram_add(world->lateness, world->now_ns - due_ns);
		start_bot(bot, due_ns);
	}
}

static void step_measure(struct world *world)
{
	if (is_joining(world))
		step_joins(world);
	else
		step_churn(world);
	ringcast_area_step(world);
	if (world->now_ns < world->phase_end_ns)
		return;
	world->after = ringcast_server_sample(world->options.server_pid);
	world->own_cpu_after_ns = ringcast_server_own_cpu_ns();
	enter(world, LOAD_TAIL, tail_ns_max);
}

static void step_tail(struct world *world)
{
	bool is_quiet = world->now_ns > world->last_arrival_ns + TAIL_QUIET_NS && world->connecting_count == 0 &&
			ringcast_traffic_next_due_ns(world) == UINT64_MAX;
	if (world->now_ns < world->phase_end_ns && (!is_quiet || world->now_ns < world->phase_start_ns + TAIL_QUIET_NS))
		return;
	ringcast_traffic_finish(world);
	ringcast_series_end(&world->series, world->now_ns);
	enter(world, LOAD_CLOSE, close_ns_max);
	for (uint32_t i = 0; i < world->bot_count; i++) {
		if (world->bots[i].state == BOT_READY && !world->bots[i].is_stopped)
			ringcast_bot_leave(&world->bots[i]);
	}
}

static void step_close(struct world *world)
{
	uint32_t left = 0;
	for (uint32_t i = 0; i < world->bot_count; i++)
		left += world->bots[i].state == BOT_LEAVING;
	if (left > 0 && world->now_ns < world->phase_end_ns)
		return;
	for (uint32_t i = 0; i < world->bot_count; i++)
		ringcast_bot_drop(&world->bots[i]);
	world->phase = LOAD_DONE;
}

static void step(struct world *world)
{
	if ((*world->is_stopping || world->is_called_off) && world->phase < LOAD_CLOSE) {
		snprintf(world->failure, sizeof(world->failure), "interrupted");
		world->is_interrupted = true;
		enter(world, LOAD_CLOSE, 0);
	}
	switch (world->phase) {
	case LOAD_CONNECT:
		step_connect(world);
		break;
	case LOAD_SETTLE:
		step_settle(world);
		break;
	case LOAD_WAIT:
		step_wait(world);
		break;
	case LOAD_WARMUP:
		step_churn(world);
		ringcast_area_step(world);
		if (world->now_ns >= world->phase_end_ns)
			enter_measure(world);
		break;
	case LOAD_MEASURE:
		step_measure(world);
		break;
	case LOAD_TAIL:
		step_tail(world);
		break;
	case LOAD_CLOSE:
		step_close(world);
		break;
	case LOAD_DONE:
		break;
	}
}

/* the loop */

static void tick(struct world *world)
{
	uint32_t part = world->bot_count / TICK_PARTS + 1;
	if (world->now_ns < world->tick_next_ns)
		return;
	world->tick_next_ns = world->now_ns + TICK_NS;
	for (uint32_t i = 0; i < part; i++) {
		ringcast_bot_tick(&world->bots[world->tick_cursor]);
		world->tick_cursor = (world->tick_cursor + 1) % world->bot_count;
	}
}

static int wait_events(struct world *world, struct epoll_event *events)
{
	uint64_t due_ns = ringcast_traffic_next_due_ns(world), limit_ns = world->tick_next_ns;
	struct timespec timeout = {0};
	if (is_joining(world) && world->phase == LOAD_MEASURE)
		limit_ns = world->now_ns + 200000;
	due_ns = due_ns < limit_ns ? due_ns : limit_ns;
	if (!world->options.is_spinning && due_ns > world->now_ns) {
		timeout.tv_sec = (time_t)((due_ns - world->now_ns) / NS_PER_S);
		timeout.tv_nsec = (long)((due_ns - world->now_ns) % NS_PER_S);
	}
	return epoll_pwait2(world->epoll_fd, events, EVENT_BATCH, &timeout, NULL);
}

static void turn(struct world *world)
{
	struct epoll_event events[EVENT_BATCH];
	world->now_ns = ringcast_load_clock_ns();
	step(world);
	tick(world);
	ringcast_series_advance(&world->series, world->now_ns);
	ringcast_traffic_send_due(world);
	int count = wait_events(world, events);
	for (int i = 0; i < count; i++) {
		if (i % EVENTS_BETWEEN_SENDS == EVENTS_BETWEEN_SENDS - 1)
			ringcast_traffic_send_due(world);
		ringcast_bot_serve(world, events[i].data.u64, events[i].events);
	}
}

bool ringcast_run(struct world *world)
{
	uint64_t progress_ns = 0;
	bool is_terminal = !world->part && isatty(STDERR_FILENO);
	world->bot_events = &bot_events;
	world->now_ns = world->connect_start_ns = ringcast_load_clock_ns();
	world->before = ringcast_server_sample(world->options.server_pid);
	if (is_joining(world)) {
		world->connect_end_ns = world->now_ns;
		be_ready(world);
	}
	while (world->phase != LOAD_DONE) {
		turn(world);
		if (is_terminal && world->now_ns >= progress_ns) {
			ringcast_report_progress(world);
			progress_ns = world->now_ns + NS_PER_S;
		}
	}
	if (is_terminal)
		fprintf(stderr, "\r\033[K");
	return world->failure[0] == '\0';
}
