/* DTLS hellos on OpenSSL: cookies bound to the peer's address, one spare session that answers until a cookie comes back good. */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/assert.h"
#include "crypto/backend_openssl.h"
#include "crypto/dtls_hello.h"
#include "crypto/flight.h"

enum { COOKIE_BYTES = 32 };

static void cookie_of(const struct openssl_context *context, struct view peer, size_t secret_index, uint8_t ret_cookie[COOKIE_BYTES])
{
	const uint8_t *done = HMAC(EVP_sha256(), context->cookie_secrets[secret_index], CRYPTO_COOKIE_SECRET_BYTES, peer.data, peer.size, ret_cookie, NULL);
	ringcast_assert(done != NULL);
}

static bool is_ours(const struct openssl_context *context, struct view peer, struct view cookie)
{
	size_t secret_count = context->has_previous_secret ? 2 : 1;
	for (size_t index = 0; cookie.size == COOKIE_BYTES && index < secret_count; index++) {
		uint8_t expected[COOKIE_BYTES];
		cookie_of(context, peer, index, expected);
		if (CRYPTO_memcmp(expected, cookie.data, COOKIE_BYTES) == 0)
			return true;
	}
	return false;
}

bool ringcast_openssl_is_cookie_good(const struct crypto_context *context, struct view peer, struct view datagram)
{
	struct dtls_hello hello;
	return ringcast_dtls_hello_read(datagram, &hello) && is_ours((const struct openssl_context *)context, peer, hello.cookie);
}

int ringcast_openssl_cookie_make(SSL *ssl, unsigned char *cookie, unsigned int *ret_bytes)
{
	const struct openssl_session *session = SSL_get_app_data(ssl);
	cookie_of((const struct openssl_context *)session->base.context, session->peer, 0, cookie);
	*ret_bytes = COOKIE_BYTES;
	return 1;
}

int ringcast_openssl_cookie_check(SSL *ssl, const unsigned char *cookie, unsigned int cookie_bytes)
{
	const struct openssl_session *session = SSL_get_app_data(ssl);
	return session->peer.size > 0 && is_ours((const struct openssl_context *)session->base.context, session->peer, ringcast_view_of(cookie, cookie_bytes));
}

/* The library consumes the datagram and answers it; a good cookie leaves the hello queued inside, for the handshake. */
static bool is_verified(struct openssl_session *listener)
{
	BIO_ADDR *nobody = BIO_ADDR_new();
	bool is_good = nobody != NULL && DTLSv1_listen(listener->ssl, nobody) == 1;
	BIO_ADDR_free(nobody);
	ERR_clear_error();
	listener->base.input = (struct view){0};
	return is_good;
}

static struct openssl_session *borrow_listener(struct openssl_context *context, crypto_emit_fn *emit, void *emit_context)
{
	if (context->listener == NULL)
		context->listener = ringcast_openssl_session_create(context, emit, emit_context);
	if (context->listener == NULL)
		return NULL;
	context->listener->base.emit = emit;
	context->listener->base.emit_context = emit_context;
	return context->listener;
}

enum crypto_hello ringcast_openssl_listen(struct crypto_context *base, struct view peer, struct view datagram, crypto_emit_fn *emit,
					  void *emit_context, struct crypto_session **ret_session)
{
	struct openssl_context *context = (struct openssl_context *)base;
	struct openssl_session *listener = borrow_listener(context, emit, emit_context);
	if (listener == NULL)
		return CRYPTO_HELLO_IGNORED;
	listener->peer = peer;
	listener->base.input = datagram;
	enum crypto_hello hello = CRYPTO_HELLO_VERIFIED;
	if (!is_verified(listener))
		hello = ringcast_flight_size() > 0 ? CRYPTO_HELLO_ANSWERED : CRYPTO_HELLO_IGNORED;
	else {
		context->listener = NULL;
		base->backend->handshake(&listener->base);
		*ret_session = &listener->base;
	}
	listener->peer = (struct view){0};
	ringcast_flight_send(&listener->base);
	return hello;
}

void ringcast_openssl_context_retire(struct crypto_context *base)
{
	struct openssl_context *context = (struct openssl_context *)base;
	struct openssl_session *listener = context->listener;
	context->listener = NULL;
	if (listener != NULL)
		base->backend->free(&listener->base);
}
