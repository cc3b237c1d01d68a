/* OpenSSL sessions: handshake, records, timers. */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#include "base/assert.h"
#include "crypto/backend_openssl.h"
#include "crypto/dtls_record.h"
#include "crypto/selftest.h"

static struct openssl_session *of(const struct crypto_session *session)
{
	return (struct openssl_session *)session;
}

static void forget_ticket(struct openssl_context *context)
{
	SSL_SESSION_free(context->resumption);
	context->resumption = NULL;
}

static void session_free(struct crypto_session *base)
{
	struct openssl_session *session = of(base);
	/* Else the library would hold a connection that broke against its ticket; games reconnect just then. */
	if (base->is_established && !base->is_failed)
		SSL_set_shutdown(session->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	if (base->is_failed && session->host != NULL && !base->has_moved)
		forget_ticket((struct openssl_context *)base->context);
	SSL_free(session->ssl);
	free(session->host);
	ringcast_crypto_session_fini(base);
	free(session);
}

struct openssl_session *ringcast_openssl_session_create(struct openssl_context *context, crypto_emit_fn *emit, void *emit_context)
{
	struct openssl_session *session = calloc(1, sizeof(*session));
	if (session == NULL)
		return NULL;
	ringcast_crypto_session_init(&session->base, &context->base, emit, emit_context);
	session->ssl = SSL_new(context->ctx);
	BIO *bio = session->ssl != NULL ? ringcast_openssl_bio(session) : NULL;
	if (bio == NULL) {
		ERR_clear_error();
		session_free(&session->base);
		return NULL;
	}
	SSL_set_bio(session->ssl, bio, bio);
	SSL_set_app_data(session->ssl, session);
	if (context->base.kind == CRYPTO_DATAGRAM)
		SSL_set_mtu(session->ssl, context->base.datagram_bytes_max);
	return session;
}

/* IP literals are compared with the addresses of the certificate and are not sent as a server name. */
static bool expect_host(struct openssl_session *session, const char *host)
{
	uint8_t ip[16];
	bool is_ip = inet_pton(AF_INET, host, ip) == 1 || inet_pton(AF_INET6, host, ip) == 1;
	if (!is_ip && SSL_set_tlsext_host_name(session->ssl, host) != 1)
		return false;
	if (session->base.context->is_insecure)
		return true;
	if (is_ip)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session->ssl), host) == 1;
	SSL_set_hostflags(session->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(session->ssl, host) == 1;
}

static bool start_client(struct openssl_session *session, const char *host)
{
	struct openssl_context *context = (struct openssl_context *)session->base.context;
	session->host = strdup(host);
	SSL_set_connect_state(session->ssl);
	if (session->host == NULL || !expect_host(session, host))
		return false;
	if (context->resumption != NULL && strcmp(context->resumption_host, host) == 0)
		return SSL_set_session(session->ssl, context->resumption) == 1;
	return true;
}

static struct crypto_session *session_open(struct crypto_context *base, const char *host_name, crypto_emit_fn *emit, void *emit_context)
{
	struct openssl_session *session = ringcast_openssl_session_create((struct openssl_context *)base, emit, emit_context);
	if (session == NULL)
		return NULL;
	if (host_name == NULL)
		SSL_set_accept_state(session->ssl);
	else if (!start_client(session, host_name)) {
		ERR_clear_error();
		session_free(&session->base);
		return NULL;
	}
	return &session->base;
}

static enum crypto_result fail(struct openssl_session *session)
{
	long verdict = SSL_get_verify_result(session->ssl);
	const char *reason = ringcast_openssl_reason();
	if (session->host != NULL && verdict != X509_V_OK)
		return ringcast_crypto_fail(&session->base, "the server's certificate: %s", X509_verify_cert_error_string(verdict));
	return ringcast_crypto_fail(&session->base, "%s", reason);
}

static enum crypto_result result_of(struct openssl_session *session, int returned)
{
	switch (SSL_get_error(session->ssl, returned)) {
	case SSL_ERROR_NONE:
		return CRYPTO_OK;
	case SSL_ERROR_WANT_READ:
		return CRYPTO_WANT_INPUT;
	case SSL_ERROR_ZERO_RETURN:
		return CRYPTO_CLOSED;
	default:
		return fail(session);
	}
}

/*
 * OpenSSL takes a sealed record with no room for nonce and tag for an internal error and gives up the session, and keeps one that comes
 * during the handshake to do so later: any forger could end any session. What is too short for GCM is all right for ChaCha20, which the
 * prefilter cannot know.
 */
