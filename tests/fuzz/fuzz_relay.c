/*
 * The whole relay on the simulated network: two shards, an honest player in a session, and three strangers who do what the input says, before and
 * after their login, on their streams and over UDP. Whatever they do: the honest player keeps its place and hears its own message, and after the
 * shutdown nothing is left in any table, pool or queue (the shards assert it).
 *
 * Encryption is optional here, with the simulator's toy in the place of a library: the first bytes that a stranger sends say whether it is
 * encrypted, so an input may get into handshakes, hellos and associations.
 *
 * Input: records of two bytes, what and who, then for bytes to be sent a size and the bytes. From 128 on, what is a whole step done properly: TLS, a login, a
 * DTLS handshake, the proof of an identity, which may be another stranger's. In dev mode a token is plain text, and a mask of
 * zeros leaves frames readable, so that a mutator has something to work with.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "fuzz_target.h"
#include "io/io_sim.h"
#include "proto/http_upgrade.h"
#include "proto/websocket.h"
#include "relay_stranger.h"
#include "shard/shard_private.h"
#include "tests/sim/toy_tls.h"

enum { SHARD_COUNT = 2, STRANGER_COUNT = 3, HONEST = STRANGER_COUNT, CLIENT_COUNT, STEPS_MAX = 20000, HELD_BYTES_MAX = 1 << 20, FENCE_OPCODE = 777 };
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define START_NS (1000 * NS_PER_S)
#define TURN_NS (100 * NS_PER_US) /* longer than a way there and back */
#define LOGIN_NS (20 * NS_PER_MS) /* shorter than an idle shard sleeps: a hand-off has to wake it */
#define HANDSHAKE_NS (2 * NS_PER_MS)

struct client {
	sim_stream stream;
	bool is_connected;
	uint32_t connection_count;
};

struct world {
	struct sim_network *network;
	struct shard *shards[SHARD_COUNT];
	struct mailbox *mailboxes[SHARD_COUNT];
	bool is_asleep[SHARD_COUNT]; /* its thread waits in io, and its mailbox knows */
	struct client clients[CLIENT_COUNT];
	struct crypto_context *stream_context, *datagram_context; /* of clients */
	uint8_t random_next;
	struct stranger strangers[STRANGER_COUNT];
	uint8_t held[HELD_BYTES_MAX]; /* what the honest player has read and not yet understood */
	size_t held_bytes;
	bool is_upgraded, is_admitted, has_heard;
};

/* setting up */

static struct address address_of(uint8_t host, uint16_t port)
{
	return (struct address){.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = host}, .port = port};
}

static void set_limits(struct ringcast_limits *limits)
{
#define X(type, name, default_value, ...) limits->name = (default_value);
	RINGCAST_LIMITS(X)
#undef X
	limits->sessions_max = 4;
	limits->players_max = 16;
	limits->connections_max = 12;
	limits->buffer_memory_bytes = 8 << 20;
	limits->outq_fast_messages = 8;
}

/* In dev mode the name decides the shard: the first letter that means this one. */
static char name_of(uint32_t shard)
{
	char name[2] = "a";
	while (ringcast_shard_of_name(name, SHARD_COUNT, true) != shard)
		name[0]++;
	return name[0];
}

static void random_bytes(void *context, void *out, size_t size)
{
	struct world *world = context;
	for (size_t i = 0; i < size; i++)
		((uint8_t *)out)[i] = world->random_next++;
}

static struct crypto_context *make_context(struct world *world, enum crypto_kind kind, enum crypto_role role)
{
	char error[200] = "";
	struct crypto_options options = {
		.kind = kind,
		.role = role,
		.credentials = {.certificate = "toy", .key = "toy", .ca = "toy"},
		.cookie_secret = {1},
		.ticket_secret = {1},
		.random = random_bytes,
		.random_context = world,
	};
	bool is_ready = ringcast_crypto_global_init(error, sizeof(error));
	ringcast_assert(is_ready);
	struct crypto_context *context = ringcast_crypto_context_create(&ringcast_toy_tls, &options, error, sizeof(error));
	ringcast_assert(context != NULL);
	return context;
}

