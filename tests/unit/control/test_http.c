/* The admin API over a real loopback connection: what it answers. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "control/http_routes.h"
#include "fake_engine.h"
#include "http_world.h"

static void setup(void)
{
	ringcast_config_init(&http_world.config);
	http_world.config.shards_count = 2;
	http_world.config.admin_body_max_bytes = 2048;
	snprintf(http_world.config.admin_hosts.text, sizeof(http_world.config.admin_hosts.text), "ringcast, relay.lan");
	http_world_start("127.0.0.1:0");
}

TestSuite(http, .init = setup, .fini = http_world_stop, .timeout = 60);

Test(http, health)
{
	struct answer answer = http_ask("GET", "/healthz", NULL);
	cr_assert_eq(answer.status, 200);
	cr_assert_str_eq(http_text_of(&answer, "status"), "ok");
	http_done(&answer);
	fake_engine_set_stall_ns(UINT64_C(5000000000));
	answer = http_ask("GET", "/livez", NULL);
	cr_assert_eq(answer.status, 503);
	cr_assert_str_eq(http_text_of(&answer, "status"), "stalled");
	http_done(&answer);
	ringcast_engine_drain(http_world.engine);
	answer = http_ask("GET", "/readyz", NULL);
	cr_assert_eq(answer.status, 503);
	cr_assert_str_eq(json_string_value(json_array_get(json_object_get(answer.json, "failing"), 0)), "stalled");
	cr_assert_str_eq(json_string_value(json_array_get(json_object_get(answer.json, "failing"), 1)), "draining");
	http_done(&answer);
	fake_engine_set_stall_ns(0);
}

Test(http, health_is_the_services_too)
{
	http_world.service_stall_ns = UINT64_C(5000000000);
	struct answer answer = http_ask("GET", "/healthz", NULL);
	cr_assert_eq(answer.status, 503);
	cr_assert_str_eq(http_text_of(&answer, "status"), "stalled");
	cr_assert_geq(json_real_value(json_object_get(answer.json, "stall_seconds")), 5.0);
	http_done(&answer);
	http_world.service_stall_ns = 0;
	answer = http_ask("GET", "/healthz", NULL);
	cr_assert_eq(answer.status, 200);
	http_done(&answer);
}

Test(http, metrics)
{
	struct answer answer = http_ask("GET", "/metrics", NULL);
	cr_assert_eq(answer.status, 200);
	cr_assert(strstr(answer.head, "Content-Type: text/plain; version=0.0.4"));
	cr_assert(strstr(answer.body, "ringcast_drops_total{reason=\"rate_messages\"} 7\nringcast_drops_total{reason=\"no_target\"} 1\n"));
	cr_assert(strstr(answer.body, "\nringcast_log_lines_lost_total 5\n"));
	http_done(&answer);
}

Test(http, a_session_lives_and_ends)
{
	char id[RINGCAST_ID_BYTES], path[128];
	http_create_session("{\"name\":\"arena\",\"players_max\":4,\"properties\":{\"map\":\"ice\"}}", id);
	snprintf(path, sizeof(path), "/v1/sessions/%s", id);
	struct answer answer = http_ask("GET", path, NULL);
	cr_assert_eq(answer.status, 200);
	cr_assert_str_eq(http_text_of(&answer, "name"), "arena");
	cr_assert_eq(http_number_of(&answer, "players_max"), 4);
	http_done(&answer);
	answer = http_ask("DELETE", path, NULL);
	cr_assert_eq(answer.status, 202);
	http_done(&answer);
	http_expect_problem(http_ask("GET", path, NULL), 404, "not_found", id);
	http_expect_problem(http_ask("DELETE", path, NULL), 404, "not_found", id);
}

Test(http, creation_says_where)
{
	struct answer answer = http_ask("POST", "/v1/sessions", "{}");
	char expected[128];
	snprintf(expected, sizeof(expected), "Location: /v1/sessions/%s", http_text_of(&answer, "id"));
	cr_assert(strstr(answer.head, expected), "%s", answer.head);
	http_done(&answer);
}

Test(http, lists_page_by_page)
{
	char id[RINGCAST_ID_BYTES], path[160] = "/v1/sessions?limit=2";
	size_t seen = 0;
	for (int i = 0; i < 5; i++)
		http_create_session(i % 2 ? "{\"name\":\"odd\"}" : "{\"name\":\"even\"}", id);
	for (bool is_last = false; !is_last;) {
		struct answer answer = http_ask("GET", path, NULL);
		json_t *sessions = json_object_get(answer.json, "sessions");
		cr_assert_eq(http_number_of(&answer, "total"), 5);
		cr_assert_leq(json_array_size(sessions), 2);
		seen += json_array_size(sessions);
		snprintf(path, sizeof(path), "/v1/sessions?limit=2&after=%s", http_text_of(&answer, "next"));
		is_last = !json_object_get(answer.json, "next");
		http_done(&answer);
	}
	cr_assert_eq(seen, 5);
	struct answer answer = http_ask("GET", "/v1/sessions?name=odd", NULL);
	cr_assert_eq(http_number_of(&answer, "total"), 2);
	cr_assert_str_eq(json_string_value(json_object_get(json_array_get(json_object_get(answer.json, "sessions"), 0), "name")), "odd");
	http_done(&answer);
}

Test(http, what_is_full_is_named_with_its_number)
{
	char id[RINGCAST_ID_BYTES];
	for (int i = 0; i < FAKE_ENGINE_SESSIONS_MAX; i++)
		http_create_session("{}", id);
	http_expect_problem(http_ask("POST", "/v1/sessions", "{}"), 409, "full", "no shard has room for one more: limits.sessions_max (1024 a shard) is reached");
	http_expect_problem(http_ask("POST", "/v1/sessions", "{\"shard\":1}"), 409, "full", "shard 1 has no room for one more: limits.sessions_max (1024 a shard)");
}

Test(http, data_that_finds_no_room_is_not_called_a_session_too_many)
{
	char id[RINGCAST_ID_BYTES];
	for (int i = 0; i < FAKE_ENGINE_SESSIONS_MAX; i++)
		http_create_session("{}", id);
	http_expect_problem(http_ask("POST", "/v1/sessions", "{\"properties\":\"four\"}"), 409, "full",
		       "or limits.session_data_bytes (67108864 a shard) by the data of all sessions and these 4 bytes");
}

Test(http, a_full_shard_is_not_a_full_session)
{
	char id[RINGCAST_ID_BYTES], path[128];
	http_create_session("{\"players_max\":100}", id);
	snprintf(path, sizeof(path), "/v1/sessions/%s/players", id);
	for (int i = 0; i < FAKE_ENGINE_PLAYERS_MAX; i++) {
		struct answer answer = http_ask("POST", path, "{}");
		cr_assert_eq(answer.status, 201);
		http_done(&answer);
	}
	http_expect_problem(http_ask("POST", path, "{}"), 409, "full", "limits.players_max (5000 a shard) is reached");
}

Test(http, players)
{
	char id[RINGCAST_ID_BYTES], path[128], peer_path[160];
	http_create_session("{\"players_max\":2}", id);
	snprintf(path, sizeof(path), "/v1/sessions/%s/players", id);
	struct answer answer = http_ask("POST", path, "{\"player_id\":\"p1\",\"player_data\":{\"level\":3}}");
	cr_assert_eq(answer.status, 201, "%s", answer.body);
	cr_assert(fake_engine_login(http_world.engine, http_text_of(&answer, "token")));
	cr_assert_str_eq(http_text_of(&answer, "session_id"), id);
	cr_assert_eq(http_number_of(&answer, "tcp_port"), ringcast_engine_tcp_port(http_world.engine));
	http_done(&answer);
	http_expect_problem(http_ask("POST", path, "{\"player_id\":\"p1\"}"), 409, "exists", id);
	answer = http_ask("POST", path, "{}");
	cr_assert_eq(answer.status, 201);
	http_done(&answer);
	http_expect_problem(http_ask("POST", path, "{}"), 409, "full", "session is full (2 players)");
	answer = http_ask("GET", path, NULL);
	json_t *first = json_array_get(json_object_get(answer.json, "players"), 0);
	cr_assert_eq(http_number_of(&answer, "total"), 2);
	cr_assert_str_eq(json_string_value(json_object_get(first, "state")), "active");
	cr_assert(json_is_string(json_object_get(first, "joined_at")));
	cr_assert_null(json_object_get(first, "token"), "a credential is shown once, to the one who asked for it");
	snprintf(peer_path, sizeof(peer_path), "%s/%d?reason=too%%20loud", path,
		 (int)json_integer_value(json_object_get(first, "peer_id")));
	http_done(&answer);
	answer = http_ask("DELETE", peer_path, NULL);
	cr_assert_eq(answer.status, 202);
	cr_assert_str_eq(fake_engine_kick_reason(http_world.engine), "too loud");
	http_done(&answer);
	http_expect_problem(http_ask("DELETE", peer_path, NULL), 404, "not_found", "kick");
}

Test(http, messages_of_backends)
{
	static const char *const wrong[][2] = {
		{"{\"player_id\":\"a\",\"peer_id\":1,\"opcode\":5}", "not both"}, {"{\"player_id\":\"a\"}", "give 'opcode'"},
		{"{\"payload\":\"a\",\"payload_base64\":\"YQ==\"}", "not both"}, {"{\"payload_base64\":\"?\"}", "not base64"}, {"{\"payload_base64\":\"YQ\"}", "not base64"},
		{"{\"payload\":7}", "must be a string"}, {"{\"opcode\":-1}", "whole number"},
	};
	char id[RINGCAST_ID_BYTES], path[128], body[128];
	http_create_session("{}", id);
	snprintf(path, sizeof(path), "/v1/sessions/%s/messages", id);
	struct answer answer = http_ask("POST", path, "{\"payload\":\"wave 3\"}");
	cr_assert_eq(answer.status, 202, "%s", answer.body);
	cr_assert_str_eq(http_text_of(&answer, "id"), id);
	cr_assert_eq(http_number_of(&answer, "bytes"), 6);
	cr_assert_str_eq(fake_engine_kick_reason(http_world.engine), "0 to '' 0: wave 3");
	http_done(&answer);
	answer = http_ask("POST", path, "{\"player_id\":\"alice\",\"opcode\":5,\"payload_base64\":\"aGk=\"}");
	cr_assert_eq(answer.status, 202, "%s", answer.body);
	cr_assert_str_eq(fake_engine_kick_reason(http_world.engine), "5 to 'alice' 0: hi");
	http_done(&answer);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		http_expect_problem(http_ask("POST", path, wrong[i][0]), 400, "field", wrong[i][1]);
	static const struct {
		int opcode;
		unsigned status;
		const char *code, *part;
	} answers[] = {{400, 400, "argument", "one of the engine's own"}, {409, 409, "unheard", "has no onServiceMessage"}, {429, 429, "full", "service_messages_per_second (100)"}};
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		snprintf(body, sizeof(body), "{\"opcode\":%d}", answers[i].opcode);
		http_expect_problem(http_ask("POST", path, body), answers[i].status, answers[i].code, answers[i].part);
	}
	http_expect_problem(http_ask("POST", path, "{\"peer_id\":99,\"opcode\":5}"), 404, "not_found", "this player is not in it");
	http_expect_problem(http_ask("POST", "/v1/sessions/gsess-none/messages", "{}"), 404, "not_found", "gsess-none");
}

Test(http, peer_ids_are_numbers)
{
	static const char *const peers[] = {"x", "-1", "1x", "99999999999", "0x1", "+1"};
	for (size_t i = 0; i < sizeof(peers) / sizeof(*peers); i++) {
		char path[100];
		snprintf(path, sizeof(path), "/v1/sessions/s/players/%s", peers[i]);
		http_expect_problem(http_ask("DELETE", path, NULL), 400, "path", "is not a peer id");
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
		http_expect_problem(http_ask("POST", "/v1/sessions", cases[i][0]), 400, cases[i][1], cases[i][2]);
	struct answer answer = http_ask("GET", "/v1/sessions", NULL);
	cr_assert_eq(http_number_of(&answer, "total"), 0, "a refused body creates nothing");
	http_done(&answer);
}

Test(http, names_at_their_bound)
{
	char body[300], name[200];
	memset(name, 'n', sizeof(name));
	name[RINGCAST_NAME_BYTES - 1] = 0;
	snprintf(body, sizeof(body), "{\"name\":\"%s\"}", name);
	struct answer answer = http_ask("POST", "/v1/sessions", body);
	cr_assert_eq(answer.status, 201);
	http_done(&answer);
	name[RINGCAST_NAME_BYTES - 1] = 'n';
	name[RINGCAST_NAME_BYTES] = 0;
	snprintf(body, sizeof(body), "{\"name\":\"%s\"}", name);
	http_expect_problem(http_ask("POST", "/v1/sessions", body), 400, "field", "'name' must be at most 127 bytes");
}

Test(http, bodies_are_bounded)
{
	char body[4096];
	memset(body, ' ', sizeof(body));
	memcpy(body, "{}", 2);
	body[2048] = 0;
	struct answer answer = http_ask("POST", "/v1/sessions", body);
	cr_assert_eq(answer.status, 201);
	http_done(&answer);
	body[2048] = ' ';
	body[2049] = 0;
	http_expect_problem(http_ask("POST", "/v1/sessions", body), 413, "body_size", "2048 bytes");
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
		struct answer answer = http_ask_with("GET", "/healthz", headers, NULL);
		cr_assert_eq(answer.status, 200, "%s", good[i]);
		http_done(&answer);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(headers, sizeof(headers), "Host: %s\r\n", bad[i]);
		http_expect_problem(http_ask_with("GET", "/healthz", headers, NULL), 403, "host", "Host header");
	}
}

Test(http, foreign_pages_are_refused)
{
	http_expect_problem(http_ask_with("POST", "/v1/drain", "Host: localhost:80\r\nOrigin: http://evil.example\r\n", "{}"), 403, "origin",
		       "evil.example");
	http_expect_problem(http_ask_with("DELETE", "/v1/sessions/x", "Host: localhost:80\r\nOrigin: null\r\n", NULL), 403, "origin", "null");
	cr_assert_eq(http_world.drain_count, 0);
	struct answer answer = http_ask_with("GET", "/v1/info", "Host: localhost:80\r\nOrigin: http://localhost:80\r\n", NULL);
	cr_assert_eq(answer.status, 200);
	http_done(&answer);
}

/* An image of a foreign page has no Origin; its browser says whose it is. */
Test(http, a_change_by_get_is_not_taken_from_foreign_pages)
{
	static const char *const foreign[] = {"cross-site", "same-site", "Same-Origin", ""}, *const own[] = {"same-origin", "none"};
	char headers[160];
	for (size_t i = 0; i < ARRAY_COUNT(foreign); i++) {
		snprintf(headers, sizeof(headers), "Host: localhost:80\r\nSec-Fetch-Site: %s\r\n", foreign[i]);
		http_expect_problem(http_ask_with("GET", "/v1/sessions/gsess-none/tap", headers, NULL), 403, "origin", "web page");
	}
	for (size_t i = 0; i < ARRAY_COUNT(own); i++) {
		snprintf(headers, sizeof(headers), "Host: localhost:80\r\nSec-Fetch-Site: %s\r\n", own[i]);
		http_expect_problem(http_ask_with("GET", "/v1/sessions/gsess-none/tap", headers, NULL), 404, "not_found", "gsess-none");
	}
	http_expect_problem(http_ask("GET", "/v1/sessions/gsess-none/tap", NULL), 404, "not_found", "gsess-none");
	struct answer answer = http_ask_with("GET", "/v1/info", "Host: localhost:80\r\nSec-Fetch-Site: cross-site\r\n", NULL);
	cr_assert_eq(answer.status, 200, "a link leads here from anywhere");
	http_done(&answer);
}

