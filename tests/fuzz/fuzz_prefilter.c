/*
 * The first byte says whether the session is established, the rest is a datagram. What is let through consists of records from first to
 * last byte, none of them one that could not be meant; an established session is never shown more than one that is not.
 */
#include "base/assert.h"
#include "crypto/dtls_record.h"
#include "crypto/prefilter.h"
#include "crypto/repeats.h"
#include "fuzz_target.h"

static bool is_let_through(enum crypto_prefilter verdict)
{
	return verdict == CRYPTO_PREFILTER_FEED || verdict == CRYPTO_PREFILTER_LISTEN;
}

/* Read by hand, apart from the code that is tested. */
static void check_records(struct view datagram, bool is_established)
{
	size_t offset = 0;
	while (offset < datagram.size) {
		const uint8_t *record = datagram.data + offset;
		ringcast_assert(datagram.size - offset > 13);
		size_t length = (size_t)record[11] << 8 | record[12];
		bool is_clear = record[3] == 0 && record[4] == 0;
		ringcast_assert(length > 0 && length <= datagram.size - offset - 13);
		ringcast_assert(record[0] >= 20 && record[0] <= 23 && record[1] == 0xfe);
		ringcast_assert(is_clear || length >= 17);
		ringcast_assert(!is_clear || record[0] != 23);
		ringcast_assert(!is_clear || !is_established || record[0] == 20 || record[0] == 22);
		offset += 13 + length;
	}
	ringcast_assert(offset == datagram.size);
}

/* What was seen during the handshake may come again before data did, and not after. */
static void check_repeats(struct view datagram)
{
	struct repeats repeats = {0};
	ringcast_repeats_note(&repeats, datagram);
	bool is_allowed = ringcast_repeats_allow(&repeats, datagram);
	repeats.is_over = true;
	ringcast_assert(is_allowed || !ringcast_repeats_allow(&repeats, datagram));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	bool is_established = data[0] & 1;
	struct view datagram = ringcast_view_of(data + 1, size - 1);
	enum crypto_prefilter verdict = ringcast_crypto_prefilter(datagram, is_established);
	ringcast_assert(verdict != CRYPTO_PREFILTER_DROP_PLAINTEXT || ringcast_crypto_is_dtls(datagram));
	check_repeats(datagram);
	if (!is_let_through(verdict))
		return 0;
	ringcast_assert(ringcast_crypto_is_dtls(datagram));
	if (is_established)
		ringcast_assert(is_let_through(ringcast_crypto_prefilter(datagram, false)));
	if (verdict == CRYPTO_PREFILTER_FEED)
		check_records(datagram, is_established);
	else
		ringcast_assert(datagram.data[0] == 22 && datagram.data[13] == 1);
	return 0;
}
