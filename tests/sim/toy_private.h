/* What the toy's two kinds share: keys, sealing, and a session's fields. */
#ifndef RINGCAST_TESTS_SIM_TOY_PRIVATE_H
#define RINGCAST_TESTS_SIM_TOY_PRIVATE_H

#include "crypto/crypto_private.h"
#include "toy_tls.h"

enum {
	TOY_RANDOM_BYTES = 32,
	TOY_TAG_BYTES = 16, /* as long as the real ones, half of it used */
	TOY_CERTIFICATE_BYTES = 600,
	TOY_RECORD_BYTES_MAX = 17000,
	TOY_FLIGHT_BYTES_MAX = 1400,
};

enum toy_content { TOY_CHANGE_CIPHER = 20, TOY_ALERT = 21, TOY_HANDSHAKE = 22, TOY_DATA = 23 };
enum toy_message { TOY_CLIENT_HELLO = 1, TOY_SERVER_HELLO = 2, TOY_HELLO_VERIFY = 3, TOY_TICKET = 4, TOY_KEY_EXCHANGE = 16, TOY_FINISHED = 20, TOY_KEY_UPDATE = 24 };

struct toy_context {
	struct crypto_context base;
	uint64_t cookie_secret;
};

struct toy_session {
	struct crypto_session base;
	uint8_t client_random[TOY_RANDOM_BYTES], server_random[TOY_RANDOM_BYTES];
	uint64_t key; /* 0: not agreed yet */
	uint64_t sequence_out, sequence_in; /* sealed records; DATAGRAM: sequence_in is the window's upper end */
	uint64_t window;                    /* DATAGRAM: the 64 below it */
	uint32_t sealed_count;
	uint8_t *pending; /* STREAM: bytes that are no whole record yet */
	size_t pending_bytes;
	uint8_t *plain; /* an opened record, and what of it was read */
	size_t plain_bytes, plain_read_bytes;
	uint8_t flight[TOY_FLIGHT_BYTES_MAX]; /* DATAGRAM: to be repeated */
	size_t flight_bytes;
	uint64_t clear_sequence;
	uint32_t timeout_ms;
	uint64_t cookie; /* client: as the server said */
};

bool ringcast_toy_is_server(const struct toy_session *session);
void ringcast_toy_agree(struct toy_session *session); /* the key follows from both randoms */
/* Seals or opens in place; the tag's other half is zero. sequence is part of the key stream and the tag, so is the direction. */
void ringcast_toy_seal(const struct toy_session *session, uint8_t type, uint64_t sequence, uint8_t *body, size_t size, uint8_t ret_tag[TOY_TAG_BYTES]);
bool ringcast_toy_open(const struct toy_session *session, uint8_t type, uint64_t sequence, uint8_t *body, size_t size, const uint8_t tag[TOY_TAG_BYTES]);
bool ringcast_toy_keep_plain(struct toy_session *session, const uint8_t *bytes, size_t size); /* for read; false: out of memory */
struct toy_session *ringcast_toy_session_create(struct crypto_context *context, crypto_emit_fn *emit, void *emit_context);

/* toy_stream.c */
enum crypto_result ringcast_toy_stream_advance(struct toy_session *session); /* until a record of data was opened, or there is no more input */
enum crypto_result ringcast_toy_stream_begin(struct toy_session *session);   /* client */
bool ringcast_toy_stream_seal(struct toy_session *session, struct view plain);
void ringcast_toy_stream_close(struct toy_session *session);

/* toy_datagram.c */
bool ringcast_toy_datagram_is_cookie_good(const struct crypto_context *context, struct view peer, struct view datagram);
enum crypto_hello ringcast_toy_datagram_listen(struct crypto_context *context, struct view peer, struct view datagram, crypto_emit_fn *emit,
					       void *emit_context, struct crypto_session **ret_session);
enum crypto_result ringcast_toy_datagram_advance(struct toy_session *session);
enum crypto_result ringcast_toy_datagram_begin(struct toy_session *session); /* client */
enum crypto_result ringcast_toy_datagram_expire(struct toy_session *session);
bool ringcast_toy_datagram_seal(struct toy_session *session, uint8_t type, struct view plain);
void ringcast_toy_datagram_close(struct toy_session *session);

#endif
