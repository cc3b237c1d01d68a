/* The front: checks what callers must keep, keeps the states that every backend has in common, and passes on. */
#include "crypto/crypto.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "crypto/crypto_private.h"
#include "crypto/dtls_record.h"
#include "crypto/flight.h"
#include "crypto/random.h"

static const struct crypto_backend *const backends[] = {
#ifdef RINGCAST_WITH_WOLFSSL
	&ringcast_crypto_wolfssl,
#endif
#ifdef RINGCAST_WITH_OPENSSL
	&ringcast_crypto_openssl,
#endif
	NULL,
};

static bool is_initialised;

const struct crypto_backend *ringcast_crypto_backend(const char *name)
{
	size_t index = 0;
	while (name != NULL && backends[index] != NULL && strcmp(backends[index]->name, name) != 0)
		index++;
	return backends[index];
}

bool ringcast_crypto_global_init(char *reterr, size_t reterr_bytes)
{
	if (is_initialised)
		return true;
	for (size_t index = 0; backends[index] != NULL; index++)
		if (!backends[index]->global_init(reterr, reterr_bytes))
			return false;
	is_initialised = true;
	return true;
}

/* contexts */

void ringcast_crypto_context_init(struct crypto_context *context, const struct crypto_backend *backend,
				  const struct crypto_options *options)
{
	context->backend = backend;
	context->refs = 1;
	context->kind = options->kind;
	context->role = options->role;
	context->is_insecure = options->is_insecure;
	context->datagram_bytes_max = options->datagram_bytes_max != 0 ? options->datagram_bytes_max : CRYPTO_DATAGRAM_BYTES_MAX_DEFAULT;
	context->random = options->random;
	context->random_context = options->random_context;
}

bool ringcast_crypto_next_cipher(const char **list, char ret_name[CRYPTO_CIPHER_NAME_BYTES])
{
	const char *start = *list + strspn(*list, ": ");
	size_t size = strcspn(start, ": ");
	if (size == 0)
		return false;
	snprintf(ret_name, CRYPTO_CIPHER_NAME_BYTES, "%.*s", (int)size, start);
	*list = start + size;
	return true;
}

static bool check_options(const struct crypto_backend *backend, const struct crypto_options *options, char *reterr, size_t reterr_bytes)
{
	struct certificate_facts facts;
	const struct crypto_credentials *credentials = &options->credentials;
	struct crypto_features features;
	backend->features(&features);
	if (options->kind == CRYPTO_DATAGRAM && !features.has_dtls)
		return ringcast_crypto_complain(reterr, reterr_bytes, "no DTLS with this %s: %.150s", features.library,
						features.refused_dtls);
	if (options->role == CRYPTO_SERVER && (credentials->certificate == NULL || credentials->key == NULL))
		return ringcast_crypto_complain(reterr, reterr_bytes, "a server needs a certificate and its key");
	if (options->role == CRYPTO_SERVER && !ringcast_crypto_is_secret(options->ticket_secret, CRYPTO_TICKET_SECRET_BYTES))
		return ringcast_crypto_complain(reterr, reterr_bytes, "a server needs a ticket secret; all zero is none");
	if (options->role == CRYPTO_SERVER && options->kind == CRYPTO_DATAGRAM &&
	    !ringcast_crypto_is_secret(options->cookie_secret, CRYPTO_COOKIE_SECRET_BYTES))
		return ringcast_crypto_complain(reterr, reterr_bytes, "a server of datagrams needs a cookie secret; all zero is none");
	if (options->role == CRYPTO_CLIENT && credentials->ca == NULL && !options->is_insecure)
		return ringcast_crypto_complain(reterr, reterr_bytes, "a client needs the certificate of the CA it trusts");
	if (options->ciphers != NULL &&
	    !ringcast_crypto_next_cipher(&(const char *){options->ciphers}, (char[CRYPTO_CIPHER_NAME_BYTES]){""}))
		return ringcast_crypto_complain(reterr, reterr_bytes, "the list of ciphers is empty");
	if (options->datagram_bytes_max != 0 && options->datagram_bytes_max < CRYPTO_DATAGRAM_BYTES_MIN)
		return ringcast_crypto_complain(reterr, reterr_bytes, "datagrams of %u bytes are too small; at least %d",
						options->datagram_bytes_max, CRYPTO_DATAGRAM_BYTES_MIN);
	return options->role == CRYPTO_CLIENT || backend->certificate_check(credentials, &facts, reterr, reterr_bytes);
}

struct crypto_context *ringcast_crypto_context_create(const struct crypto_backend *backend, const struct crypto_options *options,
						      char *reterr, size_t reterr_bytes)
{
	ringcast_assert(is_initialised);
	if (backend == NULL) {
		ringcast_crypto_complain(reterr, reterr_bytes, "built without TLS");
		return NULL;
	}
	if (!check_options(backend, options, reterr, reterr_bytes))
		return NULL;
	ringcast_random_source(options->random, options->random_context);
	return backend->context_create(options, reterr, reterr_bytes);
}

