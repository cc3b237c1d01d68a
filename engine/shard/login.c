/* The first message of a connection: find the home shard by the token, admit there, answer. */
#include <stdio.h>

#include "base/hash.h"
#include "proto/gate.h"
#include "shard/login.h"
#include "shard/shard_private.h"

#define DEV_PREFIX "dev-"

static enum close_reason close_reason_of(enum drop_reason drop)
{
	switch (drop) {
	case DROP_SESSION_FULL:
		return CLOSE_SESSION_FULL;
	case DROP_DENIED:
	case DROP_PARK_TIMEOUT:
		return CLOSE_DENIED;
	case DROP_DRAINING:
		return CLOSE_DRAINING;
	case DROP_NO_SESSION:
		return CLOSE_SESSION_ENDED;
	case DROP_NO_BUFFER:
	case DROP_PARK_FULL:
		return CLOSE_NO_RESOURCES;
	default:
		return CLOSE_BAD_TOKEN;
	}
}

/* A refused client gets the result, then a close: the C# client raises no event for success = false alone. */
enum close_reason ringcast_shard_login_refuse(struct shard *shard, struct conn *conn, enum drop_reason drop)
{
	struct packet result = {
		.opcode = OPCODE_LOGIN_RESPONSE,
		.sender = PROTO_PEER_SERVER,
		.is_reliable = true,
		.command = PACKET_COMMAND_LOGIN_RESULT,
	};
	shard->counters.logins_refused++;
	ringcast_event_refused(shard, conn, drop);
	conn->is_told = true;
	ringcast_shard_drop(shard, drop, 1);
	ringcast_shard_send_packet(shard, conn, &result);
	return close_reason_of(drop);
}

static void refuse(struct shard *shard, struct conn *conn, enum drop_reason drop)
{
	ringcast_shard_conn_close(shard, conn, ringcast_shard_login_refuse(shard, conn, drop), NULL);
}

static void send_result(struct shard *shard, struct conn *conn)
{
	char token[SHARD_CONNECT_TOKEN_BYTES];
	struct packet result = {
		.opcode = OPCODE_LOGIN_RESPONSE,
		.sender = PROTO_PEER_SERVER,
		.target_player = conn->player->peer_id, /* the JavaScript client reads this one, the C# client the one below */
		.is_reliable = true,
		.command = PACKET_COMMAND_LOGIN_RESULT,
		.login_result = {.is_success = true, .peer_id = conn->player->peer_id},
	};
	if (ringcast_shard_fast_open(shard, conn))
		result.login_result.fast_port = shard->udp_ports[conn->fast.port_index];
	if (conn->secure != NULL) { /* what the client verifies our DTLS with, and proves its own identity */
		const char *ca_pem = shard->security.credentials.ca_pem;
		ringcast_shard_connect_token(conn, token);
		result.login_result.connect_token = ringcast_view_of(token, strlen(token));
		result.login_result.ca_cert = ringcast_view_of(ca_pem, strlen(ca_pem));
	}
	ringcast_shard_send_packet(shard, conn, &result);
}

void ringcast_shard_login_complete(struct shard *shard, struct conn *conn)
{
	shard->counters.logins++;
	conn->is_logged_in = true;
	ringcast_event_login(shard, conn);
	send_result(shard, conn);
	ringcast_timer_arm(&shard->wheel, &conn->timer, shard->now_ns + conn->player->session->ping_interval_ms * NS_PER_MS);
}

/* Dev mode */

struct dev_token {
	char name[SESSION_NAME_BYTES];
	char player_id[PLAYER_ID_BYTES];
};

static bool is_dev_token(const struct shard *shard, struct view token)
{
	return shard->options.is_open && token.size > strlen(DEV_PREFIX) && memcmp(token.data, DEV_PREFIX, strlen(DEV_PREFIX)) == 0;
}

