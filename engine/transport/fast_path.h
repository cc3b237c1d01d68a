/*
 * The UDP side of one player: handshake state, address binding and sequence rules, without I/O.
 *
 *   OFF --(login, a port was found)--> WAITING --(-5 hello)--> GREETED --(any later packet)--> UP
 *                                                   \--(-5 again: answer again; rebinds the address)--/
 * The client sends its -7 ack once and never repeats it, so any packet but -5 from the bound address counts as the ack: a client sends
 * such packets only after it saw our -6. Until UP, fast messages to this player go over the stream.
 *
 * A player whose stream is TLS has its fast path in a DTLS association instead. Its identity is proven there (-14, the connect token), so no
 * address is compared, and plain datagrams in its name are nobody's:
 *
 *   OFF --(login)--> WAITING --(identified)--> UP --(the association ended)--> WAITING
 */
#ifndef RINGCAST_TRANSPORT_FAST_PATH_H
#define RINGCAST_TRANSPORT_FAST_PATH_H

#include "base/drop.h"
#include "proto/packet.h"

enum fast_state { FAST_OFF, FAST_WAITING, FAST_GREETED, FAST_UP };

struct fast_path {
	struct address address; /* bound by -5 */
	uint8_t state;          /* enum fast_state */
	uint8_t port_index;
	int32_t sequence_in;    /* last accepted from the client; -1 at first */
	int32_t sequence_out;   /* next to send */
	uint32_t queued_count;  /* messages in this tick */
	uint32_t queue_head, queue_tail; /* the shard's fast nodes; UINT32_MAX = none */
	uint64_t key;           /* in the shard's map of peers; 0 = none: DTLS */
	handle association;     /* DTLS and UP; else HANDLE_NONE */
};

enum fast_event { FAST_IGNORE, FAST_GREET /* answer with -6 */, FAST_DELIVER /* route it */ };

void ringcast_fast_path_open(struct fast_path *path, uint8_t port_index, uint64_t key);
void ringcast_fast_path_open_secure(struct fast_path *path, uint8_t port_index);
/* The player proved who it is in a packet with this sequence number. Sequence numbers to it go on where they were. */
void ringcast_fast_path_identify(struct fast_path *path, const struct address *address, handle association, int32_t sequence);
void ringcast_fast_path_lose(struct fast_path *path); /* the association is gone */
/* One packet out of the association: DTLS keeps replays away, the sequence rule what is reordered. */
enum fast_event ringcast_fast_path_receive_secure(struct fast_path *path, const struct packet *packet, enum drop_reason *ret_drop);
/* One datagram of this player, already decoded. *ret_drop says why when the event is FAST_IGNORE. */
enum fast_event ringcast_fast_path_receive(struct fast_path *path, const struct address *from, const struct packet *packet,
					   enum drop_reason *ret_drop);

#endif
