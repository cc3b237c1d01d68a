/*
 * Gathers the records a library writes during one call and sends them as few datagrams: libraries write a flight message by message, and a
 * client that holds one pending datagram loses whatever else comes. One flight per thread, empty between calls.
 */
#ifndef RINGCAST_CRYPTO_FLIGHT_H
#define RINGCAST_CRYPTO_FLIGHT_H

#include "crypto/crypto_private.h"

void ringcast_flight_add(struct crypto_session *session, const void *records, size_t size);
/* Emits what was added; cuts between records only. A record larger than a datagram may be goes alone. */
void ringcast_flight_send(struct crypto_session *session);
size_t ringcast_flight_size(void);
void ringcast_flight_forget(void);

#endif
