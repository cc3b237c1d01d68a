/* The one clock that schedules, latencies and deadlines are read on. */
#include <time.h>

#include "bench/load/load.h"

uint64_t ringcast_load_clock_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}
