#include "scripting/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "scripting/folder.h"

static int compare_files(const void *a, const void *b)
{
	return strcmp(((const struct script_file *)a)->path, ((const struct script_file *)b)->path);
}

/* Over sizes as well as bytes, so that nothing can slide from one file into the next; and over the language's main, which decides what
 * is run. */
static void version_make(struct script *script)
{
	uint64_t state[8] = {script->language, script->file_count};
	for (size_t i = 0; i < script->file_count; i++) {
		const struct script_file *file = &script->files[i];
		state[2] = file->size;
		ringcast_hash_bytes_wide(file->path, strlen(file->path), &state[4]);
		ringcast_hash_bytes_wide(file->bytes, file->size, &state[6]);
		ringcast_hash_bytes_wide(state, sizeof(state), &state[0]);
	}
	memset(&state[2], 0, 2 * sizeof(state[2]));
	ringcast_hash_bytes_wide(script->main, strlen(script->main), &state[4]);
	ringcast_hash_bytes_wide(state, sizeof(state), &state[0]);
	snprintf(script->version, sizeof(script->version), "%016llx%016llx", (unsigned long long)state[0], (unsigned long long)state[1]);
}

/* Node reads the folder itself: what the hash was made of is not needed again. */
static void bytes_forget(struct script *script)
{
	for (size_t i = 0; i < script->file_count; i++) {
		free(script->files[i].bytes);
		script->files[i].bytes = NULL;
	}
}

static void script_free(struct script *script)
{
	bytes_forget(script);
	for (size_t i = 0; i < script->file_count; i++)
		free(script->files[i].path);
	free(script->files);
	free(script->folder);
	free(script->main);
	free(script);
}

static bool is_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	size_t size = strlen(name);
	return size > 0 && size < SCRIPT_NAME_BYTES && name[0] != '.' && strspn(name, letters) == size;
}

struct script *ringcast_script_read(const char *name, const char *path, char *reterr, size_t reterr_bytes)
{
	ringcast_assert(name != NULL && path != NULL && reterr != NULL && reterr_bytes > 0);
	if (!is_name(name)) {
		snprintf(reterr, reterr_bytes, "\"%.80s\" is no name for a script: up to %d letters, digits, - _ . and no leading dot",
			 name, SCRIPT_NAME_BYTES - 1);
		return NULL;
	}
	struct script *script = calloc(1, sizeof(*script));
	if (script == NULL) {
		snprintf(reterr, reterr_bytes, "out of memory");
		return NULL;
	}
	script->refs = 1;
	memcpy(script->name, name, strlen(name) + 1);
	if (!ringcast_folder_read(script, path, reterr, reterr_bytes)) {
		script_free(script);
		return NULL;
	}
	qsort(script->files, script->file_count, sizeof(*script->files), compare_files);
	if (!ringcast_folder_choose_main(script, reterr, reterr_bytes)) {
		script_free(script);
		return NULL;
	}
	version_make(script);
	if (script->language == SCRIPT_JS)
		bytes_forget(script);
	return script;
}

struct script *ringcast_script_ref(struct script *script)
{
	uint32_t before = __atomic_fetch_add(&script->refs, 1, __ATOMIC_RELAXED);
	ringcast_assert(before > 0 && before < UINT32_MAX);
	return script;
}

void ringcast_script_unref(struct script **script)
{
	if (*script == NULL)
		return;
	uint32_t before = __atomic_fetch_sub(&(*script)->refs, 1, __ATOMIC_ACQ_REL);
	ringcast_assert(before > 0);
	if (before == 1)
		script_free(*script);
	*script = NULL;
}

const struct script_file *ringcast_script_find(const struct script *script, const char *path)
{
	struct script_file key = {.path = (char *)path};
	return bsearch(&key, script->files, script->file_count, sizeof(*script->files), compare_files);
}

const char *ringcast_script_callback_name(enum script_callback callback)
{
	static const char *const names[] = {
#define X(name, text) text,
		SCRIPT_CALLBACKS(X)
#undef X
	};
	ringcast_assert((unsigned)callback < SCRIPT_CALLBACK_COUNT);
	return names[callback];
}
