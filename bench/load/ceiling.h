/*
 * The search for the highest rate that keeps the promises: doubling from the lowest until they break, then halving what lies between, by
 * ratio. Whoever drives it runs what next() says and tells how it went.
 */
#ifndef RINGCAST_BENCH_LOAD_CEILING_H
#define RINGCAST_BENCH_LOAD_CEILING_H

#include <stdbool.h>

struct ceiling {
	double kept;        /* the highest rate that was kept; 0: none */
	double broken;      /* the lowest that was not; 0: none */
	double lowest, highest;
	double precision;   /* it is over when broken / kept - 1 is no more than this */
};

void ringcast_ceiling_init(struct ceiling *ceiling, double lowest, double highest, double precision);
/* The rate to try; 0: it is over. */
double ringcast_ceiling_next(const struct ceiling *ceiling);
void ringcast_ceiling_tell(struct ceiling *ceiling, double rate, bool is_kept);

#endif
