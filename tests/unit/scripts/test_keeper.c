/* The keeper of the sidecar's processes, where what it lives on fails. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ringcast/ringcast.h"
#include "sidecars/sidecars.h"

static int attach(void *context, uint32_t shard, uint32_t channel, uint64_t serial, int *fd)
{
	return RINGCAST_ERROR_STATE;
}

static void await_failures(struct sidecars *sidecars, uint64_t count)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	while (ringcast_sidecars_measure(sidecars).start_failures < count) /* the test's timeout ends it */
		nanosleep(&pause, NULL);
}

Test(keeper, goes_on_when_it_watches_more_than_it_may_have_open, .timeout = 60)
{
	struct sidecars_options options = {.process = {.script = "/no/such/script.js"}, .shard_count = 64, .channel_count = 1, .attach = attach};
	struct rlimit limit;
	struct sidecars *sidecars = ringcast_sidecars_create(&options);
	cr_assert_not_null(sidecars);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 32; /* poll refuses more than that, even where no descriptor is in them */
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_assert(ringcast_sidecars_want(sidecars, 0));
	await_failures(sidecars, 3);
	ringcast_sidecars_destroy(&sidecars);
}

/* Says that it runs, and once its channel has ended, does what it must do before its own end: it waits until the test lets it, and says that it has done it. */
static const char polite[] = "#!/bin/sh\ncd \"${0%/*}\" && : > runs && cat <&3 >/dev/null; : > ends; read -r line < permission; : > done\n";

static void write_program(const char *folder, char path[512])
{
	snprintf(path, 512, "%s/polite", folder);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	cr_assert(write(fd, polite, sizeof(polite) - 1) == sizeof(polite) - 1 && close(fd) == 0);
}

static bool is_there(const char *folder, const char *name)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

static void await_file(const char *folder, const char *name)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	while (!is_there(folder, name)) /* the test's timeout ends it */
		nanosleep(&pause, NULL);
}

static void keep_and_end(const char *folder, const char *program)
{
	struct sidecars_options options = {.process = {.node = program, .script = program}, .shard_count = 1, .channel_count = 1, .attach = attach};
	struct sidecars *sidecars = ringcast_sidecars_create(&options);
	if (sidecars == NULL || !ringcast_sidecars_want(sidecars, 0))
		_exit(1);
	await_file(folder, "runs");
	ringcast_sidecars_destroy(&sidecars);
	_exit(0);
}

static void stand_still(pid_t keeper)
{
	siginfo_t info;
	kill(keeper, SIGSTOP);
	cr_assert_eq(waitid(P_PID, (id_t)keeper, &info, WSTOPPED | WEXITED | WNOWAIT), 0);
	usleep(3500000);
	kill(keeper, SIGCONT);
	usleep(200000); /* time enough to kill for one who counts it all */
}

/* Whether the process was left to come to its end by itself. */
static bool is_left_in_peace(void)
{
	char folder[] = "/tmp/ringcast-keeper-XXXXXX", program[512], permission[512], command[512];
	int status;
	cr_assert_not_null(mkdtemp(folder));
	write_program(folder, program);
	snprintf(permission, sizeof(permission), "%s/permission", folder);
	cr_assert_eq(mkfifo(permission, 0600), 0);
	int fd = open(permission, O_RDWR | O_CLOEXEC);
	pid_t keeper = fork();
	if (keeper == 0)
		keep_and_end(folder, program);
	await_file(folder, "ends");
	stand_still(keeper);
	cr_assert_eq(write(fd, "\n", 1), 1);
	cr_assert(waitpid(keeper, &status, 0) == keeper && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	bool is_done = is_there(folder, "done");
	close(fd);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	cr_assert_eq(system(command), 0);
	return is_done;
}

/* Once is enough: on a machine that is too busy to stop it in time, the second that it has may have passed while it ran. */
Test(keeper, a_process_that_stood_still_has_not_waited_for_the_ends_of_others, .timeout = 110)
{
	bool is_left = false;
	for (int i = 0; i < 5 && !is_left; i++)
		is_left = is_left_in_peace();
	cr_assert(is_left, "its process was killed each time");
}
