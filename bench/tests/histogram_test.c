#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/prng.h"
#include "bench/histogram.h"

enum { VALUE_COUNT = 100000 };

static int compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
	return left < right ? -1 : left > right;
}

/* Nearest rank, as the header says. */
static uint64_t exact(const uint64_t *sorted, size_t count, uint32_t percent_thousandths)
{
	size_t rank = (count * percent_thousandths + 99999) / 100000;
	return sorted[rank > 0 ? rank - 1 : 0];
}

static void check_against_exact(uint64_t *values, size_t count)
{
	static const uint32_t percentiles[] = {0, 1000, 50000, 90000, 99000, 99900, 99990, 100000};
	struct histogram *histogram = calloc(1, sizeof(*histogram));
	for (size_t i = 0; i < count; i++)
		ringcast_histogram_add(histogram, values[i]);
	qsort(values, count, sizeof(*values), compare);
	for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++) {
		uint64_t wanted = exact(values, count, percentiles[i]), got = ringcast_histogram_percentile(histogram, percentiles[i]);
		cr_assert(got >= wanted && got - wanted <= wanted / 128, "%u: %lu, exact %lu", percentiles[i], (unsigned long)got, (unsigned long)wanted);
	}
	cr_assert_eq(histogram->min, values[0]);
	cr_assert_eq(histogram->max, values[count - 1]);
	cr_assert_eq(histogram->count, count);
	free(histogram);
}

Test(histogram, agrees_with_sorted_values)
{
	struct prng prng;
	uint64_t *values = malloc(VALUE_COUNT * sizeof(*values));
	ringcast_prng_init(&prng, 7);
	for (unsigned bits = 1; bits <= HISTOGRAM_VALUE_BITS; bits++) {
		for (size_t i = 0; i < VALUE_COUNT; i++)
			values[i] = ringcast_prng_below(&prng, UINT64_C(1) << (1 + ringcast_prng_below(&prng, bits)));
		for (size_t i = 0; i < VALUE_COUNT; i++)
			values[i] = values[i] > HISTOGRAM_VALUE_MAX ? HISTOGRAM_VALUE_MAX : values[i];
		check_against_exact(values, VALUE_COUNT);
	}
	free(values);
}

Test(histogram, small_counts_are_exact)
{
	uint64_t one[] = {42}, two[] = {10, 20}, same[] = {5, 5, 5, 5};
	check_against_exact(one, 1);
	check_against_exact(two, 2);
	check_against_exact(same, 4);
}

/* Every bucket edge: a value and its neighbours must come back within the promised error. */
Test(histogram, edges_of_buckets)
{
	struct histogram *histogram = calloc(1, sizeof(*histogram));
	for (unsigned bits = 0; bits < HISTOGRAM_VALUE_BITS; bits++) {
		for (int64_t offset = -1; offset <= 1; offset++) {
			uint64_t value = (UINT64_C(1) << bits) + (uint64_t)offset;
			*histogram = (struct histogram){0};
			ringcast_histogram_add(histogram, value);
			cr_assert_eq(ringcast_histogram_percentile(histogram, 50000), value);
			ringcast_histogram_add(histogram, HISTOGRAM_VALUE_MAX);
			uint64_t got = ringcast_histogram_percentile(histogram, 50000);
			cr_assert(got >= value && got - value <= value / 128);
		}
	}
	free(histogram);
}

Test(histogram, beyond_the_last_bucket_is_counted_there)
{
	struct histogram *histogram = calloc(1, sizeof(*histogram));
	ringcast_histogram_add(histogram, UINT64_MAX);
	cr_assert_eq(ringcast_histogram_percentile(histogram, 100000), HISTOGRAM_VALUE_MAX);
	free(histogram);
}

Test(histogram, empty_says_zero)
{
	struct histogram *histogram = calloc(1, sizeof(*histogram));
	cr_assert_eq(ringcast_histogram_percentile(histogram, 99000), 0);
	cr_assert_eq(ringcast_histogram_mean(histogram), 0);
	free(histogram);
}

Test(histogram, merging_is_adding)
{
	struct prng prng;
	struct histogram *parts = calloc(3, sizeof(*parts));
	ringcast_prng_init(&prng, 11);
	for (size_t i = 0; i < VALUE_COUNT; i++) {
		uint64_t value = ringcast_prng_below(&prng, 1000000);
		ringcast_histogram_add(&parts[i % 2], value);
		ringcast_histogram_add(&parts[2], value);
	}
	ringcast_histogram_merge(&parts[0], &parts[1]);
	cr_assert_arr_eq(&parts[0], &parts[2], sizeof(parts[2]));
	struct histogram *empty = calloc(1, sizeof(*empty));
	ringcast_histogram_merge(&parts[0], empty);
	cr_assert_arr_eq(&parts[0], &parts[2], sizeof(parts[2]));
	free(empty);
	free(parts);
}

Test(histogram, each_value_is_in_the_first_bucket_whose_top_it_does_not_exceed)
{
	static const uint64_t values[] = {0, 1, 255, 256, 257, 1000, 123456789, HISTOGRAM_VALUE_MAX};
	struct histogram *histogram = calloc(1, sizeof(*histogram));
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		unsigned bucket = 0;
		*histogram = (struct histogram){0};
		ringcast_histogram_add(histogram, values[i]);
		while (ringcast_histogram_bucket_top(bucket) < values[i])
			bucket++;
		cr_assert_eq(histogram->buckets[bucket], 1, "%lu", (unsigned long)values[i]);
	}
	free(histogram);
}
