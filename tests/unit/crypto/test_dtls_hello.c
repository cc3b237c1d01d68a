/* A ClientHello's random and cookie, and everything that is none. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "crypto/dtls_hello.h"

enum { RANDOM_AT = 13 + 12 + 2, SESSION_ID_AT = RANDOM_AT + 32 };

/* Returns the size. */
static size_t make_hello(uint8_t out[512], uint8_t session_id_bytes, uint8_t cookie_bytes)
{
	size_t body = 2 + 32 + 1 + session_id_bytes + 1 + cookie_bytes + 6;
	memset(out, 0xaa, 512);
	const uint8_t header[] = {22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, (uint8_t)((body + 12) >> 8), (uint8_t)(body + 12),
				  1, 0, (uint8_t)(body >> 8), (uint8_t)body, 0, 0, 0, 0, 0, 0, (uint8_t)(body >> 8), (uint8_t)body, 0xfe, 0xfd};
	memcpy(out, header, sizeof(header));
	for (uint8_t i = 0; i < 32; i++)
		out[RANDOM_AT + i] = i;
	out[SESSION_ID_AT] = session_id_bytes;
	out[SESSION_ID_AT + 1 + session_id_bytes] = cookie_bytes;
	for (uint8_t i = 0; i < cookie_bytes; i++)
		out[SESSION_ID_AT + 2 + session_id_bytes + i] = (uint8_t)(100 + i);
	return 13 + 12 + body;
}

/* From memory of exactly its size, so that a byte too far is seen by the sanitizer. */
static bool read_exactly(const uint8_t *bytes, size_t size, struct dtls_hello *ret_hello)
{
	uint8_t *copy = malloc(size + (size == 0));
	memcpy(copy, bytes, size);
	bool is_hello = ringcast_dtls_hello_read(ringcast_view_of(copy, size), ret_hello);
	free(copy);
	return is_hello;
}

Test(dtls_hello, random_and_cookie)
{
	uint8_t bytes[512];
	struct dtls_hello hello;
	for (int session_id_bytes = 0; session_id_bytes <= 32; session_id_bytes += 32)
		for (int cookie_bytes = 0; cookie_bytes <= 255; cookie_bytes += 51) {
			size_t size = make_hello(bytes, (uint8_t)session_id_bytes, (uint8_t)cookie_bytes);
			cr_assert(ringcast_dtls_hello_read(ringcast_view_of(bytes, size), &hello));
			cr_assert_eq(hello.random.data, bytes + RANDOM_AT);
			cr_assert_eq(hello.random.size, 32);
			cr_assert_eq(hello.cookie.size, (size_t)cookie_bytes);
			for (int i = 0; i < cookie_bytes; i++)
				cr_assert_eq(hello.cookie.data[i], (uint8_t)(100 + i));
		}
}

Test(dtls_hello, what_stands_behind_it_does_not_matter)
{
	uint8_t bytes[512];
	struct dtls_hello hello;
	size_t size = make_hello(bytes, 0, 20);
	cr_assert(read_exactly(bytes, size + 40, &hello));
}

Test(dtls_hello, cut_anywhere_it_is_none)
{
	uint8_t bytes[512];
	struct dtls_hello hello;
	size_t size = make_hello(bytes, 32, 20);
	for (size_t cut = 0; cut < size; cut++)
		cr_assert(!read_exactly(bytes, cut, &hello), "%zu", cut);
}

Test(dtls_hello, what_is_none)
{
	static const struct { size_t at; uint8_t value; const char *text; } changes[] = {
		{0, 23, "data"},
		{1, 3, "TLS"},
		{4, 1, "of epoch 1"},
		{12, 20, "a record shorter than its message"},
		{13, 2, "another message"},
		{16, 200, "a message longer than its record"},
		{21, 1, "a later fragment"},
		{24, 10, "a first fragment"},
		{SESSION_ID_AT, 200, "a session id longer than the message"},
		{SESSION_ID_AT + 1, 255, "a cookie longer than the message"},
	};
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		uint8_t bytes[512];
		struct dtls_hello hello;
		size_t size = make_hello(bytes, 0, 20);
		bytes[changes[i].at] = changes[i].value;
		cr_assert(!read_exactly(bytes, size, &hello), "%s", changes[i].text);
	}
}
