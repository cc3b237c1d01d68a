/* The upgrade as real clients ask for it, every way to ask wrongly, and every split point. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"
#include "proto/http_upgrade.h"
#include "proto/limits.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ASK "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
#define WITH_KEY "Sec-WebSocket-Key: " KEY "\r\n"

static const char csharp_request[] =
	"GET /websocket HTTP/1.1\r\nHost: 127.0.0.1:8921\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	WITH_KEY "Origin: ws://127.0.0.1:8921\r\n\r\n";
static const char javascript_request[] =
	"GET / HTTP/1.1\r\nSec-WebSocket-Version: 13\r\n" WITH_KEY "Connection: Upgrade\r\nUpgrade: websocket\r\n"
	"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nHost: localhost:1900\r\n\r\n";

/* Parses a copy that ends where its heap block ends. Views point into *ret_copy, which the caller frees. */
static enum http_upgrade_result parse(const char *text, size_t size, struct http_upgrade *ret_upgrade, int *ret_status, char **ret_copy)
{
	*ret_copy = malloc(size + (size == 0));
	cr_assert_not_null(*ret_copy);
	memcpy(*ret_copy, text, size);
	return ringcast_http_upgrade_parse(ringcast_view_of(*ret_copy, size), ret_upgrade, ret_status);
}

/* The status a request is refused with; 0 when it is granted, -1 when more is awaited. */
static int judge(const char *text)
{
	struct http_upgrade upgrade;
	int status = -1000;
	char *copy;
	enum http_upgrade_result result = parse(text, strlen(text), &upgrade, &status, &copy);
	free(copy);
	return result == HTTP_UPGRADE_OK ? 0 : result == HTTP_UPGRADE_NEED_MORE ? -1 : status;
}

static bool view_is(struct view view, const char *text)
{
	return view.size == strlen(text) && memcmp(view.data, text, view.size) == 0;
}

Test(http_upgrade, real_clients_are_understood)
{
	struct http_upgrade upgrade;
	int status;
	char *copy;
	cr_assert_eq(parse(csharp_request, strlen(csharp_request), &upgrade, &status, &copy), HTTP_UPGRADE_OK);
	cr_assert(view_is(upgrade.path, "/websocket"));
	cr_assert(view_is(upgrade.host, "127.0.0.1:8921"));
	cr_assert(view_is(upgrade.origin, "ws://127.0.0.1:8921"));
	cr_assert(view_is(upgrade.key, KEY));
	cr_assert_eq(upgrade.consumed_bytes, strlen(csharp_request));
	free(copy);
	cr_assert_eq(parse(javascript_request, strlen(javascript_request), &upgrade, &status, &copy), HTTP_UPGRADE_OK);
	cr_assert(view_is(upgrade.path, "/"));
	cr_assert_eq(upgrade.origin.size, 0);
	free(copy);
}

Test(http_upgrade, every_split_point_awaits_more)
{
	static const char *const requests[] = {csharp_request, javascript_request};
	for (size_t index = 0; index < ARRAY_COUNT(requests); index++) {
		size_t whole = strlen(requests[index]);
		for (size_t size = 0; size < whole; size++) {
			struct http_upgrade upgrade;
			int status;
			char *copy;
			cr_assert_eq(parse(requests[index], size, &upgrade, &status, &copy), HTTP_UPGRADE_NEED_MORE, "at %zu", size);
			free(copy);
		}
	}
}

Test(http_upgrade, bytes_behind_the_head_belong_to_the_websocket)
{
	char text[1024];
	struct http_upgrade upgrade;
	int status;
	char *copy;
	int size = snprintf(text, sizeof(text), "%s\x82\x85\n\r\n\r", csharp_request);
	cr_assert_eq(parse(text, (size_t)size, &upgrade, &status, &copy), HTTP_UPGRADE_OK);
	cr_assert_eq(upgrade.consumed_bytes, strlen(csharp_request));
	free(copy);
}

