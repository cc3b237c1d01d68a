/* What the files of the wolfSSL backend share. */
#ifndef RINGCAST_CRYPTO_BACKEND_WOLFSSL_H
#define RINGCAST_CRYPTO_BACKEND_WOLFSSL_H

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "crypto/crypto_private.h"

/* Our random numbers instead of a generator per session: the number of our device in the library's table. */
enum { WOLFSSL_RANDOM_DEVICE = 0x52434153, WOLFSSL_TICKET_KEY_BYTES = 32 };

struct wolfssl_session;

struct wolfssl_context {
	struct crypto_context base;
	WOLFSSL_CTX *ctx;
	uint8_t cookie_secrets[2][CRYPTO_COOKIE_SECRET_BYTES]; /* the second: still accepted, if there is one */
	bool has_previous_secret;
	uint8_t ticket_name[WOLFSSL_TICKET_NAME_SZ], ticket_key[WOLFSSL_TICKET_KEY_BYTES];
	struct wolfssl_session *listener; /* DATAGRAM server: answers hellos until one is verified, then becomes that session */
	WOLFSSL_SESSION *resumption;      /* client: the newest ticket, and whose it is */
	char resumption_host[CRYPTO_HOST_NAME_BYTES];
};

struct wolfssl_session {
	struct crypto_session base;
	WOLFSSL *ssl;
	char *host;                /* heap; client role: whom it speaks to */
	uint8_t ticket_generation; /* of the tickets it gives out, see ticket_wolfssl.c */
	bool is_cookie_good;       /* of the hello that is being looked at */
	bool has_handshake_memory; /* DATAGRAM: until the peer's first record the last flight may have to be repeated */
};

/* A session, not yet in a handshake. */
struct wolfssl_session *ringcast_wolfssl_session_create(struct wolfssl_context *context, crypto_emit_fn *emit, void *emit_context);
int ringcast_wolfssl_receive(WOLFSSL *ssl, char *out, int capacity, void *session);
int ringcast_wolfssl_send(WOLFSSL *ssl, char *bytes, int size, void *session);
int ringcast_wolfssl_verify(int is_good, WOLFSSL_X509_STORE_CTX *store);
enum crypto_hello ringcast_wolfssl_listen(struct crypto_context *context, struct view peer, struct view datagram, crypto_emit_fn *emit,
					  void *emit_context, struct crypto_session **ret_session);
bool ringcast_wolfssl_is_cookie_good(const struct crypto_context *context, struct view peer, struct view datagram);
void ringcast_wolfssl_context_retire(struct crypto_context *context);
struct crypto_context *ringcast_wolfssl_context_create(const struct crypto_options *options, char *reterr, size_t reterr_bytes);
void ringcast_wolfssl_context_free(struct crypto_context *context);
bool ringcast_wolfssl_use_tickets(struct wolfssl_context *context, const uint8_t *secret);
const char *ringcast_wolfssl_reason(int error);

bool ringcast_wolfssl_global_init(char *reterr, size_t reterr_bytes);
void ringcast_wolfssl_features(struct crypto_features *ret_features);
/* The list of suites when nobody asked for another: AES or ChaCha20 first, as was measured at the start. */
const char *ringcast_wolfssl_default_ciphers(void);

bool ringcast_wolfssl_facts_of(const uint8_t *der, size_t der_bytes, struct certificate_facts *ret_facts);
bool ringcast_wolfssl_certificate_make(const struct certificate_request *request, struct certificate *ret_certificate, char *reterr,
				       size_t reterr_bytes);
bool ringcast_wolfssl_certificate_check(const struct crypto_credentials *credentials, struct certificate_facts *ret_facts, char *reterr,
					size_t reterr_bytes);

#endif
