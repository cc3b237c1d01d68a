/* The embedder's options: copied, checked, filled with defaults, turned into what shards and scripts are made with. */
#include "life/options.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sized.h"
#include "io/cgroup.h"
#include "io/clock.h"
#include "io/egress.h"
#include "life/changes.h"
#include "life/hooks.h"
#include "life/opening.h"
#include "life/sidecars.h"
#include "scripts/check.h"
#include "security/bill.h"

#define SCRIPT_MEMORY_BYTES (32u << 20)

void ringcast_limits_default(ringcast_limits *ret_limits)
{
#define X(type, name, default_value, ...) ret_limits->name = (default_value);
	RINGCAST_LIMITS(X)
#undef X
}

static bool is_untouched(const ringcast_limits *limits)
{
	static const ringcast_limits zero;
	return memcmp(limits, &zero, sizeof(zero)) == 0;
}

void ringcast_engine_fill_limits(ringcast_limits *limits)
{
	bool is_all_default = is_untouched(limits);
#define X(type, name, default_value, min, max, ...)                                                                    \
	if (limits->name == 0 && (is_all_default || (min) > 0))                                                        \
		limits->name = (default_value);
	RINGCAST_LIMITS(X)
#undef X
}

static bool check_limit(const char *name, uint64_t value, uint64_t min, uint64_t max, char *error, size_t error_bytes)
{
	if (value >= min && value <= max)
		return true;
	snprintf(error, error_bytes, "limits.%s: %" PRIu64 " is out of range: from %" PRIu64 " to %" PRIu64, name, value, min, max);
	return false;
}

