/*
 * Questions whose answer takes time (VERDICT_LATER): the event waits here, with the later events of its player behind it. A login waits as
 * well, and then so do commands about that player, for a script may address it before it is in. Everyone else goes on.
 *
 * Bounded per player and per session (session_limits.parked_*_max; beyond it an event is dropped as park_full), and each question has a
 * deadline (session_options.answer_timeout_ms), after which the session's default holds (is_late_allowed; a no is counted as park_timeout).
 * A player who leaves takes its parked events along (park_lost), and so does the end of the session.
 *
 * What is kept is a copy of the packet, in a buf of the shard's pool. The rules are applied anew when it goes on: recipients are those of
 * that moment, and a target that has gone by then is no target. Answers may come in any order; one that comes too late is ignored.
 */
#ifndef RINGCAST_SESSION_PARK_H
#define RINGCAST_SESSION_PARK_H

#include "session/session.h"

struct command;
struct route;

/* Inside a hook with a verdict, before it returns VERDICT_LATER: what to answer with. Never 0; not reused within a session's life. */
uint64_t ringcast_park_ticket(struct session *session);
/*
 * Outside hooks (inside: ringcast_command_answer). ALLOW or DENY. Carries the event out or refuses it, applies queued commands, then carries on
 * with what waited behind it, until all is done or waits for another answer. False: nothing waits for this ticket.
 */
bool ringcast_park_answer(struct session *session, uint64_t ticket, enum verdict verdict, uint64_t now_ns);

/* For the files of this folder. Reasons: DROP_NONE, PARK_FULL, NO_BUFFER. */

/* With route->asked: waits for the answer to the ticket just given. With is_put_off: goes on when commands have been carried out. Else: behind what waits. */
enum drop_reason ringcast_park_packet(const struct route *route);
/* The login of a CONNECTING player waits for the ticket just given. */
enum drop_reason ringcast_park_login(struct player *player);
/* A command about a player who is waiting, made by ringcast_command_keep; taken over on success. */
enum drop_reason ringcast_park_command(struct player *player, struct command *command);
/* As answer, but commands are not applied. */
bool ringcast_park_settle(struct session *session, uint64_t ticket, enum verdict verdict);
/* Carries on with the oldest event that no longer has to wait. False: there is none. */
bool ringcast_park_run_one(struct session *session);
/* Tells the script's side that nobody waits for ticket any more; a join that the script commanded waits in snapshot.h. */
void ringcast_park_tell_missed(struct session *session, uint64_t ticket, enum verdict verdict);
/* All of a player's, when it leaves. */
void ringcast_park_discard(struct player *player);
void ringcast_park_expire(struct timer *timer);

#endif
