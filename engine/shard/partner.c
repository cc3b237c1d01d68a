#include "shard/partner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/assert.h"
#include "shard/shard.h"

static uint64_t user_of(const struct partner *partner)
{
	return ringcast_handle_of((UINT32_C(1) << 31) + partner->number, 1);
}

static struct partner *find(struct shard *shard, uint64_t user, io_id stream)
{
	for (struct list_node *node = shard->partners.next; node != &shard->partners; node = node->next) {
		struct partner *partner = CONTAINER_OF(node, struct partner, node);
		if (user_of(partner) == user && partner->stream == stream)
			return partner;
	}
	return NULL;
}

void ringcast_partner_add(struct shard *shard, struct partner *partner, const struct partner_ops *ops)
{
	ringcast_assert(ops != NULL && !ringcast_list_has(&partner->node));
	*partner = (struct partner){.ops = ops, .shard = shard, .number = shard->partner_number_next++};
	ringcast_list_add_tail(&shard->partners, &partner->node);
}

void ringcast_partner_remove(struct partner *partner)
{
	if (!ringcast_list_has(&partner->node))
		return;
	ringcast_assert(partner->state == PARTNER_IDLE);
	ringcast_list_remove(&partner->node);
	free(partner->flight);
	partner->flight = NULL;
}

int ringcast_partner_adopt(struct partner *partner, int *fd)
{
	struct shard *shard = partner->shard;
	if (partner->state != PARTNER_IDLE || shard->is_stopping)
		return -EBUSY;
	if (partner->flight == NULL && (partner->flight = malloc(PARTNER_FLIGHT_BYTES_MAX)) == NULL)
		return -ENOMEM;
	if (fcntl(*fd, F_SETFL, fcntl(*fd, F_GETFL) | O_NONBLOCK) != 0) /* what the epoll backend needs; the ring sets what it needs itself */
		return -errno;
	int error = shard->io->ops->stream_adopt(shard->io, *fd, &partner->stream);
	*fd = -1;
	if (error != 0)
		return error;
	partner->state = PARTNER_OPEN;
	shard->partner_stream_count++;
	shard->io->ops->stream_start(shard->io, partner->stream, user_of(partner));
	return 0;
}

void ringcast_partner_cut(struct partner *partner)
{
	struct shard *shard = partner->shard;
	if (partner->state != PARTNER_OPEN)
		return;
	partner->state = PARTNER_CLOSING;
	shard->io->ops->stream_close(shard->io, partner->stream);
	if (partner->ops->closed != NULL)
		partner->ops->closed(partner, shard->now_ns);
}

static void flush(struct partner *partner)
{
	struct shard *shard = partner->shard;
	if (partner->state != PARTNER_OPEN || partner->ops->pending == NULL)
		return;
	struct view pending = partner->ops->pending(partner);
	if (pending.size == 0)
		return;
	if (partner->is_sending) {
		shard->is_sent_awaited = true;
		return;
	}
	size_t size = pending.size < PARTNER_FLIGHT_BYTES_MAX ? pending.size : PARTNER_FLIGHT_BYTES_MAX;
	memcpy(partner->flight, pending.data, size);
	partner->ops->taken(partner, size);
	partner->is_sending = true;
	partner->bytes_sent += size;
	shard->is_sent_awaited |= pending.size > size;
	shard->io->ops->stream_send(shard->io, partner->stream, &(struct iovec){.iov_base = partner->flight, .iov_len = size}, 1);
}

static void receive(struct partner *partner, const struct io_event *event)
{
	if (partner->state != PARTNER_OPEN)
		return;
	partner->bytes_received += event->size;
	if (partner->ops->received != NULL &&
	    !partner->ops->received(partner, ringcast_view_of(event->data, event->size), partner->shard->now_ns))
		ringcast_partner_cut(partner);
}

static void on_sent(struct partner *partner, int32_t result)
{
	partner->is_sending = false;
	if (result < 0)
		ringcast_partner_cut(partner);
	else
		flush(partner);
}

void ringcast_partner_on_sent(struct shard *shard, const struct io_sent *sent)
{
	struct partner *partner = find(shard, sent->user, sent->id);
	ringcast_assert(partner != NULL); /* it stays until io is done with its stream */
	on_sent(partner, sent->result);
}

void ringcast_partner_on_event(struct shard *shard, const struct io_event *event)
{
	struct partner *partner = find(shard, event->user, event->id);
	ringcast_assert(partner != NULL); /* it stays until io is done with its stream */
	switch (event->kind) {
	case IO_EVENT_RECV:
		receive(partner, event);
		shard->io->ops->release(shard->io, event);
		break;
	case IO_EVENT_SENT:
		on_sent(partner, event->result);
		break;
	case IO_EVENT_END:
		ringcast_partner_cut(partner);
		break;
	case IO_EVENT_CLOSED:
		ringcast_assert(partner->state == PARTNER_CLOSING && !partner->is_sending);
		partner->state = PARTNER_IDLE;
		partner->stream = HANDLE_NONE;
		shard->partner_stream_count--;
		break;
	default:
		ringcast_unreachable("event of a partner");
	}
}

void ringcast_partner_tick_all(struct shard *shard)
{
	for (struct list_node *node = shard->partners.next; node != &shard->partners; node = node->next) {
		struct partner *partner = CONTAINER_OF(node, struct partner, node);
		if (partner->ops->ticked != NULL)
			partner->ops->ticked(partner, shard->now_ns);
		flush(partner);
	}
}

uint64_t ringcast_partner_deadline_all_ns(const struct shard *shard)
{
	uint64_t deadline_ns = UINT64_MAX;
	for (struct list_node *node = shard->partners.next; node != &shard->partners; node = node->next) {
		struct partner *partner = CONTAINER_OF(node, struct partner, node);
		uint64_t next_ns = partner->ops->deadline_ns != NULL ? partner->ops->deadline_ns(partner) : UINT64_MAX;
		if (next_ns < deadline_ns)
			deadline_ns = next_ns;
	}
	return deadline_ns;
}

void ringcast_partner_cut_all(struct shard *shard)
{
	for (struct list_node *node = shard->partners.next; node != &shard->partners; node = node->next)
		ringcast_partner_cut(CONTAINER_OF(node, struct partner, node));
}
