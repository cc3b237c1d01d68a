/*
 * Counts of values (nanoseconds) in log-linear buckets: exact below 256, then 128 buckets per power of two, so that any percentile is at
 * most 1/128 above the true one. Fixed memory, constant time per value. Values above HISTOGRAM_VALUE_MAX are counted as that.
 */
#ifndef RINGCAST_BENCH_HISTOGRAM_H
#define RINGCAST_BENCH_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum {
	HISTOGRAM_SUB_BITS = 7,
	HISTOGRAM_VALUE_BITS = 40, /* 18 minutes */
	HISTOGRAM_BUCKET_COUNT = (HISTOGRAM_VALUE_BITS - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS,
};
#define HISTOGRAM_VALUE_MAX ((UINT64_C(1) << HISTOGRAM_VALUE_BITS) - 1)

/* Zeroed is empty. */
struct histogram {
	uint64_t count;
	uint64_t sum;
	uint64_t min, max; /* exact; 0 while empty */
	uint64_t buckets[HISTOGRAM_BUCKET_COUNT];
};

void ringcast_histogram_add(struct histogram *histogram, uint64_t value);
void ringcast_histogram_merge(struct histogram *into, const struct histogram *from);
/* The least recorded value (rounded up within its bucket) that at least percent_thousandths / 100 000 of all values do not exceed: 50 000 is
 * the median, 99 900 the 99.9th percentile. 0 when empty. */
uint64_t ringcast_histogram_percentile(const struct histogram *histogram, uint32_t percent_thousandths);
/* The greatest value that is counted in the bucket. */
uint64_t ringcast_histogram_bucket_top(unsigned bucket);
double ringcast_histogram_mean(const struct histogram *histogram);

#endif
