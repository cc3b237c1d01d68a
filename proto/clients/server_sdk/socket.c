#include "proto/clients/server_sdk/socket.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proto/http_upgrade.h"

enum { CONNECT_MS = 10000, SEND_MS = 10000, HOST_BYTES = 256, KEY_BYTES = 25 };

int64_t ringcast_server_steady_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void ringcast_server_sleep_ms(int64_t time_ms)
{
	poll(NULL, 0, time_ms > 0 ? (int)time_ms : 0);
}

int64_t ringcast_server_random_bytes(void *out, size_t size)
{
	return getrandom(out, size, 0) == (ssize_t)size ? 0 : -1;
}

/* True: ready before the deadline. */
static bool wait_for(int fd, short events, int64_t until_ms)
{
	for (;;) {
		struct pollfd polled = {.fd = fd, .events = events};
		int64_t left_ms = until_ms - ringcast_server_steady_ms();
		int count = poll(&polled, 1, left_ms > 0 ? (int)left_ms : 0);
		if (count != 0 && !(count < 0 && errno == EINTR))
			return count > 0;
		if (left_ms <= 0)
			return false;
	}
}

/* "ws://host:port/" -> host, port */
static bool split_url(const char *url, char ret_host[HOST_BYTES], char ret_port[8])
{
	static const char scheme[] = "ws://";
	if (strncmp(url, scheme, sizeof(scheme) - 1) != 0)
		return false;
	url += sizeof(scheme) - 1;
	for (const char *c = url; *c != '\0'; c++) /* it may come from the service */
		if (*c <= ' ' || *c > '~')
			return false;
	size_t size = strcspn(url, "/");
	const char *colon = memrchr(url, ':', size);
	if (colon == NULL || colon == url)
		return false;
	bool is_v6 = *url == '[' && colon[-1] == ']';
	int host_bytes = snprintf(ret_host, HOST_BYTES, "%.*s", (int)(colon - url) - 2 * is_v6, url + is_v6);
	int port_bytes = snprintf(ret_port, 8, "%.*s", (int)(url + size - colon - 1), colon + 1);
	return host_bytes > 0 && host_bytes < HOST_BYTES && port_bytes > 0 && port_bytes < 8;
}

static int connect_one(const struct addrinfo *address)
{
	int error = 0;
	socklen_t size = sizeof(error);
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, address->ai_addr, address->ai_addrlen) == 0)
		return fd;
	if (errno == EINPROGRESS && wait_for(fd, POLLOUT, ringcast_server_steady_ms() + CONNECT_MS) &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0)
		return fd;
	close(fd);
	errno = error != 0 ? error : ETIMEDOUT;
	return -1;
}

static int connect_to(const char *host, const char *port, char *problem, size_t size)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	int fd = -1, result = getaddrinfo(host, port, &hints, &found);
	for (const struct addrinfo *address = found; result == 0 && address != NULL && fd < 0; address = address->ai_next)
		fd = connect_one(address);
	if (fd < 0)
		snprintf(problem, size, "%s port %s: %s", host, port, result != 0 ? gai_strerror(result) : strerror(errno));
	if (found != NULL)
		freeaddrinfo(found);
	return fd;
}

static bool send_all(struct server_socket *client, const void *bytes, size_t size)
{
	int64_t until_ms = ringcast_server_steady_ms() + SEND_MS;
	for (const uint8_t *at = bytes; size > 0;) {
		ssize_t sent = send(client->fd, at, size, MSG_NOSIGNAL);
		if (sent > 0) {
			at += sent;
			size -= (size_t)sent;
		} else if (!(sent < 0 && (errno == EINTR || errno == EAGAIN)) || !wait_for(client->fd, POLLOUT, until_ms)) {
			return false;
		}
	}
	return true;
}

/* Base64 of 16 bytes by chance: the last of the 22 characters has four bits of nothing. */
static bool make_key(char ret_key[KEY_BYTES])
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t bytes[22];
	if (ringcast_server_random_bytes(bytes, sizeof(bytes)) < 0)
		return false;
	for (size_t i = 0; i < 21; i++)
		ret_key[i] = letters[bytes[i] % 64];
	ret_key[21] = "AQgw"[bytes[21] % 4];
	memcpy(ret_key + 22, "==", 3);
	return true;
}

/* Reads what is there; false: the connection is lost. */
static bool fill(struct server_socket *client)
{
	if (client->received_bytes == SERVER_SOCKET_BYTES_MAX)
		return false;
	ssize_t got = recv(client->fd, client->received + client->received_bytes, SERVER_SOCKET_BYTES_MAX - client->received_bytes, 0);
	if (got > 0)
		client->received_bytes += (size_t)got;
	return got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}

static void take_away(struct server_socket *client, size_t size)
{
	client->received_bytes -= size;
	memmove(client->received, client->received + size, client->received_bytes);
}

/* 0: it answered 101. Else the answer's status; -1: none. */
static int shake_hands(struct server_socket *client, const char *host_and_port, const char *path)
{
	char request[SERVER_PATH_BYTES + 1024], key[KEY_BYTES];
	int64_t until_ms = ringcast_server_steady_ms() + CONNECT_MS;
	int status = 0;
	size_t size = make_key(key) ? ringcast_http_upgrade_encode_request(host_and_port, path, key, request, sizeof(request)) : 0;
	if (size == 0 || !send_all(client, request, size))
		return -1;
	while (wait_for(client->fd, POLLIN, until_ms) && fill(client)) {
		size_t consumed = 0;
		switch (ringcast_http_upgrade_parse_response(ringcast_view_of(client->received, client->received_bytes), key, &consumed, &status)) {
		case HTTP_UPGRADE_OK:
			take_away(client, consumed);
			return 0;
		case HTTP_UPGRADE_NEED_MORE:
			break;
		default:
			return status != 0 ? status : -1;
		}
	}
	return -1;
}

