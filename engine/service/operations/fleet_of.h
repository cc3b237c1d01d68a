/* Which fleet a request means: FleetId or AliasId, by id or ARN. */
#ifndef RINGCAST_SERVICE_OPERATIONS_FLEET_OF_H
#define RINGCAST_SERVICE_OPERATIONS_FLEET_OF_H

#include "service/operations/request.h"

/*
 * The fleet's id, borrowed from the input or a record; NULL: the request has been refused. *ret_document: its record, NULL for a fleet that
 * only dev mode knows. Exactly one of FleetId and AliasId must be given.
 */
const char *ringcast_fleet_of(struct model *model, struct request *request, json_t **ret_document);

#endif
