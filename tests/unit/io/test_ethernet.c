/* Heads of datagrams, against bytes worked out apart from this code, and against a sum made the slow way. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "io/ethernet.h"

static uint32_t add_slowly(const uint8_t *bytes, uint32_t size, uint32_t sum)
{
	for (uint32_t i = 0; i < size; i++) {
		sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

/* Right when the sum over pseudo header, header and payload is all ones: how a receiver checks. */
static uint32_t udp_sum(const uint8_t *frame, uint32_t size, bool is_v4)
{
	const uint8_t *ip = frame + ETHERNET_LINK_BYTES;
	uint32_t head = is_v4 ? ETHERNET_V4_BYTES : ETHERNET_V6_BYTES, udp_bytes = size - head + 8;
	const uint8_t rest[4] = {0, 17, (uint8_t)(udp_bytes >> 8), (uint8_t)udp_bytes};
	uint32_t sum = is_v4 ? add_slowly(ip + 12, 8, 0) : add_slowly(ip + 8, 32, 0);
	return add_slowly(frame + head - 8, udp_bytes, add_slowly(rest, sizeof(rest), sum));
}

static struct ethernet_way way_of(bool is_v4)
{
	struct ethernet_way way = {.source_mac = {2, 0, 0, 0, 0, 1}, .target_mac = {2, 0, 0, 0, 0, 2}, .hop_limit = 64};
	if (is_v4) {
		memcpy(way.source_ip, (uint8_t[16]){[10] = 0xff, 0xff, 10, 1, 2, 3}, 16);
		memcpy(way.target_ip, (uint8_t[16]){[10] = 0xff, 0xff, 192, 168, 254, 255}, 16);
	} else {
		memcpy(way.source_ip, (uint8_t[16]){0x20, 1, 0xd, 0xb8, [15] = 1}, 16);
		memcpy(way.target_ip, (uint8_t[16]){0x20, 1, 0xd, 0xb8, [14] = 0xff, [15] = 0xfe}, 16);
	}
	return way;
}

Test(ethernet, is_what_the_standards_say)
{
	/* 10.1.2.3:7778 to 192.168.254.255:40000, "hello". The sums come from a program that shares no code with this. */
	static const uint8_t expected[] = {
		2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0,
		0x45, 0, 0, 33, 0, 0, 0x40, 0, 64, 17, 0x6f, 0x20, 10, 1, 2, 3, 192, 168, 254, 255,
		0x1e, 0x62, 0x9c, 0x40, 0, 13, 0x35, 0xb3, 'h', 'e', 'l', 'l', 'o'};
	struct ethernet_way way = way_of(true);
	struct ethernet_head head;
	uint8_t frame[128];
	ringcast_ethernet_prepare(&way, &head);
	uint32_t size = ringcast_ethernet_write(&head, 7778, 40000, (const uint8_t *)"hello", 5, frame);
	cr_assert_eq(size, sizeof(expected));
	for (uint32_t i = 0; i < size; i++)
		cr_assert_eq(frame[i], expected[i], "byte %u: %02x, not %02x", i, frame[i], expected[i]);
}

Test(ethernet, every_length_and_content_has_a_right_sum)
{
	uint8_t payload[1501], frame[1600];
	srand(1);
	for (int family = 0; family < 2; family++) {
		struct ethernet_way way = way_of(family == 0);
		struct ethernet_head head;
		ringcast_ethernet_prepare(&way, &head);
		for (uint32_t size = 0; size <= 1472; size++) {
			for (uint32_t i = 0; i < sizeof(payload); i++)
				payload[i] = (uint8_t)(size % 3 == 0 ? 0xff : rand());
			uint32_t bytes = ringcast_ethernet_write(&head, (uint16_t)rand(), (uint16_t)rand(), payload, size, frame);
			cr_assert_eq(bytes, head.size + size);
			cr_assert_eq(udp_sum(frame, bytes, family == 0), 0xffff, "%u bytes", size);
			if (family == 0)
				cr_assert_eq(add_slowly(frame + ETHERNET_LINK_BYTES, 20, 0), 0xffff);
			cr_assert_eq(memcmp(frame + head.size, payload, size), 0);
			cr_assert_eq(ringcast_ethernet_ip_bytes(&head, size), bytes - 14);
		}
	}
}

/* A sum of zero is sent as all ones, for zero means that there is none. */
Test(ethernet, no_sum_is_zero)
{
	struct ethernet_way way = way_of(false);
	struct ethernet_head head;
	uint8_t payload[2], frame[128];
	ringcast_ethernet_prepare(&way, &head);
	unsigned met_count = 0;
	for (uint32_t i = 0; i < 65536; i++) {
		payload[0] = (uint8_t)(i >> 8);
		payload[1] = (uint8_t)i;
		ringcast_ethernet_write(&head, 1, 2, payload, sizeof(payload), frame);
		uint32_t sum = (uint32_t)frame[ETHERNET_V6_BYTES - 2] << 8 | frame[ETHERNET_V6_BYTES - 1];
		cr_assert_neq(sum, 0);
		met_count += sum == 0xffff;
	}
	cr_assert_eq(met_count, 2 - 1, "one payload of all has that sum"); /* 0000 and ffff count the same, and give the same sum */
}

Test(ethernet, the_neighbour_can_change)
{
	struct ethernet_way way = way_of(true);
	struct ethernet_head head;
	uint8_t frame[128];
	ringcast_ethernet_prepare(&way, &head);
	ringcast_ethernet_set_target_mac(&head, (const uint8_t[6]){9, 8, 7, 6, 5, 4});
	ringcast_ethernet_write(&head, 1, 2, NULL, 0, frame);
	cr_assert_eq(memcmp(frame, (const uint8_t[12]){9, 8, 7, 6, 5, 4, 2, 0, 0, 0, 0, 1}, 12), 0);
}
