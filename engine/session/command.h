/*
 * Commands of scripts, waiting. A command lives in a buf of the shard's pool and is applied when the event that called the hook is
 * complete: the script's own messages come after the one it was asked about, and a player it kicks still gets that one.
 *
 * Terminates: only kick and finish call hooks, and each of them uses up a player or the session.
 */
#ifndef RINGCAST_SESSION_COMMAND_H
#define RINGCAST_SESSION_COMMAND_H

#include "session/session.h"

/* Applies what waits, in order; what cannot be done is counted by outbox.drop. Does nothing inside a hook, inside itself, or while a
 * player's login result is still to be sent. */
void ringcast_command_apply(struct session *session);
/* Drops what waits. */
void ringcast_command_discard(struct session *session, enum drop_reason reason);

#endif
