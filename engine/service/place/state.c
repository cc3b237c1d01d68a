#include "service/place/state.h"

#include <string.h>

static const struct {
	const char *name, *event;
} states[] = {
#define PLACE_STATE(id, name, event) {name, event},
	PLACE_STATES(PLACE_STATE)
#undef PLACE_STATE
};

/* From the row's state to the column's: 1 where it may go. */
static const bool moves[PLACE_STATE_COUNT][PLACE_STATE_COUNT] = {
	/*                     PENDING FULFILLED CANCELLED TIMED_OUT FAILED */
	[PLACE_IS_PENDING] =   {0,     1,        1,        1,        1},
	[PLACE_IS_FULFILLED] = {0,     0,        0,        0,        0},
	[PLACE_IS_CANCELLED] = {0,     0,        0,        0,        0},
	[PLACE_IS_TIMED_OUT] = {0,     0,        0,        0,        0},
	[PLACE_IS_FAILED] =    {0,     0,        0,        0,        0},
};

bool ringcast_place_state_may_become(enum place_state from, enum place_state to)
{
	return moves[from][to];
}

const char *ringcast_place_state_name(enum place_state state)
{
	return states[state].name;
}

const char *ringcast_place_state_event(enum place_state state)
{
	return states[state].event;
}

bool ringcast_place_state_find(const char *name, enum place_state *ret_state)
{
	for (unsigned i = 0; i < PLACE_STATE_COUNT; i++)
		if (strcmp(states[i].name, name) == 0) {
			*ret_state = (enum place_state)i;
			return true;
		}
	return false;
}
