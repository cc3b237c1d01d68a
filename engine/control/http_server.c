#include "control/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "control/http_routes.h"
#include "control/package.h"

#define CONNECTIONS_MAX 128
#define IDLE_TIMEOUT_S 15
#define QUIESCE_MS_MAX 200
#define QUIESCE_STEP_MS 2
#define THREAD_COUNT 4 /* so that /healthz answers while another request waits for a stuck shard */

struct http {
	struct MHD_Daemon *server;
	struct http_host host;
	struct config config; /* as at the start: hosts and body_max need a restart */
	struct endpoint endpoint;
	int fd;
};

/* One request while its body comes in. */
struct exchange {
	char *body;
	size_t body_size;
	size_t body_max;
	bool is_too_large;
};

/* responses */

/* NULL: out of memory, here or where the handler made its JSON. */
static struct MHD_Response *render(struct http_response *response)
{
	struct MHD_Response *rendered;
	if (response->json) {
		char *text = json_dumps(response->json, JSON_COMPACT | JSON_REAL_PRECISION(9));
		json_decref(response->json);
		if (!text)
			return NULL;
		rendered = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
		if (!response->content_type)
			response->content_type = "application/json";
	} else {
		if (!response->text)
			return NULL;
		ringcast_assert(response->content_type);
		rendered = MHD_create_response_from_buffer(response->text_size, response->text, MHD_RESPMEM_MUST_FREE);
	}
	return rendered;
}

static enum MHD_Result respond(struct MHD_Connection *connection, struct http_response *response, const char *allow)
{
	struct MHD_Response *rendered = render(response);
	if (!rendered)
		return MHD_NO; /* out of memory: the connection is closed */
	MHD_add_response_header(rendered, "Content-Type", response->content_type);
	MHD_add_response_header(rendered, "Cache-Control", "no-store");
	MHD_add_response_header(rendered, "X-Content-Type-Options", "nosniff");
	if (*response->location)
		MHD_add_response_header(rendered, "Location", response->location);
	if (allow && *allow)
		MHD_add_response_header(rendered, "Allow", allow);
	enum MHD_Result result = MHD_queue_response(connection, response->status, rendered);
	MHD_destroy_response(rendered);
	return result;
}

/* guards */

/* A Host or Origin's host without its port and brackets. */
static void host_part(const char *text, char *ret_host, size_t size)
{
	const char *end = *text == '[' ? strchr(text, ']') : strchrnul(text, ':');
	const char *first = text + (*text == '[');
	snprintf(ret_host, size, "%.*s", end ? (int)(end - first) : 0, first);
}

static bool is_listed(const char *list, const char *word)
{
	size_t size = strlen(word);
	for (const char *at = list; *at;) {
		at += strspn(at, ", ");
		size_t entry_size = strcspn(at, ", ");
		if (size > 0 && entry_size == size && strncasecmp(at, word, size) == 0)
			return true;
		at += entry_size;
	}
	return false;
}

/*
 * A rebinding attack needs a DNS name that first points at the attacker. So loopback names always pass, other literals only where the
 * server was told to listen beyond loopback, and names only when listed.
 */
static bool is_host_allowed(const struct http *http, const char *header)
{
	char host[256];
	struct endpoint literal;
	if (http->endpoint.any.sa_family == AF_UNIX)
		return true; /* no browser speaks to a UNIX socket */
	if (!header)
		return false;
	host_part(header, host, sizeof(host));
	if (strcasecmp(host, "localhost") == 0 || is_listed(http->config.admin_hosts.text, host))
		return true;
	if (!ringcast_value_parse_address(host, 0, &literal) || literal.size == 0)
		return false;
	return ringcast_value_is_loopback(&literal) || !ringcast_value_is_loopback(&http->endpoint);
}

static bool is_origin_allowed(const char *origin, const char *host)
{
	if (!origin)
		return true;
	return host && strncasecmp(origin, "http://", 7) == 0 && strcasecmp(origin + 7, host) == 0;
}

/* Neither type is one that a web page may send without asking first. */
static const char *const content_types[] = {[HTTP_BODY_JSON] = "application/json", [HTTP_BODY_ZIP] = "application/zip"};

