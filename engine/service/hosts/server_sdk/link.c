#include "service/hosts/server_sdk/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { READ_BYTES = 16 * 1024, HEAD_BYTES_MAX = 14, READS_PER_TURN_MAX = 16 };

static bool append(struct bytes *bytes, const void *data, size_t size)
{
	if (bytes->size + size > bytes->capacity) {
		size_t capacity = 2 * bytes->capacity + size;
		uint8_t *grown = realloc(bytes->data, capacity);
		if (grown == NULL)
			return false;
		bytes->data = grown;
		bytes->capacity = capacity;
	}
	if (size > 0)
		memcpy(bytes->data + bytes->size, data, size);
	bytes->size += size;
	return true;
}

static void take_away(struct bytes *bytes, size_t size)
{
	bytes->size -= size;
	if (bytes->size > 0 && size > 0)
		memmove(bytes->data, bytes->data + size, bytes->size);
}

struct link *ringcast_link_create(int fd, const void *first, size_t first_bytes)
{
	struct link *link = calloc(1, sizeof(*link));
	if (link == NULL)
		return NULL;
	link->fd = fd;
	link->messages_left = LINK_MESSAGES_MAX;
	if (append(&link->received, first, first_bytes))
		return link;
	free(link);
	return NULL;
}

void ringcast_link_destroy(struct link **link)
{
	if (*link == NULL)
		return;
	if ((*link)->release != NULL)
		(*link)->release((*link)->release_context);
	free((*link)->received.data);
	free((*link)->message.data);
	free((*link)->unsent.data);
	free(*link);
	*link = NULL;
}

/* Sending */

void ringcast_link_flush(struct link *link)
{
	while (link->unsent.size > 0 && !link->is_dead) {
		ssize_t sent = send(link->fd, link->unsent.data, link->unsent.size, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (sent < 0)
			link->is_dead = true;
		else
			take_away(&link->unsent, (size_t)sent);
	}
}

static void send_frame(struct link *link, enum websocket_opcode opcode, const void *payload, size_t size)
{
	uint8_t head[10];
	size_t head_bytes = ringcast_websocket_encode_header(opcode, true, size, head);
	if (link->is_dead || link->is_closing)
		return;
	if (link->unsent.size + head_bytes + size > LINK_UNSENT_BYTES_MAX || !append(&link->unsent, head, head_bytes) || !append(&link->unsent, payload, size))
		link->is_dead = true;
	ringcast_link_flush(link);
}

void ringcast_link_send(struct link *link, const char *text)
{
	if (text == NULL)
		link->is_dead = true;
	else
		send_frame(link, WEBSOCKET_TEXT, text, strlen(text));
}

void ringcast_link_close(struct link *link, uint16_t code, const char *reason)
{
	uint8_t frame[127];
	if (link->is_dead || link->is_closing)
		return;
	size_t size = ringcast_websocket_encode_close(code, reason, frame);
	if (!append(&link->unsent, frame, size))
		link->is_dead = true;
	link->is_closing = true;
	ringcast_link_flush(link);
}

/* Reading */

static void hear_whole(struct link *link, const struct websocket_frame *frame, link_hear_fn *hear, void *context)
{
	hear(context, link, (const char *)frame->payload, frame->size);
}

static void fail(struct link *link, uint16_t code, const char *reason)
{
	ringcast_link_close(link, code, reason);
}

static void take_frame(struct link *link, const struct websocket_frame *frame, link_hear_fn *hear, void *context)
{
	uint16_t code = 0;
	/* Looked at before assembling, which clears it: games of this protocol send text only. */
	bool is_binary = frame->opcode == WEBSOCKET_BINARY;
	switch (ringcast_websocket_assemble(&link->assembler, frame, SDK_MESSAGE_BYTES_MAX, &code)) {
	case WEBSOCKET_EVENT_MESSAGE:
		if (is_binary)
			fail(link, 1003, "text frames only");
		else
			hear_whole(link, frame, hear, context);
		break;
	case WEBSOCKET_EVENT_FRAGMENT:
		if (is_binary || !append(&link->message, frame->payload, frame->size))
			fail(link, 1003, "text frames only");
		break;
	case WEBSOCKET_EVENT_MESSAGE_END:
		if (append(&link->message, frame->payload, frame->size))
			hear(context, link, (const char *)link->message.data, link->message.size);
		link->message.size = 0;
		break;
	case WEBSOCKET_EVENT_PING:
		send_frame(link, WEBSOCKET_PONG, frame->payload, frame->size);
		break;
	case WEBSOCKET_EVENT_PONG:
		break;
	case WEBSOCKET_EVENT_CLOSE:
		fail(link, 1000, NULL);
		break;
	case WEBSOCKET_EVENT_ERROR:
		fail(link, code, NULL);
		break;
	}
}

void ringcast_link_parse(struct link *link, link_hear_fn *hear, void *context)
{
	size_t used = 0;
	while (!link->is_closing && !link->is_dead && link->messages_left > 0 && used < link->received.size) {
		struct websocket_frame frame;
		size_t consumed, needed;
		uint16_t code = 0;
		enum websocket_result result = ringcast_websocket_parse(link->received.data + used, link->received.size - used, true,
									SDK_MESSAGE_BYTES_MAX, &frame, &consumed, &needed, &code);
		if (result == WEBSOCKET_NEED_MORE)
			break;
		if (result == WEBSOCKET_ERROR) {
			fail(link, code, NULL);
			break;
		}
		used += consumed;
		link->messages_left--; /* a frame that is no message, or only a part of one, is work as well */
		take_frame(link, &frame, hear, context);
	}
	take_away(&link->received, used);
}

void ringcast_link_read(struct link *link, link_hear_fn *hear, void *context)
{
	uint8_t piece[READ_BYTES];
	for (int i = 0; i < READS_PER_TURN_MAX && !link->is_dead && (link->is_closing || link->messages_left > 0); i++) {
		ssize_t size = recv(link->fd, piece, sizeof(piece), MSG_DONTWAIT);
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (size <= 0) {
			link->is_dead = true;
			return;
		}
		if (link->is_closing) /* until the peer has closed too */
			continue;
		if (!append(&link->received, piece, (size_t)size))
			link->is_dead = true;
		ringcast_link_parse(link, hear, context);
	}
}
