/* The host agent with real processes and a clock of the test's: shell scripts in a folder of their own. */
#include <criterion/criterion.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "service/agent/agent.h"
#include "service/agent/process.h"

struct world {
	struct agent *agent;
	struct agent_options options;
	char folder[64], build[80];
	char started[16][AGENT_ID_BYTES];
	size_t started_count, exited_count, notice_count;
	char how[AGENT_HOW_BYTES + 8], code[64], text[300];
	size_t note_count;
	bool is_busy;
	int64_t now_ms;
};

static bool make_random(void *out, size_t size)
{
	static uint64_t number;
	memset(out, 0, size);
	number++;
	memcpy(out, &number, sizeof(number));
	((uint32_t *)out)[3] = (uint32_t)getpid(); /* tests run beside each other, and names are looked for everywhere */
	return true;
}

static void environment(void *context, const char *fleet, const char *id, struct agent_environment *ret)
{
	snprintf(ret->variables[ret->count++], AGENT_VARIABLE_BYTES, "FLEET=%s", fleet);
}

static bool started(void *context, const char *fleet, const char *id)
{
	struct world *world = context;
	snprintf(world->started[world->started_count++ % 16], AGENT_ID_BYTES, "%s", id);
	return true;
}

static void exited(void *context, const char *id, const char *how)
{
	struct world *world = context;
	world->exited_count++;
	snprintf(world->how, sizeof(world->how), "%s", how);
}

static void note(void *context, const char *fleet, const char *code, const char *text)
{
	struct world *world = context;
	world->note_count++;
	snprintf(world->code, sizeof(world->code), "%s", code);
	snprintf(world->text, sizeof(world->text), "%s", text);
}

static void notice(void *context, const char *id)
{
	((struct world *)context)->notice_count++;
}

static bool is_busy(void *context, const char *id)
{
	return ((struct world *)context)->is_busy;
}

static void create(struct world *world)
{
	char problem[AGENT_PROBLEM_BYTES] = "";
	world->agent = ringcast_agent_create(&world->options, problem);
	cr_assert_not_null(world->agent, "%s", problem);
}

static void begin(struct world *world)
{
	*world = (struct world){.now_ms = 1000000};
	snprintf(world->folder, sizeof(world->folder), "/tmp/ringcast-agent-XXXXXX");
	cr_assert_not_null(mkdtemp(world->folder));
	snprintf(world->build, sizeof(world->build), "%s/build", world->folder);
	cr_assert_eq(mkdir(world->build, 0755), 0);
	world->options = (struct agent_options){.folder = world->folder, .port_first = 42000, .port_count = 50, .processes_max = 10, .output_bytes_max = 1000, .limits = {.files_max = 64},
						.context = world, .random = make_random, .environment = environment, .started = started, .exited = exited,
						.note = note, .notice = notice, .is_busy = is_busy};
	create(world);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
	return remove(path);
}

