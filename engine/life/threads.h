#ifndef RINGCAST_LIFE_THREADS_H
#define RINGCAST_LIFE_THREADS_H

#include "life/engine.h"

void *ringcast_engine_run_shard(void *engine_shard); /* the thread */
struct shard *ringcast_engine_create_shard(struct engine_shard *slot); /* on it; NULL with slot->error */
enum engine_phase ringcast_engine_phase(struct ringcast_engine *engine);
void ringcast_engine_set_phase(struct ringcast_engine *engine, enum engine_phase phase);
void ringcast_engine_ring_all(struct ringcast_engine *engine); /* wakes every shard */

#endif
