/* What the daemon has in itself: the console's files, which hold no data and so need no token, and the API's contract. And who the caller is, which decides what the page offers. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

#include "base/assert.h"
#include "control/console_file.h"
#include "control/http_routes.h"

/*
 * The host by which the browser knows us, for the policy: the playground's players connect to the game's port on it. NULL where it has none that a
 * policy can name, such as an IPv6 literal.
 */
static const char *host_of(const struct http_request *request, char *ret_host, size_t size)
{
	const char *header = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "Host");
	size_t used = 0;
	for (; header && (isalnum((unsigned char)header[used]) || header[used] == '.' || header[used] == '-'); used++)
		if (used + 1 >= size)
			return NULL;
	if (used == 0 || (header[used] && header[used] != ':'))
		return NULL;
	memcpy(ret_host, header, used);
	ret_host[used] = 0;
	return ret_host;
}

static void put_policy(const struct http_request *request, struct http_response *response)
{
	char text[128], sources[320] = "";
	const char *host = host_of(request, text, sizeof(text));
	if (host)
		snprintf(sources, sizeof(sources), " ws://%s:* wss://%s:*", host, host);
	snprintf(response->policy, sizeof(response->policy),
		 "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'%s; "
		 "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
		 sources);
}

static bool is_console_on(const struct http_request *request, struct http_response *response)
{
	if (!request->config->admin_console)
		ringcast_http_problem(response, 404, "path", "there is no '%s': admin.console is false", request->path);
	return response->status == 0;
}

static void reply_bytes(const struct console_file *file, struct http_response *response)
{
	char *text = malloc(file->byte_count);
	if (!text) {
		ringcast_http_problem(response, 503, "memory", "out of memory");
		return;
	}
	memcpy(text, file->bytes, file->byte_count);
	*response = (struct http_response){.status = 200, .text = text, .text_size = file->byte_count, .content_type = file->content_type};
}

static void reply_file(const struct http_request *request, const char *name, struct http_response *response)
{
	for (size_t i = 0; i < ringcast_console_file_count; i++) {
		if (strcmp(ringcast_console_files[i].name, name) != 0)
			continue;
		reply_bytes(&ringcast_console_files[i], response);
		put_policy(request, response);
		return;
	}
	ringcast_http_problem(response, 404, "path", "there is no '%s'", request->path);
}

void ringcast_http_console_page(struct http_request *request, struct http_response *response)
{
	if (is_console_on(request, response))
		reply_file(request, "", response);
}

void ringcast_http_console_file(struct http_request *request, struct http_response *response)
{
	if (is_console_on(request, response))
		reply_file(request, request->parameters[0], response);
}

void ringcast_http_console_redirect(struct http_request *request, struct http_response *response)
{
	if (!is_console_on(request, response))
		return;
	/* From / and from /console it leads to the same place, and behind a proxy it stays below the path by which the proxy is asked. */
	ringcast_http_reply(response, 302, json_pack("{s:s}", "location", "console/"));
	snprintf(response->location, sizeof(response->location), "console/");
}

void ringcast_http_openapi(struct http_request *request, struct http_response *response)
{
	(void)request;
	reply_bytes(&ringcast_openapi_file, response);
}

void ringcast_http_caller_get(struct http_request *request, struct http_response *response)
{
	ringcast_assert(request->role && request->caller);
	ringcast_http_reply(response, 200, json_pack("{s:s, s:s}", "role", request->role, "name", request->caller));
}
