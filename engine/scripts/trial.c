#include "scripts/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "io/clock.h"

enum { STEP_MS = 500, EXIT_REFUSED = 126 };

static void set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(attributes);
	posix_spawnattr_setsigmask(attributes, &none); /* not the daemon's, which blocks what would end the process */
	posix_spawnattr_setsigdefault(attributes, &all);
	posix_spawnattr_setpgroup(attributes, 0);
	posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
}

static pid_t start(const struct trial *trial, int output)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	pid_t pid;
	set_attributes(&attributes);
	posix_spawn_file_actions_init(&actions);
	if (trial->input < 0)
		posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	else
		posix_spawn_file_actions_adddup2(&actions, trial->input, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
	int error = posix_spawnp(&pid, trial->arguments[0], &actions, &attributes, trial->arguments, trial->environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	errno = error;
	return error == 0 ? pid : -1;
}

/* What has passed, unless it is so much that this process did not run either. */
static uint64_t counted_ns(uint64_t passed_ns)
{
	return passed_ns < 2 * STEP_MS * NS_PER_MS ? passed_ns : STEP_MS * NS_PER_MS;
}

/* Until the end of the output, the bound, or the timeout. False: timeout. out is terminated after each piece, the last one too. */
static bool read_output(int fd, uint32_t timeout_ms, char *out, size_t out_bytes)
{
	uint64_t used_ns = 0;
	size_t used = 0;
	out[0] = '\0';
	while (used < out_bytes - 1) {
		uint64_t start_ns = ringcast_clock_now_ns();
		int ready = poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, STEP_MS);
		used_ns += counted_ns(ringcast_clock_now_ns() - start_ns);
		if (ready <= 0) {
			if (used_ns >= timeout_ms * NS_PER_MS)
				return false;
			continue;
		}
		ssize_t size = read(fd, out + used, out_bytes - 1 - used);
		if (size <= 0)
			return true;
		used += (size_t)size;
		out[used] = '\0';
		if (used_ns >= timeout_ms * NS_PER_MS)
			return false;
	}
	return true;
}

/* It has answered, or will not: neither it nor what it started lives on. */
static int end(pid_t pid)
{
	int status = 0;
	kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

enum trial_end ringcast_trial_run(const struct trial *trial, char *out, size_t out_bytes)
{
	int pipes[2];
	ringcast_assert(out_bytes > 1);
	out[0] = '\0';
	if (pipe2(pipes, O_CLOEXEC) != 0)
		return TRIAL_NOT_STARTED;
	pid_t pid = start(trial, pipes[1]);
	int error = errno;
	close(pipes[1]);
	bool is_in_time = pid > 0 && read_output(pipes[0], trial->timeout_ms, out, out_bytes);
	close(pipes[0]);
	errno = error;
	if (pid < 0)
		return TRIAL_NOT_STARTED;
	int status = end(pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_REFUSED)
		return TRIAL_REFUSED;
	if (!is_in_time)
		return TRIAL_LATE;
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU ? TRIAL_OUT_OF_TIME : TRIAL_ENDED;
}
