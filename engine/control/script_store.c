#include "control/script_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/plain_name.h"
#include "base/attr.h"
#include "control/script_files.h"
#include "control/script_history.h"
#include "control/time_text.h"

#define STORE_PATH_BYTES 512
#define INCOMING ".incoming-"
#define OUTGOING ".outgoing-" /* removed, but not gone yet */

_Static_assert((size_t)PLAIN_NAME_BYTES_MAX < RINGCAST_SCRIPT_NAME_BYTES, "names, which become folders here");

struct script_store {
	char directory[STORE_PATH_BYTES / 2];
	bool is_private;   /* ours, and goes with us */
	bool is_read_only; /* by its file system or its owner */
	uint32_t versions_kept;
	struct package bounds;
	ringcast_engine *engine;
	struct logs *logs;
	pthread_mutex_t lock; /* one change at a time */
};

PRINTF_LIKE(3, 4) static enum store_result fail(struct config_error *reterr, enum store_result result, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(reterr->text, sizeof(reterr->text), format, arguments);
	va_end(arguments);
	return result;
}

/* paths */

PRINTF_LIKE(3, 4) static void path_of(const struct script_store *store, char *ret_path, const char *format, ...)
{
	va_list arguments;
	int used = snprintf(ret_path, STORE_PATH_BYTES, "%s/", store->directory);
	va_start(arguments, format);
	vsnprintf(ret_path + used, STORE_PATH_BYTES - (size_t)used, format, arguments);
	va_end(arguments);
}

/* the engine's side */

/* How many sessions run a version; 0 when the engine does not know it. The caller holds no lock of the engine's. */
static uint32_t session_count(ringcast_engine *engine, const char *name, const char *version)
{
	size_t count = 0;
	uint32_t sessions = 0;
	ringcast_script_info *infos = calloc(HISTORY_MAX, sizeof(*infos));
	if (infos && ringcast_script_list(engine, name, infos, HISTORY_MAX, &count) == RINGCAST_OK)
		for (size_t i = 0; i < count && i < HISTORY_MAX; i++)
			if (!version || strcmp(infos[i].version, version) == 0)
				sessions += infos[i].session_count;
	free(infos);
	return sessions;
}

static enum store_result store_result_of(int error)
{
	return error == RINGCAST_OK               ? STORE_OK
	       : error == RINGCAST_ERROR_SCRIPT   ? STORE_BAD_SCRIPT
	       : error == RINGCAST_ERROR_ARGUMENT ? STORE_BAD_NAME
						  : STORE_FAILED;
}

/* "…/.incoming-x/" is nobody's business; what is left is the path inside the script. */
static void forget_path(char *text, const char *path)
{
	size_t size = strlen(path);
	for (char *at = strstr(text, path); at; at = strstr(at, path)) {
		size_t cut = size + (at[size] == '/');
		memmove(at, at + cut, strlen(at + cut) + 1);
	}
}

/* Reads and tries out what lies at path; the caller holds no lock. */
static enum store_result try_out(struct script_store *store, const char *name, const char *path, const char *main, ringcast_script_draft **ret_draft,
				 struct config_error *reterr)
{
	ringcast_script_source source = RINGCAST_SCRIPT_SOURCE_INIT;
	source.name = name;
	source.path = path;
	source.main = main && *main ? main : NULL;
	source.is_final = true;
	enum store_result result = store_result_of(ringcast_script_try(store->engine, &source, ret_draft, reterr->text, sizeof(reterr->text)));
	if (result != STORE_OK)
		forget_path(reterr->text, path);
	return result;
}

static enum store_result disk_failed(const struct script_store *store, struct config_error *reterr)
{
	return fail(reterr, STORE_FAILED, "scripts.directory: %s: %s", store->directory, strerror(errno));
}

