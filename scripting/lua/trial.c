#include "scripting/lua/trial.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/assert.h"

#define PROGRAM_NAME "ringcast-lua-check"

/* The program */

static bool is_program(const char *path)
{
	return access(path, X_OK) == 0;
}

bool ringcast_lua_trial_find_program(char *ret_path, size_t path_bytes)
{
	const char *named = getenv("RINGCAST_LUA_CHECK");
	static const char here;
	Dl_info object;
	ringcast_assert(ret_path != NULL && path_bytes > 0);
	if (named != NULL && named[0] != '\0') {
		snprintf(ret_path, path_bytes, "%s", named);
		return is_program(ret_path);
	}
	if (dladdr(&here, &object) != 0 && object.dli_fname != NULL) {
		const char *slash = strrchr(object.dli_fname, '/');
		int folder_bytes = slash != NULL ? (int)(slash - object.dli_fname + 1) : 0;
		int size = snprintf(ret_path, path_bytes, "%.*s" PROGRAM_NAME, folder_bytes, object.dli_fname);
		if (folder_bytes > 0 && (size_t)size < path_bytes && is_program(ret_path))
			return true;
	}
	snprintf(ret_path, path_bytes, "%s", RINGCAST_LIBEXEC "/" PROGRAM_NAME);
	return is_program(ret_path);
}

/* The file: one program of one build writes it, and the other reads it at once. Texts and bytes are preceded by their size. */

static void put(FILE *file, const void *bytes, size_t size)
{
	uint64_t prefix = size;
	fwrite(&prefix, sizeof(prefix), 1, file);
	if (size > 0)
		fwrite(bytes, 1, size, file);
}

static bool write_all(FILE *file, const struct script *script, const struct script_limits *limits)
{
	put(file, limits, sizeof(*limits));
	put(file, script->name, strlen(script->name));
	put(file, script->version, strlen(script->version));
	put(file, script->main, strlen(script->main));
	put(file, &script->file_count, sizeof(script->file_count));
	for (size_t i = 0; i < script->file_count; i++) {
		put(file, script->files[i].path, strlen(script->files[i].path));
		put(file, script->files[i].bytes, script->files[i].size);
	}
	return fflush(file) == 0 && ferror(file) == 0;
}

int ringcast_lua_trial_write(const struct script *script, const struct script_limits *limits)
{
	int fd = memfd_create("script", MFD_CLOEXEC), copy = fd >= 0 ? dup(fd) : -1;
	FILE *file = copy >= 0 ? fdopen(copy, "w") : NULL;
	bool is_written = file != NULL && write_all(file, script, limits) && lseek(fd, 0, SEEK_SET) == 0;
	if (file != NULL)
		fclose(file);
	else if (copy >= 0)
		close(copy);
	if (is_written)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* The caller's to free; terminated. NULL: there is none. */
static char *get(FILE *file, size_t *ret_size)
{
	uint64_t size;
	if (fread(&size, sizeof(size), 1, file) != 1 || size > SIZE_MAX / 4)
		return NULL;
	char *bytes = malloc(size + 1);
	if (bytes == NULL || fread(bytes, 1, size, file) != size) {
		free(bytes);
		return NULL;
	}
	bytes[size] = '\0';
	*ret_size = size;
	return bytes;
}

static bool get_into(FILE *file, void *room, size_t room_bytes, bool is_text)
{
	size_t size;
	char *bytes = get(file, &size);
	bool is_good = bytes != NULL && (is_text ? size < room_bytes : size == room_bytes);
	if (is_good)
		memcpy(room, bytes, is_text ? size + 1 : size);
	free(bytes);
	return is_good;
}

static bool get_files(FILE *file, struct script *script)
{
	size_t count, size;
	if (!get_into(file, &count, sizeof(count), false) || count == 0)
		return false;
	script->files = calloc(count, sizeof(*script->files));
	if (script->files == NULL)
		return false;
	for (; script->file_count < count; script->file_count++) {
		struct script_file *item = &script->files[script->file_count];
		item->path = get(file, &size);
		item->bytes = item->path != NULL ? (uint8_t *)get(file, &item->size) : NULL;
		if (item->bytes == NULL) {
			free(item->path);
			return false;
		}
	}
	return true;
}

struct script *ringcast_lua_trial_read(int fd, struct script_limits *ret_limits)
{
	size_t size;
	FILE *file = fdopen(fd, "r");
	struct script *script = calloc(1, sizeof(*script));
	if (script == NULL || file == NULL)
		return NULL;
	script->refs = 1;
	script->language = SCRIPT_LUA;
	bool is_good = get_into(file, ret_limits, sizeof(*ret_limits), false) && get_into(file, script->name, sizeof(script->name), true) &&
		       get_into(file, script->version, sizeof(script->version), true);
	script->main = is_good ? get(file, &size) : NULL;
	if (script->main == NULL || !get_files(file, script))
		ringcast_script_unref(&script);
	fclose(file);
	return script;
}
