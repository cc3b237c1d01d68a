#include "scripting/sidecar/inbox.h"

#include <stdlib.h>

static void skip(struct view *bytes, size_t size)
{
	bytes->data += size;
	bytes->size -= size;
}

/* Copies from *bytes until the begun frame holds wanted_bytes or nothing is left. */
static void collect(struct sidecar_inbox *inbox, struct view *bytes, size_t wanted_bytes)
{
	size_t size = wanted_bytes - inbox->size < bytes->size ? wanted_bytes - inbox->size : bytes->size;
	if (size == 0)
		return;
	memcpy(inbox->bytes + inbox->size, bytes->data, size);
	inbox->size += size;
	skip(bytes, size);
}

static enum sidecar_frame_result begin(struct sidecar_inbox *inbox, struct view *bytes)
{
	if (inbox->bytes == NULL)
		inbox->bytes = malloc(SIDECAR_FRAME_HEAD_BYTES + SIDECAR_FRAME_BODY_BYTES_MAX);
	if (inbox->bytes == NULL)
		return SIDECAR_FRAME_GARBAGE;
	collect(inbox, bytes, bytes->size);
	return SIDECAR_FRAME_INCOMPLETE;
}

static enum sidecar_frame_result next_in_place(struct sidecar_inbox *inbox, struct view *bytes, struct sidecar_frame *ret_frame)
{
	size_t size;
	enum sidecar_frame_result result = ringcast_sidecar_frame_read(*bytes, ret_frame, &size);
	if (result == SIDECAR_FRAME_OK)
		skip(bytes, size);
	return result == SIDECAR_FRAME_INCOMPLETE && bytes->size > 0 ? begin(inbox, bytes) : result;
}

enum sidecar_frame_result ringcast_sidecar_inbox_next(struct sidecar_inbox *inbox, struct view *bytes, struct sidecar_frame *ret_frame)
{
	if (inbox->is_whole) {
		inbox->size = 0;
		inbox->is_whole = false;
	}
	if (inbox->size == 0)
		return next_in_place(inbox, bytes, ret_frame);
	for (;;) {
		size_t wanted_bytes;
		enum sidecar_frame_result result = ringcast_sidecar_frame_read(ringcast_view_of(inbox->bytes, inbox->size), ret_frame, &wanted_bytes);
		inbox->is_whole = result == SIDECAR_FRAME_OK;
		if (result != SIDECAR_FRAME_INCOMPLETE || bytes->size == 0)
			return result;
		collect(inbox, bytes, wanted_bytes);
	}
}

void ringcast_sidecar_inbox_clear(struct sidecar_inbox *inbox)
{
	free(inbox->bytes);
	*inbox = (struct sidecar_inbox){0};
}
