#include "service/store/checkpointer.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/log.h"

/* Each round takes what was written during the one before. More are of no use: somebody reads, and holds the log. */
enum { ROUNDS_MAX = 4, BUSY_TIMEOUT_MS = 2000 };

struct checkpointer {
	sqlite3 *database;
	struct checkpoint_limits limits;
	const struct log_sink *sink;
	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	int log_pages, due_pages;
	bool is_writing, is_pausing; /* pausing: no transaction may begin */
	bool is_stopping;
	bool has_failed; /* the last time; the thread's own */
};

static bool is_due(const struct checkpointer *checkpointer)
{
	return checkpointer->log_pages >= checkpointer->due_pages;
}

static bool is_full(const struct checkpointer *checkpointer)
{
	return is_due(checkpointer) && checkpointer->log_pages >= checkpointer->limits.log_pages_max;
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
	pthread_mutex_unlock(&checkpointer->lock);
	int done_pages = bring_over(checkpointer);
	pthread_mutex_lock(&checkpointer->lock);
	if (done_pages < 0)
		return -1;
	return checkpointer->log_pages > done_pages ? checkpointer->log_pages - done_pages : 0;
}

static int run_last_round(struct checkpointer *checkpointer)
{
	checkpointer->is_pausing = true;
	while (checkpointer->is_writing)
		pthread_cond_wait(&checkpointer->changed, &checkpointer->lock);
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

static void tell(struct checkpointer *checkpointer, bool has_failed)
{
	if (has_failed && !checkpointer->has_failed)
		ringcast_log(LOG_WARN, "service", "the store's log cannot be brought into the store; it grows, and nothing is lost", "err=\"%s\"",
			     sqlite3_errmsg(checkpointer->database));
	else if (!has_failed && checkpointer->has_failed)
		ringcast_log(LOG_INFO, "service", "the store's log is brought into the store again", "%s", "");
	checkpointer->has_failed = has_failed;
}

/* What is left makes the next try later, so that a disk that fails or somebody who reads for long is not asked at each batch. */
static void bring_all_over(struct checkpointer *checkpointer)
{
	int left = run_rounds(checkpointer);
	tell(checkpointer, left < 0);
	checkpointer->due_pages = checkpointer->limits.due_pages + (left != 0 ? checkpointer->log_pages : 0);
	if (left == 0)
		checkpointer->log_pages = 0; /* the next transaction says what it is */
	pthread_cond_broadcast(&checkpointer->changed);
}

static void *run(void *context)
{
	struct checkpointer *checkpointer = context;
	ringcast_log_bind(checkpointer->sink);
	pthread_mutex_lock(&checkpointer->lock);
	while (!checkpointer->is_stopping) {
		if (is_due(checkpointer))
			bring_all_over(checkpointer);
		else
			pthread_cond_wait(&checkpointer->changed, &checkpointer->lock);
	}
	pthread_mutex_unlock(&checkpointer->lock);
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
	pthread_cond_destroy(&checkpointer->changed);
	pthread_mutex_destroy(&checkpointer->lock);
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
	pthread_mutex_init(&checkpointer->lock, NULL);
	pthread_cond_init(&checkpointer->changed, NULL);
	if (open_database(checkpointer, path) && pthread_create(&checkpointer->thread, NULL, run, checkpointer) == 0)
		return checkpointer;
	destroy(checkpointer);
	return NULL;
}

void ringcast_checkpointer_stop(struct checkpointer **checkpointer)
{
	struct checkpointer *old = *checkpointer;
	if (old == NULL)
		return;
	pthread_mutex_lock(&old->lock);
	old->is_stopping = true;
	pthread_cond_broadcast(&old->changed);
	pthread_mutex_unlock(&old->lock);
	pthread_join(old->thread, NULL);
	destroy(old);
	*checkpointer = NULL;
}

void ringcast_checkpointer_begin_write(struct checkpointer *checkpointer)
{
	if (checkpointer == NULL)
		return;
	pthread_mutex_lock(&checkpointer->lock);
	while (checkpointer->is_pausing || is_full(checkpointer))
		pthread_cond_wait(&checkpointer->changed, &checkpointer->lock);
	checkpointer->is_writing = true;
	pthread_mutex_unlock(&checkpointer->lock);
}

void ringcast_checkpointer_end_write(struct checkpointer *checkpointer, int log_pages)
{
	if (checkpointer == NULL)
		return;
	pthread_mutex_lock(&checkpointer->lock);
	checkpointer->is_writing = false;
	if (log_pages >= 0)
		checkpointer->log_pages = log_pages;
	if (checkpointer->is_pausing || is_due(checkpointer))
		pthread_cond_broadcast(&checkpointer->changed);
	pthread_mutex_unlock(&checkpointer->lock);
}
