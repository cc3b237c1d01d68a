/* The UTF-8 checker against a plain decoder, over every code point and every short byte string. */
#include <criterion/criterion.h>

#include "base/utf8.h"

static enum utf8_state check(const uint8_t *bytes, size_t size)
{
	return ringcast_utf8_step(UTF8_COMPLETE, ringcast_view_of(bytes, size));
}

static size_t encode(uint32_t code, uint8_t *out)
{
	if (code < 0x80) {
		out[0] = (uint8_t)code;
		return 1;
	}
	size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	for (size_t index = size - 1; index > 0; index--, code >>= 6)
		out[index] = (uint8_t)(0x80 | (code & 0x3f));
	out[0] = (uint8_t)(0xf00 >> size | code);
	return size;
}

Test(utf8, every_code_point_and_every_prefix_of_it)
{
	for (uint32_t code = 0; code <= 0x1fffff; code++) {
		uint8_t bytes[4];
		size_t size = encode(code, bytes);
		bool is_legal = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
		cr_assert_eq(check(bytes, size), is_legal ? UTF8_COMPLETE : UTF8_BAD, "U+%X", code);
		for (size_t cut = 1; is_legal && cut < size; cut++) {
			enum utf8_state state = check(bytes, cut);
			cr_assert(state != UTF8_COMPLETE && state != UTF8_BAD, "U+%X cut at %zu", code, cut);
			cr_assert_eq(ringcast_utf8_step(state, ringcast_view_of(bytes + cut, size - cut)), UTF8_COMPLETE);
		}
	}
}

/* The plain rule: decode, and demand that encoding gives the same bytes back. */
static bool is_legal_pair(uint8_t a, uint8_t b)
{
	if (a < 0x80)
		return b < 0x80;
	return a >= 0xc2 && a <= 0xdf && b >= 0x80 && b <= 0xbf;
}

Test(utf8, every_pair_of_bytes)
{
	for (unsigned a = 0; a < 256; a++) {
		for (unsigned b = 0; b < 256; b++) {
			uint8_t bytes[2] = {(uint8_t)a, (uint8_t)b};
			cr_assert_eq(check(bytes, 2) == UTF8_COMPLETE, is_legal_pair((uint8_t)a, (uint8_t)b), "%02x %02x", a, b);
		}
	}
}

Test(utf8, overlong_forms_are_refused)
{
	static const char *const bad[] = {"\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf",
					  "\xf4\x90\x80\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xff", "\x80"};
	for (size_t index = 0; index < sizeof(bad) / sizeof(bad[0]); index++)
		cr_assert_eq(check((const uint8_t *)bad[index], strlen(bad[index])), UTF8_BAD);
}

/* The checker strides over ASCII eight bytes at a time; a bad byte must be seen at every distance and from every start. */
Test(utf8, bad_byte_at_every_offset)
{
	uint8_t bytes[64];
	for (size_t size = 1; size <= sizeof(bytes); size++) {
		for (size_t offset = 0; offset < size; offset++) {
			memset(bytes, 'a', sizeof(bytes));
			bytes[offset] = 0xff;
			cr_assert_eq(check(bytes, size), UTF8_BAD);
			cr_assert_eq(check(bytes, offset), UTF8_COMPLETE);
			cr_assert_eq(ringcast_utf8_step(UTF8_BAD, ringcast_view_of(bytes, offset)), UTF8_BAD, "bad stays bad");
		}
	}
}

Test(utf8, what_fits_ends_with_a_whole_character)
{
	static const struct {
		const char *text;
		size_t bytes_max, fits;
	} cases[] = {
		{"", 5, 0},
		{"abc", 0, 0},
		{"abc", 2, 2},
		{"abc", 9, 3},
		{"a\xe2\x82\xac", 3, 1}, /* a euro sign over the bound */
		{"a\xe2\x82\xac", 4, 4},
		{"\xf0\x9f\x98\x80", 3, 0},
		{"ab\xff""c", 9, 2}, /* what follows a bad byte may be anything */
		{"ab\xe2\x82", 9, 2}, /* ends in the middle of a character by itself */
		{"ab\xc0\x80""c", 9, 2},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(ringcast_utf8_fit(cases[i].text, cases[i].bytes_max), cases[i].fits, "case %zu", i);
}
