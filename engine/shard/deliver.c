/* The outbox of the session layer: encode once, queue per receiver. Nothing is sent here; flush.c does that. */
#include "base/assert.h"
#include "shard/login.h"
#include "shard/resume.h"
#include "shard/shard_private.h"

/* All fast messages of a tick may be for one player. */
static_assert(sizeof(((struct fast_path *)NULL)->queued_count) > 2 || SHARD_FAST_NODE_MAX < 65536, "queued count");

struct buf *ringcast_shard_chunk(struct shard *shard, size_t size)
{
	struct buf *chunk = shard->chunk;
	if (chunk != NULL && chunk->capacity - chunk->size >= size)
		return chunk;
	struct buf *fresh = ringcast_buf_alloc(shard->pool, size > SHARD_CHUNK_BYTES ? size : SHARD_CHUNK_BYTES);
	if (fresh == NULL)
		return NULL;
	shard->chunk = fresh;
	if (chunk != NULL) {
		ringcast_resume_detach_all(shard);
		ringcast_buf_unref(chunk);
	}
	return fresh;
}

struct frame {
	struct buf *buf; /* NULL: not encoded yet */
	uint32_t offset, size;
	bool is_fast; /* meant for the fast path: it may be lost */
};

/* A game message, the common case: its head first, which says how large it all is. */
static size_t encode_message(const struct fanout *fanout, uint8_t *out)
{
	const struct packet *packet = fanout->packet;
	uint8_t head[PROTO_PACKET_OVERHEAD_BYTES_MAX];
	size_t head_bytes = ringcast_packet_encode_head(packet->opcode, 0, fanout->target_player, fanout->target_group, packet->sender, true,
							packet->payload.size, head);
	size_t header = ringcast_websocket_encode_header(WEBSOCKET_BINARY, true, head_bytes + packet->payload.size, out);
	memcpy(out + header, head, head_bytes);
	if (packet->payload.size > 0)
		memcpy(out + header + head_bytes, packet->payload.data, packet->payload.size);
	return header + head_bytes + packet->payload.size;
}

static size_t encode_command(const struct fanout *fanout, size_t packet_bytes_max, uint8_t *out)
{
	struct packet packet = *fanout->packet;
	packet.target_player = fanout->target_player;
	packet.target_group = fanout->target_group;
	packet.is_reliable = true;
	packet.sequence = 0;
	size_t packet_bytes = ringcast_packet_encoded_bytes(&packet);
	ringcast_assert(packet_bytes <= packet_bytes_max);
	size_t header = ringcast_websocket_encode_header(WEBSOCKET_BINARY, true, packet_bytes, out);
	size_t written = ringcast_packet_encode(&packet, out + header, packet_bytes);
	ringcast_assert(written == packet_bytes);
	return header + packet_bytes;
}

static size_t packet_bytes_max(const struct packet *packet)
{
	if (packet->command == PACKET_COMMAND_NONE)
		return packet->payload.size + PROTO_PACKET_OVERHEAD_BYTES_MAX;
	return ringcast_packet_encoded_bytes(packet) + PROTO_PACKET_OVERHEAD_BYTES_MAX; /* what it says of reliability may differ */
}

/* One WebSocket message holding one packet, for any number of receivers. */
static bool encode_frame(struct shard *shard, const struct fanout *fanout, struct frame *ret_frame)
{
	size_t size_max = packet_bytes_max(fanout->packet);
	struct buf *chunk = ringcast_shard_chunk(shard, size_max + PROTO_WEBSOCKET_HEADER_BYTES_MAX);
	if (chunk == NULL)
		return false;
	uint8_t *out = chunk->data + chunk->size;
	size_t size = fanout->packet->command == PACKET_COMMAND_NONE ? encode_message(fanout, out) : encode_command(fanout, size_max, out);
	*ret_frame = (struct frame){.buf = chunk, .offset = chunk->size, .size = (uint32_t)size};
	chunk->size += ret_frame->size;
	return true;
}

