/* A WebSocket to the service, from connect to close: text messages, waited for with a deadline. Used by server.c alone. */
#ifndef RINGCAST_SERVER_SDK_SOCKET_H
#define RINGCAST_SERVER_SDK_SOCKET_H

#include "proto/websocket.h"

/* The longest message: the start of a session with 262 144 characters of data, each of which may take six bytes in JSON, and what stands around it. */
enum { SERVER_SOCKET_BYTES_MAX = 4 * 1024 * 1024 + 16, SERVER_PATH_BYTES = 2048 };

struct server_socket {
	int fd; /* -1: none */
	uint8_t *received; /* SERVER_SOCKET_BYTES_MAX of it */
	size_t received_bytes, taken_bytes;
	struct websocket_assembler assembler;
	char *message; /* whole, of fragments */
	size_t message_bytes;
};

/* url: ws://host:port. path: with query. False: problem, of size bytes. */
bool ringcast_server_socket_open(struct server_socket *socket, const char *url, const char *path, char *problem, size_t size);
void ringcast_server_socket_close(struct server_socket *socket); /* with a goodbye; harmless when there is none */
bool ringcast_server_socket_send(struct server_socket *socket, const char *text);
/* 1: *ret_text is a message, good until the next call. 0: none came within timeout_ms. -1: the connection is lost. */
int ringcast_server_socket_receive(struct server_socket *socket, int timeout_ms, const char **ret_text, size_t *ret_bytes);
int64_t ringcast_server_steady_ms(void);
void ringcast_server_sleep_ms(int64_t time_ms);
int64_t ringcast_server_random_bytes(void *out, size_t size); /* below 0: the system gives none */

#endif
