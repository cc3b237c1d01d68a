#include "jwt/key.h"

#include <assert.h>
#include <nettle/eddsa.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <string.h>

#include "base/assert.h"
#include "jwt/base64url.h"

static_assert(JWT_ED25519_BYTES == ED25519_KEY_SIZE && JWT_SIGNATURE_BYTES_MAX == ED25519_SIGNATURE_SIZE, "as nettle has them");

static const struct {
	const char *name, *prefix, *range;
	size_t size_min, size_max;
} algorithms[JWT_ALGORITHM_COUNT] = {
	[JWT_EDDSA] = {"EdDSA", "ed25519:", "the public key must be 32 bytes, in base64url without =", JWT_ED25519_BYTES, JWT_ED25519_BYTES},
	[JWT_HS256] = {"HS256", "hs256:", "the secret must be 32 to 128 bytes, in base64url without =", JWT_SECRET_BYTES_MIN, JWT_SECRET_BYTES_MAX},
};

const char *ringcast_jwt_algorithm_name(enum jwt_algorithm algorithm)
{
	ringcast_assert(algorithm < JWT_ALGORITHM_COUNT);
	return algorithms[algorithm].name;
}

static bool is_id(const char *id)
{
	size_t size = strlen(id);
	return size > 0 && size < JWT_KEY_ID_BYTES &&
	       strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == size;
}

static bool find_algorithm(const char *text, enum jwt_algorithm *ret_algorithm)
{
	for (unsigned i = 0; i < JWT_ALGORITHM_COUNT; i++)
		if (strncmp(text, algorithms[i].prefix, strlen(algorithms[i].prefix)) == 0) {
			*ret_algorithm = (enum jwt_algorithm)i;
			return true;
		}
	return false;
}

const char *ringcast_jwt_key_read(const char *id, const char *text, bool may_create, struct jwt_key *ret_key)
{
	size_t size;
	*ret_key = (struct jwt_key){.may_create = may_create};
	if (!is_id(id))
		return "the key's id must be 1 to 63 letters, digits or . _ -";
	if (!find_algorithm(text, &ret_key->algorithm))
		return "the key must begin with ed25519: or hs256:";
	const char *digits = text + strlen(algorithms[ret_key->algorithm].prefix);
	if (!ringcast_base64url_decode(ringcast_view_of(digits, strlen(digits)), ret_key->bytes, sizeof(ret_key->bytes), &size) ||
	    size < algorithms[ret_key->algorithm].size_min || size > algorithms[ret_key->algorithm].size_max)
		return algorithms[ret_key->algorithm].range;
	memcpy(ret_key->id, id, strlen(id));
	ret_key->size = (uint32_t)size;
	return NULL;
}

const char *ringcast_jwt_keys_add(struct jwt_keys *keys, const struct jwt_key *key)
{
	for (uint32_t i = 0; i < keys->count; i++)
		if (strcmp(keys->list[i].id, key->id) == 0)
			return "another key has this id";
	if (keys->count == JWT_KEYS_MAX)
		return "more than 16 keys";
	keys->list[keys->count++] = *key;
	return NULL;
}

const struct jwt_key *ringcast_jwt_keys_find(const struct jwt_keys *keys, struct view id)
{
	if (id.size == 0)
		return keys->count == 1 ? &keys->list[0] : NULL;
	for (uint32_t i = 0; i < keys->count; i++)
		if (strlen(keys->list[i].id) == id.size && memcmp(keys->list[i].id, id.data, id.size) == 0)
			return &keys->list[i];
	return NULL;
}

void ringcast_jwt_keys_forget(struct jwt_keys *keys)
{
	explicit_bzero(keys, sizeof(*keys));
}

static void hs256(const struct jwt_key *key, struct view message, uint8_t ret_digest[SHA256_DIGEST_SIZE])
{
	struct hmac_sha256_ctx context;
	hmac_sha256_set_key(&context, key->size, key->bytes);
	hmac_sha256_update(&context, message.size, message.data);
	hmac_sha256_digest(&context, SHA256_DIGEST_SIZE, ret_digest);
	explicit_bzero(&context, sizeof(context));
}

bool ringcast_jwt_key_verify(const struct jwt_key *key, struct view message, struct view signature)
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	if (key->algorithm == JWT_EDDSA)
		return signature.size == ED25519_SIGNATURE_SIZE && ed25519_sha512_verify(key->bytes, message.size, message.data, signature.data) != 0;
	ringcast_assert(key->algorithm == JWT_HS256);
	hs256(key, message, digest);
	return signature.size == sizeof(digest) && memeql_sec(digest, signature.data, sizeof(digest)) != 0;
}

void ringcast_jwt_public_key(const uint8_t private_key[JWT_ED25519_BYTES], uint8_t ret_public_key[JWT_ED25519_BYTES])
{
	ed25519_sha512_public_key(ret_public_key, private_key);
}

size_t ringcast_jwt_key_sign(const struct jwt_key *key, struct view message, uint8_t ret_signature[JWT_SIGNATURE_BYTES_MAX])
{
	uint8_t public_key[ED25519_KEY_SIZE];
	if (key->algorithm == JWT_HS256) {
		hs256(key, message, ret_signature);
		return SHA256_DIGEST_SIZE;
	}
	ed25519_sha512_public_key(public_key, key->bytes);
	ed25519_sha512_sign(public_key, key->bytes, message.size, message.data, ret_signature);
	return ED25519_SIGNATURE_SIZE;
}
