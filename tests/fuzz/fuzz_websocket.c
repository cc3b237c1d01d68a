/*
 * A stream read whole and read in pieces tells the same story; a frame taken is byte for byte what our own writer would have
 * sent; a text message let through is UTF-8. The first three bytes choose side, limits and pieces.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "fuzz_target.h"
#include "proto/limits.h"
#include "base/utf8.h"
#include "proto/websocket.h"

enum { CONFIG_BYTES = 3 };

struct story {
	bool expects_mask;
	size_t frame_bytes_max, message_bytes_max;
	struct websocket_assembler assembler;
	uint8_t message_opcode;
	enum utf8_state text_state;
	size_t message_bytes;
	uint64_t digest; /* of every event, code and payload byte in order */
	uint32_t event_count;
	bool is_over;
};

static void tell(struct story *story, const void *bytes, size_t size)
{
	for (size_t index = 0; index < size; index++)
		story->digest = (story->digest ^ ((const uint8_t *)bytes)[index]) * UINT64_C(0x100000001b3);
}

static void tell_number(struct story *story, uint64_t number)
{
	tell(story, &number, sizeof(number));
}

static void check_message(struct story *story, const struct websocket_frame *frame, enum websocket_event event)
{
	if (frame->opcode != WEBSOCKET_CONTINUATION) {
		story->message_opcode = (uint8_t)frame->opcode;
		story->message_bytes = 0;
		story->text_state = UTF8_COMPLETE;
	}
	story->message_bytes += frame->size;
	story->text_state = ringcast_utf8_step(story->text_state, ringcast_view_of(frame->payload, frame->size));
	ringcast_assert(story->message_bytes <= story->message_bytes_max);
	bool is_whole = event != WEBSOCKET_EVENT_FRAGMENT;
	ringcast_assert(is_whole == (story->assembler.message_opcode == 0));
	if (is_whole && story->message_opcode == WEBSOCKET_TEXT)
		ringcast_assert(story->text_state == UTF8_COMPLETE);
}

static void take_frame(struct story *story, const struct websocket_frame *frame)
{
	uint16_t code = 0;
	enum websocket_event event = ringcast_websocket_assemble(&story->assembler, frame, story->message_bytes_max, &code);
	if (event <= WEBSOCKET_EVENT_MESSAGE_END)
		check_message(story, frame, event);
	if (event == WEBSOCKET_EVENT_ERROR)
		ringcast_assert(code == 1002 || code == 1007 || code == 1009);
	tell_number(story, event);
	tell_number(story, code);
	tell(story, frame->payload, frame->size);
	story->event_count++;
	story->is_over = event == WEBSOCKET_EVENT_ERROR || event == WEBSOCKET_EVENT_CLOSE;
}

/* What was taken from original must be what our writer makes of the frame. */
static void check_rewritten(const struct story *story, const struct websocket_frame *frame, const uint8_t *original, size_t consumed)
{
	uint8_t header[PROTO_WEBSOCKET_HEADER_BYTES_MAX];
	size_t header_bytes = consumed - frame->size;
	size_t written = story->expects_mask ? ringcast_websocket_encode_header_masked(frame->opcode, frame->is_final, frame->size,
										       original + header_bytes - 4, header)
					     : ringcast_websocket_encode_header(frame->opcode, frame->is_final, frame->size, header);
	ringcast_assert(written == header_bytes);
	ringcast_assert(memcmp(header, original, header_bytes) == 0);
	for (size_t index = 0; index < frame->size; index++) {
		uint8_t mask = story->expects_mask ? original[header_bytes - 4 + index % 4] : 0;
		ringcast_assert((frame->payload[index] ^ mask) == original[header_bytes + index]);
	}
}

/* Takes whole frames off the unread bytes; returns how many bytes were used. original holds the same bytes still masked. */
static size_t take_frames(struct story *story, uint8_t *unread, const uint8_t *original, size_t size)
{
	size_t used = 0;
	while (!story->is_over) {
		struct websocket_frame frame;
		size_t consumed = 0, needed = 0;
		uint16_t code = 0;
		enum websocket_result result = ringcast_websocket_parse(unread + used, size - used, story->expects_mask, story->frame_bytes_max,
									&frame, &consumed, &needed, &code);
		if (result == WEBSOCKET_NEED_MORE) {
			ringcast_assert(needed == 0 || needed > size - used);
			ringcast_assert(memcmp(unread + used, original + used, size - used) == 0);
			break;
		}
		if (result == WEBSOCKET_ERROR) {
			ringcast_assert(code == 1002 || code == 1009);
			tell_number(story, code);
			story->is_over = true;
			break;
		}
		ringcast_assert(consumed >= 2 && consumed <= size - used);
		ringcast_assert(frame.payload + frame.size == unread + used + consumed);
		check_rewritten(story, &frame, original + used, consumed);
		take_frame(story, &frame);
		used += consumed;
	}
	return used;
}

/* piece_bytes bytes arrive at a time; the buffer is as large as what has arrived, so that a sanitizer sees reads beyond. */
static void read_stream(struct story *story, const uint8_t *data, size_t size, size_t piece_bytes)
{
	size_t begin = 0;
	for (size_t arrived = 0; arrived < size && !story->is_over;) {
		arrived = size - arrived < piece_bytes ? size : arrived + piece_bytes;
		uint8_t *unread = malloc(arrived - begin + 1);
		ringcast_assert(unread != NULL);
		memcpy(unread + 1, data + begin, arrived - begin); /* odd on purpose: receive buffers are not aligned */
		begin += take_frames(story, unread + 1, data + begin, arrived - begin);
		free(unread);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < CONFIG_BYTES)
		return 0;
	struct story start = {.expects_mask = (data[0] & 1) != 0, .frame_bytes_max = (size_t)data[1] << (data[0] >> 4)};
	start.message_bytes_max = start.frame_bytes_max * ((data[0] >> 1 & 7) + 1);
	struct story whole = start, pieces = start;
	read_stream(&whole, data + CONFIG_BYTES, size - CONFIG_BYTES, SIZE_MAX / 2);
	size_t piece_bytes = size > 4096 ? 64 + (size_t)data[2] : 1 + (size_t)data[2] % 32;
	read_stream(&pieces, data + CONFIG_BYTES, size - CONFIG_BYTES, piece_bytes);
	ringcast_assert(whole.digest == pieces.digest);
	ringcast_assert(whole.event_count == pieces.event_count);
	ringcast_assert(whole.is_over == pieces.is_over);
	return 0;
}
