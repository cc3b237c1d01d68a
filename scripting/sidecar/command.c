#include "scripting/sidecar/command.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"

enum { PATH_BYTES = 512, HEAP_MB = 512 };

/* What of our environment a script may see: what programs need to run, and nothing that could be a secret of the engine's. */
static const char *const environment_names[] = {"PATH",	      "HOME",	     "LANG",	 "LC_ALL",     "TZ",	      "NODE_OPTIONS",      "NODE_EXTRA_CA_CERTS",
						"http_proxy", "https_proxy", "no_proxy", "AWS_REGION", "AWS_DEFAULT_REGION"};

PRINTF_LIKE(4, 5) static void add(struct sidecar_command *command, char **words, unsigned *count, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	if (*count + 1 == SIDECAR_WORDS_MAX || vasprintf(&words[*count], format, arguments) < 0)
		command->is_short = true;
	else
		words[++*count] = NULL;
	va_end(arguments);
}

#define ADD_ARGUMENT(command, ...) add(command, (command)->arguments, &(command)->argument_count, __VA_ARGS__)
#define ADD_VARIABLE(command, ...) add(command, (command)->environment, &(command)->environment_count, __VA_ARGS__)

static void add_variable(struct sidecar_command *command, const char *name, size_t size)
{
	char copy[128];
	if (size == 0 || size >= sizeof(copy))
		return;
	memcpy(copy, name, size);
	copy[size] = '\0';
	const char *value = getenv(copy);
	if (value != NULL)
		ADD_VARIABLE(command, "%s=%s", copy, value);
}

/* Each word of text, behind flag. */
static void add_words(struct sidecar_command *command, const char *flag, const char *text)
{
	for (const char *at = text; at != NULL && *at != '\0';) {
		size_t size = strcspn(at, " ,");
		if (size > 0) {
			ADD_ARGUMENT(command, "%s", flag);
			ADD_ARGUMENT(command, "%.*s", (int)size, at);
		}
		at += size + (at[size] != '\0');
	}
}

static void add_pair(struct sidecar_command *command, const char *flag, const char *value)
{
	if (value == NULL || *value == '\0')
		return;
	ADD_ARGUMENT(command, "%s", flag);
	ADD_ARGUMENT(command, "%s", value);
}

static const char *confine_program(const struct sidecar_confinement *confinement)
{
	const char *named = getenv("RINGCAST_CONFINE");
	if (confinement->program != NULL)
		return confinement->program;
	return named != NULL && named[0] != '\0' ? named : RINGCAST_CONFINE_INSTALLED;
}

static bool is_confined(const struct sidecar_process_options *options)
{
	return options->confinement != NULL && !options->confinement->is_off && access(confine_program(options->confinement), X_OK) == 0;
}

static void add_confinement(struct sidecar_command *command, const struct sidecar_process_options *options, const char *folder)
{
	const struct sidecar_confinement *confinement = options->confinement;
	char sidecar[PATH_BYTES], memory[32], inspect[16];
	const char *script = ringcast_sidecar_process_script(options), *slash = strrchr(script, '/');
	const char *port = options->inspect != NULL ? strrchr(options->inspect, ':') : NULL;
	snprintf(sidecar, sizeof(sidecar), "%.*s", slash != NULL ? (int)(slash - script) : 1, slash != NULL ? script : ".");
	snprintf(memory, sizeof(memory), "%llu", (unsigned long long)confinement->memory_bytes);
	snprintf(inspect, sizeof(inspect), "%.8s", port != NULL ? port + 1 : options->inspect != NULL ? options->inspect : "");
	ADD_ARGUMENT(command, "%s", confine_program(confinement));
	add_pair(command, "--user", confinement->user != NULL ? confinement->user : "nobody");
	add_pair(command, "--read", sidecar);
	add_pair(command, "--read", getenv("NODE_EXTRA_CA_CERTS"));
	for (unsigned i = 0; folder == NULL && i < ARRAY_COUNT(confinement->scripts); i++)
		add_pair(command, "--read", confinement->scripts[i]);
	add_pair(command, "--read", folder);
	add_words(command, "--read", confinement->read_paths);
	add_pair(command, "--write", confinement->temporary);
	if (folder == NULL)
		add_words(command, "--connect", confinement->connect_ports != NULL ? confinement->connect_ports : "443");
	if (folder == NULL)
		add_pair(command, "--bind", inspect);
	if (confinement->memory_bytes != 0)
		add_pair(command, "--memory", memory);
}

