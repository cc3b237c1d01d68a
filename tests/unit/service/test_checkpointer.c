/* The store's log: who brings it over, how large it becomes, and what holds it. */
#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "service/store/checkpointer.h"
#include "service/store/store.h"

enum { PAGE_BYTES = 4096, FRAME_BYTES = PAGE_BYTES + 24, BATCH_PAGES_MAX = 40 };

static char folder[64], path[128], log_path[160];

static void make_folder(void)
{
	snprintf(folder, sizeof(folder), "/tmp/ringcast-checkpointer-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/store.db", folder);
	snprintf(log_path, sizeof(log_path), "%s-wal", path);
}

static void remove_folder(void)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_assert_eq(system(command), 0);
}

TestSuite(checkpointer, .init = make_folder, .fini = remove_folder);

static struct store *open_store(void)
{
	char problem[STORE_PROBLEM_BYTES] = "";
	struct store *store = ringcast_service_store_open(path, problem);
	cr_assert_not_null(store, "%s", problem);
	return store;
}

static void write_some(struct store *store, int first, int count)
{
	char problem[STORE_PROBLEM_BYTES] = "", id[16];
	for (int i = first; i < first + count; i++) {
		json_t *document = json_pack("{s:i}", "n", i);
		snprintf(id, sizeof(id), "%d", i);
		struct record_change change = {RECORD_FLEET, id, NULL, document};
		cr_assert(ringcast_service_store_write(store, &change, 1, problem), "%s", problem);
		json_decref(document);
	}
}

static long size_of(const char *name)
{
	struct stat info;
	return stat(name, &info) == 0 ? (long)info.st_size : 0;
}

static size_t count_records(struct store *store)
{
	char problem[STORE_PROBLEM_BYTES];
	struct records records;
	ringcast_records_init(&records);
	cr_assert(ringcast_service_store_load(store, &records, problem), "%s", problem);
	size_t count = ringcast_records_count(&records, RECORD_FLEET);
	ringcast_records_fini(&records);
	return count;
}

Test(checkpointer, the_writer_does_not_do_it)
{
	static const struct checkpoint_limits never = {.due_pages = 1000000, .last_pages = 1, .log_pages_max = 1000000};
	struct store *store = open_store();
	cr_assert(ringcast_service_store_checkpoint_aside(store, &never));
	write_some(store, 0, 1500);
	cr_assert_gt(size_of(log_path), 1500L * FRAME_BYTES); /* SQLite itself would begin anew at 1000 */
	ringcast_service_store_close(&store);
	store = open_store();
	cr_assert_eq(count_records(store), 1500);
	ringcast_service_store_close(&store);
}

/* However fast it is written and however slow the other thread is: the writer waits. */
Test(checkpointer, the_log_is_bounded_while_writes_go_on)
{
	static const struct checkpoint_limits limits = {.due_pages = 20, .last_pages = 5, .log_pages_max = 60};
	struct store *store = open_store();
	cr_assert(ringcast_service_store_checkpoint_aside(store, &limits));
	write_some(store, 0, 1500);
	cr_assert_leq(size_of(log_path), (long)(limits.log_pages_max + BATCH_PAGES_MAX) * FRAME_BYTES);
	cr_assert_eq(count_records(store), 1500);
	ringcast_service_store_close(&store);
	store = open_store();
	cr_assert_eq(count_records(store), 1500);
	ringcast_service_store_close(&store);
}

