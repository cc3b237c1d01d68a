/*
 * A datagram of several packets, whatever it holds, tells the same story as its packets in datagrams of their own: that is the whole rule of merging, for a
 * server that reads a player's and for a client that reads a server's. What is no packet ends it, and so do 128 of them.
 *
 * Each input is read twice, whole by one client or shard and in pieces by its twin, which know nothing of each other; the pieces are cut here by code that
 * shares nothing with theirs. The shard is a real one on the simulated network, and the real client core logs in to it, so that it is up and merging.
 *
 * Input: one byte, whose lowest bit says which side reads, then the datagram.
 */
#include "base/assert.h"
#include "fuzz_target.h"
#include "io/io_sim.h"
#include "proto/clients/c/core.h"
#include "shard/shard_private.h"

enum { TOLD_MAX = 512, DATAGRAM_BYTES_MAX = 1400, STEPS_MAX = 20000, FENCE_OPCODE = 777, SCRATCH_BYTES = 65536 };
#define START_NS (1000 * NS_PER_S)

/* A player's client, and what it was told. core comes first: its ops find the rest by it. */
struct guest {
	struct client_core core;
	struct sim_network *network; /* NULL: nobody is there, datagrams are fed by hand */
	sim_stream stream;
	int socket;
	struct address udp, server;
	struct {int32_t opcode, sequence, sender; size_t payload_bytes;} told[TOLD_MAX];
	unsigned told_count;
	bool has_heard_fence;
};

struct world {
	struct sim_network *network;
	struct shard *shard;
	struct mailbox *mailboxes[1];
	struct guest guest;
};

/* the client's side */

static struct guest *guest_of(struct client_core *core)
{
	return (struct guest *)core;
}

static bool op_stream_send(struct client_core *core, const uint8_t *bytes, size_t size, bool is_control)
{
	struct guest *guest = guest_of(core);
	(void)is_control;
	if (guest->network != NULL)
		ringcast_sim_stream_write(guest->network, guest->stream, bytes, size);
	return true;
}

static bool op_datagram_send(struct client_core *core, const uint8_t *bytes, size_t size)
{
	struct guest *guest = guest_of(core);
	if (guest->network != NULL)
		ringcast_sim_udp_send(guest->network, &guest->udp, &guest->server, bytes, size);
	return true;
}

static bool op_fast_open(struct client_core *core, uint16_t port, struct view ca_cert)
{
	struct guest *guest = guest_of(core);
	(void)ca_cert;
	guest->server.port = port;
	guest->socket = guest->network != NULL ? ringcast_sim_udp_open(guest->network, &guest->udp) : -1;
	return true;
}

static void op_nothing(struct client_core *core)
{
	(void)core;
}

static void op_fast_failed(struct client_core *core, const char *reason)
{
	(void)core;
	(void)reason;
}

static void op_message(struct client_core *core, const struct packet *packet, bool is_fast)
{
	struct guest *guest = guest_of(core);
	guest->has_heard_fence |= packet->opcode == FENCE_OPCODE && !is_fast;
	ringcast_assert(guest->told_count < TOLD_MAX);
	guest->told[guest->told_count].opcode = packet->opcode;
	guest->told[guest->told_count].sequence = packet->sequence;
	guest->told[guest->told_count].sender = packet->sender;
	guest->told[guest->told_count++].payload_bytes = packet->payload.size;
}

static void op_membership(struct client_core *core, const struct packet *packet)
{
	(void)core;
	(void)packet;
}

static void op_closed(struct client_core *core, uint16_t code, struct view reason)
{
	(void)core;
	(void)code;
	(void)reason;
}

static const struct client_core_ops ops = {
	.stream_send = op_stream_send,
	.datagram_send = op_datagram_send,
	.fast_open = op_fast_open,
	.logged_in = op_nothing,
	.fast_up = op_nothing,
	.fast_failed = op_fast_failed,
	.fast_silent = op_nothing,
	.message = op_message,
	.membership = op_membership,
	.closed = op_closed,
};

static void guest_start(struct guest *guest, uint64_t now_ns)
{
	static const char token[] = "dev-a-1";
	const struct client_core_options options = {
		.ops = &ops, .host_and_port = "h:1900", .path = "/", .token = ringcast_view_of(token, sizeof(token) - 1), .seed = 1, .connect_timeout_ns = NS_PER_S,
		.close_timeout_ns = NS_PER_S, .may_merge = true};
	bool is_started = ringcast_client_core_start(&guest->core, &options, now_ns);
	ringcast_assert(is_started);
}

/* the pieces: a length of up to ten bytes, and as much as it says */

static size_t piece_of(const uint8_t *data, size_t size)
{
	uint64_t length = 0;
	for (size_t i = 0; i < size && i < 10; i++) {
		length |= (uint64_t)(data[i] & 0x7f) << (7 * i);
		if (i == 9 && data[i] > 1)
			return 0;
		if (data[i] < 0x80)
			return length <= size - i - 1 ? i + 1 + (size_t)length : 0;
	}
	return 0;
}

typedef void feed_fn(void *reader, const uint8_t *data, size_t size);

