/*
 * The store when the disk says no, and when the process ends, at every step of what it does. The linker puts our functions in front of those of the
 * C library (--wrap), and one of them fails, or is the last thing that happens. Afterwards either all of the change is there, for the engine and
 * for a restart, or none of it, as the caller was told; and nothing lies about.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/package.h"
#include "control/script_store.h"
#include "fake_scripts.h"
#include "make_zip.h"

enum fault { FAULT_NONE, FAULT_ERROR, FAULT_EXIT };

static enum fault fault;
static unsigned steps_left, step_count; /* until the fault; since it was set */

/* True: this call shall fail. */
static bool is_faulty(void)
{
	step_count++;
	if (fault == FAULT_NONE || steps_left-- > 0)
		return false;
	if (fault == FAULT_EXIT)
		_exit(7);
	fault = FAULT_NONE;
	errno = ENOSPC;
	return true;
}

#define WRAP(result, name, declared, given)               \
	result __real_##name declared;                    \
	result __wrap_##name declared;                    \
	result __wrap_##name declared                     \
	{                                                 \
		return is_faulty() ? -1 : __real_##name given; \
	}
WRAP(int, rename, (const char *from, const char *to), (from, to))
WRAP(int, renameat2, (int a, const char *from, int b, const char *to, unsigned flags), (a, from, b, to, flags))
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode))
WRAP(int, fsync, (int fd), (fd))
WRAP(int, syncfs, (int fd), (fd))
WRAP(int, fputs, (const char *text, FILE *file), (text, file))
WRAP(ssize_t, write, (int fd, const void *bytes, size_t size), (fd, bytes, size))

FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode)
{
	return mode[0] == 'w' && is_faulty() ? NULL : __real_fopen(path, mode);
}

static char folder[64];
static ringcast_engine *engine;
static int null;
static struct logs *logs;
static struct script_store *store;
static struct config_error error;
static ringcast_script_info info;

static void open_store(void)
{
	const struct script_store_options options = {
		.directory = folder, .versions_kept = 3, .package = {.zip_bytes_max = 1 << 20, .unpacked_bytes_max = 1 << 20, .files_max = 100}};
	store = ringcast_script_store_create(&options, engine, logs, &error);
	cr_assert(store, "%s", error.text);
	ringcast_script_store_load(store);
}

static void set_up(void)
{
	ringcast_engine_options options = RINGCAST_ENGINE_OPTIONS_INIT;
	char text[128];
	snprintf(folder, sizeof(folder), "/tmp/ringcast-store-XXXXXX");
	cr_assert(mkdtemp(folder));
	cr_assert_eq(ringcast_engine_create(&options, &engine, text, sizeof(text)), RINGCAST_OK);
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	logs = ringcast_logs_create(null, LOGS_TEXT, RINGCAST_LOG_ERROR);
	fake_scripts_reset();
	open_store();
}

static void tear_down(void)
{
	fault = FAULT_NONE;
	ringcast_script_store_destroy(&store);
	ringcast_package_remove_folder(folder);
	ringcast_logs_destroy(&logs);
	close(null);
	ringcast_engine_destroy(&engine);
}

static void reopen(void)
{
	ringcast_script_store_destroy(&store);
	fake_scripts_reset();
	open_store();
}

static enum store_result push(const char *name, const char *text)
{
	struct zip_bytes zip = make_zip((struct zip_entry[]){{"main.lua", text}, {0}});
	enum store_result result = ringcast_script_store_push(store, &(struct script_push){name, "main.lua", zip.data, zip.size}, &info, &error);
	free(zip.data);
	return result;
}

static void current_of(const char *name, char ret_version[RINGCAST_SCRIPT_VERSION_BYTES])
{
	ringcast_script_info infos[16];
	size_t count = 0;
	ret_version[0] = 0;
	ringcast_script_list(engine, name, infos, 16, &count);
	for (size_t i = 0; i < count; i++)
		if (infos[i].is_current)
			memcpy(ret_version, infos[i].version, RINGCAST_SCRIPT_VERSION_BYTES);
}

/* Folders of versions on disk that no list names, and what is half done. */
static unsigned count_litter(void)
{
	char command[512];
	unsigned count = 1;
	snprintf(command, sizeof(command),
		 "cd '%s' && { ls -A | grep '^\\.' ; for n in *; do [ -d \"$n\" ] || continue; ls -A \"$n\" | grep '\\.new$'; for v in \"$n\"/[0-9a-f]*; do "
		 "[ -d \"$v\" ] && ! grep -qs \"^${v#*/}\" \"$n\"/versions && echo \"$v\"; done; done; } | wc -l",
		 folder);
	FILE *pipe = popen(command, "r");
	cr_assert(pipe && fscanf(pipe, "%u", &count) == 1);
	pclose(pipe);
	return count;
}

static enum store_result change(unsigned what)
{
	return what == 0   ? push("game", "three")
	       : what == 1 ? push("new", "first")
	       : what == 2 ? ringcast_script_store_rollback(store, "game", NULL, &info, &error)
	       : what == 3 ? ringcast_script_store_remove(store, "game", &error)
			   : push("game", "two"); /* what is there already */
}

enum { CHANGE_COUNT = 5 };

