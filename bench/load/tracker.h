/*
 * What one receiver has got of one numbered stream of one sender. Counts losses, repetitions and overtaking; remembers 64 numbers back.
 */
#ifndef RINGCAST_BENCH_LOAD_TRACKER_H
#define RINGCAST_BENCH_LOAD_TRACKER_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed expects the stream from number 0. */
struct tracker {
	uint64_t window;  /* bit i: number next - 1 - i has come */
	uint32_t next;    /* one above the greatest that has come */
	uint32_t base;    /* the first number that is ours to get */
	uint32_t count;   /* different numbers that have come */
	bool is_open;     /* the receiver came while the stream ran: the first number that comes is the base */
};

enum tracker_verdict { TRACKER_NEW = 0, TRACKER_REORDERED, TRACKER_DUPLICATE };

enum tracker_verdict ringcast_tracker_add(struct tracker *tracker, uint32_t sequence);
/* Numbers that never came out of those below end; what the receiver cannot have missed is not counted. */
uint64_t ringcast_tracker_lost(const struct tracker *tracker, uint32_t end);

#endif
