/*
 * Handshake steps that wait for their turn. One step costs as much as hundreds of deliveries, so the shard does them after the relay's work
 * and only for as long as its budget of the tick lasts.
 *
 * Two lines, served in turn. Streams wait in a list (their bytes wait with them, each connection bounded). Datagrams wait in a ring with
 * a bound: when it is full they are dropped, and the client's own timer brings them again. Order within a line is kept. Pure; one thread.
 */
#ifndef RINGCAST_TRANSPORT_HANDSHAKE_QUEUE_H
#define RINGCAST_TRANSPORT_HANDSHAKE_QUEUE_H

#include "base/list.h"
#include "base/types.h"
#include "buf/buf.h"
#include "io/io.h"

struct handshake_datagram {
	struct address address;
	io_id socket;
	struct buf *buf; /* one reference */
	uint8_t port_index;
	io_local local;
};

struct handshake_queue {
	struct list_node streams;
	struct handshake_datagram *datagrams; /* ring */
	uint32_t datagram_capacity, datagram_head, datagram_count, stream_count;
	bool is_datagram_next;
};

struct handshake_turn { /* one of the two */
	struct list_node *stream;
	struct handshake_datagram datagram; /* when stream is NULL; the buf is the caller's now */
};

bool ringcast_handshake_queue_init(struct handshake_queue *queue, uint32_t datagram_capacity); /* false: out of memory */
void ringcast_handshake_queue_fini(struct handshake_queue *queue);                             /* drops waiting datagrams; streams must have left */
void ringcast_handshake_queue_add_stream(struct handshake_queue *queue, struct list_node *stream);
void ringcast_handshake_queue_remove_stream(struct handshake_queue *queue, struct list_node *stream); /* harmless when not in it */
bool ringcast_handshake_queue_add_datagram(struct handshake_queue *queue, const struct handshake_datagram *datagram); /* false: full */
bool ringcast_handshake_queue_next(struct handshake_queue *queue, struct handshake_turn *ret_turn); /* false: nobody waits */
static inline uint32_t ringcast_handshake_queue_count(const struct handshake_queue *queue) { return queue->stream_count + queue->datagram_count; }

#endif