static void end(struct world *world)
{
	ringcast_agent_destroy(&world->agent, false);
	cr_assert_eq(nftw(world->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void write_script(struct world *world, const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", world->build, name);
	FILE *file = fopen(path, "w");
	fprintf(file, "#!/bin/sh\n%s\n", text);
	fclose(file);
	cr_assert_eq(chmod(path, 0755), 0);
}

static void plan(struct world *world, const char *name, const char *parameters, uint32_t count)
{
	const struct agent_entry entry = {name, parameters, count};
	const struct agent_plan made = {.fleet = "fleet-1", .folder = world->build, .entries = &entry, .entry_count = count > 0 ? 1 : 0};
	cr_assert(ringcast_agent_plan(world->agent, &made));
}

/* Real processes take real time; the agent's clock moves only as much as the test says. */
static void wait_for(struct world *world, const size_t *count, size_t wanted)
{
	const struct timespec pause = {0, 5000000};
	for (int i = 0; i < 6000 && *count < wanted; i++) {
		ringcast_agent_turn(world->agent, world->now_ms);
		nanosleep(&pause, NULL);
	}
	cr_assert_geq(*count, wanted);
}

static void read_output(struct world *world, const char *id, char out[256], const char *wanted)
{
	char path[256];
	const struct timespec pause = {0, 5000000};
	snprintf(path, sizeof(path), "%s/output/fleet-1/%s.log", world->folder, id);
	for (int i = 0; i < 6000; i++) {
		FILE *file = fopen(path, "r");
		size_t size = file != NULL ? fread(out, 1, 255, file) : 0;
		if (file != NULL)
			fclose(file);
		out[size] = '\0';
		if (strstr(out, wanted) != NULL)
			return;
		nanosleep(&pause, NULL);
	}
	cr_assert_fail("'%s' is not in '%s'", wanted, out);
}

Test(agent, processes_get_their_words_environment_and_port)
{
	struct world world;
	char out[256];
	begin(&world);
	write_script(&world, "server", "echo \"$#:$1:$2:$3:$FLEET:$RINGCAST_PORT:$HOME:\"; exec sleep 1000");
	plan(&world, "server", "  +port {port}  \"a b\"", 2);
	wait_for(&world, &world.started_count, 2);
	ringcast_agent_turn(world.agent, world.now_ms);
	cr_assert_eq(world.started_count, 2);
	read_output(&world, world.started[0], out, ":\n");
	unsigned port, again;
	cr_assert_eq(sscanf(out, "3:+port:%u:a b:fleet-1:%u::", &port, &again), 2, "%s", out);
	cr_assert(port == again && port >= 42000 && port < 42050);
	end(&world);
	cr_assert_eq(world.exited_count, 0);
}

Test(agent, one_that_ends_unasked_is_a_crash_and_comes_back_ever_more_slowly)
{
	struct world world;
	begin(&world);
	write_script(&world, "server", "exit 3");
	plan(&world, "server", "", 1);
	wait_for(&world, &world.exited_count, 1);
	cr_assert_str_eq(world.how, "it ended with status 3");
	cr_assert_str_eq(world.code, "SERVER_PROCESS_CRASHED");
	for (int64_t wait_ms = 1000, i = 2; i <= 5; wait_ms *= 2, i++) {
		world.now_ms += wait_ms - 1;
		ringcast_agent_turn(world.agent, world.now_ms);
		cr_assert_eq(world.started_count, (size_t)i - 1);
		world.now_ms += 1;
		wait_for(&world, &world.exited_count, (size_t)i);
	}
	cr_assert_not_null(strstr(world.text, "crash loop: server has ended 5 times in a row"), "%s", world.text);
	cr_assert_not_null(strstr(world.text, "the next start is in 16 s"), "%s", world.text);
	write_script(&world, "other", "exec sleep 1000");
	plan(&world, "other", "", 1); /* a new plan is tried at once */
	wait_for(&world, &world.started_count, 6);
	end(&world);
}

Test(agent, a_process_whose_end_nobody_kept_has_ended)
{
	struct world world;
	signal(SIGCHLD, SIG_IGN); /* as whoever started the agent may have left it */
	begin(&world);
	write_script(&world, "server", "exit 3");
	plan(&world, "server", "", 1);
	wait_for(&world, &world.exited_count, 1);
	cr_assert_str_eq(world.how, "it ended; how, nobody saw");
	end(&world);
	signal(SIGCHLD, SIG_DFL);
}

Test(agent, a_program_that_is_not_there_is_named)
{
	struct world world;
	begin(&world);
	plan(&world, "nothing", "", 1);
	wait_for(&world, &world.note_count, 1);
	cr_assert_str_eq(world.code, "SERVER_PROCESS_INVALID_PATH");
	cr_assert_not_null(strstr(world.text, "nothing does not start: No such file"), "%s", world.text);
	ringcast_agent_turn(world.agent, world.now_ms + 999);
	cr_assert_eq(world.note_count, 1);
	end(&world);
}

Test(agent, who_does_not_hear_is_terminated_and_who_does_not_obey_is_killed)
{
	struct world world;
	char out[256];
	begin(&world);
	write_script(&world, "server", "trap 'echo deaf' TERM; echo up; while :; do sleep 1; done");
	plan(&world, "server", "", 1);
	wait_for(&world, &world.started_count, 1);
	read_output(&world, world.started[0], out, "up");
	ringcast_agent_stop(world.agent, world.started[0], world.now_ms + 500);
	plan(&world, "server", "", 0);
	world.now_ms += 500;
	ringcast_agent_turn(world.agent, world.now_ms);
	read_output(&world, world.started[0], out, "deaf");
	cr_assert_eq(world.note_count, 0);
	world.now_ms += 10000;
	wait_for(&world, &world.exited_count, 1);
	cr_assert_str_eq(world.code, "SERVER_PROCESS_FORCE_TERMINATED");
	cr_assert_not_null(strstr(world.how, "killed by signal 9"), "%s", world.how);
	end(&world);
}

Test(agent, its_children_go_with_it)
{
	struct world world;
	char out[256];
	begin(&world);
	write_script(&world, "server", "sleep 1000 & echo \"child $!.\"; wait");
	plan(&world, "server", "", 1);
	wait_for(&world, &world.started_count, 1);
	read_output(&world, world.started[0], out, ".");
	int child;
	cr_assert_eq(sscanf(out, "child %d", &child), 1);
	ringcast_agent_stop(world.agent, world.started[0], 0);
	wait_for(&world, &world.exited_count, 1);
	const struct timespec pause = {0, 5000000};
	for (int i = 0; i < 6000 && kill(child, 0) == 0; i++)
		nanosleep(&pause, NULL);
	cr_assert_neq(kill(child, 0), 0);
	end(&world);
}

Test(agent, fewer_or_another_plan_ends_the_idle_ones_only)
{
	struct world world;
	begin(&world);
	write_script(&world, "server", "exec sleep 1000");
	plan(&world, "server", "", 3);
	wait_for(&world, &world.started_count, 3);
	world.is_busy = true;
	plan(&world, "server", "", 2);
	ringcast_agent_turn(world.agent, world.now_ms);
	plan(&world, "server", "other", 2);
	ringcast_agent_turn(world.agent, world.now_ms);
	cr_assert_eq(world.notice_count, 0);
	plan(&world, "server", "", 2);
	world.is_busy = false;
	ringcast_agent_turn(world.agent, world.now_ms);
	size_t other_count = world.started_count - 3; /* of the plan between */
	cr_assert_eq(world.notice_count, other_count + 1);
	plan(&world, "server", "", 2); /* the same: nothing changes */
	ringcast_agent_turn(world.agent, world.now_ms);
	cr_assert_eq(world.notice_count, other_count + 1);
	plan(&world, "server", "", 0);
	ringcast_agent_turn(world.agent, world.now_ms);
	cr_assert_eq(world.notice_count, other_count + 3);
	end(&world);
}

Test(agent, processes_outlive_it_and_are_taken_up_again)
{
	struct world world;
	begin(&world);
	write_script(&world, "server", "exec sleep 1000");
	plan(&world, "server", "", 1);
	wait_for(&world, &world.started_count, 1);
	ringcast_agent_destroy(&world.agent, true);
	create(&world);
	cr_assert(ringcast_agent_has(world.agent, "fleet-1", world.started[0]));
	cr_assert_not(ringcast_agent_has(world.agent, "fleet-2", world.started[0]), "ids are a fleet's");
	plan(&world, "server", "", 1);
	ringcast_agent_turn(world.agent, world.now_ms);
	cr_assert_eq(world.started_count, 1, "it counts as the one that the plan wants");
	ringcast_agent_stop(world.agent, world.started[0], 0);
	ringcast_agent_destroy(&world.agent, true);
	create(&world);
	plan(&world, "server", "", 1);
	wait_for(&world, &world.exited_count, 1); /* that it has ended meanwhile is told */
	world.now_ms += 1000;
	wait_for(&world, &world.started_count, 2);
	end(&world);
}

Test(agent, a_leap_of_the_clock_signals_nobody)
{
	struct world world;
	begin(&world);
	write_script(&world, "server", "exec sleep 1000");
	plan(&world, "server", "", 1);
	wait_for(&world, &world.started_count, 1);
	ringcast_agent_stop(world.agent, world.started[0], world.now_ms + 1000);
	world.now_ms += 3600000;
	ringcast_agent_put_off(world.agent, 3600000);
	for (int i = 0; i < 2; i++) {
		ringcast_agent_turn(world.agent, world.now_ms);
		usleep(200000); /* a signal would end it by then */
	}
	ringcast_agent_turn(world.agent, world.now_ms);
	cr_assert_eq(world.exited_count, 0);
	world.now_ms += 1000;
	wait_for(&world, &world.exited_count, 1);
	end(&world);
}

Test(agent, what_is_no_state_of_ours_is_removed)
{
	struct world world;
	char path[128];
	begin(&world);
	ringcast_agent_destroy(&world.agent, true);
	snprintf(path, sizeof(path), "%s/processes/process-x", world.folder);
	FILE *file = fopen(path, "w");
	fputs("1 other-boot 1 2 3 4 5 6 fleet-1\n", file);
	fclose(file);
	create(&world);
	cr_assert_not(ringcast_agent_has(world.agent, "fleet-1", "process-x"));
	cr_assert_neq(access(path, F_OK), 0);
	end(&world);
}

static bool ends_with(const char *path, const char *wanted)
{
	char out[64] = "";
	FILE *file = fopen(path, "r");
	if (file != NULL && fseek(file, -(long)strlen(wanted), SEEK_END) == 0)
		out[fread(out, 1, sizeof(out) - 1, file)] = '\0';
	if (file != NULL)
		fclose(file);
	return strcmp(out, wanted) == 0;
}

Test(agent, output_is_bounded)
{
	struct world world;
	char path[300];
	struct stat info;
	const struct timespec pause = {0, 5000000};
	begin(&world);
	write_script(&world, "server", "sleep 1; i=0; while [ $i -lt 500 ]; do echo 0123456789; i=$((i+1)); done; echo written; exec sleep 1000");
	plan(&world, "server", "", 1);
	wait_for(&world, &world.started_count, 1);
	snprintf(path, sizeof(path), "%s/output/fleet-1/%s.log", world.folder, world.started[0]);
	for (int i = 0; i < 6000 && !ends_with(path, "written\n"); i++)
		nanosleep(&pause, NULL);
	world.now_ms += 1000;
	ringcast_agent_turn(world.agent, world.now_ms);
	cr_assert_eq(stat(path, &info), 0);
	cr_assert_eq(info.st_size, 0);
	strcat(path, ".1");
	cr_assert_eq(stat(path, &info), 0);
	cr_assert_eq(info.st_size, 1000, "%d", (int)info.st_size);
	cr_assert(ends_with(path, "written\n"));
	end(&world);
}

/* Hostile servers */

static int count_named(const char *id)
{
	char command[200];
	int count = -1;
	snprintf(command, sizeof(command), "grep -lz '^RINGCAST_PROCESS=%s$' /proc/[0-9]*/environ 2>/dev/null | wc -l", id);
	FILE *pipe = popen(command, "r");
	cr_assert(pipe != NULL && fscanf(pipe, "%d", &count) == 1);
	pclose(pipe);
	return count;
}

/* The agent's clock goes on, for it looks again after a while. */
static void await_none_left(struct world *world, const char *id)
{
	const struct timespec pause = {0, 20000000};
	for (int i = 0; i < 1000 && count_named(id) > 0; i++) {
		world->now_ms += 1000;
		ringcast_agent_turn(world->agent, world->now_ms);
		nanosleep(&pause, NULL);
	}
	cr_assert_eq(count_named(id), 0);
}

Test(agent, who_forks_twice_into_a_session_of_its_own_is_found)
{
	struct world world;
	char out[256];
	begin(&world);
	write_script(&world, "server", "setsid sh -c 'setsid sleep 1000 & echo away.' & wait $!; exec sleep 1000");
	plan(&world, "server", "", 1);
	wait_for(&world, &world.started_count, 1);
	read_output(&world, world.started[0], out, "away.");
	cr_assert_geq(count_named(world.started[0]), 2);
	plan(&world, "server", "", 0);
	ringcast_agent_stop(world.agent, world.started[0], 0);
	wait_for(&world, &world.exited_count, 1);
	await_none_left(&world, world.started[0]);
	cr_assert_str_eq(world.text, "a game server left processes behind, which were killed");
	end(&world);
}

/* A hundred children, each in a session of its own, that hear no signal that can be left unheard; the parent ends at once. */
Test(agent, a_hundred_children_go_with_the_one_that_made_them)
{
	struct world world;
	begin(&world);
	write_script(&world, "server", "trap '' TERM HUP INT; i=0; while [ $i -lt 100 ]; do setsid sleep 1000 & i=$((i+1)); done; exit 0");
	plan(&world, "server", "", 1);
	wait_for(&world, &world.exited_count, 1);
	plan(&world, "server", "", 0);
	await_none_left(&world, world.started[0]);
	end(&world);
}

Test(agent, a_server_with_children_that_is_deaf_to_all_but_kill_ends_with_the_agent)
{
	struct world world;
	char out[256];
	begin(&world);
	write_script(&world, "server", "trap '' TERM HUP INT; setsid sleep 1000 & echo up.; while :; do sleep 1; done");
	plan(&world, "server", "", 1);
	wait_for(&world, &world.started_count, 1);
	read_output(&world, world.started[0], out, "up.");
	end(&world);
	cr_assert_eq(count_named(world.started[0]), 0);
}

Test(agent, limits_are_the_systems_own)
{
	struct world world;
	char out[256];
	begin(&world);
	ringcast_agent_destroy(&world.agent, false);
	world.options.limits = (struct agent_limits){.memory_bytes_max = 1 << 30, .file_bytes_max = 4096 * 512, .files_max = 77, .tasks_max = 5000};
	create(&world);
	write_script(&world, "server", "echo $(ulimit -v) $(ulimit -f) $(ulimit -n) $(ulimit -c) $(ps -o sid= -p $$) $$.; exec sleep 1000");
	plan(&world, "server", "", 1);
	wait_for(&world, &world.started_count, 1);
	read_output(&world, world.started[0], out, ".");
	int memory, file, files, core, session, pid;
	cr_assert_eq(sscanf(out, "%d %d %d %d %d %d.", &memory, &file, &files, &core, &session, &pid), 6, "%s", out);
	cr_assert(memory == 1 << 20 && file == 4096 && files == 77 && core == 0 && session == pid, "%s", out);
	end(&world);
}

/* What floods its output is cut all the time, and ended where a file may be so large and no larger. */
Test(agent, a_flood_of_output_ends_who_floods)
{
	struct world world;
	char path[300], text[200];
	struct stat info;
	begin(&world);
	ringcast_agent_destroy(&world.agent, false);
	world.options.limits.file_bytes_max = 1 << 20;
	create(&world);
	snprintf(text, sizeof(text), "until [ -e %s/begin ]; do sleep 0.01; done; exec cat /dev/zero", world.folder);
	write_script(&world, "server", text);
	plan(&world, "server", "", 1);
	ringcast_agent_turn(world.agent, world.now_ms);
	snprintf(path, sizeof(path), "%s/begin", world.folder);
	fclose(fopen(path, "w")); /* not before: the turn itself would cut what came while it ran, even all of it */
	snprintf(path, sizeof(path), "%s/output/fleet-1/%s.log", world.folder, world.started[0]);
	const struct timespec pause = {0, 5000000};
	for (int i = 0; i < 6000 && (stat(path, &info) != 0 || info.st_size < 1 << 20); i++)
		nanosleep(&pause, NULL); /* nobody cuts it */
	cr_assert_eq(stat(path, &info), 0);
	cr_assert_eq(info.st_size, 1 << 20);
	wait_for(&world, &world.exited_count, 1);
	cr_assert_not_null(strstr(world.how, "signal 25"), "%s", world.how);
	cr_assert_eq(stat(path, &info), 0);
	cr_assert_leq(info.st_size, 1 << 20);
	end(&world);
}
