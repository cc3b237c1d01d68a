/*
 * The UDP sockets of a shard. A plain datagram names its player only by a small number, unique in its session; the port handed out at
 * login makes (client address, peer id, port) unique among the shard's players, so that one lookup finds the player.
 */
#include <errno.h>

#include "base/assert.h"
#include "base/hash.h"
#include "shard/shard_private.h"

struct peer_key {
	uint8_t ip[16];
	int32_t peer_id;
	uint32_t port_index;
};

static uint64_t key_of(const struct shard *shard, const struct address *address, int32_t peer_id, uint32_t port_index)
{
	struct peer_key key = {.peer_id = peer_id, .port_index = port_index};
	if (!shard->options.is_udp_address_free)
		memcpy(key.ip, address->ip, sizeof(key.ip));
	return ringcast_hash_bytes(&key, sizeof(key), shard->fast_seed) | 1;
}

/* A secure player is known by its association, so that several from one address may use the same port. They are spread over the ports. */
static bool open_secure(struct shard *shard, struct conn *conn)
{
	if (shard->udp_port_count == 0 || shard->security.credentials.datagram == NULL)
		return false;
	conn->fast_port = (uint8_t)(ringcast_handle_index(conn->self) % shard->udp_port_count);
	ringcast_address_table_know(&shard->addresses, &conn->address, 1);
	if (shard->options.directory != NULL)
		conn->secure->is_known = ringcast_directory_know(shard->options.directory, &conn->address, shard->now_ns);
	return conn->has_fast_port = true;
}

/* The place of a plain player behind one port: ours, and where shards share their ports, nobody else's. */
static bool take_place(struct shard *shard, uint64_t key, handle conn)
{
	struct directory *directory = shard->options.directory;
	if (ringcast_map_find(&shard->fast_peers, key) != 0 || (directory != NULL && !ringcast_directory_add(directory, key, shard->options.index)))
		return false;
	bool is_added = ringcast_map_add(&shard->fast_peers, key, conn);
	if (!is_added && directory != NULL)
		ringcast_directory_remove(directory, key);
	return is_added;
}

static void give_place(struct shard *shard, uint64_t key, struct fast_path *fast)
{
	bool was_there = ringcast_map_remove(&shard->fast_peers, key);
	ringcast_assert(was_there);
	if (shard->options.directory == NULL)
		return;
	ringcast_directory_remove(shard->options.directory, key);
	if (fast != NULL)
		ringcast_shard_unsteer(shard, fast);
}

bool ringcast_shard_fast_open(struct shard *shard, struct conn *conn)
{
	ringcast_assert(conn->player != NULL);
	if (conn->secure != NULL)
		return open_secure(shard, conn);
	for (uint32_t port = 0; port < shard->udp_port_count; port++) {
		uint64_t key = key_of(shard, &conn->address, conn->player->peer_id, port);
		if (!take_place(shard, key, conn->self))
			continue;
		conn->fast_port = (uint8_t)port;
		return conn->has_fast_port = true;
	}
	if (shard->udp_port_count > 0)
		shard->counters.fast_port_exhausted++;
	return false;
}

struct fast_path *ringcast_shard_fast_path(struct shard *shard, struct conn *conn)
{
	handle self;
	ringcast_assert(conn->has_fast_port && conn->player != NULL);
	if (conn->fast != NULL)
		return conn->fast;
	conn->fast = ringcast_slab_alloc(&shard->fast_paths, &self);
	ringcast_assert(conn->fast != NULL); /* there are as many as connections */
	conn->fast->self = self;
	conn->fast->conn = conn->self;
	conn->fast->port_index = conn->fast_port;
	conn->fast->is_merging = conn->is_merging;
	ringcast_fast_path_open(conn->fast, (uint32_t)(conn->player->joined_ns / NS_PER_MS));
	return conn->fast;
}

void ringcast_shard_fast_clear(struct shard *shard, struct fast_path *fast)
{
	ringcast_shard_lose_fast(shard, DROP_RECEIVER_GONE, fast->queued_count);
	fast->queued_count = 0;
	if (ringcast_list_has(&fast->dirty_node))
		ringcast_list_remove(&fast->dirty_node);
}

/* Before the player leaves its connection: the plain path is found by the player's number. */
void ringcast_shard_fast_close(struct shard *shard, struct conn *conn)
{
	struct fast_path *fast = conn->fast;
	if (!conn->has_fast_port)
		return;
	if (conn->secure == NULL) {
		give_place(shard, key_of(shard, &conn->address, conn->player->peer_id, conn->fast_port), fast);
	} else {
		ringcast_shard_association_leave(shard, conn);
		ringcast_address_table_know(&shard->addresses, &conn->address, -1);
		if (conn->secure->is_known)
			ringcast_directory_forget(shard->options.directory, &conn->address);
		conn->secure->is_known = false;
	}
	conn->has_fast_port = false;
	conn->fast = NULL;
	if (fast == NULL)
		return;
	ringcast_shard_fast_clear(shard, fast);
	ringcast_slab_free(&shard->fast_paths, fast->self);
}