/* "dev-<session name>-<player>": the name may itself hold dashes, the player may not. */
static bool parse_dev_token(struct view token, struct dev_token *ret)
{
	const char *start = (const char *)token.data + strlen(DEV_PREFIX);
	size_t size = token.size - strlen(DEV_PREFIX);
	const char *dash = memrchr(start, '-', size);
	if (dash == NULL || dash == start || memchr(start, 0, size) != NULL)
		return false;
	size_t name_size = (size_t)(dash - start);
	if (name_size >= sizeof(ret->name) || size - name_size - 1 >= sizeof(ret->player_id))
		return false;
	memcpy(ret->name, start, name_size);
	ret->name[name_size] = 0;
	memcpy(ret->player_id, dash + 1, size - name_size - 1);
	ret->player_id[size - name_size - 1] = 0;
	return true;
}

/* In dev mode a session's shard follows from its name, so that a name alone finds it. */
uint32_t ringcast_shard_of_name(const char *name, uint32_t shard_count)
{
	return (uint32_t)(ringcast_hash_bytes(name, strlen(name), 0) % shard_count);
}

static enum drop_reason reserve_dev(struct shard *shard, struct view token, char ret_token[PLAYER_TOKEN_BYTES])
{
	struct dev_token dev;
	struct player *player;
	if (!parse_dev_token(token, &dev))
		return DROP_BAD_TOKEN;
	struct session *session = ringcast_session_find_name(&shard->store, dev.name);
	if (session == NULL)
		return DROP_NO_SESSION;
	return ringcast_admission_reserve(session, dev.player_id[0] != 0 ? dev.player_id : NULL, NULL, shard->now_ns, &player, ret_token);
}

/* Both modes */

static int home_shard(const struct shard *shard, struct view token)
{
	struct dev_token dev;
	if (is_dev_token(shard, token))
		return parse_dev_token(token, &dev) ? (int)ringcast_shard_of_name(dev.name, shard->options.count) : -1;
	return ringcast_player_token_shard(token);
}

void ringcast_shard_login_here(struct shard *shard, struct conn *conn, const struct packet *packet)
{
	struct view token = packet->login.player_session_id;
	char reserved[PLAYER_TOKEN_BYTES];
	enum drop_reason drop = DROP_NONE;
	struct player *player;
	if (is_dev_token(shard, token)) {
		drop = reserve_dev(shard, token, reserved);
		token = ringcast_view_of(reserved, strnlen(reserved, sizeof(reserved)));
	}
	if (drop == DROP_NONE && packet->payload.size > PROTO_PAYLOAD_RELIABLE_BYTES_MAX)
		drop = DROP_OVERSIZE;
	if (drop == DROP_NONE)
		drop = ringcast_admission_admit(&shard->store, token, packet->payload, conn, shard->now_ns, &player);
	if (drop != DROP_NONE) {
		refuse(shard, conn, drop);
		return;
	}
	conn->player = player;
	conn->state = CONN_JOINED;
	conn->stream.is_admitted = true;
	if (player->is_waiting) { /* the script's answer, or its deadline, is what happens next; see deliver.c, admitted */
		ringcast_timer_cancel(&shard->wheel, &conn->timer);
		return;
	}
	ringcast_shard_login_complete(shard, conn);
	ringcast_admission_accept(player, shard->now_ns);
}

void ringcast_shard_login(struct shard *shard, struct conn *conn, struct view message)
{
	struct packet packet;
	if (ringcast_packet_decode(message, &packet) != PACKET_OK) {
		ringcast_shard_drop(shard, DROP_MALFORMED, 1);
		ringcast_shard_conn_close(shard, conn, CLOSE_PROTOCOL, "malformed packet");
		return;
	}
	if (ringcast_gate(packet.opcode, GATE_STREAM_LOGIN) != GATE_LOGIN || packet.command != PACKET_COMMAND_LOGIN) {
		ringcast_shard_drop(shard, DROP_BAD_STATE, 1);
		return;
	}
	int home = home_shard(shard, packet.login.player_session_id);
	if (home < 0 || (uint32_t)home >= shard->options.count)
		refuse(shard, conn, DROP_BAD_TOKEN);
	else if ((uint32_t)home == shard->options.index)
		ringcast_shard_login_here(shard, conn, &packet);
	else
		ringcast_shard_handoff_begin(shard, conn, (uint32_t)home, message);
}
