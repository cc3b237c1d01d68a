#include "scripting/sidecar/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"

enum { CHANNEL_FD = 3, BACKOFF_FIRST_MS = 200, BACKOFF_MAX_MS = 30000, BACKOFF_CLEAR_MS = 60000, ENVIRONMENT_COUNT_MAX = 24 };

/* What of our environment a script may see: what programs need to run, and nothing that could be a secret of the engine's. */
static const char *const environment_names[] = {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "NODE_OPTIONS", "NODE_EXTRA_CA_CERTS",
						 "http_proxy", "https_proxy", "no_proxy", "AWS_REGION", "AWS_DEFAULT_REGION"};

static size_t environment_fill(char *out[ENVIRONMENT_COUNT_MAX], const struct sidecar_process_options *options)
{
	size_t count = 0;
	for (size_t i = 0; i < ARRAY_COUNT(environment_names); i++) {
		const char *value = getenv(environment_names[i]);
		if (value != NULL && asprintf(&out[count], "%s=%s", environment_names[i], value) >= 0)
			count++;
	}
	if (options->idle_workers != 0 && asprintf(&out[count], "RINGCAST_IDLE_WORKERS=%u", options->idle_workers) >= 0)
		count++;
	out[count] = NULL;
	return count;
}

static int spawn_with(pid_t *ret_pid, const struct sidecar_process_options *options, int channel, posix_spawn_file_actions_t *actions,
		      const posix_spawnattr_t *attributes)
{
	char inspect[128], *environment[ENVIRONMENT_COUNT_MAX];
	const char *node = options->node != NULL ? options->node : "node";
	const char *script = ringcast_sidecar_process_script(options);
	char *arguments[6] = {(char *)node, "--enable-source-maps"};
	unsigned argument_count = 2;
	const char *address = options->inspect != NULL && options->inspect[0] != '\0' ? options->inspect : getenv("RINGCAST_INSPECT");
	if (address != NULL && address[0] != '\0') {
		snprintf(inspect, sizeof(inspect), "--inspect=%s", address);
		arguments[argument_count++] = inspect;
	}
	arguments[argument_count] = (char *)script;
	int error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(actions, channel, CHANNEL_FD);
	if (error == 0)
		error = posix_spawn_file_actions_addclosefrom_np(actions, CHANNEL_FD + 1);
	size_t environment_count = environment_fill(environment, options);
	if (error == 0)
		error = posix_spawnp(ret_pid, node, actions, attributes, arguments, environment);
	for (size_t i = 0; i < environment_count; i++)
		free(environment[i]);
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

static int spawn(pid_t *ret_pid, const struct sidecar_process_options *options, int channel)
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
			error = spawn_with(ret_pid, options, channel, &actions, &attributes);
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
	struct sidecar_process process = {.pidfd = -1};
	const char *script = ringcast_sidecar_process_script(options);
	if (access(script, R_OK) != 0)
		return say(reterr, reterr_bytes, script, errno);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return say(reterr, reterr_bytes, "socketpair", errno);
	int error = spawn(&process.pid, options, pair[1]);
	close(pair[1]);
	process.socket = pair[0];
	if (error != 0) {
		close(pair[0]);
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

bool ringcast_sidecar_process_wait(struct sidecar_process *process, int timeout_ms, char *ret_text, size_t text_bytes)
{
	struct pollfd pollfd = {.fd = process->pidfd, .events = POLLIN};
	int status;
	if (process->pid == 0 || poll(&pollfd, 1, timeout_ms) <= 0 || waitpid(process->pid, &status, WNOHANG) != process->pid)
		return false;
	process->pid = 0;
	if (WIFSIGNALED(status))
		snprintf(ret_text, text_bytes, "killed by signal %d", WTERMSIG(status));
	else
		snprintf(ret_text, text_bytes, "exit code %d", WEXITSTATUS(status));
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
	*process = (struct sidecar_process){.pidfd = -1, .socket = -1};
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
