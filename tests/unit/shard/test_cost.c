/*
 * What each op code makes a whole shard send, in every place, when it is as large as it can be and a group listens: no more than cost.def says.
 * And what datagrams of strangers make it send.
 */
#include "base/prng.h"
#include "proto/cost.h"
#include "scene.h"

enum { CROWD = 3 };

struct crowded {
	struct scene scene;
	struct client crowd[CROWD];
};

static void join_group(struct client *client)
{
	client_send(client, &(struct packet){.opcode = OPCODE_JOIN_GROUP, .command = PACKET_COMMAND_JOIN_GROUP, .group = SCENE_GROUP});
	stage_run_ms(client->stage, 2);
}

/* All in one group; the client itself too, unless it is to join. */
static void gather(struct crowded *all, int32_t opcode)
{
	struct scene *scene = &all->scene;
	scene_enter(scene);
	for (uint8_t i = 0; i < CROWD; i++) {
		client_join(&all->crowd[i], &scene->stage, (uint8_t)(20 + i), scene_is_association(scene->place));
		join_group(&all->crowd[i]);
	}
	if (scene->place != GATE_STREAM_LOGIN && opcode != OPCODE_JOIN_GROUP)
		join_group(&scene->client);
	scene->client.bytes_heard = scene->fast.bytes_heard = 0;
	for (int i = 0; i < CROWD; i++)
		all->crowd[i].bytes_heard = 0;
}

static void measure(enum gate_place place, int32_t opcode)
{
	static struct crowded all;
	static const uint8_t zeros[PROTO_PAYLOAD_RELIABLE_BYTES_MAX];
	all = (struct crowded){.scene.place = place};
	gather(&all, opcode);
	struct scene *scene = &all.scene;
	uint32_t bufs_before = ringcast_buf_pool_in_use(scene->stage.shard->pool);
	struct packet packet =
		scene_packet(scene, opcode, ringcast_view_of(zeros, scene_is_stream(place) ? PROTO_PAYLOAD_RELIABLE_BYTES_MAX : PROTO_PAYLOAD_FAST_BYTES_MAX));
	scene_send(scene, &packet);
	bool has_passed = ringcast_gate(opcode, place) != GATE_DROP;
	struct gate_cost cost = has_passed ? ringcast_gate_costs[ringcast_gate_row(opcode)] : (struct gate_cost){COST_NOTHING, COST_NOTHING};
	size_t packet_bytes = ringcast_packet_encoded_bytes(&packet);
	uint64_t answered = scene->client.bytes_heard + scene->fast.bytes_heard;
	cr_expect_leq(answered, ringcast_cost_bytes(cost.answer, packet_bytes, packet.payload.size), "op code %d in %s: %lu bytes back", opcode,
		      ringcast_gate_place_name(place), (unsigned long)answered);
	cr_expect_eq(answered > 0, cost.answer != COST_NOTHING, "op code %d in %s: %lu bytes back", opcode, ringcast_gate_place_name(place),
		     (unsigned long)answered);
	for (int i = 0; i < CROWD; i++) {
		uint64_t heard = all.crowd[i].bytes_heard;
		cr_expect_leq(heard, ringcast_cost_bytes(cost.others, packet_bytes, packet.payload.size), "op code %d in %s: %lu bytes to another", opcode,
			      ringcast_gate_place_name(place), (unsigned long)heard);
		cr_expect_eq(heard > 0, cost.others != COST_NOTHING, "op code %d in %s: %lu bytes to another", opcode, ringcast_gate_place_name(place),
			     (unsigned long)heard);
	}
	cr_expect_leq(ringcast_buf_pool_in_use(scene->stage.shard->pool), bufs_before + 2); /* a chunk of frames, a datagram: nothing else is kept */
	stage_fini(&scene->stage);
}

static void measure_all(enum gate_place place)
{
	for (size_t i = 0; i < scene_opcode_count; i++)
		measure(place, scene_opcodes[i]);
}

