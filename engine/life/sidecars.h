#ifndef RINGCAST_LIFE_SIDECARS_H
#define RINGCAST_LIFE_SIDECARS_H

#include "life/engine.h"

struct sidecars *ringcast_engine_create_sidecars(struct ringcast_engine *engine); /* NULL: out of memory or descriptors */
/* Scripts report that a channel's stream has ended. On the shard's thread; context is the engine. */
void ringcast_engine_channel_cut(void *context, uint32_t shard, uint32_t channel, uint64_t serial);

#endif
