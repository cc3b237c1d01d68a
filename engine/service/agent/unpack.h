/*
 * Archives of builds (zip, tar, and tar as gzip, xz, zstd or bzip2 packs it) into a folder. Whoever made the archive is not trusted: nothing gets out of
 * the folder, no link, device, socket or pipe is made, what is packed twice is refused, and so many entries and bytes are the most, counted as they are
 * read and not as the archive says.
 */
#ifndef RINGCAST_SERVICE_AGENT_UNPACK_H
#define RINGCAST_SERVICE_AGENT_UNPACK_H

#include <stdbool.h>
#include <stdint.h>

enum { UNPACK_PROBLEM_BYTES = 256 };

struct unpack_limits {
	uint64_t bytes_max; /* of all files together */
	uint32_t entries_max;
};

/*
 * folder: made by this, and there only when everything is in it and on the disk. is_stopping: atomic; true ends it within a block of data (NULL: nothing
 * does). False: problem says what is wrong with which entry, and nothing stays behind. *ret_bytes: of all files.
 */
bool ringcast_unpack(const char *archive, const char *folder, const struct unpack_limits *limits, const bool *is_stopping, uint64_t *ret_bytes,
		     char problem[UNPACK_PROBLEM_BYTES]);
bool ringcast_unpack_remove(const char *folder); /* with all that is in it; true also where it is not there */

#endif
