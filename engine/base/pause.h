/* Time in which the process did not run: a frozen cgroup, a suspended machine, a debugger. Whoever waits by turns leaves it out of its deadlines. Pure. */
#ifndef RINGCAST_BASE_PAUSE_H
#define RINGCAST_BASE_PAUSE_H

#include "base/types.h"

enum { PAUSE_NS_MIN = 1000000000 }; /* a gap between two turns that is no longer sleep, nor a long turn */

/* How much of the time between two turns counts for nobody; turn_ns_max: as long as a turn's wait may be. 0: it is time like any. */
static inline uint64_t ringcast_pause_ns(uint64_t gap_ns, uint64_t turn_ns_max)
{
	return gap_ns > PAUSE_NS_MIN + turn_ns_max ? gap_ns - turn_ns_max : 0;
}

/* Takes off a patience what counts of a gap. False: none is left. */
static inline bool ringcast_pause_spend(uint64_t *patience_ns, uint64_t gap_ns, uint64_t turn_ns_max)
{
	gap_ns -= ringcast_pause_ns(gap_ns, turn_ns_max);
	*patience_ns -= gap_ns < *patience_ns ? gap_ns : *patience_ns;
	return *patience_ns > 0;
}

#endif
