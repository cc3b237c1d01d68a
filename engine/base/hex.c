#include "base/hex.h"

void ringcast_hex_write(struct view bytes, char *ret_text)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < bytes.size; i++) {
		ret_text[2 * i] = digits[bytes.data[i] >> 4];
		ret_text[2 * i + 1] = digits[bytes.data[i] & 15];
	}
	ret_text[2 * bytes.size] = '\0';
}

void ringcast_hex_write_uuid(const uint8_t bytes[HEX_UUID_BYTES], char ret_text[HEX_UUID_TEXT_BYTES])
{
	static const uint8_t group_bytes[] = {4, 2, 2, 2, 6};
	for (size_t i = 0; i < sizeof(group_bytes); i++) {
		ringcast_hex_write(ringcast_view_of(bytes, group_bytes[i]), ret_text);
		bytes += group_bytes[i];
		ret_text += 2 * group_bytes[i];
		*ret_text++ = i + 1 < sizeof(group_bytes) ? '-' : '\0';
	}
}
