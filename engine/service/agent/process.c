#include "service/agent/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "service/agent/stray.h"

enum { ARGUMENTS_MAX = 64, ARGUMENT_TEXT_BYTES = 4096, BOOT_BYTES = 64 };

/* The kernel's view */

static bool read_text(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t got = read(fd, out, size - 1);
	close(fd);
	if (got < 0)
		return false;
	out[got] = '\0';
	return true;
}

/* Field 22 of stat, behind the name in parentheses, which may hold anything; 0: there is no such process, or it is a zombie. */
static uint64_t ticks_of(pid_t pid)
{
	char path[64], text[1024];
	uint64_t ticks = 0;
	char state = 'Z';
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	const char *rest = read_text(path, text, sizeof(text)) ? strrchr(text, ')') : NULL;
	if (rest == NULL || sscanf(rest + 1, " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64, &state, &ticks) != 2)
		return 0;
	return state == 'Z' || state == 'X' ? 0 : ticks;
}

/* Starting */

struct arguments {
	char text[ARGUMENT_TEXT_BYTES];
	char *words[ARGUMENTS_MAX + 2];
	size_t count, used;
};

static bool add_character(struct arguments *arguments, char c)
{
	if (arguments->used + 1 >= sizeof(arguments->text))
		return false;
	arguments->text[arguments->used++] = c;
	return true;
}

static bool add_text(struct arguments *arguments, const char *text)
{
	bool is_good = true;
	for (; *text != '\0' && is_good; text++)
		is_good = add_character(arguments, *text);
	return is_good;
}

static bool begin_word(struct arguments *arguments)
{
	if (arguments->count == ARGUMENTS_MAX + 1)
		return false;
	arguments->words[arguments->count++] = arguments->text + arguments->used;
	return true;
}

/* One word from the start of rest; moves it behind. */
static bool add_word(struct arguments *arguments, const char **rest, const char *port)
{
	bool is_quoted = false, is_good = begin_word(arguments);
	while (is_good && **rest != '\0' && (is_quoted || **rest != ' ')) {
		if (strncmp(*rest, "{port}", 6) == 0) {
			is_good = add_text(arguments, port);
			*rest += 6;
			continue;
		}
		if (**rest == '"')
			is_quoted = !is_quoted;
		else
			is_good = add_character(arguments, **rest);
		++*rest;
	}
	return is_good && add_character(arguments, '\0');
}

static bool split(struct arguments *arguments, const char *path, const char *parameters, uint16_t port)
{
	char port_text[8];
	snprintf(port_text, sizeof(port_text), "%u", port);
	if (!begin_word(arguments) || !add_text(arguments, path) || !add_character(arguments, '\0'))
		return false;
	while (*parameters == ' ')
		parameters++;
	while (*parameters != '\0') {
		if (!add_word(arguments, &parameters, port_text))
			return false;
		while (*parameters == ' ')
			parameters++;
	}
	return true;
}

/* Never more than the daemon may have itself. */
static void limit(int resource, rlim_t most)
{
	struct rlimit limits;
	if (getrlimit(resource, &limits) != 0)
		return;
	if (limits.rlim_max > most || limits.rlim_max == RLIM_INFINITY)
		limits.rlim_max = most;
	limits.rlim_cur = limits.rlim_max;
	setrlimit(resource, &limits);
}

struct start {
	const struct agent_launch *launch;
	char **arguments, **environment;
	int output_fd, null_fd, problem_fd;
};

/* Comes back only when it cannot, with errno. */
static void run(const struct start *start)
{
	if (dup2(start->null_fd, 0) >= 0 && dup2(start->output_fd, 1) >= 0 && dup2(start->output_fd, 2) >= 0 &&
	    close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) == 0 && chdir(start->launch->folder) == 0)
		execve(start->arguments[0], start->arguments, start->environment);
}

/* In the child: only what is allowed between fork and exec in a process with threads. */
static void become(const struct start *start)
{
	sigset_t none;
	const struct agent_limits *limits = start->launch->limits;
	setsid(); /* and a group of its own with it */
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	limit(RLIMIT_CORE, limits->core_bytes_max);
	limit(RLIMIT_NOFILE, limits->files_max);
	if (limits->memory_bytes_max != 0)
		limit(RLIMIT_AS, limits->memory_bytes_max);
	if (limits->file_bytes_max != 0)
		limit(RLIMIT_FSIZE, limits->file_bytes_max);
	if (limits->tasks_max != 0)
		limit(RLIMIT_NPROC, limits->tasks_max);
	int problem = ringcast_agent_rights_give_up(start->launch->user);
	if (problem == 0) {
		run(start);
		problem = errno;
	}
	if (write(start->problem_fd, &problem, sizeof(problem)) < 0)
		_exit(126);
	_exit(127);
}

/* The errno that the child could not go on with; 0: it runs the program. */
static int problem_of(int fd)
{
	int problem = 0;
	ssize_t got;
	do
		got = read(fd, &problem, sizeof(problem));
	while (got < 0 && errno == EINTR);
	return got == sizeof(problem) ? problem : 0;
}

static int fork_and_wait(struct agent_process *process, struct start *start)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) != 0)
		return errno;
	start->problem_fd = fds[1];
	process->pid = fork();
	if (process->pid == 0)
		become(start);
	int problem = process->pid < 0 ? errno : 0;
	close(fds[1]);
	if (problem == 0)
		problem = problem_of(fds[0]);
	close(fds[0]);
	if (problem != 0 && process->pid > 0)
		waitpid(process->pid, NULL, 0);
	return problem;
}