static void context_unref(struct crypto_context *context)
{
	uint32_t before = __atomic_fetch_sub(&context->refs, 1, __ATOMIC_ACQ_REL);
	ringcast_assert(before > 0);
	if (before == 1)
		context->backend->context_free(context);
}

void ringcast_crypto_context_release(struct crypto_context **context)
{
	if (*context == NULL)
		return;
	(*context)->backend->context_retire(*context);
	context_unref(*context);
	*context = NULL;
}

/* sessions: what backends use */

void ringcast_crypto_session_init(struct crypto_session *session, struct crypto_context *context, crypto_emit_fn *emit, void *emit_context)
{
	__atomic_fetch_add(&context->refs, 1, __ATOMIC_RELAXED);
	*session = (struct crypto_session){.context = context, .emit = emit, .emit_context = emit_context};
}

void ringcast_crypto_session_fini(struct crypto_session *session)
{
	free(session->error);
	context_unref(session->context);
}

size_t ringcast_crypto_take(struct crypto_session *session, void *out, size_t capacity)
{
	size_t size = session->input.size < capacity ? session->input.size : capacity;
	if (size == 0)
		return 0;
	memcpy(out, session->input.data, size);
	session->input.data += size;
	session->input.size -= size;
	if (ringcast_crypto_is_datagram(session))
		session->input.size = 0;
	return size;
}

bool ringcast_crypto_give(struct crypto_session *session, const void *bytes, size_t size)
{
	if (session->out == NULL) {
		if (ringcast_crypto_is_datagram(session))
			ringcast_flight_add(session, bytes, size);
		else
			session->emit(session->emit_context, bytes, size);
		return true;
	}
	if (size > session->out_capacity - session->out_bytes)
		return false;
	memcpy(session->out + session->out_bytes, bytes, size);
	session->out_bytes += size;
	return true;
}

enum crypto_result ringcast_crypto_fail(struct crypto_session *session, const char *format, ...)
{
	session->is_failed = true;
	session->input = (struct view){0};
	if (session->error != NULL)
		return CRYPTO_FAILED;
	va_list arguments;
	va_start(arguments, format);
	if (vasprintf(&session->error, format, arguments) < 0)
		session->error = NULL;
	va_end(arguments);
	return CRYPTO_FAILED;
}

bool ringcast_crypto_complain(char *reterr, size_t reterr_bytes, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(reterr, reterr_bytes, format, arguments);
	va_end(arguments);
	return false;
}

/* sessions: what callers use */

static enum crypto_result conclude(struct crypto_session *session, enum crypto_result result)
{
	ringcast_flight_send(session);
	if (result == CRYPTO_CLOSED)
		session->is_closed = true;
	ringcast_assert(result != CRYPTO_FAILED || session->is_failed);
	return result;
}

/* Every call into a backend passes here: random numbers come from where this context's owner said. */
static const struct crypto_backend *enter(const struct crypto_context *context)
{
	ringcast_assert(context != NULL);
	ringcast_random_source(context->random, context->random_context);
	return context->backend;
}

static const struct crypto_backend *backend_of(const struct crypto_session *session)
{
	ringcast_assert(session != NULL);
	return enter(session->context);
}

struct crypto_session *ringcast_crypto_open(struct crypto_context *context, const char *host_name, crypto_emit_fn *emit, void *emit_context)
{
	ringcast_assert(emit != NULL);
	const struct crypto_backend *backend = enter(context);
	ringcast_assert((context->role == CRYPTO_CLIENT) == (host_name != NULL));
	ringcast_assert(context->role == CRYPTO_CLIENT || context->kind == CRYPTO_STREAM);
	return backend->open(context, host_name, emit, emit_context);
}

static const struct crypto_backend *enter_server(const struct crypto_context *context, struct view peer)
{
	const struct crypto_backend *backend = enter(context);
	ringcast_assert(context->role == CRYPTO_SERVER && context->kind == CRYPTO_DATAGRAM);
	ringcast_assert(peer.size > 0 && peer.size <= CRYPTO_PEER_BYTES_MAX);
	return backend;
}

/* What stands behind the hello is not looked at before the cookie is good; the peer repeats it. False: it does not begin with one. */
static bool cut_to_hello(struct view *datagram)
{
	struct view rest = *datagram;
	struct dtls_record record;
	if (!ringcast_dtls_next_record(&rest, &record) || !ringcast_dtls_is_whole_hello(&record))
		return false;
	datagram->size -= rest.size;
	return true;
}

enum crypto_hello ringcast_crypto_listen(struct crypto_context *context, struct view peer, struct view datagram, crypto_emit_fn *emit,
					 void *emit_context, struct crypto_session **ret_session)
{
	ringcast_assert(emit != NULL && ret_session != NULL);
	const struct crypto_backend *backend = enter_server(context, peer);
	return cut_to_hello(&datagram) ? backend->listen(context, peer, datagram, emit, emit_context, ret_session) : CRYPTO_HELLO_IGNORED;
}

