/*
 * Handshake steps that wait for their turn. One step costs as much as hundreds of deliveries, so the shard does them after the relay's work
 * and only for as long as its budget of the tick lasts.
 *
 * Two lines, served in turn. Streams wait in a list (their bytes wait with them, each connection bounded). Datagrams wait in crowds, one for each client
 * address, which are served in turn too; the order within a crowd is kept. There is a bound: when it is reached, a newcomer takes the place of the oldest
 * one of the largest crowd, and that client's own timer brings it again. Only those wait here who have proven their address. Pure; one thread.
 */
#ifndef RINGCAST_TRANSPORT_HANDSHAKE_QUEUE_H
#define RINGCAST_TRANSPORT_HANDSHAKE_QUEUE_H

#include "base/list.h"
#include "base/types.h"
#include "buf/buf.h"
#include "io/io.h"
#include "transport/crowds.h"

struct handshake_datagram {
	struct address address;
	io_id socket;
	struct buf *buf; /* one reference */
	uint8_t port_index;
	io_local local;
};

struct handshake_queue {
	struct list_node streams;
	struct slab datagrams; /* what waits, and whose crowd it is in */
	struct crowds crowds;
	uint32_t stream_count;
	bool is_datagram_next;
};

struct handshake_turn { /* one of the two */
	struct list_node *stream;
	struct handshake_datagram datagram; /* when stream is NULL; the buf is the caller's now */
};

bool ringcast_handshake_queue_init(struct handshake_queue *queue, uint32_t datagrams_max, uint64_t seed); /* false: out of memory */
void ringcast_handshake_queue_fini(struct handshake_queue *queue); /* drops waiting datagrams; streams must have left */
void ringcast_handshake_queue_add_stream(struct handshake_queue *queue, struct list_node *stream);
void ringcast_handshake_queue_remove_stream(struct handshake_queue *queue, struct list_node *stream); /* harmless when not in it */
/* Takes the reference. False: another datagram was dropped for it. */
bool ringcast_handshake_queue_add_datagram(struct handshake_queue *queue, const struct handshake_datagram *datagram);
/* Drops what would have to go for a newcomer from there; false: no datagram waits. */
bool ringcast_handshake_queue_make_room(struct handshake_queue *queue, const struct address *newcomer);
bool ringcast_handshake_queue_next(struct handshake_queue *queue, struct handshake_turn *ret_turn); /* false: nobody waits */
uint64_t ringcast_handshake_queue_memory_bytes(uint32_t datagrams_max);
static inline uint32_t ringcast_handshake_queue_count(const struct handshake_queue *queue) { return queue->stream_count + queue->crowds.count; }

#endif
