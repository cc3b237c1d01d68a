/* Events of streams: accept, bytes, end, sent, closed; and a connection's one timer. */
#include "base/assert.h"
#include "proto/gate.h"
#include "session/tap.h"
#include "shard/resume.h"
#include "shard/shard_private.h"

/* A counter narrower than its limit never reaches it. */
static_assert(sizeof(((struct conn *)NULL)->pings_missed) >= sizeof(((struct ringcast_limits *)NULL)->pong_missed_max), "pings missed");

enum { CLOSE_LINGER_MS = 2000, REFUSAL_BYTES_MAX = 512, ASKING_BYTES_MAX = 65536 };

static struct conn *find_conn(struct shard *shard, const struct io_event *event)
{
	return ringcast_slab_find(&shard->conns, event->user);
}

static void arm_timer(struct shard *shard, struct conn *conn, uint64_t delay_ms)
{
	ringcast_timer_arm(&shard->wheel, &conn->timer, shard->now_ns + delay_ms * NS_PER_MS);
}

/* Opening */

/*
 * First what its address may have, then a place, which may cost somebody else one. NULL, and *ret_drop says why: nothing is counted for the address.
 * is_free: no limit holds for this address, as those of proxies and of connections that another shard let in.
 */
static struct conn *take_place(struct shard *shard, const struct address *address, bool is_handoff, bool is_free, enum drop_reason *ret_drop)
{
	const struct ringcast_limits *limits = &shard->options.limits;
	handle self;
	*ret_drop = ringcast_address_table_open(&shard->addresses, address, is_free ? 0 : limits->connections_per_address_max,
						is_free ? 0 : limits->handshakes_per_second_per_address, shard->now_ns);
	if (*ret_drop != DROP_NONE)
		return NULL;
	struct conn *conn = ringcast_shard_make_place(shard, address) || is_handoff ? ringcast_slab_alloc(&shard->conns, &self) : NULL;
	if (conn != NULL) {
		conn->self = self;
		return conn;
	}
	ringcast_address_table_close(&shard->addresses, address, false);
	*ret_drop = DROP_CONNECTION_LIMIT;
	return NULL;
}

struct conn *ringcast_shard_conn_open(struct shard *shard, io_id stream, const struct address *address, bool is_handoff)
{
	bool is_proxy = !is_handoff && ringcast_proxy_ranges_have(&shard->options.proxies, address);
	enum drop_reason drop;
	struct conn *conn = take_place(shard, address, is_handoff, is_handoff || is_proxy, &drop);
	if (conn == NULL) {
		ringcast_shard_drop(shard, drop, 1);
		return NULL;
	}
	conn->magic = CONN_MAGIC;
	conn->stream_id = stream;
	conn->address = *address;
	ringcast_shard_inherit(shard, conn);
	conn->timer.kind = CONN_TIMER;
	conn->active_ms = ringcast_shard_now_ms(shard);
	conn->is_secure = !is_handoff && shard->options.security != SHARD_PLAIN;
	conn->state = is_handoff ? CONN_LOGIN : is_proxy ? CONN_PROXY : conn->is_secure ? CONN_HELLO : CONN_OPENING;
	arm_timer(shard, conn, shard->options.limits.login_timeout_ms);
	shard->io->ops->stream_start(shard->io, stream, conn->self);
	return conn;
}

void ringcast_shard_on_accept(struct shard *shard, const struct io_event *event)
{
	shard->counters.connections_accepted++;
	RINGCAST_PROBE(&shard->recorder, ACCEPT, shard->now_ns, event->stream, 0, 0);
	if (!shard->is_stopping && ringcast_shard_conn_open(shard, event->stream, &event->address, false) != NULL)
		return;
	shard->counters.connections_refused++;
	shard->io->ops->stream_close(shard->io, event->stream);
}

/* Closing */

