/*
 * Tokens that let somebody in once, by their jti, until they have expired. Bounded: a token that finds no room is refused, and none is forgotten
 * before its time, for that would make it good again. Clocks are set back, too: what was forgotten must not be good again then, so no token is that expires no later than the
 * last of those. Ids are kept as a digest. One thread.
 */
#ifndef RINGCAST_JWT_SPENT_H
#define RINGCAST_JWT_SPENT_H

#include "base/attr.h"
#include "base/drop.h"
#include "base/map.h"
#include "base/types.h"

struct jwt_spent_entry {
	uint64_t key;       /* of the map */
	uint64_t expires_s; /* 0: free */
};

struct jwt_spent {
	struct map by_key; /* key -> 1 + index */
	struct jwt_spent_entry *entries;
	uint32_t capacity, hand; /* where the next look for expired ones begins */
	uint64_t seed;
	uint64_t forgotten_s; /* the latest end of a token that was forgotten */
};

MUST_USE bool ringcast_jwt_spent_init(struct jwt_spent *spent, uint32_t capacity, uint64_t seed); /* false: out of memory */
void ringcast_jwt_spent_fini(struct jwt_spent *spent); /* harmless when it was never initialised */
/*
 * Of a token that expires then. past_s: whatever expires no later is refused anyhow, for as long as the clock is not set back. DROP_NONE: it has not let anybody in; else TOKEN_SPENT,
 * or TOKEN_MEMORY: there is no room to remember it. Changes nothing but what is past.
 */
MUST_USE enum drop_reason ringcast_jwt_spent_check(struct jwt_spent *spent, const char *key_id, const char *once, uint64_t expires_s, uint64_t past_s);
/* Right after check said DROP_NONE. expires_s is not 0. */
void ringcast_jwt_spent_add(struct jwt_spent *spent, const char *key_id, const char *once, uint64_t expires_s);
uint32_t ringcast_jwt_spent_count(const struct jwt_spent *spent);
uint64_t ringcast_jwt_spent_bytes(uint32_t capacity); /* what init takes */

#endif
