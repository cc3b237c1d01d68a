/*
 * Token bucket: `rate` per second with a burst of one second, in integer arithmetic and without a division. Zeroed = full at first use. Time
 * is passed in. Any rate is right; those above 2^42 a second are treated as that.
 */
#ifndef RINGCAST_TRANSPORT_RATELIMIT_H
#define RINGCAST_TRANSPORT_RATELIMIT_H

#include "base/types.h"

struct ratelimit {
	uint64_t updated_ns; /* 0: never used */
	uint64_t level;      /* tokens left, in units of 1/2^20 */
};

/* Takes amount tokens; false (and nothing taken) when there are not enough. rate 0: no limit. */
bool ringcast_ratelimit_take(struct ratelimit *limit, uint64_t rate, uint64_t amount, uint64_t now_ns);
/* For what is known only when it is done: is anything left? Then charge, which may leave a debt of at most one second. rate 0: no limit. */
bool ringcast_ratelimit_has(struct ratelimit *limit, uint64_t rate, uint64_t now_ns);
void ringcast_ratelimit_charge(struct ratelimit *limit, uint64_t rate, uint64_t amount);
/* Both as of now: has a less left than b, or more debt? */
bool ringcast_ratelimit_is_below(struct ratelimit *a, struct ratelimit *b, uint64_t rate, uint64_t now_ns);

#endif
