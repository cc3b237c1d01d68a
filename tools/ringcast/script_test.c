/* ringcast script test: a script against simulated players, in an engine of its own on loopback, without a server. */
#include "tools/ringcast/commands.h"
#include "tools/ringcast/scenario.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "ringcast/ringcast.h"

enum { SCENARIOS_MAX = 500, TEST_PATH_BYTES = 1024, ERROR_BYTES = 1024 };

struct suite {
	char *paths[SCENARIOS_MAX];
	size_t count;
};

static bool is_scenario(const char *name)
{
	size_t size = strlen(name);
	return name[0] != '.' && size > 4 && strcmp(name + size - 4, ".scn") == 0;
}

static void add_folder(struct suite *suite, const char *folder)
{
	char path[TEST_PATH_BYTES];
	struct dirent **entries;
	int count = scandir(folder, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		bool is_short = (size_t)snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name) < sizeof(path);
		if (is_short && is_scenario(entries[i]->d_name) && suite->count < SCENARIOS_MAX)
			suite->paths[suite->count++] = strdup(path);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

/* The scenario or folder of them that was named, or those in the script's own folder "tests". */
static bool find_scenarios(const struct cli_invocation *invocation, struct suite *suite)
{
	char folder[TEST_PATH_BYTES];
	struct stat stat_of;
	const char *script = invocation->arguments[0];
	if (invocation->argument_count > 1) {
		const char *named = invocation->arguments[1];
		if (stat(named, &stat_of) == 0 && S_ISDIR(stat_of.st_mode))
			add_folder(suite, named);
		else
			suite->paths[suite->count++] = strdup(named);
	} else if (stat(script, &stat_of) == 0) {
		const char *slash = strrchr(script, '/');
		if (S_ISDIR(stat_of.st_mode))
			snprintf(folder, sizeof(folder), "%s/tests", script);
		else
			snprintf(folder, sizeof(folder), "%.*stests", slash ? (int)(slash - script + 1) : 0, script);
		add_folder(suite, folder);
	}
	if (suite->count == 0)
		ringcast_cli_error(invocation, "no scenario: name one, or write tests/*.scn into the script's folder");
	return suite->count > 0;
}

static void print_event(void *context, ringcast_log_level level, const char *component, const char *message, const char *fields)
{
	static const char *const names[] = {"debug", "info", "warn", "error"};
	(void)context;
	fprintf(stderr, "%-5s %s: %s %s\n", names[level], component, message, fields);
}

static void drop_event(void *context, ringcast_log_level level, const char *component, const char *message, const char *fields)
{
	(void)context;
	(void)level;
	(void)component;
	(void)message;
	(void)fields;
}

static ringcast_engine *start_engine(const struct cli_invocation *invocation)
{
	char error[ERROR_BYTES] = "";
	ringcast_engine *engine = NULL;
	ringcast_engine_options options = RINGCAST_ENGINE_OPTIONS_INIT;
	options.shard_count = 1;
	options.log = ringcast_cli_has(invocation, CLI_OPTION_VERBOSE) ? print_event : drop_event;
	options.log_level_min = RINGCAST_LOG_DEBUG;
	int result = ringcast_engine_create(&options, &engine, error, sizeof(error));
	if (result == RINGCAST_OK)
		result = ringcast_engine_start(engine, error, sizeof(error));
	if (result == RINGCAST_OK)
		return engine;
	ringcast_cli_error(invocation, "the engine did not start: %s", *error ? error : ringcast_error_text(result));
	ringcast_engine_destroy(&engine);
	return NULL;
}

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool run_one(ringcast_engine *engine, const char *path)
{
	struct scenario scenario;
	char error[SCENARIO_ERROR_BYTES];
	double began = seconds();
	if (!ringcast_scenario_read(path, &scenario, error)) {
		printf("FAIL  %s\n", error);
		return false;
	}
	char *told = NULL;
	size_t told_size;
	FILE *out = open_memstream(&told, &told_size);
	bool is_good = out && ringcast_scenario_run(&scenario, engine, "test", out);
	if (out)
		fclose(out);
	if (is_good)
		printf("ok    %s (%zu steps, %.1f s)\n", path, scenario.step_count, seconds() - began);
	else
		printf("FAIL  %s", told ? told : "out of memory\n");
	free(told);
	ringcast_scenario_fini(&scenario);
	fflush(stdout);
	return is_good;
}

static enum cli_exit run_all(const struct cli_invocation *invocation, ringcast_engine *engine, const struct suite *suite)
{
	char error[ERROR_BYTES] = "";
	size_t failed = 0;
	ringcast_script_source source = RINGCAST_SCRIPT_SOURCE_INIT;
	source.name = "test";
	source.path = invocation->arguments[0];
	source.main = ringcast_cli_value(invocation, CLI_OPTION_MAIN, NULL);
	int result = ringcast_script_add(engine, &source, NULL, error, sizeof(error));
	if (result != RINGCAST_OK) {
		ringcast_cli_error(invocation, "%s", *error ? error : ringcast_error_text(result));
		return CLI_FAILURE;
	}
	for (size_t i = 0; i < suite->count; i++)
		failed += !run_one(engine, suite->paths[i]);
	printf("%zu passed, %zu failed\n", suite->count - failed, failed);
	return failed ? CLI_FAILURE : CLI_OK;
}

enum cli_exit ringcast_command_script_test(const struct cli_invocation *invocation)
{
	struct suite suite = {.count = 0};
	enum cli_exit code = CLI_FAILURE;
	ringcast_engine *engine = find_scenarios(invocation, &suite) ? start_engine(invocation) : NULL;
	if (engine)
		code = run_all(invocation, engine, &suite);
	ringcast_engine_destroy(&engine);
	for (size_t i = 0; i < suite.count; i++)
		free(suite.paths[i]);
	return code;
}
