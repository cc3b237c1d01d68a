/* Why a ticket waits: which rules keep others from it, and what is missing. For operators and for `ringcast match simulate`; not for a round. */
#ifndef RINGCAST_SERVICE_MATCH_EXPLAIN_H
#define RINGCAST_SERVICE_MATCH_EXPLAIN_H

#include "service/match/pool.h"

enum { EXPLAIN_OTHERS_MAX = 1000 };

/*
 * An object, the caller's:
 *     state, waitedSeconds; nextExpansionSeconds where one is to come
 *     othersWaiting, othersLookedAt (the oldest: at most EXPLAIN_OTHERS_MAX, fewer where rules are dear), othersThatFit, playersThatFit, playersNeeded
 *     heldBackBy: [{rule, others}] rules that no lineup with the two could pass, most first; one other may count under several
 *     lineupsRefusedBy: [{rule, lineups}] when enough would fit one by one, but not together
 *     answer: one sentence
 * NULL: the ticket is unknown or a running match, or memory is out. It asks the judge; the pool's tickets stay as they are.
 */
json_t *ringcast_match_explain(struct match_pool *pool, handle ticket, uint64_t now_ns);
/*
 * For many tickets in a row: all of them together do about *work_left of the judge's work, which goes down to 0. One that it does not suffice for has isCut in place of
 * answer, and its counts say nothing.
 */
json_t *ringcast_match_explain_within(struct match_pool *pool, handle ticket, uint64_t now_ns, uint64_t *work_left);

#endif
