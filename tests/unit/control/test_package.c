#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/package.h"
#include "make_zip.h"

static char folder[64], error[512];

static void make_folder(void)
{
	snprintf(folder, sizeof(folder), "/tmp/ringcast-package-XXXXXX");
	cr_assert(mkdtemp(folder));
}

static void remove_folder(void)
{
	cr_assert(ringcast_package_remove_folder(folder));
	cr_assert(access(folder, F_OK) != 0);
}

enum { ZIP_BYTES_MAX = 5 << 20, UNPACKED_BYTES_MAX = 5 << 20, FILES_MAX = 1000 };

static bool unpack_bytes(const void *bytes, size_t size)
{
	const struct package package = {bytes, size, ZIP_BYTES_MAX, UNPACKED_BYTES_MAX, FILES_MAX};
	return ringcast_package_unpack(&package, folder, error, sizeof(error));
}

static bool unpack(const struct zip_entry *entries)
{
	struct zip_bytes zip = make_zip(entries);
	bool is_good = unpack_bytes(zip.data, zip.size);
	free(zip.data);
	return is_good;
}

static void expect_file(const char *name, const char *text)
{
	char path[256], found[256] = "";
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "r");
	cr_assert(file, "%s", path);
	size_t size = fread(found, 1, sizeof(found) - 1, file);
	fclose(file);
	cr_assert_eq(size, strlen(text));
	cr_assert_str_eq(found, text);
}

static bool has_file(const char *name)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

static void expect_refusal(const struct zip_entry *entries, const char *text)
{
	cr_assert_not(unpack(entries));
	cr_assert(strstr(error, text), "'%s' does not say '%s'", error, text);
	cr_assert_null(strchr(error, '\n'));
}

TestSuite(package, .init = make_folder, .fini = remove_folder, .timeout = 60);

Test(package, unpacks_files_in_folders)
{
	cr_assert(unpack((struct zip_entry[]){{"main.lua", "return {}"}, {"lib/", NULL}, {"lib/deep/x.lua", "1", .mode = 0100755}, {"lib/y.lua", ""}, {0}}), "%s", error);
	expect_file("main.lua", "return {}");
	expect_file("lib/deep/x.lua", "1");
	expect_file("lib/y.lua", "");
}

Test(package, takes_off_a_single_folder_around_everything)
{
	cr_assert(unpack((struct zip_entry[]){{"game/", NULL}, {"game/main.lua", "a"}, {"game/sub/b.lua", "b"}, {"__MACOSX/game/._main.lua", "junk"}, {0}}), "%s", error);
	expect_file("main.lua", "a");
	expect_file("sub/b.lua", "b");
	cr_assert_not(has_file("__MACOSX"));
}

Test(package, keeps_folders_that_are_not_around_everything)
{
	cr_assert(unpack((struct zip_entry[]){{"game/main.lua", "a"}, {"games/b.lua", "b"}, {0}}), "%s", error);
	expect_file("game/main.lua", "a");
	expect_file("games/b.lua", "b");
}

Test(package, refuses_paths_that_leave_the_folder)
{
	static const char *const names[] = {"/etc/x", "../x", "a/../../x", "a/..", "a//b", "./x", "a/./b", "a\\b", "..\\x", "C:\\x", "x\ny", "..", "."};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		expect_refusal((struct zip_entry[]){{"main.lua", "x"}, {names[i], "x"}, {0}}, "is no path inside");
	cr_assert_not(has_file("main.lua"), "nothing may be written before all is checked");
}

Test(package, refuses_links_and_special_files)
{
	expect_refusal((struct zip_entry[]){{"main.lua", "x"}, {"link", "/etc/passwd", .mode = 0120777}, {0}}, "link is a link or a special file");
	expect_refusal((struct zip_entry[]){{"pipe", "", .mode = 0010644}, {0}}, "pipe is a link");
	expect_refusal((struct zip_entry[]){{"disk", "", .mode = 0060644}, {0}}, "disk is a link");
}

Test(package, refuses_a_file_that_is_a_folder_too)
{
	expect_refusal((struct zip_entry[]){{"z", "1"}, {"a", "x"}, {"a/b", "y"}, {0}}, "a");
}

