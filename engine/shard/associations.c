/*
 * DTLS on the shard's UDP sockets, beside plain datagrams on the same ports.
 *
 * A datagram goes: prefilter -> hello? answered without keeping anything, until its cookie comes back -> an association's handshake, in its turn ->
 * the connect token, which names the player -> the player's packets. Who has not proven its address takes nothing that others wait for; of those who
 * have, nobody keeps the places by having come first. Nothing is sent on an association before the client's first
 * packet: the Realtime client holds one datagram at a time, and ours would overwrite what it waits for.
 */
#include "base/assert.h"
#include "base/hash.h"
#include "crypto/dtls_record.h"
#include "crypto/prefilter.h"
#include "proto/gate.h"
#include "shard/shard_private.h"
#include "crypto/dtls_hello.h"

enum { TX_BUF_BYTES = 65536, EMITTED_BUFS_MAX = SHARD_TX_BUF_MAX / 2, DATAGRAM_BYTES_MAX = 2048, GRACE_MS = 1000 };

/* Sending */

/* Half of the transmit buffers of a tick: the rest is the players', whatever comes from strangers. NULL: none left. */
static uint8_t *tx_room(struct shard *shard, size_t size)
{
	struct shard_security *security = &shard->security;
	struct buf *buf = security->tx_buf;
	if (buf != NULL && buf->capacity - buf->size >= size)
		return buf->data + buf->size;
	if (shard->tx_buf_count >= EMITTED_BUFS_MAX)
		return NULL;
	buf = ringcast_buf_alloc(shard->pool, TX_BUF_BYTES);
	if (buf == NULL)
		return NULL;
	shard->tx_bufs[shard->tx_buf_count++] = buf;
	security->tx_buf = buf;
	return buf->data;
}

static void send_tx(struct shard *shard, const uint8_t *start, size_t size)
{
	struct shard_security *security = &shard->security;
	struct io_datagram datagram = {.address = security->serving_address, .local = security->serving_local, .data = start, .size = (uint32_t)size};
	security->tx_buf->size += (uint32_t)size;
	shard->counters.datagram_writes++;
	shard->io->ops->udp_send(shard->io, security->serving_socket, &datagram, 1);
}

static void emit(void *context, const uint8_t *bytes, size_t size)
{
	struct shard *shard = context;
	uint8_t *room = tx_room(shard, size);
	if (room == NULL) {
		ringcast_shard_drop(shard, DROP_NO_BUFFER, 1); /* as good as lost on the way: the flight is repeated */
		return;
	}
	memcpy(room, bytes, size);
	send_tx(shard, room, size);
}

static void serve(struct shard *shard, const struct address *address, io_id socket, io_local local)
{
	shard->security.serving_address = *address;
	shard->security.serving_socket = socket;
	shard->security.serving_local = local;
}

static void serve_association(struct shard *shard, const struct association *association)
{
	serve(shard, &association->address, shard->udp_sockets[ringcast_address_is_v4(&association->address) ? 0 : 1][association->port_index],
	      association->local);
}

void ringcast_shard_association_refuse(struct shard *shard, struct handoff *handoff)
{
	const struct handoff_association *came = &handoff->association;
	io_id socket = shard->udp_sockets[ringcast_address_is_v4(&handoff->address) ? 0 : 1][came->port_index];
	serve(shard, &handoff->address, socket, ringcast_local_number(shard->io->ops->locals(shard->io), &came->local));
	ringcast_crypto_move(handoff->crypto, emit, shard);
	ringcast_crypto_close(handoff->crypto);
}

static void send_packet(struct shard *shard, struct association *association, const struct packet *packet)
{
	uint8_t plain[PROTO_PACKET_OVERHEAD_BYTES_MAX];
	size_t size = ringcast_packet_encode(packet, plain, sizeof(plain)), capacity = size + CRYPTO_DATAGRAM_OVERHEAD_BYTES;
	uint8_t *room = tx_room(shard, capacity);
	size_t sealed = room != NULL ? ringcast_crypto_seal(association->crypto, ringcast_view_of(plain, size), room, capacity) : 0;
	if (sealed == 0) {
		ringcast_shard_drop(shard, DROP_NO_BUFFER, 1);
		return;
	}
	serve_association(shard, association);
	send_tx(shard, room, sealed);
}

/* Ending */

