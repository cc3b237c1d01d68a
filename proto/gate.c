#include "proto/gate.h"

#include "base/assert.h"

enum gate_row {
#define GATE(name, ...) ROW_##name,
#include "proto/gate.def"
#undef GATE
	ROW_COUNT,
};

#define GATE(name, a, b, c, d, e, f, g, h, i)                                                                                                     \
	[ROW_##name] = {GATE_##a, GATE_##b, GATE_##c, GATE_##d, GATE_##e, GATE_##f, GATE_##g, GATE_##h, GATE_##i},
static const uint8_t actions[ROW_COUNT][GATE_PLACE_COUNT] = {
#include "proto/gate.def"
};
#undef GATE

static enum gate_row row_of(int32_t opcode)
{
	switch (opcode) {
#define OPCODE(name, number, from_client, from_server, text)                                                                                      \
	case number:                                                                                                                              \
		return ROW_##name;
#include "proto/opcode.def"
#undef OPCODE
	default:
		return ROW_GAME;
	}
}

enum gate_action ringcast_gate(int32_t opcode, enum gate_place place)
{
	ringcast_assert((unsigned)place < GATE_PLACE_COUNT);
	return (enum gate_action)actions[opcode > 0 ? ROW_GAME : row_of(opcode)][place];
}

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
	static const char *const names[GATE_ACTION_COUNT] = {"drop", "route", "login", "greet", "note", "identify", "repeat"};
	ringcast_assert((unsigned)action < GATE_ACTION_COUNT);
	return names[action];
}