Test(package, refuses_what_is_encrypted)
{
	expect_refusal((struct zip_entry[]){{"main.lua", "secret", .password = "x"}, {0}}, "encrypted");
}

Test(package, refuses_a_bomb_by_size)
{
	expect_refusal((struct zip_entry[]){{"zeros", NULL, .size = UNPACKED_BYTES_MAX + 1}, {0}}, "larger than");
	expect_refusal((struct zip_entry[]){{"a", NULL, .size = UNPACKED_BYTES_MAX / 2 + 1}, {"b", NULL, .size = UNPACKED_BYTES_MAX / 2 + 1}, {0}}, "");
}

/* An empty tile map packs to next to nothing and is no bomb: what counts is how large it is. */
Test(package, takes_what_packs_well)
{
	cr_assert(unpack((struct zip_entry[]){{"map.bin", NULL, .size = 4 << 20}, {0}}), "%s", error);
}

/* What folders are read by holds for what is unpacked too, so that a version names all that is stored. */
Test(package, passes_over_what_is_no_part_of_a_script)
{
	cr_assert(unpack((struct zip_entry[]){{"index.js", "x"}, {".env", "A=1"}, {".git/config", "x"}, {"node_modules/.bin/tool", "x"}, {"._index.js", "x"},
					      {".DS_Store", "x"}, {0}}), "%s", error);
	cr_assert(has_file("index.js") && has_file(".env"));
	cr_assert_not(has_file(".git/config") || has_file("node_modules/.bin/tool") || has_file("._index.js") || has_file(".DS_Store"));
}

Test(package, refuses_a_bomb_by_count)
{
	static char names[FILES_MAX + 1][16];
	static struct zip_entry entries[FILES_MAX + 2];
	for (size_t i = 0; i <= FILES_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "f%zu", i);
		entries[i] = (struct zip_entry){names[i], "x"};
	}
	expect_refusal(entries, "more than 1000 files");
	entries[FILES_MAX].name = NULL;
	cr_assert(unpack(entries), "%s", error);
}

Test(package, refuses_a_bomb_by_depth)
{
	char name[2 * (PACKAGE_DEPTH_MAX + 2)] = "";
	for (int i = 0; i < PACKAGE_DEPTH_MAX; i++)
		strcat(name, "d/");
	strcat(name, "x");
	expect_refusal((struct zip_entry[]){{"y", "y"}, {name, "x"}, {0}}, "is no path inside");
}

Test(package, refuses_what_is_no_zip)
{
	static const char text[] = "PK\003\004 but then nothing of a zip";
	cr_assert_not(unpack_bytes(text, sizeof(text)));
	cr_assert(strstr(error, "no zip file"), "%s", error);
	cr_assert_not(unpack_bytes("", 0));
	char *large = calloc(1, ZIP_BYTES_MAX + 1);
	cr_assert_not(unpack_bytes(large, ZIP_BYTES_MAX + 1));
	cr_assert(strstr(error, "larger than"), "%s", error);
	free(large);
}

/* Two entries of one name: libzip makes none, so the second name is changed in the bytes, in both of its places. */
Test(package, refuses_a_name_twice)
{
	struct zip_bytes zip = make_zip((struct zip_entry[]){{"aa.lua", "1"}, {"ab.lua", "2"}, {0}});
	for (size_t i = 0; i + 6 <= zip.size; i++)
		if (memcmp(zip.data + i, "ab.lua", 6) == 0)
			zip.data[i + 1] = 'a';
	cr_assert_not(unpack_bytes(zip.data, zip.size));
	cr_assert(strstr(error, "twice"), "%s", error);
	free(zip.data);
}

/* Every byte of a small zip changed, one at a time, and every cut of it: refused or unpacked, never anything else, and never outside. */
Test(package, survives_damage)
{
	struct zip_bytes zip = make_zip((struct zip_entry[]){{"main.lua", "return { init = function() end }"}, {"lib/x.lua", "1"}, {0}});
	for (size_t i = 0; i < zip.size; i++) {
		zip.data[i] ^= 0x41;
		unpack_bytes(zip.data, zip.size);
		zip.data[i] ^= 0x41;
		remove_folder();
		cr_assert(mkdir(folder, 0700) == 0);
		cr_assert_not(unpack_bytes(zip.data, i), "cut at %zu", i);
	}
	free(zip.data);
}
