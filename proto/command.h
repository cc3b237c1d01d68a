/* The packet's oneof: which command has which fields. Nested messages are decoded and encoded here, their tables live here only. */
#ifndef RINGCAST_PROTO_COMMAND_H
#define RINGCAST_PROTO_COMMAND_H

#include "proto/packet.h"
#include "proto/wire.h"

bool ringcast_command_is_known(uint32_t field_number);
/* One occurrence of the command inside a packet. A repeated command merges as protobuf says; a different one replaces the former. */
MUST_USE bool ringcast_command_decode(enum packet_command command, struct view bytes, struct packet *packet);

/* With tag and length; 0 bytes when the packet has no command. An empty command is still written: its presence is its meaning. */
size_t ringcast_command_encoded_bytes(const struct packet *packet);
uint8_t *ringcast_command_encode(const struct packet *packet, uint8_t *out);

#endif
