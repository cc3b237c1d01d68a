/*
 * The TLS side of one reliable flow: what the connection has besides its plain parts. Its outq holds frames still to be sealed; cipher holds
 * records on their way. Sealing happens at the flush, so that everything decided in a tick for one receiver becomes one record.
 * Owned by the shard's slab; dies with its connection, unless the session moves on with a hand-off.
 */
#ifndef RINGCAST_TRANSPORT_SECURE_STREAM_H
#define RINGCAST_TRANSPORT_SECURE_STREAM_H

#include "base/list.h"
#include "crypto/crypto.h"
#include "transport/outq.h"

enum {
	SECURE_STREAM_HELD_BYTES_MAX = 20480,   /* of a handshake, waiting for its turn: the largest flight of a client without a certificate, and its login */
	SECURE_STREAM_FLIGHT_BYTES_MAX = 65536, /* sealed at once; the rest waits as frames */
	SECURE_STREAM_SECRET_BYTES = 16,
	SECURE_STREAM_FIRST_BYTE = 0x16,        /* a TLS handshake record; no HTTP request begins with it */
};

struct secure_stream {
	handle self, conn; /* conn: whose it is */
	struct crypto_session *crypto;
	struct outq cipher;
	struct buf *held; /* during the handshake: received, not yet fed */
	struct list_node queue_node;
	uint8_t connect_secret[SECURE_STREAM_SECRET_BYTES]; /* of the connect token, by which the player proves over DTLS who it is */
	bool is_established;
	bool is_close_sent; /* close_notify */
	bool is_known;      /* to the directory, see there */
	bool is_broken;     /* records were lost on our side: only the end of the stream is left */
};

/* Appends to held; false: no buffer, or too much. */
bool ringcast_secure_stream_hold(struct secure_stream *secure, struct buf_pool *pool, struct view bytes);
struct buf *ringcast_secure_stream_take_held(struct secure_stream *secure); /* NULL: nothing */
/*
 * The next frames to seal, at most CRYPTO_STREAM_RECORD_BYTES, in one piece: in place when one slice has them, else gathered in scratch (of that
 * size). Empty: nothing is pending. Then ringcast_outq_consume.
 */
struct view ringcast_secure_stream_gather(const struct outq *outq, uint8_t *scratch);

#endif