static void cut(struct shard *shard, struct conn *conn)
{
	if (conn->is_close_asked)
		return;
	conn->is_close_asked = true;
	ringcast_conn_enter(conn, CONN_CLOSED);
	ringcast_timer_cancel(&shard->wheel, &conn->timer);
	/* What a slow reader has not taken by now would only lie in the kernel. */
	if (conn->close_reason == CLOSE_SLOW || conn->is_crowded_out)
		shard->io->ops->stream_abort(shard->io, conn->stream_id);
	else
		shard->io->ops->stream_close(shard->io, conn->stream_id);
}

static void leave_session(struct shard *shard, struct conn *conn, enum close_reason reason)
{
	struct player *player = conn->player;
	ringcast_shard_fast_close(shard, conn);
	conn->is_kept = player != NULL && conn->is_resumable && ringcast_resume_drop(shard, conn, reason);
	if (player == NULL || conn->is_kept) {
		conn->player = NULL;
		return;
	}
	if (conn->is_resumable)
		ringcast_resume_close(shard, player);
	conn->player = NULL;
	player->transport = NULL;
	ringcast_player_disconnect(player, reason, shard->now_ns);
}

static void note_close(struct shard *shard, const struct conn *conn)
{
	handle session = conn->player != NULL ? conn->player->session->self : HANDLE_NONE;
	RINGCAST_PROBE(&shard->recorder, CLOSE, shard->now_ns, conn->self, session, conn->close_reason);
	ringcast_disconnects_note(&shard->disconnects, conn, shard->now_ns);
}

static void begin_close(struct shard *shard, struct conn *conn, enum close_reason reason)
{
	if (conn->close_reason == CLOSE_NONE)
		conn->close_reason = (uint8_t)reason;
	note_close(shard, conn);
	shard->counters.closes[conn->close_reason]++;
	if (conn->state == CONN_SECURING) { /* whoever ended it, also the client */
		shard->counters.tls_handshakes_failed++;
		ringcast_event_address(shard, EVENT_TLS_FAILED, &conn->address, DROP_TLS_FAILED);
		conn->is_told = true;
	}
	ringcast_event_closed(shard, conn, conn->close_reason);
	if (UNLIKELY(conn->is_paused))
		ringcast_shard_pause_forget(shard, conn);
	leave_session(shard, conn, conn->close_reason);
	shard->letters.asking_count -= conn->state == CONN_ASKING;
	ringcast_conn_enter(conn, CONN_CLOSING);
	if (conn->secure != NULL)
		ringcast_handshake_queue_remove_stream(&shard->security.queue, &conn->secure->queue_node);
	arm_timer(shard, conn, CLOSE_LINGER_MS);
}

/* Whoever has said goodbye sends nothing more that a closed socket would have to refuse, so its end need not be waited for. */
static bool is_goodbye_said(const struct conn *conn)
{
	return conn->close_reason == CLOSE_CLIENT && conn->secure == NULL;
}

/* After the last byte is out: half close, so that the client reads it all, then wait for its end or the timer. */
static void close_when_sent(struct shard *shard, struct conn *conn)
{
	shard->is_sent_awaited |= !ringcast_conn_is_idle(conn);
	if (!ringcast_conn_is_idle(conn) || conn->is_close_asked)
		return;
	if (conn->secure != NULL && !conn->is_ended)
		ringcast_shard_secure_goodbye(shard, conn);
	shard->is_sent_awaited |= !ringcast_conn_is_idle(conn);
	if (!ringcast_conn_is_idle(conn))
		return; /* comes here again when it is sent */
	if (conn->is_ended || is_goodbye_said(conn)) {
		cut(shard, conn);
	} else if (!conn->is_shutdown_asked) {
		conn->is_shutdown_asked = true;
		shard->io->ops->stream_shutdown(shard->io, conn->stream_id);
	}
}

