/*
 * Bytes of one reliable flow -> HTTP upgrade, then WebSocket messages. No I/O; the caller feeds what arrived and pulls items until
 * STREAM_NEED_MORE. Whole frames are parsed in place in the receive buffer; only an incomplete tail or a fragmented message is kept, in a
 * pool buf, so an idle connection holds no buffer.
 */
#ifndef RINGCAST_TRANSPORT_STREAM_H
#define RINGCAST_TRANSPORT_STREAM_H

#include "buf/buf.h"
#include "proto/http_upgrade.h"
#include "proto/limits.h"
#include "proto/websocket.h"

struct stream {
	struct buf *tail;    /* bytes not yet parsed */
	struct buf *message; /* payload of a fragmented message so far */
	struct websocket_assembler assembler;
	bool is_upgraded;
	bool is_admitted; /* set by the owner: strangers share half of the buffers among themselves */
};

struct stream_input { /* lives on the caller's stack for one receive */
	struct stream *stream;
	struct buf_pool *pool;
	uint8_t *bytes;
	size_t size, position;
	struct buf *finished; /* a fragmented message handed out; freed by the next call */
	bool is_to_judge; /* before the upgrade: worth a parse */
};

enum stream_event {
	STREAM_NEED_MORE,
	STREAM_UPGRADE, /* item.upgrade; answer 101 */
	STREAM_REFUSED, /* item.status: answer it and close */
	STREAM_MESSAGE, /* item.bytes: one binary message, valid until the next call */
	STREAM_FRAGMENT, /* part of a message, kept: to be counted */
	STREAM_PING,    /* item.bytes: answer with the same bytes */
	STREAM_PONG,
	STREAM_CLOSE,   /* item.close_code: what the client said, 1005 for nothing */
	STREAM_ERROR,   /* item.close_code: close with it */
	STREAM_NO_BUFFER,
};

struct stream_item {
	struct view bytes;
	struct http_upgrade upgrade;
	int status;
	uint16_t close_code;
};

#define STREAM_MESSAGE_BYTES_MAX (4096 + 512) /* payload, login token and payload, overhead */

bool ringcast_stream_begin(struct stream_input *input, struct stream *stream, struct buf_pool *pool, uint8_t *bytes, size_t size);
enum stream_event ringcast_stream_next(struct stream_input *input, struct stream_item *ret_item);
bool ringcast_stream_end(struct stream_input *input); /* keeps what was not parsed; false: no buffer for it */
/* The bytes not parsed yet, for a hand-off. */
struct view ringcast_stream_rest(const struct stream_input *input);
void ringcast_stream_forget(struct stream *stream); /* gives back what was kept; only the end of the stream is left. Not while it is being read */
void ringcast_stream_fini(struct stream *stream);

#endif
