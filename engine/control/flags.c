#include "control/flags.h"

#include <stdarg.h>
#include <string.h>

#include "base/assert.h"
#include "base/attr.h"
#include "control/nearest.h"

/* A flag that sets a configuration key names it; one that selects a mode names that. */
struct flag {
	const char *name;
	const char *argument; /* NULL: takes none */
	const char *option_path;
	enum flags_mode mode;
	const char *help;
};

static const struct flag flags_table[] = {
	{"config", "FILE", NULL, FLAGS_RUN, "read FILE, YAML or JSON (also RINGCAST_CONFIG)"},
	{"check-config", NULL, NULL, FLAGS_CHECK_CONFIG, "check the configuration, print what memory it takes, exit"},
	{"print-config", NULL, NULL, FLAGS_PRINT_CONFIG, "print the effective configuration as a file, exit"},
	{"config-doc", NULL, NULL, FLAGS_CONFIG_DOC, "print the reference of all keys as Markdown, exit"},
	{"service-doc", NULL, NULL, FLAGS_SERVICE_DOC, "print the reference of the service API as Markdown, exit"},
	{"dev", NULL, NULL, FLAGS_RUN, "try it out: loopback only, text logs, a session \"demo\" that anyone may join"},
	{"service", "ADDRESS", "service.address", FLAGS_RUN, "the service endpoint for AWS SDKs: address:port, port 0: free; or off"},
	{"script", "PATH", NULL, FLAGS_RUN, "with --dev: the session demo runs this folder or file; saving it makes a new version at once"},
	{"main", "FILE", NULL, FLAGS_RUN, "with --script: which file of the folder is the script, when it is not index.js or what package.json says"},
	{"reload-running", NULL, NULL, FLAGS_RUN, "with --script: a new version starts the session demo anew"},
	{"listen", "ADDRESS", "listen.address", FLAGS_RUN, "address on which players connect"},
	{"tcp-port", "PORT", "listen.tcp_port", FLAGS_RUN, "TCP port of the players"},
	{"udp-port", "PORT", "listen.udp_port_base", FLAGS_RUN, "first UDP port of the players"},
	{"shards", "COUNT", "shards.count", FLAGS_RUN, "threads that relay"},
	{"io", "NAME", "io", FLAGS_RUN, "auto, uring or epoll"},
	{"admin", "ENDPOINT", "admin.address", FLAGS_RUN, "address:port or unix:/path of the admin API, or off"},
	{"log-level", "LEVEL", "log.level", FLAGS_RUN, "debug, info, warn or error"},
	{"log-format", "FORMAT", "log.format", FLAGS_RUN, "auto, text, json or logfmt"},
	{"set", "KEY=VALUE", NULL, FLAGS_RUN, "any key of the reference, such as limits.players_max=9000; may be repeated"},
	{"version", NULL, NULL, FLAGS_VERSION, "print the version, exit"},
	{"help", NULL, NULL, FLAGS_HELP, "print this, exit"},
};
#define FLAG_COUNT ARRAY_COUNT(flags_table)

PRINTF_LIKE(2, 3) static bool refuse(struct config_error *reterr, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(reterr->text, sizeof(reterr->text), format, arguments);
	va_end(arguments);
	return false;
}

static bool add_override(struct flags *flags, const struct option *option, const char *text, const char *where, struct config_error *reterr)
{
	if (flags->override_count == FLAGS_OVERRIDES_MAX)
		return refuse(reterr, "more than %d settings on the command line; use a file", FLAGS_OVERRIDES_MAX);
	flags->overrides[flags->override_count++] = (struct flags_override){option, text, where};
	return true;
}

static bool add_set(struct flags *flags, const char *argument, struct config_error *reterr)
{
	char path[OPTION_PATH_BYTES], near[OPTION_PATH_BYTES];
	const char *equals = strchr(argument, '=');
	if (!equals || (size_t)(equals - argument) >= sizeof(path))
		return refuse(reterr, "--set %s: write --set section.key=value", argument);
	snprintf(path, sizeof(path), "%.*s", (int)(equals - argument), argument);
	const struct option *option = ringcast_options_find_path(path);
	if (option)
		return add_override(flags, option, equals + 1, "set", reterr);
	char *dot = strchr(path, '.');
	if (dot)
		*dot = 0;
	const char *nearest = ringcast_options_nearest(dot ? path : "", dot ? dot + 1 : path, near);
	if (dot)
		*dot = '.';
	if (nearest)
		return refuse(reterr, "--set: unknown key '%s', did you mean '%s'?", path, nearest);
	return refuse(reterr, "--set: unknown key '%s'", path);
}

static bool apply_flag(struct flags *flags, const struct flag *flag, const char *argument, struct config_error *reterr)
{
	if (flag->option_path)
		return add_override(flags, ringcast_options_find_path(flag->option_path), argument, flag->name, reterr);
	if (strcmp(flag->name, "set") == 0)
		return add_set(flags, argument, reterr);
	if (strcmp(flag->name, "config") == 0)
		flags->config_path = argument;
	else if (strcmp(flag->name, "dev") == 0)
		flags->is_dev = true;
	else if (strcmp(flag->name, "script") == 0)
		flags->script_path = argument;
	else if (strcmp(flag->name, "main") == 0)
		flags->script_main = argument;
	else if (strcmp(flag->name, "reload-running") == 0)
		flags->is_reload_running = true;
	else if (flags->mode == FLAGS_RUN || flag->mode == FLAGS_HELP)
		flags->mode = flag->mode;
	return true;
}

