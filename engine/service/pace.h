/*
 * Whether a thread that works in turns gets on. It says when a turn begins and when it rests; any thread may ask how long the present turn has
 * taken. Time is a clock's that stands still while the process does.
 */
#ifndef RINGCAST_SERVICE_PACE_H
#define RINGCAST_SERVICE_PACE_H

#include "base/types.h"

struct pace {
	uint64_t begun_ns; /* atomic; 0: it rests */
};

static inline void ringcast_pace_begin(struct pace *pace, uint64_t now_ns) { __atomic_store_n(&pace->begun_ns, now_ns, __ATOMIC_RELAXED); }
static inline void ringcast_pace_rest(struct pace *pace) { __atomic_store_n(&pace->begun_ns, 0, __ATOMIC_RELAXED); }
static inline uint64_t ringcast_pace_stall_ns(const struct pace *pace, uint64_t now_ns)
{
	uint64_t begun_ns = __atomic_load_n(&pace->begun_ns, __ATOMIC_RELAXED);
	return begun_ns != 0 && now_ns > begun_ns ? now_ns - begun_ns : 0;
}

#endif
