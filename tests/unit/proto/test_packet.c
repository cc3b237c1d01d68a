/* Golden packets, their truncations, and the rules of protobuf that a hand-written decoder can get wrong. */
#include <criterion/criterion.h>

#include "base/attr.h"
#include "random_packet.h"
#include "vectors.h"

static enum packet_error decode_hex(const char *hex, uint8_t room[PROTO_PACKET_BYTES_MAX], struct packet *ret_packet)
{
	return ringcast_packet_decode(ringcast_view_of(room, vector_bytes(hex, room, PROTO_PACKET_BYTES_MAX)), ret_packet);
}

Test(packet, every_vector_decodes)
{
	for (size_t index = 0; index < vector_count; index++) {
		uint8_t room[PROTO_PACKET_BYTES_MAX];
		struct packet packet;
		cr_assert_eq(decode_hex(vectors[index].hex, room, &packet), PACKET_OK, "%s", vectors[index].name);
		cr_assert(random_packet_is_same(&packet, &vectors[index].packet), "%s", vectors[index].name);
	}
}

Test(packet, every_vector_encodes)
{
	for (size_t index = 0; index < vector_count; index++) {
		uint8_t expected[256], bytes[256];
		size_t size = vector_bytes(vectors[index].hex, expected, sizeof(expected));
		cr_assert_eq(ringcast_packet_encoded_bytes(&vectors[index].packet), size, "%s", vectors[index].name);
		cr_assert_eq(ringcast_packet_encode(&vectors[index].packet, bytes, size), size, "%s", vectors[index].name);
		cr_assert_arr_eq(bytes, expected, size, "%s", vectors[index].name);
		cr_assert_eq(ringcast_packet_encode(&vectors[index].packet, bytes, size - 1), 0, "%s", vectors[index].name);
	}
}

/* Commands that no capture shows, and fields that the captured ones leave out, byte by byte. */
Test(packet, commands_without_a_capture)
{
	static const struct {
		const char *hex;
		struct packet packet;
	} cases[] = {
		{"05 3802 820200", {.client_version = 2, .command = PACKET_COMMAND_PING}},
		{"03 8a0200", {.command = PACKET_COMMAND_PING_RESULT}},
		{"05 9a02020805", {.command = PACKET_COMMAND_PLAYER_CONNECT, .peer_id = 5}},
		{"05 a202020805", {.command = PACKET_COMMAND_PLAYER_DISCONNECT, .peer_id = 5}},
		{"07 b2020408011005", {.command = PACKET_COMMAND_VERIFY_IDENTITY_RESULT, .verify_identity_result = {true, 5}}},
		{"07 fa01042a025045", {.command = PACKET_COMMAND_LOGIN_RESULT, .login_result = {.ca_cert = {(const uint8_t *)"PE", 2}}}},
		{"03 da0200", {.command = PACKET_COMMAND_GROUP_MEMBERSHIP_UPDATE}},
	};
	for (size_t index = 0; index < ARRAY_COUNT(cases); index++) {
		uint8_t room[PROTO_PACKET_BYTES_MAX], again[64];
		struct packet packet;
		size_t size = vector_bytes(cases[index].hex, room, sizeof(room));
		cr_assert_eq(ringcast_packet_decode(ringcast_view_of(room, size), &packet), PACKET_OK, "case %zu", index);
		cr_assert(random_packet_is_same(&packet, &cases[index].packet), "case %zu", index);
		cr_assert_eq(ringcast_packet_encode(&cases[index].packet, again, sizeof(again)), size, "case %zu", index);
		cr_assert_arr_eq(again, room, size, "case %zu", index);
	}
}

Test(packet, every_truncation_is_incomplete)
{
	for (size_t index = 0; index < vector_count; index++) {
		uint8_t bytes[256];
		size_t whole = vector_bytes(vectors[index].hex, bytes, sizeof(bytes));
		for (size_t size = 0; size < whole; size++) {
			struct packet packet = {.opcode = 4711};
			cr_assert_eq(ringcast_packet_decode(ringcast_view_of(bytes, size), &packet), PACKET_INCOMPLETE);
			cr_assert_eq(packet.opcode, 4711, "ret_packet is untouched on failure");
		}
	}
}