static bool is_type(const char *content_type, enum http_body body)
{
	size_t size = strlen(content_types[body]);
	if (!content_type || strncasecmp(content_type, content_types[body], size) != 0)
		return false;
	char next = content_type[size];
	return next == 0 || next == ';' || next == ' ';
}

static enum http_body body_of(const char *method, const char *path)
{
	const struct http_route *route = NULL;
	struct http_request request = {.path = path};
	char allow[64];
	return ringcast_http_routes_match(method, &request, &route, allow) == HTTP_MATCH_ROUTE ? route->body : HTTP_BODY_JSON;
}

static const char *header_of(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static bool guard(const struct http *http, struct MHD_Connection *connection, const char *method, const char *path,
		  struct http_response *response)
{
	enum http_body body = body_of(method, path);
	const char *host = header_of(connection, "Host"), *origin = header_of(connection, "Origin");
	if (!is_host_allowed(http, host))
		ringcast_http_problem(response, 403, "host", "the Host header '%s' is not this machine's; admin.hosts lists further names",
				      host ? host : "");
	else if (!is_origin_allowed(origin, host))
		ringcast_http_problem(response, 403, "origin", "requests from the web page '%s' are refused", origin);
	else if (strcmp(method, "POST") == 0 && !is_type(header_of(connection, "Content-Type"), body))
		ringcast_http_problem(response, 415, "content_type", "send 'Content-Type: %s'%s", content_types[body],
				      body == HTTP_BODY_JSON ? ", even with an empty body" : "");
	return response->status == 0;
}

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

/* dispatch */

static bool parse_body(const struct exchange *exchange, enum http_body body, struct http_request *request, struct http_response *response)
{
	json_error_t problem;
	request->bytes = exchange->body;
	request->byte_count = exchange->body_size;
	if (exchange->body_size == 0 || body != HTTP_BODY_JSON)
		return true;
	request->body = json_loadb(exchange->body, exchange->body_size, JSON_REJECT_DUPLICATES, &problem);
	if (!request->body)
		ringcast_http_problem(response, 400, "json", "line %d column %d: %s", problem.line, problem.column, problem.text);
	else if (!json_is_object(request->body))
		ringcast_http_problem(response, 400, "json", "the body must be an object");
	return response->status == 0;
}

static void dispatch(const char *method, struct http_request *request, const struct exchange *exchange,
		     struct http_response *response, char allow[64])
{
	const struct http_route *route = NULL;
	enum http_match match = ringcast_http_routes_match(strcmp(method, "HEAD") == 0 ? "GET" : method, request, &route, allow);
	if (match == HTTP_MATCH_NO_PATH) {
		ringcast_http_problem(response, 404, "path", "there is no '%s'", request->path);
		return;
	}
	if (match == HTTP_MATCH_NO_METHOD) {
		ringcast_http_problem(response, 405, "method", "'%s' answers to %s only", request->path, allow);
		return;
	}
	struct query_check check = {.known = route->query};
	MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, check_query_key, &check);
	if (check.unknown)
		ringcast_http_problem(response, 400, "query", "unknown query key '%s'%s%s", check.unknown, route->query ? "; known: " : "",
				      route->query ? route->query : "");
	else if (exchange->is_too_large)
		ringcast_http_problem(response, 413, "body_size", "the body is larger than %zu bytes%s", exchange->body_max,
				      route->body == HTTP_BODY_JSON ? " (admin.body_max)" : "");
	else if (parse_body(exchange, route->body, request, response))
		route->handler(request, response);
}

static enum MHD_Result answer(struct http *http, struct MHD_Connection *connection, const char *path, const char *method,
			      const struct exchange *exchange)
{
	struct http_response response = {0};
	char allow[64] = "";
	if (guard(http, connection, method, path, &response)) {
		struct config config;
		http->host.config(http->host.context, &config);
		struct http_request request = {.host = &http->host, .config = &config, .connection = connection, .path = path};
		dispatch(method, &request, exchange, &response, allow);
		json_decref(request.body);
	}
	ringcast_assert(response.status != 0);
	return respond(connection, &response, allow);
}

