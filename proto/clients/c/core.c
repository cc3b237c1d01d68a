#include "proto/clients/c/core.h"

#include <stdlib.h>

#include "base/assert.h"
#include "proto/http_upgrade.h"

static uint64_t next_random(struct client_core *core)
{
	/* splitmix64: masks must differ between messages, they protect no secret */
	uint64_t z = core->mask_state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* Base64 of 16 bytes is 21 free characters, one that carries two bits, and padding. */
void ringcast_client_core_make_key(struct client_core *core)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < 21; i++)
		core->key[i] = alphabet[next_random(core) & 63];
	core->key[21] = "AQgw"[next_random(core) & 3];
	memcpy(core->key + 22, "==", 3);
}

static bool prepare_login(struct client_core *core, const struct client_core_options *options)
{
	struct packet packet = {
		.opcode = OPCODE_LOGIN,
		.target_player = PROTO_PEER_SERVER,
		.is_reliable = true,
		.payload = options->login_payload,
		.command = PACKET_COMMAND_LOGIN,
		.login = {.player_session_id = options->token, .client_version = PROTO_CLIENT_VERSION, .may_resume = options->may_resume, .may_merge = options->may_merge,
			  .no_echo = options->no_echo},
	};
	if (options->token.size > PROTO_LOGIN_TOKEN_BYTES_MAX || options->login_payload.size > PROTO_PAYLOAD_RELIABLE_BYTES_MAX)
		return false;
	size_t size = ringcast_packet_encoded_bytes(&packet);
	core->login = malloc(PROTO_WEBSOCKET_HEADER_BYTES_MAX + size);
	if (!core->login)
		return false;
	core->login_bytes = (uint32_t)ringcast_packet_encode(&packet, core->login + PROTO_WEBSOCKET_HEADER_BYTES_MAX, size);
	ringcast_assert(core->login_bytes == size);
	return true;
}

/* The SDK sends the login payload a second time with the proof. One that would not fit a datagram with the token is left out. */
static bool prepare_proof(struct client_core *core, struct view payload)
{
	if (!core->is_secure || payload.size == 0 || payload.size > PROTO_PAYLOAD_FAST_BYTES_MAX - PROTO_TOKEN_BYTES_MAX)
		return true;
	core->proof = malloc(payload.size);
	if (!core->proof)
		return false;
	memcpy(core->proof, payload.data, payload.size);
	core->proof_payload_bytes = (uint16_t)payload.size;
	return true;
}

static bool prepare_resume(struct client_core *core, const struct client_core_options *options)
{
	if (!options->may_resume)
		return true;
	core->resume = calloc(1, sizeof(*core->resume));
	if (!core->resume)
		return false;
	core->resume->connect_timeout_ns = options->connect_timeout_ns;
	core->resume->kept_bytes_max = options->kept_bytes_max;
	return true;
}

bool ringcast_client_core_start(struct client_core *core, const struct client_core_options *options, uint64_t now_ns)
{
	char request[1024];
	*core = (struct client_core){
		.ops = options->ops,
		.is_udp_off = options->is_udp_off,
		.is_secure = options->is_secure,
		.may_merge = options->may_merge,
		.no_echo = options->no_echo,
		.sequence_last = -1,
		.now_ns = now_ns,
		.phase_deadline_ns = now_ns + options->connect_timeout_ns,
		.hello_due_ns = CLIENT_CORE_NEVER,
		.ping_due_ns = CLIENT_CORE_NEVER,
		.keepalive_due_ns = CLIENT_CORE_NEVER,
		.ping_interval_ns = options->ping_interval_ns,
		.keepalive_interval_ns = options->keepalive_interval_ns,
		.close_timeout_ns = options->close_timeout_ns,
		.mask_state = options->seed,
	};
	ringcast_client_core_make_key(core);
	size_t size = ringcast_http_upgrade_encode_request(options->host_and_port, options->path, core->key, request, sizeof(request));
	if (size == 0 || !prepare_login(core, options) || !prepare_resume(core, options) || !prepare_proof(core, options->login_payload))
		return false;
	return core->ops->stream_send(core, (const uint8_t *)request, size, true);
}

