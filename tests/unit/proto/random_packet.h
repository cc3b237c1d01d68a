/* Packets drawn from a seed, and the comparison of two packets by meaning. */
#ifndef RINGCAST_TESTS_PROTO_RANDOM_PACKET_H
#define RINGCAST_TESTS_PROTO_RANDOM_PACKET_H

#include "base/prng.h"
#include "proto/packet.h"

enum { RANDOM_PACKET_PLAYERS_MAX = 40, RANDOM_PACKET_BYTES_MAX = 1200 };

/* What the drawn packet's views point into. */
struct random_packet {
	struct packet packet;
	uint8_t bytes[5][RANDOM_PACKET_BYTES_MAX];
	int32_t players[RANDOM_PACKET_PLAYERS_MAX];
};

/* Every field, command and size class occurs often; strings are ASCII so that strict peers take them too. */
void random_packet_draw(struct prng *prng, struct random_packet *ret_random);
int32_t random_packet_int32(struct prng *prng);

/* True when both say the same, whether their players stand in an array or in decoded bytes. */
bool random_packet_is_same(const struct packet *a, const struct packet *b);

#endif
