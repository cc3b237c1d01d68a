/*
 * How long each shard has not turned its loop, by a clock that stands still while the process does: a frozen cgroup or a stopped process is no stuck
 * shard, and whoever asks first afterwards must not be told so. Its own thread looks at all shards ten times a second; time that it was not there to see
 * counts as one look at most.
 */
#ifndef RINGCAST_LIFE_WATCH_H
#define RINGCAST_LIFE_WATCH_H

#include <pthread.h>

#include "base/types.h"
#include "shard/mailbox.h"

enum { WATCH_TURN_NS = 100000000 };

struct watch {
	uint64_t looked_ns, running_ns; /* atomic: when it last looked, by the system's clock and by this one */
	struct watch_shard {
		uint64_t beat_ns, since_ns; /* atomic: its latest beat that was seen, and when that was, by this clock */
	} shards[MAILBOX_SENDERS_MAX];
	pthread_t thread;
	pthread_mutex_t lock; /* guards is_ending */
	pthread_cond_t ending;
	bool has_thread, is_ending;
};

/* Pure: what the thread does ten times a second, and the answers. now_ns: of the system's clock, as beats are. */
void ringcast_watch_begin(struct watch *watch, const uint64_t *beats_ns, uint32_t count, uint64_t now_ns);
void ringcast_watch_look(struct watch *watch, const uint64_t *beats_ns, uint32_t count, uint64_t now_ns);
uint64_t ringcast_watch_running_ns(const struct watch *watch, uint64_t now_ns);
uint64_t ringcast_watch_stall_ns(const struct watch *watch, uint32_t shard, uint64_t beat_ns, uint64_t now_ns);

struct ringcast_engine;
bool ringcast_watch_start(struct ringcast_engine *engine); /* once all its shards are there; false: no thread */
void ringcast_watch_stop(struct ringcast_engine *engine);  /* as long as they still are */

#endif
