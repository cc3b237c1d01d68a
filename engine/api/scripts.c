/* Scripts in the public API: what becomes a version, what a session runs, what it said. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/plain_name.h"
#include "io/clock.h"
#include "life/engine.h"
#include "scripts/check.h"

static int fail(char *error, size_t error_bytes, int code, const char *text)
{
	if (error_bytes > 0)
		snprintf(error, error_bytes, "%s", text);
	return code;
}

/* Versions */

static void describe_callbacks(uint32_t callbacks, char *out, size_t out_bytes)
{
	size_t used = 0;
	*out = '\0';
	for (uint32_t i = 0; i < SCRIPT_CALLBACK_COUNT && used < out_bytes; i++)
		if (callbacks & UINT32_C(1) << i)
			used += (size_t)snprintf(out + used, out_bytes - used, "%s%s", used > 0 ? " " : "",
						 ringcast_script_callback_name((enum script_callback)i));
}

static void describe_script(const struct script *script, ringcast_script_info *ret)
{
	*ret = (ringcast_script_info){
		.file_count = (uint32_t)script->file_count,
		.players_max = script->facts.players_max,
		.ping_interval_ms = script->facts.ping_interval_ms,
		.tick_interval_ms = script->facts.tick_interval_ms,
	};
	for (size_t i = 0; i < script->file_count; i++)
		ret->file_bytes += script->files[i].size;
	snprintf(ret->name, sizeof(ret->name), "%s", script->name);
	snprintf(ret->version, sizeof(ret->version), "%s", script->version);
	snprintf(ret->language, sizeof(ret->language), "%s", script->language == SCRIPT_LUA ? "lua" : "js");
	snprintf(ret->main, sizeof(ret->main), "%s", script->main);
	describe_callbacks(script->facts.callbacks, ret->callbacks, sizeof(ret->callbacks));
}

static bool is_name(const char *name, char *error, size_t error_bytes)
{
	if (name != NULL && ringcast_plain_name_is_one(name))
		return true;
	fail(error, error_bytes, RINGCAST_ERROR_ARGUMENT, "a script's name is made of " PLAIN_NAME_RULE);
	return false;
}

static void tell_confined(struct ringcast_engine *engine, bool is_whole, const char *holds)
{
	char quoted[700];
	const struct log_sink *before = ringcast_log_bind(&engine->log_sink);
	snprintf(quoted, sizeof(quoted), "%s", holds);
	for (char *c = quoted; *c != '\0'; c++)
		if (*c == '"')
			*c = '\'';
	ringcast_log(is_whole ? LOG_INFO : LOG_WARN, "script", "how JavaScript is confined", "holds=\"%s\"", quoted);
	ringcast_log_bind(before);
}

/* Before the first JavaScript is run in any way: the place it may write to is made, and what holds is told once. */
static bool confine(struct ringcast_engine *engine, char *error, size_t error_bytes)
{
	char holds[700];
	if (ringcast_snapshots_root(&engine->snapshots, error, error_bytes) == NULL)
		return false;
	bool is_told = __atomic_exchange_n(&engine->is_confinement_told, true, __ATOMIC_ACQ_REL);
	if (is_told && !engine->options.scripts.is_confinement_required)
		return true;
	bool is_whole = ringcast_script_confinement(&engine->script_process, holds, sizeof(holds));
	if (!is_told)
		tell_confined(engine, is_whole, holds);
	if (is_whole || !engine->options.scripts.is_confinement_required)
		return true;
	snprintf(error, error_bytes, "scripts.confine is 'required', and not all of it holds: %s", holds);
	return false;
}

/* A final source that scripts' processes could not read, because it lies elsewhere, is copied like any other. */
static bool is_below(const char *path, const char *folder)
{
	char *real = realpath(path, NULL), *root = folder != NULL && *folder != '\0' ? realpath(folder, NULL) : NULL;
	size_t size = root != NULL ? strlen(root) : 0;
	bool is = real != NULL && root != NULL && strncmp(real, root, size) == 0 && real[size] == '/';
	free(real);
	free(root);
	return is;
}

