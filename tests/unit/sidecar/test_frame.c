/* Frames, the queue, the inbox: what was written is read; every cut is incomplete; what is not a frame is garbage. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

#include "base/attr.h"
#include "scripting/sidecar/inbox.h"
#include "scripting/sidecar/queue.h"

static const char *const layouts[SIDECAR_FRAME_KIND_COUNT] = {
#define FRAME(name, number, layout, fields) [number] = layout,
#include "scripting/sidecar/frame.def"
#undef FRAME
};

static struct sidecar_frame sample(uint8_t kind)
{
	static const char text[] = "some text that is longer than a head";
	struct sidecar_frame frame = {.kind = kind, .session = 0x01020304};
	unsigned number_count = 0, text_count = 0;
	for (const char *layout = layouts[kind]; *layout != '\0'; layout++) {
		if (*layout == 'Q' || *layout == 'I') {
			frame.numbers[number_count] = (*layout == 'Q' ? UINT64_C(0xf1f2f3f4f5f6f7f0) : UINT32_C(0xfffffff0)) + number_count;
			number_count++;
		} else {
			frame.texts[text_count] = ringcast_view_of(text, sizeof(text) - 1 - text_count);
			text_count++;
		}
	}
	return frame;
}

static bool is_equal(const struct sidecar_frame *a, const struct sidecar_frame *b)
{
	bool is_same = a->kind == b->kind && a->flags == b->flags && a->session == b->session &&
		       memcmp(a->numbers, b->numbers, sizeof(a->numbers)) == 0;
	for (unsigned i = 0; i < SIDECAR_FRAME_TEXTS_MAX; i++)
		is_same = is_same && a->texts[i].size == b->texts[i].size &&
			  (a->texts[i].size == 0 || memcmp(a->texts[i].data, b->texts[i].data, a->texts[i].size) == 0);
	return is_same;
}

Test(sidecar_frame, every_kind_is_read_as_it_was_written_and_every_cut_of_it_is_incomplete)
{
	unsigned kind_count = 0;
	for (uint8_t kind = 0; kind < SIDECAR_FRAME_KIND_COUNT; kind++) {
		if (layouts[kind] == NULL)
			continue;
		struct sidecar_frame frame = sample(kind), again;
		size_t size = ringcast_sidecar_frame_bytes(&frame), read_bytes;
		uint8_t *bytes = malloc(size);
		ringcast_sidecar_frame_write(&frame, bytes);
		for (size_t cut = 0; cut < size; cut++) {
			cr_assert_eq(ringcast_sidecar_frame_read(ringcast_view_of(bytes, cut), &again, &read_bytes), SIDECAR_FRAME_INCOMPLETE);
			cr_assert_eq(read_bytes, cut < SIDECAR_FRAME_HEAD_BYTES ? SIDECAR_FRAME_HEAD_BYTES : size);
		}
		cr_assert_eq(ringcast_sidecar_frame_read(ringcast_view_of(bytes, size), &again, &read_bytes), SIDECAR_FRAME_OK);
		cr_assert_eq(read_bytes, size);
		cr_assert(is_equal(&frame, &again), "%s", ringcast_sidecar_frame_name(kind));
		cr_assert_eq(ringcast_sidecar_frame_is_to_engine(&frame), kind >= 32);
		free(bytes);
		kind_count++;
	}
	cr_assert_eq(kind_count, 40);
}

Test(sidecar_frame, the_bytes_are_those_of_the_page)
{
	static const uint8_t expected[] = {24, 0, 0, 0, 8, 1, 0, 0, 7, 0, 0, 0, 10, 0, 0, 0, 3, 0, 0, 0, 255, 255, 255, 255,
					   0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
	static const uint8_t payload[] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct sidecar_frame frame = {.kind = SIDECAR_FRAME_MESSAGE,
				      .flags = SIDECAR_FLAG_RELIABLE,
				      .session = 7,
				      .numbers = {10, 3, (uint32_t)-1, 0},
				      .texts = {ringcast_view_of(payload, sizeof(payload))}};
	uint8_t bytes[sizeof(expected)];
	cr_assert_eq(ringcast_sidecar_frame_bytes(&frame), sizeof(expected));
	ringcast_sidecar_frame_write(&frame, bytes);
	cr_assert_arr_eq(bytes, expected, sizeof(expected));
}

static enum sidecar_frame_result read_changed(size_t at, uint8_t value)
{
	struct sidecar_frame frame = sample(SIDECAR_FRAME_KICK), again;
	uint8_t bytes[256];
	size_t size;
	ringcast_sidecar_frame_write(&frame, bytes);
	bytes[at] = value;
	return ringcast_sidecar_frame_read(ringcast_view_of(bytes, ringcast_sidecar_frame_bytes(&frame)), &again, &size);
}

Test(sidecar_frame, a_head_that_no_frame_has_is_garbage)
{
	cr_assert_eq(read_changed(4, SIDECAR_FRAME_KICK), SIDECAR_FRAME_OK);
	cr_assert_eq(read_changed(2, 2), SIDECAR_FRAME_GARBAGE); /* 128 KiB of body */
	cr_assert_eq(read_changed(4, 0), SIDECAR_FRAME_GARBAGE);
	cr_assert_eq(read_changed(4, 31), SIDECAR_FRAME_GARBAGE);
	cr_assert_eq(read_changed(4, 255), SIDECAR_FRAME_GARBAGE);
	cr_assert_eq(read_changed(5, 1), SIDECAR_FRAME_GARBAGE); /* KICK knows no flags */
	cr_assert_eq(read_changed(6, 1), SIDECAR_FRAME_GARBAGE);
	cr_assert_eq(read_changed(7, 1), SIDECAR_FRAME_GARBAGE);
	cr_assert_eq(read_changed(0, 3), SIDECAR_FRAME_GARBAGE); /* too short for its number */
}

