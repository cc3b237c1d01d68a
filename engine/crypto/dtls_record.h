/* The clear-text frame of DTLS 1.2 records. */
#ifndef RINGCAST_CRYPTO_DTLS_RECORD_H
#define RINGCAST_CRYPTO_DTLS_RECORD_H

#include "base/types.h"

enum {
	DTLS_HEADER_BYTES = 13, /* type, version, epoch, sequence, length */
	DTLS_CONTENT_CHANGE_CIPHER_SPEC = 20,
	DTLS_CONTENT_ALERT = 21,
	DTLS_CONTENT_HANDSHAKE = 22,
	DTLS_CONTENT_DATA = 23,
	DTLS_HANDSHAKE_CLIENT_HELLO = 1,
	DTLS_HANDSHAKE_CLIENT_KEY_EXCHANGE = 16,
};

struct dtls_record {
	uint8_t type;
	uint16_t epoch;
	struct view body; /* into the datagram */
};

/* Takes the first record off bytes; false: it is not one, or not all of it is there. */
bool ringcast_dtls_next_record(struct view *bytes, struct dtls_record *ret_record);
/* A handshake message of this type, at the start of the record; its header is all there. */
bool ringcast_dtls_is_handshake(const struct dtls_record *record, uint8_t type);
/* A ClientHello in clear, from first to last byte in this record: in parts it could not be answered without keeping something. */
bool ringcast_dtls_is_whole_hello(const struct dtls_record *record);
/* Of two bytes: 1.0 as hellos carry it, or 1.2. */
bool ringcast_dtls_is_version(const uint8_t *version);

#endif
