/*
 * One interface under the engine: streams, datagrams, clock and entropy. Completion-style and batch-shaped.
 *
 * One io belongs to one shard thread; only ringcast_io_wake may be called from another thread. Everything asked for is queued; run()
 * submits it, waits, and returns events. Nothing calls back. Implementations: io_uring.c (production), io_epoll.c (where io_uring is
 * forbidden), io_sim.c (virtual time, seeded faults).
 *
 * Streams. A stream_id is valid from its ACCEPT (or adopt) until its CLOSED or DETACHED event; ids carry a generation, so a late event can
 * never name a new stream. At most one send per stream is in flight. Bytes given to stream_send must stay valid until SENT.
 * That a send is over is no reason to wake up: if the kernel took all of it at once, its SENT comes before the next other event, or with
 * the next run that does not wait. Whoever must know sooner runs with deadline 0.
 * Receive buffers belong to io: data of a RECV or DATAGRAM event is valid (and writable) until released with ringcast_io_release.
 * When all receive buffers are held by the engine, reading pauses and resumes by itself (counted in stats).
 */
#ifndef RINGCAST_IO_IO_H
#define RINGCAST_IO_IO_H

#include <sys/uio.h>

#include "base/attr.h"
#include "base/types.h"
#include "io/egress_reason.h"
#include "io/local.h"

typedef uint64_t io_id; /* handle: slot, generation */

enum io_event_kind {
	IO_EVENT_ACCEPT,   /* stream = new stream, address = its peer, id = the listener. Not read until stream_start */
	IO_EVENT_RECV,     /* stream bytes: data, size, buffer (release it) */
	IO_EVENT_END,      /* no more RECV will come: result 0 = orderly end, < 0 = -errno */
	IO_EVENT_SENT,     /* the send finished: result = all its bytes, or -errno (stream broken) */
	IO_EVENT_SENTS,    /* several sends finished: sents[0 .. size), valid until the next run(); none of them failed */
	IO_EVENT_CLOSED,   /* after stream_close: the id is gone, all its io has completed */
	IO_EVENT_DETACHED, /* after stream_detach: result = the descriptor, now the caller's; the id is gone; all RECVs came before */
	IO_EVENT_DATAGRAM, /* data, size, address, buffer (release it); is_truncated */
	IO_EVENT_SEND_ERROR, /* a datagram was not sent: result = -errno; user = the datagram's user */
	IO_EVENT_WAKE,     /* ringcast_io_wake was called, one or more times */
};

struct io_sent {
	uint64_t user;
	io_id id;
	int32_t result;
};

struct io_event {
	enum io_event_kind kind;
	int32_t result;
	io_id id;      /* stream, udp socket or listener */
	uint64_t user; /* what stream_start or adopt was given; for datagrams what udp_open was given */
	union {
		uint8_t *data;              /* RECV, DATAGRAM */
		io_id stream;               /* ACCEPT */
		const struct io_sent *sents; /* SENTS */
	};
	uint32_t size;
	uint32_t buffer; /* for release */
	struct address address;
	io_local local; /* DATAGRAM to a socket bound to all addresses: which of them it came to */
	bool is_truncated;
};
_Static_assert(sizeof(struct io_event) <= CACHE_LINE_BYTES, "an event is one cache line");

struct io_datagram {
	struct address address;
	io_local local; /* of this io's events: the address to send from */
	const uint8_t *data; /* valid until the next run() returns */
	uint32_t size;
	uint16_t segment_bytes; /* 0: one datagram; else GSO: data is several datagrams of this size, the last may be shorter */
	uint64_t user;
};

struct io_stats {
	uint64_t accepts, accept_errors, stream_recvs, stream_sends, stream_send_bytes;
	uint64_t datagrams_received, datagrams_sent, datagram_send_errors, gso_sends;
	uint64_t rx_buffers_empty, cq_overflows, sq_full, rearms, wakes, naps;
	uint64_t egress[EGRESS_REASON_COUNT]; /* with AF_XDP: datagrams that left by it (EGRESS_NONE), and those left to the socket, by reason */
	uint64_t egress_drops;  /* datagrams that would have overtaken, or were lost with their ring */
	uint64_t egress_errors; /* calls that hand frames to a device and failed */
	uint64_t entered_ns; /* when the last run() or submit() was called: what its caller did before took until then */
};

struct io_options {
	uint32_t stream_count_max;
	uint32_t stream_buffer_count, stream_buffer_bytes;     /* receive buffers shared by all streams */
	uint32_t datagram_buffer_count, datagram_buffer_bytes; /* bytes: usable datagram size */
	uint32_t buffers_first; /* receive buffers of each kind that the kernel gets at once; more as they run out. 0: 16 */
	uint32_t stream_send_buffer_bytes; /* SO_SNDBUF of accepted streams, of which the kernel makes twice as much memory; 0 = it grows as the system likes */
	uint32_t socket_send_buffer_bytes, socket_recv_buffer_bytes; /* UDP sockets; 0 = system default */
	bool is_egress_xdp;    /* datagrams leave by AF_XDP where they can, see egress.h */
	uint32_t shard_index;  /* whose io it is: its queue of a device, its place among those who share a port */
	struct steering *steering; /* UDP ports are shared with the other shards' ios, see steering.h; NULL: they are this one's own */
	uint64_t gather_ns; /* a wait that has begun lasts at least so long (or until its deadline), so that more is served by one waking; 0: not */
};

