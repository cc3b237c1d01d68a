/* What the backends share among themselves: the heads of a context and of a session, and how bytes leave. Only engine/crypto includes this.
 */
#ifndef RINGCAST_CRYPTO_CRYPTO_PRIVATE_H
#define RINGCAST_CRYPTO_CRYPTO_PRIVATE_H

#include "base/attr.h"
#include "crypto/crypto.h"
#include "crypto/repeats.h"

enum {
	CRYPTO_DATAGRAM_BYTES_MAX_DEFAULT = 1400,
	CRYPTO_DATAGRAM_BYTES_MIN = 256,
	CRYPTO_HOST_NAME_BYTES = 256,
	CRYPTO_CIPHER_NAME_BYTES = 64
};

/* The first member of every backend's context. Its sessions may live on other threads, therefore the count is atomic. */
struct crypto_context {
	const struct crypto_backend *backend;
	uint32_t refs;
	enum crypto_kind kind;
	enum crypto_role role;
	bool is_insecure;
	uint16_t datagram_bytes_max;
	crypto_random_fn *random;
	void *random_context;
};

/* The first member of every backend's session. */
struct crypto_session {
	struct crypto_context *context; /* a reference */
	crypto_emit_fn *emit;
	void *emit_context;
	struct view input; /* borrowed: what feed was given and the library has not taken yet */
	uint8_t *out;      /* borrowed, only inside seal: where the library's records go; else they are emitted */
	size_t out_bytes, out_capacity;
	char *error;            /* heap; NULL: nothing to say */
	struct repeats repeats; /* DATAGRAM */
	bool is_established, is_failed, is_closed, has_said_goodbye;
	bool has_moved; /* its context may be another thread's now, whose ticket it leaves alone */
};

/* For backends: the heads. */
void ringcast_crypto_context_init(struct crypto_context *context, const struct crypto_backend *backend,
				  const struct crypto_options *options);
void ringcast_crypto_session_init(struct crypto_session *session, struct crypto_context *context, crypto_emit_fn *emit, void *emit_context);
void ringcast_crypto_session_fini(struct crypto_session *session);

/* For the library's read callback: the next bytes. STREAM: up to capacity of them; DATAGRAM: the whole datagram, cut to capacity. 0: none.
 */
size_t ringcast_crypto_take(struct crypto_session *session, void *out, size_t capacity);
/* For the library's write callback. False: more than seal's out can hold, which fails the session. */
bool ringcast_crypto_give(struct crypto_session *session, const void *bytes, size_t size);

/* The next name of a colon-separated list, cut to its room; false at the end. */
bool ringcast_crypto_next_cipher(const char **list, char ret_name[CRYPTO_CIPHER_NAME_BYTES]);

/* Marks the session failed and keeps the first reason. */
PRINTF_LIKE(2, 3) enum crypto_result ringcast_crypto_fail(struct crypto_session *session, const char *format, ...);
/* One line into reterr; returns false, for `return ringcast_crypto_complain(...)`. */
PRINTF_LIKE(3, 4) bool ringcast_crypto_complain(char *reterr, size_t reterr_bytes, const char *format, ...);

/* False: all zero, which stands for "none"; taken as a secret it would be one that everybody knows. */
static inline bool ringcast_crypto_is_secret(const uint8_t *bytes, size_t size)
{
	uint8_t any = 0;
	for (size_t index = 0; index < size; index++)
		any |= bytes[index];
	return any != 0;
}

static inline bool ringcast_crypto_is_datagram(const struct crypto_session *session)
{
	return session->context->kind == CRYPTO_DATAGRAM;
}

extern const struct crypto_backend ringcast_crypto_wolfssl, ringcast_crypto_openssl;

#endif
