/* Reading scripts from disk: what is taken, what is refused, which file is the script, and what makes a version. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "scripting/snapshot.h"

static char folder[FILES_PATH_BYTES];

static void setup(void)
{
	files_make(folder);
}

static void teardown(void)
{
	files_remove(folder);
}

TestSuite(script, .init = setup, .fini = teardown);

static struct script *read_folder(void)
{
	char error[SCRIPT_ERROR_BYTES] = "";
	struct script *script = ringcast_script_read(&(struct script_source){.name = "game", .path = folder}, error, sizeof(error));
	cr_assert_not_null(script, "%s", error);
	return script;
}

static void expect_refused(const char *path, const char *part)
{
	char error[SCRIPT_ERROR_BYTES] = "";
	struct script *script = ringcast_script_read(&(struct script_source){.name = "game", .path = path}, error, sizeof(error));
	cr_assert_null(script);
	cr_assert_not_null(strstr(error, part), "\"%s\" should hold \"%s\"", error, part);
	cr_assert_null(strchr(error, '\n'));
}

/* The version of a folder with these files. */
static void version_of(const char *const *files, char ret_version[SCRIPT_VERSION_BYTES])
{
	struct script *script = files_script(files);
	memcpy(ret_version, script->version, SCRIPT_VERSION_BYTES);
	ringcast_script_unref(&script);
}

Test(script, folder_is_read_sorted_and_found)
{
	files_write_all(folder, (const char *const[]){"main.lua", "return {}", "lib/b.lua", "b", "lib/a.lua", "", "z.txt", "z", NULL});
	struct script *script = read_folder();
	cr_assert_eq(script->language, SCRIPT_LUA);
	cr_assert_str_eq(script->main, "main.lua");
	cr_assert_str_eq(script->name, "game");
	cr_assert_eq(script->file_count, 4);
	for (size_t i = 1; i < script->file_count; i++)
		cr_assert(strcmp(script->files[i - 1].path, script->files[i].path) < 0);
	const struct script_file *file = ringcast_script_find(script, "lib/b.lua");
	cr_assert_not_null(file);
	cr_assert_eq(file->size, 1);
	cr_assert_eq(file->bytes[0], 'b');
	cr_assert_null(ringcast_script_find(script, "lib"));
	cr_assert_null(ringcast_script_find(script, "lib/c.lua"));
	cr_assert_eq(strlen(script->version), SCRIPT_VERSION_BYTES - 1);
	ringcast_script_unref(&script);
	cr_assert_null(script);
	ringcast_script_unref(&script); /* harmless */
}

/* What is stored is what is named: only folders of tools and what editors leave for the moment are no part of a version. */
Test(script, dot_files_are_part_and_dot_folders_are_not)
{
	char before[SCRIPT_VERSION_BYTES];
	files_write_all(folder, (const char *const[]){"main.lua", "return {}", ".git/config", "x", "lib/.cache/y", "x", ".main.lua.swp", "x", ".env", "A=1",
						      "lib/.keep", "", NULL});
	struct script *script = read_folder();
	cr_assert_eq(script->file_count, 3);
	memcpy(before, script->version, sizeof(before));
	ringcast_script_unref(&script);
	files_write(folder, ".git/config", "other", 5);
	script = read_folder();
	cr_assert_str_eq(script->version, before);
	ringcast_script_unref(&script);
	files_write(folder, ".env", "A=2", 3);
	script = read_folder();
	cr_assert_str_neq(script->version, before);
	ringcast_script_unref(&script);
}

