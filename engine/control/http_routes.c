#include "control/http_routes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "control/http_body.h"
#include "control/http_clients.h"
#include "control/value.h"
#include "metrics/prometheus.h"

static http_handler_fn get_live, get_ready, get_metrics, get_info, post_drain, delete_drain, post_reload;

static const struct http_route routes[] = {
	{HTTP_ACCESS_HEALTH, "GET", "/healthz", NULL, get_live, "every shard turns its loop, and so does the service"},
	{HTTP_ACCESS_HEALTH, "GET", "/livez", NULL, get_live, "the same as /healthz"},
	{HTTP_ACCESS_HEALTH, "GET", "/readyz", NULL, get_ready, "new sessions and players are welcome"},
	{HTTP_ACCESS_METRICS, "GET", "/metrics", NULL, get_metrics, "Prometheus text format"},
	{HTTP_ACCESS_PAGE, "GET", "/", NULL, ringcast_http_console_redirect, "sends browsers to the console"},
	{HTTP_ACCESS_PAGE, "GET", "/console", NULL, ringcast_http_console_redirect, "likewise"},
	{HTTP_ACCESS_PAGE, "GET", "/console/", NULL, ringcast_http_console_page, "the console's page"},
	{HTTP_ACCESS_PAGE, "GET", "/console/{file}", NULL, ringcast_http_console_file, "what the page is made of"},
	{HTTP_ACCESS_READ, "GET", "/v1/openapi.yaml", NULL, ringcast_http_openapi, "this API's description in OpenAPI 3.1"},
	{HTTP_ACCESS_READ, "GET", "/v1/caller", NULL, ringcast_http_caller_get, "who asks, and in which role"},
	{HTTP_ACCESS_READ, "GET", "/v1/info", NULL, get_info, "version, ports, io"},
	{HTTP_ACCESS_READ, "GET", "/v1/config", NULL, ringcast_http_config, "the effective configuration"},
	{HTTP_ACCESS_CHANGE, "POST", "/v1/drain", NULL, post_drain, "take no new sessions or players"},
	{HTTP_ACCESS_CHANGE, "DELETE", "/v1/drain", NULL, delete_drain, "take new sessions and players again"},
	{HTTP_ACCESS_CHANGE, "POST", "/v1/reload", NULL, post_reload, "read the configuration again"},
	{HTTP_ACCESS_READ, "GET", "/v1/sessions", "name|limit|after", ringcast_http_sessions_list, "list sessions"},
	{HTTP_ACCESS_CHANGE, "POST", "/v1/sessions", NULL, ringcast_http_sessions_create, "create a session", .is_traffic = true},
	{HTTP_ACCESS_READ, "GET", "/v1/sessions/{id}", NULL, ringcast_http_session_get, "describe a session"},
	{HTTP_ACCESS_CHANGE, "DELETE", "/v1/sessions/{id}", NULL, ringcast_http_session_end, "end a session", .is_traffic = true},
	{HTTP_ACCESS_READ, "GET", "/v1/sessions/{id}/players", NULL, ringcast_http_players_list, "list players and reservations"},
	{HTTP_ACCESS_CHANGE, "POST", "/v1/sessions/{id}/players", NULL, ringcast_http_players_reserve, "reserve a place, get its token", .is_traffic = true},
	{HTTP_ACCESS_CHANGE, "DELETE", "/v1/sessions/{id}/players", "player_id|token|reason", ringcast_http_player_remove,
	 "cancel a reservation, or disconnect a player, by player id or token", .is_traffic = true},
	{HTTP_ACCESS_CHANGE, "DELETE", "/v1/sessions/{id}/players/{peer}", "reason", ringcast_http_player_kick, "disconnect a player", .is_traffic = true},
	{HTTP_ACCESS_CHANGE, "POST", "/v1/sessions/{id}/messages", NULL, ringcast_http_message_send, "send a message into a session, or to a player", .is_traffic = true},
	{HTTP_ACCESS_READ, "GET", "/v1/sessions/{id}/log", NULL, ringcast_http_session_log, "what the session's script said"},
	{HTTP_ACCESS_READ, "GET", "/v1/sessions/{id}/properties", NULL, ringcast_http_properties_get, "what a session was created with"},
	{HTTP_ACCESS_READ, "GET", "/v1/sessions/{id}/groups", "after", ringcast_http_groups_list, "list groups and their members"},
	{HTTP_ACCESS_CHANGE, "GET", "/v1/sessions/{id}/tap", "seconds|messages_max|player|opcode|format", ringcast_http_tap, "what is said in a session, as it is said"},
	{HTTP_ACCESS_READ, "GET", "/v1/disconnects", "limit", ringcast_http_disconnects, "how many went, by reason, and who went last"},
	{HTTP_ACCESS_READ, "GET", "/v1/scripts", NULL, ringcast_http_scripts_list, "list scripts"},
	{HTTP_ACCESS_READ, "GET", "/v1/scripts/{name}", NULL, ringcast_http_script_versions, "list the versions of a script"},
	{HTTP_ACCESS_CHANGE, "POST", "/v1/scripts/{name}", "main", ringcast_http_script_push, "push a zip, which becomes the current version", HTTP_BODY_ZIP},
	{HTTP_ACCESS_CHANGE, "POST", "/v1/scripts/{name}/rollback", NULL, ringcast_http_script_rollback, "go back to an earlier version"},
	{HTTP_ACCESS_CHANGE, "DELETE", "/v1/scripts/{name}", NULL, ringcast_http_script_remove, "remove a script that no session runs"},
	{HTTP_ACCESS_CHANGE, "GET", "/v1/scripts/{name}/versions/{version}/files", NULL, ringcast_http_script_files, "the files of a version, as text"},
	{HTTP_ACCESS_READ, "GET", "/v1/audit", "limit|before", ringcast_http_audit, "who changed what"},
	{HTTP_ACCESS_READ, "GET", "/v1/service/fleets", "after", ringcast_http_service_fleets, "list fleets, and why no session of theirs can begin"},
	{HTTP_ACCESS_READ, "GET", "/v1/service/queues", "after", ringcast_http_service_queues, "list queues, and what their placements wait for"},
	{HTTP_ACCESS_READ, "GET", "/v1/service/tickets", "after", ringcast_http_service_tickets, "list matchmaking tickets, and why they wait"},
	{HTTP_ACCESS_READ, "GET", "/v1/service/events", NULL, ringcast_http_service_events, "what happened to fleets, the newest first"},
	{HTTP_ACCESS_READ, "GET", "/v1/service/dead-letters", NULL, ringcast_http_letters_list, "the same as /v1/service/letters"},
	{HTTP_ACCESS_READ, "GET", "/v1/service/letters", NULL, ringcast_http_letters_list, "list the dead letters of webhooks"},
	{HTTP_ACCESS_READ, "GET", "/v1/service/tickets/{id}", NULL, ringcast_http_ticket_explain, "say why a matchmaking ticket waits"},
	{HTTP_ACCESS_CHANGE, "POST", "/v1/service/letters/resend", NULL, ringcast_http_letters_resend, "send the dead letters of webhooks again"},
};

