#include "service/model/fleet_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fleet_load {
	char fleet[HOST_ID_BYTES];
	struct host_load load;
};

void ringcast_fleet_loads_fini(struct fleet_loads *loads)
{
	free(loads->list);
	*loads = (struct fleet_loads){0};
}

static struct fleet_load *find(const struct fleet_loads *loads, const char *fleet_id)
{
	for (size_t i = 0; i < loads->count; i++)
		if (strcmp(loads->list[i].fleet, fleet_id) == 0)
			return &loads->list[i];
	return NULL;
}

/* One without processes is not kept, so that fleets that are gone leave nothing. */
static void drop(struct fleet_loads *loads, struct fleet_load *load)
{
	*load = loads->list[--loads->count];
}

bool ringcast_fleet_loads_put(struct fleet_loads *loads, const char *fleet_id, const struct host_load *load)
{
	struct fleet_load *found = find(loads, fleet_id);
	if (load->processes == 0 && found != NULL)
		drop(loads, found);
	if (load->processes == 0)
		return true;
	if (found == NULL) {
		struct fleet_load *grown = reallocarray(loads->list, loads->count + 1, sizeof(*grown));
		if (grown == NULL)
			return false;
		loads->list = grown;
		found = &grown[loads->count++];
		snprintf(found->fleet, sizeof(found->fleet), "%s", fleet_id);
	}
	found->load = *load;
	return true;
}

struct host_load ringcast_fleet_loads_of(const struct fleet_loads *loads, const char *fleet_id)
{
	const struct fleet_load *found = find(loads, fleet_id);
	return found != NULL ? found->load : (struct host_load){0};
}
