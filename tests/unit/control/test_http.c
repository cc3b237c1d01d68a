/* The admin API over a real loopback connection, against the fake engine. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/http_server.h"
#include "control/http_routes.h"
#include "control/logs.h"
#include "fake_engine.h"

static struct {
	ringcast_engine *engine;
	struct http *http;
	struct logs *logs;
	FILE *log;
	struct config config;
	char endpoint[VALUE_TEXT_BYTES];
	unsigned drain_count, exit_count;
} world;

static void host_drain(void *context, bool is_exit)
{
	(void)context;
	world.drain_count++;
	world.exit_count += is_exit;
	ringcast_engine_drain(world.engine);
}

static int host_resume(void *context)
{
	(void)context;
	return ringcast_engine_resume(world.engine);
}

static json_t *host_reload(void *context, struct config_error *reterr)
{
	(void)context;
	if (world.drain_count == 0)
		return json_pack("{s:[s], s:[]}", "changed", "log.level", "needs_restart");
	snprintf(reterr->text, sizeof(reterr->text), "r.yaml:3: wrong");
	return NULL;
}

static void host_config(void *context, struct config *ret_config)
{
	(void)context;
	*ret_config = world.config;
}

static uint64_t host_log_lost_count(void *context)
{
	(void)context;
	return 5;
}

static _Atomic uint64_t service_stall_ns;

static uint64_t host_service_stall_ns(void *context)
{
	return service_stall_ns;
}

static struct http_host host_of_world(void)
{
	return (struct http_host){.engine = world.engine,
				  .drain = host_drain,
				  .resume = host_resume,
				  .reload = host_reload,
				  .config = host_config,
				  .log_lost_count = host_log_lost_count,
				  .service_stall_ns = host_service_stall_ns,
				  .logs = world.logs};
}

static struct http *start_server(const char *address, enum http_kind kind, const struct tokens *tokens, struct config_error *reterr)
{
	struct http_options options = {.kind = kind, .tokens = tokens};
	const struct http_host host = host_of_world();
	cr_assert(ringcast_value_parse_endpoint(address, &options.endpoint));
	return ringcast_http_start(&world.config, &options, &host, reterr);
}

static void start_as(const char *address, enum http_kind kind, const struct tokens *tokens)
{
	struct config_error error = {""};
	char problem[100];
	ringcast_engine_options options;
	ringcast_config_engine_options(&world.config, &options);
	cr_assert_eq(ringcast_engine_create(&options, &world.engine, problem, sizeof(problem)), RINGCAST_OK);
	world.http = start_server(address, kind, tokens, &error);
	cr_assert(world.http, "%s", error.text);
	ringcast_http_endpoint(world.http, world.endpoint);
}

static void start(const char *address)
{
	start_as(address, HTTP_ADMIN, NULL);
}

static void setup(void)
{
	ringcast_config_init(&world.config);
	world.config.shards_count = 2;
	world.config.admin_body_max_bytes = 2048;
	snprintf(world.config.admin_hosts.text, sizeof(world.config.admin_hosts.text), "ringcast, relay.lan");
	start("127.0.0.1:0");
}

static void teardown(void)
{
	ringcast_http_stop(&world.http);
	ringcast_engine_destroy(&world.engine);
}

struct answer {
	unsigned status;
	char head[2048];
	char *body;
	json_t *json; /* NULL when the body is none */
};

static char *exchange(const char *request, size_t size)
{
	struct endpoint endpoint;
	char *text = calloc(1, 1 << 20);
	size_t used = 0;
	cr_assert(ringcast_value_parse_endpoint(world.endpoint, &endpoint));
	int fd = socket(endpoint.any.sa_family, SOCK_STREAM, 0);
	cr_assert_eq(connect(fd, &endpoint.any, endpoint.size), 0);
	cr_assert_eq(send(fd, request, size, MSG_NOSIGNAL), (ssize_t)size);
	for (ssize_t got; used < (1 << 20) - 1 && (got = recv(fd, text + used, (1 << 20) - 1 - used, 0)) > 0;)
		used += (size_t)got;
	close(fd);
	return text;
}

static struct answer ask_raw(const char *request, size_t size)
{
	struct answer answer = {0};
	char *text = exchange(request, size);
	char *gap = strstr(text, "\r\n\r\n");
	cr_assert(gap, "no HTTP answer: '%s'", text);
	cr_assert_eq(sscanf(text, "HTTP/1.%*1[01] %u", &answer.status), 1);
	snprintf(answer.head, sizeof(answer.head), "%.*s", (int)(gap - text), text);
	answer.body = strdup(gap + 4);
	answer.json = json_loads(answer.body, JSON_DECODE_ANY, NULL);
	free(text);
	return answer;
}

/* headers: further lines, each with its end; body NULL: none, else sent as JSON. */
static struct answer ask_with(const char *method, const char *path, const char *headers, const char *body)
{
	char request[8192];
	int size = snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\n%sConnection: close\r\n%s%s", method, path, headers,
			    body ? "Content-Type: application/json\r\n" : "", body ? "" : "\r\n");
	if (body)
		size += snprintf(request + size, sizeof(request) - (size_t)size, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
	cr_assert_lt(size, (int)sizeof(request));
	return ask_raw(request, (size_t)size);
}

static struct answer ask(const char *method, const char *path, const char *body)
{
	return ask_with(method, path, "Host: localhost\r\n", body);
}

static void done(struct answer *answer)
{
	free(answer->body);
	json_decref(answer->json);
}

