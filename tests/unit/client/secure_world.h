/*
 * One secure client and a server of its own, in memory: both ends of TLS and DTLS, the bytes between them in queues that a test may hold back, lose or
 * change. Time is the test's. The server speaks just enough of the Realtime wire.
 */
#ifndef RINGCAST_TESTS_CLIENT_SECURE_WORLD_H
#define RINGCAST_TESTS_CLIENT_SECURE_WORLD_H

#include "proto/clients/c/secure.h"

enum { WIRE_BYTES = 262144, WIRE_DATAGRAMS = 256, WIRE_DATAGRAM_BYTES = 2048, WORLD_PORT = 33401, WORLD_PEER = 7 };

struct wire {
	uint8_t bytes[WIRE_BYTES];
	size_t size;
};

struct wire_datagrams {
	struct wire_datagram { uint8_t bytes[WIRE_DATAGRAM_BYTES]; size_t size; uint64_t due_ns; } queue[WIRE_DATAGRAMS];
	size_t count;
};

struct secure_world;
/* True: the datagram is lost. number counts from 0, both directions together. */
typedef bool world_loss_fn(struct secure_world *world, int number, bool is_to_server);
/* How long a datagram is on its way; those that take longer are overtaken. */
typedef uint64_t world_delay_fn(struct secure_world *world);

/* core comes first: its ops find the world by it. */
struct secure_world {
	struct client_core core;
	struct client_secure secure;
	struct client_trust trust;
	uint64_t now_ns;
	struct wire to_server, to_client;
	struct wire_datagrams datagrams_to_server, datagrams_to_client;
	size_t stream_step; /* bytes handed over at a time; 0: all */
	world_loss_fn *loss;
	world_delay_fn *delay_ns; /* NULL: none */
	uint64_t server_due_ns;   /* when the server repeats its flight */
	uint8_t hello_random[32]; /* of the client's hello that began the association */
	int datagram_number;
	/* what the client's owner saw */
	int logged_in_count, fast_up_count, fast_failed_count, message_count, fast_message_count, closed_count;
	size_t last_payload_bytes;
	uint16_t close_code;
	char close_reason[256], fast_reason[256];
	/* the server */
	struct crypto_context *stream_context, *datagrams_context;
	struct crypto_session *stream, *datagrams;
	struct wire plain; /* opened, not yet understood */
	bool is_upgraded, has_goodbye, is_answer_lost, is_identity_refused, is_dtls_deaf, is_login_without_ca;
	const char *ca_cert;
	int32_t sequence;
	int login_count, proof_count, datagram_message_count, association_count;
	char token[64];
};

struct secure_world_options {
	const char *trusted_ca;    /* NULL: a CA that the server's certificate comes from */
	const char *host;          /* NULL: a name in the server's certificate */
	const char *ca_cert;       /* of the login result; NULL: the server's */
	bool is_insecure;
	bool is_ca_from_login;     /* for DTLS nothing is trusted but what the login result says */
	enum crypto_version version_min;
};

/* The CA of every world, and one that signed nothing. */
const char *secure_world_ca(void);
const char *secure_world_other_ca(void);

struct secure_world *secure_world_create(const struct secure_world_options *options);
void secure_world_destroy(struct secure_world **world);
/* Moves bytes both ways until nothing moves any more. */
void secure_world_settle(struct secure_world *world);
/* Time passes in steps of 10 ms, timers run, bytes move. */
void secure_world_advance(struct secure_world *world, uint64_t ms);
/* The server sends a message, by datagram or on the stream. */
void secure_world_send(struct secure_world *world, bool is_fast, size_t payload_bytes);
enum client_core_send_result secure_world_client_send(struct secure_world *world, bool is_fast, size_t payload_bytes);
/* The server ends the DTLS association and forgets it. */
void secure_world_close_dtls(struct secure_world *world);

#endif
