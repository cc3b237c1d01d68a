/*
 * The way in for game servers: an HTTP upgrade to WebSocket whose query says who it is and carries a token. What is wrong is answered with a status;
 * what is right leaves the HTTP library and belongs to the host.
 */
#ifndef RINGCAST_SERVICE_HTTP_SDK_H
#define RINGCAST_SERVICE_HTTP_SDK_H

#include <microhttpd.h>
#include <stdbool.h>

#include "service/hosts/server_sdk/server_sdk.h"

bool ringcast_http_sdk_is_upgrade(struct MHD_Connection *connection, const char *method);
/* Queues the answer. *ret_way: what must live until the connection ends, then to be freed; NULL for nothing. *ret_is_let_in: the connection becomes a game server's. */
enum MHD_Result ringcast_http_sdk_answer(struct host_sdk *sdk, struct MHD_Connection *connection, void **ret_way, bool *ret_is_let_in);

#endif
