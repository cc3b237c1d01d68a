#include "tools/ringcast/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct cli_option {
	const char *name;
	char letter;
	const char *value;
	const char *help;
};

static const struct cli_option options[CLI_OPTION_COUNT] = {
#define CLI_OPTION(id, name, letter, value, help) [CLI_OPTION_##id] = {name, letter, value, help},
#include "tools/ringcast/options.def"
#undef CLI_OPTION
};

static bool is_same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* help */

static void print_command_line(FILE *out, const struct cli_command *command)
{
	char line[80];
	snprintf(line, sizeof(line), "%s%s%s%s%s", command->noun, command->verb ? " " : "", command->verb ? command->verb : "",
		 command->arguments[0] ? " " : "", command->arguments);
	fprintf(out, "  %-34s %s\n", line, command->summary);
}

static void print_options(FILE *out, uint64_t wanted)
{
	fprintf(out, "\nOptions:\n");
	for (int id = 0; id < CLI_OPTION_COUNT; id++) {
		const struct cli_option *option = &options[id];
		char left[64], letter[8] = "    ";
		if (!(wanted & UINT64_C(1) << id))
			continue;
		if (option->letter)
			snprintf(letter, sizeof(letter), "-%c, ", option->letter);
		snprintf(left, sizeof(left), "%s--%s%s%s", letter, option->name, option->value ? " " : "", option->value ? option->value : "");
		fprintf(out, "  %-30s %s\n", left, option->help);
	}
}

static void print_command_help(FILE *out, const struct cli_command *command)
{
	fprintf(out, "ringcast %s%s%s: %s\n\nUsage: ringcast %s%s%s%s%s [options]\n", command->noun, command->verb ? " " : "",
		command->verb ? command->verb : "", command->summary, command->noun, command->verb ? " " : "",
		command->verb ? command->verb : "", command->arguments[0] ? " " : "", command->arguments);
	print_options(out, command->options);
	fprintf(out, "\nExample:\n  %s\n", command->example);
}

/* noun NULL: all commands. */
static void print_list_help(FILE *out, const struct cli_command *commands, const char *noun)
{
	const char *example = NULL;
	fprintf(out, "Usage: ringcast %s [arguments] [options]\n\nCommands:\n", noun ? noun : "<command>");
	for (const struct cli_command *command = commands; command->noun; command++) {
		if (noun && strcmp(noun, command->noun) != 0)
			continue;
		print_command_line(out, command);
		example = example ? example : command->example;
	}
	fprintf(out, "\nExample:\n  %s\n\nExit codes: 0 done, 1 failure, 2 wrong usage, 3 not found, 5 timeout.\n", example);
	fprintf(out, "'ringcast <command> --help' says more.\n");
}

/* parsing */

static bool is_noun(const struct cli_command *commands, const char *noun)
{
	for (; commands->noun; commands++) {
		if (is_same(commands->noun, noun))
			return true;
	}
	return false;
}

static const struct cli_command *find_command(const struct cli_command *commands, const char *noun, const char *verb)
{
	for (; commands->noun; commands++) {
		if (is_same(commands->noun, noun) && (!commands->verb || is_same(commands->verb, verb)))
			return commands;
	}
	return NULL;
}

static int count_arguments(const char *arguments, char opening)
{
	int count = 0;
	for (; *arguments; arguments++)
		count += *arguments == opening;
	return count;
}

/* text: after the dashes. *ret_value is set when the value came with "=". */
static int find_long(const char *text, const char **ret_value)
{
	size_t size = strcspn(text, "=");
	for (int id = 0; id < CLI_OPTION_COUNT; id++) {
		if (strlen(options[id].name) == size && strncmp(options[id].name, text, size) == 0) {
			*ret_value = text[size] == '=' ? text + size + 1 : NULL;
			return id;
		}
	}
	return -1;
}

static int find_option(const char *word, const char **ret_value)
{
	*ret_value = NULL;
	if (word[1] == '-')
		return find_long(word + 2, ret_value);
	for (int id = 0; id < CLI_OPTION_COUNT; id++) {
		if (options[id].letter && options[id].letter == word[1]) {
			*ret_value = word[2] ? word + 2 : NULL;
			return id;
		}
	}
	return -1;
}

