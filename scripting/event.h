/* What a game tells those outside, an event with a name, and what it asks them: texts of JSON, whole. For scripts of all languages, and for C. */
#ifndef RINGCAST_SCRIPTING_EVENT_H
#define RINGCAST_SCRIPTING_EVENT_H

#include "session/backend.h"

/* The session's thread, also inside a hook. NONE: it is told. The reason is the caller's to count. EVENT_INVALID: name or JSON. */
enum drop_reason ringcast_script_emit(struct session *session, const char *name, struct view json, uint64_t now_ns);
/* Asked when the event is complete that the session is about. NONE: question_answered hears of this number. */
enum drop_reason ringcast_script_ask(struct session *session, uint32_t number, struct view json, uint64_t now_ns);

#endif
