/*
 * A bot that comes back: it keeps what it has sent until the server has read it, counts what it has read, and when its stream breaks connects anew. To the model it
 * is one life: what was promised to it is promised still, each message once and in order.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "bot.h"
#include "session/id.h"

#define RETRY_NS (300 * NS_PER_MS)
enum { TCP_PORTS = 60000, UDP_PORTS = 52000, PORTS_COUNT = 5000, NO_PONG = 3012 };

static uint64_t now_ns(const struct bot *bot)
{
	return ringcast_sim_network_now_ns(bot->net->network);
}

/* Chance that takes nothing from the world's: the same for the same bot, time after time. */
static uint64_t draw(const struct bot *bot, uint64_t bound)
{
	const uint64_t key[] = {bot->index, bot->resume.count, now_ns(bot)};
	return ringcast_hash_bytes(key, sizeof(key), 7) % bound;
}

void ringcast_bot_resume_fini(struct bot *bot)
{
	for (size_t i = 0; i < bot->resume.kept_count; i++)
		free(bot->resume.kept[i].bytes);
	free(bot->resume.kept);
	bot->resume.kept = NULL;
	bot->resume.kept_count = 0;
}

/* Keeping */

void ringcast_bot_resume_keep(struct bot *bot, const struct packet *packet, struct view bytes)
{
	struct bot_resume *resume = &bot->resume;
	if (!resume->is_wanted || resume->is_resending || packet->command == PACKET_COMMAND_LOGIN || packet->opcode == OPCODE_PING_RESULT)
		return;
	if (resume->kept_count == resume->kept_capacity) {
		resume->kept_capacity = 2 * resume->kept_capacity + 8;
		resume->kept = realloc(resume->kept, resume->kept_capacity * sizeof(*resume->kept));
	}
	ringcast_assert(resume->kept != NULL);
	struct bot_kept *kept = &resume->kept[resume->kept_count++];
	*kept = (struct bot_kept){.bytes = malloc(bytes.size), .size = bytes.size};
	ringcast_assert(kept->bytes != NULL);
	memcpy(kept->bytes, bytes.data, bytes.size);
}

