/* A client and a server joined by memory: what one emits waits in a queue until the test delivers it to the other. */
#ifndef RINGCAST_TESTS_CRYPTO_PAIR_H
#define RINGCAST_TESTS_CRYPTO_PAIR_H

#include "crypto/crypto.h"

enum { PAIR_MESSAGES_MAX = 256, PAIR_RECEIVED_BYTES = 1 << 20 };

struct message {
	uint8_t *bytes;
	size_t size;
};

struct end {
	const struct crypto_backend *backend;
	struct crypto_context *context;
	struct crypto_session *session;
	enum crypto_kind kind;
	enum crypto_role role;
	struct message sent[PAIR_MESSAGES_MAX]; /* on the way to the other end */
	size_t sent_count;
	size_t emitted_count; /* of all time */
	uint8_t *received;    /* opened data */
	size_t received_bytes, read_count;
	enum crypto_result last; /* what the last feed or read said */
};

struct pair {
	struct end client, server;
	size_t slice_bytes; /* STREAM: deliver in slices of this size; 0: as emitted */
};

struct pair_options {
	const struct crypto_backend *client, *server;
	enum crypto_kind kind;
	bool is_version_1_2_only, is_version_1_3_only;
	const char *host;                      /* whom the client expects; NULL: "relay.test" */
	const char *ca;                        /* NULL: the authority's */
	const struct certificate *certificate; /* NULL: the server's */
	const char *ciphers;
	bool is_insecure;
	uint16_t datagram_bytes_max;
	uint8_t ticket_secret, cookie_secret,
		cookie_secret_previous; /* every byte of them; 1 is added to the first two, because all zero is none */
	struct crypto_context *client_context,
		*server_context; /* to use instead of new ones; the pair takes a reference of its own: none */
};

/* Made once per process with the default library; valid for relay.test, *.wild.test and 192.0.2.1. */
const struct certificate *pair_authority(void);
const struct certificate *pair_certificate(void);
struct certificate pair_make(const char *names, const struct certificate *issuer, uint64_t now_s, uint32_t days);

struct crypto_context *pair_context(const struct pair_options *options, enum crypto_role role);
/* Opens both ends; the client has said hello. */
struct pair *pair_create(const struct pair_options *options);
void pair_free(struct pair *pair);
/* Delivers until nobody has anything to say. True: both are established. */
bool pair_run(struct pair *pair);
/* Delivers the oldest message of an end to the other one. */
void pair_deliver(struct pair *pair, struct end *from);
struct view pair_peer(void); /* the client's address, as the server knows it */
void pair_feed(struct end *end, const void *bytes, size_t size);
void pair_say(struct end *end, const void *bytes, size_t size);
void pair_keep(void *end, const uint8_t *bytes, size_t size); /* the emit function of both */
void pair_forget(struct end *end);                            /* drops what it has on the way */

#endif
