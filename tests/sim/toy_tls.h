/*
 * A toy in the place of a TLS library, for simulations: the record formats, states and failures of TLS and DTLS 1.2 without their mathematics. It is
 * as strict as the real thing where it matters here: a record out of order, from another session, or changed in one bit fails; DTLS repeats
 * lost flights and refuses replays. Given a seeded random function it does the same thing every time, which no real library promises.
 *
 * Protects nothing from anybody.
 */
#ifndef RINGCAST_TESTS_SIM_TOY_TLS_H
#define RINGCAST_TESTS_SIM_TOY_TLS_H

#include "crypto/crypto.h"

extern const struct crypto_backend ringcast_toy_tls;

#endif
