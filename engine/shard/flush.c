/*
 * Everything decided in a tick goes to io here: one send per stream, one datagram or GSO burst per fast path.
 *
 * The cost of a delivery is the kernel's walk per packet, so merging decides at load. A lightly loaded shard flushes at the end of every
 * tick. A loaded one waits for flush_budget_us since its last flush, so that several messages for one receiver share one walk, and under more load holds each
 * receiver's for longer (pace.c). Then it flushes those whose time has come, in the order in which theirs began, and not too many in a turn: messages
 * that come meanwhile are read before the next are written, so that they share what is about to leave.
 */
#include "base/assert.h"
#include "shard/shard_private.h"

enum { TX_BUF_BYTES = 65536, DATAGRAM_BATCH = 64, FLUSH_PORTION = 128, FAST_HOLD_NS_MAX = 2000000 };

/* Messages whose receivers have all left hold their payload until the next flush, too. */
static bool has_fast(const struct shard *shard)
{
	return !ringcast_list_is_empty(&shard->fast_dirty) || shard->fast_message_count > 0;
}

static bool has_something(const struct shard *shard)
{
	return !ringcast_list_is_empty(&shard->dirty) || !ringcast_list_is_empty(&shard->stalled) || has_fast(shard);
}

/* Deliveries per millisecond, averaged over about the last ten. */
static void update_load(struct shard *shard)
{
	uint64_t elapsed_ns = shard->now_ns - shard->load_window_start_ns;
	if (elapsed_ns < NS_PER_MS)
		return;
	uint64_t rate = shard->deliveries_in_window * NS_PER_MS / elapsed_ns;
	uint64_t weight = elapsed_ns > 8 * NS_PER_MS ? 8 : elapsed_ns / NS_PER_MS;
	shard->deliveries_per_ms = (shard->deliveries_per_ms * (8 - weight) + rate * weight) / 8;
	shard->deliveries_in_window = 0;
	shard->load_window_start_ns = shard->now_ns;
}

/* How long the longest of the streams has waited, and how long fast messages have. 0: none does. */
static uint64_t stream_wait_ns(const struct shard *shard)
{
	if (ringcast_list_is_empty(&shard->dirty))
		return 0;
	return ringcast_conn_wait_ns(CONTAINER_OF(shard->dirty.next, struct conn, dirty_node), shard->now_ns);
}

static uint64_t fast_wait_ns(const struct shard *shard)
{
	return has_fast(shard) && shard->fast_queued_ns != 0 ? shard->now_ns - shard->fast_queued_ns : 0;
}

/* Who sends fast messages has chosen delay before everything else. */
static uint64_t fast_hold_ns(const struct shard *shard)
{
	return shard->hold_ns < FAST_HOLD_NS_MAX ? shard->hold_ns : FAST_HOLD_NS_MAX;
}

/* When the first of those that wait are due; before now: they have been for a while. */
static uint64_t due_ns(const struct shard *shard)
{
	uint64_t stream_ns = UINT64_MAX, fast_ns = UINT64_MAX;
	if (!ringcast_list_is_empty(&shard->dirty))
		stream_ns = shard->now_ns + shard->hold_ns - stream_wait_ns(shard);
	if (has_fast(shard))
		fast_ns = shard->now_ns + fast_hold_ns(shard) - fast_wait_ns(shard);
	return stream_ns < fast_ns ? stream_ns : fast_ns;
}

uint64_t ringcast_shard_flush_deadline_ns(const struct shard *shard)
{
	if (!has_something(shard))
		return UINT64_MAX;
	if (shard->is_flush_cut)
		return shard->now_ns;
	uint64_t due = due_ns(shard), flush_ns = shard->flushed_ns + shard->options.limits.flush_budget_us * NS_PER_US;
	return due > flush_ns ? due : flush_ns;
}

