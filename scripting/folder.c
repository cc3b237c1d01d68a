#include "scripting/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/dotfile.h"

enum { DEPTH_MAX = 32, PATH_BYTES = 512 };

struct walk {
	struct script *script;
	size_t bytes, capacity;
	size_t files_max, bytes_max;
	char *reterr;
	size_t reterr_bytes;
};

PRINTF_LIKE(2, 3) static bool fail(struct walk *walk, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(walk->reterr, walk->reterr_bytes, format, arguments);
	va_end(arguments);
	return false;
}

/* Such a name breaks a log line, a terminal or a path on some other system. */
static bool is_clean(const char *name)
{
	for (const unsigned char *c = (const unsigned char *)name; *c != '\0'; c++)
		if (*c < 0x20 || *c == 0x7f || *c == '\\' || *c == ':')
			return false;
	return true;
}

static struct script_file *file_add(struct walk *walk, const char *path)
{
	struct script *script = walk->script;
	if (script->file_count == walk->capacity) {
		size_t capacity = walk->capacity == 0 ? 16 : 2 * walk->capacity;
		struct script_file *files = realloc(script->files, capacity * sizeof(*files));
		if (files == NULL)
			return NULL;
		script->files = files;
		walk->capacity = capacity;
	}
	struct script_file *file = &script->files[script->file_count];
	*file = (struct script_file){.path = strdup(path)};
	if (file->path == NULL)
		return NULL;
	script->file_count++;
	return file;
}

/* A file that grows or shrinks while it is read is being saved: half of it is no version. */
static bool bytes_read(struct walk *walk, int fd, struct script_file *file, size_t size)
{
	file->bytes = malloc(size + 1);
	if (file->bytes == NULL)
		return fail(walk, "out of memory");
	while (file->size <= size) {
		ssize_t count = read(fd, file->bytes + file->size, size + 1 - file->size);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return fail(walk, "%s: %s", file->path, strerror(errno));
		if (count == 0)
			break;
		file->size += (size_t)count;
	}
	return file->size == size || fail(walk, "%s: changed while it was read", file->path);
}

static bool file_check(struct walk *walk, const char *path, const struct stat *status)
{
	if (!S_ISREG(status->st_mode))
		return fail(walk, "%s: neither a file nor a folder", path);
	if (walk->script->file_count >= walk->files_max)
		return fail(walk, "%s: more than %zu files (scripts.files_max)", path, walk->files_max);
	if (status->st_size < 0 || (uint64_t)status->st_size > walk->bytes_max - walk->bytes)
		return fail(walk, "%s: more than %zu bytes in all (scripts.unpacked_max)", path, walk->bytes_max);
	return true;
}

/* NONBLOCK: opening a FIFO must not hang before fstat can refuse it. */
static bool file_read(struct walk *walk, int folder_fd, const char *name, int flags, const char *path)
{
	struct stat status;
	int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);
	if (fd < 0)
		return errno == ELOOP ? fail(walk, "%s: links are not allowed", path) : fail(walk, "%s: %s", path, strerror(errno));
	bool is_ok = fstat(fd, &status) == 0 ? file_check(walk, path, &status) : fail(walk, "%s: %s", path, strerror(errno));
	if (is_ok) {
		struct script_file *file = file_add(walk, path);
		is_ok = file != NULL ? bytes_read(walk, fd, file, (size_t)status.st_size) : fail(walk, "out of memory");
	}
	walk->bytes += is_ok ? (size_t)status.st_size : 0;
	close(fd);
	return is_ok;
}

static bool folder_walk(struct walk *walk, int fd, const char *prefix, int depth);

