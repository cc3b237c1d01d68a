#include <criterion/criterion.h>

#include "transport/ratelimit.h"

#define START_NS (5 * NS_PER_S)

static uint64_t taken_in_a_second(uint64_t rate, uint64_t amount, uint64_t step_ns)
{
	struct ratelimit limit = {0};
	uint64_t taken = 0;
	while (ringcast_ratelimit_take(&limit, rate, 1, START_NS)) /* the burst */
		;
	for (uint64_t now_ns = START_NS + step_ns; now_ns <= START_NS + NS_PER_S; now_ns += step_ns)
		while (ringcast_ratelimit_take(&limit, rate, amount, now_ns))
			taken += amount;
	return taken;
}

Test(ratelimit, zero_is_no_limit)
{
	struct ratelimit limit = {0};
	for (int i = 0; i < 1000; i++)
		cr_assert(ringcast_ratelimit_take(&limit, 0, UINT32_MAX, START_NS));
	cr_assert_eq(limit.updated_ns, 0, "nothing is counted");
}

Test(ratelimit, a_burst_of_one_second_then_nothing)
{
	struct ratelimit limit = {0};
	for (int i = 0; i < 2000; i++)
		cr_assert(ringcast_ratelimit_take(&limit, 2000, 1, START_NS));
	cr_assert_not(ringcast_ratelimit_take(&limit, 2000, 1, START_NS));
	cr_assert(ringcast_ratelimit_take(&limit, 2000, 2000, START_NS + NS_PER_S), "full again after a second");
	cr_assert_not(ringcast_ratelimit_take(&limit, 2000, 1, START_NS + NS_PER_S));
}

Test(ratelimit, what_is_refused_takes_nothing)
{
	struct ratelimit limit = {0};
	cr_assert_not(ringcast_ratelimit_take(&limit, 10, 11, START_NS));
	cr_assert(ringcast_ratelimit_take(&limit, 10, 10, START_NS));
}

Test(ratelimit, the_rate_holds_however_often_it_is_asked)
{
	static const uint64_t rates[] = {1, 3, 7, 1000, 2000, 999983};
	static const uint64_t steps_ns[] = {1000, 1700, 100000, 333333, 50000000};
	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++)
		for (size_t j = 0; j < sizeof(steps_ns) / sizeof(*steps_ns); j++) {
			uint64_t taken = taken_in_a_second(rates[i], 1, steps_ns[j]);
			uint64_t asked_ns = NS_PER_S / steps_ns[j] * steps_ns[j];
			uint64_t due = rates[i] * asked_ns / NS_PER_S;
			cr_assert_leq(taken, rates[i], "rate %zu step %zu: %lu", i, j, (unsigned long)taken);
			cr_assert_geq(taken + 2, due, "rate %zu step %zu: %lu of %lu", i, j, (unsigned long)taken, (unsigned long)due);
		}
}

/* Where rate times time no longer fits 64 bits: what was given as "as good as unlimited" limited to nonsense. */
Test(ratelimit, enormous_rates_do_not_limit)
{
	static const uint64_t rates[] = {UINT64_C(20000000000), UINT64_C(1000000000000), UINT64_C(1) << 53, INT64_MAX, UINT64_MAX};
	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		struct ratelimit limit = {0};
		uint64_t now_ns = START_NS;
		for (int j = 0; j < 100000; j++, now_ns += 300000)
			cr_assert(ringcast_ratelimit_take(&limit, rates[i], 65536, now_ns), "rate %zu, take %d", i, j);
	}
}

Test(ratelimit, a_rate_that_is_lowered_holds_at_once)
{
	struct ratelimit limit = {0};
	cr_assert(ringcast_ratelimit_take(&limit, 1000000, 1, START_NS));
	for (int i = 0; i < 10; i++)
		cr_assert(ringcast_ratelimit_take(&limit, 10, 1, START_NS + 1));
	cr_assert_not(ringcast_ratelimit_take(&limit, 10, 1, START_NS + 2));
}

Test(ratelimit, time_that_stands_or_goes_back_gives_nothing)
{
	struct ratelimit limit = {0};
	cr_assert(ringcast_ratelimit_take(&limit, 5, 5, START_NS));
	cr_assert_not(ringcast_ratelimit_take(&limit, 5, 1, START_NS));
	cr_assert_not(ringcast_ratelimit_take(&limit, 5, 1, START_NS - NS_PER_S));
}