/* A client that closed without a code is answered without one. */
static size_t encode_close(uint16_t code, const char *text, uint8_t *out)
{
	enum { NO_CODE = 1005 };
	return code == NO_CODE ? ringcast_websocket_encode_header(WEBSOCKET_CLOSE, true, 0, out) : ringcast_websocket_encode_close(code, text, out);
}

static void queue_close_frame(struct shard *shard, struct conn *conn, const char *text)
{
	uint8_t frame[2 + 125];
	uint16_t code = conn->close_code != 0 ? conn->close_code : ringcast_close_code(conn->close_reason);
	if (code == 0 || !conn->stream.is_upgraded)
		return;
	size_t size = encode_close(code, text != NULL ? text : ringcast_close_text(conn->close_reason), frame);
	uint8_t reason = conn->close_reason;
	conn->close_reason = CLOSE_NONE; /* the queue refuses what comes after a close; the close frame itself must pass */
	bool is_queued = ringcast_shard_send_bytes(shard, conn, ringcast_view_of(frame, size));
	conn->close_reason = reason;
	if (!is_queued)
		conn->is_ended = true; /* nothing can be said any more: the stream is cut as soon as it is idle */
}

void ringcast_shard_conn_close(struct shard *shard, struct conn *conn, enum close_reason reason, const char *text)
{
	ringcast_check_magic(conn, CONN);
	if (conn->state >= CONN_CLOSING)
		return;
	begin_close(shard, conn, reason);
	if (ringcast_list_has(&conn->dirty_node))
		ringcast_list_remove(&conn->dirty_node);
	if (conn->is_crowded_out) {
		cut(shard, conn);
		return;
	}
	if (conn->close_reason == CLOSE_SLOW) /* what it has not read by now it will not read: only the reason goes out */
		ringcast_shard_drop(shard, DROP_OUTQ_FULL, ringcast_outq_clear(&conn->outq, &shard->slices));
	queue_close_frame(shard, conn, text);
	if (ringcast_list_has(&conn->dirty_node))
		ringcast_list_remove(&conn->dirty_node);
	ringcast_shard_flush_conn(shard, conn);
	close_when_sent(shard, conn);
}

void ringcast_shard_conn_cut(struct shard *shard, struct conn *conn, enum close_reason reason)
{
	ringcast_check_magic(conn, CONN);
	if (conn->state < CONN_CLOSING)
		begin_close(shard, conn, reason);
	cut(shard, conn);
}

void ringcast_shard_on_end(struct shard *shard, const struct io_event *event)
{
	struct conn *conn = find_conn(shard, event);
	if (conn == NULL || conn->state == CONN_CLOSED)
		return;
	if (UNLIKELY(conn->is_paused) && ringcast_shard_hold(shard, conn, event))
		return; /* what it has said before is heard first */
	conn->is_ended = true;
	if (conn->state == CONN_LEAVING && conn->is_close_asked)
		return; /* being detached: the next shard will find the end by itself */
	if (conn->state == CONN_CLOSING)
		close_when_sent(shard, conn);
	else
		begin_close(shard, conn, CLOSE_RESET);
	/* A stream that the other side has ended or broken has nobody left to tell. */
	cut(shard, conn);
}

void ringcast_shard_on_sent(struct shard *shard, handle user, int32_t result)
{
	struct conn *conn = ringcast_slab_find(&shard->conns, user);
	if (conn == NULL)
		return;
	struct outq *wire = ringcast_conn_wire(conn);
	uint32_t frames = wire->flight_frames;
	ringcast_outq_sent(wire, &shard->slices);
	if (result < 0) {
		if (conn->state < CONN_CLOSING)
			begin_close(shard, conn, CLOSE_RESET);
		ringcast_shard_drop(shard, DROP_SEND_ERROR, conn->is_kept ? 0 : frames);
		cut(shard, conn);
		return;
	}
	if (conn->outq.pending_head != NULL || wire->pending_head != NULL) {
		if (!conn->is_sent_awaited && ringcast_list_has(&conn->dirty_node) && conn->close_reason == CLOSE_NONE)
			return; /* what came since is for the next flush */
		conn->is_sent_awaited = false;
		if (ringcast_list_has(&conn->dirty_node) && conn->close_reason == CLOSE_NONE)
			ringcast_list_remove(&conn->dirty_node); /* before: it may find no room to seal in, and is to be in the list of those then */
		ringcast_shard_flush_conn(shard, conn);
	} else if (conn->state == CONN_LEAVING) {
		ringcast_shard_handoff_proceed(shard, conn);
	} else if (conn->state == CONN_CLOSING) {
		close_when_sent(shard, conn);
	}
}

