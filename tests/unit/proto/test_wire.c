/* Varints, zigzag, tags and runs at their edges. */
#include <criterion/criterion.h>

#include "base/attr.h"
#include "proto/wire.h"
#include "vectors.h"

static struct wire_cursor cursor_of(const char *hex, uint8_t *room)
{
	return ringcast_wire_cursor_of(ringcast_view_of(room, vector_bytes(hex, room, 64)));
}

Test(wire, varint_size_is_exact_at_every_bit_length)
{
	for (unsigned bits = 0; bits < 64; bits++) {
		const uint64_t edges[] = {UINT64_C(1) << bits, (UINT64_C(1) << bits) - 1, (UINT64_C(1) << bits) | 1};
		for (size_t index = 0; index < ARRAY_COUNT(edges); index++) {
			uint8_t bytes[32];
			uint64_t value;
			memset(bytes, 0xff, sizeof(bytes)); /* what follows must not leak into the value */
			size_t size = (size_t)(ringcast_wire_write_varint(bytes, edges[index]) - bytes);
			cr_assert_eq(ringcast_wire_varint_bytes(edges[index]), size);
			for (size_t behind = 0; behind <= 12; behind++) {
				struct wire_cursor cursor = ringcast_wire_cursor_of(ringcast_view_of(bytes, size + behind));
				cr_assert(ringcast_wire_read_varint(&cursor, &value));
				cr_assert_eq(value, edges[index]);
				cr_assert_eq(ringcast_wire_left_bytes(&cursor), behind);
			}
		}
	}
	cr_assert_eq(ringcast_wire_varint_bytes(UINT64_MAX), WIRE_VARINT_BYTES_MAX);
}

Test(wire, varint_cut_short_is_refused_and_leaves_the_cursor)
{
	static const char *const bad[] = {"", "80", "ffff", "ffffffffffffffffff", "80808080808080808080", "8080808080808080808001",
					  "ffffffffffffffffff02", "ffffffffffffffffff81", "ffffffffffffffffff8100"};
	for (size_t index = 0; index < ARRAY_COUNT(bad); index++) {
		uint8_t room[64];
		uint64_t value = 77;
		struct wire_cursor cursor = cursor_of(bad[index], room);
		const uint8_t *before = cursor.at;
		cr_assert_not(ringcast_wire_read_varint(&cursor, &value), "%s", bad[index]);
		cr_assert_eq(value, 77);
		cr_assert_eq(cursor.at, before);
	}
}

Test(wire, varint_need_not_be_the_shortest)
{
	uint8_t room[64];
	uint64_t value;
	struct wire_cursor cursor = cursor_of("81808000", room);
	cr_assert(ringcast_wire_read_varint(&cursor, &value));
	cr_assert_eq(value, 1);
}

Test(wire, int32_is_sign_extended_and_cut)
{
	cr_assert_eq(ringcast_wire_of_int32(-1), UINT64_MAX);
	cr_assert_eq(ringcast_wire_varint_bytes(ringcast_wire_of_int32(INT32_MIN)), 10);
	cr_assert_eq(ringcast_wire_to_int32(UINT64_C(0x1234567800000005)), 5);
	cr_assert_eq(ringcast_wire_to_int32(UINT64_C(0x00000000ffffffff)), -1);
}

Test(wire, sint32_zigzags)
{
	static const struct {
		int32_t value;
		uint32_t wire;
	} pairs[] = {{0, 0}, {-1, 1}, {1, 2}, {-2, 3}, {-500, 999}, {INT32_MAX, UINT32_MAX - 1}, {INT32_MIN, UINT32_MAX}};
	for (size_t index = 0; index < ARRAY_COUNT(pairs); index++) {
		cr_assert_eq(ringcast_wire_of_sint32(pairs[index].value), pairs[index].wire);
		cr_assert_eq(ringcast_wire_to_sint32(pairs[index].wire), pairs[index].value);
	}
}

Test(wire, tags_outside_proto3_are_refused)
{
	/* number 0; types 3, 4, 6, 7 of field 1; number 2^29 */
	static const char *const bad[] = {"00", "02", "0b", "0c", "0e", "0f", "8080808010", "",
					/* field 1 in six and ten bytes */
					"888080808000", "88808080808080808000"};
	for (size_t index = 0; index < ARRAY_COUNT(bad); index++) {
		uint8_t room[64];
		struct wire_tag tag;
		struct wire_cursor cursor = cursor_of(bad[index], room);
		cr_assert_not(ringcast_wire_read_tag(&cursor, &tag), "%s", bad[index]);
	}
	uint8_t room[64];
	struct wire_tag tag;
	struct wire_cursor cursor = cursor_of("fdffffff0f", room);
	cr_assert(ringcast_wire_read_tag(&cursor, &tag));
	cr_assert_eq(tag.number, WIRE_FIELD_NUMBER_MAX);
	cr_assert_eq(tag.type, WIRE_FIXED32);
}

Test(wire, skip_takes_exactly_the_value)
{
	static const struct {
		enum wire_type type;
		const char *hex;
		size_t size;
	} cases[] = {{WIRE_VARINT, "ff01aa", 2}, {WIRE_FIXED64, "0102030405060708aa", 8}, {WIRE_FIXED32, "01020304aa", 4},
		     {WIRE_BYTES, "03010203aa", 4}, {WIRE_BYTES, "00aa", 1}};
	for (size_t index = 0; index < ARRAY_COUNT(cases); index++) {
		uint8_t room[64];
		struct wire_cursor cursor = cursor_of(cases[index].hex, room);
		cr_assert(ringcast_wire_skip(&cursor, cases[index].type));
		cr_assert_eq((size_t)(cursor.at - room), cases[index].size);
		for (size_t size = 0; size < cases[index].size; size++) {
			cursor = ringcast_wire_cursor_of(ringcast_view_of(room, size));
			cr_assert_not(ringcast_wire_skip(&cursor, cases[index].type));
		}
	}
}

Test(wire, run_longer_than_its_bytes_is_refused)
{
	static const char *const bad[] = {"02aa", "ffffffffffffffffff01aa", "80"};
	for (size_t index = 0; index < ARRAY_COUNT(bad); index++) {
		uint8_t room[64];
		struct view run;
		struct wire_cursor cursor = cursor_of(bad[index], room);
		cr_assert_not(ringcast_wire_read_bytes(&cursor, &run), "%s", bad[index]);
	}
}
