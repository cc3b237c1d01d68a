/*
 * The UDP side of one player: handshake state, address binding and sequence rules, without I/O.
 *
 *   (login, a port was found) --> WAITING --(-5 hello)--> GREETED --(any later packet)--> UP <--> LOST
 *                                                 \--(-5 again: answer again)--/
 * The client sends its -7 ack once and never repeats it, so any packet but -5 from the bound address counts as the ack: a client sends
 * such packets only after it saw our -6. Until UP, fast messages to this player go over the stream.
 *
 * UP --> LOST when nothing came from the bound address for long, or something came that may be the player at another one (a NAT gave it
 * another port), or the kernel will not send there. Fast messages go over the stream then, and nothing of theirs is lost. LOST --> UP with the next packet from the
 * bound address. A client that has really moved does not say so; its packets just come from elsewhere. The binding follows them when the bound
 * address has been silent for FAST_MOVE_SILENCE_MS and FAST_MOVE_PACKETS packets in a row came from the same place, each with a number
 * that could be the player's next. So one datagram moves nobody, and whoever does take a silent player's place loses it, to the stream, with the player's next packet.
 *
 * A player whose stream is TLS has its fast path in a DTLS association instead. Its identity is proven there (-14, the connect token), so no
 * address is compared, and plain datagrams in its name are nobody's:
 *
 *   (login) --> WAITING --(identified)--> UP <--> LOST (silence); either --(the association ended)--> WAITING
 */
#ifndef RINGCAST_TRANSPORT_FAST_PATH_H
#define RINGCAST_TRANSPORT_FAST_PATH_H

#include "base/drop.h"
#include "base/list.h"
#include "io/local.h"
#include "proto/packet.h"

enum fast_state { FAST_NEW, FAST_WAITING, FAST_GREETED, FAST_UP, FAST_LOST, FAST_STATE_COUNT };

enum {
	FAST_MOVE_SILENCE_MS = 3000,
	FAST_MOVE_PACKETS = 3,
	/* How far a sequence number may be ahead: so many, and so many for each millisecond of silence before it. */
	FAST_JUMP_MAX = 4096,
	FAST_JUMP_PER_MS = 4,
	FAST_CREDIT_BYTES_MAX = 1 << 16,
	/* Where numbers to a client end, for it takes none that is not above the last one: what comes then goes by the stream. The rest is for what is queued, and for greetings. */
	FAST_SEQUENCE_END = INT32_MAX - (1 << 20),
};

/* Owned by the shard's slab, and made when the first datagram comes: until then a player is WAITING and has none. Most of it is what a delivery touches. */
struct fast_path {
	handle self;
	handle conn;                 /* whose it is */
	struct list_node dirty_node; /* has queued messages */
	uint32_t queued_count;  /* messages in this tick */
	uint32_t queue_head, queue_tail; /* the shard's fast nodes; UINT32_MAX = none */
	int32_t sequence_out;   /* next to send */
	handle association;     /* DTLS, UP or LOST; else HANDLE_NONE */
	io_local local;         /* ours that it talks to */
	uint8_t state;          /* enum fast_state */
	uint8_t port_index;     /* of our UDP port that it talks to */
	uint8_t elsewhere_count; /* packets in a row from the other address */
	bool is_merging;         /* as its conn's */
	struct address address; /* bound by -5 */
	int32_t sequence_in;    /* last accepted from the client; -1 at first */
	uint32_t heard_ms;      /* when, on the shard's clock; wraps */
	uint32_t elsewhere;     /* hash of the other address that may be the player's; 0: none */
	int32_t elsewhere_sequence;
	uint32_t greeting_second, greeting_count; /* hellos answered this second */
	bool is_steered;        /* with a UDP port that shards share: what comes from there comes to this shard by order, not by chance */
	struct address steered;
	uint32_t credit_bytes;  /* came from the bound address, and was not used up by answers to hellos */
};

enum fast_event { FAST_IGNORE, FAST_GREET /* answer with -6 */, FAST_DELIVER /* route it */ };

struct fast_arrival { /* where and when a datagram came in */
	const struct address *from;
	io_local local;
	uint32_t now_ms;
	uint32_t size; /* of it, in bytes */
};

void ringcast_fast_path_open(struct fast_path *path, uint32_t since_ms); /* zeroed -> WAITING, since then */
/* The player proved who it is in a packet with this sequence number. Sequence numbers to it go on where they were. */
void ringcast_fast_path_identify(struct fast_path *path, const struct fast_arrival *arrival, handle association, int32_t sequence);
void ringcast_fast_path_lose(struct fast_path *path); /* the association is gone */
/* One packet out of the association: DTLS keeps replays away, the sequence rule what is reordered. */
enum fast_event ringcast_fast_path_receive_secure(struct fast_path *path, const struct packet *packet, uint32_t now_ms, enum drop_reason *ret_drop);
/* One datagram of this player, already decoded. *ret_drop says why when the event is FAST_IGNORE. */
/* From where the player is known to be? What comes from elsewhere is judged by one packet a datagram, so that no datagram counts for several. */
bool ringcast_fast_path_is_bound(const struct fast_path *path, const struct address *from);
enum fast_event ringcast_fast_path_receive(struct fast_path *path, const struct fast_arrival *arrival, const struct packet *packet,
					   enum drop_reason *ret_drop);
/* An answer of so many bytes to a hello. False: less has come from there, and it must wait: nobody gets more bytes through us than it sends. */
bool ringcast_fast_path_spend(struct fast_path *path, uint32_t bytes);
/* UP -> LOST for a reason seen from outside: the kernel does not send there. False: it was not up. */
bool ringcast_fast_path_doubt(struct fast_path *path);
/* UP -> LOST after silence_ms (0: never) without a packet. False: no. */
bool ringcast_fast_path_check_silence(struct fast_path *path, uint32_t now_ms, uint32_t silence_ms);

#endif
