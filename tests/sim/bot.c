#include "bot.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "payload.h"
#include "proto/http_upgrade.h"

#define KEY "cmluZ2Nhc3Qgc2ltIGJvdA==" /* any 16 bytes will do */
#define FRAME_BYTES_MAX (64u << 10)
#define REST_NS (5 * NS_PER_MS)
#define MASK ((const uint8_t[4]){0x5a, 0x17, 0xc3, 0x88})

void ringcast_bot_fail(struct bot *bot, const char *what, int64_t number)
{
	struct model *model = bot->net->model;
	if (model->failure[0] == '\0')
		snprintf(model->failure, sizeof(model->failure), "bot %u (session %u, peer %d): %s (%lld)", bot->index, bot->session, bot->peer_id,
			 what, (long long)number);
}

static uint64_t now_ns(const struct bot *bot)
{
	return ringcast_sim_network_now_ns(bot->net->network);
}

/* sending */

void ringcast_bot_send_frame(struct bot *bot, enum websocket_opcode opcode, const void *payload, size_t size)
{
	uint8_t header[PROTO_WEBSOCKET_HEADER_BYTES_MAX];
	uint8_t *masked = malloc(size + 1);
	ringcast_assert(masked != NULL);
	if (size > 0)
		memcpy(masked, payload, size);
	ringcast_websocket_mask(masked, size, MASK);
	size_t header_bytes = ringcast_websocket_encode_header_masked(opcode, true, size, MASK, header);
	ringcast_bot_write(bot, header, header_bytes);
	ringcast_bot_write(bot, masked, size);
	free(masked);
}

void ringcast_bot_send_stream(struct bot *bot, const struct packet *packet)
{
	uint8_t bytes[PROTO_PACKET_BYTES_MAX];
	struct packet filled = *packet;
	filled.sender = bot->peer_id;
	filled.is_reliable = true;
	size_t size = ringcast_packet_encode(&filled, bytes, sizeof(bytes));
	ringcast_assert(size > 0);
	bot->packets_sent += packet->command != PACKET_COMMAND_LOGIN;
	ringcast_bot_resume_keep(bot, packet, ringcast_view_of(bytes, size));
	ringcast_bot_send_frame(bot, WEBSOCKET_BINARY, bytes, size);
}

/* packets */

static void read_secrets(struct bot *bot, const struct packet *packet)
{
	struct view token = packet->login_result.connect_token;
	if (packet->login_result.ca_cert.size == 0 || token.size == 0 || token.size >= sizeof(bot->connect_token)) {
		ringcast_bot_fail(bot, "a secure login without a CA certificate or a token", (int64_t)token.size);
		return;
	}
	memcpy(bot->connect_token, token.data, token.size);
}

static void join_seen(struct bot *bot, int32_t group)
{
	uint64_t asked_ns = bot->late[ringcast_late_index(group)].asked_ns;
	ringcast_model_join_seen(bot->net->model, bot->index, group, asked_ns != 0 ? asked_ns : now_ns(bot), now_ns(bot));
}

static void receive_login_result(struct bot *bot, const struct packet *packet)
{
	if (bot->state != BOT_LOGIN) {
		ringcast_bot_fail(bot, "a login result that nobody waits for", bot->state);
		return;
	}
	if (!packet->login_result.is_success) {
		bot->state = BOT_REFUSED;
		return;
	}
	bot->state = BOT_JOINED;
	bool is_back = bot->resume.count > 0;
	if (is_back)
		ringcast_bot_resume_take_result(bot, packet);
	ringcast_bot_resume_take_offer(bot, packet);
	bot->peer_id = packet->login_result.peer_id;
	bot->net->model->bots[bot->index].peer_id = bot->peer_id;
	if (bot->peer_id <= 0 || packet->target_player != bot->peer_id)
		ringcast_bot_fail(bot, "login result names two peers", packet->target_player);
	if (!is_back)
		join_seen(bot, PROTO_GROUP_ALL);
	bot->merge_bytes = bot->may_merge ? (uint32_t)packet->login_result.merge_bytes : 0;
	if (!bot->may_merge && packet->login_result.merge_bytes != 0)
		ringcast_bot_fail(bot, "several packets in a datagram for who did not ask for them", packet->login_result.merge_bytes);
	bot->net->model->bots[bot->index].fast_port = (uint16_t)packet->login_result.fast_port;
	bot->net->model->bots[bot->index].address = bot->udp;
	if (bot->is_secure)
		read_secrets(bot, packet);
	if (packet->login_result.fast_port != 0)
		ringcast_bot_fast_start(bot, (uint16_t)packet->login_result.fast_port);
}

