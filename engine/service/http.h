/*
 * The endpoint that backends call: libmicrohttpd on threads of its own. They read the body, check the signature and decode; the connection then
 * sleeps until the loop has answered, so that a request that waits for a shard or the disk costs no thread.
 *
 * POST / with X-Amz-Target GameLift.NAME (AWS JSON 1.1), or POST /service/GameLift/operation/NAME (Smithy RPC v2, CBOR). GET / with an upgrade to
 * WebSocket is a game server that logs in: see http_sdk.h.
 */
#ifndef RINGCAST_SERVICE_HTTP_H
#define RINGCAST_SERVICE_HTTP_H

#include <sys/socket.h>

#include "service/audit.h"
#include "service/hosts/server_sdk/server_sdk.h"
#include "service/keys.h"
#include "service/loop.h"
#include "service/session_logs.h"
#include "service/slots.h"
#include "service/throttle.h"

enum { SERVICE_ADDRESS_BYTES = 72, SERVICE_PROBLEM_BYTES = 320 };

struct service_http;

struct service_http_options {
	const struct sockaddr *address; /* where to listen; port 0: the system's choice */
	socklen_t address_bytes;
	struct loop *loop; /* borrowed; outlives the server */
	struct keys *keys; /* likewise */
	struct request_counts *counts; /* borrowed */
	struct throttle *throttle; /* likewise */
	struct host_sdk *sdk; /* takes what asks for a WebSocket; borrowed, stopped before the server is destroyed; NULL: nobody */
	struct session_logs *logs; /* borrowed; NULL: none are kept */
	const uint8_t *log_secret; /* LOG_URL_SECRET_BYTES; borrowed */
	struct audit_sink audit;
	bool is_dev;	   /* signatures are not looked at, and everyone is an operator */
	const char *certificate, *key; /* PEM; NULL: plain HTTP */
	uint32_t connections_max;
	size_t body_bytes_max, bodies_bytes_max; /* of one request's body, of all at once */
};

struct service_http *ringcast_service_http_start(const struct service_http_options *options, char problem[SERVICE_PROBLEM_BYTES]);
/* Takes no more requests. What sleeps is answered by stopping the loop, which comes next; then destroy. */
void ringcast_service_http_quiesce(struct service_http *http);
void ringcast_service_http_destroy(struct service_http **http);
void ringcast_service_http_address(const struct service_http *http, char ret_text[SERVICE_ADDRESS_BYTES]); /* with the real port */
struct slots_cuts ringcast_service_http_cuts(const struct service_http *http); /* any thread */

#endif
