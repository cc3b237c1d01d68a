#include "io/clock.h"

#include <time.h>

#include "base/assert.h"

uint64_t ringcast_clock_now_ns(void)
{
	struct timespec now;
	int result = clock_gettime(CLOCK_MONOTONIC, &now);
	ringcast_assert(result == 0);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t ringcast_clock_thread_cpu_ns(void)
{
	struct timespec now;
	int result = clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	ringcast_assert(result == 0);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t ringcast_clock_wall_s(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec;
}
