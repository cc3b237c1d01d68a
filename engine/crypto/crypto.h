/*
 * Encryption of one flow: TLS over a stream, DTLS 1.2 over datagrams. Memory to memory: no sockets, no threads, no clock but the libraries'
 * look at the date of certificates and tickets (and OpenSSL's at its retransmission timer). A backend (wolfSSL, OpenSSL) stands behind
 * `struct crypto_backend`; nothing above this folder knows which.
 *
 * Threads. ringcast_crypto_global_init once, before any thread. A context and the sessions opened from it belong to one thread at a time;
 * what several shards share (credentials, ticket keys, cookie secrets) is copied in. A session may move to another thread with
 * ringcast_crypto_move while nobody calls it.
 *
 * Input is never trusted: nothing here asserts on bytes from the wire; a session that cannot go on says CRYPTO_FAILED, and only that
 * session is lost.
 */
#ifndef RINGCAST_CRYPTO_CRYPTO_H
#define RINGCAST_CRYPTO_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/types.h"
#include "crypto/cert.h"

enum crypto_kind { CRYPTO_STREAM, CRYPTO_DATAGRAM }; /* TLS 1.2 and 1.3; DTLS 1.2 */
enum crypto_role { CRYPTO_SERVER, CRYPTO_CLIENT };
enum crypto_version { CRYPTO_VERSION_1_2, CRYPTO_VERSION_1_3 };

enum crypto_result {
	CRYPTO_OK,         /* progress was made; for read: *ret_size bytes */
	CRYPTO_WANT_INPUT, /* nothing more to do before more bytes arrive */
	CRYPTO_CLOSED,     /* the peer said close_notify */
	CRYPTO_FAILED,     /* this session is beyond use; ringcast_crypto_error says why */
};

enum {
	CRYPTO_ERROR_BYTES = 256,
	CRYPTO_TICKET_SECRET_BYTES = 32,
	CRYPTO_COOKIE_SECRET_BYTES = 32,
	CRYPTO_FINGERPRINT_BYTES = 96,       /* "AB:CD:..." of SHA-256, with NUL */
	CRYPTO_DATAGRAM_OVERHEAD_BYTES = 64, /* at most, of any suite we offer: header, nonce, tag */
	CRYPTO_STREAM_OVERHEAD_BYTES = 64,   /* at most, per record */
	CRYPTO_STREAM_RECORD_BYTES = 16384,  /* plaintext in one TLS record */
	CRYPTO_PEER_BYTES_MAX = 64,          /* the key of an address that listen is given */
};

/*
 * Handshake bytes and alerts that must go to the peer. Called only from inside listen, feed, read, expire, connect and close; the bytes are
 * borrowed for the call. DATAGRAM: one call is one datagram, complete flights are packed into as few as fit datagram_bytes_max.
 */
typedef void crypto_emit_fn(void *context, const uint8_t *bytes, size_t size);
typedef void crypto_random_fn(void *context, void *out, size_t size);

struct crypto_credentials {      /* PEM texts with NUL; borrowed for the call */
	const char *certificate; /* leaf first, then the chain; server role */
	const char *key;
	const char *ca; /* client role: whom to trust; NULL with is_insecure only */
};

struct crypto_options {
	enum crypto_kind kind;
	enum crypto_role role;
	struct crypto_credentials credentials;
	enum crypto_version version_min; /* STREAM */
	bool is_version_1_2_only;        /* STREAM: no TLS 1.3 */
	const char *ciphers;             /* colon-separated OpenSSL names, TLS 1.2 and DTLS; NULL: the backend's safe list, fastest first */
	bool is_insecure;                /* client: do not verify the server */
	uint16_t datagram_bytes_max;     /* 0: 1400 */
	/* DATAGRAM server; shared by shards. The previous one is still accepted after a change of secrets; all zero: there is none. */
	uint8_t cookie_secret[CRYPTO_COOKIE_SECRET_BYTES], cookie_secret_previous[CRYPTO_COOKIE_SECRET_BYTES];
	uint8_t ticket_secret[CRYPTO_TICKET_SECRET_BYTES]; /* STREAM and DATAGRAM server; shared by shards, so that any of them resumes */
	crypto_random_fn *random; /* NULL: the operating system's. Called on whatever thread calls the session. OpenSSL does not use it */
	void *random_context;
};

