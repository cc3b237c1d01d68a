#include "crypto/dtls_record.h"

enum {
	VERSION_OFFSET = 1,
	EPOCH_OFFSET = 3,
	LENGTH_OFFSET = 11,
	BODY_BYTES_MAX = 16384 + 2048,
	MESSAGE_HEADER_BYTES = 12, /* type, length of the message, number, offset and length of this part */
	MESSAGE_LENGTH_OFFSET = 1,
	PART_OFFSET_OFFSET = 6,
	PART_LENGTH_OFFSET = 9,
};

static uint16_t read_u16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static size_t read_u24(const uint8_t *bytes)
{
	return (size_t)bytes[0] << 16 | (size_t)bytes[1] << 8 | bytes[2];
}

bool ringcast_dtls_is_version(const uint8_t *version)
{
	return version[0] == 0xfe && (version[1] == 0xff || version[1] == 0xfd);
}

bool ringcast_dtls_next_record(struct view *bytes, struct dtls_record *ret_record)
{
	if (bytes->size < DTLS_HEADER_BYTES)
		return false;
	const uint8_t *header = bytes->data;
	size_t length = read_u16(header + LENGTH_OFFSET);
	bool is_type = header[0] >= DTLS_CONTENT_CHANGE_CIPHER_SPEC && header[0] <= DTLS_CONTENT_DATA;
	if (!is_type || !ringcast_dtls_is_version(header + VERSION_OFFSET))
		return false;
	if (length == 0 || length > BODY_BYTES_MAX || length > bytes->size - DTLS_HEADER_BYTES)
		return false;
	*ret_record = (struct dtls_record){.type = header[0], .epoch = read_u16(header + EPOCH_OFFSET)};
	ret_record->body = ringcast_view_of(header + DTLS_HEADER_BYTES, length);
	bytes->data += DTLS_HEADER_BYTES + length;
	bytes->size -= DTLS_HEADER_BYTES + length;
	return true;
}

bool ringcast_dtls_is_handshake(const struct dtls_record *record, uint8_t type)
{
	return record->type == DTLS_CONTENT_HANDSHAKE && record->body.size >= MESSAGE_HEADER_BYTES && record->body.data[0] == type;
}

bool ringcast_dtls_is_whole_hello(const struct dtls_record *record)
{
	if (record->epoch != 0 || !ringcast_dtls_is_handshake(record, DTLS_HANDSHAKE_CLIENT_HELLO))
		return false;
	const uint8_t *header = record->body.data;
	size_t message_bytes = record->body.size - MESSAGE_HEADER_BYTES;
	return read_u24(header + MESSAGE_LENGTH_OFFSET) == message_bytes && read_u24(header + PART_OFFSET_OFFSET) == 0 &&
	       read_u24(header + PART_LENGTH_OFFSET) == message_bytes;
}
