/* What the files of this folder share; see README.md for the reading order. */
#ifndef RINGCAST_SHARD_SHARD_PRIVATE_H
#define RINGCAST_SHARD_SHARD_PRIVATE_H

#include "base/panic.h"
#include "base/trace.h"
#include "shard/shard.h"

/* dump.c: what it says when the program is about to end */
void ringcast_shard_dump(struct panic_writer *writer, const void *shard);

/* shard.c */
bool ringcast_shard_is_deserted(const struct shard *shard); /* no connection, no session */

enum shard_timer { ASSOCIATION_TIMER = 2 }; /* timer.kind; 1 is CONN_TIMER, 16 and above the session layer's */
enum { SHARD_CONNECT_TOKEN_BYTES = 2 * (1 + sizeof(handle) + SECURE_STREAM_SECRET_BYTES) + 1 };

/* flows.c: events of streams */
void ringcast_shard_on_accept(struct shard *shard, const struct io_event *event);
void ringcast_shard_on_recv(struct shard *shard, const struct io_event *event);
void ringcast_shard_on_end(struct shard *shard, const struct io_event *event);
void ringcast_shard_on_sent(struct shard *shard, handle user, int32_t result);
void ringcast_shard_on_closed(struct shard *shard, const struct io_event *event);
void ringcast_shard_on_conn_timer(struct shard *shard, struct conn *conn);
void ringcast_shard_read(struct shard *shard, struct conn *conn, uint8_t *bytes, size_t size);
/* A decoded packet of an admitted player: limits, then the session. */
void ringcast_shard_route(struct shard *shard, struct conn *conn, struct packet *packet, enum delivery_intent intent);
struct conn *ringcast_shard_conn_open(struct shard *shard, io_id stream, const struct address *address, bool is_handoff);
/* Says goodbye: the player leaves its session, a close frame goes out after what is queued, then the stream ends. */
void ringcast_shard_conn_close(struct shard *shard, struct conn *conn, enum close_reason reason, const char *text);
/* As close, but not from inside a fan-out or a flush: soon. */
void ringcast_shard_conn_doom(struct shard *shard, struct conn *conn, enum close_reason reason);

/* Its stream is gone: closed, or another shard's now. */
void ringcast_shard_conn_free(struct shard *shard, struct conn *conn);
/* At once: no goodbye is sent, and nothing that is queued is waited for. */
void ringcast_shard_conn_cut(struct shard *shard, struct conn *conn, enum close_reason reason);

/* datagrams.c */
void ringcast_shard_on_datagram(struct shard *shard, const struct io_event *event);
bool ringcast_shard_fast_open(struct shard *shard, struct conn *conn); /* false: no port is free for this address */
void ringcast_shard_fast_close(struct shard *shard, struct conn *conn);
void ringcast_shard_fast_check(struct shard *shard, struct conn *conn); /* has it been silent for too long? */
void ringcast_shard_on_send_error(struct shard *shard, const struct io_event *event);
void ringcast_shard_fast_clear(struct shard *shard, struct fast_path *fast); /* drops what is queued for it */
struct fast_path *ringcast_shard_fast_path(struct shard *shard, struct conn *conn); /* of a player that was told a port; made now, if it has none yet */

/* strays.c: with UDP ports that all shards share, see directory.h */
enum drop_reason ringcast_shard_stray_post(struct shard *shard, const struct io_event *event, uint32_t target); /* DROP_NONE: on its way */
void ringcast_shard_strays_take(struct shard *shard);
void ringcast_shard_steer(struct shard *shard, struct fast_path *fast); /* what comes from its address comes here from now on */
void ringcast_shard_unsteer(struct shard *shard, struct fast_path *fast);

/* pace.c: how long a loaded shard holds messages back, and its naps meanwhile */
struct pace_load { /* of a window */
	uint64_t busy_percent, write_percent; /* with everything; with what left */
};
uint64_t ringcast_pace_hold_ns(uint64_t hold_ns, struct pace_load load, uint64_t hold_ns_max); /* the next one */
void ringcast_shard_note_writes(struct shard *shard, uint64_t begun_cpu_ns); /* after a flush, while messages are held: submits it; since its processor time was that */
void ringcast_shard_look_at_load(struct shard *shard);     /* as soon as the clock has been turned: what its processor time so far belongs to */
void ringcast_shard_set_hold(struct shard *shard);         /* hold_ns, for this turn */
bool ringcast_shard_is_short(const struct shard *shard);   /* of what messages wait in: nothing is held back then */
bool ringcast_shard_may_nap(const struct shard *shard);
/* Before a shard that holds messages waits: submits and naps, until deadline_ns (of its clock) at most. Returns when its turn ended, by io's clock; 0: it did neither. */
uint64_t ringcast_shard_nap(struct shard *shard, uint64_t deadline_ns);

