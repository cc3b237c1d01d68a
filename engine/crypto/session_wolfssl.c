/* wolfSSL sessions: handshake, records, timers. */
#include "crypto/backend_wolfssl.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include <wolfssl/error-ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "base/assert.h"
#include "crypto/dtls_record.h"

enum { TIMEOUT_FIRST_S = 1, TIMEOUT_LAST_S = 8, MS_PER_S = 1000 };

static struct wolfssl_session *of(const struct crypto_session *session)
{
	return (struct wolfssl_session *)session;
}

/* what the library calls */

/*
 * Datagrams are handed over record by record. So what the library has not seen yet lies here, where it can be asked for: to be called with
 * nothing to read costs it a buffer of two kilobytes, which it then keeps until the next record.
 */
static size_t take_record(struct crypto_session *session, void *out, size_t capacity)
{
	struct view rest = session->input;
	struct dtls_record record;
	if (!ringcast_dtls_next_record(&rest, &record))
		rest = (struct view){0};
	session->input.size -= rest.size;
	size_t size = ringcast_crypto_take(session, out, capacity);
	session->input = rest;
	return size;
}

int ringcast_wolfssl_receive(WOLFSSL *ssl, char *out, int capacity, void *context)
{
	struct wolfssl_session *session = context;
	bool is_datagram = ringcast_crypto_is_datagram(&session->base);
	size_t size = is_datagram ? take_record(&session->base, out, (size_t)capacity)
				  : ringcast_crypto_take(&session->base, out, (size_t)capacity);
	return size > 0 ? (int)size : WOLFSSL_CBIO_ERR_WANT_READ;
}

int ringcast_wolfssl_send(WOLFSSL *ssl, char *bytes, int size, void *context)
{
	struct wolfssl_session *session = context;
	return ringcast_crypto_give(&session->base, bytes, (size_t)size) ? size : WOLFSSL_CBIO_ERR_GENERAL;
}

static const char *verdict_text(int error)
{
	switch (error) {
	case ASN_AFTER_DATE_E:
		return "it has expired";
	case ASN_BEFORE_DATE_E:
		return "it is not valid yet";
	case ASN_NO_SIGNER_E:
	case ASN_SELF_SIGNED_E:
		return "it is not signed by a CA that is trusted here";
	default:
		return ringcast_wolfssl_reason(error);
	}
}

static void blame_certificate(struct wolfssl_session *session, int error)
{
	ringcast_crypto_fail(&session->base, "the server's certificate: %s", verdict_text(error));
}

/* Asked once for the leaf, and for every certificate with an error, which stays one. The names are compared by us: the library knows no IP
 * addresses. */
int ringcast_wolfssl_verify(int is_good, WOLFSSL_X509_STORE_CTX *store)
{
	struct wolfssl_session *session = store->userCtx;
	struct certificate_facts facts;
	if (!is_good) {
		blame_certificate(session, store->error);
		return 0;
	}
	if (store->error_depth != 0)
		return 1;
	if (!ringcast_wolfssl_facts_of(store->certs[0].buffer, store->certs[0].length, &facts))
		return 0;
	if (ringcast_certificate_covers(&facts, session->host))
		return 1;
	ringcast_crypto_fail(&session->base, "the server's certificate: it is for %s, not for %s", facts.names, session->host);
	return 0;
}

/* life */

/* The newest ticket stays behind for whoever connects to that host next; none that ended in failure. */
static void keep_ticket(struct wolfssl_session *session)
{
	struct wolfssl_context *context = (struct wolfssl_context *)session->base.context;
	if (session->host == NULL || session->base.has_moved)
		return;
	if (session->base.is_failed) {
		wolfSSL_SESSION_free(context->resumption);
		context->resumption = NULL;
	}
	if (session->base.is_failed || !session->base.is_established || strlen(session->host) >= sizeof(context->resumption_host))
		return;
	WOLFSSL_SESSION *ticket = wolfSSL_get1_session(session->ssl);
	if (ticket == NULL)
		return;
	wolfSSL_SESSION_free(context->resumption);
	context->resumption = ticket;
	strcpy(context->resumption_host, session->host);
}

static void session_free(struct crypto_session *base)
{
	struct wolfssl_session *session = of(base);
	keep_ticket(session);
	wolfSSL_free(session->ssl);
	free(session->host);
	ringcast_crypto_session_fini(base);
	free(session);
}

struct wolfssl_session *ringcast_wolfssl_session_create(struct wolfssl_context *context, crypto_emit_fn *emit, void *emit_context)
{
	struct wolfssl_session *session = calloc(1, sizeof(*session));
	if (session == NULL)
		return NULL;
	ringcast_crypto_session_init(&session->base, &context->base, emit, emit_context);
	session->ssl = wolfSSL_new(context->ctx);
	if (session->ssl == NULL) {
		session_free(&session->base);
		return NULL;
	}
	wolfSSL_SetIOReadCtx(session->ssl, session);
	wolfSSL_SetIOWriteCtx(session->ssl, session);
	if (context->base.kind == CRYPTO_DATAGRAM) {
		session->has_handshake_memory = true;
		wolfSSL_dtls_set_timeout_max(session->ssl, TIMEOUT_LAST_S);
		wolfSSL_dtls_set_timeout_init(session->ssl, TIMEOUT_FIRST_S);
	}
	return session;
}

