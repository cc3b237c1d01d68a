/* The small HTTP client against canned answers from a thread. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/ringcast/admin_client.h"

struct canned {
	int listen_fd;
	const char *answer; /* NULL: accept and keep silent until the client goes */
	char request[2048];
	char url[64];
	pthread_t thread;
};

static void *serve(void *context)
{
	struct canned *canned = context;
	int fd = accept(canned->listen_fd, NULL, NULL);
	size_t size = 0;
	ssize_t got;
	const char *end = NULL;
	/* to the end of the head, and of the body it announces */
	while ((got = recv(fd, canned->request + size, sizeof(canned->request) - 1 - size, 0)) > 0) {
		size += (size_t)got;
		const char *length = strstr(canned->request, "Content-Length: ");
		end = strstr(canned->request, "\r\n\r\n");
		if (canned->answer && end && length && size >= (size_t)(end + 4 - canned->request) + strtoul(length + 16, NULL, 10))
			break;
	}
	for (const char *at = canned->answer; at && *at; at += strlen(at) > 7 ? 7 : strlen(at))
		send(fd, at, strlen(at) > 7 ? 7 : strlen(at), MSG_NOSIGNAL); /* in small pieces */
	close(fd);
	return NULL;
}

static void start_at(struct canned *canned, const char *answer, const char *scheme)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	*canned = (struct canned){.listen_fd = socket(AF_INET, SOCK_STREAM, 0), .answer = answer};
	cr_assert_eq(bind(canned->listen_fd, (struct sockaddr *)&address, size), 0);
	cr_assert_eq(listen(canned->listen_fd, 1), 0);
	getsockname(canned->listen_fd, (struct sockaddr *)&address, &size);
	snprintf(canned->url, sizeof(canned->url), "%s://127.0.0.1:%u", scheme, ntohs(address.sin_port));
	cr_assert_eq(pthread_create(&canned->thread, NULL, serve, canned), 0);
}

static void start(struct canned *canned, const char *answer)
{
	start_at(canned, answer, "http");
}

static void stop(struct canned *canned)
{
	pthread_join(canned->thread, NULL);
	close(canned->listen_fd);
}

static enum admin_result ask(struct canned *canned, const char *text, uint32_t timeout_ms, struct admin_answer *answer)
{
	start(canned, text);
	enum admin_result result = ringcast_admin_request(canned->url, "POST", "/v1/x?y=1", "{\"a\":1}", timeout_ms, answer);
	stop(canned);
	return result;
}

Test(admin_client, whole_exchange)
{
	struct canned canned;
	struct admin_answer answer;
	cr_assert_eq(ask(&canned, "HTTP/1.1 201 Created\r\nContent-Length: 7\r\n\r\n{\"b\":2}", 60000, &answer), ADMIN_OK);
	cr_assert_eq(answer.status, 201);
	cr_assert_eq(answer.body_bytes, 7);
	cr_assert_str_eq(answer.body, "{\"b\":2}");
	cr_assert_eq(strncmp(canned.request, "POST /v1/x?y=1 HTTP/1.1\r\n", 25), 0);
	cr_assert_not_null(strstr(canned.request, "\r\nContent-Type: application/json\r\n"));
	cr_assert_not_null(strstr(canned.request, "\r\n\r\n{\"a\":1}"));
	ringcast_admin_answer_fini(&answer);
	cr_assert_null(answer.text);
}

Test(admin_client, the_token_comes_from_a_file)
{
	struct canned canned;
	struct admin_answer answer;
	char path[] = "/tmp/ringcast-token-XXXXXX";
	int fd = mkstemp(path);
	cr_assert(fd >= 0);
	cr_assert_eq(write(fd, "0123456789abcdef\n", 17), 17);
	close(fd);
	struct admin_body body = {.type = "application/json", .token_file = path};
	start(&canned, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	cr_assert_eq(ringcast_admin_send(canned.url, "POST", "/v1/x", &body, 60000, &answer), ADMIN_OK);
	stop(&canned);
	cr_assert_not_null(strstr(canned.request, "\r\nAuthorization: Bearer 0123456789abcdef\r\n"));
	ringcast_admin_answer_fini(&answer);
	setenv("RINGCAST_TOKEN_FILE", path, 1);
	cr_assert_eq(ask(&canned, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 60000, &answer), ADMIN_OK);
	cr_assert_not_null(strstr(canned.request, "\r\nAuthorization: Bearer 0123456789abcdef\r\n"));
	ringcast_admin_answer_fini(&answer);
	unlink(path);
	cr_assert_eq(ringcast_admin_request(canned.url, "POST", "/v1/x", NULL, 60000, &answer), ADMIN_BAD_TOKEN, "and nobody is asked");
	unsetenv("RINGCAST_TOKEN_FILE");
}

Test(admin_client, answer_without_length_ends_with_the_connection)
{
	struct canned canned;
	struct admin_answer answer;
	cr_assert_eq(ask(&canned, "HTTP/1.0 404 Not Found\r\n\r\ngone", 60000, &answer), ADMIN_OK);
	cr_assert_eq(answer.status, 404);
	cr_assert_str_eq(answer.body, "gone");
	ringcast_admin_answer_fini(&answer);
}

Test(admin_client, what_is_no_whole_answer_is_refused)
{
	static const char *const bad[] = {"", "HTTP/1.1 200 OK\r\n", "SSH-2.0\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
					  "HTTP/2 200\r\n\r\n"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct canned canned;
		struct admin_answer answer;
		cr_assert_eq(ask(&canned, bad[i], 60000, &answer), ADMIN_BAD_ANSWER, "'%s'", bad[i]);
	}
}

Test(admin_client, silence_is_a_timeout_and_nobody_is_unreachable)
{
	struct canned canned;
	struct admin_answer answer;
	cr_assert_eq(ask(&canned, NULL, 50, &answer), ADMIN_TIMEOUT);
	cr_assert_eq(ringcast_admin_request(canned.url, "GET", "/", NULL, 60000, &answer), ADMIN_UNREACHABLE);
	cr_assert_eq(ringcast_admin_request("unix:/nonexistent/socket", "GET", "/", NULL, 60000, &answer), ADMIN_UNREACHABLE);
	cr_assert_eq(ringcast_admin_request("ftp://x", "GET", "/", NULL, 60000, &answer), ADMIN_BAD_URL);
}

Test(admin_client, files_that_are_not_there)
{
	struct admin_answer answer;
	const struct admin_body certificate = {.type = "application/json", .certificate = "/nonexistent/a.pem", .key = "/nonexistent/a.key"};
	const struct admin_body ca = {.type = "application/json", .ca = "/nonexistent/ca.pem"};
	struct canned canned;
	const struct admin_body *const bodies[] = {&ca, &certificate};
	for (size_t i = 0; i < 2; i++) {
		start_at(&canned, "", "https");
		cr_assert_eq(ringcast_admin_send(canned.url, "GET", "/", bodies[i], 60000, &answer), ADMIN_BAD_FILE);
		stop(&canned);
	}
}