Test(http_upgrade, lawful_variations)
{
	static const char *const good[] = {
		"GET /any/path?with=query&x=%20 HTTP/1.1\r\nHost: h\r\n" ASK WITH_KEY "\r\n",
		"GET * HTTP/1.1\r\nHost: h\r\n" ASK WITH_KEY "\r\n",
		"GET http://h/x HTTP/1.1\r\nHost:\r\n" ASK WITH_KEY "\r\n",
		"GET / HTTP/1.1\r\nHOST:h\r\nUPGRADE:WebSocket\r\nconnection:keep-alive,UPGRADE\r\nsec-websocket-version:13\r\nSEC-WEBSOCKET-KEY:" KEY
		"\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c , websocket\r\nConnection: keep-alive\r\nConnection: \tupgrade\t \r\n"
		"Sec-WebSocket-Version: 13 \r\n" WITH_KEY "\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nUpgrade: websocket\r\nConnection: ,, Upgrade,\r\nSec-WebSocket-Version: 13\r\n"
		WITH_KEY "X-Empty:\r\nX-Latin: caf\xe9\r\nContent-Length: 0\r\n\r\n",
	};
	for (size_t index = 0; index < ARRAY_COUNT(good); index++)
		cr_assert_eq(judge(good[index]), 0, "case %zu: %d", index, judge(good[index]));
}

/* The alphabet of base64 and, at each of its edges, the character beyond. */
Test(http_upgrade, key_characters)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (unsigned character = 0x21; character < 0x7f; character++) {
		char text[256];
		snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: h\r\n" ASK "Sec-WebSocket-Key: %c23456789012345678901%c==\r\n\r\n",
			 (char)character, (char)character);
		cr_assert_eq(judge(text), strchr(alphabet, (int)character) != NULL ? 0 : 400, "%c", (char)character);
	}
}

