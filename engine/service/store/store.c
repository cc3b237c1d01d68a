#include "service/store/store.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "service/store/checkpointer.h"

enum { VERSION = 1, APPLICATION_ID = 0x52434153 /* "RCAS" */, BACKUP_PAGES_PER_STEP = 256, BUSY_TIMEOUT_MS = 2000, PATH_BYTES = 128 };

static const char in_memory[] = ":memory:";

struct store {
	sqlite3 *database;
	sqlite3_stmt *put, *remove;
	char *path;
	struct checkpointer *checkpointer; /* NULL: SQLite does it at the end of a transaction */
	int log_pages; /* after the last transaction; < 0: none was */
};

/* From each version to the next; what an older program has written is brought up step by step. */
static const char *const migrations[] = {
	"CREATE TABLE records (kind TEXT NOT NULL, id TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;",
};
static_assert(sizeof(migrations) / sizeof(migrations[0]) == VERSION, "a step for each version");

static bool fail(const struct store *store, const char *what, char problem[STORE_PROBLEM_BYTES])
{
	snprintf(problem, STORE_PROBLEM_BYTES, "the store %.*s: %s: %s", PATH_BYTES, store->path, what, sqlite3_errmsg(store->database));
	return false;
}

static bool run(struct store *store, const char *sql, const char *what, char problem[STORE_PROBLEM_BYTES])
{
	return sqlite3_exec(store->database, sql, NULL, NULL, NULL) == SQLITE_OK || fail(store, what, problem);
}

static bool read_number(struct store *store, const char *sql, int *ret_number, char problem[STORE_PROBLEM_BYTES])
{
	sqlite3_stmt *statement;
	if (sqlite3_prepare_v2(store->database, sql, -1, &statement, NULL) != SQLITE_OK)
		return fail(store, "cannot be read", problem);
	bool is_read = sqlite3_step(statement) == SQLITE_ROW;
	if (is_read)
		*ret_number = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return is_read || fail(store, "cannot be read", problem);
}

/* Something else in the file's place is never written over. */
static bool check_version(struct store *store, int *ret_version, char problem[STORE_PROBLEM_BYTES])
{
	int application, tables;
	if (!read_number(store, "PRAGMA user_version", ret_version, problem) || !read_number(store, "PRAGMA application_id", &application, problem) ||
	    !read_number(store, "SELECT count(*) FROM sqlite_master", &tables, problem))
		return false;
	if (application != APPLICATION_ID && tables > 0) {
		snprintf(problem, STORE_PROBLEM_BYTES, "the store %.*s: this is a database of another program", PATH_BYTES, store->path);
		return false;
	}
	if (*ret_version > VERSION) {
		snprintf(problem, STORE_PROBLEM_BYTES, "the store %.*s: written by a newer version (%d, this one knows %d); run that one, or use a backup",
			 PATH_BYTES, store->path, *ret_version, VERSION);
		return false;
	}
	return true;
}

static bool migrate(struct store *store, int version, char problem[STORE_PROBLEM_BYTES])
{
	char sql[96];
	for (; version < VERSION; version++) {
		snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d;", APPLICATION_ID, version + 1);
		if (!run(store, "BEGIN IMMEDIATE", "cannot be written", problem))
			return false;
		if (!run(store, migrations[version], "cannot be brought to this version", problem) ||
		    !run(store, sql, "cannot be brought to this version", problem) || !run(store, "COMMIT", "cannot be written", problem)) {
			sqlite3_exec(store->database, "ROLLBACK", NULL, NULL, NULL);
			return false;
		}
	}
	return true;
}

static bool check_integrity(struct store *store, const char *how, char problem[STORE_PROBLEM_BYTES])
{
	sqlite3_stmt *statement;
	if (sqlite3_prepare_v2(store->database, how, -1, &statement, NULL) != SQLITE_OK)
		return fail(store, "is damaged; put a backup in its place, or move it away to begin anew", problem);
	bool is_row = sqlite3_step(statement) == SQLITE_ROW;
	const char *text = is_row ? (const char *)sqlite3_column_text(statement, 0) : NULL;
	bool is_whole = text != NULL && strcmp(text, "ok") == 0;
	if (!is_whole)
		snprintf(problem, STORE_PROBLEM_BYTES, "the store %.*s is damaged (%.80s); put a backup in its place, or move it away to begin anew",
			 PATH_BYTES, store->path, text != NULL ? text : sqlite3_errmsg(store->database));
	sqlite3_finalize(statement);
	return is_whole;
}