static struct conn *player_conn(const struct shard *shard, const struct association *association)
{
	if (association->state != ASSOCIATION_IDENTIFIED)
		return NULL;
	struct conn *conn = ringcast_slab_find(&shard->conns, association->conn);
	ringcast_assert(conn != NULL && conn->fast != NULL && conn->fast->association == association->self); /* whoever goes first tells the other */
	return conn;
}

/* Sends nothing to the peer, who would not be able to read it. Its player, if it has one, gets its fast messages on the stream from now on. */
void ringcast_shard_association_break(struct shard *shard, struct association *association)
{
	ringcast_check_magic(association, ASSOCIATION);
	struct conn *conn = player_conn(shard, association);
	if (association->state == ASSOCIATION_HANDSHAKE)
		shard->counters.dtls_handshakes_failed++;
	if (conn != NULL) {
		ringcast_shard_fast_clear(shard, conn->fast);
		ringcast_fast_path_lose(conn->fast);
	}
	ringcast_timer_cancel(&shard->wheel, &association->timer);
	ringcast_shard_association_unlist(shard, association);
	ringcast_association_close(&shard->security.associations, association);
}

static void say_goodbye(struct shard *shard, struct association *association)
{
	serve_association(shard, association);
	ringcast_crypto_close(association->crypto);
	ringcast_shard_association_break(shard, association);
}

void ringcast_shard_association_leave(struct shard *shard, struct conn *conn)
{
	struct slab *associations = &shard->security.associations.associations;
	struct association *association = conn->fast != NULL ? ringcast_slab_find(associations, conn->fast->association) : NULL;
	if (association != NULL)
		say_goodbye(shard, association);
}

static void fail(struct shard *shard, struct association *association, enum drop_reason drop)
{
	ringcast_shard_drop(shard, drop, 1);
	ringcast_event_address(shard, EVENT_TLS_FAILED, &association->address, drop);
	ringcast_shard_association_break(shard, association);
}

/* The timer: repeats the last flight while the handshake lasts, and ends what is not identified in time */

static void arm_timer(struct shard *shard, struct association *association)
{
	uint64_t repeat_ns = ringcast_crypto_timeout_ms(association->crypto) * NS_PER_MS, at_ns = shard->now_ns + repeat_ns;
	if (repeat_ns == 0 || at_ns > association->deadline_ns)
		at_ns = association->deadline_ns;
	ringcast_timer_arm(&shard->wheel, &association->timer, at_ns);
}

void ringcast_shard_on_association_timer(struct shard *shard, struct association *association)
{
	if (shard->now_ns >= association->deadline_ns) {
		fail(shard, association, DROP_HANDSHAKE_TIMEOUT);
		return;
	}
	serve_association(shard, association);
	if (ringcast_crypto_expire(association->crypto) == CRYPTO_FAILED)
		fail(shard, association, DROP_TLS_FAILED);
	else
		arm_timer(shard, association);
}

/* Identity */

static void answer_identity(struct shard *shard, struct association *association, struct conn *conn, int32_t peer_id)
{
	struct packet result = {
		.opcode = OPCODE_VERIFY_IDENTITY_RESPONSE,
		.sequence = conn != NULL ? conn->fast->sequence_out++ : 0,
		.sender = PROTO_PEER_SERVER,
		.target_player = peer_id,
		.command = PACKET_COMMAND_VERIFY_IDENTITY_RESULT,
		.verify_identity_result = {.is_success = conn != NULL, .peer_id = peer_id},
	};
	send_packet(shard, association, &result);
}

static void refuse_identity(struct shard *shard, struct association *association, int32_t peer_id)
{
	ringcast_shard_drop(shard, DROP_BAD_IDENTITY, 1);
	answer_identity(shard, association, NULL, peer_id);
	say_goodbye(shard, association);
}

/* A player may come again from another address, as after a change of network: then this association is its fast path, and the other one ends. */
static void bind(struct shard *shard, struct association *association, struct conn *conn, int32_t sequence)
{
	ringcast_shard_association_leave(shard, conn);
	ringcast_timer_cancel(&shard->wheel, &association->timer);
	ringcast_association_identify(&shard->security.associations, association, conn->self);
	struct fast_arrival arrival = {.from = &association->address, .local = association->local, .now_ms = ringcast_shard_now_ms(shard)};
	ringcast_fast_path_identify(ringcast_shard_fast_path(shard, conn), &arrival, association->self, sequence);
	conn->fast->port_index = association->port_index; /* where it came, whichever it was told: what it gets leaves from there */
	ringcast_shard_association_list(shard, association);
	shard->counters.fast_greetings++;
	ringcast_shard_tell_fast(conn);
}