static const char *text_of(const struct answer *answer, const char *key)
{
	const char *text = json_string_value(json_object_get(answer->json, key));
	return text ? text : "";
}

static json_int_t number_of(const struct answer *answer, const char *key)
{
	return json_integer_value(json_object_get(answer->json, key));
}

/* A problem is RFC 9457: its type, its status again, our code and a detail. */
static void expect_problem(struct answer answer, unsigned status, const char *code, const char *detail_part)
{
	cr_assert_eq(answer.status, status, "%u %s", answer.status, answer.body);
	cr_assert(strstr(answer.head, "application/problem+json"), "%s", answer.head);
	cr_assert_eq(number_of(&answer, "status"), (json_int_t)status);
	cr_assert_str_eq(text_of(&answer, "type"), "about:blank");
	cr_assert_str_eq(text_of(&answer, "code"), code);
	cr_assert(strstr(text_of(&answer, "detail"), detail_part), "%s", answer.body);
	done(&answer);
}

static void create_session(const char *body, char ret_id[RINGCAST_ID_BYTES])
{
	struct answer answer = ask("POST", "/v1/sessions", body);
	cr_assert_eq(answer.status, 201, "%s", answer.body);
	snprintf(ret_id, RINGCAST_ID_BYTES, "%s", text_of(&answer, "id"));
	done(&answer);
}

TestSuite(http, .init = setup, .fini = teardown, .timeout = 60);

Test(http, health)
{
	struct answer answer = ask("GET", "/healthz", NULL);
	cr_assert_eq(answer.status, 200);
	cr_assert_str_eq(text_of(&answer, "status"), "ok");
	done(&answer);
	fake_engine_set_stall_ns(UINT64_C(5000000000));
	answer = ask("GET", "/livez", NULL);
	cr_assert_eq(answer.status, 503);
	cr_assert_str_eq(text_of(&answer, "status"), "stalled");
	done(&answer);
	ringcast_engine_drain(world.engine);
	answer = ask("GET", "/readyz", NULL);
	cr_assert_eq(answer.status, 503);
	cr_assert_str_eq(json_string_value(json_array_get(json_object_get(answer.json, "failing"), 0)), "stalled");
	cr_assert_str_eq(json_string_value(json_array_get(json_object_get(answer.json, "failing"), 1)), "draining");
	done(&answer);
	fake_engine_set_stall_ns(0);
}

Test(http, health_is_the_services_too)
{
	service_stall_ns = UINT64_C(5000000000);
	struct answer answer = ask("GET", "/healthz", NULL);
	cr_assert_eq(answer.status, 503);
	cr_assert_str_eq(text_of(&answer, "status"), "stalled");
	cr_assert_geq(json_real_value(json_object_get(answer.json, "stall_seconds")), 5.0);
	done(&answer);
	service_stall_ns = 0;
	answer = ask("GET", "/healthz", NULL);
	cr_assert_eq(answer.status, 200);
	done(&answer);
}

Test(http, metrics)
{
	struct answer answer = ask("GET", "/metrics", NULL);
	cr_assert_eq(answer.status, 200);
	cr_assert(strstr(answer.head, "Content-Type: text/plain; version=0.0.4"));
	cr_assert(strstr(answer.body, "ringcast_drops_total{reason=\"rate_messages\"} 7\nringcast_drops_total{reason=\"no_target\"} 1\n"));
	cr_assert(strstr(answer.body, "\nringcast_log_lines_lost_total 5\n"));
	done(&answer);
}

Test(http, a_session_lives_and_ends)
{
	char id[RINGCAST_ID_BYTES], path[128];
	create_session("{\"name\":\"arena\",\"players_max\":4,\"properties\":{\"map\":\"ice\"}}", id);
	snprintf(path, sizeof(path), "/v1/sessions/%s", id);
	struct answer answer = ask("GET", path, NULL);
	cr_assert_eq(answer.status, 200);
	cr_assert_str_eq(text_of(&answer, "name"), "arena");
	cr_assert_eq(number_of(&answer, "players_max"), 4);
	done(&answer);
	answer = ask("DELETE", path, NULL);
	cr_assert_eq(answer.status, 202);
	done(&answer);
	expect_problem(ask("GET", path, NULL), 404, "not_found", id);
	expect_problem(ask("DELETE", path, NULL), 404, "not_found", id);
}

Test(http, creation_says_where)
{
	struct answer answer = ask("POST", "/v1/sessions", "{}");
	char expected[128];
	snprintf(expected, sizeof(expected), "Location: /v1/sessions/%s", text_of(&answer, "id"));
	cr_assert(strstr(answer.head, expected), "%s", answer.head);
	done(&answer);
}

Test(http, lists_page_by_page)
{
	char id[RINGCAST_ID_BYTES], path[160] = "/v1/sessions?limit=2";
	size_t seen = 0;
	for (int i = 0; i < 5; i++)
		create_session(i % 2 ? "{\"name\":\"odd\"}" : "{\"name\":\"even\"}", id);
	for (bool is_last = false; !is_last;) {
		struct answer answer = ask("GET", path, NULL);
		json_t *sessions = json_object_get(answer.json, "sessions");
		cr_assert_eq(number_of(&answer, "total"), 5);
		cr_assert_leq(json_array_size(sessions), 2);
		seen += json_array_size(sessions);
		snprintf(path, sizeof(path), "/v1/sessions?limit=2&after=%s", text_of(&answer, "next"));
		is_last = !json_object_get(answer.json, "next");
		done(&answer);
	}
	cr_assert_eq(seen, 5);
	struct answer answer = ask("GET", "/v1/sessions?name=odd", NULL);
	cr_assert_eq(number_of(&answer, "total"), 2);
	cr_assert_str_eq(json_string_value(json_object_get(json_array_get(json_object_get(answer.json, "sessions"), 0), "name")), "odd");
	done(&answer);
}

