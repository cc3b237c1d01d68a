/*
 * Histograms in the HdrHistogram formats: one histogram as text (V2, compressed, base64) and logs of intervals, as the standard tools read
 * them. Our buckets are those of an HdrHistogram with two significant digits from 1 to HISTOGRAM_VALUE_MAX, so nothing is rounded on the way.
 */
#ifndef RINGCAST_BENCH_HDR_H
#define RINGCAST_BENCH_HDR_H

#include <stdbool.h>
#include <stdio.h>

#include "bench/histogram.h"

/* Text to free; NULL: no memory. */
char *ringcast_hdr_encode(const struct histogram *histogram);
/* Reads what ringcast_hdr_encode has written, in another process or on another machine. False: it is damaged or of other buckets. Sum, min
 * and max are those of the buckets. */
bool ringcast_hdr_decode(const char *text, struct histogram *ret_histogram);

/* The head of a log; started_s is of the calendar. */
void ringcast_hdr_log_begin(FILE *file, const char *version, double started_s);
/* One interval, seconds from the log's start; max in milliseconds, as the tools expect of nanoseconds. */
void ringcast_hdr_log_add(FILE *file, const char *tag, double start_s, double length_s, uint64_t max_ns, const char *text);

#endif
