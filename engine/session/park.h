/*
 * Questions whose answer takes time (VERDICT_LATER): the event waits here, with the later events of its player behind it. Bounded per player and
 * per session (session_limits.parked_*_max: the drop is counted as park_full), and each has a deadline (parked_timeout_ms) after which the
 * limits' default verdict is taken and counted (park_timeout). A player who leaves takes its parked events along.
 *
 * What is kept: a copy of the packet in a buf of the shard's pool. Answers may come in any order; one that comes too late is ignored.
 */
#ifndef RINGCAST_SESSION_PARK_H
#define RINGCAST_SESSION_PARK_H

#include "session/session.h"

/* Inside a hook with a verdict, before it returns VERDICT_LATER: what to answer with. Never 0; not reused within a session's life. */
uint64_t ringcast_park_ticket(struct session *session);
/* Outside hooks. Carries the event out or refuses it, then what waited behind it, then queued commands. False: nothing waits for this ticket. */
bool ringcast_park_answer(struct session *session, uint64_t ticket, enum verdict verdict, uint64_t now_ns);

#endif
