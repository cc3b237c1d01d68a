/*
 * The way out of datagrams. There are two: the sockets of the backend, and AF_XDP, past the kernel's UDP, which is what costs. The backend asks here for
 * each datagram (when an egress is set up at all); what does not go by AF_XDP it sends by its socket as ever, and the reason is counted.
 *
 *     add     a datagram, or a burst, is written out with all its heads; the caller's bytes are needed no longer
 *     flush   once per run: the kernel is told of what is left; of a few dozen it is told at once
 *
 * Datagrams leave with the address and port of their socket, so answers come there, and all that guards the way in is left as it is. What guards the
 * way out (firewall rules on output, queueing disciplines) is passed by.
 *
 * One egress belongs to one io and its thread.
 */
#ifndef RINGCAST_IO_EGRESS_H
#define RINGCAST_IO_EGRESS_H

#include "io/io.h"
#include "io/ways.h"

struct egress;

/* The socket that a datagram would leave by. */
struct egress_source {
	uint8_t ip[16]; /* all zero: bound to all addresses */
	uint16_t port;
};

struct egress_source ringcast_egress_source_of(const struct address *bound);

/*
 * NULL: reterr says in one line what is missing and how to allow it. queue: each shard has one of its own, on every device. stats is the io's, and counts what
 * leaves here and what does not.
 */
struct egress *ringcast_egress_create(uint32_t receiver_count, uint32_t queue, struct io_stats *stats, char *reterr, size_t reterr_bytes);
/* The same out of an io's options: NULL in *ret_egress when they want none. False: reterr says why there is none. */
bool ringcast_egress_wanted(const struct io_options *options, struct io_stats *stats, struct egress **ret_egress, char *reterr, size_t reterr_bytes);
void ringcast_egress_destroy(struct egress **egress);
enum { EGRESS_RETRY_NS = 500 * 1000 }; /* after which what could not be sent is tried again */
/*
 * False: the socket is to send it. True: it is on its way, or was dropped, since it would have come before what still waits in a ring for its receiver. local: the
 * address to send from, or NULL.
 */
bool ringcast_egress_add(struct egress *egress, const struct egress_source *source, const struct local *local, const struct io_datagram *datagram,
			 uint64_t now_ns);
uint64_t ringcast_egress_memory_bytes(uint32_t receiver_count); /* at most, with a socket on as many devices as there may be */
/* Returns whether something could not be sent yet: flush again soon. */
bool ringcast_egress_flush(struct egress *egress);

#endif
