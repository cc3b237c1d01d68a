/*
 * What a script's folder in the store says about its versions, in two small files: "versions", what was pushed, oldest first, a line each ("version
 * unix-seconds main"), and "current". Both are written beside, flushed, and renamed into place, and the folder is flushed after: whoever is told
 * that something was written finds it after a power cut.
 */
#ifndef RINGCAST_CONTROL_SCRIPT_HISTORY_H
#define RINGCAST_CONTROL_SCRIPT_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ringcast/ringcast.h"

enum { HISTORY_MAX = 1024 };

struct history {
	size_t count;
	struct history_line {
		char version[RINGCAST_SCRIPT_VERSION_BYTES];
		char main[128]; /* "": whichever is usual */
		uint64_t pushed_s;
	} lines[HISTORY_MAX];
};

/* folder: of the script. The caller frees; NULL: out of memory. A name that was never pushed has an empty one. */
struct history *ringcast_history_read(const char *folder);
bool ringcast_history_write(const char *folder, const struct history *history); /* false: errno says why, and the file is as it was */
void ringcast_history_put_last(struct history *history, const char *version, const char *main);
void ringcast_history_forget(struct history *history, size_t index);
const struct history_line *ringcast_history_find(const struct history *history, const char *version); /* NULL: not there */

bool ringcast_current_read(const char *folder, char ret_version[RINGCAST_SCRIPT_VERSION_BYTES]);
bool ringcast_current_write(const char *folder, const char *version); /* false: errno says why, and the file is as it was */

bool ringcast_version_is_one(const char *text); /* 32 hexadecimal digits */
bool ringcast_folder_sync(const char *folder); /* what was made, renamed or removed in it */

#endif