/* Who asks again is there, though silent otherwise; and means no new number where it is only a copy. */
static void hear(struct shard *shard, struct conn *conn, const struct packet *packet)
{
	enum drop_reason drop;
	bool was_lost = conn->fast->state == FAST_LOST;
	if (ringcast_fast_path_receive_secure(conn->fast, packet, ringcast_shard_now_ms(shard), &drop) == FAST_DELIVER)
		shard->counters.fast_regained += was_lost;
}

/* An association is one player's for all its life: once it has one, only that one's token is good in it. */
static enum drop_reason identify(struct shard *shard, struct association *association, const struct packet *packet, bool is_repeat)
{
	int32_t peer_id = packet->verify_identity.peer_id;
	if (packet->command != PACKET_COMMAND_VERIFY_IDENTITY)
		return DROP_MALFORMED;
	if (!is_repeat && ringcast_shard_transfer_begin(shard, association, packet))
		return DROP_NONE;
	struct conn *conn = ringcast_shard_find_owner(shard, packet->verify_identity.connect_token, peer_id);
	if (conn == NULL || (is_repeat && (conn->fast == NULL || conn->fast->association != association->self))) {
		refuse_identity(shard, association, peer_id);
		return DROP_NONE; /* counted there */
	}
	if (!ringcast_shard_may_greet(shard, conn))
		return DROP_RATE_HELLOS;
	if (is_repeat)
		hear(shard, conn, packet);
	else
		bind(shard, association, conn, packet->sequence);
	answer_identity(shard, association, conn, peer_id);
	return DROP_NONE;
}

/* Receiving */

static enum drop_reason receive_from_player(struct shard *shard, struct association *association, struct packet *packet)
{
	struct conn *conn = player_conn(shard, association);
	enum drop_reason drop;
	bool was_lost = conn->fast->state == FAST_LOST;
	if (ringcast_fast_path_receive_secure(conn->fast, packet, ringcast_shard_now_ms(shard), &drop) != FAST_DELIVER)
		return drop;
	shard->counters.fast_regained += was_lost;
	shard->counters.messages_received_fast++;
	shard->counters.payload_bytes_received += packet->payload.size;
	ringcast_shard_route(shard, conn, packet, INTENT_FAST);
	return DROP_NONE;
}

static enum gate_place place_of(const struct association *association)
{
	static const uint8_t places[] = {
		[ASSOCIATION_HANDSHAKE] = GATE_ASSOCIATION_HANDSHAKE,
		[ASSOCIATION_ANONYMOUS] = GATE_ASSOCIATION_ANONYMOUS,
		[ASSOCIATION_IDENTIFIED] = GATE_ASSOCIATION_IDENTIFIED,
	};
	return (enum gate_place)places[association->state];
}

static enum drop_reason receive_packet(struct shard *shard, struct association *association, struct packet *packet)
{
	switch (ringcast_gate(packet->opcode, place_of(association))) {
	case GATE_IDENTIFY:
		return identify(shard, association, packet, false);
	case GATE_REPEAT:
		return identify(shard, association, packet, true);
	case GATE_ROUTE:
		return receive_from_player(shard, association, packet);
	default:
		return DROP_BAD_STATE;
	}
}

static void receive_one(struct shard *shard, struct association *association, struct view plain)
{
	struct packet packet;
	enum drop_reason drop = DROP_MALFORMED;
	if (ringcast_packet_decode(plain, &packet) == PACKET_OK)
		drop = receive_packet(shard, association, &packet);
	if (drop != DROP_NONE)
		ringcast_shard_drop(shard, drop, 1);
}

static bool is_merging(const struct shard *shard, const struct association *association)
{
	const struct conn *conn = player_conn(shard, association);
	return conn != NULL && conn->is_merging;
}

