/*
 * Frames of the sidecar's channel: the layouts of frame.def, read and written. Pure; never allocates; views point into the caller's bytes.
 *
 *     size 32 (of the body) | kind 8 | flags 8 | zero 16 | session 32 | body
 */
#ifndef RINGCAST_SCRIPTING_SIDECAR_FRAME_H
#define RINGCAST_SCRIPTING_SIDECAR_FRAME_H

#include "base/attr.h"
#include "base/types.h"

enum sidecar_frame_kind {
#define FRAME(name, number, layout, fields) SIDECAR_FRAME_##name = (number),
#include "scripting/sidecar/frame.def"
#undef FRAME
};

enum {
	SIDECAR_FRAME_HEAD_BYTES = 12,
	SIDECAR_FRAME_BODY_BYTES_MAX = 64 << 10,
	SIDECAR_FRAME_KIND_COUNT = 64,
	SIDECAR_FRAME_NUMBERS_MAX = 6,
	SIDECAR_FRAME_TEXTS_MAX = 9,
	SIDECAR_MAGIC = 0x43534352, /* "RCSC" */
	SIDECAR_VERSION_MIN = 2,
	SIDECAR_VERSION_MAX = 2,
	SIDECAR_PIECE_BYTES_MAX = 16 << 10, /* of the text itself; a text up to this size lies in OPEN, a longer one comes in pieces */
	SIDECAR_PIECED_BYTES_MAX = 4 << 20, /* one text in all its pieces */
};

enum sidecar_flag { /* any other bit is garbage */
	SIDECAR_FLAG_RELIABLE = 1, /* MESSAGE, TO_PLAYER, TO_GROUP, SEND */
	SIDECAR_FLAG_ERROR = 1,    /* LOG: the script failed; counted */
	SIDECAR_FLAG_MORE = 1,     /* OPEN, PIECE: another piece follows, and the session starts after the last */
};

enum sidecar_feature { SIDECAR_FEATURE_DEBUGGER = 1 }; /* WELCOME: a debugger may hold scripts, so nobody is killed for being slow */
enum sidecar_answer { SIDECAR_ANSWER_ALLOW, SIDECAR_ANSWER_DENY, SIDECAR_ANSWER_FAILED };
/* What a session begins with and may be too long for OPEN, where it is empty then. Whole texts in this order. */
enum sidecar_piece { SIDECAR_PIECE_PROPERTIES, SIDECAR_PIECE_MATCHMAKER_DATA, SIDECAR_PIECE_ARGUMENTS, SIDECAR_PIECE_COUNT };
enum sidecar_end { SIDECAR_END_FINISHED, SIDECAR_END_FAILED, SIDECAR_END_OUT_OF_MEMORY };

/* Fields in the order of the layout: I and Q in numbers (I widened without sign), S and R in texts. */
struct sidecar_frame {
	uint8_t kind, flags;
	uint32_t session; /* 0: about the channel */
	uint64_t numbers[SIDECAR_FRAME_NUMBERS_MAX];
	struct view texts[SIDECAR_FRAME_TEXTS_MAX];
};

enum sidecar_frame_result { SIDECAR_FRAME_OK, SIDECAR_FRAME_INCOMPLETE, SIDECAR_FRAME_GARBAGE };

/* With the head. Asserts that the kind exists; the caller keeps bodies within SIDECAR_FRAME_BODY_BYTES_MAX. */
size_t ringcast_sidecar_frame_bytes(const struct sidecar_frame *frame);
/* Writes exactly that many. */
void ringcast_sidecar_frame_write(const struct sidecar_frame *frame, uint8_t *out);
/* The first frame of bytes. OK: *ret_bytes is its size. INCOMPLETE: *ret_bytes is how many it needs in all, as far as is known. */
enum sidecar_frame_result ringcast_sidecar_frame_read(struct view bytes, struct sidecar_frame *ret_frame, size_t *ret_bytes);
static inline bool ringcast_sidecar_frame_is_to_engine(const struct sidecar_frame *frame) { return frame->kind >= 32; }
const char *ringcast_sidecar_frame_name(uint8_t kind); /* "?" for kinds that do not exist */

static inline int32_t ringcast_sidecar_frame_int(const struct sidecar_frame *frame, unsigned index)
{
	return (int32_t)(uint32_t)frame->numbers[index];
}

#endif