static bool prepare(struct store *store, char problem[STORE_PROBLEM_BYTES])
{
	static const char put[] = "INSERT INTO records (kind, id, document) VALUES (?1, ?2, ?3) ON CONFLICT (kind, id) DO UPDATE SET document = ?3";
	static const char remove[] = "DELETE FROM records WHERE kind = ?1 AND id = ?2";
	if (sqlite3_prepare_v2(store->database, put, -1, &store->put, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(store->database, remove, -1, &store->remove, NULL) != SQLITE_OK)
		return fail(store, "cannot be used", problem);
	return true;
}

static bool open_all(struct store *store, char problem[STORE_PROBLEM_BYTES])
{
	int version = 0, flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX;
	if (sqlite3_open_v2(store->path, &store->database, flags, NULL) != SQLITE_OK)
		return fail(store, "cannot be opened", problem);
	sqlite3_busy_timeout(store->database, BUSY_TIMEOUT_MS);
	return check_integrity(store, "PRAGMA quick_check(1)", problem) && check_version(store, &version, problem) &&
	       run(store, "PRAGMA journal_mode = WAL", "cannot be written", problem) &&
	       run(store, "PRAGMA synchronous = FULL", "cannot be written", problem) && migrate(store, version, problem) && prepare(store, problem);
}

static bool open_as_it_is(struct store *store, char problem[STORE_PROBLEM_BYTES])
{
	int version;
	if (sqlite3_open_v2(store->path, &store->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, NULL) != SQLITE_OK)
		return fail(store, "cannot be opened", problem);
	sqlite3_busy_timeout(store->database, BUSY_TIMEOUT_MS);
	if (!check_integrity(store, "PRAGMA quick_check(1)", problem) || !check_version(store, &version, problem))
		return false;
	if (version > 0)
		return true;
	snprintf(problem, STORE_PROBLEM_BYTES, "the store %.*s: this is no store of ringcastd, or an empty one", PATH_BYTES, store->path);
	return false;
}

static struct store *open_by(const char *path, bool (*open)(struct store *, char problem[STORE_PROBLEM_BYTES]), char problem[STORE_PROBLEM_BYTES])
{
	struct store *store = calloc(1, sizeof(*store));
	if (store != NULL)
		store->path = strdup(path != NULL ? path : in_memory);
	if (store == NULL || store->path == NULL) {
		free(store);
		snprintf(problem, STORE_PROBLEM_BYTES, "the store: out of memory");
		return NULL;
	}
	if (!open(store, problem))
		ringcast_service_store_close(&store);
	return store;
}

struct store *ringcast_service_store_open(const char *path, char problem[STORE_PROBLEM_BYTES])
{
	return open_by(path, open_all, problem);
}

struct store *ringcast_service_store_open_existing(const char *path, char problem[STORE_PROBLEM_BYTES])
{
	return open_by(path, open_as_it_is, problem);
}

bool ringcast_service_store_check(struct store *store, char problem[STORE_PROBLEM_BYTES])
{
	struct records records;
	ringcast_records_init(&records);
	bool is_whole = check_integrity(store, "PRAGMA integrity_check(1)", problem) && ringcast_service_store_load(store, &records, problem);
	ringcast_records_fini(&records);
	return is_whole;
}

void ringcast_service_store_close(struct store **store)
{
	if (*store == NULL)
		return;
	ringcast_checkpointer_stop(&(*store)->checkpointer);
	sqlite3_finalize((*store)->put);
	sqlite3_finalize((*store)->remove);
	sqlite3_close((*store)->database);
	free((*store)->path);
	free(*store);
	*store = NULL;
}

/* A kind that this version does not know was written by a later one of the same format; it stays as it is. */
static bool load_row(sqlite3_stmt *statement, struct records *records)
{
	const char *kind_name = (const char *)sqlite3_column_text(statement, 0), *id = (const char *)sqlite3_column_text(statement, 1);
	const char *text = (const char *)sqlite3_column_text(statement, 2);
	enum record_kind kind;
	if (kind_name == NULL || id == NULL || text == NULL)
		return false;
	if (!ringcast_record_kind_find(kind_name, &kind))
		return true;
	json_t *document = json_loads(text, 0, NULL);
	return document != NULL && ringcast_records_load(records, kind, id, document);
}

bool ringcast_service_store_load(struct store *store, struct records *records, char problem[STORE_PROBLEM_BYTES])
{
	sqlite3_stmt *statement;
	int step;
	if (sqlite3_prepare_v2(store->database, "SELECT kind, id, document FROM records ORDER BY kind, id", -1, &statement, NULL) != SQLITE_OK)
		return fail(store, "cannot be read", problem);
	bool is_whole = true;
	while (is_whole && (step = sqlite3_step(statement)) == SQLITE_ROW)
		is_whole = load_row(statement, records);
	if (!is_whole)
		snprintf(problem, STORE_PROBLEM_BYTES, "the store %.*s: the record %.32s/%.64s is no JSON, or memory is short", PATH_BYTES, store->path,
			 (const char *)sqlite3_column_text(statement, 0), (const char *)sqlite3_column_text(statement, 1));
	else if (step != SQLITE_DONE)
		is_whole = fail(store, "cannot be read", problem);
	sqlite3_finalize(statement);
	return is_whole;
}

static bool write_change(struct store *store, const struct record_change *change)
{
	sqlite3_stmt *statement = change->after != NULL ? store->put : store->remove;
	const char *kind = ringcast_record_kind_name(change->kind);
	char *text = change->after != NULL ? json_dumps(change->after, JSON_COMPACT) : NULL;
	if (change->after != NULL && text == NULL)
		return false;
	bool is_bound = sqlite3_bind_text(statement, 1, kind, -1, SQLITE_STATIC) == SQLITE_OK &&
			sqlite3_bind_text(statement, 2, change->id, -1, SQLITE_STATIC) == SQLITE_OK &&
			(text == NULL || sqlite3_bind_text(statement, 3, text, -1, SQLITE_STATIC) == SQLITE_OK);
	bool is_written = is_bound && sqlite3_step(statement) == SQLITE_DONE;
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	free(text);
	return is_written;
}

static bool write_all(struct store *store, const struct record_change *changes, size_t count, char problem[STORE_PROBLEM_BYTES])
{
	if (!run(store, "BEGIN IMMEDIATE", "cannot be written", problem))
		return false;
	bool is_written = true;
	for (size_t i = 0; i < count && is_written; i++)
		is_written = write_change(store, &changes[i]) || fail(store, "cannot be written", problem);
	if (is_written && run(store, "COMMIT", "cannot be written", problem))
		return true;
	sqlite3_exec(store->database, "ROLLBACK", NULL, NULL, NULL);
	return false;
}

bool ringcast_service_store_write(struct store *store, const struct record_change *changes, size_t count, char problem[STORE_PROBLEM_BYTES])
{
	char full[CHECKPOINT_PROBLEM_BYTES];
	store->log_pages = -1;
	if (!ringcast_checkpointer_begin_write(store->checkpointer, full)) {
		snprintf(problem, STORE_PROBLEM_BYTES, "the store %.*s: %s", PATH_BYTES, store->path, full);
		return false;
	}
	bool is_written = write_all(store, changes, count, problem);
	ringcast_checkpointer_end_write(store->checkpointer, store->log_pages);
	return is_written;
}

/* In the writer's thread, at the end of a transaction. */
static int note_log_pages(void *context, sqlite3 *database, const char *name, int log_pages)
{
	((struct store *)context)->log_pages = log_pages;
	return SQLITE_OK;
}

bool ringcast_service_store_checkpoint_aside(struct store *store, const struct checkpoint_limits *limits)
{
	if (strcmp(store->path, in_memory) == 0)
		return true;
	ringcast_assert(store->checkpointer == NULL);
	store->checkpointer = ringcast_checkpointer_start(store->path, limits);
	if (store->checkpointer != NULL)
		sqlite3_wal_hook(store->database, note_log_pages, store);
	return store->checkpointer != NULL;
}

struct checkpoint_counts ringcast_service_store_count(const struct store *store)
{
	return ringcast_checkpointer_count(store->checkpointer);
}

static bool copy_to(struct store *store, sqlite3 *copy)
{
	sqlite3_backup *backup = sqlite3_backup_init(copy, "main", store->database, "main");
	int step = backup != NULL ? SQLITE_OK : SQLITE_ERROR;
	while (step == SQLITE_OK || step == SQLITE_BUSY || step == SQLITE_LOCKED)
		step = sqlite3_backup_step(backup, BACKUP_PAGES_PER_STEP);
	return backup != NULL && sqlite3_backup_finish(backup) == SQLITE_OK && step == SQLITE_DONE;
}

bool ringcast_service_store_backup(struct store *store, const char *path, char problem[STORE_PROBLEM_BYTES])
{
	sqlite3 *copy = NULL;
	if (access(path, F_OK) == 0) {
		snprintf(problem, STORE_PROBLEM_BYTES, "the backup %.200s is there already; name another file", path);
		return false;
	}
	bool is_copied = sqlite3_open(path, &copy) == SQLITE_OK && copy_to(store, copy);
	if (!is_copied) {
		snprintf(problem, STORE_PROBLEM_BYTES, "the backup %.160s cannot be written: %s", path, sqlite3_errmsg(copy));
		unlink(path);
	}
	sqlite3_close(copy);
	return is_copied;
}
