/*
 * Looks after the sidecar's Node processes: starts those that are wanted, hands each one's socket to its shard, starts anew what has died,
 * with growing pauses. One thread for the engine, begun with the first process that is wanted; it never touches a shard, it asks.
 */
#ifndef RINGCAST_SIDECARS_H
#define RINGCAST_SIDECARS_H

#include "ringcast/ringcast.h"

struct sidecars;

struct sidecars *ringcast_sidecars_create(struct ringcast_engine *engine); /* NULL: out of memory or descriptors */
/* All channels of this shard shall have a process from now on. Returns at once. RINGCAST_OK or RINGCAST_ERROR_SYSTEM: no thread. Any
 * thread. */
int ringcast_sidecars_want(struct sidecars *sidecars, uint32_t shard);
void ringcast_sidecars_wake(struct sidecars *sidecars); /* a channel was cut; any thread */
/* Ends the processes: politely, then by force. After the shards have ended. Accepts NULL inside, nulls. */
void ringcast_sidecars_destroy(struct sidecars **sidecars);

struct sidecars_counts {
	uint64_t started, start_failures, ended, running;
};
struct sidecars_counts ringcast_sidecars_measure(struct sidecars *sidecars);
/* The process of a channel, for operators and tests; 0: none runs. */
int ringcast_sidecars_pid(struct sidecars *sidecars, uint32_t shard, uint32_t channel);

#endif
