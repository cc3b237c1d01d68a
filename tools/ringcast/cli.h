/* The command line: a table of commands and a list of options (options.def) drive parsing and help alike. */
#ifndef RINGCAST_TOOLS_CLI_H
#define RINGCAST_TOOLS_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILURE = 1,
	CLI_USAGE = 2,
	CLI_NOT_FOUND = 3,
	CLI_TIMEOUT = 5,
};

enum cli_option_id {
#define CLI_OPTION(id, name, letter, value, help) CLI_OPTION_##id,
#include "tools/ringcast/options.def"
#undef CLI_OPTION
	CLI_OPTION_COUNT
};

#define CLI_BIT(id) (UINT64_C(1) << CLI_OPTION_##id)
#define CLI_COMMON (CLI_BIT(HELP))
#define CLI_ADMIN (CLI_COMMON | CLI_BIT(ADMIN) | CLI_BIT(TOKEN_FILE) | CLI_BIT(ADMIN_CERT) | CLI_BIT(ADMIN_KEY) | CLI_BIT(ADMIN_CA) | CLI_BIT(TIMEOUT))
#define CLI_ADMIN_OUTPUT (CLI_ADMIN | CLI_BIT(OUTPUT))

enum { CLI_ARGUMENTS_MAX = 4, CLI_GIVEN_MAX = 256 };

struct cli_command;

struct cli_given {
	enum cli_option_id id;
	const char *value;
};

struct cli_invocation {
	const struct cli_command *command;
	const char *values[CLI_OPTION_COUNT]; /* NULL: not given; "" for a switch */
	const char *arguments[CLI_ARGUMENTS_MAX];
	int argument_count;
	struct cli_given given[CLI_GIVEN_MAX]; /* every option in its order, for those that may be repeated */
	int given_count;
};

struct cli_command {
	const char *noun;
	const char *verb;      /* NULL: the noun alone is the command */
	const char *arguments; /* for the usage line; "<x>" is required, "[x]" is not */
	const char *summary;
	const char *example;
	uint64_t options;      /* CLI_BIT of those it takes */
	enum cli_exit (*run)(const struct cli_invocation *invocation);
};

/* Parses, answers --help and usage errors, runs. commands ends with a NULL noun. */
enum cli_exit ringcast_cli_main(const struct cli_command *commands, int argc, char **argv);
/* Parsing alone, for tests. CLI_OK with command NULL: help was asked for and printed. Messages go to out and err. */
enum cli_exit ringcast_cli_parse(const struct cli_command *commands, int argc, char **argv, struct cli_invocation *ret_invocation, FILE *out,
				 FILE *err);

bool ringcast_cli_has(const struct cli_invocation *invocation, enum cli_option_id id);
const char *ringcast_cli_value(const struct cli_invocation *invocation, enum cli_option_id id, const char *default_value);
/* Prints what is wrong and answers CLI_USAGE when the value is no number within the bounds; *ret_value is kept when the option is absent. */
enum cli_exit ringcast_cli_integer(const struct cli_invocation *invocation, enum cli_option_id id, int64_t min, int64_t max, int64_t *ret_value);
enum cli_exit ringcast_cli_seconds(const struct cli_invocation *invocation, enum cli_option_id id, double *ret_seconds);
/* A small text file with a NUL behind it, the caller frees; NULL: it was told what is wrong. */
char *ringcast_cli_read_text(const struct cli_invocation *invocation, const char *path, size_t bytes_max);
bool ringcast_cli_is_json(const struct cli_invocation *invocation);
/* "ringcast session show: text" on stderr. */
__attribute__((format(printf, 2, 3))) void ringcast_cli_error(const struct cli_invocation *invocation, const char *format, ...);

#endif
