#include "scripts/check.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "io/clock.h"
#include "scripting/lua/lua_host.h"
#include "scripting/sidecar/command.h"

enum { CHECK_TIMEOUT_MS = 15000, CHECK_STEP_MS = 500, CHECK_EXIT_CONFINE = 126, CHECK_ANSWER_BYTES_MAX = 65536 };

static bool refuse(char *reterr, size_t reterr_bytes, const char *format, const char *value)
{
	snprintf(reterr, reterr_bytes, format, value);
	return false;
}

/* The answer: one line of JSON, the last that the process printed (the script may print too, while it loads) */

static bool find_callback(const char *text, uint32_t *ret_bit)
{
	static const char *const names[] = {
#define X(name, text) text,
		SCRIPT_CALLBACKS(X)
#undef X
	};

	for (uint32_t i = 0; i < SCRIPT_CALLBACK_COUNT; i++) {
		if (strcmp(names[i], text) == 0) {
			*ret_bit = UINT32_C(1) << i;
			return true;
		}
	}
	return false;
}

static uint32_t number_of(const json_t *configuration, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(configuration, key));
	return value > 0 && value <= UINT32_MAX ? (uint32_t)value : 0;
}

static void take_facts(const json_t *answer, struct script_facts *facts)
{
	const json_t *callbacks = json_object_get(answer, "callbacks"), *configuration = json_object_get(answer, "configuration");
	uint32_t bit;
	for (size_t i = 0; i < json_array_size(callbacks); i++) {
		const char *name = json_string_value(json_array_get(callbacks, i));
		if (name != NULL && find_callback(name, &bit))
			facts->callbacks |= bit;
	}
	facts->players_max = number_of(configuration, "maxPlayers");
	facts->ping_interval_ms = number_of(configuration, "pingIntervalTime");
	facts->tick_interval_ms = number_of(configuration, "tickInterval");
}

static const char *last_line(char *text)
{
	size_t size = strlen(text);
	while (size > 0 && text[size - 1] == '\n')
		text[--size] = '\0';
	const char *end = strrchr(text, '\n');
	return end != NULL ? end + 1 : text;
}

static bool take_main(const json_t *answer, struct script *script, char *reterr, size_t reterr_bytes)
{
	const char *main = json_string_value(json_object_get(answer, "main"));
	return script->main != NULL || ringcast_script_settle(script, main != NULL ? main : "", reterr, reterr_bytes);
}

static bool read_answer(char *text, struct script *script, char *reterr, size_t reterr_bytes)
{
	json_t *answer = json_loads(last_line(text), 0, NULL);
	const char *error = json_string_value(json_object_get(answer, "error"));
	bool is_good = error == NULL && json_is_array(json_object_get(answer, "callbacks"));
	if (error != NULL)
		refuse(reterr, reterr_bytes, "%s", error);
	else if (!is_good)
		refuse(reterr, reterr_bytes, "the dry run ended without an answer: %.200s",
		       *text != '\0' ? last_line(text) : "the process said nothing");
	else
		take_facts(answer, &script->facts);
	is_good = is_good && take_main(answer, script, reterr, reterr_bytes);
	json_decref(answer);
	return is_good;
}

/* The process */

static pid_t start(const struct sidecar_process_options *process, const char *program, const struct script *script, int output)
{
	const char *arguments[] = {program, script->folder, script->main, NULL};
	struct sidecar_command command;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	pid_t pid;
	errno = ENOMEM;
	if (!ringcast_sidecar_command_make(&command, process, arguments, script->folder))
		return -1;
	sigemptyset(&none);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none); /* not the daemon's, which blocks what would end the process */
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
	int error = posix_spawnp(&pid, command.arguments[0], &actions, &attributes, command.arguments, command.environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	ringcast_sidecar_command_free(&command);
	errno = error;
	return error == 0 ? pid : -1;
}