static bool entry_read(struct walk *walk, int folder_fd, const char *name, const char *prefix, int depth)
{
	char path[PATH_BYTES];
	struct stat status;
	if (fstatat(folder_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	    ringcast_dotfile_is_passed_over(name, strlen(name), S_ISDIR(status.st_mode)))
		return true;
	if (snprintf(path, sizeof(path), "%s%s", prefix, name) >= (int)sizeof(path) - 1)
		return fail(walk, "%.100s...: path too long", path);
	if (!is_clean(name))
		return fail(walk, "%s: a name with control characters, colon or backslash", prefix[0] == '\0' ? "." : prefix);
	if (fstatat(folder_fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return fail(walk, "%s: %s", path, strerror(errno));
	if (S_ISLNK(status.st_mode))
		return fail(walk, "%s: links are not allowed", path);
	if (!S_ISDIR(status.st_mode))
		return file_read(walk, folder_fd, name, O_NOFOLLOW, path);
	if (depth == DEPTH_MAX)
		return fail(walk, "%s: folders deeper than %d", path, DEPTH_MAX);
	int fd = openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(walk, "%s: %s", path, strerror(errno));
	strcat(path, "/");
	return folder_walk(walk, fd, path, depth + 1);
}

/* Takes fd. */
static bool folder_walk(struct walk *walk, int fd, const char *prefix, int depth)
{
	DIR *folder = fdopendir(fd);
	if (folder == NULL) {
		close(fd);
		return fail(walk, "out of memory");
	}
	bool is_ok = true;
	for (;;) {
		errno = 0;
		struct dirent *entry = readdir(folder);
		if (entry == NULL && errno != 0)
			is_ok = fail(walk, "%s: %s", prefix, strerror(errno));
		if (entry == NULL || !is_ok)
			break;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (!entry_read(walk, fd, entry->d_name, prefix, depth)) {
			is_ok = false;
			break;
		}
	}
	closedir(folder);
	return is_ok;
}

/* folder becomes the file's folder, main its name. */
static bool single_read(struct walk *walk, char *path)
{
	struct script *script = walk->script;
	char *slash = strrchr(path, '/');
	script->main = strdup(slash + 1);
	if (script->main == NULL || !is_clean(slash + 1)) {
		free(path);
		return fail(walk, "a file name with control characters, colon or backslash");
	}
	bool is_ok = file_read(walk, AT_FDCWD, path, O_NOFOLLOW, script->main);
	slash[slash == path] = '\0'; /* a file in / is in / */
	script->folder = path;
	return is_ok;
}

bool ringcast_folder_read(struct script *script, const struct script_source *source, char *reterr, size_t reterr_bytes)
{
	struct walk walk = {
		.script = script,
		.files_max = source->files_max != 0 ? source->files_max : SCRIPT_FILES_MAX,
		.bytes_max = source->bytes_max != 0 ? source->bytes_max : SCRIPT_BYTES_MAX,
		.reterr = reterr,
		.reterr_bytes = reterr_bytes,
	};
	char *real = realpath(source->path, NULL);
	if (real == NULL)
		return fail(&walk, "%s: %s", source->path, strerror(errno));
	int fd = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOTDIR)
		return single_read(&walk, real);
	if (fd < 0) {
		fail(&walk, "%s: %s", source->path, strerror(errno));
		free(real);
		return false;
	}
	script->folder = real;
	return folder_walk(&walk, fd, "", 1);
}

/* Which file is the script */

static bool ends_with(const char *text, const char *end)
{
	size_t text_size = strlen(text), end_size = strlen(end);
	return text_size > end_size && strcmp(text + text_size - end_size, end) == 0;
}

static bool is_lua(const char *path)
{
	return ends_with(path, ".lua");
}

static bool is_js(const char *path)
{
	return ends_with(path, ".js") || ends_with(path, ".cjs") || ends_with(path, ".mjs");
}

static bool has_js(const struct script *script)
{
	for (size_t i = 0; i < script->file_count; i++)
		if (is_js(script->files[i].path))
			return true;
	return false;
}

bool ringcast_folder_choose(struct script *script, const char *said, const char **ret_main, char *reterr, size_t reterr_bytes)
{
	struct walk walk = {.script = script, .reterr = reterr, .reterr_bytes = reterr_bytes};
	const char *main = said != NULL ? said : script->main;
	if (main == NULL && ringcast_script_find(script, "main.lua") != NULL)
		main = "main.lua";
	*ret_main = main;
	if (main != NULL && !is_lua(main) && !is_js(main))
		return fail(&walk, "%s: neither .lua nor .js, .mjs or .cjs", main);
	script->language = main != NULL && is_lua(main) ? SCRIPT_LUA : SCRIPT_JS;
	return main != NULL || has_js(script) || fail(&walk, "no main.lua, and no JavaScript file either: nothing to run");
}
