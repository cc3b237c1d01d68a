#include "base/prng.h"

#include "base/assert.h"

static uint64_t rotate_left(uint64_t value, unsigned count)
{
	return (value << count) | (value >> (64 - count));
}

/* splitmix64: spreads one seed word over the state, so that near seeds give unrelated streams and no seed gives the zero state. */
static uint64_t seed_next(uint64_t *seed)
{
	uint64_t z = *seed += UINT64_C(0x9E3779B97F4A7C15);
	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

void ringcast_prng_init(struct prng *prng, uint64_t seed)
{
	for (unsigned i = 0; i < 4; i++)
		prng->state[i] = seed_next(&seed);
}

uint64_t ringcast_prng_next(struct prng *prng)
{
	uint64_t *state = prng->state;
	uint64_t result = rotate_left(state[1] * 5, 7) * 9;
	uint64_t shifted = state[1] << 17;
	state[2] ^= state[0];
	state[3] ^= state[1];
	state[1] ^= state[2];
	state[0] ^= state[3];
	state[2] ^= shifted;
	state[3] = rotate_left(state[3], 45);
	return result;
}

/* Lemire's method: the high half of a product, redrawn in the rare case that the low half falls into the uneven remainder. */
uint64_t ringcast_prng_below(struct prng *prng, uint64_t bound)
{
	ringcast_assert(bound > 0);
	unsigned __int128 product = (unsigned __int128)ringcast_prng_next(prng) * bound;
	if ((uint64_t)product < bound) {
		uint64_t uneven = -bound % bound;
		while ((uint64_t)product < uneven)
			product = (unsigned __int128)ringcast_prng_next(prng) * bound;
	}
	return (uint64_t)(product >> 64);
}

bool ringcast_prng_chance(struct prng *prng, uint32_t numerator, uint32_t denominator)
{
	ringcast_assert(denominator > 0);
	return ringcast_prng_below(prng, denominator) < numerator;
}

/* Bytes in little-endian order, on any machine: a seed must mean the same everywhere. */
void ringcast_prng_fill(struct prng *prng, void *out, size_t size)
{
	uint8_t *bytes = out;
	uint64_t word = 0;
	for (size_t i = 0; i < size; i++) {
		if (i % 8 == 0)
			word = ringcast_prng_next(prng);
		bytes[i] = (uint8_t)(word >> (8 * (i % 8)));
	}
}
