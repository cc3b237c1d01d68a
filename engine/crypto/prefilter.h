/*
 * Looks at every datagram before a library does. A session is lost to one forged datagram in more libraries than one, so what cannot be
 * DTLS 1.2 of this moment never gets there. Pure: a function of the bytes and of one bit.
 */
#ifndef RINGCAST_CRYPTO_PREFILTER_H
#define RINGCAST_CRYPTO_PREFILTER_H

#include "base/types.h"

enum crypto_prefilter {
	CRYPTO_PREFILTER_FEED,   /* records, all well formed: to the session */
	CRYPTO_PREFILTER_LISTEN, /* a ClientHello in clear: to ringcast_crypto_listen, or to a half-open session whose hello it repeats */
	CRYPTO_PREFILTER_DROP_MALFORMED, /* not records from first to last byte; or a ClientHello in parts, or behind something else */
	CRYPTO_PREFILTER_DROP_SHORT,     /* a sealed record with no room for nonce, tag and one byte */
	CRYPTO_PREFILTER_DROP_PLAINTEXT, /* clear records that nobody sends now: data at any time, alerts and other handshakes on a live
					    session */
};

/* is_established: the handshake with this sender is complete. False for an unknown sender and for one in the midst of it. */
enum crypto_prefilter ringcast_crypto_prefilter(struct view datagram, bool is_established);

/*
 * Whether a datagram on a port that serves both is meant as DTLS: a content type of records and a DTLS version. A plain Realtime datagram
 * starts with a varint that is the length of what follows, then a field tag: fe is none of the packet's tags, so no plain packet looks like
 * this.
 */
bool ringcast_crypto_is_dtls(struct view datagram);

#endif
