#include "toy_tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "toy_private.h"

/* keys */

bool ringcast_toy_is_server(const struct toy_session *session)
{
	return session->base.context->role == CRYPTO_SERVER;
}

void ringcast_toy_agree(struct toy_session *session)
{
	uint8_t both[2 * TOY_RANDOM_BYTES];
	memcpy(both, session->client_random, TOY_RANDOM_BYTES);
	memcpy(both + TOY_RANDOM_BYTES, session->server_random, TOY_RANDOM_BYTES);
	session->key = ringcast_hash_bytes(both, sizeof(both), 0x746f79) | 1;
}

static uint64_t scramble(uint64_t x)
{
	x = (x ^ x >> 31) * UINT64_C(0x9e3779b97f4a7c15);
	return (x ^ x >> 29) * UINT64_C(0xbf58476d1ce4e5b9) ^ x >> 32;
}

static uint64_t record_key(const struct toy_session *session, uint8_t type, uint64_t sequence, bool is_from_server)
{
	return scramble(session->key + sequence * 8 + (uint64_t)is_from_server * 4 + (uint64_t)(type - TOY_CHANGE_CIPHER));
}

static void apply_stream(uint64_t key, uint8_t *body, size_t size)
{
	for (size_t i = 0; i < size; i++)
		body[i] ^= (uint8_t)(scramble(key + i / 8) >> i % 8 * 8);
}

static void make_tag(uint64_t key, const uint8_t *body, size_t size, uint8_t ret_tag[TOY_TAG_BYTES])
{
	uint64_t hash = ringcast_hash_bytes(body, size, key);
	memset(ret_tag, 0, TOY_TAG_BYTES);
	memcpy(ret_tag, &hash, sizeof(hash));
}

void ringcast_toy_seal(const struct toy_session *session, uint8_t type, uint64_t sequence, uint8_t *body, size_t size, uint8_t ret_tag[TOY_TAG_BYTES])
{
	uint64_t key = record_key(session, type, sequence, ringcast_toy_is_server(session));
	make_tag(key, body, size, ret_tag);
	apply_stream(key, body, size);
}

bool ringcast_toy_open(const struct toy_session *session, uint8_t type, uint64_t sequence, uint8_t *body, size_t size, const uint8_t tag[TOY_TAG_BYTES])
{
	uint64_t key = record_key(session, type, sequence, !ringcast_toy_is_server(session));
	uint8_t expected[TOY_TAG_BYTES];
	apply_stream(key, body, size);
	make_tag(key, body, size, expected);
	return memcmp(expected, tag, TOY_TAG_BYTES) == 0;
}

bool ringcast_toy_keep_plain(struct toy_session *session, const uint8_t *bytes, size_t size)
{
	ringcast_assert(session->plain_read_bytes == session->plain_bytes);
	session->plain = realloc(session->plain, size + 1);
	if (session->plain == NULL)
		return false;
	memcpy(session->plain, bytes, size);
	session->plain_bytes = size;
	session->plain_read_bytes = 0;
	return true;
}

/* the backend */

static bool toy_init(char *reterr, size_t reterr_bytes)
{
	return true;
}

static void toy_features(struct crypto_features *ret_features)
{
	*ret_features = (struct crypto_features){.library = "toy", .has_tls = true, .has_dtls = true};
}

static struct crypto_context *toy_context_create(const struct crypto_options *options, char *reterr, size_t reterr_bytes)
{
	struct toy_context *context = calloc(1, sizeof(*context));
	ringcast_assert(options->random != NULL); /* or nothing would repeat */
	if (context == NULL)
		return NULL;
	ringcast_crypto_context_init(&context->base, &ringcast_toy_tls, options);
	memcpy(&context->cookie_secret, options->cookie_secret, sizeof(context->cookie_secret));
	return &context->base;
}

static void toy_context_retire(struct crypto_context *context)
{
}

static void toy_context_free(struct crypto_context *context)
{
	free(context);
}

