#include "proto/packet.h"

#include "base/assert.h"
#include "proto/command.h"
#include "proto/schema.h"

enum { PAYLOAD_NUMBER = 15 };
#define TAG(number, type) (uint8_t)((number) << 3 | (type))

#define FIELD(kind, member) {FIELD_##kind, offsetof(struct packet, member)}
static const struct field packet_fields[] = {
	[1] = FIELD(SINT32, opcode),
	[2] = FIELD(INT32, sequence),
	[3] = FIELD(INT32, target_player),
	[4] = FIELD(INT32, target_group),
	[5] = FIELD(INT32, sender),
	[6] = FIELD(BOOL, is_reliable),
	[7] = FIELD(INT32, client_version),
	[PAYLOAD_NUMBER] = FIELD(BYTES, payload),
};
static const struct schema packet_schema = {packet_fields, ARRAY_COUNT(packet_fields)};

bool ringcast_packet_split(struct view *bytes, struct view *ret_packet)
{
	struct wire_cursor cursor = ringcast_wire_cursor_of(*bytes);
	uint64_t body_bytes;
	if (!ringcast_wire_read_varint(&cursor, &body_bytes) || body_bytes > ringcast_wire_left_bytes(&cursor))
		return false;
	size_t size = bytes->size - ringcast_wire_left_bytes(&cursor) + (size_t)body_bytes;
	*ret_packet = ringcast_view_of(bytes->data, size);
	*bytes = ringcast_view_of(bytes->data + size, bytes->size - size);
	return true;
}

/* The length prefix must be whole, fit the limit, and cover exactly the bytes that follow it. */
static enum packet_error split_prefix(struct view bytes, struct view *ret_body)
{
	struct wire_cursor cursor = ringcast_wire_cursor_of(bytes);
	uint64_t body_bytes;
	if (!ringcast_wire_read_varint(&cursor, &body_bytes))
		return bytes.size < WIRE_VARINT_BYTES_MAX ? PACKET_INCOMPLETE : PACKET_MALFORMED;
	size_t left_bytes = ringcast_wire_left_bytes(&cursor);
	if (body_bytes > PROTO_PACKET_BYTES_MAX - (bytes.size - left_bytes))
		return PACKET_TOO_LARGE;
	if (body_bytes > left_bytes)
		return PACKET_INCOMPLETE;
	if (body_bytes < left_bytes)
		return PACKET_TRAILING;
	*ret_body = ringcast_view_of(cursor.at, left_bytes);
	return PACKET_OK;
}

static bool decode_field(struct wire_cursor *cursor, struct view body, struct packet *packet)
{
	struct wire_tag tag;
	if (!ringcast_wire_read_tag(cursor, &tag))
		return false;
	if (tag.type != WIRE_BYTES || !ringcast_command_is_known(tag.number))
		return ringcast_schema_decode_field(&packet_schema, cursor, tag, body, packet);
	struct view command;
	return ringcast_wire_read_bytes(cursor, &command) && ringcast_command_decode((enum packet_command)tag.number, command, packet);
}

enum packet_error ringcast_packet_decode(struct view bytes, struct packet *ret_packet)
{
	ringcast_assert(ret_packet != NULL);
	ringcast_assert(bytes.data != NULL || bytes.size == 0);
	struct view body;
	enum packet_error error = split_prefix(bytes, &body);
	if (error != PACKET_OK)
		return error;
	struct packet packet;
	memset(&packet, 0, sizeof(packet)); /* an initializer clears one union member only */
	struct wire_cursor cursor = ringcast_wire_cursor_of(body);
	while (cursor.at < cursor.end) {
		if (!decode_field(&cursor, body, &packet))
			return PACKET_MALFORMED;
	}
	*ret_packet = packet;
	return PACKET_OK;
}

const char *ringcast_packet_error_text(enum packet_error error)
{
	switch (error) {
	case PACKET_OK:
		return "ok";
	case PACKET_INCOMPLETE:
		return "packet is cut short";
	case PACKET_MALFORMED:
		return "packet is malformed";
	case PACKET_TRAILING:
		return "bytes follow the packet";
	case PACKET_TOO_LARGE:
		return "packet is too large";
	}
	ringcast_unreachable("packet error");
}

static size_t body_bytes_of(const struct packet *packet)
{
	return ringcast_schema_encoded_bytes(&packet_schema, packet) + ringcast_command_encoded_bytes(packet);
}

size_t ringcast_packet_encoded_bytes(const struct packet *packet)
{
	size_t body_bytes = body_bytes_of(packet);
	return ringcast_wire_varint_bytes(body_bytes) + body_bytes;
}

size_t ringcast_packet_encode(const struct packet *packet, uint8_t *out, size_t capacity_bytes)
{
	ringcast_assert(packet->payload.data != NULL || packet->payload.size == 0);
	size_t body_bytes = body_bytes_of(packet);
	size_t size = ringcast_wire_varint_bytes(body_bytes) + body_bytes;
	if (size > capacity_bytes)
		return 0;
	uint8_t *end = ringcast_wire_write_varint(out, body_bytes);
	end = ringcast_schema_encode(&packet_schema, packet, end);
	end = ringcast_command_encode(packet, end);
	ringcast_assert((size_t)(end - out) == size);
	return size;
}

