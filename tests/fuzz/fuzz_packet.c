/*
 * Whatever decodes can be encoded; what was encoded decodes to the same bytes again; every cut of it is incomplete. The input is
 * tried as it is and as a body behind a prefix that fits, because a mutator seldom mends a length.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "fuzz_target.h"
#include "proto/packet.h"
#include "proto/wire.h"

/* int32 values written short may grow to ten bytes, so an encoding can be larger than what it came from. */
enum { ENCODED_BYTES_MAX = 10 * PROTO_PACKET_BYTES_MAX };

static void check_players(const struct packet *packet)
{
	if (packet->command != PACKET_COMMAND_GROUP_MEMBERSHIP_UPDATE)
		return;
	size_t cursor = 0;
	uint32_t count = 0;
	int32_t player;
	while (ringcast_packet_membership_next(packet, &cursor, &player))
		count++;
	ringcast_assert(count == packet->membership.player_count);
}

static void check_head(const struct packet *packet, const uint8_t *encoded, size_t size)
{
	uint8_t head[PROTO_PACKET_OVERHEAD_BYTES_MAX];
	if (packet->command != PACKET_COMMAND_NONE || packet->client_version != 0)
		return;
	size_t head_bytes = ringcast_packet_encode_head(packet->opcode, packet->sequence, packet->target_player, packet->target_group,
							packet->sender, packet->is_reliable, packet->payload.size, head);
	ringcast_assert(head_bytes + packet->payload.size == size);
	ringcast_assert(memcmp(head, encoded, head_bytes) == 0);
	if (packet->is_reliable)
		return;
	uint8_t start[PACKET_START_BYTES_MAX];
	size_t rest_bytes = ringcast_packet_encode_rest(packet->target_player, packet->target_group, packet->sender, packet->payload.size, head);
	size_t start_bytes = ringcast_packet_encode_start(packet->opcode, packet->sequence, rest_bytes + packet->payload.size, start);
	ringcast_assert(start_bytes + rest_bytes == head_bytes && memcmp(start, encoded, start_bytes) == 0);
	ringcast_assert(memcmp(head, encoded + start_bytes, rest_bytes) == 0);
}

static void check_cuts(const uint8_t *encoded, size_t size)
{
	struct packet packet;
	for (size_t cut = 0; cut < size; cut += 1 + cut / 16)
		ringcast_assert(ringcast_packet_decode(ringcast_view_of(encoded, cut), &packet) == PACKET_INCOMPLETE);
}

static void check(struct view bytes)
{
	static uint8_t once[ENCODED_BYTES_MAX], twice[ENCODED_BYTES_MAX];
	struct packet packet, again;
	if (ringcast_packet_decode(bytes, &packet) != PACKET_OK)
		return;
	check_players(&packet);
	size_t size = ringcast_packet_encoded_bytes(&packet);
	ringcast_assert(size <= sizeof(once));
	ringcast_assert(ringcast_packet_encode(&packet, once, size - 1) == 0);
	ringcast_assert(ringcast_packet_encode(&packet, once, size) == size);
	if (size > PROTO_PACKET_BYTES_MAX)
		return;
	ringcast_assert(ringcast_packet_decode(ringcast_view_of(once, size), &again) == PACKET_OK);
	ringcast_assert(ringcast_packet_encode(&again, twice, sizeof(twice)) == size);
	ringcast_assert(memcmp(once, twice, size) == 0);
	check_players(&again);
	check_head(&again, once, size);
	check_cuts(once, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check(ringcast_view_of(data, size));
	if (size > PROTO_PACKET_BYTES_MAX)
		return 0;
	uint8_t *framed = malloc(size + WIRE_VARINT_BYTES_MAX);
	ringcast_assert(framed != NULL);
	uint8_t *body = ringcast_wire_write_varint(framed, size);
	if (size != 0)
		memcpy(body, data, size);
	check(ringcast_view_of(framed, (size_t)(body - framed) + size));
	free(framed);
	return 0;
}