static void create_shard(struct world *world, uint32_t index)
{
	char error[200] = "";
	struct shard_options options = {
		.index = index,
		.count = SHARD_COUNT,
		.listens = {{.address = address_of(1, 1900), .is_v4 = true}},
		.listen_count = 1,
		.udp_port_base = (uint16_t)(33400 + index * 2),
		.udp_port_count = 2,
		.is_open = true,
		.mailboxes = world->mailboxes,
		.security = SHARD_SECURE_OPTIONAL,
		.credentials = {make_context(world, CRYPTO_STREAM, CRYPTO_SERVER), make_context(world, CRYPTO_DATAGRAM, CRYPTO_SERVER), strdup("toy CA")},
	};
	struct io_options io = {.stream_count_max = 64, .stream_buffer_count = 8, .stream_buffer_bytes = 512, .datagram_buffer_count = 8,
				.datagram_buffer_bytes = 2048};
	set_limits(&options.limits);
	world->shards[index] = ringcast_shard_create(&options, ringcast_io_sim_create(world->network, &io), error, sizeof(error));
	ringcast_assert(world->shards[index] != NULL);
	const char name[2] = {name_of(index)};
	struct session_options session = {.name = name, .players_max = 8, .empty_timeout_ms = UINT32_MAX};
	struct session *opened;
	enum drop_reason drop = ringcast_session_open(&world->shards[index]->store, &session, START_NS, &opened);
	ringcast_assert(drop == DROP_NONE);
}

static void world_init(struct world *world)
{
	struct sim_network_options options = {.seed = 1, .start_ns = START_NS, .latency_ns = 10 * NS_PER_US};
	memset(world, 0, offsetof(struct world, held));
	world->held_bytes = 0;
	world->is_upgraded = world->is_admitted = world->has_heard = false;
	world->network = ringcast_sim_network_create(&options);
	ringcast_assert(world->network != NULL);
	for (uint32_t i = 0; i < SHARD_COUNT; i++) {
		world->mailboxes[i] = ringcast_mailbox_create(SHARD_COUNT);
		ringcast_assert(world->mailboxes[i] != NULL);
	}
	for (uint32_t i = 0; i < SHARD_COUNT; i++)
		create_shard(world, i);
	world->stream_context = make_context(world, CRYPTO_STREAM, CRYPTO_CLIENT);
	world->datagram_context = make_context(world, CRYPTO_DATAGRAM, CRYPTO_CLIENT);
	for (uint32_t who = 0; who < STRANGER_COUNT; who++)
		world->strangers[who] = (struct stranger){.network = world->network,
							  .stream_context = world->stream_context,
							  .datagram_context = world->datagram_context,
							  .udp = address_of((uint8_t)(10 + who), 40000),
							  .server = address_of(1, 0),
							  .socket = -1};
}

/* clients */

static void client_write(struct world *world, uint32_t who, const void *bytes, size_t size)
{
	if (who < STRANGER_COUNT)
		stranger_write(&world->strangers[who], bytes, size);
	else
		ringcast_sim_stream_write(world->network, world->clients[who].stream, bytes, size);
}

/* Every connection has a port of its own, so that the network spreads them over the listeners of both shards. */
static void client_connect(struct world *world, uint32_t who)
{
	struct client *client = &world->clients[who];
	struct address from = address_of((uint8_t)(10 + who), (uint16_t)(20000 + client->connection_count++ * 16 + who)), to = address_of(1, 1900);
	if (client->is_connected)
		ringcast_sim_stream_close(world->network, client->stream);
	client->stream = ringcast_sim_stream_connect(world->network, &from, &to);
	client->is_connected = true;
	if (who == HONEST)
		return;
	stranger_forget(&world->strangers[who]);
	world->strangers[who].stream = client->stream;
}

