/* OpenSSL contexts: what all sessions of one configuration have in common. */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "base/assert.h"
#include "crypto/backend_openssl.h"

static const char default_ciphers[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"
				      "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305";
static const char default_suites_1_3[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

static bool use_certificate(SSL_CTX *ctx, const char *pem, char *reterr, size_t reterr_bytes)
{
	STACK_OF(X509) * chain;
	if (!ringcast_openssl_load_chain(pem, &chain, "certificate", reterr, reterr_bytes))
		return false;
	X509 *leaf = sk_X509_shift(chain);
	bool is_used = SSL_CTX_use_certificate(ctx, leaf) == 1 && SSL_CTX_set1_chain(ctx, chain) == 1;
	X509_free(leaf);
	sk_X509_pop_free(chain, X509_free);
	return is_used || ringcast_crypto_complain(reterr, reterr_bytes, "certificate: %s", ringcast_openssl_reason());
}

static bool use_key(SSL_CTX *ctx, const char *pem, char *reterr, size_t reterr_bytes)
{
	EVP_PKEY *key = ringcast_openssl_load_key(pem, reterr, reterr_bytes);
	if (key == NULL)
		return false;
	bool is_used = SSL_CTX_use_PrivateKey(ctx, key) == 1;
	EVP_PKEY_free(key);
	if (!is_used || SSL_CTX_check_private_key(ctx) != 1) {
		ERR_clear_error();
		return ringcast_crypto_complain(reterr, reterr_bytes, "the key does not belong to the certificate");
	}
	return true;
}

static bool trust(SSL_CTX *ctx, const char *pem, char *reterr, size_t reterr_bytes)
{
	STACK_OF(X509) * chain;
	if (!ringcast_openssl_load_chain(pem, &chain, "ca", reterr, reterr_bytes))
		return false;
	bool is_trusted = true;
	for (int index = 0; is_trusted && index < sk_X509_num(chain); index++)
		is_trusted = X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), sk_X509_value(chain, index)) == 1;
	sk_X509_pop_free(chain, X509_free);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return is_trusted || ringcast_crypto_complain(reterr, reterr_bytes, "ca: %s", ringcast_openssl_reason());
}

/* One by one: a list is taken by the library if it knows any of it, and a slip would go unnoticed. */
static bool check_names(SSL_CTX *ctx, const char *names, char *reterr, size_t reterr_bytes)
{
	char name[CRYPTO_CIPHER_NAME_BYTES];
	while (ringcast_crypto_next_cipher(&names, name))
		if (SSL_CTX_set_cipher_list(ctx, name) != 1) {
			ERR_clear_error();
			return ringcast_crypto_complain(reterr, reterr_bytes, "cipher \"%s\" is not known to the library", name);
		}
	return true;
}

/* Only AEAD suites: the overhead of a record is bounded by them, and nothing else is safe. */
static bool check_modes(SSL_CTX *ctx, char *reterr, size_t reterr_bytes)
{
	STACK_OF(SSL_CIPHER) *ciphers = SSL_CTX_get_ciphers(ctx);
	for (int index = 0; index < sk_SSL_CIPHER_num(ciphers); index++) {
		const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(ciphers, index);
		if (SSL_CIPHER_is_aead(cipher) != 1)
			return ringcast_crypto_complain(reterr, reterr_bytes, "cipher %s is not of an authenticated mode (GCM, CHACHA20)",
							SSL_CIPHER_get_name(cipher));
	}
	return true;
}

static bool use_ciphers(SSL_CTX *ctx, const char *names, char *reterr, size_t reterr_bytes)
{
	if (names == NULL)
		names = default_ciphers;
	if (!check_names(ctx, names, reterr, reterr_bytes))
		return false;
	if (SSL_CTX_set_cipher_list(ctx, names) != 1 || SSL_CTX_set_ciphersuites(ctx, default_suites_1_3) != 1 ||
	    SSL_CTX_set1_groups_list(ctx, "P-256:X25519:P-384") != 1)
		return ringcast_crypto_complain(reterr, reterr_bytes, "ciphers: %s", ringcast_openssl_reason());
	return check_modes(ctx, reterr, reterr_bytes);
}

static bool use_versions(SSL_CTX *ctx, const struct crypto_options *options)
{
	if (options->kind == CRYPTO_DATAGRAM)
		return SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION) == 1 && SSL_CTX_set_max_proto_version(ctx, DTLS1_2_VERSION) == 1;
	int version_min = options->version_min == CRYPTO_VERSION_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
	int version_max = options->is_version_1_2_only ? TLS1_2_VERSION : TLS1_3_VERSION;
	return SSL_CTX_set_min_proto_version(ctx, version_min) == 1 && SSL_CTX_set_max_proto_version(ctx, version_max) == 1;
}