/* Beyond the last versions_kept, what is not current and what nobody runs. What cannot be removed is an orphan, and goes at the next start. */
static void prune(struct script_store *store, const char *name, const char *current, struct history *history)
{
	char path[STORE_PATH_BYTES], folder[STORE_PATH_BYTES];
	size_t count = history->count;
	path_of(store, folder, "%s", name);
	for (size_t i = 0; history->count > store->versions_kept && i < history->count - 1;) {
		char version[RINGCAST_SCRIPT_VERSION_BYTES];
		memcpy(version, history->lines[i].version, sizeof(version));
		if (strcmp(version, current) == 0 || session_count(store->engine, name, version) > 0) {
			i++;
			continue;
		}
		ringcast_script_remove(store->engine, name, version); /* not known any more is as good */
		path_of(store, path, "%s/%s", name, version);
		ringcast_package_remove_folder(path);
		ringcast_history_forget(history, i);
	}
	if (history->count < count)
		ringcast_history_write(folder, history);
}

/* push */

static enum store_result unpack(struct script_store *store, const struct script_push *push, char *ret_incoming, struct config_error *reterr)
{
	char problem[400];
	struct package package = store->bounds;
	package.bytes = push->zip;
	package.size = push->zip_size;
	path_of(store, ret_incoming, INCOMING "XXXXXX");
	if (!mkdtemp(ret_incoming))
		return disk_failed(store, reterr);
	chmod(ret_incoming, 0755);
	if (ringcast_package_unpack(&package, ret_incoming, problem, sizeof(problem)))
		return STORE_OK;
	forget_path(problem, ret_incoming);
	ringcast_package_remove_folder(ret_incoming);
	return fail(reterr, STORE_BAD_PACKAGE, "%s", problem);
}

/* All files of a version at once: a flush for each of thousands would take minutes. */
static bool flush_files(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool is_flushed = fd >= 0 && syncfs(fd) == 0;
	if (fd >= 0)
		close(fd);
	return is_flushed;
}

/*
 * The folder incoming becomes <name>/<version>. When that is there already they change places: it should be the same, and if it was damaged, it is mended so;
 * incoming is then what was there.
 */
static bool move_in(struct script_store *store, const char *incoming, const char *name, const char *version, bool *ret_is_new)
{
	char folder[STORE_PATH_BYTES], path[STORE_PATH_BYTES];
	path_of(store, folder, "%s", name);
	path_of(store, path, "%s/%s", name, version);
	if (mkdir(folder, 0755) != 0 && errno != EEXIST)
		return false;
	*ret_is_new = renameat2(AT_FDCWD, incoming, AT_FDCWD, path, RENAME_NOREPLACE) == 0;
	if (!*ret_is_new && (errno != EEXIST || renameat2(AT_FDCWD, incoming, AT_FDCWD, path, RENAME_EXCHANGE) != 0))
		return false;
	return ringcast_folder_sync(folder) && ringcast_folder_sync(store->directory);
}

/* What was written for a push that came to nothing. The folder of a name that has nothing else goes too. */
static void take_back(struct script_store *store, const char *name, const char *version, const struct history *history)
{
	char folder[STORE_PATH_BYTES], path[STORE_PATH_BYTES];
	int error = errno;
	path_of(store, folder, "%s", name);
	path_of(store, path, "%s/%s", name, version);
	if (!history || !ringcast_history_find(history, version))
		ringcast_package_remove_folder(path);
	if (history && history->count > 0) {
		ringcast_history_write(folder, history);
	} else {
		path_of(store, path, "%s/versions", name);
		unlink(path);
		rmdir(folder);
	}
	errno = error;
}

static bool write_down(struct script_store *store, const char *name, const char *version, const char *main, struct history *history)
{
	char folder[STORE_PATH_BYTES];
	path_of(store, folder, "%s", name);
	ringcast_history_put_last(history, version, main);
	return ringcast_history_write(folder, history) && ringcast_current_write(folder, version);
}