bool ringcast_shard_is_flush_due(struct shard *shard)
{
	update_load(shard);
	if (!ringcast_shard_is_loaded(shard)) {
		shard->hold_ns = 0;
		return has_something(shard);
	}
	ringcast_shard_set_hold(shard);
	if (shard->fast_queued_ns == 0 && has_fast(shard))
		shard->fast_queued_ns = shard->now_ns;
	return has_something(shard) && (shard->now_ns >= ringcast_shard_flush_deadline_ns(shard) || ringcast_shard_is_short(shard));
}

/* Streams */

static void flush_conn(struct shard *shard, struct conn *conn)
{
	struct iovec iov[IO_IOV_MAX];
	if (conn->secure != NULL) {
		ringcast_shard_secure_flush(shard, conn);
		return;
	}
	if (conn->outq.flight_head != NULL) {
		ringcast_shard_await_sent(shard, conn);
		/* Still busy with the last send. SENT flushes again; until then what it waits for must not pin shared chunks. */
		if (ringcast_outq_detach(&conn->outq, &shard->slices, shard->pool))
			shard->counters.slow_detached++;
		return;
	}
	unsigned count = ringcast_outq_take(&conn->outq, iov, IO_IOV_MAX);
	if (count == 0)
		return;
	shard->counters.stream_writes++;
	if (conn->outq.pending_head != NULL)
		ringcast_shard_await_sent(shard, conn);
	if (conn->state == CONN_CLOSING && conn->outq.pending_head == NULL) /* its close frame is in it */
		shard->io->ops->stream_last(shard->io, conn->stream_id);
	shard->io->ops->stream_send(shard->io, conn->stream_id, iov, count);
}

void ringcast_shard_flush_conn(struct shard *shard, struct conn *conn)
{
	struct conn *outer = shard->serving;
	if (conn->is_close_asked)
		return;
	shard->serving = conn;
	flush_conn(shard, conn);
	shard->serving = outer;
}

void ringcast_shard_hasten(struct shard *shard, struct conn *conn)
{
	if (shard->hold_ns == 0 || conn->close_reason != CLOSE_NONE || !ringcast_list_has(&conn->dirty_node))
		return;
	ringcast_list_remove(&conn->dirty_node);
	ringcast_list_add_head(&shard->dirty, &conn->dirty_node);
	conn->queued_steps = ringcast_conn_steps(shard->now_ns - shard->hold_ns) - 1;
}

static bool is_stream_due(const struct shard *shard)
{
	return !ringcast_list_is_empty(&shard->dirty) && stream_wait_ns(shard) >= shard->hold_ns;
}

static inline void flush_next(struct shard *shard)
{
	struct conn *conn = CONTAINER_OF(shard->dirty.next, struct conn, dirty_node);
	ringcast_list_remove(&conn->dirty_node);
	ringcast_shard_flush_conn(shard, conn);
}

/* In the order of the list, which is that of time. */
static void flush_portion(struct shard *shard)
{
	uint32_t portion = shard->options.flush_portion != 0 ? shard->options.flush_portion : FLUSH_PORTION;
	for (uint32_t count = 0; count < portion && is_stream_due(shard); count++)
		flush_next(shard);
	shard->is_flush_cut = is_stream_due(shard);
}

static void flush_streams(struct shard *shard)
{
	if (shard->hold_ns > 0) {
		flush_portion(shard);
	} else {
		while (!ringcast_list_is_empty(&shard->dirty))
			flush_next(shard);
		shard->is_flush_cut = false;
	}
	while (!ringcast_list_is_empty(&shard->stalled)) {
		struct conn *conn = CONTAINER_OF(shard->stalled.next, struct conn, dirty_node);
		ringcast_list_remove(&conn->dirty_node);
		ringcast_shard_mark_dirty(shard, conn);
	}
}

/* Datagrams */

struct datagram_batch {
	struct shard *shard;
	struct buf *buf; /* the current transmit buffer */
	io_id socket;
	unsigned count;
	struct io_datagram datagrams[DATAGRAM_BATCH];
};

