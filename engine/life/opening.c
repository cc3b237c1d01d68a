#include "life/opening.h"

#include <stdio.h>
#include <string.h>

int ringcast_engine_prepare_script(struct ringcast_engine *engine, const char *name_and_version, uint32_t shard, struct script_version **ret_version)
{
	if (name_and_version == NULL || *name_and_version == '\0')
		return RINGCAST_OK;
	struct script_version *version = ringcast_registry_find(&engine->registry, name_and_version);
	if (version == NULL)
		return RINGCAST_ERROR_NOT_FOUND;
	*ret_version = version; /* the caller's from now on, whatever comes */
	if (version->script->language != SCRIPT_JS)
		return RINGCAST_OK;
	return ringcast_sidecars_want(engine->sidecars, shard) ? RINGCAST_OK : RINGCAST_ERROR_SYSTEM;
}

/* The registry's lock is held by nobody for longer than a look-up takes. */
enum drop_reason ringcast_engine_open_here(struct shard *shard, const char *script, const struct session_options *options, struct session **ret_session)
{
	struct ringcast_engine *engine = shard->options.hooks_context;
	struct script_version *version = NULL;
	enum drop_reason drop = DROP_NONE;
	int result = ringcast_engine_prepare_script(engine, script, shard->options.index, &version);
	if (result == RINGCAST_OK && version == NULL)
		drop = ringcast_session_open(&shard->store, options, shard->now_ns, ret_session);
	else if (result == RINGCAST_OK)
		result = ringcast_script_shard_open(ringcast_engine_scripts_of(shard), version, options, ret_session, &drop);
	ringcast_script_version_release(&version);
	return result == RINGCAST_OK ? drop : DROP_TOKEN_SCRIPT;
}

const char *ringcast_token_key_problem(const ringcast_token_key *key)
{
	struct jwt_key read;
	const char *problem = key->id == NULL || key->key == NULL ? "there is no id or no key" : ringcast_jwt_key_read(key->id, key->key, false, &read);
	explicit_bzero(&read, sizeof(read));
	return problem;
}

int ringcast_engine_read_token_keys(const ringcast_token_key *keys, size_t count, const char *audience, struct jwt_keys *ret_keys, char *error, size_t error_bytes)
{
	const char *problem = NULL;
	struct jwt_key key;
	memset(ret_keys, 0, sizeof(*ret_keys));
	audience = audience != NULL ? audience : "";
	if (strlen(audience) >= sizeof(ret_keys->audience)) {
		snprintf(error, error_bytes, "the audience of player tokens: longer than %d bytes", JWT_AUDIENCE_BYTES - 1);
		return RINGCAST_ERROR_ARGUMENT;
	}
	memcpy(ret_keys->audience, audience, strlen(audience));
	for (size_t i = 0; i < count && problem == NULL; i++) {
		problem = keys[i].id == NULL || keys[i].key == NULL ? "there is no id or no key"
								     : ringcast_jwt_key_read(keys[i].id, keys[i].key, keys[i].may_create, &key);
		if (problem == NULL)
			problem = ringcast_jwt_keys_add(ret_keys, &key);
		if (problem != NULL)
			snprintf(error, error_bytes, "key %zu of player tokens: %s", i + 1, problem);
	}
	explicit_bzero(&key, sizeof(key));
	if (problem != NULL)
		ringcast_jwt_keys_forget(ret_keys);
	return problem == NULL ? RINGCAST_OK : RINGCAST_ERROR_ARGUMENT;
}