/* Under the lock. The disk first; "current" is the last of it. */
static enum store_result settle(struct script_store *store, const char *incoming, const struct script_push *push, ringcast_script_draft **draft,
				struct config_error *reterr)
{
	char folder[STORE_PATH_BYTES], path[STORE_PATH_BYTES];
	ringcast_script_info info;
	bool is_new = false;
	ringcast_script_draft_describe(*draft, &info);
	path_of(store, folder, "%s", push->name);
	path_of(store, path, "%s/%s", push->name, info.version);
	struct history *before = ringcast_history_read(folder), *history = ringcast_history_read(folder);
	enum store_result result = before && history ? STORE_OK : fail(reterr, STORE_FAILED, "out of memory");
	if (result == STORE_OK && (!move_in(store, incoming, push->name, info.version, &is_new) ||
				   !write_down(store, push->name, info.version, push->main, history))) {
		take_back(store, push->name, info.version, before);
		result = disk_failed(store, reterr);
	}
	if (result == STORE_OK && ringcast_script_publish(store->engine, draft, path) != RINGCAST_OK)
		result = fail(reterr, STORE_FAILED, "out of memory: the version is stored, and current after a restart");
	if (result == STORE_OK)
		prune(store, push->name, info.version, history);
	free(before);
	free(history);
	return result;
}

static bool is_writable(const struct script_store *store, struct config_error *reterr)
{
	if (store->is_read_only)
		fail(reterr, STORE_FAILED, "scripts.directory: %s cannot be written; its scripts run, and cannot be changed", store->directory);
	return !store->is_read_only;
}

static enum store_result push_unpacked(struct script_store *store, const char *incoming, const struct script_push *push,
				       ringcast_script_info *ret_info, struct config_error *reterr)
{
	ringcast_script_draft *draft = NULL;
	enum store_result result = try_out(store, push->name, incoming, push->main, &draft, reterr);
	if (result != STORE_OK)
		return result;
	ringcast_script_draft_describe(draft, ret_info);
	ret_info->is_current = true;
	if (!flush_files(incoming)) {
		result = disk_failed(store, reterr);
	} else {
		pthread_mutex_lock(&store->lock);
		result = settle(store, incoming, push, &draft, reterr);
		pthread_mutex_unlock(&store->lock);
	}
	ringcast_script_draft_free(&draft);
	return result;
}

enum store_result ringcast_script_store_push(struct script_store *store, const struct script_push *push, ringcast_script_info *ret_info,
					     struct config_error *reterr)
{
	ringcast_assert(store && push && ret_info && reterr);
	char incoming[STORE_PATH_BYTES];
	if (!ringcast_plain_name_is_one(push->name))
		return fail(reterr, STORE_BAD_NAME,
			    "'%s' is no name for a script: " PLAIN_NAME_RULE, push->name);
	if (push->main && strlen(push->main) >= sizeof(((struct history_line *)0)->main))
		return fail(reterr, STORE_BAD_SCRIPT, "the path of the main file is too long");
	if (!is_writable(store, reterr))
		return STORE_FAILED;
	enum store_result result = unpack(store, push, incoming, reterr);
	if (result != STORE_OK)
		return result;
	result = push_unpacked(store, incoming, push, ret_info, reterr);
	ringcast_package_remove_folder(incoming); /* of a failed push, or the one that it took the place of */
	return result;
}

/* rollback, remove */

static enum store_result choose(const struct history *history, const char *current, const char *wanted, char *ret_version,
				struct config_error *reterr)
{
	size_t at = history->count, found = 0;
	for (size_t i = 0; i < history->count; i++) {
		const char *version = history->lines[i].version;
		if (wanted ? strncmp(version, wanted, strlen(wanted)) == 0
			   : i + 1 < history->count && strcmp(history->lines[i + 1].version, current) == 0) {
			at = i;
			found++;
		}
	}
	if (found == 0)
		return fail(reterr, STORE_NOT_FOUND, wanted ? "there is no version %s" : "there is no version before the current one%s",
			    wanted ? wanted : "");
	if (found > 1)
		return fail(reterr, STORE_NOT_FOUND, "more than one version begins with %s", wanted);
	snprintf(ret_version, RINGCAST_SCRIPT_VERSION_BYTES, "%s", history->lines[at].version);
	return STORE_OK;
}