/* The receiver does not keep up: it is disconnected, but not from inside a fan-out. */
void ringcast_shard_conn_doom(struct shard *shard, struct conn *conn, enum close_reason reason)
{
	ringcast_check_magic(conn, CONN);
	if (conn->close_reason == CLOSE_NONE) {
		conn->close_reason = (uint8_t)reason;
		if (ringcast_list_has(&conn->dirty_node))
			ringcast_list_remove(&conn->dirty_node);
		ringcast_list_add_tail(&shard->doomed, &conn->dirty_node);
	}
}

/* No slice left: whoever holds most gives; it may be this receiver. */
__attribute__((noinline)) static enum drop_reason add_in_need(struct shard *shard, struct conn *conn, const struct frame *frame)
{
	bool is_relieved = ringcast_shard_relieve_slices(shard);
	if (conn->close_reason != CLOSE_NONE)
		return DROP_OUTQ_FULL;
	if (is_relieved && ringcast_outq_add(&conn->outq, &shard->slices, frame->buf, frame->offset, frame->size))
		return DROP_NONE;
	ringcast_shard_conn_doom(shard, conn, CLOSE_NO_RESOURCES);
	return DROP_NO_BUFFER;
}

/*
 * Much waits for the receiver. It may be that we held it back. Else it falls behind: fast messages are not for it now, and who sends it too much is slowed
 * down before anybody is closed.
 */
__attribute__((noinline)) static enum drop_reason queue_behind(struct shard *shard, struct conn *conn, const struct frame *frame, uint64_t queued_bytes)
{
	ringcast_shard_hasten(shard, conn);
	if (queued_bytes <= shard->options.limits.outq_reliable_bytes / 2)
		return DROP_NONE;
	ringcast_shard_press(shard);
	if (frame->is_fast)
		return DROP_FAST_OVERFLOW;
	if (queued_bytes <= shard->options.limits.outq_reliable_bytes)
		return DROP_NONE;
	ringcast_shard_conn_doom(shard, conn, CLOSE_SLOW);
	return DROP_OUTQ_FULL;
}

/* Inlined into the loop over the receivers: a call is 14 instructions a delivery. */
__attribute__((always_inline)) static inline enum drop_reason queue_frame(struct shard *shard, struct conn *conn, const struct frame *frame)
{
	if (conn->close_reason != CLOSE_NONE)
		return DROP_RECEIVER_GONE;
	uint64_t queued_bytes = (uint64_t)ringcast_outq_bytes(&conn->outq) + frame->size;
	if (UNLIKELY(queued_bytes > shard->options.limits.outq_reliable_bytes / 4)) {
		enum drop_reason drop = queue_behind(shard, conn, frame, queued_bytes);
		if (drop != DROP_NONE)
			return drop;
	}
	if (UNLIKELY(!ringcast_outq_add(&conn->outq, &shard->slices, frame->buf, frame->offset, frame->size))) {
		enum drop_reason drop = add_in_need(shard, conn, frame);
		if (drop != DROP_NONE)
			return drop;
	}
	ringcast_shard_mark_dirty(shard, conn);
	return DROP_NONE;
}

/* A stream that misses a message is worse than one that ends: the receiver would never know. */
static enum drop_reason refuse_memory(struct shard *shard, struct conn *conn)
{
	if (conn->close_reason != CLOSE_NONE)
		return DROP_RECEIVER_GONE;
	ringcast_shard_conn_doom(shard, conn, CLOSE_NO_RESOURCES);
	return DROP_NO_BUFFER;
}

bool ringcast_shard_send_packet(struct shard *shard, struct conn *conn, const struct packet *packet)
{
	struct fanout fanout = {.packet = packet, .target_player = packet->target_player, .target_group = packet->target_group};
	struct frame frame;
	enum drop_reason drop = encode_frame(shard, &fanout, &frame) ? queue_frame(shard, conn, &frame) : refuse_memory(shard, conn);
	if (drop != DROP_NONE)
		ringcast_shard_drop(shard, drop, 1);
	return drop == DROP_NONE;
}

