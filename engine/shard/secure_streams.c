/*
 * TLS on streams: handshakes in their turn, records opened into the stream parser, frames sealed at the flush.
 *
 * What a session emits by itself (handshake, tickets, alerts) and what is sealed go into one queue, secure->cipher, in the order in which the
 * session made them: that order is the order of their sequence numbers.
 */
#include "base/assert.h"
#include "shard/shard_private.h"

static bool has_slice(struct shard *shard)
{
	return shard->slices.count < shard->slices.capacity || ringcast_shard_relieve_slices(shard);
}

static bool queue_cipher(struct shard *shard, struct conn *conn, struct view bytes)
{
	struct secure_stream *secure = conn->secure;
	struct buf *chunk = ringcast_shard_chunk(shard, bytes.size);
	if (chunk == NULL || !has_slice(shard))
		return false;
	memcpy(chunk->data + chunk->size, bytes.data, bytes.size);
	if (!ringcast_outq_add(&secure->cipher, &shard->slices, chunk, chunk->size, (uint32_t)bytes.size))
		return false;
	secure->cipher.pending_frames--; /* no frame of anybody's */
	chunk->size += (uint32_t)bytes.size;
	return true;
}

static void emit(void *context, const uint8_t *bytes, size_t size)
{
	struct shard *shard = context;
	struct conn *conn = shard->security.serving;
	ringcast_assert(conn != NULL && conn->secure != NULL);
	if (!conn->secure->is_broken && !queue_cipher(shard, conn, ringcast_view_of(bytes, size)))
		conn->secure->is_broken = true; /* a record is missing: the peer can make nothing of the next one */
}

/* Beginning */

static bool attach(struct shard *shard, struct conn *conn, struct crypto_session *crypto)
{
	handle self;
	struct secure_stream *secure = crypto != NULL ? ringcast_slab_alloc(&shard->security.streams, &self) : NULL;
	if (secure == NULL)
		return false;
	secure->self = self;
	secure->crypto = crypto;
	secure->conn = conn->self;
	shard->io->ops->random(shard->io, secure->connect_secret, sizeof(secure->connect_secret));
	conn->secure = secure;
	conn->is_secure = true;
	return true;
}

static bool refuse_memory(struct shard *shard, struct conn *conn)
{
	ringcast_shard_drop(shard, DROP_NO_BUFFER, 1);
	ringcast_shard_conn_close(shard, conn, CLOSE_NO_RESOURCES, NULL);
	return false;
}

bool ringcast_shard_secure_begin(struct shard *shard, struct conn *conn)
{
	struct crypto_session *crypto = ringcast_crypto_open(shard->security.credentials.stream, NULL, emit, shard);
	if (!attach(shard, conn, crypto)) {
		ringcast_crypto_free(&crypto);
		return refuse_memory(shard, conn);
	}
	shard->counters.tls_handshakes_started++;
	ringcast_conn_enter(conn, CONN_SECURING);
	ringcast_timer_arm(&shard->wheel, &conn->timer, shard->now_ns + shard->options.limits.handshake_timeout_ms * NS_PER_MS);
	return true;
}

bool ringcast_shard_secure_adopt(struct shard *shard, struct conn *conn, struct crypto_session *crypto, struct view cipher)
{
	if (shard->options.security == SHARD_PLAIN || !attach(shard, conn, crypto)) {
		ringcast_crypto_free(&crypto);
		return false;
	}
	ringcast_crypto_move(crypto, emit, shard);
	conn->secure->is_established = true;
	if (cipher.size > 0 && !queue_cipher(shard, conn, cipher))
		conn->secure->is_broken = true;
	return true;
}

void ringcast_shard_secure_free(struct shard *shard, struct conn *conn)
{
	struct secure_stream *secure = conn->secure;
	ringcast_handshake_queue_remove_stream(&shard->security.queue, &secure->queue_node);
	if (secure->cipher.flight_head != NULL)
		ringcast_outq_sent(&secure->cipher, &shard->slices);
	ringcast_shard_drop(shard, DROP_RECEIVER_GONE, ringcast_outq_clear(&secure->cipher, &shard->slices));
	if (secure->held != NULL)
		ringcast_buf_unref(secure->held);
	ringcast_crypto_free(&secure->crypto);
	ringcast_slab_free(&shard->security.streams, secure->self);
	conn->secure = NULL;
}