/* Which version, and its main file. Under the lock. */
static enum store_result choose_stored(struct script_store *store, const char *name, const char *wanted, struct history_line *ret_line,
				       struct config_error *reterr)
{
	char folder[STORE_PATH_BYTES], current[RINGCAST_SCRIPT_VERSION_BYTES] = "", version[RINGCAST_SCRIPT_VERSION_BYTES];
	path_of(store, folder, "%s", ringcast_plain_name_is_one(name) ? name : ".none");
	if (!ringcast_current_read(folder, current))
		return fail(reterr, STORE_NOT_FOUND, "there is no script '%s'", name);
	struct history *history = ringcast_history_read(folder);
	if (!history)
		return fail(reterr, STORE_FAILED, "out of memory");
	enum store_result result = choose(history, current, wanted, version, reterr);
	if (result == STORE_OK)
		*ret_line = *ringcast_history_find(history, version);
	free(history);
	return result;
}

/* Under the lock; meanwhile the version may have been pruned, or the name removed. */
static enum store_result make_current(struct script_store *store, const char *name, const char *version, ringcast_script_draft **draft,
				      struct config_error *reterr)
{
	char folder[STORE_PATH_BYTES], path[STORE_PATH_BYTES];
	path_of(store, folder, "%s", name);
	path_of(store, path, "%s/%s", name, version);
	if (access(path, R_OK | X_OK) != 0)
		return fail(reterr, STORE_NOT_FOUND, "there is no version %s", version);
	if (!ringcast_current_write(folder, version))
		return disk_failed(store, reterr);
	if (ringcast_script_publish(store->engine, draft, path) == RINGCAST_OK)
		return STORE_OK;
	return fail(reterr, STORE_FAILED, "out of memory: the version is current after a restart");
}

enum store_result ringcast_script_store_rollback(struct script_store *store, const char *name, const char *version,
						 ringcast_script_info *ret_info, struct config_error *reterr)
{
	ringcast_assert(store && name && ret_info && reterr);
	char path[STORE_PATH_BYTES];
	struct history_line line;
	ringcast_script_draft *draft = NULL;
	pthread_mutex_lock(&store->lock);
	enum store_result result = choose_stored(store, name, version, &line, reterr);
	pthread_mutex_unlock(&store->lock);
	if (result != STORE_OK)
		return result;
	if (!is_writable(store, reterr))
		return STORE_FAILED;
	path_of(store, path, "%s/%s", name, line.version);
	result = try_out(store, name, path, line.main, &draft, reterr);
	if (result != STORE_OK)
		return result;
	ringcast_script_draft_describe(draft, ret_info);
	ret_info->is_current = true;
	pthread_mutex_lock(&store->lock);
	result = make_current(store, name, line.version, &draft, reterr);
	pthread_mutex_unlock(&store->lock);
	ringcast_script_draft_free(&draft);
	return result;
}

static bool is_stored(const struct script_store *store, const char *name, char *ret_path)
{
	struct stat stat_of;
	path_of(store, ret_path, "%s", ringcast_plain_name_is_one(name) ? name : ".none");
	return stat(ret_path, &stat_of) == 0;
}

/* One rename takes it away; what is left of it goes now or at the next start. */
static bool move_out(struct script_store *store, const char *path)
{
	char outgoing[STORE_PATH_BYTES];
	path_of(store, outgoing, OUTGOING "XXXXXX");
	if (!mkdtemp(outgoing) || rename(path, outgoing) != 0) {
		int error = errno;
		rmdir(outgoing);
		errno = error;
		return false;
	}
	ringcast_folder_sync(store->directory);
	ringcast_package_remove_folder(outgoing);
	return true;
}