static void fill_environment(struct sidecar_command *command, const struct sidecar_process_options *options)
{
	const struct sidecar_confinement *confinement = options->confinement;
	for (size_t i = 0; i < ARRAY_COUNT(environment_names); i++)
		add_variable(command, environment_names[i], strlen(environment_names[i]));
	for (const char *at = confinement != NULL ? confinement->environment : NULL; at != NULL && *at != '\0';) {
		size_t size = strcspn(at, " ,");
		add_variable(command, at, size);
		at += size + (at[size] != '\0');
	}
	if (confinement != NULL && confinement->temporary != NULL && confinement->temporary[0] != '\0')
		ADD_VARIABLE(command, "TMPDIR=%s", confinement->temporary);
	else
		add_variable(command, "TMPDIR", strlen("TMPDIR"));
	if (options->idle_workers != 0)
		ADD_VARIABLE(command, "RINGCAST_IDLE_WORKERS=%u", options->idle_workers);
}

bool ringcast_sidecar_command_make(struct sidecar_command *ret_command, const struct sidecar_process_options *options,
				   const char *const *node_arguments, const char *folder)
{
	*ret_command = (struct sidecar_command){.argument_count = 0};
	if (is_confined(options)) {
		add_confinement(ret_command, options, folder);
		ADD_ARGUMENT(ret_command, "--");
	}
	ADD_ARGUMENT(ret_command, "%s", options->node != NULL ? options->node : "node");
	ADD_ARGUMENT(ret_command, "--max-old-space-size=%d", HEAP_MB); /* of the main thread; sessions have their own */
	for (; *node_arguments != NULL; node_arguments++)
		ADD_ARGUMENT(ret_command, "%s", *node_arguments);
	fill_environment(ret_command, options);
	if (!ret_command->is_short)
		return true;
	ringcast_sidecar_command_free(ret_command);
	return false;
}

void ringcast_sidecar_command_free(struct sidecar_command *command)
{
	for (unsigned i = 0; i < command->argument_count; i++)
		free(command->arguments[i]);
	for (unsigned i = 0; i < command->environment_count; i++)
		free(command->environment[i]);
	command->argument_count = command->environment_count = 0;
}

/* What a program prints, up to one line. False: it could not be run. */
static bool read_line_of(char *const *arguments, char *ret_text, size_t text_bytes)
{
	int pipes[2], status;
	pid_t pid;
	posix_spawn_file_actions_t actions;
	if (pipe2(pipes, O_CLOEXEC) != 0)
		return false;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO);
	int error = posix_spawn(&pid, arguments[0], &actions, NULL, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(pipes[1]);
	ssize_t size = error == 0 ? read(pipes[0], ret_text, text_bytes - 1) : -1;
	close(pipes[0]);
	if (error == 0)
		waitpid(pid, &status, 0);
	if (size <= 0)
		return false;
	ret_text[size] = '\0';
	ret_text[strcspn(ret_text, "\n")] = '\0';
	return true;
}

bool ringcast_sidecar_confinement_report(const struct sidecar_process_options *options, char *ret_text, size_t text_bytes)
{
	struct sidecar_command command = {.argument_count = 0};
	if (options->confinement == NULL || options->confinement->is_off) {
		snprintf(ret_text, text_bytes, "NOT confined, as configured: scripts can do whatever the server can");
		return false;
	}
	const char *program = confine_program(options->confinement);
	if (!is_confined(options)) {
		snprintf(ret_text, text_bytes, "NOT confined, because %s is not there: scripts can do whatever the server can", program);
		return false;
	}
	add_confinement(&command, options, NULL);
	ADD_ARGUMENT(&command, "--report");
	if (command.is_short || !read_line_of(command.arguments, ret_text, text_bytes))
		snprintf(ret_text, text_bytes, "NOT confined: %s does not answer", program);
	ringcast_sidecar_command_free(&command);
	return strstr(ret_text, "NOT") == NULL;
}