/* With a proxy in front that speaks TLS, pages say https where we hear http. */
Test(http, pages_behind_a_proxy_are_ours_where_the_host_is_listed)
{
	static const struct {
		const char *headers;
		unsigned status;
	} cases[] = {
		{"Host: relay.lan\r\nOrigin: https://relay.lan\r\n", 200},
		{"Host: relay.lan:8443\r\nOrigin: https://relay.lan:8443\r\n", 200},
		{"Host: relay.lan\r\nOrigin: http://relay.lan\r\n", 200},
		{"Host: relay.lan\r\nOrigin: https://relay.lan:8443\r\n", 403},
		{"Host: relay.lan\r\nOrigin: https://relay.lan.evil.example\r\n", 403},
		{"Host: relay.lan\r\nOrigin: https://ringcast\r\n", 403},
		{"Host: localhost:80\r\nOrigin: https://localhost:80\r\n", 403},
		{"Host: 127.0.0.1\r\nOrigin: https://127.0.0.1\r\n", 403},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct answer answer = http_ask_with("DELETE", "/v1/drain", cases[i].headers, NULL);
		cr_assert_eq(answer.status, cases[i].status, "%s: %u %s", cases[i].headers, answer.status, answer.body);
		http_done(&answer);
	}
}

/* A moment does not move because it is asked for again. */
Test(http, moments_are_told_alike_each_time)
{
	char id[RINGCAST_ID_BYTES], path[128], created[64] = "", reserved[64] = "";
	http_create_session("{}", id);
	snprintf(path, sizeof(path), "/v1/sessions/%s/players", id);
	struct answer answer = http_ask("POST", path, "{\"player_id\":\"p1\"}");
	http_done(&answer);
	for (int i = 0; i < 50; i++) {
		answer = http_ask("GET", path, NULL);
		const char *at = json_string_value(json_object_get(json_array_get(json_object_get(answer.json, "players"), 0), "created_at"));
		if (i == 0)
			snprintf(reserved, sizeof(reserved), "%s", at);
		cr_assert_str_eq(at, reserved);
		http_done(&answer);
		path[strlen(path) - strlen("/players")] = 0;
		answer = http_ask("GET", path, NULL);
		if (i == 0)
			snprintf(created, sizeof(created), "%s", http_text_of(&answer, "created_at"));
		cr_assert_str_eq(http_text_of(&answer, "created_at"), created);
		http_done(&answer);
		strcat(path, "/players");
	}
}

