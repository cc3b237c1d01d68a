/* What a packet from a client makes us send at most, by the row of the gate that it passes: see cost.def. Pure; any thread. */
#ifndef RINGCAST_PROTO_COST_H
#define RINGCAST_PROTO_COST_H

#include "proto/gate.h"

enum cost { COST_NOTHING, COST_NO_MORE, COST_RESULT, COST_LIST, COST_COPY };

enum {
	COST_HEAD_BYTES = PROTO_PACKET_OVERHEAD_BYTES_MAX + PROTO_WEBSOCKET_HEADER_BYTES_MAX,
	COST_LIST_BYTES = PROTO_PAYLOAD_RELIABLE_BYTES_MAX + COST_HEAD_BYTES,
	COST_RESULT_BYTES = PROTO_TOKEN_BYTES_MAX + PROTO_CA_CERT_BYTES_MAX + COST_HEAD_BYTES,
};

struct gate_cost {
	enum cost answer, others;
};

extern const struct gate_cost ringcast_gate_costs[GATE_ROW_COUNT];

/* packet_bytes: of all of it, as it came, payload and all. */
size_t ringcast_cost_bytes(enum cost cost, size_t packet_bytes, size_t payload_bytes);

#endif