static void send_batch(struct datagram_batch *batch)
{
	struct shard *shard = batch->shard;
	if (batch->count == 0)
		return;
	shard->counters.datagram_writes += batch->count;
	shard->io->ops->udp_send(shard->io, batch->socket, batch->datagrams, batch->count);
	batch->count = 0;
}

__attribute__((always_inline)) static inline bool renew_tx_buf(struct datagram_batch *batch)
{
	struct shard *shard = batch->shard;
	if (shard->tx_buf_count == SHARD_TX_BUF_MAX)
		return false;
	batch->buf = ringcast_buf_alloc(shard->pool, TX_BUF_BYTES);
	if (batch->buf != NULL)
		shard->tx_bufs[shard->tx_buf_count++] = batch->buf;
	return batch->buf != NULL;
}

static bool can_join_burst(const struct io_datagram *last, const struct fast_path *fast, const uint8_t *start, uint32_t size)
{
	uint32_t segment = last->segment_bytes != 0 ? last->segment_bytes : last->size;
	return last->user == fast->conn && last->data + last->size == start && last->size % segment == 0 && size <= segment &&
	       last->size / segment < IO_GSO_SEGMENT_COUNT_MAX && last->size + size <= IO_GSO_BYTES_MAX;
}

/* From here to encode_datagram: inlined into the loop of single packets, though datagrams of several need them too. A call each is 20 instructions a delivery. */
__attribute__((always_inline)) static inline void add_datagram(struct datagram_batch *batch, const struct fast_path *fast, const uint8_t *start, uint32_t size)
{
	struct io_datagram *last = batch->count > 0 ? &batch->datagrams[batch->count - 1] : NULL;
	if (last != NULL && can_join_burst(last, fast, start, size)) {
		if (last->segment_bytes == 0)
			last->segment_bytes = (uint16_t)last->size;
		last->size += size;
		return;
	}
	if (batch->count == DATAGRAM_BATCH)
		send_batch(batch);
	batch->datagrams[batch->count++] =
		(struct io_datagram){.address = fast->address, .local = fast->local, .data = start, .size = size, .user = fast->conn};
}

__attribute__((always_inline)) static inline bool has_room(struct datagram_batch *batch, uint32_t size)
{
	return (batch->buf != NULL && batch->buf->capacity - batch->buf->size >= size) || renew_tx_buf(batch);
}

__attribute__((always_inline)) static inline uint32_t write_packet(struct fast_path *fast, const struct fast_message *message, uint8_t *out)
{
	size_t start = ringcast_packet_encode_start(message->opcode, fast->sequence_out++, message->size, out);
	memcpy(out + start, message->buf->data + message->offset, message->size);
	return (uint32_t)start + message->size;
}

__attribute__((always_inline)) static inline void count_datagram(struct datagram_batch *batch, const struct fast_path *fast, const uint8_t *start, uint32_t size)
{
	batch->buf->size += size;
	add_datagram(batch, fast, start, size);
	batch->shard->counters.deliveries_fast++;
	batch->shard->counters.delivery_bytes_fast += size;
}

__attribute__((always_inline)) static inline bool encode_datagram(struct datagram_batch *batch, struct fast_path *fast, const struct fast_message *message)
{
	if (!has_room(batch, message->size + PACKET_START_BYTES_MAX))
		return false;
	uint8_t *start = batch->buf->data + batch->buf->size;
	count_datagram(batch, fast, start, write_packet(fast, message, start));
	return true;
}