/* What is tried out is what will be run: of JavaScript that may change the copy. */
static bool make_ready(struct ringcast_engine *engine, struct script *script, bool is_final, char *error, size_t error_bytes)
{
	const struct script_check_options check = {.limits = &engine->script_limits, .process = &engine->script_process};
	if (script->language == SCRIPT_JS && !confine(engine, error, error_bytes))
		return false;
	if (script->language == SCRIPT_JS && !is_final && !ringcast_snapshots_take(&engine->snapshots, script, error, error_bytes))
		return false;
	if (!ringcast_script_dry_run(script, &check, error, error_bytes))
		return false;
	if (script->language == SCRIPT_JS)
		ringcast_script_forget_bytes(script);
	return true;
}

static struct script *read_and_try(struct ringcast_engine *engine, const ringcast_script_source *source, char *error, size_t error_bytes)
{
	struct script *script = ringcast_script_read(
		&(struct script_source){
			.name = source->name,
			.path = source->path,
			.main = source->main,
			.files_max = engine->options.scripts.files_max,
			.bytes_max = engine->options.scripts.files_bytes_max,
		},
		error, error_bytes);
	if (script != NULL && !make_ready(engine, script, source->is_final && is_below(source->path, engine->options.scripts.final_folder), error, error_bytes))
		ringcast_script_unref(&script);
	return script;
}

int ringcast_script_try(ringcast_engine *engine, const ringcast_script_source *given, ringcast_script_draft **ret_draft, char *error,
			size_t error_bytes)
{
	char text[SCRIPT_ERROR_BYTES] = "out of memory";
	ringcast_script_source source = RINGCAST_SCRIPT_SOURCE_INIT;
	if (given->size < offsetof(ringcast_script_source, main))
		return fail(error, error_bytes, RINGCAST_ERROR_ARGUMENT, "ringcast_script_source: its size is not set");
	memcpy(&source, given, given->size < sizeof(source) ? given->size : sizeof(source));
	if (!is_name(source.name, error, error_bytes))
		return RINGCAST_ERROR_ARGUMENT;
	if (source.path == NULL)
		return fail(error, error_bytes, RINGCAST_ERROR_ARGUMENT, "a script needs a path");
	struct script *script = read_and_try(engine, &source, text, sizeof(text));
	if (script == NULL)
		return fail(error, error_bytes, RINGCAST_ERROR_SCRIPT, text);
	*ret_draft = (ringcast_script_draft *)script;
	return RINGCAST_OK;
}

/* Callers' threads are no engine's. */
static void tell_added(ringcast_engine *engine, const ringcast_script_info *info)
{
	const struct log_sink *before = ringcast_log_bind(&engine->log_sink);
	ringcast_log(LOG_INFO, "script", "version added", "script=%s@%.12s language=%s main=%s files=%u callbacks=\"%s\"", info->name, info->version,
		     info->language, info->main, info->file_count, info->callbacks);
	ringcast_log_bind(before);
}

static void tell(ringcast_engine *engine, const char *message, const char *script)
{
	const struct log_sink *before = ringcast_log_bind(&engine->log_sink);
	ringcast_log(LOG_INFO, "script", message, "script=%s", script);
	ringcast_log_bind(before);
}

void ringcast_script_draft_describe(const ringcast_script_draft *draft, ringcast_script_info *ret_info)
{
	describe_script((const struct script *)draft, ret_info);
}

void ringcast_script_draft_free(ringcast_script_draft **draft)
{
	struct script *script = (struct script *)*draft;
	*draft = NULL;
	ringcast_script_unref(&script);
}

int ringcast_script_publish(ringcast_engine *engine, ringcast_script_draft **draft, const char *path)
{
	struct script *script = (struct script *)*draft;
	ringcast_script_info info;
	char *folder = path != NULL ? realpath(path, NULL) : NULL;
	*draft = NULL;
	if (path != NULL && folder == NULL) {
		ringcast_script_unref(&script);
		return RINGCAST_ERROR_SYSTEM;
	}
	if (folder != NULL && !script->is_folder_ours) { /* a copy stays where it is */
		free(script->folder);
		script->folder = folder;
		folder = NULL;
	}
	free(folder);
	describe_script(script, &info);
	int result = ringcast_registry_add(&engine->registry, script);
	if (result == RINGCAST_OK)
		tell_added(engine, &info);
	return result;
}

int ringcast_script_add(ringcast_engine *engine, const ringcast_script_source *source, ringcast_script_info *ret_info, char *error,
			size_t error_bytes)
{
	ringcast_script_draft *draft;
	ringcast_script_info info;
	int result = ringcast_script_try(engine, source, &draft, error, error_bytes);
	if (result != RINGCAST_OK)
		return result;
	ringcast_script_draft_describe(draft, &info);
	result = ringcast_script_publish(engine, &draft, NULL);
	if (result != RINGCAST_OK)
		return fail(error, error_bytes, result, ringcast_error_text(result));
	info.is_current = true;
	if (ret_info != NULL)
		*ret_info = info;
	return RINGCAST_OK;
}

