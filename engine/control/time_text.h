/* Moments as RFC 3339 writes them, always in UTC. Pure, any thread. */
#ifndef RINGCAST_CONTROL_TIME_TEXT_H
#define RINGCAST_CONTROL_TIME_TEXT_H

#include <stdint.h>

enum { TIME_TEXT_BYTES = 32 };
enum time_precision { TIME_SECONDS = 0, TIME_MILLISECONDS = 3, TIME_MICROSECONDS = 6 }; /* digits behind the second */

/* seconds since 1970; what lies beyond the year 9999 is written as its last second. fraction_ns < 1e9, cut to the precision. */
void ringcast_time_text(uint64_t seconds, uint32_t fraction_ns, enum time_precision precision, char ret_text[TIME_TEXT_BYTES]);

/*
 * What has to be added to the monotonic clock, which is the engine's, to get the time since 1970. The same at each call, so that a moment is told alike each time, until
 * somebody sets the clock.
 */
int64_t ringcast_time_epoch_ns(void);

#endif