/* One record, straight into the transmit buffer. */
static bool seal_datagram(struct datagram_batch *batch, struct fast_path *fast, struct crypto_session *crypto, const struct fast_message *message)
{
	uint8_t plain[PROTO_PAYLOAD_FAST_BYTES_MAX + PROTO_PACKET_OVERHEAD_BYTES_MAX];
	uint32_t capacity = message->size + PACKET_START_BYTES_MAX + CRYPTO_DATAGRAM_OVERHEAD_BYTES;
	if (!has_room(batch, capacity))
		return false;
	uint8_t *start = batch->buf->data + batch->buf->size;
	uint32_t plain_bytes = write_packet(fast, message, plain);
	size_t size = ringcast_crypto_seal(crypto, ringcast_view_of(plain, plain_bytes), start, capacity);
	if (size == 0)
		return false;
	count_datagram(batch, fast, start, (uint32_t)size);
	return true;
}

/*
 * As many of its messages as fit, one packet behind the other; one that is larger goes by itself. The next node, and how many were taken.
 */
static uint32_t write_merged(const struct shard *shard, struct fast_path *fast, uint32_t *node, uint8_t *out, uint32_t *ret_count)
{
	uint32_t size = 0, count = 0, bytes_max = shard->options.limits.merge_bytes;
	for (; count < fast->queued_count && count < PROTO_MERGED_PACKETS_MAX; count++) {
		const struct fast_message *message = &shard->fast_messages[shard->fast_nodes[*node].message];
		if (count > 0 && size + message->size + PACKET_START_BYTES_MAX > bytes_max)
			break;
		size += write_packet(fast, message, out + size);
		*node = shard->fast_nodes[*node].next;
	}
	*ret_count = count;
	return size;
}

__attribute__((noinline)) static uint32_t encode_merged(struct datagram_batch *batch, struct fast_path *fast, struct crypto_session *crypto, uint32_t *node, uint32_t *ret_count)
{
	uint8_t plain[PROTO_MERGED_BYTES_MAX];
	uint32_t capacity = sizeof(plain) + CRYPTO_DATAGRAM_OVERHEAD_BYTES;
	bool is_open = has_room(batch, capacity);
	uint8_t *start = is_open ? batch->buf->data + batch->buf->size : plain, *out = crypto == NULL ? start : plain;
	uint32_t size = write_merged(batch->shard, fast, node, out, ret_count);
	if (is_open && crypto != NULL)
		size = (uint32_t)ringcast_crypto_seal(crypto, ringcast_view_of(plain, size), start, capacity);
	if (!is_open || size == 0)
		return 0;
	batch->buf->size += size;
	add_datagram(batch, fast, start, size);
	return size;
}

/* crypto NULL: in clear. Apart from the loop of single packets, which is the one that most players are in. */
__attribute__((noinline)) static void flush_merged(struct datagram_batch *batch, struct fast_path *fast, struct crypto_session *crypto)
{
	struct shard *shard = batch->shard;
	for (uint32_t node = fast->queue_head, count; fast->queued_count > 0; fast->queued_count -= count) {
		uint32_t size = encode_merged(batch, fast, crypto, &node, &count);
		if (size == 0)
			ringcast_shard_lose_fast(shard, DROP_NO_BUFFER, count);
		else
			shard->counters.deliveries_fast += count;
		shard->counters.delivery_bytes_fast += size;
		shard->counters.datagrams_merged += size > 0 && count > 1;
	}
}

static void use_socket(struct datagram_batch *batch, const struct fast_path *fast)
{
	io_id socket = batch->shard->udp_sockets[ringcast_address_is_v4(&fast->address) ? 0 : 1][fast->port_index];
	if (socket != batch->socket) {
		send_batch(batch);
		batch->socket = socket;
	}
}

static void flush_fast_path(struct datagram_batch *batch, struct fast_path *fast)
{
	struct shard *shard = batch->shard;
	if (fast->is_merging) {
		flush_merged(batch, fast, NULL);
		return;
	}
	for (uint32_t node = fast->queue_head; fast->queued_count > 0; fast->queued_count--) {
		if (!encode_datagram(batch, fast, &shard->fast_messages[shard->fast_nodes[node].message]))
			ringcast_shard_lose_fast(shard, DROP_NO_BUFFER, 1);
		node = shard->fast_nodes[node].next;
	}
}