Test(http, what_is_full_is_named_with_its_number)
{
	char id[RINGCAST_ID_BYTES];
	for (int i = 0; i < FAKE_ENGINE_SESSIONS_MAX; i++)
		create_session("{}", id);
	expect_problem(ask("POST", "/v1/sessions", "{}"), 409, "full", "no shard has room for one more: limits.sessions_max (1024 a shard) is reached");
	expect_problem(ask("POST", "/v1/sessions", "{\"shard\":1}"), 409, "full", "shard 1 has no room for one more: limits.sessions_max (1024 a shard)");
}

Test(http, data_that_finds_no_room_is_not_called_a_session_too_many)
{
	char id[RINGCAST_ID_BYTES];
	for (int i = 0; i < FAKE_ENGINE_SESSIONS_MAX; i++)
		create_session("{}", id);
	expect_problem(ask("POST", "/v1/sessions", "{\"properties\":\"four\"}"), 409, "full",
		       "or limits.session_data_bytes (67108864 a shard) by the data of all sessions and these 4 bytes");
}

Test(http, a_full_shard_is_not_a_full_session)
{
	char id[RINGCAST_ID_BYTES], path[128];
	create_session("{\"players_max\":100}", id);
	snprintf(path, sizeof(path), "/v1/sessions/%s/players", id);
	for (int i = 0; i < FAKE_ENGINE_PLAYERS_MAX; i++) {
		struct answer answer = ask("POST", path, "{}");
		cr_assert_eq(answer.status, 201);
		done(&answer);
	}
	expect_problem(ask("POST", path, "{}"), 409, "full", "limits.players_max (5000 a shard) is reached");
}

Test(http, players)
{
	char id[RINGCAST_ID_BYTES], path[128], peer_path[160];
	create_session("{\"players_max\":2}", id);
	snprintf(path, sizeof(path), "/v1/sessions/%s/players", id);
	struct answer answer = ask("POST", path, "{\"player_id\":\"p1\",\"player_data\":{\"level\":3}}");
	cr_assert_eq(answer.status, 201, "%s", answer.body);
	cr_assert(fake_engine_login(world.engine, text_of(&answer, "token")));
	cr_assert_str_eq(text_of(&answer, "session_id"), id);
	cr_assert_eq(number_of(&answer, "tcp_port"), ringcast_engine_tcp_port(world.engine));
	done(&answer);
	expect_problem(ask("POST", path, "{\"player_id\":\"p1\"}"), 409, "exists", id);
	answer = ask("POST", path, "{}");
	cr_assert_eq(answer.status, 201);
	done(&answer);
	expect_problem(ask("POST", path, "{}"), 409, "full", "session is full (2 players)");
	answer = ask("GET", path, NULL);
	json_t *first = json_array_get(json_object_get(answer.json, "players"), 0);
	cr_assert_eq(number_of(&answer, "total"), 2);
	cr_assert_str_eq(json_string_value(json_object_get(first, "state")), "active");
	cr_assert(json_is_string(json_object_get(first, "joined_at")));
	cr_assert_null(json_object_get(first, "token"), "a credential is shown once, to the one who asked for it");
	snprintf(peer_path, sizeof(peer_path), "%s/%d?reason=too%%20loud", path,
		 (int)json_integer_value(json_object_get(first, "peer_id")));
	done(&answer);
	answer = ask("DELETE", peer_path, NULL);
	cr_assert_eq(answer.status, 202);
	cr_assert_str_eq(fake_engine_kick_reason(world.engine), "too loud");
	done(&answer);
	expect_problem(ask("DELETE", peer_path, NULL), 404, "not_found", "kick");
}

Test(http, messages_of_backends)
{
	static const char *const wrong[][2] = {
		{"{\"player_id\":\"a\",\"peer_id\":1,\"opcode\":5}", "not both"}, {"{\"player_id\":\"a\"}", "give 'opcode'"},
		{"{\"payload\":\"a\",\"payload_base64\":\"YQ==\"}", "not both"}, {"{\"payload_base64\":\"?\"}", "not base64"}, {"{\"payload_base64\":\"YQ\"}", "not base64"},
		{"{\"payload\":7}", "must be a string"}, {"{\"opcode\":-1}", "whole number"},
	};
	char id[RINGCAST_ID_BYTES], path[128], body[128];
	create_session("{}", id);
	snprintf(path, sizeof(path), "/v1/sessions/%s/messages", id);
	struct answer answer = ask("POST", path, "{\"payload\":\"wave 3\"}");
	cr_assert_eq(answer.status, 202, "%s", answer.body);
	cr_assert_str_eq(text_of(&answer, "id"), id);
	cr_assert_eq(number_of(&answer, "bytes"), 6);
	cr_assert_str_eq(fake_engine_kick_reason(world.engine), "0 to '' 0: wave 3");
	done(&answer);
	answer = ask("POST", path, "{\"player_id\":\"alice\",\"opcode\":5,\"payload_base64\":\"aGk=\"}");
	cr_assert_eq(answer.status, 202, "%s", answer.body);
	cr_assert_str_eq(fake_engine_kick_reason(world.engine), "5 to 'alice' 0: hi");
	done(&answer);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		expect_problem(ask("POST", path, wrong[i][0]), 400, "field", wrong[i][1]);
	static const struct {
		int opcode;
		unsigned status;
		const char *code, *part;
	} answers[] = {{400, 400, "argument", "one of the engine's own"}, {409, 409, "unheard", "has no onServiceMessage"}, {429, 429, "full", "service_messages_per_second (100)"}};
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		snprintf(body, sizeof(body), "{\"opcode\":%d}", answers[i].opcode);
		expect_problem(ask("POST", path, body), answers[i].status, answers[i].code, answers[i].part);
	}
	expect_problem(ask("POST", path, "{\"peer_id\":99,\"opcode\":5}"), 404, "not_found", "this player is not in it");
	expect_problem(ask("POST", "/v1/sessions/gsess-none/messages", "{}"), 404, "not_found", "gsess-none");
}