struct io; /* starts with const struct io_ops *ops */

struct io_ops {
	const char *name;
	uint64_t (*now_ns)(struct io *io); /* monotonic; constant between two run() calls is allowed */
	void (*random)(struct io *io, void *out, size_t size);
	/* 0 or -errno. address->port 0: the system chooses; *ret_address is what was bound. SO_REUSEPORT is set on listeners. */
	int (*tcp_listen)(struct io *io, const struct address *address, bool is_v4, struct address *ret_address, io_id *ret_id);
	void (*listen_stop)(struct io *io, io_id listener); /* accepts nothing more; pending ACCEPT events may still come */
	int (*udp_open)(struct io *io, const struct address *address, bool is_v4, uint64_t user, struct address *ret_address, io_id *ret_id);
	void (*stream_start)(struct io *io, io_id stream, uint64_t user); /* begin reading; may be called again to change user */
	/*
	 * Reads no more of a started stream until it is resumed, so that its peer has to wait. What has been read by then still comes, and so may its end, if it
	 * has been seen. A paused stream is not detached; it may be closed.
	 */
	void (*stream_pause)(struct io *io, io_id stream);
	void (*stream_resume)(struct io *io, io_id stream);
	int (*stream_adopt)(struct io *io, int fd, io_id *ret_stream);    /* takes the descriptor; -ENFILE when full: it is closed then */
	void (*stream_detach)(struct io *io, io_id stream);               /* stop reading, then DETACHED; no send may be in flight */
	void (*stream_send)(struct io *io, io_id stream, const struct iovec *iov, unsigned iov_count); /* iov array is copied; count <= IO_IOV_MAX */
	void (*stream_last)(struct io *io, io_id stream); /* the next send is the last: a shutdown or close follows it, and the stream's end may travel in its packet */
	void (*stream_shutdown)(struct io *io, io_id stream); /* half close after the sends so far; END follows from the peer or a timer of the caller */
	void (*stream_close)(struct io *io, io_id stream);    /* CLOSED follows; a send in flight reports SENT first (maybe -ECANCELED) */
	void (*stream_abort)(struct io *io, io_id stream);    /* the same, but what the peer has not taken is thrown away, and it sees a reset */
	void (*udp_send)(struct io *io, io_id socket, const struct io_datagram *datagrams, unsigned count);
	struct local_table *(*locals)(struct io *io); /* what its numbers stand for: other shards' ios have numbers of their own */
	void (*release)(struct io *io, const struct io_event *event); /* give the event's receive buffer back */
	/* Submits what is queued, as run() does first of all, and tells the time: what its caller did since the last run() is with the kernel. */
	uint64_t (*submit)(struct io *io);
	uint64_t (*cpu_ns)(struct io *io); /* processor time that the calling thread has taken so far */
	/*
	 * Sleeps for so long whatever comes: the next run() finds more of it. After submit(), and before its caller says to anybody that it sleeps, for
	 * wake() does not end it. Returns for how long; 0 where io has something to do itself.
	 */
	uint64_t (*nap)(struct io *io, uint64_t nap_ns);
	/* Submits, waits until an event or deadline_ns (0: do not wait), fills events. Returns how many (0 .. event_count_max). */
	unsigned (*run)(struct io *io, uint64_t deadline_ns, struct io_event *events, unsigned event_count_max);
	void (*wake)(struct io *io); /* any thread */
	const struct io_stats *(*stats)(struct io *io);
	void (*destroy)(struct io *io);
};

struct io {
	const struct io_ops *ops;
};

#define IO_IOV_MAX 64
#define IO_GSO_SEGMENT_COUNT_MAX 64
#define IO_GSO_BYTES_MAX 60000

/*
 * Production backends. reterr gets one clear line (what failed and how to fix it) on failure. Create on the thread that will run it; destroy
 * there too, or anywhere after that thread has ended. Both tell of at most about a thousand failed datagrams per run; stats count all.
 */
struct io *ringcast_io_uring_create(const struct io_options *options, char *reterr, size_t reterr_bytes);
struct io *ringcast_io_epoll_create(const struct io_options *options, char *reterr, size_t reterr_bytes);
/* Is io_uring usable here? 0, or -errno with the reason (forbidden by seccomp, sysctl, memlock, missing feature) in reterr. */
int ringcast_io_uring_probe(char *reterr, size_t reterr_bytes);

static inline uint64_t ringcast_io_now_ns(struct io *io) { return io->ops->now_ns(io); }

#endif
