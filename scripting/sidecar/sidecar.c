#include "scripting/sidecar/sidecar.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "scripting/sidecar/sidecar_impl.h"

enum { GREETING_PATIENCE = 3 }; /* times the attach timeout */

static uint64_t ns_of(uint32_t timeout_ms)
{
	return (timeout_ms != 0 ? timeout_ms : SIDECAR_TIMEOUT_MS) * NS_PER_MS;
}

static bool host_init(struct sidecar_host *host, const struct sidecar_options *options)
{
	*host = (struct sidecar_host){
		.environment = options->environment,
		.channel_count = options->channel_count,
		.window_bytes = options->window_bytes != 0 ? options->window_bytes : SIDECAR_WINDOW_BYTES,
		.attach_timeout_ns = ns_of(options->attach_timeout_ms),
		.stall_timeout_ns = ns_of(options->stall_timeout_ms),
		.channels = calloc(options->channel_count, sizeof(struct channel)),
		.arguments = strdup(options->arguments != NULL ? options->arguments : ""),
		.check_ns = UINT64_MAX,
		.are_numbers_random = options->are_numbers_random,
	};
	for (uint32_t i = 0; host->channels != NULL && i < host->channel_count; i++)
		ringcast_list_init(&host->channels[i].opening);
	return host->channels != NULL && host->arguments != NULL &&
	       ringcast_slab_init(&host->tenants, sizeof(struct tenant), options->sessions_max) &&
	       ringcast_map_init(&host->tenants_by_number, options->sessions_max);
}

static void host_free(struct sidecar_host *host)
{
	for (uint32_t i = 0; host->channels != NULL && i < host->channel_count; i++)
		ringcast_channel_reset(&host->channels[i]);
	if (host->tenants_by_number.slots != NULL)
		ringcast_map_fini(&host->tenants_by_number);
	if (host->tenants.objects != NULL)
		ringcast_slab_fini(&host->tenants);
	free(host->channels);
	free(host->arguments);
	free(host);
}

struct sidecar_host *ringcast_sidecar_create(const struct sidecar_options *options)
{
	ringcast_assert(options->channel_count >= 1 && options->channel_count <= SIDECAR_CHANNELS_MAX && options->sessions_max >= 1);
	struct sidecar_host *host = malloc(sizeof(*host));
	if (host == NULL || host_init(host, options))
		return host;
	host_free(host);
	return NULL;
}

void ringcast_sidecar_destroy(struct sidecar_host **host)
{
	if (*host == NULL)
		return;
	ringcast_assert((*host)->tenants.count == 0);
	host_free(*host);
	*host = NULL;
}

/* Programs */

static struct script_program *load(void *context, struct script *script, char *reterr, size_t reterr_bytes)
{
	struct program *program = malloc(sizeof(*program));
	if (program == NULL) {
		snprintf(reterr, reterr_bytes, "%s: out of memory", script->name);
		return NULL;
	}
	*program = (struct program){.host = context, .base.script = ringcast_script_ref(script), .base.hooks_context = program};
	ringcast_events_fill(&program->base.hooks, script->facts.callbacks);
	return &program->base;
}

static void unload(void *context, struct script_program *base)
{
	ringcast_assert(base->session_count == 0);
	ringcast_script_unref(&base->script);
	free(CONTAINER_OF(base, struct program, base));
}

static uint64_t session_bytes(void *context, const struct session *session)
{
	const struct tenant *tenant = ringcast_tenant_of(session);
	return tenant != NULL ? tenant->memory_bytes : 0;
}

const struct script_host_ops ringcast_sidecar_ops = {
	.language = SCRIPT_JS,
	.load = load,
	.unload = unload,
	.session_bytes = session_bytes,
};

/* Channels */

static struct channel *channel_at(const struct sidecar_host *host, uint32_t channel)
{
	ringcast_assert(channel < host->channel_count);
	return &host->channels[channel];
}