uint64_t ringcast_bot_hash(int32_t peer_id)
{
	return ringcast_hash_bytes(&peer_id, sizeof(peer_id), 11);
}

static void receive_membership(struct bot *bot, const struct packet *packet)
{
	int32_t group = packet->membership.group, peer_id;
	size_t cursor = 0;
	bool has_me = false;
	uint64_t listed = 0;
	bot->update_count++;
	while (ringcast_packet_membership_next(packet, &cursor, &peer_id)) {
		has_me |= peer_id == bot->peer_id;
		listed += ringcast_bot_hash(peer_id);
	}
	if (group < 1 || group > SWARM_GROUPS_MAX)
		return;
	bot->listed[group] = listed;
	bot->is_asking[group] = false;
	if (has_me && bot->is_refused[group])
		ringcast_bot_fail(bot, "is listed in a group that its script keeps it out of", group);
	if (has_me && bot->is_joining[group]) {
		bot->is_joining[group] = false;
		bot->is_member[group] = true;
		join_seen(bot, group);
	} else if (!has_me && bot->is_parting[group]) {
		bot->is_parting[group] = bot->is_member[group] = false;
		ringcast_late_left(bot, group);
		ringcast_model_leave_seen(bot->net->model, bot->index, group, now_ns(bot));
	} else if (has_me && !bot->is_member[group]) {
		ringcast_bot_fail(bot, "is listed in a group it did not join", group);
	} else if (!has_me && bot->is_member[group]) {
		ringcast_bot_fail(bot, "is not listed in a group it is in", group);
	}
}

/* The header must say what the sender's did; the sender is proven by the server. */
static void check_header(struct bot *bot, const struct packet *packet, const struct model_message *message, int32_t sender_peer_id)
{
	if (packet->opcode != message->opcode)
		ringcast_bot_fail(bot, "op code changed", packet->opcode);
	if (sender_peer_id != 0 && packet->sender != sender_peer_id)
		ringcast_bot_fail(bot, "sender is not who it says", packet->sender);
	if (packet->target_player != 0 && packet->target_player != bot->peer_id)
		ringcast_bot_fail(bot, "target player is somebody else", packet->target_player);
	if (packet->target_group != 0 && packet->target_group != message->group)
		ringcast_bot_fail(bot, "target group changed", packet->target_group);
}

/* Its own script's, each once and in order; some may be missing, for queues of commands have a bound. */
static void receive_script_message(struct bot *bot, const struct packet *packet)
{
	uint32_t content[2];
	if (packet->payload.size != sizeof(content)) {
		ringcast_bot_fail(bot, "a script's message has another size", (int64_t)packet->payload.size);
		return;
	}
	memcpy(content, packet->payload.data, sizeof(content));
	if (content[0] != bot->session || content[1] <= bot->script_message || packet->sender != 0)
		ringcast_bot_fail(bot, "a script's message of another session, out of order, or twice", content[1]);
	bot->script_message = content[1];
}

void ringcast_bot_receive_packet(struct bot *bot, const struct packet *packet, bool was_stream)
{
	struct payload payload;
	struct model *model = bot->net->model;
	if (packet->command == PACKET_COMMAND_LOGIN_RESULT) {
		receive_login_result(bot, packet);
		return;
	}
	if (packet->command == PACKET_COMMAND_GROUP_MEMBERSHIP_UPDATE) {
		if (!was_stream)
			ringcast_bot_fail(bot, "membership update as a datagram", packet->membership.group);
		receive_membership(bot, packet);
		return;
	}
	if (bot->state != BOT_JOINED)
		ringcast_bot_fail(bot, "a message before the login result", packet->opcode);
	if (packet->opcode == BOT_SCRIPT_OPCODE && was_stream) {
		receive_script_message(bot, packet);
		return;
	}
	if (was_stream && ringcast_late_receive(bot, packet))
		return;
	if (!ringcast_payload_decode(packet->payload, &payload)) {
		if (!bot->net->is_corrupt)
			ringcast_bot_fail(bot, "payload changed", packet->opcode);
		return;
	}
	if (!ringcast_model_receive(model, bot->index, payload.message, was_stream, now_ns(bot)))
		return;
	const struct model_message *message = &model->messages[payload.message];
	if (payload.session != message->session || payload.sender != message->sender)
		ringcast_bot_fail(bot, "payload of another message", payload.message);
	if (was_stream && message->is_reliable && message->group != 0 && message->to_bot != (int32_t)bot->index)
		ringcast_late_hear_other(bot, message->group);
	if (message->is_reliable || !bot->net->is_corrupt)
		check_header(bot, packet, message, model->bots[message->sender].peer_id);
}