const struct http_route *ringcast_http_routes_at(size_t index)
{
	return index < ARRAY_COUNT(routes) ? &routes[index] : NULL;
}

/* Segment by segment; what {name} stands for goes to parameters. */
static bool match_pattern(const char *pattern, const char *path, char parameters[HTTP_PARAMETERS_MAX][RINGCAST_NAME_BYTES])
{
	size_t parameter_count = 0;
	while (*pattern == '/' && *path == '/') {
		size_t pattern_size = strcspn(++pattern, "/"), path_size = strcspn(++path, "/");
		if (*pattern == '{') {
			ringcast_assert(parameter_count < HTTP_PARAMETERS_MAX);
			if (path_size == 0 || path_size >= RINGCAST_NAME_BYTES)
				return false;
			snprintf(parameters[parameter_count++], RINGCAST_NAME_BYTES, "%.*s", (int)path_size, path);
		} else if (pattern_size != path_size || memcmp(pattern, path, path_size) != 0) {
			return false;
		}
		pattern += pattern_size;
		path += path_size;
	}
	return !*pattern && !*path;
}

enum http_match ringcast_http_routes_match(const char *method, struct http_request *request, const struct http_route **ret_route,
					   char ret_allow[64])
{
	ringcast_assert(method && request && ret_route);
	size_t used = 0;
	*ret_allow = 0;
	for (size_t i = 0; i < ARRAY_COUNT(routes); i++) {
		if (!match_pattern(routes[i].pattern, request->path, request->parameters))
			continue;
		if (strcmp(routes[i].method, method) == 0) {
			*ret_allow = 0;
			*ret_route = &routes[i];
			return HTTP_MATCH_ROUTE;
		}
		used += (size_t)snprintf(ret_allow + used, 64 - used, "%s%s", used ? ", " : "", routes[i].method);
	}
	return *ret_allow ? HTTP_MATCH_NO_METHOD : HTTP_MATCH_NO_PATH;
}

