/*
 * What concerns all shards at once: draining, and limits that change while they run. These questions are lasting: a shard that does not answer in time
 * takes them when it runs again, so that the shards do not stay apart.
 */
#include <stdlib.h>

#include "io/clock.h"
#include "life/asking.h"
#include "life/options.h"

/* Each shard's question is made of the same prototype; free is all there is to end it. */
static int ask_all(struct ringcast_engine *engine, struct ask *(*make)(const void *context), const void *context)
{
	struct ask *asks[MAILBOX_SENDERS_MAX] = {NULL};
	int result = RINGCAST_OK;
	for (uint32_t i = 0; i < engine->shard_count && result == RINGCAST_OK; i++) {
		asks[i] = make(context);
		if (asks[i] == NULL)
			result = RINGCAST_ERROR_MEMORY;
		else
			asks[i]->is_lasting = true;
	}
	if (result == RINGCAST_OK)
		result = ringcast_engine_ask_all(engine, asks);
	for (uint32_t i = 0; i < engine->shard_count; i++)
		ringcast_ask_release(asks[i]);
	return result;
}

/* Drain */

struct ask_drain {
	struct ask ask;
	uint64_t deadline_ns;
	uint32_t cursor;
};

static bool answer_drain(struct shard *shard, struct ask *ask)
{
	struct ask_drain *self = CONTAINER_OF(ask, struct ask_drain, ask);
	ask->result = RINGCAST_OK;
	return ringcast_shard_drain(shard, &self->cursor, self->deadline_ns);
}

static void free_drain(struct ask *ask)
{
	free(CONTAINER_OF(ask, struct ask_drain, ask));
}

static struct ask *make_drain(const void *deadline_ns)
{
	struct ask_drain *self = calloc(1, sizeof(*self));
	if (self == NULL)
		return NULL;
	ringcast_ask_init(&self->ask, answer_drain, free_drain);
	self->deadline_ns = *(const uint64_t *)deadline_ns;
	return &self->ask;
}

int ringcast_engine_drain(ringcast_engine *engine)
{
	return ringcast_engine_drain_within(engine, UINT64_MAX);
}

int ringcast_engine_drain_within(ringcast_engine *engine, uint64_t timeout_ms)
{
	uint64_t now_ns = ringcast_clock_now_ns();
	uint64_t longest_ms = (UINT64_MAX - now_ns) / NS_PER_MS;
	uint64_t deadline_ns = timeout_ms < longest_ms ? now_ns + timeout_ms * NS_PER_MS : UINT64_MAX;
	__atomic_store_n(&engine->is_draining, true, __ATOMIC_RELEASE);
	return ask_all(engine, make_drain, &deadline_ns);
}

/* Resume */

struct ask_resume {
	struct ask ask;
	uint32_t cursor;
};

static bool answer_resume(struct shard *shard, struct ask *ask)
{
	ask->result = RINGCAST_OK;
	return ringcast_shard_resume(shard, &CONTAINER_OF(ask, struct ask_resume, ask)->cursor);
}

static void free_resume(struct ask *ask)
{
	free(CONTAINER_OF(ask, struct ask_resume, ask));
}

static struct ask *make_resume(const void *context)
{
	struct ask_resume *self = calloc(1, sizeof(*self));
	(void)context;
	if (self == NULL)
		return NULL;
	ringcast_ask_init(&self->ask, answer_resume, free_resume);
	return &self->ask;
}

int ringcast_engine_resume(ringcast_engine *engine)
{
	int result = ask_all(engine, make_resume, NULL);
	if (result == RINGCAST_OK)
		__atomic_store_n(&engine->is_draining, false, __ATOMIC_RELEASE);
	return result;
}

/* Reload */

struct ask_reload {
	struct ask ask;
	struct ringcast_limits limits;
};

static bool answer_reload(struct shard *shard, struct ask *ask)
{
	ringcast_shard_set_limits(shard, &CONTAINER_OF(ask, struct ask_reload, ask)->limits);
	ask->result = RINGCAST_OK;
	return true;
}

static void free_reload(struct ask *ask)
{
	free(CONTAINER_OF(ask, struct ask_reload, ask));
}

static struct ask *make_reload(const void *limits)
{
	struct ask_reload *self = calloc(1, sizeof(*self));
	if (self == NULL)
		return NULL;
	ringcast_ask_init(&self->ask, answer_reload, free_reload);
	self->limits = *(const struct ringcast_limits *)limits;
	return &self->ask;
}

int ringcast_engine_reload(ringcast_engine *engine, const ringcast_limits *limits)
{
	char error[200];
	if (limits == NULL)
		return RINGCAST_ERROR_ARGUMENT;
	ringcast_limits filled = *limits;
	ringcast_engine_fill_limits(&filled);
	if (!ringcast_engine_check_limits(&filled, error, sizeof(error)))
		return RINGCAST_ERROR_ARGUMENT;
	return ask_all(engine, make_reload, &filled);
}
