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
};

struct dtls_record {
	uint8_t type;
	uint16_t epoch;
	struct view body; /* into the datagram */
};

/* Takes the first record off bytes; false: it is not one, or not all of it is there. */
bool ringcast_dtls_next_record(struct view *bytes, struct dtls_record *ret_record);
/* Of two bytes: 1.0 as hellos carry it, or 1.2. */
bool ringcast_dtls_is_version(const uint8_t *version);

#endif
