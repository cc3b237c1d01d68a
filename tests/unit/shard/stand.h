/*
 * One shard on the simulated network, and clients of the simplest kind: a stream each, which they read or do not. Time is virtual: stand_run is
 * the only thing that lets it pass.
 */
#ifndef TESTS_UNIT_SHARD_STAND_H
#define TESTS_UNIT_SHARD_STAND_H

#include "io/io_sim.h"
#include "shard/shard.h"

enum { STAND_SEATS_MAX = 1024, STAND_TEXT_BYTES = 128, STAND_INPUT_BYTES = 1 << 16 };

struct seat {
	sim_stream stream;
	struct address address;
	int32_t peer_id;       /* 0: not logged in */
	uint64_t messages;     /* game messages read */
	uint64_t bytes;        /* read, of all kinds */
	bool has_no_echo;      /* as the login's result said */
	uint32_t read_per_ms;  /* 0: reads nothing; UINT32_MAX: all there is */
	uint16_t close_code;   /* of the server's close frame */
	char close_text[STAND_TEXT_BYTES];
	uint8_t *input;
	uint32_t input_bytes;
};

struct stand {
	struct sim_network *network;
	struct mailbox *mailbox;
	struct shard *shard;
	struct seat seats[STAND_SEATS_MAX];
	uint32_t seat_count;
};

struct ringcast_limits stand_limits(void); /* the defaults */
/* window_bytes: what a client's socket takes unread. */
void stand_start(struct stand *stand, const struct ringcast_limits *limits, uint32_t window_bytes);
void stand_stop(struct stand *stand); /* all sessions end; checks that nothing is left */

struct session *stand_session(struct stand *stand);
struct seat *stand_connect(struct stand *stand, uint8_t host); /* the stream only */
void stand_upgrade(struct stand *stand, struct seat *seat);
/* Logged in, and reading all there is. */
struct seat *stand_join(struct stand *stand, struct session *session, uint8_t host);
struct seat *stand_join_quiet(struct stand *stand, struct session *session, uint8_t host); /* and without the echo of its own group messages */

void stand_run(struct stand *stand, uint64_t ms);
void stand_write(struct stand *stand, struct seat *seat, enum websocket_opcode opcode, const void *bytes, size_t size); /* masked */
void stand_send(struct stand *stand, struct seat *seat, const struct packet *packet);
/* A game message of so many bytes. */
void stand_say(struct stand *stand, struct seat *seat, int32_t player, int32_t group, size_t size);
/* The same, as a fragmented message whose second half comes 1 ms later. */
void stand_say_in_parts(struct stand *stand, struct seat *seat, int32_t group, size_t size);
/* A fragment that is not the last. */
void stand_write_part(struct stand *stand, struct seat *seat, enum websocket_opcode opcode, const void *bytes, size_t size);
void stand_print(const struct stand *stand); /* what was dropped and closed, for a test that fails */
bool stand_is_open(const struct stand *stand, const struct seat *seat);

#endif
