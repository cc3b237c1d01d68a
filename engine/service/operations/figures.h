/* A fleet in numbers, by the names of the API's metrics: for DescribeFleetUtilization, for scaling policies, and for whoever watches. */
#ifndef RINGCAST_SERVICE_OPERATIONS_FIGURES_H
#define RINGCAST_SERVICE_OPERATIONS_FIGURES_H

#include "service/operations/fleet_parts.h"

struct fleet_figures {
	bool is_custom; /* its sessions run in game servers of its owner */
	size_t sessions, activating, players, places; /* live */
	size_t processes, ready, unhealthy;	      /* of a fleet with a script each session counts as a process */
	size_t available;			      /* sessions that could begin now */
	size_t activatable;			      /* of these, as many as may be ACTIVATING at once */
	int64_t instances, idle_instances, desired, low, high;
};

/* What the live sessions of a fleet amount to. */
struct fleet_tally {
	struct fleet_use use;
	size_t activating;
};
/* Of all fleets that have a record, in the order of the records, by one walk over the sessions: free it. NULL: out of memory. */
struct fleet_tally *ringcast_fleet_tallies(const struct model *model);
struct fleet_figures ringcast_fleet_figures_with(const struct model *model, const json_t *fleet, const struct fleet_tally *tally);
struct fleet_figures ringcast_fleet_figures(const struct model *model, const json_t *fleet);
double ringcast_fleet_percent_available(const struct fleet_figures *figures); /* of game sessions; 0 where there is no place for any */
/* By the name that a scaling policy uses. False: it cannot be told here. */
bool ringcast_fleet_metric(const struct fleet_figures *figures, const char *name, double *ret_value);

#endif
