/*
 * What becomes of sessions and their players, for whoever keeps an index of them: told in the order in which it happened, with a number that
 * counts up in each session, so that who has missed something knows.
 *
 * Called on the shard's thread in the middle of things: the observer copies what it wants and calls nothing of the session layer.
 */
#ifndef RINGCAST_SESSION_CHANGE_H
#define RINGCAST_SESSION_CHANGE_H

#include "base/close.h"
#include "base/types.h"

struct session;
struct player;

enum session_change_kind {
	CHANGE_SESSION_STARTED,
	CHANGE_SESSION_ENDED, /* the last one of a session */
	CHANGE_PLAYER_RESERVED,
	CHANGE_PLAYER_ACCEPTED,
	CHANGE_PLAYER_COMPLETED, /* left, or its reservation was cancelled */
	CHANGE_PLAYER_TIMEDOUT,	 /* never came */
	CHANGE_SESSION_ACTIVE,	 /* its start is through: at once behind STARTED, unless whoever plays it held it up */
};

struct session_change {
	enum session_change_kind kind;
	uint64_t sequence; /* from 1 */
	const struct session *session;
	const struct player *player; /* NULL: about the session */
	enum close_reason reason;    /* of an end or a leave */
};

typedef void session_change_fn(void *context, const struct session_change *change);

#endif