Test(http, a_tap_ends_in_time_however_much_is_said)
{
	char id[RINGCAST_ID_BYTES], path[128];
	http_create_session("{\"name\":\"talkative\"}", id);
	snprintf(path, sizeof(path), "/v1/sessions/%s/tap?seconds=0", id);
	struct answer answer = http_ask("GET", path, NULL);
	cr_assert_eq(answer.status, 200);
	cr_assert(strstr(answer.body, "{\"end\":\"seconds\",\"left_out\":0}"), "%.200s", answer.body);
	http_done(&answer);
	snprintf(path, sizeof(path), "/v1/sessions/%s/tap?seconds=60&messages_max=3", id);
	answer = http_ask("GET", path, NULL);
	cr_assert(strstr(answer.body, "{\"end\":\"messages_max\""), "%.200s", answer.body);
	http_done(&answer);
}

Test(http, posts_must_be_json)
{
	static const char *const types[] = {"", "Content-Type: text/plain\r\n", "Content-Type: application/x-www-form-urlencoded\r\n",
					    "Content-Type: application/jsonp\r\n"};
	char headers[160];
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		snprintf(headers, sizeof(headers), "Host: localhost\r\n%sContent-Length: 0\r\n", types[i]);
		http_expect_problem(http_ask_with("POST", "/v1/drain", headers, NULL), 415, "content_type", "application/json");
	}
	cr_assert_eq(http_world.drain_count, 0);
	struct answer answer = http_ask_with("POST", "/v1/drain",
					"Host: localhost\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 0\r\n", NULL);
	cr_assert_eq(answer.status, 202);
	http_done(&answer);
}

