/* Payloads as people type and read them: text as it is, other bytes as "hex:0a1b". */
#ifndef RINGCAST_TOOLS_PAYLOAD_TEXT_H
#define RINGCAST_TOOLS_PAYLOAD_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct payload_text {
	uint8_t *bytes; /* owned by whoever asked for it: free() */
	size_t size;
};

/* Room for what a payload of so many bytes becomes. */
#define PAYLOAD_TEXT_BYTES(size) (2 * (size) + sizeof("hex:"))

/* NULL, and the payload with bytes that are never NULL; or what is wrong with the text. */
const char *ringcast_payload_text_parse(const char *text, size_t bytes_max, struct payload_text *ret_payload);
/* Safe for a terminal: what is not printable UTF-8, and what would read as hex, comes out as hex. */
void ringcast_payload_text_format(const uint8_t *bytes, size_t size, char *out, size_t out_bytes);

#endif
