/*
 * The public functions of scripts, without scripts: a version is a hash of main.lua, and one that holds the word "broken" cannot be loaded. Kept for the
 * whole process, since a fake engine does not run anything.
 */
#include "fake_scripts.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSIONS_MAX 256

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static ringcast_script_info versions[VERSIONS_MAX];
static size_t version_count;
static unsigned tried_count; /* dry runs */

unsigned fake_scripts_tried(void)
{
	return tried_count;
}

void fake_scripts_reset(void)
{
	version_count = 0;
}

void fake_scripts_set_sessions(const char *name, const char *version, uint32_t count)
{
	for (size_t i = 0; i < version_count; i++)
		if (strcmp(versions[i].name, name) == 0 && strcmp(versions[i].version, version) == 0)
			versions[i].session_count = count;
}

/* A draft is its facts. */
int ringcast_script_try(ringcast_engine *engine, const ringcast_script_source *source, ringcast_script_draft **ret_draft, char *error,
			size_t error_bytes)
{
	const char *name = source->name, *path = source->path;
	ringcast_script_info *ret_info = malloc(sizeof(*ret_info));
	char file_path[1024], text[1024] = "";
	(void)engine;
	snprintf(file_path, sizeof(file_path), "%s/main.lua", path);
	FILE *file = fopen(file_path, "r");
	if (!file || fread(text, 1, sizeof(text) - 1, file) == 0 || strstr(text, "broken")) {
		snprintf(error, error_bytes, file ? "main.lua:1: broken" : "there is no main.lua");
		if (file)
			fclose(file);
		free(ret_info);
		return RINGCAST_ERROR_SCRIPT;
	}
	fclose(file);
	uint64_t hash = 14695981039346656037u;
	for (const char *c = text; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 1099511628211u;
	*ret_info = (ringcast_script_info){.language = "lua", .main = "main.lua", .callbacks = "init onMessage", .file_count = 1};
	snprintf(ret_info->name, sizeof(ret_info->name), "%s", name);
	snprintf(ret_info->version, sizeof(ret_info->version), "%016llx%016llx", (unsigned long long)hash, (unsigned long long)~hash);
	if (source->main)
		snprintf(ret_info->main, sizeof(ret_info->main), "%s", source->main);
	tried_count++;
	*ret_draft = (ringcast_script_draft *)ret_info;
	return RINGCAST_OK;
}

void ringcast_script_draft_describe(const ringcast_script_draft *draft, ringcast_script_info *ret_info)
{
	*ret_info = *(const ringcast_script_info *)draft;
}

void ringcast_script_draft_free(ringcast_script_draft **draft)
{
	free(*draft);
	*draft = NULL;
}

/* Newest first, as the engine does. */
static void put_first(const ringcast_script_info *info)
{
	memmove(&versions[1], &versions[0], version_count++ * sizeof(versions[0]));
	versions[0] = *info;
}

int ringcast_script_publish(ringcast_engine *engine, ringcast_script_draft **draft, const char *path)
{
	ringcast_script_info info = *(const ringcast_script_info *)*draft;
	bool is_known = false;
	(void)engine;
	(void)path;
	ringcast_script_draft_free(draft);
	info.is_current = true;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < version_count; i++) {
		bool is_same = strcmp(versions[i].name, info.name) == 0 && strcmp(versions[i].version, info.version) == 0;
		if (strcmp(versions[i].name, info.name) == 0)
			versions[i].is_current = is_same;
		is_known |= is_same;
	}
	if (!is_known)
		put_first(&info);
	pthread_mutex_unlock(&lock);
	return RINGCAST_OK;
}

int ringcast_script_add(ringcast_engine *engine, const ringcast_script_source *source, ringcast_script_info *ret_info, char *error,
			size_t error_bytes)
{
	ringcast_script_draft *draft;
	int result = ringcast_script_try(engine, source, &draft, error, error_bytes);
	if (result != RINGCAST_OK)
		return result;
	ringcast_script_draft_describe(draft, ret_info);
	ret_info->is_current = true;
	return ringcast_script_publish(engine, &draft, NULL);
}

int ringcast_script_remove(ringcast_engine *engine, const char *name, const char *version)
{
	size_t kept = 0;
	(void)engine;
	pthread_mutex_lock(&lock);
	size_t before = version_count;
	for (size_t i = 0; i < before; i++)
		if (strcmp(versions[i].name, name) != 0 || (version && strcmp(versions[i].version, version) != 0))
			versions[kept++] = versions[i];
	version_count = kept;
	pthread_mutex_unlock(&lock);
	return kept < before ? RINGCAST_OK : RINGCAST_ERROR_NOT_FOUND;
}

int ringcast_script_list(ringcast_engine *engine, const char *name, ringcast_script_info *infos, size_t info_count_max, size_t *ret_count)
{
	size_t count = 0;
	(void)engine;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < version_count; i++) {
		if (name && strcmp(versions[i].name, name) != 0)
			continue;
		if (count < info_count_max)
			infos[count] = versions[i];
		count++;
	}
	pthread_mutex_unlock(&lock);
	*ret_count = count;
	return RINGCAST_OK;
}

int ringcast_session_log_read(ringcast_engine *engine, const char *session_id, ringcast_session_log_fn *each, void *context,
			      uint64_t *ret_lost_count)
{
	ringcast_session_info info;
	int error = ringcast_session_describe(engine, session_id, &info);
	if (error != RINGCAST_OK)
		return error;
	each(context, 1000000, "info", "it says", 7);
	each(context, 2000000, "error", "\xff wild", 6);
	*ret_lost_count = 3;
	return RINGCAST_OK;
}
