/*
 * Zip files from outside. Whatever comes: what is unpacked lies inside the folder, is plain files and folders, and stays within the bounds; what is
 * refused is refused with one line of text.
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "control/package.h"

enum { ZIP_BYTES_MAX = 5 << 20, UNPACKED_BYTES_MAX = 5 << 20, FILES_MAX = 1000 };
#include "fuzz_target.h"

static char outer[64], inner[80];
static size_t bytes_sum, file_count;

static int look(const char *path, const struct stat *stat, int kind, struct FTW *where)
{
	ringcast_assert(strncmp(path, outer, strlen(outer)) == 0);
	ringcast_assert(S_ISREG(stat->st_mode) || S_ISDIR(stat->st_mode));
	ringcast_assert(kind == FTW_F || kind == FTW_D);
	ringcast_assert(where->level <= PACKAGE_DEPTH_MAX + 1);
	if (where->level == 1)
		ringcast_assert(strcmp(path, inner) == 0); /* nothing beside the folder */
	if (S_ISREG(stat->st_mode)) {
		bytes_sum += (size_t)stat->st_size;
		file_count++;
	}
	return 0;
}

static void make_folders(void)
{
	const char *temporary = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(outer, sizeof(outer), "%s/ringcast-fuzz-XXXXXX", temporary);
	ringcast_assert(mkdtemp(outer) != NULL);
	snprintf(inner, sizeof(inner), "%s/inner", outer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[256];
	make_folders();
	ringcast_assert(mkdir(inner, 0755) == 0);
	const struct package package = {data, size, ZIP_BYTES_MAX, UNPACKED_BYTES_MAX, FILES_MAX};
	bool is_unpacked = ringcast_package_unpack(&package, inner, error, sizeof(error));
	if (!is_unpacked) {
		ringcast_assert(memchr(error, 0, sizeof(error)) != NULL);
		ringcast_assert(*error != 0 && strpbrk(error, "\r\n\x1b") == NULL);
	}
	bytes_sum = file_count = 0;
	ringcast_assert(nftw(outer, look, 16, FTW_PHYS) == 0);
	ringcast_assert(bytes_sum <= UNPACKED_BYTES_MAX && file_count <= FILES_MAX);
	ringcast_assert(ringcast_package_remove_folder(outer));
	return 0;
}
