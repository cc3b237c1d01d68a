/*
 * The heads of a UDP datagram on Ethernet, as the kernel's own UDP would write them: Ethernet, IPv4 or IPv6, UDP. Pure.
 *
 * A head is made once for each way (from where, to where, by which hardware addresses) and then finished per datagram: lengths, ports, checksums.
 */
#ifndef RINGCAST_IO_ETHERNET_H
#define RINGCAST_IO_ETHERNET_H

#include "base/types.h"

enum {
	ETHERNET_MAC_BYTES = 6,
	ETHERNET_LINK_BYTES = 14,
	ETHERNET_V4_BYTES = ETHERNET_LINK_BYTES + 20 + 8,
	ETHERNET_V6_BYTES = ETHERNET_LINK_BYTES + 40 + 8,
};

struct ethernet_head {
	uint8_t bytes[ETHERNET_V6_BYTES];
	uint8_t size; /* ETHERNET_V4_BYTES or ETHERNET_V6_BYTES */
	uint32_t address_sum; /* of both addresses and the protocol, for UDP's checksum */
	uint32_t ip_sum;      /* of an IPv4 header whose length is still 0 */
};

struct ethernet_way {
	uint8_t source_mac[ETHERNET_MAC_BYTES], target_mac[ETHERNET_MAC_BYTES];
	uint8_t source_ip[16], target_ip[16]; /* as in struct address: both IPv4 or both IPv6 */
	uint8_t hop_limit;
};

void ringcast_ethernet_prepare(const struct ethernet_way *way, struct ethernet_head *ret_head);
void ringcast_ethernet_set_target_mac(struct ethernet_head *head, const uint8_t mac[ETHERNET_MAC_BYTES]);
/* Heads and payload to out, which has room for both. Returns how many bytes that is. */
uint32_t ringcast_ethernet_write(const struct ethernet_head *head, uint16_t source_port, uint16_t target_port, const uint8_t *payload, uint32_t size, uint8_t *out);
/* What IP's length and the MTU count: all but the Ethernet header. */
static inline uint32_t ringcast_ethernet_ip_bytes(const struct ethernet_head *head, uint32_t size)
{
	return head->size - ETHERNET_LINK_BYTES + size;
}

#endif
