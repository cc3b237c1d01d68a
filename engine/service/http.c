#include "service/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/hex.h"
#include "service/api/cbor.h"
#include "service/api/log_url.h"
#include "service/api/sigv4.h"
#include "service/audit.h"
#include "service/credentials.h"
#include "service/http_sdk.h"
#include "service/outside.h"
#include "service/request_counts.h"
#include "service/slots.h"

/* CONNECTION_SLACK: those that were cut and still tidy up; at its own limit the library would let the newcomer wait instead. */
enum { THREAD_COUNT = 2, IDLE_TIMEOUT_S = 60, BODY_BYTES_AT_FIRST = 1024, CONNECTION_SLACK = 400 };
/*
 * A connection that wakes is read from first, and what has nothing more to read is closed without its answer: a client that has shut down its sending
 * side would get none. Only connections with a timeout of their own are looked at before anything is read, so one that sleeps has one.
 */
enum { ASLEEP_TIMEOUT_S = IDLE_TIMEOUT_S + 1 };
/* Of each connection. Above 32 KiB the library maps it by itself, so that it goes back to the system with the connection, and a crowd leaves no heap in holes. */
enum { CONNECTION_BYTES = 40 * 1024 };

static const char type_json[] = "application/x-amz-json-1.1";
static const char type_cbor[] = "application/cbor";
static const char cbor_prefix[] = "/service/GameLift/operation/";

struct service_http {
	struct MHD_Daemon *server;
	struct slots *slots;
	struct service_http_options options; /* its texts and address are good during start only */
	struct sockaddr_storage address;
};

enum exchange_state { EXCHANGE_HEAD, EXCHANGE_BODY, EXCHANGE_ASKED, EXCHANGE_ANSWERED };

/* One request from its head to its answer. Belongs to its connection; while it is ASKED the loop holds the request in it. */
struct exchange {
	struct request request;
	struct service_http *http;
	struct MHD_Connection *connection;
	enum exchange_state state; /* the HTTP thread's, but ANSWERED is set by the loop's before it resumes */
	bool is_cbor;
	char *body;
	size_t body_bytes, body_capacity, beyond_bytes; /* beyond: of a body that is too large, read and thrown away */
	char id[40]; /* x-amzn-requestid */
	char *target; /* path and query as they were sent: what is signed */
	void *way;   /* of a connection that becomes a game server's */
};

/* Answering */

static void new_request_id(char ret_id[40])
{
	uint8_t bytes[HEX_UUID_BYTES];
	if (!ringcast_outside_random(bytes, sizeof(bytes)))
		memset(bytes, 0, sizeof(bytes)); /* names a request in logs, so zeros do no harm */
	ringcast_hex_write_uuid(bytes, ret_id);
}

static struct MHD_Response *response_of(void *bytes, size_t size)
{
	if (bytes == NULL)
		return NULL;
	struct MHD_Response *response = MHD_create_response_from_buffer(size, bytes, MHD_RESPMEM_MUST_FREE);
	if (response == NULL)
		free(bytes);
	return response;
}

static struct MHD_Response *render_fault(const struct exchange *exchange)
{
	const char *type = ringcast_fault_type(exchange->request.fault), *message = exchange->request.message;
	size_t size;
	if (exchange->is_cbor) {
		uint8_t *bytes = ringcast_cbor_encode_error(type, message, &size);
		return response_of(bytes, size);
	}
	json_t *text = json_string(message); /* NULL where a client's bytes in it were cut in the middle of a character */
	json_t *json = json_pack("{s:s, s:o}", "__type", type, "Message", text != NULL ? text : json_string("the request is not UTF-8"));
	char *body = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	return response_of(body, body != NULL ? strlen(body) : 0);
}

static struct MHD_Response *render_output(const struct exchange *exchange)
{
	const struct request *request = &exchange->request;
	if (exchange->is_cbor && request->operation->output != SHAPE_ID_NONE) {
		size_t size;
		uint8_t *bytes = ringcast_cbor_encode(request->operation->output, request->output, &size);
		return response_of(bytes, size);
	}
	if (exchange->is_cbor)
		return response_of(strdup("\xa0"), 1);
	char *text = json_dumps(request->output, JSON_COMPACT | JSON_REAL_PRECISION(15));
	return response_of(text, text != NULL ? strlen(text) : 0);
}

static struct slot *slot_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info != NULL ? info->socket_context : NULL;
}

static void set_busy(const struct exchange *exchange, bool is_busy)
{
	ringcast_slots_set_busy(exchange->http->slots, slot_of(exchange->connection), is_busy);
}

