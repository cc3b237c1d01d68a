/*
 * Clients who have sessions placed, and what must be true of each placement: once it is acknowledged it is never lost, it ends in one way whatever anybody
 * saw when, and that is told once. A fulfilled one has a session, and places for all whom it asked for, and no other one has left a session behind.
 */
#ifndef RINGCAST_TESTS_SIM_SERVICE_PLACE_H
#define RINGCAST_TESTS_SIM_SERVICE_PLACE_H

#include "service/events/event.h"

struct world;
struct ask;

enum { SIM_PLACEMENTS_MAX = 256, SIM_QUEUES = 3 };

struct known_placement {
	bool is_accepted, may_be_gone; /* may_be_gone: it has been remembered for thirty days, or was never acknowledged */
	uint32_t player_count, event_count;
	char status[16]; /* the last one that anybody saw, or was told of; "" for none */
	int64_t asked_ms;
};

struct known_placements {
	struct known_placement all[SIM_PLACEMENTS_MAX];
	uint32_t count;
	uint64_t fulfilled;
};

void sim_place_act(struct world *world); /* something that a client may do with placements */
void sim_place_hear(struct world *world, const struct ask *ask);
void sim_place_tell(struct world *world, const struct service_event *event); /* of the stream */
void sim_place_forget(struct world *world); /* thirty days have passed */
/* All is calm: in time every placement ends, and each was told of. */
void sim_place_finish(struct world *world);
/* All is calm, and nothing runs: whoever asks is placed, on the engine and on a game server. */
void sim_place_play(struct world *world);

#endif
