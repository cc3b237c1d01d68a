/*
 * ringcast-service-sim: the service in a simulated world, from a seed.
 *
 *   ringcast-service-sim --seed=N [--seeds=COUNT] [--events=N] [--trace] [--verbose] [--twice] [--fault=off:NAME]...
 *
 * A failing seed is printed as the command that reproduces it. To shrink it: lower --events, switch faults off one by one.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "world.h"

enum { FAULTS_OFF_MAX = 32 };

struct options {
	uint64_t seed, seed_count;
	uint32_t events; /* 0: as the seed says */
	bool has_trace, is_verbose, is_twice;
	const char *faults_off[FAULTS_OFF_MAX];
	unsigned fault_off_count;
};

static char command[1024]; /* reproduces the run under way; also for the signal handler */

static void write_command(uint64_t seed, const struct options *options)
{
	int size = snprintf(command, sizeof(command), "reproduce with: ringcast-service-sim --seed=%" PRIu64, seed);
	if (options->events != 0)
		size += snprintf(command + size, sizeof(command) - (size_t)size, " --events=%u", options->events);
	for (unsigned i = 0; i < options->fault_off_count && (size_t)size < sizeof(command) - 64; i++)
		size += snprintf(command + size, sizeof(command) - (size_t)size, " --fault=off:%s", options->faults_off[i]);
	snprintf(command + size, sizeof(command) - (size_t)size, " --trace\n");
}

/* An assertion of the engine, or worse: say how to get here again, then die of it. */
static void on_crash(int signal_number)
{
	ssize_t ignored = write(STDERR_FILENO, command, strlen(command));
	(void)ignored;
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

static void on_log(void *context, enum log_level level, const char *component, const char *message, const char *fields)
{
	(void)level;
	fprintf(context, "                 log %s: %s %s\n", component, message, fields);
}

static int usage(const char *argument)
{
	fprintf(stderr, "ringcast-service-sim: bad argument '%s'\n"
			"usage: ringcast-service-sim --seed=N [--seeds=COUNT] [--events=N] [--trace] [--verbose] [--twice] [--fault=off:NAME]...\nfaults: all",
		argument);
#define FAULT(name, text) fprintf(stderr, " " #name);
	SWARM_FAULTS(FAULT)
#undef FAULT
	fputc('\n', stderr);
	return 2;
}

static bool parse_number(const char *argument, const char *name, uint64_t *ret_number)
{
	size_t size = strlen(name);
	char *end;
	if (strncmp(argument, name, size) != 0 || argument[size] == '\0')
		return false;
	uint64_t number = strtoull(argument + size, &end, 0);
	if (*end != '\0')
		return false;
	*ret_number = number;
	return true;
}

static bool parse_argument(struct options *options, const char *argument)
{
	struct swarm probe;
	uint64_t events;
	if (parse_number(argument, "--seed=", &options->seed) || parse_number(argument, "--seeds=", &options->seed_count))
		return true;
	if (parse_number(argument, "--events=", &events)) {
		options->events = (uint32_t)events;
		return true;
	}
	sim_swarm_draw(&probe, 1);
	if (strncmp(argument, "--fault=off:", 12) == 0 && options->fault_off_count < FAULTS_OFF_MAX &&
	    sim_swarm_switch_off(&probe, argument + 12)) {
		options->faults_off[options->fault_off_count++] = argument + 12;
		return true;
	}
	options->has_trace |= strcmp(argument, "--trace") == 0;
	options->is_verbose |= strcmp(argument, "--verbose") == 0;
	options->is_twice |= strcmp(argument, "--twice") == 0;
	return strcmp(argument, "--trace") == 0 || strcmp(argument, "--verbose") == 0 || strcmp(argument, "--twice") == 0;
}

static void run_once(uint64_t seed, const struct options *options, struct world_report *ret_report, struct swarm *ret_swarm)
{
	sim_swarm_draw(ret_swarm, seed);
	for (unsigned i = 0; i < options->fault_off_count; i++)
		sim_swarm_switch_off(ret_swarm, options->faults_off[i]);
	if (options->events != 0)
		ret_swarm->action_count = options->events;
	if (options->has_trace)
		sim_swarm_print(ret_swarm, stdout);
	sim_world_run(ret_swarm, options->has_trace ? stdout : NULL, ret_report);
}

static bool run_seed(uint64_t seed, const struct options *options)
{
	struct world_report report, again;
	struct swarm swarm;
	write_command(seed, options);
	run_once(seed, options, &report, &swarm);
	if (options->is_verbose)
		printf("seed %" PRIu64 ": trace %016" PRIx64 ", %" PRIu64 " answers, %" PRIu64 " of them faults, %" PRIu64 " crashes\n", seed,
		       report.trace_hash, report.answers, report.faults, report.crashes);
	if (report.is_ok && options->is_twice) {
		run_once(seed, options, &again, &swarm);
		report.is_ok = again.is_ok && again.trace_hash == report.trace_hash;
		if (!report.is_ok)
			snprintf(report.failure, sizeof(report.failure), "two runs of one seed differ: %016" PRIx64 " and %016" PRIx64,
				 report.trace_hash, again.trace_hash);
	}
	if (report.is_ok)
		return true;
	fprintf(stderr, "FAILED seed %" PRIu64 ": %s\n", seed, report.failure);
	sim_swarm_print(&swarm, stderr);
	fputs(command, stderr);
	return false;
}

int main(int argc, char **argv)
{
	struct options options = {.seed = 1, .seed_count = 1};
	uint64_t failure_count = 0;
	for (int i = 1; i < argc; i++) {
		if (!parse_argument(&options, argv[i]))
			return usage(argv[i]);
	}
	signal(SIGABRT, on_crash);
	signal(SIGSEGV, on_crash);
	if (options.has_trace)
		ringcast_log_set_sink(on_log, stdout, LOG_DEBUG);
	for (uint64_t i = 0; i < options.seed_count; i++)
		failure_count += !run_seed(options.seed + i, &options);
	printf("%" PRIu64 " of %" PRIu64 " seeds failed\n", failure_count, options.seed_count);
	return failure_count == 0 ? 0 : 1;
}