void ringcast_client_core_fini(struct client_core *core)
{
	free(core->login);
	free(core->proof);
	free(core->tail);
	free(core->message);
	ringcast_client_core_fini_resume(core);
	ringcast_client_core_fini_merge(core);
	core->login = core->proof = core->tail = core->message = NULL;
	core->tail_bytes = core->message_bytes = core->login_bytes = 0;
	core->proof_payload_bytes = core->proof_token_bytes = 0;
	core->phase = CLIENT_CORE_CLOSED;
}

void ringcast_client_core_finish(struct client_core *core, uint16_t code, struct view reason)
{
	if (core->phase == CLIENT_CORE_CLOSED)
		return;
	ringcast_client_core_drop_merged(core);
	if (ringcast_client_core_take_drop(core, code, reason))
		return;
	core->phase = CLIENT_CORE_CLOSED;
	core->fast = CLIENT_CORE_FAST_OFF;
	core->ops->closed(core, code, reason);
}

static void finish_with_text(struct client_core *core, uint16_t code, const char *text)
{
	ringcast_client_core_finish(core, code, ringcast_view_of(text, strlen(text)));
}

/* frame has PROTO_WEBSOCKET_HEADER_BYTES_MAX free bytes before the payload, which is masked in place. */
bool ringcast_client_core_send_frame(struct client_core *core, enum websocket_opcode opcode, uint8_t *frame, size_t payload_bytes)
{
	uint8_t header[PROTO_WEBSOCKET_HEADER_BYTES_MAX], mask[4];
	uint8_t *payload = frame + PROTO_WEBSOCKET_HEADER_BYTES_MAX;
	uint32_t random = (uint32_t)next_random(core);
	memcpy(mask, &random, sizeof(mask));
	size_t header_bytes = ringcast_websocket_encode_header_masked(opcode, true, payload_bytes, mask, header);
	ringcast_assert(header_bytes <= sizeof(header));
	ringcast_websocket_mask(payload, payload_bytes, mask);
	memcpy(payload - header_bytes, header, header_bytes);
	return core->ops->stream_send(core, payload - header_bytes, header_bytes + payload_bytes,
				      opcode == WEBSOCKET_CLOSE || opcode == WEBSOCKET_PING);
}

static bool send_control(struct client_core *core, enum websocket_opcode opcode, const void *payload, size_t payload_bytes)
{
	uint8_t frame[PROTO_WEBSOCKET_HEADER_BYTES_MAX + 125];
	ringcast_assert(payload_bytes <= 125);
	if (payload_bytes > 0)
		memcpy(frame + PROTO_WEBSOCKET_HEADER_BYTES_MAX, payload, payload_bytes);
	return ringcast_client_core_send_frame(core, opcode, frame, payload_bytes);
}

static void send_close(struct client_core *core, uint16_t code)
{
	uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};
	send_control(core, WEBSOCKET_CLOSE, payload, sizeof(payload));
}

static void fail(struct client_core *core, uint16_t code, const char *text)
{
	if (core->phase == CLIENT_CORE_LOGIN || core->phase == CLIENT_CORE_OPEN)
		send_close(core, code);
	finish_with_text(core, code, text);
}

void ringcast_client_core_close(struct client_core *core, uint16_t code, uint64_t now_ns)
{
	if (core->phase == CLIENT_CORE_CLOSING || core->phase == CLIENT_CORE_CLOSED)
		return;
	if (ringcast_client_core_is_resuming(core)) {
		core->resume->is_offered = core->resume->is_resuming = false; /* the window is left to end */
		finish_with_text(core, code, "closed while the connection was broken");
		return;
	}
	if (core->phase == CLIENT_CORE_UPGRADE) {
		finish_with_text(core, CLIENT_CORE_CODE_ABNORMAL, "closed before the connection was up");
		return;
	}
	if (ringcast_client_core_is_resending(core))
		ringcast_client_core_resend(core, true);
	ringcast_client_core_flush(core);
	core->phase = CLIENT_CORE_CLOSING;
	core->close_code = code;
	core->phase_deadline_ns = now_ns + core->close_timeout_ns;
	core->hello_due_ns = core->ping_due_ns = core->keepalive_due_ns = CLIENT_CORE_NEVER;
	send_close(core, code);
}