/* health */

/* Shards, and the thread of the service: whichever has stood still for longest. */
static bool is_stalled(const struct http_request *request, double *ret_stall_seconds)
{
	const struct http_host *host = request->host;
	uint64_t stall_ns = ringcast_engine_stall_ns(host->engine), service_ns = host->service_stall_ns ? host->service_stall_ns(host->context) : 0;
	if (service_ns > stall_ns)
		stall_ns = service_ns;
	*ret_stall_seconds = (double)stall_ns / 1e9;
	return stall_ns / 1000000 >= request->config->admin_stall_timeout_ms;
}

static void get_live(struct http_request *request, struct http_response *response)
{
	double stall_seconds;
	bool is_failing = is_stalled(request, &stall_seconds);
	ringcast_http_reply(response, is_failing ? 503 : 200,
			    json_pack("{s:s, s:f}", "status", is_failing ? "stalled" : "ok", "stall_seconds", stall_seconds));
}

static void get_ready(struct http_request *request, struct http_response *response)
{
	double stall_seconds;
	json_t *failing = json_array();
	if (is_stalled(request, &stall_seconds))
		json_array_append_new(failing, json_string("stalled"));
	if (ringcast_engine_is_draining(request->host->engine))
		json_array_append_new(failing, json_string("draining"));
	bool is_ready = json_array_size(failing) == 0;
	ringcast_http_reply(response, is_ready ? 200 : 503,
			    json_pack("{s:s, s:o}", "status", is_ready ? "ready" : "not ready", "failing", failing));
}

static void add_cuts(struct prometheus *prometheus, const struct http_cuts *cuts)
{
	static const char name[] = "ringcast_admin_connections_cut_total", help[] = "Connections to the admin API and to health closed to make room.";
	if (!cuts)
		return;
	ringcast_prometheus_add(prometheus, name, "counter", help, "reason=\"crowd\"", (double)cuts->crowd);
	ringcast_prometheus_add(prometheus, name, "counter", help, "reason=\"memory\"", (double)cuts->memory);
	ringcast_prometheus_add(prometheus, name, "counter", help, "reason=\"busy\"", (double)cuts->busy);
}

static void get_metrics(struct http_request *request, struct http_response *response)
{
	char *text = NULL;
	size_t size = 0;
	const struct http_host *host = request->host;
	FILE *out = open_memstream(&text, &size);
	struct prometheus *prometheus = ringcast_prometheus_create();
	bool is_written = false;
	if (out && prometheus) {
		ringcast_prometheus_add_process(prometheus, ringcast_version(), ringcast_engine_io_name(host->engine));
		ringcast_prometheus_add(prometheus, "ringcast_log_lines_lost_total", "counter",
					"Log lines lost because stderr was not read in time.", "",
					(double)host->log_lost_count(host->context));
		add_cuts(prometheus, host->cuts);
		ringcast_metrics_each(host->engine, ringcast_prometheus_add, prometheus);
		if (host->service_metrics)
			host->service_metrics(host->context, ringcast_prometheus_add, prometheus);
		is_written = ringcast_prometheus_write(prometheus, out);
	}
	ringcast_prometheus_destroy(&prometheus);
	is_written = out && fclose(out) == 0 && is_written;
	if (!is_written) {
		free(text);
		ringcast_http_problem(response, 503, "memory", "out of memory");
		return;
	}
	*response = (struct http_response){.status = 200, .text = text, .text_size = size, .content_type = PROMETHEUS_CONTENT_TYPE};
}