static void client_upgrade(struct world *world, uint32_t who)
{
	char request[512];
	size_t size = ringcast_http_upgrade_encode_request("h:1900", "/", KEY, request, sizeof(request));
	client_write(world, who, request, size);
}

static void client_send_frame(struct world *world, uint32_t who, const void *payload, size_t size)
{
	static const uint8_t mask[4];
	uint8_t header[PROTO_WEBSOCKET_HEADER_BYTES_MAX];
	size_t header_bytes = ringcast_websocket_encode_header_masked(WEBSOCKET_BINARY, true, size, mask, header);
	client_write(world, who, header, header_bytes);
	client_write(world, who, payload, size);
}

static void client_send_packet(struct world *world, uint32_t who, const struct packet *packet)
{
	uint8_t bytes[256];
	size_t size = ringcast_packet_encode(packet, bytes, sizeof(bytes));
	ringcast_assert(size > 0);
	client_send_frame(world, who, bytes, size);
}

/* as: under whose player id */
static void client_login(struct world *world, uint32_t who, uint32_t as, uint32_t shard)
{
	char token[32];
	snprintf(token, sizeof(token), "dev-%c-%u", name_of(shard), as);
	struct packet login = {.opcode = OPCODE_LOGIN, .command = PACKET_COMMAND_LOGIN, .login = {.player_session_id = ringcast_view_of(token, strlen(token)), .may_merge = who != HONEST}};
	client_send_packet(world, who, &login);
}

static void client_part(struct world *world, uint32_t who, uint8_t how)
{
	sim_stream stream = world->clients[who].stream;
	if (how % 3 == 0)
		ringcast_sim_stream_shutdown(world->network, stream);
	else if (how % 3 == 1)
		ringcast_sim_stream_reset(world->network, stream);
	else
		client_connect(world, who);
}

/* the honest player */

static void understand_frame(struct world *world, const struct websocket_frame *frame)
{
	struct packet packet;
	static const uint8_t pong[] = {0x8a, 0x80, 0, 0, 0, 0};
	if (frame->opcode == WEBSOCKET_PING)
		client_write(world, HONEST, pong, sizeof(pong));
	if (frame->opcode != WEBSOCKET_BINARY)
		return;
	enum packet_error error = ringcast_packet_decode(ringcast_view_of(frame->payload, frame->size), &packet);
	ringcast_assert(error == PACKET_OK);
	if (packet.command == PACKET_COMMAND_LOGIN_RESULT)
		world->is_admitted = packet.login_result.is_success;
	if (packet.opcode == FENCE_OPCODE && packet.payload.size == 5 && memcmp(packet.payload.data, "fence", 5) == 0)
		world->has_heard = true;
}

static size_t understand(struct world *world)
{
	size_t consumed = 0, size, needed;
	int status;
	uint16_t close_code;
	struct websocket_frame frame;
	if (!world->is_upgraded) {
		enum http_upgrade_result result =
			ringcast_http_upgrade_parse_response(ringcast_view_of(world->held, world->held_bytes), KEY, &consumed, &status);
		ringcast_assert(result != HTTP_UPGRADE_REFUSED);
		world->is_upgraded = result == HTTP_UPGRADE_OK;
	}
	while (world->is_upgraded) {
		enum websocket_result result = ringcast_websocket_parse(world->held + consumed, world->held_bytes - consumed, false, HELD_BYTES_MAX,
									&frame, &size, &needed, &close_code);
		ringcast_assert(result != WEBSOCKET_ERROR);
		if (result == WEBSOCKET_NEED_MORE)
			break;
		understand_frame(world, &frame);
		consumed += size;
	}
	return consumed;
}

static void honest_read(struct world *world)
{
	sim_stream stream = world->clients[HONEST].stream;
	size_t room = sizeof(world->held) - world->held_bytes;
	world->held_bytes += ringcast_sim_stream_read(world->network, stream, world->held + world->held_bytes, room);
	size_t consumed = understand(world);
	world->held_bytes -= consumed;
	memmove(world->held, world->held + consumed, world->held_bytes);
}

