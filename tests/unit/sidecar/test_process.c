/* Processes: how they begin, what they see of us, how they end, and when the next one is tried. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "pair.h"

static struct sidecar_process start(const struct sidecar_process_options *options)
{
	struct sidecar_process process;
	char error[256] = "";
	cr_assert(ringcast_sidecar_process_start(options, &process, error, sizeof(error)), "%s", error);
	cr_assert(process.pid > 0 && process.pidfd >= 0 && process.socket >= 0);
	cr_assert(fcntl(process.socket, F_GETFL) & O_NONBLOCK);
	cr_assert(fcntl(process.socket, F_GETFD) & FD_CLOEXEC);
	return process;
}

static void expect_end(struct sidecar_process *process, const char *expected)
{
	char text[64];
	cr_assert(ringcast_sidecar_process_wait(process, 60000, text, sizeof(text)));
	/* Behind a colon stands what the process said last: with a debugger, Node's own help. */
	size_t size = strlen(expected);
	cr_assert(strncmp(text, expected, size) == 0 && (text[size] == '\0' || text[size] == ':'), "%s", text);
	cr_assert(!ringcast_sidecar_process_wait(process, 0, text, sizeof(text)), "it ends once");
	ringcast_sidecar_process_kill(process); /* harmless */
	ringcast_sidecar_process_finish(process);
	cr_assert_eq(process->socket, -1);
}

/* What the process writes to its descriptor 3, up to its end. */
static size_t read_all(const struct sidecar_process *process, char *out, size_t capacity)
{
	size_t size = 0;
	fcntl(process->socket, F_SETFL, 0);
	for (ssize_t part; (part = recv(process->socket, out + size, capacity - 1 - size, 0)) > 0;)
		size += (size_t)part;
	out[size] = '\0';
	return size;
}

