#include "http_world.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_engine.h"

struct http_world http_world;

static void host_drain(void *context, bool is_exit)
{
	(void)context;
	http_world.drain_count++;
	http_world.exit_count += is_exit;
	ringcast_engine_drain(http_world.engine);
}

static int host_resume(void *context)
{
	(void)context;
	return ringcast_engine_resume(http_world.engine);
}

static json_t *host_reload(void *context, struct config_error *reterr)
{
	(void)context;
	if (http_world.drain_count == 0)
		return json_pack("{s:[s], s:[]}", "changed", "log.level", "needs_restart");
	snprintf(reterr->text, sizeof(reterr->text), "r.yaml:3: wrong");
	return NULL;
}

static void host_config(void *context, struct config *ret_config)
{
	(void)context;
	*ret_config = http_world.config;
}

static uint64_t host_log_lost_count(void *context)
{
	(void)context;
	return 5;
}

static uint64_t host_service_stall_ns(void *context)
{
	return http_world.service_stall_ns;
}

static struct http_host host_of_world(void)
{
	return (struct http_host){.engine = http_world.engine,
				  .drain = host_drain,
				  .resume = host_resume,
				  .reload = host_reload,
				  .config = host_config,
				  .log_lost_count = host_log_lost_count,
				  .service_stall_ns = host_service_stall_ns,
				  .audit = http_world.audit,
				  .logs = http_world.logs};
}

struct http *http_world_serve(const char *address, enum http_kind kind, const struct tokens *tokens, struct config_error *reterr)
{
	struct http_options options = {.kind = kind, .tokens = tokens};
	const struct http_host host = host_of_world();
	cr_assert(ringcast_value_parse_endpoint(address, &options.endpoint));
	return ringcast_http_start(&http_world.config, &options, &host, reterr);
}

void http_world_start_as(const char *address, enum http_kind kind, const struct tokens *tokens)
{
	struct config_error error = {""};
	char problem[100];
	ringcast_engine_options options;
	ringcast_config_engine_options(&http_world.config, &options);
	cr_assert_eq(ringcast_engine_create(&options, &http_world.engine, problem, sizeof(problem)), RINGCAST_OK);
	http_world.http = http_world_serve(address, kind, tokens, &error);
	cr_assert(http_world.http, "%s", error.text);
	ringcast_http_endpoint(http_world.http, http_world.endpoint);
}

void http_world_start(const char *address)
{
	http_world_start_as(address, HTTP_ADMIN, NULL);
}

void http_world_stop(void)
{
	ringcast_http_stop(&http_world.http);
	ringcast_engine_destroy(&http_world.engine);
}

static char *http_exchange(const char *request, size_t size)
{
	struct endpoint endpoint;
	char *text = calloc(1, 1 << 20);
	size_t used = 0;
	cr_assert(ringcast_value_parse_endpoint(http_world.endpoint, &endpoint));
	int fd = socket(endpoint.any.sa_family, SOCK_STREAM, 0);
	cr_assert_eq(connect(fd, &endpoint.any, endpoint.size), 0);
	cr_assert_eq(send(fd, request, size, MSG_NOSIGNAL), (ssize_t)size);
	for (ssize_t got; used < (1 << 20) - 1 && (got = recv(fd, text + used, (1 << 20) - 1 - used, 0)) > 0;)
		used += (size_t)got;
	close(fd);
	return text;
}

struct answer http_ask_raw(const char *request, size_t size)
{
	struct answer answer = {0};
	char *text = http_exchange(request, size);
	char *gap = strstr(text, "\r\n\r\n");
	cr_assert(gap, "no HTTP answer: '%s'", text);
	cr_assert_eq(sscanf(text, "HTTP/1.%*1[01] %u", &answer.status), 1);
	snprintf(answer.head, sizeof(answer.head), "%.*s", (int)(gap - text), text);
	answer.body = strdup(gap + 4);
	answer.json = json_loads(answer.body, JSON_DECODE_ANY, NULL);
	free(text);
	return answer;
}

struct answer http_ask_with(const char *method, const char *path, const char *headers, const char *body)
{
	char request[8192];
	int size = snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\n%sConnection: close\r\n%s%s", method, path, headers,
			    body ? "Content-Type: application/json\r\n" : "", body ? "" : "\r\n");
	if (body)
		size += snprintf(request + size, sizeof(request) - (size_t)size, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
	cr_assert_lt(size, (int)sizeof(request));
	return http_ask_raw(request, (size_t)size);
}

struct answer http_ask(const char *method, const char *path, const char *body)
{
	return http_ask_with(method, path, "Host: localhost\r\n", body);
}

void http_done(struct answer *answer)
{
	free(answer->body);
	json_decref(answer->json);
}

const char *http_text_of(const struct answer *answer, const char *key)
{
	const char *text = json_string_value(json_object_get(answer->json, key));
	return text ? text : "";
}

json_int_t http_number_of(const struct answer *answer, const char *key)
{
	return json_integer_value(json_object_get(answer->json, key));
}

void http_expect_problem(struct answer answer, unsigned status, const char *code, const char *detail_part)
{
	cr_assert_eq(answer.status, status, "%u %s", answer.status, answer.body);
	cr_assert(strstr(answer.head, "application/problem+json"), "%s", answer.head);
	cr_assert_eq(http_number_of(&answer, "status"), (json_int_t)status);
	cr_assert_str_eq(http_text_of(&answer, "type"), "about:blank");
	cr_assert_str_eq(http_text_of(&answer, "code"), code);
	cr_assert(strstr(http_text_of(&answer, "detail"), detail_part), "%s", answer.body);
	http_done(&answer);
}

void http_create_session(const char *body, char ret_id[RINGCAST_ID_BYTES])
{
	struct answer answer = http_ask("POST", "/v1/sessions", body);
	cr_assert_eq(answer.status, 201, "%s", answer.body);
	snprintf(ret_id, RINGCAST_ID_BYTES, "%s", http_text_of(&answer, "id"));
	http_done(&answer);
}
