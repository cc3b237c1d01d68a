/* How the embedder's C callbacks are called, and what tells that a command comes from the right thread. */
#ifndef RINGCAST_LIFE_HOOKS_H
#define RINGCAST_LIFE_HOOKS_H

#include "life/engine.h"

void ringcast_engine_make_hooks(struct ringcast_engine *engine);
/* The session behind a handle that a callback was given; asserts that its shard's thread asks. */
struct session *ringcast_engine_checked(ringcast_session *session);
enum verdict ringcast_engine_verdict_of(ringcast_verdict verdict);

#endif
