#include "shard/service.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/assert.h"
#include "shard/shard.h"

static uint64_t user_of(const struct service *service)
{
	return ringcast_handle_of((UINT32_C(1) << 31) + service->number, 1);
}

static struct service *find(struct shard *shard, const struct io_event *event)
{
	for (struct list_node *node = shard->services.next; node != &shard->services; node = node->next) {
		struct service *service = CONTAINER_OF(node, struct service, node);
		if (user_of(service) == event->user && service->stream == event->id)
			return service;
	}
	return NULL;
}

void ringcast_service_add(struct shard *shard, struct service *service, const struct service_ops *ops)
{
	ringcast_assert(ops != NULL && !ringcast_list_has(&service->node));
	*service = (struct service){.ops = ops, .shard = shard, .number = shard->service_number_next++};
	ringcast_list_add_tail(&shard->services, &service->node);
}

void ringcast_service_remove(struct service *service)
{
	if (!ringcast_list_has(&service->node))
		return;
	ringcast_assert(service->state == SERVICE_IDLE);
	ringcast_list_remove(&service->node);
	free(service->flight);
	service->flight = NULL;
}

int ringcast_service_adopt(struct service *service, int fd)
{
	struct shard *shard = service->shard;
	if (service->state != SERVICE_IDLE || shard->is_stopping)
		return -EBUSY;
	if (service->flight == NULL && (service->flight = malloc(SERVICE_FLIGHT_BYTES_MAX)) == NULL)
		return -ENOMEM;
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0) /* what the epoll backend needs; the ring sets what it needs itself */
		return -errno;
	int error = shard->io->ops->stream_adopt(shard->io, fd, &service->stream);
	if (error != 0)
		return error;
	service->state = SERVICE_OPEN;
	shard->service_stream_count++;
	shard->io->ops->stream_start(shard->io, service->stream, user_of(service));
	return 0;
}

void ringcast_service_cut(struct service *service)
{
	struct shard *shard = service->shard;
	if (service->state != SERVICE_OPEN)
		return;
	service->state = SERVICE_CLOSING;
	shard->io->ops->stream_close(shard->io, service->stream);
	if (service->ops->closed != NULL)
		service->ops->closed(service, shard->now_ns);
}

static void flush(struct service *service)
{
	struct shard *shard = service->shard;
	if (service->state != SERVICE_OPEN || service->is_sending || service->ops->pending == NULL)
		return;
	struct view pending = service->ops->pending(service);
	if (pending.size == 0)
		return;
	size_t size = pending.size < SERVICE_FLIGHT_BYTES_MAX ? pending.size : SERVICE_FLIGHT_BYTES_MAX;
	memcpy(service->flight, pending.data, size);
	service->ops->taken(service, size);
	service->is_sending = true;
	service->bytes_sent += size;
	shard->io->ops->stream_send(shard->io, service->stream, &(struct iovec){.iov_base = service->flight, .iov_len = size}, 1);
}

static void receive(struct service *service, const struct io_event *event)
{
	if (service->state != SERVICE_OPEN)
		return;
	service->bytes_received += event->size;
	if (service->ops->received != NULL &&
	    !service->ops->received(service, ringcast_view_of(event->data, event->size), service->shard->now_ns))
		ringcast_service_cut(service);
}

void ringcast_service_on_event(struct shard *shard, const struct io_event *event)
{
	struct service *service = find(shard, event);
	ringcast_assert(service != NULL); /* it stays until io is done with its stream */
	switch (event->kind) {
	case IO_EVENT_RECV:
		receive(service, event);
		shard->io->ops->release(shard->io, event);
		break;
	case IO_EVENT_SENT:
		service->is_sending = false;
		if (event->result < 0)
			ringcast_service_cut(service);
		else
			flush(service);
		break;
	case IO_EVENT_END:
		ringcast_service_cut(service);
		break;
	case IO_EVENT_CLOSED:
		ringcast_assert(service->state == SERVICE_CLOSING && !service->is_sending);
		service->state = SERVICE_IDLE;
		service->stream = HANDLE_NONE;
		shard->service_stream_count--;
		break;
	default:
		ringcast_unreachable("event of a service");
	}
}

void ringcast_service_tick_all(struct shard *shard)
{
	for (struct list_node *node = shard->services.next; node != &shard->services; node = node->next) {
		struct service *service = CONTAINER_OF(node, struct service, node);
		if (service->ops->ticked != NULL)
			service->ops->ticked(service, shard->now_ns);
		flush(service);
	}
}

uint64_t ringcast_service_deadline_all_ns(const struct shard *shard)
{
	uint64_t deadline_ns = UINT64_MAX;
	for (struct list_node *node = shard->services.next; node != &shard->services; node = node->next) {
		struct service *service = CONTAINER_OF(node, struct service, node);
		uint64_t next_ns = service->ops->deadline_ns != NULL ? service->ops->deadline_ns(service) : UINT64_MAX;
		if (next_ns < deadline_ns)
			deadline_ns = next_ns;
	}
	return deadline_ns;
}

void ringcast_service_cut_all(struct shard *shard)
{
	for (struct list_node *node = shard->services.next; node != &shard->services; node = node->next)
		ringcast_service_cut(CONTAINER_OF(node, struct service, node));
}
