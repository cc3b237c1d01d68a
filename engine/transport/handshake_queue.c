#include "transport/handshake_queue.h"

#include "base/assert.h"
#include "base/attr.h"

struct waiting {
	struct handshake_datagram datagram;
	struct crowd_member member;
	handle self;
};

bool ringcast_handshake_queue_init(struct handshake_queue *queue, uint32_t datagrams_max, uint64_t seed)
{
	*queue = (struct handshake_queue){0};
	ringcast_list_init(&queue->streams);
	if (ringcast_slab_init(&queue->datagrams, sizeof(struct waiting), datagrams_max) && ringcast_crowds_init(&queue->crowds, datagrams_max, seed))
		return true;
	ringcast_slab_fini(&queue->datagrams);
	return false;
}

uint64_t ringcast_handshake_queue_memory_bytes(uint32_t datagrams_max)
{
	return datagrams_max * (sizeof(struct waiting) + 8) + ringcast_crowds_memory_bytes(datagrams_max);
}

static struct handshake_datagram take(struct handshake_queue *queue, struct crowd_member *member)
{
	struct waiting *waiting = CONTAINER_OF(member, struct waiting, member);
	struct handshake_datagram datagram = waiting->datagram;
	ringcast_crowds_remove(&queue->crowds, member);
	ringcast_slab_free(&queue->datagrams, waiting->self);
	return datagram;
}

static bool drop(struct handshake_queue *queue, struct crowd_member *member)
{
	if (member == NULL)
		return false;
	ringcast_buf_unref(take(queue, member).buf);
	return true;
}

void ringcast_handshake_queue_fini(struct handshake_queue *queue)
{
	ringcast_assert(queue->stream_count == 0);
	while (drop(queue, ringcast_crowds_next(&queue->crowds)))
		;
	ringcast_crowds_fini(&queue->crowds);
	ringcast_slab_fini(&queue->datagrams);
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

bool ringcast_handshake_queue_make_room(struct handshake_queue *queue, const struct address *newcomer)
{
	bool is_hogs;
	return drop(queue, ringcast_crowds_victim(&queue->crowds, ringcast_crowds_key(&queue->crowds, newcomer), &is_hogs));
}

bool ringcast_handshake_queue_add_datagram(struct handshake_queue *queue, const struct handshake_datagram *datagram)
{
	handle self;
	bool is_crowded = ringcast_crowds_is_full(&queue->crowds) && ringcast_handshake_queue_make_room(queue, &datagram->address);
	struct waiting *waiting = ringcast_slab_alloc(&queue->datagrams, &self);
	ringcast_assert(datagram->buf != NULL && waiting != NULL);
	waiting->datagram = *datagram;
	waiting->self = self;
	ringcast_crowds_add(&queue->crowds, ringcast_crowds_key(&queue->crowds, &datagram->address), &waiting->member);
	return !is_crowded;
}

bool ringcast_handshake_queue_next(struct handshake_queue *queue, struct handshake_turn *ret_turn)
{
	bool is_datagram = queue->crowds.count > 0 && (queue->is_datagram_next || queue->stream_count == 0);
	*ret_turn = (struct handshake_turn){0};
	if (ringcast_handshake_queue_count(queue) == 0)
		return false;
	queue->is_datagram_next = !is_datagram;
	if (is_datagram) {
		ret_turn->datagram = take(queue, ringcast_crowds_next(&queue->crowds));
	} else {
		ret_turn->stream = queue->streams.next;
		ringcast_handshake_queue_remove_stream(queue, ret_turn->stream);
	}
	return true;
}