Test(sidecar_frame, a_text_that_is_longer_than_its_frame_and_bytes_behind_the_last_field_are_garbage)
{
	struct sidecar_frame frame = sample(SIDECAR_FRAME_CLOSE), again;
	uint8_t bytes[256];
	size_t size = ringcast_sidecar_frame_bytes(&frame), read_bytes;
	ringcast_sidecar_frame_write(&frame, bytes);
	bytes[SIDECAR_FRAME_HEAD_BYTES]++;
	cr_assert_eq(ringcast_sidecar_frame_read(ringcast_view_of(bytes, size), &again, &read_bytes), SIDECAR_FRAME_GARBAGE);
	bytes[SIDECAR_FRAME_HEAD_BYTES] -= 2;
	cr_assert_eq(ringcast_sidecar_frame_read(ringcast_view_of(bytes, size), &again, &read_bytes), SIDECAR_FRAME_GARBAGE);
	bytes[SIDECAR_FRAME_HEAD_BYTES + 3] = 255;
	cr_assert_eq(ringcast_sidecar_frame_read(ringcast_view_of(bytes, size), &again, &read_bytes), SIDECAR_FRAME_GARBAGE);
}

Test(sidecar_frame, to_write_a_kind_that_does_not_exist_aborts, .signal = SIGABRT)
{
	struct sidecar_frame frame = {.kind = 31};
	(void)ringcast_sidecar_frame_bytes(&frame);
}

/* The queue */

Test(sidecar_queue, takes_out_what_was_put_in_whatever_the_portions)
{
	struct sidecar_queue queue = {0};
	struct sidecar_inbox inbox = {0};
	uint64_t pushed = 0, seen = 0;
	size_t peak_bytes = 0;
	for (unsigned round = 0; round < 4000; round++) {
		struct sidecar_frame frame = {.kind = SIDECAR_FRAME_PING, .numbers = {pushed}};
		for (unsigned i = 0; i < round % 7; i++, frame.numbers[0] = ++pushed)
			cr_assert(ringcast_sidecar_queue_push(&queue, &frame));
		struct view view = ringcast_sidecar_queue_view(&queue);
		peak_bytes = view.size > peak_bytes ? view.size : peak_bytes;
		size_t size = view.size < 1 + round % 101 ? view.size : 1 + round % 101;
		struct view piece = ringcast_view_of(view.data, size);
		while (ringcast_sidecar_inbox_next(&inbox, &piece, &frame) == SIDECAR_FRAME_OK)
			cr_assert_eq(frame.numbers[0], seen++);
		ringcast_sidecar_queue_take(&queue, size);
	}
	cr_assert_gt(seen, 1000);
	cr_assert_leq(queue.capacity_bytes, 4 * peak_bytes + (16 << 10));
	ringcast_sidecar_queue_clear(&queue);
	cr_assert_eq(ringcast_sidecar_queue_view(&queue).size, 0);
	ringcast_sidecar_inbox_clear(&inbox);
}

