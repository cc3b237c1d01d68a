/*
 * Brings what was written from SQLite's log into the database, on a thread and a connection of its own, so that no batch waits for a thousand pages
 * to be read, written and flushed. Most of it is done while the writer goes on. A log can begin anew only when all of it has been brought over, and under
 * constant load there is always more; so the writer waits for the few pages that are left.
 */
#ifndef RINGCAST_SERVICE_STORE_CHECKPOINTER_H
#define RINGCAST_SERVICE_STORE_CHECKPOINTER_H

#include <stdbool.h>
#include <stdint.h>

enum { CHECKPOINT_PROBLEM_BYTES = 160 };

struct checkpoint_limits {
	int due_pages; /* of the log, at which it is brought over */
	int last_pages; /* so few may be left for which the writer waits */
	int log_pages_max; /* a writer that finds so many waits until they were tried; a batch may go beyond */
	int refused_pages; /* a writer that finds so many, tried just now, may not write; 0: it always may */
};

struct checkpoint_counts {
	uint64_t failed; /* tries that failed */
	uint64_t refused; /* writes, because the log was too large */
	uint64_t log_pages; /* that are not in the database yet, as of the last write or try */
};

struct checkpointer;

/* path: of a store that is open in WAL mode; copied. NULL: no thread, no memory, or it cannot be opened. */
struct checkpointer *ringcast_checkpointer_start(const char *path, const struct checkpoint_limits *limits);
void ringcast_checkpointer_stop(struct checkpointer **checkpointer); /* accepts NULL inside, nulls; not while something is written */
/*
 * The one writer, around each transaction. False: the log is as large as it may be, and problem says why it is; there is no end_write then.
 * log_pages: of the log afterwards; < 0: as before. Both accept NULL.
 */
bool ringcast_checkpointer_begin_write(struct checkpointer *checkpointer, char problem[CHECKPOINT_PROBLEM_BYTES]);
void ringcast_checkpointer_end_write(struct checkpointer *checkpointer, int log_pages);
/* What is usual, for a log of so many bytes at most. */
struct checkpoint_limits ringcast_checkpoint_limits(uint64_t log_bytes_max);
struct checkpoint_counts ringcast_checkpointer_count(struct checkpointer *checkpointer); /* any thread; accepts NULL */

#endif
