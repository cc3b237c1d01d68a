/*
 * One client's connection: the reliable flow (stream), and beside it the fast path of the player it carries. Owned by the shard's slab; dies
 * when its stream is CLOSED. What an idle player costs with all that hangs on it: ringcast_memory_bill and docs/benchmarks.md.
 */
#ifndef RINGCAST_TRANSPORT_CONN_H
#define RINGCAST_TRANSPORT_CONN_H

#include "base/close.h"
#include "base/list.h"
#include "base/timer_wheel.h"
#include "io/io.h"
#include "transport/fast_path.h"
#include "transport/outq.h"
#include "transport/ratelimit.h"
#include "transport/secure_stream.h"
#include "transport/stream.h"

/*
 *  PROXY --(the proxy has said for whom it speaks)--> HELLO or OPENING         only from trusted proxies
 *
 *  HELLO --(first byte: TLS)--> SECURING --(handshake done)--> OPENING      only where encryption is optional or required
 *     \--(first byte: plain)--> OPENING
 *
 *  OPENING --(upgrade)--> LOGIN --(login, here)--> JOINED --(close either side)--> CLOSING --> CLOSED
 *                           \--(login, other shard)--> LEAVING --(detached, posted)--> gone
 *                           \--(login, other shard that has spread sessions)--> ASKING --(home: it is spread)--> JOINED, here
 *                                                                                 \--(home: it is not)--> LEAVING
 *
 * The end, in stages. A conn may skip some, and goes back to none:
 *
 *   doomed        close_reason is set, nothing more is read from it or queued for it; closed at the end of the event (not inside a fan-out)
 *   CLOSING       counted, its player has left; what is queued goes out, the close frame last
 *   shut down     is_shutdown_asked: the last byte is with the kernel; its end, or the timer, is waited for
 *   CLOSED        is_close_asked: given back to io; freed with the CLOSED event
 */
enum conn_state { CONN_PROXY, CONN_HELLO, CONN_SECURING, CONN_OPENING, CONN_LOGIN, CONN_JOINED, CONN_ASKING, CONN_LEAVING, CONN_CLOSING, CONN_CLOSED };
enum { CONN_STATE_COUNT = CONN_CLOSED + 1 };

enum conn_timer { CONN_TIMER = 1 }; /* timer.kind: login deadline, then pings, then the close deadline; by state */

/* In the order of use: what a delivery and its send touch, what a message from the client touches, the rest. */
struct conn {
	struct outq outq;             /* TLS: frames to be sealed; the wire's queue is secure->cipher */
	struct list_node dirty_node;  /* has pending stream bytes to flush, or is doomed */
	struct fast_path *fast;       /* NULL: no datagram has come, or there is no fast path */
	uint8_t state;        /* enum conn_state */
	uint8_t close_reason; /* enum close_reason, once CLOSING */
	bool has_fast_port : 1; /* the login result named one */
	bool is_secure : 1;     /* its bytes go through TLS, or it is not known yet whether they do: HELLO, and whenever secure is set */
	bool is_shutdown_asked : 1;
	bool is_close_asked : 1;
	bool is_ended : 1;
	bool is_logged_in : 1; /* the login result said so */
	bool is_told : 1;      /* the event log has its end already */
	bool is_by_api : 1;    /* sent away by a question from outside */
	bool is_crowded_out : 1; /* it held most of what ran short: goes without a word, and at once */
	bool has_close_text : 1;
	bool is_resumable : 1; /* resume is set */
	bool is_kept : 1;      /* its player may come back: what it has not sent is sent then, and is not lost */
	bool is_paused : 1;    /* it is not read for now: what it sends would have to wait for another shard */
	bool is_merging : 1;   /* its datagrams hold several packets */
	bool has_no_echo : 1;  /* its login asked for that: see session.h */
	bool is_sent_awaited : 1; /* its last flush left something, for its send did not take all there was, or the one before was still under way: SENT goes on with it */
	uint32_t queued_steps; /* when what is pending began to be, on the shard's clock, in steps of 1 024 ns; wraps */
	io_id stream_id;
	struct secure_stream *secure; /* NULL: plain, or not known yet */

	struct player *player; /* while JOINED; opaque to this layer */
	uint32_t magic; /* CONN_MAGIC */
	uint32_t pings_missed; /* as wide as its limit */
	struct ratelimit message_rate, byte_rate;
	struct ratelimit fanout; /* what its messages made others receive */
	struct stream stream;
	uint32_t active_ms;    /* last message or pong, on the shard's clock; wraps */
	uint32_t pressed_ms;   /* when it last filled somebody's queue to the half; 0: not lately */

	handle self;
	struct timer timer;
	uint32_t share_ms, share_left_bytes; /* PRESSED: what it may go on with */
	uint32_t flood_second, flood_count;  /* the last second in which it was above a rate, and how many on end */
	union {
		struct buf *handoff;    /* PROXY: the part of the header that has come; ASKING, LEAVING: the target shard and the login packet */
		struct resume *resume;  /* JOINED, and the player may come back; the shard's */
		struct buf *close_text; /* if: what the game said when it sent the player away; else the reason's own text will do */
	};
	struct address address;
	uint16_t close_code;  /* what the client closed with; 0: it has not */
	uint8_t fast_port;    /* the index of its UDP port, if */
};
static_assert(offsetof(struct conn, player) <= 96, "a delivery touches no more than this of its receiver");
static_assert(sizeof(struct conn) <= 280, "what each connection costs, idle or not");

/* Along the picture above; asserts that the step is in it. */
void ringcast_conn_enter(struct conn *conn, enum conn_state state);
/* The queue whose bytes go to the stream as they are. */
static inline struct outq *ringcast_conn_wire(struct conn *conn) { return conn->secure != NULL ? &conn->secure->cipher : &conn->outq; }
static inline bool ringcast_conn_is_idle(struct conn *conn)
{
	return ringcast_outq_is_idle(&conn->outq) && (conn->secure == NULL || ringcast_outq_is_idle(&conn->secure->cipher));
}

/* How long what is pending has been so, of one in the dirty list. */
static inline uint32_t ringcast_conn_steps(uint64_t now_ns) { return (uint32_t)(now_ns >> 10); }
static inline uint64_t ringcast_conn_wait_ns(const struct conn *conn, uint64_t now_ns)
{
	return (uint64_t)(ringcast_conn_steps(now_ns) - conn->queued_steps) << 10;
}

/* NULL: nothing of the game's own. */
static inline const char *ringcast_conn_close_text(const struct conn *conn)
{
	return conn->has_close_text ? (const char *)conn->close_text->data : NULL;
}
static inline bool ringcast_conn_is_fast(const struct conn *conn)
{
	return conn->fast != NULL && conn->fast->state == FAST_UP && LIKELY(conn->fast->sequence_out < FAST_SEQUENCE_END);
}

#endif
