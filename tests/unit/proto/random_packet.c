#include "random_packet.h"

#include "base/attr.h"

static const enum packet_command drawn_commands[] = {
	PACKET_COMMAND_NONE, PACKET_COMMAND_LOGIN, PACKET_COMMAND_LOGIN_RESULT, PACKET_COMMAND_PING, PACKET_COMMAND_PING_RESULT,
	PACKET_COMMAND_UDP_CONNECT, PACKET_COMMAND_PLAYER_CONNECT, PACKET_COMMAND_PLAYER_DISCONNECT, PACKET_COMMAND_VERIFY_IDENTITY,
	PACKET_COMMAND_VERIFY_IDENTITY_RESULT, PACKET_COMMAND_JOIN_GROUP, PACKET_COMMAND_LEAVE_GROUP,
	PACKET_COMMAND_REQUEST_GROUP_MEMBERSHIP, PACKET_COMMAND_GROUP_MEMBERSHIP_UPDATE,
};

/* Zero, the edges, and every bit length are about equally likely. */
int32_t random_packet_int32(struct prng *prng)
{
	static const int32_t edges[] = {0, 0, 1, -1, 63, 64, -64, -65, 127, 128, 16383, 16384, INT32_MAX, INT32_MIN, INT32_MIN + 1};
	if (ringcast_prng_chance(prng, 1, 2))
		return edges[ringcast_prng_below(prng, ARRAY_COUNT(edges))];
	uint32_t value = (uint32_t)(ringcast_prng_next(prng) >> (32 + ringcast_prng_below(prng, 32)));
	return (int32_t)(ringcast_prng_chance(prng, 1, 2) ? value : -value);
}

static struct view draw_bytes(struct prng *prng, uint8_t *out, size_t size_max, bool is_text)
{
	static const size_t sizes[] = {0, 0, 1, 5, 20, 127, 128, RANDOM_PACKET_BYTES_MAX};
	size_t size = ringcast_prng_chance(prng, 1, 2) ? sizes[ringcast_prng_below(prng, ARRAY_COUNT(sizes))]
							: ringcast_prng_below(prng, RANDOM_PACKET_BYTES_MAX + 1);
	if (size > size_max)
		size = size_max;
	ringcast_prng_fill(prng, out, size);
	for (size_t index = 0; is_text && index < size; index++)
		out[index] &= 0x7f;
	return ringcast_view_of(out, size);
}

static void draw_command(struct prng *prng, struct random_packet *random)
{
	struct packet *packet = &random->packet;
	packet->command = drawn_commands[ringcast_prng_below(prng, ARRAY_COUNT(drawn_commands))];
	switch (packet->command) {
	case PACKET_COMMAND_LOGIN:
		packet->login.player_session_id = draw_bytes(prng, random->bytes[1], PROTO_TOKEN_BYTES_MAX, true);
		packet->login.client_version = random_packet_int32(prng);
		packet->login.may_resume = ringcast_prng_chance(prng, 1, 2);
		packet->login.reconnect_token = draw_bytes(prng, random->bytes[2], PROTO_TOKEN_BYTES_MAX, true);
		packet->login.received = random_packet_int32(prng);
		packet->login.may_merge = ringcast_prng_chance(prng, 1, 2);
		packet->login.no_echo = ringcast_prng_chance(prng, 1, 2);
		break;
	case PACKET_COMMAND_LOGIN_RESULT:
		packet->login_result.is_success = ringcast_prng_chance(prng, 1, 2);
		packet->login_result.reconnect_token = draw_bytes(prng, random->bytes[2], PROTO_TOKEN_BYTES_MAX, true);
		packet->login_result.peer_id = random_packet_int32(prng);
		packet->login_result.fast_port = random_packet_int32(prng);
		packet->login_result.ca_cert = draw_bytes(prng, random->bytes[3], RANDOM_PACKET_BYTES_MAX, false);
		packet->login_result.connect_token = draw_bytes(prng, random->bytes[4], PROTO_TOKEN_BYTES_MAX, true);
		packet->login_result.is_resumed = ringcast_prng_chance(prng, 1, 2);
		packet->login_result.resume_window_ms = random_packet_int32(prng);
		packet->login_result.received = random_packet_int32(prng);
		packet->login_result.lost = random_packet_int32(prng);
		packet->login_result.merge_bytes = random_packet_int32(prng);
		packet->login_result.no_echo = ringcast_prng_chance(prng, 1, 2);
		break;
	case PACKET_COMMAND_VERIFY_IDENTITY:
		packet->verify_identity.peer_id = random_packet_int32(prng);
		packet->verify_identity.connect_token = draw_bytes(prng, random->bytes[4], PROTO_TOKEN_BYTES_MAX, true);
		break;
	case PACKET_COMMAND_VERIFY_IDENTITY_RESULT:
		packet->verify_identity_result.is_success = ringcast_prng_chance(prng, 1, 2);
		packet->verify_identity_result.peer_id = random_packet_int32(prng);
		break;
	case PACKET_COMMAND_PING_RESULT:
		packet->received = random_packet_int32(prng);
		break;
	case PACKET_COMMAND_PLAYER_CONNECT:
	case PACKET_COMMAND_PLAYER_DISCONNECT:
		packet->peer_id = random_packet_int32(prng);
		break;
	case PACKET_COMMAND_JOIN_GROUP:
	case PACKET_COMMAND_LEAVE_GROUP:
	case PACKET_COMMAND_REQUEST_GROUP_MEMBERSHIP:
		packet->group = random_packet_int32(prng);
		break;
	case PACKET_COMMAND_GROUP_MEMBERSHIP_UPDATE:
		packet->membership.group = random_packet_int32(prng);
		packet->membership.player_count = (uint32_t)ringcast_prng_below(prng, RANDOM_PACKET_PLAYERS_MAX + 1);
		packet->membership.players = random->players;
		for (uint32_t index = 0; index < packet->membership.player_count; index++)
			random->players[index] = random_packet_int32(prng);
		break;
	case PACKET_COMMAND_NONE:
	case PACKET_COMMAND_PING:
	case PACKET_COMMAND_UDP_CONNECT:
		break;
	}
}

