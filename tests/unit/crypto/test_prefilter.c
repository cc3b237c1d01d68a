/* The verdicts on single datagrams that need no session. test_dtls.c has the ones on live sessions, fuzz_prefilter.c the rest. */
#include <criterion/criterion.h>

#include "base/attr.h"
#include "crypto/prefilter.h"

enum { HEADER = 13, HANDSHAKE_HEADER = 12 };

struct datagram {
	uint8_t bytes[512];
	size_t size;
};

/* Appends a record whose body starts with first and is otherwise zero. */
static void add(struct datagram *datagram, uint8_t type, uint8_t epoch, size_t body_bytes, uint8_t first)
{
	uint8_t *record = datagram->bytes + datagram->size;
	cr_assert_leq(datagram->size + HEADER + body_bytes, sizeof(datagram->bytes));
	memset(record, 0, HEADER + body_bytes);
	record[0] = type;
	record[1] = 0xfe;
	record[2] = 0xfd;
	record[4] = epoch;
	record[11] = (uint8_t)(body_bytes >> 8);
	record[12] = (uint8_t)body_bytes;
	record[13] = first;
	if (type == 22 && body_bytes >= HANDSHAKE_HEADER)
		record[13 + 3] = record[13 + 11] = (uint8_t)(body_bytes - HANDSHAKE_HEADER);
	datagram->size += HEADER + body_bytes;
}

static enum crypto_prefilter judge(const struct datagram *datagram, bool is_established)
{
	return ringcast_crypto_prefilter(ringcast_view_of(datagram->bytes, datagram->size), is_established);
}

Test(prefilter, one_record)
{
	static const struct {
		uint8_t type, epoch, first;
		size_t body_bytes;
		enum crypto_prefilter half_open, established;
	} cases[] = {
		{22, 0, 1, 60, CRYPTO_PREFILTER_LISTEN, CRYPTO_PREFILTER_LISTEN},
		{22, 0, 1, HANDSHAKE_HEADER - 1, CRYPTO_PREFILTER_FEED, CRYPTO_PREFILTER_DROP_PLAINTEXT},
		{22, 0, 16, 66, CRYPTO_PREFILTER_FEED, CRYPTO_PREFILTER_FEED},
		{22, 0, 11, 66, CRYPTO_PREFILTER_FEED, CRYPTO_PREFILTER_DROP_PLAINTEXT},
		{20, 0, 1, 1, CRYPTO_PREFILTER_FEED, CRYPTO_PREFILTER_FEED},
		{21, 0, 2, 2, CRYPTO_PREFILTER_FEED, CRYPTO_PREFILTER_DROP_PLAINTEXT},
		{23, 0, 9, 40, CRYPTO_PREFILTER_DROP_PLAINTEXT, CRYPTO_PREFILTER_DROP_PLAINTEXT},
		{23, 1, 9, 16, CRYPTO_PREFILTER_DROP_SHORT, CRYPTO_PREFILTER_DROP_SHORT},
		{23, 1, 9, 17, CRYPTO_PREFILTER_FEED, CRYPTO_PREFILTER_FEED},
		{22, 1, 1, 40, CRYPTO_PREFILTER_FEED, CRYPTO_PREFILTER_FEED},
		{19, 1, 9, 40, CRYPTO_PREFILTER_DROP_MALFORMED, CRYPTO_PREFILTER_DROP_MALFORMED},
		{24, 1, 9, 40, CRYPTO_PREFILTER_DROP_MALFORMED, CRYPTO_PREFILTER_DROP_MALFORMED},
		{25, 1, 9, 40, CRYPTO_PREFILTER_DROP_MALFORMED, CRYPTO_PREFILTER_DROP_MALFORMED},
	};
	for (size_t index = 0; index < ARRAY_COUNT(cases); index++) {
		struct datagram datagram = {0};
		add(&datagram, cases[index].type, cases[index].epoch, cases[index].body_bytes, cases[index].first);
		cr_assert_eq(judge(&datagram, false), cases[index].half_open, "case %zu", index);
		cr_assert_eq(judge(&datagram, true), cases[index].established, "case %zu", index);
	}
}

/* Every cut of a good datagram, and every byte too many, is malformed. */
Test(prefilter, cuts_and_tails)
{
	struct datagram datagram = {0};
	add(&datagram, 22, 0, 66, 16);
	add(&datagram, 20, 0, 1, 1);
	add(&datagram, 22, 1, 40, 7);
	cr_assert_eq(judge(&datagram, false), CRYPTO_PREFILTER_FEED);
	size_t whole = datagram.size;
	for (datagram.size = 0; datagram.size < whole + 12; datagram.size++) {
		bool is_at_record = datagram.size == HEADER + 66 || datagram.size == HEADER + 66 + HEADER + 1 || datagram.size == whole;
		cr_assert_eq(judge(&datagram, false) == CRYPTO_PREFILTER_FEED, is_at_record, "%zu bytes", datagram.size);
	}
}

/* The worst record decides; a hello only counts in front. */
Test(prefilter, several_records)
{
	struct datagram datagram = {0};
	add(&datagram, 23, 1, 40, 1);
	add(&datagram, 23, 1, 4, 1);
	cr_assert_eq(judge(&datagram, true), CRYPTO_PREFILTER_DROP_SHORT);
	datagram.size = 0;
	add(&datagram, 23, 1, 40, 1);
	add(&datagram, 22, 0, 60, 1);
	cr_assert_eq(judge(&datagram, true), CRYPTO_PREFILTER_DROP_MALFORMED);
	datagram.size = 0;
	add(&datagram, 22, 0, 60, 1);
	add(&datagram, 23, 1, 40, 1);
	cr_assert_eq(judge(&datagram, true), CRYPTO_PREFILTER_LISTEN);
}

/* The lengths of the message, of the part, and where the part begins. */
Test(prefilter, hello_in_parts)
{
	for (size_t at = 0; at < HANDSHAKE_HEADER; at++) {
		bool is_of_shape = (at >= 1 && at <= 3) || (at >= 6 && at <= 11);
		struct datagram datagram = {0};
		add(&datagram, 22, 0, 60, 1);
		datagram.bytes[HEADER + at] ^= 0x40;
		if (at != 0)
			cr_assert_eq(judge(&datagram, false), is_of_shape ? CRYPTO_PREFILTER_DROP_MALFORMED : CRYPTO_PREFILTER_LISTEN,
				     "byte %zu", at);
	}
}

/* A plain Realtime datagram of 20 to 23 bytes starts like a record, and differs in the next byte at the latest. */
Test(prefilter, tells_dtls_from_plain_packets)
{
	for (unsigned first = 0; first < 256; first++)
		for (unsigned tag = 0; tag < 256; tag++) {
			uint8_t bytes[] = {(uint8_t)first, (uint8_t)tag, 0xfd, 0};
			bool is_record = first >= 20 && first <= 23 && tag == 0xfe;
			cr_assert_eq(ringcast_crypto_is_dtls(ringcast_view_of(bytes, sizeof(bytes))), is_record);
			cr_assert_not(ringcast_crypto_is_dtls(ringcast_view_of(bytes, 2)));
		}
	cr_assert_not(ringcast_crypto_is_dtls(ringcast_view_of(NULL, 0)));
}
