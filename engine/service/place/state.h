/*
 * The states of a placement, as the API names them.
 *
 *     PENDING --> FULFILLED | CANCELLED | TIMED_OUT | FAILED
 *
 * Inside PENDING a placement waits for room, tries a site, or rests after a failure: board.h.
 */
#ifndef RINGCAST_SERVICE_PLACE_STATE_H
#define RINGCAST_SERVICE_PLACE_STATE_H

#include <stdbool.h>

/* PLACE_STATE(ID, "as the API has it", "the event that tells of it") */
#define PLACE_STATES(PLACE_STATE)                              \
	PLACE_STATE(PENDING, "PENDING", "")                          \
	PLACE_STATE(FULFILLED, "FULFILLED", "PlacementFulfilled")    \
	PLACE_STATE(CANCELLED, "CANCELLED", "PlacementCancelled")    \
	PLACE_STATE(TIMED_OUT, "TIMED_OUT", "PlacementTimedOut")     \
	PLACE_STATE(FAILED, "FAILED", "PlacementFailed")

enum place_state {
#define PLACE_STATE(id, name, event) PLACE_IS_##id,
	PLACE_STATES(PLACE_STATE)
#undef PLACE_STATE
		PLACE_STATE_COUNT
};

bool ringcast_place_state_may_become(enum place_state from, enum place_state to);
const char *ringcast_place_state_name(enum place_state state);
const char *ringcast_place_state_event(enum place_state state); /* "" for PENDING, of which nobody is told */
bool ringcast_place_state_find(const char *name, enum place_state *ret_state);

#endif
