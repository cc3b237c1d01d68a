#include "control/time_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/assert.h"

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
