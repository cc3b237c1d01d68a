/*
 * The encryption between a client's core and its sockets: TLS below the WebSocket, DTLS 1.2 below the datagrams. No I/O: ciphertext and the
 * time go in, ciphertext comes out through struct client_secure_ops, plaintext goes to the core. The owner's core ops call send_stream and
 * send_datagram.
 *
 *   stream     OFF -> HANDSHAKE -> OPEN -> OFF
 *   datagrams  OFF -> HANDSHAKE -> OPEN
 *                        |  ^        |
 *                        v  |        v      a handshake that failed, or an association that the server gave up, is tried again after
 *                       PAUSE <------+      100 ms, 200 ms, ... 5 s, for ever: as the hellos of plain UDP are
 *
 * A stream that fails ends the core. Datagrams that fail leave the game on the stream; the core's op fast_failed tells why. Nothing is ever
 * sent in the clear.
 */
#ifndef RINGCAST_CLIENT_SECURE_H
#define RINGCAST_CLIENT_SECURE_H

#include "proto/clients/c/core.h"
#include "proto/clients/c/trust.h"

enum client_secure_step {
	CLIENT_SECURE_OFF = 0,
	CLIENT_SECURE_HANDSHAKE,
	CLIENT_SECURE_OPEN,
	CLIENT_SECURE_PAUSE, /* datagrams only */
};

enum {
	CLIENT_SECURE_CODE_TLS = 1015,        /* RFC 6455: never on the wire; TLS could not be set up, or broke */
	CLIENT_SECURE_STREAM_BYTES_MAX = PROTO_PACKET_BYTES_MAX, /* of one send */
	CLIENT_SECURE_HANDSHAKE_MS_MAX = 30000, /* then DTLS starts over */
};

struct client_secure;

struct client_secure_ops {
	/* Queue ciphertext on the stream; it cannot be refused for lack of room, a gap would end the connection. False: out of memory. */
	bool (*stream_write)(struct client_secure *secure, const uint8_t *bytes, size_t size);
	bool (*datagram_write)(struct client_secure *secure, const uint8_t *bytes, size_t size);
};

/* Owns its two sessions and what waits for the handshake. core and trust are borrowed and outlive it. */
struct client_secure {
	const struct client_secure_ops *ops;
	struct client_core *core;
	struct client_trust *trust;
	struct crypto_session *stream, *datagrams;
	enum client_secure_step stream_step, datagrams_step;
	uint8_t failure_count;         /* of DTLS since it last worked */
	bool has_emitted;              /* during the call being served */
	uint32_t waiting_bytes;
	uint8_t *waiting;              /* plaintext sent before the stream's handshake was over: the upgrade request */
	uint64_t datagrams_due_ns;     /* when the flight is repeated, or the pause is over */
	uint64_t handshake_end_ns;
	char failure[CRYPTO_ERROR_BYTES]; /* the last one, for people; "" */
};

void ringcast_client_secure_init(struct client_secure *secure, const struct client_secure_ops *ops, struct client_core *core,
				 struct client_trust *trust);
/* Says goodbye where there is somebody to say it to, through the ops; frees. A zeroed one is fine. */
void ringcast_client_secure_fini(struct client_secure *secure);

/* TCP is connected: says hello. False: out of memory. */
bool ringcast_client_secure_start_stream(struct client_secure *secure);
/* At most CLIENT_SECURE_STREAM_BYTES_MAX. False: nothing was sent, and the stream is beyond use. */
bool ringcast_client_secure_send_stream(struct client_secure *secure, const uint8_t *bytes, size_t size);
/* Takes all bytes. scratch_bytes >= CLIENT_CORE_SCRATCH_BYTES_MIN; what the core gets lies there. May end the core. */
void ringcast_client_secure_receive_stream(struct client_secure *secure, struct view bytes, uint8_t *scratch, size_t scratch_bytes,
					   uint64_t now_ns);

/* For the core's op fast_open, once the socket is there. False, having told the core's fast_failed: nothing to trust, or no memory. */
bool ringcast_client_secure_start_datagrams(struct client_secure *secure, struct view ca_cert);
/* For the core's op fast_silent: the association is open, but nobody is at its other end. A new one begins after a pause. */
void ringcast_client_secure_restart_datagrams(struct client_secure *secure, uint64_t now_ns);
bool ringcast_client_secure_send_datagram(struct client_secure *secure, const uint8_t *bytes, size_t size);
void ringcast_client_secure_receive_datagram(struct client_secure *secure, struct view datagram, uint64_t now_ns);

uint64_t ringcast_client_secure_deadline_ns(const struct client_secure *secure);
void ringcast_client_secure_tick(struct client_secure *secure, uint64_t now_ns);

/* "TLSv1.3 ...; DTLSv1.2 ...": what protects the connection now, or why it does not. */
void ringcast_client_secure_describe(const struct client_secure *secure, char *ret_text, size_t text_bytes);

#endif