/* Often enough that nothing is found more than a quarter late. */
static void check_by(struct sidecar_host *host, uint64_t now_ns)
{
	uint64_t shorter_ns = host->stall_timeout_ns < host->attach_timeout_ns ? host->stall_timeout_ns : host->attach_timeout_ns;
	uint64_t due_ns = now_ns + shorter_ns / 4;
	if (due_ns < host->check_ns)
		host->check_ns = due_ns;
}

void ringcast_sidecar_attach(struct sidecar_host *host, uint32_t index, uint64_t now_ns)
{
	struct channel *channel = channel_at(host, index);
	ringcast_assert(channel->state == CHANNEL_DETACHED);
	channel->state = CHANNEL_GREETING;
	channel->heard_ns = now_ns;
	channel->detached_ns = 0;
	check_by(host, now_ns);
	if (!ringcast_channel_greet(host, channel))
		channel->is_silent = true; /* no memory to speak to it with */
}

bool ringcast_sidecar_feed(struct sidecar_host *host, uint32_t index, struct view bytes, uint64_t now_ns)
{
	struct channel *channel = channel_at(host, index);
	struct sidecar_frame frame;
	ringcast_assert(channel->state != CHANNEL_DETACHED);
	channel->heard_ns = now_ns;
	channel->stats.bytes_received += bytes.size;
	for (;;) {
		enum sidecar_frame_result result = ringcast_sidecar_inbox_next(&channel->inbox, &bytes, &frame);
		if (result != SIDECAR_FRAME_OK)
			return result == SIDECAR_FRAME_INCOMPLETE;
		channel->stats.frames_received++;
		if (!ringcast_commands_carry_out(host, channel, &frame, now_ns))
			return false;
	}
}

struct view ringcast_sidecar_pending(const struct sidecar_host *host, uint32_t index)
{
	const struct channel *channel = channel_at(host, index);
	return channel->state == CHANNEL_DETACHED ? ringcast_view_of(NULL, 0) : ringcast_sidecar_queue_view(&channel->queue);
}

void ringcast_sidecar_sent(struct sidecar_host *host, uint32_t index, size_t size)
{
	struct channel *channel = channel_at(host, index);
	ringcast_sidecar_queue_take(&channel->queue, size);
	channel->stats.bytes_sent += size;
	ringcast_pieces_pump(channel);
}

static void end_all(struct sidecar_host *host, struct channel *channel, uint64_t now_ns)
{
	for (uint32_t i = 0; i < host->tenants.high_water; i++) {
		handle self;
		struct tenant *tenant = ringcast_slab_at(&host->tenants, i, &self);
		if (tenant == NULL || tenant->channel != channel)
			continue;
		channel->stats.sessions_lost++;
		host->environment->count(host->environment->context, SCRIPT_COUNT_KILLED);
		ringcast_tenant_say(tenant, SCRIPT_FATAL, "session ends: the process that ran its script is gone");
		ringcast_tenant_end(tenant, CLOSE_SCRIPT_LOST, now_ns);
	}
}

void ringcast_sidecar_detach(struct sidecar_host *host, uint32_t index, uint64_t now_ns)
{
	struct channel *channel = channel_at(host, index);
	if (channel->state == CHANNEL_DETACHED)
		return;
	channel->state = CHANNEL_DETACHED;
	end_all(host, channel, now_ns);
	ringcast_channel_reset(channel);
}

/* Time */

static void send_ping(struct sidecar_host *host, struct channel *channel, uint64_t now_ns)
{
	struct sidecar_frame frame = {.kind = SIDECAR_FRAME_PING, .numbers = {now_ns}};
	/* Full already: then there is enough to answer to. */
	(void)ringcast_channel_push(host, channel, &frame, host->environment->limits->outgoing_bytes_max);
}

