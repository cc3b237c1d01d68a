#include "tools/ringcast/admin_client.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct url {
	char host[256]; /* or the path of a UNIX socket */
	char port[8];
	bool is_unix;
	bool is_v6;
};

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool copy_part(char *to, size_t to_bytes, const char *from, size_t size)
{
	if (size == 0 || size >= to_bytes)
		return false;
	memcpy(to, from, size);
	to[size] = '\0';
	return true;
}

static bool parse_url(const char *text, struct url *ret_url)
{
	struct url url = {.port = "9080"};
	if (strncmp(text, "unix:", 5) == 0) {
		url.is_unix = true;
		*ret_url = url;
		return copy_part(ret_url->host, sizeof(ret_url->host), text + 5, strlen(text + 5));
	}
	if (strncmp(text, "http://", 7) == 0)
		text += 7;
	else if (strstr(text, "://"))
		return false;
	url.is_v6 = text[0] == '[';
	const char *host = text + url.is_v6;
	size_t size = strcspn(host, url.is_v6 ? "]" : ":/");
	const char *rest = host + size + (url.is_v6 && host[size] == ']');
	if (!copy_part(url.host, sizeof(url.host), host, size))
		return false;
	if (*rest == ':' && !copy_part(url.port, sizeof(url.port), rest + 1, strcspn(rest + 1, "/")))
		return false;
	*ret_url = url;
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

/* True when fd became ready before the deadline. */
static bool wait_for(int fd, short events, int64_t deadline_ms)
{
	struct pollfd poll_fd = {.fd = fd, .events = events};
	for (;;) {
		int64_t left_ms = deadline_ms - now_ms();
		int count = left_ms <= 0 ? 0 : poll(&poll_fd, 1, (int)left_ms);
		if (count > 0)
			return true;
		if (count == 0 || errno != EINTR)
			return false;
	}
}

static enum admin_result connect_address(const struct sockaddr *address, socklen_t address_bytes, int64_t deadline_ms, int *ret_fd)
{
	int error = 0;
	socklen_t error_bytes = sizeof(error);
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ADMIN_UNREACHABLE;
	bool is_connected = connect(fd, address, address_bytes) == 0;
	if (!is_connected && errno == EINPROGRESS) {
		if (!wait_for(fd, POLLOUT, deadline_ms)) {
			close(fd);
			return ADMIN_TIMEOUT;
		}
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_bytes);
		is_connected = error == 0;
	}
	if (!is_connected) {
		close(fd);
		return ADMIN_UNREACHABLE;
	}
	*ret_fd = fd;
	return ADMIN_OK;
}

static enum admin_result connect_unix(const struct url *url, int64_t deadline_ms, int *ret_fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(url->host) >= sizeof(address.sun_path))
		return ADMIN_BAD_URL;
	memcpy(address.sun_path, url->host, strlen(url->host) + 1);
	return connect_address((const struct sockaddr *)&address, sizeof(address), deadline_ms, ret_fd);
}

static enum admin_result connect_url(const struct url *url, int64_t deadline_ms, int *ret_fd)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *addresses;
	enum admin_result result = ADMIN_UNREACHABLE;
	if (url->is_unix)
		return connect_unix(url, deadline_ms, ret_fd);
	if (getaddrinfo(url->host, url->port, &hints, &addresses) != 0)
		return ADMIN_UNREACHABLE;
	for (const struct addrinfo *address = addresses; address && result == ADMIN_UNREACHABLE; address = address->ai_next)
		result = connect_address(address->ai_addr, address->ai_addrlen, deadline_ms, ret_fd);
	freeaddrinfo(addresses);
	return result;
}

