/*
 * Every op code in every place that a packet can arrive at: a whole shard does what the gate's table says, and nothing is closed by it.
 * What happened is told from outside, by answers and counters; the table is asked only what should have.
 */
#include "scene.h"

static void forget(struct scene *scene)
{
	scene->client.heard.count = scene->fast.heard.count = 0;
	memset(scene->stage.shard->counters.drops, 0, sizeof(scene->stage.shard->counters.drops));
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
	scene_enter(&scene);
	forget(&scene);
	struct packet packet = scene_packet(&scene, opcode, (struct view){0});
	scene_send(&scene, &packet);
	enum gate_action expected = ringcast_gate(opcode, place), found = what_happened(&scene, opcode);
	if (expected == GATE_COUNT) /* nobody here may resume; for those who may see test_resume.c */
		expected = GATE_DROP;
	cr_assert_eq(found, expected, "op code %d in %s: %s, not %s", opcode, ringcast_gate_place_name(place), ringcast_gate_action_name(found),
		     ringcast_gate_action_name(expected));
	cr_assert_not(scene.client.has_ended || scene.fast.is_over, "op code %d in %s closes", opcode, ringcast_gate_place_name(place));
	stage_fini(&scene.stage);
}

static void check_place(enum gate_place place)
{
	for (size_t i = 0; i < scene_opcode_count; i++)
		check(place, scene_opcodes[i]);
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
		for (size_t i = 0; i < scene_opcode_count; i++) {
			enum gate_action action = ringcast_gate(scene_opcodes[i], before[p]);
			cr_assert_neq(action, GATE_ROUTE);
			cr_assert_neq(action, GATE_REPEAT);
		}
}
