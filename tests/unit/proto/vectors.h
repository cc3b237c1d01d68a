/* Packets captured between real Realtime clients (C# SDK 1.2.0, a JavaScript client) and a probe server, and what they say. */
#ifndef RINGCAST_TESTS_PROTO_VECTORS_H
#define RINGCAST_TESTS_PROTO_VECTORS_H

#include "proto/packet.h"

struct vector {
	const char *name;
	const char *hex; /* spaces allowed */
	struct packet packet;
};

extern const struct vector vectors[];
extern const size_t vector_count;

/* Hex digits to bytes; aborts on anything else. Returns the number of bytes. */
size_t vector_bytes(const char *hex, uint8_t *out, size_t capacity_bytes);

#endif
