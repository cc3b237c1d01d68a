#include "control/http_server.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "control/audit.h"
#include "control/http_clients.h"
#include "control/http_guard.h"
#include "control/http_listener.h"
#include "control/logs.h"

#define ADMIN_CONNECTIONS_MAX 128
#define ADMIN_CONNECTIONS_PER_ADDRESS_MAX 96
#define HEALTH_CONNECTIONS_MAX 32
#define HEALTH_MEMORY_BYTES_MAX (4 * 1024 * 1024)
#define CONNECTION_SLACK 400 /* those that have been cut and still tidy up: at its own limit libmicrohttpd would turn the newcomer away */
#define IDLE_TIMEOUT_S 15
#define STREAM_BYTES 16384
#define QUIESCE_MS_MAX 200
#define QUIESCE_STEP_MS 2
#define HEAD_BYTES_MAX 32768  /* of a request, and of what libmicrohttpd needs besides */
#define REFUSED_BYTES_MAX (16 * 1024 * 1024) /* of a body that is thrown away, so that the client gets to see the answer */
#define THREAD_STACK_BYTES (1024 * 1024)

struct http {
	struct MHD_Daemon *server;
	enum http_kind kind;
	struct http_host host;
	struct config config; /* as at the start: hosts and body_max need a restart */
	struct endpoint endpoint;
	struct http_clients *clients;
	pthread_mutex_t mutex; /* guards tokens, tls and the configuration's admin.tls_ keys */
	struct tokens tokens;
	struct admin_tls *tls; /* NULL: plain HTTP */
	int fd;
};

/* One request, from its first line to the end of its answer. */
struct exchange {
	struct http_client *client;
	bool is_head_seen, is_path_odd, is_too_large, is_out_of_memory;
	struct http_response response; /* has a status when the head alone is refused */
	struct http_request request;
	const struct http_route *route; /* NULL: none */
	char allow[64];                 /* the methods there are instead */
	const char *role;               /* for the log */
	char name[TOKEN_NAME_BYTES];
	char *body;
	size_t body_size, body_room, body_max, refused_size;
	uint64_t held_bytes;
};

/* answers */

/* The text of the answer, malloc'd; NULL: out of memory, here or where the handler made its JSON. */
static char *take_text(struct http_response *response, size_t *ret_size)
{
	char *text = response->text;
	*ret_size = response->text_size;
	if (response->json) {
		text = json_dumps(response->json, JSON_COMPACT | JSON_REAL_PRECISION(9));
		json_decref(response->json);
		*ret_size = text ? strlen(text) : 0;
		if (!response->content_type)
			response->content_type = "application/json";
	}
	response->json = NULL;
	response->text = NULL;
	return text;
}

static void add_page_headers(struct MHD_Response *rendered, const char *policy)
{
	MHD_add_response_header(rendered, "Content-Security-Policy", policy);
	MHD_add_response_header(rendered, "Referrer-Policy", "no-referrer");
	MHD_add_response_header(rendered, "X-Frame-Options", "DENY");
	MHD_add_response_header(rendered, "Cross-Origin-Opener-Policy", "same-origin");
	MHD_add_response_header(rendered, "Cross-Origin-Resource-Policy", "same-origin");
}

static enum MHD_Result queue(struct MHD_Connection *connection, const struct http_response *response, struct MHD_Response *rendered, const char *allow)
{
	ringcast_assert(response->content_type);
	MHD_add_response_header(rendered, "Content-Type", response->content_type);
	MHD_add_response_header(rendered, "Cache-Control", "no-store");
	MHD_add_response_header(rendered, "X-Content-Type-Options", "nosniff");
	if (*response->location)
		MHD_add_response_header(rendered, "Location", response->location);
	if (*allow)
		MHD_add_response_header(rendered, "Allow", allow);
	if (*response->policy)
		add_page_headers(rendered, response->policy);
	if (response->status == 401)
		MHD_add_response_header(rendered, "WWW-Authenticate", "Bearer realm=\"ringcast\"");
	enum MHD_Result result = MHD_queue_response(connection, response->status, rendered);
	MHD_destroy_response(rendered);
	return result;
}

