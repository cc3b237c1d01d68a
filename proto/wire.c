#include "proto/wire.h"

#include "base/assert.h"

/* Eight bytes of seven bits each, first byte lowest, to 56 bits: neighbours are joined in three steps. */
static uint64_t join_sevens(uint64_t bytes)
{
	bytes = (bytes & UINT64_C(0x007f007f007f007f)) | (bytes & UINT64_C(0x7f007f007f007f00)) >> 1;
	bytes = (bytes & UINT64_C(0x00003fff00003fff)) | (bytes & UINT64_C(0x3fff00003fff0000)) >> 2;
	return (bytes & UINT64_C(0x000000000fffffff)) | (bytes & UINT64_C(0x0fffffff00000000)) >> 4;
}

static uint64_t load_little_endian(const uint8_t *at)
{
	uint64_t value;
	memcpy(&value, at, sizeof(value));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	value = __builtin_bswap64(value);
#endif
	return value;
}

/* Ten bytes can be read; whether they are one varint or less is seen from the top bits. */
static bool read_wide(struct wire_cursor *cursor, uint64_t *ret_value)
{
	const uint8_t *at = cursor->at;
	uint64_t word = load_little_endian(at);
	uint64_t ends = ~word & UINT64_C(0x8080808080808080);
	if (ends != 0) {
		unsigned size = (unsigned)__builtin_ctzll(ends) / 8 + 1;
		*ret_value = join_sevens(word & UINT64_MAX >> (64 - 8 * size));
		cursor->at = at + size;
		return true;
	}
	uint64_t value = join_sevens(word) | (uint64_t)(at[8] & 0x7f) << 56;
	if (at[8] < 0x80) {
		*ret_value = value;
		cursor->at = at + 9;
		return true;
	}
	if (at[9] > 1)
		return false; /* an eleventh byte would follow, or bits beyond the 64th are set */
	*ret_value = value | (uint64_t)at[9] << 63;
	cursor->at = at + WIRE_VARINT_BYTES_MAX;
	return true;
}

/* Less than ten bytes are left, so no varint among them can be too long; it can only lack its end. */
static bool read_narrow(struct wire_cursor *cursor, uint64_t *ret_value)
{
	uint64_t value = 0;
	unsigned shift = 0;
	for (const uint8_t *at = cursor->at; at < cursor->end; shift += 7) {
		uint8_t byte = *at++;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			cursor->at = at;
			*ret_value = value;
			return true;
		}
	}
	return false;
}

bool ringcast_wire_read_long_varint(struct wire_cursor *cursor, uint64_t *ret_value)
{
	ringcast_assert_slow(cursor->at <= cursor->end);
	bool is_wide = ringcast_wire_left_bytes(cursor) >= WIRE_VARINT_BYTES_MAX;
	return is_wide ? read_wide(cursor, ret_value) : read_narrow(cursor, ret_value);
}

bool ringcast_wire_read_long_tag(struct wire_cursor *cursor, uint64_t *ret_tag)
{
	const uint8_t *start = cursor->at;
	return ringcast_wire_read_long_varint(cursor, ret_tag) && cursor->at - start <= WIRE_TAG_BYTES_MAX;
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
