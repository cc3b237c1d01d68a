/* Where copies of JavaScript versions lie (scripting/snapshot.h): a temporary folder of this engine's, made with the first one. Control threads. */
#ifndef RINGCAST_SCRIPTS_SNAPSHOTS_H
#define RINGCAST_SCRIPTS_SNAPSHOTS_H

#include <pthread.h>

#include "scripting/script.h"

enum { SNAPSHOTS_PATH_BYTES = 256 };

struct snapshots {
	pthread_mutex_t lock; /* guards all of it */
	char root[SNAPSHOTS_PATH_BYTES]; /* "": not made yet */
	char temporary[SNAPSHOTS_PATH_BYTES]; /* in it: where scripts may write */
	uint64_t count;
};

void ringcast_snapshots_init(struct snapshots *snapshots);
void ringcast_snapshots_fini(struct snapshots *snapshots); /* after the last script is gone */
/* Its path, made if need be and never changed again. NULL: one line in reterr. */
const char *ringcast_snapshots_root(struct snapshots *snapshots, char *reterr, size_t reterr_bytes);
/* Copies the script, which runs from its copy from then on. False: one line in reterr. */
bool ringcast_snapshots_take(struct snapshots *snapshots, struct script *script, char *reterr, size_t reterr_bytes);

#endif
