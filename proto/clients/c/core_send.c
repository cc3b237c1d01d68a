/* The core's sending side: messages by either channel, and the UDP handshake. */
#include "proto/clients/c/core.h"

#include <stdlib.h>

#include "base/assert.h"

/* By itself, and behind what waits. */
static bool send_datagram(struct client_core *core, const uint8_t *bytes, size_t size)
{
	ringcast_client_core_flush(core);
	if (core->ops->datagram_send(core, bytes, size))
		return true;
	core->counters.datagrams_unsent++;
	return false;
}

/*
 * Every datagram has a number of its own, also a hello that is sent again, and they cannot wrap on this wire: the server takes none that is not above the
 * one before. A client that has used them all stays on the stream.
 */
static bool has_number(const struct client_core *core)
{
	return core->sequence_next < INT32_MAX;
}

static int32_t take_number(struct client_core *core)
{
	ringcast_assert(has_number(core));
	return core->sequence_next++;
}

static void send_udp_command(struct client_core *core, enum opcode opcode)
{
	uint8_t bytes[PROTO_PACKET_OVERHEAD_BYTES_MAX];
	if (!has_number(core))
		return;
	struct packet packet = {
		.opcode = opcode,
		.sequence = take_number(core),
		.target_player = PROTO_PEER_SERVER,
		.sender = core->peer_id,
		.command = PACKET_COMMAND_UDP_CONNECT,
	};
	size_t size = ringcast_packet_encode(&packet, bytes, sizeof(bytes));
	ringcast_assert(size > 0);
	send_datagram(core, bytes, size);
}

static void send_proof(struct client_core *core)
{
	uint8_t bytes[PROTO_PAYLOAD_FAST_BYTES_MAX + PROTO_PACKET_OVERHEAD_BYTES_MAX];
	if (!has_number(core))
		return;
	struct packet packet = {
		.opcode = OPCODE_VERIFY_IDENTITY,
		.sequence = take_number(core),
		.sender = core->peer_id,
		.payload = ringcast_view_of(core->proof, core->proof_payload_bytes),
		.command = PACKET_COMMAND_VERIFY_IDENTITY,
		.verify_identity = {.peer_id = core->peer_id,
				    .connect_token = ringcast_view_of(core->proof + core->proof_payload_bytes, core->proof_token_bytes)},
	};
	size_t size = ringcast_packet_encode(&packet, bytes, sizeof(bytes));
	ringcast_assert(size > 0);
	send_datagram(core, bytes, size);
}

/* What the server answers: in clear a hello, in an association the proof of who we are. */
static void introduce(struct client_core *core)
{
	if (core->is_secure)
		send_proof(core);
	else
		send_udp_command(core, OPCODE_UDP_CONNECT);
}

static void give_up_fast(struct client_core *core, const char *reason)
{
	core->fast = CLIENT_CORE_FAST_OFF;
	core->hello_due_ns = core->keepalive_due_ns = CLIENT_CORE_NEVER;
	core->ops->fast_failed(core, reason);
}

/*
 * Plain hellos go on until the server knows our new port. An association is bound to its port, and who forgot it takes no proof in it: another one begins.
 */
static void lose_silent(struct client_core *core)
{
	core->hello_due_ns = core->keepalive_due_ns = CLIENT_CORE_NEVER;
	if (core->is_secure) {
		core->ops->fast_silent(core);
		return;
	}
	core->fast = CLIENT_CORE_FAST_HELLO;
	core->hello_count = 0;
	core->ops->fast_failed(core, "the server does not answer by UDP");
	ringcast_client_core_send_hello(core);
}

void ringcast_client_core_send_hello(struct client_core *core)
{
	if (!has_number(core)) {
		give_up_fast(core, "all numbers of the UDP channel are used");
		return;
	}
	if (core->is_secure && core->hello_count >= CLIENT_CORE_PROOFS_MAX) {
		lose_silent(core);
		return;
	}
	uint64_t delay_ms = core->hello_count < 16 ? (uint64_t)CLIENT_CORE_HELLO_DELAY_MS << core->hello_count : CLIENT_CORE_HELLO_DELAY_MS_MAX;
	if (delay_ms > CLIENT_CORE_HELLO_DELAY_MS_MAX)
		delay_ms = CLIENT_CORE_HELLO_DELAY_MS_MAX;
	if (core->hello_count < UINT8_MAX)
		core->hello_count++;
	core->hello_due_ns = core->now_ns + delay_ms * NS_PER_MS;
	introduce(core);
}

