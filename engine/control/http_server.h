/*
 * The admin API's server: libmicrohttpd with a thread for each connection, so that requests which wait for a stuck shard delay nobody else.
 * Here a request's life; http_guard.h says which requests are taken, http_clients.h who has to make room, http_routes.h what there is,
 * http_reply.h how handlers answer.
 *
 * There are two of them. The one of admin.address serves everything. The one of admin.health_address serves health and metrics to anybody who can
 * reach it, changes nothing, and shares neither connections nor memory nor threads with the other, so that nothing done to that one silences it.
 */
#ifndef RINGCAST_CONTROL_HTTP_SERVER_H
#define RINGCAST_CONTROL_HTTP_SERVER_H

#include "control/admin_tls.h"
#include "control/config.h"
#include "control/http_reply.h"
#include "control/tokens.h"
#include "control/value.h"

struct http;

enum http_kind { HTTP_ADMIN, HTTP_HEALTH };

struct http_options {
	enum http_kind kind;
	struct endpoint endpoint;    /* not off */
	const struct tokens *tokens; /* copied; NULL or empty: everybody who gets this far is an operator */
	struct admin_tls *tls;       /* taken, if the server starts; NULL: plain HTTP */
};

/* NULL: reterr says why. */
struct http *ringcast_http_start(const struct config *config, const struct http_options *options, const struct http_host *host,
				 struct config_error *reterr);
void ringcast_http_stop(struct http **http); /* waits for running requests; accepts NULL inside, nulls */
/* For requests from now on, and tls for connections from now on. tls is taken; not NULL exactly where the server has spoken TLS from the start. */
void ringcast_http_reload(struct http *http, const struct config *config, const struct tokens *tokens, struct admin_tls *tls);
/* Where it listens, with the port that the system chose. */
void ringcast_http_endpoint(const struct http *http, char ret_text[VALUE_TEXT_BYTES]);

#endif
