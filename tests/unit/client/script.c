#include "script.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/http_upgrade.h"

static struct script *script_of(struct client_core *core)
{
	return (struct script *)core;
}

static bool op_stream_send(struct client_core *core, const uint8_t *bytes, size_t size, bool is_control)
{
	struct script *script = script_of(core);
	if (script->is_stream_full && !is_control)
		return false;
	cr_assert_leq(script->out_bytes + size, SCRIPT_BYTES_MAX);
	memcpy(script->out + script->out_bytes, bytes, size);
	script->out_bytes += size;
	return true;
}

static bool op_datagram_send(struct client_core *core, const uint8_t *bytes, size_t size)
{
	struct script *script = script_of(core);
	if (script->is_datagram_refused)
		return false;
	cr_assert_lt(script->datagram_count, SCRIPT_DATAGRAMS_MAX);
	cr_assert_leq(size, SCRIPT_DATAGRAM_BYTES_MAX);
	memcpy(script->datagrams[script->datagram_count], bytes, size);
	script->datagram_bytes[script->datagram_count++] = size;
	return true;
}

static bool op_fast_open(struct client_core *core, uint16_t port, struct view ca_cert)
{
	cr_assert_eq(ca_cert.size, 4);
	script_of(core)->fast_port = port;
	return !script_of(core)->is_fast_refused;
}

static void op_logged_in(struct client_core *core)
{
	script_of(core)->logged_in_count++;
}

static void op_fast_up(struct client_core *core)
{
	script_of(core)->fast_up_count++;
}

static void op_fast_failed(struct client_core *core, const char *reason)
{
	script_of(core)->fast_failed_count++;
}

static void op_fast_silent(struct client_core *core)
{
	script_of(core)->fast_silent_count++;
	ringcast_client_core_lose_fast(core, "silent");
}

static void op_message(struct client_core *core, const struct packet *packet, bool is_fast)
{
	struct script *script = script_of(core);
	script->message_count++;
	script->last_opcode = packet->opcode;
	script->last_sender = packet->sender;
	script->was_last_fast = is_fast;
	script->last_payload_bytes = packet->payload.size;
	if (packet->payload.size > 0)
		memcpy(script->last_payload, packet->payload.data, packet->payload.size);
}

static void op_membership(struct client_core *core, const struct packet *packet)
{
	struct script *script = script_of(core);
	size_t cursor = 0;
	script->membership_count++;
	script->member_count = 0;
	while (script->member_count < 16 && ringcast_packet_membership_next(packet, &cursor, &script->members[script->member_count]))
		script->member_count++;
}

static void op_closed(struct client_core *core, uint16_t code, struct view reason)
{
	struct script *script = script_of(core);
	script->closed_count++;
	script->close_code = code;
	snprintf(script->close_reason, sizeof(script->close_reason), "%.*s", (int)reason.size, reason.size ? (const char *)reason.data : "");
}

static void op_dropped(struct client_core *core, const char *reason)
{
	script_of(core)->dropped_count++;
	script_of(core)->out_bytes = 0; /* what the broken stream had */
}

static void op_resumed(struct client_core *core, uint32_t lost)
{
	script_of(core)->resumed_count++;
	script_of(core)->lost = lost;
}

static const struct client_core_ops ops = {
	.stream_send = op_stream_send,
	.datagram_send = op_datagram_send,
	.fast_open = op_fast_open,
	.logged_in = op_logged_in,
	.fast_up = op_fast_up,
	.fast_failed = op_fast_failed,
	.fast_silent = op_fast_silent,
	.message = op_message,
	.membership = op_membership,
	.dropped = op_dropped,
	.resumed = op_resumed,
	.closed = op_closed,
};

uint64_t script_keepalive_ns;

static void start_with(struct script *script, const char *token, const char *payload, bool is_udp_off, bool is_secure, size_t kept_bytes_max)
{
	const struct client_core_options options = {
		.ops = &ops,
		.host_and_port = "127.0.0.1:7777",
		.path = "/websocket",
		.token = ringcast_view_of(token, strlen(token)),
		.login_payload = ringcast_view_of(payload, strlen(payload)),
		.is_udp_off = is_udp_off,
		.is_secure = is_secure,
		.seed = 1,
		.connect_timeout_ns = 10 * NS_PER_S,
		.close_timeout_ns = 2 * NS_PER_S,
		.ping_interval_ns = 5 * NS_PER_S,
		.keepalive_interval_ns = script_keepalive_ns,
		.may_resume = kept_bytes_max > 0,
		.kept_bytes_max = kept_bytes_max,
	};
	memset(script, 0, sizeof(*script));
	script->now_ns = NS_PER_S;
	cr_assert(ringcast_client_core_start(&script->core, &options, script->now_ns));
}

static void start(struct script *script, const char *token, const char *payload, bool is_udp_off, bool is_secure)
{
	start_with(script, token, payload, is_udp_off, is_secure, 0);
}

void script_start_resumable(struct script *script, size_t kept_bytes_max)
{
	start_with(script, "t", "", true, false, kept_bytes_max);
}

