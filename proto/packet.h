/*
 * The Realtime Packet: one protobuf message, always preceded by its varint length, on WebSocket and UDP alike.
 * Source: decoded descriptor of the C# Realtime client SDK 1.2.0; vectors in tests/unit/proto.
 *
 * Decoding never allocates and never copies: views point into the caller's bytes. Unknown fields are skipped. The last value
 * of a repeated scalar wins, as protobuf says. Decoding validates the whole packet before it returns true.
 */
#ifndef RINGCAST_PROTO_PACKET_H
#define RINGCAST_PROTO_PACKET_H

#include "base/types.h"
#include "proto/limits.h"

enum opcode {
#define OPCODE(name, number, from_client, from_server, text) OPCODE_##name = (number),
#include "proto/opcode.def"
#undef OPCODE
};

/* Which member of the packet's oneof is set; the values are the protobuf field numbers. */
enum packet_command {
	PACKET_COMMAND_NONE = 0,
	PACKET_COMMAND_LOGIN = 30,
	PACKET_COMMAND_LOGIN_RESULT = 31,
	PACKET_COMMAND_PING = 32,
	PACKET_COMMAND_PING_RESULT = 33,
	PACKET_COMMAND_UDP_CONNECT = 34,
	PACKET_COMMAND_PLAYER_CONNECT = 35,
	PACKET_COMMAND_PLAYER_DISCONNECT = 36,
	PACKET_COMMAND_VERIFY_IDENTITY = 37,
	PACKET_COMMAND_VERIFY_IDENTITY_RESULT = 38,
	PACKET_COMMAND_JOIN_GROUP = 40,
	PACKET_COMMAND_LEAVE_GROUP = 41,
	PACKET_COMMAND_REQUEST_GROUP_MEMBERSHIP = 42,
	PACKET_COMMAND_GROUP_MEMBERSHIP_UPDATE = 43,
};

struct packet {
	int32_t opcode;
	int32_t sequence; /* datagrams only; 0 on WebSocket */
	int32_t target_player;
	int32_t target_group;
	int32_t sender;
	int32_t client_version;
	bool is_reliable;
	enum packet_command command;
	struct view payload;
	union {
		struct { struct view player_session_id; int32_t client_version; bool may_resume; struct view reconnect_token; int32_t received; bool may_merge, no_echo; } login;
		struct {
			bool is_success;
			int32_t peer_id;
			int32_t fast_port;
			struct view reconnect_token, ca_cert, connect_token;
			bool is_resumed;
			int32_t resume_window_ms, received, lost; /* counts of messages wrap: only differences mean something */
			int32_t merge_bytes; /* of a datagram with several packets; 0: each has its own */
			bool no_echo;        /* its own group messages do not come back */
		} login_result;
		struct { int32_t peer_id; struct view connect_token; } verify_identity;
		struct { bool is_success; int32_t peer_id; } verify_identity_result;
		int32_t received; /* ping result, which acknowledges */
		int32_t peer_id; /* player connect, player disconnect */
		int32_t group;   /* join, leave, request membership */
		struct {
			int32_t group;
			const int32_t *players; /* encode: the caller's array; decode: NULL, and the players are in raw */
			uint32_t player_count;
			struct view raw; /* decode: the submessage; iterate with ringcast_packet_membership_next */
		} membership;
	};
};

enum packet_error {
	PACKET_OK = 0,
	PACKET_INCOMPLETE,  /* stream use: more bytes needed */
	PACKET_MALFORMED,   /* bad varint, wire type, length beyond the bytes, field number 0 */
	PACKET_TRAILING,    /* a datagram or WebSocket message holds bytes after the packet */
	PACKET_TOO_LARGE,   /* length prefix above PROTO_PACKET_BYTES_MAX */
};

/* Decodes exactly one length-prefixed packet that fills bytes wholly. ret_packet is untouched on failure. */
enum packet_error ringcast_packet_decode(struct view bytes, struct packet *ret_packet);
/*
 * A merged datagram is packets one behind the other. Takes the first one off *bytes, to be decoded by itself; false, and nothing is changed, when what is
 * left does not begin with a whole one. Each takes a byte at least, so this ends.
 */
bool ringcast_packet_split(struct view *bytes, struct view *ret_packet);
const char *ringcast_packet_error_text(enum packet_error error);

/* Encodes with length prefix; zero, false and empty fields are left out. Returns the size, 0 when capacity is too small. */
size_t ringcast_packet_encode(const struct packet *packet, uint8_t *out, size_t capacity_bytes);
size_t ringcast_packet_encoded_bytes(const struct packet *packet); /* exact */

/*
 * The hot path: a game message for many receivers of which only sequence and target_player differ. The head holds what comes
 * before the payload bytes; the payload is shared. Result is byte for byte what ringcast_packet_encode would produce.
 * Returns the head's size (<= PROTO_PACKET_OVERHEAD_BYTES_MAX).
 */
size_t ringcast_packet_encode_head(int32_t opcode, int32_t sequence, int32_t target_player, int32_t target_group, int32_t sender,
				   bool is_reliable, size_t payload_bytes, uint8_t out[PROTO_PACKET_OVERHEAD_BYTES_MAX]);

enum { PACKET_START_BYTES_MAX = 32 }; /* length prefix, op code and sequence */

/*
 * The same in two parts, for datagrams, of which each receiver's has a number of its own: the rest is what does not depend on the number, written
 * once, with the payload behind it; the start goes before it. rest_bytes counts the payload too. Both return their size.
 */
size_t ringcast_packet_encode_rest(int32_t target_player, int32_t target_group, int32_t sender, size_t payload_bytes, uint8_t out[PROTO_PACKET_OVERHEAD_BYTES_MAX]);
size_t ringcast_packet_encode_start(int32_t opcode, int32_t sequence, size_t rest_bytes, uint8_t out[PACKET_START_BYTES_MAX]);

/* Iterates the players of a decoded membership update (packed or not). *cursor starts at 0. False at the end. */
bool ringcast_packet_membership_next(const struct packet *packet, size_t *cursor, int32_t *ret_peer_id);

#endif
