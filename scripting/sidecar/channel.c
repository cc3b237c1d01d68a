#include "scripting/sidecar/sidecar_impl.h"

static bool push(struct channel *channel, const struct sidecar_frame *frame)
{
	if (!ringcast_sidecar_queue_push(&channel->queue, frame))
		return false;
	channel->stats.frames_sent++;
	return true;
}

bool ringcast_channel_greet(struct sidecar_host *host, struct channel *channel)
{
	static const char engine[] = "ringcast";
	struct sidecar_frame frame = {
		.kind = SIDECAR_FRAME_HELLO,
		.numbers = {SIDECAR_MAGIC, SIDECAR_VERSION_MIN, SIDECAR_VERSION_MAX, 0, host->window_bytes,
			    host->environment->limits->memory_bytes},
		.texts = {ringcast_view_of(engine, sizeof(engine) - 1)},
	};
	if (!channel->is_greeted)
		channel->is_greeted = push(channel, &frame);
	return channel->is_greeted;
}

bool ringcast_channel_push(struct sidecar_host *host, struct channel *channel, const struct sidecar_frame *frame, uint64_t bytes_max)
{
	if (ringcast_sidecar_queue_bytes(&channel->queue) + ringcast_sidecar_frame_bytes(frame) > bytes_max)
		return false;
	return ringcast_channel_greet(host, channel) && push(channel, frame);
}

void ringcast_channel_reset(struct channel *channel)
{
	ringcast_sidecar_queue_clear(&channel->queue);
	ringcast_sidecar_inbox_clear(&channel->inbox);
	channel->state = CHANNEL_DETACHED;
	channel->is_greeted = channel->is_silent = channel->has_debugger = false;
	channel->detached_ns = 0;
}