/* True: more than a reader takes was left. */
static bool feed_pieces(feed_fn *feed, void *reader, const uint8_t *data, size_t size)
{
	for (unsigned count = 0; size > 0; count++) {
		size_t piece = piece_of(data, size);
		if (count == PROTO_MERGED_PACKETS_MAX)
			return true;
		if (count > 0 && piece == 0) { /* the rest is none */
			feed(reader, data, size);
			return false;
		}
		piece = piece != 0 ? piece : size;
		feed(reader, data, piece);
		data += piece;
		size -= piece;
	}
	return false;
}

static void compare_told(const struct guest *whole, const struct guest *pieces)
{
	ringcast_assert(whole->told_count == pieces->told_count);
	for (unsigned i = 0; i < whole->told_count; i++) {
		ringcast_assert(whole->told[i].opcode == pieces->told[i].opcode && whole->told[i].sender == pieces->told[i].sender);
		ringcast_assert(whole->told[i].sequence == pieces->told[i].sequence && whole->told[i].payload_bytes == pieces->told[i].payload_bytes);
	}
}

/* a client reads */

static void feed_client(void *reader, const uint8_t *data, size_t size)
{
	ringcast_client_core_receive_datagram(&((struct guest *)reader)->core, data, size, START_NS);
}

/* As it is behind the login and the server's answer to its hello. */
static void open_by_hand(struct guest *guest)
{
	*guest = (struct guest){.socket = -1};
	guest_start(guest, START_NS);
	guest->core.phase = CLIENT_CORE_OPEN;
	guest->core.peer_id = 1;
	const struct packet result = {.login_result = {.is_success = true, .peer_id = 1, .fast_port = 33400, .merge_bytes = 1200}};
	const struct packet ack = {.opcode = OPCODE_UDP_CONNECT_SERVER_ACK, .sender = PROTO_PEER_SERVER, .target_player = 1};
	uint8_t bytes[PROTO_PACKET_OVERHEAD_BYTES_MAX];
	ringcast_client_core_start_fast(&guest->core, &result);
	feed_client(guest, bytes, ringcast_packet_encode(&ack, bytes, sizeof(bytes)));
	ringcast_assert(guest->core.fast == CLIENT_CORE_FAST_UP && guest->core.is_merging);
}

static void read_as_client(const uint8_t *data, size_t size)
{
	static struct guest whole, pieces;
	open_by_hand(&whole);
	open_by_hand(&pieces);
	feed_client(&whole, data, size);
	bool is_cut = feed_pieces(feed_client, &pieces, data, size);
	compare_told(&whole, &pieces);
	ringcast_assert(whole.core.counters.datagrams_stale == pieces.core.counters.datagrams_stale);
	ringcast_assert(whole.core.counters.datagrams_jumped == pieces.core.counters.datagrams_jumped);
	ringcast_assert(whole.core.counters.datagrams_malformed == pieces.core.counters.datagrams_malformed + is_cut);
	ringcast_assert(whole.core.sequence_last == pieces.core.sequence_last);
	ringcast_client_core_fini(&whole.core);
	ringcast_client_core_fini(&pieces.core);
}

/* a shard reads */

static struct address address_of(uint8_t host, uint16_t port)
{
	return (struct address){.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = host}, .port = port};
}

static void set_limits(struct ringcast_limits *limits)
{
#define X(type, name, default_value, ...) limits->name = (default_value);
	RINGCAST_LIMITS(X)
#undef X
	limits->sessions_max = 2;
	limits->players_max = limits->connections_max = 4;
	limits->buffer_memory_bytes = 8 << 20;
}

static void create_shard(struct world *world)
{
	char error[200] = "";
	struct shard_options options = {.count = 1, .listens = {{.address = address_of(1, 1900), .is_v4 = true}}, .listen_count = 1, .udp_port_base = 33400,
					.udp_port_count = 1, .is_open = true, .mailboxes = world->mailboxes};
	struct io_options io = {.stream_count_max = 8, .stream_buffer_count = 8, .stream_buffer_bytes = 512, .datagram_buffer_count = 256, .datagram_buffer_bytes = 2048};
	struct session_options session = {.name = "a", .players_max = 2, .empty_timeout_ms = UINT32_MAX};
	struct session *opened;
	set_limits(&options.limits);
	world->shard = ringcast_shard_create(&options, ringcast_io_sim_create(world->network, &io), error, sizeof(error));
	ringcast_assert(world->shard != NULL);
	enum drop_reason drop = ringcast_session_open(&world->shard->store, &session, START_NS, &opened);
	ringcast_assert(drop == DROP_NONE);
}

static void guest_read(struct guest *guest, uint64_t now_ns)
{
	static uint8_t scratch[SCRATCH_BYTES];
	struct address from;
	size_t size, kept = ringcast_client_core_take_tail(&guest->core, scratch);
	size = kept + ringcast_sim_stream_read(guest->network, guest->stream, scratch + kept, sizeof(scratch) - kept);
	ringcast_client_core_receive_stream(&guest->core, scratch, size, now_ns);
	while (guest->socket >= 0 && ringcast_sim_udp_receive(guest->network, guest->socket, &from, scratch, sizeof(scratch), &size))
		ringcast_client_core_receive_datagram(&guest->core, scratch, size, now_ns);
}