static void take_login_result(struct client_core *core, const struct packet *packet)
{
	if (core->phase != CLIENT_CORE_LOGIN || packet->command != PACKET_COMMAND_LOGIN_RESULT)
		return;
	/* A refusal carries no reason: the close frame that follows does. The login deadline bounds the wait for it. */
	if (!packet->login_result.is_success)
		return;
	bool is_resuming = ringcast_client_core_is_resuming(core);
	if (is_resuming && (!packet->login_result.is_resumed || packet->login_result.peer_id != core->peer_id)) {
		fail(core, 1002, "the server did not resume what it was asked to");
		return;
	}
	core->phase = CLIENT_CORE_OPEN;
	core->phase_deadline_ns = CLIENT_CORE_NEVER;
	core->peer_id = packet->login_result.peer_id;
	core->pings_missed = 0;
	if (core->ping_interval_ns > 0)
		core->ping_due_ns = core->now_ns + core->ping_interval_ns;
	ringcast_client_core_take_offer(core, packet);
	if (is_resuming)
		ringcast_client_core_take_resumed(core, packet);
	else
		core->ops->logged_in(core);
	if (core->phase == CLIENT_CORE_OPEN)
		ringcast_client_core_start_fast(core, packet);
}

static void take_packet(struct client_core *core, uint8_t *bytes, size_t size)
{
	struct packet packet;
	if (ringcast_packet_decode(ringcast_view_of(bytes, size), &packet) != PACKET_OK) {
		fail(core, 1002, "the server sent a malformed packet");
		return;
	}
	if (core->phase == CLIENT_CORE_CLOSING)
		return;
	ringcast_client_core_count_received(core, &packet);
	if (packet.opcode == OPCODE_LOGIN_RESPONSE) {
		take_login_result(core, &packet);
	} else if (ringcast_client_core_may_resume(core) && packet.opcode == OPCODE_PING_RESULT) {
		ringcast_client_core_take_acknowledged(core, (uint32_t)packet.received);
	} else if (packet.opcode == OPCODE_GROUP_MEMBERSHIP_UPDATE && packet.command == PACKET_COMMAND_GROUP_MEMBERSHIP_UPDATE) {
		core->ops->membership(core, &packet);
	} else {
		core->counters.messages_received_reliable++;
		core->counters.bytes_received += packet.payload.size;
		core->ops->message(core, &packet, false);
	}
}

static bool append_fragment(struct client_core *core, const struct websocket_frame *frame)
{
	if (frame->size == 0 && core->message)
		return true;
	uint8_t *message = realloc(core->message, core->message_bytes + frame->size + 1);
	if (!message)
		return false;
	core->message = message;
	if (frame->size > 0)
		memcpy(core->message + core->message_bytes, frame->payload, frame->size);
	core->message_bytes += (uint32_t)frame->size;
	return true;
}

static void take_assembled(struct client_core *core)
{
	/* the callbacks below may end the core, so the message is taken out first */
	uint8_t *message = core->message;
	size_t size = core->message_bytes;
	core->message = NULL;
	core->message_bytes = 0;
	take_packet(core, message, size);
	free(message);
}

static void take_pong(struct client_core *core, const struct websocket_frame *frame)
{
	uint64_t sent_ns;
	core->pings_missed = 0;
	if (frame->size != sizeof(sent_ns))
		return;
	memcpy(&sent_ns, frame->payload, sizeof(sent_ns));
	if (sent_ns > core->now_ns)
		return;
	core->rtt_ns = core->now_ns - sent_ns;
	core->rtt_smoothed_ns = core->rtt_smoothed_ns == 0 ? core->rtt_ns : core->rtt_smoothed_ns - core->rtt_smoothed_ns / 8 + core->rtt_ns / 8;
}

