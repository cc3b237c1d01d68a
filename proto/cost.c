#include "proto/cost.h"

#include "base/assert.h"

#define COST(name, to_sender, to_others, text) [GATE_ROW_##name] = {.answer = COST_##to_sender, .others = COST_##to_others},
const struct gate_cost ringcast_gate_costs[GATE_ROW_COUNT] = {
#include "proto/cost.def"
};
#undef COST

enum {
#define COST(...) +1
	ROWS_SAID = 0
#include "proto/cost.def"
#undef COST
};
static_assert((int)ROWS_SAID == (int)GATE_ROW_COUNT, "an op code has no row in cost.def");

size_t ringcast_cost_bytes(enum cost cost, size_t packet_bytes, size_t payload_bytes)
{
	switch (cost) {
	case COST_NOTHING:
		return 0;
	case COST_NO_MORE:
		return packet_bytes;
	case COST_RESULT:
		return COST_RESULT_BYTES;
	case COST_LIST:
		return COST_LIST_BYTES;
	case COST_COPY:
		return payload_bytes + COST_HEAD_BYTES;
	}
	ringcast_unreachable("cost");
}
