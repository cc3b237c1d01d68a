/* What the files of the simulated network share; nobody else includes this. See io_sim.h. */
#ifndef RINGCAST_IO_IO_SIM_INTERNAL_H
#define RINGCAST_IO_IO_SIM_INTERNAL_H

#include "base/prng.h"
#include "base/slab.h"
#include "io/io_sim.h"

#define SIM_SYSTEM_NS 1000 /* what a system call takes */
#define SIM_SENTS_MAX 256

enum sim_direction { SIM_TO_SERVER, SIM_TO_CLIENT };
enum sim_id_type { SIM_ID_STREAM = 1, SIM_ID_LISTENER, SIM_ID_SOCKET };
enum sim_pool_kind { SIM_POOL_STREAM, SIM_POOL_DATAGRAM, SIM_POOL_COUNT };

/* One direction of a stream. */
struct sim_pipe {
	uint8_t *data; /* written and not yet read; the first readable_bytes of them have arrived */
	size_t head, size, capacity, readable_bytes;
	uint64_t arrival_ns; /* of the last thing put on the wire: nothing overtakes it */
	bool is_finished;    /* nothing more is written */
	bool has_fin;        /* the end arrived */
	bool is_reset;       /* a reset arrived */
};

/* A connection: the client's end is a sim_stream, the server's end belongs to an io. */
struct sim_conn {
	struct address client, server;
	struct sim_pipe pipes[2];
	enum sim_stream_state state; /* as the client sees it */
	struct sim_io *io;           /* NULL before accept, while detached, after close */
	io_id id;                    /* in that io */
	bool is_detached;
	uint64_t reset_after_bytes; /* both directions together; UINT64_MAX: never */
};

struct sim_datagram {
	struct sim_datagram *next;
	struct address from, to;
	size_t size;
	uint8_t data[];
};

struct sim_client_socket {
	struct address address;
	bool is_open;
	struct sim_datagram *head, *tail;
	uint32_t count;
};

enum sim_happening_kind {
	SIM_CONNECT,  /* a connection request reaches the server */
	SIM_BYTES,    /* size bytes of a pipe arrive */
	SIM_FIN,      /* the end of a pipe arrives */
	SIM_RESET,    /* a reset arrives at the reader of a pipe */
	SIM_DATAGRAM, /* a datagram arrives */
	SIM_PUMP,     /* a send in flight may move on */
	SIM_CLOSE,    /* the engine's stream_close takes effect */
	SIM_BUFFERS,  /* a simulated lack of receive buffers is over; conn = index of the io */
};

struct sim_happening {
	uint64_t time_ns, order;
	enum sim_happening_kind kind;
	enum sim_direction direction;
	uint32_t conn, size;
	struct sim_datagram *datagram; /* owned */
};

/* Arrays grow and keep their order; conns and sockets are never reused, so an index names one thing for ever. */
struct sim_network {
	struct sim_network_options options;
	struct sim_counts counts;
	struct prng prng;
	uint64_t now_ns, order, trace_hash, burst_end_ns;
	struct sim_happening *heap;
	struct sim_conn **conns;
	struct sim_client_socket *sockets;
	struct sim_io **ios; /* NULL where one was destroyed */
	size_t heap_count, heap_capacity, conn_count, conn_capacity, socket_count, socket_capacity, io_count, io_capacity;
	uint32_t detached_count;
	uint16_t port_next;
};

/* A stream as its io sees it. */
struct sim_end {
	uint32_t conn;
	uint64_t user;
	bool is_started, is_paused, is_closing, is_aborting, is_detaching, is_shutdown, is_last, is_last_sent, has_ended;
	bool has_read_token, has_sent_token; /* an event of that kind waits in the ring */
	bool is_sending;
	bool is_quiet; /* being submitted, quietly */
	unsigned iov_count;
	struct iovec iov[IO_IOV_MAX];
	size_t send_bytes, sent_bytes;
	uint64_t send_hash; /* of the bytes as they were when stream_send was called */
};

/* An event to be; a RECV token stands for all a stream has to say: bytes, then the end. */
struct sim_token {
	enum io_event_kind kind;
	int32_t result;
	bool is_quiet; /* no reason to run */
	io_id id, stream;
	uint64_t user;
	struct address address;
	struct sim_datagram *datagram; /* owned */
};

struct sim_token_ring {
	struct sim_token *tokens;
	size_t head, count, capacity;
};

struct sim_pool {
	uint8_t *memory;
	uint32_t *free; /* a ring: the buffer longest free goes first, so that poison lasts */
	bool *is_held;
	uint32_t count, bytes, free_head, free_count;
};

/* A listener or an UDP socket. */
struct sim_endpoint {
	struct address address;
	enum sim_id_type type;
	uint64_t user;
	bool is_open;
};

struct sim_pending_datagram {
	struct io_datagram datagram;
	io_id socket;
	uint64_t hash; /* of the bytes as they were when udp_send was called */
};

