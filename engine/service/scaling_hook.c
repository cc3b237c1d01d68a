#include "service/scaling_hook.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/pause.h"
#include "base/worker.h"

enum { LOOK_MS = 100 };

struct scaling_hook {
	int64_t (*steady_ms)(void);
	struct worker worker; /* its lock guards the rest */
	char *command;	      /* NULL: none */
	int64_t timeout_ms;
	struct scaling_decision waiting[SCALING_HOOK_FLEETS_MAX]; /* oldest first */
	size_t count;
	struct scaling_hook_counts counts;
};

/* Running */

struct order {
	struct scaling_decision decision;
	char *command; /* a copy: another may be set meanwhile */
	int64_t timeout_ms;
};

struct variables {
	char fleet[MODEL_ID_BYTES + 20], desired[48], reason[SCALING_REASON_BYTES + 20];
	char *list[6];
};

static void fill(struct variables *variables, const struct scaling_decision *decision)
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", language[] = "LANG=C.UTF-8";
	snprintf(variables->fleet, sizeof(variables->fleet), "RINGCAST_FLEET=%s", decision->fleet);
	snprintf(variables->desired, sizeof(variables->desired), "RINGCAST_DESIRED=%" PRId64, decision->desired);
	snprintf(variables->reason, sizeof(variables->reason), "RINGCAST_REASON=%s", decision->reason);
	char *list[] = {variables->fleet, variables->desired, variables->reason, path, language, NULL};
	memcpy(variables->list, list, sizeof(list));
}

/* 0, or the errno. */
static int start(const char *command, const struct scaling_decision *decision, pid_t *ret_pid)
{
	struct variables variables;
	char *arguments[] = {(char *)command, NULL};
	sigset_t none, all;
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	fill(&variables, decision);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&files, 1, 2);
	posix_spawn_file_actions_addclosefrom_np(&files, 3);
	int problem = posix_spawn(ret_pid, command, &files, &attributes, arguments, variables.list);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	return problem;
}

static bool is_stopping(struct scaling_hook *hook)
{
	pthread_mutex_lock(&hook->worker.lock);
	bool is_so = hook->worker.is_stopping;
	pthread_mutex_unlock(&hook->worker.lock);
	return is_so;
}

/* True: it has ended by itself, and *ret_status is how. Its group is gone after this in any case. */
static bool await_end(struct scaling_hook *hook, pid_t pid, int64_t timeout_ms, int *ret_status)
{
	uint64_t patience_ns = (uint64_t)timeout_ms * NS_PER_MS;
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd end = {.fd = fd, .events = POLLIN};
	bool has_ended = false, is_patient = true;
	for (int64_t before_ms = hook->steady_ms(), after_ms; !has_ended && is_patient && !is_stopping(hook); before_ms = after_ms) {
		has_ended = poll(&end, 1, LOOK_MS) > 0; /* without a descriptor it is a pause, and the time runs out */
		after_ms = hook->steady_ms();
		is_patient = ringcast_pause_spend(&patience_ns, (uint64_t)(after_ms - before_ms) * NS_PER_MS, LOOK_MS * NS_PER_MS);
	}
	kill(-pid, SIGKILL); /* its group has its number as long as it is not waited for */
	while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
		;
	if (fd >= 0)
		close(fd);
	return has_ended;
}