static void run_for(struct world *world, uint64_t duration_ns)
{
	uint64_t until_ns = ringcast_sim_network_now_ns(world->network) + duration_ns;
	for (int steps = 0;; steps++) {
		ringcast_assert(steps < STEPS_MAX);
		bool is_runnable = ringcast_io_sim_is_runnable(world->shard->io);
		if (is_runnable)
			ringcast_shard_tick(world->shard);
		guest_read(&world->guest, ringcast_sim_network_now_ns(world->network));
		if (is_runnable)
			continue;
		uint64_t next_ns = ringcast_sim_network_next_deadline(world->network);
		ringcast_sim_network_advance_to(world->network, next_ns < until_ns ? next_ns : until_ns);
		if (next_ns >= until_ns)
			return;
	}
}

static void world_init(struct world *world)
{
	struct sim_network_options options = {.seed = 1, .start_ns = START_NS, .latency_ns = 10 * NS_PER_US};
	struct address tcp = address_of(10, 20000), to = address_of(1, 1900);
	*world = (struct world){.network = ringcast_sim_network_create(&options), .mailboxes = {ringcast_mailbox_create(1)}};
	ringcast_assert(world->network != NULL && world->mailboxes[0] != NULL);
	create_shard(world);
	world->guest = (struct guest){.network = world->network, .socket = -1, .udp = address_of(10, 40000), .server = to};
	world->guest.stream = ringcast_sim_stream_connect(world->network, &tcp, &to);
	guest_start(&world->guest, START_NS);
	run_for(world, 20 * NS_PER_MS);
	ringcast_assert(world->guest.core.fast == CLIENT_CORE_FAST_UP && world->guest.core.is_merging);
}

static void world_fini(struct world *world)
{
	ringcast_shard_stop(world->shard);
	run_for(world, 10 * NS_PER_S);
	ringcast_assert(ringcast_shard_is_idle(world->shard));
	ringcast_mailbox_close(world->mailboxes[0]);
	ringcast_shard_destroy(&world->shard);
	ringcast_mailbox_destroy(&world->mailboxes[0]);
	if (world->guest.socket >= 0)
		ringcast_sim_udp_close(world->network, world->guest.socket);
	ringcast_client_core_fini(&world->guest.core);
	ringcast_sim_network_destroy(&world->network);
}

static void feed_shard(void *reader, const uint8_t *data, size_t size)
{
	struct world *world = reader;
	ringcast_sim_udp_send(world->network, &world->guest.udp, &world->guest.server, data, size);
}

/* Whatever it said by UDP, the player is served. */
static void check_served(struct world *world)
{
	const struct client_core_message fence = {.opcode = FENCE_OPCODE, .target_group = PROTO_GROUP_ALL};
	enum client_core_send_result result = ringcast_client_core_send(&world->guest.core, &fence);
	run_for(world, 20 * NS_PER_MS);
	ringcast_assert(result == CLIENT_CORE_SENT_RELIABLE && world->guest.has_heard_fence);
}

static void compare_counters(const struct shard_counters *whole, const struct shard_counters *pieces, bool is_cut)
{
	ringcast_assert(whole->messages_received_fast == pieces->messages_received_fast && whole->payload_bytes_received == pieces->payload_bytes_received);
	ringcast_assert(whole->deliveries_asked == pieces->deliveries_asked && whole->fast_greetings == pieces->fast_greetings);
	for (unsigned reason = 0; reason < DROP_REASON_COUNT; reason++) {
		uint64_t more = reason == DROP_MERGED_TOO_MANY && is_cut;
		ringcast_assert(whole->drops[reason] == pieces->drops[reason] + more);
	}
}

/* Only the first packet says whose datagram it is: where it is none, or somebody else's, nothing of the rest counts. */
static bool is_the_players(const uint8_t *data, size_t size, int32_t peer_id)
{
	struct packet packet;
	size_t piece = piece_of(data, size);
	return piece > 0 && ringcast_packet_decode(ringcast_view_of(data, piece), &packet) == PACKET_OK && packet.sender == peer_id;
}

static void read_as_shard(const uint8_t *data, size_t size)
{
	static struct world whole, pieces;
	world_init(&whole);
	world_init(&pieces);
	feed_shard(&whole, data, size);
	bool is_cut = feed_pieces(feed_shard, &pieces, data, size);
	run_for(&whole, 20 * NS_PER_MS);
	run_for(&pieces, 20 * NS_PER_MS);
	check_served(&whole);
	check_served(&pieces);
	if (is_the_players(data, size, whole.guest.core.peer_id)) {
		compare_told(&whole.guest, &pieces.guest);
		compare_counters(&whole.shard->counters, &pieces.shard->counters, is_cut);
	}
	world_fini(&whole);
	world_fini(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	if (size > 1 + DATAGRAM_BYTES_MAX)
		size = 1 + DATAGRAM_BYTES_MAX;
	(data[0] & 1 ? read_as_shard : read_as_client)(data + 1, size - 1);
	return 0;
}
