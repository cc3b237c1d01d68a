#include "bench/load/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { READ_BYTES = 16384 };

void ringcast_wire_fini(struct wire *wire)
{
	free(wire->bytes);
	wire->bytes = NULL;
	wire->size = wire->capacity = 0;
}

bool ringcast_wire_send(int fd, json_t *message)
{
	char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
	size_t size = text ? strlen(text) + 1 : 0, sent = 0;
	json_decref(message);
	if (!text)
		return false;
	text[size - 1] = '\n'; /* in place of the end: a line ends itself */
	while (sent < size) {
		ssize_t done = send(fd, text + sent, size - sent, MSG_NOSIGNAL);
		if (done < 0 && errno != EINTR)
			break;
		sent += done > 0 ? (size_t)done : 0;
	}
	free(text);
	return sent == size;
}

static bool make_room(struct wire *wire)
{
	if (wire->capacity - wire->size >= READ_BYTES)
		return true;
	size_t capacity = 2 * wire->capacity + READ_BYTES;
	char *bytes = realloc(wire->bytes, capacity);
	if (!bytes)
		return false;
	wire->bytes = bytes;
	wire->capacity = capacity;
	return true;
}

/* The first line, if it is whole. */
static enum wire_result take_line(struct wire *wire, json_t **ret_message)
{
	char *end = wire->size ? memchr(wire->bytes, '\n', wire->size) : NULL;
	if (!end)
		return wire->size > wire->size_max ? WIRE_GONE : WIRE_NOTHING;
	size_t line_bytes = (size_t)(end - wire->bytes);
	*ret_message = line_bytes <= wire->size_max ? json_loadb(wire->bytes, line_bytes, 0, NULL) : NULL;
	wire->size -= line_bytes + 1;
	memmove(wire->bytes, end + 1, wire->size);
	return json_is_object(*ret_message) ? WIRE_MESSAGE : WIRE_GONE;
}

enum wire_result ringcast_wire_read(struct wire *wire, bool is_waiting, json_t **ret_message)
{
	for (;;) {
		*ret_message = NULL;
		enum wire_result result = take_line(wire, ret_message);
		if (result == WIRE_GONE) {
			json_decref(*ret_message);
			*ret_message = NULL;
		}
		if (result != WIRE_NOTHING || !make_room(wire))
			return result != WIRE_NOTHING ? result : WIRE_GONE;
		ssize_t got = recv(wire->fd, wire->bytes + wire->size, READ_BYTES, is_waiting ? 0 : MSG_DONTWAIT);
		if (got < 0 && errno == EINTR && !is_waiting)
			continue;
		if (got <= 0)
			return got < 0 && !is_waiting && (errno == EAGAIN || errno == EWOULDBLOCK) ? WIRE_NOTHING : WIRE_GONE;
		wire->size += (size_t)got;
	}
}
