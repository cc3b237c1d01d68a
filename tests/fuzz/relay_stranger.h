/*
 * What a stranger of fuzz_relay.c can do properly, so that an input needs no luck to get behind a handshake: TLS, a login, a whole DTLS handshake, and the
 * proof of an identity, its own or somebody else's. All of it in steps that the input may order as it likes.
 */
#ifndef RINGCAST_TESTS_FUZZ_RELAY_STRANGER_H
#define RINGCAST_TESTS_FUZZ_RELAY_STRANGER_H

#include "crypto/crypto.h"
#include "io/io_sim.h"
#include "proto/packet.h"

enum { STRANGER_PLAIN_BYTES = 1 << 16 };

struct stranger {
	struct sim_network *network;
	struct crypto_context *stream_context, *datagram_context; /* of clients; the fuzz target's */
	sim_stream stream;
	struct crypto_session *crypto; /* TLS; NULL: plain */
	uint8_t plain[STRANGER_PLAIN_BYTES]; /* read, and not yet understood */
	size_t plain_bytes;
	bool is_upgraded;
	int32_t peer_id;
	uint16_t fast_port;
	char connect_token[PROTO_TOKEN_BYTES_MAX + 1];

	struct address udp, server;
	int socket; /* -1: none */
	struct crypto_session *association;
	int32_t sequence;
};

void stranger_forget(struct stranger *stranger);  /* a new stream, which nothing is known of */
void stranger_fini(struct stranger *stranger);
void stranger_begin_tls(struct stranger *stranger);
void stranger_write(struct stranger *stranger, const void *bytes, size_t size); /* sealed if it can be; before the end of a handshake in clear, as a fool would */
void stranger_begin_dtls(struct stranger *stranger, uint16_t port);              /* from its address to that port, whatever was before */
void stranger_identify(struct stranger *stranger, const struct stranger *as);    /* shows that one's token in this one's association */
void stranger_send_sealed(struct stranger *stranger, struct view plain);         /* any bytes, in a record of the association */
void stranger_read(struct stranger *stranger); /* whatever has come, on both ways; answers what handshakes ask for */

#endif
