/*
 * The connections of one HTTP server, and what they hold. Nobody is kept out because others are idle or slow: when there are too many
 * connections, the address (in IPv6 its /64, which is one subscriber's) with most of them loses the one that has waited longest; when bodies and answers take too much memory, the connection
 * that holds most is closed. A request that is being worked on is never cut.
 *
 * Called on the server's threads, several at a time.
 */
#ifndef RINGCAST_CONTROL_HTTP_CLIENTS_H
#define RINGCAST_CONTROL_HTTP_CLIENTS_H

#include <stdbool.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_ADDRESS_BYTES 64

struct sockaddr;
struct http_client;
struct http_clients;

/* Connections that were closed to make room for others. One for all servers of a process; any thread adds and reads. */
struct http_cuts {
	_Atomic uint64_t crowd, memory; /* its address had most connections; it held most bytes */
	_Atomic uint64_t busy;          /* newcomers who were turned away, because everybody else was being served */
};

struct http_clients_options {
	uint32_t connections_max, connections_per_address_max;
	uint64_t memory_bytes_max; /* of bodies and answers */
	struct http_cuts *cuts;    /* outlives the clients; NULL: not counted */
};

struct http_clients *ringcast_http_clients_create(const struct http_clients_options *options); /* NULL: out of memory */
void ringcast_http_clients_destroy(struct http_clients **clients);                             /* accepts NULL inside, nulls */

/* fd stays the caller's, and open until remove. NULL: out of memory, or everybody else is being served; close it. */
struct http_client *ringcast_http_clients_add(struct http_clients *clients, int fd, const struct sockaddr *address);
void ringcast_http_clients_remove(struct http_client *client); /* accepts NULL */
/* A request is worked on from begin to end; before and after it the client may be cut. */
void ringcast_http_client_begin(struct http_client *client);
void ringcast_http_client_end(struct http_client *client);
/* False: there is no room for as many bytes more, because nobody else holds more than this client would. */
bool ringcast_http_client_hold(struct http_client *client, uint64_t bytes);
void ringcast_http_client_release(struct http_client *client, uint64_t bytes);
/* "192.0.2.7:50112", or for a UNIX socket "uid:1000 pid:4711". */
const char *ringcast_http_client_address(const struct http_client *client);
uint64_t ringcast_http_clients_held_bytes(struct http_clients *clients);

#endif
