#include "proto/wire.h"

#include "base/assert.h"

bool ringcast_wire_read_long_varint(struct wire_cursor *cursor, uint64_t *ret_value)
{
	ringcast_assert_slow(cursor->at <= cursor->end);
	const uint8_t *at = cursor->at;
	uint64_t value = 0;
	for (unsigned shift = 0; at < cursor->end && shift < 7 * WIRE_VARINT_BYTES_MAX; shift += 7) {
		uint8_t byte = *at++;
		if (shift == 63 && byte > 1)
			return false; /* an eleventh byte would follow, or bits beyond the 64th are set */
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			cursor->at = at;
			*ret_value = value;
			return true;
		}
	}
	return false;
}

bool ringcast_wire_read_tag(struct wire_cursor *cursor, struct wire_tag *ret_tag)
{
	uint64_t tag;
	if (!ringcast_wire_read_varint(cursor, &tag))
		return false;
	uint64_t number = tag >> 3;
	unsigned type = tag & 7;
	if (number == 0 || number > WIRE_FIELD_NUMBER_MAX)
		return false;
	if (type != WIRE_VARINT && type != WIRE_FIXED64 && type != WIRE_BYTES && type != WIRE_FIXED32)
		return false;
	*ret_tag = (struct wire_tag){(uint32_t)number, (enum wire_type)type};
	return true;
}

bool ringcast_wire_read_bytes(struct wire_cursor *cursor, struct view *ret_bytes)
{
	uint64_t size;
	if (!ringcast_wire_read_varint(cursor, &size) || size > ringcast_wire_left_bytes(cursor))
		return false;
	*ret_bytes = ringcast_view_of(cursor->at, (size_t)size);
	cursor->at += size;
	return true;
}

static bool skip_bytes(struct wire_cursor *cursor, size_t size)
{
	if (size > ringcast_wire_left_bytes(cursor))
		return false;
	cursor->at += size;
	return true;
}

bool ringcast_wire_skip(struct wire_cursor *cursor, enum wire_type type)
{
	uint64_t ignored_value;
	struct view ignored_bytes;
	switch (type) {
	case WIRE_VARINT:
		return ringcast_wire_read_varint(cursor, &ignored_value);
	case WIRE_FIXED64:
		return skip_bytes(cursor, 8);
	case WIRE_BYTES:
		return ringcast_wire_read_bytes(cursor, &ignored_bytes);
	case WIRE_FIXED32:
		return skip_bytes(cursor, 4);
	}
	ringcast_unreachable("ringcast_wire_read_tag lets no other type through");
}