/* Several packets in a record, of a player who said so. What one of them says may end the association. */
static void receive_plain(struct shard *shard, struct association *association, struct view plain)
{
	handle self = association->self;
	struct view first = plain, rest = plain;
	unsigned count = 1;
	if (!is_merging(shard, association) || !ringcast_packet_split(&rest, &first) || rest.size == 0) {
		receive_one(shard, association, plain);
		return;
	}
	shard->counters.datagrams_merged_received++;
	do {
		receive_one(shard, association, first);
		association = ringcast_slab_find(&shard->security.associations.associations, self);
	} while (association != NULL && rest.size > 0 && count++ < PROTO_MERGED_PACKETS_MAX && ringcast_packet_split(&rest, &first));
	if (association != NULL && rest.size > 0)
		ringcast_shard_drop(shard, count > PROTO_MERGED_PACKETS_MAX ? DROP_MERGED_TOO_MANY : DROP_MALFORMED, 1);
}

static void establish(struct shard *shard, struct association *association)
{
	char description[128] = "";
	struct association *old = ringcast_association_predecessor(&shard->security.associations, association);
	if (old != NULL)
		ringcast_shard_association_break(shard, old); /* RFC 6347, 4.2.8: not earlier, and not both */
	ringcast_association_establish(association);
	shard->counters.dtls_handshakes_completed++;
	if (ringcast_crypto_describe(association->crypto, description, sizeof(description)) && strstr(description, "resumed") != NULL)
		shard->counters.dtls_handshakes_resumed++;
	arm_timer(shard, association);
}

/* What a packet says may end the association that it came in: it is found anew each time. */
static void read_records(struct shard *shard, struct association *association, struct view datagram)
{
	uint8_t plain[DATAGRAM_BYTES_MAX];
	handle self = association->self;
	size_t size;
	serve_association(shard, association);
	enum crypto_result result = ringcast_crypto_feed(association->crypto, datagram);
	if (association->state == ASSOCIATION_HANDSHAKE && ringcast_crypto_is_established(association->crypto))
		establish(shard, association);
	else if (association->state == ASSOCIATION_HANDSHAKE && result == CRYPTO_OK)
		arm_timer(shard, association); /* progress: what is repeated from here on is another flight */
	while (result != CRYPTO_FAILED && result != CRYPTO_CLOSED) {
		serve_association(shard, association);
		result = ringcast_crypto_read(association->crypto, plain, sizeof(plain), &size);
		if (result == CRYPTO_WANT_INPUT)
			return;
		if (result == CRYPTO_OK)
			receive_plain(shard, association, ringcast_view_of(plain, size));
		association = ringcast_slab_find(&shard->security.associations.associations, self);
		if (association == NULL)
			return;
	}
	if (result == CRYPTO_CLOSED)
		say_goodbye(shard, association);
	else
		fail(shard, association, DROP_TLS_FAILED);
}

/* Then it may turn out to be another shard's; or what comes for it comes to others, and is steered from now on. */
static void open_records(struct shard *shard, struct association *association, struct view datagram)
{
	const struct slab *associations = &shard->security.associations.associations;
	handle self = association->self;
	read_records(shard, association, datagram);
	ringcast_shard_transfer_finish(shard, ringcast_slab_find(associations, self));
	association = ringcast_slab_find(associations, self);
	if (association != NULL && association->is_listed && shard->is_stray)
		ringcast_shard_association_steer(shard, association);
}

/* Hellos */

struct arrival { /* one datagram, at once or in its turn */
	const struct address *address;
	io_id socket;
	struct view bytes;
	uint8_t port_index;
	io_local local;
	bool is_turn;
};

static void fill_peer(const struct arrival *arrival, uint8_t ret_peer[20])
{
	memcpy(ret_peer, arrival->address->ip, 16);
	ret_peer[16] = (uint8_t)(arrival->address->port >> 8);
	ret_peer[17] = (uint8_t)arrival->address->port;
	ret_peer[18] = arrival->port_index;
	ret_peer[19] = 0;
}

/* Who has just come has time to finish, where the others are no fewer. */
static struct association_bounds half_open_bounds(const struct shard *shard)
{
	const struct ringcast_limits *limits = &shard->options.limits;
	uint64_t timeout_ms = limits->handshake_timeout_ms, grace_ms = timeout_ms / 2 < GRACE_MS ? timeout_ms / 2 : GRACE_MS;
	return (struct association_bounds){.half_open_max = limits->half_open_max,
					   .half_open_per_address_max = limits->half_open_per_address_max,
					   .late_deadline_ns = shard->now_ns + (timeout_ms - grace_ms) * NS_PER_MS};
}

