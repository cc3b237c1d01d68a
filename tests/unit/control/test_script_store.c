#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/package.h"
#include "control/script_store.h"
#include "fake_scripts.h"
#include "make_zip.h"

static char folder[64];
static ringcast_engine *engine;
static int null;
static struct logs *logs;
static struct script_store *store;
static struct config_error error;
static ringcast_script_info info;

static struct script_store *create(const char *directory)
{
	const struct script_store_options options = {
		.directory = directory, .versions_kept = 3, .package = {.zip_bytes_max = 1 << 20, .unpacked_bytes_max = 1 << 20, .files_max = 100}};
	return ringcast_script_store_create(&options, engine, logs, &error);
}

static void open_store(void)
{
	store = create(folder);
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
	ringcast_script_store_destroy(&store);
	ringcast_package_remove_folder(folder);
	ringcast_logs_destroy(&logs);
	close(null);
	ringcast_engine_destroy(&engine);
}

/* What a restart of the daemon does. */
static void reopen(void)
{
	ringcast_script_store_destroy(&store);
	fake_scripts_reset();
	open_store();
}

static enum store_result push(const char *name, const char *text)
{
	struct zip_bytes zip = make_zip((struct zip_entry[]){{"main.lua", text}, {0}});
	enum store_result result = ringcast_script_store_push(store, &(struct script_push){name, NULL, zip.data, zip.size}, &info, &error);
	free(zip.data);
	return result;
}

static size_t count_entries(const char *path)
{
	char command[256];
	unsigned long count = 0;
	snprintf(command, sizeof(command), "ls -A '%s/%s' | wc -l", folder, path);
	FILE *pipe = popen(command, "r");
	cr_assert(pipe && fscanf(pipe, "%lu", &count) == 1);
	pclose(pipe);
	return count;
}

static const char *current_of(const char *name)
{
	static char version[RINGCAST_SCRIPT_VERSION_BYTES];
	json_t *list = ringcast_script_store_list(store), *script;
	size_t index;
	*version = 0;
	json_array_foreach(list, index, script)
	{
		if (strcmp(json_string_value(json_object_get(script, "name")), name) == 0)
			snprintf(version, sizeof(version), "%s", json_string_value(json_object_get(script, "version")));
	}
	json_decref(list);
	return version;
}

static size_t version_count(const char *name)
{
	json_t *versions = ringcast_script_store_versions(store, name);
	size_t count = json_array_size(versions);
	json_decref(versions);
	return count;
}

TestSuite(script_store, .init = set_up, .fini = tear_down, .timeout = 60);

Test(script_store, keeps_what_was_pushed_over_a_restart)
{
	char version[RINGCAST_SCRIPT_VERSION_BYTES];
	cr_assert_eq(push("game", "one"), STORE_OK, "%s", error.text);
	cr_assert_eq(push("game", "two"), STORE_OK);
	cr_assert_eq(push("chat", "other"), STORE_OK);
	cr_assert(info.is_current);
	snprintf(version, sizeof(version), "%s", current_of("game"));
	reopen();
	cr_assert_str_eq(current_of("game"), version);
	cr_assert_str_neq(current_of("chat"), "");
	cr_assert_eq(version_count("game"), 2);
}

Test(script_store, changes_nothing_when_the_script_is_not_well)
{
	char version[RINGCAST_SCRIPT_VERSION_BYTES];
	cr_assert_eq(push("game", "one"), STORE_OK);
	snprintf(version, sizeof(version), "%s", current_of("game"));
	cr_assert_eq(push("game", "broken"), STORE_BAD_SCRIPT);
	cr_assert_str_eq(error.text, "main.lua:1: broken");
	cr_assert_eq(push("new", "broken"), STORE_BAD_SCRIPT);
	cr_assert_str_eq(current_of("game"), version);
	cr_assert_eq(count_entries("."), 1, "only the folder game is left");
	cr_assert_eq(count_entries("game"), 3, "one version, versions, current");
}

Test(script_store, refuses_what_is_no_package)
{
	cr_assert_eq(ringcast_script_store_push(store, &(struct script_push){"game", NULL, "nonsense", 8}, &info, &error), STORE_BAD_PACKAGE);
	cr_assert_eq(count_entries("."), 0);
}

Test(script_store, refuses_names_that_are_no_folders)
{
	static const char *const names[] = {"", "..", ".x", "a/b", "A", "a b", "-a", "_a", "a@b", "\xc3\xa4"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cr_assert_eq(push(names[i], "one"), STORE_BAD_NAME, "'%s'", names[i]);
		cr_assert_eq(ringcast_script_store_rollback(store, names[i], NULL, &info, &error), STORE_NOT_FOUND);
		cr_assert_eq(ringcast_script_store_remove(store, names[i], &error), STORE_NOT_FOUND);
	}
	cr_assert_eq(count_entries("."), 0);
}

static const json_t *file_of(const json_t *files, const char *name)
{
	size_t i;
	json_t *file;
	json_array_foreach(json_object_get(files, "files"), i, file)
		if (strcmp(json_string_value(json_object_get(file, "name")), name) == 0)
			return file;
	return NULL;
}

