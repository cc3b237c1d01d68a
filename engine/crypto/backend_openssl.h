/* What the files of the OpenSSL backend share. */
#ifndef RINGCAST_CRYPTO_BACKEND_OPENSSL_H
#define RINGCAST_CRYPTO_BACKEND_OPENSSL_H

#include <openssl/ssl.h>

#include "crypto/crypto_private.h"

struct openssl_session;

struct openssl_context {
	struct crypto_context base;
	SSL_CTX *ctx;
	uint8_t cookie_secrets[2][CRYPTO_COOKIE_SECRET_BYTES]; /* the second: still accepted, if there is one */
	bool has_previous_secret;
	struct openssl_session *listener; /* DATAGRAM server: answers hellos until one is verified, then becomes that session */
	SSL_SESSION *resumption;          /* client: the newest ticket, and whose it is */
	char resumption_host[CRYPTO_HOST_NAME_BYTES];
};

struct openssl_session {
	struct crypto_session base;
	SSL *ssl;
	char *host;       /* heap; client role: whom it speaks to */
	struct view peer; /* borrowed, only inside listen: what the cookie is bound to */
};

/* The memory BIO that leads to the session: its input and its emissions. NULL: out of memory. */
BIO *ringcast_openssl_bio(struct openssl_session *session);
bool ringcast_openssl_bio_init(void);
/* A session, not yet in a handshake. */
struct openssl_session *ringcast_openssl_session_create(struct openssl_context *context, crypto_emit_fn *emit, void *emit_context);
bool ringcast_openssl_is_cookie_good(const struct crypto_context *context, struct view peer, struct view datagram);
enum crypto_hello ringcast_openssl_listen(struct crypto_context *context, struct view peer, struct view datagram, crypto_emit_fn *emit,
					  void *emit_context, struct crypto_session **ret_session);
void ringcast_openssl_context_retire(struct crypto_context *context);
int ringcast_openssl_cookie_make(SSL *ssl, unsigned char *cookie, unsigned int *ret_bytes);
int ringcast_openssl_cookie_check(SSL *ssl, const unsigned char *cookie, unsigned int cookie_bytes);

struct crypto_context *ringcast_openssl_context_create(const struct crypto_options *options, char *reterr, size_t reterr_bytes);
void ringcast_openssl_context_free(struct crypto_context *context);
/* The oldest reason in the library's queue of this thread, which is empty afterwards. */
const char *ringcast_openssl_reason(void);

/* The first certificate of PEM text, the rest of it, and a key; false with one line. The caller frees. */
bool ringcast_openssl_load_chain(const char *pem, STACK_OF(X509) * *ret_chain, const char *what, char *reterr, size_t reterr_bytes);
EVP_PKEY *ringcast_openssl_load_key(const char *pem, char *reterr, size_t reterr_bytes);
bool ringcast_openssl_certificate_make(const struct certificate_request *request, struct certificate *ret_certificate, char *reterr,
				       size_t reterr_bytes);
bool ringcast_openssl_certificate_check(const struct crypto_credentials *credentials, struct certificate_facts *ret_facts, char *reterr,
					size_t reterr_bytes);

#endif
