/* The datagrams of a flood: what somebody who wants to hurt a DTLS server sends. Each kind aims at another thing that such a server may keep or do. */
#ifndef RINGCAST_BENCH_FLOOD_ATTACK_H
#define RINGCAST_BENCH_FLOOD_ATTACK_H

#include "base/prng.h"

enum attack {
#define ATTACK(id, name, text) ATTACK_##id,
#include "bench/flood/attack.def"
#undef ATTACK
	ATTACK_COUNT
};

enum { ATTACK_DATAGRAM_BYTES_MAX = 1472, ATTACK_COOKIE_BYTES_MAX = 255 };

extern const char *const ringcast_attack_names[ATTACK_COUNT];
extern const char *const ringcast_attack_texts[ATTACK_COUNT];

/* Writes a datagram of this kind; returns its size. ATTACK_HALF_OPEN: cookie is what the server gave, random what the first hello had. */
size_t ringcast_attack_make(enum attack attack, struct prng *prng, uint8_t out[ATTACK_DATAGRAM_BYTES_MAX]);
/* A ClientHello that an honest client would send; cookie may be empty. */
size_t ringcast_attack_hello(const uint8_t random[32], struct view cookie, uint8_t out[ATTACK_DATAGRAM_BYTES_MAX]);
/* The cookie of a HelloVerifyRequest; false: it is none. */
bool ringcast_attack_cookie(struct view datagram, struct view *ret_cookie);

#endif
