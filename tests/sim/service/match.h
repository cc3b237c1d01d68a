/*
 * Clients who look for matches, and what must be true of each ticket: once it is acknowledged it is never lost, it ends in one way whatever anybody saw when,
 * that is told once, and a ticket of a match in a session has a place there: one, that nobody else was given. Matches that go on are in fill.h.
 */
#ifndef RINGCAST_TESTS_SIM_SERVICE_MATCH_H
#define RINGCAST_TESTS_SIM_SERVICE_MATCH_H

#include "oracle.h"
#include "service/events/event.h"

struct world;
struct ask;

enum { SIM_TICKETS_MAX = 2048, SIM_SEEKERS_MAX = 512, SIM_ROOMS_MAX = 512, SIM_MATCHMAKERS = 4, SIM_TICKET_ID_BYTES = 64 };

struct known_ticket {
	char id[SIM_TICKET_ID_BYTES];
	bool is_fill; /* it looks for others, for a session that runs; else it is one player, whose id is its own */
	bool may_be_gone; /* it was never acknowledged */
	bool has_session; /* where it completes, it does so in a session */
	uint32_t event_count;
	char status[24]; /* the last one that anybody saw, or was told of; "" for none */
	char session[ORACLE_ARN_BYTES]; /* of a fill: that is to be filled up; else where it has a place, once anybody was told */
	char place[GAME_SESSION_ID_BYTES], team[16];
};

/* A session that a match began, of a configuration with BackfillMode AUTOMATIC. */
struct known_room {
	char arn[ORACLE_ARN_BYTES], maker[8];
	uint32_t epoch;
	bool is_left_alone; /* somebody stopped a ticket of it */
};

struct known_tickets {
	struct known_ticket all[SIM_TICKETS_MAX];
	struct known_room rooms[SIM_ROOMS_MAX];
	uint32_t count, seeker_count, fill_count, room_count;
	uint64_t completed, filled;
};

void sim_match_act(struct world *world);
void sim_match_hear(struct world *world, const struct ask *ask);
void sim_match_tell(struct world *world, const struct service_event *event);
/* All is calm: in time every ticket of a player ends, and each was told of. */
void sim_match_finish(struct world *world);
/* And so does every other, once no session is left. */
void sim_match_end(struct world *world);

struct known_ticket *sim_ticket_find(struct known_tickets *tickets, const char *id); /* NULL: nobody has heard of it */
struct known_ticket *sim_ticket_add(struct known_tickets *tickets, const char *id);  /* NULL: no room */
bool sim_match_is_final(const char *status);
/* False: something that is needed first was asked for. */
bool sim_matchmaker_is_ready(struct world *world, uint32_t index);

#endif