void ringcast_shard_conn_free(struct shard *shard, struct conn *conn)
{
	ringcast_check_magic(conn, CONN);
	ringcast_assert(conn->player == NULL);
	if (conn->outq.flight_head != NULL)
		ringcast_outq_sent(&conn->outq, &shard->slices);
	uint32_t frames = ringcast_outq_clear(&conn->outq, &shard->slices);
	ringcast_shard_drop(shard, DROP_RECEIVER_GONE, conn->is_kept ? 0 : frames);
	ringcast_stream_fini(&conn->stream);
	if (conn->secure != NULL)
		ringcast_shard_secure_free(shard, conn);
	if (conn->handoff != NULL) /* or the close text */
		ringcast_buf_unref(conn->handoff);
	if (ringcast_list_has(&conn->dirty_node))
		ringcast_list_remove(&conn->dirty_node);
	ringcast_timer_cancel(&shard->wheel, &conn->timer);
	ringcast_shard_bequeath(shard, conn);
	ringcast_address_table_close(&shard->addresses, &conn->address, conn->is_logged_in);
	conn->magic = ~CONN_MAGIC;
	ringcast_slab_free(&shard->conns, conn->self);
}

void ringcast_shard_on_closed(struct shard *shard, const struct io_event *event)
{
	struct conn *conn = find_conn(shard, event);
	shard->counters.connections_closed++;
	if (conn != NULL) /* else refused at accept, or by the shard it was to move to */
		ringcast_shard_conn_free(shard, conn);
}

/* Bytes */

static void upgrade(struct shard *shard, struct conn *conn, const struct http_upgrade *request)
{
	char answer[HTTP_UPGRADE_RESPONSE_BYTES_MAX];
	size_t size = ringcast_http_upgrade_encode_response(request, answer);
	shard->counters.upgrades++;
	ringcast_conn_enter(conn, CONN_LOGIN);
	if (ringcast_shard_send_bytes(shard, conn, ringcast_view_of(answer, size)))
		return;
	ringcast_shard_drop(shard, DROP_NO_BUFFER, 1);
	ringcast_shard_conn_close(shard, conn, CLOSE_NO_RESOURCES, NULL);
}

/* A stranger's end is told with it; that a player has left because of it is told too. */
static void tell_garbage(struct shard *shard, struct conn *conn, enum drop_reason reason)
{
	ringcast_event_address(shard, EVENT_GARBAGE, &conn->address, reason);
	conn->is_told = !conn->is_logged_in;
}

static void refuse_upgrade(struct shard *shard, struct conn *conn, int status)
{
	char answer[REFUSAL_BYTES_MAX];
	size_t size = ringcast_http_upgrade_encode_refusal(status, answer);
	ringcast_shard_drop(shard, DROP_MALFORMED, 1);
	tell_garbage(shard, conn, DROP_MALFORMED);
	ringcast_shard_send_bytes(shard, conn, ringcast_view_of(answer, size));
	ringcast_shard_conn_close(shard, conn, CLOSE_PROTOCOL, NULL);
}

