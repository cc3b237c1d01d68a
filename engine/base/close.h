/* Close reasons: one list (close.def) gives the enum, the WebSocket codes, the metric labels and the texts. */
#ifndef RINGCAST_BASE_CLOSE_H
#define RINGCAST_BASE_CLOSE_H

#include <stddef.h>
#include <stdint.h>

enum close_reason {
#define CLOSE(name, code, label, text) CLOSE_##name,
#include "base/close.def"
#undef CLOSE
	CLOSE_REASON_COUNT
};

/* A control frame carries at most 125 bytes: the code takes two, the text has the rest (RFC 6455, 5.5). */
enum { CLOSE_TEXT_BYTES_MAX = 123 };

uint16_t ringcast_close_code(enum close_reason reason); /* 0: no close frame can be sent */
const char *ringcast_close_label(enum close_reason reason);
const char *ringcast_close_text(enum close_reason reason);

/*
 * How much of a text from outside a close frame can carry: CLOSE_TEXT_BYTES_MAX at most, up to the last whole character, and nothing from the first
 * byte on that is not UTF-8. A client must fail the connection on any other text (RFC 6455, 8.1).
 */
size_t ringcast_close_text_bytes(const char *text);

#endif
