/*
 * What the kernel says of links, routes and neighbours by rtnetlink, and how it is asked. Pure: bytes in, one change after the other out.
 *
 * Only the kernel writes these bytes. They are read as if a stranger did: lengths within lengths are where such parsers fail.
 */
#ifndef RINGCAST_IO_NETLINK_H
#define RINGCAST_IO_NETLINK_H

#include "base/types.h"
#include "io/ethernet.h"

enum { NETLINK_KIND_BYTES = 16, NETLINK_NAME_BYTES = 16, NETLINK_REQUEST_BYTES = 128 };

enum netlink_told {
	TOLD_OTHER,     /* nothing for us */
	TOLD_LINK,      /* link: as it is now */
	TOLD_LINK_GONE, /* link.index */
	TOLD_NEIGHBOUR, /* neighbour; is_usable false: the kernel does not know where it is */
	TOLD_ROUTE,     /* route: the answer to ask_route, when its sequence is that of the question; else a change of the table */
	TOLD_WAYS,      /* an address or a rule has changed: routes may be others now */
	TOLD_RULE,      /* a rule, one of ask_rules' answers or a change (then ways have changed, too) */
	TOLD_FAILED,    /* the answer to a question: error is -errno, or 0 */
	TOLD_DONE,      /* the last of several answers */
};

struct netlink_link {
	uint32_t index, mtu, queue_count;
	uint8_t mac[ETHERNET_MAC_BYTES];
	char name[NETLINK_NAME_BYTES];
	char kind[NETLINK_KIND_BYTES]; /* "": hardware, or what stands in for it */
	bool is_ethernet, is_up;
};

struct netlink_neighbour {
	uint32_t link;
	uint8_t ip[16];
	uint8_t mac[ETHERNET_MAC_BYTES];
	bool is_usable;
	bool is_permanent; /* nobody needs to look whether it is still there */
};

struct netlink_route {
	uint32_t link;     /* 0: none was named */
	uint32_t mtu;      /* 0: the link's */
	uint32_t hop_limit; /* 0: the system's */
	uint8_t gateway[16], source[16]; /* all zero: none */
	bool is_unicast, is_local, is_wrapped; /* wrapped: by a tunnel or labels that the route itself names */
};

struct netlink_change {
	enum netlink_told kind;
	uint32_t sequence;
	int32_t error;
	bool is_policy; /* of a rule: it is none of the three that every machine has */
	union {
		struct netlink_link link;
		struct netlink_neighbour neighbour;
		struct netlink_route route;
	};
};

/* Takes one message off the front of rest. False: there is none (any more), or what is there is no message. */
bool ringcast_netlink_next(struct view *rest, struct netlink_change *ret_change);

/* Questions: each writes one message to out and returns its size. source all zero: the kernel's choice. */
uint32_t ringcast_netlink_ask_route(uint32_t sequence, const uint8_t target[16], const uint8_t source[16], uint8_t out[NETLINK_REQUEST_BYTES]);
uint32_t ringcast_netlink_ask_link(uint32_t sequence, uint32_t link, uint8_t out[NETLINK_REQUEST_BYTES]);
uint32_t ringcast_netlink_ask_neighbour(uint32_t sequence, uint32_t link, const uint8_t ip[16], uint8_t out[NETLINK_REQUEST_BYTES]);
uint32_t ringcast_netlink_ask_rules(uint32_t sequence, uint8_t out[NETLINK_REQUEST_BYTES]); /* both families; several answers */

#endif