static enum cli_exit take_option(struct cli_invocation *invocation, char **words, int count, int *index, FILE *err)
{
	const char *value;
	int id = find_option(words[*index], &value);
	if (id < 0 || !(invocation->command->options & UINT64_C(1) << id)) {
		fprintf(err, "ringcast: unknown option '%s'\n", words[*index]);
		return CLI_USAGE;
	}
	if (!options[id].value) {
		if (value) {
			fprintf(err, "ringcast: --%s takes no value\n", options[id].name);
			return CLI_USAGE;
		}
		value = "";
	} else if (!value) {
		if (*index + 1 >= count) {
			fprintf(err, "ringcast: --%s needs %s\n", options[id].name, options[id].value);
			return CLI_USAGE;
		}
		value = words[++*index];
	}
	if (invocation->given_count == CLI_GIVEN_MAX) {
		fprintf(err, "ringcast: more than %d options\n", CLI_GIVEN_MAX);
		return CLI_USAGE;
	}
	invocation->given[invocation->given_count++] = (struct cli_given){(enum cli_option_id)id, value};
	invocation->values[id] = value;
	return CLI_OK;
}

static bool is_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0';
}

static enum cli_exit take_words(struct cli_invocation *invocation, char **words, int count, FILE *err)
{
	bool is_options_over = false;
	for (int i = 0; i < count; i++) {
		if (!is_options_over && strcmp(words[i], "--") == 0) {
			is_options_over = true;
		} else if (!is_options_over && is_option(words[i])) {
			enum cli_exit problem = take_option(invocation, words, count, &i, err);
			if (problem != CLI_OK)
				return problem;
		} else if (invocation->argument_count == CLI_ARGUMENTS_MAX) {
			fprintf(err, "ringcast: too many arguments at '%s'\n", words[i]);
			return CLI_USAGE;
		} else {
			invocation->arguments[invocation->argument_count++] = words[i];
		}
	}
	return CLI_OK;
}

static enum cli_exit check_arguments(const struct cli_invocation *invocation, FILE *err)
{
	const struct cli_command *command = invocation->command;
	int required = count_arguments(command->arguments, '<'), optional = count_arguments(command->arguments, '[');
	const char *output = invocation->values[CLI_OPTION_OUTPUT];
	if (invocation->argument_count < required || invocation->argument_count > required + optional) {
		if (invocation->argument_count < required)
			fprintf(err, "ringcast: something is missing: %d of %d arguments are there\n", invocation->argument_count, required);
		else
			fprintf(err, "ringcast: '%s' is one argument too many\n", invocation->arguments[required + optional]);
		fprintf(err, "Usage: ringcast %s%s%s %s [options]\n", command->noun, command->verb ? " " : "",
			command->verb ? command->verb : "", command->arguments);
		return CLI_USAGE;
	}
	if (output && strcmp(output, "table") != 0 && strcmp(output, "json") != 0) {
		fprintf(err, "ringcast: --output is table or json, not '%s'\n", output);
		return CLI_USAGE;
	}
	return CLI_OK;
}

static bool is_help(const char *word)
{
	return is_same(word, "--help") || is_same(word, "-h") || is_same(word, "help");
}

/* No command was found: help on the level that was reached, or a complaint with it. */
static enum cli_exit answer_unknown(const struct cli_command *commands, const char *noun, const char *verb, FILE *out, FILE *err)
{
	bool is_known_noun = is_noun(commands, noun);
	if (is_help(noun) || (is_known_noun && is_help(verb))) {
		print_list_help(out, commands, is_known_noun ? noun : NULL);
		return CLI_OK;
	}
	if (noun && noun[0] == '-')
		fprintf(err, "ringcast: '%s' where a command is wanted: options come behind it\n\n", noun);
	else if (noun && !is_known_noun)
		fprintf(err, "ringcast: unknown command '%s'\n\n", noun);
	else if (noun && verb)
		fprintf(err, "ringcast: unknown command '%s %s'\n\n", noun, verb);
	print_list_help(err, commands, is_known_noun ? noun : NULL);
	return CLI_USAGE;
}

