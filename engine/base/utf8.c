#include "base/utf8.h"

#include "base/assert.h"

/* Per state: which bytes may come next, and the state after them. */
static const struct {
	uint8_t low, high;
	enum utf8_state next;
} steps[] = {
	[UTF8_NEEDS_1] = {0x80, 0xbf, UTF8_COMPLETE},
	[UTF8_NEEDS_2] = {0x80, 0xbf, UTF8_NEEDS_1},
	[UTF8_NEEDS_3] = {0x80, 0xbf, UTF8_NEEDS_2},
	[UTF8_AFTER_E0] = {0xa0, 0xbf, UTF8_NEEDS_1},
	[UTF8_AFTER_ED] = {0x80, 0x9f, UTF8_NEEDS_1},
	[UTF8_AFTER_F0] = {0x90, 0xbf, UTF8_NEEDS_2},
	[UTF8_AFTER_F4] = {0x80, 0x8f, UTF8_NEEDS_2},
};

/* Bytes c0, c1 and f5..ff never begin a character; 80..bf only continue one. */
static enum utf8_state after_first(uint8_t byte)
{
	if (byte < 0x80)
		return UTF8_COMPLETE;
	if (byte < 0xc2 || byte > 0xf4)
		return UTF8_BAD;
	if (byte < 0xe0)
		return UTF8_NEEDS_1;
	if (byte < 0xf0)
		return byte == 0xe0 ? UTF8_AFTER_E0 : byte == 0xed ? UTF8_AFTER_ED : UTF8_NEEDS_2;
	return byte == 0xf0 ? UTF8_AFTER_F0 : byte == 0xf4 ? UTF8_AFTER_F4 : UTF8_NEEDS_3;
}

static bool is_ascii_word(const uint8_t *at)
{
	uint64_t word;
	memcpy(&word, at, sizeof(word));
	return (word & UINT64_C(0x8080808080808080)) == 0;
}

enum utf8_state ringcast_utf8_step(enum utf8_state state, struct view bytes)
{
	ringcast_assert(state <= UTF8_BAD);
	for (size_t index = 0; index < bytes.size && state != UTF8_BAD; index++) {
		while (state == UTF8_COMPLETE && bytes.size - index > 8 && is_ascii_word(bytes.data + index))
			index += 8;
		uint8_t byte = bytes.data[index];
		if (state == UTF8_COMPLETE)
			state = after_first(byte);
		else
			state = byte >= steps[state].low && byte <= steps[state].high ? steps[state].next : UTF8_BAD;
	}
	return state;
}

size_t ringcast_utf8_fit(const char *text, size_t bytes_max)
{
	enum utf8_state state = UTF8_COMPLETE;
	size_t whole_bytes = 0;
	for (size_t index = 0; index < bytes_max && text[index] != '\0' && state != UTF8_BAD; index++) {
		state = ringcast_utf8_step(state, ringcast_view_of(text + index, 1));
		if (state == UTF8_COMPLETE)
			whole_bytes = index + 1;
	}
	return whole_bytes;
}
