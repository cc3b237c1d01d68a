/* Who may reach the admin API, and what: UNIX sockets, tokens and roles, the listener for health alone. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/audit.h"
#include "control/http_routes.h"
#include "http_world.h"

/* A socket file that a killed process left is replaced; one that is served is not taken away. */
static void setup_unix(void)
{
	char address[64];
	ringcast_config_init(&http_world.config);
	http_world.config.shards_count = 1;
	snprintf(address, sizeof(address), "unix:/tmp/ringcast-test-%d.sock", (int)getpid());
	http_world_start(address);
}

TestSuite(http_unix, .init = setup_unix, .fini = http_world_stop, .timeout = 60);

Test(http_unix, serves_any_host_and_cleans_up)
{
	struct answer answer = http_ask_with("GET", "/healthz", "Host: anything.example\r\n", NULL);
	cr_assert_eq(answer.status, 200);
	http_done(&answer);
	ringcast_http_stop(&http_world.http);
	cr_assert_neq(access(http_world.endpoint + strlen("unix:"), F_OK), 0);
}

Test(http_unix, a_served_path_is_not_taken_over)
{
	struct config_error error;
	cr_assert_null(http_world_serve(http_world.endpoint, HTTP_ADMIN, NULL, &error));
	cr_assert(strstr(error.text, "Address already in use"), "%s", error.text);
	struct answer answer = http_ask("GET", "/healthz", NULL);
	cr_assert_eq(answer.status, 200);
	http_done(&answer);
}

/* with tokens */

#define READER "Authorization: Bearer reader-0123456789abcdef\r\n"
#define OPERATOR "Authorization: bearer operator-0123456789abcdef\r\n"

enum { AUDIT_KEPT = 10 };

static void setup_tokens(void)
{
	char text[] = "reader prometheus reader-0123456789abcdef\noperator backend operator-0123456789abcdef\n";
	struct tokens tokens;
	struct config_error error;
	cr_assert(ringcast_tokens_parse("tokens", text, &tokens, &error), "%s", error.text);
	ringcast_config_init(&http_world.config);
	http_world.config.shards_count = 2;
	cr_assert(http_world.log = tmpfile());
	cr_assert(http_world.logs = ringcast_logs_create(fileno(http_world.log), LOGS_LOGFMT, RINGCAST_LOG_INFO));
	cr_assert(http_world.audit = ringcast_audit_create(AUDIT_KEPT));
	http_world_start_as("127.0.0.1:0", HTTP_ADMIN, &tokens);
}

/* All lines so far; the writer is done when its owner is. */
static char *end_log(void)
{
	static char text[65536];
	ringcast_logs_destroy(&http_world.logs);
	rewind(http_world.log);
	text[fread(text, 1, sizeof(text) - 1, http_world.log)] = 0;
	fclose(http_world.log);
	return text;
}

static void teardown_tokens(void)
{
	http_world_stop();
	ringcast_audit_destroy(&http_world.audit);
	if (http_world.logs)
		end_log();
}

TestSuite(http_tokens, .init = setup_tokens, .fini = teardown_tokens, .timeout = 60);

