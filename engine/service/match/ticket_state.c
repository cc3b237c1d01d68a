/* What may happen to a ticket, as a table to be read against the diagram in pool.h. */
#include "base/assert.h"
#include "service/match/pool.h"

#define TO(state) (MATCH_IS_##state + 1) /* 0 stands for: means nothing here */

static const uint8_t nexts[MATCH_STATE_COUNT][MATCH_EVENT_COUNT] = {
	[MATCH_IS_QUEUED] = {[MATCH_EVENT_BEGIN] = TO(SEARCHING), [MATCH_EVENT_STOP] = TO(CANCELLED), [MATCH_EVENT_EXPIRE] = TO(TIMED_OUT)},
	[MATCH_IS_SEARCHING] = {[MATCH_EVENT_PROPOSE] = TO(REQUIRES_ACCEPTANCE), [MATCH_EVENT_CHOOSE] = TO(PLACING), [MATCH_EVENT_STOP] = TO(CANCELLED),
				[MATCH_EVENT_EXPIRE] = TO(TIMED_OUT)},
	[MATCH_IS_REQUIRES_ACCEPTANCE] = {[MATCH_EVENT_AGREE] = TO(PLACING), [MATCH_EVENT_RETURN] = TO(SEARCHING), [MATCH_EVENT_REJECT] = TO(CANCELLED),
					  [MATCH_EVENT_STOP] = TO(CANCELLED)},
	/* Back from placing: a running match whose joiners were asked and did not agree. */
	[MATCH_IS_PLACING] = {[MATCH_EVENT_PLACE] = TO(COMPLETED), [MATCH_EVENT_PLACE_FAIL] = TO(FAILED), [MATCH_EVENT_RETURN] = TO(SEARCHING)},
};

static const struct {
	const char *name;
	bool ends;
} states[MATCH_STATE_COUNT] = {
#define MATCH_STATE(id, name, ends) {name, ends},
	MATCH_STATES(MATCH_STATE)
#undef MATCH_STATE
};

bool ringcast_match_state_next(enum match_ticket_state state, enum match_ticket_event event, enum match_ticket_state *ret_next)
{
	ringcast_assert(state < MATCH_STATE_COUNT && event < MATCH_EVENT_COUNT);
	if (nexts[state][event] == 0)
		return false;
	*ret_next = (enum match_ticket_state)(nexts[state][event] - 1);
	return true;
}

const char *ringcast_match_state_name(enum match_ticket_state state)
{
	ringcast_assert(state < MATCH_STATE_COUNT);
	return states[state].name;
}

bool ringcast_match_state_ends(enum match_ticket_state state)
{
	ringcast_assert(state < MATCH_STATE_COUNT);
	return states[state].ends;
}
