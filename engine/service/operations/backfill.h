/*
 * Backfill as games ask for it by their hosts: their own session, and what they leave out is what the service knows. They end in the API's StartMatchBackfill
 * and StopMatchmaking, and are no operations of the vendor's, so not in operation.def.
 */
#ifndef RINGCAST_SERVICE_OPERATIONS_BACKFILL_H
#define RINGCAST_SERVICE_OPERATIONS_BACKFILL_H

#include "service/operations/request.h"

#define GAME_SESSION_MEMBER "HostSession" /* of the input: the host's name for the session that asks; set by the service, whatever the game has said */

/* Without Players: who holds a place, with teams and attributes of MatchmakerData; without ConfigurationName: that of MatchmakerData. One at a time. */
extern const struct operation ringcast_operation_game_starts_backfill;
extern const struct operation ringcast_operation_game_stops_backfill; /* without TicketId: the one that is under way */

#endif
