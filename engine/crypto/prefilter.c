#include "crypto/prefilter.h"

#include "crypto/dtls_record.h"

enum { TAG_BYTES = 16, SEALED_BYTES_MIN = TAG_BYTES + 1 /* ChaCha20 sends no nonce; GCM's nonce and tag alone would be 24 */ };

/* After the handshake a client in clear can only be repeating its last flight. */
static bool is_repeat(const struct dtls_record *record)
{
	return ringcast_dtls_is_handshake(record, DTLS_HANDSHAKE_CLIENT_KEY_EXCHANGE) || record->type == DTLS_CONTENT_CHANGE_CIPHER_SPEC;
}

static enum crypto_prefilter judge(const struct dtls_record *record, bool is_established)
{
	if (record->epoch > 0)
		return record->body.size < SEALED_BYTES_MIN ? CRYPTO_PREFILTER_DROP_SHORT : CRYPTO_PREFILTER_FEED;
	if (ringcast_dtls_is_handshake(record, DTLS_HANDSHAKE_CLIENT_HELLO))
		return CRYPTO_PREFILTER_DROP_MALFORMED;
	if (record->type == DTLS_CONTENT_DATA || (is_established && !is_repeat(record)))
		return CRYPTO_PREFILTER_DROP_PLAINTEXT;
	return CRYPTO_PREFILTER_FEED;
}

enum crypto_prefilter ringcast_crypto_prefilter(struct view datagram, bool is_established)
{
	enum crypto_prefilter verdict = CRYPTO_PREFILTER_FEED;
	struct view rest = datagram;
	struct dtls_record record;
	bool is_hello = false;
	do {
		bool is_first = rest.size == datagram.size;
		if (!ringcast_dtls_next_record(&rest, &record))
			return CRYPTO_PREFILTER_DROP_MALFORMED;
		if (is_first)
			is_hello = ringcast_dtls_is_whole_hello(&record);
		if (verdict == CRYPTO_PREFILTER_FEED && !is_hello)
			verdict = judge(&record, is_established);
	} while (rest.size > 0);
	return is_hello ? CRYPTO_PREFILTER_LISTEN : verdict;
}

bool ringcast_crypto_is_dtls(struct view datagram)
{
	if (datagram.size < 3)
		return false;
	uint8_t type = datagram.data[0];
	return type >= DTLS_CONTENT_CHANGE_CIPHER_SPEC && type <= DTLS_CONTENT_DATA && ringcast_dtls_is_version(datagram.data + 1);
}