static void run_one(struct scaling_hook *hook, const struct order *order)
{
	const struct scaling_decision *decision = &order->decision;
	pid_t pid;
	int status = 0, problem = start(order->command, decision, &pid);
	bool has_ended = problem != 0 || await_end(hook, pid, order->timeout_ms, &status), is_done = problem == 0 && has_ended && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	char how[96] = "done";
	if (problem != 0)
		snprintf(how, sizeof(how), "does not start: %s", strerror(problem));
	else if (!has_ended)
		snprintf(how, sizeof(how), "was ended after %" PRId64 " s, or because the service stops", order->timeout_ms / 1000);
	else if (!is_done)
		snprintf(how, sizeof(how), WIFEXITED(status) ? "ended with status %d" : "was killed by signal %d", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	ringcast_log(is_done ? LOG_INFO : LOG_ERROR, "service", "the scaling hook was run", "fleet=%s desired=%" PRId64 " result=\"%s\"", decision->fleet, decision->desired, how);
	pthread_mutex_lock(&hook->worker.lock);
	*(is_done ? &hook->counts.done : has_ended ? &hook->counts.failed : &hook->counts.timed_out) += 1;
	pthread_mutex_unlock(&hook->worker.lock);
}

/* False: stop. The order's command is the caller's; NULL: no memory. */
static bool take(struct scaling_hook *hook, struct order *ret_order)
{
	pthread_mutex_lock(&hook->worker.lock);
	while (hook->count == 0 && !hook->worker.is_stopping)
		pthread_cond_wait(&hook->worker.changed, &hook->worker.lock);
	bool is_taken = !hook->worker.is_stopping;
	if (is_taken) {
		*ret_order = (struct order){hook->waiting[0], strdup(hook->command), hook->timeout_ms};
		hook->count--;
		memmove(&hook->waiting[0], &hook->waiting[1], hook->count * sizeof(hook->waiting[0]));
	}
	pthread_mutex_unlock(&hook->worker.lock);
	return is_taken;
}

static void *run(void *context)
{
	struct scaling_hook *hook = context;
	struct order order;
	while (take(hook, &order)) {
		if (order.command != NULL)
			run_one(hook, &order);
		free(order.command);
	}
	return NULL;
}

/* Coming in */

/* The lock is held. */
static void add(struct scaling_hook *hook, const struct scaling_decision *decision)
{
	size_t at = 0;
	while (at < hook->count && strcmp(hook->waiting[at].fleet, decision->fleet) != 0)
		at++;
	if (at == SCALING_HOOK_FLEETS_MAX) {
		hook->counts.dropped++;
		return;
	}
	hook->waiting[at] = *decision;
	hook->count += at == hook->count;
}

void ringcast_scaling_hook_tell(struct scaling_hook *hook, const struct scaling_decision *decision)
{
	pthread_mutex_lock(&hook->worker.lock);
	if (hook->command != NULL)
		add(hook, decision);
	pthread_cond_signal(&hook->worker.changed);
	pthread_mutex_unlock(&hook->worker.lock);
}

void ringcast_scaling_hook_count(struct scaling_hook *hook, struct scaling_hook_counts *ret_counts)
{
	pthread_mutex_lock(&hook->worker.lock);
	*ret_counts = hook->counts;
	pthread_mutex_unlock(&hook->worker.lock);
}

/* Life */

bool ringcast_scaling_hook_set(struct scaling_hook *hook, const char *command, int64_t timeout_ms)
{
	char *copy = command != NULL ? strdup(command) : NULL;
	if (command != NULL && copy == NULL)
		return false;
	pthread_mutex_lock(&hook->worker.lock);
	char *before = hook->command;
	hook->command = copy;
	hook->timeout_ms = timeout_ms;
	if (copy == NULL)
		hook->count = 0; /* what waits has nobody to be told */
	pthread_mutex_unlock(&hook->worker.lock);
	free(before);
	return true;
}

struct scaling_hook *ringcast_scaling_hook_start(const struct scaling_hook_options *options)
{
	struct scaling_hook *hook = calloc(1, sizeof(*hook));
	if (hook == NULL)
		return NULL;
	hook->steady_ms = options->steady_ms;
	if (!ringcast_worker_start(&hook->worker, run, hook)) {
		free(hook);
		return NULL;
	}
	if (!ringcast_scaling_hook_set(hook, options->command, options->timeout_ms))
		ringcast_scaling_hook_stop(&hook);
	return hook;
}

void ringcast_scaling_hook_stop(struct scaling_hook **hook)
{
	struct scaling_hook *old = *hook;
	if (old == NULL)
		return;
	ringcast_worker_stop(&old->worker);
	free(old->command);
	free(old);
	*hook = NULL;
}
