/*
 * The insides of the epoll backend, shared by its files only: io_epoll.c (life, reap and wait), io_epoll_stream.c, io_epoll_endpoint.c.
 *
 * Completions are emulated over readiness. Sends are tried at once; what does not fit waits for EPOLLOUT. Everything is level-triggered, so
 * what is not taken in one run is reported again in the next, and no state about readiness is kept. A descriptor with nothing to wait for
 * is not in the epoll set at all: EPOLLHUP cannot be masked and would turn the wait into a spin.
 */
#ifndef RINGCAST_IO_IO_EPOLL_IMPL_H
#define RINGCAST_IO_IO_EPOLL_IMPL_H

#include <stdatomic.h>

#include "base/attr.h"
#include "base/list.h"
#include "io/egress.h"
#include "io/io.h"
#include "io/socket.h"

#define POLLER_ENDPOINT_COUNT_MAX 1024u
#define POLLER_ENDPOINT_BIT (1u << 31) /* in a slot: names an endpoint, not a stream */
#define POLLER_WAKE_KEY UINT64_MAX     /* never a handle of ours: its generation would have to wrap */
#define POLLER_PAUSE_NS (20 * NS_PER_MS)
#define POLLER_FAILURE_COUNT_MAX 1024u
#define POLLER_NONE UINT32_MAX

/* Receive buffers: a stack of free ones, and who waits for one. */
struct poller_pool {
	uint8_t *memory;
	size_t memory_bytes;
	uint32_t *free;
	bool *is_held;
	uint32_t count, free_count, buffer_bytes, stride_bytes;
	struct list_node starved; /* oldest first */
};

struct poller_stream {
	struct list_node node; /* in the pool's starved list, or in due, or in none */
	uint64_t user;
	int32_t fd;
	uint32_t generation;
	uint32_t interest; /* what the epoll set has for fd; 0: not in it */
	uint32_t send_bytes, send_left_bytes;
	uint32_t iov_begin, iov_count; /* of its row in struct poller's iovs */
	int32_t sent_result, end_result;
	uint32_t next_free;
	bool is_used : 1;
	bool is_started : 1;
	bool is_paused : 1;
	bool is_ended : 1;
	bool is_sending : 1;
	bool is_last : 1; /* its end follows the next send */
	bool is_shutdown_wanted : 1;
	bool is_closing : 1;
	bool is_detaching : 1;
	bool is_starved : 1;
	bool is_sent_due : 1; /* a SENT, END, CLOSED or DETACHED to be told by the next run */
	bool is_end_due : 1;
};

struct poller_endpoint {
	struct list_node node; /* starved UDP sockets */
	uint64_t user;
	uint64_t resume_ns; /* != 0: paused after an error until then */
	int32_t fd;
	uint32_t generation;
	struct egress_source source; /* UDP: what is sent comes from there */
	bool is_used;
	bool is_listener;
	bool is_v4;
};

struct poller_failure {
	io_id id;
	uint64_t user;
	int32_t result;
};

struct poller {
	struct io io; /* first: the public face */
	struct io_options options;
	struct io_stats stats;
	uint64_t now_ns;
	int epoll_fd, wake_fd;
	bool has_ns_wait; /* epoll_pwait2 works here */

	struct poller_stream *streams;
	struct iovec (*iovs)[IO_IOV_MAX]; /* per stream: what is left of a send that did not fit */
	uint32_t stream_free, stream_touched_count;
	struct poller_endpoint *endpoints;
	uint32_t endpoint_count;
	uint64_t resume_ns; /* the earliest of the paused endpoints; 0: none */
	struct poller_pool stream_pool, datagram_pool;
	struct list_node due;            /* streams with something to tell */
	struct poller_failure *failures; /* a ring */
	uint32_t failure_head, failure_count;
	struct local_table locals;
	struct refusal_table refusals;
	struct egress *egress; /* NULL: all leaves by the sockets */
	bool is_egress_pending; /* it has not got rid of everything: the next wait is short */

	_Atomic bool is_wake_pending;
	_Atomic bool is_sleeping;
};

/* io_epoll.c */
int ringcast_poller_watch(struct poller *p, int fd, io_id id, uint32_t old_interest, uint32_t interest); /* 0 or -errno */
uint8_t *ringcast_poller_take(struct poller_pool *pool, uint32_t *ret_index);                            /* NULL when none is free */
void ringcast_poller_give(struct poller_pool *pool, uint32_t index);

/* io_epoll_stream.c */
io_id ringcast_poller_stream_open(struct poller *p, int fd); /* HANDLE_NONE when the table is full */
void ringcast_poller_stream_feed(struct poller *p);          /* those that starved, as far as there are buffers */
bool ringcast_poller_stream_on_ready(struct poller *p, io_id id, uint32_t readiness, struct io_event *event);
bool ringcast_poller_stream_next_due(struct poller *p, struct io_event *event);
void ringcast_poller_stream_start(struct io *io, io_id id, uint64_t user);
void ringcast_poller_stream_pause(struct io *io, io_id id);
void ringcast_poller_stream_resume(struct io *io, io_id id);
int ringcast_poller_stream_adopt(struct io *io, int fd, io_id *ret_id);
void ringcast_poller_stream_detach(struct io *io, io_id id);
void ringcast_poller_stream_last(struct io *io, io_id id);
void ringcast_poller_stream_send(struct io *io, io_id id, const struct iovec *iov, unsigned iov_count);
void ringcast_poller_stream_shutdown(struct io *io, io_id id);
void ringcast_poller_stream_close(struct io *io, io_id id);
void ringcast_poller_stream_abort(struct io *io, io_id id);

/* io_epoll_endpoint.c */
int ringcast_poller_listen(struct io *io, const struct address *address, bool is_v4, struct address *ret_bound, io_id *ret_id);
void ringcast_poller_listen_stop(struct io *io, io_id id);
int ringcast_poller_udp_open(struct io *io, const struct address *address, bool is_v4, uint64_t user, struct address *ret_bound,
			     io_id *ret_id);
void ringcast_poller_udp_send(struct io *io, io_id id, const struct io_datagram *datagrams, unsigned count);
void ringcast_poller_endpoint_resume(struct poller *p); /* starved sockets, paused endpoints whose time has come */
unsigned ringcast_poller_endpoint_on_ready(struct poller *p, io_id id, struct io_event *events, unsigned event_count_max);
bool ringcast_poller_next_failure(struct poller *p, struct io_event *event);

#endif
