#include "io/ethernet.h"

#include "base/assert.h"

enum { PROTOCOL_UDP = 17, TYPE_V4 = 0x0800, TYPE_V6 = 0x86dd, DO_NOT_FRAGMENT = 0x4000 };

static void put_u16(uint8_t *out, uint32_t value)
{
	out[0] = (uint8_t)(value >> 8);
	out[1] = (uint8_t)value;
}

/* The ones' complement sum does not care for byte order: it is kept in the machine's and turned at the end. */
static uint64_t add_words(const uint8_t *bytes, uint32_t size, uint64_t sum)
{
	uint64_t high = 0;
	for (; size >= 8; size -= 8, bytes += 8) {
		uint64_t word;
		memcpy(&word, bytes, sizeof(word));
		sum += word & UINT32_MAX;
		high += word >> 32;
	}
	uint64_t rest = 0;
	if (size > 0)
		memcpy(&rest, bytes, size); /* an odd byte is followed by a zero */
	return sum + high + (rest & UINT32_MAX) + (rest >> 32);
}

static uint32_t fold(uint64_t sum)
{
	while (sum > 0xffff)
		sum = (sum >> 16) + (sum & 0xffff);
	return (uint32_t)sum;
}

static uint32_t turned(uint32_t value)
{
	return __builtin_bswap16((uint16_t)value);
}

/* A number of the header, as it counts in a sum of the machine's byte order. */
static uint32_t as_word(uint32_t value)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return turned(value);
#else
	return value;
#endif
}

static void put_sum(uint8_t *out, uint32_t sum)
{
	uint16_t word = (uint16_t)sum;
	memcpy(out, &word, sizeof(word));
}

static void prepare_v4(const struct ethernet_way *way, struct ethernet_head *head)
{
	uint8_t *ip = head->bytes + ETHERNET_LINK_BYTES;
	put_u16(head->bytes + 12, TYPE_V4);
	ip[0] = 0x45;
	put_u16(ip + 6, DO_NOT_FRAGMENT);
	ip[8] = way->hop_limit;
	ip[9] = PROTOCOL_UDP;
	memcpy(ip + 12, way->source_ip + 12, 4);
	memcpy(ip + 16, way->target_ip + 12, 4);
	head->size = ETHERNET_V4_BYTES;
	head->ip_sum = fold(add_words(ip, 20, 0));
	head->address_sum = fold(add_words(ip + 12, 8, as_word(PROTOCOL_UDP)));
}

static void prepare_v6(const struct ethernet_way *way, struct ethernet_head *head)
{
	uint8_t *ip = head->bytes + ETHERNET_LINK_BYTES;
	put_u16(head->bytes + 12, TYPE_V6);
	ip[0] = 0x60;
	ip[6] = PROTOCOL_UDP;
	ip[7] = way->hop_limit;
	memcpy(ip + 8, way->source_ip, 16);
	memcpy(ip + 24, way->target_ip, 16);
	head->size = ETHERNET_V6_BYTES;
	head->address_sum = fold(add_words(ip + 8, 32, as_word(PROTOCOL_UDP)));
}

void ringcast_ethernet_prepare(const struct ethernet_way *way, struct ethernet_head *ret_head)
{
	struct address source = {0}, target = {0};
	memcpy(source.ip, way->source_ip, sizeof(source.ip));
	memcpy(target.ip, way->target_ip, sizeof(target.ip));
	ringcast_assert(ringcast_address_is_v4(&source) == ringcast_address_is_v4(&target));
	*ret_head = (struct ethernet_head){0};
	memcpy(ret_head->bytes, way->target_mac, ETHERNET_MAC_BYTES);
	memcpy(ret_head->bytes + ETHERNET_MAC_BYTES, way->source_mac, ETHERNET_MAC_BYTES);
	if (ringcast_address_is_v4(&target))
		prepare_v4(way, ret_head);
	else
		prepare_v6(way, ret_head);
}

void ringcast_ethernet_set_target_mac(struct ethernet_head *head, const uint8_t mac[ETHERNET_MAC_BYTES])
{
	memcpy(head->bytes, mac, ETHERNET_MAC_BYTES);
}

static void finish_ip(const struct ethernet_head *head, uint32_t udp_bytes, uint8_t *ip)
{
	if (head->size == ETHERNET_V6_BYTES) {
		put_u16(ip + 4, udp_bytes);
		return;
	}
	put_u16(ip + 2, 20 + udp_bytes);
	put_sum(ip + 10, ~fold((uint64_t)head->ip_sum + as_word(20 + udp_bytes)));
}

uint32_t ringcast_ethernet_write(const struct ethernet_head *head, uint16_t source_port, uint16_t target_port, const uint8_t *payload, uint32_t size, uint8_t *out)
{
	uint32_t udp_bytes = size + 8;
	uint8_t *udp = out + head->size - 8;
	ringcast_assert(head->size != 0 && udp_bytes + 20 <= UINT16_MAX);
	memcpy(out, head->bytes, head->size);
	finish_ip(head, udp_bytes, out + ETHERNET_LINK_BYTES);
	put_u16(udp, source_port);
	put_u16(udp + 2, target_port);
	put_u16(udp + 4, udp_bytes);
	if (size > 0)
		memcpy(out + head->size, payload, size);
	uint64_t sum = (uint64_t)head->address_sum + as_word(udp_bytes) + as_word(source_port) + as_word(target_port) + as_word(udp_bytes);
	uint32_t checksum = ~fold(add_words(payload, size, sum)) & 0xffff;
	put_sum(udp + 6, checksum != 0 ? checksum : 0xffff); /* zero would say that there is none */
	return head->size + size;
}