/* The answer to a hello goes out at once, not with the tick: nothing else may share its datagram. NONE, or why there is none. */
static enum drop_reason greet(struct shard *shard, struct conn *conn, io_id socket)
{
	struct fast_path *fast = conn->fast;
	struct packet ack = {
		.opcode = OPCODE_UDP_CONNECT_SERVER_ACK,
		.sequence = fast->sequence_out,
		.sender = PROTO_PEER_SERVER,
		.target_player = conn->player->peer_id,
		.command = PACKET_COMMAND_UDP_CONNECT,
	};
	if (!ringcast_fast_path_spend(fast, (uint32_t)ringcast_packet_encoded_bytes(&ack)))
		return DROP_SHORT_HELLO;
	struct buf *buf = ringcast_buf_alloc(shard->pool, PROTO_PACKET_OVERHEAD_BYTES_MAX);
	if (buf == NULL || shard->tx_buf_count == SHARD_TX_BUF_MAX) {
		if (buf != NULL)
			ringcast_buf_unref(buf);
		return DROP_NO_BUFFER;
	}
	buf->size = (uint32_t)ringcast_packet_encode(&ack, buf->data, buf->capacity);
	fast->sequence_out++;
	shard->tx_bufs[shard->tx_buf_count++] = buf;
	struct io_datagram datagram = {.address = fast->address, .local = fast->local, .data = buf->data, .size = buf->size, .user = conn->self};
	shard->counters.fast_greetings++;
	shard->counters.datagram_writes++;
	shard->io->ops->udp_send(shard->io, socket, &datagram, 1);
	return DROP_NONE;
}

static uint64_t sender_key(const struct shard *shard, const struct io_event *event, const struct packet *packet)
{
	return key_of(shard, &event->address, packet->sender, (uint32_t)event->user);
}

/* Inlined, as receive_one is: with a second caller each became a call for every datagram. */
__attribute__((always_inline)) static inline struct conn *find_peer(const struct shard *shard, uint64_t key)
{
	return ringcast_slab_find(&shard->conns, ringcast_map_find(&shard->fast_peers, key));
}

/* A datagram of nobody here. Where shards share their ports it may be another's. */
static enum drop_reason pass_on(struct shard *shard, const struct io_event *event, uint64_t key)
{
	uint32_t target = DIRECTORY_NOBODY;
	if (shard->options.directory != NULL && !shard->is_stray)
		target = ringcast_directory_find(shard->options.directory, key);
	if (target == DIRECTORY_NOBODY || target == shard->options.index)
		return DROP_UNKNOWN_PEER;
	return ringcast_shard_stray_post(shard, event, target);
}

/* Where shards share their ports: the kernel is told where a path is. */
static void follow(struct shard *shard, struct fast_path *fast, const struct io_event *event, enum fast_event heard)
{
	if (shard->is_stray && heard != FAST_IGNORE && ringcast_address_is_equal(&fast->address, &event->address))
		ringcast_shard_steer(shard, fast);
	else if (fast->is_steered && !ringcast_address_is_equal(&fast->steered, &fast->address))
		ringcast_shard_unsteer(shard, fast); /* where it has moved, chance brings it here: whoever gets the old address is not to be steered */
}

/* And counts what it does to the path. */
static enum fast_event pass_fast(struct shard *shard, struct conn *conn, const struct io_event *event, const struct packet *packet,
				 enum drop_reason *ret_drop)
{
	struct fast_arrival arrival = {.from = &event->address, .local = event->local, .now_ms = ringcast_shard_now_ms(shard), .size = event->size};
	struct fast_path *fast = ringcast_shard_fast_path(shard, conn);
	enum fast_state before = fast->state;
	uint16_t port_before = fast->address.port;
	enum fast_event result = ringcast_fast_path_receive(fast, &arrival, packet, ret_drop);
	shard->counters.fast_lost += before == FAST_UP && fast->state == FAST_LOST;
	shard->counters.fast_regained += before == FAST_LOST && fast->state == FAST_UP;
	shard->counters.fast_moved += before == FAST_LOST && fast->address.port != port_before;
	if (before != FAST_UP && fast->state == FAST_UP)
		ringcast_shard_tell_fast(conn);
	if (shard->options.directory != NULL)
		follow(shard, fast, event, result);
	return result;
}

void ringcast_shard_fast_check(struct shard *shard, struct conn *conn)
{
	if (conn->fast != NULL)
		shard->counters.fast_lost +=
			ringcast_fast_path_check_silence(conn->fast, ringcast_shard_now_ms(shard), shard->options.limits.fast_silence_ms);
	ringcast_shard_tell_fast(conn); /* only here that it is in doubt: whose path comes and goes makes no letter each time */
}

/* Want of memory passes by itself. What else the kernel has against the way there may last. */
void ringcast_shard_on_send_error(struct shard *shard, const struct io_event *event)
{
	struct conn *conn = ringcast_slab_find(&shard->conns, event->user);
	bool is_passing = event->result == -EAGAIN || event->result == -ENOBUFS || event->result == -ENOMEM;
	ringcast_shard_drop(shard, DROP_SEND_ERROR, 1);
	if (conn != NULL && conn->fast != NULL && !is_passing)
		shard->counters.fast_lost += ringcast_fast_path_doubt(conn->fast);
}