static void sleep_until_answered(struct exchange *exchange)
{
	set_busy(exchange, true);
	MHD_set_connection_option(exchange->connection, MHD_CONNECTION_OPTION_TIMEOUT, (unsigned)ASLEEP_TIMEOUT_S);
	MHD_suspend_connection(exchange->connection);
}

static void wake(struct exchange *exchange)
{
	MHD_set_connection_option(exchange->connection, MHD_CONNECTION_OPTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S);
	set_busy(exchange, false);
}

static enum MHD_Result respond(struct exchange *exchange)
{
	const struct request *request = &exchange->request;
	unsigned status = ringcast_fault_status(request->fault);
	ringcast_audit(&exchange->http->options.audit, request, exchange->id);
	ringcast_request_counts_add(exchange->http->options.counts, request);
	struct MHD_Response *response = request->fault != FAULT_NONE ? render_fault(exchange) : render_output(exchange);
	if (response == NULL)
		return MHD_NO; /* out of memory: the connection is closed, and the client tries again */
	MHD_add_response_header(response, "Content-Type", exchange->is_cbor ? type_cbor : type_json);
	MHD_add_response_header(response, "x-amzn-requestid", exchange->id);
	MHD_add_response_header(response, "Cache-Control", "no-store");
	if (exchange->is_cbor)
		MHD_add_response_header(response, "smithy-protocol", "rpc-v2-cbor");
	if (request->fault != FAULT_NONE)
		MHD_add_response_header(response, "x-amzn-errortype", ringcast_fault_type(request->fault));
	enum MHD_Result result = MHD_queue_response(exchange->connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result refuse(struct exchange *exchange, enum fault fault, const char *text)
{
	ringcast_request_refuse(&exchange->request, fault, "%s", text);
	return respond(exchange);
}

/* The loop's thread: the connection wakes and its thread renders. */
static void answered(struct request *request)
{
	struct exchange *exchange = CONTAINER_OF(request, struct exchange, request);
	__atomic_store_n(&exchange->state, EXCHANGE_ANSWERED, __ATOMIC_RELEASE);
	MHD_resume_connection(exchange->connection);
}

/* Who asks */

struct header_list {
	struct sigv4_header headers[SIGV4_HEADERS_MAX];
	size_t count;
	bool is_whole;
};

static enum MHD_Result add_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct header_list *list = context;
	if (list->count == SIGV4_HEADERS_MAX) {
		list->is_whole = false;
		return MHD_NO;
	}
	list->headers[list->count++] = (struct sigv4_header){name, value != NULL ? value : ""};
	return MHD_YES;
}

struct identity {
	struct keys *keys;
	char secret[KEY_SECRET_BYTES];
	enum role role;
};

static const char *secret_of(void *context, const char *key_id)
{
	struct identity *identity = context;
	return ringcast_keys_find(identity->keys, key_id, identity->secret, &identity->role) ? identity->secret : NULL;
}

/* Dev mode knows no keys: there everybody shares one bucket. */
static bool is_in_time(struct exchange *exchange)
{
	enum role role = exchange->request.operation->role;
	if (ringcast_throttle_take(exchange->http->options.throttle, exchange->request.caller, role, ringcast_outside_steady_ms()))
		return true;
	ringcast_request_refuse(&exchange->request, FAULT_THROTTLED, "this key asks too often for what %s is; try again in a moment",
				exchange->request.operation->name);
	return false;
}

static bool is_allowed(struct exchange *exchange, const char *method)
{
	struct header_list list = {.is_whole = true};
	char *query = strchr(exchange->target, '?');
	struct identity identity = {.keys = exchange->http->options.keys};
	if (exchange->http->options.is_dev) {
		exchange->request.role = ROLE_OPERATOR;
		return true;
	}
	MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, add_header, &list);
	if (query != NULL)
		*query++ = '\0';
	struct sigv4_request signed_request = {.method = method, .path = exchange->target, .query = query != NULL ? query : "", .headers = list.headers, .header_count = list.count,
					       .body = exchange->body, .body_bytes = exchange->body_bytes};
	struct sigv4_verdict verdict = ringcast_sigv4_verify(&signed_request, "gamelift", ringcast_outside_now_ms() / 1000, secret_of, &identity);
	explicit_bzero(identity.secret, sizeof(identity.secret));
	exchange->request.role = identity.role;
	if (verdict.result == SIGV4_RIGHT)
		snprintf(exchange->request.caller, sizeof(exchange->request.caller), "%s", verdict.key_id);
	if (verdict.result == SIGV4_RIGHT && list.is_whole)
		return true;
	ringcast_request_refuse(&exchange->request, FAULT_UNAUTHORIZED, "%s", list.is_whole ? verdict.problem : "too many headers");
	return false;
}