/* Until the end of the output, the bound, or the timeout. False: timeout. */
static bool read_output(int fd, char *out, size_t out_bytes)
{
	uint64_t left_ns = CHECK_TIMEOUT_MS * NS_PER_MS;
	size_t used = 0;
	for (;;) {
		uint64_t start_ns = ringcast_clock_now_ns();
		struct pollfd poller = {.fd = fd, .events = POLLIN};
		int ready = poll(&poller, 1, CHECK_STEP_MS);
		uint64_t step_ns = ringcast_clock_now_ns() - start_ns;
		left_ns -= step_ns < 2 * CHECK_STEP_MS * NS_PER_MS ? (step_ns < left_ns ? step_ns : left_ns) : 0; /* more: we did not run */
		out[used] = '\0';
		if (ready == 0 && left_ns == 0)
			return false;
		if (ready == 0 || (ready < 0 && errno == EINTR))
			continue;
		ssize_t size = read(fd, out + used, out_bytes - 1 - used);
		if (size <= 0 || used + (size_t)size == out_bytes - 1)
			return true;
		used += (size_t)size;
	}
}

static bool run(const struct sidecar_process_options *process, const char *program, const struct script *script, char *out, size_t out_bytes, char *reterr,
		size_t reterr_bytes)
{
	int pipes[2], status;
	if (pipe2(pipes, O_CLOEXEC) != 0)
		return refuse(reterr, reterr_bytes, "cannot try the script out: %s", strerror(errno));
	pid_t pid = start(process, program, script, pipes[1]);
	int error = errno;
	close(pipes[1]);
	bool is_in_time = pid > 0 && read_output(pipes[0], out, out_bytes);
	close(pipes[0]);
	if (pid < 0) {
		snprintf(reterr, reterr_bytes, "cannot run %s: %s (JavaScript needs Node.js 18 or newer; scripts.node names the program)",
			 process->node != NULL ? process->node : "node", strerror(error));
		return false;
	}
	kill(pid, SIGKILL); /* it has answered, or will not */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == CHECK_EXIT_CONFINE) { /* ringcast-confine could not become it */
		snprintf(reterr, reterr_bytes, "cannot run %s (JavaScript needs Node.js 18 or newer; scripts.node names the program, not a script around it)",
			 process->node != NULL ? process->node : "node");
		return false;
	}
	return is_in_time || refuse(reterr, reterr_bytes, "%s: did not come to an end while loading", script->main != NULL ? script->main : "the script");
}

static bool check_js(struct script *script, const struct sidecar_process_options *process, char *reterr, size_t reterr_bytes)
{
	char program[512];
	char *out = malloc(CHECK_ANSWER_BYTES_MAX);
	bool is_good = false;
	if (out == NULL)
		return refuse(reterr, reterr_bytes, "%s", "out of memory");
	if (!ringcast_sidecar_process_check_program(process, program, sizeof(program)))
		refuse(reterr, reterr_bytes, "%s: the JavaScript sidecar is not there; RINGCAST_SIDECAR names its main file (sidecar.js)", program);
	else if (run(process, program, script, out, CHECK_ANSWER_BYTES_MAX, reterr, reterr_bytes))
		is_good = read_answer(out, script, reterr, reterr_bytes);
	free(out);
	return is_good;
}

static bool check_lua(struct script *script, const struct script_limits *limits, char *reterr, size_t reterr_bytes)
{
#ifdef HAVE_LUA
	return ringcast_lua_check(script, limits, reterr, reterr_bytes);
#else
	return refuse(reterr, reterr_bytes, "%s", "this Ringcast was built without Lua");
#endif
}

bool ringcast_script_dry_run(struct script *script, const struct script_check_options *options, char *reterr, size_t reterr_bytes)
{
	if (script->language == SCRIPT_LUA)
		return check_lua(script, options->limits, reterr, reterr_bytes);
	return check_js(script, options->process, reterr, reterr_bytes);
}

bool ringcast_script_confinement(const struct sidecar_process_options *process, char *ret_text, size_t text_bytes)
{
	return ringcast_sidecar_confinement_report(process, ret_text, text_bytes);
}