static enum admin_result send_all(int fd, const char *text, size_t size, int64_t deadline_ms)
{
	while (size > 0) {
		ssize_t sent = send(fd, text, size, MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return ADMIN_UNREACHABLE;
		if (sent < 0 && !wait_for(fd, POLLOUT, deadline_ms))
			return ADMIN_TIMEOUT;
		if (sent > 0) {
			text += sent;
			size -= (size_t)sent;
		}
	}
	return ADMIN_OK;
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
	snprintf(header, header_bytes, "Authorization: Bearer %s\r\n", token);
	return ADMIN_OK;
}

static enum admin_result send_request(int fd, const struct url *url, const char *method, const char *path, const struct admin_body *body,
				      int64_t deadline_ms)
{
	char *text = NULL, authorization[320];
	bool is_posting = strcmp(method, "GET") != 0;
	enum admin_result result = make_authorization(body, authorization, sizeof(authorization));
	if (result != ADMIN_OK)
		return result;
	int size = asprintf(&text,
			    "%s %s HTTP/1.1\r\nHost: %s%s%s\r\nConnection: close\r\nAccept: application/json, text/plain\r\n%s%s%s%s"
			    "Content-Length: %zu\r\n\r\n",
			    method, path, url->is_v6 ? "[" : "", url->is_unix ? "localhost" : url->host, url->is_v6 ? "]" : "", authorization,
			    is_posting ? "Content-Type: " : "", is_posting ? body->type : "", is_posting ? "\r\n" : "", body->size);
	if (size < 0)
		return ADMIN_UNREACHABLE;
	result = send_all(fd, text, (size_t)size, deadline_ms);
	if (result == ADMIN_OK && body->size > 0)
		result = send_all(fd, body->bytes, body->size, deadline_ms);
	explicit_bzero(text, (size_t)size);
	free(text);
	return result;
}

/* Reads to the end of the connection; *ret_text is owned by the caller also on failure. */
static enum admin_result read_all(int fd, int64_t deadline_ms, char **ret_text, size_t *ret_size)
{
	size_t capacity = 0, size = 0;
	for (;;) {
		if (size + 1 >= capacity) {
			capacity = capacity ? capacity * 2 : 16384;
			char *grown = capacity > ADMIN_ANSWER_BYTES_MAX ? NULL : realloc(*ret_text, capacity);
			if (!grown)
				return ADMIN_BAD_ANSWER;
			*ret_text = grown;
		}
		ssize_t got = recv(fd, *ret_text + size, capacity - size - 1, 0);
		if (got == 0)
			break;
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			return ADMIN_UNREACHABLE;
		if (got < 0 && !wait_for(fd, POLLIN, deadline_ms))
			return ADMIN_TIMEOUT;
		size += got > 0 ? (size_t)got : 0;
	}
	(*ret_text)[size] = '\0';
	*ret_size = size;
	return ADMIN_OK;
}

/* The server sends its length or ends the connection, never chunks: its answers are whole before they are sent. */
static bool split_answer(struct admin_answer *answer, size_t size)
{
	const char *end_of_head = strstr(answer->text, "\r\n\r\n");
	if (!end_of_head || sscanf(answer->text, "HTTP/1.%*1d %3d", &answer->status) != 1)
		return false;
	answer->body = end_of_head + 4;
	answer->body_bytes = size - (size_t)(answer->body - answer->text);
	const char *length = strcasestr(answer->text, "\r\nContent-Length:");
	return !length || length > end_of_head || strtoull(length + 17, NULL, 10) == answer->body_bytes;
}

enum admin_result ringcast_admin_request(const char *url_text, const char *method, const char *path, const char *body, uint32_t timeout_ms,
					 struct admin_answer *ret_answer)
{
	const struct admin_body json = {.type = "application/json", .bytes = body, .size = body ? strlen(body) : 0};
	return ringcast_admin_send(url_text, method, path, &json, timeout_ms, ret_answer);
}

enum admin_result ringcast_admin_send(const char *url_text, const char *method, const char *path, const struct admin_body *body, uint32_t timeout_ms,
				      struct admin_answer *ret_answer)
{
	struct admin_answer answer = {0};
	struct url url;
	size_t size = 0;
	int fd = -1;
	int64_t deadline_ms = now_ms() + timeout_ms;
	if (!parse_url(url_text, &url))
		return ADMIN_BAD_URL;
	enum admin_result result = connect_url(&url, deadline_ms, &fd);
	if (result == ADMIN_OK)
		result = send_request(fd, &url, method, path, body, deadline_ms);
	if (result == ADMIN_OK)
		result = read_all(fd, deadline_ms, &answer.text, &size);
	if (fd >= 0)
		close(fd);
	if (result == ADMIN_OK && !split_answer(&answer, size))
		result = ADMIN_BAD_ANSWER;
	if (result != ADMIN_OK)
		ringcast_admin_answer_fini(&answer);
	else
		*ret_answer = answer;
	return result;
}

void ringcast_admin_answer_fini(struct admin_answer *answer)
{
	free(answer->text);
	*answer = (struct admin_answer){0};
}