Test(script, version_is_content)
{
	char base[SCRIPT_VERSION_BYTES], other[SCRIPT_VERSION_BYTES];
	version_of((const char *const[]){"main.lua", "return {}", "a.lua", "12", NULL}, base);
	version_of((const char *const[]){"a.lua", "12", "main.lua", "return {}", NULL}, other);
	cr_assert_str_eq(base, other, "the order of writing does not count");
	const char *const *const different[] = {
		(const char *const[]){"main.lua", "return {} ", "a.lua", "12", NULL},
		(const char *const[]){"main.lua", "return {}", "a.lua", "1", NULL},
		(const char *const[]){"main.lua", "return {}", "b.lua", "12", NULL},
		(const char *const[]){"main.lua", "return {}", NULL},
		(const char *const[]){"main.lua", "return {}", "a.lua", "12", "b.lua", "", NULL},
		(const char *const[]){"main.lua", "return {}12", "a.lua", "", NULL},
	};
	for (size_t i = 0; i < sizeof(different) / sizeof(*different); i++) {
		version_of(different[i], other);
		cr_assert_str_neq(base, other, "case %zu", i);
	}
}

Test(script, a_single_file_brings_nothing_else)
{
	char path[1100];
	files_write_all(folder, (const char *const[]){"arena.lua", "return {}", "other.lua", "x", NULL});
	snprintf(path, sizeof(path), "%s/arena.lua", folder);
	char error[SCRIPT_ERROR_BYTES];
	struct script *script = ringcast_script_read(&(struct script_source){.name = "arena", .path = path}, error, sizeof(error));
	cr_assert_not_null(script, "%s", error);
	cr_assert_eq(script->language, SCRIPT_LUA);
	cr_assert_str_eq(script->main, "arena.lua");
	cr_assert_str_eq(script->folder, folder);
	cr_assert_eq(script->file_count, 1);
	ringcast_script_unref(&script);
}

/* Which file of a folder is the script is Node's to say; until then there is no version. */
Test(script, javascript_main_is_asked_for_or_said)
{
	char error[SCRIPT_ERROR_BYTES], version[SCRIPT_VERSION_BYTES];
	files_write_all(folder, (const char *const[]){"GameServer.js", "", "gameloop.js", "", NULL});
	struct script *script = read_folder();
	cr_assert_eq(script->language, SCRIPT_JS);
	cr_assert_null(script->main);
	cr_assert_str_eq(script->version, "");
	cr_assert_not(ringcast_script_settle(script, "gone.js", error, sizeof(error)));
	cr_assert_not_null(strstr(error, "gone.js: there is no such file"), "%s", error);
	cr_assert(ringcast_script_settle(script, "./gameloop.js", error, sizeof(error)));
	cr_assert_str_eq(script->main, "gameloop.js");
	memcpy(version, script->version, sizeof(version));
	ringcast_script_unref(&script);
	script = ringcast_script_read(&(struct script_source){.name = "game", .path = folder, .main = "GameServer.js"}, error, sizeof(error));
	cr_assert_str_eq(script->main, "GameServer.js");
	cr_assert_str_neq(script->version, version, "another main, another version");
	ringcast_script_unref(&script);
}

Test(script, lua_main_may_be_said)
{
	char error[SCRIPT_ERROR_BYTES];
	files_write_all(folder, (const char *const[]){"arena.lua", "return {}", "main.lua", "x", NULL});
	struct script *script =
		ringcast_script_read(&(struct script_source){.name = "game", .path = folder, .main = "arena.lua"}, error, sizeof(error));
	cr_assert_eq(script->language, SCRIPT_LUA);
	cr_assert_str_eq(script->main, "arena.lua");
	ringcast_script_unref(&script);
	script = ringcast_script_read(&(struct script_source){.name = "game", .path = folder, .main = "notes.txt"}, error, sizeof(error));
	cr_assert_null(script);
	cr_assert_not_null(strstr(error, "notes.txt: neither .lua nor .js"), "%s", error);
}

Test(script, no_main)
{
	files_write_all(folder, (const char *const[]){"a.txt", "", NULL});
	expect_refused(folder, "no main.lua, and no JavaScript file either");
}