Test(http, peer_ids_are_numbers)
{
	static const char *const peers[] = {"x", "-1", "1x", "99999999999", "0x1", "+1"};
	for (size_t i = 0; i < sizeof(peers) / sizeof(*peers); i++) {
		char path[100];
		snprintf(path, sizeof(path), "/v1/sessions/s/players/%s", peers[i]);
		expect_problem(ask("DELETE", path, NULL), 400, "path", "is not a peer id");
	}
}

Test(http, bodies_are_strict)
{
	static const char *const cases[][3] = {
		{"{\"nme\":\"a\"}", "field", "unknown field 'nme'; known: name, players_max"},
		{"{\"players_max\":\"4\"}", "field", "'players_max' must be a whole number"},
		{"{\"players_max\":-1}", "field", "'players_max' must be a whole number"},
		{"{\"players_max\":4294967296}", "field", "'players_max' must be a whole number from 0 to 5000"},
		{"{\"shard\":2}", "field", "'shard' must be a whole number from 0 to 1"},
		{"{\"players_max\":1.5}", "field", "'players_max' must be a whole number"},
		{"{\"name\":5}", "field", "'name' must be a string"},
		{"{\"name\":\"a\\u0000b\"}", "json", "\\u0000"},
		{"[]", "json", "must be an object"},
		{"{\"name\":\"a\"", "json", "line 1"},
		{"{\"name\":\"a\",\"name\":\"b\"}", "json", "duplicate"},
		{"{} trailing", "json", "end of file expected"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect_problem(ask("POST", "/v1/sessions", cases[i][0]), 400, cases[i][1], cases[i][2]);
	struct answer answer = ask("GET", "/v1/sessions", NULL);
	cr_assert_eq(number_of(&answer, "total"), 0, "a refused body creates nothing");
	done(&answer);
}

Test(http, names_at_their_bound)
{
	char body[300], name[200];
	memset(name, 'n', sizeof(name));
	name[RINGCAST_NAME_BYTES - 1] = 0;
	snprintf(body, sizeof(body), "{\"name\":\"%s\"}", name);
	struct answer answer = ask("POST", "/v1/sessions", body);
	cr_assert_eq(answer.status, 201);
	done(&answer);
	name[RINGCAST_NAME_BYTES - 1] = 'n';
	name[RINGCAST_NAME_BYTES] = 0;
	snprintf(body, sizeof(body), "{\"name\":\"%s\"}", name);
	expect_problem(ask("POST", "/v1/sessions", body), 400, "field", "'name' must be at most 127 bytes");
}

Test(http, bodies_are_bounded)
{
	char body[4096];
	memset(body, ' ', sizeof(body));
	memcpy(body, "{}", 2);
	body[2048] = 0;
	struct answer answer = ask("POST", "/v1/sessions", body);
	cr_assert_eq(answer.status, 201);
	done(&answer);
	body[2048] = ' ';
	body[2049] = 0;
	expect_problem(ask("POST", "/v1/sessions", body), 413, "body_size", "2048 bytes");
}

Test(http, foreign_hosts_are_refused)
{
	static const char *const good[] = {"localhost", "LOCALHOST:9080", "127.0.0.1",     "127.0.0.1:80",
					   "[::1]:80",  "[::1]",          "ringcast:9080", "Relay.LAN",    "localhost.",
					   "localhost.:80", "relay.lan."};
	static const char *const bad[] = {
		"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "", "relay", "ringcast,", "[", "[::1",
		"localhost:", "localhost:http", "localhost:123456", "localhost..", ".", "[::1]x", "[127.0.0.1]", "localhost:80:80", "[::1]:"};
	char headers[128];
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		snprintf(headers, sizeof(headers), "Host: %s\r\n", good[i]);
		struct answer answer = ask_with("GET", "/healthz", headers, NULL);
		cr_assert_eq(answer.status, 200, "%s", good[i]);
		done(&answer);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(headers, sizeof(headers), "Host: %s\r\n", bad[i]);
		expect_problem(ask_with("GET", "/healthz", headers, NULL), 403, "host", "Host header");
	}
}

Test(http, foreign_pages_are_refused)
{
	expect_problem(ask_with("POST", "/v1/drain", "Host: localhost:80\r\nOrigin: http://evil.example\r\n", "{}"), 403, "origin",
		       "evil.example");
	expect_problem(ask_with("DELETE", "/v1/sessions/x", "Host: localhost:80\r\nOrigin: null\r\n", NULL), 403, "origin", "null");
	cr_assert_eq(world.drain_count, 0);
	struct answer answer = ask_with("GET", "/v1/info", "Host: localhost:80\r\nOrigin: http://localhost:80\r\n", NULL);
	cr_assert_eq(answer.status, 200);
	done(&answer);
}

Test(http, posts_must_be_json)
{
	static const char *const types[] = {"", "Content-Type: text/plain\r\n", "Content-Type: application/x-www-form-urlencoded\r\n",
					    "Content-Type: application/jsonp\r\n"};
	char headers[160];
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		snprintf(headers, sizeof(headers), "Host: localhost\r\n%sContent-Length: 0\r\n", types[i]);
		expect_problem(ask_with("POST", "/v1/drain", headers, NULL), 415, "content_type", "application/json");
	}
	cr_assert_eq(world.drain_count, 0);
	struct answer answer = ask_with("POST", "/v1/drain",
					"Host: localhost\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 0\r\n", NULL);
	cr_assert_eq(answer.status, 202);
	done(&answer);
}

Test(http, unknown_paths_methods_and_queries)
{
	static const char *const paths[] = {
		"/", "/nothing", "/v1", "/v1/sessions/", "/v1/sessions/a/b", "/v1/sessions/a/players/1/2", "//healthz", "/healthz/"};
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		expect_problem(ask("GET", paths[i], NULL), 404, "path", "there is no");
	struct answer answer = ask("PUT", "/v1/sessions", "{}");
	cr_assert(strstr(answer.head, "Allow: GET, POST"), "%s", answer.head);
	expect_problem(answer, 405, "method", "GET, POST only");
	expect_problem(ask("GET", "/v1/sessions?nme=x", NULL), 400, "query", "unknown query key 'nme'; known: name|limit|after");
	expect_problem(ask("GET", "/healthz?x", NULL), 400, "query", "unknown query key 'x'");
	expect_problem(ask("GET", "/v1/sessions?limit=x", NULL), 400, "query", "'limit'");
	expect_problem(ask("GET", "/v1/sessions?limit=10001", NULL), 400, "query", "'limit'");
}

Test(http, head_is_get_without_a_body)
{
	struct answer answer = ask("HEAD", "/v1/info", NULL);
	cr_assert_eq(answer.status, 200);
	cr_assert_str_eq(answer.body, "");
	done(&answer);
}

Test(http, engine_errors_become_problems)
{
	expect_problem(ask("POST", "/v1/sessions", "{\"name\":\"slow\"}"), 504, "timeout", "no answer in time");
	ringcast_engine_drain(world.engine);
	expect_problem(ask("POST", "/v1/sessions", "{}"), 409, "state", "create session");
}

Test(http, drain_and_reload)
{
	struct answer answer = ask("POST", "/v1/reload", "{}");
	cr_assert_eq(answer.status, 200);
	cr_assert_str_eq(json_string_value(json_array_get(json_object_get(answer.json, "changed"), 0)), "log.level");
	done(&answer);
	expect_problem(ask("POST", "/v1/drain", "{\"exit\":1}"), 400, "field", "'exit' must be true or false");
	answer = ask("POST", "/v1/drain", "{}");
	cr_assert_eq(answer.status, 202);
	done(&answer);
	cr_assert(world.drain_count == 1 && world.exit_count == 0);
	answer = ask("POST", "/v1/drain", "{\"exit\":true}");
	cr_assert_eq(answer.status, 202);
	done(&answer);
	cr_assert(world.drain_count == 2 && world.exit_count == 1);
	expect_problem(ask("POST", "/v1/reload", "{}"), 422, "config", "r.yaml:3: wrong");
}

Test(http, config_and_info)
{
	struct answer answer = ask("GET", "/v1/config", NULL);
	cr_assert_eq(json_object_size(answer.json), OPTION_COUNT);
	json_t *entry = json_object_get(answer.json, "listen.tcp_port");
	cr_assert_eq(json_integer_value(json_object_get(entry, "value")), 7777);
	cr_assert_str_eq(json_string_value(json_object_get(entry, "source")), "default");
	cr_assert(json_is_false(json_object_get(entry, "reloadable")));
	done(&answer);
	answer = ask("GET", "/v1/info", NULL);
	cr_assert_str_eq(text_of(&answer, "version"), ringcast_version());
	cr_assert_eq(json_array_size(json_object_get(answer.json, "udp_ports")), 2);
	done(&answer);
}

/* Whatever bytes come, the server answers or hangs up, and goes on serving. */
Test(http, garbage_does_no_harm)
{
	for (unsigned seed = 1; seed <= 300; seed++) {
		char request[256];
		unsigned state = seed;
		size_t size = (size_t)snprintf(request, sizeof(request), "%s /v1/sessions", seed % 2 ? "POST" : "GET");
		for (size_t i = seed % 3 ? size : 0; i < sizeof(request) - 4; i++) {
			state = state * 1103515245u + 12345u;
			request[i] = (char)(state >> 16);
		}
		memcpy(request + sizeof(request) - 4, "\r\n\r\n", 4);
		struct endpoint endpoint;
		cr_assert(ringcast_value_parse_endpoint(world.endpoint, &endpoint));
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		cr_assert_eq(connect(fd, &endpoint.any, endpoint.size), 0);
		cr_assert_gt(send(fd, request, sizeof(request), MSG_NOSIGNAL), 0);
		close(fd);
	}
	struct answer answer = ask("GET", "/healthz", NULL);
	cr_assert_eq(answer.status, 200);
	done(&answer);
}

Test(http, a_taken_port_is_named)
{
	struct config_error error;
	char expected[VALUE_TEXT_BYTES + 80];
	cr_assert_null(start_server(world.endpoint, HTTP_ADMIN, NULL, &error));
	snprintf(expected, sizeof(expected), "admin.address: cannot serve %s: Address already in use", world.endpoint);
	cr_assert_str_eq(error.text, expected);
}

/* Load balancers ask like this, browsers cannot. */
Test(http, old_requests_without_a_host)
{
	static const char old[] = "GET /healthz HTTP/1.0\r\n\r\n", new[] = "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n";
	struct answer answer = ask_raw(old, sizeof(old) - 1);
	cr_assert_eq(answer.status, 200, "%u %s", answer.status, answer.body);
	done(&answer);
	answer = ask_raw(new, sizeof(new) - 1);
	cr_assert_geq(answer.status, 400);
	done(&answer);
}

/* What a proxy in front may read in another way than we do. */
Test(http, ambiguous_requests_are_refused)
{
	static const char *const heads[] = {
		"Host: localhost\r\nHost: localhost\r\n",
		"Host: localhost\r\nhost: evil.example\r\n",
		"Host: localhost\r\nContent-Length: 2\r\nContent-Length: 2\r\n",
		"Host: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n",
		"Host: localhost\r\nContent-Type: text/plain\r\n",
	};
	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		char request[512];
		int size = snprintf(request, sizeof(request),
				    "POST /v1/drain HTTP/1.1\r\nConnection: close\r\n%sContent-Type: application/json\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
				    heads[i]);
		struct answer answer = ask_raw(request, (size_t)size);
		cr_assert_eq(answer.status, 400, "%s: %u", heads[i], answer.status);
		done(&answer);
	}
	cr_assert_eq(world.drain_count, 0);
	expect_problem(ask("GET", "/v1/info%00x", NULL), 400, "path", "NUL");
	expect_problem(ask("DELETE", "/v1/sessions/a%00b", NULL), 400, "path", "NUL");
	expect_problem(ask("GET", "/v1/sessions?name=a%00b", NULL), 400, "path", "NUL");
}

Test(http, a_byte_order_mark_is_no_error)
{
	struct answer answer = ask("POST", "/v1/sessions", "\xef\xbb\xbf{\"name\":\"bom\"}");
	cr_assert_eq(answer.status, 201, "%s", answer.body);
	cr_assert_str_eq(text_of(&answer, "name"), "bom");
	done(&answer);
	answer = ask("POST", "/v1/sessions", "\xef\xbb\xbf");
	cr_assert_eq(answer.status, 201, "nothing but the mark is an empty body");
	done(&answer);
	expect_problem(ask("POST", "/v1/sessions", "\xef\xbb{}"), 400, "json", "line 1");
}

Test(http, a_reservation_without_its_token_can_be_cancelled)
{
	char id[RINGCAST_ID_BYTES], path[128], query[400], token[RINGCAST_ID_BYTES];
	create_session("{}", id);
	snprintf(path, sizeof(path), "/v1/sessions/%s/players", id);
	struct answer answer = ask("POST", path, "{\"player_id\":\"alice\"}");
	done(&answer);
	snprintf(query, sizeof(query), "DELETE %s?player_id=", path);
	expect_problem(ask("POST", path, "{\"player_id\":\"alice\"}"), 409, "exists", query);
	snprintf(query, sizeof(query), "%s?player_id=alice", path);
	answer = ask("DELETE", query, NULL);
	cr_assert_eq(answer.status, 202, "%s", answer.body);
	done(&answer);
	answer = ask("POST", path, "{\"player_id\":\"alice\"}");
	cr_assert_eq(answer.status, 201, "the place is free again");
	snprintf(token, sizeof(token), "%s", text_of(&answer, "token"));
	done(&answer);
	snprintf(query, sizeof(query), "%s?token=%s&reason=lost", path, token);
	answer = ask("DELETE", query, NULL);
	cr_assert_eq(answer.status, 202, "%s", answer.body);
	cr_assert_str_eq(fake_engine_kick_reason(world.engine), "lost");
	done(&answer);
	expect_problem(ask("DELETE", query, NULL), 404, "not_found", "remove a player");
	expect_problem(ask("DELETE", path, NULL), 400, "query", "one of them");
	snprintf(query, sizeof(query), "%s?token=a&player_id=b", path);
	expect_problem(ask("DELETE", query, NULL), 400, "query", "one of them");
}

Test(http, a_drain_can_be_undone)
{
	struct answer answer = ask("POST", "/v1/drain", "{}");
	done(&answer);
	expect_problem(ask("POST", "/v1/sessions", "{}"), 409, "state", "create session");
	answer = ask("DELETE", "/v1/drain", NULL);
	cr_assert_eq(answer.status, 200, "%s", answer.body);
	cr_assert(json_is_false(json_object_get(answer.json, "draining")));
	done(&answer);
	answer = ask("POST", "/v1/sessions", "{}");
	cr_assert_eq(answer.status, 201);
	done(&answer);
}

/* A socket file that a killed process left is replaced; one that is served is not taken away. */
static void setup_unix(void)
{
	char address[64];
	ringcast_config_init(&world.config);
	world.config.shards_count = 1;
	snprintf(address, sizeof(address), "unix:/tmp/ringcast-test-%d.sock", (int)getpid());
	start(address);
}

TestSuite(http_unix, .init = setup_unix, .fini = teardown, .timeout = 60);

Test(http_unix, serves_any_host_and_cleans_up)
{
	struct answer answer = ask_with("GET", "/healthz", "Host: anything.example\r\n", NULL);
	cr_assert_eq(answer.status, 200);
	done(&answer);
	ringcast_http_stop(&world.http);
	cr_assert_neq(access(world.endpoint + strlen("unix:"), F_OK), 0);
}

Test(http_unix, a_served_path_is_not_taken_over)
{
	struct config_error error;
	cr_assert_null(start_server(world.endpoint, HTTP_ADMIN, NULL, &error));
	cr_assert(strstr(error.text, "Address already in use"), "%s", error.text);
	struct answer answer = ask("GET", "/healthz", NULL);
	cr_assert_eq(answer.status, 200);
	done(&answer);
}

TestSuite(routes, .timeout = 30);

Test(routes, every_route_matches_itself_alone)
{
	for (size_t i = 0; ringcast_http_routes_at(i); i++) {
		const struct http_route *route = ringcast_http_routes_at(i), *matched = NULL;
		struct http_request request = {.path = route->pattern};
		char allow[64];
		cr_assert_eq(ringcast_http_routes_match(route->method, &request, &matched, allow), HTTP_MATCH_ROUTE);
		cr_assert_eq(matched, route, "%s %s is shadowed", route->method, route->pattern);
	}
}

/* with tokens */

#define READER "Authorization: Bearer reader-0123456789abcdef\r\n"
#define OPERATOR "Authorization: bearer operator-0123456789abcdef\r\n"
#define HOST "Host: localhost\r\n"

static void setup_tokens(void)
{
	char text[] = "reader prometheus reader-0123456789abcdef\noperator backend operator-0123456789abcdef\n";
	struct tokens tokens;
	struct config_error error;
	cr_assert(ringcast_tokens_parse("tokens", text, &tokens, &error), "%s", error.text);
	ringcast_config_init(&world.config);
	world.config.shards_count = 2;
	cr_assert(world.log = tmpfile());
	cr_assert(world.logs = ringcast_logs_create(fileno(world.log), LOGS_LOGFMT, RINGCAST_LOG_INFO));
	start_as("127.0.0.1:0", HTTP_ADMIN, &tokens);
}

/* All lines so far; the writer is done when its owner is. */
static char *end_log(void)
{
	static char text[65536];
	ringcast_logs_destroy(&world.logs);
	rewind(world.log);
	text[fread(text, 1, sizeof(text) - 1, world.log)] = 0;
	fclose(world.log);
	return text;
}

static void teardown_tokens(void)
{
	teardown();
	if (world.logs)
		end_log();
}

TestSuite(http_tokens, .init = setup_tokens, .fini = teardown_tokens, .timeout = 60);

Test(http_tokens, roles)
{
	static const struct {
		const char *method, *path, *headers;
		unsigned status;
	} cases[] = {
		{"GET", "/healthz", HOST, 200},
		{"GET", "/readyz", HOST, 200},
		{"GET", "/metrics", HOST, 401},
		{"GET", "/v1/info", HOST, 401},
		{"GET", "/v1/config", HOST "Authorization: Bearer reader-0123456789abcdeg\r\n", 401},
		{"GET", "/v1/config", HOST "Authorization: Bearer reader-0123456789abcde\r\n", 401},
		{"GET", "/v1/config", HOST "Authorization: Bearer reader-0123456789abcdef0\r\n", 401},
		{"GET", "/v1/config", HOST "Authorization: Bearer \r\n", 401},
		{"GET", "/v1/config", HOST "Authorization: Basic reader-0123456789abcdef\r\n", 401},
		{"GET", "/metrics", HOST READER, 200},
		{"GET", "/v1/sessions", HOST READER, 200},
		{"GET", "/v1/sessions", HOST OPERATOR, 200},
		{"GET", "/v1/sessions", HOST READER OPERATOR, 400},
		{"DELETE", "/v1/drain", HOST READER, 403},
		{"DELETE", "/v1/drain", HOST, 401},
		{"DELETE", "/v1/drain", HOST OPERATOR, 200},
		{"DELETE", "/v1/drain", OPERATOR "Host: evil.example\r\n", 403},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct answer answer = ask_with(cases[i].method, cases[i].path, cases[i].headers, NULL);
		cr_assert_eq(answer.status, cases[i].status, "case %zu: %u %s", i, answer.status, answer.body);
		cr_assert_eq(strstr(answer.head, "WWW-Authenticate: Bearer") != NULL, answer.status == 401);
		done(&answer);
	}
}

Test(http_tokens, every_change_needs_an_operator)
{
	size_t change_count = 0;
	for (size_t i = 0; ringcast_http_routes_at(i); i++) {
		const struct http_route *route = ringcast_http_routes_at(i);
		if (strcmp(route->method, "GET") == 0)
			continue;
		change_count++;
		struct answer answer = ask_with(route->method, route->pattern,
						route->body == HTTP_BODY_ZIP ? HOST READER "Content-Type: application/zip\r\n"
									     : HOST READER "Content-Type: application/json\r\n",
						NULL);
		cr_assert_eq(answer.status, 403, "%s %s: %u", route->method, route->pattern, answer.status);
		done(&answer);
	}
	cr_assert_gt(change_count, 5);
	cr_assert_eq(world.drain_count, 0);
}

Test(http_tokens, are_exchanged_while_running)
{
	char text[] = "operator backend another-0123456789abcdef";
	struct tokens tokens;
	struct config_error error;
	cr_assert(ringcast_tokens_parse("tokens", text, &tokens, &error));
	ringcast_http_reload(world.http, &world.config, &tokens, NULL);
	struct answer answer = ask_with("GET", "/v1/info", HOST READER, NULL);
	cr_assert_eq(answer.status, 401);
	done(&answer);
	answer = ask_with("GET", "/v1/info", HOST "Authorization: Bearer another-0123456789abcdef\r\n", NULL);
	cr_assert_eq(answer.status, 200);
	done(&answer);
}

/* A body of somebody without a token is not kept, however long. */
Test(http_tokens, strangers_do_not_fill_the_memory)
{
	size_t size = 3 << 20;
	char *request = calloc(1, size + 512);
	int head = snprintf(request, 512,
			    "POST /v1/scripts/a HTTP/1.1\r\n" HOST "Connection: close\r\nContent-Type: application/zip\r\nContent-Length: %zu\r\n\r\n", size);
	struct answer answer = ask_raw(request, (size_t)head + size);
	cr_assert_eq(answer.status, 401);
	done(&answer);
	free(request);
}

Test(http_tokens, changes_and_refusals_are_logged_with_who_and_where)
{
	struct answer answer = ask_with("POST", "/v1/sessions", HOST OPERATOR, "{\"name\":\"x\"}");
	cr_assert_eq(answer.status, 201, "%s", answer.body);
	done(&answer);
	answer = ask_with("DELETE", "/v1/sessions/gsess-9/players?player_id=eve%22%0Alevel=info&token=psess-secret", HOST OPERATOR, NULL);
	done(&answer);
	answer = ask_with("DELETE", "/v1/sessions/gsess-0001", HOST READER, NULL);
	done(&answer);
	answer = ask_with("GET", "/v1/info", HOST, NULL);
	done(&answer);
	answer = ask_with("GET", "/v1/info", HOST READER, NULL);
	done(&answer);
	ringcast_http_stop(&world.http);
	const char *log = end_log();
	cr_assert(strstr(log, "msg=\"admin change\" method=POST path=\"/v1/sessions\" status=201 code=none "
			      "created=\"/v1/sessions/gsess-0001\" role=operator name=\"backend\" address=\"127.0.0.1:"), "%s", log);
	cr_assert(strstr(log, "msg=\"admin request refused\" method=DELETE path=\"/v1/sessions/gsess-0001\" status=403 code=role "
			      "created=\"\" role=reader name=\"prometheus\""), "%s", log);
	cr_assert(strstr(log, "method=GET path=\"/v1/info\" status=401 code=token created=\"\" role=none name=\"\""), "%s", log);
	cr_assert_null(strstr(log, "psess-secret"), "%s", log);
	cr_assert_null(strstr(log, "abcdef"), "no token stands in the log: %s", log);
	size_t lines = 0;
	for (const char *c = log; *c; c++)
		lines += *c == '\n';
	cr_assert_eq(lines, 4, "%s", log);
}

/* health apart */

static void setup_health(void)
{
	ringcast_config_init(&world.config);
	world.config.shards_count = 1;
	start_as("127.0.0.1:0", HTTP_HEALTH, NULL);
}

TestSuite(http_health, .init = setup_health, .fini = teardown, .timeout = 60);

Test(http_health, serves_health_and_metrics_and_nothing_else)
{
	size_t served_count = 0;
	for (size_t i = 0; ringcast_http_routes_at(i); i++) {
		const struct http_route *route = ringcast_http_routes_at(i);
		struct answer answer = ask(route->method, route->pattern, strcmp(route->method, "POST") == 0 ? "{}" : NULL);
		cr_assert_eq(answer.status, route->access <= HTTP_ACCESS_METRICS ? 200u : 404u, "%s", route->pattern);
		served_count += answer.status == 200;
		done(&answer);
	}
	cr_assert_eq(served_count, 4);
	expect_problem(ask("POST", "/healthz", "{}"), 404, "path", "there is no");
	cr_assert_eq(world.drain_count, 0);
}

/* crowds */

static int connect_to_world(void)
{
	struct endpoint endpoint;
	cr_assert(ringcast_value_parse_endpoint(world.endpoint, &endpoint));
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(connect(fd, &endpoint.any, endpoint.size), 0);
	return fd;
}

/* Some idle, some with half a head, some with half a body: whoever comes then is answered all the same. */
Test(http, idle_and_half_requests_silence_nobody)
{
	static const char half_head[] = "GET /healthz HTTP/1.1\r\nHost: local";
	static const char half_body[] = "POST /v1/drain HTTP/1.1\r\n" HOST "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
	enum { COUNT = 340 };
	int fds[COUNT];
	for (int i = 0; i < COUNT; i++) {
		fds[i] = connect_to_world();
		if (i % 3 == 1)
			send(fds[i], half_head, sizeof(half_head) - 1, MSG_NOSIGNAL);
		else if (i % 3 == 2)
			send(fds[i], half_body, sizeof(half_body) - 1, MSG_NOSIGNAL);
		if (i % 20 == 0) {
			struct answer answer = ask("GET", "/healthz", NULL);
			cr_assert_eq(answer.status, 200);
			done(&answer);
		}
	}
	struct answer answer = ask("GET", "/v1/info", NULL);
	cr_assert_eq(answer.status, 200);
	done(&answer);
	for (int i = 0; i < COUNT; i++)
		close(fds[i]);
	cr_assert_eq(world.drain_count, 0);
}
