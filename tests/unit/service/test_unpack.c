/* Archives of builds: what is right is there whole, and of what is wrong nothing is. */
#include <archive.h>
#include <archive_entry.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/attr.h"
#include "service/agent/unpack.h"

static unsigned flush_count;
static bool is_disk_bad;

/* In the place of the library's, for the whole program. */
int fsync(int fd)
{
	flush_count++;
	return (int)syscall(SYS_fsync, fd);
}

int syncfs(int fd)
{
	flush_count++;
	errno = EIO;
	return is_disk_bad ? -1 : (int)syscall(SYS_syncfs, fd);
}

static char base[64], archive_path[96], folder[96];

static void begin(void)
{
	snprintf(base, sizeof(base), "/tmp/ringcast-unpack-XXXXXX");
	cr_assert_not_null(mkdtemp(base));
	snprintf(archive_path, sizeof(archive_path), "%s/archive", base);
	snprintf(folder, sizeof(folder), "%s/build-1", base);
}

static void end(void)
{
	cr_assert(ringcast_unpack_remove(base));
}

TestSuite(unpack, .init = begin, .fini = end);

struct item {
	const char *name, *content; /* content NULL: none */
	const char *link, *hard;
	unsigned type, mode;
};

static void add(struct archive *archive, const struct item *item)
{
	struct archive_entry *entry = archive_entry_new();
	archive_entry_set_pathname(entry, item->name);
	archive_entry_set_filetype(entry, item->type != 0 ? item->type : AE_IFREG);
	archive_entry_set_perm(entry, item->mode != 0 ? (mode_t)item->mode : 0644);
	if (item->link != NULL)
		archive_entry_set_symlink(entry, item->link);
	if (item->hard != NULL)
		archive_entry_set_hardlink(entry, item->hard);
	archive_entry_set_size(entry, item->content != NULL ? (la_int64_t)strlen(item->content) : 0);
	cr_assert_geq(archive_write_header(archive, entry), ARCHIVE_WARN, "%s", archive_error_string(archive));
	if (item->content != NULL)
		cr_assert_eq(archive_write_data(archive, item->content, strlen(item->content)), (la_ssize_t)strlen(item->content));
	archive_entry_free(entry);
}

static void write_archive(bool is_zip, const struct item *items, size_t count)
{
	struct archive *archive = archive_write_new();
	if (is_zip) {
		archive_write_set_format_zip(archive);
	} else {
		archive_write_set_format_pax_restricted(archive);
		archive_write_add_filter_gzip(archive);
	}
	cr_assert_eq(archive_write_open_filename(archive, archive_path), ARCHIVE_OK);
	for (size_t i = 0; i < count; i++)
		add(archive, &items[i]);
	cr_assert_eq(archive_write_close(archive), ARCHIVE_OK);
	archive_write_free(archive);
}

static const struct unpack_limits limits = {1000, 10};

/* "" where it was unpacked. */
static const char *problem_of(void)
{
	static char problem[UNPACK_PROBLEM_BYTES];
	uint64_t bytes;
	problem[0] = '\0';
	bool is_done = ringcast_unpack(archive_path, folder, &limits, NULL, &bytes, problem);
	cr_assert_eq(is_done, *problem == '\0', "%s", problem);
	return problem;
}

/* Nothing of it stays, under no name. */
static void assert_nothing_left(void)
{
	char fresh[128];
	snprintf(fresh, sizeof(fresh), "%s.new", folder);
	cr_assert_neq(access(folder, F_OK), 0);
	cr_assert_neq(access(fresh, F_OK), 0);
}

Test(unpack, files_and_folders_of_both_kinds_are_there)
{
	const struct item items[] = {{.name = "./", .type = AE_IFDIR, .mode = 0755}, {.name = "bin/", .type = AE_IFDIR, .mode = 0700},
				     {.name = "./bin/server", .content = "#!/bin/sh\n", .mode = 04755}, {.name = "data/deep/level.txt", .content = "level"}};
	for (int is_zip = 0; is_zip < 2; is_zip++) {
		char path[160], problem[UNPACK_PROBLEM_BYTES] = "", text[16] = "";
		struct stat found;
		uint64_t bytes = 0;
		write_archive(is_zip, items, ARRAY_COUNT(items));
		cr_assert(ringcast_unpack(archive_path, folder, &limits, NULL, &bytes, problem), "%s", problem);
		cr_assert_eq(bytes, 15);
		snprintf(path, sizeof(path), "%s/bin/server", folder);
		cr_assert(stat(path, &found) == 0 && (found.st_mode & 07777) == 0750, "%o", found.st_mode);
		snprintf(path, sizeof(path), "%s/data/deep/level.txt", folder);
		FILE *file = fopen(path, "r");
		cr_assert(file != NULL && fread(text, 1, sizeof(text), file) == 5 && strcmp(text, "level") == 0);
		fclose(file);
		cr_assert(ringcast_unpack_remove(folder));
		cr_assert_neq(access(folder, F_OK), 0);
	}
}

