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
