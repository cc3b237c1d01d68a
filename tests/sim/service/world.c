#include "world.h"

#include "stream.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "walk.h"

static const char store_path[] = "/store.db";

enum { HOUR_MS = 3600 * 1000, DAY_MS = 24 * HOUR_MS, ANSWER_MS_MAX = 60000, SETTLE_ROUNDS_MAX = 100000 };

void sim_world_fail(struct world *world, const char *format, ...)
{
	va_list arguments;
	char text[WORLD_FAILURE_BYTES];
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	sim_world_trace(world, "FAILURE: %s", text);
	if (*world->failure == '\0')
		memcpy(world->failure, text, sizeof(text));
}

void sim_world_trace(struct world *world, const char *format, ...)
{
	va_list arguments;
	char text[1024];
	va_start(arguments, format);
	int size = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	size = size < (int)sizeof(text) ? size : (int)sizeof(text) - 1;
	world->trace_hash = ringcast_hash_bytes(text, (size_t)size, world->trace_hash);
	if (world->trace != NULL)
		fprintf(world->trace, "%10d %s\n", (int)(world->now_ms / 1000), text);
}

uint64_t sim_world_below(struct world *world, uint64_t bound)
{
	return ringcast_prng_below(&world->prng, bound);
}

bool sim_world_chance(struct world *world, uint32_t per_mille)
{
	return ringcast_prng_chance(&world->prng, per_mille, 1000);
}

static int64_t now_ms(void *context)
{
	return ((struct world *)context)->now_ms;
}

static int64_t wall_ms(void *context)
{
	return ((struct world *)context)->now_ms + ((struct world *)context)->skew_ms;
}

void sim_world_pass(struct world *world, int64_t ms)
{
	world->now_ms += ms;
	world->host.now_ms = world->now_ms;
}

/* The process */

static struct loop *loop_new(struct world *world, char problem[STORE_PROBLEM_BYTES])
{
	struct loop_options options = {
		.settings = {.region = "local",
			     .is_dev = true,
			     .ip_address = "127.0.0.1",
			     .dns_name = "",
			     .port = 7777,
			     .sessions_max = world->swarm->sessions_max,
			     .ended_sessions_max = SIM_SESSIONS_MAX,
			     .metric_names_max = 2, .ended_data_bytes_max = 1 << 20,
			     .left_players_max = SIM_PLAYERS_MAX,
			     .left_players_per_session_max = world->swarm->left_players_max,
			     .has_stream = true,
			     .placements_max = 1000,
			     .ended_placements_max = 1000,
			     .match_tickets_max = 64,
			     .match_ended_tickets_max = SIM_TICKETS_MAX,
			     .match_configurations_max = 4,
			     .match_rule_sets_max = 4,
			     .match_round_ms = 100,
			     .fleet_events_max = 100,
			     .players_per_session_max = world->swarm->players_per_session_max},
		.store = world->store,
		.hosts = {&world->host.base, &world->host.base}, /* an engine, and game servers */
		.host_count = 2,
		.seed = ringcast_prng_next(&world->prng),
		.now_ms = wall_ms,
		.steady_ms = now_ms,
		.emit = sim_stream_hear,
		.context = world,
		.requests_max = world->swarm->requests_max,
		.repeats_max = 100000,
		.events_max = world->swarm->drop_event > 0 ? 1 + world->swarm->drop_event % 4 : 100000,
		.game_events_max = 1024,
		.game_questions_max = 1024,
	};
	return ringcast_loop_create(&options, problem);
}

static bool try_start(struct world *world, char problem[STORE_PROBLEM_BYTES])
{
	sim_stream_begin(world);
	world->store = ringcast_service_store_open(store_path, problem);
	if (world->store != NULL)
		world->loop = loop_new(world, problem);
	if (world->loop != NULL) {
		ringcast_loop_hold_writes(world->loop);
		return true;
	}
	ringcast_service_store_close(&world->store);
	return false;
}

