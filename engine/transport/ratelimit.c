#include "transport/ratelimit.h"

enum { TOKEN_SHIFT = 10 };

static void refill(struct ratelimit *limit, uint64_t rate, uint64_t now_ns)
{
	uint64_t full = rate << TOKEN_SHIFT;
	uint64_t elapsed_ns = now_ns > limit->updated_ns ? now_ns - limit->updated_ns : 0;
	if (limit->updated_ns == 0 || elapsed_ns >= NS_PER_S) {
		limit->level = full;
		limit->updated_ns = now_ns;
		return;
	}
	/* Whole microseconds only, so that a fast caller never loses its fraction to rounding. */
	uint64_t elapsed_us = elapsed_ns / NS_PER_US;
	uint64_t added = (rate * elapsed_us << TOKEN_SHIFT) / 1000000;
	if (added == 0)
		return;
	limit->level = limit->level + added > full ? full : limit->level + added;
	limit->updated_ns += elapsed_us * NS_PER_US;
}

bool ringcast_ratelimit_take(struct ratelimit *limit, uint64_t rate, uint64_t amount, uint64_t now_ns)
{
	if (rate == 0)
		return true;
	refill(limit, rate, now_ns);
	if (limit->level < amount << TOKEN_SHIFT)
		return false;
	limit->level -= amount << TOKEN_SHIFT;
	return true;
}
