/*
 * A relay and a player in one program, C11 and C++17 alike: the player sends a word to the game, the game answers it, and that is the end.
 * cc hello.c $(pkg-config --cflags --libs ringcast ringcast-client) -o hello && ./hello
 */
#include <ringcast/ringcast.h>
#include <ringcast/ringcast_client.h>
#include <stdio.h>
#include <string.h>

enum { ASK = 1, ANSWER = 2, TURNS_MAX = 500, TURN_MS = 20 };

struct player {
	bool is_over;
	char heard[64];
};

/* The game: who says something hears it from the server. */
static void on_asked(void *context, ringcast_session *session, const ringcast_message *message)
{
	(void)context;
	ringcast_message answer = *message;
	answer.opcode = ANSWER;
	answer.sender = RINGCAST_PEER_SERVER;
	answer.target_player = message->sender;
	answer.intent = RINGCAST_RELIABLE;
	ringcast_session_send(session, &answer);
}

/* The player. */
static void on_connected(void *context, ringcast_client *client, int32_t peer_id)
{
	(void)context;
	printf("connected as peer %d\n", (int)peer_id);
	ringcast_client_send(client, ASK, RINGCAST_CLIENT_PEER_SERVER, 0, RINGCAST_CLIENT_RELIABLE, "hello", 5);
}

static void on_answered(void *context, ringcast_client *client, const ringcast_client_message *message)
{
	struct player *player = (struct player *)context;
	if (message->opcode == ANSWER && message->payload_bytes < sizeof(player->heard))
		memcpy(player->heard, message->payload, message->payload_bytes);
	ringcast_client_disconnect(client);
}

static void on_disconnected(void *context, ringcast_client *client, int code, const char *reason)
{
	(void)client;
	((struct player *)context)->is_over = true;
	if (code != 1000)
		printf("disconnected: %s (code %d)\n", reason, code);
}

static void play(uint16_t port, const char *token, struct player *player)
{
	ringcast_client_callbacks callbacks = RINGCAST_CLIENT_CALLBACKS_INIT;
	ringcast_client_options options = RINGCAST_CLIENT_OPTIONS_INIT;
	ringcast_client *client = NULL;
	callbacks.connected = on_connected;
	callbacks.message = on_answered;
	callbacks.disconnected = on_disconnected;
	options.callbacks = &callbacks;
	options.context = player;
	if (ringcast_client_create(&options, &client) != RINGCAST_CLIENT_OK)
		return;
	if (ringcast_client_connect(client, "127.0.0.1", port, token, NULL, 0) == RINGCAST_CLIENT_OK)
		for (int turn = 0; turn < TURNS_MAX && !player->is_over; turn++)
			ringcast_client_poll(client, TURN_MS);
	ringcast_client_destroy(&client);
}

int main(void)
{
	ringcast_callbacks game = RINGCAST_CALLBACKS_INIT;
	ringcast_engine_options options = RINGCAST_ENGINE_OPTIONS_INIT;
	ringcast_session_options session = RINGCAST_SESSION_OPTIONS_INIT;
	ringcast_engine *engine = NULL;
	struct player player = {false, ""};
	char error[256] = "no place was free", id[RINGCAST_ID_BYTES], token[RINGCAST_ID_BYTES];
	game.message = on_asked;
	options.callbacks = &game;
	options.shard_count = 1;
	session.name = "hello";
	if (ringcast_engine_create(&options, &engine, error, sizeof(error)) || ringcast_engine_start(engine, error, sizeof(error)) ||
	    ringcast_session_create(engine, &session, id) || ringcast_player_reserve(engine, id, "alice", NULL, token)) {
		fprintf(stderr, "hello: %s\n", error);
		ringcast_engine_destroy(&engine);
		return 1;
	}
	play(ringcast_engine_tcp_port(engine), token, &player);
	ringcast_engine_destroy(&engine);
	printf("the game answered: %s\n", player.heard);
	return strcmp(player.heard, "hello") == 0 ? 0 : 1;
}
