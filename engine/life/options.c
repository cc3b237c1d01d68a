/* The embedder's options: copied, checked, filled with defaults, turned into what shards and scripts are made with. */
#include "life/options.h"

#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/sized.h"
#include "life/hooks.h"
#include "life/sidecars.h"
#include "security/bill.h"

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

int ringcast_engine_take_options(struct ringcast_engine *engine, const ringcast_engine_options *given, char *error, size_t error_bytes)
{
	if (!ringcast_sized_copy(&engine->options, sizeof(engine->options), given))
		return fail(error, error_bytes, RINGCAST_ERROR_ARGUMENT, "engine options: %s", "size is wrong, or unknown members are set");
	if (engine->options.callbacks != NULL &&
	    !ringcast_sized_copy(&engine->callbacks, sizeof(engine->callbacks), engine->options.callbacks))
		return fail(error, error_bytes, RINGCAST_ERROR_ARGUMENT, "callbacks: %s", "size is wrong, or unknown members are set");
	fill_limits(&engine->options.limits);
	engine->shard_count = engine->options.shard_count != 0 ? engine->options.shard_count : usable_cpu_count();
	if (engine->shard_count > MAILBOX_SENDERS_MAX)
		return fail(error, error_bytes, RINGCAST_ERROR_ARGUMENT, "shard count: %s", "64 at most");
	if (engine->options.udp_ports_per_shard > SHARD_UDP_PORTS_MAX)
		return fail(error, error_bytes, RINGCAST_ERROR_ARGUMENT, "UDP ports per shard: %s", "64 at most");
	int result = check_listens(engine, error, error_bytes);
	return result != RINGCAST_OK ? result : ringcast_security_settle(&engine->security, &engine->options, &engine->shard_options, error, error_bytes);
}

static uint32_t or_default(uint32_t given, uint32_t default_value)
{
	return given != 0 ? given : default_value;
}

/* In the hosts 0 means "no bound"; here that is UINT32_MAX, since 0 is the default. */
static uint32_t or_unbounded(uint32_t given, uint32_t default_value)
{
	return given == UINT32_MAX ? 0 : or_default(given, default_value);
}

static uint64_t half_of_memory(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
	return pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes / 2 : 0;
}

static void fill_script_options(struct ringcast_engine *engine)
{
	ringcast_script_options *given = &engine->options.scripts;
	engine->script_limits = (struct script_limits){
		.memory_bytes = given->memory_bytes != 0 ? given->memory_bytes : 32 << 20,
		.budget_us = or_unbounded(given->budget_us, 20000),
		.errors_max = or_unbounded(given->errors_max, 100),
		.on_error = given->is_deny_on_error ? SCRIPT_FAILURE_DENY : SCRIPT_FAILURE_ALLOW,
		.is_jit_off = !given->is_jit_on,
		.is_lua_ffi_on = given->is_lua_ffi_on,
		.answer_timeout_ms = or_default(given->answer_timeout_ms, 2000),
		.outgoing_bytes_max = or_default(given->outgoing_bytes_max, 4 << 20),
		.log_lines_per_second = or_default(given->log_lines_per_second, 100),
	};
	given->log_bytes_per_session = or_unbounded(given->log_bytes_per_session, 65536);
	given->versions_kept = or_default(given->versions_kept, 10);
	engine->confinement = (struct sidecar_confinement){
		.is_off = given->is_unconfined,
		.user = given->user,
		.connect_ports = given->connect_ports,
		.read_paths = given->read_paths,
		.environment = given->environment,
		.memory_bytes = given->process_memory_bytes != 0 ? given->process_memory_bytes : half_of_memory(),
		.scripts = {engine->snapshots.root, given->final_folder},
		.temporary = engine->snapshots.temporary,
	};
	engine->script_process = (struct sidecar_process_options){
		.node = given->node, .script = given->sidecar, .inspect = given->inspect, .confinement = &engine->confinement};
	uint32_t channel_count = or_default(given->process_count, 1);
	engine->registry.versions_kept = given->versions_kept;
	engine->script_options = (struct script_shard_options){
		.limits = &engine->script_limits,
		.registry = &engine->registry,
		.arguments = given->arguments,
		.stall_timeout_ms = or_default(given->stall_timeout_ms, 10000),
		.channel_count = channel_count < SCRIPT_CHANNELS_MAX ? channel_count : SCRIPT_CHANNELS_MAX,
		.sessions_max = engine->options.limits.sessions_max,
		.log_bytes_per_session = given->log_bytes_per_session,
		.cut = ringcast_engine_channel_cut,
		.context = engine,
	};
}

void ringcast_engine_fill_shard_options(struct ringcast_engine *engine)
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
	fill_script_options(engine);
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
