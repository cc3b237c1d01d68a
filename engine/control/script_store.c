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
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/attr.h"
#include "control/package.h"

#define STORE_PATH_BYTES 512
#define HISTORY_MAX 1024
#define INCOMING ".incoming-"

struct script_store {
	char directory[STORE_PATH_BYTES / 2];
	bool is_private; /* ours, and goes with us */
	uint32_t versions_kept;
	ringcast_engine *engine;
	struct logs *logs;
	pthread_mutex_t lock; /* one change at a time */
};

/* The file "versions": what was pushed, oldest first. */
struct history {
	size_t count;
	struct history_line {
		char version[RINGCAST_SCRIPT_VERSION_BYTES];
		uint64_t pushed_s;
	} lines[HISTORY_MAX];
};

PRINTF_LIKE(3, 4) static enum store_result fail(struct config_error *reterr, enum store_result result, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(reterr->text, sizeof(reterr->text), format, arguments);
	va_end(arguments);
	return result;
}

/* paths and small files */

PRINTF_LIKE(3, 4) static void path_of(const struct script_store *store, char *ret_path, const char *format, ...)
{
	va_list arguments;
	int used = snprintf(ret_path, STORE_PATH_BYTES, "%s/", store->directory);
	va_start(arguments, format);
	vsnprintf(ret_path + used, STORE_PATH_BYTES - (size_t)used, format, arguments);
	va_end(arguments);
}

/* Names become folders: the engine allows no others either. */
static bool is_name(const char *name)
{
	size_t size = strlen(name);
	return size > 0 && size < RINGCAST_SCRIPT_NAME_BYTES && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == size &&
	       strchr("._-", name[0]) == NULL;
}

static bool is_version(const char *text)
{
	return strlen(text) == RINGCAST_SCRIPT_VERSION_BYTES - 1 && strspn(text, "0123456789abcdef") == RINGCAST_SCRIPT_VERSION_BYTES - 1;
}

static bool write_text(const char *path, const char *text)
{
	char beside[STORE_PATH_BYTES + 8];
	snprintf(beside, sizeof(beside), "%s.new", path);
	FILE *file = fopen(beside, "we");
	if (!file)
		return false;
	bool is_written = fputs(text, file) >= 0 && fflush(file) == 0 && fsync(fileno(file)) == 0;
	is_written = fclose(file) == 0 && is_written;
	if (is_written && rename(beside, path) == 0)
		return true;
	unlink(beside);
	return false;
}

static bool read_current(const struct script_store *store, const char *name, char ret_version[RINGCAST_SCRIPT_VERSION_BYTES])
{
	char path[STORE_PATH_BYTES], line[64] = "";
	path_of(store, path, "%s/current", name);
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	bool is_read = fgets(line, sizeof(line), file) != NULL;
	fclose(file);
	line[strcspn(line, "\n")] = 0;
	if (!is_read || !is_version(line))
		return false;
	memcpy(ret_version, line, RINGCAST_SCRIPT_VERSION_BYTES);
	return true;
}

static bool write_current(const struct script_store *store, const char *name, const char *version)
{
	char path[STORE_PATH_BYTES], text[64];
	path_of(store, path, "%s/current", name);
	snprintf(text, sizeof(text), "%s\n", version);
	return write_text(path, text);
}

/* history */

static void parse_line(struct history *history, char *line)
{
	char *blank = strchr(line, ' ');
	if (!blank || history->count == HISTORY_MAX)
		return;
	*blank = 0;
	if (!is_version(line))
		return;
	struct history_line *entry = &history->lines[history->count++];
	memcpy(entry->version, line, sizeof(entry->version));
	entry->pushed_s = strtoull(blank + 1, NULL, 10);
}

/* The caller frees; NULL: out of memory. A name that was never pushed has an empty one. */
static struct history *read_history(const struct script_store *store, const char *name)
{
	char path[STORE_PATH_BYTES], line[128];
	struct history *history = calloc(1, sizeof(*history));
	path_of(store, path, "%s/versions", name);
	FILE *file = history ? fopen(path, "re") : NULL;
	while (file && fgets(line, sizeof(line), file))
		parse_line(history, line);
	if (file)
		fclose(file);
	return history;
}

static bool write_history(const struct script_store *store, const char *name, const struct history *history)
{
	char path[STORE_PATH_BYTES], *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return false;
	for (size_t i = 0; i < history->count; i++)
		fprintf(out, "%s %" PRIu64 "\n", history->lines[i].version, history->lines[i].pushed_s);
	path_of(store, path, "%s/versions", name);
	bool is_written = fclose(out) == 0 && write_text(path, text);
	free(text);
	return is_written;
}

