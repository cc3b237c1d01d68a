#include "control/http_clients.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "control/value.h"

/* What the kernel may keep of an answer that is not read. */
#define SEND_BUFFER_BYTES (256 * 1024)

enum { IPV6_SUBSCRIBER_BYTES = 8 };

struct http_client {
	struct http_clients *clients;
	struct http_client *next;
	int fd;
	struct in6_addr ip; /* of IPv6 the /64; zero for UNIX sockets, which count as one address */
	char address[HTTP_ADDRESS_BYTES];
	uint64_t turn; /* when it last began to wait; smaller is longer ago */
	uint64_t held_bytes;
	bool is_busy, is_cut;
};

struct http_clients {
	struct http_clients_options options;
	pthread_mutex_t mutex; /* guards all below, and the members of each client */
	struct http_client *first;
	uint32_t count; /* without those that are cut */
	uint64_t held_bytes; /* likewise */
	uint64_t turn;
};

struct http_clients *ringcast_http_clients_create(const struct http_clients_options *options)
{
	ringcast_assert(options && options->connections_max > 0 && options->connections_per_address_max > 0);
	struct http_clients *clients = calloc(1, sizeof(*clients));
	if (!clients)
		return NULL;
	clients->options = *options;
	pthread_mutex_init(&clients->mutex, NULL);
	return clients;
}

void ringcast_http_clients_destroy(struct http_clients **clients)
{
	ringcast_assert(clients);
	if (!*clients)
		return;
	ringcast_assert(!(*clients)->first);
	pthread_mutex_destroy(&(*clients)->mutex);
	free(*clients);
	*clients = NULL;
}

static void describe_local(int fd, char *out)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
		snprintf(out, HTTP_ADDRESS_BYTES, "uid:%u pid:%d", (unsigned)peer.uid, (int)peer.pid);
	else
		snprintf(out, HTTP_ADDRESS_BYTES, "unix");
}

static void describe(struct http_client *client, const struct sockaddr *address)
{
	char host[INET6_ADDRSTRLEN] = "?";
	if (address && address->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
		memcpy(&client->ip.s6_addr[12], &v4->sin_addr, sizeof(v4->sin_addr));
		inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
		snprintf(client->address, sizeof(client->address), "%s:%u", host, ntohs(v4->sin_port));
	} else if (address && address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
		memcpy(&client->ip, &v6->sin6_addr, IPV6_SUBSCRIBER_BYTES);
		inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
		snprintf(client->address, sizeof(client->address), "[%s]:%u", host, ntohs(v6->sin6_port));
	} else {
		describe_local(client->fd, client->address);
	}
}

/* The rest is under the mutex. */

static uint32_t count_of(const struct http_clients *clients, const struct in6_addr *ip)
{
	uint32_t count = 0;
	for (const struct http_client *client = clients->first; client; client = client->next)
		count += !client->is_cut && IN6_ARE_ADDR_EQUAL(&client->ip, ip);
	return count;
}

/* The server's thread sees the end of the connection and tidies up; here it is gone at once. */
static void cut(struct http_client *client, bool is_for_memory)
{
	struct http_cuts *cuts = client->clients->options.cuts;
	ringcast_assert(!client->is_cut && !client->is_busy);
	client->is_cut = true;
	client->clients->count--;
	client->clients->held_bytes -= client->held_bytes;
	shutdown(client->fd, SHUT_RDWR);
	if (cuts)
		atomic_fetch_add_explicit(is_for_memory ? &cuts->memory : &cuts->crowd, 1, memory_order_relaxed);
}

/* Of ip, or with NULL of the address with most connections: the one that waits longest. */
static struct http_client *longest_waiting(const struct http_clients *clients, const struct in6_addr *ip)
{
	struct http_client *longest = NULL;
	uint32_t longest_crowd = 0;
	for (struct http_client *client = clients->first; client; client = client->next) {
		if (client->is_cut || client->is_busy || (ip && !IN6_ARE_ADDR_EQUAL(&client->ip, ip)))
			continue;
		uint32_t crowd = ip ? 0 : count_of(clients, &client->ip);
		if (!longest || crowd > longest_crowd || (crowd == longest_crowd && client->turn < longest->turn)) {
			longest = client;
			longest_crowd = crowd;
		}
	}
	return longest;
}