Test(http_tokens, the_console_is_served_to_all_and_says_who_they_are)
{
	struct answer page = http_ask("GET", "/console/", NULL), root = http_ask("GET", "/", NULL), nobody = http_ask("GET", "/v1/caller", NULL);
	cr_assert_eq(page.status, 200);
	cr_assert(strstr(page.head, "Content-Security-Policy: default-src 'none'; "), "%s", page.head);
	cr_assert(strstr(page.head, "connect-src 'self' ws://localhost:* wss://localhost:*;"), "%s", page.head);
	cr_assert_eq(root.status, 302);
	cr_assert(strstr(root.head, "Location: console/\r\n"), "relative, so that it holds below any path of a proxy: %s", root.head);
	http_expect_problem(nobody, 401, "token", "Bearer");
	struct answer reader = http_ask_with("GET", "/v1/caller", "Host: localhost\r\n" READER, NULL);
	cr_assert_str_eq(reader.body, "{\"role\":\"reader\",\"name\":\"prometheus\"}");
	http_done(&reader);
	http_done(&root);
	http_done(&page);
}

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
		{"GET", "/v1/scripts/a/versions/b/files", HOST READER, 403},
		{"GET", "/v1/scripts/a/versions/b/files", HOST OPERATOR, 409},
		{"DELETE", "/v1/drain", HOST READER, 403},
		{"DELETE", "/v1/drain", HOST, 401},
		{"DELETE", "/v1/drain", HOST OPERATOR, 200},
		{"DELETE", "/v1/drain", OPERATOR "Host: evil.example\r\n", 403},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct answer answer = http_ask_with(cases[i].method, cases[i].path, cases[i].headers, NULL);
		cr_assert_eq(answer.status, cases[i].status, "case %zu: %u %s", i, answer.status, answer.body);
		cr_assert_eq(strstr(answer.head, "WWW-Authenticate: Bearer") != NULL, answer.status == 401);
		http_done(&answer);
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
		struct answer answer = http_ask_with(route->method, route->pattern,
						route->body == HTTP_BODY_ZIP ? HOST READER "Content-Type: application/zip\r\n"
									     : HOST READER "Content-Type: application/json\r\n",
						NULL);
		cr_assert_eq(answer.status, 403, "%s %s: %u", route->method, route->pattern, answer.status);
		http_done(&answer);
	}
	cr_assert_gt(change_count, 5);
	cr_assert_eq(http_world.drain_count, 0);
}

/* What of the trail is about this; its numbers go down without a gap from page to page. */
static size_t audited(const char *what, const char *reply)
{
	size_t found = 0, i;
	json_int_t last = INT64_MAX;
	char path[64] = "/v1/audit?limit=7";
	json_t *entry;
	while (*path) {
		struct answer answer = http_ask_with("GET", path, HOST READER, NULL);
		json_array_foreach(json_object_get(answer.json, "entries"), i, entry) {
			json_int_t number = json_integer_value(json_object_get(entry, "number"));
			cr_assert_lt(number, last);
			last = number;
			found += strcmp(json_string_value(json_object_get(entry, "what")), what) == 0 &&
				 strcmp(json_string_value(json_object_get(entry, "answer")), reply) == 0;
		}
		json_int_t next = json_integer_value(json_object_get(answer.json, "next"));
		snprintf(path, sizeof(path), next > 0 ? "/v1/audit?limit=7&before=%d" : "", (int)next);
		http_done(&answer);
	}
	return found;
}

static void ask_often(const char *method, const char *path, const char *headers, const char *body)
{
	for (int i = 0; i < 3 * AUDIT_KEPT; i++) {
		struct answer answer = http_ask_with(method, path, headers, body);
		http_done(&answer);
	}
}

/* Neither games nor readers push what operators did out of the trail. */
Test(http_tokens, ordinary_traffic_does_not_empty_the_audit_trail)
{
	struct answer answer = http_ask_with("DELETE", "/v1/drain", HOST OPERATOR, NULL);
	http_done(&answer);
	answer = http_ask_with("POST", "/v1/sessions", HOST OPERATOR, "{\"name\":\"x\",\"players_max\":64}");
	http_done(&answer);
	ask_often("POST", "/v1/sessions/gsess-0001/players", HOST OPERATOR, "{}");
	cr_assert_eq(audited("POST /v1/sessions/{id}/players", "201"), AUDIT_KEPT);
	ask_often("POST", "/v1/sessions/gsess-0001/messages", HOST OPERATOR, "{\"opcode\":1}");
	ask_often("DELETE", "/v1/sessions/gsess-0009", HOST OPERATOR, NULL);
	ask_often("DELETE", "/v1/drain", HOST READER, NULL);
	cr_assert_eq(audited("DELETE /v1/drain", "403 role"), AUDIT_KEPT);
	cr_assert_eq(audited("DELETE /v1/drain", "200"), 1);
}

