/* Bytes as text. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/hex.h"

Test(hex, every_byte_has_its_two_digits)
{
	uint8_t bytes[256];
	char text[2 * sizeof(bytes) + 1], expected[2 * sizeof(bytes) + 1];
	for (unsigned i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (uint8_t)i;
		snprintf(expected + 2 * i, 3, "%02x", i);
	}
	ringcast_hex_write(ringcast_view_of(bytes, sizeof(bytes)), text);
	cr_expect_str_eq(text, expected);
	ringcast_hex_write(ringcast_view_of(bytes, 0), text);
	cr_expect_str_eq(text, "");
}

Test(hex, a_uuid_has_its_groups)
{
	static const uint8_t bytes[HEX_UUID_BYTES] = {0xf8, 0x1d, 0x4f, 0xae, 0x7d, 0xec, 0x11, 0xd0, 0xa7, 0x65, 0x00, 0xa0, 0xc9, 0x1e, 0x6b, 0xf6};
	char text[HEX_UUID_TEXT_BYTES];
	ringcast_hex_write_uuid(bytes, text);
	cr_expect_str_eq(text, "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"); /* RFC 9562's own example */
}