/* A body above the bound is read and thrown away, so that the client gets to see the answer. */
static void take_body(struct exchange *exchange, const char *data, size_t size)
{
	if (exchange->is_too_large || exchange->body_size + size > exchange->body_max) {
		exchange->is_too_large = true;
		return;
	}
	char *body = realloc(exchange->body, exchange->body_size + size);
	if (!body) {
		exchange->is_too_large = true;
		return;
	}
	memcpy(body + exchange->body_size, data, size);
	exchange->body = body;
	exchange->body_size += size;
}

static enum MHD_Result on_access(void *context, struct MHD_Connection *connection, const char *path, const char *method,
				 const char *version, const char *upload, size_t *upload_size, void **state)
{
	struct http *http = context;
	struct exchange *exchange = *state;
	(void)version;
	if (!exchange) {
		*state = exchange = calloc(1, sizeof(*exchange));
		if (exchange)
			exchange->body_max = body_of(method, path) == HTTP_BODY_ZIP ? http->config.scripts_package_max_bytes : http->config.admin_body_max_bytes;
		return exchange ? MHD_YES : MHD_NO;
	}
	if (*upload_size > 0) {
		take_body(exchange, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	return answer(http, connection, path, method, exchange);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode code)
{
	struct exchange *exchange = *state;
	(void)context;
	(void)connection;
	(void)code;
	if (exchange)
		free(exchange->body);
	free(exchange);
	*state = NULL;
}

/* the listening socket */

/* Whether somebody answers at the UNIX path. */
static bool is_served(const struct endpoint *endpoint)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool is_connected = fd >= 0 && (connect(fd, &endpoint->any, endpoint->size) == 0 || errno == EAGAIN);
	if (fd >= 0)
		close(fd);
	return is_connected;
}

static int open_listener(const struct endpoint *endpoint)
{
	int one = 1;
	int fd = socket(endpoint->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (endpoint->any.sa_family != AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	else if (!is_served(endpoint))
		unlink(endpoint->local.sun_path); /* left by a process that was killed */
	if (bind(fd, &endpoint->any, endpoint->size) == 0 && listen(fd, CONNECTIONS_MAX) == 0) {
		if (endpoint->any.sa_family == AF_UNIX)
			chmod(endpoint->local.sun_path, 0660);
		return fd;
	}
	int problem = errno;
	close(fd);
	errno = problem;
	return -1;
}

static struct http *refuse_start(struct http *http, const struct endpoint *endpoint, const char *problem, struct config_error *reterr)
{
	char text[VALUE_TEXT_BYTES];
	ringcast_value_format_endpoint(endpoint, text);
	snprintf(reterr->text, sizeof(reterr->text), "admin.address: cannot serve %s: %s", text, problem);
	free(http);
	return NULL;
}

struct http *ringcast_http_start(const struct config *config, const struct endpoint *endpoint, const struct http_host *host,
				 struct config_error *reterr)
{
	ringcast_assert(config && endpoint && endpoint->size > 0);
	ringcast_assert(host && host->engine && reterr);
	struct http *http = calloc(1, sizeof(*http));
	if (!http)
		return refuse_start(http, endpoint, "out of memory", reterr);
	*http = (struct http){.host = *host, .config = *config, .endpoint = *endpoint, .fd = open_listener(endpoint)};
	if (http->fd < 0)
		return refuse_start(http, endpoint, strerror(errno), reterr);
	http->endpoint.size = sizeof(http->endpoint.storage);
	getsockname(http->fd, &http->endpoint.any, &http->endpoint.size);
	http->server =
		MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, on_access, http, MHD_OPTION_LISTEN_SOCKET,
				 http->fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
				 MHD_OPTION_CONNECTION_TIMEOUT, IDLE_TIMEOUT_S, MHD_OPTION_THREAD_POOL_SIZE, THREAD_COUNT, MHD_OPTION_END);
	if (!http->server) {
		close(http->fd);
		return refuse_start(http, endpoint, "libmicrohttpd did not start", reterr);
	}
	return http;
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
	if ((*http)->endpoint.any.sa_family == AF_UNIX)
		unlink((*http)->endpoint.local.sun_path);
	free(*http);
	*http = NULL;
}

void ringcast_http_endpoint(const struct http *http, char ret_text[VALUE_TEXT_BYTES])
{
	ringcast_assert(http);
	ringcast_value_format_endpoint(&http->endpoint, ret_text);
}
