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
