/*
 * The insides of the io_uring backend, shared by its files only. Reading order: this header, io_uring.c (life), io_uring_ring.c (queue,
 * flush), io_uring_run.c (reap and wait), io_uring_buffers.c, io_uring_stream.c, io_uring_endpoint.c (listeners, sockets),
 * io_uring_datagram.c (transmit), io_uring_probe.c.
 *
 * Everything belongs to the shard thread but the two atomics and wake_fd.
 *
 * A request is named by its user_data: operation in the top 8 bits, slot in the next 24, generation in the low 32. A slot is given back
 * only after its last completion was reaped, so a generation that does not match cannot happen; it is checked all the same.
 */
#ifndef RINGCAST_IO_IO_URING_IMPL_H
#define RINGCAST_IO_IO_URING_IMPL_H

#include <stdatomic.h>
#include <sys/types.h>

#include "base/list.h"
#include "io/egress.h"
#include "io/io.h"
#include "io/io_uring_compat.h"
#include "io/socket.h"

#define URING_SQ_ENTRIES 1024u
#define URING_CQ_ENTRIES_MIN 8192u
#define URING_CQ_ENTRIES_MAX 32768u
#define URING_BATCH_COUNT_MAX 256u /* SQEs per submit: a burst neither delays others nor leaves the L2 cache */
#define URING_DATAGRAM_COUNT (2 * URING_BATCH_COUNT_MAX) /* transmit records: two sets; a power of two */
#define URING_ENDPOINT_COUNT_MAX 1024u
#define URING_ENDPOINT_BIT (1u << 23) /* in a slot: names an endpoint, not a stream */
#define URING_STREAM_COUNT_MAX (1u << 22)
#define URING_FAILURE_COUNT_MAX 1024u       /* SEND_ERROR events waiting; more than that are only counted */
#define URING_PAUSE_NS (20 * NS_PER_MS) /* before accepting again after EMFILE and its like */
#define URING_NAME_BYTES 32u                /* room for the source address in a datagram buffer; keeps the payload aligned */
#define URING_CONTROL_BYTES 48u             /* and for the address that it came to */
#define URING_NONE UINT32_MAX

enum uring_operation {
	URING_ACCEPT = 1,
	URING_RECV,
	URING_SEND,
	URING_RECVMSG,
	URING_DATAGRAM, /* the low 56 bits are the transmit record's sequence number */
	URING_CANCEL,
	URING_WAKE,
};

enum uring_group_id { URING_GROUP_STREAM, URING_GROUP_DATAGRAM, URING_GROUP_COUNT };

/* One provided-buffer ring. A buffer is the kernel's, or (from reaping until release) the engine's. */
struct uring_group {
	struct io_uring_buf_ring *ring;
	uint8_t *memory;
	uint8_t *is_held; /* per buffer: with the engine */
	size_t ring_bytes, memory_bytes;
	uint32_t count, entry_count; /* buffers; ring entries, the next power of two */
	uint32_t buffer_bytes, stride_bytes;
	uint32_t first_count;    /* it has never fewer */
	uint32_t provided_count; /* the kernel's and the engine's; the others are idle, or were never touched */
	uint32_t held_count;
	uint32_t touched_count; /* buffers beyond were never touched */
	uint32_t idle_count;
	uint32_t *idle;         /* buffers that were kept back */
	uint32_t surplus_count; /* so many are to be kept back when they come */
	uint64_t calm_ns;       /* when, if no receive meets an empty ring until then, there are too many */
	bool can_shrink;
	bool is_growth_due;
	struct list_node starved; /* streams or endpoints that met an empty ring, oldest first */
};

/* iovecs of a send that has more than one; exists from stream_send until its last completion. */
struct uring_vector {
	struct msghdr message;
	struct iovec iov[IO_IOV_MAX];
	uint32_t next_free;
};

/* One TCP stream. Kept small: there are as many as the engine has connections. */
struct uring_stream {
	struct list_node node; /* in the group's starved list, or in done, or in none */
	union {
		uint64_t user;
		uint32_t next_free; /* free slots only */
	};
	const uint8_t *send_data; /* what is left of a send of one iovec */
	int32_t fd;
	uint32_t generation;
	uint32_t send_bytes, send_left_bytes;
	uint32_t vector; /* or URING_NONE */
	bool is_used : 1;
	bool is_started : 1;
	bool is_recv_armed : 1;
	bool is_paused : 1;
	bool is_ended : 1; /* no recv will be armed again */
	bool is_send_armed : 1;
	bool is_send_quiet : 1; /* posts a completion only if the kernel did not take all of it at once */
	bool is_last : 1; /* its end follows the next send */
	bool is_shutdown_wanted : 1;
	bool is_closing : 1;
	bool is_detaching : 1;
};
_Static_assert(sizeof(struct uring_stream) <= 56, "what each connection costs, idle or not");

