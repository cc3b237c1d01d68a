#include "crypto/prefilter.h"

enum {
	HEADER_BYTES = 13,
	VERSION_OFFSET = 1,
	EPOCH_OFFSET = 3,
	LENGTH_OFFSET = 11,
	NONCE_BYTES = 8,
	TAG_BYTES = 16,
	SEALED_BYTES_MIN = TAG_BYTES + 1, /* ChaCha20 sends no nonce; GCM's nonce and tag alone would be 24 */
	RECORD_BYTES_MAX = 16384 + 2048,
	CONTENT_CHANGE_CIPHER_SPEC = 20,
	CONTENT_ALERT = 21,
	CONTENT_HANDSHAKE = 22,
	CONTENT_DATA = 23,
	HANDSHAKE_CLIENT_HELLO = 1,
	HANDSHAKE_CLIENT_KEY_EXCHANGE = 16,
	HANDSHAKE_HEADER_BYTES = 12,
};

struct record {
	uint8_t type;
	uint16_t epoch;
	struct view body;
};

static uint16_t read_u16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static bool is_version(const uint8_t *version)
{
	return version[0] == 0xfe && (version[1] == 0xff || version[1] == 0xfd);
}

/* Takes the first record off bytes; false: it is not one, or not all of it is there. */
static bool next_record(struct view *bytes, struct record *ret_record)
{
	if (bytes->size < HEADER_BYTES)
		return false;
	const uint8_t *header = bytes->data;
	size_t length = read_u16(header + LENGTH_OFFSET);
	if (header[0] < CONTENT_CHANGE_CIPHER_SPEC || header[0] > CONTENT_DATA || !is_version(header + VERSION_OFFSET))
		return false;
	if (length == 0 || length > RECORD_BYTES_MAX || length > bytes->size - HEADER_BYTES)
		return false;
	*ret_record = (struct record){.type = header[0], .epoch = read_u16(header + EPOCH_OFFSET), .body = {header + HEADER_BYTES, length}};
	bytes->data += HEADER_BYTES + length;
	bytes->size -= HEADER_BYTES + length;
	return true;
}

static bool is_handshake(const struct record *record, uint8_t type)
{
	return record->type == CONTENT_HANDSHAKE && record->body.size >= HANDSHAKE_HEADER_BYTES && record->body.data[0] == type;
}

/* After the handshake a client in clear can only be repeating its last flight. */
static bool is_repeat(const struct record *record)
{
	return is_handshake(record, HANDSHAKE_CLIENT_KEY_EXCHANGE) || record->type == CONTENT_CHANGE_CIPHER_SPEC;
}

static enum crypto_prefilter judge(const struct record *record, bool is_established)
{
	if (record->epoch > 0)
		return record->body.size < SEALED_BYTES_MIN ? CRYPTO_PREFILTER_DROP_SHORT : CRYPTO_PREFILTER_FEED;
	if (record->type == CONTENT_DATA || (is_established && !is_repeat(record)))
		return CRYPTO_PREFILTER_DROP_PLAINTEXT;
	return CRYPTO_PREFILTER_FEED;
}

enum crypto_prefilter ringcast_crypto_prefilter(struct view datagram, bool is_established)
{
	enum crypto_prefilter verdict = CRYPTO_PREFILTER_FEED;
	struct record record;
	bool is_first = true, is_hello = false;
	do {
		if (!next_record(&datagram, &record))
			return CRYPTO_PREFILTER_DROP_MALFORMED;
		if (is_first)
			is_hello = record.epoch == 0 && is_handshake(&record, HANDSHAKE_CLIENT_HELLO);
		is_first = false;
		if (verdict == CRYPTO_PREFILTER_FEED && !is_hello)
			verdict = judge(&record, is_established);
	} while (datagram.size > 0);
	return is_hello ? CRYPTO_PREFILTER_LISTEN : verdict;
}

bool ringcast_crypto_is_dtls(struct view datagram)
{
	if (datagram.size < VERSION_OFFSET + 2)
		return false;
	uint8_t type = datagram.data[0];
	return type >= CONTENT_CHANGE_CIPHER_SPEC && type <= CONTENT_DATA && is_version(datagram.data + VERSION_OFFSET);
}