static enum drop_reason route(struct shard *shard, struct conn *conn, struct packet *packet, enum delivery_intent intent)
{
	ringcast_assert(shard->sender == NULL);
	ringcast_shard_account_begin(shard, conn);
	enum drop_reason drop = ringcast_router_route(conn->player, packet, intent, shard->now_ns);
	ringcast_shard_account_end(shard);
	return drop;
}

/* What did not get as far as its session, whose taps tell of it all the same. The packet's sender is not proven yet: here it is known. */
static void tap_refused(struct shard *shard, const struct player *player, struct packet *packet, enum delivery_intent intent, enum drop_reason drop)
{
	packet->sender = player->peer_id;
	player->session->store->now_ns = shard->now_ns;
	ringcast_tap_message(player->session, packet, intent, drop);
}

void ringcast_shard_route(struct shard *shard, struct conn *conn, struct packet *packet, enum delivery_intent intent)
{
	size_t payload_max = intent == INTENT_FAST ? PROTO_PAYLOAD_FAST_BYTES_MAX : PROTO_PAYLOAD_RELIABLE_BYTES_MAX;
	struct player *player = conn->player;
	ringcast_check_magic(conn, CONN);
	ringcast_check_magic(player, PLAYER);
	ringcast_check_magic(player->session, SESSION);
	RINGCAST_PROBE(&shard->recorder, ROUTE, shard->now_ns, player->session->self, (uint32_t)player->peer_id, packet->opcode);
	enum drop_reason drop = packet->payload.size > payload_max ? DROP_OVERSIZE : ringcast_shard_check_rates(shard, conn, packet->payload.size);
	conn->active_ms = ringcast_shard_now_ms(shard);
	conn->pings_missed = 0;
	if (conn->close_reason != CLOSE_NONE) /* its end is decided: a datagram behind the message that brought it about */
		drop = DROP_BAD_STATE;
	if (drop == DROP_NONE)
		drop = route(shard, conn, packet, intent);
	else
		tap_refused(shard, player, packet, intent, drop);
	if (drop == DROP_NONE)
		return;
	ringcast_shard_drop(shard, drop, 1);
	shard->counters.messages_refused++;
	if (conn->player != NULL)
		conn->player->drops++;
	if (drop == DROP_OVERSIZE && intent == INTENT_RELIABLE)
		ringcast_shard_conn_close(shard, conn, CLOSE_OVERSIZE, NULL);
}

static bool is_reading(const struct conn *conn)
{
	return conn->state < CONN_ASKING && conn->close_reason == CLOSE_NONE && !conn->is_paused;
}

static bool is_within_rates(struct shard *shard, struct conn *conn)
{
	enum drop_reason drop = ringcast_shard_check_rates(shard, conn, 0);
	if (drop != DROP_NONE)
		ringcast_shard_drop(shard, drop, 1);
	return drop == DROP_NONE;
}

/* What it sends is counted before anything is made of it, for that may end the connection. */
static void receive_resumable(struct shard *shard, struct conn *conn, struct packet *packet)
{
	if (ringcast_gate(packet->opcode, GATE_STREAM_JOINED) != GATE_COUNT) {
		ringcast_resume_count(shard, conn, packet->payload.size);
		ringcast_shard_route(shard, conn, packet, INTENT_RELIABLE);
	} else if (is_within_rates(shard, conn) && packet->command == PACKET_COMMAND_PING_RESULT) {
		ringcast_resume_acknowledge(shard, conn, packet->received);
	}
}

