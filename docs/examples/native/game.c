/* The example game of docs/examples/README.md, on libringcast alone: cc game.c $(pkg-config --cflags --libs ringcast) -o game && ./game 7777 */
#define _POSIX_C_SOURCE 200809L /* sigwait, also with -std=c11 */
#include <ringcast/ringcast.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTER = 10, STEP, ANNOUNCE, STATE = 20, WON, REFUSED, NEWS, ROOMS = 9, SEATS = 4, CELLS = 10, POINTS = 3, PLAYERS = 32, CHAT_BYTES = 32 };

struct player { int32_t peer; int room, cell, points, step; };
struct game {
	struct player players[PLAYERS]; /* in the order of their peer ids, which is the order in which they come */
	int player_count, coins[ROOMS + 1];
	bool is_changed[ROOMS + 1]; /* [0]: those who are in no room, whom nobody tells anything */
};

static void say(ringcast_session *session, int32_t opcode, int32_t peer, int32_t group, const char *text)
{
	ringcast_session_send(session, &(ringcast_message){opcode, RINGCAST_PEER_SERVER, peer, group, RINGCAST_RELIABLE, (const uint8_t *)text,
							   strlen(text)});
}

static struct player *find(struct game *game, int32_t peer)
{
	struct player *player = game->players;
	while (player->peer != peer)
		player++;
	return player;
}

static int count_in(const struct game *game, int room)
{
	int count = 0;
	for (int i = 0; i < game->player_count; i++)
		count += game->players[i].room == room;
	return count;
}

static void enter(ringcast_session *session, struct game *game, struct player *player, const ringcast_message *message)
{
	int room = message->payload_bytes == 1 ? message->payload[0] - '0' : 0;
	bool is_room = room >= 1 && room <= ROOMS;
	if (!is_room || (player->room != room && count_in(game, room) == SEATS)) {
		say(session, REFUSED, player->peer, 0, is_room ? "room is full" : "no such room");
		return;
	}
	if (player->room != 0)
		ringcast_session_leave(session, player->room, player->peer);
	ringcast_session_join(session, room, player->peer);
	game->is_changed[player->room] = game->is_changed[room] = true;
	*player = (struct player){.peer = player->peer, .room = room};
}

static void on_message(void *context, ringcast_session *session, const ringcast_message *message)
{
	(void)context;
	struct game *game = ringcast_session_user(session);
	struct player *player = find(game, message->sender);
	bool is_step = message->payload_bytes == 1 && (message->payload[0] == '+' || message->payload[0] == '-');
	if (message->opcode == ENTER)
		enter(session, game, player, message);
	else if (message->opcode == STEP && (player->room == 0 || !is_step))
		say(session, REFUSED, player->peer, 0, player->room == 0 ? "enter a room first" : "no such step");
	else if (message->opcode == STEP)
		player->step = message->payload[0] == '+' ? 1 : -1;
}

static void on_service_message(void *context, ringcast_session *session, const ringcast_message *message)
{
	(void)context;
	ringcast_message news = *message;
	news.opcode = NEWS;
	news.target_player = 0;
	news.target_group = RINGCAST_GROUP_ALL;
	if (message->opcode == ANNOUNCE)
		ringcast_session_send(session, &news);
}

static void win(ringcast_session *session, struct game *game, const struct player *winner)
{
	char text[RINGCAST_NAME_BYTES + 32];
	const char *id = ringcast_session_player_id(session, winner->peer);
	snprintf(text, sizeof(text), "%d %d %s", winner->peer, winner->room, id[0] != '\0' ? id : "-");
	say(session, WON, 0, RINGCAST_GROUP_ALL, text);
	snprintf(text, sizeof(text), "{\"peer\":%d,\"room\":%d}", winner->peer, winner->room);
	ringcast_session_emit_event(session, "won", text);
	for (int i = 0; i < game->player_count; i++)
		if (game->players[i].room == winner->room)
			game->players[i].points = 0;
}

static void move(ringcast_session *session, struct game *game, struct player *player)
{
	int cell = player->cell + player->step, *coin = &game->coins[player->room];
	if (player->step != 0 && cell >= 0 && cell < CELLS) {
		player->cell = cell;
		game->is_changed[player->room] = true;
	}
	player->step = 0;
	if (player->cell != *coin)
		return;
	*coin = (3 * *coin + 4) % CELLS;
	game->is_changed[player->room] = true;
	if (++player->points == POINTS)
		win(session, game, player);
}