struct toy_session *ringcast_toy_session_create(struct crypto_context *context, crypto_emit_fn *emit, void *emit_context)
{
	struct toy_session *session = calloc(1, sizeof(*session));
	if (session == NULL)
		return NULL;
	ringcast_crypto_session_init(&session->base, context, emit, emit_context);
	context->random(context->random_context, context->role == CRYPTO_SERVER ? session->server_random : session->client_random, TOY_RANDOM_BYTES);
	return session;
}

static struct crypto_session *toy_open(struct crypto_context *context, const char *host_name, crypto_emit_fn *emit, void *emit_context)
{
	struct toy_session *session = ringcast_toy_session_create(context, emit, emit_context);
	return session != NULL ? &session->base : NULL;
}

/* Without input a client that has said nothing yet says hello. */
static enum crypto_result toy_handshake(struct crypto_session *base)
{
	struct toy_session *session = (struct toy_session *)base;
	bool is_datagram = ringcast_crypto_is_datagram(base);
	if (!ringcast_toy_is_server(session) && base->input.size == 0 && session->key == 0)
		return is_datagram ? ringcast_toy_datagram_begin(session) : ringcast_toy_stream_begin(session);
	return is_datagram ? ringcast_toy_datagram_advance(session) : ringcast_toy_stream_advance(session);
}

static enum crypto_result toy_read(struct crypto_session *base, uint8_t *out, size_t capacity, size_t *ret_size)
{
	struct toy_session *session = (struct toy_session *)base;
	while (session->plain_read_bytes == session->plain_bytes) {
		enum crypto_result result = ringcast_crypto_is_datagram(base) ? ringcast_toy_datagram_advance(session) : ringcast_toy_stream_advance(session);
		if (result != CRYPTO_OK)
			return result;
	}
	size_t size = session->plain_bytes - session->plain_read_bytes;
	if (size > capacity)
		size = capacity;
	memcpy(out, session->plain + session->plain_read_bytes, size);
	session->plain_read_bytes += size;
	*ret_size = size;
	return CRYPTO_OK;
}

static bool toy_seal(struct crypto_session *base, struct view plain)
{
	struct toy_session *session = (struct toy_session *)base;
	return ringcast_crypto_is_datagram(base) ? ringcast_toy_datagram_seal(session, TOY_DATA, plain) : ringcast_toy_stream_seal(session, plain);
}

static uint32_t toy_timeout_ms(const struct crypto_session *base)
{
	return ((const struct toy_session *)base)->timeout_ms;
}

static enum crypto_result toy_expire(struct crypto_session *base)
{
	return ringcast_toy_datagram_expire((struct toy_session *)base);
}

static void toy_close(struct crypto_session *base)
{
	if (ringcast_crypto_is_datagram(base))
		ringcast_toy_datagram_close((struct toy_session *)base);
	else
		ringcast_toy_stream_close((struct toy_session *)base);
}

static void toy_free(struct crypto_session *base)
{
	struct toy_session *session = (struct toy_session *)base;
	free(session->pending);
	free(session->plain);
	ringcast_crypto_session_fini(base);
	free(session);
}

static void toy_describe(const struct crypto_session *base, char *ret_text, size_t text_bytes)
{
	snprintf(ret_text, text_bytes, "toy");
}

static bool toy_certificate_check(const struct crypto_credentials *credentials, struct certificate_facts *ret_facts, char *reterr, size_t reterr_bytes)
{
	*ret_facts = (struct certificate_facts){0};
	return true;
}

const struct crypto_backend ringcast_toy_tls = {
	.name = "toy",
	.global_init = toy_init,
	.features = toy_features,
	.context_create = toy_context_create,
	.context_retire = toy_context_retire,
	.context_free = toy_context_free,
	.open = toy_open,
	.listen = ringcast_toy_datagram_listen,
	.is_cookie_good = ringcast_toy_datagram_is_cookie_good,
	.handshake = toy_handshake,
	.read = toy_read,
	.seal = toy_seal,
	.timeout_ms = toy_timeout_ms,
	.expire = toy_expire,
	.close = toy_close,
	.free = toy_free,
	.describe = toy_describe,
	.certificate_check = toy_certificate_check,
};
