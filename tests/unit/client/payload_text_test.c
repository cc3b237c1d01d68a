/* Payloads as they are typed and shown. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ringcast/payload_text.h"

enum { BYTES_MAX = 8 };

Test(payload_text, text_and_hex)
{
	static const struct {
		const char *text, *bytes;
		size_t size;
	} cases[] = {{"", "", 0}, {"hi", "hi", 2}, {"hex", "hex", 3}, {"hex:", "", 0}, {"hex:00ffAb", "\0\xff\xab", 3}, {"12345678", "12345678", 8}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct payload_text payload = {.bytes = NULL};
		cr_assert_null(ringcast_payload_text_parse(cases[i].text, BYTES_MAX, &payload), "%s", cases[i].text);
		cr_assert_not_null(payload.bytes);
		cr_assert_eq(payload.size, cases[i].size, "%s", cases[i].text);
		cr_assert_arr_eq(payload.bytes, cases[i].bytes, cases[i].size);
		free(payload.bytes);
	}
}

Test(payload_text, what_is_wrong_is_told)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {{"123456789", "too long"}, {"hex:000000000000000000", "too long"}, {"hex:0", "two digits"}, {"hex:0g", "digits 0 to 9"}, {"hex:0x01", "digits 0"}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct payload_text payload = {.bytes = NULL};
		const char *problem = ringcast_payload_text_parse(cases[i].text, BYTES_MAX, &payload);
		cr_assert(problem && strstr(problem, cases[i].wanted), "%s: %s", cases[i].text, problem ? problem : "nothing");
		cr_assert_null(payload.bytes);
	}
}

Test(payload_text, shown_safely)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *wanted;
	} cases[] = {
		{"", 0, ""},
		{"coin 5", 6, "coin 5"},
		{"gr\xc3\xbc\xc3\x9f", 6, "gr\xc3\xbc\xc3\x9f"},
		{"\xe2\x82\xac", 3, "\xe2\x82\xac"},
		{"\xf0\x9f\x98\x80", 4, "\xf0\x9f\x98\x80"},
		{"a\nb", 3, "hex:610a62"},
		{"\x1b[2J", 4, "hex:1b5b324a"},
		{"\xc2\x9b", 2, "hex:c29b"},       /* a control character of two bytes */
		{"\xc0\xaf", 2, "hex:c0af"},       /* longer than it need be */
		{"\xe2\x82", 2, "hex:e282"},       /* cut */
		{"\xed\xa0\x80", 3, "hex:eda080"}, /* half a surrogate pair */
		{"\0", 1, "hex:00"},
		{"hex:00", 6, "hex:6865783a3030"}, /* would read as another payload */
	};
	char out[PAYLOAD_TEXT_BYTES(BYTES_MAX)];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *bytes = malloc(cases[i].size); /* to the byte, so that reading on is seen */
		memcpy(bytes, cases[i].bytes, cases[i].size);
		ringcast_payload_text_format(bytes, cases[i].size, out, sizeof(out));
		cr_assert_str_eq(out, cases[i].wanted);
		free(bytes);
	}
}