/* Keepalive: who is there is asked again, so that address translators keep their entry, and so that we notice when one did not. */

static void rest_keepalive(struct client_core *core)
{
	core->keepalives_unanswered = 0;
	core->keepalive_due_ns = core->keepalive_interval_ns != 0 ? core->now_ns + core->keepalive_interval_ns : CLIENT_CORE_NEVER;
}

void ringcast_client_core_tick_keepalive(struct client_core *core)
{
	uint64_t repeat_ns = CLIENT_CORE_KEEPALIVE_REPEAT_MS * NS_PER_MS;
	if (core->keepalives_unanswered >= CLIENT_CORE_KEEPALIVES_MISSED_MAX) {
		lose_silent(core);
		return;
	}
	if (!has_number(core)) {
		core->keepalive_due_ns = CLIENT_CORE_NEVER;
		return;
	}
	core->keepalives_unanswered++;
	core->keepalive_due_ns = core->now_ns + (repeat_ns < core->keepalive_interval_ns ? repeat_ns : core->keepalive_interval_ns);
	introduce(core);
}

/* The server may have doubted where we are; what answers its answer ends that. */
static void take_keepalive(struct client_core *core)
{
	if (core->keepalives_unanswered == 0)
		return;
	rest_keepalive(core);
	if (!core->is_secure)
		send_udp_command(core, OPCODE_UDP_CONNECT_CLIENT_ACK);
}

static bool keep_token(struct client_core *core, struct view token)
{
	uint8_t *proof = token.size > PROTO_TOKEN_BYTES_MAX ? NULL : realloc(core->proof, core->proof_payload_bytes + token.size + 1);
	if (!proof)
		return false;
	if (token.size > 0)
		memcpy(proof + core->proof_payload_bytes, token.data, token.size);
	core->proof = proof;
	core->proof_token_bytes = (uint16_t)token.size;
	return true;
}

void ringcast_client_core_start_fast(struct client_core *core, const struct packet *login_result)
{
	int32_t port = login_result->login_result.fast_port;
	if (core->is_udp_off || port < 1 || port > UINT16_MAX)
		return;
	if (core->is_secure && !keep_token(core, login_result->login_result.connect_token))
		return;
	core->heard_ns = core->now_ns;
	ringcast_client_core_start_merge(core, login_result->login_result.merge_bytes);
	/* first the state: in a test the handshake may be over before the call returns */
	core->fast = CLIENT_CORE_FAST_HELLO;
	if (!core->ops->fast_open(core, (uint16_t)port, login_result->login_result.ca_cert))
		core->fast = CLIENT_CORE_FAST_OFF;
	else if (!core->is_secure)
		ringcast_client_core_send_hello(core);
}

void ringcast_client_core_establish_fast(struct client_core *core, uint64_t now_ns)
{
	ringcast_assert(core->is_secure);
	core->now_ns = now_ns;
	if (core->phase != CLIENT_CORE_OPEN || core->fast != CLIENT_CORE_FAST_HELLO)
		return;
	core->hello_count = 0;
	ringcast_client_core_send_hello(core);
}

void ringcast_client_core_lose_fast(struct client_core *core, const char *reason)
{
	if (core->phase != CLIENT_CORE_OPEN || core->fast == CLIENT_CORE_FAST_OFF)
		return;
	core->fast = CLIENT_CORE_FAST_HELLO;
	core->hello_due_ns = core->keepalive_due_ns = CLIENT_CORE_NEVER;
	core->ops->fast_failed(core, reason);
}

static void finish_fast(struct client_core *core)
{
	if (core->fast != CLIENT_CORE_FAST_HELLO)
		return;
	core->fast = CLIENT_CORE_FAST_UP;
	core->hello_due_ns = CLIENT_CORE_NEVER;
	rest_keepalive(core);
	if (!core->is_secure)
		send_udp_command(core, OPCODE_UDP_CONNECT_CLIENT_ACK);
	core->ops->fast_up(core);
}

