/* Bytes as lower-case hexadecimal digits, most significant first. */
#ifndef RINGCAST_BASE_HEX_H
#define RINGCAST_BASE_HEX_H

#include "base/types.h"

/* Two digits for each byte, then a NUL: ret_text has room for 2 * bytes.size + 1. */
void ringcast_hex_write(struct view bytes, char *ret_text);

#endif
