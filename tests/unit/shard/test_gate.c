/*
 * Every op code in every place that a packet can arrive at: a whole shard does what the gate's table says, and nothing is closed by it.
 * What happened is told from outside, by answers and counters; the table is asked only what should have.
 */
#include "proto/gate.h"
#include "stage.h"

enum { GROUP = 3 };

static const int32_t opcodes[] = {
#define OPCODE(name, number, from_client, from_server, text) number,
#include "proto/opcode.def"
#undef OPCODE
	1, 5, 127, 128, INT32_MAX, -2, -4, -9, -16, -500, INT32_MIN,
};

struct scene {
	struct stage stage;
	struct client client;
	struct fast fast;
	enum gate_place place;
};

static bool is_stream(enum gate_place place)
{
	return place <= GATE_STREAM_JOINED;
}

static bool is_association(enum gate_place place)
{
	return place >= GATE_ASSOCIATION_HANDSHAKE;
}

static void hello(struct scene *scene, int32_t sequence)
{
	fast_send(&scene->fast, &(struct packet){.opcode = OPCODE_UDP_CONNECT,
						 .sender = scene->client.peer_id,
						 .sequence = sequence,
						 .command = PACKET_COMMAND_UDP_CONNECT});
}

/* The client's state, step by step up to the place. */
static void enter(struct scene *scene)
{
	struct client *client = &scene->client;
	stage_init(&scene->stage, is_association(scene->place) ? SHARD_SECURE_REQUIRED : SHARD_PLAIN, NULL);
	client_connect(client, &scene->stage, 10, is_association(scene->place));
	client_upgrade(client);
	stage_run_ms(&scene->stage, 5);
	if (scene->place == GATE_STREAM_LOGIN)
		return;
	client_log_in(client, "dev-room-");
	if (scene->place == GATE_STREAM_JOINED)
		return;
	fast_open(&scene->fast, client, stage_address(10, 40000));
	if (is_association(scene->place))
		fast_handshake(&scene->fast);
	if (scene->place == GATE_ASSOCIATION_IDENTIFIED)
		fast_identify(&scene->fast, client->peer_id, client->connect_token, 0);
	if (scene->place >= GATE_DATAGRAM_GREETED && scene->place <= GATE_DATAGRAM_LOST)
		hello(scene, 0);
	if (scene->place == GATE_DATAGRAM_UP || scene->place == GATE_DATAGRAM_LOST)
		fast_say(&scene->fast, 9, client->peer_id, 1);
	if (scene->place == GATE_DATAGRAM_LOST)
		stage_run_ms(&scene->stage, 34000);
}

static void fill_command(const struct scene *scene, struct packet *packet)
{
	const char *token = scene->client.connect_token;
	switch (packet->opcode) {
	case OPCODE_LOGIN:
		packet->command = PACKET_COMMAND_LOGIN;
		packet->login.player_session_id = ringcast_view_of("dev-room-", 9);
		break;
	case OPCODE_JOIN_GROUP:
		packet->command = PACKET_COMMAND_JOIN_GROUP;
		packet->group = GROUP;
		break;
	case OPCODE_LEAVE_GROUP:
		packet->command = PACKET_COMMAND_LEAVE_GROUP;
		packet->group = GROUP;
		break;
	case OPCODE_REQUEST_GROUP_MEMBERSHIP:
		packet->command = PACKET_COMMAND_REQUEST_GROUP_MEMBERSHIP;
		packet->group = GROUP;
		break;
	case OPCODE_VERIFY_IDENTITY:
		packet->command = PACKET_COMMAND_VERIFY_IDENTITY;
		packet->verify_identity.peer_id = scene->client.peer_id;
		packet->verify_identity.connect_token = ringcast_view_of(token, strlen(token));
		break;
	default:
		packet->target_group = PROTO_GROUP_ALL;
	}
}

static void forget(struct scene *scene)
{
	scene->client.heard.count = scene->fast.heard.count = 0;
	memset(scene->stage.shard->counters.drops, 0, sizeof(scene->stage.shard->counters.drops));
}