static void refuse_fast(struct client_core *core)
{
	if (core->fast == CLIENT_CORE_FAST_HELLO)
		give_up_fast(core, "the server does not accept our connect token");
}

/* Answers of the engine to our hellos; false: the packet is a message. */
static bool take_fast_command(struct client_core *core, const struct packet *packet)
{
	if (!core->is_secure && packet->opcode == OPCODE_UDP_CONNECT_SERVER_ACK) {
		take_keepalive(core);
		finish_fast(core);
		return true;
	}
	if (core->is_secure && packet->opcode == OPCODE_VERIFY_IDENTITY_RESPONSE) {
		if (packet->command == PACKET_COMMAND_VERIFY_IDENTITY_RESULT && packet->verify_identity_result.is_success) {
			take_keepalive(core);
			finish_fast(core);
		} else {
			refuse_fast(core);
		}
		return true;
	}
	/* the answer was lost, but a server sends messages only to those it knows */
	if (core->is_secure)
		finish_fast(core);
	return false;
}

/* Could the server's next number be so far ahead? Over DTLS nobody else can send one. In clear a forged one would make all that follow stale. */
static bool is_jump(const struct client_core *core, int64_t ahead)
{
	uint64_t silence_ms = (core->now_ns - core->heard_ns) / NS_PER_MS;
	return !core->is_secure && (uint64_t)ahead > CLIENT_CORE_JUMP_MAX + CLIENT_CORE_JUMP_PER_MS * silence_ms;
}

static bool take_sequence(struct client_core *core, int32_t sequence)
{
	int64_t ahead = (int64_t)sequence - core->sequence_last;
	if (ahead <= 0) {
		core->counters.datagrams_stale++;
		return false;
	}
	if (is_jump(core, ahead)) {
		core->counters.datagrams_jumped++;
		return false;
	}
	core->sequence_last = sequence;
	core->heard_ns = core->now_ns;
	return true;
}

static void receive_one(struct client_core *core, struct view bytes)
{
	struct packet packet;
	if (core->phase != CLIENT_CORE_OPEN || core->fast == CLIENT_CORE_FAST_OFF)
		return;
	if (ringcast_packet_decode(bytes, &packet) != PACKET_OK) {
		core->counters.datagrams_malformed++;
		return;
	}
	if (!take_sequence(core, packet.sequence))
		return;
	if (take_fast_command(core, &packet) || core->phase != CLIENT_CORE_OPEN)
		return;
	core->counters.messages_received_fast++;
	core->counters.bytes_received += packet.payload.size;
	core->ops->message(core, &packet, true);
}

/*
 * Several packets only where both sides have said so, and no more than a server sends: what is left then counts as none. What a message brings about may
 * end the connection.
 */
void ringcast_client_core_receive_datagram(struct client_core *core, const uint8_t *bytes, size_t size, uint64_t now_ns)
{
	struct view rest = ringcast_view_of(bytes, size), first;
	unsigned count = 0;
	core->now_ns = now_ns;
	for (; core->is_merging && count < PROTO_MERGED_PACKETS_MAX && rest.size > 0 && ringcast_packet_split(&rest, &first); count++)
		receive_one(core, first);
	if (count == PROTO_MERGED_PACKETS_MAX)
		core->counters.datagrams_malformed += rest.size > 0;
	else if (rest.size > 0 || size == 0)
		receive_one(core, rest);
}

static bool can_send_fast(struct client_core *core, size_t payload_bytes)
{
	return core->fast == CLIENT_CORE_FAST_UP && payload_bytes <= PROTO_PAYLOAD_FAST_BYTES_MAX && has_number(core);
}

static bool send_fast(struct client_core *core, const uint8_t *bytes, size_t size)
{
	return (core->is_merging && ringcast_client_core_merge(core, bytes, size)) || send_datagram(core, bytes, size);
}