static void forget_line(struct history *history, size_t index)
{
	memmove(&history->lines[index], &history->lines[index + 1], (--history->count - index) * sizeof(history->lines[0]));
}

static void put_last(struct history *history, const char *version)
{
	for (size_t i = 0; i < history->count; i++)
		if (strcmp(history->lines[i].version, version) == 0) {
			forget_line(history, i);
			break;
		}
	if (history->count == HISTORY_MAX)
		forget_line(history, 0);
	struct history_line *line = &history->lines[history->count++];
	snprintf(line->version, sizeof(line->version), "%s", version);
	line->pushed_s = (uint64_t)time(NULL);
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

static enum store_result add_to_engine(struct script_store *store, const char *name, const char *version, ringcast_script_info *ret_info,
				       struct config_error *reterr)
{
	char path[STORE_PATH_BYTES];
	path_of(store, path, "%s/%s", name, version);
	return store_result_of(ringcast_script_add(store->engine, name, path, ret_info, reterr->text, sizeof(reterr->text)));
}

/* Beyond the last versions_kept, what is not current and what nobody runs. */
static void prune(struct script_store *store, const char *name, const char *current, struct history *history)
{
	char path[STORE_PATH_BYTES];
	for (size_t i = 0; history->count > store->versions_kept && i < history->count - 1;) {
		const char *version = history->lines[i].version;
		if (strcmp(version, current) == 0 || session_count(store->engine, name, version) > 0) {
			i++;
			continue;
		}
		ringcast_script_remove(store->engine, name, version); /* not known any more is as good */
		path_of(store, path, "%s/%s", name, version);
		ringcast_package_remove_folder(path);
		forget_line(history, i);
	}
}

/* push */

static enum store_result unpack(struct script_store *store, const void *zip, size_t zip_size, char *ret_incoming,
				struct config_error *reterr)
{
	char problem[400];
	path_of(store, ret_incoming, INCOMING "XXXXXX");
	if (!mkdtemp(ret_incoming))
		return fail(reterr, STORE_FAILED, "scripts.directory: %s: %s", ret_incoming, strerror(errno));
	chmod(ret_incoming, 0755);
	if (ringcast_package_unpack(zip, zip_size, ret_incoming, problem, sizeof(problem)))
		return STORE_OK;
	ringcast_package_remove_folder(ret_incoming);
	return fail(reterr, STORE_BAD_PACKAGE, "%s", problem);
}

/* The folder incoming becomes <name>/<version>; when that is there already it is the same, and incoming goes. */
static bool move_in(struct script_store *store, const char *incoming, const char *name, const char *version)
{
	char path[STORE_PATH_BYTES];
	path_of(store, path, "%s", name);
	if (mkdir(path, 0755) != 0 && errno != EEXIST)
		return false;
	path_of(store, path, "%s/%s", name, version);
	if (rename(incoming, path) == 0)
		return true;
	return (errno == ENOTEMPTY || errno == EEXIST) && ringcast_package_remove_folder(incoming);
}

static enum store_result settle(struct script_store *store, const char *incoming, ringcast_script_info *info, struct config_error *reterr)
{
	char name[RINGCAST_SCRIPT_NAME_BYTES];
	memcpy(name, info->name, sizeof(name));
	if (!move_in(store, incoming, name, info->version))
		return fail(reterr, STORE_FAILED, "scripts.directory: %s: %s", store->directory, strerror(errno));
	enum store_result result = add_to_engine(store, name, info->version, info, reterr);
	struct history *history = result == STORE_OK ? read_history(store, name) : NULL;
	if (result != STORE_OK)
		return result;
	if (history) {
		put_last(history, info->version);
		prune(store, name, info->version, history);
	}
	if (!history || !write_history(store, name, history) || !write_current(store, name, info->version))
		result = fail(reterr, STORE_FAILED, "scripts.directory: %s: %s; a restart would not find this version", store->directory,
			      strerror(errno));
	free(history);
	return result;
}

enum store_result ringcast_script_store_push(struct script_store *store, const char *name, const void *zip, size_t zip_size,
					     ringcast_script_info *ret_info, struct config_error *reterr)
{
	ringcast_assert(store && name && ret_info && reterr);
	char incoming[STORE_PATH_BYTES];
	if (!is_name(name))
		return fail(reterr, STORE_BAD_NAME,
			    "'%s' is no name for a script: a-z, 0-9, '.', '_' and '-', 63 at most, a letter or digit first", name);
	enum store_result result = unpack(store, zip, zip_size, incoming, reterr);
	if (result != STORE_OK)
		return result;
	/* Without the lock: trying out may take a while, and harms nobody. */
	result = store_result_of(ringcast_script_check(store->engine, name, incoming, ret_info, reterr->text, sizeof(reterr->text)));
	if (result == STORE_OK) {
		pthread_mutex_lock(&store->lock);
		result = settle(store, incoming, ret_info, reterr);
		pthread_mutex_unlock(&store->lock);
	}
	if (result != STORE_OK)
		ringcast_package_remove_folder(incoming);
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

static enum store_result roll_back(struct script_store *store, const char *name, const char *wanted, ringcast_script_info *ret_info,
				   struct config_error *reterr)
{
	char current[RINGCAST_SCRIPT_VERSION_BYTES] = "", version[RINGCAST_SCRIPT_VERSION_BYTES];
	if (!is_name(name) || !read_current(store, name, current))
		return fail(reterr, STORE_NOT_FOUND, "there is no script '%s'", name);
	struct history *history = read_history(store, name);
	if (!history)
		return fail(reterr, STORE_FAILED, "out of memory");
	enum store_result result = choose(history, current, wanted, version, reterr);
	free(history);
	if (result == STORE_OK)
		result = add_to_engine(store, name, version, ret_info, reterr);
	if (result == STORE_OK && !write_current(store, name, version))
		result = fail(reterr, STORE_FAILED, "scripts.directory: %s: %s", store->directory, strerror(errno));
	return result;
}

enum store_result ringcast_script_store_rollback(struct script_store *store, const char *name, const char *version,
						 ringcast_script_info *ret_info, struct config_error *reterr)
{
	ringcast_assert(store && name && ret_info && reterr);
	pthread_mutex_lock(&store->lock);
	enum store_result result = roll_back(store, name, version, ret_info, reterr);
	pthread_mutex_unlock(&store->lock);
	return result;
}

static enum store_result remove_all(struct script_store *store, const char *name, struct config_error *reterr)
{
	char path[STORE_PATH_BYTES];
	struct stat stat_of;
	bool is_stored = is_name(name) && (path_of(store, path, "%s", name), stat(path, &stat_of) == 0);
	uint32_t sessions = session_count(store->engine, name, NULL);
	if (sessions > 0)
		return fail(reterr, STORE_IN_USE, "%u sessions run '%s'; end them first", sessions, name);
	bool is_known = ringcast_script_remove(store->engine, name, NULL) == RINGCAST_OK;
	if (!is_stored)
		return is_known ? STORE_OK : fail(reterr, STORE_NOT_FOUND, "there is no script '%s'", name);
	if (!ringcast_package_remove_folder(path))
		return fail(reterr, STORE_FAILED, "%s: %s", path, strerror(errno));
	return STORE_OK;
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
	char text[32];
	time_t then = (time_t)seconds;
	struct tm tm;
	gmtime_r(&then, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
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
	struct history *history = is_name(name) ? read_history(store, name) : NULL;
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

static void load_one(struct script_store *store, const char *name)
{
	char version[RINGCAST_SCRIPT_VERSION_BYTES], quoted[600];
	struct config_error error = {"no current version"};
	ringcast_script_info info;
	if (!is_name(name))
		return;
	if (!read_current(store, name, version) || add_to_engine(store, name, version, &info, &error) != STORE_OK)
		ringcast_logs_event(store->logs, RINGCAST_LOG_ERROR, "a stored script is not usable", "script=%s err=%s", name,
				    ringcast_logs_quote(error.text, quoted, sizeof(quoted)));
}

void ringcast_script_store_load(struct script_store *store)
{
	ringcast_assert(store);
	char path[STORE_PATH_BYTES];
	struct dirent *entry;
	DIR *directory = opendir(store->directory);
	while (directory && (entry = readdir(directory))) {
		if (strncmp(entry->d_name, INCOMING, sizeof(INCOMING) - 1) == 0) {
			path_of(store, path, "%s", entry->d_name); /* a push was cut off */
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
	store->is_private = mkdtemp(store->directory) != NULL;
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
	return is_short && access(store->directory, R_OK | W_OK | X_OK) == 0;
}

struct script_store *ringcast_script_store_create(const char *directory, uint32_t versions_kept, ringcast_engine *engine, struct logs *logs,
						  struct config_error *reterr)
{
	ringcast_assert(directory && engine && logs && reterr);
	struct script_store *store = calloc(1, sizeof(*store));
	if (!store) {
		fail(reterr, STORE_FAILED, "out of memory");
		return NULL;
	}
	store->versions_kept = versions_kept;
	store->engine = engine;
	store->logs = logs;
	if (*directory ? open_directory(store, directory) : make_private(store)) {
		pthread_mutex_init(&store->lock, NULL);
		return store;
	}
	fail(reterr, STORE_FAILED, "scripts.directory: %s: %s", *directory ? directory : store->directory, strerror(errno));
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