static enum drop_reason may_open(const struct shard *shard, const struct arrival *arrival, struct association **ret_victim)
{
	struct association_bounds bounds = half_open_bounds(shard);
	return ringcast_association_may_open(&shard->security.associations, arrival->address, arrival->port_index, &bounds, ret_victim);
}

/* One that only waits for its proof can read that it is over, and begins again at once. */
static void give_way(struct shard *shard, struct association *association)
{
	ringcast_shard_drop(shard, DROP_HALF_OPEN_CROWDED, 1);
	ringcast_event_address(shard, EVENT_TLS_FAILED, &association->address, DROP_HALF_OPEN_CROWDED);
	if (association->state == ASSOCIATION_ANONYMOUS)
		say_goodbye(shard, association);
	else
		ringcast_shard_association_break(shard, association);
}

/* So much of a start that comes again is known for what it is. */
static void recall(const struct association *standing, const struct association *replaced, uint64_t ret_before[ASSOCIATION_HELLOS_MAX])
{
	const struct association *latest = replaced != NULL ? replaced : standing;
	if (latest != NULL)
		memcpy(ret_before, latest->hello_hashes, sizeof(latest->hello_hashes));
}

/* NULL: there is no room, and the session stays the caller's. */
static struct association *take_place(struct shard *shard, const struct arrival *arrival, struct crypto_session *crypto)
{
	struct association *victim;
	enum drop_reason drop = may_open(shard, arrival, &victim);
	if (victim != NULL)
		give_way(shard, victim);
	struct association *association =
		drop == DROP_NONE ? ringcast_association_open(&shard->security.associations, arrival->address, arrival->port_index, crypto) : NULL;
	if (association == NULL) {
		ringcast_shard_drop(shard, DROP_HALF_OPEN_LIMIT, 1);
		return NULL;
	}
	association->local = arrival->local;
	association->timer.kind = ASSOCIATION_TIMER;
	association->deadline_ns = shard->now_ns + shard->options.limits.handshake_timeout_ms * NS_PER_MS;
	return association;
}

/* The cookie proves that the client was at its address: a new start there takes the place of another start, and waits beside who is through with it. */
static void begin(struct shard *shard, const struct arrival *arrival, struct crypto_session *crypto, uint64_t hello_hash)
{
	struct association_table *table = &shard->security.associations;
	struct association *standing = ringcast_association_find(table, arrival->address, arrival->port_index);
	struct association *replaced = ringcast_association_replaced(table, standing);
	uint64_t before[ASSOCIATION_HELLOS_MAX] = {0};
	recall(standing, replaced, before);
	if (replaced != NULL)
		ringcast_shard_association_break(shard, replaced);
	struct association *association = take_place(shard, arrival, crypto);
	if (association == NULL) {
		ringcast_crypto_free(&crypto);
		return;
	}
	shard->counters.dtls_handshakes_started++;
	ringcast_association_begin(association, hello_hash, before);
	arm_timer(shard, association);
}

/* It has come through a handshake there, which is more than what may stand here can say. */
struct association *ringcast_shard_association_adopt(struct shard *shard, struct handoff *handoff)
{
	const struct handoff_association *came = &handoff->association;
	struct arrival arrival = {.address = &handoff->address,
				  .port_index = came->port_index,
				  .local = ringcast_local_number(shard->io->ops->locals(shard->io), &came->local)};
	for (struct association *old; (old = ringcast_association_find(&shard->security.associations, arrival.address, arrival.port_index)) != NULL;)
		ringcast_shard_association_break(shard, old);
	struct association *association = take_place(shard, &arrival, handoff->crypto);
	if (association == NULL)
		return NULL;
	handoff->crypto = NULL;
	ringcast_crypto_move(association->crypto, emit, shard);
	memcpy(association->hello_hashes, came->hello_hashes, sizeof(association->hello_hashes));
	ringcast_association_establish(association);
	arm_timer(shard, association);
	return association;
}

void ringcast_shard_association_prove(struct shard *shard, struct association *association, struct packet *packet)
{
	enum drop_reason drop = receive_packet(shard, association, packet);
	if (drop != DROP_NONE)
		ringcast_shard_drop(shard, drop, 1);
}

