/* What swarms draw of chance. */
#ifndef RINGCAST_TESTS_SIM_DRAW_H
#define RINGCAST_TESTS_SIM_DRAW_H

#include "base/prng.h"

static inline uint32_t draw_between(struct prng *prng, uint32_t min, uint32_t max)
{
	return min + (uint32_t)ringcast_prng_below(prng, max - min + 1);
}

/* Two faults in three are off in a run: combinations show what everything at once would hide. */
static inline uint32_t draw_maybe(struct prng *prng, uint32_t max)
{
	uint32_t chance = draw_between(prng, 1, max);
	return ringcast_prng_chance(prng, 1, 3) ? chance : 0;
}

#endif
