/*
 * One client's connection: the reliable flow (stream), and beside it the fast path of the player it carries. Owned by the shard's slab; dies
 * when its stream is CLOSED. About 300 bytes, and nothing else while idle.
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
#include "transport/stream.h"

/*
 *  OPENING --(upgrade)--> LOGIN --(login, here)--> JOINED --(close either side)--> CLOSING --> CLOSED
 *                           \--(login, other shard)--> LEAVING --(detached, posted)--> gone
 */
enum conn_state { CONN_OPENING, CONN_LOGIN, CONN_JOINED, CONN_LEAVING, CONN_CLOSING, CONN_CLOSED };

enum conn_timer { CONN_TIMER = 1 }; /* timer.kind: login deadline, then pings, then the close deadline; by state */

struct conn {
	handle self;
	io_id stream_id;
	struct player *player; /* while JOINED; opaque to this layer */
	struct stream stream;
	struct outq outq;
	struct fast_path fast;
	struct list_node dirty_node;      /* has pending stream bytes to flush */
	struct list_node fast_dirty_node; /* has queued fast messages */
	struct timer timer;
	struct address address;
	uint8_t state;        /* enum conn_state */
	uint8_t close_reason; /* enum close_reason, once CLOSING */
	uint8_t pings_missed;
	bool is_shutdown_asked, is_close_asked, is_ended;
	struct ratelimit message_rate, byte_rate;
	uint64_t active_ns; /* last message or pong */
	struct buf *handoff;    /* LEAVING: the target shard and the login packet */
	struct buf *close_text; /* what the game said when it sent the player away; NULL: the reason's own text */
};

#endif