Test(script_store, shows_the_files_of_a_version_and_nothing_beside_it)
{
	char path[256], version[RINGCAST_SCRIPT_VERSION_BYTES];
	struct zip_bytes zip = make_zip((struct zip_entry[]){{"main.lua", "one"}, {"lib/a.lua", "deep"}, {"node_modules/b/index.js", "not ours"}, {"c.bin", "\xff\xfe"}, {0}});
	cr_assert_eq(ringcast_script_store_push(store, &(struct script_push){"game", NULL, zip.data, zip.size}, &info, &error), STORE_OK, "%s", error.text);
	free(zip.data);
	memcpy(version, info.version, sizeof(version));
	snprintf(path, sizeof(path), "%s/game/%s/away", folder, version);
	cr_assert_eq(symlink("/etc/passwd", path), 0);
	version[8] = 0;
	json_t *files = ringcast_script_store_files(store, "game", version);
	cr_assert_str_eq(json_string_value(json_object_get(files, "version")), info.version);
	cr_assert_str_eq(json_string_value(json_object_get(file_of(files, "main.lua"), "text")), "one");
	cr_assert_str_eq(json_string_value(json_object_get(file_of(files, "lib/a.lua"), "text")), "deep");
	cr_assert(json_is_null(json_object_get(file_of(files, "c.bin"), "text")), "no text");
	cr_assert_null(file_of(files, "away"), "a link leads elsewhere");
	cr_assert_null(file_of(files, "node_modules/b/index.js"));
	cr_assert_eq(json_integer_value(json_object_get(files, "left_out")), 1, "the link");
	json_decref(files);
	static const char *const others[] = {"..", "", "ffffffff", "versions", "../game"};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		cr_assert_null(ringcast_script_store_files(store, "game", others[i]), "'%s'", others[i]);
	cr_assert_null(ringcast_script_store_files(store, "..", info.version));
}

Test(script_store, goes_back_and_forth)
{
	char one[RINGCAST_SCRIPT_VERSION_BYTES], two[RINGCAST_SCRIPT_VERSION_BYTES];
	cr_assert_eq(push("game", "one"), STORE_OK);
	memcpy(one, info.version, sizeof(one));
	cr_assert_eq(ringcast_script_store_rollback(store, "game", NULL, &info, &error), STORE_NOT_FOUND, "nothing is before the first");
	cr_assert_eq(push("game", "two"), STORE_OK);
	memcpy(two, info.version, sizeof(two));
	cr_assert_eq(ringcast_script_store_rollback(store, "game", NULL, &info, &error), STORE_OK, "%s", error.text);
	cr_assert_str_eq(current_of("game"), one);
	two[8] = 0;
	reopen();
	cr_assert_str_eq(current_of("game"), one);
	cr_assert_eq(ringcast_script_store_rollback(store, "game", two, &info, &error), STORE_OK, "%s", error.text);
	cr_assert_eq(strncmp(current_of("game"), two, 8), 0);
	cr_assert_eq(ringcast_script_store_rollback(store, "game", "ffffffffffff", &info, &error), STORE_NOT_FOUND);
	cr_assert_eq(ringcast_script_store_rollback(store, "none", NULL, &info, &error), STORE_NOT_FOUND);
}

Test(script_store, pushing_the_same_again_is_one_version)
{
	cr_assert_eq(push("game", "one"), STORE_OK);
	cr_assert_eq(push("game", "two"), STORE_OK);
	cr_assert_eq(push("game", "one"), STORE_OK);
	cr_assert_eq(version_count("game"), 2);
	cr_assert_str_eq(current_of("game"), info.version);
	cr_assert_eq(count_entries("."), 1);
}

Test(script_store, keeps_so_many_versions_and_those_in_use)
{
	char text[16], first[RINGCAST_SCRIPT_VERSION_BYTES];
	cr_assert_eq(push("game", "v0"), STORE_OK);
	memcpy(first, info.version, sizeof(first));
	fake_scripts_set_sessions("game", first, 2);
	for (int i = 1; i < 10; i++) {
		snprintf(text, sizeof(text), "v%d", i);
		cr_assert_eq(push("game", text), STORE_OK);
	}
	cr_assert_eq(version_count("game"), 3);
	cr_assert_eq(count_entries("game"), 5);
	cr_assert_eq(ringcast_script_store_remove(store, "game", &error), STORE_IN_USE);
	cr_assert(strstr(error.text, "2 sessions"), "%s", error.text);
	fake_scripts_set_sessions("game", first, 0);
	cr_assert_eq(push("game", "v10"), STORE_OK);
	cr_assert_eq(version_count("game"), 3);
	cr_assert_eq(ringcast_script_store_rollback(store, "game", first, &info, &error), STORE_NOT_FOUND);
	cr_assert_eq(ringcast_script_store_remove(store, "game", &error), STORE_OK, "%s", error.text);
	cr_assert_eq(count_entries("."), 0);
	cr_assert_null(ringcast_script_store_versions(store, "game"));
}

Test(script_store, cleans_up_after_a_push_that_was_cut_off)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/.incoming-abcdef", folder);
	cr_assert(mkdir(path, 0755) == 0);
	snprintf(path, sizeof(path), "%s/hollow", folder); /* no current */
	cr_assert(mkdir(path, 0755) == 0);
	reopen();
	cr_assert_eq(count_entries("."), 0);
	cr_assert_eq(push("hollow", "one"), STORE_OK, "%s", error.text);
}

Test(script_store, says_when_its_directory_is_none)
{
	cr_assert_null(create("/proc/nowhere"));
	cr_assert(strstr(error.text, "scripts.directory: /proc/nowhere"), "%s", error.text);
	cr_assert_null(create("/dev/null"));
}

Test(script_store, a_private_one_leaves_nothing)
{
	struct script_store *private = create("");
	struct zip_bytes zip = make_zip((struct zip_entry[]){{"main.lua", "x"}, {0}});
	cr_assert(private, "%s", error.text);
	cr_assert_eq(ringcast_script_store_push(private, &(struct script_push){"game", NULL, zip.data, zip.size}, &info, &error), STORE_OK);
	free(zip.data);
	ringcast_script_store_destroy(&private);
	cr_assert_null(private);
}