/* security.c: what both kinds share */
bool ringcast_shard_security_init(struct shard *shard); /* false: out of memory */
void ringcast_shard_security_fini(struct shard *shard);
void ringcast_shard_security_stop(struct shard *shard); /* ends the associations that are nobody's; players take theirs with them */
void ringcast_shard_run_handshakes(struct shard *shard); /* as many steps as the tick's budget lasts, at least one */
static inline bool ringcast_shard_has_handshakes(const struct shard *shard)
{
	return ringcast_handshake_queue_count(&shard->security.queue) > 0;
}

/* hello.c: the first byte of a stream has come. False: the connection is closing. */
bool ringcast_shard_tell_apart(struct shard *shard, struct conn *conn, uint8_t first);

/* secure_streams.c: TLS */
bool ringcast_shard_secure_begin(struct shard *shard, struct conn *conn); /* a handshake; false: no memory, the connection is closing */
void ringcast_shard_secure_receive(struct shard *shard, struct conn *conn, uint8_t *bytes, size_t size);
void ringcast_shard_secure_step(struct shard *shard, struct conn *conn);  /* its turn in the handshake queue */
void ringcast_shard_secure_flush(struct shard *shard, struct conn *conn); /* seals what is pending, sends */
void ringcast_shard_secure_goodbye(struct shard *shard, struct conn *conn); /* close_notify, once; sent as far as possible */
/* A session that came with a connection from another shard. False: no memory; the session is freed. */
bool ringcast_shard_secure_adopt(struct shard *shard, struct conn *conn, struct crypto_session *crypto, struct view cipher);
void ringcast_shard_secure_free(struct shard *shard, struct conn *conn); /* what conn->secure holds */

/* associations.c: DTLS */
bool ringcast_shard_is_dtls(const struct shard *shard, const struct io_event *event);
void ringcast_shard_on_record(struct shard *shard, const struct io_event *event);
void ringcast_shard_association_step(struct shard *shard, const struct handshake_datagram *datagram); /* its turn in the handshake queue */
void ringcast_shard_on_association_timer(struct shard *shard, struct association *association);
void ringcast_shard_association_leave(struct shard *shard, struct conn *conn); /* the player goes: says goodbye on DTLS too */
void ringcast_shard_association_break(struct shard *shard, struct association *association); /* it failed: its player falls back to the stream */
/* One that another shard has sent: here it is nobody's yet, and takes the place of whoever has its address. NULL: there is no room, and that is counted. */
struct association *ringcast_shard_association_adopt(struct shard *shard, struct handoff *handoff);
void ringcast_shard_association_refuse(struct shard *shard, struct handoff *handoff); /* the client is told that it is over, and may begin again at once */
void ringcast_shard_association_prove(struct shard *shard, struct association *association, struct packet *packet); /* who it is; it may end by that */

/* transfers.c: associations and UDP ports that all shards share */
uint32_t ringcast_shard_seek_association(const struct shard *shard, const struct address *address, uint8_t port_index); /* which other shard has it, or DIRECTORY_NOBODY */
void ringcast_shard_association_list(struct shard *shard, struct association *association); /* the other shards know that it is here */
void ringcast_shard_association_steer(struct shard *shard, struct association *association); /* and so does the kernel */
void ringcast_shard_association_unlist(struct shard *shard, struct association *association); /* before it is closed */
/* The packet's token is another shard's: true, and the association goes there when the datagram that it came in has been read, with finish. */
bool ringcast_shard_transfer_begin(struct shard *shard, const struct association *association, const struct packet *packet);
void ringcast_shard_transfer_finish(struct shard *shard, struct association *association); /* NULL: it has ended meanwhile */
void ringcast_shard_transfer_receive(struct shard *shard, struct handoff *handoff);

/* connect_token.c */
void ringcast_shard_connect_token(const struct shard *shard, const struct conn *conn, char ret_token[SHARD_CONNECT_TOKEN_BYTES]); /* with NUL */
uint32_t ringcast_shard_of_connect_token(struct view token); /* which shard made it; UINT32_MAX: none. Not proven, and may be none that there is */
struct conn *ringcast_shard_find_owner(const struct shard *shard, struct view token, int32_t peer_id); /* NULL: nobody's here */

