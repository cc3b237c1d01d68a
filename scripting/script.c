#include "scripting/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/plain_name.h"
#include "base/hash.h"
#include "scripting/folder.h"
#include "scripting/snapshot.h"

_Static_assert((size_t)PLAIN_NAME_BYTES_MAX < SCRIPT_NAME_BYTES, "a name and its NUL fit their field");

static int compare_files(const void *a, const void *b)
{
	return strcmp(((const struct script_file *)a)->path, ((const struct script_file *)b)->path);
}

/* Over sizes as well as bytes, so that nothing can slide from one file into the next. */
static void content_hash(struct script *script)
{
	uint64_t state[8] = {script->language, script->file_count};
	for (size_t i = 0; i < script->file_count; i++) {
		const struct script_file *file = &script->files[i];
		state[2] = file->size;
		ringcast_hash_bytes_wide(file->path, strlen(file->path), &state[4]);
		ringcast_hash_bytes_wide(file->bytes, file->size, &state[6]);
		ringcast_hash_bytes_wide(state, sizeof(state), &state[0]);
	}
	memcpy(&script->content[0], &state[0], 2 * sizeof(state[0]));
	memcpy(&script->content[2], &state[6], 2 * sizeof(state[0])); /* versions of older stores are named so */
}

static void version_make(struct script *script)
{
	uint64_t state[8] = {script->content[0], script->content[1], [6] = script->content[2], [7] = script->content[3]};
	ringcast_hash_bytes_wide(script->main, strlen(script->main), &state[4]);
	ringcast_hash_bytes_wide(state, sizeof(state), &state[0]);
	snprintf(script->version, sizeof(script->version), "%016llx%016llx", (unsigned long long)state[0], (unsigned long long)state[1]);
}

bool ringcast_script_settle(struct script *script, const char *main, char *reterr, size_t reterr_bytes)
{
	while (strncmp(main, "./", 2) == 0)
		main += 2;
	if (ringcast_script_find(script, main) == NULL) {
		snprintf(reterr, reterr_bytes, "%.200s: there is no such file in the script, so it cannot be its main file", main);
		return false;
	}
	char *copy = strdup(main);
	if (copy == NULL) {
		snprintf(reterr, reterr_bytes, "out of memory");
		return false;
	}
	free(script->main);
	script->main = copy;
	version_make(script);
	return true;
}

void ringcast_script_forget_bytes(struct script *script)
{
	for (size_t i = 0; i < script->file_count; i++) {
		free(script->files[i].bytes);
		script->files[i].bytes = NULL;
	}
}

static void script_free(struct script *script)
{
	ringcast_script_forget_bytes(script);
	if (script->is_folder_ours)
		ringcast_snapshot_remove(script->folder);
	for (size_t i = 0; i < script->file_count; i++)
		free(script->files[i].path);
	free(script->files);
	free(script->folder);
	free(script->main);
	free(script);
}

static bool script_fill(struct script *script, const struct script_source *source, char *reterr, size_t reterr_bytes)
{
	const char *main;
	if (!ringcast_folder_read(script, source, reterr, reterr_bytes))
		return false;
	qsort(script->files, script->file_count, sizeof(*script->files), compare_files);
	if (!ringcast_folder_choose(script, source->main, &main, reterr, reterr_bytes))
		return false;
	content_hash(script);
	return main == NULL || ringcast_script_settle(script, main, reterr, reterr_bytes);
}

struct script *ringcast_script_read(const struct script_source *source, char *reterr, size_t reterr_bytes)
{
	ringcast_assert(source->name != NULL && source->path != NULL && reterr != NULL && reterr_bytes > 0);
	if (!ringcast_plain_name_is_one(source->name)) {
		snprintf(reterr, reterr_bytes, "\"%.80s\" is no name for a script: " PLAIN_NAME_RULE, source->name);
		return NULL;
	}
	struct script *script = calloc(1, sizeof(*script));
	if (script == NULL) {
		snprintf(reterr, reterr_bytes, "out of memory");
		return NULL;
	}
	script->refs = 1;
	memcpy(script->name, source->name, strlen(source->name) + 1);
	if (script_fill(script, source, reterr, reterr_bytes))
		return script;
	script_free(script);
	return NULL;
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
