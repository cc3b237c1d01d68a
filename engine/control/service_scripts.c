#include "control/service_scripts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/attr.h"

_Static_assert((int)HOST_ID_BYTES >= (int)RINGCAST_SCRIPT_VERSION_BYTES, "a version fits");

static enum host_result result_of(enum store_result result)
{
	static const enum host_result results[] = {
		[STORE_OK] = HOST_OK,		  [STORE_BAD_NAME] = HOST_SCRIPT, [STORE_BAD_PACKAGE] = HOST_SCRIPT, [STORE_BAD_SCRIPT] = HOST_SCRIPT,
		[STORE_NOT_FOUND] = HOST_NOT_FOUND, [STORE_IN_USE] = HOST_STATE,  [STORE_FAILED] = HOST_FAILED,
	};
	ringcast_assert((size_t)result < ARRAY_COUNT(results));
	return results[result];
}

static enum host_result answer(struct host_script *script, enum store_result result, const struct config_error *error)
{
	if (result != STORE_OK)
		snprintf(script->text, sizeof(script->text), "%.*s", (int)sizeof(script->text) - 1, error->text);
	return result_of(result);
}

static enum host_result push(void *context, struct host_script *script)
{
	struct service_scripts *scripts = context;
	const struct script_push push = {.name = script->name, .zip = script->zip, .zip_size = script->zip_bytes};
	ringcast_script_info info;
	struct config_error error = {""};
	enum store_result result = ringcast_script_store_push(scripts->store, &push, &info, &error);
	if (result == STORE_OK)
		snprintf(script->version, sizeof(script->version), "%s", info.version);
	return answer(script, result, &error);
}

/* A session of name@version needs only that the engine knows it. */
static bool is_known(struct service_scripts *scripts, const struct host_script *script)
{
	size_t count = 0;
	bool is = false;
	if (ringcast_script_list(scripts->engine, script->name, NULL, 0, &count) != RINGCAST_OK)
		return false;
	size_t count_max = count + 16; /* for what is added meanwhile */
	ringcast_script_info *infos = calloc(count_max, sizeof(*infos));
	if (infos && ringcast_script_list(scripts->engine, script->name, infos, count_max, &count) == RINGCAST_OK)
		for (size_t i = 0; i < count && i < count_max && !is; i++)
			is = strcmp(infos[i].version, script->version) == 0;
	free(infos);
	return is;
}

static enum host_result choose(void *context, struct host_script *script)
{
	struct service_scripts *scripts = context;
	ringcast_script_info info;
	struct config_error error = {""};
	if (is_known(scripts, script))
		return HOST_OK;
	return answer(script, ringcast_script_store_rollback(scripts->store, script->name, script->version, &info, &error), &error);
}

static enum host_result take_away(void *context, struct host_script *script)
{
	struct service_scripts *scripts = context;
	struct config_error error = {""};
	return answer(script, ringcast_script_store_remove(scripts->store, script->name, &error), &error);
}

void ringcast_service_scripts_init(struct service_scripts *scripts, struct script_store *store, ringcast_engine *engine)
{
	ringcast_assert(scripts && store && engine);
	*scripts = (struct service_scripts){.base = {.context = scripts, .push = push, .select = choose, .remove = take_away}, .store = store, .engine = engine};
}
