/*
 * How long something took, counted in buckets that grow by halves of powers of two: from 2 us to 8 s within a third, in constant memory and a
 * handful of instructions. One writer; copied as it is.
 */
#ifndef RINGCAST_BASE_TIME_HISTOGRAM_H
#define RINGCAST_BASE_TIME_HISTOGRAM_H

#include "base/types.h"

enum { TIME_HISTOGRAM_OCTAVES = 22, TIME_HISTOGRAM_BUCKETS = 1 + 2 * TIME_HISTOGRAM_OCTAVES + 1 /* longer than all bounds */ };
#define TIME_HISTOGRAM_UNIT_NS UINT64_C(1024)

struct time_histogram {
	uint64_t counts[TIME_HISTOGRAM_BUCKETS];
	uint64_t sum_ns;
};

/* Bucket 0 is below 2 units; then each octave from 2^n to 2^(n + 1) is halved. */
static inline void ringcast_time_histogram_add(struct time_histogram *histogram, uint64_t ns)
{
	uint64_t units = ns / TIME_HISTOGRAM_UNIT_NS;
	unsigned bucket = 0;
	if (units >= 2) {
		unsigned octave = 63 - (unsigned)__builtin_clzll(units);
		bucket = 2 * octave - 1 + (unsigned)(units >> (octave - 1) & 1);
	}
	histogram->counts[bucket < TIME_HISTOGRAM_BUCKETS ? bucket : TIME_HISTOGRAM_BUCKETS - 1]++;
	histogram->sum_ns += ns;
}

/* What is in the bucket took less than this; UINT64_MAX for the last. */
static inline uint64_t ringcast_time_histogram_bound_ns(unsigned bucket)
{
	unsigned octave = (bucket + 1) / 2;
	if (bucket == 0)
		return 2 * TIME_HISTOGRAM_UNIT_NS;
	if (bucket == TIME_HISTOGRAM_BUCKETS - 1)
		return UINT64_MAX;
	return (bucket % 2 == 1 ? UINT64_C(3) << (octave - 1) : UINT64_C(4) << (octave - 1)) * TIME_HISTOGRAM_UNIT_NS;
}

#endif
