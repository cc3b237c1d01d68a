/* An event that a game emits for the backends outside: a name and a text of JSON, whole. For scripts of all languages, and for C. */
#ifndef RINGCAST_SCRIPTING_EVENT_H
#define RINGCAST_SCRIPTING_EVENT_H

#include "session/backend.h"

/* The session's thread, also inside a hook. NONE: it is told. The reason is the caller's to count. EVENT_INVALID: name or JSON. */
enum drop_reason ringcast_script_emit(struct session *session, const char *name, struct view json, uint64_t now_ns);

#endif
