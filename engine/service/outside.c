#include "service/outside.h"

#include <sys/random.h>
#include <time.h>

int64_t ringcast_outside_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t ringcast_outside_steady_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool ringcast_outside_random(void *out, size_t size)
{
	return getrandom(out, size, 0) == (ssize_t)size;
}
