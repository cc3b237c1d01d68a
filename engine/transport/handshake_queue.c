#include "transport/handshake_queue.h"

#include <stdlib.h>

#include "base/assert.h"

bool ringcast_handshake_queue_init(struct handshake_queue *queue, uint32_t datagram_capacity)
{
	*queue = (struct handshake_queue){.datagram_capacity = datagram_capacity};
	ringcast_list_init(&queue->streams);
	queue->datagrams = calloc(datagram_capacity, sizeof(*queue->datagrams));
	return queue->datagrams != NULL;
}

static struct handshake_datagram take_datagram(struct handshake_queue *queue)
{
	struct handshake_datagram datagram = queue->datagrams[queue->datagram_head];
	ringcast_assert(queue->datagram_count > 0);
	queue->datagram_head = (queue->datagram_head + 1) % queue->datagram_capacity;
	queue->datagram_count--;
	return datagram;
}

void ringcast_handshake_queue_fini(struct handshake_queue *queue)
{
	ringcast_assert(queue->stream_count == 0);
	while (queue->datagram_count > 0)
		ringcast_buf_unref(take_datagram(queue).buf);
	free(queue->datagrams);
	*queue = (struct handshake_queue){0};
}

void ringcast_handshake_queue_add_stream(struct handshake_queue *queue, struct list_node *stream)
{
	ringcast_assert(!ringcast_list_has(stream));
	ringcast_list_add_tail(&queue->streams, stream);
	queue->stream_count++;
}

void ringcast_handshake_queue_remove_stream(struct handshake_queue *queue, struct list_node *stream)
{
	if (!ringcast_list_has(stream))
		return;
	ringcast_list_remove(stream);
	queue->stream_count--;
}

bool ringcast_handshake_queue_add_datagram(struct handshake_queue *queue, const struct handshake_datagram *datagram)
{
	ringcast_assert(datagram->buf != NULL);
	if (queue->datagram_count == queue->datagram_capacity)
		return false;
	queue->datagrams[(queue->datagram_head + queue->datagram_count) % queue->datagram_capacity] = *datagram;
	queue->datagram_count++;
	return true;
}

bool ringcast_handshake_queue_next(struct handshake_queue *queue, struct handshake_turn *ret_turn)
{
	bool is_datagram = queue->datagram_count > 0 && (queue->is_datagram_next || queue->stream_count == 0);
	*ret_turn = (struct handshake_turn){0};
	if (ringcast_handshake_queue_count(queue) == 0)
		return false;
	queue->is_datagram_next = !is_datagram;
	if (is_datagram) {
		ret_turn->datagram = take_datagram(queue);
	} else {
		ret_turn->stream = queue->streams.next;
		ringcast_handshake_queue_remove_stream(queue, ret_turn->stream);
	}
	return true;
}