Test(http, properties_are_cut_between_characters)
{
	char id[RINGCAST_ID_BYTES], path[128];
	http_create_session("{}", id);
	snprintf(path, sizeof(path), "/v1/sessions/%s/properties", id);
	struct answer answer = http_ask("GET", path, NULL);
	const char *text = http_text_of(&answer, "properties");
	cr_assert_eq(answer.status, 200);
	cr_assert_eq(http_number_of(&answer, "bytes"), 1000000);
	cr_assert(strlen(text) > 16384 - 16 && strlen(text) < 16384, "%zu", strlen(text));
	cr_assert_null(strchr(text, '?'), "a character that was cut in two spoils none of the others");
	http_done(&answer);
	http_expect_problem(http_ask("GET", "/v1/sessions/gsess-nobody/properties", NULL), 404, "not_found", "gsess-nobody");
}

Test(http, unknown_paths_methods_and_queries)
{
	static const char *const paths[] = {
		"/nothing", "/console/nothing", "/console/a/b", "/v1", "/v1/sessions/", "/v1/sessions/a/b", "/v1/sessions/a/players/1/2", "//healthz", "/healthz/"};
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		http_expect_problem(http_ask("GET", paths[i], NULL), 404, "path", "there is no");
	struct answer answer = http_ask("PUT", "/v1/sessions", "{}");
	cr_assert(strstr(answer.head, "Allow: GET, POST"), "%s", answer.head);
	http_expect_problem(answer, 405, "method", "GET, POST only");
	http_expect_problem(http_ask("GET", "/v1/sessions?nme=x", NULL), 400, "query", "unknown query key 'nme'; known: name|limit|after");
	http_expect_problem(http_ask("GET", "/healthz?x", NULL), 400, "query", "unknown query key 'x'");
	http_expect_problem(http_ask("GET", "/v1/sessions?limit=x", NULL), 400, "query", "'limit'");
	http_expect_problem(http_ask("GET", "/v1/sessions?limit=10001", NULL), 400, "query", "'limit'");
}

