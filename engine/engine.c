/* The engine's life: options, threads, start, drain, stop. One thread per shard; each makes its own io and shard, as io_uring wants. */
#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"
#include "engine_private.h"
#include "io/clock.h"

#ifndef RINGCAST_VERSION
#error "RINGCAST_VERSION comes from meson"
#endif

const char *ringcast_version(void)
{
	return RINGCAST_VERSION;
}

const char *ringcast_error_text(int error)
{
	switch (error) {
	case RINGCAST_OK:
		return "ok";
	case RINGCAST_ERROR_ARGUMENT:
		return "bad argument";
	case RINGCAST_ERROR_MEMORY:
		return "out of memory";
	case RINGCAST_ERROR_NOT_FOUND:
		return "not found";
	case RINGCAST_ERROR_FULL:
		return "a configured limit is reached";
	case RINGCAST_ERROR_STATE:
		return "not possible in this state";
	case RINGCAST_ERROR_SYSTEM:
		return "refused by the operating system";
	case RINGCAST_ERROR_TIMEOUT:
		return "no answer in time";
	case RINGCAST_ERROR_EXISTS:
		return "already exists";
	case RINGCAST_ERROR_SCRIPT:
		return "the script is not well; see the log";
	default:
		return "unknown error";
	}
}

/* Options */

void ringcast_limits_default(ringcast_limits *ret_limits)
{
#define X(type, name, default_value, is_reloadable, text) ret_limits->name = (default_value);
	RINGCAST_LIMITS(X)
#undef X
}

static bool is_untouched(const ringcast_limits *limits)
{
	static const ringcast_limits zero;
	return memcmp(limits, &zero, sizeof(zero)) == 0;
}

/* A zero means the default, but for the limits where zero is documented as "never": there it counts once any limit was given. */
static void fill_limits(ringcast_limits *limits)
{
	ringcast_limits given = *limits, defaults;
	ringcast_limits_default(&defaults);
#define X(type, name, default_value, is_reloadable, text)                                                              \
	if (limits->name == 0)                                                                                         \
		limits->name = defaults.name;
	RINGCAST_LIMITS(X)
#undef X
	if (is_untouched(&given))
		return;
	limits->empty_session_timeout_ms = given.empty_session_timeout_ms;
	limits->health_interval_ms = given.health_interval_ms;
	limits->flush_budget_us = given.flush_budget_us;
}

static bool parse_listen(const char *text, uint16_t port, struct shard_listen *ret)
{
	struct in6_addr v6;
	struct in_addr v4;
	*ret = (struct shard_listen){.address.port = port};
	if (inet_pton(AF_INET, text, &v4) == 1) {
		ret->is_v4 = true;
		memset(ret->address.ip + 10, 0xff, 2);
		memcpy(ret->address.ip + 12, &v4, 4);
		return true;
	}
	if (inet_pton(AF_INET6, text, &v6) != 1)
		return false;
	memcpy(ret->address.ip, &v6, 16);
	return true;
}

static int fail(char *error, size_t error_bytes, int code, const char *text, const char *value)
{
	if (error_bytes > 0)
		snprintf(error, error_bytes, text, value);
	return code;
}

static int check_listens(struct ringcast_engine *engine, char *error, size_t error_bytes)
{
	const ringcast_engine_options *options = &engine->options;
	const char *texts[] = {options->listen_address != NULL ? options->listen_address : "127.0.0.1", options->listen_address_second};
	for (unsigned i = 0; i < ARRAY_COUNT(texts) && texts[i] != NULL; i++) {
		struct shard_options *shard = &engine->shard_options;
		if (!parse_listen(texts[i], options->tcp_port, &shard->listens[i]))
			return fail(error, error_bytes, RINGCAST_ERROR_ARGUMENT, "listen address '%s' is not an IPv4 or IPv6 literal", texts[i]);
		shard->listen_count = i + 1;
	}
	if (engine->shard_options.listen_count == 2 && engine->shard_options.listens[0].is_v4 == engine->shard_options.listens[1].is_v4)
		return fail(error, error_bytes, RINGCAST_ERROR_ARGUMENT, "the second listen address '%s' must be of the other IP family", texts[1]);
	return RINGCAST_OK;
}

static uint32_t usable_cpu_count(void)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	return (uint32_t)CPU_COUNT(&set);
}