/* A listener or a UDP socket. Never freed before destroy but for stopped listeners. */
struct uring_endpoint {
	struct list_node node; /* starved UDP sockets */
	uint64_t user;
	uint64_t resume_ns; /* != 0: paused after an error until then */
	int32_t fd;
	uint32_t generation;
	struct msghdr message; /* UDP: the shape of received datagrams */
	struct egress_source source; /* UDP: what is sent comes from there */
	bool is_used;
	bool is_listener;
	bool is_v4;
	bool is_armed;
	bool is_stopping;
};

/* A datagram between udp_send and the submit that completes it. */
struct uring_datagram {
	struct io_datagram datagram;
	uint64_t sequence;
	uint64_t round; /* the caller's data is valid until this round ends */
	io_id id;
	union socket_name name;
	struct iovec iov;
	struct msghdr message;
	union socket_control control;
};

struct uring_failure {
	io_id id;
	uint64_t user;
	int32_t result;
};

struct uring {
	struct io io; /* first: the public face */
	struct io_uring ring;
	struct io_options options;
	struct io_stats stats;
	uint64_t now_ns;
	uint64_t round;       /* counts run() calls */
	uint32_t batch_count; /* SQEs since the last submit */
	uint32_t scanned;     /* CQ position up to which failed datagrams were looked for */

	struct uring_stream *streams;
	uint32_t stream_free, stream_touched_count; /* free list; slots beyond touched were never used */
	bool can_be_quiet; /* this kernel passed the test of ringcast_uring_test_quiet_sends */
	bool is_sent_wanted; /* something waits for the SENT of a quiet send: the next run is not to wait */
	uint32_t quiet_count;
	uint32_t *quiet; /* slots of the streams whose send was quiet, since the last run */
	struct io_sent *sents; /* what the last run told */
	struct uring_vector *vectors;
	uint32_t vector_free, vector_touched_count;
	struct uring_endpoint *endpoints;
	uint32_t endpoint_count;
	uint64_t resume_ns; /* the earliest of the paused endpoints; 0: none */
	struct uring_group groups[URING_GROUP_COUNT];
	struct list_node done; /* streams whose CLOSED or DETACHED is due */

	struct uring_datagram *datagrams;
	uint64_t datagram_sequence;
	uint32_t datagram_set, datagram_record_count; /* where the batch's records begin, and how many it has so far */
	uint32_t datagram_batch_count, datagram_batch_failed_count; /* datagrams, segments counted singly */
	bool is_batch_with_datagrams;
	bool is_retrying;
	struct uring_datagram *retries; /* GSO sends the kernel refused, to be sent in pieces */
	uint32_t retry_count;
	struct uring_failure *failures; /* a ring */
	uint32_t failure_head, failure_count;
	struct local_table locals;
	struct refusal_table refusals;
	struct egress *egress; /* NULL: all leaves by the sockets */
	bool is_egress_pending; /* it has not got rid of everything: the next wait is short */

	pid_t owner; /* the thread that created, and the only one to submit */
	int wake_fd;
	_Atomic bool is_wake_pending;
	_Atomic bool is_sleeping;
};

static inline uint64_t ringcast_uring_name(enum uring_operation operation, uint32_t slot, uint32_t generation)
{
	return (uint64_t)operation << 56 | (uint64_t)slot << 32 | generation;
}
static inline enum uring_operation ringcast_uring_name_operation(uint64_t name)
{
	return (enum uring_operation)(name >> 56);
}
static inline uint32_t ringcast_uring_name_slot(uint64_t name)
{
	return (uint32_t)(name >> 32) & 0xffffff;
}
static inline uint32_t ringcast_uring_name_generation(uint64_t name)
{
	return (uint32_t)name;
}
static inline uint32_t ringcast_uring_next_generation(uint32_t generation)
{
	return generation == UINT32_MAX ? 1 : generation + 1;
}

/* io_uring_ring.c: the submission side */
int ringcast_uring_ring_open(struct io_uring *ring, uint32_t cq_entries, char *reterr, size_t reterr_bytes); /* 0 or -errno */
struct io_uring_sqe *ringcast_uring_sqe(struct uring *u); /* flushes when a batch is full; never NULL */
void ringcast_uring_flush(struct uring *u); /* everything queued is with the kernel, and every datagram's fate known, when it returns */
void ringcast_uring_flush_and_get_events(struct uring *u);
void ringcast_uring_flush_and_wait(struct uring *u, uint64_t wait_ns); /* one system call; returns with the first completion or in wait_ns; see gather_ns */
void ringcast_uring_sleep(struct uring *u, uint64_t sleep_ns); /* with nothing queued; completions come meanwhile, and end it only when their queue is full */
void ringcast_uring_cancel(struct uring *u, uint64_t name);

