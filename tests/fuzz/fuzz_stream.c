/*
 * A whole flow, upgrade and messages: read whole, read in pieces, read in pieces by two shards one after the other (a hand-off), it tells the
 * same story; a pool that runs dry only cuts the story short; nothing is held that the limits do not allow, and nothing is left at the end.
 * The first three bytes choose where the flow begins, how large the pieces are and which message moves it.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "fuzz_target.h"
#include "transport/stream.h"

enum { CONFIG_BYTES = 3, STORY_EVENTS_MAX = 1 << 13, FRAME_BYTES_MAX = STREAM_MESSAGE_BYTES_MAX + PROTO_WEBSOCKET_HEADER_BYTES_MAX + 4 };

struct story {
	uint64_t events[STORY_EVENTS_MAX]; /* a digest of each */
	uint32_t event_count;
	enum stream_event last_event;
};

struct reader {
	struct story *story;
	struct stream stream;
	struct buf_pool *pool;
	uint32_t messages_to_move; /* the flow moves after so many; 0: it stays */
	bool is_over, is_moving;
};

static struct buf_pool *pool_of(const uint32_t class_counts[BUF_CLASS_COUNT])
{
	struct buf_pool_options options;
	memcpy(options.class_counts, class_counts, sizeof(options.class_counts));
	struct buf_pool *pool = ringcast_buf_pool_create(&options);
	ringcast_assert(pool != NULL);
	return pool;
}

static uint64_t digest(uint64_t hash, struct view bytes)
{
	for (size_t i = 0; i < bytes.size; i++)
		hash = (hash ^ bytes.data[i]) * UINT64_C(0x100000001b3);
	return hash * 31 + bytes.size;
}

static void tell(struct story *story, enum stream_event event, const struct stream_item *item)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325) + event;
	switch (event) {
	case STREAM_UPGRADE:
		hash = digest(digest(digest(hash, item->upgrade.path), item->upgrade.host), item->upgrade.key);
		break;
	case STREAM_REFUSED:
		hash += (uint64_t)item->status << 8;
		break;
	case STREAM_ERROR:
	case STREAM_CLOSE:
		hash += (uint64_t)item->close_code << 8;
		break;
	case STREAM_NO_BUFFER:
		break;
	default:
		hash = digest(hash, item->bytes);
	}
	ringcast_assert(story->event_count < STORY_EVENTS_MAX);
	story->events[story->event_count++] = hash;
	story->last_event = event;
}

static void take(struct reader *reader, enum stream_event event, const struct stream_item *item)
{
	tell(reader->story, event, item);
	reader->is_over = event == STREAM_REFUSED || event == STREAM_ERROR || event == STREAM_CLOSE || event == STREAM_NO_BUFFER;
	if (event == STREAM_MESSAGE && reader->messages_to_move > 0)
		reader->is_moving = --reader->messages_to_move == 0;
	ringcast_assert(event != STREAM_MESSAGE || item->bytes.size <= STREAM_MESSAGE_BYTES_MAX);
	ringcast_assert((event != STREAM_PING && event != STREAM_PONG) || item->bytes.size <= 125);
}

static void check_held(const struct reader *reader)
{
	const struct stream *stream = &reader->stream;
	size_t tail_bytes_max = stream->is_upgraded ? FRAME_BYTES_MAX : PROTO_HTTP_REQUEST_BYTES_MAX;
	if (stream->tail != NULL)
		ringcast_assert(stream->tail->size > 0 && (reader->is_over || reader->is_moving || stream->tail->size <= tail_bytes_max));
	if (stream->message != NULL)
		ringcast_assert(stream->message->size <= STREAM_MESSAGE_BYTES_MAX);
}

/* One receive, as a shard does it. The bytes lie in a block of their own, so that a sanitizer sees reads beyond. */
static void receive(struct reader *reader, const uint8_t *bytes, size_t size)
{
	struct stream_input input;
	struct stream_item item;
	enum stream_event event;
	uint8_t *own = malloc(size + 1);
	ringcast_assert(own != NULL);
	memcpy(own + 1, bytes, size); /* odd on purpose: receive buffers are not aligned */
	if (ringcast_stream_begin(&input, &reader->stream, reader->pool, own + 1, size)) {
		while (!reader->is_over && !reader->is_moving && (event = ringcast_stream_next(&input, &item)) != STREAM_NEED_MORE)
			take(reader, event, &item);
		if (!ringcast_stream_end(&input) && !reader->is_over)
			take(reader, STREAM_NO_BUFFER, NULL);
	} else {
		take(reader, STREAM_NO_BUFFER, NULL);
	}
	free(own);
	check_held(reader);
}