static char *write_program(const char *text)
{
	static char path[] = "/tmp/ringcast-process-XXXXXX";
	strcpy(path + sizeof(path) - 7, "XXXXXX");
	int fd = mkstemp(path);
	cr_assert(fd >= 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	return path;
}

Test(sidecar_process, ends_by_itself_with_its_channel, .timeout = 120)
{
	struct sidecar_process process = start(&(struct sidecar_process_options){.idle_workers = 1});
	char text[64];
	cr_assert(!ringcast_sidecar_process_wait(&process, 0, text, sizeof(text)));
	close(process.socket);
	process.socket = -1;
	expect_end(&process, "exit code 0");
}

Test(sidecar_process, whose_end_somebody_else_has_taken_note_of_has_ended, .timeout = 120)
{
	signal(SIGCHLD, SIG_IGN); /* as a program that embeds us may have it, or whoever started us */
	struct sidecar_process process = start(&(struct sidecar_process_options){.idle_workers = 1});
	ringcast_sidecar_process_kill(&process);
	expect_end(&process, "nobody knows how");
	signal(SIGCHLD, SIG_DFL);
}

Test(sidecar_process, is_killed, .timeout = 120)
{
	struct sidecar_process process = start(&(struct sidecar_process_options){0});
	ringcast_sidecar_process_kill(&process);
	expect_end(&process, "killed by signal 9");
}

Test(sidecar_process, sees_what_it_needs_and_no_more, .timeout = 120)
{
	char *path = write_program("const fs = require('fs');\n"
				   "const fds = fs.readdirSync('/proc/self/fd').map(Number).filter((fd) => fd > 2 && fs.existsSync('/proc/self/fd/' + fd))\n"
				   "\t.filter((fd) => /socket|\\/secret/.test(fs.readlinkSync('/proc/self/fd/' + fd)));\n"
				   "fs.writeSync(3, [process.env.RINGCAST_SECRET, process.env.RINGCAST_IDLE_WORKERS, typeof process.env.PATH, fds.join('+'),\n"
				   "\tprocess.execArgv.join(' '), require('os').getPriority(), fs.readlinkSync('/proc/self/fd/0')].join('|'));\n");
	setenv("RINGCAST_SECRET", "do not tell", 1);
	int leak = open("/tmp", O_RDONLY); /* not close-on-exec */
	int sockets[2];
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	struct sidecar_process process = start(&(struct sidecar_process_options){.script = path, .idle_workers = 3, .niceness = 5});
	char text[256];
	cr_assert_gt(read_all(&process, text, sizeof(text)), 0);
	cr_assert_str_eq(text, "|3|string|3|--max-old-space-size=512 --enable-source-maps|5|/dev/null");
	expect_end(&process, "exit code 0");
	close(leak);
	unlink(path);
}

static void expect_debugger(const char *inspect, const char *expected)
{
	char *path = write_program("require('fs').writeSync(3, String(require('inspector').url()));");
	struct sidecar_process process = start(&(struct sidecar_process_options){.script = path, .inspect = inspect});
	char text[256];
	read_all(&process, text, sizeof(text));
	cr_assert_eq(strncmp(text, expected, strlen(expected)), 0, "%s", text);
	expect_end(&process, "exit code 0");
	unlink(path);
}

Test(sidecar_process, passes_a_debugger_through, .timeout = 120)
{
	expect_debugger(NULL, "undefined");
	expect_debugger("127.0.0.1:0", "ws://127.0.0.1:");
	setenv("RINGCAST_INSPECT", "127.0.0.1:0", 1);
	expect_debugger(NULL, "ws://127.0.0.1:");
	expect_debugger("", "ws://127.0.0.1:");
}

Test(sidecar_process, that_writes_garbage_is_cut, .timeout = 120)
{
	struct pair pair;
	char error[256], *path = write_program("require('fs').writeSync(3, 'what is this?'.repeat(20)); setInterval(() => {}, 1000);");
	pair_start(&pair, "fates.js", 0);
	struct sidecar_process_options options = {.script = path};
	cr_assert(ringcast_sidecar_process_start(&options, &pair.processes[0], error, sizeof(error)), "%s", error);
	ringcast_sidecar_attach(pair.world.host, 0, pair.world.now_ns);
	side_open(&pair.world);
	while (!pair.is_cut[0])
		pair_turn(&pair);
	ringcast_sidecar_process_kill(&pair.processes[0]);
	pair_reap(&pair, 0);
	cr_assert_not_null(strstr(pair.world.log, "ended script_lost\n"));
	pair_stop(&pair);
	unlink(path);
}

Test(sidecar_process, that_cannot_start_says_why)
{
	struct sidecar_process process = {.pid = 77};
	char error[256] = "";
	cr_assert(!ringcast_sidecar_process_start(&(struct sidecar_process_options){.node = "/nowhere/node"}, &process, error, sizeof(error)));
	cr_assert_str_eq(error, "script sidecar: /nowhere/node: No such file or directory");
	cr_assert_eq(process.pid, 77);
}

/* What is not said is the installed one: nothing of a build tree is ever run unasked. */
Test(sidecar_process, finds_its_programs)
{
	char path[512], source[512];
	struct sidecar_process_options options = {0};
	snprintf(source, sizeof(source), "%s", ringcast_sidecar_process_script(&options));
	cr_assert_not_null(strstr(source, "scripting/js/sidecar.js"), "the tests name it by RINGCAST_SIDECAR: %s", source);
	cr_assert(ringcast_sidecar_process_check_program(&options, path, sizeof(path)));
	unsetenv("RINGCAST_SIDECAR");
	cr_assert_null(strstr(ringcast_sidecar_process_script(&options), "scripting/js"));
	setenv("RINGCAST_SIDECAR", "/nowhere/sidecar.js", 1);
	cr_assert_str_eq(ringcast_sidecar_process_script(&options), "/nowhere/sidecar.js");
	cr_assert_not(ringcast_sidecar_process_check_program(&options, path, sizeof(path)));
	cr_assert_str_eq(path, "/nowhere/check.js");
	options.script = source;
	cr_assert(ringcast_sidecar_process_check_program(&options, path, sizeof(path)));
}

Test(sidecar_process, waits_longer_after_every_failure_and_forgets_them_after_a_long_life)
{
	static const uint64_t expected_ms[] = {0, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000};
	struct sidecar_backoff backoff = {0};
	for (unsigned i = 0; i < ARRAY_COUNT(expected_ms); i++)
		cr_assert_eq(ringcast_sidecar_backoff_next_ms(&backoff, 50), expected_ms[i]);
	for (unsigned i = 0; i < 100; i++)
		cr_assert_eq(ringcast_sidecar_backoff_next_ms(&backoff, 0), 30000);
	cr_assert_eq(ringcast_sidecar_backoff_next_ms(&backoff, 60000), 0);
	cr_assert_eq(ringcast_sidecar_backoff_next_ms(&backoff, 50), 200);
}