Test(unpack, what_leads_out_or_is_no_file_is_refused_with_its_name)
{
	static const struct {
		struct item item;
		const char *problem;
	} wrong[] = {
		{{.name = "../out", .content = "x"}, "leads out of the build"},
		{{.name = "a/../../out", .content = "x"}, "leads out of the build"},
		{{.name = "a/..", .type = AE_IFDIR}, "leads out of the build"},
		{{.name = "/etc/out", .content = "x"}, "leads out of the build"},
		{{.name = "link", .type = AE_IFLNK, .link = "/etc/passwd"}, "is a link"},
		{{.name = "good/link", .type = AE_IFLNK, .link = "file"}, "is a link"},
		{{.name = "hard", .hard = "good"}, "is a link"},
		{{.name = "fifo", .type = AE_IFIFO}, "is no file and no folder"},
		{{.name = "device", .type = AE_IFCHR}, "is no file and no folder"},
		{{.name = "good", .content = "again"}, "is in the archive twice"},
		{{.name = "good/below", .content = "x"}, "good/below"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		const struct item items[] = {{.name = "good", .content = "x"}, wrong[i].item};
		write_archive(false, items, 2);
		const char *problem = problem_of();
		cr_assert_not_null(strstr(problem, wrong[i].problem), "%zu: '%s'", i, problem);
		assert_nothing_left();
	}
}

Test(unpack, what_is_too_much_is_refused)
{
	static const char line[] = "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"; /* 100 */
	struct item items[11];
	char names[11][8];
	for (size_t i = 0; i < ARRAY_COUNT(items); i++) {
		snprintf(names[i], sizeof(names[i]), "f%zu", i);
		items[i] = (struct item){.name = names[i], .content = line};
	}
	write_archive(false, items, 10);
	cr_assert_str_eq(problem_of(), "", "so much it may be");
	cr_assert(ringcast_unpack_remove(folder));
	for (size_t i = 0; i < ARRAY_COUNT(items); i++)
		items[i].content = "x";
	write_archive(true, items, 11);
	cr_assert_not_null(strstr(problem_of(), "f10: the archive has more entries than service.build_entries_max"));
	assert_nothing_left();
	items[9].content = line;
	char large[1001];
	memset(large, '0', sizeof(large) - 1); /* packs well */
	large[sizeof(large) - 1] = '\0';
	items[0].content = large;
	write_archive(false, items, 2);
	cr_assert_not_null(strstr(problem_of(), "f1: the archive holds more bytes than service.build_max"), "%s", problem_of());
	assert_nothing_left();
}

Test(unpack, what_is_no_archive_or_not_whole_is_refused)
{
	const struct item item = {.name = "file", .content = "some content that is long enough to be cut in the middle of it"};
	struct stat found;
	write_archive(false, &item, 1);
	cr_assert_eq(stat(archive_path, &found), 0);
	for (off_t size = found.st_size - 12; size > 0; size -= 7) {
		cr_assert_eq(truncate(archive_path, size), 0);
		cr_assert_str_neq(problem_of(), "", "%d", (int)size);
		assert_nothing_left();
	}
	cr_assert_eq(truncate(archive_path, 0), 0);
	cr_assert_str_neq(problem_of(), "");
	write_archive(true, NULL, 0);
	cr_assert_str_neq(problem_of(), "");
	FILE *file = fopen(archive_path, "w");
	fputs("#!/bin/sh\necho hello\n", file);
	fclose(file);
	cr_assert_str_neq(problem_of(), "");
	unlink(archive_path);
	cr_assert_str_neq(problem_of(), "");
	assert_nothing_left();
}

/* As it is, behind a gzip of a gzip of a gzip, which is how a few bytes become endless ones. */
static void write_packed(int times, const struct item *items, size_t count)
{
	struct archive *archive = archive_write_new();
	archive_write_set_format_ustar(archive);
	for (int i = 0; i < times; i++)
		archive_write_add_filter_gzip(archive);
	cr_assert_eq(archive_write_open_filename(archive, archive_path), ARCHIVE_OK);
	for (size_t i = 0; i < count; i++)
		add(archive, &items[i]);
	cr_assert_eq(archive_write_close(archive), ARCHIVE_OK);
	archive_write_free(archive);
}

/* One hole, and nothing else, as GNU tar writes it: the archive has no data of it. */
static void write_hole(unsigned size)
{
	enum { BLOCK = 512, MODE = 100, SIZE = 124, TIME = 136, SUM = 148, TYPE = 156, MAGIC = 257, MAP = 386, REAL_SIZE = 483 };
	char blocks[3 * BLOCK] = "hole";
	unsigned sum = 0;
	snprintf(blocks + MODE, 8, "%07o", 0644u);
	snprintf(blocks + SIZE, 12, "%011o", 0u);
	snprintf(blocks + TIME, 12, "%011o", 0u);
	memset(blocks + SUM, ' ', 8);
	blocks[TYPE] = 'S';
	memcpy(blocks + MAGIC, "ustar  ", 8);
	snprintf(blocks + MAP, 12, "%011o", size);
	snprintf(blocks + MAP + 12, 12, "%011o", 0u);
	snprintf(blocks + REAL_SIZE, 12, "%011o", size);
	for (int i = 0; i < BLOCK; i++)
		sum += (unsigned char)blocks[i];
	snprintf(blocks + SUM, 8, "%06o", sum);
	FILE *file = fopen(archive_path, "w");
	cr_assert(file != NULL && fwrite(blocks, sizeof(blocks), 1, file) == 1);
	fclose(file);
}

Test(unpack, a_file_that_is_one_hole_has_its_size_and_counts)
{
	char path[160];
	struct stat found;
	write_hole(900);
	cr_assert_str_eq(problem_of(), "");
	snprintf(path, sizeof(path), "%s/hole", folder);
	cr_assert(stat(path, &found) == 0 && found.st_size == 900, "%d", (int)found.st_size);
	cr_assert(ringcast_unpack_remove(folder));
	write_hole(1001);
	cr_assert_not_null(strstr(problem_of(), "more bytes than service.build_max"), "'%s'", problem_of());
	assert_nothing_left();
}

Test(unpack, what_is_passed_over_is_counted_too)
{
	char large[1001];
	struct item items[11];
	memset(large, '0', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	const struct item named_as_the_folder[] = {{.name = "good", .content = "x"}, {.name = ".", .content = large}};
	write_packed(1, named_as_the_folder, 2);
	cr_assert_not_null(strstr(problem_of(), "is no folder"), "'%s'", problem_of());
	assert_nothing_left();
	for (size_t i = 0; i < ARRAY_COUNT(items); i++)
		items[i] = (struct item){.name = "./", .type = AE_IFDIR};
	items[0] = (struct item){.name = "good", .content = "x"};
	write_packed(1, items, 11);
	cr_assert_str_eq(problem_of(), "", "so many it may be, and its own folder");
	cr_assert(ringcast_unpack_remove(folder));
	struct item more[12] = {[11] = {.name = "./", .type = AE_IFDIR}};
	memcpy(more, items, sizeof(items));
	write_packed(1, more, 12);
	cr_assert_not_null(strstr(problem_of(), "more entries than service.build_entries_max"), "'%s'", problem_of());
	assert_nothing_left();
}

Test(unpack, what_is_packed_more_than_once_is_refused)
{
	const struct item item = {.name = "file", .content = "x"};
	write_packed(1, &item, 1);
	cr_assert_str_eq(problem_of(), "");
	cr_assert(ringcast_unpack_remove(folder));
	write_packed(2, &item, 1);
	cr_assert_not_null(strstr(problem_of(), "packed more than once"), "'%s'", problem_of());
	assert_nothing_left();
}

/* One of each file would be the disk's time a thousand times over, with whatever else the daemon writes behind it. */
Test(unpack, a_build_is_flushed_as_a_whole_however_many_files_it_has)
{
	struct item items[10];
	char names[10][8];
	for (size_t i = 0; i < ARRAY_COUNT(items); i++) {
		snprintf(names[i], sizeof(names[i]), "f%zu", i);
		items[i] = (struct item){.name = names[i], .content = "x"};
	}
	write_archive(false, items, ARRAY_COUNT(items));
	flush_count = 0;
	cr_assert_str_eq(problem_of(), "");
	cr_assert_eq(flush_count, 2, "its files, and its name: %u", flush_count);
	cr_assert(ringcast_unpack_remove(folder));
	is_disk_bad = true;
	cr_assert_not_null(strstr(problem_of(), "Input/output error"), "'%s'", problem_of());
	is_disk_bad = false;
	assert_nothing_left();
}

/* An archive by a pipe. In the middle of its one file the stop is said; what comes then the library throws away. */

static void *write_and_stop(void *context)
{
	enum { FIRST_BYTES = 1 << 16, SIZE = 1 << 24 };
	static const char block[4096];
	struct archive *archive = archive_write_new();
	struct archive_entry *entry = archive_entry_new();
	archive_write_set_format_ustar(archive);
	cr_assert_eq(archive_write_open_filename(archive, archive_path), ARCHIVE_OK);
	archive_entry_set_pathname(entry, "large");
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_size(entry, SIZE);
	archive_write_header(archive, entry);
	archive_entry_free(entry);
	for (int i = 0; i < SIZE; i += (int)sizeof(block)) {
		if (i == FIRST_BYTES)
			__atomic_store_n((bool *)context, true, __ATOMIC_RELAXED);
		archive_write_data(archive, block, sizeof(block));
	}
	archive_write_free(archive);
	return NULL;
}

Test(unpack, a_stop_ends_it_in_the_middle_of_a_file)
{
	const struct unpack_limits much = {1 << 28, 10};
	bool is_stopping = false;
	char problem[UNPACK_PROBLEM_BYTES] = "";
	uint64_t bytes;
	pthread_t thread;
	cr_assert_eq(mkfifo(archive_path, 0600), 0);
	cr_assert_eq(pthread_create(&thread, NULL, write_and_stop, &is_stopping), 0);
	cr_assert_not(ringcast_unpack(archive_path, folder, &much, &is_stopping, &bytes, problem), "it was written whole");
	cr_assert_str_eq(problem, "the archive: the service stops");
	pthread_join(thread, NULL);
	assert_nothing_left();
}