static void on_tick(void *context, ringcast_session *session, uint64_t now_ns)
{
	(void)context, (void)now_ns;
	struct game *game = ringcast_session_user(session);
	for (int room = 1; room <= ROOMS; room++) {
		char text[256];
		for (int i = 0; i < game->player_count; i++)
			if (game->players[i].room == room)
				move(session, game, &game->players[i]);
		int size = sprintf(text, "coin %d", game->coins[room]);
		for (const struct player *p = game->players; p < game->players + game->player_count; p++)
			if (p->room == room)
				size += sprintf(text + size, ",%d %d %d", p->peer, p->cell, p->points);
		if (game->is_changed[room] && count_in(game, room) > 0)
			say(session, STATE, 0, room, text);
		game->is_changed[room] = false;
	}
}

static void on_started(void *context, ringcast_session *session)
{
	(void)context;
	struct game *game = calloc(1, sizeof(*game));
	if (game == NULL)
		abort();
	for (int room = 1; room <= ROOMS; room++)
		game->coins[room] = 5;
	ringcast_session_set_user(session, game);
}

static void on_ended(void *context, ringcast_session *session, const char *reason)
{
	(void)context, (void)reason;
	free(ringcast_session_user(session));
}

static ringcast_verdict on_connect(void *context, ringcast_session *session, int32_t peer, const uint8_t *payload, size_t size)
{
	(void)context, (void)session, (void)peer;
	return size == 0 || (size == 7 && memcmp(payload, "rooms 1", 7) == 0) ? RINGCAST_ALLOW : RINGCAST_DENY;
}

static void on_accepted(void *context, ringcast_session *session, int32_t peer)
{
	(void)context;
	struct game *game = ringcast_session_user(session);
	game->players[game->player_count++] = (struct player){.peer = peer};
}

static void on_disconnected(void *context, ringcast_session *session, int32_t peer, const char *reason)
{
	(void)context, (void)reason;
	struct game *game = ringcast_session_user(session);
	struct player *player = find(game, peer);
	game->is_changed[player->room] = true;
	memmove(player, player + 1, (size_t)(game->players + --game->player_count - player) * sizeof(*player));
}

static ringcast_verdict on_group_change(void *context, ringcast_session *session, int32_t group, int32_t peer)
{
	(void)context, (void)session, (void)group, (void)peer;
	return RINGCAST_DENY; /* players move by ENTER only */
}

static ringcast_verdict on_chat(void *context, ringcast_session *session, const ringcast_message *message)
{
	(void)context, (void)session;
	return message->payload_bytes <= CHAT_BYTES ? RINGCAST_ALLOW : RINGCAST_DENY;
}

static const ringcast_callbacks callbacks = {
	sizeof(callbacks), .session_started = on_started, .session_ended = on_ended, .player_connect = on_connect, .player_accepted = on_accepted,
	.player_disconnected = on_disconnected, .message = on_message, .send_to_group = on_chat, .join_group = on_group_change,
	.leave_group = on_group_change, .tick = on_tick, .service_message = on_service_message,
};

int main(int argc, char **argv)
{
	/* Anyone may join with the token dev-demo-NAME; a real game reserves a place for each of its players. */
	ringcast_engine_options options = {sizeof(options), .shard_count = 1, .is_open = true, .callbacks = &callbacks};
	ringcast_session_options session = {sizeof(session), "demo", PLAYERS, .tick_interval_ms = 100, .empty_timeout_ms = UINT32_MAX};
	ringcast_engine *engine;
	char error[256] = "cannot create the session", id[RINGCAST_ID_BYTES];
	sigset_t signals;
	int number;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL); /* before the engine's threads begin: they leave signals to us */
	options.tcp_port = argc > 1 ? (uint16_t)atoi(argv[1]) : 0;
	if (ringcast_engine_create(&options, &engine, error, sizeof(error)) || ringcast_engine_start(engine, error, sizeof(error)) ||
	    ringcast_session_create(engine, &session, id)) {
		fprintf(stderr, "game: %s\n", error);
		return 1;
	}
	printf("game: ready on 127.0.0.1:%u\n", ringcast_engine_tcp_port(engine));
	fflush(stdout);
	sigwait(&signals, &number);
	ringcast_engine_stop(engine, 1000);
	ringcast_engine_destroy(&engine);
	return 0;
}