struct sim_io {
	struct io io;
	struct sim_network *network;
	struct io_stats stats;
	struct prng prng; /* the engine's entropy; apart, so that its use does not shift the faults */
	struct slab ends;
	struct sim_endpoint *endpoints; /* never reused */
	struct sim_token_ring ready, stalled[SIM_POOL_COUNT];
	struct sim_pool pools[SIM_POOL_COUNT];
	struct sim_pending_datagram *pending; /* given to udp_send since the last run */
	uint32_t *quiet; /* connections with a quiet send since the last run */
	struct io_sent sents[SIM_SENTS_MAX];
	size_t endpoint_count, endpoint_capacity, pending_count, pending_capacity, quiet_count, quiet_capacity;
	uint64_t now_ns, deadline_ns, nap_until_ns, cpu_ns, cpu_asked_ns;
	uint32_t index, datagram_token_count;
	struct local_table locals;
	bool is_wake_pending;
	bool is_nap_unserved; /* no run has looked for what came since */
	bool lacks_buffers; /* simulated: this run finds no receive buffer */
};

/* io_sim_network.c: clock, chance, containers */
void *ringcast_sim_must(void *memory); /* asserts that it is not NULL: a test machine without memory tests nothing */
void ringcast_sim_grow(void *array_pointer, size_t *capacity, size_t count_min, size_t element_bytes);
void ringcast_sim_schedule(struct sim_network *network, uint64_t time_ns, struct sim_happening happening);
bool ringcast_sim_strikes(struct sim_network *network, uint32_t chance, uint64_t *count);
uint64_t ringcast_sim_below(struct sim_network *network, uint64_t bound); /* 0 when bound is 0 */
void ringcast_sim_trace(struct sim_network *network, const char *what, uint64_t a, uint64_t b, uint64_t c);

/* io_sim_stream.c: what befalls a connection */
void ringcast_sim_conn_requested(struct sim_network *network, uint32_t conn_index);
void ringcast_sim_conn_bytes_arrived(struct sim_network *network, uint32_t conn_index, enum sim_direction direction, size_t size);
void ringcast_sim_conn_fin_arrived(struct sim_network *network, uint32_t conn_index, enum sim_direction direction);
void ringcast_sim_conn_reset_arrived(struct sim_network *network, uint32_t conn_index, enum sim_direction direction);
void ringcast_sim_conn_pump(struct sim_network *network, uint32_t conn_index);
void ringcast_sim_conn_close(struct sim_network *network, uint32_t conn_index);
void ringcast_sim_conn_close_detached(struct sim_network *network, uint32_t conn_index); /* its descriptor belongs to no io */
void ringcast_sim_conn_wake_reader(struct sim_conn *conn);
size_t ringcast_sim_pipe_take(struct sim_pipe *pipe, void *out, size_t size_max);
void ringcast_sim_conn_free(struct sim_conn *conn);

/* io_sim_datagram.c */
void ringcast_sim_datagram_transmit(struct sim_network *network, const struct address *from, const struct address *to, const void *data, size_t size);
void ringcast_sim_datagram_arrived(struct sim_network *network, struct sim_datagram *datagram);
void ringcast_sim_client_sockets_free(struct sim_network *network);

/* io_sim.c: the io's side */
struct sim_end *ringcast_sim_io_find_end(const struct sim_io *sim, io_id id); /* NULL when stale */
/* NULL when the io has no free stream. The conn's server end is then this io's. */
struct sim_end *ringcast_sim_io_open_end(struct sim_io *sim, uint32_t conn_index, io_id *ret_id);
/* The nth open endpoint of that type which serves an address, over all ios in order; NULL when there are not so many. */
struct sim_endpoint *ringcast_sim_io_endpoint(const struct sim_io *sim, enum sim_id_type type, io_id id);
struct sim_endpoint *ringcast_sim_network_find_endpoint(struct sim_network *network, enum sim_id_type type, const struct address *to, uint32_t nth,
						struct sim_io **ret_io, io_id *ret_id);

/* io_sim_datagram.c: an io's udp_send, which waits for the submission, and one of those that waited. */
void ringcast_sim_io_send(struct io *io, io_id socket, const struct io_datagram *datagrams, unsigned count);
void ringcast_sim_io_submit_datagram(struct sim_io *sim, const struct sim_pending_datagram *pending);

/* io_sim_queue.c: what waits. _at: the nth from the oldest; _pick: one of the oldest, by chance, taken out; _take: NULL when all are out. */
#define SIM_POISON 0xDB /* what a receive buffer holds while nobody has it */
void ringcast_sim_io_push(struct sim_io *sim, const struct sim_token *token);
void ringcast_sim_io_buffers_back(struct sim_io *sim);
void ringcast_sim_tokens_push(struct sim_token_ring *ring, const struct sim_token *token);
struct sim_token ringcast_sim_tokens_pop(struct sim_token_ring *ring);
void ringcast_sim_tokens_free(struct sim_token_ring *ring);
struct sim_token *ringcast_sim_tokens_at(const struct sim_token_ring *ring, size_t i);
struct sim_token ringcast_sim_io_pick(struct sim_io *sim);
void ringcast_sim_io_unstall(struct sim_io *sim, enum sim_pool_kind kind);
bool ringcast_sim_pool_init(struct sim_pool *pool, uint32_t count, uint32_t bytes);
void ringcast_sim_pool_fini(struct sim_pool *pool);
uint8_t *ringcast_sim_pool_take(struct sim_pool *pool, uint32_t *ret_index);

#endif