static void expect_all_or_nothing(unsigned what, unsigned step, enum store_result result, const char *before)
{
	const char *name = what == 1 ? "new" : "game";
	char after[RINGCAST_SCRIPT_VERSION_BYTES], again[RINGCAST_SCRIPT_VERSION_BYTES];
	current_of(name, after);
	if (result != STORE_OK)
		cr_assert_str_eq(after, before, "change %u, step %u: told that it failed (%s), and took effect", what, step, error.text);
	cr_assert_eq(count_litter(), 0, "change %u, step %u (%s)", what, step, result == STORE_OK ? "done" : error.text);
	reopen();
	current_of(name, again);
	cr_assert_str_eq(again, after, "change %u, step %u: a restart has another version (%s)", what, step, error.text);
}

TestSuite(script_store_faults, .init = set_up, .fini = tear_down, .timeout = 120);

Test(script_store_faults, a_disk_that_says_no_changes_nothing)
{
	for (unsigned what = 0; what < CHANGE_COUNT; what++) {
		bool is_through = false;
		for (unsigned step = 0; !is_through; step++) {
			char before[RINGCAST_SCRIPT_VERSION_BYTES];
			cr_assert_lt(step, 200);
			ringcast_script_store_remove(store, "new", &error);
			ringcast_script_store_remove(store, "game", &error);
			cr_assert_eq(push("game", "one"), STORE_OK, "%s", error.text);
			cr_assert_eq(push("game", "two"), STORE_OK);
			current_of(what == 1 ? "new" : "game", before);
			fault = FAULT_ERROR;
			steps_left = step;
			enum store_result result = change(what);
			is_through = fault != FAULT_NONE; /* it has not come to that step */
			fault = FAULT_NONE;
			expect_all_or_nothing(what, step, result, before);
		}
	}
}

/* Killed at every step: a restart finds the version before or the one after, and cleans up. */
Test(script_store_faults, an_end_at_any_step_leaves_one_version_or_the_other)
{
	for (unsigned what = 0; what < CHANGE_COUNT; what++) {
		bool is_through = false;
		for (unsigned step = 0; !is_through; step++) {
			char before[RINGCAST_SCRIPT_VERSION_BYTES], between[RINGCAST_SCRIPT_VERSION_BYTES], after[RINGCAST_SCRIPT_VERSION_BYTES];
			const char *name = what == 1 ? "new" : "game";
			int status;
			ringcast_script_store_remove(store, "new", &error);
			ringcast_script_store_remove(store, "game", &error);
			cr_assert_eq(push("game", "one"), STORE_OK, "%s", error.text);
			cr_assert_eq(push("game", "two"), STORE_OK);
			current_of(name, before);
			pid_t pid = fork();
			if (pid == 0) {
				fault = FAULT_EXIT;
				steps_left = step;
				change(what);
				_exit(0);
			}
			cr_assert_eq(waitpid(pid, &status, 0), pid);
			is_through = WIFEXITED(status) && WEXITSTATUS(status) == 0;
			reopen();
			current_of(name, between);
			cr_assert_eq(count_litter(), 0, "change %u, step %u", what, step);
			enum store_result result = change(what); /* and it can be done now, or has been done */
			cr_assert(result == STORE_OK || ((what == 2 || what == 3) && result == STORE_NOT_FOUND), "change %u, step %u: %s", what, step, error.text);
			current_of(name, after);
			cr_assert(strcmp(between, before) == 0 || strcmp(between, after) == 0 || what == 2, "change %u, step %u", what, step);
		}
	}
}

Test(script_store_faults, a_damaged_version_is_mended_by_pushing_it_again)
{
	char path[256], version[RINGCAST_SCRIPT_VERSION_BYTES];
	cr_assert_eq(push("game", "one"), STORE_OK);
	memcpy(version, info.version, sizeof(version));
	snprintf(path, sizeof(path), "%s/game/%s/main.lua", folder, version);
	FILE *file = fopen(path, "w");
	cr_assert(file && fputs("damaged", file) >= 0 && fclose(file) == 0);
	reopen();
	current_of("game", version);
	cr_assert_str_eq(version, "", "what is not what was pushed does not run");
	cr_assert_eq(push("game", "one"), STORE_OK, "%s", error.text);
	reopen();
	current_of("game", version);
	cr_assert_str_eq(version, info.version);
}

Test(script_store_faults, one_dry_run_for_a_push)
{
	unsigned before = fake_scripts_tried();
	cr_assert_eq(push("game", "one"), STORE_OK);
	cr_assert_eq(fake_scripts_tried() - before, 1);
	before = fake_scripts_tried();
	cr_assert_eq(push("game", "broken"), STORE_BAD_SCRIPT);
	cr_assert_leq(fake_scripts_tried() - before, 1);
}

/* The main file that was named is remembered with the version. */
Test(script_store_faults, main_is_remembered)
{
	struct zip_bytes zip = make_zip((struct zip_entry[]){{"main.lua", "x"}, {"lib/a b.lua", "y"}, {0}});
	cr_assert_eq(ringcast_script_store_push(store, &(struct script_push){"game", "lib/a b.lua", zip.data, zip.size}, &info, &error), STORE_OK);
	free(zip.data);
	cr_assert_str_eq(info.main, "lib/a b.lua");
	reopen();
	ringcast_script_info infos[4];
	size_t count;
	ringcast_script_list(engine, "game", infos, 4, &count);
	cr_assert_eq(count, 1);
	cr_assert_str_eq(infos[0].main, "lib/a b.lua");
}
