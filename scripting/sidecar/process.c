#include "scripting/sidecar/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "scripting/sidecar/command.h"

enum { CHANNEL_FD = 3, BACKOFF_FIRST_MS = 200, BACKOFF_MAX_MS = 30000, BACKOFF_CLEAR_MS = 60000, LAST_WORDS_BYTES = 400 };

static int spawn_with(pid_t *ret_pid, const struct sidecar_process_options *options, const struct sidecar_process *process, int channel,
		      posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes)
{
	char inspect[128] = "";
	const char *arguments[4] = {"--enable-source-maps"};
	unsigned argument_count = 1;
	struct sidecar_command command;
	const char *address = options->inspect != NULL && options->inspect[0] != '\0' ? options->inspect : getenv("RINGCAST_INSPECT");
	if (address != NULL && address[0] != '\0') {
		snprintf(inspect, sizeof(inspect), "--inspect=%s", address);
		arguments[argument_count++] = inspect;
	}
	arguments[argument_count] = ringcast_sidecar_process_script(options);
	if (!ringcast_sidecar_command_make(&command, options, arguments, NULL))
		return ENOMEM;
	int error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(actions, process->output, STDOUT_FILENO);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(actions, process->output, STDERR_FILENO);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(actions, channel, CHANNEL_FD);
	if (error == 0)
		error = posix_spawn_file_actions_addclosefrom_np(actions, CHANNEL_FD + 1);
	if (error == 0)
		error = posix_spawnp(ret_pid, command.arguments[0], actions, attributes, command.arguments, command.environment);
	ringcast_sidecar_command_free(&command);
	return error;
}

/*
 * Signals as a fresh program expects them, whatever the engine blocks or ignores; a group of its own, so that ^C is the engine's to
 * handle.
 */
static int attributes_fill(posix_spawnattr_t *attributes)
{
	sigset_t none, defaults;
	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGINT);
	sigaddset(&defaults, SIGTERM);
	sigaddset(&defaults, SIGHUP);
	int error = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	if (error == 0)
		error = posix_spawnattr_setsigmask(attributes, &none);
	if (error == 0)
		error = posix_spawnattr_setsigdefault(attributes, &defaults);
	return error != 0 ? error : posix_spawnattr_setpgroup(attributes, 0);
}

