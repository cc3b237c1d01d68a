/*
 * Puts the stream of a process together again: frames come out whole, whatever the cuts. Whole frames are read where they lie; only a cut
 * one is copied.
 */
#ifndef RINGCAST_SCRIPTING_SIDECAR_INBOX_H
#define RINGCAST_SCRIPTING_SIDECAR_INBOX_H

#include "scripting/sidecar/frame.h"

struct sidecar_inbox {
	uint8_t *bytes; /* the begun frame; SIDECAR_FRAME_HEAD_BYTES + SIDECAR_FRAME_BODY_BYTES_MAX, taken when first needed */
	size_t size;
	bool is_whole; /* the frame last given out lies in bytes: to be forgotten by the next call */
};

/*
 * The next frame of what was begun and *bytes; *bytes moves on. INCOMPLETE: all of *bytes is used up and what was begun is kept.
 * GARBAGE also when there is no memory for the begun frame. The frame's views are good until the next call.
 */
enum sidecar_frame_result ringcast_sidecar_inbox_next(struct sidecar_inbox *inbox, struct view *bytes, struct sidecar_frame *ret_frame);
void ringcast_sidecar_inbox_clear(struct sidecar_inbox *inbox);

#endif
