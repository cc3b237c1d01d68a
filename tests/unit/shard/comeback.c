#include "comeback.h"

struct comeback all;

static void on_dropped(void *context, struct session *session, struct player *player) { all.dropped++; }
static void on_resumed(void *context, struct session *session, struct player *player) { all.resumed++; }
static void on_disconnected(void *context, struct session *session, struct player *player, enum close_reason reason)
{
	all.disconnected++;
	all.reason = reason;
}

static const struct hooks hooks = {.player_dropped = on_dropped, .player_resumed = on_resumed, .player_disconnected = on_disconnected};

void with_window(struct shard_options *options)
{
	options->limits.resume_window_ms = COMEBACK_WINDOW_MS;
	options->hooks = &hooks;
}

void join(struct client *client, uint8_t host, bool may_resume)
{
	static const char token[] = "dev-room-";
	struct packet login = {.command = PACKET_COMMAND_LOGIN,
			       .login = {.player_session_id = ringcast_view_of(token, strlen(token)), .may_resume = may_resume}};
	client_connect(client, &all.stage, host, false);
	client_upgrade(client);
	client_log_in_as(client, &login);
	cr_assert_gt(client->peer_id, 0);
}

void comeback_begin_with(stage_options_fn *options)
{
	stage_init(&all.stage, SHARD_PLAIN, options);
	join(&all.first, 1, true);
	join(&all.second, 2, false);
}

void comeback_begin(void) { comeback_begin_with(with_window); }

void comeback_end(void) { stage_fini(&all.stage); }

void come_back_with(struct client *client, uint8_t host, const char *token, uint32_t received)
{
	struct packet login = {.command = PACKET_COMMAND_LOGIN,
			       .login = {.may_resume = true, .reconnect_token = ringcast_view_of(token, strlen(token)), .received = (int32_t)received}};
	client_connect(client, &all.stage, host, false);
	client_upgrade(client);
	client_log_in_as(client, &login);
}

void break_off(struct client *client)
{
	ringcast_sim_stream_reset(all.stage.network, client->stream);
	stage_run_ms(&all.stage, 5);
}

void say(struct client *client, int32_t target, const char *text)
{
	client_send(client, &(struct packet){.opcode = COMEBACK_SAY, .target_player = target, .is_reliable = true, .payload = ringcast_view_of(text, strlen(text))});
	stage_run_ms(&all.stage, 2);
}

void acknowledge(struct client *client, uint32_t received)
{
	client_send(client, &(struct packet){.opcode = OPCODE_PING_RESULT, .command = PACKET_COMMAND_PING_RESULT, .received = (int32_t)received});
	stage_run_ms(&all.stage, 2);
}

void expect_texts(const struct client *client, const char *texts)
{
	char heard[STAGE_HEARD_MAX * 16] = "";
	for (unsigned i = 0; i < client->heard.count; i++)
		if (client->heard.items[i].opcode == COMEBACK_SAY)
			strcat(heard, client->heard.items[i].payload);
	cr_expect_str_eq(heard, texts);
}

struct player *player_of(int32_t peer_id)
{
	return ringcast_session_find_peer(ringcast_session_find_name(&all.stage.shard->store, "room"), peer_id);
}

struct resume *resume_of(int32_t peer_id)
{
	return ringcast_resume_of(all.stage.shard, player_of(peer_id));
}
