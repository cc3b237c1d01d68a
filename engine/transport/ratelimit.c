#include "transport/ratelimit.h"

/* Fractions of a token are kept, so that a caller who asks every microsecond is not short-changed by rounding. */
enum { TOKEN_SHIFT = 20 };
#define RATE_MAX (UINT64_C(1) << 42) /* nobody sends more in a second; above it the arithmetic would overflow */
#define SECONDS_PER_NS UINT64_C(18446744073) /* in units of 2^-64 */

static void refill(struct ratelimit *limit, uint64_t full, uint64_t now_ns)
{
	uint64_t elapsed_ns = now_ns > limit->updated_ns ? now_ns - limit->updated_ns : 0;
	if (limit->updated_ns == 0 || elapsed_ns >= NS_PER_S || limit->level > full) {
		limit->level = full;
		limit->updated_ns = now_ns;
		return;
	}
	uint64_t added = (uint64_t)((unsigned __int128)full * (elapsed_ns * SECONDS_PER_NS) >> 64);
	if (added == 0)
		return; /* and the time that went by counts next time */
	limit->level = full - limit->level < added ? full : limit->level + added;
	limit->updated_ns = now_ns;
}

bool ringcast_ratelimit_take(struct ratelimit *limit, uint64_t rate, uint64_t amount, uint64_t now_ns)
{
	if (rate == 0)
		return true;
	refill(limit, (rate < RATE_MAX ? rate : RATE_MAX) << TOKEN_SHIFT, now_ns);
	if (limit->level >> TOKEN_SHIFT < amount)
		return false;
	limit->level -= amount << TOKEN_SHIFT;
	return true;
}

bool ringcast_ratelimit_has(struct ratelimit *limit, uint64_t rate, uint64_t now_ns)
{
	if (rate == 0)
		return true;
	refill(limit, (rate < RATE_MAX ? rate : RATE_MAX) << TOKEN_SHIFT, now_ns);
	return limit->level > 0;
}

/* A debt is time: nothing is added before it has gone by. */
void ringcast_ratelimit_charge(struct ratelimit *limit, uint64_t rate, uint64_t amount)
{
	uint64_t full = (rate < RATE_MAX ? rate : RATE_MAX) << TOKEN_SHIFT, cost = (amount < RATE_MAX ? amount : RATE_MAX) << TOKEN_SHIFT;
	if (rate == 0)
		return;
	if (cost <= limit->level) {
		limit->level -= cost;
		return;
	}
	uint64_t debt_ns = (uint64_t)((unsigned __int128)(cost - limit->level) * NS_PER_S / full);
	limit->level = 0;
	limit->updated_ns += debt_ns < NS_PER_S ? debt_ns : NS_PER_S;
}

bool ringcast_ratelimit_is_below(struct ratelimit *a, struct ratelimit *b, uint64_t rate, uint64_t now_ns)
{
	uint64_t full = (rate < RATE_MAX ? rate : RATE_MAX) << TOKEN_SHIFT;
	refill(a, full, now_ns);
	refill(b, full, now_ns);
	uint64_t debt_a_ns = a->updated_ns > now_ns ? a->updated_ns : 0, debt_b_ns = b->updated_ns > now_ns ? b->updated_ns : 0;
	return debt_a_ns != debt_b_ns ? debt_a_ns > debt_b_ns : a->level < b->level;
}
