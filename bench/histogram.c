#include "bench/histogram.h"

static unsigned bucket_of(uint64_t value)
{
	unsigned shift = 0;
	if (value >> (HISTOGRAM_SUB_BITS + 1))
		shift = 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
	return (shift << HISTOGRAM_SUB_BITS) + (unsigned)(value >> shift);
}

uint64_t ringcast_histogram_bucket_top(unsigned bucket)
{
	unsigned shift = bucket >> HISTOGRAM_SUB_BITS;
	shift = shift > 0 ? shift - 1 : 0;
	uint64_t base = (uint64_t)bucket - ((uint64_t)shift << HISTOGRAM_SUB_BITS);
	return ((base + 1) << shift) - 1;
}

void ringcast_histogram_add(struct histogram *histogram, uint64_t value)
{
	value = value > HISTOGRAM_VALUE_MAX ? HISTOGRAM_VALUE_MAX : value;
	histogram->buckets[bucket_of(value)]++;
	histogram->min = histogram->count == 0 || value < histogram->min ? value : histogram->min;
	histogram->max = value > histogram->max ? value : histogram->max;
	histogram->count++;
	histogram->sum += value;
}

void ringcast_histogram_merge(struct histogram *into, const struct histogram *from)
{
	if (from->count == 0)
		return;
	for (unsigned i = 0; i < HISTOGRAM_BUCKET_COUNT; i++)
		into->buckets[i] += from->buckets[i];
	into->min = into->count == 0 || from->min < into->min ? from->min : into->min;
	into->max = from->max > into->max ? from->max : into->max;
	into->count += from->count;
	into->sum += from->sum;
}

uint64_t ringcast_histogram_percentile(const struct histogram *histogram, uint32_t percent_thousandths)
{
	uint64_t seen = 0;
	/* rounded up, at least one value; the product cannot overflow below 10^14 values */
	uint64_t wanted = (histogram->count * percent_thousandths + 99999) / 100000;
	wanted = wanted > 0 ? wanted : 1;
	for (unsigned i = 0; i < HISTOGRAM_BUCKET_COUNT; i++) {
		seen += histogram->buckets[i];
		if (seen >= wanted)
			return ringcast_histogram_bucket_top(i) < histogram->max ? ringcast_histogram_bucket_top(i) : histogram->max;
	}
	return 0;
}

double ringcast_histogram_mean(const struct histogram *histogram)
{
	return histogram->count ? (double)histogram->sum / (double)histogram->count : 0;
}
