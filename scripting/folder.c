#include "scripting/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"

enum { DEPTH_MAX = 32, PATH_BYTES = 512 };

struct walk {
	struct script *script;
	size_t bytes, capacity;
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
	if (walk->script->file_count >= SCRIPT_FILES_MAX)
		return fail(walk, "%s: more than %d files", path, SCRIPT_FILES_MAX);
	if (status->st_size < 0 || (uint64_t)status->st_size > SCRIPT_BYTES_MAX - walk->bytes)
		return fail(walk, "%s: more than %d bytes in all", path, SCRIPT_BYTES_MAX);
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
		if (entry->d_name[0] == '.') /* . and .., and what editors, git and npm keep beside the files */
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

bool ringcast_folder_read(struct script *script, const char *path, char *reterr, size_t reterr_bytes)
{
	struct walk walk = {.script = script, .reterr = reterr, .reterr_bytes = reterr_bytes};
	char *real = realpath(path, NULL);
	if (real == NULL)
		return fail(&walk, "%s: %s", path, strerror(errno));
	int fd = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOTDIR)
		return single_read(&walk, real);
	if (fd < 0) {
		fail(&walk, "%s: %s", path, strerror(errno));
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

static bool main_set(struct script *script, enum script_language language, const char *path)
{
	free(script->main);
	script->language = language;
	script->main = strdup(path);
	return script->main != NULL;
}

/* What Node would take for "main": the file itself, with .js, or index.js in a folder of that name. */
static const struct script_file *package_main(const struct script *script, const char *said)
{
	static const char *const endings[] = {"", ".js", ".cjs", "/index.js"};
	char path[PATH_BYTES];
	while (strncmp(said, "./", 2) == 0)
		said += 2;
	size_t size = strlen(said);
	while (size > 0 && said[size - 1] == '/')
		size--;
	for (size_t i = 0; i < ARRAY_COUNT(endings); i++) {
		if (snprintf(path, sizeof(path), "%.*s%s", (int)size, said, endings[i]) >= (int)sizeof(path))
			return NULL;
		const struct script_file *file = ringcast_script_find(script, path);
		if (file != NULL)
			return file;
	}
	return NULL;
}

/* 1: chosen; 0: the package says nothing of main; -1: failed. */
static int package_choose(struct walk *walk, const struct script_file *package)
{
	json_error_t error;
	json_t *document = json_loadb((const char *)package->bytes, package->size, JSON_REJECT_DUPLICATES, &error);
	if (document == NULL)
		return fail(walk, "package.json:%d: %s", error.line, error.text) ? 1 : -1;
	const char *said = json_string_value(json_object_get(document, "main"));
	int result = 0;
	if (said != NULL) {
		const struct script_file *file = package_main(walk->script, said);
		result = file == NULL ? (fail(walk, "package.json: \"main\" names \"%.200s\", which is not there", said), -1)
			 : main_set(walk->script, SCRIPT_JS, file->path) ? 1
			 : (fail(walk, "out of memory"), -1);
	}
	json_decref(document);
	return result;
}

/* The only file of that ending beside package.json, or NULL. */
static const struct script_file *only_with(const struct script *script, const char *ending)
{
	const struct script_file *only = NULL;
	for (size_t i = 0; i < script->file_count; i++) {
		const struct script_file *file = &script->files[i];
		if (strchr(file->path, '/') != NULL || !ends_with(file->path, ending))
			continue;
		if (only != NULL)
			return NULL;
		only = file;
	}
	return only;
}

static bool choose_by_name(struct walk *walk, enum script_language language, const char *path)
{
	return main_set(walk->script, language, path) || fail(walk, "out of memory");
}

bool ringcast_folder_choose_main(struct script *script, char *reterr, size_t reterr_bytes)
{
	struct walk walk = {.script = script, .reterr = reterr, .reterr_bytes = reterr_bytes};
	if (script->main != NULL) { /* a single file */
		script->language = ends_with(script->main, ".lua") ? SCRIPT_LUA : SCRIPT_JS;
		return ends_with(script->main, ".lua") || ends_with(script->main, ".js") || ends_with(script->main, ".cjs") ||
		       fail(&walk, "%s: neither .lua nor .js", script->main);
	}
	if (ringcast_script_find(script, "main.lua") != NULL)
		return choose_by_name(&walk, SCRIPT_LUA, "main.lua");
	const struct script_file *package = ringcast_script_find(script, "package.json");
	int chosen = package == NULL ? 0 : package_choose(&walk, package);
	if (chosen != 0)
		return chosen > 0;
	if (ringcast_script_find(script, "index.js") != NULL)
		return choose_by_name(&walk, SCRIPT_JS, "index.js");
	const struct script_file *only = only_with(script, ".js");
	if (only != NULL)
		return choose_by_name(&walk, SCRIPT_JS, only->path);
	return fail(&walk, "no main.lua, no package.json with \"main\", no index.js, and not exactly one .js file");
}
