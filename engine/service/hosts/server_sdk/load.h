/* How many processes each fleet has, counted now and then and told to the service when that has changed. */
#ifndef RINGCAST_SERVICE_HOSTS_SERVER_SDK_LOAD_H
#define RINGCAST_SERVICE_HOSTS_SERVER_SDK_LOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "service/hosts/host.h"
#include "service/hosts/server_sdk/process.h"

struct sdk_load {
	char fleet[HOST_ID_BYTES];
	struct host_load now, told;
};

struct sdk_loads {
	struct sdk_load *list;
	size_t count;
};

void ringcast_sdk_loads_fini(struct sdk_loads *loads);
void ringcast_sdk_loads_begin(struct sdk_loads *loads); /* counting anew */
bool ringcast_sdk_loads_count(struct sdk_loads *loads, const struct sdk_process *process); /* false: out of memory, and it is not counted */
/* What each has changed to. True: fill in event, and go on; *at begins at 0. is_all: also what has not changed. */
bool ringcast_sdk_loads_next(struct sdk_loads *loads, size_t *at, bool is_all, struct host_event *event);

/*
 * What a fleet's machine shall run: its runtime configuration, cut down to the processes that its capacity wants, of each entry alike. A new
 * object; NULL: there is none to run, or memory is short.
 */
json_t *ringcast_sdk_wanted_runtime(const json_t *fleet);

#endif
