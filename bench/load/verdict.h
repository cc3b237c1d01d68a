/*
 * What the repeats of one rate come to, in a search: whether the rate is kept, and how much arrived at it. Only repeats that kept the promises
 * say how much: one that broke them may have delivered more, by queues that the promises forbid.
 */
#ifndef RINGCAST_BENCH_LOAD_VERDICT_H
#define RINGCAST_BENCH_LOAD_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

enum { VERDICT_REPEATS_MAX = 100 };

/* Zeroed is empty. */
struct verdict {
	uint32_t kept, broken, invalid;
	double arrived[VERDICT_REPEATS_MAX]; /* a second, of those that are kept */
};

/* code: LOAD_EXIT_KEPT, LOAD_EXIT_BROKEN or LOAD_EXIT_INVALID */
void ringcast_verdict_add(struct verdict *verdict, int code, double deliveries_per_second);
/* More than half of them. */
bool ringcast_verdict_is_kept(const struct verdict *verdict);
/* The median of the kept ones; 0: there is none. */
double ringcast_verdict_deliveries_per_second(const struct verdict *verdict);

#endif
