/* What becomes of sessions and players, told to the embedder who asked for it. */
#ifndef RINGCAST_LIFE_CHANGES_H
#define RINGCAST_LIFE_CHANGES_H

#include "life/engine.h"

void ringcast_engine_tell_changes(struct ringcast_engine *engine); /* fills in the shards' options, before shards are made */

#endif
