/*
 * Between a session and the backends outside: their messages for its game or for one of its players, the events that its game emits for them, and the questions
 * that it asks whoever made the session. All are bounded by the session and second, and questions that are not answered by their number.
 */
#ifndef RINGCAST_SESSION_BACKEND_H
#define RINGCAST_SESSION_BACKEND_H

#include "session/session.h"

enum { EVENT_NAME_BYTES = 65 }; /* with NUL */
enum { QUESTIONS_MAX = 8 }; /* of a session, unanswered */

/* To a player who is in, by player_id or peer_id; to the session's game where there is neither ("" and 0). */
struct backend_message {
	const char *player_id;
	int32_t peer_id;
	int32_t opcode;
	struct view payload;
};

/*
 * Outside of any hook. A player gets it as the server's own message, reliably, whatever the script says. NO_TARGET: that player is not in.
 * SERVICE_UNHEARD: the game has no callback for it. SERVICE_RATE, SCRIPT_SHARE, SCRIPT_BUSY: not now. OVERSIZE, BAD_STATE: an op code of the engine's.
 */
enum drop_reason ringcast_backend_message(struct session *session, const struct backend_message *message, uint64_t now_ns);

/*
 * An event of the game's. admit: may one of this name and size be told now? NONE: it counts against the session, and what is told is JSON, which
 * whoever asked has looked at. EVENT_INVALID: no name. Else EVENT_UNHEARD, EVENT_RATE, OVERSIZE, SESSION_ENDED.
 */
enum drop_reason ringcast_backend_admit_event(struct session *session, const char *name, size_t json_bytes, uint64_t now_ns);
void ringcast_backend_tell_event(struct session *session, const char *name, struct view json);

/* The same for ringcast_command_ask: a question is an event without a name, and EVENT_RATE is also for who has QUESTIONS_MAX unanswered. */
enum drop_reason ringcast_backend_admit_question(struct session *session, size_t json_bytes, uint64_t now_ns);
/* What becomes later of what its game has asked for: outside of any hook, and heard as an answer to the question QUESTION_NEWS. Counts as a message of a backend. */
enum drop_reason ringcast_backend_news(struct session *session, struct view json, uint64_t now_ns);
/* Outside of any hook. NO_TARGET: its game has asked nothing, or does not listen. */
enum drop_reason ringcast_backend_answer(struct session *session, uint32_t number, struct view json, uint64_t now_ns);

#endif