static enum drop_reason answer_hello(struct shard *shard, const struct arrival *arrival, uint64_t hello_hash)
{
	struct crypto_session *crypto = NULL;
	uint8_t peer[20];
	fill_peer(arrival, peer);
	serve(shard, arrival->address, arrival->socket, arrival->local);
	switch (ringcast_crypto_listen(shard->security.credentials.datagram, ringcast_view_of(peer, sizeof(peer)), arrival->bytes, emit, shard, &crypto)) {
	case CRYPTO_HELLO_IGNORED:
		return DROP_DTLS_IGNORED;
	case CRYPTO_HELLO_ANSWERED:
		shard->counters.dtls_hellos_answered++;
		return DROP_NONE;
	case CRYPTO_HELLO_VERIFIED:
		begin(shard, arrival, crypto, hello_hash);
		return DROP_NONE;
	}
	ringcast_unreachable("hello");
}

static enum drop_reason wait_for_turn(struct shard *shard, const struct arrival *arrival)
{
	struct handshake_queue *queue = &shard->security.queue;
	struct handshake_datagram datagram = {.address = *arrival->address, .socket = arrival->socket, .port_index = arrival->port_index, .local = arrival->local};
	datagram.buf = ringcast_buf_alloc_spare(shard->pool, arrival->bytes.size);
	if (datagram.buf == NULL && ringcast_handshake_queue_make_room(queue, arrival->address)) {
		ringcast_shard_drop(shard, DROP_HANDSHAKE_QUEUE, 1);
		datagram.buf = ringcast_buf_alloc_spare(shard->pool, arrival->bytes.size);
	}
	if (datagram.buf == NULL)
		return DROP_NO_BUFFER;
	memcpy(datagram.buf->data, arrival->bytes.data, arrival->bytes.size);
	datagram.buf->size = (uint32_t)arrival->bytes.size;
	return ringcast_handshake_queue_add_datagram(queue, &datagram) ? DROP_NONE : DROP_HANDSHAKE_QUEUE;
}

/* Players who came by TLS have an allowance of their address's: a flood of strangers, whose addresses may be invented, does not keep them out. */
static bool may_answer(struct shard *shard, const struct address *address)
{
	const struct ringcast_limits *limits = &shard->options.limits;
	return ringcast_address_table_take_hello(&shard->addresses, address, limits->hellos_per_second_per_address, shard->now_ns) ||
	       ringcast_ratelimit_take(&shard->security.hellos, limits->hellos_per_second, 1, shard->now_ns) ||
	       (shard->options.directory != NULL &&
		ringcast_directory_take_hello(shard->options.directory, address, limits->hellos_per_second_per_address, shard->now_ns));
}

static bool has_good_cookie(const struct shard *shard, const struct arrival *arrival, const struct dtls_hello *hello)
{
	uint8_t peer[20];
	fill_peer(arrival, peer);
	return hello->cookie.size > 0 &&
	       ringcast_crypto_is_cookie_good(shard->security.credentials.datagram, ringcast_view_of(peer, sizeof(peer)), arrival->bytes);
}

/*
 * Without a cookie of ours: cheap, answered at once, but only so many a second, whatever stands where the cookie would. With one it may become a
 * handshake: bounds first, then its turn.
 */
static enum drop_reason receive_hello(struct shard *shard, const struct arrival *arrival, const struct dtls_hello *hello, uint64_t hello_hash)
{
	struct association *victim;
	if (shard->is_stopping)
		return DROP_DRAINING;
	if (!has_good_cookie(shard, arrival, hello))
		return may_answer(shard, arrival->address) ? answer_hello(shard, arrival, hello_hash) : DROP_RATE_HELLOS;
	enum drop_reason drop = may_open(shard, arrival, &victim); /* the victim goes when the place is taken */
	if (drop != DROP_NONE)
		return drop;
	return arrival->is_turn ? answer_hello(shard, arrival, hello_hash) : wait_for_turn(shard, arrival);
}

/* From an address that nobody here has. Where shards share their ports it may be another's. */
static enum drop_reason pass_on(struct shard *shard, const struct arrival *arrival)
{
	uint32_t target = ringcast_shard_seek_association(shard, arrival->address, arrival->port_index);
	struct io_event event = {.kind = IO_EVENT_DATAGRAM,
				 .user = arrival->port_index,
				 .data = (uint8_t *)(uintptr_t)arrival->bytes.data,
				 .size = (uint32_t)arrival->bytes.size,
				 .address = *arrival->address,
				 .local = arrival->local};
	return target != DIRECTORY_NOBODY ? ringcast_shard_stray_post(shard, &event, target) : DROP_UNKNOWN_ASSOCIATION;
}

