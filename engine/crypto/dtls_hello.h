/* What must be known of a DTLS 1.2 ClientHello before anything is kept about its sender: is it a new start, and does it carry a cookie? Pure. */
#ifndef RINGCAST_CRYPTO_DTLS_HELLO_H
#define RINGCAST_CRYPTO_DTLS_HELLO_H

#include "base/types.h"

struct dtls_hello {
	struct view version, random, session_id, cookie, rest; /* into the datagram; rest: suites, compressions and extensions, not looked at */
};

/* False: the datagram does not begin with a whole ClientHello in one record, message_seq and fragments and all. */
bool ringcast_dtls_hello_read(struct view datagram, struct dtls_hello *ret_hello);

#endif