static enum store_result remove_all(struct script_store *store, const char *name, struct config_error *reterr)
{
	char path[STORE_PATH_BYTES];
	bool is_there = is_stored(store, name, path);
	uint32_t sessions = session_count(store->engine, name, NULL);
	if (sessions > 0)
		return fail(reterr, STORE_IN_USE, "%u sessions run '%s'; end them first", sessions, name);
	if (is_there && !is_writable(store, reterr))
		return STORE_FAILED;
	if (is_there && !move_out(store, path))
		return disk_failed(store, reterr);
	bool is_known = ringcast_script_remove(store->engine, name, NULL) == RINGCAST_OK;
	return is_there || is_known ? STORE_OK : fail(reterr, STORE_NOT_FOUND, "there is no script '%s'", name);
}

enum store_result ringcast_script_store_remove(struct script_store *store, const char *name, struct config_error *reterr)
{
	ringcast_assert(store && name && reterr);
	pthread_mutex_lock(&store->lock);
	enum store_result result = remove_all(store, name, reterr);
	pthread_mutex_unlock(&store->lock);
	return result;
}

/* lists */

static json_t *time_text(uint64_t seconds)
{
	char text[TIME_TEXT_BYTES];
	ringcast_time_text(seconds, 0, TIME_SECONDS, text);
	return json_string(text);
}

json_t *ringcast_script_store_describe(const ringcast_script_info *info)
{
	ringcast_assert(info);
	json_t *callbacks = json_array();
	for (const char *at = info->callbacks; *at;) {
		size_t size = strcspn(at, " ");
		json_array_append_new(callbacks, json_stringn(at, size));
		at += size + (at[size] == ' ');
	}
	return json_pack("{s:s, s:s, s:b, s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I}", "name", info->name, "version", info->version,
			 "is_current", (int)info->is_current, "language", info->language, "main", info->main, "callbacks", callbacks,
			 "session_count", (json_int_t)info->session_count, "file_count", (json_int_t)info->file_count, "file_bytes",
			 (json_int_t)info->file_bytes, "players_max", (json_int_t)info->players_max, "ping_interval_ms",
			 (json_int_t)info->ping_interval_ms, "tick_interval_ms", (json_int_t)info->tick_interval_ms);
}

/* Versions on disk that the engine has not loaded (again), and when each was pushed. */
static void add_stored(const struct script_store *store, const char *name, json_t *versions)
{
	char folder[STORE_PATH_BYTES];
	path_of(store, folder, "%s", name);
	struct history *history = ringcast_plain_name_is_one(name) ? ringcast_history_read(folder) : NULL;
	for (size_t i = history ? history->count : 0; i-- > 0;) {
		json_t *known = NULL, *version;
		size_t index;
		json_array_foreach(versions, index, version)
		{
			if (strcmp(json_string_value(json_object_get(version, "version")), history->lines[i].version) == 0)
				known = version;
		}
		if (!known) {
			known = json_pack("{s:s, s:s, s:b, s:i}", "name", name, "version", history->lines[i].version, "is_current", 0,
					  "session_count", 0);
			json_array_append_new(versions, known);
		}
		json_object_set_new(known, "pushed_at", time_text(history->lines[i].pushed_s));
	}
	free(history);
}

json_t *ringcast_script_store_versions(struct script_store *store, const char *name)
{
	ringcast_assert(store && name);
	size_t count = 0;
	json_t *versions = json_array();
	ringcast_script_info *infos = calloc(HISTORY_MAX, sizeof(*infos));
	if (infos && ringcast_script_list(store->engine, name, infos, HISTORY_MAX, &count) == RINGCAST_OK)
		for (size_t i = 0; i < count && i < HISTORY_MAX; i++)
			json_array_append_new(versions, ringcast_script_store_describe(&infos[i]));
	free(infos);
	add_stored(store, name, versions);
	if (json_array_size(versions) == 0) {
		json_decref(versions);
		return NULL;
	}
	return versions;
}