void random_packet_draw(struct prng *prng, struct random_packet *ret_random)
{
	struct packet *packet = &ret_random->packet;
	memset(packet, 0, sizeof(*packet));
	packet->opcode = random_packet_int32(prng);
	packet->sequence = random_packet_int32(prng);
	packet->target_player = random_packet_int32(prng);
	packet->target_group = random_packet_int32(prng);
	packet->sender = random_packet_int32(prng);
	packet->client_version = random_packet_int32(prng);
	packet->is_reliable = ringcast_prng_chance(prng, 1, 2);
	packet->payload = draw_bytes(prng, ret_random->bytes[0], RANDOM_PACKET_BYTES_MAX, false);
	draw_command(prng, ret_random);
}

static bool is_same_view(struct view a, struct view b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static bool next_player(const struct packet *packet, uint32_t index, size_t *cursor, int32_t *ret_player)
{
	if (packet->membership.players == NULL)
		return ringcast_packet_membership_next(packet, cursor, ret_player);
	if (index >= packet->membership.player_count)
		return false;
	*ret_player = packet->membership.players[index];
	return true;
}

static bool is_same_membership(const struct packet *a, const struct packet *b)
{
	if (a->membership.group != b->membership.group || a->membership.player_count != b->membership.player_count)
		return false;
	size_t cursor_a = 0, cursor_b = 0;
	for (uint32_t index = 0;; index++) {
		int32_t player_a = 0, player_b = 0;
		bool has_a = next_player(a, index, &cursor_a, &player_a), has_b = next_player(b, index, &cursor_b, &player_b);
		if (has_a != has_b || player_a != player_b)
			return false;
		if (!has_a)
			return index == a->membership.player_count;
	}
}

static bool is_same_command(const struct packet *a, const struct packet *b)
{
	switch (a->command) {
	case PACKET_COMMAND_LOGIN:
		return is_same_view(a->login.player_session_id, b->login.player_session_id) &&
		       a->login.client_version == b->login.client_version && a->login.may_resume == b->login.may_resume &&
		       is_same_view(a->login.reconnect_token, b->login.reconnect_token) && a->login.received == b->login.received &&
		       a->login.may_merge == b->login.may_merge && a->login.no_echo == b->login.no_echo;
	case PACKET_COMMAND_LOGIN_RESULT:
		return a->login_result.is_success == b->login_result.is_success && a->login_result.peer_id == b->login_result.peer_id &&
		       a->login_result.fast_port == b->login_result.fast_port &&
		       is_same_view(a->login_result.reconnect_token, b->login_result.reconnect_token) &&
		       is_same_view(a->login_result.ca_cert, b->login_result.ca_cert) &&
		       is_same_view(a->login_result.connect_token, b->login_result.connect_token) &&
		       a->login_result.is_resumed == b->login_result.is_resumed && a->login_result.resume_window_ms == b->login_result.resume_window_ms &&
		       a->login_result.received == b->login_result.received && a->login_result.lost == b->login_result.lost && a->login_result.merge_bytes == b->login_result.merge_bytes &&
		       a->login_result.no_echo == b->login_result.no_echo;
	case PACKET_COMMAND_VERIFY_IDENTITY:
		return a->verify_identity.peer_id == b->verify_identity.peer_id &&
		       is_same_view(a->verify_identity.connect_token, b->verify_identity.connect_token);
	case PACKET_COMMAND_VERIFY_IDENTITY_RESULT:
		return a->verify_identity_result.is_success == b->verify_identity_result.is_success &&
		       a->verify_identity_result.peer_id == b->verify_identity_result.peer_id;
	case PACKET_COMMAND_PING_RESULT:
		return a->received == b->received;
	case PACKET_COMMAND_PLAYER_CONNECT:
	case PACKET_COMMAND_PLAYER_DISCONNECT:
		return a->peer_id == b->peer_id;
	case PACKET_COMMAND_JOIN_GROUP:
	case PACKET_COMMAND_LEAVE_GROUP:
	case PACKET_COMMAND_REQUEST_GROUP_MEMBERSHIP:
		return a->group == b->group;
	case PACKET_COMMAND_GROUP_MEMBERSHIP_UPDATE:
		return is_same_membership(a, b);
	case PACKET_COMMAND_NONE:
	case PACKET_COMMAND_PING:
	case PACKET_COMMAND_UDP_CONNECT:
		return true;
	}
	return false;
}

bool random_packet_is_same(const struct packet *a, const struct packet *b)
{
	return a->opcode == b->opcode && a->sequence == b->sequence && a->target_player == b->target_player &&
	       a->target_group == b->target_group && a->sender == b->sender && a->client_version == b->client_version &&
	       a->is_reliable == b->is_reliable && a->command == b->command && is_same_view(a->payload, b->payload) &&
	       is_same_command(a, b);
}
