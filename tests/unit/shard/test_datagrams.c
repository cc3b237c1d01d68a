/* A player's plain datagrams: whose they are, where they go, and what happens when the way is lost. */
#include "stage.h"

struct pair {
	struct stage stage;
	struct client anna, bert;
	struct fast fast; /* Anna's */
};

static void hello(struct fast *fast, int32_t peer_id, int32_t sequence)
{
	fast_send(fast, &(struct packet){.opcode = OPCODE_UDP_CONNECT, .sender = peer_id, .target_player = PROTO_PEER_SERVER, .sequence = sequence,
					  .command = PACKET_COMMAND_UDP_CONNECT});
}

static void come_up(struct fast *fast, int32_t peer_id)
{
	hello(fast, peer_id, 0);
	fast_say(fast, 9, peer_id, 1);
}

static void listen_to_all(struct shard_options *options)
{
	options->listens[0].address = (struct address){.ip = {[10] = 0xff, [11] = 0xff}, .port = 1900};
}

static struct pair *pair_make(stage_options_fn *change)
{
	static struct pair pair;
	stage_init(&pair.stage, SHARD_PLAIN, change);
	client_join(&pair.anna, &pair.stage, 10, false);
	client_join(&pair.bert, &pair.stage, 11, false);
	fast_open(&pair.fast, &pair.anna, stage_address(10, 40000));
	come_up(&pair.fast, pair.anna.peer_id);
	pair.anna.heard.count = pair.bert.heard.count = pair.fast.heard.count = 0;
	return &pair;
}

Test(datagrams, fast_messages_take_the_stream_in_silence_and_udp_again_after_it)
{
	struct pair *pair = pair_make(NULL);
	fast_say(&pair->fast, 20, pair->anna.peer_id, 2);
	cr_assert_eq(heard_count(&pair->fast.heard, 20), 1);
	stage_run_ms(&pair->stage, 34000);
	cr_assert_eq(pair->stage.shard->counters.fast_lost, 1);
	fast_say(&pair->fast, 21, pair->anna.peer_id, 3);
	cr_assert_eq(heard_count(&pair->fast.heard, 21), 1, "her own datagram brings it up");
	cr_assert_eq(pair->stage.shard->counters.fast_regained, 1);
	stage_fini(&pair->stage);
}

/* What a NAT does: from one moment on her packets come from another port, and nothing reaches her at the old one. */
Test(datagrams, a_nat_that_gives_her_another_port_costs_nothing_that_is_sent_to_her)
{
	struct pair *pair = pair_make(NULL);
	struct fast moved, other;
	fast_open(&moved, &pair->anna, stage_address(10, 50000));
	fast_open(&other, &pair->bert, stage_address(11, 40000));
	come_up(&other, pair->bert.peer_id);
	pair->anna.heard.count = 0;
	int32_t sequence = 2, number = 2;
	fast_say(&moved, 30, pair->anna.peer_id, sequence++);
	cr_assert_eq(pair->stage.shard->counters.fast_lost, 1);
	fast_say(&other, 31, pair->bert.peer_id, number++);
	cr_assert_eq(heard_count(&pair->anna.heard, 31), 1, "by the WebSocket, at once");
	stage_run_ms(&pair->stage, FAST_MOVE_SILENCE_MS);
	for (int i = 0; i < FAST_MOVE_PACKETS; i++)
		fast_say(&moved, 32, pair->anna.peer_id, sequence++);
	cr_assert_eq(pair->stage.shard->counters.fast_moved, 1);
	cr_assert_geq(heard_count(&other.heard, 32), 1, "what she says is heard again");
	fast_say(&other, 33, pair->bert.peer_id, number++);
	cr_assert_eq(heard_count(&moved.heard, 33), 1, "and what is said to her comes fast again");
	stage_fini(&pair->stage);
}

