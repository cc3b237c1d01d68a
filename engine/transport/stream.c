#include "transport/stream.h"

#include "base/assert.h"

/* Whoever may connect may leave something unfinished: that must not cost those who have logged in their buffers. */
static struct buf *alloc(const struct stream *stream, struct buf_pool *pool, size_t size)
{
	return stream->is_admitted ? ringcast_buf_alloc(pool, size) : ringcast_buf_alloc_spare(pool, size);
}

static bool append_to_tail(struct stream *stream, struct buf_pool *pool, const uint8_t *bytes, size_t size)
{
	struct buf *tail = stream->tail;
	if (tail->size + size > tail->capacity) {
		struct buf *larger = alloc(stream, pool, tail->size + size);
		if (larger == NULL)
			return false;
		memcpy(larger->data, tail->data, tail->size);
		larger->size = tail->size;
		ringcast_buf_unref(tail);
		stream->tail = tail = larger;
	}
	memcpy(tail->data + tail->size, bytes, size);
	tail->size += (uint32_t)size;
	return true;
}

/* Another protocol, such as TLS on a plain port, may never send a line end: it is judged, and answered, at once. */
static bool may_be_request(const struct stream_input *input)
{
	return memcmp(input->bytes, "GET ", input->size < 4 ? input->size : 4) == 0;
}

bool ringcast_stream_begin(struct stream_input *input, struct stream *stream, struct buf_pool *pool, uint8_t *bytes, size_t size)
{
	*input = (struct stream_input){.stream = stream, .pool = pool, .bytes = bytes, .size = size};
	/* A request cannot become complete without a line end: one-byte writers do not get a parse per byte. */
	input->is_to_judge = stream->is_upgraded || memchr(bytes, '\n', size) != NULL;
	if (stream->tail == NULL) {
		input->is_to_judge |= !may_be_request(input);
		return true;
	}
	if (!append_to_tail(stream, pool, bytes, size))
		return false;
	input->bytes = stream->tail->data;
	input->size = stream->tail->size;
	input->is_to_judge |= !may_be_request(input);
	return true;
}

static enum stream_event next_upgrade(struct stream_input *input, struct stream_item *item)
{
	struct view bytes = ringcast_stream_rest(input);
	if (!input->is_to_judge && bytes.size <= PROTO_HTTP_REQUEST_BYTES_MAX)
		return STREAM_NEED_MORE;
	switch (ringcast_http_upgrade_parse(bytes, &item->upgrade, &item->status)) {
	case HTTP_UPGRADE_OK:
		input->position += item->upgrade.consumed_bytes;
		input->stream->is_upgraded = true;
		return STREAM_UPGRADE;
	case HTTP_UPGRADE_NEED_MORE:
		return STREAM_NEED_MORE;
	case HTTP_UPGRADE_REFUSED:
		return STREAM_REFUSED;
	}
	ringcast_unreachable("http upgrade result");
}

static bool append_fragment(struct stream_input *input, const struct websocket_frame *frame)
{
	struct stream *stream = input->stream;
	if (stream->message == NULL)
		stream->message = alloc(stream, input->pool, STREAM_MESSAGE_BYTES_MAX);
	if (stream->message == NULL)
		return false;
	ringcast_assert(stream->message->size + frame->size <= stream->message->capacity); /* the assembler bounds it */
	if (frame->size > 0)
		memcpy(stream->message->data + stream->message->size, frame->payload, frame->size);
	stream->message->size += (uint32_t)frame->size;
	return true;
}

static enum stream_event finish_message(struct stream_input *input, const struct websocket_frame *frame, struct stream_item *item)
{
	if (!append_fragment(input, frame))
		return STREAM_NO_BUFFER;
	input->finished = input->stream->message;
	input->stream->message = NULL;
	item->bytes = ringcast_view_of(input->finished->data, input->finished->size);
	return STREAM_MESSAGE;
}

