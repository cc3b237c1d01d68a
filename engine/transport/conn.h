/*
 * One client's connection: the reliable flow (stream), and beside it the fast path of the player it carries. Owned by the shard's slab; dies
 * when its stream is CLOSED. About 300 bytes; an idle player costs about 750 with all that hangs on it (see ringcast_memory_bill and
 * docs/benchmarks.md).
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
 *
 * The end, in stages. A conn may skip some, and goes back to none:
 *
 *   doomed        close_reason is set, nothing more is read from it or queued for it; closed at the end of the event (not inside a fan-out)
 *   CLOSING       counted, its player has left; what is queued goes out, the close frame last
 *   shut down     is_shutdown_asked: the last byte is with the kernel; its end, or the timer, is waited for
 *   CLOSED        is_close_asked: given back to io; freed with the CLOSED event
 */
enum conn_state { CONN_PROXY, CONN_HELLO, CONN_SECURING, CONN_OPENING, CONN_LOGIN, CONN_JOINED, CONN_LEAVING, CONN_CLOSING, CONN_CLOSED };
enum { CONN_STATE_COUNT = CONN_CLOSED + 1 };

enum conn_timer { CONN_TIMER = 1 }; /* timer.kind: login deadline, then pings, then the close deadline; by state */

struct conn {
	handle self;
	io_id stream_id;
	struct player *player; /* while JOINED; opaque to this layer */
	struct stream stream;
	struct outq outq;             /* TLS: frames to be sealed; the wire's queue is secure->cipher */
	struct secure_stream *secure; /* NULL: plain, or not known yet */
	struct fast_path fast;
	struct list_node dirty_node;      /* has pending stream bytes to flush */
	struct list_node fast_dirty_node; /* has queued fast messages */
	struct timer timer;
	struct address address;
	uint8_t state;        /* enum conn_state */
	uint8_t close_reason; /* enum close_reason, once CLOSING */
	uint16_t close_code;  /* what the client closed with; 0: it has not */
	bool is_secure;       /* its bytes go through TLS, or it is not known yet whether they do: HELLO, and whenever secure is set */
	bool is_shutdown_asked, is_close_asked, is_ended;
	bool is_logged_in; /* the login result said so */
	bool is_told;      /* the event log has its end already */
	bool is_by_api;    /* sent away by a question from outside */
	bool is_crowded_out; /* it held most of what ran short: goes without a word, and at once */
	uint32_t pings_missed; /* as wide as its limit */
	uint32_t magic; /* CONN_MAGIC */
	struct ratelimit message_rate, byte_rate;
	struct ratelimit fanout; /* what its messages made others receive */
	uint32_t pressed_ms;     /* when it last filled somebody's queue to the half; 0: not lately */
	uint32_t share_ms, share_left_bytes; /* PRESSED: what it may go on with */
	uint32_t flood_second, flood_count;  /* the last second in which it was above a rate, and how many on end */
	uint32_t greeting_second, greeting_count; /* hellos answered this second */
	uint64_t active_ns; /* last message or pong */
	struct buf *handoff;    /* PROXY: the part of the header that has come; LEAVING: the target shard and the login packet */
	struct buf *close_text; /* what the game said when it sent the player away; NULL: the reason's own text */
};

/* Along the picture above; asserts that the step is in it. */
void ringcast_conn_enter(struct conn *conn, enum conn_state state);
/* The queue whose bytes go to the stream as they are. */
static inline struct outq *ringcast_conn_wire(struct conn *conn) { return conn->secure != NULL ? &conn->secure->cipher : &conn->outq; }
static inline bool ringcast_conn_is_idle(struct conn *conn)
{
	return ringcast_outq_is_idle(&conn->outq) && (conn->secure == NULL || ringcast_outq_is_idle(&conn->secure->cipher));
}

#endif
