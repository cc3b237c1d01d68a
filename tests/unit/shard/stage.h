/*
 * One shard on the simulated network, in dev mode with a session called "room", and clients that do exactly what a test says: no retries, no
 * acknowledgements of their own. Encryption is the simulator's toy.
 */
#ifndef RINGCAST_TESTS_UNIT_SHARD_STAGE_H
#define RINGCAST_TESTS_UNIT_SHARD_STAGE_H

#include <criterion/criterion.h>

#include "io/io_sim.h"
#include "proto/packet.h"
#include "shard/shard_private.h"

enum { STAGE_HEARD_MAX = 64, STAGE_BYTES_MAX = 65536 };

struct stage {
	struct sim_network *network;
	struct shard *shard;
	struct shard *neighbour; /* a second one that shares UDP ports with it; NULL: there is none */
	const struct shard *still; /* one of the two that does not run; NULL: none */
	struct mailbox *mailboxes[2];
	struct directory directory; /* of the two */
	struct crypto_context *stream_context, *datagram_context; /* of clients */
	uint8_t random_next;
	struct client *clients[8];
	struct fast *fasts[8];
	unsigned client_count, fast_count;
};

struct heard { /* a packet that came */
	int32_t opcode, sequence;
	bool is_success; /* of a login or identity result */
	char payload[16];
};

struct heard_list {
	struct heard items[STAGE_HEARD_MAX];
	unsigned count;
};

struct client {
	struct stage *stage;
	struct address address;
	sim_stream stream;
	struct crypto_session *crypto; /* NULL: plain */
	uint8_t plain[STAGE_BYTES_MAX]; /* read, and not yet understood */
	size_t plain_bytes;
	bool is_upgraded, has_ended, is_silent; /* answers no pings */
	bool is_deaf; /* reads nothing */
	char head[512]; /* what came before the upgrade was answered with 101: a refusal */
	uint16_t close_code;
	char close_text[126];
	int32_t peer_id;
	uint16_t fast_port;
	char connect_token[PROTO_TOKEN_BYTES_MAX + 1];
	struct {
		char token[PROTO_TOKEN_BYTES_MAX + 1];
		bool is_resumed;
		uint32_t window_ms, received, lost;
		uint32_t acknowledged; /* by the server */
		uint32_t heard;        /* messages that count; go on from connection to connection if the test says so */
	} resume;
	struct heard_list heard;
	uint64_t bytes_heard; /* without what TLS adds */
};

struct fast { /* a UDP socket of a client, or of anybody */
	struct stage *stage;
	struct address address;
	int socket;
	uint16_t port; /* whom it talks to */
	struct crypto_session *crypto;
	bool is_over; /* the association ended */
	struct heard_list heard;
	uint64_t bytes_heard; /* of whole datagrams */
	unsigned datagrams_heard; /* of one packet or several */
};

/* Changes the options before the shard is made; NULL: none. */
typedef void stage_options_fn(struct shard_options *options);
void stage_few_hellos(struct shard_options *options); /* of DTLS, a second */

void stage_init(struct stage *stage, enum shard_security_mode security, stage_options_fn *change);
/*
 * With a neighbour. In the simulated network no port can be shared, so each has its own: what is sent to the neighbour's (see stage_neighbours_port) is what chance would have
 * brought there. Nothing steers.
 */
void stage_init_neighbours(struct stage *stage, enum shard_security_mode security, stage_options_fn *change);
/* The same in clear, with the room spread over the two, and a few letters' room between them. */
void stage_init_limbs(struct stage *stage, stage_options_fn *change);
uint16_t stage_neighbours_port(const struct stage *stage, uint16_t port);
void stage_fini(struct stage *stage); /* stops the shard and asserts that nothing is left */
void stage_run_ms(struct stage *stage, uint64_t duration_ms);
struct address stage_address(uint8_t host, uint16_t port);
uint64_t stage_drops(const struct stage *stage, enum drop_reason reason);

void client_connect(struct client *client, struct stage *stage, uint8_t host, bool is_secure);
void client_connect_neighbour(struct client *client, struct stage *stage, uint8_t host); /* in clear, and to the neighbour's port, as if chance had brought it there */
void client_join_neighbour(struct client *client, struct stage *stage, uint8_t host); /* the same, and client_join's steps */
void client_secure(struct client *client); /* what connect does with is_secure */
void client_write(struct client *client, const void *bytes, size_t size);
void client_upgrade(struct client *client);
void client_send(struct client *client, const struct packet *packet);
void client_send_raw(struct client *client, enum websocket_opcode opcode, const void *payload, size_t size);
void client_log_in(struct client *client, const char *token);
void client_log_in_as(struct client *client, const struct packet *login);
void client_join(struct client *client, struct stage *stage, uint8_t host, bool is_secure); /* all of the above, as "dev-room-" */

void fast_open(struct fast *fast, struct client *client, struct address address);
void fast_emit(void *fast, const uint8_t *bytes, size_t size); /* as it is */
void fast_send(struct fast *fast, const struct packet *packet); /* in clear, or in the association */
void fast_say(struct fast *fast, int32_t opcode, int32_t sender, int32_t sequence); /* to the whole session, "x" */
void fast_handshake(struct fast *fast);                         /* DTLS, up to established */
void fast_knock(struct fast *fast);                             /* the first hello of DTLS, whatever was before */
void fast_identify(struct fast *fast, int32_t peer_id, const char *token, int32_t sequence);

unsigned heard_count(const struct heard_list *list, int32_t opcode);
const struct heard *heard_last(const struct heard_list *list, int32_t opcode); /* NULL: never */

#endif