static void take_close(struct client_core *core, const struct websocket_frame *frame, uint16_t code)
{
	struct view reason = {NULL, 0};
	if (frame->size > 2)
		reason = ringcast_view_of(frame->payload + 2, frame->size - 2);
	if (core->phase != CLIENT_CORE_CLOSING)
		send_close(core, code == 1005 ? 1000 : code);
	ringcast_client_core_finish(core, code, reason);
}

static void take_event(struct client_core *core, const struct websocket_frame *frame, enum websocket_event event, uint16_t close_code)
{
	switch (event) {
	case WEBSOCKET_EVENT_MESSAGE:
		if (frame->opcode == WEBSOCKET_TEXT)
			fail(core, 1003, "the server sent a text message");
		else
			take_packet(core, frame->payload, frame->size);
		return;
	case WEBSOCKET_EVENT_FRAGMENT:
	case WEBSOCKET_EVENT_MESSAGE_END:
		if (!append_fragment(core, frame))
			fail(core, 1011, "out of memory");
		else if (event == WEBSOCKET_EVENT_MESSAGE_END)
			take_assembled(core);
		return;
	case WEBSOCKET_EVENT_PING:
		if (core->phase != CLIENT_CORE_CLOSING && !send_control(core, WEBSOCKET_PONG, frame->payload, frame->size))
			core->counters.pongs_unsent++;
		return;
	case WEBSOCKET_EVENT_PONG:
		take_pong(core, frame);
		return;
	case WEBSOCKET_EVENT_CLOSE:
		take_close(core, frame, close_code);
		return;
	case WEBSOCKET_EVENT_ERROR:
		fail(core, close_code, "the server broke the WebSocket protocol");
		return;
	}
}

/* One frame from the start of bytes; returns what it took, 0 when it is not whole or the core has ended. */
static size_t take_frame(struct client_core *core, uint8_t *bytes, size_t size)
{
	struct websocket_frame frame;
	size_t consumed_bytes = 0, needed_bytes = 0;
	uint16_t code = 1005;
	switch (ringcast_websocket_parse(bytes, size, false, PROTO_PACKET_BYTES_MAX, &frame, &consumed_bytes, &needed_bytes, &code)) {
	case WEBSOCKET_FRAME:
		break;
	case WEBSOCKET_NEED_MORE:
		return 0;
	case WEBSOCKET_ERROR:
		fail(core, code, "the server broke the WebSocket protocol");
		return 0;
	}
	enum websocket_event event = ringcast_websocket_assemble(&core->assembler, &frame, PROTO_PACKET_BYTES_MAX, &code);
	take_event(core, &frame, event, code);
	return consumed_bytes;
}

static size_t take_upgrade(struct client_core *core, const uint8_t *bytes, size_t size)
{
	size_t consumed_bytes = 0;
	int status = 0;
	enum http_upgrade_result result =
		ringcast_http_upgrade_parse_response(ringcast_view_of(bytes, size), core->key, &consumed_bytes, &status);
	if (result == HTTP_UPGRADE_NEED_MORE && size < PROTO_HTTP_REQUEST_BYTES_MAX)
		return 0;
	if (result != HTTP_UPGRADE_OK) {
		finish_with_text(core, CLIENT_CORE_CODE_ABNORMAL, "the server refused the WebSocket upgrade");
		return 0;
	}
	uint8_t *login = core->login;
	core->login = NULL;
	core->phase = CLIENT_CORE_LOGIN;
	ringcast_client_core_send_frame(core, WEBSOCKET_BINARY, login, core->login_bytes);
	free(login);
	return consumed_bytes;
}

size_t ringcast_client_core_take_tail(struct client_core *core, uint8_t *scratch)
{
	size_t size = core->tail_bytes;
	if (size > 0)
		memcpy(scratch, core->tail, size);
	free(core->tail);
	core->tail = NULL;
	core->tail_bytes = 0;
	return size;
}