static int start_in(struct agent_process *process, struct start *start)
{
	start->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	start->output_fd = open(start->launch->output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	int problem = start->null_fd < 0 || start->output_fd < 0 ? errno : fork_and_wait(process, start);
	if (start->null_fd >= 0)
		close(start->null_fd);
	if (start->output_fd >= 0)
		close(start->output_fd);
	return problem;
}

int ringcast_agent_process_start(struct agent_process *process, const struct agent_launch *launch)
{
	struct arguments *arguments = calloc(1, sizeof(*arguments));
	char *environment[AGENT_VARIABLES_MAX + 5], port[32], name[AGENT_ID_BYTES + 32], path[AGENT_PATH_BYTES];
	size_t count = 0;
	if (arguments == NULL)
		return ENOMEM;
	for (; count < launch->environment->count; count++)
		environment[count] = (char *)launch->environment->variables[count];
	snprintf(port, sizeof(port), "RINGCAST_PORT=%u", process->port);
	environment[count++] = port;
	snprintf(name, sizeof(name), AGENT_NAME_VARIABLE "=%s", process->id);
	environment[count++] = name;
	environment[count++] = "PATH=/usr/local/bin:/usr/bin:/bin";
	environment[count++] = "LANG=C.UTF-8";
	environment[count] = NULL;
	int size = snprintf(path, sizeof(path), "%s/%s", launch->folder, launch->launch_path);
	struct start start = {.launch = launch, .arguments = arguments->words, .environment = environment};
	bool is_whole = size < (int)sizeof(path) && split(arguments, path, launch->parameters, process->port);
	int problem = is_whole ? start_in(process, &start) : E2BIG;
	free(arguments);
	if (problem != 0)
		return problem;
	process->is_child = true;
	process->start_ticks = ticks_of(process->pid);
	return 0;
}

/* Ending */

bool ringcast_agent_process_has_ended(struct agent_process *process, char ret_how[AGENT_HOW_BYTES], bool *ret_is_clean)
{
	int status;
	*ret_is_clean = false;
	if (!process->is_child) {
		snprintf(ret_how, AGENT_HOW_BYTES, "it ended; how, nobody saw");
		return ticks_of(process->pid) != process->start_ticks;
	}
	pid_t ended = waitpid(process->pid, &status, WNOHANG);
	if (ended != process->pid && !(ended < 0 && errno == ECHILD))
		return false;
	if (ended < 0) /* SIGCHLD is ignored, as whoever started us may have left it */
		snprintf(ret_how, AGENT_HOW_BYTES, "it ended; how, nobody saw");
	else if (WIFSIGNALED(status))
		snprintf(ret_how, AGENT_HOW_BYTES, "it was killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(ret_how, AGENT_HOW_BYTES, "it ended with status %d", WEXITSTATUS(status));
	*ret_is_clean = ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	return true;
}

void ringcast_agent_process_signal(const struct agent_process *process, int number)
{
	/* The leader's number may be another's by now, if it was not our child. */
	if (process->is_child || ticks_of(process->pid) == process->start_ticks)
		kill(-process->pid, number);
}

/* State */

static void read_boot(char ret_boot[BOOT_BYTES])
{
	if (!read_text("/proc/sys/kernel/random/boot_id", ret_boot, BOOT_BYTES))
		snprintf(ret_boot, BOOT_BYTES, "unknown");
	ret_boot[strcspn(ret_boot, "\n")] = '\0';
}

bool ringcast_agent_process_save(const struct agent_process *process, const char *path)
{
	char boot[BOOT_BYTES], other[AGENT_PATH_BYTES + 8];
	read_boot(boot);
	snprintf(other, sizeof(other), "%s.new", path);
	FILE *file = fopen(other, "we");
	if (file == NULL)
		return false;
	int written = fprintf(file, "1 %s %d %" PRIu64 " %u %u %" PRIx64 " %" PRId64 " %s\n", boot, (int)process->pid, process->start_ticks, process->port,
			      process->entry, process->plan, process->started_ms, process->fleet);
	bool is_closed = fclose(file) == 0;
	return written > 0 && is_closed && rename(other, path) == 0;
}

struct agent_process *ringcast_agent_process_load(const char *path, const char *id)
{
	char text[512], boot[BOOT_BYTES], now[BOOT_BYTES];
	struct agent_process *process = calloc(1, sizeof(*process));
	int pid;
	read_boot(now);
	if (process != NULL && strlen(id) < sizeof(process->id) && read_text(path, text, sizeof(text)) &&
	    sscanf(text, "1 %63s %d %" SCNu64 " %hu %u %" SCNx64 " %" SCNd64 " %128s", boot, &pid, &process->start_ticks, &process->port, &process->entry,
		   &process->plan, &process->started_ms, process->fleet) == 8 && strcmp(boot, now) == 0 && pid > 1) {
		process->pid = pid;
		snprintf(process->id, sizeof(process->id), "%s", id);
		return process;
	}
	free(process);
	return NULL;
}