static bool are_bytes_zero(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

/* Copies a caller's struct that may be older (shorter) or newer (longer, but with zero in what we do not know) than ours. */
static bool copy_sized(void *own, size_t own_bytes, const void *given, size_t given_bytes)
{
	size_t common = given_bytes < own_bytes ? given_bytes : own_bytes;
	if (given_bytes < sizeof(size_t) || !are_bytes_zero((const uint8_t *)given + common, given_bytes - common))
		return false;
	memset(own, 0, own_bytes);
	memcpy(own, given, common);
	return true;
}

static int check_options(struct ringcast_engine *engine, const ringcast_engine_options *given, char *error, size_t error_bytes)
{
	if (!copy_sized(&engine->options, sizeof(engine->options), given, given->size))
		return fail(error, error_bytes, RINGCAST_ERROR_ARGUMENT, "engine options: %s", "size is wrong, or unknown members are set");
	if (given->callbacks != NULL && !copy_sized(&engine->callbacks, sizeof(engine->callbacks), given->callbacks, given->callbacks->size))
		return fail(error, error_bytes, RINGCAST_ERROR_ARGUMENT, "callbacks: %s", "size is wrong, or unknown members are set");
	fill_limits(&engine->options.limits);
	engine->shard_count = engine->options.shard_count != 0 ? engine->options.shard_count : usable_cpu_count();
	if (engine->shard_count > MAILBOX_SENDERS_MAX)
		return fail(error, error_bytes, RINGCAST_ERROR_ARGUMENT, "shard count: %s", "64 at most");
	if (engine->options.udp_ports_per_shard > SHARD_UDP_PORTS_MAX)
		return fail(error, error_bytes, RINGCAST_ERROR_ARGUMENT, "UDP ports per shard: %s", "64 at most");
	int result = check_listens(engine, error, error_bytes);
	return result != RINGCAST_OK ? result : ringcast_engine_settle_security(engine, error, error_bytes);
}

static void fill_shard_options(struct ringcast_engine *engine)
{
	struct shard_options *shard = &engine->shard_options;
	shard->count = engine->shard_count;
	shard->limits = engine->options.limits;
	shard->udp_port_count = engine->options.udp_ports_per_shard != 0 ? engine->options.udp_ports_per_shard : 1;
	if (engine->options.is_udp_off)
		shard->udp_port_count = 0;
	shard->is_udp_address_free = engine->options.is_udp_address_free;
	shard->is_open = engine->options.is_open;
	shard->mailboxes = engine->mailboxes;
	ringcast_engine_make_hooks(engine);
	ringcast_engine_fill_script_limits(engine);
	shard->hooks = &engine->hooks;
	shard->hooks_context = engine;
}

uint64_t ringcast_memory_bill(const ringcast_engine_options *options, ringcast_memory_fn *each, void *context)
{
	ringcast_limits limits = options->limits;
	uint32_t shard_count = options->shard_count != 0 ? options->shard_count : usable_cpu_count();
	fill_limits(&limits);
	uint64_t shard_bytes = ringcast_shard_memory_bytes(&limits, each, context) + ringcast_security_memory_bytes(options, &limits, each, context);
	return shard_count * shard_bytes;
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

/* Shard threads */

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

static struct shard *create_shard(struct engine_shard *slot)
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
	if (ringcast_engine_secure_shard(engine, &options, slot->error, sizeof(slot->error)))
		shard = ringcast_shard_create(&options, io, slot->error, sizeof(slot->error));
	if (shard == NULL) {
		ringcast_shard_credentials_release(&options.credentials);
		io->ops->destroy(io);
	} else {
		ringcast_script_shard_init(&slot->scripts, engine, shard);
	}
	return shard;
}

static enum engine_phase phase_of(struct ringcast_engine *engine)
{
	return __atomic_load_n(&engine->phase, __ATOMIC_ACQUIRE);
}

static void set_phase(struct ringcast_engine *engine, enum engine_phase phase)
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

static void ring_all(struct ringcast_engine *engine)
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
	ringcast_shard_stop(shard);
	shard->io->ops->wake(shard->io); /* what has just ended is collected at the end of a tick: the first one must not sleep */
	for (;;) {
		if (!is_counted && ringcast_shard_is_idle(shard)) {
			is_counted = true;
			if (__atomic_add_fetch(&engine->idle_count, 1, __ATOMIC_ACQ_REL) == engine->shard_count)
				ring_all(engine); /* the others sleep until told that everybody is done */
		}
		if (__atomic_load_n(&engine->idle_count, __ATOMIC_ACQUIRE) == engine->shard_count && ringcast_shard_is_idle(shard))
			return;
		ringcast_shard_tick(shard);
		if (shard->now_ns >= __atomic_load_n(&engine->stop_deadline_ns, __ATOMIC_ACQUIRE))
			ringcast_shard_abort(shard);
	}
}

static void *run_shard(void *argument)
{
	struct engine_shard *slot = argument;
	struct ringcast_engine *engine = slot->engine;
	char name[16];
	snprintf(name, sizeof(name), "shard %u", slot->index);
	pthread_setname_np(pthread_self(), name);
	if (engine->options.is_pinned)
		pin(slot->index);
	slot->shard = create_shard(slot);
	await_start(slot);
	if (slot->shard == NULL)
		return NULL;
	while (phase_of(engine) == ENGINE_RUNNING)
		ringcast_shard_tick(slot->shard);
	wind_down(slot);
	ringcast_mailbox_close(engine->mailboxes[slot->index]);
	return NULL;
}