struct crypto_context;
struct crypto_session;

struct crypto_features {     /* probed, not assumed; printed at start and by --version */
	const char *library; /* "wolfSSL 5.9.2" */
	bool has_tls, has_tls13, has_dtls, has_aes_ni;
	char refused_dtls[CRYPTO_ERROR_BYTES]; /* why the self-test refuses DTLS with this library; empty: it passed */
};

/*
 * One library. Callers use the functions below, which check, keep the states all backends share, and then call these; a caller's own use of
 * the table is for name, features and certificates only.
 */
struct crypto_backend {
	const char *name; /* "wolfssl", "openssl" */
	bool (*global_init)(char *reterr, size_t reterr_bytes);
	void (*features)(struct crypto_features *ret_features); /* after global_init */
	struct crypto_context *(*context_create)(const struct crypto_options *options, char *reterr, size_t reterr_bytes);
	void (*context_retire)(struct crypto_context *context); /* its owner is done with it */
	void (*context_free)(struct crypto_context *context);   /* the last session is gone too */
	struct crypto_session *(*open)(struct crypto_context *context, const char *host_name, crypto_emit_fn *emit, void *emit_context);
	enum crypto_hello (*listen)(struct crypto_context *context, struct view peer, struct view datagram, crypto_emit_fn *emit,
				    void *emit_context, struct crypto_session **ret_session);
	bool (*is_cookie_good)(const struct crypto_context *context, struct view peer, struct view datagram);
	enum crypto_result (*handshake)(struct crypto_session *session); /* as far as the input goes */
	enum crypto_result (*read)(struct crypto_session *session, uint8_t *out, size_t capacity, size_t *ret_size);
	bool (*seal)(struct crypto_session *session, struct view plain);
	uint32_t (*timeout_ms)(const struct crypto_session *session);
	enum crypto_result (*expire)(struct crypto_session *session);
	void (*close)(struct crypto_session *session);
	void (*free)(struct crypto_session *session);
	void (*describe)(const struct crypto_session *session, char *ret_text, size_t text_bytes);
	/* cert.h */
	bool (*certificate_make)(const struct certificate_request *request, struct certificate *ret_certificate, char *reterr,
				 size_t reterr_bytes);
	bool (*certificate_check)(const struct crypto_credentials *credentials, struct certificate_facts *ret_facts, char *reterr,
				  size_t reterr_bytes);
};

/* NULL name: the build's default. NULL result: not in this build. Every call below goes through the context's or session's own backend. */
const struct crypto_backend *ringcast_crypto_backend(const char *name);
/*
 * Initialises every backend of the build, runs one operation of each algorithm (first use is not thread-safe), and the DTLS self-test,
 * whose verdict is in features. A few milliseconds.
 */
bool ringcast_crypto_global_init(char *reterr, size_t reterr_bytes);

/* NULL on failure, with one clear line: what, where, what would be right. */
struct crypto_context *ringcast_crypto_context_create(const struct crypto_backend *backend, const struct crypto_options *options,
						      char *reterr, size_t reterr_bytes);
/* The owner is done with it. Sessions opened from it live on, and keep what they need: a reload makes a new context and releases the old.
 */
void ringcast_crypto_context_release(struct crypto_context **context);

/* A session at the start of its handshake; NULL: out of memory. host_name: client role, verified against the certificate; else NULL. */
struct crypto_session *ringcast_crypto_open(struct crypto_context *context, const char *host_name, crypto_emit_fn *emit,
					    void *emit_context);

