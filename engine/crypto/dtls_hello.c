#include "crypto/dtls_hello.h"

enum {
	RECORD_HEADER_BYTES = 13,
	MESSAGE_HEADER_BYTES = 12,
	TYPE_HANDSHAKE = 22,
	MESSAGE_CLIENT_HELLO = 1,
	VERSION_BYTES = 2,
	RANDOM_BYTES = 32,
};

static size_t read_u24(const uint8_t *at)
{
	return (size_t)at[0] << 16 | (size_t)at[1] << 8 | at[2];
}

/* Record: type, version, epoch, sequence, length. Message: type, length, message_seq, fragment offset, fragment length. */
static bool read_headers(struct view datagram, struct view *ret_body)
{
	const uint8_t *record = datagram.data, *message = record + RECORD_HEADER_BYTES;
	if (datagram.size < RECORD_HEADER_BYTES + MESSAGE_HEADER_BYTES || record[0] != TYPE_HANDSHAKE || record[1] != 0xfe)
		return false;
	size_t record_bytes = (size_t)record[11] << 8 | record[12], body_bytes = read_u24(message + 1);
	if (record[3] != 0 || record[4] != 0 || record_bytes > datagram.size - RECORD_HEADER_BYTES)
		return false;
	if (message[0] != MESSAGE_CLIENT_HELLO || read_u24(message + 6) != 0 || read_u24(message + 9) != body_bytes)
		return false;
	if (body_bytes + MESSAGE_HEADER_BYTES > record_bytes)
		return false;
	*ret_body = ringcast_view_of(message + MESSAGE_HEADER_BYTES, body_bytes);
	return true;
}

/* A field with a length byte before it. False: it does not fit. */
static bool take_short(struct view *body, struct view *ret_field)
{
	if (body->size == 0 || body->data[0] > body->size - 1)
		return false;
	*ret_field = ringcast_view_of(body->data + 1, body->data[0]);
	*body = ringcast_view_of(body->data + 1 + ret_field->size, body->size - 1 - ret_field->size);
	return true;
}

bool ringcast_dtls_hello_read(struct view datagram, struct dtls_hello *ret_hello)
{
	struct view body;
	struct dtls_hello hello;
	if (!read_headers(datagram, &body) || body.size < VERSION_BYTES + RANDOM_BYTES)
		return false;
	hello.version = ringcast_view_of(body.data, VERSION_BYTES);
	hello.random = ringcast_view_of(body.data + VERSION_BYTES, RANDOM_BYTES);
	hello.rest = ringcast_view_of(body.data + VERSION_BYTES + RANDOM_BYTES, body.size - VERSION_BYTES - RANDOM_BYTES);
	if (!take_short(&hello.rest, &hello.session_id) || !take_short(&hello.rest, &hello.cookie))
		return false;
	*ret_hello = hello;
	return true;
}
