/*
 * Encryption as the engine's owner sees it: which mode, which library, which certificate; and the contexts that each shard gets of it. Nothing here
 * knows of shards that run: who has made credentials hands them out.
 */
#ifndef RINGCAST_SECURITY_SETTLE_H
#define RINGCAST_SECURITY_SETTLE_H

#include "crypto/cert.h"
#include "crypto/crypto.h"
#include "shard/shard.h"

struct security_secrets {
	uint8_t cookie[CRYPTO_COOKIE_SECRET_BYTES], cookie_previous[CRYPTO_COOKIE_SECRET_BYTES], ticket[CRYPTO_TICKET_SECRET_BYTES];
};

struct security { /* settled at creation; certificate, facts and secrets change with a reload */
	ringcast_security mode; /* never DEFAULT */
	const struct crypto_backend *backend;
	bool has_dtls;
	enum crypto_version version_min;
	struct certificate_facts facts; /* of the certificate in use */
	char *certificate, *key, *client_ca; /* what shards are made with */
	struct certificate made_ca, made;    /* development */
	char host_name[CERTIFICATE_NAME_BYTES], ciphers[512];
	struct security_secrets secrets;
};

/* The listens are known already: without encryption they must not be public by accident. RINGCAST_OK, or an error with one line. */
int ringcast_security_settle(struct security *security, const ringcast_engine_options *options, const struct shard_options *shard, char *error,
			     size_t error_bytes);
void ringcast_security_announce(const struct security *security); /* to the log */
void ringcast_security_forget(struct security *security);
/* Contexts of its own for a shard about to be made; its options own them until it takes them. */
bool ringcast_security_secure_shard(const struct security *security, struct shard_options *options, char *error, size_t error_bytes);

/* A reload: checks what is given, and fills in the CA that clients are told. ret_facts are for keep, once all shards have it. */
int ringcast_security_check_renewal(struct security *security, struct crypto_credentials *credentials, struct certificate_facts *ret_facts, char *error,
				    size_t error_bytes);
/* One shard's part of credentials. False with one line; ret_made is empty then. */
bool ringcast_security_make_credentials(const struct security *security, const struct crypto_credentials *credentials,
					struct shard_credentials *ret_made, char *error, size_t error_bytes);
/* What shards have by now. False: out of memory. */
bool ringcast_security_keep(struct security *security, const struct crypto_credentials *credentials, const struct certificate_facts *facts);
void ringcast_security_renew_cookies(struct security *security); /* those on their way stay good until the next time */
void ringcast_security_renew_tickets(struct security *security); /* those given out mean a full handshake from now on */

#endif
