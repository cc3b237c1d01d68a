#include "crypto/dtls_record.h"

enum { VERSION_OFFSET = 1, EPOCH_OFFSET = 3, LENGTH_OFFSET = 11, BODY_BYTES_MAX = 16384 + 2048 };

static uint16_t read_u16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
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
