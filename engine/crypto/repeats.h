/*
 * Which clear-text messages a session whose handshake is complete may still be shown. A peer that lost our last flight repeats its own, and
 * part of that is in clear; but a message that anybody could have forged must not reach the library then: wolfSSL 5.9.2 gives up the
 * session over it. A repeat says again what was said before, and who forges from elsewhere does not know what that was. So the newest
 * messages are remembered by hash, until the peer's first data proves that our flight arrived; from then on nothing in clear is taken.
 */
#ifndef RINGCAST_CRYPTO_REPEATS_H
#define RINGCAST_CRYPTO_REPEATS_H

#include "base/types.h"

enum { REPEATS_COUNT = 4 };

struct repeats {
	uint64_t seen[REPEATS_COUNT];
	uint8_t next_index;
	bool is_over; /* data came */
};

/* During the handshake. */
void ringcast_repeats_note(struct repeats *repeats, struct view datagram);
/* After it: whether the session may see the datagram. */
bool ringcast_repeats_allow(const struct repeats *repeats, struct view datagram);

#endif