/* What is asked for is looked up, and never a part of a path before that. */
json_t *ringcast_script_store_files(struct script_store *store, const char *name, const char *version)
{
	ringcast_assert(store && name && version);
	char folder[STORE_PATH_BYTES], path[STORE_PATH_BYTES];
	const struct history_line *found = NULL;
	size_t size = strlen(version), matches = 0;
	path_of(store, folder, "%s", ringcast_plain_name_is_one(name) ? name : ".none");
	struct history *history = ringcast_history_read(folder);
	for (size_t i = 0; history && size >= 6 && i < history->count; i++)
		if (strncmp(history->lines[i].version, version, size) == 0) {
			found = &history->lines[i];
			matches++;
		}
	json_t *files = NULL;
	if (matches == 1) {
		path_of(store, path, "%s/%s", name, found->version);
		files = ringcast_script_files_read(path);
		json_object_set_new(files, "version", json_string(found->version));
	}
	free(history);
	return files;
}

json_t *ringcast_script_store_list(struct script_store *store)
{
	ringcast_assert(store);
	size_t count = 0;
	json_t *list = json_array();
	if (ringcast_script_list(store->engine, NULL, NULL, 0, &count) != RINGCAST_OK || count == 0)
		return list;
	size_t count_max = count + 16; /* for what is added meanwhile */
	ringcast_script_info *infos = calloc(count_max, sizeof(*infos));
	if (infos && ringcast_script_list(store->engine, NULL, infos, count_max, &count) == RINGCAST_OK)
		for (size_t i = 0; i < count && i < count_max; i++)
			if (infos[i].is_current)
				json_array_append_new(list, ringcast_script_store_describe(&infos[i]));
	free(infos);
	return list;
}

/* life */

/* Folders of versions that nothing names: a kill between moving one in and writing it down. */
static void remove_orphans(struct script_store *store, const char *name, const char *current)
{
	char folder[STORE_PATH_BYTES], path[STORE_PATH_BYTES];
	struct dirent *entry;
	path_of(store, folder, "%s", name);
	struct history *history = ringcast_history_read(folder);
	DIR *directory = history && !store->is_read_only ? opendir(folder) : NULL;
	while (directory && (entry = readdir(directory))) {
		bool is_new_file = strcmp(entry->d_name, "versions.new") == 0 || strcmp(entry->d_name, "current.new") == 0;
		bool is_orphan = ringcast_version_is_one(entry->d_name) && strcmp(entry->d_name, current) != 0 &&
				 !ringcast_history_find(history, entry->d_name);
		path_of(store, path, "%s/%s", name, entry->d_name);
		if (is_orphan)
			ringcast_package_remove_folder(path);
		else if (is_new_file)
			unlink(path);
	}
	if (directory)
		closedir(directory);
	if (!*current && !store->is_read_only)
		rmdir(folder); /* when nothing is in it any more */
	free(history);
}

static enum store_result load_current(struct script_store *store, const char *name, const char *version, struct config_error *reterr)
{
	char folder[STORE_PATH_BYTES], path[STORE_PATH_BYTES], main[128] = "";
	ringcast_script_draft *draft = NULL;
	path_of(store, folder, "%s", name);
	path_of(store, path, "%s/%s", name, version);
	struct history *history = ringcast_history_read(folder);
	const struct history_line *line = history ? ringcast_history_find(history, version) : NULL;
	if (line)
		memcpy(main, line->main, sizeof(main));
	free(history);
	enum store_result result = try_out(store, name, path, main, &draft, reterr);
	if (result != STORE_OK)
		return result;
	ringcast_script_info info;
	ringcast_script_draft_describe(draft, &info);
	if (strcmp(info.version, version) != 0)
		result = fail(reterr, STORE_BAD_SCRIPT, "version %.12s: its files are not those that were pushed; push it again, which mends it", version);
	else if (ringcast_script_publish(store->engine, &draft, NULL) != RINGCAST_OK)
		result = fail(reterr, STORE_FAILED, "out of memory");
	ringcast_script_draft_free(&draft);
	return result;
}