void script_start(struct script *script, const char *token, const char *payload, bool is_udp_off)
{
	start(script, token, payload, is_udp_off, false);
}

void script_start_secure(struct script *script, const char *token, const char *payload)
{
	start(script, token, payload, false, true);
}

void script_fini(struct script *script)
{
	ringcast_client_core_fini(&script->core);
}

static void feed_part(struct script *script, const uint8_t *bytes, size_t size)
{
	uint8_t *scratch = malloc(CLIENT_CORE_SCRATCH_BYTES_MIN + size);
	size_t kept = ringcast_client_core_take_tail(&script->core, scratch);
	memcpy(scratch + kept, bytes, size);
	ringcast_client_core_receive_stream(&script->core, scratch, kept + size, script->now_ns);
	free(scratch);
}

void script_feed(struct script *script, const uint8_t *bytes, size_t size, size_t step)
{
	step = step > 0 ? step : size;
	for (size_t offset = 0; offset < size; offset += step)
		feed_part(script, bytes + offset, size - offset < step ? size - offset : step);
}

void script_feed_frame(struct script *script, enum websocket_opcode opcode, bool is_final, const void *payload, size_t size)
{
	uint8_t *bytes = malloc(PROTO_WEBSOCKET_HEADER_BYTES_MAX + size);
	size_t header_bytes = ringcast_websocket_encode_header(opcode, is_final, size, bytes);
	if (size > 0)
		memcpy(bytes + header_bytes, payload, size);
	script_feed(script, bytes, header_bytes + size, 0);
	free(bytes);
}

void script_feed_packet(struct script *script, const struct packet *packet)
{
	uint8_t bytes[8192];
	size_t size = ringcast_packet_encode(packet, bytes, sizeof(bytes));
	cr_assert_gt(size, 0);
	script_feed_frame(script, WEBSOCKET_BINARY, true, bytes, size);
}

void script_feed_datagram(struct script *script, const struct packet *packet)
{
	uint8_t bytes[2048];
	size_t size = ringcast_packet_encode(packet, bytes, sizeof(bytes));
	cr_assert_gt(size, 0);
	ringcast_client_core_receive_datagram(&script->core, bytes, size, script->now_ns);
}

void script_feed_ack(struct script *script, int32_t sequence)
{
	const struct packet ack = {
		.opcode = OPCODE_UDP_CONNECT_SERVER_ACK, .sequence = sequence, .sender = PROTO_PEER_SERVER, .target_player = script->core.peer_id};
	script_feed_datagram(script, &ack);
}

struct websocket_frame script_take_frame(struct script *script)
{
	static uint8_t taken[SCRIPT_BYTES_MAX]; /* the frame points into it until the next call */
	struct websocket_frame frame;
	size_t consumed = 0, needed;
	uint16_t code;
	memcpy(taken, script->out, script->out_bytes);
	cr_assert_eq(ringcast_websocket_parse(taken, script->out_bytes, true, SCRIPT_BYTES_MAX, &frame, &consumed, &needed, &code), WEBSOCKET_FRAME);
	script->out_bytes -= consumed;
	memmove(script->out, script->out + consumed, script->out_bytes);
	return frame;
}

void script_upgrade(struct script *script)
{
	struct http_upgrade upgrade;
	char answer[HTTP_UPGRADE_RESPONSE_BYTES_MAX];
	int status;
	cr_assert_eq(ringcast_http_upgrade_parse(ringcast_view_of(script->out, script->out_bytes), &upgrade, &status), HTTP_UPGRADE_OK);
	cr_assert_eq(upgrade.consumed_bytes, script->out_bytes, "nothing may follow the request before the answer");
	size_t size = ringcast_http_upgrade_encode_response(&upgrade, answer);
	script->out_bytes = 0;
	script_feed(script, (const uint8_t *)answer, size, 0);
}

static void log_in(struct script *script, int32_t peer_id, int32_t fast_port, int32_t merge_bytes)
{
	const struct packet result = {
		.opcode = OPCODE_LOGIN_RESPONSE,
		.target_player = peer_id,
		.sender = PROTO_PEER_SERVER,
		.is_reliable = true,
		.command = PACKET_COMMAND_LOGIN_RESULT,
		.login_result = {.is_success = true,
				 .peer_id = peer_id,
				 .fast_port = fast_port,
				 .merge_bytes = merge_bytes,
				 .ca_cert = ringcast_view_of("a CA", 4),
				 .connect_token = ringcast_view_of("connect-tok", 11)},
	};
	script_upgrade(script);
	script_take_frame(script);
	script_feed_packet(script, &result);
	cr_assert_eq(script->logged_in_count, 1);
}

void script_login(struct script *script, int32_t peer_id, int32_t fast_port)
{
	log_in(script, peer_id, fast_port, 0);
}

void script_login_merging(struct script *script, int32_t merge_bytes)
{
	log_in(script, 1, 5000, merge_bytes);
}

void script_advance(struct script *script, uint64_t ns)
{
	script->now_ns += ns;
	ringcast_client_core_tick(&script->core, script->now_ns);
}
