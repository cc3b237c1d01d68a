/*
 * The PROXY protocol, versions 1 and 2: what a load balancer that passes TCP on says first, before TLS and all else, about whom it speaks for.
 * Whoever may say it may claim any address, so it is taken from trusted addresses only, and asked of all of them.
 *
 * Pure. Bytes are never trusted: a header is whole, incomplete, or none.
 */
#ifndef RINGCAST_TRANSPORT_PROXY_HEADER_H
#define RINGCAST_TRANSPORT_PROXY_HEADER_H

#include "base/types.h"

enum { PROXY_RANGES_MAX = 16, PROXY_HEADER_BYTES_MAX = 1024 }; /* version 1 has 107 at most; version 2 may bring further values, which are skipped */

struct proxy_range {
	uint8_t ip[16];
	uint8_t bit_count; /* of ip, IPv4 being ::ffff:a.b.c.d */
};

struct proxy_ranges {
	struct proxy_range items[PROXY_RANGES_MAX];
	uint32_t count; /* 0: nobody is trusted */
};

/* "10.0.0.0/8, fd00::/8, 192.0.2.7". False: something else, or more than fit; ret_ranges is untouched then. NULL and "": none. */
bool ringcast_proxy_ranges_parse(const char *text, struct proxy_ranges *ret_ranges);
bool ringcast_proxy_ranges_have(const struct proxy_ranges *ranges, const struct address *address);

enum proxy_result { PROXY_OK, PROXY_NEED_MORE, PROXY_INVALID };

struct proxy_header {
	size_t size;         /* what follows is the client's */
	bool has_source;     /* false: the balancer speaks for itself, as in its health checks */
	struct address source;
};

/* Given more of the same bytes, OK and INVALID stay what they are. NEED_MORE only below PROXY_HEADER_BYTES_MAX. */
enum proxy_result ringcast_proxy_header_parse(struct view bytes, struct proxy_header *ret_header);

#endif
