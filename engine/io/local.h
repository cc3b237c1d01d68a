/*
 * Which of the machine's own addresses a datagram came to. A socket bound to all of them does not say by itself, and would answer from
 * whichever the route prefers: a client that asked another one never hears that. Each address seen gets a small number, so that a player's
 * path needs two bytes for it. IPv6 link-local addresses keep their interface.
 *
 * And which receivers' routes have refused a segmented send. That is a property of the way to one receiver (its MTU, its device), which may
 * change: it is remembered per address, and for a while.
 *
 * Both belong to one io and its thread; both are bounded and never grow.
 */
#ifndef RINGCAST_IO_LOCAL_H
#define RINGCAST_IO_LOCAL_H

#include "base/types.h"

enum { LOCAL_COUNT_MAX = 512, LOCAL_SLOT_COUNT = 1024, REFUSAL_SLOT_COUNT = 512 };

#define REFUSAL_NS (60 * NS_PER_S)

typedef uint16_t io_local; /* 0: not known, or left to the route */

struct local {
	uint8_t ip[16];
	uint32_t interface; /* of a link-local address; else 0 */
};

struct local_table {
	struct local slots[LOCAL_SLOT_COUNT];
	uint32_t count;
};

/* 0 when the table is full: answers then leave by the route's own choice. */
io_local ringcast_local_number(struct local_table *table, const struct local *local);
const struct local *ringcast_local_of(const struct local_table *table, io_local number); /* NULL: 0 */
/* The same by value, for who tells it to another io: all zero for 0, which all zero has as its number everywhere. */
struct local ringcast_local_read(const struct local_table *table, io_local number);

struct refusal_table {
	struct {
		uint64_t key, until_ns;
	} slots[REFUSAL_SLOT_COUNT];
	uint64_t last_until_ns; /* 0: nobody has refused */
};

void ringcast_refusal_note(struct refusal_table *table, const struct address *receiver, uint64_t now_ns);
bool ringcast_refusal_holds(const struct refusal_table *table, const struct address *receiver, uint64_t now_ns);

#endif
