/* A shard's thread: makes the shard, ticks it while the engine runs, and winds it down. */
#include "life/threads.h"

#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "ask/ask.h"

static void pin(uint32_t index)
{
	cpu_set_t allowed, one;
	uint32_t seen = 0;
	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return;
	uint32_t wanted = index % (uint32_t)CPU_COUNT(&allowed);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed) || seen++ != wanted)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
		return;
	}
}

enum engine_phase ringcast_engine_phase(struct ringcast_engine *engine)
{
	return __atomic_load_n(&engine->phase, __ATOMIC_ACQUIRE);
}

void ringcast_engine_set_phase(struct ringcast_engine *engine, enum engine_phase phase)
{
	pthread_mutex_lock(&engine->lock);
	__atomic_store_n(&engine->phase, phase, __ATOMIC_RELEASE);
	pthread_cond_broadcast(&engine->changed);
	pthread_mutex_unlock(&engine->lock);
}

/* Reports that the shard exists, or not, and waits for the start. */
static void await_start(struct engine_shard *slot)
{
	struct ringcast_engine *engine = slot->engine;
	pthread_mutex_lock(&engine->lock);
	engine->created_count++;
	pthread_cond_broadcast(&engine->changed);
	while (engine->phase < ENGINE_RUNNING)
		pthread_cond_wait(&engine->changed, &engine->lock);
	pthread_mutex_unlock(&engine->lock);
}

void ringcast_engine_ring_all(struct ringcast_engine *engine)
{
	for (uint32_t i = 0; i < MAILBOX_SENDERS_MAX; i++)
		if (engine->shards[i].shard != NULL)
			engine->shards[i].shard->io->ops->wake(engine->shards[i].shard->io);
}

/* Ticks until every shard is empty: one that is done may still be handed connections by one that is not. */
static void wind_down(struct engine_shard *slot)
{
	struct ringcast_engine *engine = slot->engine;
	struct shard *shard = slot->shard;
	bool is_counted = false;
	uint64_t paused_before_ns = shard->paused_ns;
	ringcast_shard_stop(shard);
	shard->io->ops->wake(shard->io); /* what has just ended is collected at the end of a tick: the first one must not sleep */
	for (;;) {
		if (!is_counted && ringcast_shard_is_idle(shard)) {
			is_counted = true;
			if (__atomic_add_fetch(&engine->idle_count, 1, __ATOMIC_ACQ_REL) == engine->shard_count)
				ringcast_engine_ring_all(engine); /* the others sleep until told that everybody is done */
		}
		if (__atomic_load_n(&engine->idle_count, __ATOMIC_ACQUIRE) == engine->shard_count && ringcast_shard_is_idle(shard))
			return;
		ringcast_shard_tick(shard);
		uint64_t paused_ns = shard->paused_ns - paused_before_ns; /* in which nobody could come to an end */
		if (shard->clock_ns - paused_ns >= __atomic_load_n(&engine->stop_deadline_ns, __ATOMIC_ACQUIRE))
			ringcast_shard_abort(shard);
	}
}

void *ringcast_engine_run_shard(void *argument)
{
	struct engine_shard *slot = argument;
	struct ringcast_engine *engine = slot->engine;
	char name[16];
	snprintf(name, sizeof(name), "shard %u", slot->index);
	pthread_setname_np(pthread_self(), name);
	ringcast_ask_forbid_waiting();
	ringcast_log_bind(&engine->log_sink);
	if (engine->options.is_pinned)
		pin(slot->index);
	slot->shard = ringcast_engine_create_shard(slot);
	await_start(slot);
	if (slot->shard == NULL)
		return NULL;
	while (ringcast_engine_phase(engine) == ENGINE_RUNNING)
		ringcast_shard_tick(slot->shard);
	wind_down(slot);
	ringcast_mailbox_close(engine->mailboxes[slot->index]);
	return NULL;
}
