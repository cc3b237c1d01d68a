/* Timers of scripts, for the files of this folder; what scripts call is in session.h. An alarm lives in a buf of the shard's pool. */
#ifndef RINGCAST_SESSION_ALARM_H
#define RINGCAST_SESSION_ALARM_H

#include "session/session.h"

/* It runs once: forgotten before the hook is asked, so that the hook may set it again. */
void ringcast_alarm_expire(struct timer *timer, uint64_t now_ns);
void ringcast_alarm_discard_all(struct session *session);

#endif
