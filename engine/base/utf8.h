/* UTF-8 (RFC 3629), checked piece by piece: overlong forms, surrogates and values above U+10FFFF are refused. */
#ifndef RINGCAST_BASE_UTF8_H
#define RINGCAST_BASE_UTF8_H

#include "base/types.h"

/* What must follow the bytes seen so far. */
enum utf8_state {
	UTF8_COMPLETE = 0, /* at a character boundary; also the state to start from */
	UTF8_NEEDS_1,      /* one more continuation byte */
	UTF8_NEEDS_2,
	UTF8_NEEDS_3,
	UTF8_AFTER_E0,     /* two more, the first above 0x9f: below would be overlong */
	UTF8_AFTER_ED,     /* two more, the first below 0xa0: above would be a surrogate */
	UTF8_AFTER_F0,     /* three more, the first above 0x8f: below would be overlong */
	UTF8_AFTER_F4,     /* three more, the first below 0x90: above would be beyond U+10FFFF */
	UTF8_BAD,
};

/* The state after bytes; UTF8_BAD is final. */
enum utf8_state ringcast_utf8_step(enum utf8_state state, struct view bytes);

/* Bytes of the longest beginning of text, at most bytes_max, that is valid and ends with a whole character. Reads no byte after those. */
size_t ringcast_utf8_fit(const char *text, size_t bytes_max);

#endif
