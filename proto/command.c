#include "proto/command.h"

#include <assert.h>

#include "base/assert.h"
#include "proto/schema.h"

enum { COMMAND_FIRST = PACKET_COMMAND_LOGIN, COMMAND_LAST = PACKET_COMMAND_GROUP_MEMBERSHIP_UPDATE, MEMBERSHIP_PLAYERS = 2 };

/* The membership's list members are laid out as the schema's list, so that the table can point at them. */
#define MEMBERSHIP_OFFSET(member) (offsetof(struct packet, membership.member) - offsetof(struct packet, membership.players))
static_assert(MEMBERSHIP_OFFSET(player_count) == offsetof(struct int32_list, count), "membership is an int32_list");
static_assert(MEMBERSHIP_OFFSET(raw) == offsetof(struct int32_list, raw), "membership is an int32_list");

#define FIELD(kind, member) {FIELD_##kind, offsetof(struct packet, member)}

static const struct field login_fields[] = {
	[1] = FIELD(BYTES, login.player_session_id),
	[2] = FIELD(INT32, login.client_version),
	[16] = FIELD(BOOL, login.may_resume),
	[17] = FIELD(BYTES, login.reconnect_token),
	[18] = FIELD(INT32, login.received),
	[19] = FIELD(BOOL, login.may_merge),
	[20] = FIELD(BOOL, login.no_echo),
};
static const struct field login_result_fields[] = {
	[1] = FIELD(BOOL, login_result.is_success),
	[2] = FIELD(BYTES, login_result.reconnect_token),
	[3] = FIELD(INT32, login_result.peer_id),
	[4] = FIELD(INT32, login_result.fast_port),
	[5] = FIELD(BYTES, login_result.ca_cert),
	[6] = FIELD(BYTES, login_result.connect_token),
	[16] = FIELD(BOOL, login_result.is_resumed),
	[17] = FIELD(INT32, login_result.resume_window_ms),
	[18] = FIELD(INT32, login_result.received),
	[19] = FIELD(INT32, login_result.lost),
	[20] = FIELD(INT32, login_result.merge_bytes),
	[21] = FIELD(BOOL, login_result.no_echo),
};
static const struct field verify_identity_fields[] = {
	[1] = FIELD(INT32, verify_identity.peer_id),
	[2] = FIELD(BYTES, verify_identity.connect_token),
};
static const struct field verify_identity_result_fields[] = {
	[1] = FIELD(BOOL, verify_identity_result.is_success),
	[2] = FIELD(INT32, verify_identity_result.peer_id),
};
static const struct field ping_result_fields[] = {
	[1] = FIELD(INT32, received),
};
static const struct field peer_fields[] = {
	[1] = FIELD(INT32, peer_id),
};
static const struct field group_fields[] = {
	[1] = FIELD(INT32, group),
};
static const struct field membership_fields[] = {
	[1] = FIELD(INT32, membership.group),
	[MEMBERSHIP_PLAYERS] = FIELD(INT32_LIST, membership.players),
};
static const struct field empty_fields[1];

#define COMMAND(name, fields) [PACKET_COMMAND_##name - COMMAND_FIRST] = {fields, ARRAY_COUNT(fields)}

/* Field number 39 is a hole: its fields pointer is NULL. */
static const struct schema commands[COMMAND_LAST - COMMAND_FIRST + 1] = {
	COMMAND(LOGIN, login_fields),
	COMMAND(LOGIN_RESULT, login_result_fields),
	COMMAND(PING, empty_fields),
	COMMAND(PING_RESULT, ping_result_fields),
	COMMAND(UDP_CONNECT, empty_fields),
	COMMAND(PLAYER_CONNECT, peer_fields),
	COMMAND(PLAYER_DISCONNECT, peer_fields),
	COMMAND(VERIFY_IDENTITY, verify_identity_fields),
	COMMAND(VERIFY_IDENTITY_RESULT, verify_identity_result_fields),
	COMMAND(JOIN_GROUP, group_fields),
	COMMAND(LEAVE_GROUP, group_fields),
	COMMAND(REQUEST_GROUP_MEMBERSHIP, group_fields),
	COMMAND(GROUP_MEMBERSHIP_UPDATE, membership_fields),
};

static const struct schema *schema_of(enum packet_command command)
{
	ringcast_assert(ringcast_command_is_known(command));
	return &commands[command - COMMAND_FIRST];
}

bool ringcast_command_is_known(uint32_t field_number)
{
	return field_number >= COMMAND_FIRST && field_number <= COMMAND_LAST && commands[field_number - COMMAND_FIRST].fields != NULL;
}

/* All members of the union share one start; the largest decides how much there is to clear. */
static void clear_command(struct packet *packet)
{
	enum { START = offsetof(struct packet, login) };
	static_assert(START == offsetof(struct packet, membership), "the union begins where each of its members begins");
	memset((uint8_t *)packet + START, 0, sizeof(*packet) - START);
}

bool ringcast_command_decode(enum packet_command command, struct view bytes, struct packet *packet)
{
	/* One view cannot show a list that is split over two updates, so a second update replaces the first; no encoder writes two. */
	if (packet->command != command || command == PACKET_COMMAND_GROUP_MEMBERSHIP_UPDATE)
		clear_command(packet);
	packet->command = command;
	return ringcast_schema_decode(schema_of(command), bytes, packet);
}

size_t ringcast_command_encoded_bytes(const struct packet *packet)
{
	if (packet->command == PACKET_COMMAND_NONE)
		return 0;
	size_t body_bytes = ringcast_schema_encoded_bytes(schema_of(packet->command), packet);
	size_t tag_bytes = ringcast_wire_varint_bytes((uint64_t)packet->command << 3);
	return tag_bytes + ringcast_wire_varint_bytes(body_bytes) + body_bytes;
}

uint8_t *ringcast_command_encode(const struct packet *packet, uint8_t *out)
{
	if (packet->command == PACKET_COMMAND_NONE)
		return out;
	const struct schema *schema = schema_of(packet->command);
	out = ringcast_wire_write_varint(out, (uint64_t)packet->command << 3 | WIRE_BYTES);
	out = ringcast_wire_write_varint(out, ringcast_schema_encoded_bytes(schema, packet));
	return ringcast_schema_encode(schema, packet, out);
}

bool ringcast_packet_membership_next(const struct packet *packet, size_t *cursor, int32_t *ret_peer_id)
{
	ringcast_assert(packet->command == PACKET_COMMAND_GROUP_MEMBERSHIP_UPDATE);
	return ringcast_schema_list_next(packet->membership.raw, MEMBERSHIP_PLAYERS, cursor, ret_peer_id);
}
