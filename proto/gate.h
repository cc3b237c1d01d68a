/*
 * The gate: which op code is allowed where. Every packet from a client passes it once, and what happens then is read off gate.def, never
 * decided by tests of its own in the code that received it.
 *
 * A place is a channel and the state of what the packet came on: a stream (before or after the login), a player's plain datagrams, a DTLS
 * association. An op code is classified once, by one look into a table; what else depends on it alone is a table by row too. Pure; any thread.
 */
#ifndef RINGCAST_PROTO_GATE_H
#define RINGCAST_PROTO_GATE_H

#include "proto/packet.h"

enum gate_place {
	GATE_STREAM_LOGIN,
	GATE_STREAM_JOINED,
	GATE_DATAGRAM_WAITING,
	GATE_DATAGRAM_GREETED,
	GATE_DATAGRAM_UP,
	GATE_DATAGRAM_LOST,
	GATE_ASSOCIATION_HANDSHAKE,
	GATE_ASSOCIATION_ANONYMOUS,
	GATE_ASSOCIATION_IDENTIFIED,
	GATE_PLACE_COUNT,
};

enum gate_action {
	GATE_DROP,     /* goes no further: DROP_BAD_STATE. Nothing is answered and nothing is closed */
	GATE_ROUTE,    /* to the session */
	GATE_LOGIN,    /* admission decides; a refusal is answered and closes the stream */
	GATE_GREET,    /* answered with -6; may bind or move the address */
	GATE_NOTE,     /* means only that the sender is there */
	GATE_IDENTIFY, /* the token says which player this is; a refusal is answered and ends the association */
	GATE_REPEAT,   /* the same identity is answered again; another one is refused as above */
	GATE_COUNT,    /* acknowledges, if the connection is one that may be resumed; else as DROP */
	GATE_ACTION_COUNT,
};

/* One per known op code, and one for all the others. GAME is 0, for what the table of rows does not name is a game's. */
enum gate_row {
	GATE_ROW_GAME,
#define OPCODE(name, number, from_client, from_server, text) GATE_ROW_##name,
#include "proto/opcode.def"
#undef OPCODE
	GATE_ROW_COUNT,
};

enum { GATE_OPCODES_KNOWN = 1 - OPCODE_GAME_END }; /* 0 down to the lowest that has a meaning of its own */

extern const uint8_t ringcast_gate_rows[GATE_OPCODES_KNOWN]; /* by the op code, negated */
extern const uint8_t ringcast_gate_actions[GATE_ROW_COUNT][GATE_PLACE_COUNT];

static inline enum gate_row ringcast_gate_row(int32_t opcode)
{
	uint32_t index = 0 - (uint32_t)opcode;
	return index < GATE_OPCODES_KNOWN ? (enum gate_row)ringcast_gate_rows[index] : GATE_ROW_GAME;
}
/* What a game may send: the protocol's own, 0 among them, are none of it. */
static inline bool ringcast_gate_is_game(int32_t opcode) { return ringcast_gate_row(opcode) == GATE_ROW_GAME; }
static inline enum gate_action ringcast_gate_action(enum gate_row row, enum gate_place place) { return (enum gate_action)ringcast_gate_actions[row][place]; }
static inline enum gate_action ringcast_gate(int32_t opcode, enum gate_place place)
{
	return ringcast_gate_action(ringcast_gate_row(opcode), place);
}
const char *ringcast_gate_place_name(enum gate_place place);    /* "stream joined" */
const char *ringcast_gate_action_name(enum gate_action action); /* "route" */

#endif