/* A copy is what is run, whatever is saved in the folder meanwhile; it goes with the script. */
Test(script, snapshot)
{
	char error[SCRIPT_ERROR_BYTES], copy[300], path[400], text[16] = "";
	files_write_all(folder, (const char *const[]){"index.js", "one", "lib/part.js", "two", NULL});
	struct script *script = read_folder();
	snprintf(copy, sizeof(copy), "%s-copy", folder);
	cr_assert(ringcast_snapshot_write(script, copy, error, sizeof(error)), "%s", error);
	cr_assert_str_eq(script->folder, copy);
	files_write(folder, "lib/part.js", "new", 3);
	snprintf(path, sizeof(path), "%s/lib/part.js", copy);
	FILE *file = fopen(path, "r");
	cr_assert_not_null(file);
	cr_assert_eq(fread(text, 1, sizeof(text) - 1, file), 3);
	fclose(file);
	cr_assert_str_eq(text, "two");
	cr_assert_not(ringcast_snapshot_write(script, "/proc/nowhere", error, sizeof(error)));
	cr_assert_not_null(strstr(error, "/proc/nowhere"));
	ringcast_script_unref(&script);
	cr_assert_eq(access(copy, F_OK), -1);
}

Test(script, names)
{
	char error[SCRIPT_ERROR_BYTES];
	static const char *const bad[] = {"", ".hidden", "-a", "Arena", "a/b", "..", "a b", "x@1", "\xc3\xa4",
					  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	files_write(folder, "main.lua", "return {}", 9);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		cr_assert_null(ringcast_script_read(&(struct script_source){.name = bad[i], .path = folder}, error, sizeof(error)), "%s", bad[i]);
		cr_assert_not_null(strstr(error, "no name for a script"));
	}
}

Test(script, links_and_special_files_are_refused)
{
	char path[1100];
	files_write(folder, "main.lua", "return {}", 9);
	snprintf(path, sizeof(path), "%s/passwd.lua", folder);
	cr_assert_eq(symlink("/etc/passwd", path), 0);
	expect_refused(folder, "passwd.lua: links are not allowed");
	cr_assert_eq(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/up", folder);
	cr_assert_eq(symlink("..", path), 0);
	expect_refused(folder, "up: links are not allowed");
	cr_assert_eq(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/pipe", folder);
	cr_assert_eq(mkfifo(path, 0600), 0);
	expect_refused(folder, "pipe: neither a file nor a folder");
}

Test(script, bounds)
{
	char error[SCRIPT_ERROR_BYTES];
	struct script_source source = {.name = "game", .path = folder, .files_max = 3, .bytes_max = 20};
	files_write_all(folder, (const char *const[]){"main.lua", "return {}", "a", "12345678901", "b", "", NULL});
	struct script *script = ringcast_script_read(&source, error, sizeof(error));
	cr_assert_not_null(script, "%s", error);
	ringcast_script_unref(&script);
	source.bytes_max = 19;
	cr_assert_null(ringcast_script_read(&source, error, sizeof(error)));
	cr_assert_not_null(strstr(error, "more than 19 bytes in all (scripts.unpacked_max)"), "%s", error);
	source = (struct script_source){.name = "game", .path = folder, .files_max = 2};
	cr_assert_null(ringcast_script_read(&source, error, sizeof(error)));
	cr_assert_not_null(strstr(error, "more than 2 files (scripts.files_max)"), "%s", error);
}

Test(script, depth_and_odd_names)
{
	char deep[256] = "";
	files_write(folder, "main.lua", "return {}", 9);
	files_write(folder, "a\\b", "", 0);
	expect_refused(folder, "backslash");
	files_remove(folder);
	cr_assert_eq(mkdir(folder, 0700), 0);
	for (int i = 0; i < 33; i++)
		strcat(deep, "d/");
	strcat(deep, "x");
	files_write(folder, "main.lua", "return {}", 9);
	files_write(folder, deep, "", 0);
	expect_refused(folder, "deeper than 32");
	strcpy(deep, folder);
	strcat(deep, "/missing");
	expect_refused(deep, "No such file");
}

Test(script, references)
{
	struct script *script = files_script((const char *const[]){"main.lua", "return {}", NULL});
	struct script *again = ringcast_script_ref(script), *first = script;
	ringcast_script_unref(&script);
	cr_assert_eq(again, first);
	cr_assert_str_eq(again->main, "main.lua");
	ringcast_script_unref(&again);
}
