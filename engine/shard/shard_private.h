/* What the files of this folder share; see README.md for the reading order. */
#ifndef RINGCAST_SHARD_SHARD_PRIVATE_H
#define RINGCAST_SHARD_SHARD_PRIVATE_H

#include "shard/shard.h"

/* shard.c */
bool ringcast_shard_is_deserted(const struct shard *shard); /* no connection, no session */

/* flows.c: events of streams */
void ringcast_shard_on_accept(struct shard *shard, const struct io_event *event);
void ringcast_shard_on_recv(struct shard *shard, const struct io_event *event);
void ringcast_shard_on_end(struct shard *shard, const struct io_event *event);
void ringcast_shard_on_sent(struct shard *shard, const struct io_event *event);
void ringcast_shard_on_closed(struct shard *shard, const struct io_event *event);
void ringcast_shard_on_conn_timer(struct shard *shard, struct conn *conn);
void ringcast_shard_read(struct shard *shard, struct conn *conn, uint8_t *bytes, size_t size);
/* A decoded packet of an admitted player: limits, then the session. */
void ringcast_shard_route(struct shard *shard, struct conn *conn, struct packet *packet, enum delivery_intent intent);
struct conn *ringcast_shard_conn_open(struct shard *shard, io_id stream, const struct address *address, bool is_handoff);
/* Says goodbye: the player leaves its session, a close frame goes out after what is queued, then the stream ends. */
void ringcast_shard_conn_close(struct shard *shard, struct conn *conn, enum close_reason reason, const char *text);

/* Its stream is gone: closed, or another shard's now. */
void ringcast_shard_conn_free(struct shard *shard, struct conn *conn);
/* Without a word and without waiting. */
void ringcast_shard_conn_cut(struct shard *shard, struct conn *conn, enum close_reason reason);

/* datagrams.c */
void ringcast_shard_on_datagram(struct shard *shard, const struct io_event *event);
bool ringcast_shard_fast_open(struct shard *shard, struct conn *conn); /* false: no port is free for this address */
void ringcast_shard_fast_close(struct shard *shard, struct conn *conn);

/* login.c */
/* Dev mode: where a session of this name lives. */
uint32_t ringcast_shard_of_name(const char *name, uint32_t shard_count);
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

/* flush.c */
bool ringcast_shard_is_flush_due(struct shard *shard);
uint64_t ringcast_shard_flush_deadline_ns(const struct shard *shard); /* UINT64_MAX: nothing held */
void ringcast_shard_flush(struct shard *shard);
void ringcast_shard_flush_conn(struct shard *shard, struct conn *conn);
void ringcast_shard_flush_fast(struct shard *shard);
void ringcast_shard_release_sent(struct shard *shard);

static inline void ringcast_shard_drop(struct shard *shard, enum drop_reason reason, uint64_t count)
{
	shard->counters.drops[reason] += count;
}

#endif
