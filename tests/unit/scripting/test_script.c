/* Reading scripts from disk: what is taken, what is refused, which file is the script, and what makes a version. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

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
	struct script *script = ringcast_script_read("game", folder, error, sizeof(error));
	cr_assert_not_null(script, "%s", error);
	return script;
}

static void expect_refused(const char *path, const char *part)
{
	char error[SCRIPT_ERROR_BYTES] = "";
	struct script *script = ringcast_script_read("game", path, error, sizeof(error));
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

Test(script, dot_files_are_passed_over)
{
	files_write_all(folder, (const char *const[]){"main.lua", "return {}", ".git/config", "x", "lib/.cache", "x", NULL});
	struct script *script = read_folder();
	cr_assert_eq(script->file_count, 1);
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
	struct script *script = ringcast_script_read("arena", path, error, sizeof(error));
	cr_assert_not_null(script, "%s", error);
	cr_assert_eq(script->language, SCRIPT_LUA);
	cr_assert_str_eq(script->main, "arena.lua");
	cr_assert_str_eq(script->folder, folder);
	cr_assert_eq(script->file_count, 1);
	ringcast_script_unref(&script);
}

struct choice {
	const char *files[9];
	const char *main;
};

Test(script, javascript_main)
{
	static const struct choice choices[] = {
		{{"package.json", "{\"main\": \"src/server.js\"}", "src/server.js", "", "index.js", "", NULL}, "src/server.js"},
		{{"package.json", "{\"main\": \"./src/server\"}", "src/server.js", "", NULL}, "src/server.js"},
		{{"package.json", "{\"main\": \"lib/\"}", "lib/index.js", "", NULL}, "lib/index.js"},
		{{"package.json", "{\"name\": \"x\"}", "index.js", "", "a.js", "", NULL}, "index.js"},
		{{"MyScript.js", "", "lib/a.js", "", "notes.txt", "", NULL}, "MyScript.js"},
	};
	for (size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++) {
		struct script *script = files_script(choices[i].files);
		cr_assert_eq(script->language, SCRIPT_JS);
		cr_assert_str_eq(script->main, choices[i].main);
		for (size_t k = 0; k < script->file_count; k++)
			cr_assert_null(script->files[k].bytes, "Node reads them itself");
		ringcast_script_unref(&script);
	}
}

Test(script, no_main)
{
	files_write_all(folder, (const char *const[]){"a.js", "", "b.js", "", NULL});
	expect_refused(folder, "no main.lua");
	files_write_all(folder, (const char *const[]){"package.json", "{\"main\": \"missing.js\"}", NULL});
	expect_refused(folder, "\"missing.js\"");
	files_write_all(folder, (const char *const[]){"package.json", "{\n\"main\": \n}", NULL});
	expect_refused(folder, "package.json:3:");
}

Test(script, names)
{
	char error[SCRIPT_ERROR_BYTES];
	static const char *const bad[] = {"", ".hidden", "a/b", "..", "a b", "x@1", "\xc3\xa4",
					  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	files_write(folder, "main.lua", "return {}", 9);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		cr_assert_null(ringcast_script_read(bad[i], folder, error, sizeof(error)), "%s", bad[i]);
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
	char name[32];
	char *big = calloc(1, SCRIPT_BYTES_MAX);
	files_write(folder, "main.lua", "return {}", 9);
	files_write(folder, "big.bin", big, SCRIPT_BYTES_MAX - 9);
	struct script *script = read_folder();
	ringcast_script_unref(&script);
	files_write(folder, "one.bin", big, 1);
	expect_refused(folder, "more than 5242880 bytes");
	free(big);
	files_write(folder, "big.bin", "", 0);
	for (int i = 3; i < SCRIPT_FILES_MAX; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		files_write(folder, name, "", 0);
	}
	script = read_folder();
	cr_assert_eq(script->file_count, SCRIPT_FILES_MAX);
	ringcast_script_unref(&script);
	files_write(folder, "last", "", 0);
	expect_refused(folder, "more than 1000 files");
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
