#include <criterion/criterion.h>

#include "base/time_histogram.h"

static unsigned bucket_of(uint64_t ns)
{
	struct time_histogram histogram = {0};
	unsigned bucket = 0;
	ringcast_time_histogram_add(&histogram, ns);
	cr_assert_eq(histogram.sum_ns, ns);
	while (histogram.counts[bucket] == 0)
		bucket++;
	cr_assert_eq(histogram.counts[bucket], 1);
	return bucket;
}

Test(time_histogram, bounds_grow_and_a_value_lies_between_two)
{
	for (unsigned i = 0; i < TIME_HISTOGRAM_BUCKETS - 1; i++) {
		uint64_t bound_ns = ringcast_time_histogram_bound_ns(i);
		cr_assert_lt(bound_ns, ringcast_time_histogram_bound_ns(i + 1));
		cr_assert_eq(bucket_of(bound_ns - 1), i, "%lu ns", (unsigned long)(bound_ns - 1));
		cr_assert_eq(bucket_of(bound_ns), i + 1, "%lu ns", (unsigned long)bound_ns);
	}
}

Test(time_histogram, ends)
{
	cr_assert_eq(bucket_of(0), 0);
	cr_assert_eq(bucket_of(UINT64_MAX), TIME_HISTOGRAM_BUCKETS - 1);
	cr_assert_eq(ringcast_time_histogram_bound_ns(TIME_HISTOGRAM_BUCKETS - 1), UINT64_MAX);
	cr_assert_gt(ringcast_time_histogram_bound_ns(TIME_HISTOGRAM_BUCKETS - 2), 8 * NS_PER_S);
}

Test(time_histogram, bounds_are_within_a_half_of_each_other)
{
	for (unsigned i = 1; i < TIME_HISTOGRAM_BUCKETS - 1; i++)
		cr_assert_leq(2 * ringcast_time_histogram_bound_ns(i), 3 * ringcast_time_histogram_bound_ns(i - 1));
}
