/*
 * The gate: which op code is allowed where. Every packet from a client passes it once, and what happens then is read off gate.def, never
 * decided by tests of its own in the code that received it.
 *
 * A place is a channel and the state of what the packet came on: a stream (before or after the login), a player's plain datagrams, a DTLS
 * association. Pure; any thread.
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
	GATE_ACTION_COUNT,
};

enum gate_action ringcast_gate(int32_t opcode, enum gate_place place);
const char *ringcast_gate_place_name(enum gate_place place);    /* "stream joined" */
const char *ringcast_gate_action_name(enum gate_action action); /* "route" */

#endif
