/*
 * What survives a crash: the records, in SQLite with a write-ahead log. One writer at a time; any thread, but only one at once.
 *
 * A batch is one transaction, on the disk when write returns true. A damaged file, one of a newer version, a full disk and a folder that
 * cannot be written to each give one clear line.
 */
#ifndef RINGCAST_SERVICE_STORE_STORE_H
#define RINGCAST_SERVICE_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "service/model/record.h"

enum { STORE_PROBLEM_BYTES = 320 };

struct store;
struct checkpoint_limits;
struct checkpoint_counts;

/*
 * path: of the file, made if it is not there; NULL: in memory, gone with the process. Checks the file's integrity and brings it to today's
 * version. NULL: problem says why.
 */
struct store *ringcast_service_store_open(const char *path, char problem[STORE_PROBLEM_BYTES]);
/* A file that must be there, as it is: nothing is brought to another version. For tools; others may use the store meanwhile. */
struct store *ringcast_service_store_open_existing(const char *path, char problem[STORE_PROBLEM_BYTES]);
/* Every page, index and record; open looks at less. False: problem says what is damaged. */
bool ringcast_service_store_check(struct store *store, char problem[STORE_PROBLEM_BYTES]);
void ringcast_service_store_close(struct store **store); /* accepts NULL inside, nulls */
bool ringcast_service_store_load(struct store *store, struct records *records, char problem[STORE_PROBLEM_BYTES]);
/*
 * False: nothing of it is in the store, and problem says why. Only if the disk fails in the moment of the commit and the machine then dies before
 * the next write, the refused batch may be found after all, whole.
 */
bool ringcast_service_store_write(struct store *store, const struct record_change *changes, size_t count, char problem[STORE_PROBLEM_BYTES]);
/*
 * From now on a thread of its own brings SQLite's log into the file (see checkpointer.h), instead of now and then a write. Not while something is written;
 * once. False: no thread; it stays as it was.
 */
bool ringcast_service_store_checkpoint_aside(struct store *store, const struct checkpoint_limits *limits);
struct checkpoint_counts ringcast_service_store_count(const struct store *store); /* [any thread] all zero where nothing is brought over aside */
/* A copy that is whole, while the store is used. The copy must not be there yet. */
bool ringcast_service_store_backup(struct store *store, const char *path, char problem[STORE_PROBLEM_BYTES]);

#endif