/* One after the other: the first shard's port is the port of all. */
static bool create_one(struct ringcast_engine *engine, uint32_t index)
{
	struct engine_shard *slot = &engine->shards[index];
	slot->engine = engine;
	slot->index = index;
	engine->mailboxes[index] = ringcast_mailbox_create(engine->shard_count);
	if (engine->mailboxes[index] == NULL || pthread_create(&slot->thread, NULL, run_shard, slot) != 0) {
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
	set_phase(engine, ENGINE_READY);
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
	int result = check_options(engine, options, error, error_bytes);
	ringcast_engine_forget_security(engine);
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
	pthread_mutex_init(&engine->lock, NULL);
	pthread_cond_init(&engine->changed, NULL);
	pthread_mutex_init(&engine->security_lock, NULL);
	engine->stop_deadline_ns = UINT64_MAX;
	result = check_options(engine, options, error, error_bytes);
	if (result == RINGCAST_OK && engine->options.log != NULL)
		ringcast_log_set_sink(log_to_embedder, engine, (enum log_level)engine->options.log_level_min);
	if (result == RINGCAST_OK)
		result = choose_io(engine, error, error_bytes);
	if (result == RINGCAST_OK) {
		ringcast_engine_announce_security(engine);
		fill_shard_options(engine);
		engine->registry.versions_kept = engine->options.scripts.versions_kept;
		engine->sidecars = ringcast_sidecars_create(engine);
		result = engine->sidecars != NULL ? create_shards(engine, error, error_bytes)
						  : fail(error, error_bytes, RINGCAST_ERROR_MEMORY, "%s", "out of memory or open files");
	}
	if (result != RINGCAST_OK)
		ringcast_engine_destroy(&engine);
	*ret_engine = engine;
	return result;
}

int ringcast_engine_start(ringcast_engine *engine, char *error, size_t error_bytes)
{
	if (phase_of(engine) != ENGINE_READY)
		return fail(error, error_bytes, RINGCAST_ERROR_STATE, "%s", "the engine was started before");
	set_phase(engine, ENGINE_RUNNING);
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

int ringcast_engine_stop(ringcast_engine *engine, uint32_t timeout_ms)
{
	enum engine_phase phase = phase_of(engine);
	if (phase >= ENGINE_STOPPING)
		return RINGCAST_ERROR_STATE;
	if (phase < ENGINE_READY) /* creation failed half way: wait for those that exist */
		engine->shard_count = made_count(engine);
	__atomic_store_n(&engine->stop_deadline_ns, ringcast_clock_now_ns() + timeout_ms * NS_PER_MS, __ATOMIC_RELEASE);
	set_phase(engine, ENGINE_STOPPING);
	if (phase == ENGINE_RUNNING)
		ring_all(engine);
	join_threads(engine);
	set_phase(engine, ENGINE_STOPPED);
	return RINGCAST_OK;
}

void ringcast_engine_destroy(ringcast_engine **engine)
{
	struct ringcast_engine *e = *engine;
	*engine = NULL;
	if (e == NULL)
		return;
	if (phase_of(e) < ENGINE_STOPPING)
		ringcast_engine_stop(e, 0);
	ringcast_sidecars_destroy(&e->sidecars);
	for (uint32_t i = 0; i < MAILBOX_SENDERS_MAX; i++) {
		ringcast_script_shard_fini(&e->shards[i].scripts);
		ringcast_shard_destroy(&e->shards[i].shard);
		ringcast_mailbox_destroy(&e->mailboxes[i]);
	}
	if (e->options.log != NULL)
		ringcast_log_set_sink(NULL, NULL, LOG_ERROR);
	ringcast_engine_forget_security(e);
	pthread_mutex_destroy(&e->security_lock);
	ringcast_registry_fini(&e->registry);
	pthread_cond_destroy(&e->changed);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

/* Plain reads */

bool ringcast_engine_is_draining(const ringcast_engine *engine)
{
	return __atomic_load_n(&engine->is_draining, __ATOMIC_ACQUIRE);
}

uint32_t ringcast_engine_shard_count(const ringcast_engine *engine)
{
	return engine->shard_count;
}

uint16_t ringcast_engine_tcp_port(const ringcast_engine *engine)
{
	return engine->shards[0].shard->tcp_port;
}

uint16_t ringcast_engine_udp_port(const ringcast_engine *engine, uint32_t shard, uint32_t index)
{
	if (shard >= engine->shard_count || index >= engine->shards[shard].shard->udp_port_count)
		return 0;
	return engine->shards[shard].shard->udp_ports[index];
}

const char *ringcast_engine_io_name(const ringcast_engine *engine)
{
	return engine->io == RINGCAST_IO_URING ? "io_uring" : "epoll";
}

uint64_t ringcast_engine_stall_ns(const ringcast_engine *engine)
{
	uint64_t now_ns = ringcast_clock_now_ns(), stall_ns = 0;
	for (uint32_t i = 0; i < engine->shard_count; i++) {
		uint64_t beat_ns = __atomic_load_n(&engine->shards[i].shard->beat_ns, __ATOMIC_RELAXED);
		if (now_ns > beat_ns && now_ns - beat_ns > stall_ns)
			stall_ns = now_ns - beat_ns;
	}
	return stall_ns;
}