/* What is asked */

static const char *header(const struct exchange *exchange, const char *name)
{
	const char *value = MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, name);
	return value != NULL ? value : "";
}

/* "GameLift.CreateGameSession" or the end of the path. NULL: neither. */
static const char *operation_name(struct exchange *exchange, const char *path)
{
	const char *target = header(exchange, "x-amz-target");
	if (exchange->is_cbor)
		return path + sizeof(cbor_prefix) - 1;
	return strcmp(path, "/") == 0 && strncmp(target, "GameLift.", 9) == 0 ? target + 9 : NULL;
}

static json_t *read_json(struct exchange *exchange, char problem[SHAPE_PROBLEM_BYTES])
{
	json_error_t error;
	json_t *json = json_loadb(exchange->body != NULL ? exchange->body : "", exchange->body_bytes, JSON_REJECT_DUPLICATES, &error);
	if (json == NULL && exchange->body_bytes == 0)
		return json_object();
	if (json == NULL)
		snprintf(problem, SHAPE_PROBLEM_BYTES, "the body is no JSON: line %d, column %d: %s", error.line, error.column, error.text);
	return json;
}

static bool read_input(struct exchange *exchange)
{
	char problem[SHAPE_PROBLEM_BYTES] = "";
	exchange->request.input = exchange->is_cbor ? ringcast_cbor_decode((const uint8_t *)exchange->body, exchange->body_bytes, problem)
						    : read_json(exchange, problem);
	if (exchange->request.input != NULL)
		return true;
	ringcast_request_refuse(&exchange->request, FAULT_SERIALIZATION, "%s", problem);
	return false;
}

static bool find_operation(struct exchange *exchange, const char *path)
{
	const char *name = operation_name(exchange, path);
	exchange->request.operation = name != NULL ? ringcast_operation_find(name) : NULL;
	if (name == NULL)
		ringcast_request_refuse(&exchange->request, FAULT_UNKNOWN_OPERATION,
					"the X-Amz-Target header must be GameLift.OPERATION, or the path /service/GameLift/operation/OPERATION");
	else if (exchange->request.operation == NULL)
		ringcast_request_refuse(&exchange->request, FAULT_UNKNOWN_OPERATION, "there is no operation %.100s here; see docs/service-api.md", name);
	return exchange->request.operation != NULL;
}

/* What comes again under the same name with the same body is the same call. A name that is too long is none. */
static void name_invocation(struct exchange *exchange)
{
	struct request *request = &exchange->request;
	const char *name = header(exchange, "amz-sdk-invocation-id");
	if (strlen(name) < sizeof(request->invocation))
		snprintf(request->invocation, sizeof(request->invocation), "%s", name);
	request->body_hash = ringcast_hash_bytes(exchange->body != NULL ? exchange->body : "", exchange->body_bytes, 0);
}

/*
 * Without keys nothing tells a backend's request from one that a web page makes a developer's browser send. No page is served here and no SDK sends an
 * Origin, so whoever sends one is a page: another site's, or one whose name was made to point here (rebinding).
 */
static bool is_from_page(const struct exchange *exchange)
{
	return exchange->http->options.is_dev && MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, "Origin") != NULL;
}

/* The whole body is there. Sleeps until the loop has answered, or answers at once. */
static enum MHD_Result ask(struct exchange *exchange, const char *method, const char *path)
{
	if (strcmp(method, "POST") != 0)
		return refuse(exchange, FAULT_UNKNOWN_OPERATION, "only POST is understood here");
	if (is_from_page(exchange))
		return refuse(exchange, FAULT_UNAUTHORIZED, "without keys no web page may ask; send no Origin header");
	if (exchange->beyond_bytes > 0)
		return refuse(exchange, FAULT_INVALID, "the body is larger than this server reads");
	if (!is_allowed(exchange, method) || !find_operation(exchange, path) || !is_in_time(exchange) || !read_input(exchange))
		return respond(exchange);
	name_invocation(exchange);
	exchange->request.done = answered;
	exchange->state = EXCHANGE_ASKED;
	sleep_until_answered(exchange);
	if (ringcast_loop_ask(exchange->http->options.loop, &exchange->request))
		return MHD_YES;
	ringcast_request_refuse(&exchange->request, FAULT_THROTTLED, "too many requests wait; try again");
	answered(&exchange->request);
	return MHD_YES;
}

/* The server's callbacks */

/*
 * False: the connection is closed. What is a little too large is read to its end, since a client hears why only when it has sent everything; what goes
 * on and on is not.
 */
