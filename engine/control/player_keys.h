/* The keys whose signatures on player tokens are good, from a file of lines "role id key", role being join or create. */
#ifndef RINGCAST_CONTROL_PLAYER_KEYS_H
#define RINGCAST_CONTROL_PLAYER_KEYS_H

#include "control/config.h"
#include "control/secret_file.h"

enum { PLAYER_KEYS_MAX = 16 };

struct player_keys {
	ringcast_token_key list[PLAYER_KEYS_MAX]; /* their texts are the file's */
	size_t count;
	struct secret_file file;
};

/* Of config's player_tokens.keys; without that key an empty list. False: reterr names file and line, and never shows a key; forget is harmless then. */
bool ringcast_player_keys_load(const struct config *config, struct player_keys *ret_keys, struct config_error *reterr);
void ringcast_player_keys_forget(struct player_keys *keys); /* wipes */

#endif