static bool refuse_unknown(const char *argument, const char *name, struct config_error *reterr)
{
	struct nearest search = ringcast_nearest_begin(name);
	for (size_t i = 0; i < FLAG_COUNT; i++)
		ringcast_nearest_offer(&search, flags_table[i].name);
	if (search.found && *name)
		return refuse(reterr, "unknown flag '%s', did you mean '--%s'?", argument, search.found);
	return refuse(reterr, "unexpected '%s'; see --help", argument);
}

static const struct flag *find_flag(const char *name)
{
	for (size_t i = 0; i < FLAG_COUNT; i++)
		if (strcmp(flags_table[i].name, name) == 0)
			return &flags_table[i];
	return NULL;
}

/* Takes argv[*index], and the next one where the flag's argument stands apart. */
static bool parse_argument(int argc, char **argv, int *index, struct flags *flags, struct config_error *reterr)
{
	char name[OPTION_PATH_BYTES];
	const char *argument = argv[*index];
	if (strcmp(argument, "-h") == 0)
		argument = "--help";
	if (strncmp(argument, "--", 2) != 0)
		return refuse_unknown(argument, "", reterr);
	const char *value = strchr(argument, '=');
	snprintf(name, sizeof(name), "%.*s", (int)(strchrnul(argument, '=') - argument - 2), argument + 2);
	const struct flag *flag = find_flag(name);
	if (!flag)
		return refuse_unknown(argument, name, reterr);
	if (!flag->argument && value)
		return refuse(reterr, "--%s takes no value", name);
	if (flag->argument && !value && *index + 1 >= argc)
		return refuse(reterr, "--%s needs a value: --%s %s", name, name, flag->argument);
	return apply_flag(flags, flag, !flag->argument ? NULL : value ? value + 1 : argv[++*index], reterr);
}

bool ringcast_flags_parse(int argc, char **argv, struct flags *ret_flags, struct config_error *reterr)
{
	ringcast_assert(argc > 0 && argv);
	ringcast_assert(ret_flags && reterr);
	struct flags flags = {.mode = FLAGS_RUN};
	for (int i = 1; i < argc; i++)
		if (!parse_argument(argc, argv, &i, &flags, reterr))
			return false;
	if (flags.script_path && !flags.is_dev)
		return refuse(reterr, "--script is for --dev; elsewhere push it: ringcast script push NAME PATH");
	if (flags.script_main && !flags.script_path)
		return refuse(reterr, "--main needs --script");
	if (flags.is_reload_running && !flags.script_path)
		return refuse(reterr, "--reload-running needs --script");
	*ret_flags = flags;
	return true;
}

static const char *config_path_from(char *const *environment)
{
	static const char prefix[] = "RINGCAST_CONFIG=";
	for (; *environment; environment++)
		if (strncmp(*environment, prefix, sizeof(prefix) - 1) == 0 && (*environment)[sizeof(prefix) - 1])
			return *environment + sizeof(prefix) - 1;
	return NULL;
}

static bool apply_overrides(const struct flags *flags, struct config *config, struct config_error *reterr)
{
	for (size_t i = 0; i < flags->override_count; i++) {
		const struct flags_override *override = &flags->overrides[i];
		char where[OPTION_PATH_BYTES];
		snprintf(where, sizeof(where), "--%s", override->where);
		if (!ringcast_config_set(config, override->option, override->text, CONFIG_FLAG, where, reterr))
			return false;
	}
	return true;
}

bool ringcast_flags_load_config(const struct flags *flags, char *const *environment, struct config *ret_config, struct config_error *reterr)
{
	ringcast_assert(flags && environment);
	ringcast_assert(ret_config && reterr);
	struct config config;
	const char *path = flags->config_path ? flags->config_path : config_path_from(environment);
	ringcast_config_init(&config);
	if (flags->is_dev)
		ringcast_config_apply_dev(&config);
	if (path && !ringcast_config_load_file(&config, path, reterr))
		return false;
	if (!ringcast_config_load_env(&config, environment, reterr) || !apply_overrides(flags, &config, reterr))
		return false;
	if (!ringcast_config_check(&config, reterr))
		return false;
	*ret_config = config;
	return true;
}

void ringcast_flags_print_help(FILE *out)
{
	ringcast_assert(out);
	fputs("Usage: ringcastd [--config FILE] [flags]\n\nThe Ringcast relay daemon.\n\n", out);
	for (size_t i = 0; i < FLAG_COUNT; i++) {
		char left[40];
		snprintf(left, sizeof(left), "--%s %s", flags_table[i].name, flags_table[i].argument ? flags_table[i].argument : "");
		fprintf(out, "  %-20s %s\n", left, flags_table[i].help);
	}
	fputs("\nFlags win over the environment (RINGCAST_SECTION_KEY), which wins over the file.\n"
	      "Exit status: 0 stopped as asked, 1 could not start or failed, 2 bad flags or configuration.\n"
	      "\nExamples:\n"
	      "  ringcastd --dev\n"
	      "  ringcastd --config /etc/ringcastd/ringcastd.yaml --check-config\n"
	      "  RINGCAST_LOG_LEVEL=debug ringcastd --dev --shards 1 --set limits.players_max=900\n",
	      out);
}
