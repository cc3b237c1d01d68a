#include "service/store/checkpointer.h"

#include <sqlite3.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/worker.h"

/* Each round takes what was written during the one before. More are of no use: somebody reads, and holds the log. */
enum { ROUNDS_MAX = 4, BUSY_TIMEOUT_MS = 2000 };
/* A quarter of the log makes writers wait, so that a disk that is only slow refuses nothing. PAGE_BYTES: as SQLite makes databases. */
enum { PAGE_BYTES = 4096, DUE_PAGES = 250, LAST_PAGES = 50, WAIT_SHARE = 4 };

struct checkpointer {
	sqlite3 *database;
	struct checkpoint_limits limits;
	const struct log_sink *sink;
	struct worker worker; /* its lock guards what follows; writers wait for its signal, too */
	int log_pages, due_pages;
	bool is_writing, is_pausing; /* pausing: no transaction may begin */
	uint64_t failures; /* one after the other, up to now */
	char problem[CHECKPOINT_PROBLEM_BYTES]; /* of the last one that failed */
	struct checkpoint_counts counts;
};

static bool is_due(const struct checkpointer *checkpointer)
{
	return checkpointer->log_pages >= checkpointer->due_pages;
}

static bool is_full(const struct checkpointer *checkpointer)
{
	return is_due(checkpointer) && checkpointer->log_pages >= checkpointer->limits.log_pages_max;
}

/* Nobody may write. */
static bool is_over(const struct checkpointer *checkpointer)
{
	return checkpointer->limits.refused_pages > 0 && checkpointer->log_pages >= checkpointer->limits.refused_pages;
}

/* Pages of the log that are in the database; < 0: it failed. */
static int bring_over(struct checkpointer *checkpointer)
{
	int log_pages, done_pages;
	int result = sqlite3_wal_checkpoint_v2(checkpointer->database, NULL, SQLITE_CHECKPOINT_PASSIVE, &log_pages, &done_pages);
	if (result == SQLITE_BUSY)
		return 0; /* a tool does the same */
	return result == SQLITE_OK ? done_pages : -1;
}

/* Pages that are left; < 0: it failed. The lock is held, and given away meanwhile. */
static int run_round(struct checkpointer *checkpointer)
{
	pthread_mutex_unlock(&checkpointer->worker.lock);
	int done_pages = bring_over(checkpointer);
	pthread_mutex_lock(&checkpointer->worker.lock);
	if (done_pages < 0)
		return -1;
	return checkpointer->log_pages > done_pages ? checkpointer->log_pages - done_pages : 0;
}

static int run_last_round(struct checkpointer *checkpointer)
{
	checkpointer->is_pausing = true;
	while (checkpointer->is_writing)
		pthread_cond_wait(&checkpointer->worker.changed, &checkpointer->worker.lock);
	int left = run_round(checkpointer);
	checkpointer->is_pausing = false;
	return left;
}

static int run_rounds(struct checkpointer *checkpointer)
{
	int left = checkpointer->log_pages;
	for (int i = 0; i < ROUNDS_MAX && left > checkpointer->limits.last_pages && !is_full(checkpointer); i++)
		left = run_round(checkpointer);
	bool is_worth_it = left > 0 && (left <= checkpointer->limits.last_pages || is_full(checkpointer));
	return is_worth_it ? run_last_round(checkpointer) : left;
}

/* The first failure, the second, the fourth and so on: a disk that stays full is told of again, and fills no other with lines. */
static void tell(struct checkpointer *checkpointer, bool has_failed)
{
	if (!has_failed && checkpointer->failures > 0)
		ringcast_log(LOG_INFO, "service", "the store's log is brought into the store again", "failures=%" PRIu64, checkpointer->failures);
	checkpointer->failures = has_failed ? checkpointer->failures + 1 : 0;
	if (!has_failed)
		return;
	checkpointer->counts.failed++;
	snprintf(checkpointer->problem, sizeof(checkpointer->problem), "%s", sqlite3_errmsg(checkpointer->database));
	if ((checkpointer->failures & (checkpointer->failures - 1)) == 0)
		ringcast_log(LOG_WARN, "service", "the store's log cannot be brought into the store; it grows, and nothing is lost",
			     "err=\"%s\" failures=%" PRIu64 " log_pages=%d refused_at_pages=%d", checkpointer->problem, checkpointer->failures,
			     checkpointer->log_pages, checkpointer->limits.refused_pages);
}

/* What is left makes the next try later, so that a disk that fails or somebody who reads for long is not asked at each batch. */
static void bring_all_over(struct checkpointer *checkpointer)
{
	int left = run_rounds(checkpointer);
	tell(checkpointer, left < 0);
	checkpointer->due_pages = checkpointer->limits.due_pages + (left != 0 ? checkpointer->log_pages : 0);
	if (left == 0)
		checkpointer->log_pages = 0; /* the next transaction says what it is */
	pthread_cond_broadcast(&checkpointer->worker.changed);
}

