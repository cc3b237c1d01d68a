/*
 * The ways to receivers, as far as AF_XDP can take them: for each receiver's address the device, the next hop's hardware address, the head of its
 * datagrams; or why it must go by the socket. Pure: egress.c asks the kernel what is missing here, and tells what it hears.
 *
 * A way is the kernel's own answer, kept for ten seconds (for large datagrams one, see is_sure), or until routes, addresses, rules or links change. Neighbours are followed as they come and
 * go. All tables are bounded; what is forgotten is asked for again.
 */
#ifndef RINGCAST_IO_WAYS_H
#define RINGCAST_IO_WAYS_H

#include "base/types.h"
#include "io/egress_reason.h"
#include "io/ethernet.h"
#include "io/netlink.h"

enum { WAYS_LINK_COUNT_MAX = 64, WAYS_DEVICE_COUNT_MAX = 4, WAYS_ROW = 4 };

#define WAYS_FRESH_NS (10 * NS_PER_S)
#define WAYS_SURE_NS NS_PER_S
#define WAYS_REFRESH_NS NS_PER_S

struct way_neighbour {
	uint32_t link;
	uint8_t ip[16];
	uint8_t mac[ETHERNET_MAC_BYTES];
	bool is_used, is_usable, is_permanent, is_asked;
	uint32_t version;      /* counts changes of mac */
	uint64_t refreshed_ns; /* when the kernel was last given something to send there */
};

/* What was last sent to a receiver, and how. It outlives the kernel's answer, so that nothing overtakes it on another way. */
struct way_trail {
	uint64_t socket_round; /* what is sent in that round goes by the socket from then on, for socket_reason: none overtakes another */
	uint64_t xdp_count;    /* the place of the last frame among its AF_XDP socket's */
	uint32_t xdp_serial;   /* which AF_XDP socket that was; 0: none */
	uint8_t socket_reason;
};

struct way {
	uint8_t target[16], source[16]; /* source as asked for: zero, the route's choice */
	uint64_t asked_ns;
	struct way_trail trail;
	uint32_t generation;
	uint32_t neighbour, neighbour_version;
	uint32_t mtu;
	uint32_t link;
	uint8_t reason; /* EGRESS_NONE: by AF_XDP, as long as link and neighbour are there */
	bool is_used;
	struct ethernet_head head;
};

struct way_link {
	struct netlink_link link;
	bool is_used;
};

struct ways {
	struct way *ways; /* rows of WAYS_ROW */
	uint32_t row_count;
	struct way_neighbour *neighbours;
	uint32_t neighbour_capacity, neighbour_count;
	struct way_link links[WAYS_LINK_COUNT_MAX];
	uint32_t generation; /* of all that routes rest on; ways of another one are asked for again */
	uint32_t turn;       /* who of a full row is forgotten next */
	bool has_policy;
	uint64_t seed;
};

bool ringcast_ways_init(struct ways *ways, uint32_t receiver_count, uint64_t seed); /* seed: secret. False: no memory */
void ringcast_ways_fini(struct ways *ways);
uint64_t ringcast_ways_memory_bytes(uint32_t receiver_count);
/* NULL: not known, or not any more. */
struct way *ringcast_ways_find(const struct ways *ways, const uint8_t target[16], const uint8_t source[16], uint64_t now_ns);
/* The same however old it is, for its trail. */
struct way *ringcast_ways_seek(const struct ways *ways, const uint8_t target[16], const uint8_t source[16]);
/*
 * Whether a datagram of that size may rely on the answer. The kernel learns of narrow paths by what comes back, and tells nobody; so what not every path takes
 * wants an answer that is a second old at most.
 */
bool ringcast_ways_is_sure(const struct way *way, uint32_t size, uint64_t now_ns);
/* A place for what the kernel will answer: EGRESS_NO_ROUTE until then. Somebody else's way may have to go. */
struct way *ringcast_ways_add(struct ways *ways, const uint8_t target[16], const uint8_t source[16], uint64_t now_ns);
/* The kernel's answer. The way's link must be known by now, or it is EGRESS_DEVICE. */
void ringcast_ways_settle(struct ways *ways, struct way *way, const struct netlink_route *route);
/* A link that ways lead through: its changes are followed from now on. */
void ringcast_ways_put_link(struct ways *ways, const struct netlink_link *link);
const struct netlink_link *ringcast_ways_link(const struct ways *ways, uint32_t link); /* NULL: not known */
struct way_neighbour *ringcast_ways_neighbour(struct ways *ways, const struct way *way); /* NULL: the way has none */
/*
 * By AF_XDP or not, this time: the reason, after the head has been given the neighbour's address of now. Once a second one receiver of each next hop is
 * sent by the socket, so that the kernel does not take its neighbour for unused.
 */
enum egress_reason ringcast_ways_judge(struct ways *ways, struct way *way, uint32_t size, uint64_t now_ns);
/* What the kernel has told of its own accord, or as an answer about neighbours and rules. */
void ringcast_ways_apply(struct ways *ways, const struct netlink_change *change);
void ringcast_ways_forget(struct ways *ways); /* everything: something that was told has been missed */

#endif
