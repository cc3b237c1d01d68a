#include "scene.h"

const int32_t scene_opcodes[] = {
#define OPCODE(name, number, from_client, from_server, text) number,
#include "proto/opcode.def"
#undef OPCODE
	1, 5, 127, 128, INT32_MAX, -2, -4, -9, -16, -500, INT32_MIN,
};
const size_t scene_opcode_count = ARRAY_COUNT(scene_opcodes);

static void hello(struct scene *scene, int32_t sequence)
{
	fast_send(&scene->fast, &(struct packet){.opcode = OPCODE_UDP_CONNECT,
						 .sender = scene->client.peer_id,
						 .target_player = PROTO_PEER_SERVER,
						 .sequence = sequence,
						 .command = PACKET_COMMAND_UDP_CONNECT});
}

void scene_enter(struct scene *scene)
{
	struct client *client = &scene->client;
	stage_init(&scene->stage, scene_is_association(scene->place) ? SHARD_SECURE_REQUIRED : SHARD_PLAIN, NULL);
	client_connect(client, &scene->stage, 10, scene_is_association(scene->place));
	client_upgrade(client);
	stage_run_ms(&scene->stage, 5);
	if (scene->place == GATE_STREAM_LOGIN)
		return;
	client_log_in(client, "dev-room-");
	if (scene->place == GATE_STREAM_JOINED)
		return;
	fast_open(&scene->fast, client, stage_address(10, 40000));
	if (scene_is_association(scene->place))
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

struct packet scene_packet(const struct scene *scene, int32_t opcode, struct view payload)
{
	struct packet packet = {.opcode = opcode, .sender = scene->client.peer_id, .sequence = 7};
	const char *token = scene->client.connect_token;
	switch (opcode) {
	case OPCODE_LOGIN:
		packet.command = PACKET_COMMAND_LOGIN;
		packet.login.player_session_id = ringcast_view_of("dev-room-", 9);
		break;
	case OPCODE_UDP_CONNECT:
		packet.command = PACKET_COMMAND_UDP_CONNECT;
		packet.target_player = PROTO_PEER_SERVER;
		break;
	case OPCODE_JOIN_GROUP:
		packet.command = PACKET_COMMAND_JOIN_GROUP;
		packet.group = SCENE_GROUP;
		break;
	case OPCODE_LEAVE_GROUP:
		packet.command = PACKET_COMMAND_LEAVE_GROUP;
		packet.group = SCENE_GROUP;
		break;
	case OPCODE_REQUEST_GROUP_MEMBERSHIP:
		packet.command = PACKET_COMMAND_REQUEST_GROUP_MEMBERSHIP;
		packet.group = SCENE_GROUP;
		break;
	case OPCODE_VERIFY_IDENTITY:
		packet.command = PACKET_COMMAND_VERIFY_IDENTITY;
		packet.verify_identity.peer_id = scene->client.peer_id;
		packet.verify_identity.connect_token = ringcast_view_of(token, strlen(token));
		break;
	default:
		packet.target_group = PROTO_GROUP_ALL;
		packet.payload = payload;
	}
	return packet;
}

void scene_send(struct scene *scene, const struct packet *packet)
{
	if (scene_is_stream(scene->place))
		client_send(&scene->client, packet);
	else
		fast_send(&scene->fast, packet);
	stage_run_ms(&scene->stage, 5);
}
