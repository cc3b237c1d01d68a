#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"
#include "scripting/sidecar/sidecar_impl.h"

static struct view text_view(const char *text)
{
	return ringcast_view_of(text, strlen(text));
}

/* A ready channel before one that has yet to come up; the one with the fewest sessions among equals. */
static bool is_better(const struct channel *a, const struct channel *b)
{
	if ((a->state == CHANNEL_READY) != (b->state == CHANNEL_READY))
		return a->state == CHANNEL_READY;
	if ((a->state == CHANNEL_DETACHED) != (b->state == CHANNEL_DETACHED))
		return b->state == CHANNEL_DETACHED;
	return a->stats.session_count < b->stats.session_count;
}

static struct channel *channel_choose(struct sidecar_host *host)
{
	struct channel *best = &host->channels[0];
	for (uint32_t i = 1; i < host->channel_count; i++)
		if (is_better(&host->channels[i], best))
			best = &host->channels[i];
	return best;
}

static uint32_t number_next(struct sidecar_host *host)
{
	do
		if (host->are_numbers_random) /* whoever writes to the channel behind the sidecar's back would have to guess */
			host->environment->random(host->environment->context, &host->number_next, sizeof(host->number_next));
		else
			host->number_next++;
	while (host->number_next == 0 || ringcast_map_find(&host->tenants_by_number, host->number_next) != 0);
	return host->number_next;
}

static struct tenant *tenant_create(struct program *program, struct session *session)
{
	struct sidecar_host *host = program->host;
	handle self;
	struct tenant *tenant = ringcast_slab_alloc(&host->tenants, &self);
	ringcast_assert(tenant != NULL); /* sessions_max is the store's */
	tenant->self = self;
	tenant->session = session;
	tenant->program = program;
	tenant->channel = channel_choose(host);
	tenant->number = number_next(host);
	ringcast_pieces_begin(tenant);
	bool was_added = ringcast_map_add(&host->tenants_by_number, tenant->number, self);
	ringcast_assert(was_added);
	tenant->channel->stats.session_count++;
	program->base.session_count++;
	session->user = tenant;
	return tenant;
}

static bool send_open(struct tenant *tenant)
{
	const struct session *session = tenant->session;
	const struct script *script = tenant->program->base.script;
	struct sidecar_host *host = tenant->program->host;
	struct sidecar_frame frame = {
		.kind = SIDECAR_FRAME_OPEN,
		.flags = tenant->state == TENANT_OPENING ? SIDECAR_FLAG_MORE : 0,
		.numbers = {host->environment->limits->memory_bytes, session->players_max, session->ping_interval_ms, session->tick_interval_ms},
		.texts = {text_view(session->id), text_view(session->name), ringcast_pieces_short(tenant, SIDECAR_PIECE_PROPERTIES),
			  ringcast_pieces_short(tenant, SIDECAR_PIECE_MATCHMAKER_DATA), text_view(script->name), text_view(script->version),
			  text_view(script->folder), text_view(script->main), ringcast_pieces_short(tenant, SIDECAR_PIECE_ARGUMENTS)},
	};
	return ringcast_tenant_push(tenant, &frame, 1);
}

void ringcast_tenant_start(void *context, struct session *session)
{
	struct tenant *tenant = tenant_create(context, session);
	struct channel *channel = tenant->channel;
	if (channel->state == CHANNEL_DETACHED && channel->detached_ns == 0)
		channel->detached_ns = session->created_ns;
	ringcast_session_hold_up(session); /* until the worker says OPENED */
	if (send_open(tenant)) {
		ringcast_pieces_pump(channel);
		return;
	}
	ringcast_pieces_stop(tenant);
	ringcast_tenant_say(tenant, SCRIPT_FATAL, "session ends: its start does not fit behind what waits for its process (scripts.queue_max)");
	ringcast_tenant_doom(tenant, CLOSE_SCRIPT_LOST);
}

static void send_close(struct tenant *tenant, enum close_reason reason)
{
	struct sidecar_frame frame = {
		.kind = SIDECAR_FRAME_CLOSE, .session = tenant->number, .texts = {text_view(ringcast_close_label(reason))}};
	/* Without bound: the one frame that must not be lost, one a session. Without memory the process keeps a worker too many. */
	if (!ringcast_channel_push(tenant->program->host, tenant->channel, &frame, UINT64_MAX))
		ringcast_tenant_say(tenant, SCRIPT_ERROR, "no memory to tell the sidecar of the session's end");
}

void ringcast_tenant_ended(void *context, struct session *session, enum close_reason reason)
{
	struct program *program = context;
	struct sidecar_host *host = program->host;
	struct tenant *tenant = ringcast_tenant_of(session);
	if (reason != CLOSE_SCRIPT_LOST || tenant->channel->state != CHANNEL_DETACHED)
		send_close(tenant, reason);
	ringcast_pieces_stop(tenant);
	ringcast_assert(tenant->channel->stats.session_count > 0 && program->base.session_count > 0);
	tenant->channel->stats.session_count--;
	program->base.session_count--;
	if (tenant->fate != CLOSE_NONE)
		host->doomed_count--;
	bool was_there = ringcast_map_remove(&host->tenants_by_number, tenant->number);
	ringcast_assert(was_there);
	session->user = NULL;
	ringcast_slab_free(&host->tenants, tenant->self);
}