static enum MHD_Result queue_text(struct MHD_Connection *connection, const struct http_response *response, char *text, size_t size,
				  const char *allow)
{
	struct MHD_Response *rendered = MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
	if (rendered)
		return queue(connection, response, rendered, allow);
	free(text);
	return MHD_NO;
}

/* Silence is no idleness here: the connection's time is the stream's. */
static enum MHD_Result queue_stream(struct MHD_Connection *connection, const struct http_response *response)
{
	const struct http_stream *stream = &response->stream;
	struct MHD_Response *rendered = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BYTES, stream->read, stream->context, stream->free);
	if (rendered) {
		MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, stream->seconds_max + IDLE_TIMEOUT_S);
		MHD_add_response_header(rendered, "X-Accel-Buffering", "no"); /* nginx would else hand it on by the buffer */
		return queue(connection, response, rendered, "");
	}
	stream->free(stream->context);
	return MHD_NO;
}

static bool hold(struct exchange *exchange, uint64_t bytes)
{
	if (!ringcast_http_client_hold(exchange->client, bytes))
		return false;
	exchange->held_bytes += bytes;
	return true;
}

/* MHD_NO closes the connection. */
static enum MHD_Result respond(struct MHD_Connection *connection, struct exchange *exchange)
{
	size_t size;
	if (exchange->response.stream.read)
		return queue_stream(connection, &exchange->response);
	char *text = take_text(&exchange->response, &size);
	if (text && !hold(exchange, size)) {
		free(text);
		exchange->response = (struct http_response){0};
		ringcast_http_problem(&exchange->response, 503, "memory", "the answer of %zu bytes has no room beside others that are not read", size);
		text = take_text(&exchange->response, &size);
	}
	return text ? queue_text(connection, &exchange->response, text, size, exchange->allow) : MHD_NO;
}

/* the log */

/* Every change that was asked for, and who asked; for others only that they were refused. */
static void tell(struct http *http, const struct exchange *exchange, const char *method)
{
	char path[700], created[200];
	const struct http_response *response = &exchange->response;
	bool is_change = exchange->route && exchange->route->access == HTTP_ACCESS_CHANGE;
	bool is_refused = response->status == 401 || response->status == 403;
	const char *player_id = ringcast_http_query(&exchange->request, "player_id");
	char player[300] = "", quoted[280];
	if (!http->host.logs || !(is_change || is_refused))
		return;
	if (player_id)
		snprintf(player, sizeof(player), " player_id=%s", ringcast_logs_quote(player_id, quoted, sizeof(quoted)));
	ringcast_logs_event(http->host.logs, is_refused ? RINGCAST_LOG_WARN : RINGCAST_LOG_INFO, is_refused ? "admin request refused" : "admin change",
			    "method=%s path=%s%s status=%u code=%s created=%s role=%s name=\"%s\" address=\"%s\"", method,
			    ringcast_logs_quote(exchange->request.path, path, sizeof(path)), player, response->status,
			    response->code ? response->code : "none",
			    ringcast_logs_quote(response->location, created, sizeof(created)), exchange->role, exchange->name,
			    ringcast_http_client_address(exchange->client));
}

/* What got as far as being somebody's: strangers cannot push the trail out of its rings, and readers only what games do. */
static void note(struct http *http, const struct exchange *exchange, const char *method)
{
	const struct http_response *response = &exchange->response;
	char what[100], object[600], answer[64];
	bool is_change = exchange->route && exchange->route->access == HTTP_ACCESS_CHANGE;
	bool is_refused = response->status == 403, is_strange = response->status == 401 || (is_refused && (!response->code || strcmp(response->code, "role") != 0));
	const char *player_id = ringcast_http_query(&exchange->request, "player_id");
	if (!http->host.audit || !is_change || is_strange)
		return;
	snprintf(what, sizeof(what), "%s %s", method, exchange->route->pattern);
	snprintf(object, sizeof(object), "%.300s%s%.120s", *response->location ? response->location : exchange->request.path, player_id ? " player_id=" : "",
		 player_id ? player_id : "");
	snprintf(answer, sizeof(answer), "%u%s%.40s", response->status, response->code ? " " : "", response->code ? response->code : "");
	const struct audit_entry entry = {.surface = "admin", .who = exchange->name, .role = exchange->role, .what = what, .object = object, .answer = answer,
					  .address = ringcast_http_client_address(exchange->client), .is_traffic = is_refused || exchange->route->is_traffic};
	ringcast_audit_note(http->host.audit, &entry);
}

