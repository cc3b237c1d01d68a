#include "service/http_sdk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "proto/websocket.h"
#include "service/outside.h"

enum { KEY_LENGTH = 24 };

static const char *header(struct MHD_Connection *connection, const char *name)
{
	const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
	return value != NULL ? value : "";
}

static const char *argument(struct MHD_Connection *connection, const char *name)
{
	const char *value = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
	return value != NULL ? value : "";
}

bool ringcast_http_sdk_is_upgrade(struct MHD_Connection *connection, const char *method)
{
	return strcmp(method, "GET") == 0 && strcasecmp(header(connection, "Upgrade"), "websocket") == 0;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *text)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_PERSISTENT);
	if (response == NULL)
		return MHD_NO;
	ringcast_log_limited((uint64_t)ringcast_outside_now_ms() * 1000000, LOG_WARN, "service", "a game server is refused", "status=%u problem=\"%s\"", status,
			     text);
	MHD_add_response_header(response, "Content-Type", "text/plain");
	if (status == MHD_HTTP_UPGRADE_REQUIRED)
		MHD_add_response_header(response, "Sec-WebSocket-Version", "13");
	enum MHD_Result result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static bool take(char *out, size_t size, const char *text)
{
	int length = snprintf(out, size, "%s", text);
	return length > 0 && (size_t)length < size;
}

/* NULL: filled in. */
static const char *read_login(struct MHD_Connection *connection, struct sdk_login *ret_login)
{
	const char *fleet = argument(connection, "FleetId"), *arn = strstr(fleet, ":fleet/");
	if (!take(ret_login->fleet, sizeof(ret_login->fleet), arn != NULL ? arn + strlen(":fleet/") : fleet))
		return "FleetId: 1 to 128 bytes are needed";
	if (!take(ret_login->compute, sizeof(ret_login->compute), argument(connection, "ComputeId")))
		return "ComputeId: 1 to 128 bytes are needed";
	if (!take(ret_login->process, sizeof(ret_login->process), argument(connection, "pID")))
		return "pID: 1 to 128 bytes are needed";
	snprintf(ret_login->language, sizeof(ret_login->language), "%s", argument(connection, "sdkLanguage"));
	if (!take(ret_login->version, sizeof(ret_login->version), argument(connection, "sdkVersion")))
		snprintf(ret_login->version, sizeof(ret_login->version), "unknown");
	return NULL;
}

static void release(void *context)
{
	MHD_upgrade_action(context, MHD_UPGRADE_ACTION_CLOSE);
}

struct way {
	struct host_sdk *sdk;
	struct sdk_login login;
};

/* The library's thread, when the answer is out. */
static void upgraded(void *context, struct MHD_Connection *connection, void *exchange, const char *first, size_t first_bytes, MHD_socket fd,
		     struct MHD_UpgradeResponseHandle *way_out)
{
	struct way *way = context;
	const struct sdk_socket socket = {.fd = fd, .first = first, .first_bytes = first_bytes, .release = release, .context = way_out};
	if (!ringcast_host_sdk_connect(way->sdk, &way->login, &socket))
		release(way_out);
}

static struct MHD_Response *upgrade_of(struct way *way, const char *key)
{
	char accept[29];
	ringcast_websocket_accept_key(key, KEY_LENGTH, accept);
	struct MHD_Response *response = MHD_create_response_for_upgrade(upgraded, way);
	if (response != NULL) {
		MHD_add_response_header(response, "Upgrade", "websocket");
		MHD_add_response_header(response, "Sec-WebSocket-Accept", accept);
	}
	return response;
}

static enum MHD_Result upgrade(struct MHD_Connection *connection, struct way *way)
{
	struct MHD_Response *response = upgrade_of(way, header(connection, "Sec-WebSocket-Key"));
	if (response == NULL)
		return MHD_NO;
	enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_SWITCHING_PROTOCOLS, response);
	MHD_destroy_response(response);
	return result;
}

enum MHD_Result ringcast_http_sdk_answer(struct host_sdk *sdk, struct MHD_Connection *connection, void **ret_way, bool *ret_is_let_in)
{
	struct way *way = calloc(1, sizeof(*way));
	if (way == NULL)
		return MHD_NO;
	*ret_way = way;
	*ret_is_let_in = false;
	way->sdk = sdk;
	const char *problem = read_login(connection, &way->login);
	if (strcmp(header(connection, "Sec-WebSocket-Version"), "13") != 0)
		return refuse(connection, MHD_HTTP_UPGRADE_REQUIRED, "Sec-WebSocket-Version must be 13");
	if (strlen(header(connection, "Sec-WebSocket-Key")) != KEY_LENGTH)
		return refuse(connection, MHD_HTTP_BAD_REQUEST, "Sec-WebSocket-Key must have 24 characters");
	if (problem != NULL)
		return refuse(connection, MHD_HTTP_BAD_REQUEST, problem);
	if (!ringcast_host_sdk_check(sdk, &way->login, argument(connection, "Authorization")))
		return refuse(connection, MHD_HTTP_FORBIDDEN, "Authorization: no token of GetComputeAuthToken for this fleet and compute, or it has expired");
	*ret_is_let_in = true;
	return upgrade(connection, way);
}