static void strangers_read(struct world *world)
{
	for (uint32_t who = 0; who < STRANGER_COUNT; who++)
		if (world->clients[who].is_connected)
			stranger_read(&world->strangers[who]);
}

/* time */

static bool run_shards(struct world *world)
{
	bool has_run = false;
	for (uint32_t i = 0; i < SHARD_COUNT; i++) {
		if (!ringcast_io_sim_is_runnable(world->shards[i]->io)) {
			world->is_asleep[i] = world->is_asleep[i] || ringcast_mailbox_prepare_sleep(world->mailboxes[i]);
			if (world->is_asleep[i])
				continue;
		}
		world->is_asleep[i] = false;
		ringcast_shard_tick(world->shards[i]);
		has_run = true;
	}
	return has_run;
}

static void run_for(struct world *world, uint64_t duration_ns)
{
	uint64_t until_ns = ringcast_sim_network_now_ns(world->network) + duration_ns;
	for (int steps = 0;; steps++) {
		ringcast_assert(steps < STEPS_MAX); /* else somebody runs for ever */
		bool has_run = run_shards(world);
		honest_read(world);
		strangers_read(world);
		if (has_run)
			continue;
		uint64_t next_ns = ringcast_sim_network_next_deadline(world->network);
		ringcast_sim_network_advance_to(world->network, next_ns < until_ns ? next_ns : until_ns);
		if (next_ns >= until_ns)
			return;
	}
}

/* the input */

struct cursor {
	const uint8_t *data;
	size_t size, at;
};

static uint8_t next_byte(struct cursor *cursor)
{
	return cursor->at < cursor->size ? cursor->data[cursor->at++] : 0;
}

/* A size in one byte, in steps that grow, so that single bytes and whole payloads are both near. */
static struct view next_bytes(struct cursor *cursor)
{
	size_t size = next_byte(cursor);
	size = size < 192 ? size : 192 + (size - 192) * 96;
	if (size > cursor->size - cursor->at)
		size = cursor->size - cursor->at;
	struct view bytes = ringcast_view_of(cursor->data + cursor->at, size);
	cursor->at += size;
	return bytes;
}

static void send_datagram(struct world *world, uint32_t who, uint8_t port, struct view bytes)
{
	struct address from = address_of((uint8_t)(10 + who), 40000), to = address_of(1, (uint16_t)(33400 + port % (2 * SHARD_COUNT)));
	ringcast_sim_udp_send(world->network, &from, &to, bytes.data, bytes.size);
}

/* Whole steps that no input would find byte by byte. */
static void act_properly(struct world *world, uint8_t what, uint8_t detail, struct cursor *cursor)
{
	uint32_t who = (detail & 3) % STRANGER_COUNT, other = (detail >> 2 & 3) % STRANGER_COUNT;
	struct stranger *stranger = &world->strangers[who];
	if (!world->clients[who].is_connected)
		client_connect(world, who);
	switch (what % 5) {
	case 0: /* a new connection, up to the end of its TLS handshake */
		client_connect(world, who);
		stranger_begin_tls(stranger);
		run_for(world, HANDSHAKE_NS);
		break;
	case 1: /* up to the answer to its login, as itself or under another's player id */
		client_upgrade(world, who);
		run_for(world, HANDSHAKE_NS);
		client_login(world, who, other, detail & 0x80 ? 0 : 1);
		run_for(world, HANDSHAKE_NS);
		break;
	case 2: /* a whole DTLS handshake, on the port it was told or on another one */
		stranger_begin_dtls(stranger, detail & 0x80 && stranger->fast_port != 0 ? stranger->fast_port : (uint16_t)(33400 + (detail >> 4) % (2 * SHARD_COUNT)));
		run_for(world, HANDSHAKE_NS);
		break;
	case 3: /* one's own connect token, or another's */
		stranger_identify(stranger, &world->strangers[other]);
		break;
	default:
		stranger_send_sealed(stranger, next_bytes(cursor));
	}
}

