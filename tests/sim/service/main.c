/* ringcast-service-sim: the service in a simulated world, from a seed. */
#include <inttypes.h>

#include "../runner.h"
#include "world.h"

static void print_faults(FILE *out)
{
#define FAULT(name, text) fprintf(out, " " #name);
	SWARM_FAULTS(FAULT)
#undef FAULT
}

static bool has_fault(const char *name)
{
	struct swarm probe;
	sim_swarm_draw(&probe, 1);
	return sim_swarm_switch_off(&probe, name);
}

static void draw(uint64_t seed, const struct sim_options *options, struct swarm *ret_swarm)
{
	sim_swarm_draw(ret_swarm, seed);
	for (unsigned i = 0; i < options->fault_off_count; i++)
		sim_swarm_switch_off(ret_swarm, options->faults_off[i]);
	if (options->events != 0)
		ret_swarm->action_count = options->events;
}

static void print_draw(uint64_t seed, const struct sim_options *options, FILE *out)
{
	struct swarm swarm;
	draw(seed, options, &swarm);
	sim_swarm_print(&swarm, out);
}

static void run(uint64_t seed, const struct sim_options *options, struct sim_report *ret_report)
{
	struct world_report report;
	struct swarm swarm;
	draw(seed, options, &swarm);
	if (options->has_trace)
		sim_swarm_print(&swarm, stdout);
	sim_world_run(&swarm, options->has_trace ? stdout : NULL, &report);
	*ret_report = (struct sim_report){.is_ok = report.is_ok, .trace_hash = report.trace_hash};
	snprintf(ret_report->failure, sizeof(ret_report->failure), "%s", report.is_ok ? "" : report.failure);
	snprintf(ret_report->summary, sizeof(ret_report->summary), "%" PRIu64 " answers, %" PRIu64 " of them faults, %" PRIu64 " crashes, %" PRIu64 " placed, %" PRIu64 " matched, %" PRIu64 " filled up",
		 report.answers, report.faults, report.crashes, report.placed, report.matched, report.filled);
}

int main(int argc, char **argv)
{
	static const struct sim_program program = {"ringcast-service-sim", print_faults, has_fault, run, print_draw, NULL};
	return sim_main(&program, argc, argv);
}