/* the head */

static bool is_served_here(const struct http *http, const struct http_route *route)
{
	return http->kind == HTTP_ADMIN || route->access <= HTTP_ACCESS_METRICS;
}

static void find_route(const struct http *http, struct exchange *exchange, const char *method)
{
	const char *read_as = strcmp(method, "HEAD") == 0 ? "GET" : method;
	const struct http_route *route = NULL;
	enum http_match match = ringcast_http_routes_match(read_as, &exchange->request, &route, exchange->allow);
	if (match == HTTP_MATCH_ROUTE && is_served_here(http, route))
		exchange->route = route;
	else if (match == HTTP_MATCH_NO_METHOD && http->kind == HTTP_ADMIN)
		ringcast_http_problem(&exchange->response, 405, "method", "'%s' answers to %s only", exchange->request.path, exchange->allow);
	else
		ringcast_http_problem(&exchange->response, 404, "path", "there is no '%s'%s", exchange->request.path,
				      match != HTTP_MATCH_NO_PATH ? " on this address: it is the one of health and metrics" : "");
}

static gnutls_session_t session_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	return info ? info->tls_session : NULL;
}

static void authorise(struct http *http, struct exchange *exchange, const struct http_guard *guard, struct http_head *head)
{
	const struct token *token;
	struct admin_tls_names names = {0};
	pthread_mutex_lock(&http->mutex);
	head->names = &names;
	if (http->tls)
		head->peer = ringcast_admin_tls_identify(http->tls, session_of(head->connection), &names);
	ringcast_http_guard_authorise(guard, head, &token, &exchange->response);
	exchange->role = http->tokens.count == 0 ? "open" : ringcast_tokens_role_name(token ? token->role : TOKEN_ROLE_NONE);
	if (token) {
		memcpy(exchange->name, token->name, sizeof(exchange->name));
	}
	pthread_mutex_unlock(&http->mutex);
}

/* Before the body: who is refused does not get to fill our memory. */
static void take_head(struct http *http, struct exchange *exchange, struct MHD_Connection *connection, const char *path, const char *method,
		      const char *version)
{
	struct http_response *response = &exchange->response;
	bool is_tls = http->kind == HTTP_ADMIN && http->config.admin_tls_certificate.text[0];
	struct http_head head = {.connection = connection, .method = method, .version = version, .is_tls = is_tls};
	const struct http_guard guard = {&http->config, &http->endpoint, &http->tokens};
	exchange->is_head_seen = true;
	exchange->role = ringcast_tokens_role_name(TOKEN_ROLE_NONE);
	exchange->request.connection = connection;
	exchange->request.path = path;
	exchange->request.host = &http->host;
	if (exchange->is_path_odd) {
		ringcast_http_problem(response, 400, "path", "the path holds a NUL");
		return;
	}
	struct http_response unrouted = {0};
	find_route(http, exchange, method);
	head.route = exchange->route;
	unrouted = *response;
	*response = (struct http_response){0};
	if (ringcast_http_guard_check(&guard, &head, response) && exchange->route)
		authorise(http, exchange, &guard, &head);
	if (response->status == 0)
		*response = unrouted; /* a foreign page does not get to know which paths there are */
	else
		json_decref(unrouted.json);
	exchange->body_max = exchange->route && exchange->route->body == HTTP_BODY_ZIP ? http->config.scripts_package_max_bytes
											    : http->config.admin_body_max_bytes;
}

/* the body */

static bool grow(struct exchange *exchange, size_t size)
{
	size_t room = exchange->body_room ? exchange->body_room : 4096;
	while (room < size)
		room *= 2;
	if (room == exchange->body_room)
		return true;
	if (!hold(exchange, room - exchange->body_room))
		return false;
	char *body = realloc(exchange->body, room);
	if (!body)
		return false;
	exchange->body = body;
	exchange->body_room = room;
	return true;
}

