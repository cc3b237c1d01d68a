#include "tools/ringcast/admin_client.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct url {
	char text[384]; /* scheme://host:port, or http://localhost for a UNIX socket */
	char host[256]; /* or the path of a UNIX socket */
	bool is_unix;
};

/* An answer as it comes. */
struct received {
	char *text;
	size_t size, room;
	bool is_head_whole, is_head_odd;
	bool is_over; /* whoever takes it has said so */
	const struct admin_body *asked;
	CURL *curl;
};

static bool copy_part(char *to, size_t to_bytes, const char *from, size_t size)
{
	if (size == 0 || size >= to_bytes)
		return false;
	memcpy(to, from, size);
	to[size] = '\0';
	return true;
}

static bool parse_unix(const char *path, struct url *ret_url)
{
	*ret_url = (struct url){.is_unix = true, .text = "http://localhost"};
	return copy_part(ret_url->host, sizeof(ret_url->host), path, strlen(path));
}

/* "host", "host:port", "[v6]:port", behind http:// or https:// or nothing; a path is left off. */
static bool parse_url(const char *text, struct url *ret_url)
{
	char port[8] = "9080";
	const char *scheme = strncmp(text, "https://", 8) == 0 ? "https://" : "http://";
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(text + 5, ret_url);
	if (strncmp(text, scheme, strlen(scheme)) == 0)
		text += strlen(scheme);
	else if (strstr(text, "://"))
		return false;
	bool is_v6 = text[0] == '[';
	const char *host = text + is_v6;
	size_t size = strcspn(host, is_v6 ? "]" : ":/");
	const char *rest = host + size + (is_v6 && host[size] == ']');
	*ret_url = (struct url){.is_unix = false};
	if (!copy_part(ret_url->host, sizeof(ret_url->host), host, size))
		return false;
	if (*rest == ':' && !copy_part(port, sizeof(port), rest + 1, strcspn(rest + 1, "/")))
		return false;
	snprintf(ret_url->text, sizeof(ret_url->text), "%s%s%s%s:%s", scheme, is_v6 ? "[" : "", ret_url->host, is_v6 ? "]" : "", port);
	return true;
}

enum admin_result ringcast_admin_url_host(const char *url_text, char *host, size_t host_bytes)
{
	struct url url;
	if (!parse_url(url_text, &url))
		return ADMIN_BAD_URL;
	snprintf(host, host_bytes, "%s", url.is_unix ? "127.0.0.1" : url.host);
	return ADMIN_OK;
}

/* Room for so many bytes more and a NUL. */
static bool grow(struct received *received, size_t size)
{
	size_t room = received->room ? received->room : 16384;
	while (received->size + size + 1 > room)
		room *= 2;
	if (room == received->room)
		return true;
	char *grown = room > ADMIN_ANSWER_BYTES_MAX ? NULL : realloc(received->text, room);
	if (!grown)
		return false;
	received->text = grown;
	received->room = room;
	received->text[received->size] = '\0';
	return true;
}

static size_t on_body(char *bytes, size_t one, size_t size, void *context)
{
	struct received *received = context;
	long status = 0;
	(void)one;
	curl_easy_getinfo(received->curl, CURLINFO_RESPONSE_CODE, &status);
	if (received->asked->take && status >= 200 && status < 300) {
		received->is_over = !received->asked->take(received->asked->take_context, bytes, size);
		return received->is_over ? 0 : size;
	}
	if (!grow(received, size))
		return 0;
	memcpy(received->text + received->size, bytes, size);
	received->size += size;
	received->text[received->size] = '\0';
	return size;
}

static size_t on_head(char *line, size_t one, size_t size, void *context)
{
	struct received *received = context;
	(void)one;
	received->is_head_odd |= size > 5 && memcmp(line, "HTTP/", 5) == 0 && memcmp(line, "HTTP/1.", 7 < size ? 7 : size) != 0;
	received->is_head_whole |= size == 2 && memcmp(line, "\r\n", 2) == 0;
	return size;
}

/* The header with the token of the file, or "" when no file is named. */
static enum admin_result make_authorization(const struct admin_body *body, char *header, size_t header_bytes)
{
	char token[256] = "";
	const char *path = body->token_file ? body->token_file : getenv("RINGCAST_TOKEN_FILE");
	*header = 0;
	if (!path || !*path)
		return ADMIN_OK;
	FILE *file = fopen(path, "re");
	bool is_read = file && fscanf(file, "%255s", token) == 1;
	if (file)
		fclose(file);
	if (!is_read)
		return ADMIN_BAD_TOKEN;
	snprintf(header, header_bytes, "Authorization: Bearer %s", token);
	return ADMIN_OK;
}