/* the daemon */

static json_t *udp_ports_of(ringcast_engine *engine, const struct config *config)
{
	json_t *shards = json_array();
	for (uint32_t shard = 0; shard < ringcast_engine_shard_count(engine); shard++) {
		json_t *ports = json_array();
		for (uint32_t i = 0; config->listen_udp && i < config->listen_udp_ports_per_shard; i++) {
			uint16_t port = ringcast_engine_udp_port(engine, shard, i);
			if (port)
				json_array_append_new(ports, json_integer(port));
		}
		json_array_append_new(shards, ports);
	}
	return shards;
}

/* What a client must know to trust us; ca: only of a certificate made for development, whose CA nobody else could hand out. */
static json_t *tls_of(ringcast_engine *engine)
{
	static const char *const modes[] = {"default", "off", "optional", "required"};
	ringcast_security mode = ringcast_engine_security(engine);
	ringcast_certificate_info info;
	ringcast_assert((size_t)mode < ARRAY_COUNT(modes));
	if (ringcast_engine_certificate(engine, &info) != RINGCAST_OK)
		return json_pack("{s:s}", "mode", modes[mode]);
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:s?}", "mode", modes[mode], "subject", info.subject, "names", info.names, "fingerprint",
			 info.fingerprint, "not_after", (json_int_t)info.not_after_s, "ca", ringcast_engine_made_ca(engine));
}

static void get_info(struct http_request *request, struct http_response *response)
{
	ringcast_engine *engine = request->host->engine;
	const struct config *config = request->config;
	json_t *addresses = json_array();
	json_array_append_new(addresses, json_string(config->listen_address.text));
	if (strcmp(config->listen_address_second.text, "none") != 0)
		json_array_append_new(addresses, json_string(config->listen_address_second.text));
	ringcast_http_reply(response, 200,
			    json_pack("{s:s, s:i, s:s, s:i, s:o, s:i, s:o, s:b, s:b, s:o}", "version", ringcast_version(), "pid", (int)getpid(),
				      "io", ringcast_engine_io_name(engine), "shards", (int)ringcast_engine_shard_count(engine), "listen",
				      addresses, "tcp_port", (int)ringcast_engine_tcp_port(engine), "udp_ports",
				      udp_ports_of(engine, config), "draining", (int)ringcast_engine_is_draining(engine), "dev",
				      (int)request->host->is_dev, "tls", tls_of(engine)));
}

static void post_drain(struct http_request *request, struct http_response *response)
{
	bool is_exit = false;
	const struct body_field fields[] = {{.name = "exit", .type = BODY_BOOL, .target = &is_exit}};
	if (!ringcast_http_body_read(request, fields, ARRAY_COUNT(fields), NULL, response))
		return;
	request->host->drain(request->host->context, is_exit);
	ringcast_http_reply(response, 202, json_pack("{s:b, s:b}", "draining", 1, "exit", (int)is_exit));
}

static void delete_drain(struct http_request *request, struct http_response *response)
{
	int error = request->host->resume(request->host->context);
	if (error)
		ringcast_http_engine_problem(response, error, "end the drain");
	else
		ringcast_http_reply(response, 200, json_pack("{s:b}", "draining", 0));
}

static void post_reload(struct http_request *request, struct http_response *response)
{
	struct config_error error;
	if (!ringcast_http_body_read(request, NULL, 0, NULL, response))
		return;
	json_t *changes = request->host->reload(request->host->context, &error);
	if (changes)
		ringcast_http_reply(response, 200, changes);
	else
		ringcast_http_problem(response, 422, "config", "%s", error.text);
}
