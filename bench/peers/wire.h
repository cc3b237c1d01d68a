/* How a publisher and a subscriber speak to each relay that is measured: a table, one row a protocol. */
#ifndef RINGCAST_BENCH_PEERS_WIRE_H
#define RINGCAST_BENCH_PEERS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PEER_WIRE_BYTES_MAX = 8192 };

struct peer_wire {
	const char *name;
	/* Until the member is in its group; blocking. False: the relay does not want us. */
	bool (*join)(int fd, uint32_t group, uint32_t member);
	/* One message to the group; the number of bytes. */
	size_t (*encode)(uint8_t *out, uint32_t group, const uint8_t *payload, size_t size);
};

const struct peer_wire *ringcast_peer_wire_find(const char *name); /* NULL: not known */
const char *ringcast_peer_wire_names(void);

#endif
