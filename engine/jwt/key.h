/*
 * The keys that player tokens are signed with. The algorithm is the key's own, from the configuration: what a token says about its algorithm is only
 * compared with it, so that "none", or a public key taken for a secret, are nothing that could be asked for. Pure.
 */
#ifndef RINGCAST_JWT_KEY_H
#define RINGCAST_JWT_KEY_H

#include "base/attr.h"
#include "base/types.h"

enum { JWT_KEYS_MAX = 16, JWT_KEY_ID_BYTES = 64, JWT_AUDIENCE_BYTES = 128 }; /* the texts with NUL */
enum { JWT_ED25519_BYTES = 32, JWT_SIGNATURE_BYTES_MAX = 64, JWT_SECRET_BYTES_MIN = 32, JWT_SECRET_BYTES_MAX = 128 };

enum jwt_algorithm { JWT_EDDSA, JWT_HS256, JWT_ALGORITHM_COUNT };

struct jwt_key {
	char id[JWT_KEY_ID_BYTES]; /* kid */
	enum jwt_algorithm algorithm;
	bool may_create; /* its tokens may create sessions, besides joining them */
	uint8_t bytes[JWT_SECRET_BYTES_MAX]; /* of Ed25519 the public key, or for sign the private one; of HS256 the secret */
	uint32_t size;
};

struct jwt_keys {
	struct jwt_key list[JWT_KEYS_MAX];
	uint32_t count;
	char audience[JWT_AUDIENCE_BYTES]; /* whom tokens must be for; "": for nobody in particular */
};

/* As in "alg". */
const char *ringcast_jwt_algorithm_name(enum jwt_algorithm algorithm);
/*
 * "ed25519:" and the public key, or "hs256:" and the secret, base64url both. NULL: taken; else what is wrong, without a letter of it. id: letters, digits
 * and . _ -
 */
const char *ringcast_jwt_key_read(const char *id, const char *text, bool may_create, struct jwt_key *ret_key);
/* NULL: taken; else what is wrong, such as an id that another key has. */
const char *ringcast_jwt_keys_add(struct jwt_keys *keys, const struct jwt_key *key);
/* The one with this id; where there is one key only, also for a token that names none (id.size 0). NULL: there is none. */
const struct jwt_key *ringcast_jwt_keys_find(const struct jwt_keys *keys, struct view id);
void ringcast_jwt_keys_forget(struct jwt_keys *keys); /* wipes */

/* Equally long for every wrong signature of one length. */
MUST_USE bool ringcast_jwt_key_verify(const struct jwt_key *key, struct view message, struct view signature);
/* With a private key or a secret; returns how long the signature is. */
size_t ringcast_jwt_key_sign(const struct jwt_key *key, struct view message, uint8_t ret_signature[JWT_SIGNATURE_BYTES_MAX]);
/* The public key of a private one. */
void ringcast_jwt_public_key(const uint8_t private_key[JWT_ED25519_BYTES], uint8_t ret_public_key[JWT_ED25519_BYTES]);

#endif
