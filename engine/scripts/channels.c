#include "scripts/channels.h"

#include "base/assert.h"
#include "base/log.h"
#include "scripting/sidecar/sidecar.h"
#include "shard/shard.h"

/* One stream */

static struct script_channel *channel_of(struct partner *partner)
{
	return CONTAINER_OF(partner, struct script_channel, partner);
}

static void say(const struct script_channel *channel, const char *what)
{
	ringcast_log(LOG_ERROR, "script", what, "shard=%u channel=%u", channel->channels->shard->options.index, channel->index);
}

static bool received(struct partner *partner, struct view bytes, uint64_t now_ns)
{
	const struct script_channel *channel = channel_of(partner);
	bool is_sane = ringcast_sidecar_feed(channel->channels->host, channel->index, bytes, now_ns);
	if (!is_sane)
		say(channel, "garbage from a sidecar process, cutting it");
	return is_sane;
}

static void closed(struct partner *partner, uint64_t now_ns)
{
	const struct script_channel *channel = channel_of(partner);
	const struct script_channels_options *options = channel->channels->options;
	ringcast_sidecar_detach(channel->channels->host, channel->index, now_ns);
	if (!partner->shard->is_stopping) /* else the closed socket tells the process to end */
		options->cut(options->context, partner->shard->options.index, channel->index, channel->serial);
}

static struct view pending(struct partner *partner)
{
	const struct script_channel *channel = channel_of(partner);
	return ringcast_sidecar_pending(channel->channels->host, channel->index);
}

static void taken(struct partner *partner, size_t size)
{
	const struct script_channel *channel = channel_of(partner);
	ringcast_sidecar_sent(channel->channels->host, channel->index, size);
}

static const struct partner_ops stream_ops = {.received = received, .closed = closed, .pending = pending, .taken = taken};

/* All of them */

static void add_streams(struct script_channels *channels)
{
	for (uint32_t i = 0; i < channels->options->count; i++) {
		struct script_channel *channel = &channels->list[i];
		channel->channels = channels;
		channel->index = i;
		ringcast_partner_add(channels->shard, &channel->partner, &stream_ops);
	}
}

void ringcast_script_channels_init(struct script_channels *channels, const struct script_channels_options *options, struct shard *shard)
{
	ringcast_assert(options->count <= SCRIPT_CHANNELS_MAX);
	*channels = (struct script_channels){.options = options, .shard = shard};
}

void ringcast_script_channels_fini(struct script_channels *channels)
{
	ringcast_sidecar_destroy(&channels->host);
	for (uint32_t i = 0; i < SCRIPT_CHANNELS_MAX; i++)
		ringcast_partner_remove(&channels->list[i].partner);
}

struct sidecar_host *ringcast_script_channels_open(struct script_channels *channels, const struct script_environment *environment)
{
	struct sidecar_options options = {
		.environment = environment,
		.channel_count = channels->options->count,
		.sessions_max = channels->options->sessions_max,
		.arguments = channels->options->arguments,
		.are_numbers_random = true,
		.stall_timeout_ms = channels->options->stall_timeout_ms,
		.attach_timeout_ms = channels->options->stall_timeout_ms,
	};
	if (channels->host != NULL)
		return channels->host;
	channels->host = ringcast_sidecar_create(&options);
	if (channels->host != NULL)
		add_streams(channels);
	return channels->host;
}

int ringcast_script_channels_attach(struct script_channels *channels, uint32_t index, uint64_t serial, int *socket)
{
	ringcast_assert(channels->host != NULL && index < channels->options->count);
	struct script_channel *channel = &channels->list[index];
	int error = ringcast_partner_adopt(&channel->partner, socket);
	if (error != 0)
		return error;
	channel->serial = serial;
	ringcast_sidecar_attach(channels->host, index, channels->shard->now_ns);
	return 0;
}

static void cut_silent(struct script_channels *channels)
{
	for (uint32_t i = 0; i < channels->options->count; i++) {
		if (!ringcast_sidecar_is_silent(channels->host, i))
			continue;
		say(&channels->list[i], "a sidecar process is silent, cutting it");
		ringcast_partner_cut(&channels->list[i].partner);
	}
}

void ringcast_script_channels_tick(struct script_channels *channels, uint64_t now_ns)
{
	if (channels->host == NULL)
		return;
	ringcast_sidecar_tick(channels->host, now_ns);
	cut_silent(channels);
}

uint64_t ringcast_script_channels_deadline_ns(const struct script_channels *channels)
{
	return channels->host != NULL ? ringcast_sidecar_deadline_ns(channels->host) : UINT64_MAX;
}

void ringcast_script_channels_measure(const struct script_channels *channels, struct sidecar_counts *ret_counts)
{
	*ret_counts = (struct sidecar_counts){0};
	for (uint32_t i = 0; channels->host != NULL && i < channels->options->count; i++) {
		struct sidecar_stats stats = ringcast_sidecar_measure(channels->host, i);
#define X(name, text) ret_counts->name += stats.name;
		SIDECAR_COUNTS(X)
#undef X
	}
}
