/* What the rest of the session layer may do to logins beyond session.h. */
#ifndef RINGCAST_SESSION_ADMISSION_H
#define RINGCAST_SESSION_ADMISSION_H

#include "session/session.h"

/* The script has decided about a player who was waiting; reason: why it is refused. Tells the outbox, then accepts. */
void ringcast_admission_answered(struct player *player, enum drop_reason reason);

#endif
