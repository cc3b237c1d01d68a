/* The store's log: who brings it over, how large it becomes, and what holds it. */
#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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

Test(checkpointer, a_store_in_memory_needs_none)
{
	char problem[STORE_PROBLEM_BYTES] = "";
	struct store *store = ringcast_service_store_open(NULL, problem);
	cr_assert(ringcast_service_store_checkpoint_aside(store, NULL));
	write_some(store, 0, 10);
	cr_assert_eq(count_records(store), 10);
	ringcast_service_store_close(&store);
}
