#include "control/script_history.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATH_BYTES 640

bool ringcast_version_is_one(const char *text)
{
	return strlen(text) == RINGCAST_SCRIPT_VERSION_BYTES - 1 && strspn(text, "0123456789abcdef") == RINGCAST_SCRIPT_VERSION_BYTES - 1;
}

bool ringcast_folder_sync(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool is_synced = fd >= 0 && fsync(fd) == 0;
	int error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	return is_synced;
}

static bool write_beside(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");
	if (!file)
		return false;
	bool is_written = fputs(text, file) >= 0 && fflush(file) == 0 && fsync(fileno(file)) == 0;
	int error = errno;
	is_written = fclose(file) == 0 && is_written;
	errno = error;
	return is_written;
}

/* A folder that cannot be flushed after the rename is no reason to say that nothing was written: it was. */
static bool write_text(const char *folder, const char *name, const char *text)
{
	char path[PATH_BYTES], beside[PATH_BYTES + 8];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	snprintf(beside, sizeof(beside), "%s.new", path);
	if (write_beside(beside, text) && rename(beside, path) == 0) {
		ringcast_folder_sync(folder);
		return true;
	}
	int error = errno;
	unlink(beside);
	errno = error;
	return false;
}

bool ringcast_current_read(const char *folder, char ret_version[RINGCAST_SCRIPT_VERSION_BYTES])
{
	char path[PATH_BYTES], line[64] = "";
	snprintf(path, sizeof(path), "%s/current", folder);
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	bool is_read = fgets(line, sizeof(line), file) != NULL;
	fclose(file);
	line[strcspn(line, "\n")] = 0;
	if (!is_read || !ringcast_version_is_one(line))
		return false;
	memcpy(ret_version, line, RINGCAST_SCRIPT_VERSION_BYTES);
	return true;
}

bool ringcast_current_write(const char *folder, const char *version)
{
	char text[64];
	snprintf(text, sizeof(text), "%s\n", version);
	return write_text(folder, "current", text);
}

static void parse_line(struct history *history, char *line)
{
	char *blank = strchr(line, ' '), *end;
	line[strcspn(line, "\n")] = 0;
	if (!blank || history->count == HISTORY_MAX)
		return;
	*blank = 0;
	if (!ringcast_version_is_one(line))
		return;
	struct history_line *entry = &history->lines[history->count++];
	memcpy(entry->version, line, sizeof(entry->version));
	entry->pushed_s = strtoull(blank + 1, &end, 10);
	snprintf(entry->main, sizeof(entry->main), "%s", *end == ' ' ? end + 1 : "");
}

struct history *ringcast_history_read(const char *folder)
{
	char path[PATH_BYTES], line[256];
	struct history *history = calloc(1, sizeof(*history));
	snprintf(path, sizeof(path), "%s/versions", folder);
	FILE *file = history ? fopen(path, "re") : NULL;
	while (file && fgets(line, sizeof(line), file))
		parse_line(history, line);
	if (file)
		fclose(file);
	return history;
}

bool ringcast_history_write(const char *folder, const struct history *history)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return false;
	for (size_t i = 0; i < history->count; i++) {
		const struct history_line *line = &history->lines[i];
		fprintf(out, "%s %" PRIu64 "%s%s\n", line->version, line->pushed_s, *line->main ? " " : "", line->main);
	}
	bool is_written = fclose(out) == 0 && write_text(folder, "versions", text);
	int error = errno;
	free(text);
	errno = error;
	return is_written;
}

void ringcast_history_forget(struct history *history, size_t index)
{
	memmove(&history->lines[index], &history->lines[index + 1], (--history->count - index) * sizeof(history->lines[0]));
}

const struct history_line *ringcast_history_find(const struct history *history, const char *version)
{
	for (size_t i = 0; i < history->count; i++)
		if (strcmp(history->lines[i].version, version) == 0)
			return &history->lines[i];
	return NULL;
}

void ringcast_history_put_last(struct history *history, const char *version, const char *main)
{
	const struct history_line *known = ringcast_history_find(history, version);
	if (known)
		ringcast_history_forget(history, (size_t)(known - history->lines));
	if (history->count == HISTORY_MAX)
		ringcast_history_forget(history, 0);
	struct history_line *line = &history->lines[history->count++];
	snprintf(line->version, sizeof(line->version), "%s", version);
	snprintf(line->main, sizeof(line->main), "%s", main ? main : "");
	line->pushed_s = (uint64_t)time(NULL);
}
