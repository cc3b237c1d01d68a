#include "scripting/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"

enum { PATH_BYTES = 1024 };

static bool make_folders(const char *root, char *path)
{
	for (char *slash = strchr(path + strlen(root) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		int result = mkdir(path, 0755);
		*slash = '/';
		if (result != 0 && errno != EEXIST)
			return false;
	}
	return true;
}

static bool write_all(int fd, const uint8_t *bytes, size_t size)
{
	while (size > 0) {
		ssize_t written = write(fd, bytes, size);
		if (written < 0 && errno != EINTR)
			return false;
		if (written < 0)
			continue;
		bytes += written;
		size -= (size_t)written;
	}
	return true;
}

static bool write_file(const char *root, const struct script_file *file)
{
	char path[PATH_BYTES];
	ringcast_assert(file->bytes != NULL);
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", root, file->path) >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return false;
	}
	int fd = make_folders(root, path) ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644) : -1;
	if (fd < 0)
		return false;
	bool is_written = write_all(fd, file->bytes, file->size);
	return close(fd) == 0 && is_written;
}

bool ringcast_snapshot_write(struct script *script, const char *folder, char *reterr, size_t reterr_bytes)
{
	char *copy = strdup(folder);
	bool is_written = copy != NULL && mkdir(folder, 0755) == 0;
	for (size_t i = 0; is_written && i < script->file_count; i++)
		is_written = write_file(folder, &script->files[i]);
	if (is_written) {
		free(script->folder);
		script->folder = copy;
		script->is_folder_ours = true;
		return true;
	}
	snprintf(reterr, reterr_bytes, "cannot keep a copy of the script in %s: %s", folder, strerror(errno));
	ringcast_snapshot_remove(folder);
	free(copy);
	return false;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
	return remove(path);
}

void ringcast_snapshot_remove(const char *folder)
{
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS); /* what cannot be removed stays in a temporary folder */
}
