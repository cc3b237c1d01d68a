/* The daemon's script store as what the service keeps scripts in. */
#ifndef RINGCAST_CONTROL_SERVICE_SCRIPTS_H
#define RINGCAST_CONTROL_SERVICE_SCRIPTS_H

#include "control/script_store.h"
#include "service/service.h"

struct service_scripts {
	struct host_scripts base;
	struct script_store *store; /* borrowed; outlives the service */
	ringcast_engine *engine;    /* likewise */
};

void ringcast_service_scripts_init(struct service_scripts *scripts, struct script_store *store, ringcast_engine *engine);

#endif
