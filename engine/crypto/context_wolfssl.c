/* wolfSSL contexts: what all sessions of one configuration have in common. */
#include "crypto/backend_wolfssl.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/attr.h"

static const char suites_1_3[] = "TLS13-AES128-GCM-SHA256:TLS13-AES256-GCM-SHA384:TLS13-CHACHA20-POLY1305-SHA256";

const char *ringcast_wolfssl_reason(int error)
{
	return wolfSSL_ERR_reason_error_string((unsigned long)error);
}

static WOLFSSL_METHOD *method_of(const struct crypto_options *options)
{
	bool is_server = options->role == CRYPTO_SERVER;
	if (options->kind == CRYPTO_DATAGRAM)
		return is_server ? wolfDTLSv1_2_server_method() : wolfDTLSv1_2_client_method();
	if (options->version_min == CRYPTO_VERSION_1_3)
		return is_server ? wolfTLSv1_3_server_method() : wolfTLSv1_3_client_method();
	if (options->is_version_1_2_only)
		return is_server ? wolfTLSv1_2_server_method() : wolfTLSv1_2_client_method();
	return is_server ? wolfSSLv23_server_method() : wolfSSLv23_client_method();
}

/* Only authenticated modes: the overhead of a record is bounded by them, and nothing else is safe. */
static bool is_authenticated(const char *name)
{
	return strstr(name, "GCM") != NULL || strstr(name, "CHACHA20") != NULL;
}

/* One by one: a list is taken by the library if it knows any of it, and a slip would go unnoticed. */
static bool check_ciphers(WOLFSSL_CTX *ctx, const char *names, char *reterr, size_t reterr_bytes)
{
	char name[CRYPTO_CIPHER_NAME_BYTES];
	while (ringcast_crypto_next_cipher(&names, name)) {
		if (wolfSSL_CTX_set_cipher_list(ctx, name) != WOLFSSL_SUCCESS)
			return ringcast_crypto_complain(reterr, reterr_bytes, "cipher \"%s\" is not known to the library", name);
		if (!is_authenticated(name))
			return ringcast_crypto_complain(reterr, reterr_bytes, "cipher %s is not of an authenticated mode (GCM, CHACHA20)",
							name);
	}
	return true;
}

static bool use_ciphers(WOLFSSL_CTX *ctx, const struct crypto_options *options, char *reterr, size_t reterr_bytes)
{
	const char *names = options->ciphers != NULL ? options->ciphers : ringcast_wolfssl_default_ciphers();
	char list[1024];
	if (!check_ciphers(ctx, names, reterr, reterr_bytes))
		return false;
	bool has_1_3 = options->kind == CRYPTO_STREAM && !options->is_version_1_2_only;
	int size = snprintf(list, sizeof(list), "%s%s%s", has_1_3 ? suites_1_3 : "", has_1_3 ? ":" : "", names);
	if (size >= (int)sizeof(list))
		return ringcast_crypto_complain(reterr, reterr_bytes, "the list of ciphers is too long");
	if (wolfSSL_CTX_set_cipher_list(ctx, list) != WOLFSSL_SUCCESS)
		return ringcast_crypto_complain(reterr, reterr_bytes, "ciphers \"%s\" are refused by the library", names);
	return true;
}

static bool use_versions(WOLFSSL_CTX *ctx, const struct crypto_options *options)
{
	int groups[] = {WOLFSSL_ECC_SECP256R1, WOLFSSL_ECC_X25519, WOLFSSL_ECC_SECP384R1};
	if (options->kind == CRYPTO_DATAGRAM)
		return wolfSSL_CTX_set_group_messages(ctx) == WOLFSSL_SUCCESS;
	if (options->version_min == CRYPTO_VERSION_1_2 && wolfSSL_CTX_SetMinVersion(ctx, WOLFSSL_TLSV1_2) != WOLFSSL_SUCCESS)
		return false;
	return options->is_version_1_2_only || wolfSSL_CTX_set_groups(ctx, groups, ARRAY_COUNT(groups)) == WOLFSSL_SUCCESS;
}

