/*
 * One shard, one workload, the same number of turns: how many instructions that takes is counted from outside (count.py), by the names of three
 * functions: begin_counting, ringcast_shard_tick (or, where connections close, ringcast_shard_pause_forget), and the op_... of the tape.
 *
 *   instructions                     lists the workloads
 *   instructions WORKLOAD            prints "messages N deliveries M"
 *   instructions WORKLOAD planted    the same, with a cost that no version of the engine has
 *   instructions closing N           N paused connections are cut, who was paused last first; prints "messages N deliveries 0"
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "proto/http_upgrade.h"
#include "proto/websocket.h"
#include "shard/shard_private.h"
#include "tape.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define START_NS (1000 * NS_PER_S)
#define STEP_NS (10 * NS_PER_MS) /* far below any rate, and no load at which a shard holds messages back */

enum { PLAYERS_MAX = 128, GROUP = 7, GAME_OPCODE = 1, PAYLOAD_BYTES = 64, TURNS_BEFORE = 64, TURNS = 256 };

enum target { TO_SERVER, TO_PLAYER, TO_GROUP };

static const struct workload {
	const char *name;
	bool is_fast;
	enum target target;
	uint32_t player_count, messages_per_turn;
} workloads[] = {
	{"stream to the server", false, TO_SERVER, 8, 1},
	{"stream to a player", false, TO_PLAYER, 8, 1},
	{"stream to a group of 8", false, TO_GROUP, 8, 1},
	{"stream to a group of 8, 16 in a turn", false, TO_GROUP, 8, 16},
	{"stream to a group of 128", false, TO_GROUP, 128, 1},
	{"datagram to the server", true, TO_SERVER, 8, 1},
	{"datagram to a player", true, TO_PLAYER, 8, 1},
	{"datagram to a group of 8", true, TO_GROUP, 8, 1},
	{"datagram to a group of 8, 16 in a turn", true, TO_GROUP, 8, 16},
	{"datagram to a group of 128", true, TO_GROUP, 128, 1},
};

static struct tape tape;
static struct shard *shard;
static struct mailbox *mailboxes[2];
static struct session *session;
static int32_t sequences[PLAYERS_MAX]; /* of datagrams, by player */

void begin_counting(void);

static struct address address_of(uint32_t player)
{
	return (struct address){.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = (uint8_t)(10 + player)}, .port = 4000};
}

static void turn(void)
{
	ringcast_shard_tick(shard);
}

/* What players send */

static void write_frame(uint32_t player, const struct packet *packet)
{
	static const uint8_t mask[4] = {1, 2, 3, 4};
	uint8_t bytes[256], frame[TAPE_EVENT_BYTES];
	size_t size = ringcast_packet_encode(packet, bytes, sizeof(bytes));
	size_t head = ringcast_websocket_encode_header_masked(WEBSOCKET_BINARY, true, size, mask, frame);
	memcpy(frame + head, bytes, size);
	ringcast_websocket_mask(frame + head, size, mask);
	tape_receive(&tape, player, frame, head + size);
}

static void write_datagram(uint32_t player, struct packet *packet)
{
	uint8_t bytes[256];
	struct address from = address_of(player);
	packet->sender = (int32_t)player + 1;
	packet->sequence = sequences[player]++;
	tape_datagram(&tape, &from, bytes, ringcast_packet_encode(packet, bytes, sizeof(bytes)));
}

static void say(const struct workload *workload, uint32_t player)
{
	static const uint8_t payload[PAYLOAD_BYTES] = "what players say to one another";
	struct packet packet = {.opcode = GAME_OPCODE, .payload = ringcast_view_of(payload, sizeof(payload))};
	if (workload->target == TO_SERVER)
		packet.target_player = PROTO_PEER_SERVER;
	else if (workload->target == TO_PLAYER)
		packet.target_player = (int32_t)((player + 1) % workload->player_count) + 1;
	else
		packet.target_group = GROUP;
	if (workload->is_fast)
		write_datagram(player, &packet);
	else
		write_frame(player, &packet);
}

/* Before anything is counted */

static void start(uint32_t shard_count)
{
	char error[200] = "";
	struct shard_options options = {.count = shard_count, .listens = {{.is_v4 = true}}, .listen_count = 1, .udp_port_count = 1, .mailboxes = mailboxes};
	struct session_options room = {.players_max = PLAYERS_MAX, .ping_interval_ms = 3600000, .empty_timeout_ms = UINT32_MAX};
#define X(type, name, default_value, ...) options.limits.name = (default_value);
	RINGCAST_LIMITS(X)
#undef X
	for (uint32_t i = 0; i < shard_count; i++) {
		mailboxes[i] = ringcast_mailbox_create(shard_count);
		ringcast_assert(mailboxes[i] != NULL);
	}
	tape_init(&tape, START_NS, STEP_NS);
	shard = ringcast_shard_create(&options, &tape.io, error, sizeof(error));
	ringcast_assert(shard != NULL);
	enum drop_reason drop = ringcast_session_open(&shard->store, &room, START_NS, &session);
	ringcast_assert(drop == DROP_NONE);
}