static bool start_client(struct wolfssl_session *session, const char *host)
{
	struct wolfssl_context *context = (struct wolfssl_context *)session->base.context;
	uint8_t ip[16];
	session->host = strdup(host);
	if (session->host == NULL)
		return false;
	wolfSSL_SetCertCbCtx(session->ssl, session);
	bool is_ip = inet_pton(AF_INET, host, ip) == 1 || inet_pton(AF_INET6, host, ip) == 1;
	if (!is_ip && wolfSSL_UseSNI(session->ssl, WOLFSSL_SNI_HOST_NAME, host, (unsigned short)strlen(host)) != WOLFSSL_SUCCESS)
		return false;
	if (context->resumption != NULL && strcmp(context->resumption_host, host) == 0)
		wolfSSL_set_session(session->ssl, context->resumption); /* too old: then it is a full handshake */
	return true;
}

static struct crypto_session *session_open(struct crypto_context *base, const char *host_name, crypto_emit_fn *emit, void *emit_context)
{
	struct wolfssl_session *session = ringcast_wolfssl_session_create((struct wolfssl_context *)base, emit, emit_context);
	if (session != NULL && host_name != NULL && !start_client(session, host_name)) {
		session_free(&session->base);
		return NULL;
	}
	return session != NULL ? &session->base : NULL;
}

/* work */

static enum crypto_result fail(struct wolfssl_session *session, int error)
{
	WOLFSSL_ALERT_HISTORY alerts;
	if (error == WC_NO_ERR_TRACE(FATAL_ERROR) && wolfSSL_get_alert_history(session->ssl, &alerts) == WOLFSSL_SUCCESS)
		return ringcast_crypto_fail(&session->base, "the peer gave up with alert %d", alerts.last_rx.code);
	return ringcast_crypto_fail(&session->base, "%s", ringcast_wolfssl_reason(error));
}

static enum crypto_result result_of(struct wolfssl_session *session, int returned)
{
	int error = wolfSSL_get_error(session->ssl, returned);
	switch (error) {
	case WOLFSSL_ERROR_WANT_READ:
	case WC_NO_ERR_TRACE(WANT_READ):
		return session->base.is_failed ? CRYPTO_FAILED : CRYPTO_WANT_INPUT;
	case WOLFSSL_ERROR_ZERO_RETURN:
	case WC_NO_ERR_TRACE(ZERO_RETURN):
		return CRYPTO_CLOSED;
	default:
		return fail(session, error);
	}
}

static enum crypto_result session_handshake(struct crypto_session *base)
{
	struct wolfssl_session *session = of(base);
	bool is_server = base->context->role == CRYPTO_SERVER;
	int returned = is_server ? wolfSSL_accept(session->ssl) : wolfSSL_connect(session->ssl);
	if (returned != WOLFSSL_SUCCESS)
		return result_of(session, returned);
	base->is_established = true;
	return CRYPTO_OK;
}

static enum crypto_result session_read(struct crypto_session *base, uint8_t *out, size_t capacity, size_t *ret_size)
{
	struct wolfssl_session *session = of(base);
	if (base->input.size == 0 && ringcast_crypto_is_datagram(base) && wolfSSL_pending(session->ssl) == 0)
		return CRYPTO_WANT_INPUT;
	int returned = wolfSSL_read(session->ssl, out, capacity < INT32_MAX ? (int)capacity : INT32_MAX);
	if (returned <= 0)
		return result_of(session, returned);
	if (session->has_handshake_memory) {
		session->has_handshake_memory = false;
		wolfSSL_FreeHandshakeResources(session->ssl);
	}
	*ret_size = (size_t)returned;
	return CRYPTO_OK;
}

static bool session_seal(struct crypto_session *base, struct view plain)
{
	struct wolfssl_session *session = of(base);
	int returned = wolfSSL_write(session->ssl, plain.data, (int)plain.size);
	if (returned == (int)plain.size)
		return true;
	fail(session, wolfSSL_get_error(session->ssl, returned));
	return false;
}

static uint32_t session_timeout_ms(const struct crypto_session *base)
{
	return (uint32_t)wolfSSL_dtls_get_current_timeout(of(base)->ssl) * MS_PER_S;
}

/* The library would give up once the longest wait has passed. When to give up is the caller's to say, so the wait only stays as long as it
 * is. */
static enum crypto_result session_expire(struct crypto_session *base)
{
	struct wolfssl_session *session = of(base);
	if (wolfSSL_dtls_get_current_timeout(session->ssl) >= TIMEOUT_LAST_S)
		wolfSSL_dtls_set_timeout_init(session->ssl, TIMEOUT_LAST_S / 2);
	int returned = wolfSSL_dtls_got_timeout(session->ssl);
	return returned == WOLFSSL_SUCCESS ? CRYPTO_WANT_INPUT : result_of(session, returned);
}

static void session_close(struct crypto_session *base)
{
	wolfSSL_shutdown(of(base)->ssl);
}

static void session_describe(const struct crypto_session *base, char *ret_text, size_t text_bytes)
{
	WOLFSSL *ssl = of(base)->ssl;
	snprintf(ret_text, text_bytes, "%s %s%s", wolfSSL_get_version(ssl), wolfSSL_get_cipher(ssl),
		 wolfSSL_session_reused(ssl) ? ", resumed" : "");
}

const struct crypto_backend ringcast_crypto_wolfssl = {
	.name = "wolfssl",
	.global_init = ringcast_wolfssl_global_init,
	.features = ringcast_wolfssl_features,
	.context_create = ringcast_wolfssl_context_create,
	.context_retire = ringcast_wolfssl_context_retire,
	.context_free = ringcast_wolfssl_context_free,
	.open = session_open,
	.listen = ringcast_wolfssl_listen,
	.is_cookie_good = ringcast_wolfssl_is_cookie_good,
	.handshake = session_handshake,
	.read = session_read,
	.seal = session_seal,
	.timeout_ms = session_timeout_ms,
	.expire = session_expire,
	.close = session_close,
	.free = session_free,
	.describe = session_describe,
	.certificate_make = ringcast_wolfssl_certificate_make,
	.certificate_check = ringcast_wolfssl_certificate_check,
};
