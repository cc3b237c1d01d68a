#include "vectors.h"

#include "base/assert.h"
#include "base/attr.h"

#define TEXT(text) {(const uint8_t *)(text), sizeof(text) - 1}
#define MINUS_ONE "ffffffffffffffffff01"

static const int32_t two_players[] = {1, 2};

const struct vector vectors[] = {
	{
		.name = "login",
		.hex = "2d 18" MINUS_ONE "3001 7a0d 68656c6c6f2d7061796c6f6164 f2010e 0a0a 70736573732d31323334 1002",
		.packet = {.opcode = OPCODE_LOGIN, .target_player = PROTO_PEER_SERVER, .is_reliable = true, .payload = TEXT("hello-payload"),
			   .command = PACKET_COMMAND_LOGIN, .login = {TEXT("psess-1234"), PROTO_CLIENT_VERSION}},
	},
	{
		.name = "login-js",
		.hex = "27 18" MINUS_ONE "20" MINUS_ONE "3001 f2010c 0a08 70736573732d6a73 1002",
		.packet = {.opcode = OPCODE_LOGIN, .target_player = PROTO_PEER_SERVER, .target_group = PROTO_GROUP_ALL, .is_reliable = true,
			   .command = PACKET_COMMAND_LOGIN, .login = {TEXT("psess-js"), PROTO_CLIENT_VERSION}},
	},
	{
		.name = "login-result",
		.hex = "38 0801 1801 28" MINUS_ONE "3001 fa0124 0801 120d 7265636f6e6e6563742d746f6b 1801 20f98402 320b 636f6e6e6563742d746f6b",
		.packet = {.opcode = OPCODE_LOGIN_RESPONSE, .target_player = 1, .sender = PROTO_PEER_SERVER, .is_reliable = true,
			   .command = PACKET_COMMAND_LOGIN_RESULT,
			   .login_result = {.is_success = true, .peer_id = 1, .fast_port = 33401, .reconnect_token = TEXT("reconnect-tok"),
					    .connect_token = TEXT("connect-tok")}},
	},
	{
		.name = "udp-hello",
		.hex = "12 0809 18" MINUS_ONE "2801 920200",
		.packet = {.opcode = OPCODE_UDP_CONNECT, .target_player = PROTO_PEER_SERVER, .sender = 1,
			   .command = PACKET_COMMAND_UDP_CONNECT},
	},
	{
		.name = "udp-server-ack",
		.hex = "12 080b 1801 28" MINUS_ONE "920200",
		.packet = {.opcode = OPCODE_UDP_CONNECT_SERVER_ACK, .target_player = 1, .sender = PROTO_PEER_SERVER,
			   .command = PACKET_COMMAND_UDP_CONNECT},
	},
	{
		.name = "udp-client-ack",
		.hex = "14 080d 1001 18" MINUS_ONE "2801 920200",
		.packet = {.opcode = OPCODE_UDP_CONNECT_CLIENT_ACK, .sequence = 1, .target_player = PROTO_PEER_SERVER, .sender = 1,
			   .command = PACKET_COMMAND_UDP_CONNECT},
	},
	{
		.name = "message-fast",
		.hex = "18 0814 1002 18" MINUS_ONE "2801 7a05 6661737431",
		.packet = {.opcode = 10, .sequence = 2, .target_player = PROTO_PEER_SERVER, .sender = 1, .payload = TEXT("fast1")},
	},
	{
		.name = "message-group",
		.hex = "11 0818 1003 20" MINUS_ONE "2801",
		.packet = {.opcode = 12, .sequence = 3, .target_group = PROTO_GROUP_ALL, .sender = 1},
	},
	{
		.name = "message-reliable",
		.hex = "17 0816 18" MINUS_ONE "2801 3001 7a04 72656c31",
		.packet = {.opcode = 11, .target_player = PROTO_PEER_SERVER, .sender = 1, .is_reliable = true, .payload = TEXT("rel1")},
	},
	{
		.name = "join-group",
		.hex = "16 0813 1007 18" MINUS_ONE "2801 c20202 0807",
		.packet = {.opcode = OPCODE_JOIN_GROUP, .sequence = 7, .target_player = PROTO_PEER_SERVER, .sender = 1,
			   .command = PACKET_COMMAND_JOIN_GROUP, .group = 7},
	},
	{
		.name = "request-membership",
		.hex = "16 0817 1008 18" MINUS_ONE "2801 d20202 0807",
		.packet = {.opcode = OPCODE_REQUEST_GROUP_MEMBERSHIP, .sequence = 8, .target_player = PROTO_PEER_SERVER, .sender = 1,
			   .command = PACKET_COMMAND_REQUEST_GROUP_MEMBERSHIP, .group = 7},
	},
	{
		.name = "leave-group",
		.hex = "16 0815 1009 18" MINUS_ONE "2801 ca0202 0807",
		.packet = {.opcode = OPCODE_LEAVE_GROUP, .sequence = 9, .target_player = PROTO_PEER_SERVER, .sender = 1,
			   .command = PACKET_COMMAND_LEAVE_GROUP, .group = 7},
	},
	{
		.name = "membership-update",
		.hex = "1a 0819 1801 28" MINUS_ONE "3001 da0206 0807 12020102",
		.packet = {.opcode = OPCODE_GROUP_MEMBERSHIP_UPDATE, .target_player = 1, .sender = PROTO_PEER_SERVER, .is_reliable = true,
			   .command = PACKET_COMMAND_GROUP_MEMBERSHIP_UPDATE,
			   .membership = {.group = 7, .players = two_players, .player_count = 2}},
	},
	{
		.name = "verify-identity",
		.hex = "25 081b 2801 7a0d 68656c6c6f2d7061796c6f6164 aa020f 0801 120b 636f6e6e6563742d746f6b",
		.packet = {.opcode = OPCODE_VERIFY_IDENTITY, .sender = 1, .payload = TEXT("hello-payload"),
			   .command = PACKET_COMMAND_VERIFY_IDENTITY, .verify_identity = {1, TEXT("connect-tok")}},
	},
};
const size_t vector_count = ARRAY_COUNT(vectors);

static unsigned digit_of(char character)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = strchr(digits, character);
	ringcast_assert(character != '\0' && found != NULL);
	return (unsigned)(found - digits);
}

size_t vector_bytes(const char *hex, uint8_t *out, size_t capacity_bytes)
{
	size_t size = 0;
	while (*hex != '\0') {
		if (*hex == ' ') {
			hex++;
			continue;
		}
		ringcast_assert(size < capacity_bytes);
		unsigned high = digit_of(hex[0]);
		out[size++] = (uint8_t)(high << 4 | digit_of(hex[1]));
		hex += 2;
	}
	return size;
}