/* A body cut short under a prefix that agrees: legal only where a field ends, and then it is what it would be encoded to. */
Test(packet, every_truncated_body_is_malformed_or_canonical)
{
	for (size_t index = 0; index < vector_count; index++) {
		uint8_t bytes[256], again[256];
		size_t whole = vector_bytes(vectors[index].hex, bytes, sizeof(bytes));
		size_t legal_count = 0;
		for (size_t size = 1; size < whole; size++) {
			struct packet packet;
			bytes[0] = (uint8_t)(size - 1);
			enum packet_error error = ringcast_packet_decode(ringcast_view_of(bytes, size), &packet);
			if (error == PACKET_OK) {
				legal_count++;
				cr_assert_eq(ringcast_packet_encode(&packet, again, sizeof(again)), size);
				cr_assert_arr_eq(again, bytes, size);
			} else {
				cr_assert_eq(error, PACKET_MALFORMED);
			}
		}
		cr_assert_lt(legal_count, 8); /* one per field at most */
	}
}

Test(packet, bytes_after_the_packet_are_trailing)
{
	for (size_t index = 0; index < vector_count; index++) {
		uint8_t bytes[256];
		struct packet packet;
		size_t size = vector_bytes(vectors[index].hex, bytes, sizeof(bytes));
		bytes[size] = 0;
		cr_assert_eq(ringcast_packet_decode(ringcast_view_of(bytes, size + 1), &packet), PACKET_TRAILING);
	}
}

/* As a datagram of several packets has them. */
Test(packet, one_behind_the_other_are_split)
{
	uint8_t bytes[8192];
	size_t size = 0, count = 0;
	for (; count < vector_count && size < 4096; count++)
		size += vector_bytes(vectors[count].hex, bytes + size, sizeof(bytes) - size);
	struct view rest = ringcast_view_of(bytes, size), one;
	for (size_t index = 0; index < count; index++) {
		struct packet packet;
		cr_assert(ringcast_packet_split(&rest, &one));
		cr_assert_eq(ringcast_packet_decode(one, &packet), PACKET_OK);
	}
	cr_assert_eq(rest.size, 0);
	cr_assert_not(ringcast_packet_split(&rest, &one));
}