Test(http_tokens, what_a_foreign_page_asks_for_leaves_no_entry)
{
	struct answer answer = http_ask_with("GET", "/v1/sessions/gsess-0001/tap", HOST OPERATOR "Sec-Fetch-Site: cross-site\r\n", NULL);
	cr_assert_eq(answer.status, 403);
	cr_assert_eq(audited("GET /v1/sessions/{id}/tap", "403 origin"), 0);
	http_done(&answer);
}

Test(http_tokens, are_exchanged_while_running)
{
	char text[] = "operator backend another-0123456789abcdef";
	struct tokens tokens;
	struct config_error error;
	cr_assert(ringcast_tokens_parse("tokens", text, &tokens, &error));
	ringcast_http_reload(http_world.http, &http_world.config, &tokens, NULL);
	struct answer answer = http_ask_with("GET", "/v1/info", HOST READER, NULL);
	cr_assert_eq(answer.status, 401);
	http_done(&answer);
	answer = http_ask_with("GET", "/v1/info", HOST "Authorization: Bearer another-0123456789abcdef\r\n", NULL);
	cr_assert_eq(answer.status, 200);
	http_done(&answer);
}

/* A body of somebody without a token is not kept, however long. */
Test(http_tokens, strangers_do_not_fill_the_memory)
{
	size_t size = 3 << 20;
	char *request = calloc(1, size + 512);
	int head = snprintf(request, 512,
			    "POST /v1/scripts/a HTTP/1.1\r\n" HOST "Connection: close\r\nContent-Type: application/zip\r\nContent-Length: %zu\r\n\r\n", size);
	struct answer answer = http_ask_raw(request, (size_t)head + size);
	cr_assert_eq(answer.status, 401);
	http_done(&answer);
	free(request);
}

Test(http_tokens, changes_and_refusals_are_logged_with_who_and_where)
{
	struct answer answer = http_ask_with("POST", "/v1/sessions", HOST OPERATOR, "{\"name\":\"x\"}");
	cr_assert_eq(answer.status, 201, "%s", answer.body);
	http_done(&answer);
	answer = http_ask_with("DELETE", "/v1/sessions/gsess-9/players?player_id=eve%22%0Alevel=info&token=psess-secret", HOST OPERATOR, NULL);
	http_done(&answer);
	answer = http_ask_with("DELETE", "/v1/sessions/gsess-0001", HOST READER, NULL);
	http_done(&answer);
	answer = http_ask_with("GET", "/v1/info", HOST, NULL);
	http_done(&answer);
	answer = http_ask_with("GET", "/v1/info", HOST READER, NULL);
	http_done(&answer);
	ringcast_http_stop(&http_world.http);
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
	ringcast_config_init(&http_world.config);
	http_world.config.shards_count = 1;
	http_world_start_as("127.0.0.1:0", HTTP_HEALTH, NULL);
}

TestSuite(http_health, .init = setup_health, .fini = http_world_stop, .timeout = 60);

Test(http_health, serves_health_and_metrics_and_nothing_else)
{
	size_t served_count = 0;
	for (size_t i = 0; ringcast_http_routes_at(i); i++) {
		const struct http_route *route = ringcast_http_routes_at(i);
		struct answer answer = http_ask(route->method, route->pattern, strcmp(route->method, "POST") == 0 ? "{}" : NULL);
		cr_assert_eq(answer.status, route->access <= HTTP_ACCESS_METRICS ? 200u : 404u, "%s", route->pattern);
		served_count += answer.status == 200;
		http_done(&answer);
	}
	cr_assert_eq(served_count, 4);
	http_expect_problem(http_ask("POST", "/healthz", "{}"), 404, "path", "there is no");
	cr_assert_eq(http_world.drain_count, 0);
}
