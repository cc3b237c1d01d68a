/*
 * Whom a client trusts: the CA certificates and the host name that a server must prove, as contexts for TLS and DTLS. One client has one;
 * a load generator shares one among its bots, on one thread.
 *
 * The stream is verified against the caller's CA, else the system's. The datagrams are verified against the caller's CA, else the one that
 * the server named in the login result, which came over the verified stream; that is what the Realtime client does.
 */
#ifndef RINGCAST_CLIENT_TRUST_H
#define RINGCAST_CLIENT_TRUST_H

#include "crypto/crypto.h"

enum { CLIENT_TRUST_HOST_BYTES = 256 };

struct client_trust {
	struct crypto_context *stream, *datagrams; /* datagrams: NULL until the first login, or where there is nothing to trust */
	bool is_insecure;
	char *ca;           /* owned; PEM; NULL: the system's and the server's */
	char *datagrams_ca; /* owned; what the context was made from */
	const struct crypto_backend *backend;
	char host[CLIENT_TRUST_HOST_BYTES];
};

struct client_trust_options {
	const char *ca;      /* PEM; NULL: see above */
	const char *host;    /* the name in the server's certificate */
	const char *backend; /* NULL: the build's default */
	bool is_insecure;    /* verify nothing */
};

/* False: reterr says why in one line. A zeroed trust may be given to fini. */
bool ringcast_client_trust_init(struct client_trust *trust, const struct client_trust_options *options, char *reterr, size_t reterr_bytes);
void ringcast_client_trust_fini(struct client_trust *trust);
/* The context for datagrams; ca_cert: of the login result, may be empty. NULL: reterr says why. Borrowed until the next call or fini. */
struct crypto_context *ringcast_client_trust_datagrams(struct client_trust *trust, struct view ca_cert, char *reterr, size_t reterr_bytes);

#endif