Test(http, head_is_get_without_a_body)
{
	struct answer answer = http_ask("HEAD", "/v1/info", NULL);
	cr_assert_eq(answer.status, 200);
	cr_assert_str_eq(answer.body, "");
	http_done(&answer);
}

Test(http, engine_errors_become_problems)
{
	http_expect_problem(http_ask("POST", "/v1/sessions", "{\"name\":\"slow\"}"), 504, "timeout", "no answer in time");
	ringcast_engine_drain(http_world.engine);
	http_expect_problem(http_ask("POST", "/v1/sessions", "{}"), 409, "state", "create session");
}

Test(http, drain_and_reload)
{
	struct answer answer = http_ask("POST", "/v1/reload", "{}");
	cr_assert_eq(answer.status, 200);
	cr_assert_str_eq(json_string_value(json_array_get(json_object_get(answer.json, "changed"), 0)), "log.level");
	http_done(&answer);
	http_expect_problem(http_ask("POST", "/v1/drain", "{\"exit\":1}"), 400, "field", "'exit' must be true or false");
	answer = http_ask("POST", "/v1/drain", "{}");
	cr_assert_eq(answer.status, 202);
	http_done(&answer);
	cr_assert(http_world.drain_count == 1 && http_world.exit_count == 0);
	answer = http_ask("POST", "/v1/drain", "{\"exit\":true}");
	cr_assert_eq(answer.status, 202);
	http_done(&answer);
	cr_assert(http_world.drain_count == 2 && http_world.exit_count == 1);
	http_expect_problem(http_ask("POST", "/v1/reload", "{}"), 422, "config", "r.yaml:3: wrong");
}