bool ringcast_shard_send_bytes(struct shard *shard, struct conn *conn, struct view bytes)
{
	struct buf *chunk = ringcast_shard_chunk(shard, bytes.size);
	if (chunk == NULL)
		return false;
	struct frame frame = {.buf = chunk, .offset = chunk->size, .size = (uint32_t)bytes.size};
	memcpy(chunk->data + chunk->size, bytes.data, bytes.size);
	chunk->size += frame.size;
	return queue_frame(shard, conn, &frame) == DROP_NONE;
}

bool ringcast_shard_send_frame(struct shard *shard, struct conn *conn, enum websocket_opcode opcode, struct view payload)
{
	uint8_t bytes[PROTO_WEBSOCKET_HEADER_BYTES_MAX + 125];
	ringcast_assert(payload.size <= 125); /* control frames only */
	size_t header = ringcast_websocket_encode_header(opcode, true, payload.size, bytes);
	if (payload.size > 0)
		memcpy(bytes + header, payload.data, payload.size);
	return ringcast_shard_send_bytes(shard, conn, ringcast_view_of(bytes, header + payload.size));
}

/* Encoded once, whatever the number of receivers, but for its start, which has each receiver's number and is written at the flush. */
static bool prepare_fast(struct shard *shard, const struct fanout *fanout, uint32_t *ret_message)
{
	const struct packet *packet = fanout->packet;
	if (shard->fast_message_count == SHARD_FAST_MESSAGE_MAX)
		ringcast_shard_flush_fast(shard);
	struct buf *chunk = ringcast_shard_chunk(shard, packet->payload.size + PROTO_PACKET_OVERHEAD_BYTES_MAX);
	if (chunk == NULL)
		return false;
	uint8_t *out = chunk->data + chunk->size;
	size_t size = ringcast_packet_encode_rest(fanout->target_player, fanout->target_group, packet->sender, packet->payload.size, out);
	if (packet->payload.size > 0)
		memcpy(out + size, packet->payload.data, packet->payload.size);
	size += packet->payload.size;
	*ret_message = shard->fast_message_count++;
	shard->fast_messages[*ret_message] = (struct fast_message){
		.opcode = packet->opcode,
		.buf = ringcast_buf_ref(chunk),
		.offset = chunk->size,
		.size = (uint32_t)size,
	};
	chunk->size += (uint32_t)size;
	return true;
}

static void drop_oldest_fast(struct shard *shard, struct fast_path *fast)
{
	fast->queue_head = shard->fast_nodes[fast->queue_head].next;
	fast->queued_count--;
	ringcast_shard_lose_fast(shard, DROP_FAST_OVERFLOW, 1);
}

static void queue_fast(struct shard *shard, struct fast_path *fast, uint32_t message)
{
	uint32_t node = shard->fast_node_count++;
	shard->fast_nodes[node] = (struct fast_node){.message = message, .next = UINT32_MAX};
	if (fast->queued_count == 0) {
		fast->queue_head = node;
		ringcast_list_add_tail(&shard->fast_dirty, &fast->dirty_node);
	} else {
		shard->fast_nodes[fast->queue_tail].next = node;
	}
	fast->queue_tail = node;
	if (++fast->queued_count > shard->options.limits.outq_fast_messages)
		drop_oldest_fast(shard, fast);
}

struct delivery { /* a packet in both encodings, each made when the first receiver needs it */
	struct shard *shard;
	const struct fanout *fanout;
	struct frame frame;
	uint32_t fast_message;
	bool is_fast_ready, is_fast;
};

