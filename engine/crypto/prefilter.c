#include "crypto/prefilter.h"

#include "crypto/dtls_record.h"

enum {
	TAG_BYTES = 16,
	SEALED_BYTES_MIN = TAG_BYTES + 1, /* ChaCha20 sends no nonce; GCM's nonce and tag alone would be 24 */
	HANDSHAKE_CLIENT_HELLO = 1,
	HANDSHAKE_CLIENT_KEY_EXCHANGE = 16,
	HANDSHAKE_HEADER_BYTES = 12,
};

static bool is_handshake(const struct dtls_record *record, uint8_t type)
{
	return record->type == DTLS_CONTENT_HANDSHAKE && record->body.size >= HANDSHAKE_HEADER_BYTES && record->body.data[0] == type;
}

/* After the handshake a client in clear can only be repeating its last flight. */
static bool is_repeat(const struct dtls_record *record)
{
	return is_handshake(record, HANDSHAKE_CLIENT_KEY_EXCHANGE) || record->type == DTLS_CONTENT_CHANGE_CIPHER_SPEC;
}

static enum crypto_prefilter judge(const struct dtls_record *record, bool is_established)
{
	if (record->epoch > 0)
		return record->body.size < SEALED_BYTES_MIN ? CRYPTO_PREFILTER_DROP_SHORT : CRYPTO_PREFILTER_FEED;
	if (record->type == DTLS_CONTENT_DATA || (is_established && !is_repeat(record)))
		return CRYPTO_PREFILTER_DROP_PLAINTEXT;
	return CRYPTO_PREFILTER_FEED;
}

enum crypto_prefilter ringcast_crypto_prefilter(struct view datagram, bool is_established)
{
	enum crypto_prefilter verdict = CRYPTO_PREFILTER_FEED;
	struct dtls_record record;
	bool is_first = true, is_hello = false;
	do {
		if (!ringcast_dtls_next_record(&datagram, &record))
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
	if (datagram.size < 3)
		return false;
	uint8_t type = datagram.data[0];
	return type >= DTLS_CONTENT_CHANGE_CIPHER_SPEC && type <= DTLS_CONTENT_DATA && ringcast_dtls_is_version(datagram.data + 1);
}
