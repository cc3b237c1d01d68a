/*
 * A bot's login. The protocol asks nobody to wait for the answer, and what is sent behind the login must not be lost or overtaken on its way to
 * the shard of the session.
 */
#include "base/assert.h"
#include "bot.h"
#include "payload.h"

static uint64_t now_ns(const struct bot *bot)
{
	return ringcast_sim_network_now_ns(bot->net->network);
}

static void send_login(struct bot *bot)
{
	struct packet login = {
		.opcode = OPCODE_LOGIN,
		.target_player = PROTO_PEER_SERVER,
		.command = PACKET_COMMAND_LOGIN,
		.login = {.player_session_id = ringcast_view_of(bot->token, strlen(bot->token)), .client_version = PROTO_CLIENT_VERSION,
			  .may_resume = bot->resume.is_wanted},
	};
	ringcast_bot_send_stream(bot, &login);
	ringcast_model_join_sent(bot->net->model, bot->index, PROTO_GROUP_ALL, now_ns(bot));
	bot->state = BOT_LOGIN;
}

static void join_group(struct bot *bot)
{
	struct packet packet = {
		.opcode = OPCODE_JOIN_GROUP, .target_player = PROTO_PEER_SERVER, .command = PACKET_COMMAND_JOIN_GROUP, .group = bot->login.group};
	ringcast_model_join_sent(bot->net->model, bot->index, bot->login.group, now_ns(bot));
	ringcast_late_join_sent(bot, bot->login.group);
	bot->is_joining[bot->login.group] = true;
	ringcast_bot_send_stream(bot, &packet);
}

static void send_message(struct bot *bot, int32_t group)
{
	uint8_t bytes[PAYLOAD_BYTES_MAX];
	struct model_message message = {.sender = bot->index,
					.session = bot->session,
					.is_reliable = true,
					.is_behind_login = true,
					.opcode = 1,
					.to_bot = MODEL_NOBODY,
					.group = group,
					.sent_ns = now_ns(bot)};
	struct payload payload = {.session = bot->session, .sender = bot->index, .message = ringcast_model_send(bot->net->model, &message)};
	ringcast_assert(bot->login.payload_bytes <= sizeof(bytes));
	ringcast_payload_encode(&payload, bytes, bot->login.payload_bytes);
	struct packet packet = {.opcode = 1, .target_group = group, .payload = ringcast_view_of(bytes, bot->login.payload_bytes)};
	ringcast_bot_send_stream(bot, &packet);
}

void ringcast_bot_log_in(struct bot *bot)
{
	send_login(bot);
	if (bot->login.group != 0)
		join_group(bot);
	for (uint32_t i = 0; i < bot->login.message_count; i++)
		send_message(bot, i % 2 == 1 && bot->login.group != 0 ? bot->login.group : PROTO_GROUP_ALL);
}
