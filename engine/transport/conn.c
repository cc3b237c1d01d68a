#include "transport/conn.h"

#include "base/moves.h"

static const uint16_t moves[CONN_STATE_COUNT] = {
	[CONN_PROXY] = MOVE_TO(CONN_HELLO) | MOVE_TO(CONN_OPENING) | MOVE_TO(CONN_CLOSING),
	[CONN_HELLO] = MOVE_TO(CONN_SECURING) | MOVE_TO(CONN_OPENING) | MOVE_TO(CONN_CLOSING),
	[CONN_SECURING] = MOVE_TO(CONN_OPENING) | MOVE_TO(CONN_CLOSING),
	[CONN_OPENING] = MOVE_TO(CONN_LOGIN) | MOVE_TO(CONN_CLOSING),
	[CONN_LOGIN] = MOVE_TO(CONN_JOINED) | MOVE_TO(CONN_LEAVING) | MOVE_TO(CONN_CLOSING),
	[CONN_JOINED] = MOVE_TO(CONN_CLOSING),
	[CONN_LEAVING] = MOVE_TO(CONN_CLOSING) | MOVE_TO(CONN_CLOSED),
	[CONN_CLOSING] = MOVE_TO(CONN_CLOSED),
};

void ringcast_conn_enter(struct conn *conn, enum conn_state state)
{
	conn->state = ringcast_move(moves, conn->state, (uint8_t)state);
}