static int spawn(struct sidecar_process *process, const struct sidecar_process_options *options, int channel)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int error = posix_spawn_file_actions_init(&actions);
	if (error != 0)
		return error;
	error = posix_spawnattr_init(&attributes);
	if (error == 0) {
		error = attributes_fill(&attributes);
		if (error == 0)
			error = spawn_with(&process->pid, options, process, channel, &actions, &attributes);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

static bool say(char *reterr, size_t reterr_bytes, const char *what, int error)
{
	snprintf(reterr, reterr_bytes, "script sidecar: %s: %s", what, strerror(error));
	return false;
}

static bool watch(struct sidecar_process *process, int niceness, char *reterr, size_t reterr_bytes)
{
	process->pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
	if (process->pidfd < 0)
		return say(reterr, reterr_bytes, "cannot watch the process (pidfd_open)", errno);
	if (niceness != 0 && setpriority(PRIO_PROCESS, (id_t)process->pid, niceness) != 0)
		return say(reterr, reterr_bytes, "cannot set its niceness", errno);
	return true;
}

bool ringcast_sidecar_process_start(const struct sidecar_process_options *options, struct sidecar_process *ret_process, char *reterr,
				    size_t reterr_bytes)
{
	int pair[2];
	struct sidecar_process process = {.pidfd = -1, .output = -1};
	const char *script = ringcast_sidecar_process_script(options);
	if (access(script, R_OK) != 0)
		return say(reterr, reterr_bytes, script, errno);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return say(reterr, reterr_bytes, "socketpair", errno);
	process.output = memfd_create("sidecar-output", MFD_CLOEXEC);
	int error = process.output >= 0 ? spawn(&process, options, pair[1]) : errno;
	close(pair[1]);
	process.socket = pair[0];
	if (error != 0) {
		ringcast_sidecar_process_finish(&process);
		return say(reterr, reterr_bytes, options->node != NULL ? options->node : "cannot start node", error);
	}
	if (!watch(&process, options->niceness, reterr, reterr_bytes)) {
		kill(process.pid, SIGKILL);
		waitpid(process.pid, NULL, 0);
		ringcast_sidecar_process_finish(&process);
		return false;
	}
	fcntl(process.socket, F_SETFL, fcntl(process.socket, F_GETFL) | O_NONBLOCK);
	*ret_process = process;
	return true;
}

/* The last line that it printed, without what does not belong into a line. */
static void add_last_words(const struct sidecar_process *process, char *text, size_t text_bytes)
{
	char words[LAST_WORDS_BYTES + 1];
	off_t end = lseek(process->output, 0, SEEK_END);
	off_t start = end > LAST_WORDS_BYTES ? end - LAST_WORDS_BYTES : 0;
	ssize_t size = end > 0 ? pread(process->output, words, LAST_WORDS_BYTES, start) : 0;
	while (size > 0 && words[size - 1] == '\n')
		size--;
	if (size <= 0)
		return;
	words[size] = '\0';
	char *line = strrchr(words, '\n');
	line = line != NULL ? line + 1 : words;
	for (char *c = line; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f || *c == '"' || *c == '\\')
			*c = '\'';
	size_t used = strlen(text);
	snprintf(text + used, text_bytes - used, ": %s", line);
}

bool ringcast_sidecar_process_wait(struct sidecar_process *process, int timeout_ms, char *ret_text, size_t text_bytes)
{
	struct pollfd pollfd = {.fd = process->pidfd, .events = POLLIN};
	int status;
	if (process->pid == 0 || poll(&pollfd, 1, timeout_ms) <= 0)
		return false;
	pid_t ended = waitpid(process->pid, &status, WNOHANG);
	if (ended != process->pid && !(ended < 0 && errno == ECHILD))
		return false;
	process->pid = 0;
	if (ended < 0) /* the program around us ignores SIGCHLD, or waits for all children */
		snprintf(ret_text, text_bytes, "nobody knows how");
	else if (WIFSIGNALED(status))
		snprintf(ret_text, text_bytes, "killed by signal %d", WTERMSIG(status));
	else
		snprintf(ret_text, text_bytes, "exit code %d", WEXITSTATUS(status));
	add_last_words(process, ret_text, text_bytes);
	return true;
}

void ringcast_sidecar_process_kill(const struct sidecar_process *process)
{
	if (process->pid != 0)
		syscall(SYS_pidfd_send_signal, process->pidfd, SIGKILL, NULL, 0);
}

void ringcast_sidecar_process_finish(struct sidecar_process *process)
{
	if (process->pidfd >= 0)
		close(process->pidfd);
	if (process->socket >= 0)
		close(process->socket);
	if (process->output >= 0)
		close(process->output);
	*process = (struct sidecar_process){.pidfd = -1, .socket = -1, .output = -1};
}

const char *ringcast_sidecar_process_script(const struct sidecar_process_options *options)
{
	const char *named = getenv("RINGCAST_SIDECAR");
	if (options->script != NULL && options->script[0] != '\0')
		return options->script;
	return named != NULL && named[0] != '\0' ? named : RINGCAST_JS_INSTALLED "/sidecar.js";
}

bool ringcast_sidecar_process_check_program(const struct sidecar_process_options *options, char *ret_path, size_t path_bytes)
{
	const char *script = ringcast_sidecar_process_script(options);
	const char *slash = strrchr(script, '/');
	int folder_bytes = slash != NULL ? (int)(slash - script + 1) : 0;
	return (size_t)snprintf(ret_path, path_bytes, "%.*scheck.js", folder_bytes, script) < path_bytes && access(ret_path, R_OK) == 0;
}

uint64_t ringcast_sidecar_backoff_next_ms(struct sidecar_backoff *backoff, uint64_t lived_ms)
{
	if (lived_ms >= BACKOFF_CLEAR_MS)
		backoff->failure_count = 0;
	uint32_t failure_count = backoff->failure_count;
	if (backoff->failure_count < 16)
		backoff->failure_count++;
	if (failure_count == 0)
		return 0;
	uint64_t delay_ms = (uint64_t)BACKOFF_FIRST_MS << (failure_count - 1);
	return delay_ms < BACKOFF_MAX_MS ? delay_ms : BACKOFF_MAX_MS;
}