static enum drop_reason deliver_fast(struct delivery *delivery, struct fast_path *fast)
{
	struct shard *shard = delivery->shard;
	/* A full node table is flushed in the middle of a fan-out; the message must then be prepared anew. */
	if (shard->fast_node_count == SHARD_FAST_NODE_MAX) {
		ringcast_shard_flush_fast(shard);
		delivery->is_fast_ready = false;
	}
	if (!delivery->is_fast_ready && !prepare_fast(shard, delivery->fanout, &delivery->fast_message))
		return DROP_NO_BUFFER;
	delivery->is_fast_ready = true;
	queue_fast(shard, fast, delivery->fast_message);
	return DROP_NONE;
}

static bool prepare_frame(struct delivery *delivery)
{
	if (delivery->frame.buf != NULL)
		return true;
	if (!encode_frame(delivery->shard, delivery->fanout, &delivery->frame))
		return false;
	delivery->frame.is_fast = delivery->is_fast;
	ringcast_buf_ref(delivery->frame.buf); /* a later chunk must not free it while receivers may still refuse it */
	return true;
}

static void keep(struct delivery *delivery, struct resume *resume)
{
	ringcast_resume_keep(delivery->shard, resume, delivery->frame.buf, delivery->frame.offset, delivery->frame.size);
}

static void count_frame(struct delivery *delivery)
{
	delivery->shard->counters.deliveries_reliable++;
	delivery->shard->counters.delivery_bytes_reliable += delivery->frame.size;
}

/* Whose stream has broken and who may come back: what is reliable waits, and who is without memory for it will be told of the gap. */
static enum drop_reason deliver_later(struct delivery *delivery, const struct player *player)
{
	struct resume *resume = ringcast_resume_of(delivery->shard, player);
	if (delivery->is_fast || resume == NULL)
		return DROP_RECEIVER_DROPPED;
	if (!prepare_frame(delivery)) {
		ringcast_resume_skip(delivery->shard, resume);
		return DROP_NO_BUFFER;
	}
	keep(delivery, resume);
	count_frame(delivery);
	return DROP_NONE;
}

static enum drop_reason deliver_stream(struct delivery *delivery, struct conn *conn)
{
	if (!prepare_frame(delivery))
		return refuse_memory(delivery->shard, conn);
	enum drop_reason drop = queue_frame(delivery->shard, conn, &delivery->frame);
	if (drop != DROP_NONE)
		return drop;
	if (UNLIKELY(conn->is_resumable))
		keep(delivery, conn->resume);
	count_frame(delivery);
	return DROP_NONE;
}

static enum drop_reason deliver_to(struct delivery *delivery, const struct player *player, bool may_be_fast)
{
	struct conn *conn = player->transport;
	if (UNLIKELY(conn == NULL))
		return deliver_later(delivery, player);
	return may_be_fast && ringcast_conn_is_fast(conn) ? deliver_fast(delivery, conn->fast) : deliver_stream(delivery, conn);
}

/* Some of the recipients, who lie side by side. */
static void deliver_each(struct delivery *delivery, struct player *const *recipients, size_t recipient_count, bool may_be_fast)
{
	struct shard *shard = delivery->shard;
	uint64_t payload_bytes = delivery->fanout->packet->payload.size;
	shard->counters.deliveries_asked += recipient_count;
	for (size_t i = 0; i < recipient_count; i++) {
		struct player *player = recipients[i];
		if (i + 4 < recipient_count)
			__builtin_prefetch(recipients[i + 4]);
		enum drop_reason drop = deliver_to(delivery, player, may_be_fast);
		if (drop != DROP_NONE) {
			player->drops++;
			shard->counters.deliveries_refused++;
			ringcast_shard_drop(shard, drop, 1);
			continue;
		}
		player->messages_sent++;
		player->bytes_sent += payload_bytes;
		shard->deliveries_in_window++;
	}
}

