/* The PROXY protocol's two versions, and whom they are taken from. */
#include <criterion/criterion.h>

#include "base/attr.h"
#include "transport/proxy_header.h"

static struct address address_of(const uint8_t ip[4], uint16_t port)
{
	struct address address = {.ip = {[10] = 0xff, [11] = 0xff}, .port = port};
	memcpy(address.ip + 12, ip, 4);
	return address;
}

static struct proxy_header good(const void *bytes, size_t size)
{
	struct proxy_header header;
	for (size_t i = 0; i < size; i++)
		cr_assert_eq(ringcast_proxy_header_parse(ringcast_view_of(bytes, i), &header), PROXY_NEED_MORE, "%zu of %zu bytes", i, size);
	cr_assert_eq(ringcast_proxy_header_parse(ringcast_view_of(bytes, size), &header), PROXY_OK);
	cr_assert_eq(header.size, size);
	return header;
}

static void bad(const void *bytes, size_t size)
{
	struct proxy_header header;
	cr_assert_eq(ringcast_proxy_header_parse(ringcast_view_of(bytes, size), &header), PROXY_INVALID, "%.*s", (int)size, (const char *)bytes);
}

Test(proxy_header, version_1)
{
	const struct address v4 = address_of((const uint8_t[]){192, 0, 2, 7}, 56324);
	struct proxy_header header = good("PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n", 45);
	cr_assert(header.has_source && ringcast_address_is_equal(&header.source, &v4));
	header = good("PROXY TCP6 2001:db8::7 2001:db8::1 1 65535\r\n", 44);
	cr_assert(header.has_source && header.source.ip[0] == 0x20 && header.source.ip[15] == 7 && header.source.port == 1);
	cr_assert_not(good("PROXY UNKNOWN\r\n", 15).has_source);
	cr_assert_not(good("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", 35).has_source);
}

Test(proxy_header, version_1_refused)
{
	static const char *const lines[] = {
		"GET / HTTP/1.1\r\n",
		"PROXY\r\n",
		"PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
		"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
		"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
		"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
		"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n",
		"PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n",
		"PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n",
		"PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
		"PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n",
		"PROXY TCP4 ::1 ::1 1 2\r\n",
		"PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
		"PROXY TCP4 1.2.3.4 ::1 1 2\r\n",
		"PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n",
		"PROXY UNKNOWNS\r\n",
		"proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
		"\x16\x03\x01",
	};
	for (size_t i = 0; i < ARRAY_COUNT(lines); i++)
		bad(lines[i], strlen(lines[i]));
	char endless[108];
	memset(endless, 'x', sizeof(endless));
	memcpy(endless, "PROXY ", 6);
	bad(endless, sizeof(endless)); /* no line end within 107 bytes */
}

static size_t write_v2(uint8_t *out, uint8_t command, uint8_t family, size_t body_bytes)
{
	static const uint8_t signature[] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
	memset(out, 0, 16 + body_bytes);
	memcpy(out, signature, sizeof(signature));
	out[12] = command;
	out[13] = family;
	out[14] = (uint8_t)(body_bytes >> 8);
	out[15] = (uint8_t)body_bytes;
	return 16 + body_bytes;
}

Test(proxy_header, version_2)
{
	uint8_t bytes[2048];
	const struct address v4 = address_of((const uint8_t[]){192, 0, 2, 7}, 0x1234);
	size_t size = write_v2(bytes, 0x21, 0x11, 12);
	memcpy(bytes + 16, (const uint8_t[]){192, 0, 2, 7, 198, 51, 100, 1, 0x12, 0x34, 1, 187}, 12);
	struct proxy_header header = good(bytes, size);
	cr_assert(header.has_source && ringcast_address_is_equal(&header.source, &v4));
	size = write_v2(bytes, 0x21, 0x21, 36 + 100); /* with values behind the addresses */
	bytes[16] = 0x20;
	bytes[16 + 33] = 9;
	header = good(bytes, size);
	cr_assert(header.has_source && header.source.ip[0] == 0x20 && header.source.port == 9);
	cr_assert_not(good(bytes, write_v2(bytes, 0x20, 0x00, 0)).has_source, "a health check");
	cr_assert_not(good(bytes, write_v2(bytes, 0x20, 0x11, 12)).has_source);
	cr_assert_not(good(bytes, write_v2(bytes, 0x21, 0x00, 5)).has_source);
	good(bytes, write_v2(bytes, 0x21, 0x11, PROXY_HEADER_BYTES_MAX - 16));
}