static bool has_short_record(const struct openssl_session *session)
{
	enum { CHACHA_BYTES_MIN = 16, GCM_BYTES_MIN = 24 };
	const SSL_CIPHER *cipher = session->base.is_established ? SSL_get_current_cipher(session->ssl) : NULL;
	size_t body_bytes_min =
		cipher != NULL && SSL_CIPHER_get_cipher_nid(cipher) == NID_chacha20_poly1305 ? CHACHA_BYTES_MIN : GCM_BYTES_MIN;
	struct view rest = session->base.input;
	struct dtls_record record;
	while (ringcast_crypto_is_datagram(&session->base) && rest.size > 0)
		if (!ringcast_dtls_next_record(&rest, &record) || (record.epoch != 0 && record.body.size < body_bytes_min))
			return true;
	return false;
}

static void drop_short_records(struct openssl_session *session)
{
	if (has_short_record(session))
		session->base.input = (struct view){0};
}

static enum crypto_result session_handshake(struct crypto_session *base)
{
	struct openssl_session *session = of(base);
	drop_short_records(session);
	ERR_clear_error();
	enum crypto_result result = result_of(session, SSL_do_handshake(session->ssl));
	base->is_established = result == CRYPTO_OK;
	return result;
}

static enum crypto_result session_read(struct crypto_session *base, uint8_t *out, size_t capacity, size_t *ret_size)
{
	struct openssl_session *session = of(base);
	drop_short_records(session);
	ERR_clear_error();
	return result_of(session, SSL_read_ex(session->ssl, out, capacity, ret_size));
}

static bool session_seal(struct crypto_session *base, struct view plain)
{
	struct openssl_session *session = of(base);
	size_t written;
	ERR_clear_error();
	if (SSL_write_ex(session->ssl, plain.data, plain.size, &written) == 1)
		return true;
	fail(session);
	return false;
}

static uint32_t session_timeout_ms(const struct crypto_session *base)
{
	struct timeval left;
	if (DTLSv1_get_timeout(of(base)->ssl, &left) != 1)
		return 0;
	uint64_t left_ms = (uint64_t)left.tv_sec * 1000 + ((uint64_t)left.tv_usec + 999) / 1000;
	return left_ms == 0 ? 1 : (uint32_t)left_ms;
}

static enum crypto_result session_expire(struct crypto_session *base)
{
	struct openssl_session *session = of(base);
	ERR_clear_error();
	return DTLSv1_handle_timeout(session->ssl) < 0 ? fail(session) : CRYPTO_WANT_INPUT;
}

static void session_close(struct crypto_session *base)
{
	ERR_clear_error();
	SSL_shutdown(of(base)->ssl);
	ERR_clear_error();
}

static void session_describe(const struct crypto_session *base, char *ret_text, size_t text_bytes)
{
	const SSL *ssl = of(base)->ssl;
	snprintf(ret_text, text_bytes, "%s %s%s", SSL_get_version(ssl), SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl)),
		 SSL_session_reused(ssl) ? ", resumed" : "");
}

static bool has_aes_instructions(void)
{
#if defined(__x86_64__)
	return __builtin_cpu_supports("aes");
#else
	return false;
#endif
}

static struct crypto_features features;

static void backend_features(struct crypto_features *ret_features)
{
	*ret_features = features;
}

static bool backend_global_init(char *reterr, size_t reterr_bytes)
{
	if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1 || !ringcast_openssl_bio_init())
		return ringcast_crypto_complain(reterr, reterr_bytes, "OpenSSL: %s", ringcast_openssl_reason());
	static char name[64];
	snprintf(name, sizeof(name), "OpenSSL %s", OpenSSL_version(OPENSSL_VERSION_STRING));
	features = (struct crypto_features){.library = name, .has_tls = true, .has_tls13 = true, .has_aes_ni = has_aes_instructions()};
	features.has_dtls = ringcast_crypto_selftest_dtls(&ringcast_crypto_openssl, features.refused_dtls, sizeof(features.refused_dtls));
	return true;
}

const struct crypto_backend ringcast_crypto_openssl = {
	.name = "openssl",
	.global_init = backend_global_init,
	.features = backend_features,
	.context_create = ringcast_openssl_context_create,
	.context_retire = ringcast_openssl_context_retire,
	.context_free = ringcast_openssl_context_free,
	.open = session_open,
	.listen = ringcast_openssl_listen,
	.is_cookie_good = ringcast_openssl_is_cookie_good,
	.handshake = session_handshake,
	.read = session_read,
	.seal = session_seal,
	.timeout_ms = session_timeout_ms,
	.expire = session_expire,
	.close = session_close,
	.free = session_free,
	.describe = session_describe,
	.certificate_make = ringcast_openssl_certificate_make,
	.certificate_check = ringcast_openssl_certificate_check,
};
