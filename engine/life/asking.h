/* The engine's shards, asked by those who hold an engine. All calls here but post_about wait for the answer. */
#ifndef RINGCAST_LIFE_ASKING_H
#define RINGCAST_LIFE_ASKING_H

#include "ask/ask.h"
#include "life/engine.h"

/* RINGCAST_ERROR_STATE unless the engine runs; else as ringcast_ask_shard. The ask stays the caller's to release. */
int ringcast_engine_ask(struct ringcast_engine *engine, uint32_t shard, struct ask *ask);
/* Finds the shard by the session's id. NOT_FOUND: no id of this engine's. */
int ringcast_engine_ask_about(struct ringcast_engine *engine, const char *session_id, struct ask *ask);
/* The same without waiting: the ask's completed says when it is done, perhaps before this returns. Else nothing is under way. */
int ringcast_engine_post_about(struct ringcast_engine *engine, const char *session_id, struct ask *ask);
/* One ask for each of some shards, count of them, all under way at once. */
int ringcast_engine_ask_some(struct ringcast_engine *engine, struct ask *const *asks, const uint32_t *shards, uint32_t count);
/* One ask for each shard, likewise. */
int ringcast_engine_ask_all(struct ringcast_engine *engine, struct ask *const *asks);

/* A copy within an ask's struct; false: longer than the room for it. text NULL: "". */
bool ringcast_ask_keep(char *own, size_t own_bytes, const char *text);

#endif