static bool set_up_server(struct wolfssl_context *context, const struct crypto_options *options, char *reterr, size_t reterr_bytes)
{
	const struct crypto_credentials *credentials = &options->credentials;
	memcpy(context->cookie_secrets[0], options->cookie_secret, CRYPTO_COOKIE_SECRET_BYTES);
	memcpy(context->cookie_secrets[1], options->cookie_secret_previous, CRYPTO_COOKIE_SECRET_BYTES);
	context->has_previous_secret = ringcast_crypto_is_secret(options->cookie_secret_previous, CRYPTO_COOKIE_SECRET_BYTES);
	const uint8_t *certificate = (const uint8_t *)credentials->certificate, *key = (const uint8_t *)credentials->key;
	if (wolfSSL_CTX_use_certificate_chain_buffer(context->ctx, certificate, (long)strlen(credentials->certificate)) != WOLFSSL_SUCCESS)
		return ringcast_crypto_complain(reterr, reterr_bytes, "certificate: the library does not take it");
	if (wolfSSL_CTX_use_PrivateKey_buffer(context->ctx, key, (long)strlen(credentials->key), WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS)
		return ringcast_crypto_complain(reterr, reterr_bytes, "key: the library does not take it");
	wolfSSL_CTX_set_verify(context->ctx, WOLFSSL_VERIFY_NONE, NULL);
	return ringcast_wolfssl_use_tickets(context, options->ticket_secret) ||
	       ringcast_crypto_complain(reterr, reterr_bytes, "tickets: refused");
}

static bool set_up_client(struct wolfssl_context *context, const struct crypto_options *options, char *reterr, size_t reterr_bytes)
{
	const char *ca = options->credentials.ca;
	if (wolfSSL_CTX_UseSessionTicket(context->ctx) != WOLFSSL_SUCCESS)
		return ringcast_crypto_complain(reterr, reterr_bytes, "tickets: refused");
	if (options->is_insecure) {
		wolfSSL_CTX_set_verify(context->ctx, WOLFSSL_VERIFY_NONE, NULL);
		return true;
	}
	wolfSSL_CTX_set_verify(context->ctx, WOLFSSL_VERIFY_PEER, ringcast_wolfssl_verify);
	int result = wolfSSL_CTX_load_verify_buffer(context->ctx, (const uint8_t *)ca, (long)strlen(ca), WOLFSSL_FILETYPE_PEM);
	return result == WOLFSSL_SUCCESS ||
	       ringcast_crypto_complain(reterr, reterr_bytes, "ca: no PEM certificate of a CA in it, or damaged");
}

static bool set_up(struct wolfssl_context *context, const struct crypto_options *options, char *reterr, size_t reterr_bytes)
{
	WOLFSSL_CTX *ctx = context->ctx;
	wolfSSL_CTX_SetIORecv(ctx, ringcast_wolfssl_receive);
	wolfSSL_CTX_SetIOSend(ctx, ringcast_wolfssl_send);
	wolfSSL_CTX_set_session_cache_mode(ctx, WOLFSSL_SESS_CACHE_OFF);
	if (wolfSSL_CTX_SetDevId(ctx, WOLFSSL_RANDOM_DEVICE) != WOLFSSL_SUCCESS || !use_versions(ctx, options))
		return ringcast_crypto_complain(reterr, reterr_bytes, "the library refuses its settings");
	if (options->kind == CRYPTO_DATAGRAM && wolfSSL_CTX_dtls_set_mtu(ctx, context->base.datagram_bytes_max) != WOLFSSL_SUCCESS)
		return ringcast_crypto_complain(reterr, reterr_bytes, "datagrams of %u bytes are refused",
						context->base.datagram_bytes_max);
	if (!use_ciphers(ctx, options, reterr, reterr_bytes))
		return false;
	return options->role == CRYPTO_SERVER ? set_up_server(context, options, reterr, reterr_bytes)
					      : set_up_client(context, options, reterr, reterr_bytes);
}

static void destroy(struct wolfssl_context *context)
{
	ringcast_assert(context->listener == NULL);
	wolfSSL_SESSION_free(context->resumption);
	wolfSSL_CTX_free(context->ctx);
	explicit_bzero(context, sizeof(*context));
	free(context);
}

struct crypto_context *ringcast_wolfssl_context_create(const struct crypto_options *options, char *reterr, size_t reterr_bytes)
{
	struct wolfssl_context *context = calloc(1, sizeof(*context));
	if (context != NULL) {
		ringcast_crypto_context_init(&context->base, &ringcast_crypto_wolfssl, options);
		context->ctx = wolfSSL_CTX_new(method_of(options));
	}
	if (context == NULL || context->ctx == NULL) {
		ringcast_crypto_complain(reterr, reterr_bytes, "out of memory");
		free(context);
		return NULL;
	}
	if (!set_up(context, options, reterr, reterr_bytes)) {
		destroy(context);
		return NULL;
	}
	return &context->base;
}

void ringcast_wolfssl_context_free(struct crypto_context *base)
{
	destroy((struct wolfssl_context *)base);
}