enum crypto_hello {
	CRYPTO_HELLO_IGNORED,  /* not a ClientHello we answer; nothing emitted */
	CRYPTO_HELLO_ANSWERED, /* HelloVerifyRequest emitted, smaller than what came; nothing is kept */
	CRYPTO_HELLO_VERIFIED, /* the cookie is good: *ret_session is the handshake, its flight emitted with emit_context */
};
/*
 * DATAGRAM server: a ClientHello from somebody unknown, or from a known address that may have started again. peer: a canonical key of the
 * address, what the cookie is bound to. Keeps no state before the cookie came back.
 */
enum crypto_hello ringcast_crypto_listen(struct crypto_context *context, struct view peer, struct view datagram, crypto_emit_fn *emit,
					 void *emit_context, struct crypto_session **ret_session);

/*
 * DATAGRAM server: does this ClientHello carry a cookie that listen would take? Costs a hash, keeps and emits nothing: it tells those who have proven
 * their address from those who say so, before anything is done for them that others have to wait for.
 */
bool ringcast_crypto_is_cookie_good(struct crypto_context *context, struct view peer, struct view datagram);

/* Client role: says hello. */
enum crypto_result ringcast_crypto_connect(struct crypto_session *session);
/*
 * Bytes from the peer, all of them taken (STREAM: any slice of the flow; DATAGRAM: one datagram, which the caller has put through the
 * prefilter). Borrowed until the reads that follow answered WANT_INPUT. Runs the handshake as far as it goes. OK: call read until it does
 * not say OK. WANT_INPUT after the handshake: a clear-text record that was not let through, see repeats.h.
 */
enum crypto_result ringcast_crypto_feed(struct crypto_session *session, struct view bytes);
/* Opens at most capacity bytes of application data; DATAGRAM: one record a call, capacity >= the datagram. OK with *ret_size > 0, or the
 * rest. */
enum crypto_result ringcast_crypto_read(struct crypto_session *session, uint8_t *out, size_t capacity, size_t *ret_size);
/*
 * Seals plain into out: STREAM as many records as it takes, DATAGRAM exactly one. Only when established. Returns the bytes written; 0 if
 * the session failed. capacity >= plain.size + overhead of each record, asserted.
 */
size_t ringcast_crypto_seal(struct crypto_session *session, struct view plain, uint8_t *out, size_t capacity);
static inline size_t ringcast_crypto_stream_sealed_bytes_max(size_t plain_bytes); /* what seal asks for: STREAM */
bool ringcast_crypto_is_established(const struct crypto_session *session);
/*
 * DATAGRAM during the handshake: how long to wait before expire, counted from the last progress. 0: no timer. expire repeats the last
 * flight, and the wait grows from 1 s. It never gives up by itself: that is the caller's decision (30 s is a good one).
 */
uint32_t ringcast_crypto_timeout_ms(const struct crypto_session *session);
enum crypto_result ringcast_crypto_expire(struct crypto_session *session);
/* Emits close_notify, once. */
void ringcast_crypto_close(struct crypto_session *session);
/* The session goes to another owner: emissions go there from now on. The context it came from may belong to another thread. */
void ringcast_crypto_move(struct crypto_session *session, crypto_emit_fn *emit, void *emit_context);
void ringcast_crypto_free(struct crypto_session **session);
const char *ringcast_crypto_error(const struct crypto_session *session); /* of the last FAILED; "" otherwise */
/* "TLSv1.3 TLS_AES_128_GCM_SHA256, resumed"; false before the session is established. */
bool ringcast_crypto_describe(const struct crypto_session *session, char *ret_text, size_t text_bytes);

/* inline definitions */

static inline size_t ringcast_crypto_stream_sealed_bytes_max(size_t plain_bytes)
{
	size_t record_count = plain_bytes / CRYPTO_STREAM_RECORD_BYTES + 1;
	return plain_bytes + record_count * CRYPTO_STREAM_OVERHEAD_BYTES;
}

#endif