static bool take_body(struct exchange *exchange, const char *bytes, size_t size)
{
	size_t max = exchange->http->options.body_bytes_max;
	if (exchange->beyond_bytes > 0 || exchange->body_bytes + size > max) {
		exchange->beyond_bytes += size;
		return exchange->beyond_bytes <= max;
	}
	if (exchange->body_bytes + size > exchange->body_capacity) {
		size_t wished = 2 * exchange->body_capacity + size + BODY_BYTES_AT_FIRST, capacity = wished < max ? wished : max;
		if (!ringcast_slots_hold(exchange->http->slots, slot_of(exchange->connection), capacity))
			return false;
		char *grown = realloc(exchange->body, capacity);
		if (grown == NULL)
			return false;
		exchange->body = grown;
		exchange->body_capacity = capacity;
	}
	memcpy(exchange->body + exchange->body_bytes, bytes, size);
	exchange->body_bytes += size;
	return true;
}

/* The first that is heard of a request: its line as it was sent, which the library takes apart afterwards. NULL: out of memory. */
static void *on_target(void *context, const char *target, struct MHD_Connection *connection)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));
	if (exchange == NULL)
		return NULL;
	exchange->http = context;
	exchange->connection = connection;
	exchange->target = strdup(target);
	new_request_id(exchange->id);
	if (exchange->target != NULL)
		return exchange;
	free(exchange);
	return NULL;
}

static enum MHD_Result send_text(struct exchange *exchange, unsigned status, char *text, size_t bytes)
{
	struct MHD_Response *response = response_of(text, bytes);
	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", "text/plain; charset=UTF-8");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "Cache-Control", "no-store");
	enum MHD_Result result = MHD_queue_response(exchange->connection, status, response);
	MHD_destroy_response(response);
	return result;
}

/* A session's log, for whoever has its signed address. */
static enum MHD_Result send_log(struct exchange *exchange)
{
	static const char expired[] = "the address is not one of this server's, or has expired\n", gone[] = "there is no log of this session any more\n";
	const struct service_http_options *options = &exchange->http->options;
	char name[HOST_ID_BYTES];
	size_t bytes = 0;
	if (options->logs == NULL || !ringcast_log_url_check(options->log_secret, exchange->target, ringcast_outside_now_ms() / 1000, name, sizeof(name)))
		return send_text(exchange, MHD_HTTP_FORBIDDEN, strdup(expired), strlen(expired));
	char *text = ringcast_session_logs_read(options->logs, name, &bytes);
	if (text == NULL)
		return send_text(exchange, MHD_HTTP_NOT_FOUND, strdup(gone), strlen(gone));
	return send_text(exchange, MHD_HTTP_OK, text, bytes);
}

/* Who is let in keeps its place for as long as it plays. */
static enum MHD_Result answer_game_server(struct exchange *exchange)
{
	bool is_let_in = false;
	enum MHD_Result result = ringcast_http_sdk_answer(exchange->http->options.sdk, exchange->connection, &exchange->way, &is_let_in);
	set_busy(exchange, is_let_in);
	return result;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path, const char *method, const char *version,
			      const char *data, size_t *data_bytes, void **ret_exchange)
{
	struct exchange *exchange = *ret_exchange;
	if (exchange == NULL)
		return MHD_NO;
	if (exchange->state == EXCHANGE_HEAD) {
		exchange->state = EXCHANGE_BODY;
		exchange->is_cbor = strncmp(path, cbor_prefix, sizeof(cbor_prefix) - 1) == 0;
		return MHD_YES;
	}
	if (*data_bytes > 0) {
		bool is_taken = take_body(exchange, data, *data_bytes);
		*data_bytes = 0;
		return is_taken ? MHD_YES : MHD_NO;
	}
	if (__atomic_load_n(&exchange->state, __ATOMIC_ACQUIRE) == EXCHANGE_ANSWERED) {
		wake(exchange);
		return respond(exchange);
	}
	if (exchange->http->options.sdk != NULL && ringcast_http_sdk_is_upgrade(connection, method))
		return answer_game_server(exchange);
	if (strcmp(method, MHD_HTTP_METHOD_GET) == 0 && strncmp(path, LOG_URL_PREFIX, strlen(LOG_URL_PREFIX)) == 0)
		return send_log(exchange);
	return exchange->state == EXCHANGE_BODY ? ask(exchange, method, path) : MHD_YES;
}

