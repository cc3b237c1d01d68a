/* What bots send: a payload that says where it belongs, so that a byte in the wrong place is seen. Pure. */
#ifndef RINGCAST_TESTS_SIM_PAYLOAD_H
#define RINGCAST_TESTS_SIM_PAYLOAD_H

#include "base/types.h"

enum { PAYLOAD_BYTES_MIN = 24, PAYLOAD_BYTES_MAX = 4096 };

struct payload {
	uint32_t session, sender, message; /* indices of the world's */
};

/* Fills size bytes (at least PAYLOAD_BYTES_MIN): tag, filler that follows from the tag, checksum over all of it. */
void ringcast_payload_encode(const struct payload *payload, uint8_t *out, size_t size);
bool ringcast_payload_decode(struct view bytes, struct payload *ret_payload); /* false: not one of ours, or changed */

#endif
