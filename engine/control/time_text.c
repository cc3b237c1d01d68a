#include "control/time_text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/assert.h"

#define EPOCH_STEP_NS INT64_C(1000000000) /* less than this is how long measuring takes */
#define SECONDS_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z: the format has four digits for a year */

void ringcast_time_text(uint64_t seconds, uint32_t fraction_ns, enum time_precision precision, char ret_text[TIME_TEXT_BYTES])
{
	ringcast_assert(fraction_ns < 1000000000 && ret_text);
	time_t time = seconds < SECONDS_MAX ? (time_t)seconds : SECONDS_MAX;
	struct tm tm;
	gmtime_r(&time, &tm);
	size_t size = strftime(ret_text, TIME_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
	ringcast_assert(size > 0);
	if (precision == TIME_SECONDS)
		snprintf(ret_text + size, TIME_TEXT_BYTES - size, "Z");
	else
		snprintf(ret_text + size, TIME_TEXT_BYTES - size, ".%0*" PRIu32 "Z", (int)precision,
			 fraction_ns / (precision == TIME_MILLISECONDS ? 1000000 : 1000));
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t ringcast_time_epoch_ns(void)
{
	static int64_t held_ns; /* 0: not measured yet */
	int64_t before_ns = clock_ns(CLOCK_MONOTONIC), epoch_ns = clock_ns(CLOCK_REALTIME) - before_ns, known_ns = __atomic_load_n(&held_ns, __ATOMIC_RELAXED);
	bool was_interrupted = clock_ns(CLOCK_MONOTONIC) - before_ns > EPOCH_STEP_NS / 2;
	if (known_ns != 0 && (was_interrupted || llabs(epoch_ns - known_ns) < EPOCH_STEP_NS))
		return known_ns;
	/* Two threads that measure for the first time agree on what one of them has found. */
	return __atomic_compare_exchange_n(&held_ns, &known_ns, epoch_ns, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED) ? epoch_ns : known_ns;
}
