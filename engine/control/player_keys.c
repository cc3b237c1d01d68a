#include "control/player_keys.h"

#include <string.h>

#include "base/assert.h"

static bool is_there(const struct player_keys *keys, const char *id)
{
	for (size_t i = 0; i < keys->count; i++)
		if (strcmp(keys->list[i].id, id) == 0)
			return true;
	return false;
}

static const char *add_key(void *context, char *words[SECRET_WORDS])
{
	struct player_keys *keys = context;
	const ringcast_token_key key = {.id = words[1], .key = words[2], .may_create = strcmp(words[0], "create") == 0};
	if (!key.may_create && strcmp(words[0], "join") != 0)
		return "the role must be join or create";
	if (keys->count == PLAYER_KEYS_MAX)
		return "more than 16 keys";
	if (is_there(keys, key.id))
		return "this id stands in the file already";
	const char *problem = ringcast_token_key_problem(&key);
	if (problem == NULL)
		keys->list[keys->count++] = key;
	return problem;
}

/* Nobody could come in, and a file that is being written looks so. */
static bool check_count(const struct player_keys *keys, struct config_error *reterr)
{
	if (keys->count == 0)
		snprintf(reterr->text, sizeof(reterr->text), "player_tokens.keys: %.280s: holds no key; a line is 'role id key'", keys->file.path);
	return keys->count > 0;
}

bool ringcast_player_keys_load(const struct config *config, struct player_keys *ret_keys, struct config_error *reterr)
{
	ringcast_assert(config && ret_keys && reterr);
	memset(ret_keys, 0, sizeof(*ret_keys));
	if (*config->player_tokens_keys.text == '\0')
		return true;
	if (!ringcast_secret_file_read("player_tokens.keys", &config->player_tokens_keys, &ret_keys->file, reterr))
		return false;
	if (ringcast_secret_lines("player_tokens.keys", &ret_keys->file, "a line is 'role id key'", add_key, ret_keys, reterr) && check_count(ret_keys, reterr))
		return true;
	ringcast_player_keys_forget(ret_keys);
	return false;
}

void ringcast_player_keys_forget(struct player_keys *keys)
{
	ringcast_secret_file_forget(&keys->file);
	memset(keys, 0, sizeof(*keys));
}