static void flush_secure_path(struct datagram_batch *batch, struct fast_path *fast)
{
	struct shard *shard = batch->shard;
	struct association *association = ringcast_slab_find(&shard->security.associations.associations, fast->association);
	ringcast_assert(association != NULL); /* it takes the player's queue with it when it ends */
	if (fast->is_merging) {
		flush_merged(batch, fast, association->crypto);
		return;
	}
	for (uint32_t node = fast->queue_head; fast->queued_count > 0; fast->queued_count--) {
		if (!seal_datagram(batch, fast, association->crypto, &shard->fast_messages[shard->fast_nodes[node].message]))
			ringcast_shard_lose_fast(shard, DROP_NO_BUFFER, 1);
		node = shard->fast_nodes[node].next;
	}
}

void ringcast_shard_flush_fast(struct shard *shard)
{
	if (ringcast_list_is_empty(&shard->fast_dirty) && shard->fast_message_count == 0)
		return;
	struct datagram_batch batch; /* not initialized as a whole: three kilobytes to clear in every tick */
	batch.shard = shard;
	batch.buf = NULL;
	batch.socket = HANDLE_NONE;
	batch.count = 0;
	while (!ringcast_list_is_empty(&shard->fast_dirty)) {
		struct fast_path *fast = CONTAINER_OF(shard->fast_dirty.next, struct fast_path, dirty_node);
		ringcast_list_remove(&fast->dirty_node);
		use_socket(&batch, fast);
		if (LIKELY(fast->association == HANDLE_NONE))
			flush_fast_path(&batch, fast);
		else
			flush_secure_path(&batch, fast);
	}
	send_batch(&batch);
	for (uint32_t i = 0; i < shard->fast_message_count; i++)
		ringcast_buf_unref(shard->fast_messages[i].buf);
	shard->fast_message_count = 0;
	shard->fast_node_count = 0;
	shard->fast_queued_ns = 0;
}

/* Of what leaves with this flush. */
static uint64_t longest_wait_ns(const struct shard *shard, bool is_fast_due)
{
	uint64_t stream_ns = is_stream_due(shard) ? stream_wait_ns(shard) : 0, fast_ns = is_fast_due ? fast_wait_ns(shard) : 0;
	return stream_ns > fast_ns ? stream_ns : fast_ns;
}

void ringcast_shard_flush(struct shard *shard)
{
	if (!has_something(shard))
		return;
	shard->counters.flushes++;
	bool is_fast_due = shard->hold_ns == 0 || fast_wait_ns(shard) >= fast_hold_ns(shard);
	uint64_t waited_ns = ringcast_shard_is_loaded(shard) ? longest_wait_ns(shard, is_fast_due) : 0;
	RINGCAST_TRACE(FLUSH, waited_ns, shard->counters.flushes, 0);
	ringcast_time_histogram_add(&shard->counters.queue_age, waited_ns);
	shard->flushed_ns = shard->now_ns;
	ringcast_shard_keep_room(shard);
	uint64_t begun_cpu_ns = shard->hold_ns > 0 ? shard->io->ops->cpu_ns(shard->io) : 0;
	if (is_fast_due)
		ringcast_shard_flush_fast(shard);
	flush_streams(shard);
	if (shard->hold_ns > 0)
		ringcast_shard_note_writes(shard, begun_cpu_ns);
}

/* The run that submitted them has returned: io is done with the bytes. */
void ringcast_shard_release_sent(struct shard *shard)
{
	while (shard->tx_buf_count > 0)
		ringcast_buf_unref(shard->tx_bufs[--shard->tx_buf_count]);
	shard->security.tx_buf = NULL;
	ringcast_shard_rewind_chunk(shard);
}

void ringcast_shard_rewind_chunk(struct shard *shard)
{
	if (shard->chunk != NULL && shard->chunk->refs == 1)
		shard->chunk->size = 0;
}