/* io_uring_probe.c. Each explains a failure in one line and returns it: -errno, or 0 when nothing is missing. */
int ringcast_uring_explain_setup(int error, char *reterr, size_t reterr_bytes);
int ringcast_uring_explain_buffers(int error, char *reterr, size_t reterr_bytes);
int ringcast_uring_check_features(struct io_uring *ring, uint32_t features, char *reterr, size_t reterr_bytes);
bool ringcast_uring_test_quiet_sends(struct io_uring *ring); /* before the ring is used for anything else */

/* io_uring_buffers.c */
int ringcast_uring_group_init(struct uring *u, enum uring_group_id id, uint32_t count, uint32_t buffer_bytes); /* 0 or -errno */
void ringcast_uring_group_fini(struct uring_group *group);
void ringcast_uring_group_starve(struct uring *u, enum uring_group_id id); /* a receive met an empty ring */
/* Once per run: as many again if one did since the last time; fewer if none did for long. */
void ringcast_uring_group_adapt(struct uring_group *group, uint64_t now_ns);
uint8_t *ringcast_uring_group_take(struct uring_group *group, uint32_t index); /* reaped: now the engine's */
void ringcast_uring_group_give(struct uring_group *group, uint32_t index);     /* back to the kernel */
static inline uint32_t ringcast_uring_group_available(const struct uring_group *group)
{
	return group->provided_count - group->held_count;
}

/* io_uring_stream.c. Completions return whether they filled *event. */
io_id ringcast_uring_stream_open(struct uring *u, int fd); /* HANDLE_NONE when the table is full */
void ringcast_uring_stream_resume_starved(struct uring *u);
bool ringcast_uring_stream_on_recv(struct uring *u, const struct io_uring_cqe *cqe, struct io_event *event);
bool ringcast_uring_stream_on_send(struct uring *u, const struct io_uring_cqe *cqe, struct io_event *event);
bool ringcast_uring_stream_tell_quiet(struct uring *u, struct io_event *event); /* SENTS; when no completion is left that says otherwise */
void ringcast_uring_stream_finish(struct uring *u, struct uring_stream *stream, struct io_event *event); /* CLOSED or DETACHED */
void ringcast_uring_stream_start(struct io *io, io_id id, uint64_t user);
void ringcast_uring_stream_pause(struct io *io, io_id id);
void ringcast_uring_stream_resume(struct io *io, io_id id);
int ringcast_uring_stream_adopt(struct io *io, int fd, io_id *ret_id);
void ringcast_uring_stream_detach(struct io *io, io_id id);
void ringcast_uring_stream_last(struct io *io, io_id id);
void ringcast_uring_stream_send(struct io *io, io_id id, const struct iovec *iov, unsigned iov_count);
void ringcast_uring_stream_shutdown(struct io *io, io_id id);
void ringcast_uring_stream_close(struct io *io, io_id id);
void ringcast_uring_stream_abort(struct io *io, io_id id);

/* io_uring_endpoint.c */
int ringcast_uring_listen(struct io *io, const struct address *address, bool is_v4, struct address *ret_bound, io_id *ret_id);
void ringcast_uring_listen_stop(struct io *io, io_id id);
int ringcast_uring_udp_open(struct io *io, const struct address *address, bool is_v4, uint64_t user, struct address *ret_bound,
			    io_id *ret_id);
struct uring_endpoint *ringcast_uring_endpoint_of(struct uring *u, io_id id); /* asserts that it lives */
void ringcast_uring_endpoint_resume(struct uring *u);                         /* starved sockets, paused endpoints whose time has come */
bool ringcast_uring_endpoint_on_accept(struct uring *u, const struct io_uring_cqe *cqe, struct io_event *event);
bool ringcast_uring_endpoint_on_recvmsg(struct uring *u, const struct io_uring_cqe *cqe, struct io_event *event);

/* io_uring_datagram.c */
void ringcast_uring_udp_send(struct io *io, io_id id, const struct io_datagram *datagrams, unsigned count);
void ringcast_uring_datagram_scan(struct uring *u);  /* finds the failed ones of the batch just submitted */
void ringcast_uring_datagram_retry(struct uring *u); /* queues the refused GSO sends again, in pieces */
bool ringcast_uring_datagram_next_failure(struct uring *u, struct io_event *event);

/* io_uring_run.c */
uint64_t ringcast_uring_submit(struct io *io);
uint64_t ringcast_uring_nap(struct io *io, uint64_t nap_ns);
unsigned ringcast_uring_run(struct io *io, uint64_t deadline_ns, struct io_event *events, unsigned event_count_max);
void ringcast_uring_wake_arm(struct uring *u);

#endif