static void ended(void *context, struct MHD_Connection *connection, void **ret_exchange, enum MHD_RequestTerminationCode code)
{
	struct exchange *exchange = *ret_exchange;
	if (exchange == NULL)
		return;
	json_decref(exchange->request.input);
	json_decref(exchange->request.output);
	free(exchange->body);
	ringcast_slots_hold(exchange->http->slots, slot_of(connection), 0);
	free(exchange->target);
	free(exchange->way);
	free(exchange);
	*ret_exchange = NULL;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **slot, enum MHD_ConnectionNotificationCode code)
{
	struct service_http *http = context;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		ringcast_slots_remove(http->slots, *slot);
		*slot = NULL;
		return;
	}
	int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	const union MHD_ConnectionInfo *client = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	*slot = ringcast_slots_add(http->slots, fd, client != NULL ? client->client_addr : NULL);
	if (*slot == NULL)
		shutdown(fd, SHUT_RDWR);
}

/* Life */

static bool start(struct service_http *http)
{
	const struct service_http_options *options = &http->options;
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE;
	if (options->certificate != NULL)
		flags |= MHD_USE_TLS;
	struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_CERT_CALLBACK, 0, ringcast_credentials_callback()}, {MHD_OPTION_END, 0, NULL}};
	struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
	http->server = MHD_start_daemon(flags, 0, NULL, NULL, on_request, http, MHD_OPTION_SOCK_ADDR, options->address, MHD_OPTION_THREAD_POOL_SIZE,
					(unsigned)THREAD_COUNT, MHD_OPTION_CONNECTION_LIMIT,
					(unsigned)THREAD_COUNT * (options->connections_max + CONNECTION_SLACK), MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
					MHD_OPTION_URI_LOG_CALLBACK, on_target, http, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S, MHD_OPTION_NOTIFY_COMPLETED, ended, NULL,
					MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
					MHD_OPTION_ARRAY, options->certificate != NULL ? tls : none, MHD_OPTION_END);
	return http->server != NULL;
}

struct service_http *ringcast_service_http_start(const struct service_http_options *options, char problem[SERVICE_PROBLEM_BYTES])
{
	struct service_http *http = calloc(1, sizeof(*http));
	if (http == NULL) {
		snprintf(problem, SERVICE_PROBLEM_BYTES, "out of memory");
		return NULL;
	}
	uint64_t seed = 0;
	http->slots = ringcast_outside_random(&seed, sizeof(seed)) ? ringcast_slots_create(options->connections_max, options->bodies_bytes_max, seed) : NULL;
	if (http->slots == NULL) {
		free(http);
		snprintf(problem, SERVICE_PROBLEM_BYTES, "out of memory, or the system gives no random numbers");
		return NULL;
	}
	http->options = *options;
	ringcast_assert(options->address_bytes <= sizeof(http->address));
	memcpy(&http->address, options->address, options->address_bytes);
	errno = 0;
	if (options->certificate != NULL && !ringcast_credentials_set(options->certificate, options->key, problem, SERVICE_PROBLEM_BYTES)) {
		ringcast_slots_destroy(&http->slots);
		free(http);
		return NULL;
	}
	if (start(http))
		return http;
	snprintf(problem, SERVICE_PROBLEM_BYTES, "cannot listen: %s", errno != 0 ? strerror(errno) : "the HTTP library refused");
	ringcast_slots_destroy(&http->slots);
	free(http);
	return NULL;
}

void ringcast_service_http_quiesce(struct service_http *http)
{
	MHD_socket fd = MHD_quiesce_daemon(http->server);
	if (fd != MHD_INVALID_SOCKET)
		close(fd);
}

void ringcast_service_http_destroy(struct service_http **http)
{
	if (*http == NULL)
		return;
	MHD_stop_daemon((*http)->server);
	ringcast_credentials_forget();
	ringcast_slots_destroy(&(*http)->slots);
	free(*http);
	*http = NULL;
}

void ringcast_service_http_address(const struct service_http *http, char ret_text[SERVICE_ADDRESS_BYTES])
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->server, MHD_DAEMON_INFO_BIND_PORT);
	char host[INET6_ADDRSTRLEN] = "";
	const struct sockaddr *address = (const struct sockaddr *)&http->address;
	unsigned port = info != NULL ? info->port : 0;
	if (address->sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, host, sizeof(host));
		snprintf(ret_text, SERVICE_ADDRESS_BYTES, "[%s]:%u", host, port);
		return;
	}
	inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, host, sizeof(host));
	snprintf(ret_text, SERVICE_ADDRESS_BYTES, "%s:%u", host, port);
}

struct slots_cuts ringcast_service_http_cuts(const struct service_http *http)
{
	return ringcast_slots_cuts(http->slots);
}
