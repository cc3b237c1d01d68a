/* How many game servers of each fleet its host has, as the host last told: what capacity is counted by. One thread. */
#ifndef RINGCAST_SERVICE_MODEL_FLEET_LOAD_H
#define RINGCAST_SERVICE_MODEL_FLEET_LOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "service/hosts/host.h"

struct fleet_load;
struct fleet_loads {
	struct fleet_load *list;
	size_t count;
};

void ringcast_fleet_loads_fini(struct fleet_loads *loads);
bool ringcast_fleet_loads_put(struct fleet_loads *loads, const char *fleet_id, const struct host_load *load); /* false: out of memory */
struct host_load ringcast_fleet_loads_of(const struct fleet_loads *loads, const char *fleet_id); /* zeros: nothing was told */

#endif