static bool make_room(struct http_clients *clients, const struct in6_addr *ip)
{
	bool is_crowd = count_of(clients, ip) >= clients->options.connections_per_address_max;
	if (!is_crowd && clients->count < clients->options.connections_max)
		return true;
	struct http_client *victim = longest_waiting(clients, is_crowd ? ip : NULL);
	if (victim)
		cut(victim, false);
	return victim != NULL;
}

/* Of equals the one that came first, which is behind in the list. */
static struct http_client *largest_holder(const struct http_clients *clients)
{
	struct http_client *largest = NULL;
	for (struct http_client *client = clients->first; client; client = client->next)
		if (!client->is_cut && !client->is_busy && (!largest || client->held_bytes >= largest->held_bytes))
			largest = client;
	return largest;
}

static bool hold(struct http_client *client, uint64_t bytes)
{
	struct http_clients *clients = client->clients;
	if (client->is_cut)
		return false;
	while (clients->held_bytes + bytes > clients->options.memory_bytes_max) {
		struct http_client *largest = largest_holder(clients);
		if (!largest || largest == client || largest->held_bytes < client->held_bytes + bytes)
			return false;
		cut(largest, true);
	}
	client->held_bytes += bytes;
	clients->held_bytes += bytes;
	return true;
}

/* Up to here. */

struct http_client *ringcast_http_clients_add(struct http_clients *clients, int fd, const struct sockaddr *address)
{
	ringcast_assert(clients && fd >= 0);
	int send_buffer_bytes = SEND_BUFFER_BYTES;
	struct http_client *client = calloc(1, sizeof(*client));
	if (!client)
		return NULL;
	client->clients = clients;
	client->fd = fd;
	describe(client, address);
	ringcast_assert(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer_bytes, sizeof(send_buffer_bytes)) == 0); /* it is a socket */
	pthread_mutex_lock(&clients->mutex);
	bool has_room = make_room(clients, &client->ip);
	if (has_room) {
		client->turn = ++clients->turn;
		client->next = clients->first;
		clients->first = client;
		clients->count++;
	}
	pthread_mutex_unlock(&clients->mutex);
	if (has_room)
		return client;
	if (clients->options.cuts)
		atomic_fetch_add_explicit(&clients->options.cuts->busy, 1, memory_order_relaxed);
	free(client);
	return NULL;
}

void ringcast_http_clients_remove(struct http_client *client)
{
	if (!client)
		return;
	struct http_clients *clients = client->clients;
	pthread_mutex_lock(&clients->mutex);
	struct http_client **link = &clients->first;
	while (*link != client)
		link = &(*link)->next;
	*link = client->next;
	if (!client->is_cut) {
		clients->count--;
		clients->held_bytes -= client->held_bytes;
	}
	pthread_mutex_unlock(&clients->mutex);
	free(client);
}

static void set_busy(struct http_client *client, bool is_busy)
{
	ringcast_assert(client);
	pthread_mutex_lock(&client->clients->mutex);
	client->is_busy = is_busy;
	client->turn = ++client->clients->turn;
	pthread_mutex_unlock(&client->clients->mutex);
}

void ringcast_http_client_begin(struct http_client *client)
{
	set_busy(client, true);
}

void ringcast_http_client_end(struct http_client *client)
{
	set_busy(client, false);
}

bool ringcast_http_client_hold(struct http_client *client, uint64_t bytes)
{
	ringcast_assert(client);
	pthread_mutex_lock(&client->clients->mutex);
	bool is_held = hold(client, bytes);
	pthread_mutex_unlock(&client->clients->mutex);
	return is_held;
}

void ringcast_http_client_release(struct http_client *client, uint64_t bytes)
{
	ringcast_assert(client && client->held_bytes >= bytes);
	pthread_mutex_lock(&client->clients->mutex);
	client->held_bytes -= bytes;
	if (!client->is_cut)
		client->clients->held_bytes -= bytes;
	pthread_mutex_unlock(&client->clients->mutex);
}

const char *ringcast_http_client_address(const struct http_client *client)
{
	ringcast_assert(client);
	return client->address;
}

uint64_t ringcast_http_clients_held_bytes(struct http_clients *clients)
{
	ringcast_assert(clients);
	pthread_mutex_lock(&clients->mutex);
	uint64_t held_bytes = clients->held_bytes;
	pthread_mutex_unlock(&clients->mutex);
	return held_bytes;
}