static void forget(struct bot *bot, uint32_t received)
{
	struct bot_resume *resume = &bot->resume;
	uint32_t count = received - resume->kept_first;
	if (count > resume->kept_count) {
		ringcast_bot_fail(bot, "the server says that it has read what was never sent", received);
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		free(resume->kept[i].bytes);
	resume->kept_count -= count;
	resume->kept_first = received;
	if (resume->kept_count > 0)
		memmove(resume->kept, resume->kept + count, resume->kept_count * sizeof(*resume->kept));
}

static void resend(struct bot *bot)
{
	for (size_t i = 0; i < bot->resume.kept_count; i++) {
		bot->packets_sent++;
		ringcast_bot_send_frame(bot, WEBSOCKET_BINARY, bot->resume.kept[i].bytes, bot->resume.kept[i].size);
	}
}

/* Counting */

static void acknowledge(struct bot *bot)
{
	const struct packet packet = {.opcode = OPCODE_PING_RESULT, .command = PACKET_COMMAND_PING_RESULT, .received = (int32_t)bot->resume.received};
	bot->resume.untold = 0;
	ringcast_bot_send_stream(bot, &packet);
}

bool ringcast_bot_resume_receive(struct bot *bot, const struct packet *packet)
{
	static const uint32_t every[] = {1, 16, UINT32_MAX}; /* the last ones never do, and are told all again from the beginning */
	struct bot_resume *resume = &bot->resume;
	if (packet->command == PACKET_COMMAND_LOGIN_RESULT)
		return false;
	if (packet->opcode == OPCODE_PING_RESULT && packet->command == PACKET_COMMAND_PING_RESULT) {
		if (!resume->is_offered)
			ringcast_bot_fail(bot, "an acknowledgement that it did not ask for", packet->received);
		else
			forget(bot, (uint32_t)packet->received);
		return true;
	}
	resume->received++;
	if (resume->is_offered && bot->state == BOT_JOINED && ++resume->untold >= every[bot->index % ARRAY_COUNT(every)])
		acknowledge(bot);
	return false;
}

/* Coming back */

void ringcast_bot_resume_take_offer(struct bot *bot, const struct packet *packet)
{
	struct view token = packet->login_result.reconnect_token;
	struct bot_resume *resume = &bot->resume;
	resume->is_offered = token.size > 0;
	if (resume->is_offered && (!resume->is_wanted || packet->login_result.resume_window_ms <= 0 || token.size >= sizeof(resume->token)))
		ringcast_bot_fail(bot, "is offered to resume, and did not ask, or not for a time", (int64_t)token.size);
	if (!resume->is_offered)
		return;
	memcpy(resume->token, token.data, token.size);
	resume->token[token.size] = 0;
}

bool ringcast_bot_resume_may(const struct bot *bot)
{
	return bot->resume.is_offered && !bot->is_bad && !bot->is_leaving && !bot->is_deaf && !bot->is_expelled && bot->state != BOT_GONE &&
	       bot->state != BOT_REFUSED && (bot->close_code == 0 || bot->close_code == NO_PONG);
}

/* The stream is broken, or given up. */
void ringcast_bot_resume_drop(struct bot *bot, bool is_abandoned)
{
	struct bot_resume *resume = &bot->resume;
	ringcast_bot_fast_stop(bot);
	ringcast_bot_secure_end(bot);
	bot->net->has_lost_fast = true;
	bot->net->model->bots[bot->index].fast_up_ns = MODEL_NEVER;
	if (resume->has_abandoned)
		ringcast_sim_stream_close(bot->net->network, resume->abandoned);
	resume->has_abandoned = is_abandoned;
	resume->abandoned = bot->stream;
	if (!is_abandoned)
		ringcast_sim_stream_close(bot->net->network, bot->stream);
	bot->state = BOT_DROPPED;
	bot->in_bytes = 0;
	bot->is_upgraded = false;
	bot->close_code = 0;
	resume->count++;
	resume->retry_ns = now_ns(bot) + draw(bot, 2) * draw(bot, RETRY_NS);
}

void ringcast_bot_resume_tick(struct bot *bot)
{
	struct bot_resume *resume = &bot->resume;
	if (bot->state != BOT_DROPPED || now_ns(bot) < resume->retry_ns)
		return;
	bot->tcp.port = (uint16_t)(TCP_PORTS + bot->net->resume_count % PORTS_COUNT);
	bot->udp.port = (uint16_t)(UDP_PORTS + bot->net->resume_count++ % PORTS_COUNT);
	bot->sequence_out = 0;
	bot->sequence_in = -1;
	bot->hello_count = 0;
	memset(bot->sequences, 0, sizeof(bot->sequences));
	bot->state = BOT_CONNECTING;
	bot->login.is_eager = false;
	ringcast_bot_connect(bot);
}

void ringcast_bot_resume_log_in(struct bot *bot)
{
	const struct bot_resume *resume = &bot->resume;
	struct packet login = {
		.opcode = OPCODE_LOGIN,
		.target_player = PROTO_PEER_SERVER,
		.command = PACKET_COMMAND_LOGIN,
		.login = {.may_resume = true, .may_merge = bot->may_merge, .no_echo = bot->net->model->bots[bot->index].has_no_echo, .reconnect_token = ringcast_view_of(resume->token, strlen(resume->token)), .received = (int32_t)resume->received},
	};
	ringcast_bot_send_stream(bot, &login);
	bot->state = BOT_LOGIN;
}

/* What it misses was kept by the shard that it was on, which its token names. */
static bool may_have_gap(const struct bot *bot)
{
	struct player_ref ref;
	bool is_parsed = ringcast_id_parse_player(ringcast_view_of(bot->resume.token, strlen(bot->resume.token)), &ref);
	return bot->net->may_have_gaps || (is_parsed && (bot->net->gap_shards >> ref.shard_index & 1) != 0);
}

void ringcast_bot_resume_take_result(struct bot *bot, const struct packet *packet)
{
	struct bot_resume *resume = &bot->resume;
	if (!packet->login_result.is_resumed || packet->login_result.peer_id != bot->peer_id)
		ringcast_bot_fail(bot, "came back as somebody else", packet->login_result.peer_id);
	if (resume->has_abandoned)
		ringcast_sim_stream_close(bot->net->network, resume->abandoned);
	resume->has_abandoned = false;
	resume->received += (uint32_t)packet->login_result.lost;
	resume->untold = 0;
	if (packet->login_result.lost != 0 && !may_have_gap(bot))
		ringcast_bot_fail(bot, "a gap, though there was room for all that was sent", packet->login_result.lost);
	resume->lost += (uint32_t)packet->login_result.lost;
	bot->is_bad |= packet->login_result.lost != 0; /* what is promised to it now: each message at most once and in order, and none missing beside those it was told of */
	forget(bot, (uint32_t)packet->login_result.received);
	resume->is_resending = true;
	resend(bot);
	resume->is_resending = false;
}
