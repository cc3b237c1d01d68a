/*
 * Bodies of the admin API, through the real handlers, on the control plane's fake engine. Whatever the body: there is one answer with a status,
 * a refusal says in valid JSON what is wrong, what was accepted is there and within its limits, and nothing leaks.
 */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "control/http_body.h"
#include "control/http_routes.h"
#include "fuzz_target.h"

struct daemon {
	struct http_host host;
	struct config config;
	uint32_t drain_count;
};

static void on_drain(void *context, bool is_exit)
{
	(void)is_exit;
	((struct daemon *)context)->drain_count++;
}

/* Once: a fake engine is large. What a run creates it ends. */
static void start(struct daemon *daemon)
{
	char error[128];
	ringcast_engine_options options;
	ringcast_config_init(&daemon->config);
	ringcast_config_engine_options(&daemon->config, &options);
	options.shard_count = 2;
	int status = ringcast_engine_create(&options, &daemon->host.engine, error, sizeof(error));
	ringcast_assert(status == RINGCAST_OK);
	daemon->host.context = daemon;
	daemon->host.drain = on_drain;
}

static bool is_success(unsigned status)
{
	return status >= 200 && status < 300;
}

static void check_response(const struct http_response *response)
{
	ringcast_assert((response->json != NULL) + (response->text != NULL) == 1);
	char *text = json_dumps(response->json, JSON_COMPACT);
	ringcast_assert(text != NULL);
	free(text);
	ringcast_assert(is_success(response->status) || response->status >= 400);
	if (is_success(response->status))
		return;
	ringcast_assert(json_integer_value(json_object_get(response->json, "status")) == (json_int_t)response->status);
	ringcast_assert(json_string_length(json_object_get(response->json, "detail")) > 0);
	ringcast_assert(json_is_string(json_object_get(response->json, "code")));
}

/* Returns the status. ret_text: a copy of what the answer's object holds under name; "" when it holds none. */
static unsigned ask(struct daemon *daemon, const char *method, const char *path, json_t *body, const char *name, char ret_text[64])
{
	struct http_request request = {.host = &daemon->host, .config = &daemon->config, .path = path, .body = body};
	struct http_response response = {0};
	const struct http_route *route = NULL;
	char allow[64];
	enum http_match match = ringcast_http_routes_match(method, &request, &route, allow);
	ringcast_assert(match == HTTP_MATCH_ROUTE);
	route->handler(&request, &response);
	check_response(&response);
	const char *text = json_string_value(json_object_get(response.json, name));
	snprintf(ret_text, 64, "%s", text != NULL ? text : "");
	json_decref(response.json);
	return response.status;
}

static void end_session(struct daemon *daemon, const char *id)
{
	int status = ringcast_session_end(daemon->host.engine, id);
	ringcast_assert(status == RINGCAST_OK);
}

static void check_session(struct daemon *daemon, const char *id, const json_t *body)
{
	ringcast_session_info info;
	int status = ringcast_session_describe(daemon->host.engine, id, &info);
	ringcast_assert(status == RINGCAST_OK);
	const char *name = json_string_value(json_object_get(body, "name"));
	ringcast_assert(name == NULL || strcmp(info.name, name) == 0);
	ringcast_assert(info.players_max <= daemon->config.limits.players_per_session_max);
}

static void play(struct daemon *daemon, json_t *body)
{
	char id[64], path[128], text[64];
	daemon->drain_count = 0;
	if (is_success(ask(daemon, "POST", "/v1/sessions", body, "id", id))) {
		check_session(daemon, id, body);
		end_session(daemon, id);
	}
	unsigned status = ask(daemon, "POST", "/v1/sessions", NULL, "id", id);
	ringcast_assert(status == 201);
	snprintf(path, sizeof(path), "/v1/sessions/%s/players", id);
	status = ask(daemon, "POST", path, body, "token", text);
	ringcast_assert(is_success(status) == (text[0] != '\0'));
	status = ask(daemon, "GET", path, NULL, "total", text);
	ringcast_assert(status == 200);
	end_session(daemon, id);
	status = ask(daemon, "POST", "/v1/drain", body, "status", text);
	ringcast_assert(daemon->drain_count == is_success(status));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct daemon daemon;
	json_error_t problem;
	if (daemon.host.engine == NULL)
		start(&daemon);
	json_t *body = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, &problem);
	if (json_is_object(body))
		play(&daemon, body);
	json_decref(body);
	return 0;
}
