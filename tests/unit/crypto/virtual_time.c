/*
 * OpenSSL asks the system what time it is when it decides whether a DTLS flight is due again. Defined here, the question finds this answer:
 * the tests' own time, which stands still until a test moves it.
 */
#include "virtual_time.h"

#include <sys/time.h>
#include <time.h>

static uint64_t moved_ms;

void virtual_time_move(uint64_t by_ms)
{
	moved_ms += by_ms;
}

/* Visible, else the library would not meet it. */
__attribute__((visibility("default"))) int gettimeofday(struct timeval *restrict ret_now, void *restrict zone)
{
	static time_t start;
	if (start == 0)
		start = time(NULL);
	ret_now->tv_sec = start + (time_t)(moved_ms / 1000);
	ret_now->tv_usec = (suseconds_t)(moved_ms % 1000 * 1000);
	return 0;
}