static void log_in(uint32_t player)
{
	char token[PLAYER_TOKEN_BYTES], request[TAPE_EVENT_BYTES];
	struct address address = address_of(player);
	struct player *reserved;
	enum drop_reason drop = ringcast_admission_reserve(session, NULL, NULL, shard->now_ns, &reserved, token);
	ringcast_assert(drop == DROP_NONE);
	struct packet login = {.opcode = OPCODE_LOGIN,
			       .target_player = PROTO_PEER_SERVER,
			       .command = PACKET_COMMAND_LOGIN,
			       .login = {.player_session_id = ringcast_view_of(token, strlen(token)), .client_version = PROTO_CLIENT_VERSION}};
	tape_accept(&tape, &address);
	turn();
	tape_receive(&tape, player, request, ringcast_http_upgrade_encode_request("h:1900", "/", KEY, request, sizeof(request)));
	turn();
	write_frame(player, &login);
	turn();
	ringcast_assert(session->player_count == player + 1);
}

static void join_group(uint32_t player)
{
	struct packet join = {.opcode = OPCODE_JOIN_GROUP, .command = PACKET_COMMAND_JOIN_GROUP, .group = GROUP};
	write_frame(player, &join);
	turn();
	ringcast_assert(shard->store.membership_count == player + 1);
}

static void open_fast_path(uint32_t player)
{
	struct packet hello = {.opcode = OPCODE_UDP_CONNECT, .target_player = PROTO_PEER_SERVER, .command = PACKET_COMMAND_UDP_CONNECT};
	struct packet ack = {.opcode = OPCODE_UDP_CONNECT_CLIENT_ACK};
	write_datagram(player, &hello);
	turn();
	write_datagram(player, &ack);
	turn();
}

/* A cost that somebody added: small, but per delivery. The check has to see it. */

static struct outbox honest;

static void deliver_wastefully(void *context, const struct fanout *fanout)
{
	for (size_t i = 0; i < fanout->recipient_count; i++) {
		uint64_t found = ringcast_map_find(&shard->store.players_by_key, (uint64_t)fanout->recipients[i]->peer_id);
		ringcast_assert(found != 0);
	}
	honest.deliver(context, fanout);
}

static void plant(void)
{
	honest = shard->store.options.outbox;
	shard->store.options.outbox.deliver = deliver_wastefully;
}

/* And then */

static void turns(const struct workload *workload, uint32_t count)
{
	for (uint32_t i = 0, player = 0; i < count; i++) {
		for (uint32_t j = 0; j < workload->messages_per_turn; j++, player = (player + 1) % workload->player_count)
			say(workload, player);
		turn();
	}
}

void begin_counting(void) {} /* sets the count to 0 */

static uint64_t received(void)
{
	return shard->counters.messages_received_reliable + shard->counters.messages_received_fast;
}

static uint64_t delivered(const struct workload *workload)
{
	return workload->is_fast ? shard->counters.deliveries_fast : shard->counters.deliveries_reliable;
}

static int run(const struct workload *workload, bool is_planted)
{
	start(1);
	if (is_planted)
		plant();
	for (uint32_t player = 0; player < workload->player_count; player++) {
		log_in(player);
		join_group(player);
		if (workload->is_fast)
			open_fast_path(player);
	}
	turns(workload, TURNS_BEFORE);
	uint64_t received_before = received(), delivered_before = delivered(workload);
	begin_counting();
	turns(workload, TURNS);
	uint64_t messages = received() - received_before, deliveries = delivered(workload) - delivered_before;
	uint32_t receivers = workload->target == TO_SERVER ? 0 : workload->target == TO_PLAYER ? 1 : workload->player_count;
	ringcast_assert(messages == TURNS * workload->messages_per_turn && deliveries == messages * receivers);
	printf("messages %llu deliveries %llu\n", (unsigned long long)messages, (unsigned long long)deliveries);
	return 0;
}

/* All wait for the second shard, which never reads. */
static int run_closing(uint32_t count)
{
	ringcast_assert(count >= 1 && count <= PLAYERS_MAX);
	start(2);
	for (uint32_t player = 0; player < count; player++)
		log_in(player);
	for (uint32_t player = 0; player < count; player++) /* no turn from here on: it would let them go on */
		ringcast_shard_pause(shard, ringcast_slab_object(&shard->conns, player), 1, PAUSE_OWN);
	ringcast_assert(shard->counters.senders_paused == count && shard->counters.senders_resumed == 0);
	begin_counting();
	for (uint32_t player = count; player-- > 0;)
		ringcast_shard_conn_cut(shard, ringcast_slab_object(&shard->conns, player), CLOSE_SHUTDOWN);
	ringcast_assert(shard->counters.senders_resumed == count);
	printf("messages %u deliveries 0\n", count);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "closing") == 0)
		return run_closing((uint32_t)strtoul(argv[2], NULL, 10));
	for (size_t i = 0; i < sizeof(workloads) / sizeof(*workloads); i++)
		if (argc < 2)
			puts(workloads[i].name);
		else if (strcmp(argv[1], workloads[i].name) == 0)
			return run(&workloads[i], argc > 2);
	return argc < 2 ? 0 : 1;
}
