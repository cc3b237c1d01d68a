#include "proto/gate.h"

#include "base/assert.h"

#define GATE(name, a, b, c, d, e, f, g, h, i)                                                                                                     \
	[GATE_ROW_##name] = {GATE_##a, GATE_##b, GATE_##c, GATE_##d, GATE_##e, GATE_##f, GATE_##g, GATE_##h, GATE_##i},
const uint8_t ringcast_gate_actions[GATE_ROW_COUNT][GATE_PLACE_COUNT] = {
#include "proto/gate.def"
};
#undef GATE

enum {
#define GATE(...) +1
	ROWS_SAID = 0
#include "proto/gate.def"
#undef GATE
};
static_assert((int)ROWS_SAID == (int)GATE_ROW_COUNT, "an op code has no row in gate.def");

#define OPCODE(name, number, from_client, from_server, text) [-(number)] = GATE_ROW_##name,
const uint8_t ringcast_gate_rows[GATE_OPCODES_KNOWN] = {
#include "proto/opcode.def"
};
#undef OPCODE

const char *ringcast_gate_place_name(enum gate_place place)
{
	static const char *const names[GATE_PLACE_COUNT] = {
		"stream login", "stream joined",         "datagram waiting",      "datagram greeted",
		"datagram up",  "datagram lost",         "association handshake", "association anonymous",
		"association identified",
	};
	ringcast_assert((unsigned)place < GATE_PLACE_COUNT);
	return names[place];
}

const char *ringcast_gate_action_name(enum gate_action action)
{
	static const char *const names[GATE_ACTION_COUNT] = {"drop", "route", "login", "greet", "note", "identify", "repeat", "count"};
	ringcast_assert((unsigned)action < GATE_ACTION_COUNT);
	return names[action];
}
