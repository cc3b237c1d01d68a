/* One reliable flow, however it is cut: the items are the same, and nothing is held between two messages. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "transport/stream.h"

enum { BYTES_MAX = 2048 };

static struct buf_pool *pool;

static void begin(void)
{
	struct buf_pool_options options = {.class_counts = {64, 64, 64, 64, 64, 64, 64, 64, 64, 64}};
	pool = ringcast_buf_pool_create(&options);
	cr_assert_not_null(pool);
}

static void end(void)
{
	ringcast_buf_pool_destroy(&pool); /* asserts that every buf is back */
}

TestSuite(stream, .init = begin, .fini = end);

struct flow {
	uint8_t bytes[BYTES_MAX];
	size_t size;
};

static void add_frame(struct flow *flow, enum websocket_opcode opcode, bool is_final, const char *text)
{
	static const uint8_t mask[4] = {1, 2, 3, 4};
	uint8_t *out = flow->bytes + flow->size;
	size_t size = strlen(text), header = ringcast_websocket_encode_header_masked(opcode, is_final, size, mask, out);
	memcpy(out + header, text, size);
	ringcast_websocket_mask(out + header, size, mask);
	flow->size += header + size;
}

static void add_upgrade(struct flow *flow)
{
	flow->size += ringcast_http_upgrade_encode_request("test:1900", "/", "dGhlIHNhbXBsZSBub25jZQ==", (char *)flow->bytes + flow->size, 1024);
}

/* What came out, as one line. */
static void note(char *log, enum stream_event event, const struct stream_item *item)
{
	static const char *const names[] = {[STREAM_UPGRADE] = "upgrade", [STREAM_REFUSED] = "refused", [STREAM_MESSAGE] = "message",
					    [STREAM_FRAGMENT] = "fragment", [STREAM_PING] = "ping", [STREAM_PONG] = "pong", [STREAM_CLOSE] = "close",
					    [STREAM_ERROR] = "error", [STREAM_NO_BUFFER] = "no buffer"};
	bool has_bytes = event == STREAM_MESSAGE || event == STREAM_PING;
	sprintf(log + strlen(log), "%s %.*s|", names[event], has_bytes ? (int)item->bytes.size : 0, has_bytes ? (const char *)item->bytes.data : "");
}

/* False: the owner would close now. */
static bool feed(struct stream *stream, const uint8_t *bytes, size_t size, char *log)
{
	uint8_t copy[BYTES_MAX]; /* read in place, so never twice from the same memory */
	struct stream_input input;
	struct stream_item item;
	enum stream_event event;
	memcpy(copy, bytes, size);
	cr_assert(ringcast_stream_begin(&input, stream, pool, copy, size));
	while ((event = ringcast_stream_next(&input, &item)) != STREAM_NEED_MORE) {
		note(log, event, &item);
		if (event == STREAM_ERROR || event == STREAM_REFUSED)
			return false;
	}
	cr_assert(ringcast_stream_end(&input));
	return true;
}

static void expect(const struct flow *flow, size_t piece, const char *wanted)
{
	struct stream stream = {0};
	char log[BYTES_MAX] = "";
	bool is_open = true;
	for (size_t at = 0; at < flow->size && is_open; at += piece)
		is_open = feed(&stream, flow->bytes + at, flow->size - at < piece ? flow->size - at : piece, log);
	cr_assert_str_eq(log, wanted, "in pieces of %zu: %s", piece, log);
	ringcast_stream_fini(&stream);
}

Test(stream, the_items_do_not_depend_on_the_pieces)
{
	struct flow flow = {0};
	add_upgrade(&flow);
	add_frame(&flow, WEBSOCKET_BINARY, true, "one");
	add_frame(&flow, WEBSOCKET_PING, true, "are you there");
	add_frame(&flow, WEBSOCKET_BINARY, false, "fragm");
	add_frame(&flow, WEBSOCKET_PONG, true, "");
	add_frame(&flow, WEBSOCKET_CONTINUATION, true, "ented");
	add_frame(&flow, WEBSOCKET_BINARY, true, "last");
	for (size_t piece = 1; piece <= flow.size; piece++)
		expect(&flow, piece, "upgrade |message one|ping are you there|fragment |pong |message fragmented|message last|");
}

Test(stream, nothing_is_kept_between_whole_messages)
{
	struct flow flow = {0};
	struct stream stream = {0};
	char log[BYTES_MAX] = "";
	add_upgrade(&flow);
	add_frame(&flow, WEBSOCKET_BINARY, true, "whole");
	feed(&stream, flow.bytes, flow.size, log);
	cr_assert(stream.tail == NULL && stream.message == NULL);
	size_t start = flow.size;
	add_frame(&flow, WEBSOCKET_BINARY, true, "cut");
	feed(&stream, flow.bytes + start, flow.size - start - 1, log);
	cr_assert_not_null(stream.tail);
	ringcast_stream_fini(&stream);
}

Test(stream, an_unmasked_frame_is_an_error_in_any_piece)
{
	struct flow flow = {0};
	add_upgrade(&flow);
	memcpy(flow.bytes + flow.size, "\x82\x01x", 3);
	flow.size += 3;
	expect(&flow, flow.size, "upgrade |error |");
	expect(&flow, flow.size - 1, "upgrade |error |");
}
