/*
 * Which requests are taken. Anything that runs on this machine, a browser too, can connect: the Host header must name this machine (DNS rebinding),
 * a request with a body must be JSON (or a zip, where a route says so) an Origin must be our own, and what only operators may is not taken from a
 * browser that says Sec-Fetch-Site: cross-site (cross-site requests). What a proxy in front
 * could read in another way than we do is refused: headers twice, two lengths, a NUL in the path. With tokens, one must come along.
 */
#ifndef RINGCAST_CONTROL_HTTP_GUARD_H
#define RINGCAST_CONTROL_HTTP_GUARD_H

#include "control/admin_tls.h"
#include "control/http_routes.h"
#include "control/tokens.h"

struct http_guard {
	const struct config *config;     /* for admin.hosts */
	const struct endpoint *endpoint; /* that the server listens on */
	const struct tokens *tokens;     /* empty: none is asked for */
};

struct http_head {
	struct MHD_Connection *connection;
	const char *method, *version;
	const struct http_route *route; /* NULL: there is none */
	bool is_tls;
	enum admin_tls_peer peer; /* who is at the other end, by certificate */
	const struct admin_tls_names *names;
};

/* False: the response says why not. */
bool ringcast_http_guard_check(const struct http_guard *guard, const struct http_head *head, struct http_response *response);
/* Whose token or certificate came, a token going first; NULL with true: none was asked for. False: the response says what is missing. */
bool ringcast_http_guard_authorise(const struct http_guard *guard, const struct http_head *head, const struct token **ret_token,
				   struct http_response *response);

#endif
