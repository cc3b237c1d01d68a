/* Bytes as lower-case hexadecimal digits, most significant first. */
#ifndef RINGCAST_BASE_HEX_H
#define RINGCAST_BASE_HEX_H

#include "base/types.h"

/* Two digits for each byte, then a NUL: ret_text has room for 2 * bytes.size + 1. */
void ringcast_hex_write(struct view bytes, char *ret_text);

enum { HEX_UUID_BYTES = 16, HEX_UUID_TEXT_BYTES = 37 };
/* In groups of 8, 4, 4, 4 and 12 digits, as RFC 9562 writes a UUID. The bits of version and variant are the caller's. */
void ringcast_hex_write_uuid(const uint8_t bytes[HEX_UUID_BYTES], char ret_text[HEX_UUID_TEXT_BYTES]);

#endif