bool ringcast_crypto_is_cookie_good(struct crypto_context *context, struct view peer, struct view datagram)
{
	const struct crypto_backend *backend = enter_server(context, peer);
	return cut_to_hello(&datagram) && backend->is_cookie_good(context, peer, datagram);
}

enum crypto_result ringcast_crypto_connect(struct crypto_session *session)
{
	const struct crypto_backend *backend = backend_of(session);
	ringcast_assert(session->context->role == CRYPTO_CLIENT);
	if (session->is_failed)
		return CRYPTO_FAILED;
	return conclude(session, backend->handshake(session));
}

static bool admit(struct crypto_session *session, struct view datagram)
{
	if (session->is_established)
		return ringcast_repeats_allow(&session->repeats, datagram);
	ringcast_repeats_note(&session->repeats, datagram);
	return true;
}

enum crypto_result ringcast_crypto_feed(struct crypto_session *session, struct view bytes)
{
	const struct crypto_backend *backend = backend_of(session);
	if (session->is_failed)
		return CRYPTO_FAILED;
	if (session->is_closed)
		return CRYPTO_CLOSED;
	ringcast_assert(session->input.size == 0);
	if (bytes.size == 0 || (ringcast_crypto_is_datagram(session) && !admit(session, bytes)))
		return CRYPTO_WANT_INPUT;
	session->input = bytes;
	return session->is_established ? CRYPTO_OK : conclude(session, backend->handshake(session));
}

enum crypto_result ringcast_crypto_read(struct crypto_session *session, uint8_t *out, size_t capacity, size_t *ret_size)
{
	const struct crypto_backend *backend = backend_of(session);
	ringcast_assert(out != NULL && capacity > 0);
	if (session->is_failed)
		return CRYPTO_FAILED;
	if (session->is_closed)
		return CRYPTO_CLOSED;
	if (!session->is_established)
		return CRYPTO_WANT_INPUT;
	enum crypto_result result = backend->read(session, out, capacity, ret_size);
	session->repeats.is_over |= result == CRYPTO_OK;
	return conclude(session, result);
}

static size_t sealed_bytes_max(const struct crypto_session *session, size_t size)
{
	if (ringcast_crypto_is_datagram(session))
		return size + CRYPTO_DATAGRAM_OVERHEAD_BYTES;
	return ringcast_crypto_stream_sealed_bytes_max(size);
}

size_t ringcast_crypto_seal(struct crypto_session *session, struct view plain, uint8_t *out, size_t capacity)
{
	const struct crypto_backend *backend = backend_of(session);
	ringcast_assert(session->is_established && plain.size > 0 && out != NULL);
	ringcast_assert(capacity >= sealed_bytes_max(session, plain.size));
	if (session->is_failed)
		return 0;
	session->out = out;
	session->out_bytes = 0;
	session->out_capacity = capacity;
	bool is_sealed = backend->seal(session, plain);
	session->out = NULL;
	ringcast_assert(is_sealed || session->is_failed);
	return is_sealed ? session->out_bytes : 0;
}

bool ringcast_crypto_is_established(const struct crypto_session *session)
{
	return session->is_established;
}

uint32_t ringcast_crypto_timeout_ms(const struct crypto_session *session)
{
	if (session->is_established || session->is_failed || !ringcast_crypto_is_datagram(session))
		return 0;
	return backend_of(session)->timeout_ms(session);
}

enum crypto_result ringcast_crypto_expire(struct crypto_session *session)
{
	const struct crypto_backend *backend = backend_of(session);
	ringcast_assert(ringcast_crypto_is_datagram(session));
	if (session->is_failed)
		return CRYPTO_FAILED;
	if (session->is_established)
		return CRYPTO_WANT_INPUT;
	return conclude(session, backend->expire(session));
}

void ringcast_crypto_close(struct crypto_session *session)
{
	const struct crypto_backend *backend = backend_of(session);
	if (session->has_said_goodbye || session->is_failed || !session->is_established)
		return;
	session->has_said_goodbye = true;
	backend->close(session);
	ringcast_flight_send(session);
}

void ringcast_crypto_move(struct crypto_session *session, crypto_emit_fn *emit, void *emit_context)
{
	ringcast_assert(session != NULL && emit != NULL);
	ringcast_assert(session->input.size == 0);
	session->emit = emit;
	session->emit_context = emit_context;
	session->has_moved = true;
}

void ringcast_crypto_free(struct crypto_session **session)
{
	if (*session != NULL)
		backend_of(*session)->free(*session);
	*session = NULL;
}

const char *ringcast_crypto_error(const struct crypto_session *session)
{
	if (!session->is_failed)
		return "";
	return session->error != NULL ? session->error : "out of memory";
}

bool ringcast_crypto_describe(const struct crypto_session *session, char *ret_text, size_t text_bytes)
{
	ringcast_assert(text_bytes > 0);
	if (!session->is_established)
		return false;
	backend_of(session)->describe(session, ret_text, text_bytes);
	return true;
}