static void receive_message(struct shard *shard, struct conn *conn, struct view bytes)
{
	struct packet packet;
	ringcast_assert(conn->state < CONN_ASKING && conn->close_reason == CLOSE_NONE); /* nobody is heard whose end is decided, though it is not carried out yet */
	if (conn->state == CONN_LOGIN) {
		ringcast_shard_login(shard, conn, bytes);
		return;
	}
	if (ringcast_packet_decode(bytes, &packet) != PACKET_OK) {
		ringcast_shard_drop(shard, DROP_MALFORMED, 1);
		tell_garbage(shard, conn, DROP_MALFORMED);
		ringcast_shard_conn_close(shard, conn, CLOSE_PROTOCOL, "malformed packet");
		return;
	}
	shard->counters.messages_received_reliable++;
	shard->counters.payload_bytes_received += packet.payload.size;
	if (UNLIKELY(conn->is_resumable))
		receive_resumable(shard, conn, &packet);
	else
		ringcast_shard_route(shard, conn, &packet, INTENT_RELIABLE);
}

static enum close_reason close_reason_of(uint16_t code)
{
	switch (code) {
	case 1003:
		return CLOSE_NOT_BINARY;
	case 1007:
		return CLOSE_BAD_UTF8;
	case 1009:
		return CLOSE_OVERSIZE;
	default:
		return CLOSE_PROTOCOL;
	}
}

static void receive_broken(struct shard *shard, struct conn *conn, uint16_t close_code)
{
	ringcast_shard_drop(shard, close_code == 1009 ? DROP_OVERSIZE : DROP_MALFORMED, 1);
	tell_garbage(shard, conn, close_code == 1009 ? DROP_OVERSIZE : DROP_MALFORMED);
	ringcast_shard_conn_close(shard, conn, close_reason_of(close_code), NULL);
}

static void handle_item(struct shard *shard, struct conn *conn, enum stream_event event, struct stream_item *item)
{
	switch (event) {
	case STREAM_UPGRADE:
		upgrade(shard, conn, &item->upgrade);
		break;
	case STREAM_REFUSED:
		refuse_upgrade(shard, conn, item->status);
		break;
	case STREAM_MESSAGE:
		receive_message(shard, conn, item->bytes);
		break;
	case STREAM_PING:
		if (is_within_rates(shard, conn))
			ringcast_shard_send_frame(shard, conn, WEBSOCKET_PONG, item->bytes);
		break;
	case STREAM_FRAGMENT:
		is_within_rates(shard, conn); /* what it carries counts with the message; but empty ones are work too */
		break;
	case STREAM_PONG:
		if (!is_within_rates(shard, conn))
			break;
		conn->pings_missed = 0;
		if (conn->is_logged_in) /* a stranger's time counts from its arrival, see crowd.c */
			conn->active_ms = ringcast_shard_now_ms(shard);
		break;
	case STREAM_CLOSE:
		conn->close_code = item->close_code; /* its own is the answer */
		ringcast_shard_conn_close(shard, conn, CLOSE_CLIENT, "");
		break;
	case STREAM_ERROR:
		receive_broken(shard, conn, item->close_code);
		break;
	case STREAM_NO_BUFFER:
		ringcast_shard_drop(shard, DROP_NO_BUFFER, 1);
		ringcast_shard_conn_close(shard, conn, CLOSE_NO_RESOURCES, NULL);
		break;
	case STREAM_NEED_MORE:
		ringcast_unreachable("need more is no item");
	}
}

static void read_items(struct shard *shard, struct conn *conn, uint8_t *bytes, size_t size)
{
	ringcast_check_magic(conn, CONN);
	struct stream_input input;
	struct stream_item item;
	enum stream_event event;
	if (!ringcast_stream_begin(&input, &conn->stream, shard->pool, bytes, size)) {
		handle_item(shard, conn, STREAM_NO_BUFFER, NULL);
		return;
	}
	while (is_reading(conn) && (event = ringcast_stream_next(&input, &item)) != STREAM_NEED_MORE)
		handle_item(shard, conn, event, &item);
	bool is_kept = ringcast_stream_end(&input);
	if (conn->state == CONN_ASKING && conn->stream.tail != NULL && conn->stream.tail->size > ASKING_BYTES_MAX)
		is_kept = false; /* nobody needs to say so much before he knows whether he is in */
	if (!is_kept && conn->state < CONN_CLOSING)
		handle_item(shard, conn, STREAM_NO_BUFFER, NULL);
}