/* What handoff.c does: the unread bytes go to a fresh stream on another shard. */
static void move(struct reader *reader)
{
	uint8_t bytes[1 << 16];
	struct buf *tail = reader->stream.tail;
	size_t size = tail != NULL ? tail->size : 0;
	ringcast_assert(size <= sizeof(bytes));
	if (size > 0)
		memcpy(bytes, tail->data, size);
	ringcast_stream_fini(&reader->stream);
	reader->stream.is_upgraded = reader->stream.is_admitted = true;
	reader->is_moving = false;
	if (size > 0)
		receive(reader, bytes, size);
}

static void read_all(struct reader *reader, const uint8_t *data, size_t size, size_t piece_bytes)
{
	for (size_t at = 0; at < size && !reader->is_over;) {
		size_t piece = size - at < piece_bytes ? size - at : piece_bytes;
		receive(reader, data + at, piece);
		at += piece;
		if (reader->is_moving && !reader->is_over)
			move(reader);
	}
	ringcast_stream_fini(&reader->stream);
	ringcast_assert(ringcast_buf_pool_in_use(reader->pool) == 0);
}

/* A request is looked at only when a line ends, so what is wrong in its last, unfinished line may be seen earlier in one go. */
static bool is_seen_early(const struct story *whole, const struct story *pieces)
{
	return whole->last_event == STREAM_REFUSED && whole->event_count == 1 && pieces->event_count == 0;
}

static void check_same(const struct story *whole, const struct story *pieces)
{
	if (is_seen_early(whole, pieces))
		return;
	ringcast_assert(whole->event_count == pieces->event_count);
	ringcast_assert(memcmp(whole->events, pieces->events, whole->event_count * sizeof(whole->events[0])) == 0);
}

static void check_cut_short(const struct story *whole, const struct story *starved)
{
	bool is_cut = starved->last_event == STREAM_NO_BUFFER;
	if (!is_cut) {
		check_same(whole, starved);
		return;
	}
	ringcast_assert(starved->event_count <= whole->event_count + 1);
	ringcast_assert(memcmp(whole->events, starved->events, (starved->event_count - 1) * sizeof(whole->events[0])) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct buf_pool *pool, *small_pool;
	static struct story whole, pieces;
	if (pool == NULL) {
		pool = pool_of((const uint32_t[BUF_CLASS_COUNT]){4, 4, 4, 4, 4, 4, 4, 4, 4, 4});
		small_pool = pool_of((const uint32_t[BUF_CLASS_COUNT]){1, 1, 0, 1, 0, 0, 0, 0, 0, 0});
	}
	if (size < CONFIG_BYTES || size - CONFIG_BYTES > 1 << 15)
		return 0;
	struct reader start = {.story = &whole, .pool = pool, .stream.is_upgraded = (data[0] & 1) != 0, .stream.is_admitted = true};
	struct reader reader = start;
	size_t piece_bytes = size > 4096 ? 64 + (size_t)data[1] : 1 + (size_t)data[1] % 64;
	whole.event_count = pieces.event_count = 0;
	whole.last_event = pieces.last_event = STREAM_NEED_MORE;
	read_all(&reader, data + CONFIG_BYTES, size - CONFIG_BYTES, SIZE_MAX / 2);

	reader = start;
	reader.story = &pieces;
	reader.messages_to_move = data[2] % 8;
	read_all(&reader, data + CONFIG_BYTES, size - CONFIG_BYTES, piece_bytes);
	check_same(&whole, &pieces);

	reader = start;
	reader.story = &pieces;
	reader.pool = small_pool;
	pieces.event_count = 0;
	pieces.last_event = STREAM_NEED_MORE;
	read_all(&reader, data + CONFIG_BYTES, size - CONFIG_BYTES, piece_bytes);
	check_cut_short(&whole, &pieces);
	return 0;
}