/* False: enough of a body that is thrown away; the connection goes. */
static bool take_body(struct exchange *exchange, const char *data, size_t size)
{
	bool is_refused = exchange->response.status || exchange->is_too_large || exchange->is_out_of_memory;
	if (!is_refused && exchange->body_size + size > exchange->body_max)
		is_refused = exchange->is_too_large = true;
	if (!is_refused && !grow(exchange, exchange->body_size + size))
		is_refused = exchange->is_out_of_memory = true;
	if (is_refused) {
		exchange->refused_size += size;
		return exchange->refused_size <= REFUSED_BYTES_MAX;
	}
	memcpy(exchange->body + exchange->body_size, data, size);
	exchange->body_size += size;
	return true;
}

static void parse_body(struct exchange *exchange)
{
	static const char mark[] = "\xef\xbb\xbf"; /* what Windows puts before UTF-8 */
	json_error_t problem;
	struct http_request *request = &exchange->request;
	request->bytes = exchange->body;
	request->byte_count = exchange->body_size;
	size_t skipped = exchange->body_size >= 3 && memcmp(exchange->body, mark, 3) == 0 ? 3 : 0;
	if (exchange->body_size == skipped || exchange->route->body != HTTP_BODY_JSON)
		return;
	request->body = json_loadb(exchange->body + skipped, exchange->body_size - skipped, JSON_REJECT_DUPLICATES, &problem);
	if (!request->body)
		ringcast_http_problem(&exchange->response, 400, "json", "line %d column %d: %s", problem.line, problem.column, problem.text);
	else if (!json_is_object(request->body))
		ringcast_http_problem(&exchange->response, 400, "json", "the body must be an object");
}

/* the answer */

struct query_check {
	const char *known; /* "a|b" or NULL */
	const char *unknown;
};

static enum MHD_Result check_query_key(void *context, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct query_check *check = context;
	size_t size = strlen(key);
	(void)kind;
	(void)value;
	for (const char *at = check->known; at && *at;) {
		const char *end = strchrnul(at, '|');
		if ((size_t)(end - at) == size && memcmp(at, key, size) == 0)
			return MHD_YES;
		at = *end ? end + 1 : end;
	}
	check->unknown = key;
	return MHD_NO;
}

static void handle(struct http *http, struct exchange *exchange)
{
	struct config config;
	struct http_response *response = &exchange->response;
	const struct http_route *route = exchange->route;
	struct query_check check = {.known = route->query};
	MHD_get_connection_values(exchange->request.connection, MHD_GET_ARGUMENT_KIND, check_query_key, &check);
	if (check.unknown)
		ringcast_http_problem(response, 400, "query", "unknown query key '%s'%s%s", check.unknown, route->query ? "; known: " : "",
				      route->query ? route->query : "");
	else if (exchange->is_out_of_memory)
		ringcast_http_problem(response, 503, "memory", "the body has no room beside those of other requests; try again");
	else if (exchange->is_too_large)
		ringcast_http_problem(response, 413, "body_size", "the body is larger than %zu bytes%s", exchange->body_max,
				      route->body == HTTP_BODY_JSON ? " (admin.body_max)" : "");
	else
		parse_body(exchange);
	if (response->status == 0) {
		http->host.config(http->host.context, &config);
		exchange->request.config = &config;
		exchange->request.role = exchange->role;
		exchange->request.caller = exchange->name;
		route->handler(&exchange->request, response);
	}
	json_decref(exchange->request.body);
	exchange->request.body = NULL;
}

static enum MHD_Result answer(struct http *http, struct MHD_Connection *connection, const char *method, struct exchange *exchange)
{
	ringcast_http_client_begin(exchange->client);
	if (exchange->response.status == 0)
		handle(http, exchange);
	ringcast_assert(exchange->response.status != 0);
	tell(http, exchange, method);
	note(http, exchange, method);
	enum MHD_Result result = respond(connection, exchange);
	ringcast_http_client_end(exchange->client);
	return result;
}

/* libmicrohttpd's side */

static struct http_client *client_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info ? info->socket_context : NULL;
}

/* With the first line of a request, as it came. */
static void *on_uri(void *context, const char *uri, struct MHD_Connection *connection)
{
	(void)context;
	struct exchange *exchange = calloc(1, sizeof(*exchange));
	if (!exchange)
		return NULL;
	exchange->client = client_of(connection);
	exchange->is_path_odd = strstr(uri, "%00") != NULL;
	return exchange;
}

