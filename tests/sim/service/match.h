/*
 * Clients who look for matches, and what must be true of each ticket: once it is acknowledged it is never lost, it ends in one way whatever anybody saw when,
 * that is told once, and a ticket of a match in a session has a place there.
 */
#ifndef RINGCAST_TESTS_SIM_SERVICE_MATCH_H
#define RINGCAST_TESTS_SIM_SERVICE_MATCH_H

#include "service/events/event.h"

struct world;
struct ask;

enum { SIM_TICKETS_MAX = 512, SIM_MATCHMAKERS = 3 };

struct known_ticket {
	bool may_be_gone; /* it was never acknowledged */
	bool has_session; /* where it completes, it does so in a session */
	uint32_t event_count;
	char status[24]; /* the last one that anybody saw, or was told of; "" for none */
};

struct known_tickets {
	struct known_ticket all[SIM_TICKETS_MAX];
	uint32_t count;
	uint64_t completed;
};

void sim_match_act(struct world *world);
void sim_match_hear(struct world *world, const struct ask *ask);
void sim_match_tell(struct world *world, const struct service_event *event);
/* All is calm: in time every ticket ends, and each was told of. */
void sim_match_finish(struct world *world);

#endif
