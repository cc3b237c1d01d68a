/*
 * Whether DTLS of a library is safe to offer: a client and a server of it shake hands in memory, and then what was seen to go wrong with
 * releases of these libraries is tried. Takes about a millisecond, at the start.
 */
#ifndef RINGCAST_CRYPTO_SELFTEST_H
#define RINGCAST_CRYPTO_SELFTEST_H

#include "crypto/crypto.h"

/* False with the reason. Other DTLS may not be used then; TLS may. */
bool ringcast_crypto_selftest_dtls(const struct crypto_backend *backend, char *reterr, size_t reterr_bytes);

#endif
