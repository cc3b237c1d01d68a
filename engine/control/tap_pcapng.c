#include "control/tap_pcapng.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "proto/packet.h"

/* Of draft-ietf-opsawg-pcapng, and of Wireshark's exported PDUs. Numbers are in the byte order of the machine, but for those of the PDU. */
enum { BLOCK_SECTION = 0x0a0d0d0a, BLOCK_INTERFACE = 1, BLOCK_PACKET = 6, ORDER_MAGIC = 0x1a2b3c4d, LINK_EXPORTED_PDU = 252 };
enum { OPTION_END = 0, OPTION_COMMENT = 1, OPTION_TIME_RESOLUTION = 9, TAG_END = 0, TAG_DISSECTOR = 12, COMMENT_BYTES = 200 };

struct out {
	uint8_t *bytes;
	size_t used;
};

static void put(struct out *out, const void *bytes, size_t size)
{
	memcpy(out->bytes + out->used, bytes, size);
	out->used += size;
}

static void put16(struct out *out, uint16_t value)
{
	put(out, &value, sizeof(value));
}

static void put32(struct out *out, uint32_t value)
{
	put(out, &value, sizeof(value));
}

static void pad(struct out *out)
{
	while (out->used % 4 != 0)
		out->bytes[out->used++] = 0;
}

static void put_option(struct out *out, uint16_t code, const void *value, size_t size)
{
	put16(out, code);
	put16(out, (uint16_t)size);
	put(out, value, size);
	pad(out);
}

/* The length stands at both ends of a block. */
static size_t begin(struct out *out, uint32_t type)
{
	size_t start = out->used;
	put32(out, type);
	put32(out, 0);
	return start;
}

static void end(struct out *out, size_t start)
{
	uint32_t size = (uint32_t)(out->used - start + 4);
	put32(out, size);
	memcpy(out->bytes + start + 4, &size, sizeof(size));
}

size_t ringcast_tap_pcapng_head(uint8_t bytes[TAP_PCAPNG_BLOCK_BYTES])
{
	struct out out = {.bytes = bytes};
	const uint64_t unknown_size = UINT64_MAX;
	const uint8_t nanoseconds = 9;
	size_t start = begin(&out, BLOCK_SECTION);
	put32(&out, ORDER_MAGIC);
	put16(&out, 1); /* version 1.0 */
	put16(&out, 0);
	put(&out, &unknown_size, sizeof(unknown_size));
	end(&out, start);
	start = begin(&out, BLOCK_INTERFACE);
	put16(&out, LINK_EXPORTED_PDU);
	put16(&out, 0);
	put32(&out, 0); /* no bound on packets */
	put_option(&out, OPTION_TIME_RESOLUTION, &nanoseconds, sizeof(nanoseconds));
	put_option(&out, OPTION_END, "", 0);
	end(&out, start);
	return out.used;
}

static void put_pdu(struct out *out, const ringcast_message *message)
{
	static const uint8_t tags[] = {0, TAG_DISSECTOR, 0, 8, 'r', 'i', 'n', 'g', 'c', 'a', 's', 't', 0, TAG_END, 0, 0};
	put(out, tags, sizeof(tags));
	out->used += ringcast_packet_encode_head(message->opcode, 0, message->target_player, message->target_group, message->sender, message->intent == RINGCAST_RELIABLE,
						 message->payload_bytes, out->bytes + out->used);
	if (message->payload_bytes > 0)
		put(out, message->payload, message->payload_bytes);
}

static size_t comment_of(const ringcast_tapped *tapped, char ret_comment[COMMENT_BYTES])
{
	size_t used = (size_t)snprintf(ret_comment, COMMENT_BYTES, "%s%.64s", tapped->drop ? "dropped: " : "allowed", tapped->drop ? tapped->drop : "");
	if (tapped->message.payload_bytes < tapped->payload_bytes)
		used += (size_t)snprintf(ret_comment + used, COMMENT_BYTES - used, "; cut from %zu bytes", tapped->payload_bytes);
	if (tapped->left_out > 0)
		used += (size_t)snprintf(ret_comment + used, COMMENT_BYTES - used, "; %llu left out before", (unsigned long long)tapped->left_out);
	return used;
}

size_t ringcast_tap_pcapng_packet(const ringcast_tapped *tapped, uint64_t at_ns, uint8_t *bytes)
{
	struct out out = {.bytes = bytes};
	char comment[COMMENT_BYTES];
	size_t start = begin(&out, BLOCK_PACKET);
	put32(&out, 0); /* the only interface */
	put32(&out, (uint32_t)(at_ns >> 32));
	put32(&out, (uint32_t)at_ns);
	size_t size_at = out.used;
	put32(&out, 0);
	put32(&out, 0);
	size_t packet_at = out.used;
	put_pdu(&out, &tapped->message);
	uint32_t size = (uint32_t)(out.used - packet_at);
	memcpy(out.bytes + size_at, &size, sizeof(size));
	memcpy(out.bytes + size_at + 4, &size, sizeof(size));
	pad(&out);
	put_option(&out, OPTION_COMMENT, comment, comment_of(tapped, comment));
	put_option(&out, OPTION_END, "", 0);
	end(&out, start);
	ringcast_assert(out.used <= TAP_PCAPNG_BLOCK_BYTES + tapped->message.payload_bytes);
	return out.used;
}
