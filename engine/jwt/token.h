/*
 * A player token that a studio's backend signed: a JSON Web Token (RFC 7519) in its compact form. Verify first, then read: nothing of the claims is looked at
 * before the signature holds. Pure: time is passed in.
 */
#ifndef RINGCAST_JWT_TOKEN_H
#define RINGCAST_JWT_TOKEN_H

#include "base/drop.h"
#include "jwt/key.h"

enum { JWT_BYTES_MAX = 8192, JWT_ONCE_BYTES = 128 };
enum { JWT_PLAYER_BYTES = 1025, JWT_DATA_BYTES = 2049, JWT_SESSION_BYTES = 128, JWT_SCRIPT_BYTES = 128 }; /* with NUL */

struct jwt_claims {
	char player_id[JWT_PLAYER_BYTES];     /* sub */
	char player_data[JWT_DATA_BYTES];     /* data; "": none */
	char session[JWT_SESSION_BYTES];      /* session, or create's name */
	char once[JWT_ONCE_BYTES];            /* jti; "": the token may be used again */
	char script[JWT_SCRIPT_BYTES];        /* the rest is create's */
	char properties[JWT_BYTES_MAX];
	uint32_t players_max;
	bool is_create;
	int64_t expires_s;
};

struct jwt_rules {
	uint64_t now_s; /* since the epoch */
	uint32_t skew_s, lifetime_max_s;
	uint32_t bytes_max;
};

/* "eyJ", and two dots: what looks like one of these, as no other player token does. */
bool ringcast_jwt_is_like(struct view token);
/* DROP_NONE: it is signed by one of the keys, *ret_key. Else TOKEN_FORMAT, TOKEN_KEY or TOKEN_SIGNATURE. */
MUST_USE enum drop_reason ringcast_jwt_verify(const struct jwt_keys *keys, struct view token, uint32_t bytes_max, const struct jwt_key **ret_key);
/* Of a token that was verified, by key. DROP_NONE, or TOKEN_EXPIRED, TOKEN_EARLY, TOKEN_AUDIENCE, TOKEN_ROLE, TOKEN_CLAIMS. */
MUST_USE enum drop_reason ringcast_jwt_read(const struct jwt_keys *keys, const struct jwt_key *key, struct view token, const struct jwt_rules *rules,
					    struct jwt_claims *ret_claims);
/* The key that a token says it was signed with; NULL: none of ours. Proves nothing. */
const struct jwt_key *ringcast_jwt_key_of(const struct jwt_keys *keys, struct view token);
/* Writes the token with these claims, a JSON object; 0: it is longer than out_bytes. */
size_t ringcast_jwt_sign(const struct jwt_key *key, const char *claims, char *out, size_t out_bytes);
/* The claims' JSON as it stands in the token, with NUL; 0: there is none, or it is longer than out_bytes. Proves nothing. */
size_t ringcast_jwt_claims_text(struct view token, char *out, size_t out_bytes);

#endif