/* Every byte as a field's name, and inside a field's value. */
Test(http_upgrade, name_and_value_characters)
{
	static const char token[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~";
	for (unsigned character = 1; character < 256; character++) {
		char text[256];
		snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: h\r\n" ASK WITH_KEY "%c: x\r\n\r\n", (char)character);
		cr_assert_eq(judge(text), strchr(token, (int)character) != NULL ? 0 : 400, "name %02x", character);
		snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: h\r\n" ASK WITH_KEY "X: a%cb\r\n\r\n", (char)character);
		bool is_clean = character == '\t' || (character >= ' ' && character != 0x7f);
		cr_assert_eq(judge(text), is_clean ? 0 : 400, "value %02x", character);
	}
}

#define REQUEST(lines) "GET / HTTP/1.1\r\nHost: h\r\n" lines "\r\n"

Test(http_upgrade, refusals)
{
	static const struct {
		const char *text;
		int status;
	} bad[] = {
		/* the request line */
		{"POST / HTTP/1.1\r\n", 405},
		{"get / HTTP/1.1\r\n", 405},
		{"GETS ", 405},
		{" GET", 400},
		{"\r\n", 400},
		{"\x16\x03\x01\x02", 400},
		{"GET\t/", 400},
		{"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 400},
		{"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF ", 405},
		{"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG ", 400},
		{"GET  / HTTP/1.1\r\nHost: h\r\n" ASK WITH_KEY "\r\n", 400},
		{"GET / \r\nHost: h\r\n" ASK WITH_KEY "\r\n", 400},
		{"GET /\r\nHost: h\r\n" ASK WITH_KEY "\r\n", 400},
		{"GET / HTTP/1.1 \r\nHost: h\r\n" ASK WITH_KEY "\r\n", 400},
		{"GET / XTTP/1.1\r\nHost: h\r\n" ASK WITH_KEY "\r\n", 400},
		{"GET / HTTP/1.0\r\nHost: h\r\n" ASK WITH_KEY "\r\n", 505},
		{"GET / HTTP/2.0\r\nHost: h\r\n" ASK WITH_KEY "\r\n", 505},
		{"GET /\x01 HTTP/1.1\r\nHost: h\r\n" ASK WITH_KEY "\r\n", 400},
		{"GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n" ASK WITH_KEY "\r\n", 400},
		/* line ends */
		{"GET / HTTP/1.1\n", 400},
		{"GET / HTTP/1.1\r\nHost: h\n", 400},
		{"GET / HTTP/1.1\r\nHost: h\r\n\n", 400},
		{"GET / HTTP/1.1\r\nHost: a\rb\r\n" ASK WITH_KEY "\r\n", 400},
		{REQUEST(ASK WITH_KEY "X: 1\r\n folded\r\n"), 400},
		{REQUEST(ASK WITH_KEY "X: 1\r\n\tfolded\r\n"), 400},
		{REQUEST(ASK WITH_KEY "X: 1\r\n folded: like a field\r\n"), 400},
		/* fields */
		{REQUEST(ASK WITH_KEY "no colon\r\n"), 400},
		{REQUEST(ASK WITH_KEY "NoColon\r\n"), 400},
		{REQUEST(ASK WITH_KEY ": no name\r\n"), 400},
		{REQUEST(ASK WITH_KEY ":: no name\r\n"), 400},
		{REQUEST(ASK WITH_KEY "Space : 1\r\n"), 400},
		{REQUEST(ASK WITH_KEY "X: \x01\r\n"), 400},
		{REQUEST(ASK WITH_KEY "X: \x7f\r\n"), 400},
		{REQUEST(ASK WITH_KEY "Host: h\r\n"), 400},
		{"GET / HTTP/1.1\r\n" ASK WITH_KEY "\r\n", 400},
		{REQUEST(ASK WITH_KEY WITH_KEY), 400},
		{REQUEST(ASK WITH_KEY "Sec-WebSocket-Version: 13\r\n"), 400},
		{REQUEST(ASK WITH_KEY "Origin: a\r\nOrigin: b\r\n"), 400},
		{REQUEST(ASK), 400},
		{REQUEST(ASK "Sec-WebSocket-Key:\r\n"), 400},
		{REQUEST(ASK "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n"), 400},
		{REQUEST(ASK "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ===\r\n"), 400},
		{REQUEST(ASK "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQAA\r\n"), 400},
		{REQUEST(ASK "Sec-WebSocket-Key: dGhlIHNhbXBs-SBub25jZQ==\r\n"), 400},
		{REQUEST(ASK "Sec-WebSocket-Key: dGhlIHNhbXBs SBub25jZQ==\r\n"), 400},
		/* what is asked for */
		{REQUEST(WITH_KEY "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"), 426},
		{REQUEST(WITH_KEY "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"), 426},
		{REQUEST(WITH_KEY "Upgrade: websockets\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"), 426},
		{REQUEST(WITH_KEY "Upgrade: websocket\r\nConnection: keep-alive, Upgraded\r\nSec-WebSocket-Version: 13\r\n"), 426},
		{REQUEST(WITH_KEY "Upgrade: websocket\r\nConnection: Upgrade\r\n"), 426},
		{REQUEST(WITH_KEY "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n"), 426},
		{REQUEST(WITH_KEY "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13, 8\r\n"), 426},
		{REQUEST(""), 426},
		/* bodies */
		{REQUEST(ASK WITH_KEY "Content-Length: 5\r\n"), 413},
		{REQUEST(ASK WITH_KEY "Content-Length: 00\r\n"), 413},
		{REQUEST(ASK WITH_KEY "Content-Length: 0\r\nContent-Length: 0\r\n"), 400},
		{REQUEST(ASK WITH_KEY "Transfer-Encoding: chunked\r\n"), 413},
	};
	for (size_t index = 0; index < ARRAY_COUNT(bad); index++)
		cr_assert_eq(judge(bad[index].text), bad[index].status, "case %zu %s: %d", index, bad[index].text, judge(bad[index].text));
}

/* A refused request may be refused early, but never granted early and never with another status. */
Test(http_upgrade, refusals_do_not_change_with_the_split)
{
	static const char *const bad[] = {REQUEST(ASK WITH_KEY WITH_KEY), REQUEST(WITH_KEY), "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n",
					  "PUT / HTTP/1.1\r\n\r\n"};
	for (size_t index = 0; index < ARRAY_COUNT(bad); index++) {
		int final = judge(bad[index]);
		bool is_refused = false;
		for (size_t size = 0; size <= strlen(bad[index]); size++) {
			char part[512] = {0};
			memcpy(part, bad[index], size);
			int status = judge(part);
			cr_assert(status == final || (status == -1 && !is_refused), "case %zu at %zu: %d", index, size, status);
			is_refused = status == final;
		}
		cr_assert(is_refused);
	}
}

Test(http_upgrade, head_is_bounded)
{
	static char text[PROTO_HTTP_REQUEST_BYTES_MAX + 100];
	struct http_upgrade upgrade;
	int status = 0;
	char *copy;
	static const char start[] = "GET / HTTP/1.1\r\nHost: h\r\n" ASK WITH_KEY "X: ", end[] = "\r\n\r\n";
	size_t start_bytes = sizeof(start) - 1, end_bytes = sizeof(end) - 1;
	/* Exactly the limit is granted; one byte more is not, whether its end is in sight or not. */
	for (size_t size = PROTO_HTTP_REQUEST_BYTES_MAX; size <= PROTO_HTTP_REQUEST_BYTES_MAX + 1; size++) {
		memset(text, 'x', sizeof(text));
		memcpy(text, start, start_bytes);
		memcpy(text + size - end_bytes, end, end_bytes);
		enum http_upgrade_result result = parse(text, size, &upgrade, &status, &copy);
		free(copy);
		if (size == PROTO_HTTP_REQUEST_BYTES_MAX) {
			cr_assert_eq(result, HTTP_UPGRADE_OK);
			cr_assert_eq(upgrade.consumed_bytes, size);
		} else {
			cr_assert_eq(result, HTTP_UPGRADE_REFUSED);
			cr_assert_eq(status, 431);
		}
	}
	memset(text + start_bytes, 'x', sizeof(text) - start_bytes);
	cr_assert_eq(parse(text, PROTO_HTTP_REQUEST_BYTES_MAX - 1, &upgrade, &status, &copy), HTTP_UPGRADE_NEED_MORE);
	free(copy);
	cr_assert_eq(parse(text, PROTO_HTTP_REQUEST_BYTES_MAX, &upgrade, &status, &copy), HTTP_UPGRADE_REFUSED);
	cr_assert_eq(status, 431);
	free(copy);
}

Test(http_upgrade, response_answers_the_key)
{
	struct http_upgrade upgrade = {.key = {(const uint8_t *)KEY, 24}};
	char out[HTTP_UPGRADE_RESPONSE_BYTES_MAX];
	static const char expected[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
				       "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
	cr_assert_eq(ringcast_http_upgrade_encode_response(&upgrade, out), sizeof(expected) - 1);
	cr_assert_arr_eq(out, expected, sizeof(expected) - 1);
}

Test(http_upgrade, refusals_say_what_they_must)
{
	static const int statuses[] = {400, 403, 405, 408, 413, 426, 429, 431, 503, 505};
	for (size_t index = 0; index < ARRAY_COUNT(statuses); index++) {
		char out[HTTP_UPGRADE_RESPONSE_BYTES_MAX + 1], start[32];
		size_t size = ringcast_http_upgrade_encode_refusal(statuses[index], out);
		out[size] = '\0';
		snprintf(start, sizeof(start), "HTTP/1.1 %d ", statuses[index]);
		cr_assert_eq(strncmp(out, start, strlen(start)), 0);
		/* Whoever names Upgrade names it in Connection, and nobody else does. */
		cr_assert_not_null(strstr(out, statuses[index] == 426 ? "\r\nConnection: Upgrade, close\r\n" : "\r\nConnection: close\r\n"));
		cr_assert_not_null(strstr(out, "Content-Length: 0\r\n"));
		cr_assert_str_eq(out + size - 4, "\r\n\r\n");
		cr_assert_eq(strstr(out, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n") != NULL, statuses[index] == 426);
		cr_assert_eq(strstr(out, "Allow: GET\r\n") != NULL, statuses[index] == 405);
		/* A client of ours reads the same status out of it. */
		size_t consumed;
		int status;
		cr_assert_eq(ringcast_http_upgrade_parse_response(ringcast_view_of(out, size), KEY, &consumed, &status), HTTP_UPGRADE_REFUSED);
		cr_assert_eq(status, statuses[index]);
	}
}

Test(http_upgrade, both_ends_agree_at_every_split)
{
	char request[512], response[HTTP_UPGRADE_RESPONSE_BYTES_MAX];
	struct http_upgrade upgrade;
	int status;
	size_t size = ringcast_http_upgrade_encode_request("example.org:1900", "/websocket", KEY, request, sizeof(request));
	cr_assert_gt(size, 0);
	for (size_t cut = 0; cut < size; cut++) {
		cr_assert_eq(ringcast_http_upgrade_parse(ringcast_view_of(request, cut), &upgrade, &status), HTTP_UPGRADE_NEED_MORE);
		cr_assert_eq(ringcast_http_upgrade_encode_request("example.org:1900", "/websocket", KEY, response, cut < 200 ? cut : 0), 0);
	}
	cr_assert_eq(ringcast_http_upgrade_parse(ringcast_view_of(request, size), &upgrade, &status), HTTP_UPGRADE_OK);
	cr_assert(view_is(upgrade.host, "example.org:1900"));
	size = ringcast_http_upgrade_encode_response(&upgrade, response);
	size_t consumed = 0;
	for (size_t cut = 0; cut < size; cut++)
		cr_assert_eq(ringcast_http_upgrade_parse_response(ringcast_view_of(response, cut), KEY, &consumed, &status),
			     HTTP_UPGRADE_NEED_MORE);
	cr_assert_eq(ringcast_http_upgrade_parse_response(ringcast_view_of(response, size), KEY, &consumed, &status), HTTP_UPGRADE_OK);
	cr_assert_eq(consumed, size);
	cr_assert_eq(status, 101);
}

Test(http_upgrade, response_must_fit_the_request)
{
#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
#define GRANT "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	static const struct {
		const char *text;
		enum http_upgrade_result result;
		int status;
	} cases[] = {
		{"HTTP/1.1 101 \r\n" GRANT ACCEPT "\r\n", HTTP_UPGRADE_OK, 101},
		{"HTTP/1.1 101\r\n" GRANT ACCEPT "\r\n", HTTP_UPGRADE_OK, 101},
		{"HTTP/1.1 101 x\r\n" GRANT "\r\n", HTTP_UPGRADE_REFUSED, 0},
		{"HTTP/1.1 101 x\r\n" GRANT "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", HTTP_UPGRADE_REFUSED, 0},
		{"HTTP/1.1 101 x\r\nUpgrade: websocket\r\n" ACCEPT "\r\n", HTTP_UPGRADE_REFUSED, 0},
		{"HTTP/1.1 101 x\r\nConnection: Upgrade\r\n" ACCEPT "\r\n", HTTP_UPGRADE_REFUSED, 0},
		{"HTTP/1.1 101 x\r\n" GRANT ACCEPT "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", HTTP_UPGRADE_REFUSED, 0},
		{"HTTP/1.1 101 x\r\n" GRANT ACCEPT "Sec-WebSocket-Protocol: chat\r\n\r\n", HTTP_UPGRADE_REFUSED, 0},
		{"HTTP/1.1 200 OK\r\n" GRANT ACCEPT "\r\n", HTTP_UPGRADE_REFUSED, 200},
		{"HTTP/1.1 503 Service Unavailable\r\n\r\n", HTTP_UPGRADE_REFUSED, 503},
		{"HTTP/1.0 503 Service Unavailable\r\n\r\n", HTTP_UPGRADE_REFUSED, 0},
		{"HTTP/1.1 0x1 what\r\n\r\n", HTTP_UPGRADE_REFUSED, 0},
		{"HTTP/1.1 099 what\r\n\r\n", HTTP_UPGRADE_REFUSED, 0},
		{"HTTP/1.1 1010 what\r\n\r\n", HTTP_UPGRADE_REFUSED, 0},
		{"SSH-2.0-OpenSSH\r\n\r\n", HTTP_UPGRADE_REFUSED, 0},
		{"HTTP/1.1 101 x\n", HTTP_UPGRADE_REFUSED, 0},
		{"\r\n", HTTP_UPGRADE_REFUSED, 0},
		{"HTTP/1.1 101 x\r\n" GRANT, HTTP_UPGRADE_NEED_MORE, -1000},
	};
	for (size_t index = 0; index < ARRAY_COUNT(cases); index++) {
		size_t consumed;
		int status = -1000;
		struct view bytes = ringcast_view_of(cases[index].text, strlen(cases[index].text));
		cr_assert_eq(ringcast_http_upgrade_parse_response(bytes, KEY, &consumed, &status), cases[index].result, "case %zu", index);
		cr_assert_eq(status, cases[index].status, "case %zu: %d", index, status);
	}
}
