/*
 * What a restart needs to know of game servers' processes: a file each, written when one has changed. Not forced to the disk: who survives a power
 * failure is no process.
 */
#ifndef RINGCAST_SERVICE_HOSTS_SERVER_SDK_STATE_H
#define RINGCAST_SERVICE_HOSTS_SERVER_SDK_STATE_H

#include "service/hosts/server_sdk/core.h"

/* folder: "" keeps nothing. */
void ringcast_sdk_state_save(const char *folder, const struct sdk_process *process);
void ringcast_sdk_state_forget(const char *folder, const struct sdk_process *process);
/* All that is there; what cannot be taken up is removed. */
void ringcast_sdk_state_restore(const char *folder, struct sdk_core *core);

#endif
