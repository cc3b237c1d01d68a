/* The client library's own: what client.c (the public calls) and client_io.c (the sockets) share. */
#ifndef RINGCAST_CLIENT_PRIVATE_H
#define RINGCAST_CLIENT_PRIVATE_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "proto/clients/c/addresses.h"
#include "proto/clients/c/core.h"
#include "proto/clients/c/ringcast_client.h"
#include "proto/clients/c/secure.h"

enum {
	CLIENT_REASON_BYTES = 124, /* the longest close reason, and its NUL */
};

union client_address {
	struct sockaddr generic;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* What only encrypted clients have. Owns all of it. */
struct client_security {
	bool is_insecure;
	char *ca, *host_name;          /* of the options; NULL: the system's, the host's */
	struct client_trust trust;     /* from connect until the end */
	struct client_secure secure;
	char text[CRYPTO_ERROR_BYTES]; /* what protected the last connection, or why there was none */
};

/* core comes first, so that the core's ops find their client. The client owns its three descriptors, the queue and the addresses. */
struct ringcast_client {
	struct client_core core;
	ringcast_client_callbacks callbacks;
	void *context;
	union client_address local; /* sa_family 0: not bound */
	uint16_t udp_local_port;
	bool is_udp_off;
	bool may_resume, may_merge, no_echo, may_use_thread;
	bool is_resuming;     /* the game was told dropped, and not resumed */
	bool is_dropped;      /* the core is; its sockets are still to be closed */
	bool is_looking_up;   /* connect's look-up is under way: there are no addresses yet */
	bool is_active;       /* between connect and the disconnected callback */
	bool is_ended;        /* the core is closed; disconnected is still to be called */
	bool is_tcp_connected;
	bool is_write_armed;  /* EPOLLOUT is in the interest set */
	bool is_polling;
	bool is_destroyed;    /* inside poll: free when it returns */
	uint16_t end_code;
	int epoll_fd, tcp_fd, udp_fd;
	uint32_t connect_timeout_ms, close_timeout_ms, ping_interval_ms, udp_keepalive_ms, outq_bytes_max;
	uint32_t outq_offset, outq_bytes, outq_capacity; /* bytes outq[offset, bytes) wait for the kernel */
	uint8_t *outq;
	char *path;
	char *host;           /* with may_resume: whom to connect to again */
	uint16_t port;
	uint32_t kept_bytes_max;
	struct client_security *security; /* owned; NULL: plaintext */
	struct client_addresses addresses; /* of the host; until TCP is connected, with may_resume until the end */
	char end_reason[CLIENT_REASON_BYTES];
};

extern const struct client_core_ops ringcast_client_io_ops;

/* Nothing more is to be read: the core is closed or dropped, or the client is gone. */
static inline bool ringcast_client_is_over(const struct ringcast_client *client)
{
	return client->is_ended || client->is_destroyed || client->is_dropped;
}

/* Starts TCP to the next address of this round; false when none is left. */
bool ringcast_client_io_connect_next(struct ringcast_client *client);
/* Instead, until the host's name has been looked up. False: errno says why. */
bool ringcast_client_io_await_lookup(struct ringcast_client *client);
/* Ciphertext below the core's ops. */
extern const struct client_secure_ops ringcast_client_io_secure_ops;
/* Serves what epoll reported. */
void ringcast_client_io_serve_lookup(struct ringcast_client *client, uint64_t now_ns);
void ringcast_client_io_serve_tcp(struct ringcast_client *client, uint32_t epoll_events, uint64_t now_ns);
void ringcast_client_io_serve_udp(struct ringcast_client *client, uint64_t now_ns);
void ringcast_client_io_close(struct ringcast_client *client); /* all but the addresses */
uint64_t ringcast_client_io_now_ns(void);

enum { CLIENT_IO_TCP = 0, CLIENT_IO_UDP = 1, CLIENT_IO_LOOKUP = 2 }; /* epoll data */

#endif
