/* Sessions that begin on their shard's own thread, asked for by a signed token; and whose tokens these may be. */
#ifndef RINGCAST_LIFE_OPENING_H
#define RINGCAST_LIFE_OPENING_H

#include "jwt/spent.h"
#include "life/engine.h"

/* For struct shard_options. */
enum drop_reason ringcast_engine_open_here(struct shard *shard, const char *script, const struct session_options *options, struct session **ret_session);
/*
 * Looks up what a session is to run ("" or NULL: nothing), and sees to it that somebody can run it on this shard. *ret_version is the caller's to release,
 * NULL with RINGCAST_OK: no script.
 */
int ringcast_engine_prepare_script(struct ringcast_engine *engine, const char *name_and_version, uint32_t shard, struct script_version **ret_version);
/* RINGCAST_OK, or ARGUMENT with one clear line, in which no key stands. */
int ringcast_engine_read_token_keys(const ringcast_token_key *keys, size_t count, const char *audience, struct jwt_keys *ret_keys, char *error, size_t error_bytes);

#endif