/* Feeds bytes and handles every whole item in them; what is left is kept for the next bytes or for the next shard. */
void ringcast_shard_read(struct shard *shard, struct conn *conn, uint8_t *bytes, size_t size)
{
	struct conn *outer = shard->serving;
	shard->serving = conn;
	read_items(shard, conn, bytes, size);
	shard->serving = outer;
}

static void receive(struct shard *shard, struct conn *conn, uint8_t *bytes, size_t size)
{
	if (conn->state == CONN_HELLO && !ringcast_shard_tell_apart(shard, conn, bytes[0]))
		return;
	if (conn->is_secure)
		ringcast_shard_secure_receive(shard, conn, bytes, size);
	else
		ringcast_shard_read(shard, conn, bytes, size);
}

/* Before the first byte of the client's: whom a trusted proxy speaks for */

/* From here on the connection is its client's, in limits and wherever its address is shown. */
static void take_client_address(struct shard *shard, struct conn *conn, const struct address *client)
{
	const struct ringcast_limits *limits = &shard->options.limits;
	enum drop_reason drop = ringcast_address_table_open(&shard->addresses, client, limits->connections_per_address_max,
							    limits->handshakes_per_second_per_address, shard->now_ns);
	if (drop != DROP_NONE) {
		ringcast_shard_drop(shard, drop, 1);
		ringcast_shard_conn_cut(shard, conn, CLOSE_RATE_LIMIT);
		return;
	}
	ringcast_address_table_close(&shard->addresses, &conn->address, false);
	conn->address = *client;
	ringcast_shard_inherit(shard, conn);
}

static void refuse_proxy(struct shard *shard, struct conn *conn)
{
	ringcast_shard_drop(shard, DROP_PROXY_HEADER, 1);
	ringcast_shard_conn_cut(shard, conn, CLOSE_PROTOCOL);
}

static void hold_header(struct shard *shard, struct conn *conn, struct view bytes)
{
	conn->handoff = ringcast_buf_alloc(shard->pool, PROXY_HEADER_BYTES_MAX);
	if (conn->handoff == NULL) {
		ringcast_shard_drop(shard, DROP_NO_BUFFER, 1);
		ringcast_shard_conn_cut(shard, conn, CLOSE_NO_RESOURCES);
		return;
	}
	memcpy(conn->handoff->data, bytes.data, bytes.size);
	conn->handoff->size = (uint32_t)bytes.size;
}

static void pass_header(struct shard *shard, struct conn *conn, const struct proxy_header *header)
{
	ringcast_conn_enter(conn, conn->is_secure ? CONN_HELLO : CONN_OPENING);
	if (conn->handoff != NULL)
		ringcast_buf_unref(conn->handoff);
	conn->handoff = NULL;
	if (header->has_source)
		take_client_address(shard, conn, &header->source);
}

/* The header rarely comes in parts; then the parts are put together, and of the last one only what the header needs is taken. */
static void receive_from_proxy(struct shard *shard, struct conn *conn, uint8_t *bytes, size_t size)
{
	struct buf *held = conn->handoff;
	struct proxy_header header;
	size_t held_bytes = held != NULL ? held->size : 0, taken = size;
	struct view all = ringcast_view_of(bytes, size);
	if (held != NULL) {
		taken = size < PROXY_HEADER_BYTES_MAX - held_bytes ? size : PROXY_HEADER_BYTES_MAX - held_bytes;
		memcpy(held->data + held_bytes, bytes, taken);
		held->size += (uint32_t)taken;
		all = ringcast_view_of(held->data, held->size);
	}
	enum proxy_result result = ringcast_proxy_header_parse(all, &header);
	if (result == PROXY_INVALID)
		refuse_proxy(shard, conn);
	else if (result == PROXY_NEED_MORE && held == NULL)
		hold_header(shard, conn, all);
	if (result != PROXY_OK)
		return;
	ringcast_assert(header.size > held_bytes); /* else it had been whole before */
	pass_header(shard, conn, &header);
	size_t used = header.size - held_bytes;
	if (conn->state < CONN_CLOSING && used < size)
		receive(shard, conn, bytes + used, size - used);
}

