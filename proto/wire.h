/*
 * The protobuf wire, without schema: varints, zigzag, tags, length-delimited runs.
 *
 * Readers move a cursor and say false when the bytes do not hold what was asked for; they never read past the end. Writers take
 * a pointer to room the caller has measured before and return the byte after what they wrote.
 */
#ifndef RINGCAST_PROTO_WIRE_H
#define RINGCAST_PROTO_WIRE_H

#include "base/attr.h"
#include "base/types.h"

enum { WIRE_VARINT_BYTES_MAX = 10, WIRE_TAG_BYTES_MAX = 5, WIRE_FIELD_NUMBER_MAX = (1 << 29) - 1 };

/* The two group types (3, 4) are absent on purpose: proto3 has none, so they are refused like 6 and 7. */
enum wire_type {
	WIRE_VARINT = 0,
	WIRE_FIXED64 = 1,
	WIRE_BYTES = 2,
	WIRE_FIXED32 = 5,
};

/* Unread bytes; borrowed. at <= end always. */
struct wire_cursor {
	const uint8_t *at;
	const uint8_t *end;
};

struct wire_tag {
	uint32_t number;
	enum wire_type type;
};

static inline struct wire_cursor ringcast_wire_cursor_of(struct view bytes);
static inline size_t ringcast_wire_left_bytes(const struct wire_cursor *cursor);

static inline MUST_USE bool ringcast_wire_read_varint(struct wire_cursor *cursor, uint64_t *ret_value);
/* Field number 0, numbers above 2^29 - 1 and group types are refused. */
static inline MUST_USE bool ringcast_wire_read_tag(struct wire_cursor *cursor, struct wire_tag *ret_tag);
/* A varint length and that many bytes, borrowed from the cursor's own. */
static inline MUST_USE bool ringcast_wire_read_bytes(struct wire_cursor *cursor, struct view *ret_bytes);
MUST_USE bool ringcast_wire_skip(struct wire_cursor *cursor, enum wire_type type);

static inline size_t ringcast_wire_varint_bytes(uint64_t value);
static inline uint8_t *ringcast_wire_write_varint(uint8_t *out, uint64_t value);

/* protobuf int32: negative values are sign-extended to 64 bits (ten bytes on the wire); readers keep the low 32 bits. */
static inline uint64_t ringcast_wire_of_int32(int32_t value);
static inline int32_t ringcast_wire_to_int32(uint64_t wire);
/* protobuf sint32. */
static inline uint32_t ringcast_wire_of_sint32(int32_t value);
static inline int32_t ringcast_wire_to_sint32(uint64_t wire);

/* The general case of ringcast_wire_read_varint, out of line; call that one. */
MUST_USE bool ringcast_wire_read_long_varint(struct wire_cursor *cursor, uint64_t *ret_value);
/* The same for ringcast_wire_read_tag. A tag has at most five bytes, as 32 bits need; protobuf's own readers refuse longer ones, whatever they hold. */
MUST_USE bool ringcast_wire_read_long_tag(struct wire_cursor *cursor, uint64_t *ret_tag);

/* inline definitions */

static inline struct wire_cursor ringcast_wire_cursor_of(struct view bytes)
{
	if (bytes.size == 0)
		return (struct wire_cursor){NULL, NULL}; /* data may be NULL then, and NULL + 0 is undefined in C */
	return (struct wire_cursor){bytes.data, bytes.data + bytes.size};
}

static inline size_t ringcast_wire_left_bytes(const struct wire_cursor *cursor)
{
	return (size_t)(cursor->end - cursor->at);
}

static inline bool ringcast_wire_read_varint(struct wire_cursor *cursor, uint64_t *ret_value)
{
	if (LIKELY(cursor->at < cursor->end && *cursor->at < 0x80)) {
		*ret_value = *cursor->at++;
		return true;
	}
	return ringcast_wire_read_long_varint(cursor, ret_value);
}

static inline bool ringcast_wire_read_tag(struct wire_cursor *cursor, struct wire_tag *ret_tag)
{
	enum { LEGAL_TYPES = 1 << WIRE_VARINT | 1 << WIRE_FIXED64 | 1 << WIRE_BYTES | 1 << WIRE_FIXED32 };
	uint64_t tag;
	if (LIKELY(cursor->at < cursor->end && *cursor->at < 0x80))
		tag = *cursor->at++;
	else if (!ringcast_wire_read_long_tag(cursor, &tag))
		return false;
	uint64_t number = tag >> 3;
	unsigned type = tag & 7;
	if (number == 0 || number > WIRE_FIELD_NUMBER_MAX || (LEGAL_TYPES >> type & 1) == 0)
		return false;
	*ret_tag = (struct wire_tag){(uint32_t)number, (enum wire_type)type};
	return true;
}

static inline bool ringcast_wire_read_bytes(struct wire_cursor *cursor, struct view *ret_bytes)
{
	uint64_t size;
	if (!ringcast_wire_read_varint(cursor, &size) || size > ringcast_wire_left_bytes(cursor))
		return false;
	*ret_bytes = ringcast_view_of(cursor->at, (size_t)size);
	cursor->at += size;
	return true;
}

/* Seven value bits a byte: ceil(bits / 7) without dividing. Exact for 1..64 bits. */
static inline size_t ringcast_wire_varint_bytes(uint64_t value)
{
	unsigned highest_bit = 63u - (unsigned)__builtin_clzll(value | 1);
	return (highest_bit * 9 + 73) / 64;
}

static inline uint8_t *ringcast_wire_write_varint(uint8_t *out, uint64_t value)
{
	while (value >= 0x80) {
		*out++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*out++ = (uint8_t)value;
	return out;
}

static inline uint64_t ringcast_wire_of_int32(int32_t value)
{
	return (uint64_t)(int64_t)value;
}

static inline int32_t ringcast_wire_to_int32(uint64_t wire)
{
	return (int32_t)(uint32_t)wire;
}

static inline uint32_t ringcast_wire_of_sint32(int32_t value)
{
	return ((uint32_t)value << 1) ^ (value < 0 ? UINT32_MAX : 0);
}

static inline int32_t ringcast_wire_to_sint32(uint64_t wire)
{
	uint32_t zigzag = (uint32_t)wire;
	return (int32_t)((zigzag >> 1) ^ (~(zigzag & 1) + 1));
}

#endif
