/*
 * The admin API's server: libmicrohttpd on a few threads of its own. What is served stands in http_routes.c; this file takes requests
 * apart, guards them, and puts responses together.
 *
 * Guards, since anything that runs on this machine, a browser too, can connect: the Host header must name this machine (DNS rebinding), a
 * request with a body must be JSON (or a zip, where a route says so) and an Origin must be our own (cross-site requests), bodies are bounded,
 * unknown query keys refused.
 */
#ifndef RINGCAST_CONTROL_HTTP_SERVER_H
#define RINGCAST_CONTROL_HTTP_SERVER_H

#include "control/config.h"
#include "control/http_reply.h"
#include "control/value.h"

struct http;

/* NULL: reterr says why. endpoint must not be off. */
struct http *ringcast_http_start(const struct config *config, const struct endpoint *endpoint, const struct http_host *host,
				 struct config_error *reterr);
void ringcast_http_stop(struct http **http); /* waits for running requests; accepts NULL inside, nulls */
/* Where it listens, with the port that the system chose. */
void ringcast_http_endpoint(const struct http *http, char ret_text[VALUE_TEXT_BYTES]);

#endif