/* login.c */
void ringcast_shard_resume_complete(struct shard *shard, struct conn *conn, uint32_t lost); /* the answer to a login that resumes */
void ringcast_shard_login(struct shard *shard, struct conn *conn, struct view message);
void ringcast_shard_login_here(struct shard *shard, struct conn *conn, const struct packet *packet);

/* handoff.c */
void ringcast_shard_handoff_begin(struct shard *shard, struct conn *conn, uint32_t target, struct view message);
void ringcast_shard_handoff_proceed(struct shard *shard, struct conn *conn); /* called when the outq became idle */
void ringcast_shard_on_detached(struct shard *shard, const struct io_event *event);
void ringcast_shard_handoff_receive(struct shard *shard, struct handoff *handoff);

/* deliver.c: the outbox of the session layer, and frames of our own */
void ringcast_shard_outbox(struct shard *shard, struct outbox *ret_outbox);
bool ringcast_shard_send_packet(struct shard *shard, struct conn *conn, const struct packet *packet);
bool ringcast_shard_send_frame(struct shard *shard, struct conn *conn, enum websocket_opcode opcode, struct view payload);
bool ringcast_shard_send_bytes(struct shard *shard, struct conn *conn, struct view bytes);

/* Room for size bytes at the end of the current chunk, or of a fresh one; NULL when the pool is empty. */
struct buf *ringcast_shard_chunk(struct shard *shard, size_t size);

/* budget.c: what one connection may make others do */
struct budget { /* of a player between two connections */
	struct ratelimit message_rate, byte_rate, fanout;
	uint32_t pressed_ms, share_ms, share_left_bytes, flood_second, flood_count;
};
void ringcast_shard_budget_save(const struct conn *conn, struct budget *ret);
void ringcast_shard_budget_restore(struct shard *shard, struct conn *conn, struct budget *budget);
enum drop_reason ringcast_shard_check_rates(struct shard *shard, struct conn *conn, size_t payload_bytes); /* before anything it sent is acted upon */
/* What is delivered between begin and end is conn's doing, and charged to it. */
static inline void ringcast_shard_account_begin(struct shard *shard, struct conn *conn)
{
	shard->sender = conn;
	shard->account = (struct account){.delivery_count = shard->deliveries_in_window, .bytes = shard->delivered_bytes, .letter_cost = shard->letters.cost,
					  .membership_count = shard->store.membership_count};
}
void ringcast_shard_account_end(struct shard *shard);
/* What a message became on all shards together: its session's, and its sender's, who may be NULL. */
void ringcast_shard_charge(struct shard *shard, const struct session *session, struct conn *sender, uint64_t cost);
enum { SHARD_DELIVERY_BYTES = 64 }; /* what a delivery costs besides its payload, in bytes as the budget counts them */
/* From here on it is another's doing (NULL: nobody's, or a script's). Returns whose it was. */
struct conn *ringcast_shard_blame(struct shard *shard, struct conn *conn);
void ringcast_shard_inherit(struct shard *shard, struct conn *conn);  /* from those who had its address before */
void ringcast_shard_bequeath(struct shard *shard, struct conn *conn); /* to those who will */
void ringcast_shard_press(struct shard *shard); /* a receiver of the message being routed falls behind */
bool ringcast_shard_may_greet(struct shard *shard, struct conn *conn); /* false: too many hellos this second */

bool ringcast_shard_may_check_token(struct shard *shard, struct conn *conn); /* false: too many signed tokens this second */

/* letters.c: to other shards and from them */
enum drop_reason ringcast_shard_post(void *shard, uint32_t target, const struct letter *letter); /* the outbox's */
void ringcast_shard_read_letters(struct shard *shard);
void ringcast_shard_send_letters(struct shard *shard); /* the tick's end: what waits, as far as there is room; then the bells */
void ringcast_shard_init_letters(struct shard *shard);
void ringcast_shard_free_letters(struct shard *shard);
void ringcast_shard_tell_paused(struct shard *shard, uint32_t sender, const struct letter *letter); /* what it brought about has filled a queue: its sender is to wait */
void ringcast_shard_press_served(struct shard *shard); /* the sender that is served fills somebody's queue, and is on another shard */