/* Whoever reads for long holds the log; writers go on, and when he is done the log begins anew. */
Test(checkpointer, who_reads_holds_the_log_and_not_the_writer)
{
	static const struct checkpoint_limits limits = {.due_pages = 20, .last_pages = 5, .log_pages_max = 40};
	struct store *store = open_store();
	sqlite3 *reader;
	cr_assert(ringcast_service_store_checkpoint_aside(store, &limits));
	write_some(store, 0, 10);
	cr_assert_eq(sqlite3_open(path, &reader), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM records", NULL, NULL, NULL), SQLITE_OK);
	write_some(store, 10, 300);
	long held_bytes = size_of(log_path);
	cr_assert_gt(held_bytes, 300L * FRAME_BYTES);
	cr_assert_eq(sqlite3_close(reader), SQLITE_OK);
	write_some(store, 310, 1500);
	cr_assert_leq(size_of(log_path), held_bytes + (long)(limits.log_pages_max + BATCH_PAGES_MAX) * FRAME_BYTES);
	cr_assert_eq(count_records(store), 1810);
	ringcast_service_store_close(&store);
}

/* A disk that takes the log and not the database: writes into main databases fail while is_disk_full. */
static bool is_disk_full;
static const sqlite3_io_methods *usual_methods;
static sqlite3_io_methods full_methods;
static sqlite3_vfs *usual_vfs, full_vfs;

static int write_or_fail(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at)
{
	return __atomic_load_n(&is_disk_full, __ATOMIC_RELAXED) ? SQLITE_FULL : usual_methods->xWrite(file, bytes, size, at);
}

static int open_file(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *ret_flags)
{
	(void)vfs;
	int result = usual_vfs->xOpen(usual_vfs, name, file, flags, ret_flags);
	if (result == SQLITE_OK && (flags & SQLITE_OPEN_MAIN_DB) != 0) {
		usual_methods = file->pMethods;
		full_methods = *usual_methods;
		full_methods.xWrite = write_or_fail;
		file->pMethods = &full_methods;
	}
	return result;
}

static void set_disk_full(bool is_full)
{
	__atomic_store_n(&is_disk_full, is_full, __ATOMIC_RELAXED);
}

static void use_small_disk(void)
{
	usual_vfs = sqlite3_vfs_find(NULL);
	full_vfs = *usual_vfs;
	full_vfs.zName = "full";
	full_vfs.xOpen = open_file;
	cr_assert_eq(sqlite3_vfs_register(&full_vfs, 1), SQLITE_OK);
}

static bool try_write(struct store *store, char problem[STORE_PROBLEM_BYTES])
{
	static int number; /* what is written again as it was takes no page */
	json_t *document = json_pack("{s:i}", "n", number++);
	struct record_change change = {RECORD_FLEET, "more", NULL, document};
	bool is_written = ringcast_service_store_write(store, &change, 1, problem);
	json_decref(document);
	return is_written;
}

static size_t warning_count;

static void note_warning(void *context, enum log_level level, const char *component, const char *message, const char *fields)
{
	(void)context, (void)component, (void)message, (void)fields;
	__atomic_add_fetch(&warning_count, level == LOG_WARN, __ATOMIC_RELAXED);
}

Test(checkpointer, a_log_that_cannot_be_brought_over_has_an_end_and_goes_on_when_it_can)
{
	static const struct checkpoint_limits limits = {.due_pages = 20, .last_pages = 5, .log_pages_max = 60, .refused_pages = 400};
	static const struct log_sink sink = {note_warning, NULL, LOG_WARN};
	char problem[STORE_PROBLEM_BYTES] = "";
	ringcast_log_bind(&sink);
	use_small_disk();
	struct store *store = open_store();
	cr_assert(ringcast_service_store_checkpoint_aside(store, &limits));
	set_disk_full(true);
	for (int i = 0; i < 2000 && try_write(store, problem); i++)
		;
	cr_assert_not_null(strstr(problem, "service.store_log_max"), "%s", problem);
	cr_assert_not_null(strstr(problem, "full"), "%s", problem);
	cr_assert_leq(size_of(log_path), (long)(limits.refused_pages + BATCH_PAGES_MAX) * FRAME_BYTES);
	for (int i = 0; i < 100; i++)
		cr_assert_not(try_write(store, problem));
	struct checkpoint_counts counts = ringcast_service_store_count(store);
	cr_assert_eq(counts.refused, 101);
	cr_assert_geq(counts.failed, 101);
	cr_assert_geq(counts.log_pages, (uint64_t)limits.refused_pages);
	size_t warnings = __atomic_load_n(&warning_count, __ATOMIC_RELAXED);
	cr_assert(warnings >= 7 && warnings <= 12, "%zu warnings of %d failures", warnings, (int)counts.failed);
	set_disk_full(false);
	write_some(store, 0, 300);
	cr_assert_leq(size_of(log_path), (long)(limits.refused_pages + BATCH_PAGES_MAX) * FRAME_BYTES);
	cr_assert_eq(count_records(store), 301);
	ringcast_service_store_close(&store);
}

Test(checkpointer, who_reads_for_ever_does_not_fill_the_disk)
{
	static const struct checkpoint_limits limits = {.due_pages = 20, .last_pages = 5, .log_pages_max = 40, .refused_pages = 200};
	char problem[STORE_PROBLEM_BYTES] = "";
	struct store *store = open_store();
	sqlite3 *reader;
	cr_assert(ringcast_service_store_checkpoint_aside(store, &limits));
	write_some(store, 0, 10);
	cr_assert_eq(sqlite3_open(path, &reader), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM records", NULL, NULL, NULL), SQLITE_OK);
	for (int i = 0; i < 2000 && try_write(store, problem); i++)
		;
	cr_assert_not_null(strstr(problem, "reads the store"), "%s", problem);
	cr_assert_leq(size_of(log_path), (long)(limits.refused_pages + BATCH_PAGES_MAX) * FRAME_BYTES);
	cr_assert_eq(sqlite3_close(reader), SQLITE_OK);
	cr_assert(try_write(store, problem), "%s", problem);
	ringcast_service_store_close(&store);
}

Test(checkpointer, a_store_in_memory_needs_none)
{
	const struct checkpoint_limits limits = ringcast_checkpoint_limits(1 << 28);
	char problem[STORE_PROBLEM_BYTES] = "";
	struct store *store = ringcast_service_store_open(NULL, problem);
	cr_assert(ringcast_service_store_checkpoint_aside(store, &limits));
	write_some(store, 0, 10);
	cr_assert_eq(count_records(store), 10);
	ringcast_service_store_close(&store);
}
