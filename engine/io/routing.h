/*
 * The kernel's word on links, routes, neighbours and rules: two netlink sockets, one to ask by and one on which it tells of its own accord. What bytes mean
 * is netlink.h's business, what is made of it egress.c's.
 */
#ifndef RINGCAST_IO_ROUTING_H
#define RINGCAST_IO_ROUTING_H

#include "base/types.h"
#include "io/netlink.h"

enum { ROUTING_BYTES = 16384 };

struct routing {
	int ask_fd, note_fd;
	uint32_t sequence;
	_Alignas(8) uint8_t bytes[ROUTING_BYTES];
};

enum routing_heard { HEARD_NOTHING, HEARD_CHANGES, HEARD_TOO_MUCH };

typedef void routing_fn(void *context, const struct netlink_change *change);

bool ringcast_routing_open(struct routing *routing); /* false: errno says why; close it all the same */
void ringcast_routing_close(struct routing *routing);
/* Nothing is waited for. TOLD_FAILED: the kernel does not know, or would not say. */
struct netlink_change ringcast_routing_ask_route(struct routing *routing, const uint8_t target[16], const uint8_t source[16]);
struct netlink_change ringcast_routing_ask_link(struct routing *routing, uint32_t link);
struct netlink_change ringcast_routing_ask_neighbour(struct routing *routing, uint32_t link, const uint8_t ip[16]);
/* Each rule goes to each. False: that were not all. */
bool ringcast_routing_ask_rules(struct routing *routing, routing_fn *each, void *context);
/* What it has told since, as far as one datagram holds it. HEARD_TOO_MUCH: more than there was room for, and some of it is lost. */
enum routing_heard ringcast_routing_hear(struct routing *routing, routing_fn *each, void *context);

#endif