/* One frame's meaning. */
static enum stream_event interpret(struct stream_input *input, const struct websocket_frame *frame, struct stream_item *item)
{
	struct websocket_assembler *assembler = &input->stream->assembler;
	bool is_text = frame->opcode == WEBSOCKET_TEXT || (frame->opcode == WEBSOCKET_CONTINUATION && assembler->message_opcode == WEBSOCKET_TEXT);
	enum websocket_event event = ringcast_websocket_assemble(assembler, frame, STREAM_MESSAGE_BYTES_MAX, &item->close_code);
	item->bytes = ringcast_view_of(frame->payload, frame->size);
	if (is_text && event != WEBSOCKET_EVENT_ERROR) {
		item->close_code = 1003;
		return STREAM_ERROR;
	}
	switch (event) {
	case WEBSOCKET_EVENT_MESSAGE:
		return STREAM_MESSAGE;
	case WEBSOCKET_EVENT_FRAGMENT:
		return append_fragment(input, frame) ? STREAM_FRAGMENT : STREAM_NO_BUFFER;
	case WEBSOCKET_EVENT_MESSAGE_END:
		return finish_message(input, frame, item);
	case WEBSOCKET_EVENT_PING:
		return STREAM_PING;
	case WEBSOCKET_EVENT_PONG:
		return STREAM_PONG;
	case WEBSOCKET_EVENT_CLOSE:
		return STREAM_CLOSE;
	case WEBSOCKET_EVENT_ERROR:
		return STREAM_ERROR;
	}
	ringcast_unreachable("websocket event");
}

static enum stream_event next_message(struct stream_input *input, struct stream_item *item)
{
	if (input->position < input->size) {
		struct websocket_frame frame;
		size_t consumed = 0, needed = 0;
		enum websocket_result result =
			ringcast_websocket_parse(input->bytes + input->position, input->size - input->position, true, STREAM_MESSAGE_BYTES_MAX,
						 &frame, &consumed, &needed, &item->close_code);
		if (result == WEBSOCKET_NEED_MORE)
			return STREAM_NEED_MORE;
		if (result == WEBSOCKET_ERROR)
			return STREAM_ERROR;
		input->position += consumed;
		return interpret(input, &frame, item);
	}
	return STREAM_NEED_MORE;
}

static void free_finished(struct stream_input *input)
{
	if (input->finished != NULL)
		ringcast_buf_unref(input->finished);
	input->finished = NULL;
}

enum stream_event ringcast_stream_next(struct stream_input *input, struct stream_item *ret_item)
{
	free_finished(input);
	if (input->position == input->size)
		return STREAM_NEED_MORE;
	return input->stream->is_upgraded ? next_message(input, ret_item) : next_upgrade(input, ret_item);
}

struct view ringcast_stream_rest(const struct stream_input *input)
{
	return ringcast_view_of(input->bytes + input->position, input->size - input->position);
}

bool ringcast_stream_end(struct stream_input *input)
{
	struct stream *stream = input->stream;
	struct view rest = ringcast_stream_rest(input);
	free_finished(input);
	if (rest.size == 0) {
		if (stream->tail != NULL)
			ringcast_buf_unref(stream->tail);
		stream->tail = NULL;
		return true;
	}
	if (stream->tail == NULL) {
		stream->tail = alloc(stream, input->pool, rest.size);
		if (stream->tail == NULL)
			return false;
		memcpy(stream->tail->data, rest.data, rest.size);
	} else {
		memmove(stream->tail->data, rest.data, rest.size);
	}
	stream->tail->size = (uint32_t)rest.size;
	return true;
}

void ringcast_stream_forget(struct stream *stream)
{
	if (stream->tail != NULL)
		ringcast_buf_unref(stream->tail);
	if (stream->message != NULL)
		ringcast_buf_unref(stream->message);
	stream->tail = stream->message = NULL;
}

void ringcast_stream_fini(struct stream *stream)
{
	ringcast_stream_forget(stream);
	*stream = (struct stream){0};
}