static json_t *config_value(json_t *config, const char *name)
{
	size_t i;
	json_t *value;
	json_array_foreach(json_object_get(config, "values"), i, value)
		if (strcmp(json_string_value(json_object_get(value, "name")), name) == 0)
			return value;
	cr_assert_fail("%s is missing", name);
	return NULL;
}

Test(http, a_value_of_the_file_has_its_line)
{
	static const char text[] = "listen:\n  tcp_port: 7000\n";
	struct config_error error;
	cr_assert(ringcast_config_load_text(&http_world.config, "r.yaml", text, strlen(text), &error), "%s", error.text);
	struct answer answer = http_ask("GET", "/v1/config", NULL);
	json_t *entry = config_value(answer.json, "listen.tcp_port");
	cr_assert_str_eq(json_string_value(json_object_get(entry, "source")), "file");
	cr_assert_eq(json_integer_value(json_object_get(entry, "line")), 2);
	http_done(&answer);
}

Test(http, taps_are_refused_in_words)
{
	char id[RINGCAST_ID_BYTES], path[160];
	http_create_session("{}", id);
	snprintf(path, sizeof(path), "/v1/sessions/%s/tap", id);
	http_expect_problem(http_ask("GET", path, NULL), 409, "full", "limits.taps_max (4 a shard) are open");
	snprintf(path, sizeof(path), "/v1/sessions/%s/tap?player=-2", id);
	http_expect_problem(http_ask("GET", path, NULL), 400, "query", "'-2' is not a number from -1 to 2147483647");
	snprintf(path, sizeof(path), "/v1/sessions/%s/tap?format=xml", id);
	http_expect_problem(http_ask("GET", path, NULL), 400, "query", "neither json nor pcapng");
	http_expect_problem(http_ask("GET", "/v1/sessions/gsess-none/tap", NULL), 404, "not_found", "gsess-none");
}