Test(sidecar_queue, to_take_more_than_there_is_aborts, .signal = SIGABRT)
{
	struct sidecar_queue queue = {0};
	ringcast_sidecar_queue_take(&queue, 1);
}

/* The inbox */

static void check_cuts(const uint8_t *bytes, size_t size, size_t first, size_t second)
{
	struct sidecar_inbox inbox = {0};
	struct sidecar_frame frame;
	size_t ends[] = {first, second, size}, from = 0;
	unsigned frame_count = 0;
	for (unsigned i = 0; i < ARRAY_COUNT(ends); i++) {
		uint8_t *copy = malloc(ends[i] - from + 1);
		memcpy(copy, bytes + from, ends[i] - from);
		struct view piece = ringcast_view_of(copy, ends[i] - from);
		enum sidecar_frame_result result;
		while ((result = ringcast_sidecar_inbox_next(&inbox, &piece, &frame)) == SIDECAR_FRAME_OK)
			cr_assert_eq(frame.session, ++frame_count);
		cr_assert_eq(result, SIDECAR_FRAME_INCOMPLETE);
		cr_assert_eq(piece.size, 0);
		from = ends[i];
		free(copy);
	}
	cr_assert_eq(frame_count, 3);
	ringcast_sidecar_inbox_clear(&inbox);
}

Test(sidecar_inbox, three_frames_come_out_whole_for_every_pair_of_cuts)
{
	uint8_t bytes[512];
	size_t size = 0;
	for (uint32_t i = 1; i <= 3; i++) {
		struct sidecar_frame frame = sample(i == 2 ? SIDECAR_FRAME_PONG : SIDECAR_FRAME_SEND);
		frame.session = i;
		ringcast_sidecar_frame_write(&frame, bytes + size);
		size += ringcast_sidecar_frame_bytes(&frame);
	}
	for (size_t first = 0; first <= size; first++)
		for (size_t second = first; second <= size; second++)
			check_cuts(bytes, size, first, second);
}

Test(sidecar_inbox, a_frame_of_the_largest_size_fits_and_one_more_byte_is_garbage)
{
	enum { SIZE = SIDECAR_FRAME_HEAD_BYTES + SIDECAR_FRAME_BODY_BYTES_MAX };
	struct sidecar_inbox inbox = {0};
	struct sidecar_frame frame = {.kind = SIDECAR_FRAME_LOG};
	uint8_t *bytes = calloc(1, SIZE);
	frame.texts[0] = ringcast_view_of(bytes, SIDECAR_FRAME_BODY_BYTES_MAX - 4);
	uint8_t *written = malloc(SIZE);
	ringcast_sidecar_frame_write(&frame, written);
	for (size_t at = 0; at < SIZE; at += 4096) {
		struct view piece = ringcast_view_of(written + at, at + 4096 < SIZE ? 4096 : SIZE - at);
		enum sidecar_frame_result expected = at + 4096 < SIZE ? SIDECAR_FRAME_INCOMPLETE : SIDECAR_FRAME_OK;
		cr_assert_eq(ringcast_sidecar_inbox_next(&inbox, &piece, &frame), expected);
	}
	cr_assert_eq(frame.texts[0].size, SIDECAR_FRAME_BODY_BYTES_MAX - 4);
	written[0] = 1;
	struct view piece = ringcast_view_of(written, SIDECAR_FRAME_HEAD_BYTES);
	cr_assert_eq(ringcast_sidecar_inbox_next(&inbox, &piece, &frame), SIDECAR_FRAME_GARBAGE);
	ringcast_sidecar_inbox_clear(&inbox);
	free(bytes);
	free(written);
}
