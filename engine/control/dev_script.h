/*
 * The script of the dev mode: ringcastd --dev --script PATH. The session demo runs it; a saved file becomes a version at once, which new
 * sessions get, and with --reload-running the session demo is started anew on it. What does not load is told with file and line, and
 * changes nothing.
 */
#ifndef RINGCAST_CONTROL_DEV_SCRIPT_H
#define RINGCAST_CONTROL_DEV_SCRIPT_H

#include "control/logs.h"
#include "control/script_watch.h"

struct dev_script {
	const char *path; /* NULL: none */
	const char *main; /* which file of it; NULL: whichever is usual */
	char name[RINGCAST_SCRIPT_NAME_BYTES];
	char version[RINGCAST_SCRIPT_VERSION_BYTES]; /* that was live last */
	struct script_watch *watch;
	ringcast_engine *engine;
	struct logs *logs;
};

/* The caller has filled path and main. path NULL: there is none, and the other functions do nothing. False: it was said in the log. */
bool ringcast_dev_script_start(struct dev_script *script, ringcast_engine *engine, struct logs *logs);
void ringcast_dev_script_stop(struct dev_script *script);
/* Call when its watch may have something to say. True: a new version is live. */
bool ringcast_dev_script_advance(struct dev_script *script, uint64_t now_ns);

#endif