Test(cost, stream_login) { measure_all(GATE_STREAM_LOGIN); }
Test(cost, stream_joined) { measure_all(GATE_STREAM_JOINED); }
Test(cost, datagram_waiting) { measure_all(GATE_DATAGRAM_WAITING); }
Test(cost, datagram_greeted) { measure_all(GATE_DATAGRAM_GREETED); }
Test(cost, datagram_up) { measure_all(GATE_DATAGRAM_UP); }
Test(cost, datagram_lost) { measure_all(GATE_DATAGRAM_LOST); }
Test(cost, association_anonymous) { measure_all(GATE_ASSOCIATION_ANONYMOUS); }
Test(cost, association_identified) { measure_all(GATE_ASSOCIATION_IDENTIFIED); }

/* Strangers */

static void emit_packets(struct fast *stranger, int32_t peer_id)
{
	for (size_t i = 0; i < scene_opcode_count; i++) {
		uint8_t bytes[256];
		struct packet packet = {.opcode = scene_opcodes[i], .sender = peer_id, .target_player = PROTO_PEER_SERVER, .sequence = (int32_t)i};
		fast_emit(stranger, bytes, ringcast_packet_encode(&packet, bytes, sizeof(bytes)));
		stage_run_ms(stranger->stage, 1);
	}
}

static void emit_garbage(struct fast *stranger)
{
	static const uint8_t first[] = {0, 20, 21, 22, 23, 25, 26, 0x12, 0x80, 0xff}; /* of records, of packets, of neither */
	struct prng prng;
	ringcast_prng_init(&prng, 1);
	for (int i = 0; i < 2000; i++) {
		uint8_t bytes[2000];
		size_t size = 1 + ringcast_prng_below(&prng, sizeof(bytes) - 1);
		for (size_t k = 0; k < size; k++)
			bytes[k] = (uint8_t)ringcast_prng_below(&prng, 256);
		bytes[0] = i % 2 ? bytes[0] : first[ringcast_prng_below(&prng, ARRAY_COUNT(first))];
		fast_emit(stranger, bytes, size);
		if (i % 4 == 0)
			stage_run_ms(stranger->stage, 1);
	}
	stage_run_ms(stranger->stage, 10);
}

/* To nobody who has not said a whole hello is anything sent, whatever it sends. */
static void try_strangers(enum shard_security_mode security)
{
	static struct stage stage;
	static struct client client;
	static struct fast stranger;
	stage_init(&stage, security, NULL);
	client_join(&client, &stage, 10, security == SHARD_SECURE_REQUIRED);
	fast_open(&stranger, &client, stage_address(99, 40000));
	for (int32_t peer_id = -1; peer_id <= client.peer_id; peer_id++)
		emit_packets(&stranger, peer_id);
	emit_garbage(&stranger);
	cr_expect_eq(stranger.bytes_heard, 0);
	cr_expect_eq(stage.shard->security.associations.associations.count, 0);
	stage_fini(&stage);
}

Test(strangers, datagrams_in_clear_are_not_answered) { try_strangers(SHARD_PLAIN); }
Test(strangers, datagrams_beside_dtls_are_not_answered) { try_strangers(SHARD_SECURE_REQUIRED); }

/* The address is the player's, the port may be anybody's there: an answer is as long as what came, or waits. */
Test(strangers, a_short_hello_is_answered_once_enough_has_come)
{
	static struct stage stage;
	static struct client client;
	static struct fast fast;
	uint64_t sent_bytes = 0;
	stage_init(&stage, SHARD_PLAIN, NULL);
	client_join(&client, &stage, 10, false);
	fast_open(&fast, &client, stage_address(10, 40000));
	for (int32_t i = 0; i < 12; i++) {
		uint8_t bytes[64];
		struct packet hello = {.opcode = OPCODE_UDP_CONNECT, .sender = client.peer_id, .sequence = i};
		size_t size = ringcast_packet_encode(&hello, bytes, sizeof(bytes));
		fast_emit(&fast, bytes, size);
		sent_bytes += size;
		stage_run_ms(&stage, 5);
		cr_expect_leq(fast.bytes_heard, sent_bytes);
	}
	cr_expect_gt(fast.bytes_heard, 0);
	cr_expect_gt(stage_drops(&stage, DROP_SHORT_HELLO), 0);
	stage_fini(&stage);
}
