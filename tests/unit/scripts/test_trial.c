/* Programs that try scripts out: those that say too much, never end, leave others behind, and the one of ours for Lua. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scripts/check.h"
#include "scripts/trial.h"

static enum trial_end run(const char *shell, uint32_t timeout_ms, char *out, size_t out_bytes)
{
	struct trial trial = {
		.arguments = (char *[]){"/bin/sh", "-c", (char *)shell, NULL},
		.environment = (char *[]){"PATH=/usr/bin:/bin", NULL},
		.input = -1,
		.timeout_ms = timeout_ms,
	};
	memset(out, '?', out_bytes);
	return ringcast_trial_run(&trial, out, out_bytes);
}

/* The last read fills the room exactly, or nearly: the text ends within it. */
Test(trial, output_is_cut_and_terminated)
{
	char out[1024 + 1];
	out[1024] = '!';
	for (int size = 1020; size < 1030; size++) {
		char shell[128];
		snprintf(shell, sizeof(shell), "head -c %d /dev/zero | tr '\\0' x", size);
		cr_assert_eq(run(shell, 60000, out, 1024), TRIAL_ENDED);
		cr_assert_eq(out[1024], '!');
		cr_assert_eq(strnlen(out, 1024), (size_t)(size < 1023 ? size : 1023));
	}
	cr_assert_eq(run("exit 0", 60000, out, 1024), TRIAL_ENDED);
	cr_assert_str_eq(out, "");
}

Test(trial, what_does_not_end_is_killed)
{
	char out[64];
	cr_assert_eq(run("echo begun; exec sleep 1000", 700, out, sizeof(out)), TRIAL_LATE);
	cr_assert_str_eq(out, "begun\n");
	cr_assert_eq(run("ulimit -S -t 1; while :; do :; done", 60000, out, sizeof(out)), TRIAL_OUT_OF_TIME);
}

/* A process that it started, and that keeps its output open or not, goes with it. */
Test(trial, nothing_is_left_behind)
{
	char out[64];
	cr_assert_eq(run("sleep 1000 >/dev/null & echo $!", 60000, out, sizeof(out)), TRIAL_ENDED);
	pid_t left = (pid_t)atoi(out);
	cr_assert(left > 0);
	for (int i = 0; i < 10000 && kill(left, 0) == 0; i++) { /* it is init's to collect */
		char path[64], state = 'Z';
		snprintf(path, sizeof(path), "/proc/%d/stat", (int)left);
		FILE *file = fopen(path, "r");
		if (file != NULL && fscanf(file, "%*d %*s %c", &state) != 1)
			state = 'Z';
		if (file != NULL)
			fclose(file);
		if (state == 'Z')
			return;
		usleep(1000);
	}
	cr_assert_eq(kill(left, 0), -1);
}

Test(trial, no_such_program)
{
	char out[64];
	struct trial trial = {.arguments = (char *[]){"/nonexistent/program", NULL}, .environment = (char *[]){NULL}, .input = -1, .timeout_ms = 1000};
	cr_assert_eq(ringcast_trial_run(&trial, out, sizeof(out)), TRIAL_NOT_STARTED);
	cr_assert_eq(errno, ENOENT);
	cr_assert_eq(run("exit 126", 60000, out, sizeof(out)), TRIAL_REFUSED);
}

#ifdef HAVE_LUA
static bool check(const char *source, struct script_facts *ret_facts, char error[SCRIPT_ERROR_BYTES])
{
	static struct script_limits limits = {.memory_bytes = 16 << 20, .budget_us = 20000, .is_jit_off = true};
	struct script_file file = {.path = "main.lua", .bytes = (uint8_t *)source, .size = strlen(source)};
	struct script script = {.name = "test", .version = "0", .language = SCRIPT_LUA, .main = "main.lua", .files = &file, .file_count = 1, .refs = 1};
	struct script_check_options options = {.limits = &limits};
	error[0] = '\0';
	bool is_good = ringcast_script_dry_run(&script, &options, error, SCRIPT_ERROR_BYTES);
	*ret_facts = script.facts;
	return is_good;
}

Test(trial, lua)
{
	struct script_facts facts;
	char error[SCRIPT_ERROR_BYTES];
	cr_assert(check("return {onTick = function() end, configuration = {maxPlayers = 7, tickInterval = 50}}", &facts, error), "%s", error);
	cr_assert_eq(facts.callbacks, 1u << SCRIPT_CALLBACK_TICK);
	cr_assert(facts.players_max == 7 && facts.tick_interval_ms == 50 && facts.ping_interval_ms == 0);
	cr_assert_not(check("\nerror('no')", &facts, error));
	cr_assert_str_eq(error, "main.lua:2: no");
	cr_assert_not(check("error(('\\255'):rep(1e6), 0)", &facts, error));
	cr_assert_eq(strlen(error), SCRIPT_ERROR_BYTES - 1);
	cr_assert_not(check("print('{\"callbacks\": []}') os.exit = 1 local t = {} while true do t = {t} end", &facts, error));
	cr_assert_str_eq(error, "not enough memory");
}

/* What the count of instructions cannot stop, the kernel does. */
Test(trial, lua_that_does_not_end)
{
	struct script_facts facts;
	char error[SCRIPT_ERROR_BYTES];
	cr_assert_not(check("while true do end", &facts, error));
	cr_assert_str_eq(error, "main.lua:1: does not come to an end");
	cr_assert_not(check("local function f() while true do pcall(f) end end f()", &facts, error));
	cr_assert_not_null(strstr(error, "does not come to an end"), "%s", error);
}
#endif