/* While the disk fails a start may fail, with a word; once it works again the store must be found. */
static void start(struct world *world)
{
	char problem[STORE_PROBLEM_BYTES] = "";
	bool is_up = try_start(world, problem);
	if (!is_up && *problem == '\0')
		sim_world_fail(world, "the service does not start, and does not say why");
	if (!is_up) {
		sim_world_trace(world, "no start: %s", problem);
		world->disk.write_error = 0;
		world->disk.is_full = false;
		is_up = try_start(world, problem);
		world->disk.write_error = world->is_calm ? 0 : world->swarm->write_error;
	}
	if (!is_up) {
		sim_world_fail(world, "the service does not start: %s", problem);
		return;
	}
	sim_host_begin(&world->host, world->loop);
	if (!world->is_calm && world->swarm->crash > 0 && sim_world_chance(world, 500))
		world->disk.crash_at = world->disk.change_count + 1 + sim_world_below(world, 60);
}

static void drop_asks(struct world *world)
{
	while (!ringcast_list_is_empty(&world->asks)) {
		struct ask *ask = CONTAINER_OF(world->asks.next, struct ask, node);
		ringcast_list_remove(&ask->node);
		if (ask->walk != NULL && !ask->is_done)
			sim_walk_hear(world, ask); /* it has been dropped: frees it */
		sim_ask_free(ask);
	}
	world->ask_count = 0;
}

static void stop(struct world *world)
{
	world->host.is_dead = true;
	if (world->loop != NULL)
		ringcast_loop_stop(world->loop);
	sim_host_end(&world->host);
	ringcast_loop_destroy(&world->loop);
	ringcast_service_store_close(&world->store);
}

static void crash(struct world *world)
{
	sim_world_trace(world, "the process dies");
	world->crash_count++;
	world->disk.is_crashed = true;
	stop(world);
	sim_oracle_crash(world);
	drop_asks(world);
	sim_disk_restart(&world->disk, sim_world_chance(world, 500));
	start(world);
	if (world->loop != NULL)
		sim_oracle_check_records(world, false);
	if (world->loop != NULL)
		sim_script_begin(world, true);
}

/* Time */

void sim_world_turn(struct world *world)
{
	if (sim_world_chance(world, 300))
		ringcast_loop_write(world->loop);
	ringcast_loop_turn(world->loop);
	if (world->disk.is_crashed)
		crash(world);
}

static void jump(struct world *world)
{
	if (sim_world_chance(world, 300)) {
		sim_world_pass(world, 31ll * DAY_MS);
		sim_world_turn(world);
		sim_place_forget(world);
		sim_oracle_forget_sessions(world);
	} else {
		sim_world_pass(world, (int64_t)sim_world_below(world, DAY_MS));
	}
	sim_world_trace(world, "time jumps");
}

/* Somebody sets the clock on the wall. */
static void set_clock(struct world *world)
{
	world->skew_ms = (int64_t)sim_world_below(world, 2 * HOUR_MS) - HOUR_MS;
	sim_world_trace(world, "the clock is set, %d s ahead", (int)(world->skew_ms / 1000));
}

static void act_of_god(struct world *world)
{
	const struct swarm *swarm = world->swarm;
	if (sim_world_chance(world, swarm->jump))
		jump(world);
	if (sim_world_chance(world, swarm->clock))
		set_clock(world);
	if (sim_world_chance(world, swarm->die))
		sim_host_die(&world->host);
	if (sim_world_chance(world, swarm->full))
		world->disk.is_full = !world->disk.is_full;
	if (sim_world_chance(world, swarm->crash))
		crash(world);
}

static void step(struct world *world)
{
	uint64_t choice = sim_world_below(world, 100);
	sim_world_pass(world, (int64_t)sim_world_below(world, (uint64_t)world->swarm->pause_ms_max + 1));
	act_of_god(world);
	if (world->loop == NULL)
		return;
	if (choice < 30)
		sim_clients_act(world);
	else if (choice < 50)
		sim_host_carry_out(&world->host);
	else if (choice < 68)
		sim_host_answer(&world->host);
	else if (choice < 80)
		sim_host_tell(&world->host);
	else if (choice < 88)
		sim_host_happen(&world->host);
	else if (choice < 94)
		sim_host_emit(&world->host);
	if (sim_world_chance(world, 600))
		sim_world_turn(world);
	if (choice == 99 && world->loop != NULL)
		sim_oracle_check_model(world);
}

/* The end */

static bool settle_once(struct world *world)
{
	bool is_any = false;
	while (ringcast_loop_turn(world->loop) || ringcast_loop_write(world->loop))
		is_any = true;
	is_any |= sim_host_carry_out(&world->host);
	is_any |= sim_host_answer(&world->host);
	is_any |= sim_host_tell(&world->host);
	return is_any;
}