Test(packet, what_is_not_whole_is_not_split_off)
{
	static const uint8_t broken[] = {0x05, 0x08, 0x01}, endless[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, huge[] = {0xff, 0xff, 0xff, 0xff, 0x0f, 0};
	struct view rest = ringcast_view_of(broken, sizeof(broken)), one = {0};
	cr_assert_not(ringcast_packet_split(&rest, &one));
	cr_assert_eq(rest.size, sizeof(broken));
	rest = ringcast_view_of(endless, sizeof(endless));
	cr_assert_not(ringcast_packet_split(&rest, &one));
	rest = ringcast_view_of(huge, sizeof(huge));
	cr_assert_not(ringcast_packet_split(&rest, &one));
	static const uint8_t empty[] = {0, 0};
	rest = ringcast_view_of(empty, sizeof(empty));
	cr_assert(ringcast_packet_split(&rest, &one));
	cr_assert_eq(one.size, 1);
	cr_assert_eq(rest.size, 1);
}

Test(packet, malformed_bodies)
{
	static const struct {
		const char *hex;
		const char *what;
	} bad[] = {
		{"01 08", "a tag without its value"},
		{"01 80", "a tag cut short"},
		{"02 0880", "a value cut short"},
		{"0b 08ffffffffffffffffff02", "a varint beyond 64 bits"},
		{"0c 08ffffffffffffffffff8100", "a varint of eleven bytes"},
		{"02 0001", "field number 0"},
		{"02 0b0c", "a group"},
		{"01 0c", "the end of a group"},
		{"02 0e00", "wire type 6"},
		{"02 0f00", "wire type 7"},
		{"03 7a0261", "a payload that ends behind the packet"},
		{"03 7aff01", "a payload size without payload"},
		{"05 f2010208ff", "a nested value cut short"},
		{"05 f201020a01", "a nested string that ends behind its message"},
		{"05 f201030802", "a command that ends behind the packet"},
		{"08 f201030a0361 1000", "a nested string that reaches into the next field"},
		{"04 f2010100", "nested field number 0"},
		{"05 9202020b0c", "a group inside an empty command"},
		{"06 da0203120180", "a packed varint cut short"},
		{"06 da0203120201", "a packed run that ends behind its message"},
		{"04 0d000000", "a fixed32 cut short"},
		{"08 09 00000000000000", "a fixed64 cut short"},
	};
	for (size_t index = 0; index < ARRAY_COUNT(bad); index++) {
		uint8_t room[PROTO_PACKET_BYTES_MAX];
		struct packet packet = {.opcode = 4711};
		enum packet_error error = decode_hex(bad[index].hex, room, &packet);
		cr_assert_eq(error, PACKET_MALFORMED, "%s: %s", bad[index].what, ringcast_packet_error_text(error));
		cr_assert_eq(packet.opcode, 4711);
	}
}

Test(packet, length_prefix_at_its_limits)
{
	static uint8_t bytes[PROTO_PACKET_BYTES_MAX + 1];
	struct packet packet;
	uint8_t room[PROTO_PACKET_BYTES_MAX];
	/* A payload that makes the packet exactly as large as it may be: prefix 3, tag 1, length 2 or 3. */
	struct packet large = {.opcode = 0, .payload = {bytes, PROTO_PACKET_BYTES_MAX - 6}};
	static uint8_t encoded[PROTO_PACKET_BYTES_MAX + 16];
	size_t size = ringcast_packet_encode(&large, encoded, sizeof(encoded));
	cr_assert_leq(size, PROTO_PACKET_BYTES_MAX);
	cr_assert_geq(size, PROTO_PACKET_BYTES_MAX - 2);
	cr_assert_eq(ringcast_packet_decode(ringcast_view_of(encoded, size), &packet), PACKET_OK);
	cr_assert_eq(packet.payload.size, PROTO_PACKET_BYTES_MAX - 6);

	large.payload.size += PROTO_PACKET_BYTES_MAX - size + 1;
	size = ringcast_packet_encode(&large, encoded, sizeof(encoded));
	cr_assert_eq(ringcast_packet_decode(ringcast_view_of(encoded, size), &packet), PACKET_TOO_LARGE);

	cr_assert_eq(decode_hex("fe7f", room, &packet), PACKET_INCOMPLETE);
	cr_assert_eq(decode_hex("808001", room, &packet), PACKET_TOO_LARGE);
	cr_assert_eq(decode_hex("ffffffffffffffffff01", room, &packet), PACKET_TOO_LARGE);
	cr_assert_eq(decode_hex("ffffffffffffffffff02", room, &packet), PACKET_MALFORMED);
	cr_assert_eq(decode_hex("ffffffffffffffffff", room, &packet), PACKET_INCOMPLETE);
}

Test(packet, empty_packet_is_legal)
{
	uint8_t room[PROTO_PACKET_BYTES_MAX];
	struct packet packet;
	static const struct packet empty;
	cr_assert_eq(decode_hex("00", room, &packet), PACKET_OK);
	cr_assert(random_packet_is_same(&packet, &empty));
	cr_assert_eq(ringcast_packet_decode(ringcast_view_of(NULL, 0), &packet), PACKET_INCOMPLETE);
}

Test(packet, unknown_fields_are_skipped_everywhere)
{
	uint8_t room[PROTO_PACKET_BYTES_MAX];
	struct packet packet;
	/* field 8 varint, 9 fixed64, 100 bytes, 20 fixed32, 39 bytes, between known ones; inside login: field 9. */
	cr_assert_eq(decode_hex("2d 0814 40ffff03 490102030405060708 a20603616263 a50101020304 ba020102 f20108 480a 0a0178 4a0179 7a0161",
				room, &packet), PACKET_OK);
	cr_assert_eq(packet.opcode, 10);
	cr_assert_eq(packet.command, PACKET_COMMAND_LOGIN);
	cr_assert_eq(packet.login.player_session_id.size, 1);
	cr_assert_eq(packet.login.player_session_id.data[0], 'x');
	cr_assert_eq(packet.payload.size, 1);
}

Test(packet, known_field_in_a_foreign_wire_type_is_unknown)
{
	uint8_t room[PROTO_PACKET_BYTES_MAX];
	struct packet packet;
	/* opCode as fixed32, payload as varint, login as varint */
	cr_assert_eq(decode_hex("0a 0d01020304 7805 f00101", room, &packet), PACKET_OK);
	cr_assert_eq(packet.opcode, 0);
	cr_assert_eq(packet.payload.size, 0);
	cr_assert_eq(packet.command, PACKET_COMMAND_NONE);
}

Test(packet, last_scalar_wins_and_low_bits_count)
{
	uint8_t room[PROTO_PACKET_BYTES_MAX];
	struct packet packet;
	cr_assert_eq(decode_hex("06 080208041005", room, &packet), PACKET_OK);
	cr_assert_eq(packet.opcode, 2);
	cr_assert_eq(packet.sequence, 5);
	cr_assert_eq(decode_hex("09 10 85808080f001 3000", room, &packet), PACKET_OK);
	cr_assert_eq(packet.sequence, 5, "bits above the 32nd are cut");
	cr_assert_not(packet.is_reliable);
	cr_assert_eq(decode_hex("06 308080808010", room, &packet), PACKET_OK);
	cr_assert(packet.is_reliable, "any bit of the varint makes a bool true");
}

Test(packet, repeated_command_merges_and_another_replaces)
{
	uint8_t room[PROTO_PACKET_BYTES_MAX];
	struct packet packet;
	cr_assert_eq(decode_hex("0b f201030a0178 f201021002", room, &packet), PACKET_OK);
	cr_assert_eq(packet.login.player_session_id.size, 1);
	cr_assert_eq(packet.login.client_version, 2);
	cr_assert_eq(decode_hex("0b f201030a0178 c202020807", room, &packet), PACKET_OK);
	cr_assert_eq(packet.command, PACKET_COMMAND_JOIN_GROUP);
	cr_assert_eq(packet.group, 7);
	/* Away and back: what the first login said is gone. */
	cr_assert_eq(decode_hex("0e f201030a0178 920200 f201021002", room, &packet), PACKET_OK);
	cr_assert_eq(packet.login.player_session_id.size, 0);
	cr_assert_eq(packet.login.client_version, 2);
	/* Two updates: the second stands alone. */
	cr_assert_eq(decode_hex("10 da0205080712010a da020512030b0c0d", room, &packet), PACKET_OK);
	cr_assert_eq(packet.membership.group, 0);
	cr_assert_eq(packet.membership.player_count, 3);
}

Test(packet, players_come_packed_or_not_or_both)
{
	static const char *const forms[] = {
		"0c da0209 0807 12050102ff7f05",
		"10 da020d 1001 1002 0807 10ff7f 1200 1005",
		"13 da0210 12020102 0807 4801 10ff7f 120105 1200",
	};
	static const int32_t expected[] = {1, 2, 16383, 5};
	const struct packet same = {.command = PACKET_COMMAND_GROUP_MEMBERSHIP_UPDATE,
				    .membership = {.group = 7, .players = expected, .player_count = ARRAY_COUNT(expected)}};
	for (size_t form = 0; form < ARRAY_COUNT(forms); form++) {
		uint8_t room[PROTO_PACKET_BYTES_MAX], again[64];
		struct packet packet;
		cr_assert_eq(decode_hex(forms[form], room, &packet), PACKET_OK);
		cr_assert(random_packet_is_same(&packet, &same), "form %zu", form);
		/* Encoding what was decoded writes the packed form, whatever the form read. */
		uint8_t canonical[64];
		size_t size = vector_bytes(forms[0], canonical, sizeof(canonical));
		cr_assert_eq(ringcast_packet_encode(&packet, again, sizeof(again)), size);
		cr_assert_arr_eq(again, canonical, size);
	}
}

Test(packet, membership_without_players_is_empty)
{
	uint8_t room[PROTO_PACKET_BYTES_MAX];
	struct packet packet;
	size_t cursor = 0;
	int32_t player;
	cr_assert_eq(decode_hex("03 da0200", room, &packet), PACKET_OK);
	cr_assert_eq(packet.membership.player_count, 0);
	cr_assert_not(ringcast_packet_membership_next(&packet, &cursor, &player));
	cr_assert_not(ringcast_packet_membership_next(&packet, &cursor, &player), "the end stays the end");
}

Test(packet, random_packets_round_trip)
{
	struct prng prng;
	ringcast_prng_init(&prng, 20260101);
	for (unsigned round = 0; round < 20000; round++) {
		static struct random_packet random;
		static uint8_t bytes[PROTO_PACKET_BYTES_MAX];
		struct packet packet;
		random_packet_draw(&prng, &random);
		size_t size = ringcast_packet_encode(&random.packet, bytes, sizeof(bytes));
		cr_assert_gt(size, 0);
		cr_assert_eq(size, ringcast_packet_encoded_bytes(&random.packet));
		cr_assert_eq(ringcast_packet_decode(ringcast_view_of(bytes, size), &packet), PACKET_OK, "round %u", round);
		cr_assert(random_packet_is_same(&packet, &random.packet), "round %u", round);
		size_t cut = ringcast_prng_below(&prng, size);
		cr_assert_eq(ringcast_packet_decode(ringcast_view_of(bytes, cut), &packet), PACKET_INCOMPLETE);
	}
}

/* Start, rest and payload too. */
static void check_parts(const struct packet *packet, const uint8_t *expected, size_t size)
{
	uint8_t start[PACKET_START_BYTES_MAX], rest[PROTO_PACKET_OVERHEAD_BYTES_MAX];
	size_t rest_bytes = ringcast_packet_encode_rest(packet->target_player, packet->target_group, packet->sender, packet->payload.size, rest);
	size_t start_bytes = ringcast_packet_encode_start(packet->opcode, packet->sequence, rest_bytes + packet->payload.size, start);
	cr_assert_leq(start_bytes, sizeof(start));
	cr_assert_leq(start_bytes + rest_bytes, PROTO_PACKET_OVERHEAD_BYTES_MAX);
	cr_assert_eq(start_bytes + rest_bytes + packet->payload.size, size);
	cr_assert_arr_eq(start, expected, start_bytes);
	cr_assert_arr_eq(rest, expected + start_bytes, rest_bytes);
}

/* The head and the payload behind it against the general encoder. */
static void check_head(const struct packet *packet)
{
	static uint8_t expected[PROTO_PACKET_BYTES_MAX * 8];
	uint8_t head[PROTO_PACKET_OVERHEAD_BYTES_MAX];
	size_t size = ringcast_packet_encode(packet, expected, sizeof(expected));
	size_t head_bytes = ringcast_packet_encode_head(packet->opcode, packet->sequence, packet->target_player, packet->target_group,
							packet->sender, packet->is_reliable, packet->payload.size, head);
	cr_assert_leq(head_bytes, sizeof(head));
	cr_assert_eq(head_bytes + packet->payload.size, size);
	cr_assert_arr_eq(head, expected, head_bytes);
	if (!packet->is_reliable)
		check_parts(packet, expected, size);
}

Test(packet, head_equals_encode_for_every_small_payload_size)
{
	static uint8_t payload[70000];
	static const struct packet shapes[] = {
		{.opcode = 10},
		{.opcode = 10, .sequence = 300, .target_player = 7, .sender = 3},
		{.opcode = -500, .sequence = 70000, .target_group = -1, .sender = -1, .is_reliable = true},
		{.opcode = INT32_MIN, .sequence = -1, .target_player = -1, .target_group = INT32_MIN, .sender = INT32_MIN, .is_reliable = true},
		{.opcode = INT32_MIN, .sequence = INT32_MIN, .target_player = -1, .target_group = INT32_MIN, .sender = INT32_MIN},
		{.opcode = 0},
	};
	for (size_t index = 0; index < ARRAY_COUNT(shapes); index++) {
		struct packet packet = shapes[index];
		for (size_t size = 0; size <= 4200; size++) {
			packet.payload = ringcast_view_of(payload, size);
			check_head(&packet);
		}
		for (size_t size = 16200; size <= 16500; size++) {
			packet.payload = ringcast_view_of(payload, size);
			check_head(&packet);
		}
		packet.payload = ringcast_view_of(payload, sizeof(payload));
		check_head(&packet);
	}
}

Test(packet, head_equals_encode_for_random_packets)
{
	struct prng prng;
	ringcast_prng_init(&prng, 7);
	for (unsigned round = 0; round < 50000; round++) {
		static struct random_packet random;
		random_packet_draw(&prng, &random);
		random.packet.command = PACKET_COMMAND_NONE;
		random.packet.client_version = 0;
		check_head(&random.packet);
	}
}

Test(packet, every_error_has_its_own_text)
{
	for (enum packet_error a = PACKET_OK; a <= PACKET_TOO_LARGE; a++) {
		for (enum packet_error b = PACKET_OK; b < a; b++)
			cr_assert_str_neq(ringcast_packet_error_text(a), ringcast_packet_error_text(b));
	}
}
