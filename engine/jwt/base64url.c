#include "jwt/base64url.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* -1: none of the letters. */
static int value_of(uint8_t letter)
{
	if (letter >= 'A' && letter <= 'Z')
		return letter - 'A';
	if (letter >= 'a' && letter <= 'z')
		return letter - 'a' + 26;
	if (letter >= '0' && letter <= '9')
		return letter - '0' + 52;
	return letter == '-' ? 62 : letter == '_' ? 63 : -1;
}

bool ringcast_base64url_decode(struct view text, uint8_t *out, size_t out_bytes, size_t *ret_size)
{
	uint32_t bits = 0, bit_count = 0;
	size_t used = 0;
	if (text.size % 4 == 1 || ringcast_base64url_bytes(text.size) > out_bytes)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		int value = value_of(text.data[i]);
		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		bit_count += 6;
		if (bit_count < 8)
			continue;
		bit_count -= 8;
		out[used++] = (uint8_t)(bits >> bit_count);
	}
	*ret_size = used;
	return (bits & ((1u << bit_count) - 1)) == 0; /* bits that are left over say nothing, and are 0 */
}

void ringcast_base64url_encode(struct view bytes, char *out)
{
	uint32_t bits = 0, bit_count = 0;
	for (size_t i = 0; i < bytes.size; i++) {
		bits = bits << 8 | bytes.data[i];
		for (bit_count += 8; bit_count >= 6; bit_count -= 6)
			*out++ = letters[bits >> (bit_count - 6) & 63];
	}
	if (bit_count > 0)
		*out++ = letters[bits << (6 - bit_count) & 63];
	*out = '\0';
}
