/* What game servers write. They hold the file open themselves, so it is copied away and cut, not renamed; they write at its end, wherever that is. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "service/agent/process.h"

enum { FILES_MAX = 512 };

/* The newest bytes_max bytes. False: nothing may be cut, since it would be lost. */
static bool copy_end(int from, const char *path, off_t size, uint64_t bytes_max)
{
	int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	off_t at = size > (off_t)bytes_max ? size - (off_t)bytes_max : 0;
	if (to < 0)
		return false;
	while (at < size && sendfile(to, from, &at, (size_t)(size - at)) > 0)
		;
	return close(to) == 0 && at >= size;
}

void ringcast_agent_output_rotate(const char *path, uint64_t bytes_max)
{
	char before[AGENT_PATH_BYTES + 4];
	struct stat found;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	snprintf(before, sizeof(before), "%s.1", path);
	if (fstat(fd, &found) == 0 && (uint64_t)found.st_size > bytes_max) {
		/* A full disk must not be filled further by what could not be kept. */
		if (!copy_end(fd, before, found.st_size, bytes_max))
			ringcast_log(LOG_WARN, "agent", "output of a game server is lost", "file=\"%s\" err=\"%s\"", path, strerror(errno));
		if (ftruncate(fd, 0) != 0)
			ringcast_log(LOG_WARN, "agent", "output of a game server grows beyond its bound", "file=\"%s\" err=\"%s\"", path, strerror(errno));
	}
	close(fd);
}

struct found_file {
	char name[AGENT_ID_BYTES + 16];
	int64_t changed_ms;
};

static int compare(const void *a, const void *b)
{
	const struct found_file *left = a, *right = b;
	return left->changed_ms > right->changed_ms ? -1 : left->changed_ms < right->changed_ms;
}

void ringcast_agent_output_prune(const char *folder, size_t count, bool (*keeps)(void *context, const char *name), void *context)
{
	struct found_file *files = calloc(FILES_MAX, sizeof(*files));
	DIR *directory = opendir(folder);
	size_t found = 0;
	struct stat info;
	for (struct dirent *entry; files != NULL && directory != NULL && found < FILES_MAX && (entry = readdir(directory)) != NULL;) {
		if (entry->d_name[0] == '.' || keeps(context, entry->d_name) || strlen(entry->d_name) >= sizeof(files->name) ||
		    fstatat(dirfd(directory), entry->d_name, &info, 0) != 0)
			continue;
		memcpy(files[found].name, entry->d_name, strlen(entry->d_name) + 1);
		files[found++].changed_ms = (int64_t)info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1000000;
	}
	if (files != NULL)
		qsort(files, found, sizeof(*files), compare);
	for (size_t i = count; i < found; i++)
		unlinkat(dirfd(directory), files[i].name, 0);
	if (directory != NULL)
		closedir(directory);
	free(files);
}
