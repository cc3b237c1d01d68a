/* What the tests of the client library share: real loopback sockets, a small server that turns in the same thread, and a resolver between the client and the system's.
 * Nothing waits on the clock: each wait is for an event that must come. */
#ifndef RINGCAST_TESTS_UNIT_CLIENT_WORLD_H
#define RINGCAST_TESTS_UNIT_CLIENT_WORLD_H

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "proto/clients/c/ringcast_client.h"
#include "proto/packet.h"

enum { TURNS_MAX = 2000, TURN_MS = 5 };

struct server {
	int listen_fd, tcp_fd, udp_fd;
	uint16_t tcp_port, udp_port;
	struct sockaddr_in udp_from;
	bool is_upgraded, is_silent, is_resumable;
	uint8_t in[65536];
	size_t in_bytes;
	int32_t udp_sequence;
	int login_count, hello_count, ack_count, message_count, close_count;
	bool was_last_fast;
	char token[64];
};

struct seen {
	int connected, fast_ready, message, membership, disconnected, dropped, resumed;
	int code;
	char reason[128];
	int32_t opcode;
	size_t payload_bytes;
	bool was_fast;
	bool is_destroying; /* destroy inside the message callback */
	ringcast_client **client;
};

struct resolver { /* what stands between the client and the system's */
	pthread_t game;    /* the thread that polls */
	int game_count;    /* how often that one has asked */
	atomic_int others_count; /* and all others */
	bool is_hanging;   /* everybody else waits until the gate is open */
	sem_t gate, done;
	const char *answer; /* NULL: what the system says */
	bool is_unknown;   /* nobody has that name */
};

extern struct server server;
extern struct seen seen;
extern struct resolver resolver;

/* From now on whoever asks in another thread than this one hangs until it is released; answer: for every name, NULL: the system's. */
void resolver_open(const char *answer);
void resolver_release(void); /* one who hangs gets its answer, and its thread is about to end */

void server_open(void);
void server_turn(void); /* does what has come */
void server_close(void);
void send_packet(const struct packet *packet); /* by the stream, as the server */

ringcast_client *make_client_with(ringcast_client_options options);
ringcast_client *make_client(bool is_udp_off);
ringcast_client *make_connected(bool is_udp_off); /* and the server */
/* Turns both until the counter has reached the value; failing that in TURNS_MAX turns the test fails. */
void turn_until(ringcast_client **client, const int *counter, int value);
ringcast_client_stats stats_of(ringcast_client *client);

#endif
