/*
 * One move of a connection to the shard of its session, between login and admission:
 * stop reading; wait until what was queued is sent; take the descriptor out of io; post it with the login and the bytes behind it.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "shard/shard_private.h"

/* The first byte of conn->handoff is the target, the login packet follows. */
void ringcast_shard_handoff_begin(struct shard *shard, struct conn *conn, uint32_t target, struct view message)
{
	struct buf *buf = ringcast_buf_alloc(shard->pool, message.size + 1);
	ringcast_assert(target != shard->options.index && target < MAILBOX_SENDERS_MAX);
	if (buf == NULL) {
		ringcast_shard_drop(shard, DROP_NO_BUFFER, 1);
		ringcast_shard_conn_close(shard, conn, CLOSE_NO_RESOURCES, NULL);
		return;
	}
	buf->data[0] = (uint8_t)target;
	memcpy(buf->data + 1, message.data, message.size);
	buf->size = (uint32_t)message.size + 1;
	conn->handoff = buf;
	ringcast_conn_enter(conn, CONN_LEAVING);
	if (!ringcast_conn_is_idle(conn))
		ringcast_shard_flush_conn(shard, conn);
	ringcast_shard_handoff_proceed(shard, conn);
}

void ringcast_shard_handoff_proceed(struct shard *shard, struct conn *conn)
{
	ringcast_check_magic(conn, CONN);
	ringcast_assert(conn->state == CONN_LEAVING);
	shard->is_sent_awaited |= !ringcast_conn_is_idle(conn);
	if (!ringcast_conn_is_idle(conn) || conn->is_close_asked)
		return;
	conn->is_close_asked = true; /* from here on only DETACHED or CLOSED follows */
	ringcast_timer_cancel(&shard->wheel, &conn->timer);
	shard->io->ops->stream_detach(shard->io, conn->stream_id);
}

/* The session goes along, with the records that it made since the stream was given up here. */
static void pack_secure(struct secure_stream *secure, struct handoff *handoff)
{
	uint8_t *out = handoff->bytes + handoff->login_bytes + handoff->rest_bytes;
	for (const struct out_slice *slice = secure->cipher.pending_head; slice != NULL; slice = slice->next) {
		memcpy(out, slice->buf->data + slice->offset, slice->size);
		out += slice->size;
	}
	handoff->crypto = secure->crypto;
	secure->crypto = NULL;
}

static struct handoff *pack(struct conn *conn, int fd)
{
	uint32_t login_bytes = conn->handoff->size - 1;
	uint32_t rest_bytes = conn->stream.tail != NULL ? conn->stream.tail->size : 0;
	uint32_t cipher_bytes = conn->secure != NULL ? conn->secure->cipher.pending_bytes : 0;
	struct handoff *handoff = malloc(sizeof(*handoff) + login_bytes + rest_bytes + cipher_bytes);
	if (handoff == NULL)
		return NULL;
	*handoff = (struct handoff){
		.fd = fd, .address = conn->address, .login_bytes = login_bytes, .rest_bytes = rest_bytes, .cipher_bytes = cipher_bytes};
	memcpy(handoff->bytes, conn->handoff->data + 1, login_bytes);
	if (rest_bytes > 0)
		memcpy(handoff->bytes + login_bytes, conn->stream.tail->data, rest_bytes);
	if (conn->secure != NULL)
		pack_secure(conn->secure, handoff);
	return handoff;
}

/* The descriptor is not handed over: it comes back into this io only to be closed. */
static void give_up(struct shard *shard, struct conn *conn, int fd, enum close_reason reason)
{
	io_id stream;
	if (conn->state == CONN_LEAVING) /* else its end was counted when it was decided */
		shard->counters.closes[reason]++;
	if (shard->io->ops->stream_adopt(shard->io, fd, &stream) == 0)
		shard->io->ops->stream_close(shard->io, stream);
	else
		shard->counters.connections_closed++; /* by io, without an event */
}

void ringcast_shard_on_detached(struct shard *shard, const struct io_event *event)
{
	struct conn *conn = ringcast_slab_find(&shard->conns, event->user);
	ringcast_assert(conn != NULL && conn->handoff != NULL);
	if (conn->state != CONN_LEAVING || (conn->secure != NULL && conn->secure->is_broken)) { /* closed while it was being detached */
		give_up(shard, conn, event->result, CLOSE_RESET);
		ringcast_shard_conn_free(shard, conn);
		return;
	}
	uint32_t target = conn->handoff->data[0];
	struct handoff *handoff = pack(conn, event->result);
	if (handoff != NULL && ringcast_mailbox_post(shard->options.mailboxes[target], shard->options.index, handoff)) {
		shard->counters.handoffs_out++;
		RINGCAST_PROBE(&shard->recorder, HANDOFF_OUT, shard->now_ns, conn->self, target, 0);
	} else {
		ringcast_handoff_free(handoff);
		ringcast_shard_drop(shard, DROP_MAILBOX_FULL, 1);
		give_up(shard, conn, event->result, CLOSE_NO_RESOURCES);
	}
	ringcast_shard_conn_free(shard, conn);
}

static bool adopt_session(struct shard *shard, struct conn *conn, struct handoff *handoff)
{
	const uint8_t *cipher = handoff->bytes + handoff->login_bytes + handoff->rest_bytes;
	struct crypto_session *crypto = handoff->crypto;
	handoff->crypto = NULL;
	if (ringcast_shard_secure_adopt(shard, conn, crypto, ringcast_view_of(cipher, handoff->cipher_bytes)))
		return true;
	ringcast_shard_drop(shard, DROP_NO_BUFFER, 1);
	ringcast_shard_conn_cut(shard, conn, CLOSE_NO_RESOURCES);
	return false;
}

void ringcast_shard_handoff_receive(struct shard *shard, struct handoff *handoff)
{
	struct packet packet;
	io_id stream;
	if (shard->io->ops->stream_adopt(shard->io, handoff->fd, &stream) != 0) {
		ringcast_shard_drop(shard, DROP_CONNECTION_LIMIT, 1);
		shard->counters.handoffs_refused++;
		shard->counters.connections_closed++; /* by io, without an event */
		return;
	}
	struct conn *conn = ringcast_shard_conn_open(shard, stream, &handoff->address, true);
	if (conn == NULL) {
		shard->counters.handoffs_refused++;
		shard->io->ops->stream_close(shard->io, stream);
		return;
	}
	shard->counters.handoffs_in++;
	RINGCAST_PROBE(&shard->recorder, HANDOFF_IN, shard->now_ns, conn->self, 0, 0);
	conn->stream.is_upgraded = true;
	if (handoff->crypto != NULL && !adopt_session(shard, conn, handoff))
		return;
	enum packet_error error = ringcast_packet_decode(ringcast_view_of(handoff->bytes, handoff->login_bytes), &packet);
	ringcast_assert(error == PACKET_OK); /* the sender decoded the same bytes */
	ringcast_shard_login_here(shard, conn, &packet);
	if (handoff->rest_bytes > 0 && conn->state == CONN_JOINED)
		ringcast_shard_read(shard, conn, handoff->bytes + handoff->login_bytes, handoff->rest_bytes);
}
