/*
 * Looks after the sidecar's Node processes: starts those that are wanted, hands each one's socket to its shard, starts anew what has died,
 * with growing pauses. One thread, begun with the first process that is wanted; it never touches a shard, it has attach asked.
 */
#ifndef RINGCAST_SIDECARS_SIDECARS_H
#define RINGCAST_SIDECARS_SIDECARS_H

#include "scripting/sidecar/process.h"

struct sidecars;

struct sidecars_options {
	struct sidecar_process_options process; /* borrowed strings */
	uint32_t shard_count, channel_count;    /* channels of each shard; each may have a process */
	/*
	 * Gives a process's socket to a shard. RINGCAST_OK, or an error; RINGCAST_ERROR_STATE: not now, try again. *fd becomes -1 when the socket was
	 * taken, which may be on failure too. serial names the process when its channel is cut. Called on the keeper's thread; may take its time.
	 */
	int (*attach)(void *context, uint32_t shard, uint32_t channel, uint64_t serial, int *fd);
	void *context;
};

struct sidecars *ringcast_sidecars_create(const struct sidecars_options *options); /* NULL: out of memory or descriptors */
/* All channels of this shard shall have a process from now on. Returns at once. False: no thread. Any thread. */
bool ringcast_sidecars_want(struct sidecars *sidecars, uint32_t shard);
/* The process attached to a channel under this serial is of no use any more: kills it. Returns at once. Any thread. */
void ringcast_sidecars_cut(struct sidecars *sidecars, uint32_t shard, uint32_t channel, uint64_t serial);
/* The shards are about to end: starts nothing any more, and ends are no news. Accepts NULL. Any thread. */
void ringcast_sidecars_retire(struct sidecars *sidecars);
/* Ends the processes: politely, then by force. After the shards have ended. Accepts NULL inside, nulls. */
void ringcast_sidecars_destroy(struct sidecars **sidecars);

struct sidecars_counts {
	uint64_t started, start_failures, ended, running;
};
struct sidecars_counts ringcast_sidecars_measure(struct sidecars *sidecars);
/* The process of a channel, for operators and tests; 0: none runs. */
int ringcast_sidecars_pid(struct sidecars *sidecars, uint32_t shard, uint32_t channel);

#endif