/* Without room for it, or what came next, the stream would have a gap. */
static void hold_or_close(struct shard *shard, struct conn *conn, const struct io_event *event)
{
	if (ringcast_shard_hold(shard, conn, event))
		return;
	ringcast_shard_drop(shard, DROP_NO_BUFFER, 1);
	ringcast_shard_conn_close(shard, conn, CLOSE_NO_RESOURCES, NULL);
}

void ringcast_shard_on_recv(struct shard *shard, const struct io_event *event)
{
	struct conn *conn = find_conn(shard, event);
	if (conn == NULL || conn->state >= CONN_CLOSING)
		return;
	if (UNLIKELY(shard->letters.full != 0))
		ringcast_shard_pause_if_full(shard, conn);
	if (UNLIKELY(conn->is_paused))
		hold_or_close(shard, conn, event);
	else if (conn->state == CONN_PROXY)
		receive_from_proxy(shard, conn, event->data, event->size);
	else
		receive(shard, conn, event->data, event->size);
}

/* The timer */

static void ping(struct shard *shard, struct conn *conn)
{
	const struct ringcast_limits *limits = &shard->options.limits;
	if (conn->is_paused) { /* it is us who do not listen */
		conn->pings_missed = 0;
		conn->active_ms = ringcast_shard_now_ms(shard);
	}
	uint32_t idle_ms = ringcast_shard_now_ms(shard) - conn->active_ms;
	if (conn->pings_missed > limits->pong_missed_max) {
		ringcast_shard_conn_close(shard, conn, CLOSE_NO_PONG, NULL);
		return;
	}
	if (limits->idle_timeout_ms != 0 && idle_ms >= limits->idle_timeout_ms) {
		ringcast_shard_conn_close(shard, conn, CLOSE_IDLE, NULL);
		return;
	}
	conn->pings_missed++;
	shard->counters.pings_sent++;
	ringcast_shard_fast_check(shard, conn);
	if (conn->is_resumable)
		ringcast_resume_tell(shard, conn);
	ringcast_shard_send_frame(shard, conn, WEBSOCKET_PING, ringcast_view_of(NULL, 0));
	arm_timer(shard, conn, conn->player->session->ping_interval_ms);
}

void ringcast_shard_on_conn_timer(struct shard *shard, struct conn *conn)
{
	ringcast_check_magic(conn, CONN);
	switch ((enum conn_state)conn->state) {
	case CONN_SECURING:
		ringcast_shard_drop(shard, DROP_HANDSHAKE_TIMEOUT, 1);
		ringcast_shard_conn_close(shard, conn, CLOSE_TLS, NULL);
		break;
	case CONN_PROXY:
	case CONN_HELLO:
	case CONN_OPENING:
	case CONN_LOGIN:
	case CONN_ASKING:
		ringcast_shard_drop(shard, DROP_LOGIN_TIMEOUT, 1);
		ringcast_shard_conn_close(shard, conn, CLOSE_LOGIN_TIMEOUT, NULL);
		break;
	case CONN_JOINED:
		ping(shard, conn);
		break;
	case CONN_LEAVING: /* it did not take the answer to its upgrade, and waits here with its login */
		ringcast_shard_drop(shard, DROP_LOGIN_TIMEOUT, 1);
		ringcast_shard_conn_cut(shard, conn, CLOSE_LOGIN_TIMEOUT);
		break;
	case CONN_CLOSING:
		cut(shard, conn);
		break;
	case CONN_CLOSED:
		break;
	}
}
