/* xoshiro256** seeded by splitmix64: fast, reproducible, NOT for secrets (those come from io's entropy). */
#ifndef RINGCAST_BASE_PRNG_H
#define RINGCAST_BASE_PRNG_H

#include "base/types.h"

struct prng {
	uint64_t state[4];
};

void ringcast_prng_init(struct prng *prng, uint64_t seed);
uint64_t ringcast_prng_next(struct prng *prng);
uint64_t ringcast_prng_below(struct prng *prng, uint64_t bound); /* [0, bound), bound > 0 */
bool ringcast_prng_chance(struct prng *prng, uint32_t numerator, uint32_t denominator);
void ringcast_prng_fill(struct prng *prng, void *out, size_t size);

#endif