static enum MHD_Result on_access(void *context, struct MHD_Connection *connection, const char *path, const char *method,
				 const char *version, const char *upload, size_t *upload_size, void **state)
{
	struct http *http = context;
	struct exchange *exchange = *state;
	if (!exchange || !exchange->client)
		return MHD_NO;
	if (!exchange->is_head_seen) {
		take_head(http, exchange, connection, path, method, version);
		return MHD_YES;
	}
	if (*upload_size > 0) {
		bool is_taken = take_body(exchange, upload, *upload_size);
		*upload_size = 0;
		return is_taken ? MHD_YES : MHD_NO;
	}
	return answer(http, connection, method, exchange);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode code)
{
	struct exchange *exchange = *state;
	(void)context;
	(void)connection;
	(void)code;
	*state = NULL;
	if (!exchange)
		return;
	if (exchange->client)
		ringcast_http_client_release(exchange->client, exchange->held_bytes);
	json_decref(exchange->response.json);
	free(exchange->response.text);
	free(exchange->body);
	free(exchange);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **state, enum MHD_ConnectionNotificationCode code)
{
	struct http *http = context;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		ringcast_http_clients_remove(*state);
		*state = NULL;
		return;
	}
	/* Since libmicrohttpd 1.0 every answer lies in the same place: it is good until the next question. */
	int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	const union MHD_ConnectionInfo *address = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	*state = ringcast_http_clients_add(http->clients, fd, address ? address->client_addr : NULL);
	if (!*state)
		shutdown(fd, SHUT_RDWR);
	pthread_mutex_lock(&http->mutex);
	if (http->tls) /* before its handshake: what was given to libmicrohttpd at the start may be out of date */
		ringcast_admin_tls_attach(http->tls, session_of(connection));
	pthread_mutex_unlock(&http->mutex);
}

/* life */

static struct http *refuse_start(struct http *http, const struct http_options *options, const char *problem, struct config_error *reterr)
{
	char text[VALUE_TEXT_BYTES];
	ringcast_value_format_endpoint(&options->endpoint, text);
	snprintf(reterr->text, sizeof(reterr->text), "admin.%s: cannot serve %s: %s", options->kind == HTTP_HEALTH ? "health_address" : "address", text,
		 problem);
	if (!http)
		return NULL;
	if (http->fd >= 0) {
		close(http->fd);
		ringcast_http_listener_forget(&options->endpoint);
	}
	ringcast_http_clients_destroy(&http->clients);
	pthread_mutex_destroy(&http->mutex);
	free(http);
	return NULL;
}

static struct http *create(const struct config *config, const struct http_options *options, const struct http_host *host)
{
	struct http *http = calloc(1, sizeof(*http));
	bool is_health = options->kind == HTTP_HEALTH;
	const struct http_clients_options clients = {
		.connections_max = is_health ? HEALTH_CONNECTIONS_MAX : ADMIN_CONNECTIONS_MAX,
		.connections_per_address_max = is_health ? HEALTH_CONNECTIONS_MAX : ADMIN_CONNECTIONS_PER_ADDRESS_MAX,
		.memory_bytes_max = is_health ? HEALTH_MEMORY_BYTES_MAX : config->admin_memory_max_bytes,
		.cuts = host->cuts,
	};
	if (!http)
		return NULL;
	*http = (struct http){.kind = options->kind, .host = *host, .config = *config, .endpoint = options->endpoint, .fd = -1};
	pthread_mutex_init(&http->mutex, NULL);
	if (options->tokens && !is_health)
		http->tokens = *options->tokens;
	http->clients = ringcast_http_clients_create(&clients);
	return http;
}