/* Who is skipped costs the others nothing: those before and those behind are two rows. */
static void deliver(void *context, const struct fanout *fanout)
{
	struct shard *shard = context;
	const struct packet *packet = fanout->packet;
	struct player *const *recipients = fanout->recipients;
	size_t recipient_count = fanout->recipient_count;
	RINGCAST_PROBE(&shard->recorder, DELIVER, shard->now_ns, recipients[0]->session->self, recipient_count, packet->opcode);
	struct delivery delivery = {.shard = shard, .fanout = fanout, .is_fast = fanout->intent == INTENT_FAST && packet->command == PACKET_COMMAND_NONE};
	bool may_be_fast = delivery.is_fast && packet->payload.size <= PROTO_PAYLOAD_FAST_BYTES_MAX;
	uint64_t before = shard->deliveries_in_window;
	deliver_each(&delivery, recipients, fanout->skip > 0 ? fanout->skip - 1 : recipient_count, may_be_fast);
	if (UNLIKELY(fanout->skip > 0))
		deliver_each(&delivery, recipients + fanout->skip, recipient_count - fanout->skip, may_be_fast);
	/* A list of members is in the frame, and may be much longer than the request that it answers. */
	shard->delivered_bytes += (shard->deliveries_in_window - before) * (packet->command == PACKET_COMMAND_NONE ? packet->payload.size : delivery.frame.size);
	if (delivery.frame.buf != NULL)
		ringcast_buf_unref(delivery.frame.buf);
}

/* The game's own words are kept for the close frame; the reason's text is in the close table. */
static void keep_close_text(struct shard *shard, struct conn *conn, enum close_reason reason, const char *text)
{
	size_t size = text != NULL ? ringcast_close_text_bytes(text) : 0;
	if (size == 0 || strcmp(text, ringcast_close_text(reason)) == 0)
		return;
	struct buf *kept = ringcast_buf_alloc(shard->pool, size + 1);
	if (kept == NULL)
		return; /* the reason's text will do */
	memcpy(kept->data, text, size);
	kept->data[size] = 0;
	ringcast_assert(conn->handoff == NULL); /* of the same place: it has none while it carries a player */
	conn->close_text = kept;
	conn->has_close_text = true;
}

static void disconnect(void *context, struct player *player, enum close_reason reason, const char *text)
{
	struct conn *conn = player->transport;
	if (conn == NULL && ringcast_resume_of(context, player) != NULL) /* dropped: no connection will tell of its end */
		ringcast_event_expired(context, player, reason);
	ringcast_resume_close(context, player);
	if (conn == NULL || conn->close_reason != CLOSE_NONE)
		return;
	keep_close_text(context, conn, reason, text);
	conn->is_by_api = ((struct shard *)context)->store.origin != NULL;
	ringcast_shard_conn_doom(context, conn, reason);
}

static void admitted(void *context, struct player *player, enum drop_reason reason)
{
	struct shard *shard = context;
	struct conn *conn = player->transport;
	ringcast_assert(conn != NULL); /* a transport that goes takes its login along */
	if (reason == DROP_NONE)
		ringcast_shard_login_complete(shard, conn);
	else
		ringcast_shard_conn_doom(shard, conn, ringcast_shard_login_refuse(shard, conn, reason));
}

static void drop(void *context, enum drop_reason reason, uint64_t count)
{
	ringcast_shard_drop(context, reason, count);
}

static void *blame(void *context, void *transport)
{
	return ringcast_shard_blame(context, transport);
}

static void session_changed(void *context, const struct session *session, bool is_end)
{
	ringcast_event_session(context, session, is_end);
}

void ringcast_shard_outbox(struct shard *shard, struct outbox *ret_outbox)
{
	*ret_outbox = (struct outbox){.context = shard, .deliver = deliver, .disconnect = disconnect, .drop = drop, .admitted = admitted,
				       .session_changed = session_changed, .blame = blame, .post = shard->options.count > 1 ? ringcast_shard_post : NULL};
}