/* "name@version" when there is a version. False: longer than anything that exists. */
static bool join_name(const char *name, const char *version, char *out, size_t out_bytes)
{
	int size = snprintf(out, out_bytes, "%s%s%s", name, version != NULL ? "@" : "", version != NULL ? version : "");
	return size >= 0 && (size_t)size < out_bytes;
}

int ringcast_script_select(ringcast_engine *engine, const char *name, const char *version)
{
	char text[RINGCAST_SCRIPT_NAME_BYTES + RINGCAST_SCRIPT_VERSION_BYTES];
	if (name == NULL || version == NULL)
		return RINGCAST_ERROR_ARGUMENT;
	int result =
		join_name(name, version, text, sizeof(text)) ? ringcast_registry_select(&engine->registry, text) : RINGCAST_ERROR_NOT_FOUND;
	if (result == RINGCAST_OK)
		tell(engine, "version selected", text);
	return result;
}

int ringcast_script_remove(ringcast_engine *engine, const char *name, const char *version)
{
	char text[RINGCAST_SCRIPT_NAME_BYTES + RINGCAST_SCRIPT_VERSION_BYTES];
	if (name == NULL || strchr(name, '@') != NULL)
		return RINGCAST_ERROR_ARGUMENT;
	int result =
		join_name(name, version, text, sizeof(text)) ? ringcast_registry_remove(&engine->registry, text) : RINGCAST_ERROR_NOT_FOUND;
	if (result == RINGCAST_OK)
		tell(engine, "removed", text);
	return result;
}

struct listing {
	ringcast_script_info *infos;
	size_t count_max, count;
};

static void list_version(void *context, const struct script_version *version)
{
	struct listing *listing = context;
	if (listing->count < listing->count_max) {
		ringcast_script_info *info = &listing->infos[listing->count];
		describe_script(version->script, info);
		info->is_current = __atomic_load_n(&version->is_current, __ATOMIC_RELAXED);
		info->session_count = __atomic_load_n(&version->session_count, __ATOMIC_RELAXED);
	}
	listing->count++;
}

int ringcast_script_list(ringcast_engine *engine, const char *name, ringcast_script_info *infos, size_t info_count_max, size_t *ret_count)
{
	struct listing listing = {.infos = infos, .count_max = info_count_max};
	ringcast_registry_each(&engine->registry, name, list_version, &listing);
	*ret_count = listing.count;
	return RINGCAST_OK;
}

/* Sessions */

static void tell_lines(const struct script_log_copy *copy, ringcast_session_log_fn *each, void *context)
{
	struct script_log_line line;
	for (size_t at = 0; ringcast_script_log_next(copy, &at, &line);) {
		char *text = strndup(line.text, line.size);
		each(context, line.at_ns, ringcast_script_level_name(line.level), text != NULL ? text : "(out of memory)",
		     text != NULL ? strlen(text) : 0);
		free(text);
	}
}

int ringcast_session_log_read(ringcast_engine *engine, const char *session_id, ringcast_session_log_fn *each, void *context,
			      uint64_t *ret_lost_count)
{
	int shard = session_id != NULL ? ringcast_session_id_shard(session_id) : -1;
	struct script_log_copy copy;
	if (shard < 0 || (uint32_t)shard >= engine->shard_count)
		return RINGCAST_ERROR_NOT_FOUND;
	if (!ringcast_script_logs_copy(&engine->shards[shard].scripts.logs, session_id, &copy))
		return RINGCAST_ERROR_MEMORY;
	if (copy.bytes == NULL)
		return RINGCAST_ERROR_NOT_FOUND;
	tell_lines(&copy, each, context);
	if (ret_lost_count != NULL)
		*ret_lost_count = copy.lost_count;
	free(copy.bytes);
	return RINGCAST_OK;
}

int ringcast_script_process(ringcast_engine *engine, uint32_t shard, uint32_t channel)
{
	if (shard >= engine->shard_count || channel >= engine->script_options.channels.count)
		return 0;
	return ringcast_sidecars_pid(engine->sidecars, shard, channel);
}