/* NULL: libmicrohttpd cannot. */
static struct MHD_Daemon *start_daemon(struct http *http, unsigned flags, const struct MHD_OptionItem *more)
{
	unsigned limit = (http->kind == HTTP_HEALTH ? HEALTH_CONNECTIONS_MAX : ADMIN_CONNECTIONS_MAX) + CONNECTION_SLACK;
	return MHD_start_daemon(
		flags | MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_ITC, 0, NULL, NULL, on_access, http,
		MHD_OPTION_LISTEN_SOCKET, http->fd, MHD_OPTION_URI_LOG_CALLBACK, on_uri, http, MHD_OPTION_NOTIFY_COMPLETED, on_completed, http,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, http, MHD_OPTION_CONNECTION_LIMIT, limit, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_TIMEOUT_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_BYTES_MAX, MHD_OPTION_THREAD_STACK_SIZE, (size_t)THREAD_STACK_BYTES, MHD_OPTION_ARRAY,
		more, MHD_OPTION_END);
}

static bool start_server(struct http *http)
{
	static char priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
	struct MHD_OptionItem options[] = {{MHD_OPTION_END, 0, NULL}, {MHD_OPTION_END, 0, NULL}, {MHD_OPTION_END, 0, NULL}, {MHD_OPTION_END, 0, NULL}};
	if (http->tls) {
		options[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)ringcast_admin_tls_certificate(http->tls)};
		options[1] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)ringcast_admin_tls_key(http->tls)};
		options[2] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, priorities};
	}
	http->server = start_daemon(http, http->tls ? MHD_USE_TLS : 0, options);
	return http->server != NULL;
}

struct http *ringcast_http_start(const struct config *config, const struct http_options *options, const struct http_host *host,
				 struct config_error *reterr)
{
	ringcast_assert(config && options && options->endpoint.size > 0);
	ringcast_assert(host && host->engine && reterr);
	struct http *http = create(config, options, host);
	if (!http || !http->clients)
		return refuse_start(http, options, "out of memory", reterr);
	http->fd = ringcast_http_listener_open(&options->endpoint);
	if (http->fd < 0)
		return refuse_start(http, options, strerror(errno), reterr);
	http->endpoint.size = sizeof(http->endpoint.storage);
	getsockname(http->fd, &http->endpoint.any, &http->endpoint.size);
	if (options->tls && MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
		return refuse_start(http, options, "this libmicrohttpd has no TLS (admin.tls_certificate)", reterr);
	http->tls = options->tls;
	if (start_server(http))
		return http;
	http->tls = NULL;
	return refuse_start(http, options, "libmicrohttpd did not start", reterr);
}

void ringcast_http_reload(struct http *http, const struct config *config, const struct tokens *tokens, struct admin_tls *tls)
{
	ringcast_assert(http && config && tokens);
	ringcast_assert((tls != NULL) == (http->tls != NULL));
	pthread_mutex_lock(&http->mutex);
	http->tokens = *tokens;
	http->config.admin_tls_client_ca = config->admin_tls_client_ca;
	http->config.admin_tls_client_required = config->admin_tls_client_required;
	if (tls)
		ringcast_admin_tls_supersede(&http->tls, tls);
	pthread_mutex_unlock(&http->mutex);
}

static unsigned connection_count(const struct http *http)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->server, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
	return info ? info->num_connections : 0;
}

/* No new connections, and a moment for those there are: libmicrohttpd 0.9.75 may crash when it is stopped while one comes or goes. */
static void quiesce(struct http *http)
{
	MHD_socket fd = MHD_quiesce_daemon(http->server);
	for (int waited_ms = 0; connection_count(http) > 0 && waited_ms < QUIESCE_MS_MAX; waited_ms += QUIESCE_STEP_MS)
		poll(NULL, 0, QUIESCE_STEP_MS);
	if (fd != MHD_INVALID_SOCKET)
		close(fd);
}

void ringcast_http_stop(struct http **http)
{
	ringcast_assert(http);
	if (!*http)
		return;
	quiesce(*http);
	MHD_stop_daemon((*http)->server);
	ringcast_http_listener_forget(&(*http)->endpoint);
	ringcast_http_clients_destroy(&(*http)->clients);
	ringcast_tokens_forget(&(*http)->tokens);
	ringcast_admin_tls_free(&(*http)->tls);
	pthread_mutex_destroy(&(*http)->mutex);
	free(*http);
	*http = NULL;
}

void ringcast_http_endpoint(const struct http *http, char ret_text[VALUE_TEXT_BYTES])
{
	ringcast_assert(http);
	ringcast_value_format_endpoint(&http->endpoint, ret_text);
}
