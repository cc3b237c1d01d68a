/* The session's inside, for the files of this folder. */
#ifndef RINGCAST_SESSION_SESSION_IMPL_H
#define RINGCAST_SESSION_SESSION_IMPL_H

#include "base/assert.h"
#include "base/trace.h"
#include "session/home.h"
#include "session/session.h"

enum { SESSION_PLAYERS_DEFAULT = 32, SESSION_PROPERTIES_BYTES_MAX = 2097153, SESSION_MATCHMAKER_BYTES_MAX = 1560001,
       PLAYER_DATA_BYTES_MAX = 2049 }; /* with NUL */

/* What is done for the session's script, hooks and their commands; the outermost pair counts. */
static inline void ringcast_session_begin_work(struct session *session)
{
	if (session->hooks->work_began != NULL && session->work_depth++ == 0)
		session->hooks->work_began(session->hooks_context, session);
}

static inline void ringcast_session_end_work(struct session *session)
{
	if (session->hooks->work_ended != NULL && --session->work_depth == 0)
		session->hooks->work_ended(session->hooks_context, session);
}

/* 0: the script may be called. */
static inline uint64_t ringcast_session_wait_ns(struct session *session)
{
	return session->hooks->wait_ns != NULL ? session->hooks->wait_ns(session->hooks_context, session) : 0;
}

/* Around every hook: what the hook asks for meanwhile is queued. Whoever called the hooks of one event applies the queue at its end. */
static inline void ringcast_session_enter_hook(struct session *session)
{
	ringcast_assert(!session->is_in_hook);
	session->is_in_hook = true;
	RINGCAST_TRACE(HOOK_ENTER, (uintptr_t)session->id, session->self, 0);
	ringcast_session_begin_work(session);
}

static inline void ringcast_session_leave_hook(struct session *session)
{
	ringcast_assert(session->is_in_hook);
	session->is_in_hook = false;
	RINGCAST_TRACE(HOOK_LEAVE, (uintptr_t)session->id, session->self, 0);
	ringcast_session_end_work(session);
}

/* The same around a hook with a verdict about an event of player (NULL: of the session): only there tickets are given. */
static inline void ringcast_session_enter_question(struct session *session, struct player *player)
{
	ringcast_session_enter_hook(session);
	session->is_asking = true;
	session->is_unheard = false;
	session->asked = player;
	session->ticket = 0;
}

static inline void ringcast_session_leave_question(struct session *session, enum verdict verdict)
{
	ringcast_assert(verdict != VERDICT_LATER || session->ticket != 0); /* else nobody could ever answer */
	session->is_asking = false;
	session->asked = NULL;
	ringcast_session_leave_hook(session);
}

void ringcast_session_init_lists(struct session *session);
/* The number of players or reservations has changed: arms the empty timer when both are 0, cancels it otherwise. */
void ringcast_session_watch_empty(struct session *session);
/* The script has answered the health check late, or now. May end the session. */
void ringcast_session_answer_health(struct session *session, enum verdict verdict);
/* For what nobody is told by a return value: counted in the session and by the outbox. */
void ringcast_session_count_drops(struct session *session, enum drop_reason reason, uint64_t count);

/* Tells the store's observer; player NULL: about the session. */
void ringcast_session_tell(struct session *session, enum session_change_kind kind, const struct player *player, enum close_reason reason);

#endif