/* Clients take no number that is not above the last one, so there is none after the largest: who has had them all gets what is fast by the stream. */
Test(datagrams, who_has_used_up_the_numbers_stays_on_the_stream)
{
	struct pair *pair = pair_make(NULL);
	struct player *player = ringcast_slab_object(&pair->stage.shard->store.players, 0);
	struct conn *conn = player->transport;
	cr_assert_eq(player->peer_id, pair->anna.peer_id);
	conn->fast->sequence_out = FAST_SEQUENCE_END - 1;
	fast_say(&pair->fast, 50, pair->anna.peer_id, 2);
	cr_assert_eq(heard_count(&pair->fast.heard, 50), 1);
	fast_say(&pair->fast, 51, pair->anna.peer_id, 3);
	cr_assert_eq(heard_count(&pair->fast.heard, 51), 0);
	cr_assert_eq(heard_count(&pair->anna.heard, 51), 1);
	conn->fast->sequence_out = INT32_MAX - 1;
	hello(&pair->fast, pair->anna.peer_id, 4);
	hello(&pair->fast, pair->anna.peer_id, 5);
	cr_assert_eq(heard_count(&pair->fast.heard, OPCODE_UDP_CONNECT_SERVER_ACK), 1);
	cr_assert_eq(conn->fast->sequence_out, INT32_MAX);
	cr_assert_eq(stage_drops(&pair->stage, DROP_RATE_HELLOS), 1);
	stage_fini(&pair->stage);
}

Test(datagrams, a_neighbour_cannot_take_her_place_while_she_plays_nor_keep_it)
{
	struct pair *pair = pair_make(NULL);
	struct fast thief, other;
	fast_open(&thief, &pair->anna, stage_address(10, 50000));
	fast_open(&other, &pair->bert, stage_address(11, 40000));
	come_up(&other, pair->bert.peer_id);
	hello(&thief, pair->anna.peer_id, INT32_MAX);
	cr_assert_eq(stage_drops(&pair->stage, DROP_SEQUENCE_JUMP), 1);
	hello(&thief, pair->anna.peer_id, 100);
	fast_say(&pair->fast, 40, pair->anna.peer_id, 2);
	cr_assert_eq(heard_count(&thief.heard, OPCODE_UDP_CONNECT_SERVER_ACK), 0);
	stage_run_ms(&pair->stage, FAST_MOVE_SILENCE_MS); /* she pauses, he knocks */
	for (int32_t i = 0; i < FAST_MOVE_PACKETS; i++)
		hello(&thief, pair->anna.peer_id, 200 + i);
	fast_say(&thief, 41, pair->anna.peer_id, 300);
	fast_say(&pair->fast, 42, pair->anna.peer_id, 301);
	pair->anna.heard.count = 0;
	fast_say(&other, 43, pair->bert.peer_id, 2);
	cr_assert_eq(heard_count(&pair->anna.heard, 43), 1, "one word of hers and all comes by the WebSocket");
	cr_assert_eq(heard_count(&thief.heard, 43), 0);
	stage_fini(&pair->stage);
}

/* A machine with two addresses, and a client that talks to the second: it must hear from that one. The simulator's sockets of clients take
   anything, so the address is looked at. */
Test(datagrams, the_answer_leaves_from_the_address_that_was_asked)
{
	struct pair *pair = pair_make(listen_to_all);
	struct fast second;
	struct address from, to = stage_address(7, pair->bert.fast_port);
	uint8_t bytes[256], answer[256];
	size_t size;
	fast_open(&second, &pair->bert, stage_address(11, 40000));
	pair->stage.fast_count--; /* read here */
	size = ringcast_packet_encode(&(struct packet){.opcode = OPCODE_UDP_CONNECT, .sender = pair->bert.peer_id, .target_player = PROTO_PEER_SERVER,
							   .command = PACKET_COMMAND_UDP_CONNECT}, bytes,
				      sizeof(bytes));
	ringcast_sim_udp_send(pair->stage.network, &second.address, &to, bytes, size);
	stage_run_ms(&pair->stage, 5);
	cr_assert(ringcast_sim_udp_receive(pair->stage.network, second.socket, &from, answer, sizeof(answer), &size));
	cr_assert(ringcast_address_is_equal(&from, &to));
	size = ringcast_packet_encode(&(struct packet){.opcode = 9, .sender = pair->bert.peer_id, .sequence = 1, .target_group = PROTO_GROUP_ALL}, bytes,
				      sizeof(bytes));
	ringcast_sim_udp_send(pair->stage.network, &second.address, &to, bytes, size);
	stage_run_ms(&pair->stage, 5);
	cr_assert(ringcast_sim_udp_receive(pair->stage.network, second.socket, &from, answer, sizeof(answer), &size));
	cr_assert(ringcast_address_is_equal(&from, &to), "messages too");
	stage_fini(&pair->stage);
}