/* Receiving */

static void establish(struct shard *shard, struct conn *conn)
{
	char description[128] = "";
	conn->secure->is_established = true;
	ringcast_conn_enter(conn, CONN_OPENING);
	shard->counters.tls_handshakes_completed++;
	if (ringcast_crypto_describe(conn->secure->crypto, description, sizeof(description)) && strstr(description, "resumed") != NULL)
		shard->counters.tls_handshakes_resumed++;
	ringcast_timer_arm(&shard->wheel, &conn->timer, shard->now_ns + shard->options.limits.login_timeout_ms * NS_PER_MS);
}

/* Beyond use. What the session had to say last, an alert, is in the queue already and still goes out. */
static void fail(struct shard *shard, struct conn *conn)
{
	struct secure_stream *secure = conn->secure;
	ringcast_shard_drop(shard, DROP_TLS_FAILED, 1);
	secure->is_broken = true;
	ringcast_shard_conn_close(shard, conn, CLOSE_TLS, NULL);
}

/* After each call that may have emitted or ended something. */
static void conclude(struct shard *shard, struct conn *conn, enum crypto_result result)
{
	struct secure_stream *secure = conn->secure;
	if (conn->is_close_asked) { /* on its way to another shard: it learns there, or not at all, that the peer has gone */
		secure->is_broken |= result == CRYPTO_FAILED || result == CRYPTO_CLOSED;
		return;
	}
	if (result == CRYPTO_FAILED && conn->state < CONN_CLOSING)
		fail(shard, conn);
	else if (result == CRYPTO_CLOSED && conn->state < CONN_CLOSING)
		ringcast_shard_conn_close(shard, conn, CLOSE_RESET, NULL);
	else if (secure->is_broken && conn->state < CONN_CLOSING)
		refuse_memory(shard, conn);
	else if (secure->cipher.pending_head != NULL)
		ringcast_shard_flush_conn(shard, conn);
}

/* All plaintext is read out, also for a connection that is leaving: it travels with it. One that is closing has no use for it. */
static void open_records(struct shard *shard, struct conn *conn, struct view bytes)
{
	struct shard_security *security = &shard->security;
	struct crypto_session *crypto = conn->secure->crypto;
	size_t size;
	security->serving = conn;
	enum crypto_result result = ringcast_crypto_feed(crypto, bytes);
	if (!conn->secure->is_established && ringcast_crypto_is_established(crypto))
		establish(shard, conn);
	if (result == CRYPTO_WANT_INPUT)
		result = CRYPTO_OK;
	while (result == CRYPTO_OK) {
		security->serving = conn;
		result = ringcast_crypto_read(crypto, security->opened, CRYPTO_STREAM_RECORD_BYTES, &size);
		if (result == CRYPTO_OK && conn->state < CONN_CLOSING)
			ringcast_shard_read(shard, conn, security->opened, size);
	}
	conclude(shard, conn, result);
}

static void wait_for_turn(struct shard *shard, struct conn *conn, struct view bytes)
{
	struct secure_stream *secure = conn->secure;
	size_t held_bytes = secure->held != NULL ? secure->held->size : 0;
	if (held_bytes + bytes.size > SECURE_STREAM_HELD_BYTES_MAX) /* no handshake is that long */
		fail(shard, conn);
	else if (!ringcast_secure_stream_hold(secure, shard->pool, bytes))
		refuse_memory(shard, conn);
	else if (!ringcast_list_has(&secure->queue_node))
		ringcast_handshake_queue_add_stream(&shard->security.queue, &secure->queue_node);
}