static void set_file(CURL *curl, CURLoption option, const char *path, const char *variable)
{
	const char *named = path ? path : getenv(variable);
	if (named && *named)
		curl_easy_setopt(curl, option, named);
}

static void set_url(CURL *curl, const struct url *url, const char *path)
{
	char whole[8192];
	snprintf(whole, sizeof(whole), "%s%s", url->text, path);
	curl_easy_setopt(curl, CURLOPT_URL, whole);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	if (url->is_unix)
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, url->host);
}

static void set_body(CURL *curl, const char *method, const struct admin_body *body)
{
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	if (strcmp(method, "GET") == 0)
		return;
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->size);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body->size > 0 ? body->bytes : "");
}

static void set_files(CURL *curl, const struct admin_body *body)
{
	set_file(curl, CURLOPT_SSLCERT, body->certificate, "RINGCAST_ADMIN_CERT");
	set_file(curl, CURLOPT_SSLKEY, body->key, "RINGCAST_ADMIN_KEY");
	set_file(curl, CURLOPT_CAINFO, body->ca, "RINGCAST_ADMIN_CA");
}

static struct curl_slist *add_header(struct curl_slist *headers, const char *header)
{
	struct curl_slist *longer = *header ? curl_slist_append(headers, header) : headers;
	return longer ? longer : headers;
}

static enum admin_result result_of(CURLcode code, const struct received *received)
{
	if (code == CURLE_WRITE_ERROR && received->is_over)
		return ADMIN_OK;
	switch (code) {
	case CURLE_OK:
		return received->is_head_whole && !received->is_head_odd ? ADMIN_OK : ADMIN_BAD_ANSWER;
	case CURLE_URL_MALFORMAT:
		return ADMIN_BAD_URL;
	case CURLE_OPERATION_TIMEDOUT:
		return ADMIN_TIMEOUT;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_SEND_ERROR:
		return ADMIN_UNREACHABLE;
	case CURLE_PEER_FAILED_VERIFICATION:
		return ADMIN_UNTRUSTED;
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		return ADMIN_BAD_FILE;
	case CURLE_SSL_CONNECT_ERROR:
		return ADMIN_BAD_HANDSHAKE;
	default:
		return ADMIN_BAD_ANSWER;
	}
}

static enum admin_result perform(CURL *curl, const struct admin_body *body, bool is_posting, struct received *received)
{
	char authorization[320], type[128] = "";
	enum admin_result result = make_authorization(body, authorization, sizeof(authorization));
	if (result != ADMIN_OK)
		return result;
	if (is_posting)
		snprintf(type, sizeof(type), "Content-Type: %s", body->type);
	struct curl_slist *headers = add_header(NULL, "Accept: application/json, text/plain");
	headers = add_header(headers, "Expect:"); /* the answer is not worth a round trip */
	headers = add_header(headers, authorization);
	headers = add_header(headers, type);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	result = result_of(curl_easy_perform(curl), received);
	curl_slist_free_all(headers);
	explicit_bzero(authorization, sizeof(authorization));
	return result;
}

enum admin_result ringcast_admin_request(const char *url_text, const char *method, const char *path, const char *body, uint32_t timeout_ms,
					 struct admin_answer *ret_answer)
{
	const struct admin_body json = {.type = "application/json", .bytes = body, .size = body ? strlen(body) : 0};
	return ringcast_admin_send(url_text, method, path, &json, timeout_ms, ret_answer);
}

static enum admin_result exchange(CURL *curl, const struct url *url, const char *method, const char *path, const struct admin_body *body,
				  struct received *received)
{
	set_url(curl, url, path);
	set_body(curl, method, body);
	set_files(curl, body);
	received->asked = body;
	received->curl = curl;
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, received);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_head);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, received);
	enum admin_result result = perform(curl, body, strcmp(method, "GET") != 0, received);
	return result == ADMIN_OK && !grow(received, 0) ? ADMIN_BAD_ANSWER : result;
}

enum admin_result ringcast_admin_send(const char *url_text, const char *method, const char *path, const struct admin_body *body, uint32_t timeout_ms,
				      struct admin_answer *ret_answer)
{
	struct url url;
	struct received received = {0};
	long status = 0;
	if (!parse_url(url_text, &url))
		return ADMIN_BAD_URL;
	CURL *curl = curl_easy_init();
	if (!curl)
		return ADMIN_UNREACHABLE;
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	enum admin_result result = exchange(curl, &url, method, path, body, &received);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(curl);
	if (result != ADMIN_OK) {
		free(received.text);
		return result;
	}
	*ret_answer = (struct admin_answer){.status = (int)status, .text = received.text, .body = received.text, .body_bytes = received.size};
	return ADMIN_OK;
}

void ringcast_admin_answer_fini(struct admin_answer *answer)
{
	free(answer->text);
	*answer = (struct admin_answer){0};
}
