/* Making an engine: its shards one after the other, each on a thread of its own that makes its io and its contexts, as io_uring wants. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "io/entropy.h"
#include "io/socket.h"
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

static struct io *create_io(struct ringcast_engine *engine, uint32_t shard, char *reterr, size_t reterr_bytes)
{
	struct io_options options;
	ringcast_shard_io_options(&engine->options.limits, &options);
	options.is_egress_xdp = engine->options.egress == RINGCAST_EGRESS_XDP;
	options.shard_index = shard;
	options.steering = engine->shard_options.directory != NULL ? engine->directory.steering : NULL;
	return engine->io == RINGCAST_IO_URING ? ringcast_io_uring_create(&options, reterr, reterr_bytes)
					       : ringcast_io_epoll_create(&options, reterr, reterr_bytes);
}

struct shard *ringcast_engine_create_shard(struct engine_shard *slot)
{
	struct ringcast_engine *engine = slot->engine;
	struct shard_options options = engine->shard_options;
	struct io *io = create_io(engine, slot->index, slot->error, sizeof(slot->error));
	if (io == NULL)
		return NULL;
	options.index = slot->index;
	uint32_t before_count = options.directory != NULL ? 0 : slot->index * options.udp_port_count;
	if (engine->options.udp_port_base != 0)
		options.udp_port_base = (uint16_t)(engine->options.udp_port_base + before_count);
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
	if (engine->shard_options.directory != NULL)
		memcpy(engine->shard_options.udp_ports, slot->shard->udp_ports, sizeof(slot->shard->udp_ports));
	return true;
}

static int create_shards(struct ringcast_engine *engine, char *error, size_t error_bytes)
{
	for (uint32_t i = 0; i < engine->shard_count; i++)
		if (!create_one(engine, i))
			return fail(error, error_bytes, RINGCAST_ERROR_SYSTEM, "%s", engine->shards[i].error);
	if (!ringcast_watch_start(engine))
		return fail(error, error_bytes, RINGCAST_ERROR_SYSTEM, "%s", "out of threads");
	ringcast_engine_set_phase(engine, ENGINE_READY);
	return RINGCAST_OK;
}

/* The shards share their TCP port by SO_REUSEPORT, which would share it with another engine or process too; so first somebody asks without it. */
static int check_ports(const struct ringcast_engine *engine, char *error, size_t error_bytes)
{
	for (uint32_t i = 0; i < engine->shard_options.listen_count; i++) {
		const struct shard_listen *listen = &engine->shard_options.listens[i];
		int problem = listen->address.port == 0 ? 0 : ringcast_socket_try_listener(&listen->address, listen->is_v4);
		if (problem == 0)
			continue;
		snprintf(error, error_bytes, "cannot listen on TCP port %u: %s", listen->address.port, strerror(-problem));
		return RINGCAST_ERROR_SYSTEM;
	}
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
	ringcast_engine_forget_options(engine);
	free(engine);
	return result;
}

/* One UDP port for all shards, or as ever one for each: it is no reason not to run. */

static bool may_share_ports(struct ringcast_engine *engine, char *reterr, size_t reterr_bytes)
{
	uint64_t place_count = (uint64_t)engine->shard_count * ((uint64_t)engine->options.limits.players_max + engine->options.limits.half_open_max);
	uint32_t count_max = place_count < UINT32_MAX / 4 ? (uint32_t)place_count : UINT32_MAX / 4;
	uint64_t seed;
	ringcast_entropy_fill(&seed, sizeof(seed));
	if (!ringcast_directory_init(&engine->directory, count_max, seed)) {
		snprintf(reterr, reterr_bytes, "out of memory");
		return false;
	}
	engine->directory.steering = ringcast_steering_create(engine->shard_count, count_max, reterr, reterr_bytes);
	if (engine->directory.steering == NULL)
		ringcast_directory_fini(&engine->directory);
	return engine->directory.steering != NULL;
}

static void share_ports(struct ringcast_engine *engine)
{
	char reason[200];
	if (!engine->options.is_udp_shared || engine->options.is_udp_off || engine->shard_count == 1)
		return; /* with one shard, its ports are all there are */
	if (may_share_ports(engine, reason, sizeof(reason)))
		engine->shard_options.directory = &engine->directory;
	else
		ringcast_log(LOG_WARN, "engine", "each shard has UDP ports of its own", "reason=\"%s\"", reason);
}

static int make(struct ringcast_engine *engine, const ringcast_engine_options *options, char *error, size_t error_bytes)
{
	int result = ringcast_engine_take_options(engine, options, error, error_bytes);
	if (result != RINGCAST_OK)
		return result;
	engine->log_sink = (struct log_sink){engine->options.log != NULL ? log_to_embedder : NULL, engine, (enum log_level)engine->options.log_level_min};
	result = choose_io(engine, error, error_bytes);
	if (result != RINGCAST_OK)
		return result;
	ringcast_security_announce(&engine->security);
	ringcast_engine_fill_shard_options(engine);
	share_ports(engine);
	engine->sidecars = ringcast_engine_create_sidecars(engine);
	if (engine->sidecars == NULL)
		return fail(error, error_bytes, RINGCAST_ERROR_MEMORY, "%s", "out of memory or open files");
	result = check_ports(engine, error, error_bytes);
	return result != RINGCAST_OK ? result : create_shards(engine, error, error_bytes);
}

int ringcast_engine_create(const ringcast_engine_options *options, ringcast_engine **ret_engine, char *error, size_t error_bytes)
{
	struct ringcast_engine *engine = calloc(1, sizeof(*engine));
	*ret_engine = NULL;
	if (engine == NULL)
		return fail(error, error_bytes, RINGCAST_ERROR_MEMORY, "%s", "out of memory");
	ringcast_registry_init(&engine->registry, 0);
	ringcast_snapshots_init(&engine->snapshots);
	pthread_mutex_init(&engine->lock, NULL);
	pthread_cond_init(&engine->changed, NULL);
	pthread_mutex_init(&engine->security_lock, NULL);
	engine->stop_deadline_ns = UINT64_MAX;
	const struct log_sink *before = ringcast_log_bind(&engine->log_sink);
	int result = make(engine, options, error, error_bytes);
	ringcast_log_bind(before);
	if (result != RINGCAST_OK)
		ringcast_engine_destroy(&engine);
	*ret_engine = engine;
	return result;
}