static enum drop_reason receive_record(struct shard *shard, const struct arrival *arrival, struct association *association)
{
	if (association == NULL)
		return pass_on(shard, arrival);
	if (association->state == ASSOCIATION_HANDSHAKE && !arrival->is_turn)
		return wait_for_turn(shard, arrival);
	open_records(shard, association, arrival->bytes);
	return DROP_NONE;
}

/* Of two at one address: the successor's are the records of a handshake, for only it is in one. */
static struct association *addressee(const struct shard *shard, const struct arrival *arrival)
{
	const struct association_table *table = &shard->security.associations;
	struct association *standing = ringcast_association_find(table, arrival->address, arrival->port_index);
	struct association *successor = standing != NULL ? ringcast_association_successor(table, standing) : NULL;
	struct view rest = arrival->bytes;
	struct dtls_record first;
	if (successor == NULL || !ringcast_dtls_next_record(&rest, &first))
		return standing;
	bool is_handshake = first.epoch == 0 || first.type == DTLS_CONTENT_HANDSHAKE || first.type == DTLS_CONTENT_CHANGE_CIPHER_SPEC;
	return is_handshake ? successor : standing;
}

static bool has_seen(const struct shard *shard, const struct association *association, uint64_t hello_hash)
{
	const struct association *predecessor = ringcast_association_predecessor(&shard->security.associations, association);
	return ringcast_association_has_seen(association, hello_hash) ||
	       (predecessor != NULL && ringcast_association_has_seen(predecessor, hello_hash));
}

static enum drop_reason receive(struct shard *shard, const struct arrival *arrival)
{
	struct association *association = addressee(shard, arrival);
	bool is_established = association != NULL && association->state != ASSOCIATION_HANDSHAKE;
	struct dtls_hello hello;
	switch (ringcast_crypto_prefilter(arrival->bytes, is_established)) {
	case CRYPTO_PREFILTER_DROP_MALFORMED:
		return DROP_DTLS_MALFORMED;
	case CRYPTO_PREFILTER_DROP_SHORT:
		return DROP_DTLS_SHORT;
	case CRYPTO_PREFILTER_DROP_PLAINTEXT:
		return DROP_DTLS_PLAINTEXT;
	case CRYPTO_PREFILTER_FEED:
		return receive_record(shard, arrival, association);
	case CRYPTO_PREFILTER_LISTEN:
		break;
	}
	if (!ringcast_dtls_hello_read(arrival->bytes, &hello))
		return DROP_DTLS_MALFORMED;
	enum drop_reason drop = association == NULL ? pass_on(shard, arrival) : DROP_UNKNOWN_ASSOCIATION;
	if (drop != DROP_UNKNOWN_ASSOCIATION)
		return drop;
	uint64_t hello_hash = ringcast_hash_bytes(hello.random.data, hello.random.size, shard->fast_seed) | 1;
	if (association != NULL && !is_established && association->hello_hashes[0] == hello_hash)
		return receive_record(shard, arrival, association); /* our flight was lost: the session repeats it */
	if (association != NULL && has_seen(shard, association, hello_hash))
		return DROP_STALE_HELLO; /* a copy that was late, or somebody's replay: its cookie is good, but it starts nothing */
	return receive_hello(shard, arrival, &hello, hello_hash);
}

static void arrive(struct shard *shard, const struct arrival *arrival)
{
	enum drop_reason drop = receive(shard, arrival);
	if (drop != DROP_NONE)
		ringcast_shard_drop(shard, drop, 1);
}

void ringcast_shard_association_step(struct shard *shard, const struct handshake_datagram *datagram)
{
	arrive(shard, &(struct arrival){.address = &datagram->address,
					.socket = datagram->socket,
					.bytes = ringcast_view_of(datagram->buf->data, datagram->buf->size),
					.port_index = datagram->port_index,
					.local = datagram->local,
					.is_turn = true});
}

bool ringcast_shard_is_dtls(const struct shard *shard, const struct io_event *event)
{
	return shard->security.credentials.datagram != NULL && ringcast_crypto_is_dtls(ringcast_view_of(event->data, event->size));
}

void ringcast_shard_on_record(struct shard *shard, const struct io_event *event)
{
	arrive(shard, &(struct arrival){.address = &event->address,
					.socket = event->id,
					.bytes = ringcast_view_of(event->data, event->size),
					.port_index = (uint8_t)event->user,
					.local = event->local});
}
