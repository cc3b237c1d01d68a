/* Requests as handlers see them, and what they answer. */
#ifndef RINGCAST_CONTROL_HTTP_REPLY_H
#define RINGCAST_CONTROL_HTTP_REPLY_H

#include <jansson.h>
#include <sys/types.h>

#include "base/attr.h"
#include "control/config.h"
#include "service/operations/overview.h"

struct MHD_Connection;
struct audit;
struct http_cuts;
struct logs;
struct script_store;

/* What the routes may do; the daemon supplies it. The functions are called on the HTTP threads, several at a time. */
struct http_host {
	void *context;
	ringcast_engine *engine; /* borrowed; outlives the server */
	bool is_dev;
	void (*drain)(void *context, bool is_exit);
	int (*resume)(void *context); /* ends a drain, also one that was to end in a stop; ringcast_error: STATE, it is too late */
	/* The list of changes, owned by the caller; NULL: refused, and nothing has changed. */
	json_t *(*reload)(void *context, struct config_error *reterr);
	void (*config)(void *context, struct config *ret_config);
	uint64_t (*log_lost_count)(void *context);
	/* Of the service, all NULL where there cannot be one. letters: the caller's; NULL: problem says why not. */
	json_t *(*letters)(void *context, bool is_resend, char *problem, size_t problem_bytes);
	uint64_t (*service_stall_ns)(void *context); /* 0: it is off, or gets on */
	json_t *(*explain)(void *context, const char *ticket_id, char *problem, size_t problem_bytes); /* likewise: why a matchmaking ticket waits */
	json_t *(*overview)(void *context, enum overview what, const char *after, char *problem, size_t problem_bytes); /* likewise: what a console lists */
	void (*service_metrics)(void *context, ringcast_metric_fn *each, void *each_context);
	struct http_cuts *cuts; /* borrowed, of all servers together; NULL: not counted */
	struct audit *audit;	      /* borrowed; NULL: no trail is kept */
	struct script_store *scripts; /* borrowed; NULL: scripts cannot be pushed here */
	struct logs *logs;            /* borrowed; NULL: changes and refusals are not logged */
};

#define HTTP_PARAMETERS_MAX 2

struct http_request {
	const struct http_host *host;
	const struct config *config; /* a copy made for this request */
	struct MHD_Connection *connection;
	const char *path;
	char parameters[HTTP_PARAMETERS_MAX][RINGCAST_NAME_BYTES]; /* what stood for {id}, {peer}, in order */
	json_t *body;                                              /* an object, or NULL for an empty body */
	const char *bytes;                                         /* the body as it came */
	size_t byte_count;
	const char *role, *caller; /* of whom the token or certificate is; "open" and "" where none was asked for */
};

/* An answer that comes as it happens. Called on the connection's thread, which may wait in read; libmicrohttpd's values say how it ends. */
struct http_stream {
	ssize_t (*read)(void *context, uint64_t position, char *out, size_t size_max);
	void (*free)(void *context);
	void *context; /* given up to the server */
	unsigned seconds_max;
};

/* A handler fills exactly one of json, text, stream or problem. */
struct http_response {
	unsigned status;
	json_t *json; /* owned, given up to the server */
	char *text;   /* malloc'd, given up to the server */
	size_t text_size;
	struct http_stream stream;
	const char *content_type; /* of text and stream; static */
	const char *code;         /* of a problem; static, else NULL */
	char location[160];       /* "" : none */
	char policy[640];         /* what a browser may do with this page (Content-Security-Policy); "": it is none */
};

typedef void http_handler_fn(struct http_request *request, struct http_response *response);

/* RFC 3339 in UTC, of a moment on the engine's clock: the same text at each call. 0: null. */
json_t *ringcast_http_time_at(uint64_t at_ns);
/*
 * Text that other programs made. Names and what scripts say need not be UTF-8, which JSON must be: then every byte that is not ASCII becomes '?', so
 * that one bad text cannot hide a whole list. NULL: no memory.
 */
json_t *ringcast_http_text(const char *text, size_t size);
/* json NULL means that there was no memory for it; the connection is then closed. */
void ringcast_http_reply(struct http_response *response, unsigned status, json_t *json);
/* RFC 9457: title goes with the code, detail is for this occurrence. */
void ringcast_http_problem(struct http_response *response, unsigned status, const char *code, const char *detail_format, ...)
	PRINTF_LIKE(4, 5);
void ringcast_http_engine_problem(struct http_response *response, int error, const char *what);
const char *ringcast_http_query(const struct http_request *request, const char *key); /* NULL: absent */
/* False: the response already says what is wrong. Absent leaves *ret_value. */
bool ringcast_http_query_uint(const struct http_request *request, const char *key, uint64_t max, uint64_t *ret_value,
			      struct http_response *response);

#endif