static void act(struct world *world, struct cursor *cursor)
{
	uint8_t what = next_byte(cursor), detail = next_byte(cursor);
	uint32_t who = detail % STRANGER_COUNT;
	struct view bytes;
	if (!world->clients[who].is_connected)
		client_connect(world, who);
	if (what >= 128) {
		act_properly(world, what, detail, cursor);
		return;
	}
	switch (what % 8) {
	case 0:
		client_upgrade(world, who);
		break;
	case 1:
		client_login(world, who, who, detail & 0x80 ? 0 : 1);
		break;
	case 2:
		bytes = next_bytes(cursor);
		client_write(world, who, bytes.data, bytes.size);
		break;
	case 3:
		bytes = next_bytes(cursor);
		client_send_frame(world, who, bytes.data, bytes.size);
		break;
	case 4:
		send_datagram(world, who, detail >> 4, next_bytes(cursor));
		break;
	case 5:
		client_part(world, who, detail >> 4);
		break;
	case 6:
		run_for(world, (uint64_t)detail * 50 * NS_PER_MS);
		break;
	default: /* the next record finds the shards as they are now */
		run_for(world, TURN_NS);
	}
}

/* the end */

static void check_honest(struct world *world)
{
	struct packet fence = {.opcode = FENCE_OPCODE, .target_group = PROTO_GROUP_ALL, .payload = ringcast_view_of("fence", 5)};
	client_send_packet(world, HONEST, &fence);
	run_for(world, 20 * NS_PER_MS);
	ringcast_assert(world->has_heard);
}

static void check_left(const struct world *world, uint32_t index)
{
	const struct shard *shard = world->shards[index];
	struct sim_usage usage = ringcast_io_sim_usage(shard->io);
	ringcast_assert(ringcast_shard_is_idle(shard));
	ringcast_assert(shard->slices.count == 0 && shard->fast_peers.count == 0 && shard->wheel.armed_count == 0);
	ringcast_assert(shard->store.players.count == 0 && shard->store.groups.count == 0 && shard->store.membership_count == 0);
	ringcast_assert(shard->security.streams.count == 0 && shard->security.associations.associations.count == 0);
	ringcast_assert(shard->security.associations.half_open.count == 0 && !ringcast_shard_has_handshakes(shard));
	ringcast_assert(usage.streams == 0 && usage.stream_buffers_held == 0 && usage.datagram_buffers_held == 0);
	ringcast_assert(ringcast_buf_pool_in_use(shard->pool) == (shard->chunk != NULL) + shard->tx_buf_count);
}

static void world_fini(struct world *world)
{
	for (uint32_t i = 0; i < SHARD_COUNT; i++)
		ringcast_shard_stop(world->shards[i]);
	run_for(world, 10 * NS_PER_S);
	for (uint32_t i = 0; i < SHARD_COUNT; i++)
		check_left(world, i);
	ringcast_assert(ringcast_sim_network_detached_count(world->network) == 0);
	for (uint32_t i = 0; i < SHARD_COUNT; i++) {
		ringcast_mailbox_close(world->mailboxes[i]);
		ringcast_shard_destroy(&world->shards[i]);
		ringcast_mailbox_destroy(&world->mailboxes[i]);
	}
	for (uint32_t who = 0; who < STRANGER_COUNT; who++)
		stranger_fini(&world->strangers[who]);
	ringcast_crypto_context_release(&world->stream_context);
	ringcast_crypto_context_release(&world->datagram_context);
	ringcast_sim_network_destroy(&world->network);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world world;
	struct cursor cursor = {.data = data, .size = size};
	world_init(&world);
	client_connect(&world, HONEST);
	client_upgrade(&world, HONEST);
	client_login(&world, HONEST, HONEST, 0);
	run_for(&world, LOGIN_NS);
	ringcast_assert(world.is_admitted);
	while (cursor.at < size)
		act(&world, &cursor);
	run_for(&world, LOGIN_NS);
	check_honest(&world);
	world_fini(&world);
	return 0;
}