enum cli_exit ringcast_cli_parse(const struct cli_command *commands, int argc, char **argv, struct cli_invocation *ret_invocation, FILE *out,
				 FILE *err)
{
	const char *noun = argc > 1 ? argv[1] : NULL, *verb = argc > 2 ? argv[2] : NULL;
	struct cli_invocation invocation = {.command = find_command(commands, noun, verb)};
	ret_invocation->command = NULL;
	if (!invocation.command)
		return answer_unknown(commands, noun, verb, out, err);
	int skipped = invocation.command->verb ? 3 : 2;
	enum cli_exit problem = take_words(&invocation, argv + skipped, argc - skipped, err);
	if (problem == CLI_OK && invocation.values[CLI_OPTION_HELP]) {
		print_command_help(out, invocation.command);
		return CLI_OK;
	}
	if (problem == CLI_OK)
		problem = check_arguments(&invocation, err);
	if (problem == CLI_OK)
		*ret_invocation = invocation;
	return problem;
}

enum cli_exit ringcast_cli_main(const struct cli_command *commands, int argc, char **argv)
{
	struct cli_invocation invocation;
	enum cli_exit result = ringcast_cli_parse(commands, argc, argv, &invocation, stdout, stderr);
	if (result == CLI_OK && invocation.command)
		result = invocation.command->run(&invocation);
	if (fflush(stdout) != 0 && result == CLI_OK) {
		perror("ringcast: writing the output");
		result = CLI_FAILURE;
	}
	return result;
}

/* values */

bool ringcast_cli_has(const struct cli_invocation *invocation, enum cli_option_id id)
{
	return invocation->values[id] != NULL;
}

const char *ringcast_cli_value(const struct cli_invocation *invocation, enum cli_option_id id, const char *default_value)
{
	return invocation->values[id] ? invocation->values[id] : default_value;
}

enum cli_exit ringcast_cli_integer(const struct cli_invocation *invocation, enum cli_option_id id, int64_t min, int64_t max, int64_t *ret_value)
{
	const char *text = invocation->values[id];
	char *end;
	if (!text)
		return CLI_OK;
	errno = 0;
	long long value = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || value < min || value > max) {
		ringcast_cli_error(invocation, "--%s: '%s' is not a number from %lld to %lld", options[id].name, text, (long long)min, (long long)max);
		return CLI_USAGE;
	}
	*ret_value = value;
	return CLI_OK;
}

enum cli_exit ringcast_cli_seconds(const struct cli_invocation *invocation, enum cli_option_id id, double *ret_seconds)
{
	const char *text = invocation->values[id];
	char *end;
	if (!text)
		return CLI_OK;
	double seconds = strtod(text, &end);
	if (end == text || *end != '\0' || !(seconds >= 0 && seconds <= 86400)) {
		ringcast_cli_error(invocation, "--%s: '%s' is not a number of seconds from 0 to 86400", options[id].name, text);
		return CLI_USAGE;
	}
	*ret_seconds = seconds;
	return CLI_OK;
}

char *ringcast_cli_read_text(const struct cli_invocation *invocation, const char *path, size_t bytes_max)
{
	FILE *file = fopen(path, "re");
	char *text = file ? malloc(bytes_max + 1) : NULL;
	size_t size = text ? fread(text, 1, bytes_max, file) : 0;
	const char *problem = !file || !text || ferror(file) ? strerror(errno) : getc(file) != EOF ? "too long" : NULL;
	if (file)
		fclose(file);
	if (!problem) {
		text[size] = '\0';
		return text;
	}
	ringcast_cli_error(invocation, "%s: %s", path, problem);
	free(text);
	return NULL;
}

bool ringcast_cli_is_json(const struct cli_invocation *invocation)
{
	return is_same(invocation->values[CLI_OPTION_OUTPUT], "json");
}

void ringcast_cli_error(const struct cli_invocation *invocation, const char *format, ...)
{
	va_list arguments;
	const struct cli_command *command = invocation->command;
	fprintf(stderr, "ringcast %s%s%s: ", command->noun, command->verb ? " " : "", command->verb ? command->verb : "");
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}
