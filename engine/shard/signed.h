/* Logins with tokens that a studio's backend signed. */
#ifndef RINGCAST_SHARD_SIGNED_H
#define RINGCAST_SHARD_SIGNED_H

#include "shard/shard.h"

bool ringcast_shard_signed_init(struct shard *shard); /* false: out of memory */
void ringcast_shard_signed_fini(struct shard *shard);
/* Does it go this way? Only where there are keys. */
bool ringcast_shard_is_signed(const struct shard *shard, struct view token);
/* Where it comes in: is it signed, and which shard is the session's? */
enum drop_reason ringcast_shard_signed_check(struct shard *shard, struct conn *conn, struct view token, uint32_t *ret_home);
/*
 * At home, for one that was checked: finds its session, or creates it, and reserves a place. The token to go on with is in ret_token. is_here: its connection is; where it is
 * not, and the session is on one shard, ret_token is empty, nothing is reserved, and the connection has to come.
 */
enum drop_reason ringcast_shard_signed_reserve(struct shard *shard, struct view token, bool is_here, char ret_token[PLAYER_TOKEN_BYTES]);
/* What the client is told; NULL: what the close reason says. */
const char *ringcast_shard_signed_text(enum drop_reason drop);

#endif
