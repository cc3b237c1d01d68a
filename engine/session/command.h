/*
 * Commands of scripts, waiting. A command lives in a buf of the shard's pool and is applied when the event that called the hook is
 * complete: the script's own messages come after the one it was asked about, and a player it kicks still gets that one.
 *
 * Terminates: only kick, finish and answer call hooks, and each of them uses up a player, the session, or an event that waited.
 */
#ifndef RINGCAST_SESSION_COMMAND_H
#define RINGCAST_SESSION_COMMAND_H

#include "session/session.h"

struct command;

enum { COMMAND_DATA_BYTES_MAX = PROTO_PACKET_BYTES_MAX - PROTO_PACKET_OVERHEAD_BYTES_MAX };

/* What clients act on as the engine's own: a script that sends these breaks them (and 0 is a login). */
bool ringcast_command_is_reserved(int32_t opcode);

/*
 * Until nothing is left to do: applies what waits, in order, then lets one parked event go on that may (park.h), and so on. What cannot be
 * done is counted by outbox.drop. Does nothing inside a hook, inside itself, or while a player's login result is still to be sent.
 */
void ringcast_command_apply(struct session *session);
/* Drops what waits. */
void ringcast_command_discard(struct session *session, enum drop_reason reason);
/* As ringcast_command_finish, for whoever runs the script: the session ends with CLOSE_SCRIPT_FAILED. */
enum drop_reason ringcast_command_fail(struct session *session);
/* One that waited with its player: done, or counted as dropped; freed. */
void ringcast_command_run(struct session *session, struct command *command);
void ringcast_command_forget(struct session *session, struct command *command, enum drop_reason reason);

#endif