void ringcast_shard_secure_step(struct shard *shard, struct conn *conn)
{
	struct buf *held = ringcast_secure_stream_take_held(conn->secure);
	ringcast_assert(held != NULL && conn->state == CONN_SECURING);
	open_records(shard, conn, ringcast_view_of(held->data, held->size));
	ringcast_buf_unref(held);
}

void ringcast_shard_secure_receive(struct shard *shard, struct conn *conn, uint8_t *bytes, size_t size)
{
	if (conn->state == CONN_SECURING)
		wait_for_turn(shard, conn, ringcast_view_of(bytes, size));
	else
		open_records(shard, conn, ringcast_view_of(bytes, size));
}

/* Sending */

/* One record of what is pending. False: no room now; nothing has happened, and it is tried again with the next flush. */
static bool seal_some(struct shard *shard, struct conn *conn)
{
	struct secure_stream *secure = conn->secure;
	struct outq *cipher = &secure->cipher;
	struct view plain = ringcast_secure_stream_gather(&conn->outq, shard->security.gathered);
	size_t capacity = ringcast_crypto_stream_sealed_bytes_max(plain.size);
	struct buf *chunk = ringcast_shard_chunk(shard, capacity);
	if (chunk == NULL || !has_slice(shard))
		return false;
	size_t sealed = ringcast_crypto_seal(conn->secure->crypto, plain, chunk->data + chunk->size, capacity);
	secure->is_broken = sealed == 0 || !ringcast_outq_add(cipher, &shard->slices, chunk, chunk->size, (uint32_t)sealed);
	if (secure->is_broken)
		return true;
	chunk->size += (uint32_t)sealed;
	cipher->pending_frames += ringcast_outq_consume(&conn->outq, &shard->slices, (uint32_t)plain.size) - 1;
	return true;
}

static void seal_pending(struct shard *shard, struct conn *conn)
{
	struct secure_stream *secure = conn->secure;
	bool has_room = true;
	while (has_room && !secure->is_broken && conn->outq.pending_head != NULL && secure->cipher.pending_bytes < SECURE_STREAM_FLIGHT_BYTES_MAX)
		has_room = seal_some(shard, conn);
	if (!has_room && conn->close_reason == CLOSE_NONE && !ringcast_list_has(&conn->dirty_node))
		ringcast_list_add_tail(&shard->stalled, &conn->dirty_node);
	if (!secure->is_broken)
		return;
	ringcast_shard_drop(shard, DROP_NO_BUFFER, ringcast_outq_clear(&conn->outq, &shard->slices));
	ringcast_shard_conn_doom(shard, conn, CLOSE_NO_RESOURCES);
}

static void detach(struct shard *shard, struct conn *conn)
{
	bool is_plain_free = ringcast_outq_detach(&conn->outq, &shard->slices, shard->pool);
	bool is_cipher_free = ringcast_outq_detach(&conn->secure->cipher, &shard->slices, shard->pool);
	if (is_plain_free && is_cipher_free)
		shard->counters.slow_detached++;
}

void ringcast_shard_secure_flush(struct shard *shard, struct conn *conn)
{
	struct secure_stream *secure = conn->secure;
	struct iovec iov[IO_IOV_MAX];
	if (secure->cipher.flight_head != NULL) {
		ringcast_shard_await_sent(shard, conn);
		detach(shard, conn);
		return;
	}
	if (secure->is_established)
		seal_pending(shard, conn);
	unsigned count = ringcast_outq_take(&secure->cipher, iov, IO_IOV_MAX);
	if (count == 0)
		return;
	shard->counters.stream_writes++;
	if (conn->outq.pending_head != NULL || secure->cipher.pending_head != NULL)
		ringcast_shard_await_sent(shard, conn);
	shard->io->ops->stream_send(shard->io, conn->stream_id, iov, count);
}

void ringcast_shard_secure_goodbye(struct shard *shard, struct conn *conn)
{
	struct secure_stream *secure = conn->secure;
	if (secure->is_close_sent)
		return;
	secure->is_close_sent = true;
	shard->security.serving = conn;
	ringcast_crypto_close(secure->crypto);
	ringcast_shard_secure_flush(shard, conn);
}
