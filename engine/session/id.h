/*
 * Ids that say where their owner lives. 128 bits in hex behind a prefix:
 *
 *     gsess-  host 16 | shard 8 | session slab index 24 | generation 32 | random 48      names a session
 *     psess-  host 16 | shard 8 | player slab index 24  | secret 80                      admits a player, once
 *
 * So no shard needs a table of another's ids. The host is reserved: it is 0, and an id of another one is nobody's here. Only the canonical lower-case form is accepted: one id, one spelling. Pure.
 */
#ifndef RINGCAST_SESSION_ID_H
#define RINGCAST_SESSION_ID_H

#include "base/attr.h"
#include "base/types.h"

enum { ID_PREFIX_BYTES = 6, ID_VALUE_BYTES = 16, ID_TEXT_BYTES = ID_PREFIX_BYTES + 2 * ID_VALUE_BYTES, ID_SECRET_BYTES = 10 };
enum { ID_HOST_HERE = 0, ID_HOSTS_MAX = 1 << 16 };
enum { ID_SHARDS_MAX = 1 << 8, ID_INDEX_MAX = (1 << 24) - 1 };

struct session_ref {
	uint32_t host_index, shard_index;
	handle session;
	uint64_t random; /* 48 bits */
};

struct player_ref {
	uint32_t host_index, shard_index;
	uint32_t player_index;
	uint8_t secret[ID_SECRET_BYTES];
};

/* Writes ID_TEXT_BYTES characters and a NUL. */
void ringcast_id_format_session(const struct session_ref *ref, char *out);
void ringcast_id_format_player(const struct player_ref *ref, char *out);
/* False: not an id of ours; *ret is untouched then. */
MUST_USE bool ringcast_id_parse_session(struct view text, struct session_ref *ret_ref);
MUST_USE bool ringcast_id_parse_player(struct view text, struct player_ref *ret_ref);
/* In constant time, so that a wrong secret does not say how much of it was right. */
MUST_USE bool ringcast_id_is_secret_equal(const uint8_t a[ID_SECRET_BYTES], const uint8_t b[ID_SECRET_BYTES]);

#endif