/* frame has room for a WebSocket header before the packet. What may be resumed is kept, and goes later where there is no connection now. */
static bool send_reliable(struct client_core *core, uint8_t *frame, size_t size)
{
	bool is_kept = ringcast_client_core_may_resume(core);
	if (is_kept && !ringcast_client_core_keep(core, frame + PROTO_WEBSOCKET_HEADER_BYTES_MAX, size))
		return false;
	if (core->phase != CLIENT_CORE_OPEN || ringcast_client_core_is_resending(core)) /* in order: behind what goes out again */
		return true;
	if (ringcast_client_core_send_frame(core, WEBSOCKET_BINARY, frame, size))
		return true;
	if (is_kept)
		ringcast_client_core_unkeep(core, size);
	return false;
}

static bool can_send(const struct client_core *core)
{
	return core->phase == CLIENT_CORE_OPEN || ringcast_client_core_is_resuming(core);
}

enum client_core_send_result ringcast_client_core_send(struct client_core *core, const struct client_core_message *message)
{
	uint8_t frame[PROTO_WEBSOCKET_HEADER_BYTES_MAX + PROTO_PACKET_OVERHEAD_BYTES_MAX + PROTO_PAYLOAD_RELIABLE_BYTES_MAX];
	uint8_t *bytes = frame + PROTO_WEBSOCKET_HEADER_BYTES_MAX;
	size_t payload_bytes = message->payload.size;
	if (!can_send(core))
		return CLIENT_CORE_SEND_CLOSED;
	if (payload_bytes > PROTO_PAYLOAD_RELIABLE_BYTES_MAX)
		return CLIENT_CORE_SEND_SIZE;
	if (message->is_fast_wanted && core->phase != CLIENT_CORE_OPEN) {
		core->counters.datagrams_unsent++; /* it may be lost, and it would be old when there is a connection again */
		return CLIENT_CORE_SENT_FAST;
	}
	bool is_fast = message->is_fast_wanted && can_send_fast(core, payload_bytes);
	size_t size = ringcast_packet_encode_head(message->opcode, is_fast ? take_number(core) : 0, message->target_player,
						  message->target_group, core->peer_id, !is_fast, payload_bytes, bytes);
	if (payload_bytes > 0)
		memcpy(bytes + size, message->payload.data, payload_bytes);
	size += payload_bytes;
	if (is_fast ? !send_fast(core, bytes, size) : !send_reliable(core, frame, size))
		return CLIENT_CORE_SEND_FULL;
	core->counters.bytes_sent += payload_bytes;
	core->counters.fast_fallback += message->is_fast_wanted && !is_fast;
	*(is_fast ? &core->counters.messages_sent_fast : &core->counters.messages_sent_reliable) += 1;
	return is_fast ? CLIENT_CORE_SENT_FAST : CLIENT_CORE_SENT_RELIABLE;
}

static enum packet_command group_command(enum opcode opcode)
{
	switch (opcode) {
	case OPCODE_JOIN_GROUP:
		return PACKET_COMMAND_JOIN_GROUP;
	case OPCODE_LEAVE_GROUP:
		return PACKET_COMMAND_LEAVE_GROUP;
	default:
		ringcast_assert(opcode == OPCODE_REQUEST_GROUP_MEMBERSHIP);
		return PACKET_COMMAND_REQUEST_GROUP_MEMBERSHIP;
	}
}

/* The SDK sends these by UDP when it can; a lost join has no answer that would tell, so ours go reliably. */
enum client_core_send_result ringcast_client_core_send_group(struct client_core *core, enum opcode opcode, int32_t group)
{
	uint8_t frame[PROTO_WEBSOCKET_HEADER_BYTES_MAX + PROTO_PACKET_OVERHEAD_BYTES_MAX];
	struct packet packet = {
		.opcode = opcode,
		.target_player = PROTO_PEER_SERVER,
		.sender = core->peer_id,
		.is_reliable = true,
		.command = group_command(opcode),
		.group = group,
	};
	if (!can_send(core))
		return CLIENT_CORE_SEND_CLOSED;
	size_t size = ringcast_packet_encode(&packet, frame + PROTO_WEBSOCKET_HEADER_BYTES_MAX, PROTO_PACKET_OVERHEAD_BYTES_MAX);
	ringcast_assert(size > 0);
	if (!send_reliable(core, frame, size))
		return CLIENT_CORE_SEND_FULL;
	return CLIENT_CORE_SENT_RELIABLE;
}
