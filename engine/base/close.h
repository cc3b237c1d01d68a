/* Close reasons: one list (close.def) gives the enum, the WebSocket codes, the metric labels and the texts. */
#ifndef RINGCAST_BASE_CLOSE_H
#define RINGCAST_BASE_CLOSE_H

#include <stdint.h>

enum close_reason {
#define CLOSE(name, code, label, text) CLOSE_##name,
#include "base/close.def"
#undef CLOSE
	CLOSE_REASON_COUNT
};

uint16_t ringcast_close_code(enum close_reason reason); /* 0: no close frame can be sent */
const char *ringcast_close_label(enum close_reason reason);
const char *ringcast_close_text(enum close_reason reason);

#endif