/* the stream */

static void receive_frame(struct bot *bot, const struct websocket_frame *frame)
{
	struct packet packet;
	enum packet_error error;
	if (!frame->is_final)
		ringcast_bot_fail(bot, "a fragmented frame", (int64_t)frame->size);
	switch (frame->opcode) {
	case WEBSOCKET_PING:
		bot->pings_received++;
		ringcast_bot_send_frame(bot, WEBSOCKET_PONG, frame->payload, frame->size);
		break;
	case WEBSOCKET_PONG:
		break;
	case WEBSOCKET_CLOSE:
		bot->close_code = frame->size >= 2 ? (uint16_t)(frame->payload[0] << 8 | frame->payload[1]) : 1005;
		ringcast_bot_send_frame(bot, WEBSOCKET_CLOSE, frame->payload, frame->size < 2 ? frame->size : 2);
		ringcast_sim_stream_shutdown(bot->net->network, bot->stream);
		break;
	case WEBSOCKET_BINARY:
		error = ringcast_packet_decode(ringcast_view_of(frame->payload, frame->size), &packet);
		if (error != PACKET_OK)
			ringcast_bot_fail(bot, "a packet that does not decode", error);
		else if (!ringcast_bot_resume_receive(bot, &packet)) {
			ringcast_bot_receive_packet(bot, &packet, true);
			bot->packets_received += packet.command != PACKET_COMMAND_LOGIN_RESULT;
		}
		break;
	default:
		ringcast_bot_fail(bot, "a frame no server sends", frame->opcode);
	}
}

/* Returns how many bytes were understood. */
static size_t understand(struct bot *bot)
{
	size_t consumed = 0, needed, size;
	int status;
	if (!bot->is_upgraded) {
		switch (ringcast_http_upgrade_parse_response(ringcast_view_of(bot->in, bot->in_bytes), KEY, &consumed, &status)) {
		case HTTP_UPGRADE_OK:
			bot->is_upgraded = true;
			if (bot->resume.count > 0)
				ringcast_bot_resume_log_in(bot);
			else if (!bot->login.is_eager)
				ringcast_bot_log_in(bot);
			break;
		case HTTP_UPGRADE_NEED_MORE:
			return 0;
		case HTTP_UPGRADE_REFUSED:
			if (!bot->is_bad)
				ringcast_bot_fail(bot, "the upgrade was refused", status);
			return bot->in_bytes;
		}
	}
	for (;;) {
		struct websocket_frame frame;
		uint16_t close_code;
		switch (ringcast_websocket_parse(bot->in + consumed, bot->in_bytes - consumed, false, FRAME_BYTES_MAX, &frame, &size, &needed,
					      &close_code)) {
		case WEBSOCKET_FRAME:
			receive_frame(bot, &frame);
			consumed += size;
			break;
		case WEBSOCKET_NEED_MORE:
			return consumed;
		case WEBSOCKET_ERROR:
			ringcast_bot_fail(bot, "a frame that breaks the rules", close_code);
			return bot->in_bytes;
		}
	}
}

void ringcast_bot_keep(struct bot *bot, const uint8_t *bytes, size_t size)
{
	if (bot->in_bytes + size > bot->in_capacity) {
		bot->in_capacity = (bot->in_bytes + size) * 2;
		bot->in = realloc(bot->in, bot->in_capacity);
		ringcast_assert(bot->in != NULL);
	}
	memcpy(bot->in + bot->in_bytes, bytes, size);
	bot->in_bytes += size;
}

static void read_stream(struct bot *bot)
{
	size_t readable = ringcast_sim_stream_readable(bot->net->network, bot->stream);
	if (readable == 0 || bot->is_deaf || bot->rests_until_ns > now_ns(bot))
		return;
	if (bot->read_bytes_max > 0 && !bot->net->is_calm) {
		readable = readable < bot->read_bytes_max ? readable : bot->read_bytes_max;
		bot->rests_until_ns = now_ns(bot) + REST_NS;
	}
	uint8_t *bytes = malloc(readable);
	ringcast_assert(bytes != NULL);
	size_t size = ringcast_sim_stream_read(bot->net->network, bot->stream, bytes, readable);
	if (bot->stream_crypto != NULL)
		ringcast_bot_open(bot, bytes, size);
	else
		ringcast_bot_keep(bot, bytes, size);
	free(bytes);
	size_t consumed = understand(bot);
	bot->in_bytes -= consumed;
	if (bot->in_bytes > 0)
		memmove(bot->in, bot->in + consumed, bot->in_bytes);
}