static enum drop_reason receive_merged(struct shard *shard, const struct io_event *event);

static enum drop_reason receive(struct shard *shard, const struct io_event *event)
{
	struct packet packet;
	enum drop_reason drop;
	if (event->is_truncated)
		return DROP_TRUNCATED;
	if (shard->options.security == SHARD_SECURE_REQUIRED)
		return DROP_PLAINTEXT;
	enum packet_error error = ringcast_packet_decode(ringcast_view_of(event->data, event->size), &packet);
	if (UNLIKELY(error != PACKET_OK))
		return error == PACKET_TRAILING ? receive_merged(shard, event) : DROP_MALFORMED;
	uint64_t key = sender_key(shard, event, &packet);
	struct conn *conn = find_peer(shard, key);
	if (conn == NULL)
		return pass_on(shard, event, key);
	ringcast_check_magic(conn, CONN);
	ringcast_check_magic(conn->player, PLAYER);
	switch (pass_fast(shard, conn, event, &packet, &drop)) {
	case FAST_IGNORE:
		return drop;
	case FAST_GREET:
		if (!ringcast_shard_may_greet(shard, conn))
			return DROP_RATE_HELLOS;
		return greet(shard, conn, event->id);
	case FAST_DELIVER:
		shard->counters.messages_received_fast++;
		shard->counters.payload_bytes_received += packet.payload.size;
		ringcast_shard_route(shard, conn, &packet, INTENT_FAST);
		return DROP_NONE;
	}
	ringcast_unreachable("fast event");
}

__attribute__((always_inline)) static inline void receive_one(struct shard *shard, const struct io_event *event)
{
	enum drop_reason drop = receive(shard, event);
	if (drop == DROP_NONE)
		return;
	ringcast_shard_drop(shard, drop, 1);
	if (drop == DROP_MALFORMED || drop == DROP_TRUNCATED)
		ringcast_event_address(shard, EVENT_GARBAGE, &event->address, drop);
}

static bool is_from_bound(const struct io_event *event, const struct conn *conn)
{
	return conn != NULL && conn->fast != NULL && ringcast_fast_path_is_bound(conn->fast, &event->address);
}

/* Where shards share their ports it may be for another one to say so: it gets all of it. */
static enum drop_reason refuse_merged(struct shard *shard, const struct io_event *event, uint64_t key, const struct conn *conn)
{
	enum drop_reason drop = conn == NULL ? pass_on(shard, event, key) : DROP_UNKNOWN_PEER;
	return drop == DROP_UNKNOWN_PEER ? DROP_MALFORMED : drop;
}

/* As if it had come by itself. What is split off has nothing behind it. */
static void receive_part(struct shard *shard, const struct io_event *event, struct view part)
{
	struct io_event one = *event;
	one.data = (uint8_t *)(uintptr_t)part.data;
	one.size = (uint32_t)part.size;
	receive_one(shard, &one);
}

/* What one of them says may end the player, so each finds it anew. */
static void receive_rest(struct shard *shard, const struct io_event *event, struct view rest)
{
	struct view next;
	for (unsigned count = 1; rest.size > 0; count++) {
		if (count == PROTO_MERGED_PACKETS_MAX || !ringcast_packet_split(&rest, &next)) {
			ringcast_shard_drop(shard, count == PROTO_MERGED_PACKETS_MAX ? DROP_MERGED_TOO_MANY : DROP_MALFORMED, 1);
			return;
		}
		receive_part(shard, event, next);
	}
}

/*
 * Only of a player who said so, and only from where it is known to be. From elsewhere it is one packet, the first: it may be the player behind another
 * port, who says nothing else any more, and one datagram must not be the three that move it.
 */
__attribute__((noinline)) static enum drop_reason receive_merged(struct shard *shard, const struct io_event *event)
{
	struct view rest = ringcast_view_of(event->data, event->size), first;
	struct packet packet;
	if (!ringcast_packet_split(&rest, &first) || ringcast_packet_decode(first, &packet) != PACKET_OK)
		return DROP_MALFORMED;
	uint64_t key = sender_key(shard, event, &packet);
	const struct conn *conn = find_peer(shard, key);
	if (conn == NULL || !conn->is_merging)
		return refuse_merged(shard, event, key, conn);
	shard->counters.datagrams_merged_received++;
	bool was_bound = is_from_bound(event, conn);
	receive_part(shard, event, first);
	if (!was_bound && !is_from_bound(event, find_peer(shard, key)))
		return DROP_WRONG_ADDRESS;
	receive_rest(shard, event, rest);
	return DROP_NONE;
}

void ringcast_shard_on_datagram(struct shard *shard, const struct io_event *event)
{
	if (shard->options.security != SHARD_PLAIN && !event->is_truncated && ringcast_shard_is_dtls(shard, event)) {
		ringcast_shard_on_record(shard, event);
		return;
	}
	receive_one(shard, event);
}
