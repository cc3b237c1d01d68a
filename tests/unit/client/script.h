/* A scripted server for one client core: it collects what the core sends, and answers with real frames and packets. No sockets. */
#ifndef RINGCAST_TESTS_CLIENT_SCRIPT_H
#define RINGCAST_TESTS_CLIENT_SCRIPT_H

#include "proto/clients/c/core.h"

enum { SCRIPT_BYTES_MAX = 65536, SCRIPT_DATAGRAMS_MAX = 32, SCRIPT_DATAGRAM_BYTES_MAX = 2048 };

/* core comes first; the ops find their script by it. */
struct script {
	struct client_core core;
	uint64_t now_ns;
	uint8_t out[SCRIPT_BYTES_MAX]; /* what the core sent on the stream and nobody has taken */
	size_t out_bytes;
	uint8_t datagrams[SCRIPT_DATAGRAMS_MAX][SCRIPT_DATAGRAM_BYTES_MAX];
	size_t datagram_bytes[SCRIPT_DATAGRAMS_MAX];
	size_t datagram_count;
	bool is_stream_full, is_datagram_refused, is_fast_refused;
	int logged_in_count, fast_up_count, fast_failed_count, fast_silent_count, closed_count, membership_count;
	int message_count;
	int32_t last_opcode, last_sender;
	bool was_last_fast;
	uint8_t last_payload[4096];
	size_t last_payload_bytes;
	int32_t members[16];
	size_t member_count;
	int dropped_count, resumed_count;
	uint32_t lost;
	uint16_t fast_port, close_code;
	char close_reason[128];
};

extern uint64_t script_keepalive_ns; /* of scripts that start from now on; 0: none */

void script_start(struct script *script, const char *token, const char *payload, bool is_udp_off);
/* The same with what is under the ops encrypted: the script plays the part that comes behind TLS and DTLS. */
void script_start_secure(struct script *script, const char *token, const char *payload);
void script_start_resumable(struct script *script, size_t kept_bytes_max);
void script_fini(struct script *script);
/* Answers the upgrade, and takes the login away. */
void script_upgrade(struct script *script);
/* script_upgrade and a login result with this peer id and port. */
void script_login(struct script *script, int32_t peer_id, int32_t fast_port);
/* And the server takes several packets in a datagram, and sends so many bytes in one. */
void script_login_merging(struct script *script, int32_t merge_bytes);
/* Gives bytes to the core, step at a time (0: at once), as a reader would. */
void script_feed(struct script *script, const uint8_t *bytes, size_t size, size_t step);
void script_feed_frame(struct script *script, enum websocket_opcode opcode, bool is_final, const void *payload, size_t size);
void script_feed_packet(struct script *script, const struct packet *packet);
void script_feed_datagram(struct script *script, const struct packet *packet);
/* The server's answer to a hello. */
void script_feed_ack(struct script *script, int32_t sequence);
/* Takes one frame that the core sent, unmasked; asserts that it is whole and masked. */
struct websocket_frame script_take_frame(struct script *script);
void script_advance(struct script *script, uint64_t ns);

#endif