static void check_channel(struct sidecar_host *host, struct channel *channel, uint64_t now_ns)
{
	if (channel->state == CHANNEL_DETACHED) {
		if (channel->detached_ns == 0 || now_ns < channel->detached_ns + host->attach_timeout_ns)
			return;
		end_all(host, channel, now_ns);
		ringcast_channel_reset(channel);
		return;
	}
	/* A runtime that starts on a loaded machine may take long; one that runs may not. */
	uint64_t patience_ns = channel->state == CHANNEL_GREETING ? GREETING_PATIENCE * host->attach_timeout_ns : host->stall_timeout_ns;
	if (now_ns >= channel->heard_ns + patience_ns && !channel->has_debugger)
		channel->is_silent = true;
	else if (channel->state == CHANNEL_READY) {
		send_ping(host, channel, now_ns);
		ringcast_pieces_pump(channel); /* what failed for want of memory */
	}
}

/* By the process's own last sign of life: a process that is silent as a whole says nothing about its scripts. */
static bool is_stalled(const struct sidecar_host *host, const struct tenant *tenant)
{
	const struct channel *channel = tenant->channel;
	uint64_t since_ns = tenant->progress_ns > channel->ready_ns ? tenant->progress_ns : channel->ready_ns;
	return channel->state == CHANNEL_READY && !channel->has_debugger && tenant->unacked_bytes > 0 &&
	       channel->heard_ns >= since_ns + host->stall_timeout_ns;
}

static void kill_stalled(struct sidecar_host *host, struct tenant *tenant, uint64_t now_ns)
{
	tenant->channel->stats.sessions_killed++;
	host->environment->count(host->environment->context, SCRIPT_COUNT_KILLED);
	ringcast_tenant_say(tenant, SCRIPT_FATAL, "session ends: its script has taken no event for %llu ms (an endless loop?)",
			    (unsigned long long)(host->stall_timeout_ns / NS_PER_MS));
	ringcast_tenant_end(tenant, CLOSE_SCRIPT_FAILED, now_ns);
}

static void check_tenants(struct sidecar_host *host, uint64_t now_ns)
{
	for (uint32_t i = 0; i < host->tenants.high_water; i++) {
		handle self;
		struct tenant *tenant = ringcast_slab_at(&host->tenants, i, &self);
		if (tenant == NULL)
			continue;
		if (tenant->fate != CLOSE_NONE)
			ringcast_tenant_end(tenant, (enum close_reason)tenant->fate, now_ns);
		else if (is_stalled(host, tenant))
			kill_stalled(host, tenant, now_ns);
	}
}

static bool is_anything_open(const struct sidecar_host *host)
{
	bool is_any = host->tenants.count > 0;
	for (uint32_t i = 0; i < host->channel_count; i++)
		is_any = is_any || host->channels[i].state != CHANNEL_DETACHED;
	return is_any;
}

void ringcast_sidecar_tick(struct sidecar_host *host, uint64_t now_ns)
{
	bool is_due = now_ns >= host->check_ns;
	if (is_due)
		for (uint32_t i = 0; i < host->channel_count; i++)
			check_channel(host, &host->channels[i], now_ns);
	if (is_due || host->doomed_count > 0)
		check_tenants(host, now_ns);
	if (is_due)
		host->check_ns = UINT64_MAX;
	if (host->check_ns == UINT64_MAX && is_anything_open(host))
		check_by(host, now_ns);
}

uint64_t ringcast_sidecar_deadline_ns(const struct sidecar_host *host)
{
	return host->doomed_count > 0 ? 0 : host->check_ns;
}

bool ringcast_sidecar_is_silent(const struct sidecar_host *host, uint32_t index)
{
	return channel_at(host, index)->is_silent;
}

bool ringcast_sidecar_is_ready(const struct sidecar_host *host, uint32_t index)
{
	return channel_at(host, index)->state == CHANNEL_READY;
}

struct sidecar_stats ringcast_sidecar_measure(const struct sidecar_host *host, uint32_t index)
{
	const struct channel *channel = channel_at(host, index);
	struct sidecar_stats stats = channel->stats;
	stats.queued_bytes = (uint32_t)ringcast_sidecar_queue_bytes(&channel->queue);
	return stats;
}
