#include "life/watch.h"

#include <time.h>

#include "base/pause.h"
#include "io/clock.h"
#include "life/engine.h"

static uint64_t load(const uint64_t *value)
{
	return __atomic_load_n(value, __ATOMIC_RELAXED);
}

static void store(uint64_t *value, uint64_t next)
{
	__atomic_store_n(value, next, __ATOMIC_RELAXED);
}

static uint64_t at_most_a_turn(uint64_t now_ns, uint64_t before_ns)
{
	uint64_t gap_ns = now_ns > before_ns ? now_ns - before_ns : 0;
	return gap_ns < WATCH_TURN_NS ? gap_ns : WATCH_TURN_NS;
}

void ringcast_watch_begin(struct watch *watch, const uint64_t *beats_ns, uint32_t count, uint64_t now_ns)
{
	store(&watch->looked_ns, now_ns);
	store(&watch->running_ns, now_ns); /* it begins as the system's does, and falls behind it */
	for (uint32_t i = 0; i < count; i++) {
		store(&watch->shards[i].beat_ns, beats_ns[i]);
		store(&watch->shards[i].since_ns, beats_ns[i] < now_ns ? beats_ns[i] : now_ns);
	}
}

void ringcast_watch_look(struct watch *watch, const uint64_t *beats_ns, uint32_t count, uint64_t now_ns)
{
	uint64_t gap_ns = now_ns - watch->looked_ns;
	store(&watch->running_ns, watch->running_ns + gap_ns - ringcast_pause_ns(gap_ns, WATCH_TURN_NS));
	store(&watch->looked_ns, now_ns);
	for (uint32_t i = 0; i < count; i++) {
		struct watch_shard *shard = &watch->shards[i];
		if (beats_ns[i] == shard->beat_ns)
			continue;
		store(&shard->since_ns, watch->running_ns - at_most_a_turn(now_ns, beats_ns[i]));
		store(&shard->beat_ns, beats_ns[i]);
	}
}

uint64_t ringcast_watch_running_ns(const struct watch *watch, uint64_t now_ns)
{
	return load(&watch->running_ns) + at_most_a_turn(now_ns, load(&watch->looked_ns));
}

uint64_t ringcast_watch_stall_ns(const struct watch *watch, uint32_t shard, uint64_t beat_ns, uint64_t now_ns)
{
	if (beat_ns != load(&watch->shards[shard].beat_ns)) /* since the last look */
		return at_most_a_turn(now_ns, beat_ns);
	uint64_t running_ns = ringcast_watch_running_ns(watch, now_ns), since_ns = load(&watch->shards[shard].since_ns);
	return running_ns > since_ns ? running_ns - since_ns : 0;
}

/* The thread */

static void read_beats(const struct ringcast_engine *engine, uint64_t beats_ns[MAILBOX_SENDERS_MAX])
{
	for (uint32_t i = 0; i < engine->shard_count; i++)
		beats_ns[i] = load(&engine->shards[i].shard->beat_ns);
}

/* False: it is to end. */
static bool wait_turn(struct watch *watch)
{
	uint64_t end_ns = ringcast_clock_now_ns() + WATCH_TURN_NS;
	struct timespec end = {.tv_sec = (time_t)(end_ns / NS_PER_S), .tv_nsec = (long)(end_ns % NS_PER_S)};
	pthread_mutex_lock(&watch->lock);
	if (!watch->is_ending)
		pthread_cond_timedwait(&watch->ending, &watch->lock, &end);
	bool is_ending = watch->is_ending;
	pthread_mutex_unlock(&watch->lock);
	return !is_ending;
}

static void *run(void *context)
{
	struct ringcast_engine *engine = context;
	uint64_t beats_ns[MAILBOX_SENDERS_MAX];
	pthread_setname_np(pthread_self(), "watch");
	while (wait_turn(&engine->watch)) {
		read_beats(engine, beats_ns);
		ringcast_watch_look(&engine->watch, beats_ns, engine->shard_count, ringcast_clock_now_ns());
	}
	return NULL;
}

bool ringcast_watch_start(struct ringcast_engine *engine)
{
	struct watch *watch = &engine->watch;
	uint64_t beats_ns[MAILBOX_SENDERS_MAX];
	pthread_condattr_t steady;
	read_beats(engine, beats_ns);
	ringcast_watch_begin(watch, beats_ns, engine->shard_count, ringcast_clock_now_ns());
	pthread_mutex_init(&watch->lock, NULL);
	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	pthread_cond_init(&watch->ending, &steady);
	pthread_condattr_destroy(&steady);
	watch->has_thread = pthread_create(&watch->thread, NULL, run, engine) == 0;
	return watch->has_thread;
}

void ringcast_watch_stop(struct ringcast_engine *engine)
{
	struct watch *watch = &engine->watch;
	if (!watch->has_thread)
		return;
	pthread_mutex_lock(&watch->lock);
	watch->is_ending = true;
	pthread_cond_signal(&watch->ending);
	pthread_mutex_unlock(&watch->lock);
	pthread_join(watch->thread, NULL);
	watch->has_thread = false;
	pthread_cond_destroy(&watch->ending);
	pthread_mutex_destroy(&watch->lock);
}