Test(http, config_and_info)
{
	struct answer answer = http_ask("GET", "/v1/config", NULL);
	cr_assert_eq(json_array_size(json_object_get(answer.json, "values")), OPTION_COUNT);
	json_t *entry = config_value(answer.json, "listen.tcp_port");
	cr_assert_eq(json_integer_value(json_object_get(entry, "value")), 7777);
	cr_assert_null(json_object_get(entry, "line"), "of no file");
	cr_assert_null(json_object_get(entry, "is_secret"));
	entry = config_value(answer.json, "scripts.arguments");
	cr_assert(json_is_null(json_object_get(entry, "value")) && json_is_true(json_object_get(entry, "is_secret")));
	entry = config_value(answer.json, "listen.tcp_port");
	cr_assert_str_eq(json_string_value(json_object_get(entry, "source")), "default");
	cr_assert(json_is_false(json_object_get(entry, "reloadable")));
	http_done(&answer);
	answer = http_ask("GET", "/v1/info", NULL);
	cr_assert_str_eq(http_text_of(&answer, "version"), ringcast_version());
	cr_assert_eq(json_array_size(json_object_get(answer.json, "udp_ports")), 2);
	http_done(&answer);
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
		cr_assert(ringcast_value_parse_endpoint(http_world.endpoint, &endpoint));
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		cr_assert_eq(connect(fd, &endpoint.any, endpoint.size), 0);
		cr_assert_gt(send(fd, request, sizeof(request), MSG_NOSIGNAL), 0);
		close(fd);
	}
	struct answer answer = http_ask("GET", "/healthz", NULL);
	cr_assert_eq(answer.status, 200);
	http_done(&answer);
}

Test(http, a_taken_port_is_named)
{
	struct config_error error;
	char expected[VALUE_TEXT_BYTES + 80];
	cr_assert_null(http_world_serve(http_world.endpoint, HTTP_ADMIN, NULL, &error));
	snprintf(expected, sizeof(expected), "admin.address: cannot serve %s: Address already in use", http_world.endpoint);
	cr_assert_str_eq(error.text, expected);
}

/* Load balancers ask like this, browsers cannot. */
Test(http, old_requests_without_a_host)
{
	static const char old[] = "GET /healthz HTTP/1.0\r\n\r\n", new[] = "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n";
	struct answer answer = http_ask_raw(old, sizeof(old) - 1);
	cr_assert_eq(answer.status, 200, "%u %s", answer.status, answer.body);
	http_done(&answer);
	answer = http_ask_raw(new, sizeof(new) - 1);
	cr_assert_geq(answer.status, 400);
	http_done(&answer);
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
		struct answer answer = http_ask_raw(request, (size_t)size);
		cr_assert_eq(answer.status, 400, "%s: %u", heads[i], answer.status);
		http_done(&answer);
	}
	cr_assert_eq(http_world.drain_count, 0);
	http_expect_problem(http_ask("GET", "/v1/info%00x", NULL), 400, "path", "NUL");
	http_expect_problem(http_ask("DELETE", "/v1/sessions/a%00b", NULL), 400, "path", "NUL");
	http_expect_problem(http_ask("GET", "/v1/sessions?name=a%00b", NULL), 400, "path", "NUL");
}