static void *run(void *context)
{
	struct checkpointer *checkpointer = context;
	ringcast_log_bind(checkpointer->sink);
	pthread_mutex_lock(&checkpointer->worker.lock);
	while (!checkpointer->worker.is_stopping) {
		if (is_due(checkpointer))
			bring_all_over(checkpointer);
		else
			pthread_cond_wait(&checkpointer->worker.changed, &checkpointer->worker.lock);
	}
	pthread_mutex_unlock(&checkpointer->worker.lock);
	return NULL;
}

/* What has gone into the database must not outlive what the log loses by it, so both are flushed. */
static bool open_database(struct checkpointer *checkpointer, const char *path)
{
	if (sqlite3_open_v2(path, &checkpointer->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, NULL) != SQLITE_OK)
		return false;
	sqlite3_busy_timeout(checkpointer->database, BUSY_TIMEOUT_MS);
	return sqlite3_exec(checkpointer->database, "PRAGMA synchronous = FULL; SELECT count(*) FROM sqlite_master", NULL, NULL, NULL) == SQLITE_OK;
}

static void destroy(struct checkpointer *checkpointer)
{
	sqlite3_close(checkpointer->database);
	free(checkpointer);
}

struct checkpointer *ringcast_checkpointer_start(const char *path, const struct checkpoint_limits *limits)
{
	struct checkpointer *checkpointer = calloc(1, sizeof(*checkpointer));
	if (checkpointer == NULL)
		return NULL;
	checkpointer->limits = *limits;
	checkpointer->due_pages = limits->due_pages;
	checkpointer->sink = ringcast_log_bound();
	if (open_database(checkpointer, path) && ringcast_worker_start(&checkpointer->worker, run, checkpointer))
		return checkpointer;
	destroy(checkpointer);
	return NULL;
}

void ringcast_checkpointer_stop(struct checkpointer **checkpointer)
{
	struct checkpointer *old = *checkpointer;
	if (old == NULL)
		return;
	ringcast_worker_stop(&old->worker);
	destroy(old);
	*checkpointer = NULL;
}

static void await_turn(struct checkpointer *checkpointer)
{
	while (checkpointer->is_pausing || is_full(checkpointer))
		pthread_cond_wait(&checkpointer->worker.changed, &checkpointer->worker.lock);
}

/* Once more before somebody is refused: the disk may have room again, and whoever read may be done. */
static void try_now(struct checkpointer *checkpointer)
{
	checkpointer->due_pages = 0;
	pthread_cond_broadcast(&checkpointer->worker.changed);
	await_turn(checkpointer);
}

bool ringcast_checkpointer_begin_write(struct checkpointer *checkpointer, char problem[CHECKPOINT_PROBLEM_BYTES])
{
	if (checkpointer == NULL)
		return true;
	pthread_mutex_lock(&checkpointer->worker.lock);
	await_turn(checkpointer);
	if (is_over(checkpointer))
		try_now(checkpointer);
	checkpointer->is_writing = !is_over(checkpointer);
	bool may_write = checkpointer->is_writing;
	if (!may_write) {
		checkpointer->counts.refused++;
		snprintf(problem, CHECKPOINT_PROBLEM_BYTES, "its log is full (service.store_log_max): %.90s",
			 checkpointer->failures > 0 ? checkpointer->problem : "somebody reads the store for long");
	}
	pthread_mutex_unlock(&checkpointer->worker.lock);
	return may_write;
}

struct checkpoint_counts ringcast_checkpointer_count(struct checkpointer *checkpointer)
{
	struct checkpoint_counts counts = {0};
	if (checkpointer == NULL)
		return counts;
	pthread_mutex_lock(&checkpointer->worker.lock);
	counts = checkpointer->counts;
	counts.log_pages = (uint64_t)checkpointer->log_pages;
	pthread_mutex_unlock(&checkpointer->worker.lock);
	return counts;
}

struct checkpoint_limits ringcast_checkpoint_limits(uint64_t log_bytes_max)
{
	uint64_t pages = log_bytes_max / PAGE_BYTES;
	int refused_pages = pages < INT_MAX ? (int)pages : INT_MAX;
	return (struct checkpoint_limits){.due_pages = DUE_PAGES, .last_pages = LAST_PAGES, .log_pages_max = refused_pages / WAIT_SHARE,
					  .refused_pages = refused_pages};
}

void ringcast_checkpointer_end_write(struct checkpointer *checkpointer, int log_pages)
{
	if (checkpointer == NULL)
		return;
	pthread_mutex_lock(&checkpointer->worker.lock);
	checkpointer->is_writing = false;
	if (log_pages >= 0)
		checkpointer->log_pages = log_pages;
	if (checkpointer->is_pausing || is_due(checkpointer))
		pthread_cond_broadcast(&checkpointer->worker.changed);
	pthread_mutex_unlock(&checkpointer->worker.lock);
}