Test(proxy_header, version_2_refused)
{
	uint8_t bytes[2048];
	bad(bytes, write_v2(bytes, 0x21, 0x11, 11));
	bad(bytes, write_v2(bytes, 0x21, 0x21, 35));
	bad(bytes, write_v2(bytes, 0x21, 0x12, 12)); /* datagrams over a stream */
	bad(bytes, write_v2(bytes, 0x22, 0x11, 12));
	bad(bytes, write_v2(bytes, 0x11, 0x11, 12));
	bad(bytes, write_v2(bytes, 0x21, 0x11, PROXY_HEADER_BYTES_MAX - 15));
	write_v2(bytes, 0x21, 0x11, 65535 - 64000);
	bytes[14] = bytes[15] = 0xff;
	bad(bytes, 16); /* refused by what it announces */
}

Test(proxy_header, what_follows_is_left)
{
	struct proxy_header header;
	cr_assert_eq(ringcast_proxy_header_parse(ringcast_view_of("PROXY UNKNOWN\r\nGET / HTTP/1.1", 29), &header), PROXY_OK);
	cr_assert_eq(header.size, 15);
}

Test(proxy_header, trusted_ranges)
{
	struct proxy_ranges ranges;
	struct address inside = address_of((const uint8_t[]){10, 9, 8, 7}, 0), outside = address_of((const uint8_t[]){11, 0, 0, 1}, 0);
	struct address six = {.ip = {0xfd, 1}}, other_six = {.ip = {0xfe, 0x80}}, one = address_of((const uint8_t[]){192, 0, 2, 7}, 5);
	cr_assert(ringcast_proxy_ranges_parse("10.0.0.0/8, fd00::/8 192.0.2.7", &ranges));
	cr_assert_eq(ranges.count, 3);
	cr_assert(ringcast_proxy_ranges_have(&ranges, &inside) && ringcast_proxy_ranges_have(&ranges, &six) && ringcast_proxy_ranges_have(&ranges, &one));
	one.ip[15]++;
	cr_assert_not(ringcast_proxy_ranges_have(&ranges, &outside) || ringcast_proxy_ranges_have(&ranges, &other_six) || ringcast_proxy_ranges_have(&ranges, &one));
	cr_assert(ringcast_proxy_ranges_parse("0.0.0.0/0", &ranges));
	cr_assert(ringcast_proxy_ranges_have(&ranges, &outside));
	cr_assert_not(ringcast_proxy_ranges_have(&ranges, &six), "all of IPv4 is not all");
	cr_assert(ringcast_proxy_ranges_parse("172.16.0.0/12", &ranges));
	struct address last = address_of((const uint8_t[]){172, 31, 255, 255}, 0), beyond = address_of((const uint8_t[]){172, 32, 0, 0}, 0);
	cr_assert(ringcast_proxy_ranges_have(&ranges, &last));
	cr_assert_not(ringcast_proxy_ranges_have(&ranges, &beyond));
	cr_assert(ringcast_proxy_ranges_parse("", &ranges) && ranges.count == 0);
	cr_assert(ringcast_proxy_ranges_parse(NULL, &ranges) && ranges.count == 0);
	static const char *const wrong[] = {"10.0.0.0/33", "::/129", "10/8", "localhost", "10.0.0.0/", "10.0.0.0/8x", "10.0.0.0/8/8",
					    "1.1.1.1 2.2.2.2 3.3.3.3 4.4.4.4 5.5.5.5 6.6.6.6 7.7.7.7 8.8.8.8 9.9.9.9 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1"};
	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++)
		cr_assert_not(ringcast_proxy_ranges_parse(wrong[i], &ranges), "%s", wrong[i]);
}