bool ringcast_engine_check_limits(const ringcast_limits *limits, char *error, size_t error_bytes)
{
#define X(type, name, default_value, min, max, ...)                                                                    \
	if (!check_limit(#name, limits->name, min, max, error, error_bytes))                                           \
		return false;
	RINGCAST_LIMITS(X)
#undef X
	return true;
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
	if (inet_pton(AF_INET6, text, &v6) != 1 || IN6_IS_ADDR_V4MAPPED(&v6))
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

/* Thousandths of a CPU, all together. */
static uint64_t cpu_millis(void)
{
	cpu_set_t set;
	uint64_t millis = sched_getaffinity(0, sizeof(set), &set) == 0 ? (uint64_t)CPU_COUNT(&set) * 1000 : 1000;
	uint64_t quota = ringcast_cgroup_cpu_millis(CGROUP_HERE);
	return quota < millis ? quota : millis;
}

uint32_t ringcast_cpu_count(void)
{
	return (uint32_t)((cpu_millis() + 999) / 1000);
}

/* Of one CPU, where shards are more than CPUs, or a quota gives them less. */
static uint32_t cpu_percent_each(uint32_t shard_count)
{
	uint64_t percent = cpu_millis() / 10 / shard_count;
	return percent > 100 ? 100 : percent > 0 ? (uint32_t)percent : 1;
}

static uint32_t shard_count_of(const ringcast_engine_options *options)
{
	uint32_t cpu_count = ringcast_cpu_count();
	return options->shard_count != 0 ? options->shard_count : cpu_count < MAILBOX_SENDERS_MAX ? cpu_count : MAILBOX_SENDERS_MAX;
}

uint64_t ringcast_memory_limit(void)
{
	uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t group = ringcast_cgroup_memory_bytes(CGROUP_HERE);
	return group < machine ? group : machine;
}

/* The caller's strings need not live longer than the call: what is used later is ours. */
static bool copy_strings(struct ringcast_engine *engine)
{
	ringcast_engine_options *options = &engine->options;
	const char **const strings[] = {&options->listen_address, &options->listen_address_second, &options->host_name, &options->ciphers,
					&options->crypto_backend, &options->scripts.node, &options->scripts.sidecar, &options->scripts.inspect,
					&options->scripts.arguments, &options->scripts.user, &options->scripts.connect_ports, &options->scripts.read_paths,
					&options->scripts.environment, &options->scripts.final_folder};
	bool is_copied = true;
	static_assert(ARRAY_COUNT(strings) == ENGINE_STRING_COUNT, "one place for each");
	for (unsigned i = 0; i < ARRAY_COUNT(strings); i++) {
		if (*strings[i] == NULL)
			continue;
		*strings[i] = engine->strings[i] = strdup(*strings[i]);
		is_copied &= engine->strings[i] != NULL;
	}
	return is_copied;
}

void ringcast_engine_forget_options(struct ringcast_engine *engine)
{
	for (unsigned i = 0; i < ENGINE_STRING_COUNT; i++)
		free(engine->strings[i]);
	if (engine->token_keys != NULL)
		ringcast_jwt_keys_forget(engine->token_keys);
	free(engine->token_keys);
	ringcast_security_forget(&engine->security);
}

static int check_udp_ports(const struct ringcast_engine *engine, char *error, size_t error_bytes)
{
	const ringcast_engine_options *options = &engine->options;
	uint32_t per_shard = options->udp_ports_per_shard != 0 ? options->udp_ports_per_shard : 1;
	uint32_t last = options->udp_port_base + engine->shard_count * per_shard - 1;
	if (per_shard > SHARD_UDP_PORTS_MAX)
		return fail(error, error_bytes, RINGCAST_ERROR_ARGUMENT, "UDP ports per shard: %s", "64 at most");
	if (options->is_udp_off || options->udp_port_base == 0 || last <= UINT16_MAX)
		return RINGCAST_OK;
	snprintf(error, error_bytes, "UDP ports: %u with %u shards of %u ports ends at %u, past 65535", options->udp_port_base, engine->shard_count, per_shard,
		 last);
	return RINGCAST_ERROR_ARGUMENT;
}

static bool is_share(uint32_t percent)
{
	return percent <= SHARE_PERCENT_MAX || percent == UINT32_MAX;
}

static int check_options(struct ringcast_engine *engine, char *error, size_t error_bytes)
{
	const ringcast_engine_options *options = &engine->options;
	if (options->io > RINGCAST_IO_EPOLL)
		return fail(error, error_bytes, RINGCAST_ERROR_ARGUMENT, "io: %s", "no such way to wait");
	if (!ringcast_engine_check_limits(&options->limits, error, error_bytes))
		return RINGCAST_ERROR_ARGUMENT;
	if (!is_share(options->scripts.share_percent) || !is_share(options->scripts.shard_share_percent))
		return fail(error, error_bytes, RINGCAST_ERROR_ARGUMENT, "scripts.share_percent, scripts.shard_share_percent: %s", "100 at most, or UINT32_MAX for no bound");
	if (engine->shard_count > MAILBOX_SENDERS_MAX)
		return fail(error, error_bytes, RINGCAST_ERROR_ARGUMENT, "shard count: %s", "64 at most");
	if (options->scripts.is_jit_on && !ringcast_script_can_compile())
		return fail(error, error_bytes, RINGCAST_ERROR_STATE, "scripts.lua_jit: %s",
			    "this process may not run memory that it has written, which is what a compiler does: allow it (MemoryDenyWriteExecute=no in a systemd unit), or "
			    "leave Lua interpreted");
	int result = check_udp_ports(engine, error, error_bytes);
	return result != RINGCAST_OK ? result : check_listens(engine, error, error_bytes);
}

static int take_token_keys(struct ringcast_engine *engine, char *error, size_t error_bytes)
{
	ringcast_engine_options *options = &engine->options;
	if (options->token_key_count == 0)
		return RINGCAST_OK;
	engine->token_keys = calloc(1, sizeof(*engine->token_keys));
	if (engine->token_keys == NULL)
		return fail(error, error_bytes, RINGCAST_ERROR_MEMORY, "%s", "out of memory");
	int result = ringcast_engine_read_token_keys(options->token_keys, options->token_key_count, options->token_audience, engine->token_keys, error,
						     error_bytes);
	options->token_keys = NULL; /* the caller's, who may wipe them */
	options->token_audience = NULL;
	return result;
}

int ringcast_engine_take_options(struct ringcast_engine *engine, const ringcast_engine_options *given, char *error, size_t error_bytes)
{
	if (given == NULL)
		return fail(error, error_bytes, RINGCAST_ERROR_ARGUMENT, "engine options: %s", "there are none (NULL)");
	if (!ringcast_sized_copy(&engine->options, sizeof(engine->options), given))
		return fail(error, error_bytes, RINGCAST_ERROR_ARGUMENT, "engine options: %s", "size is wrong, or unknown members are set");
	if (engine->options.callbacks != NULL &&
	    !ringcast_sized_copy(&engine->callbacks, sizeof(engine->callbacks), engine->options.callbacks))
		return fail(error, error_bytes, RINGCAST_ERROR_ARGUMENT, "callbacks: %s", "size is wrong, or unknown members are set");
	if (!copy_strings(engine))
		return fail(error, error_bytes, RINGCAST_ERROR_MEMORY, "%s", "out of memory");
	ringcast_engine_fill_limits(&engine->options.limits);
	engine->shard_count = shard_count_of(&engine->options);
	if (!ringcast_proxy_ranges_parse(engine->options.proxy_from, &engine->shard_options.proxies))
		return fail(error, error_bytes, RINGCAST_ERROR_ARGUMENT, "proxies '%s': not a list of at most 16 addresses or ranges, such as 10.0.0.0/8",
			    engine->options.proxy_from);
	engine->options.proxy_from = NULL; /* the shards have the ranges */
	int result = take_token_keys(engine, error, error_bytes);
	if (result == RINGCAST_OK)
		result = check_options(engine, error, error_bytes);
	if (result == RINGCAST_OK)
		result = ringcast_security_settle(&engine->security, &engine->options, &engine->shard_options, error, error_bytes);
	engine->options.certificate = engine->options.key = engine->options.client_ca = NULL; /* security has copies */
	return result;
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
		.memory_bytes = given->memory_bytes != 0 ? given->memory_bytes : SCRIPT_MEMORY_BYTES,
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
		.share = {.session_percent = or_unbounded(given->share_percent, 50),
			  .shard_percent = or_unbounded(given->shard_share_percent, 75),
			  .seconds_max = given->share_seconds_max},
		.log_bytes_per_session = given->log_bytes_per_session,
		.said = engine->options.script_log,
		.said_context = engine->options.script_log_context,
		.channels = {.arguments = given->arguments,
			     .count = channel_count < SCRIPT_CHANNELS_MAX ? channel_count : SCRIPT_CHANNELS_MAX,
			     .sessions_max = engine->options.limits.sessions_max,
			     .stall_timeout_ms = or_default(given->stall_timeout_ms, 10000),
			     .cut = ringcast_engine_channel_cut,
			     .context = engine},
	};
}

void ringcast_engine_fill_shard_options(struct ringcast_engine *engine)
{
	struct shard_options *shard = &engine->shard_options;
	shard->count = engine->shard_count;
	shard->cpu_percent = cpu_percent_each(engine->shard_count);
	shard->limits = engine->options.limits;
	shard->udp_port_count = engine->options.udp_ports_per_shard != 0 ? engine->options.udp_ports_per_shard : 1;
	if (engine->options.is_udp_off)
		shard->udp_port_count = 0;
	shard->is_udp_address_free = engine->options.is_udp_address_free;
	shard->is_open = engine->options.is_open;
	shard->token_keys = engine->token_keys;
	shard->wall_s = ringcast_clock_wall_s;
	shard->open = ringcast_engine_open_here;
	shard->spread = engine->options.spread != RINGCAST_SPREAD_DEFAULT ? (enum spread_mode)engine->options.spread : SPREAD_AUTO;
	shard->mailboxes = engine->mailboxes;
	ringcast_engine_make_hooks(engine);
	fill_script_options(engine);
	shard->hooks = &engine->hooks;
	shard->hooks_context = engine;
	ringcast_engine_tell_changes(engine);
}

/* Each shard's part, for all of them. */
struct whole_bill {
	ringcast_memory_fn *each;
	void *context;
	uint32_t shard_count;
};

static void add_for_all(void *context, const char *part, uint64_t bytes, bool is_own)
{
	const struct whole_bill *bill = context;
	if (bill->each != NULL)
		bill->each(bill->context, part, bytes * bill->shard_count, is_own);
}

/* Sessions of other shards have no script here, but places of their own among the accounts. */
static uint64_t script_bytes(const ringcast_engine_options *options, const ringcast_limits *limits, uint32_t shard_count)
{
	uint64_t each = options->scripts.memory_bytes != 0 ? options->scripts.memory_bytes : SCRIPT_MEMORY_BYTES;
	return each * limits->sessions_max + ringcast_shard_session_places(limits, shard_count) * sizeof(struct share_account);
}

/*
 * What one shard has for the others: a ring that each of them writes to, touched once there are letters, those that wait for room in theirs, and of connections that are paused
 * meanwhile a pause each and what had been read of them.
 */
static uint64_t letter_bytes(const ringcast_limits *limits, uint32_t shard_count)
{
	uint64_t pause_bytes = ringcast_shard_pauses_memory_bytes(limits->connections_max) + limits->spread_queue_bytes;
	return (uint64_t)(shard_count - 1) * (MAILBOX_LETTERS_BYTES + (uint64_t)limits->spread_queue_bytes) + (shard_count > 1 ? pause_bytes : 0);
}

static uint64_t egress_memory_bytes(const ringcast_engine_options *options, const ringcast_limits *limits)
{
	struct io_options io;
	if (options->egress != RINGCAST_EGRESS_XDP)
		return 0;
	ringcast_shard_io_options(limits, &io);
	return ringcast_egress_memory_bytes(io.stream_count_max);
}

uint64_t ringcast_memory_bill(const ringcast_engine_options *options, ringcast_memory_fn *each, void *context)
{
	ringcast_limits limits = options->limits;
	struct whole_bill bill = {each, context, shard_count_of(options)};
	ringcast_engine_fill_limits(&limits);
	uint64_t egress_bytes = egress_memory_bytes(options, &limits);
	if (egress_bytes > 0)
		add_for_all(&bill, "ways and frames of AF_XDP", egress_bytes, true);
	if (options->token_key_count > 0)
		add_for_all(&bill, "signed tokens that were used", ringcast_jwt_spent_bytes(limits.tokens_spent_max), true);
	uint64_t sum = ringcast_shard_memory_bytes(&limits, bill.shard_count, add_for_all, &bill) + ringcast_security_memory_bytes(options, &limits, add_for_all, &bill);
	sum += egress_bytes + script_bytes(options, &limits, bill.shard_count) + (options->token_key_count > 0 ? ringcast_jwt_spent_bytes(limits.tokens_spent_max) : 0);
	sum += letter_bytes(&limits, bill.shard_count);
	add_for_all(&bill, "scripts, if every session runs one", script_bytes(options, &limits, bill.shard_count), false);
	add_for_all(&bill, "letters of spread sessions between shards", letter_bytes(&limits, bill.shard_count), false);
	return sum * bill.shard_count;
}
