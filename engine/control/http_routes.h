/* The routes as data, and the functions behind them. */
#ifndef RINGCAST_CONTROL_HTTP_ROUTES_H
#define RINGCAST_CONTROL_HTTP_ROUTES_H

#include "control/http_reply.h"

enum http_body { HTTP_BODY_JSON, HTTP_BODY_ZIP };

/*
 * Who may: everybody; whoever may see the metrics; readers; operators, whose requests are audited; and for pages without data everybody who reaches admin.address. Those up to
 * METRICS are served on admin.health_address too, to everybody.
 */
enum http_access { HTTP_ACCESS_HEALTH, HTTP_ACCESS_METRICS, HTTP_ACCESS_READ, HTTP_ACCESS_CHANGE, HTTP_ACCESS_PAGE };

struct http_route {
	enum http_access access;
	const char *method;
	const char *pattern; /* {name} stands for one segment */
	const char *query;   /* "a|b": the query keys it knows; NULL: none */
	http_handler_fn *handler;
	const char *summary; /* said again, and more of it, in openapi.yaml */
	enum http_body body;
	bool is_traffic; /* what backends do all day: in the audit trail it takes no place from others */
};

enum http_match { HTTP_MATCH_ROUTE, HTTP_MATCH_NO_PATH, HTTP_MATCH_NO_METHOD };

/* Fills the request's parameters. On NO_METHOD ret_allow lists the methods there are. */
enum http_match ringcast_http_routes_match(const char *method, struct http_request *request, const struct http_route **ret_route,
					   char ret_allow[64]);
const struct http_route *ringcast_http_routes_at(size_t index); /* NULL: past the end */

/* http_sessions.c */
http_handler_fn ringcast_http_sessions_list, ringcast_http_sessions_create, ringcast_http_session_get, ringcast_http_session_end;
http_handler_fn ringcast_http_message_send;
http_handler_fn ringcast_http_players_list, ringcast_http_players_reserve, ringcast_http_player_kick, ringcast_http_player_remove;

/* http_console.c */
http_handler_fn ringcast_http_console_redirect, ringcast_http_console_page, ringcast_http_console_file, ringcast_http_caller_get, ringcast_http_openapi;
/* http_service.c */
http_handler_fn ringcast_http_letters_list, ringcast_http_letters_resend, ringcast_http_ticket_explain;
http_handler_fn ringcast_http_service_fleets, ringcast_http_service_queues, ringcast_http_service_tickets, ringcast_http_service_events;

/* http_inspect.c */
http_handler_fn ringcast_http_properties_get, ringcast_http_groups_list, ringcast_http_disconnects;
/* http_tap.c */
http_handler_fn ringcast_http_tap;
/* http_config.c */
http_handler_fn ringcast_http_config;
/* http_audit.c */
http_handler_fn ringcast_http_audit;

/* http_scripts.c */
http_handler_fn ringcast_http_scripts_list, ringcast_http_script_versions, ringcast_http_script_push, ringcast_http_script_rollback;
http_handler_fn ringcast_http_script_remove, ringcast_http_session_log, ringcast_http_script_files;

#endif