static void keep_tail(struct client_core *core, const uint8_t *bytes, size_t size)
{
	ringcast_assert(core->tail == NULL);
	core->tail = malloc(size);
	if (!core->tail) {
		fail(core, 1011, "out of memory");
		return;
	}
	memcpy(core->tail, bytes, size);
	core->tail_bytes = (uint32_t)size;
}

void ringcast_client_core_receive_stream(struct client_core *core, uint8_t *bytes, size_t size, uint64_t now_ns)
{
	size_t offset = 0;
	core->now_ns = now_ns;
	while (offset < size && core->phase < CLIENT_CORE_DROPPED) {
		size_t left = size - offset;
		size_t taken = core->phase == CLIENT_CORE_UPGRADE ? take_upgrade(core, bytes + offset, left)
								  : take_frame(core, bytes + offset, left);
		if (taken == 0)
			break;
		offset += taken;
	}
	if (offset < size && core->phase < CLIENT_CORE_DROPPED)
		keep_tail(core, bytes + offset, size - offset);
}

/* Who was asked to close and just ends, or is silent, has done as asked. */
static void finish_unanswered(struct client_core *core)
{
	finish_with_text(core, core->close_code, "closed; the server did not answer the close frame");
}

void ringcast_client_core_end_stream(struct client_core *core, const char *reason, uint64_t now_ns)
{
	core->now_ns = now_ns;
	if (core->phase == CLIENT_CORE_DROPPED)
		return; /* known */
	if (core->phase == CLIENT_CORE_CLOSING)
		finish_unanswered(core);
	else
		finish_with_text(core, CLIENT_CORE_CODE_ABNORMAL, reason);
}

bool ringcast_client_core_ping(struct client_core *core, uint64_t now_ns)
{
	if (core->phase != CLIENT_CORE_OPEN)
		return false;
	send_control(core, WEBSOCKET_PING, &now_ns, sizeof(now_ns));
	return true;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t ringcast_client_core_deadline_ns(const struct client_core *core)
{
	if (core->phase == CLIENT_CORE_CLOSED)
		return CLIENT_CORE_NEVER;
	if (core->merge.count > 0)
		return 0;
	uint64_t due_ns = earlier(core->ping_due_ns, ringcast_client_core_resend_due_ns(core));
	return earlier(earlier(core->phase_deadline_ns, core->keepalive_due_ns), earlier(core->hello_due_ns, due_ns));
}

static void tick_ping(struct client_core *core)
{
	if (core->pings_missed >= CLIENT_CORE_PINGS_MISSED_MAX) {
		finish_with_text(core, CLIENT_CORE_CODE_ABNORMAL, "the server does not answer pings");
		return;
	}
	core->pings_missed++;
	core->ping_due_ns = core->now_ns + core->ping_interval_ns;
	ringcast_client_core_acknowledge(core);
	ringcast_client_core_ping(core, core->now_ns);
}

static void tick_phase(struct client_core *core)
{
	if (core->phase == CLIENT_CORE_CLOSING)
		finish_unanswered(core);
	else
		finish_with_text(core, CLIENT_CORE_CODE_ABNORMAL, "no login result in time");
}

void ringcast_client_core_tick(struct client_core *core, uint64_t now_ns)
{
	core->now_ns = now_ns;
	if (core->phase == CLIENT_CORE_CLOSED)
		return;
	if (core->phase == CLIENT_CORE_DROPPED) {
		ringcast_client_core_tick_dropped(core);
		return;
	}
	if (now_ns >= core->phase_deadline_ns) {
		tick_phase(core);
		return;
	}
	ringcast_client_core_flush(core);
	if (now_ns >= core->hello_due_ns)
		ringcast_client_core_send_hello(core);
	if (now_ns >= core->keepalive_due_ns)
		ringcast_client_core_tick_keepalive(core);
	if (now_ns >= ringcast_client_core_resend_due_ns(core))
		ringcast_client_core_resend(core, false);
	if (now_ns >= core->ping_due_ns)
		tick_ping(core);
}
