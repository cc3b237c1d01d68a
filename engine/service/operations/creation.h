/* A new game session, from what it is to be to the call that asks a host for it: for CreateGameSession and for placement. */
#ifndef RINGCAST_SERVICE_OPERATIONS_CREATION_H
#define RINGCAST_SERVICE_OPERATIONS_CREATION_H

#include "service/operations/request.h"
#include "service/operations/scripts.h"

/* Everything is borrowed. */
struct session_plan {
	const char *fleet_id, *location, *id; /* location: "" for the fleet's home */
	const json_t *fleet;		      /* NULL: one that only dev mode knows */
	const json_t *facts;		      /* what the session shows of it: Name, GameProperties and so on */
	char script[SCRIPT_REFERENCE_BYTES];
	uint32_t players_max;
	uint64_t digest; /* of the request, for idempotency */
};

/*
 * Adds the session, and a call that answered goes on with. request: parked for it; NULL: nobody is. NULL: memory is short, the request has been
 * refused, and nothing has changed.
 */
struct game_session *ringcast_session_begin(struct model *model, struct request *request, const struct session_plan *plan,
					    void (*answered)(struct model *, struct host_call *));
/* The session that the call was about, while it waits for this very call; NULL: nobody waits for it any more. */
struct game_session *ringcast_session_of_creation(struct model *model, const struct host_call *call);
/* Nobody waits any more for a session that its host has not answered about: what the host makes of the call will be ended. */
void ringcast_session_give_up(struct model *model, struct host_call *call);

#endif
