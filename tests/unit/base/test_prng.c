#include <signal.h>

#include "base/prng.h"
#include "tests/unit/base/check.h"

/* Published vectors: splitmix64 of seed 0 fills the state; xoshiro256** from the state 1, 2, 3, 4. */
Test(prng, matches_published_vectors)
{
	static const uint64_t state_of_seed_0[4] = {UINT64_C(0xE220A8397B1DCDAF), UINT64_C(0x6E789E6AA1B965F4),
						    UINT64_C(0x06C45D188009454F), UINT64_C(0xF88BB8A8724C81EC)};
	static const uint64_t outputs[] = {11520, 0, 1509978240, UINT64_C(1215971899390074240)};
	struct prng prng;
	ringcast_prng_init(&prng, 0);
	cr_assert_arr_eq(prng.state, state_of_seed_0, sizeof(state_of_seed_0));
	prng = (struct prng){.state = {1, 2, 3, 4}};
	for (size_t i = 0; i < ARRAY_COUNT(outputs); i++)
		cr_assert_eq(ringcast_prng_next(&prng), outputs[i], "output %zu", i);
}

Test(prng, below_stays_below_and_reaches_both_ends)
{
	static const uint64_t bounds[] = {1, 2, 3, 7, 16, 100};
	struct prng prng;
	ringcast_prng_init(&prng, 3);
	for (size_t b = 0; b < ARRAY_COUNT(bounds); b++) {
		uint64_t counts[100] = {0};
		for (unsigned i = 0; i < 20000; i++) {
			uint64_t value = ringcast_prng_below(&prng, bounds[b]);
			check(value < bounds[b], "bound %lu", bounds[b]);
			counts[value]++;
		}
		/* Each value within a third of its share: some five standard deviations at the largest bound. */
		for (uint64_t v = 0; v < bounds[b]; v++)
			check(counts[v] * bounds[b] * 3 > 20000 * 2 && counts[v] * bounds[b] * 3 < 20000 * 4, "bound %lu value %lu",
			      bounds[b], v);
	}
}

/*
 * A bound of 3/4 of the range shows the uneven remainder: a plain modulo would give the lower third twice as often as the rest, a
 * product without redraw every third value.
 */
Test(prng, below_is_even_for_huge_bounds)
{
	struct prng prng;
	uint64_t bound = UINT64_C(3) << 62, third = bound / 3;
	unsigned counts[3] = {0}, residue_counts[3] = {0};
	ringcast_prng_init(&prng, 4);
	for (unsigned i = 0; i < 30000; i++) {
		uint64_t value = ringcast_prng_below(&prng, bound);
		check(value < bound, "draw %u", i);
		counts[value / third]++;
		residue_counts[value % 3]++;
	}
	for (unsigned i = 0; i < 3; i++) {
		check(counts[i] > 9500 && counts[i] < 10500, "third %u drawn %u times", i, counts[i]);
		check(residue_counts[i] > 9500 && residue_counts[i] < 10500, "residue %u drawn %u times", i, residue_counts[i]);
	}
}

Test(prng, chance_matches_its_fraction)
{
	static const struct {
		uint32_t numerator, denominator, count_min, count_max; /* of 10000 */
	} cases[] = {{0, 10, 0, 0}, {10, 10, 10000, 10000}, {20, 10, 10000, 10000}, {1, 2, 4700, 5300}, {1, 10, 850, 1150}};
	struct prng prng;
	ringcast_prng_init(&prng, 5);
	for (size_t c = 0; c < ARRAY_COUNT(cases); c++) {
		unsigned count = 0;
		for (unsigned i = 0; i < 10000; i++)
			count += ringcast_prng_chance(&prng, cases[c].numerator, cases[c].denominator);
		check(count >= cases[c].count_min && count <= cases[c].count_max, "case %zu: %u", c, count);
	}
}

Test(prng, fill_writes_exactly_size_bytes_of_the_stream)
{
	for (size_t size = 0; size <= 40; size++) {
		uint8_t bytes[48];
		struct prng filling, reference;
		ringcast_prng_init(&filling, 9);
		ringcast_prng_init(&reference, 9);
		memset(bytes, 0xEE, sizeof(bytes));
		ringcast_prng_fill(&filling, bytes, size);
		for (size_t i = 0; i < size; i += 8) {
			uint64_t word = ringcast_prng_next(&reference);
			for (size_t k = i; k < size && k < i + 8; k++)
				check(bytes[k] == (uint8_t)(word >> (8 * (k - i))), "size %zu byte %zu", size, k);
		}
		check(bytes[size] == 0xEE, "size %zu: wrote beyond the end", size);
		check(ringcast_prng_next(&filling) == ringcast_prng_next(&reference), "size %zu: streams differ afterwards", size);
	}
}

Test(prng, a_bound_of_zero_aborts, .signal = SIGABRT)
{
	struct prng prng;
	ringcast_prng_init(&prng, 1);
	(void)ringcast_prng_below(&prng, 0);
}
