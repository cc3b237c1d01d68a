/* Datagrams that came to another shard than their player's: handed over, through a ring of their own, so that many of them hold up nothing else. */
#include "base/assert.h"
#include "shard/shard_private.h"

enum { STRAYS_PER_TICK_MAX = 256 };

struct stray {
	struct address from;
	struct local local; /* ours that it came to */
	uint32_t port_index, size;
	uint8_t bytes[];
};

enum drop_reason ringcast_shard_stray_post(struct shard *shard, const struct io_event *event, uint32_t target)
{
	struct mailbox *mailbox = shard->options.mailboxes[target];
	struct ring_bytes *ring = &mailbox->strays[shard->options.index];
	uint32_t size = (uint32_t)sizeof(struct stray) + event->size;
	struct stray *stray = size <= ringcast_ring_bytes_record_max(ring) ? ringcast_ring_bytes_begin(ring, size) : NULL;
	if (stray == NULL)
		return DROP_MAILBOX_FULL;
	*stray = (struct stray){.from = event->address,
				.local = ringcast_local_read(shard->io->ops->locals(shard->io), event->local),
				.port_index = (uint32_t)event->user,
				.size = event->size};
	memcpy(stray->bytes, event->data, event->size);
	ringcast_ring_bytes_end(ring);
	ringcast_mailbox_ring(mailbox);
	shard->counters.strays_out++;
	return DROP_NONE;
}

/* As if it had come here. */
static void take(struct shard *shard, const struct stray *stray)
{
	io_id socket = shard->udp_sockets[ringcast_address_is_v4(&stray->from) ? 0 : 1][stray->port_index];
	struct io_event event = {.kind = IO_EVENT_DATAGRAM,
				 .id = socket,
				 .user = stray->port_index,
				 .data = (uint8_t *)(uintptr_t)stray->bytes,
				 .size = stray->size,
				 .address = stray->from,
				 .local = ringcast_local_number(shard->io->ops->locals(shard->io), &stray->local)};
	shard->counters.strays_in++;
	shard->is_stray = true;
	ringcast_shard_on_datagram(shard, &event);
	shard->is_stray = false;
}

void ringcast_shard_strays_take(struct shard *shard)
{
	struct mailbox *mailbox = shard->options.mailboxes[shard->options.index];
	uint32_t size, count = 0;
	for (uint32_t sender = 0; sender < mailbox->sender_count; sender++) {
		const struct stray *stray;
		while (count < STRAYS_PER_TICK_MAX && (stray = ringcast_ring_bytes_peek(&mailbox->strays[sender], &size)) != NULL) {
			take(shard, stray);
			ringcast_ring_bytes_pop(&mailbox->strays[sender]);
			count++;
		}
	}
}

void ringcast_shard_steer(struct shard *shard, struct fast_path *fast)
{
	struct steering *steering = shard->options.directory->steering;
	if (fast->is_steered && !ringcast_address_is_equal(&fast->steered, &fast->address))
		ringcast_shard_unsteer(shard, fast);
	fast->is_steered = steering != NULL && ringcast_steering_put(steering, &fast->address, fast->port_index, shard->options.index);
	fast->steered = fast->address;
	if (!fast->is_steered)
		shard->counters.steering_full++;
}

void ringcast_shard_unsteer(struct shard *shard, struct fast_path *fast)
{
	if (fast->is_steered)
		ringcast_steering_remove(shard->options.directory->steering, &fast->steered, fast->port_index, shard->options.index);
	fast->is_steered = false;
}
