/*
 * The stream of a sidecar's process, as the shard reads it: whatever the bytes and their cuts, frames come out whole and the same, what
 * was read can be written back to the same bytes, and after garbage nothing more is asked for. The first byte says how large the pieces
 * are.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "fuzz_target.h"
#include "scripting/sidecar/inbox.h"

static void check_frame(const struct sidecar_frame *frame)
{
	size_t size = ringcast_sidecar_frame_bytes(frame), again_bytes;
	struct sidecar_frame again;
	uint8_t *bytes = malloc(size);
	ringcast_assert(bytes != NULL && size <= SIDECAR_FRAME_HEAD_BYTES + SIDECAR_FRAME_BODY_BYTES_MAX);
	ringcast_sidecar_frame_write(frame, bytes);
	ringcast_assert(ringcast_sidecar_frame_read(ringcast_view_of(bytes, size), &again, &again_bytes) == SIDECAR_FRAME_OK);
	ringcast_assert(again_bytes == size && again.kind == frame->kind && again.session == frame->session);
	ringcast_assert(ringcast_sidecar_frame_name(frame->kind)[0] != '?');
	free(bytes);
}

/* How many bytes went by in whole frames; the number of frames in *ret_count. In pieces of piece_bytes, each in memory of its own. */
static size_t read_all(const uint8_t *data, size_t size, size_t piece_bytes, unsigned *ret_count)
{
	struct sidecar_inbox inbox = {0};
	struct sidecar_frame frame;
	enum sidecar_frame_result result = SIDECAR_FRAME_INCOMPLETE;
	size_t whole_bytes = 0;
	*ret_count = 0;
	for (size_t from = 0; from < size && result != SIDECAR_FRAME_GARBAGE; from += piece_bytes) {
		size_t length = size - from < piece_bytes ? size - from : piece_bytes;
		uint8_t *piece = malloc(length);
		ringcast_assert(piece != NULL);
		memcpy(piece, data + from, length);
		struct view view = ringcast_view_of(piece, length);
		while ((result = ringcast_sidecar_inbox_next(&inbox, &view, &frame)) == SIDECAR_FRAME_OK) {
			check_frame(&frame);
			whole_bytes += ringcast_sidecar_frame_bytes(&frame);
			++*ret_count;
		}
		ringcast_assert(result == SIDECAR_FRAME_GARBAGE || view.size == 0);
		free(piece);
	}
	ringcast_sidecar_inbox_clear(&inbox);
	return whole_bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned count_at_once, count_in_pieces;
	if (size < 2)
		return 0;
	size_t at_once = read_all(data + 1, size - 1, size, &count_at_once);
	size_t in_pieces = read_all(data + 1, size - 1, 1 + data[0] % 64, &count_in_pieces);
	ringcast_assert(at_once == in_pieces && count_at_once == count_in_pieces && at_once <= size - 1);
	return 0;
}