static void send_opcode(struct scene *scene, int32_t opcode)
{
	struct packet packet = {.opcode = opcode, .sender = scene->client.peer_id, .sequence = 7};
	fill_command(scene, &packet);
	if (is_stream(scene->place))
		client_send(&scene->client, &packet);
	else
		fast_send(&scene->fast, &packet);
	stage_run_ms(&scene->stage, 5);
}

static unsigned heard_anywhere(const struct scene *scene, int32_t opcode)
{
	return heard_count(&scene->client.heard, opcode) + heard_count(&scene->fast.heard, opcode);
}

/* A leave of a group that was not joined, and a message that came back, have both been through the router. */
static enum gate_action what_happened(const struct scene *scene, int32_t opcode)
{
	if (stage_drops(&scene->stage, DROP_BAD_STATE) > 0)
		return GATE_DROP;
	if (heard_anywhere(scene, OPCODE_VERIFY_IDENTITY_RESPONSE) > 0)
		return scene->place == GATE_ASSOCIATION_IDENTIFIED ? GATE_REPEAT : GATE_IDENTIFY;
	if (heard_anywhere(scene, OPCODE_LOGIN_RESPONSE) > 0)
		return GATE_LOGIN;
	if (heard_anywhere(scene, OPCODE_UDP_CONNECT_SERVER_ACK) > 0)
		return GATE_GREET;
	if (heard_anywhere(scene, opcode) > 0 || heard_anywhere(scene, OPCODE_GROUP_MEMBERSHIP_UPDATE) > 0 ||
	    stage_drops(&scene->stage, DROP_NOT_MEMBER) > 0)
		return GATE_ROUTE;
	return GATE_NOTE;
}

static void check(enum gate_place place, int32_t opcode)
{
	static struct scene scene;
	scene = (struct scene){.place = place};
	enter(&scene);
	forget(&scene);
	send_opcode(&scene, opcode);
	enum gate_action expected = ringcast_gate(opcode, place), found = what_happened(&scene, opcode);
	cr_assert_eq(found, expected, "op code %d in %s: %s, not %s", opcode, ringcast_gate_place_name(place), ringcast_gate_action_name(found),
		     ringcast_gate_action_name(expected));
	cr_assert_not(scene.client.has_ended || scene.fast.is_over, "op code %d in %s closes", opcode, ringcast_gate_place_name(place));
	stage_fini(&scene.stage);
}

static void check_place(enum gate_place place)
{
	for (size_t i = 0; i < ARRAY_COUNT(opcodes); i++)
		check(place, opcodes[i]);
}

Test(gate, stream_login) { check_place(GATE_STREAM_LOGIN); }
Test(gate, stream_joined) { check_place(GATE_STREAM_JOINED); }
Test(gate, datagram_waiting) { check_place(GATE_DATAGRAM_WAITING); }
Test(gate, datagram_greeted) { check_place(GATE_DATAGRAM_GREETED); }
Test(gate, datagram_up) { check_place(GATE_DATAGRAM_UP); }
Test(gate, datagram_lost) { check_place(GATE_DATAGRAM_LOST); }
Test(gate, association_anonymous) { check_place(GATE_ASSOCIATION_ANONYMOUS); }
Test(gate, association_identified) { check_place(GATE_ASSOCIATION_IDENTIFIED); }

/* What the page promises in words, held to the table: no op code of the server's passes, and nothing but the handshake's passes before a login. */
Test(gate, only_handshakes_pass_before_there_is_a_player)
{
	static const enum gate_place before[] = {GATE_STREAM_LOGIN, GATE_DATAGRAM_WAITING, GATE_ASSOCIATION_HANDSHAKE, GATE_ASSOCIATION_ANONYMOUS};
	for (size_t p = 0; p < ARRAY_COUNT(before); p++)
		for (size_t i = 0; i < ARRAY_COUNT(opcodes); i++) {
			enum gate_action action = ringcast_gate(opcodes[i], before[p]);
			cr_assert_neq(action, GATE_ROUTE);
			cr_assert_neq(action, GATE_REPEAT);
		}
}
