#include "runner.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

static char command[1024]; /* reproduces the run under way; also for the signal handler */

static void write_command(const struct sim_program *program, uint64_t seed, const struct sim_options *options)
{
	int size = snprintf(command, sizeof(command), "reproduce with: %s --seed=%" PRIu64, program->name, seed);
	if (options->events != 0)
		size += snprintf(command + size, sizeof(command) - (size_t)size, " --events=%u", options->events);
	for (unsigned i = 0; i < options->fault_off_count && (size_t)size < sizeof(command) - 64; i++)
		size += snprintf(command + size, sizeof(command) - (size_t)size, " --fault=off:%s", options->faults_off[i]);
	snprintf(command + size, sizeof(command) - (size_t)size, " --trace\n");
}

/* An assertion of what is simulated, or worse: say how to get here again, then die of it. */
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

static int usage(const struct sim_program *program, const char *argument)
{
	fprintf(stderr, "%s: bad argument '%s'\n"
			"usage: %s --seed=N [--seeds=COUNT] [--events=N] [--trace] [--verbose] [--twice] [--fault=off:NAME]...\nfaults: all",
		program->name, argument, program->name);
	program->print_faults(stderr);
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

static bool parse_argument(const struct sim_program *program, struct sim_options *options, const char *argument)
{
	uint64_t events;
	if (parse_number(argument, "--seed=", &options->seed) || parse_number(argument, "--seeds=", &options->seed_count))
		return true;
	if (parse_number(argument, "--events=", &events)) {
		options->events = (uint32_t)events;
		return true;
	}
	if (strncmp(argument, "--fault=off:", 12) == 0 && options->fault_off_count < SIM_FAULTS_OFF_MAX && program->has_fault(argument + 12)) {
		options->faults_off[options->fault_off_count++] = argument + 12;
		return true;
	}
	options->has_trace |= strcmp(argument, "--trace") == 0;
	options->is_verbose |= strcmp(argument, "--verbose") == 0;
	options->is_twice |= strcmp(argument, "--twice") == 0;
	return strcmp(argument, "--trace") == 0 || strcmp(argument, "--verbose") == 0 || strcmp(argument, "--twice") == 0;
}

static bool run_seed(const struct sim_program *program, uint64_t seed, const struct sim_options *options)
{
	struct sim_report report, again;
	write_command(program, seed, options);
	program->run(seed, options, &report);
	if (options->is_verbose)
		printf("seed %" PRIu64 ": trace %016" PRIx64 ", %s\n", seed, report.trace_hash, report.summary);
	if (report.is_ok && options->is_twice) {
		program->run(seed, options, &again);
		report.is_ok = again.is_ok && again.trace_hash == report.trace_hash;
		if (!report.is_ok)
			snprintf(report.failure, sizeof(report.failure), "two runs of one seed differ: %016" PRIx64 " and %016" PRIx64,
				 report.trace_hash, again.trace_hash);
	}
	if (report.is_ok)
		return true;
	fprintf(stderr, "FAILED seed %" PRIu64 ": %s\n", seed, report.failure);
	program->print_draw(seed, options, stderr);
	fputs(command, stderr);
	return false;
}

int sim_main(const struct sim_program *program, int argc, char **argv)
{
	struct sim_options options = {.seed = 1, .seed_count = 1};
	uint64_t failure_count = 0;
	for (int i = 1; i < argc; i++) {
		if (!parse_argument(program, &options, argv[i]))
			return usage(program, argv[i]);
	}
	signal(SIGABRT, on_crash);
	signal(SIGSEGV, on_crash);
	if (options.has_trace)
		ringcast_log_set_sink(on_log, stdout, LOG_DEBUG);
	for (uint64_t i = 0; i < options.seed_count; i++)
		failure_count += !run_seed(program, options.seed + i, &options);
	printf("%" PRIu64 " of %" PRIu64 " seeds failed\n", failure_count, options.seed_count);
	if (failure_count == 0 && program->finish != NULL && !program->finish(&options))
		return 1;
	return failure_count == 0 ? 0 : 1;
}
