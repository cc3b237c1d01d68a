#include "control/script_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"

enum { DEPTH_MAX = 16, NAME_BYTES = 512 };

struct reading {
	json_t *files;
	size_t bytes_left, looked_at, left_out;
};

/* What JSON cannot hold is no text: bytes that are not UTF-8, or a NUL. */
static json_t *text_of(int fd, size_t size)
{
	json_t *text = NULL;
	char *bytes = malloc(size + 1);
	size_t used = 0;
	for (ssize_t got; bytes && used < size && (got = read(fd, bytes + used, size - used)) > 0;)
		used += (size_t)got;
	if (bytes && used == size && !memchr(bytes, 0, size))
		text = json_stringn(bytes, size);
	free(bytes);
	return text ? text : json_null();
}

static void read_file(struct reading *reading, int folder, const char *entry, const char *name)
{
	struct stat about;
	int fd = openat(folder, entry, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &about) != 0 || !S_ISREG(about.st_mode) || json_array_size(reading->files) >= SCRIPT_FILES_MAX) {
		reading->left_out++;
	} else {
		size_t size = (size_t)about.st_size;
		bool is_shown = size <= SCRIPT_FILE_BYTES_MAX && size <= reading->bytes_left;
		json_t *text = is_shown ? text_of(fd, size) : json_null();
		reading->bytes_left -= is_shown ? size : 0;
		json_array_append_new(reading->files, json_pack("{s:s, s:I, s:o}", "name", name, "bytes", (json_int_t)size, "text", text));
	}
	if (fd >= 0)
		close(fd);
}

static void read_folder(struct reading *reading, int fd, const char *within, unsigned depth);

static void read_entry(struct reading *reading, int folder, const char *entry, const char *within, unsigned depth)
{
	char name[NAME_BYTES];
	struct stat about;
	bool is_long = snprintf(name, sizeof(name), "%s%s", within, entry) >= (int)sizeof(name) - 1;
	if (is_long || fstatat(folder, entry, &about, AT_SYMLINK_NOFOLLOW) != 0) {
		reading->left_out++;
	} else if (!S_ISDIR(about.st_mode)) {
		read_file(reading, folder, entry, name);
	} else if (depth < DEPTH_MAX && strcmp(entry, "node_modules") != 0) {
		int fd = openat(folder, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		strcat(name, "/");
		read_folder(reading, fd, name, depth + 1);
	}
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of a folder, as far as this reading may look; the caller's. */
static char **names_of(struct reading *reading, DIR *folder, size_t *ret_count)
{
	char **names = NULL;
	size_t room = 0;
	*ret_count = 0;
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (*ret_count == room) {
			char **more = realloc(names, (room = room ? 2 * room : 16) * sizeof(*names));
			if (!more)
				break;
			names = more;
		}
		char *name = reading->looked_at < SCRIPT_FILES_LOOKED_AT_MAX ? strdup(entry->d_name) : NULL;
		reading->looked_at++;
		if (name)
			names[(*ret_count)++] = name;
		else
			reading->left_out++;
	}
	return names;
}

/* fd is taken; -1: the folder went meanwhile. */
static void read_folder(struct reading *reading, int fd, const char *within, unsigned depth)
{
	size_t count;
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	if (!folder) {
		if (fd >= 0)
			close(fd);
		return;
	}
	char **names = names_of(reading, folder, &count);
	if (count > 0)
		qsort(names, count, sizeof(*names), compare);
	for (size_t i = 0; i < count; i++) {
		read_entry(reading, dirfd(folder), names[i], within, depth);
		free(names[i]);
	}
	free(names);
	closedir(folder);
}

json_t *ringcast_script_files_read(const char *path)
{
	ringcast_assert(path);
	struct reading reading = {.files = json_array(), .bytes_left = SCRIPT_FILES_BYTES_MAX};
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		json_decref(reading.files);
		return NULL;
	}
	read_folder(&reading, fd, "", 0);
	return json_pack("{s:o, s:I}", "files", reading.files, "left_out", (json_int_t)reading.left_out);
}
