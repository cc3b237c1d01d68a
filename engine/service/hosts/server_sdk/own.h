/* The processes that this machine's agent runs, between the core that knows their sessions and the agent that knows their numbers. */
#ifndef RINGCAST_SERVICE_HOSTS_SERVER_SDK_OWN_H
#define RINGCAST_SERVICE_HOSTS_SERVER_SDK_OWN_H

#include "service/agent/agent.h"
#include "service/hosts/server_sdk/server_sdk.h"

enum { OWN_PATH_BYTES = 1024 };

struct own {
	const struct host_sdk_options *options;
	struct sdk_core *core;
	struct agent *agent; /* NULL: without builds and a folder there is nothing to run here, and no folder is made */
	char *builds;		       /* absolute; NULL: none */
	char folder[OWN_PATH_BYTES];   /* for state and output */
	char sessions[OWN_PATH_BYTES]; /* the state of connected processes */
	char *unpacked; /* absolute: for builds that came as archives; NULL: they have no place */
	bool is_temporary;
};

/* Makes the folders. False: problem. */
bool ringcast_own_init(struct own *own, const struct host_sdk_options *options, struct sdk_core *core, char problem[HOST_SDK_PROBLEM_BYTES]);
void ringcast_own_fini(struct own *own); /* processes go on where they shall, else they are ended; a temporary folder goes */
/* folder: as in the build's record; NULL: nothing runs any more. */
void ringcast_own_plan(struct own *own, const char *fleet_id, const char *folder, const json_t *runtime);

#endif
