/* StartMatchBackfill and StopMatchBackfill of the Server SDK as the service's API has them. Pure. */
#ifndef RINGCAST_SERVICE_HOSTS_SERVER_SDK_BACKFILL_H
#define RINGCAST_SERVICE_HOSTS_SERVER_SDK_BACKFILL_H

#include "service/hosts/server_sdk/message.h"

/* A tree of its own, not checked: what is wrong in the message is wrong in it. NULL: out of memory. */
json_t *ringcast_sdk_backfill_start(const struct sdk_message *message);
json_t *ringcast_sdk_backfill_stop(const struct sdk_message *message);

#endif
