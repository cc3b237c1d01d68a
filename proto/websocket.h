/*
 * WebSocket (RFC 6455), server and client framing, without I/O.
 *
 * Frame parsing is incremental over a caller-owned contiguous buffer: give it all unread bytes, it consumes whole frames. No extension, so
 * RSV bits are an error. Frames from clients must be masked, frames from servers must not be.
 */
#ifndef RINGCAST_PROTO_WEBSOCKET_H
#define RINGCAST_PROTO_WEBSOCKET_H

#include "base/types.h"

enum websocket_opcode {
	WEBSOCKET_CONTINUATION = 0,
	WEBSOCKET_TEXT = 1,
	WEBSOCKET_BINARY = 2,
	WEBSOCKET_CLOSE = 8,
	WEBSOCKET_PING = 9,
	WEBSOCKET_PONG = 10,
};

struct websocket_frame {
	enum websocket_opcode opcode;
	bool is_final;
	uint8_t *payload; /* unmasked in place, inside the caller's buffer */
	size_t size;
};

enum websocket_result {
	WEBSOCKET_FRAME = 0,   /* a whole frame was taken; *ret_consumed bytes used */
	WEBSOCKET_NEED_MORE,   /* not complete; *ret_needed = total frame bytes if known, else 0; the buffer was not changed */
	WEBSOCKET_ERROR,       /* *ret_close_code = 1002 (protocol) or 1009 (too big) */
};

/*
 * Takes one frame from the start of bytes and unmasks its payload in place. payload_bytes_max bounds a single data frame (checked from the
 * header alone); control frames have their own 125.
 */
enum websocket_result ringcast_websocket_parse(uint8_t *bytes, size_t size, bool expects_mask, size_t payload_bytes_max,
					       struct websocket_frame *ret_frame, size_t *ret_consumed, size_t *ret_needed,
					       uint16_t *ret_close_code);

/*
 * Message-level rules over frames: fragmentation, control frames between fragments, sequence of opcodes, close payload, UTF-8 of text.
 * Zeroed = initial state. After an error or a close the assembler is of no further use.
 */
struct websocket_assembler {
	uint8_t message_opcode; /* 0: no message begun; cleared with MESSAGE_END, so look before assembling the last frame */
	uint8_t utf8_state;
	uint32_t message_bytes; /* so far */
};
enum websocket_event {
	WEBSOCKET_EVENT_MESSAGE,  /* frame alone is a whole message (the common case) */
	WEBSOCKET_EVENT_FRAGMENT, /* append frame payload to the message begun */
	WEBSOCKET_EVENT_MESSAGE_END, /* append, then the message is whole */
	WEBSOCKET_EVENT_PING,
	WEBSOCKET_EVENT_PONG,
	WEBSOCKET_EVENT_CLOSE,    /* *ret_close_code = peer's code, 1005 when absent */
	WEBSOCKET_EVENT_ERROR,    /* *ret_close_code = code to close with: 1002, 1007, 1009 */
};
enum websocket_event ringcast_websocket_assemble(struct websocket_assembler *assembler, const struct websocket_frame *frame,
						 size_t message_bytes_max, uint16_t *ret_close_code);

/* Writes a frame header for a server (unmasked); returns its size (2, 4 or 10). out needs 10 bytes. */
size_t ringcast_websocket_encode_header(enum websocket_opcode opcode, bool is_final, size_t payload_bytes, uint8_t *out);
/* Client side: header with mask key (up to 14 bytes); the payload must then be masked with ringcast_websocket_mask. */
size_t ringcast_websocket_encode_header_masked(enum websocket_opcode opcode, bool is_final, size_t payload_bytes, const uint8_t mask[4],
					       uint8_t *out);
void ringcast_websocket_mask(uint8_t *payload, size_t size, const uint8_t mask[4]);
/*
 * A whole unmasked close frame: 2 + 2 + as much of reason as ringcast_close_text_bytes lets pass (NULL: none). out needs 127 bytes.
 * code must be one that may travel.
 */
size_t ringcast_websocket_encode_close(uint16_t code, const char *reason, uint8_t *out);

/* Sec-WebSocket-Accept for a 24-character key; out gets 28 characters and a NUL. */
void ringcast_websocket_accept_key(const char *key, size_t key_size, char out[29]);

#endif