static void drop(struct server_socket *client)
{
	if (client->fd >= 0)
		close(client->fd);
	free(client->received);
	free(client->message);
	*client = (struct server_socket){.fd = -1};
}

bool ringcast_server_socket_open(struct server_socket *client, const char *url, const char *path, char *problem, size_t size)
{
	char host[HOST_BYTES], port[8], both[HOST_BYTES + 16];
	*client = (struct server_socket){.fd = -1};
	if (!split_url(url, host, port)) {
		snprintf(problem, size, "%.100s: must be ws://host:port; something else must end TLS", url);
		return false;
	}
	client->received = malloc(SERVER_SOCKET_BYTES_MAX);
	client->fd = client->received != NULL ? connect_to(host, port, problem, size) : -1;
	if (client->received == NULL)
		snprintf(problem, size, "out of memory");
	snprintf(both, sizeof(both), strchr(host, ':') != NULL ? "[%s]:%s" : "%s:%s", host, port);
	int status = client->fd >= 0 ? shake_hands(client, both, path) : 0;
	if (client->fd >= 0 && status == 0)
		return true;
	if (status == 403)
		snprintf(problem, size, "%.100s: refused: the token is not good for this fleet and host", url);
	else if (client->fd >= 0)
		snprintf(problem, size, "%.100s: no WebSocket: status %d", url, status);
	drop(client);
	return false;
}

static bool send_frame(struct server_socket *client, enum websocket_opcode opcode, const void *payload, size_t size)
{
	uint8_t mask[4], *frame = malloc(size + 14);
	bool is_sent = false;
	if (frame != NULL && ringcast_server_random_bytes(mask, sizeof(mask)) == 0) {
		size_t head = ringcast_websocket_encode_header_masked(opcode, true, size, mask, frame);
		if (size > 0)
			memcpy(frame + head, payload, size);
		ringcast_websocket_mask(frame + head, size, mask);
		is_sent = send_all(client, frame, head + size);
	}
	free(frame);
	return is_sent;
}

bool ringcast_server_socket_send(struct server_socket *client, const char *text)
{
	return client->fd >= 0 && send_frame(client, WEBSOCKET_TEXT, text, strlen(text));
}

void ringcast_server_socket_close(struct server_socket *client)
{
	static const uint8_t goodbye[] = {0x03, 0xe9}; /* 1001: going away */
	if (client->fd >= 0)
		send_frame(client, WEBSOCKET_CLOSE, goodbye, sizeof(goodbye));
	drop(client);
}

static bool add_piece(struct server_socket *client, const struct websocket_frame *frame)
{
	char *grown = realloc(client->message, client->message_bytes + frame->size + 1);
	if (grown == NULL)
		return false;
	memcpy(grown + client->message_bytes, frame->payload, frame->size);
	client->message = grown;
	client->message_bytes += frame->size;
	return true;
}

/* As receive, of one frame. */
static int take_frame(struct server_socket *client, struct websocket_frame *frame, const char **ret_text, size_t *ret_bytes)
{
	uint16_t code;
	switch (ringcast_websocket_assemble(&client->assembler, frame, SERVER_SOCKET_BYTES_MAX, &code)) {
	case WEBSOCKET_EVENT_MESSAGE:
		*ret_text = (const char *)frame->payload;
		*ret_bytes = frame->size;
		return 1;
	case WEBSOCKET_EVENT_FRAGMENT:
		return add_piece(client, frame) ? 0 : -1;
	case WEBSOCKET_EVENT_MESSAGE_END:
		if (!add_piece(client, frame))
			return -1;
		*ret_text = client->message;
		*ret_bytes = client->message_bytes;
		client->message_bytes = 0;
		return 1;
	case WEBSOCKET_EVENT_PING:
		return send_frame(client, WEBSOCKET_PONG, frame->payload, frame->size) ? 0 : -1;
	case WEBSOCKET_EVENT_PONG:
		return 0;
	default:
		return -1;
	}
}

/* 1 and -1 as receive; 0: more must come. */
static int parse(struct server_socket *client, const char **ret_text, size_t *ret_bytes)
{
	for (;;) {
		struct websocket_frame frame;
		size_t needed;
		uint16_t code;
		take_away(client, client->taken_bytes);
		client->taken_bytes = 0;
		enum websocket_result result = ringcast_websocket_parse(client->received, client->received_bytes, false, SERVER_SOCKET_BYTES_MAX - 16, &frame,
									&client->taken_bytes, &needed, &code);
		if (result != WEBSOCKET_FRAME) {
			client->taken_bytes = 0;
			return result == WEBSOCKET_NEED_MORE ? 0 : -1;
		}
		int taken = take_frame(client, &frame, ret_text, ret_bytes);
		if (taken != 0)
			return taken;
	}
}

int ringcast_server_socket_receive(struct server_socket *client, int timeout_ms, const char **ret_text, size_t *ret_bytes)
{
	int64_t until_ms = ringcast_server_steady_ms() + timeout_ms;
	if (client->fd < 0)
		return -1;
	for (;;) {
		int result = parse(client, ret_text, ret_bytes);
		if (result != 0)
			return result;
		if (!wait_for(client->fd, POLLIN, until_ms))
			return 0;
		if (!fill(client))
			return -1;
	}
}
