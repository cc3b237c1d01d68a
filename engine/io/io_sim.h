/*
 * A simulated network under simulated io: virtual clock, seeded faults, one thread.
 *
 * A sim_network owns the clock, the chance and everything on the wire. Any number of struct io (one per shard) are attached to it; test
 * clients use the ringcast_sim_ calls below. Nothing moves by itself: the caller's loop advances the clock, then runs whichever io it likes,
 * in whichever order, so interleavings of shards are part of what a seed explores. The same seed and the same calls give the same trace hash.
 *
 * What io's contract asks of the engine is asserted here: one send in flight per stream, bytes unchanged until SENT (checksummed), ids
 * never used after CLOSED or DETACHED, receive buffers released exactly once and not touched afterwards (poisoned).
 */
#ifndef RINGCAST_IO_IO_SIM_H
#define RINGCAST_IO_IO_SIM_H

#include <stdio.h>

#include "io/io.h"

/* Every chance is in 1/1000; 0 = never. */
struct sim_faults {
	/* datagrams, both directions */
	uint32_t loss, burst_loss, duplicate, delay, corrupt, truncate;
	uint32_t narrow_path; /* not a chance: datagrams above so many bytes vanish, to and from every second client port; 0: none */
	uint64_t burst_ns_max; /* a burst loses everything for up to this long */
	uint64_t delay_ns_max; /* extra delay (of a datagram: reordering; of stream bytes: a stall) */
	/* streams, both directions */
	uint32_t split;      /* a write arrives in tiny pieces, often of one byte */
	uint32_t stall;      /* a write arrives late, with what came after it coalesced */
	uint32_t short_recv; /* RECV hands out less than there is */
	uint32_t short_send; /* the socket takes a send in pieces */
	uint32_t quiet_send; /* the SENT of what the socket takes at once wakes nobody, and may come with others in one SENTS */
	uint32_t reset;      /* a new connection will be reset at a byte below reset_bytes_max */
	uint64_t reset_bytes_max;
	/* the system under io */
	uint32_t accept_error, send_error, no_buffer, spurious_wake, few_events;
	uint32_t busy; /* the engine is said to have worked all the time since it asked last how long it had */
};

/* What happened so far; datagrams_sent + duplicated = delivered + lost + unroutable + overflowed + in_flight. */
struct sim_counts {
	uint64_t datagrams_sent, datagrams_delivered, datagrams_lost, datagrams_unroutable, datagrams_overflowed, datagrams_in_flight;
	uint64_t duplicated, delayed, corrupted, truncated;
	uint64_t splits, stalls, short_recvs, short_sends, quiet_sends, resets;
	uint64_t accept_errors, send_errors, no_buffers, spurious_wakes, few_events, busies;
};

struct sim_network_options {
	uint64_t seed;
	uint64_t start_ns;             /* the clock's first value */
	uint64_t latency_ns;           /* one way, without faults */
	uint32_t stream_window_bytes;  /* unread bytes a client's socket holds before the server's send stops; 0 = 64 KiB */
	uint32_t datagram_queue_count; /* datagrams a socket holds unread before it overflows; 0 = 1024 */
	struct sim_faults faults;
	FILE *trace; /* one line per happening; NULL = none */
	void (*on_block)(void *context, const struct io *io); /* run() found nothing, and would wait; NULL: nobody wants to know */
	void *on_block_context;
};

struct sim_network;

struct sim_network *ringcast_sim_network_create(const struct sim_network_options *options); /* NULL: out of memory */
void ringcast_sim_network_destroy(struct sim_network **network); /* asserts that every io was destroyed first */
void ringcast_sim_network_set_faults(struct sim_network *network, const struct sim_faults *faults);
uint64_t ringcast_sim_network_now_ns(const struct sim_network *network);
/* The earliest moment at which anything happens or an io wants to run; now when an io is runnable already; UINT64_MAX: never. */
uint64_t ringcast_sim_network_next_deadline(const struct sim_network *network);
/* The same for the wire alone, whatever io wants. */
uint64_t ringcast_sim_network_next_happening(const struct sim_network *network);
/* Moves the clock (never back; moving to now is allowed) and lets happen what is due. */
void ringcast_sim_network_advance_to(struct sim_network *network, uint64_t now_ns);
/* A hash over everything that happened and every event handed out so far. */
uint64_t ringcast_sim_network_trace_hash(const struct sim_network *network);
const struct sim_counts *ringcast_sim_network_counts(const struct sim_network *network);

/* Options' limits are kept exactly. The io is destroyed through its ops, before the network. NULL: out of memory. */
struct io *ringcast_io_sim_create(struct sim_network *network, const struct io_options *options);
bool ringcast_io_sim_has_events(const struct io *io);  /* run() would return events */
uint64_t ringcast_io_sim_deadline_ns(const struct io *io); /* of its last run; UINT64_MAX: none */
bool ringcast_io_sim_is_runnable(const struct io *io); /* has events, or the deadline last asked for has come */

/* What an io holds; all zero after a clean shutdown, listeners and sockets apart. */
struct sim_usage {
	uint32_t streams, stream_buffers_held, datagram_buffers_held, listeners, sockets;
};
struct sim_usage ringcast_io_sim_usage(const struct io *io);
/* Streams that were detached and not adopted yet. */
uint32_t ringcast_sim_network_detached_count(const struct sim_network *network);

/* Clients. A sim_stream is a number, never reused. Calls on a stream that broke are harmless: writes vanish, reads find nothing. */
typedef uint32_t sim_stream;

enum sim_stream_state {
	SIM_STREAM_CONNECTING,
	SIM_STREAM_OPEN,
	SIM_STREAM_REFUSED, /* nobody listens there, or the accept failed */
	SIM_STREAM_RESET,   /* by the peer, the network, or ourselves */
	SIM_STREAM_CLOSED,  /* by ourselves */
};

/* Several listeners on one address share it: the hash of the 4-tuple chooses, as SO_REUSEPORT does. */
sim_stream ringcast_sim_stream_connect(struct sim_network *network, const struct address *from, const struct address *to);
enum sim_stream_state ringcast_sim_stream_state(const struct sim_network *network, sim_stream stream);
void ringcast_sim_stream_write(struct sim_network *network, sim_stream stream, const void *data, size_t size); /* all of it, copied */
size_t ringcast_sim_stream_readable(const struct sim_network *network, sim_stream stream);
size_t ringcast_sim_stream_read(struct sim_network *network, sim_stream stream, void *out, size_t size_max); /* what has come, up to size_max */
bool ringcast_sim_stream_has_ended(const struct sim_network *network, sim_stream stream); /* the peer's end came and all before it was read */
void ringcast_sim_stream_shutdown(struct sim_network *network, sim_stream stream); /* half close */
void ringcast_sim_stream_reset(struct sim_network *network, sim_stream stream);
void ringcast_sim_stream_close(struct sim_network *network, sim_stream stream); /* orderly; what still comes is answered with a reset */

/* Returns a socket number, or -EADDRINUSE. */
int ringcast_sim_udp_open(struct sim_network *network, const struct address *address);
void ringcast_sim_udp_close(struct sim_network *network, int socket);
/* Any source address may be claimed: that is what spoofing is. */
void ringcast_sim_udp_send(struct sim_network *network, const struct address *from, const struct address *to, const void *data, size_t size);
/* Takes the oldest datagram; false when there is none. *ret_size is its whole size, even above size_max. */
bool ringcast_sim_udp_receive(struct sim_network *network, int socket, struct address *ret_from, void *out, size_t size_max, size_t *ret_size);

#endif
