/* ringcast-sim: the whole engine in a simulated world, from a seed. */
#include <inttypes.h>

#include "runner.h"
#include "world.h"

static void print_faults(FILE *out)
{
#define FAULT(name, text) fprintf(out, " " #name);
	SWARM_NETWORK_FAULTS(FAULT)
	SWARM_WORLD_FAULTS(FAULT)
#undef FAULT
}

static bool has_fault(const char *name)
{
	struct swarm probe;
	ringcast_swarm_draw(&probe, 1);
	return ringcast_swarm_switch_off(&probe, name);
}

static void draw(uint64_t seed, const struct sim_options *options, struct swarm *ret_swarm)
{
	ringcast_swarm_draw(ret_swarm, seed);
	for (unsigned i = 0; i < options->fault_off_count; i++)
		ringcast_swarm_switch_off(ret_swarm, options->faults_off[i]);
	ringcast_swarm_settle(ret_swarm);
	if (options->events != 0)
		ret_swarm->action_count = options->events;
}

static uint64_t hits[HIT_COUNT]; /* seeds that met each */

static void print_draw(uint64_t seed, const struct sim_options *options, FILE *out)
{
	struct swarm swarm;
	draw(seed, options, &swarm);
	ringcast_swarm_print(&swarm, out);
}

static void run(uint64_t seed, const struct sim_options *options, struct sim_report *ret_report)
{
	struct world_report report;
	struct swarm swarm;
	draw(seed, options, &swarm);
	if (options->has_trace)
		ringcast_swarm_print(&swarm, stdout);
	ringcast_world_run(&swarm, options->has_trace ? stdout : NULL, &report);
	for (int i = 0; i < HIT_COUNT; i++)
		hits[i] += report.hits[i];
	*ret_report = (struct sim_report){.is_ok = report.is_ok, .trace_hash = report.trace_hash};
	snprintf(ret_report->failure, sizeof(ret_report->failure), "%s", report.is_ok ? "" : report.failure);
	snprintf(ret_report->summary, sizeof(ret_report->summary), "%" PRIu64 " ms, %" PRIu64 " lives, %" PRIu64 " messages, %" PRIu64 " receipts",
		 report.virtual_ns / NS_PER_MS, report.lives, report.message_count, report.receipt_count);
}

/* A fault that no seed meets any more is no fault. */
static bool finish(const struct sim_options *options)
{
	static const char *const texts[] = {
#define HIT(name, text) text,
		WORLD_HITS(HIT)
#undef HIT
	};
	bool is_whole = true;
	if (options->seed_count < 1000 || options->fault_off_count > 0 || options->events != 0)
		return true;
	for (int i = 0; i < HIT_COUNT; i++) {
		printf("%" PRIu64 " seeds: %s\n", hits[i], texts[i]);
		is_whole &= hits[i] > 0;
	}
	return is_whole;
}

int main(int argc, char **argv)
{
	static const struct sim_program program = {"ringcast-sim", print_faults, has_fault, run, print_draw, finish};
	return sim_main(&program, argc, argv);
}
