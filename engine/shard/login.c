/* The first message of a connection: find the home shard by the token, admit there, answer. */
#include <stdio.h>

#include "base/hash.h"
#include "proto/gate.h"
#include "session/limb.h"
#include "shard/login.h"
#include "shard/resume.h"
#include "shard/shard_private.h"
#include "shard/signed.h"

#define DEV_PREFIX "dev-"
#define DEV_SESSION "demo"

static enum close_reason close_reason_of(enum drop_reason drop)
{
	switch (drop) {
	case DROP_SESSION_FULL:
		return CLOSE_SESSION_FULL;
	case DROP_DENIED:
	case DROP_SCRIPT_SHARE:
	case DROP_PARK_TIMEOUT:
		return CLOSE_DENIED;
	case DROP_DRAINING:
		return CLOSE_DRAINING;
	case DROP_RESUME_RATE:
		return CLOSE_RATE_LIMIT; /* a client tries again, for the player is still there */
	case DROP_NO_SESSION:
		return CLOSE_SESSION_ENDED;
	case DROP_NO_BUFFER:
	case DROP_LETTERS_FULL:
	case DROP_PARK_FULL:
	case DROP_SESSION_DATA:
	case DROP_SNAPSHOT_FULL:
	case DROP_TOKEN_RATE:
	case DROP_TOKEN_MEMORY:
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
	ringcast_shard_conn_close(shard, conn, ringcast_shard_login_refuse(shard, conn, drop), ringcast_shard_signed_text(drop));
}

static void send_result(struct shard *shard, struct conn *conn, bool is_resumed, uint32_t lost)
{
	char token[SHARD_CONNECT_TOKEN_BYTES], reconnect_token[PLAYER_TOKEN_BYTES];
	struct packet result = {
		.opcode = OPCODE_LOGIN_RESPONSE,
		.sender = PROTO_PEER_SERVER,
		.target_player = conn->player->peer_id, /* the JavaScript client reads this one, the C# client the one below */
		.is_reliable = true,
		.command = PACKET_COMMAND_LOGIN_RESULT,
		.login_result = {.is_success = true, .peer_id = conn->player->peer_id},
	};
	if (ringcast_shard_fast_open(shard, conn)) {
		result.login_result.fast_port = shard->udp_ports[conn->fast_port];
		result.login_result.merge_bytes = conn->is_merging ? (int32_t)shard->options.limits.merge_bytes : 0;
	}
	result.login_result.no_echo = conn->has_no_echo;
	if (conn->secure != NULL) { /* what the client verifies our DTLS with, and proves its own identity */
		const char *ca_pem = shard->security.credentials.ca_pem;
		ringcast_shard_connect_token(shard, conn, token);
		result.login_result.connect_token = ringcast_view_of(token, strlen(token));
		result.login_result.ca_cert = ringcast_view_of(ca_pem, strlen(ca_pem));
	}
	if (conn->is_resumable) {
		ringcast_resume_format_token(shard, conn->resume, reconnect_token);
		result.login_result.reconnect_token = ringcast_view_of(reconnect_token, strlen(reconnect_token));
		result.login_result.resume_window_ms = (int32_t)conn->player->session->resume_window_ms;
		result.login_result.received = (int32_t)conn->resume->received;
		result.login_result.is_resumed = is_resumed;
		result.login_result.lost = (int32_t)lost;
	}
	ringcast_shard_send_packet(shard, conn, &result);
}

/* The connection is its player's: the first one, or one that takes the place of another. */
static void begin_playing(struct shard *shard, struct conn *conn)
{
	conn->is_logged_in = true;
	conn->player->has_no_echo = conn->has_no_echo;
	ringcast_address_table_settle(&shard->addresses, &conn->address);
	ringcast_timer_arm(&shard->wheel, &conn->timer, shard->now_ns + conn->player->session->ping_interval_ms * NS_PER_MS);
}

void ringcast_shard_resume_complete(struct shard *shard, struct conn *conn, uint32_t lost)
{
	conn->has_no_echo = conn->player->has_no_echo; /* as it was: home, which may be another shard, goes by what was asked first */
	begin_playing(shard, conn);
	ringcast_event_login(shard, conn, EVENT_RESUMED);
	send_result(shard, conn, true, lost);
}

void ringcast_shard_login_complete(struct shard *shard, struct conn *conn)
{
	ringcast_check_magic(conn, CONN);
	ringcast_check_magic(conn->player, PLAYER);
	shard->counters.logins++;
	begin_playing(shard, conn);
	ringcast_event_login(shard, conn, EVENT_LOGIN);
	send_result(shard, conn, false, 0);
}

/*
 * Dev mode. A token of ours is what it always is. "dev-<session>-<player>" names a session, and the player is whoever says so; both may hold
 * dashes: the longest session that exists is meant. Any other id, such as a client's example has, joins the session called demo.
 */

struct dev_token {
	char name[SESSION_NAME_BYTES];
	char player_id[PLAYER_ID_BYTES];
};

static bool is_named(struct view token)
{
	return token.size > strlen(DEV_PREFIX) && memcmp(token.data, DEV_PREFIX, strlen(DEV_PREFIX)) == 0 &&
	       memchr(token.data + strlen(DEV_PREFIX) + 1, '-', token.size - strlen(DEV_PREFIX) - 1) != NULL && memchr(token.data, 0, token.size) == NULL;
}

static bool split(struct view rest, size_t name_bytes, struct dev_token *ret)
{
	size_t player_bytes = rest.size - name_bytes - 1;
	if (name_bytes == 0 || name_bytes >= sizeof(ret->name) || player_bytes >= sizeof(ret->player_id))
		return false;
	memcpy(ret->name, rest.data, name_bytes);
	ret->name[name_bytes] = 0;
	memcpy(ret->player_id, rest.data + name_bytes + 1, player_bytes);
	ret->player_id[player_bytes] = 0;
	return true;
}

/*
 * A session's shard follows from its name, in dev mode from what stands before the first dash: so a dev token alone finds it, and all sessions that one
 * token may mean live on one shard.
 */
uint32_t ringcast_shard_of_name(const char *name, uint32_t shard_count, bool is_open)
{
	return (uint32_t)(ringcast_hash_bytes(name, is_open ? strcspn(name, "-") : strlen(name), 0) % shard_count);
}

static struct session *find_session(struct shard *shard, struct view token, struct dev_token *ret)
{
	struct view rest = ringcast_view_of(token.data + strlen(DEV_PREFIX), token.size - strlen(DEV_PREFIX));
	for (size_t i = rest.size; i-- > 0;) {
		struct session *session = rest.data[i] == '-' && split(rest, i, ret) ? ringcast_session_find_name(&shard->store, ret->name) : NULL;
		if (session != NULL)
			return session;
	}
	return NULL;
}

/* As for a signed token: nothing is reserved for a connection that has to come first, and ret_token is empty. */
static enum drop_reason reserve_dev(struct shard *shard, struct view token, bool is_here, char ret_token[PLAYER_TOKEN_BYTES])
{
	struct dev_token dev = {0};
	struct player *player;
	struct session *session = is_named(token) ? find_session(shard, token, &dev) : ringcast_session_find_name(&shard->store, DEV_SESSION);
	ret_token[0] = '\0';
	if (session == NULL)
		return DROP_NO_SESSION;
	if (!is_here && session->spread == NULL)
		return DROP_NONE;
	return ringcast_admission_reserve(session, dev.player_id[0] != 0 ? dev.player_id : NULL, NULL, shard->now_ns, &player, ret_token);
}

/* All kinds of tokens */

/* What a reservation that is made now lets in with. */
static enum drop_reason reserve_now(struct shard *shard, struct view token, bool is_here, char ret_token[PLAYER_TOKEN_BYTES])
{
	return ringcast_shard_is_signed(shard, token) ? ringcast_shard_signed_reserve(shard, token, is_here, ret_token) : reserve_dev(shard, token, is_here, ret_token);
}

static bool is_dev_token(const struct shard *shard, struct view token)
{
	return shard->options.is_open && ringcast_player_token_shard(token) < 0 && !ringcast_shard_is_signed(shard, token);
}

/* Is its place reserved by the login itself? */
static bool is_made_now(const struct shard *shard, struct view token)
{
	return is_dev_token(shard, token) || ringcast_shard_is_signed(shard, token);
}

static int home_shard(const struct shard *shard, struct view token)
{
	char name[SESSION_NAME_BYTES] = DEV_SESSION;
	if (!is_dev_token(shard, token))
		return ringcast_player_token_shard(token);
	if (is_named(token)) {
		size_t size = token.size - strlen(DEV_PREFIX) < sizeof(name) ? token.size - strlen(DEV_PREFIX) : sizeof(name) - 1;
		memcpy(name, token.data + strlen(DEV_PREFIX), size);
		name[size] = 0;
	}
	return (int)ringcast_shard_of_name(name, shard->options.count, true);
}

static void resume_here(struct shard *shard, struct conn *conn, const struct packet *packet)
{
	enum drop_reason drop = ringcast_resume_login(shard, conn, packet);
	RINGCAST_PROBE(&shard->recorder, LOGIN, shard->now_ns, HANDLE_NONE, 0, drop);
	if (drop != DROP_NONE)
		refuse(shard, conn, drop);
}

void ringcast_shard_login_abilities(struct shard *shard, struct conn *conn, const struct packet *packet)
{
	conn->is_merging = packet->login.may_merge && shard->options.limits.merge_bytes > 0;
	conn->has_no_echo = packet->login.no_echo;
}

void ringcast_shard_login_here(struct shard *shard, struct conn *conn, const struct packet *packet)
{
	struct view token = packet->login.player_session_id;
	ringcast_shard_login_abilities(shard, conn, packet);
	if (packet->login.reconnect_token.size > 0) {
		resume_here(shard, conn, packet);
		return;
	}
	char reserved[PLAYER_TOKEN_BYTES];
	enum drop_reason drop = packet->payload.size > PROTO_PAYLOAD_RELIABLE_BYTES_MAX ? DROP_OVERSIZE : DROP_NONE;
	struct player *player;
	if (drop == DROP_NONE && is_made_now(shard, token)) {
		drop = reserve_now(shard, token, true, reserved);
		token = ringcast_view_of(reserved, strnlen(reserved, sizeof(reserved)));
	}
	if (drop == DROP_NONE)
		drop = ringcast_admission_admit(&shard->store, token, packet->payload, conn, shard->now_ns, &player);
	handle session = drop == DROP_NONE ? player->session->self : HANDLE_NONE;
	RINGCAST_PROBE(&shard->recorder, LOGIN, shard->now_ns, session, drop == DROP_NONE ? (uint32_t)player->peer_id : 0, drop);
	if (drop != DROP_NONE) {
		refuse(shard, conn, drop);
		return;
	}
	conn->player = player;
	ringcast_conn_enter(conn, CONN_JOINED);
	conn->stream.is_admitted = true;
	if (packet->login.may_resume) /* already now: what it says before the answer is counted too */
		ringcast_resume_open(shard, conn);
	if (player->is_waiting) { /* the script's answer, or its deadline, is what happens next; see deliver.c, admitted */
		ringcast_timer_cancel(&shard->wheel, &conn->timer);
		return;
	}
	ringcast_shard_login_complete(shard, conn);
	ringcast_admission_accept(player, shard->now_ns);
}

/* Who comes back proves it by the reconnect token alone. */
static enum drop_reason find_home(struct shard *shard, struct conn *conn, const struct packet *packet, uint32_t *ret_home)
{
	struct view token = packet->login.player_session_id, reconnect = packet->login.reconnect_token;
	if (reconnect.size == 0 && ringcast_shard_is_signed(shard, token))
		return ringcast_shard_signed_check(shard, conn, token, ret_home);
	int home = reconnect.size > 0 ? ringcast_player_token_shard(reconnect) : home_shard(shard, token);
	if (home < 0 || (uint32_t)home >= shard->options.count)
		return DROP_BAD_TOKEN;
	*ret_home = (uint32_t)home;
	return DROP_NONE;
}

static void answer(struct shard *shard, uint32_t sender, const struct letter *login, enum letter_kind kind, enum drop_reason reason)
{
	ringcast_shard_post(shard, sender, &(struct letter){.kind = (uint8_t)kind, .conn = login->conn, .reason = (uint8_t)reason});
}

/* False: it is answered. A place is not reserved before it is known that it will be taken up here. */
static bool reserve_from(struct shard *shard, uint32_t sender, const struct letter *letter, struct view token, char ret_token[PLAYER_TOKEN_BYTES])
{
	enum drop_reason drop = reserve_now(shard, token, false, ret_token);
	if (drop != DROP_NONE)
		answer(shard, sender, letter, LETTER_REFUSED, drop);
	else if (ret_token[0] == '\0')
		answer(shard, sender, letter, LETTER_ELSEWHERE, DROP_NONE);
	return drop == DROP_NONE && ret_token[0] != '\0';
}

void ringcast_shard_login_from(struct shard *shard, uint32_t sender, const struct letter *letter)
{
	char reserved[PLAYER_TOKEN_BYTES];
	struct packet packet;
	enum packet_error error = ringcast_packet_decode(letter->payload, &packet);
	ringcast_assert(error == PACKET_OK); /* the sender decoded the same bytes */
	struct view token = packet.login.player_session_id;
	if (packet.payload.size > PROTO_PAYLOAD_RELIABLE_BYTES_MAX) {
		answer(shard, sender, letter, LETTER_REFUSED, DROP_OVERSIZE);
		return;
	}
	if (is_made_now(shard, token)) {
		if (!reserve_from(shard, sender, letter, token, reserved))
			return;
		token = ringcast_view_of(reserved, strnlen(reserved, sizeof(reserved)));
	}
	ringcast_home_login(&shard->store, sender, letter, token, packet.payload, packet.login.no_echo, shard->now_ns);
}

/* Who comes back goes where what outlived its connection is kept; and to the session's home, which may have room, whoever finds none here. */
static bool may_stay(const struct shard *shard, const struct packet *packet)
{
	return packet->login.reconnect_token.size == 0 && ringcast_limb_has_room(&shard->store, shard->letters.asking_count);
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
	uint32_t home;
	conn->has_no_echo = packet.login.no_echo; /* where it stays while home is asked */
	enum drop_reason drop = find_home(shard, conn, &packet, &home);
	if (drop != DROP_NONE)
		refuse(shard, conn, drop);
	else if (home == shard->options.index)
		ringcast_shard_login_here(shard, conn, &packet);
	else if (may_stay(shard, &packet) && ringcast_mailbox_is_spread(shard->options.mailboxes[home]))
		ringcast_shard_ask_home(shard, conn, home, message);
	else
		ringcast_shard_handoff_begin(shard, conn, home, message);
}