void sim_world_settle(struct world *world)
{
	for (uint32_t round = 0; round < SETTLE_ROUNDS_MAX; round++)
		if (!settle_once(world))
			return;
	sim_world_fail(world, "the service does not come to rest");
}

/* Whoever asked is answered within a bound, even by a host that is silent. */
static void check_answers(struct world *world)
{
	for (int i = 0; i < 3 && world->ask_count > 0; i++) {
		sim_world_pass(world, ANSWER_MS_MAX);
		sim_world_settle(world);
	}
	if (world->ask_count > 0)
		sim_world_fail(world, "%u requests were never answered, the first one %s", world->ask_count,
			       CONTAINER_OF(world->asks.next, struct ask, node)->request.operation->name);
}

static void check_restart(struct world *world)
{
	sim_oracle_check_records(world, true);
	stop(world);
	sim_disk_restart(&world->disk, true);
	start(world);
	if (world->loop != NULL)
		sim_oracle_check_records(world, true);
	if (world->loop != NULL)
		sim_script_begin(world, false);
}

static void check_forgetting(struct world *world)
{
	const struct game_sessions *sessions = &ringcast_loop_model(world->loop)->sessions;
	if (sessions->live_count != 0)
		sim_world_fail(world, "%zu sessions live on though they were ended", sessions->live_count);
	sim_world_pass(world, 31ll * DAY_MS);
	for (uint32_t i = 0; i < SIM_SESSIONS_MAX; i++)
		sim_world_settle(world);
	if (sessions->by_key.count != 0 || sessions->players_by_id.count != 0 || sessions->by_host_session.count != 0)
		sim_world_fail(world, "%zu sessions are remembered for more than thirty days", sessions->by_key.count);
}

static void calm(struct world *world)
{
	world->is_calm = true;
	world->disk.write_error = 0;
	world->disk.crash_at = 0;
	world->disk.is_full = false;
	sim_walk_drop(world);
	sim_world_settle(world);
	check_answers(world);
	world->host.is_calm = true;
	sim_world_settle(world);
	sim_stream_check(world);
	sim_place_finish(world);
	sim_match_finish(world);
	sim_oracle_check_model(world);
	sim_oracle_check_host(world);
	sim_clients_end_all(world);
	sim_match_end(world);
	sim_clients_play(world);
	sim_clients_end_all(world);
	sim_script_play(world);
	sim_place_play(world);
	sim_oracle_check_model(world);
	sim_oracle_check_host(world);
	sim_clients_end_all(world);
	sim_oracle_check_model(world);
	check_forgetting(world);
	check_restart(world);
}

void sim_world_run(const struct swarm *swarm, FILE *trace, struct world_report *ret_report)
{
	struct world *world = calloc(1, sizeof(*world));
	ringcast_assert(world != NULL);
	world->swarm = swarm;
	world->trace = trace;
	world->now_ms = 1700000000000;
	ringcast_prng_init(&world->prng, swarm->seed);
	ringcast_list_init(&world->asks);
	sim_disk_init(&world->disk, swarm->seed);
	world->disk.torn = swarm->torn;
	world->disk.write_error = swarm->write_error;
	sim_host_init(&world->host, swarm, trace);
	world->host.submitted = sim_script_judge;
	world->host.context = world;
	sim_world_pass(world, 0);
	sim_oracle_init(world);
	start(world);
	for (uint32_t i = 0; i < swarm->action_count && *world->failure == '\0'; i++)
		step(world);
	if (*world->failure == '\0')
		calm(world);
	world->disk.is_crashed = true; /* nobody is told anything any more */
	sim_walk_drop(world);
	stop(world);
	drop_asks(world);
	sim_disk_fini(&world->disk);
	json_decref(world->oracle.first_answers);
	*ret_report = (struct world_report){.is_ok = *world->failure == '\0',
					    .trace_hash = world->trace_hash,
					    .answers = world->answer_count,
					    .faults = world->fault_count,
					    .crashes = world->crash_count,
					    .placed = world->placements.fulfilled,
					    .matched = world->tickets.completed,
					    .filled = world->tickets.filled};
	memcpy(ret_report->failure, world->failure, sizeof(ret_report->failure));
	free(world);
}
