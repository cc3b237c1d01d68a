/* DTLS hellos on wolfSSL: one spare session answers them until a cookie comes back good; then it is the connection's, and there is a new
 * one. */
#include "base/assert.h"
#include "crypto/backend_wolfssl.h"
#include "crypto/flight.h"

enum { ANSWER_BYTES_MAX = 256, SESSION_ID_OFFSET = 13 + 12 + 2 + 32 };

struct hello {
	struct view peer, datagram;
	crypto_emit_fn *emit;
	void *emit_context;
};

/* Behind the record's and the message's headers, version and random: the session id with its length, then the cookie with its own. */
static bool has_cookie(struct view datagram)
{
	if (datagram.size <= SESSION_ID_OFFSET)
		return false;
	size_t offset = SESSION_ID_OFFSET + 1 + (size_t)datagram.data[SESSION_ID_OFFSET];
	return offset < datagram.size && datagram.data[offset] != 0;
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

/* For hellos whose cookie was made just before the secrets changed. The answer that the first look gave is put back if this fails too. */
static enum crypto_hello look_again(struct wolfssl_context *context, const struct hello *hello)
{
	uint8_t answer[ANSWER_BYTES_MAX];
	size_t answer_bytes = ringcast_flight_take(answer, sizeof(answer));
	if (look_at(context, hello, 1) == CRYPTO_HELLO_VERIFIED)
		return CRYPTO_HELLO_VERIFIED;
	ringcast_flight_forget();
	if (context->listener == NULL || answer_bytes == 0)
		return CRYPTO_HELLO_IGNORED;
	ringcast_flight_add(&context->listener->base, answer, answer_bytes);
	return CRYPTO_HELLO_ANSWERED;
}

enum crypto_hello ringcast_wolfssl_listen(struct crypto_context *base, struct view peer, struct view datagram, crypto_emit_fn *emit,
					  void *emit_context, struct crypto_session **ret_session)
{
	struct wolfssl_context *context = (struct wolfssl_context *)base;
	struct hello hello = {.peer = peer, .datagram = datagram, .emit = emit, .emit_context = emit_context};
	enum crypto_hello result = look_at(context, &hello, 0);
	if (result == CRYPTO_HELLO_ANSWERED && context->has_previous_secret && has_cookie(datagram))
		result = look_again(context, &hello);
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