Test(http, a_byte_order_mark_is_no_error)
{
	struct answer answer = http_ask("POST", "/v1/sessions", "\xef\xbb\xbf{\"name\":\"bom\"}");
	cr_assert_eq(answer.status, 201, "%s", answer.body);
	cr_assert_str_eq(http_text_of(&answer, "name"), "bom");
	http_done(&answer);
	answer = http_ask("POST", "/v1/sessions", "\xef\xbb\xbf");
	cr_assert_eq(answer.status, 201, "nothing but the mark is an empty body");
	http_done(&answer);
	http_expect_problem(http_ask("POST", "/v1/sessions", "\xef\xbb{}"), 400, "json", "line 1");
}

Test(http, a_reservation_without_its_token_can_be_cancelled)
{
	char id[RINGCAST_ID_BYTES], path[128], query[400], token[RINGCAST_ID_BYTES];
	http_create_session("{}", id);
	snprintf(path, sizeof(path), "/v1/sessions/%s/players", id);
	struct answer answer = http_ask("POST", path, "{\"player_id\":\"alice\"}");
	http_done(&answer);
	snprintf(query, sizeof(query), "DELETE %s?player_id=", path);
	http_expect_problem(http_ask("POST", path, "{\"player_id\":\"alice\"}"), 409, "exists", query);
	snprintf(query, sizeof(query), "%s?player_id=alice", path);
	answer = http_ask("DELETE", query, NULL);
	cr_assert_eq(answer.status, 202, "%s", answer.body);
	http_done(&answer);
	answer = http_ask("POST", path, "{\"player_id\":\"alice\"}");
	cr_assert_eq(answer.status, 201, "the place is free again");
	snprintf(token, sizeof(token), "%s", http_text_of(&answer, "token"));
	http_done(&answer);
	snprintf(query, sizeof(query), "%s?token=%s&reason=lost", path, token);
	answer = http_ask("DELETE", query, NULL);
	cr_assert_eq(answer.status, 202, "%s", answer.body);
	cr_assert_str_eq(fake_engine_kick_reason(http_world.engine), "lost");
	http_done(&answer);
	http_expect_problem(http_ask("DELETE", query, NULL), 404, "not_found", "remove a player");
	http_expect_problem(http_ask("DELETE", path, NULL), 400, "query", "one of them");
	snprintf(query, sizeof(query), "%s?token=a&player_id=b", path);
	http_expect_problem(http_ask("DELETE", query, NULL), 400, "query", "one of them");
}

Test(http, a_drain_can_be_undone)
{
	struct answer answer = http_ask("POST", "/v1/drain", "{}");
	http_done(&answer);
	http_expect_problem(http_ask("POST", "/v1/sessions", "{}"), 409, "state", "create session");
	answer = http_ask("DELETE", "/v1/drain", NULL);
	cr_assert_eq(answer.status, 200, "%s", answer.body);
	cr_assert(json_is_false(json_object_get(answer.json, "draining")));
	http_done(&answer);
	answer = http_ask("POST", "/v1/sessions", "{}");
	cr_assert_eq(answer.status, 201);
	http_done(&answer);
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

/* crowds */

static int connect_to_world(void)
{
	struct endpoint endpoint;
	cr_assert(ringcast_value_parse_endpoint(http_world.endpoint, &endpoint));
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
			struct answer answer = http_ask("GET", "/healthz", NULL);
			cr_assert_eq(answer.status, 200);
			http_done(&answer);
		}
	}
	struct answer answer = http_ask("GET", "/v1/info", NULL);
	cr_assert_eq(answer.status, 200);
	http_done(&answer);
	for (int i = 0; i < COUNT; i++)
		close(fds[i]);
	cr_assert_eq(http_world.drain_count, 0);
}
