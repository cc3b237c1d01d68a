#include "tools/ringcast/payload_text.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char hex_prefix[] = "hex:", hex_digits[] = "0123456789abcdef";
enum { HEX_PREFIX_BYTES = sizeof(hex_prefix) - 1 };

static int digit_of(char c)
{
	const char *at = c ? strchr(hex_digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;
	return at ? (int)(at - hex_digits) : -1;
}

static bool read_hex(const char *text, size_t size, uint8_t *bytes)
{
	for (size_t i = 0; i < size; i++) {
		int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

const char *ringcast_payload_text_parse(const char *text, size_t bytes_max, struct payload_text *ret_payload)
{
	bool is_hex = strncmp(text, hex_prefix, HEX_PREFIX_BYTES) == 0;
	size_t text_bytes = strlen(text) - (is_hex ? HEX_PREFIX_BYTES : 0), size = is_hex ? text_bytes / 2 : text_bytes;
	if (size > bytes_max)
		return "the payload is too long";
	if (is_hex && text_bytes % 2)
		return "hex: takes two digits for each byte";
	uint8_t *bytes = malloc(size + 1);
	if (!bytes)
		return "out of memory";
	if (!is_hex) {
		memcpy(bytes, text, size);
	} else if (!read_hex(text + HEX_PREFIX_BYTES, size, bytes)) {
		free(bytes);
		return "hex: takes digits 0 to 9 and a to f, two for each byte";
	}
	*ret_payload = (struct payload_text){bytes, size};
	return NULL;
}

/* The length of the character at the front, 0 when it is none, or one that a terminal acts on. */
static size_t printable_bytes(const uint8_t *bytes, size_t size)
{
	static const struct {
		uint8_t mask, lead;
		uint32_t min;
	} forms[] = {{0x80, 0x00, 0x20}, {0xe0, 0xc0, 0xa0}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
	for (size_t form = 0; form < 4 && form < size; form++) {
		uint32_t code = bytes[0] & (uint8_t)~forms[form].mask;
		if ((bytes[0] & forms[form].mask) != forms[form].lead)
			continue;
		for (size_t i = 1; i <= form; i++) {
			if ((bytes[i] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (bytes[i] & 0x3f);
		}
		bool is_wild = code < forms[form].min || code == 0x7f || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff;
		return is_wild ? 0 : form + 1;
	}
	return 0;
}

static bool is_printable(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0, step; i < size; i += step) {
		step = printable_bytes(bytes + i, size - i);
		if (step == 0)
			return false;
	}
	return size < HEX_PREFIX_BYTES || memcmp(bytes, hex_prefix, HEX_PREFIX_BYTES) != 0;
}

void ringcast_payload_text_format(const uint8_t *bytes, size_t size, char *out, size_t out_bytes)
{
	if (is_printable(bytes, size)) {
		snprintf(out, out_bytes, "%.*s", (int)size, size ? (const char *)bytes : "");
		return;
	}
	size_t used = (size_t)snprintf(out, out_bytes, "%s", hex_prefix);
	for (size_t i = 0; i < size && used + 2 < out_bytes; i++)
		used += (size_t)snprintf(out + used, out_bytes - used, "%02x", bytes[i]);
}