/* The keys of tickets from the shared secret: every shard derives the same. */
static bool use_tickets(SSL_CTX *ctx, const uint8_t *secret)
{
	uint8_t keys[128];
	long keys_bytes = SSL_CTX_get_tlsext_ticket_keys(ctx, NULL, 0);
	ringcast_assert(keys_bytes > 0 && (size_t)keys_bytes <= sizeof(keys));
	for (uint8_t block = 0; block * 32 < keys_bytes; block++) {
		uint8_t label[] = "ringcast ticket  ";
		label[sizeof(label) - 2] = block;
		if (HMAC(EVP_sha256(), secret, CRYPTO_TICKET_SECRET_BYTES, label, sizeof(label), keys + block * 32, NULL) == NULL)
			return false;
	}
	bool is_used = SSL_CTX_set_tlsext_ticket_keys(ctx, keys, keys_bytes) == 1;
	OPENSSL_cleanse(keys, sizeof(keys));
	return is_used;
}

/* A client keeps the newest ticket: the one slot is for whoever reconnects. Owned by us when 1 is returned. */
static int keep_ticket(SSL *ssl, SSL_SESSION *ticket)
{
	struct openssl_session *session = SSL_get_app_data(ssl);
	struct openssl_context *context = (struct openssl_context *)session->base.context;
	if (session->base.has_moved || strlen(session->host) >= sizeof(context->resumption_host))
		return 0;
	SSL_SESSION_free(context->resumption);
	context->resumption = ticket;
	strcpy(context->resumption_host, session->host);
	return 1;
}

static bool set_up_server(struct openssl_context *context, const struct crypto_options *options, char *reterr, size_t reterr_bytes)
{
	SSL_CTX *ctx = context->ctx;
	memcpy(context->cookie_secrets[0], options->cookie_secret, CRYPTO_COOKIE_SECRET_BYTES);
	memcpy(context->cookie_secrets[1], options->cookie_secret_previous, CRYPTO_COOKIE_SECRET_BYTES);
	context->has_previous_secret = ringcast_crypto_is_secret(options->cookie_secret_previous, CRYPTO_COOKIE_SECRET_BYTES);
	SSL_CTX_set_cookie_generate_cb(ctx, ringcast_openssl_cookie_make);
	SSL_CTX_set_cookie_verify_cb(ctx, ringcast_openssl_cookie_check);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 1);
	if (SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"ringcast", 8) != 1 || !use_tickets(ctx, options->ticket_secret))
		return ringcast_crypto_complain(reterr, reterr_bytes, "tickets: %s", ringcast_openssl_reason());
	return use_certificate(ctx, options->credentials.certificate, reterr, reterr_bytes) &&
	       use_key(ctx, options->credentials.key, reterr, reterr_bytes);
}

static bool set_up_client(struct openssl_context *context, const struct crypto_options *options, char *reterr, size_t reterr_bytes)
{
	SSL_CTX_set_session_cache_mode(context->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context->ctx, keep_ticket);
	return options->is_insecure || trust(context->ctx, options->credentials.ca, reterr, reterr_bytes);
}

static bool set_up(struct openssl_context *context, const struct crypto_options *options, char *reterr, size_t reterr_bytes)
{
	SSL_CTX_set_options(context->ctx,
			    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_QUERY_MTU);
	SSL_CTX_set_mode(context->ctx, SSL_MODE_RELEASE_BUFFERS);
	if (!use_versions(context->ctx, options))
		return ringcast_crypto_complain(reterr, reterr_bytes, "versions: %s", ringcast_openssl_reason());
	if (!use_ciphers(context->ctx, options->ciphers, reterr, reterr_bytes))
		return false;
	return options->role == CRYPTO_SERVER ? set_up_server(context, options, reterr, reterr_bytes)
					      : set_up_client(context, options, reterr, reterr_bytes);
}

static const SSL_METHOD *method_of(const struct crypto_options *options)
{
	if (options->kind == CRYPTO_DATAGRAM)
		return options->role == CRYPTO_SERVER ? DTLS_server_method() : DTLS_client_method();
	return options->role == CRYPTO_SERVER ? TLS_server_method() : TLS_client_method();
}

struct crypto_context *ringcast_openssl_context_create(const struct crypto_options *options, char *reterr, size_t reterr_bytes)
{
	struct openssl_context *context = calloc(1, sizeof(*context));
	if (context != NULL) {
		ringcast_crypto_context_init(&context->base, &ringcast_crypto_openssl, options);
		context->ctx = SSL_CTX_new(method_of(options));
	}
	if (context == NULL || context->ctx == NULL) {
		ringcast_crypto_complain(reterr, reterr_bytes, "out of memory");
		free(context);
		return NULL;
	}
	if (!set_up(context, options, reterr, reterr_bytes)) {
		ringcast_openssl_context_free(&context->base);
		return NULL;
	}
	return &context->base;
}

void ringcast_openssl_context_free(struct crypto_context *base)
{
	struct openssl_context *context = (struct openssl_context *)base;
	ringcast_assert(context->listener == NULL);
	SSL_SESSION_free(context->resumption);
	SSL_CTX_free(context->ctx);
	OPENSSL_cleanse(context->cookie_secrets, sizeof(context->cookie_secrets));
	free(context);
}
