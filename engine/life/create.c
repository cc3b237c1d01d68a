/* Making an engine: its shards one after the other, each on a thread of its own that makes its io and its contexts, as io_uring wants. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "life/hooks.h"
#include "life/options.h"
#include "life/sidecars.h"
#include "life/threads.h"

static int fail(char *error, size_t error_bytes, int code, const char *text, const char *value)
{
	if (error_bytes > 0)
		snprintf(error, error_bytes, text, value);
	return code;
}

/* io */

static int choose_io(struct ringcast_engine *engine, char *error, size_t error_bytes)
{
	char reason[200];
	engine->io = engine->options.io;
	if (engine->io == RINGCAST_IO_EPOLL)
		return RINGCAST_OK;
	if (ringcast_io_uring_probe(reason, sizeof(reason)) == 0) {
		engine->io = RINGCAST_IO_URING;
		return RINGCAST_OK;
	}
	if (engine->io == RINGCAST_IO_URING)
		return fail(error, error_bytes, RINGCAST_ERROR_SYSTEM, "io_uring is not usable: %s", reason);
	ringcast_log(LOG_WARN, "engine", "io_uring is not usable, running on epoll", "reason=\"%s\"", reason);
	engine->io = RINGCAST_IO_EPOLL;
	return RINGCAST_OK;
}

static struct io *create_io(struct ringcast_engine *engine, char *reterr, size_t reterr_bytes)
{
	struct io_options options;
	ringcast_shard_io_options(&engine->options.limits, &options);
	return engine->io == RINGCAST_IO_URING ? ringcast_io_uring_create(&options, reterr, reterr_bytes)
					       : ringcast_io_epoll_create(&options, reterr, reterr_bytes);
}

struct shard *ringcast_engine_create_shard(struct engine_shard *slot)
{
	struct ringcast_engine *engine = slot->engine;
	struct shard_options options = engine->shard_options;
	struct io *io = create_io(engine, slot->error, sizeof(slot->error));
	if (io == NULL)
		return NULL;
	options.index = slot->index;
	if (engine->options.udp_port_base != 0)
		options.udp_port_base = (uint16_t)(engine->options.udp_port_base + slot->index * options.udp_port_count);
	struct shard *shard = NULL;
	if (ringcast_security_secure_shard(&engine->security, &options, slot->error, sizeof(slot->error)))
		shard = ringcast_shard_create(&options, io, slot->error, sizeof(slot->error));
	if (shard == NULL) {
		ringcast_shard_credentials_release(&options.credentials);
		io->ops->destroy(io);
	} else {
		ringcast_script_shard_init(&slot->scripts, &engine->script_options, shard);
	}
	return shard;
}

/* One after the other: the first shard's port is the port of all. */
static bool create_one(struct ringcast_engine *engine, uint32_t index)
{
	struct engine_shard *slot = &engine->shards[index];
	slot->engine = engine;
	slot->index = index;
	engine->mailboxes[index] = ringcast_mailbox_create(engine->shard_count);
	if (engine->mailboxes[index] == NULL || pthread_create(&slot->thread, NULL, ringcast_engine_run_shard, slot) != 0) {
		snprintf(slot->error, sizeof(slot->error), "out of memory");
		return false;
	}
	slot->has_thread = true;
	pthread_mutex_lock(&engine->lock);
	while (engine->created_count <= index)
		pthread_cond_wait(&engine->changed, &engine->lock);
	pthread_mutex_unlock(&engine->lock);
	if (slot->shard == NULL)
		return false;
	for (uint32_t i = 0; i < engine->shard_options.listen_count; i++)
		engine->shard_options.listens[i].address.port = slot->shard->tcp_port;
	return true;
}

static int create_shards(struct ringcast_engine *engine, char *error, size_t error_bytes)
{
	for (uint32_t i = 0; i < engine->shard_count; i++)
		if (!create_one(engine, i))
			return fail(error, error_bytes, RINGCAST_ERROR_SYSTEM, "%s", engine->shards[i].error);
	ringcast_engine_set_phase(engine, ENGINE_READY);
	return RINGCAST_OK;
}

static void log_to_embedder(void *context, enum log_level level, const char *component, const char *message, const char *fields)
{
	struct ringcast_engine *engine = context;
	engine->options.log(engine->options.log_context, (ringcast_log_level)level, component, message, fields);
}

int ringcast_engine_check(const ringcast_engine_options *options, char *error, size_t error_bytes)
{
	struct ringcast_engine *engine = calloc(1, sizeof(*engine));
	if (engine == NULL)
		return fail(error, error_bytes, RINGCAST_ERROR_MEMORY, "%s", "out of memory");
	int result = ringcast_engine_take_options(engine, options, error, error_bytes);
	ringcast_security_forget(&engine->security);
	free(engine);
	return result;
}

int ringcast_engine_create(const ringcast_engine_options *options, ringcast_engine **ret_engine, char *error, size_t error_bytes)
{
	struct ringcast_engine *engine = calloc(1, sizeof(*engine));
	int result;
	*ret_engine = NULL;
	if (engine == NULL)
		return fail(error, error_bytes, RINGCAST_ERROR_MEMORY, "%s", "out of memory");
	ringcast_registry_init(&engine->registry, 0);
	ringcast_snapshots_init(&engine->snapshots);
	pthread_mutex_init(&engine->lock, NULL);
	pthread_cond_init(&engine->changed, NULL);
	pthread_mutex_init(&engine->security_lock, NULL);
	engine->stop_deadline_ns = UINT64_MAX;
	result = ringcast_engine_take_options(engine, options, error, error_bytes);
	if (result == RINGCAST_OK && engine->options.log != NULL)
		ringcast_log_set_sink(log_to_embedder, engine, (enum log_level)engine->options.log_level_min);
	if (result == RINGCAST_OK)
		result = choose_io(engine, error, error_bytes);
	if (result == RINGCAST_OK) {
		ringcast_security_announce(&engine->security);
		ringcast_engine_fill_shard_options(engine);
		engine->sidecars = ringcast_engine_create_sidecars(engine);
		result = engine->sidecars != NULL ? create_shards(engine, error, error_bytes)
						  : fail(error, error_bytes, RINGCAST_ERROR_MEMORY, "%s", "out of memory or open files");
	}
	if (result != RINGCAST_OK)
		ringcast_engine_destroy(&engine);
	*ret_engine = engine;
	return result;
}