/* A 32-bit varint: sequence numbers, ids and lengths take one or two bytes nearly always. */
static inline uint8_t *put_uint32(uint8_t *out, uint32_t value)
{
	if (LIKELY(value < 0x80)) {
		out[0] = (uint8_t)value;
		return out + 1;
	}
	out[0] = (uint8_t)(value | 0x80);
	if (LIKELY(value < 0x4000)) {
		out[1] = (uint8_t)(value >> 7);
		return out + 2;
	}
	return ringcast_wire_write_varint(out + 1, value >> 7);
}

/* A negative int32, sign-extended: ten bytes, of which the last five are always the same. */
static inline uint8_t *put_negative(uint8_t *out, uint32_t value)
{
	static const uint8_t sign[5] = {0xff, 0xff, 0xff, 0xff, 0x01};
	out[0] = (uint8_t)(value | 0x80);
	out[1] = (uint8_t)(value >> 7 | 0x80);
	out[2] = (uint8_t)(value >> 14 | 0x80);
	out[3] = (uint8_t)(value >> 21 | 0x80);
	out[4] = (uint8_t)(value >> 28 | 0xf0);
	memcpy(out + 5, sign, sizeof(sign));
	return out + WIRE_VARINT_BYTES_MAX;
}

/* An int32 field, left out when zero. */
static inline uint8_t *put_int32_field(uint8_t *out, uint8_t tag, int32_t value)
{
	if (value == 0)
		return out;
	out[0] = tag;
	return value > 0 ? put_uint32(out + 1, (uint32_t)value) : put_negative(out + 1, (uint32_t)value);
}

/* The size of the length prefix, guessed from the payload: right unless the packet stands close to 128 or 16384 bytes. */
static size_t guess_prefix_bytes(size_t payload_bytes)
{
	return payload_bytes < 104 ? 1 : payload_bytes < 16384 - 24 ? 2 : ringcast_wire_varint_bytes(payload_bytes);
}

static inline uint8_t *put_start(uint8_t *out, int32_t opcode, int32_t sequence)
{
	if (opcode != 0) {
		*out++ = TAG(1, WIRE_VARINT);
		out = put_uint32(out, ringcast_wire_of_sint32(opcode));
	}
	return put_int32_field(out, TAG(2, WIRE_VARINT), sequence);
}

static inline uint8_t *put_targets(uint8_t *out, int32_t target_player, int32_t target_group, int32_t sender)
{
	out = put_int32_field(out, TAG(3, WIRE_VARINT), target_player);
	out = put_int32_field(out, TAG(4, WIRE_VARINT), target_group);
	return put_int32_field(out, TAG(5, WIRE_VARINT), sender);
}

static inline uint8_t *put_payload_size(uint8_t *out, size_t payload_bytes)
{
	if (payload_bytes == 0)
		return out;
	*out++ = TAG(PAYLOAD_NUMBER, WIRE_BYTES);
	return put_uint32(out, (uint32_t)payload_bytes);
}

/* The prefix before body, for which guess_bytes were left free. Returns the size of both. */
static inline size_t put_prefix(uint8_t *out, size_t guess_bytes, size_t body_bytes, size_t after_bytes)
{
	size_t prefix_bytes = ringcast_wire_varint_bytes(body_bytes + after_bytes);
	if (UNLIKELY(prefix_bytes != guess_bytes))
		memmove(out + prefix_bytes, out + guess_bytes, body_bytes);
	put_uint32(out, (uint32_t)(body_bytes + after_bytes));
	return prefix_bytes + body_bytes;
}

size_t ringcast_packet_encode_head(int32_t opcode, int32_t sequence, int32_t target_player, int32_t target_group, int32_t sender,
				   bool is_reliable, size_t payload_bytes, uint8_t out[PROTO_PACKET_OVERHEAD_BYTES_MAX])
{
	ringcast_assert(payload_bytes < INT32_MAX);
	size_t guess_bytes = guess_prefix_bytes(payload_bytes);
	uint8_t *body = out + guess_bytes, *end = put_targets(put_start(body, opcode, sequence), target_player, target_group, sender);
	if (is_reliable) {
		*end++ = TAG(6, WIRE_VARINT);
		*end++ = 1;
	}
	end = put_payload_size(end, payload_bytes);
	return put_prefix(out, guess_bytes, (size_t)(end - body), payload_bytes);
}

size_t ringcast_packet_encode_rest(int32_t target_player, int32_t target_group, int32_t sender, size_t payload_bytes, uint8_t out[PROTO_PACKET_OVERHEAD_BYTES_MAX])
{
	ringcast_assert(payload_bytes < INT32_MAX);
	return (size_t)(put_payload_size(put_targets(out, target_player, target_group, sender), payload_bytes) - out);
}

size_t ringcast_packet_encode_start(int32_t opcode, int32_t sequence, size_t rest_bytes, uint8_t out[PACKET_START_BYTES_MAX])
{
	ringcast_assert(rest_bytes < INT32_MAX);
	size_t guess_bytes = guess_prefix_bytes(rest_bytes);
	uint8_t *body = out + guess_bytes;
	return put_prefix(out, guess_bytes, (size_t)(put_start(body, opcode, sequence) - body), rest_bytes);
}