static void watch_end(struct bot *bot)
{
	enum sim_stream_state state = ringcast_sim_stream_state(bot->net->network, bot->stream);
	bool is_over = state == SIM_STREAM_REFUSED || state == SIM_STREAM_RESET || state == SIM_STREAM_CLOSED ||
		       ringcast_sim_stream_has_ended(bot->net->network, bot->stream);
	bool has_more = ringcast_sim_stream_readable(bot->net->network, bot->stream) > 0; /* that a slow reader has not come to */
	if (!is_over || bot->is_deaf || (state == SIM_STREAM_OPEN && has_more))
		return;
	if (ringcast_bot_resume_may(bot)) {
		ringcast_bot_resume_drop(bot, false);
		return;
	}
	bot->state = BOT_GONE;
	ringcast_bot_fast_stop(bot);
	ringcast_sim_stream_close(bot->net->network, bot->stream);
}

void ringcast_bot_tick(struct bot *bot)
{
	ringcast_bot_resume_tick(bot);
	if (bot->state == BOT_GONE || bot->state == BOT_DROPPED)
		return;
	read_stream(bot);
	watch_end(bot);
	ringcast_bot_fast_tick(bot);
}

uint64_t ringcast_bot_deadline_ns(const struct bot *bot)
{
	if (bot->state == BOT_DROPPED)
		return bot->resume.retry_ns;
	bool is_resting = bot->rests_until_ns > now_ns(bot) && bot->state != BOT_GONE;
	return is_resting && bot->rests_until_ns < bot->hello_at_ns ? bot->rests_until_ns : bot->hello_at_ns;
}

/* life */

void ringcast_bot_init(struct bot *bot, struct bot_net *net, uint32_t index, const struct bot_options *options)
{
	*bot = (struct bot){.net = net,
			    .index = index,
			    .session = options->session,
			    .login = options->login,
			    .tcp = options->tcp,
			    .udp = options->udp,
			    .server = options->server,
			    .udp_socket = -1,
			    .is_secure = options->is_secure,
			    .may_merge = options->may_merge,
			    .sequence_in = -1,
			    .hello_at_ns = UINT64_MAX};
	bot->resume.is_wanted = options->may_resume;
	net->model->bots[index].has_no_echo = options->no_echo;
	snprintf(bot->token, sizeof(bot->token), "%s", options->token);
	ringcast_bot_connect(bot);
}

void ringcast_bot_connect(struct bot *bot)
{
	struct bot_net *net = bot->net;
	char request[512];
	bot->stream = ringcast_sim_stream_connect(net->network, &bot->tcp, &net->servers[bot->server]);
	if (bot->is_secure)
		ringcast_bot_secure_begin(bot);
	size_t size = ringcast_http_upgrade_encode_request("sim:1900", "/websocket", KEY, request, sizeof(request));
	ringcast_assert(size > 0);
	ringcast_bot_write(bot, request, size);
	if (bot->login.is_eager)
		ringcast_bot_log_in(bot);
}

void ringcast_bot_fini(struct bot *bot)
{
	ringcast_bot_fast_stop(bot);
	ringcast_bot_secure_end(bot);
	ringcast_bot_resume_fini(bot);
	free(bot->in);
	bot->in = NULL;
}

void ringcast_bot_leave(struct bot *bot, int how)
{
	static const uint8_t code[2] = {1000 >> 8, 1000 & 0xff};
	if (bot->state == BOT_GONE || bot->state == BOT_DROPPED)
		return;
	bot->is_leaving = true;
	switch (how) {
	case 0:
		ringcast_bot_send_frame(bot, WEBSOCKET_CLOSE, code, sizeof(code));
		break;
	case 4: /* the end of TLS, not of the WebSocket */
		if (bot->stream_crypto != NULL)
			ringcast_crypto_close(bot->stream_crypto);
		break;
	case 1:
		ringcast_sim_stream_shutdown(bot->net->network, bot->stream);
		break;
	case 2:
		ringcast_sim_stream_reset(bot->net->network, bot->stream);
		break;
	default:
		ringcast_sim_stream_close(bot->net->network, bot->stream);
	}
}