static void load_one(struct script_store *store, const char *name)
{
	char folder[STORE_PATH_BYTES], version[RINGCAST_SCRIPT_VERSION_BYTES] = "", quoted[600];
	struct config_error error = {"no current version"};
	if (!ringcast_plain_name_is_one(name))
		return;
	path_of(store, folder, "%s", name);
	bool has_current = ringcast_current_read(folder, version);
	remove_orphans(store, name, version);
	if (!has_current || load_current(store, name, version, &error) != STORE_OK)
		ringcast_logs_event(store->logs, RINGCAST_LOG_ERROR, "a stored script is not usable", "script=%s err=%s", name,
				    ringcast_logs_quote(error.text, quoted, sizeof(quoted)));
}

static bool is_left_over(const char *name)
{
	return strncmp(name, INCOMING, sizeof(INCOMING) - 1) == 0 || strncmp(name, OUTGOING, sizeof(OUTGOING) - 1) == 0;
}

void ringcast_script_store_load(struct script_store *store)
{
	ringcast_assert(store);
	char path[STORE_PATH_BYTES];
	struct dirent *entry;
	DIR *directory = opendir(store->directory);
	if (store->is_read_only)
		ringcast_logs_event(store->logs, RINGCAST_LOG_WARN, "scripts.directory cannot be written: its scripts run, and cannot be changed",
				    "directory=%s", store->directory);
	while (directory && (entry = readdir(directory))) {
		if (is_left_over(entry->d_name) && !store->is_read_only) {
			path_of(store, path, "%s", entry->d_name); /* a push or a removal was cut off */
			ringcast_package_remove_folder(path);
		} else if (entry->d_name[0] != '.') {
			load_one(store, entry->d_name);
		}
	}
	if (directory)
		closedir(directory);
}

static bool make_private(struct script_store *store)
{
	const char *temporary = getenv("TMPDIR");
	snprintf(store->directory, sizeof(store->directory), "%s/ringcastd-scripts-XXXXXX", temporary && *temporary ? temporary : "/tmp");
	store->is_private = mkdtemp(store->directory) != NULL && chmod(store->directory, 0755) == 0;
	return store->is_private;
}

static bool open_directory(struct script_store *store, const char *directory)
{
	char *absolute;
	if (mkdir(directory, 0755) != 0 && errno != EEXIST)
		return false;
	absolute = realpath(directory, NULL);
	if (!absolute)
		return false;
	bool is_short = strlen(absolute) < sizeof(store->directory);
	snprintf(store->directory, sizeof(store->directory), "%s", absolute);
	free(absolute);
	errno = ENAMETOOLONG;
	if (!is_short || access(store->directory, R_OK | X_OK) != 0)
		return false;
	struct stat stat_of;
	store->is_read_only = access(store->directory, W_OK) != 0;
	errno = ENOTDIR;
	return stat(store->directory, &stat_of) == 0 && S_ISDIR(stat_of.st_mode);
}

struct script_store *ringcast_script_store_create(const struct script_store_options *options, ringcast_engine *engine, struct logs *logs,
						  struct config_error *reterr)
{
	ringcast_assert(options && options->directory && engine && logs && reterr);
	struct script_store *store = calloc(1, sizeof(*store));
	if (!store) {
		fail(reterr, STORE_FAILED, "out of memory");
		return NULL;
	}
	store->versions_kept = options->versions_kept;
	store->bounds = options->package;
	store->engine = engine;
	store->logs = logs;
	if (*options->directory ? open_directory(store, options->directory) : make_private(store)) {
		pthread_mutex_init(&store->lock, NULL);
		return store;
	}
	fail(reterr, STORE_FAILED, "scripts.directory: %s: %s", *options->directory ? options->directory : store->directory, strerror(errno));
	free(store);
	return NULL;
}

void ringcast_script_store_destroy(struct script_store **store)
{
	ringcast_assert(store);
	if (!*store)
		return;
	if ((*store)->is_private)
		ringcast_package_remove_folder((*store)->directory);
	pthread_mutex_destroy(&(*store)->lock);
	free(*store);
	*store = NULL;
}