struct tenant *ringcast_tenant_find(struct sidecar_host *host, uint32_t number)
{
	return ringcast_slab_find(&host->tenants, ringcast_map_find(&host->tenants_by_number, number));
}

bool ringcast_tenant_has_room(const struct tenant *tenant, size_t size, unsigned share)
{
	const struct sidecar_host *host = tenant->program->host;
	uint64_t queued_bytes = ringcast_sidecar_queue_bytes(&tenant->channel->queue);
	return tenant->unacked_bytes + size <= (uint64_t)share * host->window_bytes &&
	       queued_bytes + size <= (uint64_t)share * host->environment->limits->outgoing_bytes_max;
}

bool ringcast_tenant_push(struct tenant *tenant, struct sidecar_frame *frame, unsigned share)
{
	struct sidecar_host *host = tenant->program->host;
	size_t size = ringcast_sidecar_frame_bytes(frame);
	frame->session = tenant->number;
	if (size > SIDECAR_FRAME_HEAD_BYTES + SIDECAR_FRAME_BODY_BYTES_MAX) /* the path of a folder may be long */
		return false;
	if (!ringcast_tenant_has_room(tenant, size, share) || !ringcast_channel_push(host, tenant->channel, frame, UINT64_MAX))
		return false;
	if (tenant->unacked_bytes == 0)
		tenant->progress_ns = host->environment->now_ns(host->environment->context);
	tenant->unacked_bytes += size;
	return true;
}

void ringcast_tenant_notify(struct tenant *tenant, struct sidecar_frame *frame)
{
	struct session *session = tenant->session;
	if (ringcast_tenant_push(tenant, frame, 1))
		return;
	tenant->channel->stats.notifications_dropped++;
	session->drops++;
	session->store->options.outbox.drop(session->store->options.outbox.context, DROP_SCRIPT_BUSY, 1);
}

void ringcast_tenant_inform(struct tenant *tenant, struct sidecar_frame *frame)
{
	if (ringcast_tenant_push(tenant, frame, 2) || tenant->fate != CLOSE_NONE)
		return;
	ringcast_tenant_say(tenant, SCRIPT_FATAL, "session ends: its script is too far behind to be told who is in it");
	ringcast_tenant_doom(tenant, CLOSE_SCRIPT_FAILED);
}

void ringcast_tenant_doom(struct tenant *tenant, enum close_reason fate)
{
	ringcast_assert(fate != CLOSE_NONE);
	if (tenant->fate == CLOSE_NONE)
		tenant->program->host->doomed_count++;
	tenant->fate = (uint8_t)fate;
}

void ringcast_tenant_end(struct tenant *tenant, enum close_reason reason, uint64_t now_ns)
{
	ringcast_session_end_now(tenant->session, reason, now_ns);
}

static void log_now(const struct tenant *tenant, enum script_level level, const char *text, size_t size)
{
	const struct script_environment *environment = tenant->program->host->environment;
	environment->log(environment->context, tenant->session, level, text, size);
}

void ringcast_tenant_say(struct tenant *tenant, enum script_level level, const char *format, ...)
{
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	log_now(tenant, level, text, strlen(text));
}

/* A new second begins: says how much of the last one was left out. */
static void turn_second(struct tenant *tenant, uint64_t second)
{
	if (tenant->log_suppressed_count > 0)
		ringcast_tenant_say(tenant, SCRIPT_WARN, "%u log lines left out (more than log_lines_per_second)", tenant->log_suppressed_count);
	tenant->log_second = second;
	tenant->log_line_count = tenant->log_suppressed_count = 0;
}

void ringcast_tenant_log(struct tenant *tenant, enum script_level level, struct view text, uint64_t now_ns)
{
	uint32_t line_count_max = tenant->program->host->environment->limits->log_lines_per_second;
	if (now_ns / NS_PER_S != tenant->log_second)
		turn_second(tenant, now_ns / NS_PER_S);
	if (line_count_max != 0 && tenant->log_line_count >= line_count_max) {
		tenant->log_suppressed_count++;
		return;
	}
	tenant->log_line_count++;
	log_now(tenant, level, (const char *)text.data, text.size < SIDECAR_LOG_TEXT_BYTES_MAX ? text.size : SIDECAR_LOG_TEXT_BYTES_MAX);
}

void ringcast_tenant_failed(struct tenant *tenant, uint64_t now_ns)
{
	const struct script_environment *environment = tenant->program->host->environment;
	uint32_t errors_max = environment->limits->errors_max;
	environment->count(environment->context, SCRIPT_COUNT_ERRORS);
	tenant->error_count++;
	if (errors_max == 0 || tenant->error_count < errors_max)
		return;
	ringcast_tenant_say(tenant, SCRIPT_FATAL, "session ends: its script failed %u times", tenant->error_count);
	ringcast_tenant_end(tenant, CLOSE_SCRIPT_FAILED, now_ns);
}
