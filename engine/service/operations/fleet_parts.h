/* What the files about fleets share: one fleet's record, and how much of it is in use. */
#ifndef RINGCAST_SERVICE_OPERATIONS_FLEET_PARTS_H
#define RINGCAST_SERVICE_OPERATIONS_FLEET_PARTS_H

#include "service/operations/request.h"

struct fleet_use {
	size_t session_count, player_count, place_count;
};

/* The record that FleetId names; a fleet that only dev mode knows has none and cannot be changed. NULL: refused. Borrowed. */
json_t *ringcast_fleet_record(struct model *model, struct request *request, const char **ret_id);
/* Live sessions of the fleet, at a location or (NULL) anywhere. */
struct fleet_use ringcast_fleet_use(const struct model *model, const char *fleet_id, const char *location);
/* {FleetId, FleetArn}: what most operations on fleets answer. A new object. */
json_t *ringcast_fleet_name(const json_t *fleet);
json_t *ringcast_fleet_capacity(const struct model *model, const json_t *fleet, const char *location); /* location: NULL for the whole fleet */
json_t *ringcast_fleet_utilization(const struct model *model, const json_t *fleet, const char *location);

#endif
