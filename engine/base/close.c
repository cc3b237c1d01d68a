#include "base/close.h"

#include "base/assert.h"
#include "base/utf8.h"

#define CLOSE(name, code, label, text) _Static_assert(sizeof(text) - 1 <= CLOSE_TEXT_BYTES_MAX, #name " does not fit a close frame");
#include "base/close.def"
#undef CLOSE

static const struct {
	uint16_t code;
	const char *label;
	const char *text;
} reasons[CLOSE_REASON_COUNT] = {
#define CLOSE(name, code, label, text) [CLOSE_##name] = {code, label, text},
#include "base/close.def"
#undef CLOSE
};

uint16_t ringcast_close_code(enum close_reason reason)
{
	ringcast_assert((unsigned)reason < CLOSE_REASON_COUNT);
	return reasons[reason].code;
}

const char *ringcast_close_label(enum close_reason reason)
{
	ringcast_assert((unsigned)reason < CLOSE_REASON_COUNT);
	return reasons[reason].label;
}

const char *ringcast_close_text(enum close_reason reason)
{
	ringcast_assert((unsigned)reason < CLOSE_REASON_COUNT);
	return reasons[reason].text;
}

size_t ringcast_close_text_bytes(const char *text)
{
	return ringcast_utf8_fit(text, CLOSE_TEXT_BYTES_MAX);
}
