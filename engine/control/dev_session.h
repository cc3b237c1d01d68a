/* The session "demo" of the dev mode, which anyone who can connect may join. */
#ifndef RINGCAST_CONTROL_DEV_SESSION_H
#define RINGCAST_CONTROL_DEV_SESSION_H

#include "control/logs.h"
#include "ringcast/ringcast.h"

struct dev_session {
	ringcast_engine *engine; /* borrowed, as are the next two */
	struct logs *logs;
	const char *script;	  /* NULL: none */
	uint32_t players_max;	  /* what the limits allow; with a script, the script decides */
	bool is_renewed_always;	  /* not only when it has ended */
	char id[RINGCAST_ID_BYTES];
};

bool ringcast_dev_session_start(struct dev_session *session); /* false: logged why */
/* A new version of its script is live: the session keeps its own, unless told otherwise, or unless its script has ended it. */
void ringcast_dev_session_renew(struct dev_session *session);

#endif