/* pauses.c: senders that wait for a shard that is behind */
MUST_USE bool ringcast_shard_init_pauses(struct shard *shard); /* behind the connections; false: out of memory */
void ringcast_shard_free_pauses(struct shard *shard); /* when no connection is left */
void ringcast_shard_pause(struct shard *shard, struct conn *conn, uint32_t target, enum pause_kind kind); /* or not, where it is paused or closing, or memory is short */
void ringcast_shard_pause_if_full(struct shard *shard, struct conn *conn); /* whatever it sends goes to a shard that is full */
bool ringcast_shard_hold(struct shard *shard, struct conn *conn, const struct io_event *event); /* of one that is paused: RECV or END, copied. False: no memory, or above spread_queue_bytes altogether */
void ringcast_shard_pause_forget(struct shard *shard, struct conn *conn); /* of one that is paused, and closes */
void ringcast_shard_resume_paused(struct shard *shard, uint32_t target, enum pause_kind kind);
void ringcast_shard_give_up_paused(struct shard *shard, uint32_t target);
void ringcast_shard_check_told(struct shard *shard, uint32_t home, uint64_t patience_ns); /* those told longer ago go on by themselves */

/* limbs.c: logins of sessions that may be spread, and players on other shards than home */
void ringcast_shard_ask_home(struct shard *shard, struct conn *conn, uint32_t home, struct view message); /* in whose session the login is */
void ringcast_shard_read_letter(struct shard *shard, uint32_t sender, const struct letter *letter);
void ringcast_shard_tell_fast(struct conn *conn); /* of a limb: home, whether its player's fast path is up, if that is news */
/* A login of another shard's connection. */
void ringcast_shard_login_from(struct shard *shard, uint32_t sender, const struct letter *letter);

/* relief.c: those who hold most of what runs short give it back, and go */
bool ringcast_shard_relieve_slices(struct shard *shard);                       /* false: nobody holds enough */
bool ringcast_shard_relieve_buffers(void *shard, size_t capacity_bytes);       /* the pool calls it by itself */
void ringcast_shard_keep_room(struct shard *shard);                            /* before a flush */

/* crowd.c: before a new connection takes a place, and after it was counted for its address: if few are left, a stranger gives up its own. False: there is none for it */
bool ringcast_shard_make_place(struct shard *shard, const struct address *newcomer);

/* flush.c */
bool ringcast_shard_is_flush_due(struct shard *shard);
enum { SHARD_LOADED_PER_MS = 64 };
static inline bool ringcast_shard_is_loaded(const struct shard *shard) /* so many deliveries that holding messages back merges some */
{
	return shard->deliveries_per_ms >= SHARD_LOADED_PER_MS;
}
uint64_t ringcast_shard_flush_deadline_ns(const struct shard *shard); /* UINT64_MAX: nothing held */
void ringcast_shard_flush(struct shard *shard);
void ringcast_shard_flush_conn(struct shard *shard, struct conn *conn);
void ringcast_shard_flush_fast(struct shard *shard);
static inline void ringcast_shard_mark_dirty(struct shard *shard, struct conn *conn) /* at the end of the list, so that it stays in the order of time */
{
	if (ringcast_list_has(&conn->dirty_node))
		return;
	conn->queued_steps = ringcast_conn_steps(shard->now_ns);
	ringcast_list_add_tail(&shard->dirty, &conn->dirty_node);
}
void ringcast_shard_hasten(struct shard *shard, struct conn *conn); /* what is held for it leaves with the next flush */
static inline void ringcast_shard_await_sent(struct shard *shard, struct conn *conn) /* which then goes on with it */
{
	conn->is_sent_awaited = shard->is_sent_awaited = true;
}
void ringcast_shard_release_sent(struct shard *shard);
void ringcast_shard_rewind_chunk(struct shard *shard); /* nobody else reads it any more: write it again while it is warm */

/* For intervals of less than 49 days. */
static inline uint32_t ringcast_shard_now_ms(const struct shard *shard)
{
	return (uint32_t)(shard->now_ns / NS_PER_MS);
}

static inline void ringcast_shard_drop(struct shard *shard, enum drop_reason reason, uint64_t count)
{
	RINGCAST_TRACE(DROP, (uintptr_t)ringcast_drop_labels[reason], count, reason);
	shard->counters.drops[reason] += count;
}

/* Messages that were queued as datagrams and are not sent: what was asked for is accounted for to the last one. */
static inline void ringcast_shard_lose_fast(struct shard *shard, enum drop_reason reason, uint64_t count)
{
	shard->counters.deliveries_lost += count;
	ringcast_shard_drop(shard, reason, count);
}

/* tick.c: closes those whose end was decided in the middle of something */
void ringcast_shard_close_doomed(struct shard *shard);
/* tick.c: reads the clock, once per turn. */
void ringcast_shard_turn_clock(struct shard *shard);

#endif
