#include "scripting/sidecar/frame.h"

#include "base/assert.h"

struct kind_facts {
	const char *name, *layout;
};

static const struct kind_facts kinds[SIDECAR_FRAME_KIND_COUNT] = {
#define FRAME(name, number, layout, fields) [number] = {#name, layout},
#include "scripting/sidecar/frame.def"
#undef FRAME
};

static const char *layout_of(uint8_t kind)
{
	return kind < SIDECAR_FRAME_KIND_COUNT ? kinds[kind].layout : NULL;
}

static bool has_flags(uint8_t kind)
{
	return kind == SIDECAR_FRAME_MESSAGE || kind == SIDECAR_FRAME_TO_PLAYER || kind == SIDECAR_FRAME_TO_GROUP ||
	       kind == SIDECAR_FRAME_SEND || kind == SIDECAR_FRAME_LOG || kind == SIDECAR_FRAME_OPEN || kind == SIDECAR_FRAME_PIECE;
}

static uint8_t *put(uint8_t *out, uint64_t value, unsigned byte_count)
{
	for (unsigned i = 0; i < byte_count; i++)
		out[i] = (uint8_t)(value >> 8 * i);
	return out + byte_count;
}

static uint64_t get(const uint8_t *bytes, unsigned byte_count)
{
	uint64_t value = 0;
	for (unsigned i = 0; i < byte_count; i++)
		value |= (uint64_t)bytes[i] << 8 * i;
	return value;
}

static uint8_t *put_view(uint8_t *out, struct view view)
{
	if (view.size > 0)
		memcpy(out, view.data, view.size);
	return out + view.size;
}

size_t ringcast_sidecar_frame_bytes(const struct sidecar_frame *frame)
{
	size_t size = SIDECAR_FRAME_HEAD_BYTES;
	const struct view *text = frame->texts;
	const char *layout = layout_of(frame->kind);
	ringcast_assert(layout != NULL);
	for (; *layout != '\0'; layout++) {
		if (*layout == 'I')
			size += 4;
		else if (*layout == 'Q')
			size += 8;
		else
			size += (*layout == 'S' ? 4 : 0) + text++->size;
	}
	return size;
}

void ringcast_sidecar_frame_write(const struct sidecar_frame *frame, uint8_t *out)
{
	const uint64_t *number = frame->numbers;
	const struct view *text = frame->texts;
	uint8_t *begin = out;
	out = put(out + 4, (uint64_t)frame->flags << 8 | frame->kind, 4);
	out = put(out, frame->session, 4);
	for (const char *layout = layout_of(frame->kind); *layout != '\0'; layout++) {
		if (*layout == 'I')
			out = put(out, *number++, 4);
		else if (*layout == 'Q')
			out = put(out, *number++, 8);
		else if (*layout == 'R')
			out = put_view(out, *text++);
		else {
			out = put(out, text->size, 4);
			out = put_view(out, *text++);
		}
	}
	put(begin, (uint64_t)(out - begin) - SIDECAR_FRAME_HEAD_BYTES, 4);
}

static bool take(struct view *body, size_t size, struct view *ret_part)
{
	if (body->size < size)
		return false;
	*ret_part = ringcast_view_of(body->data, size);
	*body = ringcast_view_of(body->data + size, body->size - size);
	return true;
}

static bool take_number(struct view *body, unsigned byte_count, uint64_t *ret_number)
{
	struct view part;
	if (!take(body, byte_count, &part))
		return false;
	*ret_number = get(part.data, byte_count);
	return true;
}

static bool take_text(struct view *body, struct view *ret_text)
{
	uint64_t size;
	return take_number(body, 4, &size) && take(body, size, ret_text);
}

static bool read_body(struct view body, struct sidecar_frame *frame)
{
	uint64_t *number = frame->numbers;
	struct view *text = frame->texts;
	bool is_good = true;
	for (const char *layout = layout_of(frame->kind); *layout != '\0' && is_good; layout++) {
		if (*layout == 'I')
			is_good = take_number(&body, 4, number++);
		else if (*layout == 'Q')
			is_good = take_number(&body, 8, number++);
		else if (*layout == 'S')
			is_good = take_text(&body, text++);
		else
			is_good = take(&body, body.size, text++);
	}
	return is_good && body.size == 0;
}

enum sidecar_frame_result ringcast_sidecar_frame_read(struct view bytes, struct sidecar_frame *ret_frame, size_t *ret_bytes)
{
	*ret_bytes = SIDECAR_FRAME_HEAD_BYTES;
	if (bytes.size < SIDECAR_FRAME_HEAD_BYTES)
		return SIDECAR_FRAME_INCOMPLETE;
	size_t body_bytes = get(bytes.data, 4);
	struct sidecar_frame frame = {.kind = bytes.data[4], .flags = bytes.data[5], .session = (uint32_t)get(bytes.data + 8, 4)};
	if (body_bytes > SIDECAR_FRAME_BODY_BYTES_MAX || layout_of(frame.kind) == NULL || get(bytes.data + 6, 2) != 0)
		return SIDECAR_FRAME_GARBAGE;
	if (frame.flags > has_flags(frame.kind))
		return SIDECAR_FRAME_GARBAGE;
	*ret_bytes += body_bytes;
	if (bytes.size < *ret_bytes)
		return SIDECAR_FRAME_INCOMPLETE;
	if (!read_body(ringcast_view_of(bytes.data + SIDECAR_FRAME_HEAD_BYTES, body_bytes), &frame))
		return SIDECAR_FRAME_GARBAGE;
	*ret_frame = frame;
	return SIDECAR_FRAME_OK;
}

const char *ringcast_sidecar_frame_name(uint8_t kind)
{
	return layout_of(kind) != NULL ? kinds[kind].name : "?";
}
