/* Start, stop and destroy. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "io/clock.h"
#include "life/options.h"
#include "life/threads.h"

static int fail(char *error, size_t error_bytes, int code, const char *text, const char *value)
{
	if (error_bytes > 0)
		snprintf(error, error_bytes, text, value);
	return code;
}

int ringcast_engine_start(ringcast_engine *engine, char *error, size_t error_bytes)
{
	if (ringcast_engine_phase(engine) != ENGINE_READY || engine->is_stop_claimed)
		return fail(error, error_bytes, RINGCAST_ERROR_STATE, "%s", "the engine was started before");
	ringcast_engine_set_phase(engine, ENGINE_RUNNING);
	return RINGCAST_OK;
}

static uint32_t made_count(const struct ringcast_engine *engine)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < MAILBOX_SENDERS_MAX; i++)
		count += engine->shards[i].shard != NULL;
	return count;
}

static void join_threads(struct ringcast_engine *engine)
{
	for (uint32_t i = 0; i < MAILBOX_SENDERS_MAX; i++) {
		if (engine->shards[i].has_thread)
			pthread_join(engine->shards[i].thread, NULL);
		engine->shards[i].has_thread = false;
	}
}

/* The phase before, for the one who is to stop it; for all others STOPPED, once it has. */
static enum engine_phase claim_stop(ringcast_engine *engine)
{
	pthread_mutex_lock(&engine->lock);
	enum engine_phase phase = engine->phase;
	while (engine->is_stop_claimed && engine->phase != ENGINE_STOPPED)
		pthread_cond_wait(&engine->changed, &engine->lock);
	if (engine->is_stop_claimed)
		phase = ENGINE_STOPPED;
	engine->is_stop_claimed = true;
	pthread_mutex_unlock(&engine->lock);
	return phase;
}

int ringcast_engine_stop(ringcast_engine *engine, uint32_t timeout_ms)
{
	enum engine_phase phase = claim_stop(engine);
	if (phase >= ENGINE_STOPPING)
		return RINGCAST_ERROR_STATE;
	if (phase < ENGINE_READY) /* creation failed half way: wait for those that exist */
		engine->shard_count = made_count(engine);
	__atomic_store_n(&engine->stop_deadline_ns, ringcast_clock_now_ns() + timeout_ms * NS_PER_MS, __ATOMIC_RELEASE);
	ringcast_sidecars_retire(engine->sidecars);
	ringcast_engine_set_phase(engine, ENGINE_STOPPING);
	if (phase == ENGINE_RUNNING)
		ringcast_engine_ring_all(engine);
	join_threads(engine);
	ringcast_engine_set_phase(engine, ENGINE_STOPPED);
	return RINGCAST_OK;
}

void ringcast_engine_destroy(ringcast_engine **engine)
{
	struct ringcast_engine *e = *engine;
	*engine = NULL;
	if (e == NULL)
		return;
	if (ringcast_engine_phase(e) < ENGINE_STOPPING)
		ringcast_engine_stop(e, 0);
	ringcast_sidecars_destroy(&e->sidecars);
	ringcast_watch_stop(e);
	for (uint32_t i = 0; i < MAILBOX_SENDERS_MAX; i++) {
		ringcast_script_shard_fini(&e->shards[i].scripts);
		ringcast_shard_destroy(&e->shards[i].shard);
		ringcast_mailbox_destroy(&e->mailboxes[i]);
	}
	if (e->shard_options.directory != NULL)
		ringcast_directory_fini(&e->directory);
	ringcast_engine_forget_options(e);
	pthread_mutex_destroy(&e->security_lock);
	ringcast_registry_fini(&e->registry);
	ringcast_snapshots_fini(&e->snapshots);
	pthread_cond_destroy(&e->changed);
	pthread_mutex_destroy(&e->lock);
	free(e);
}
