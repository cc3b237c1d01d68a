/* DTLS hellos on wolfSSL: one spare session answers them until a cookie comes back good; then it is the connection's, and there is a new
 * one. */
#include "crypto/backend_wolfssl.h"

#include <wolfssl/wolfcrypt/hmac.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include "base/assert.h"
#include "crypto/dtls_hello.h"
#include "crypto/flight.h"

enum { SECRET_NONE = 2 };

struct hello {
	struct view peer, datagram;
	crypto_emit_fn *emit;
	void *emit_context;
};

/* One of the lists behind the cookie, which the library hashes too. False: it does not fit. */
static bool take_list(struct view *rest, size_t length_bytes, struct view *ret_list)
{
	if (rest->size < length_bytes)
		return false;
	size_t size = length_bytes == 2 ? (size_t)rest->data[0] << 8 | rest->data[1] : rest->data[0];
	if (size > rest->size - length_bytes)
		return false;
	*ret_list = ringcast_view_of(rest->data + length_bytes, size);
	*rest = ringcast_view_of(rest->data + length_bytes + size, rest->size - length_bytes - size);
	return true;
}

/* As the library makes it: of the peer and of all in the hello that stays the same when it is said again. */
static bool make_cookie(const uint8_t *secret, struct view peer, const struct dtls_hello *hello, uint8_t ret_cookie[WC_SHA256_DIGEST_SIZE])
{
	struct view rest = hello->rest, suites, compressions;
	Hmac hmac;
	if (!take_list(&rest, 2, &suites) || !take_list(&rest, 1, &compressions) || wc_HmacInit(&hmac, NULL, INVALID_DEVID) != 0)
		return false;
	const struct view parts[] = {peer, hello->version, hello->random, hello->session_id, suites, compressions};
	bool is_made = wc_HmacSetKey(&hmac, WC_SHA256, secret, CRYPTO_COOKIE_SECRET_BYTES) == 0;
	for (size_t index = 0; is_made && index < sizeof(parts) / sizeof(*parts); index++)
		is_made = wc_HmacUpdate(&hmac, parts[index].data, (word32)parts[index].size) == 0;
	is_made = is_made && wc_HmacFinal(&hmac, ret_cookie) == 0;
	wc_HmacFree(&hmac);
	return is_made;
}

/* In a time that does not tell how much of a guess was right. */
static bool is_same_cookie(struct view cookie, const uint8_t expected[WC_SHA256_DIGEST_SIZE])
{
	uint8_t difference = 0;
	for (size_t index = 0; index < WC_SHA256_DIGEST_SIZE; index++)
		difference |= (uint8_t)(cookie.data[index] ^ expected[index]);
	return difference == 0;
}

/* Which of the secrets its cookie was made with; SECRET_NONE: it has none of ours. */
static size_t secret_of(const struct wolfssl_context *context, struct view peer, struct view datagram)
{
	uint8_t expected[WC_SHA256_DIGEST_SIZE];
	struct dtls_hello hello;
	if (!ringcast_dtls_hello_read(datagram, &hello) || hello.cookie.size != sizeof(expected))
		return SECRET_NONE;
	for (size_t index = 0; index < (context->has_previous_secret ? 2 : 1); index++)
		if (make_cookie(context->cookie_secrets[index], peer, &hello, expected) && is_same_cookie(hello.cookie, expected))
			return index;
	return SECRET_NONE;
}

bool ringcast_wolfssl_is_cookie_good(const struct crypto_context *context, struct view peer, struct view datagram)
{
	return secret_of((const struct wolfssl_context *)context, peer, datagram) != SECRET_NONE;
}

static int note_good_cookie(WOLFSSL *ssl, void *context)
{
	struct wolfssl_session *session = context;
	session->is_cookie_good = true;
	return 0;
}

static void drop_listener(struct wolfssl_context *context)
{
	struct wolfssl_session *listener = context->listener;
	context->listener = NULL;
	if (listener != NULL)
		context->base.backend->free(&listener->base);
}

static bool use_secret(struct wolfssl_session *listener, const uint8_t *secret)
{
	return wolfSSL_DTLS_SetCookieSecret(listener->ssl, secret, CRYPTO_COOKIE_SECRET_BYTES) == 0;
}

static struct wolfssl_session *borrow_listener(struct wolfssl_context *context, crypto_emit_fn *emit, void *emit_context)
{
	if (context->listener == NULL) {
		context->listener = ringcast_wolfssl_session_create(context, emit, emit_context);
		if (context->listener == NULL)
			return NULL;
		wolfDTLS_SetChGoodCb(context->listener->ssl, note_good_cookie, context->listener);
	}
	context->listener->base.emit = emit;
	context->listener->base.emit_context = emit_context;
	return context->listener;
}

/* Shows the hello to the listener with one of the secrets. What it answers waits in the flight. */
static enum crypto_hello try_hello(struct wolfssl_session *listener, const struct hello *hello, const uint8_t *secret)
{
	listener->is_cookie_good = false;
	if (!use_secret(listener, secret) ||
	    wolfSSL_dtls_set_peer(listener->ssl, (void *)hello->peer.data, (unsigned)hello->peer.size) != WOLFSSL_SUCCESS)
		return CRYPTO_HELLO_IGNORED;
	listener->base.input = hello->datagram;
	listener->base.context->backend->handshake(&listener->base);
	listener->base.input = (struct view){0};
	if (listener->is_cookie_good)
		return CRYPTO_HELLO_VERIFIED;
	return ringcast_flight_size() > 0 ? CRYPTO_HELLO_ANSWERED : CRYPTO_HELLO_IGNORED;
}

/*
 * A listener that met something it did not answer is replaced: the library may have kept part of it. Left in place, one such hello would
 * keep everybody else out.
 */
static enum crypto_hello look_at(struct wolfssl_context *context, const struct hello *hello, size_t secret_index)
{
	struct wolfssl_session *listener = borrow_listener(context, hello->emit, hello->emit_context);
	if (listener == NULL)
		return CRYPTO_HELLO_IGNORED;
	enum crypto_hello result = try_hello(listener, hello, context->cookie_secrets[secret_index]);
	if (result == CRYPTO_HELLO_IGNORED || (result == CRYPTO_HELLO_ANSWERED && listener->base.is_failed))
		drop_listener(context);
	return result;
}

enum crypto_hello ringcast_wolfssl_listen(struct crypto_context *base, struct view peer, struct view datagram, crypto_emit_fn *emit,
					  void *emit_context, struct crypto_session **ret_session)
{
	struct wolfssl_context *context = (struct wolfssl_context *)base;
	struct hello hello = {.peer = peer, .datagram = datagram, .emit = emit, .emit_context = emit_context};
	size_t secret = secret_of(context, peer, datagram);
	enum crypto_hello result = look_at(context, &hello, secret != SECRET_NONE ? secret : 0); /* new cookies are made with the new one */
	if (context->listener == NULL)
		ringcast_flight_forget();
	else
		ringcast_flight_send(&context->listener->base);
	if (result == CRYPTO_HELLO_VERIFIED) {
		*ret_session = &context->listener->base;
		context->listener = NULL;
	}
	return result;
}

void ringcast_wolfssl_context_retire(struct crypto_context *base)
{
	drop_listener((struct wolfssl_context *)base);
}
