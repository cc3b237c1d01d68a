/*
 * Many players on the C client, encrypted, on one thread: each logs in, brings up DTLS and gets a fast message to itself and back.
 *
 *   crowd HOST PORT CA-FILE HOST-NAME SECONDS [hold [KEEPALIVE-MS]] <lines "token udp-port"      udp-port 0: any; HOST-NAME -: in clear, and
 *   CA-FILE is not read
 *
 * Prints "up INDEX MILLISECONDS" for each who got there, after the login, and at the end "done UP OF COUNT, FAILURES retries"; exits 0 when all
 * did within SECONDS. hold: stays until it is killed, "done" is printed before, and "again INDEX" whenever the fast path of one is back.
 */
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/clients/c/ringcast_client.h"

enum { PLAYERS_MAX = 1000, CA_BYTES_MAX = 65536, ECHO_OPCODE = 9, ECHO_AGAIN_MS = 200 };

struct player {
	ringcast_client *client;
	char token[129];
	unsigned udp_port;
	int32_t peer_id;
	bool is_fast, is_up;
	uint64_t connected_ms, echo_due_ms;
};

static struct player players[PLAYERS_MAX];
static char ca[CA_BYTES_MAX];
static uint32_t keepalive_ms; /* 0: the library's own */
static int player_count, up_count, failure_count, lost_count;

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void on_connected(void *context, ringcast_client *client, int32_t peer_id)
{
	struct player *player = context;
	player->peer_id = peer_id;
	player->connected_ms = now_ms();
}

static void on_fast_ready(void *context, ringcast_client *client)
{
	struct player *player = context;
	if (player->is_up)
		printf("again %d\n", (int)(player - players));
	fflush(stdout);
	player->is_fast = true;
}

static void on_fast_failed(void *context, ringcast_client *client, const char *reason)
{
	((struct player *)context)->is_fast = false;
	failure_count++;
	fprintf(stderr, "player %d: %s\n", (int)((struct player *)context - players), reason);
}

static void on_message(void *context, ringcast_client *client, const ringcast_client_message *message)
{
	struct player *player = context;
	if (player->is_up || message->opcode != ECHO_OPCODE || !message->is_fast)
		return;
	player->is_up = true;
	up_count++;
	printf("up %d %llu\n", (int)(player - players), (unsigned long long)(now_ms() - player->connected_ms));
	fflush(stdout);
}

static void on_disconnected(void *context, ringcast_client *client, int code, const char *reason)
{
	lost_count++;
	fprintf(stderr, "player %d: disconnected: %s (code %d)\n", (int)((struct player *)context - players), reason, code);
}

static bool start(struct player *player, const char *host, uint16_t port, const char *host_name)
{
	static const ringcast_client_callbacks callbacks = {
		.size = sizeof(callbacks),
		.connected = on_connected,
		.fast_ready = on_fast_ready,
		.message = on_message,
		.disconnected = on_disconnected,
		.fast_failed = on_fast_failed,
	};
	ringcast_client_options options = RINGCAST_CLIENT_OPTIONS_INIT;
	options.callbacks = &callbacks;
	options.context = player;
	options.is_secure = strcmp(host_name, "-") != 0;
	options.ca = ca;
	options.host_name = host_name;
	options.udp_local_port = (uint16_t)player->udp_port;
	options.connect_timeout_ms = 60000;
	options.udp_keepalive_ms = keepalive_ms;
	int error = ringcast_client_create(&options, &player->client);
	if (error == RINGCAST_CLIENT_OK)
		error = ringcast_client_connect(player->client, host, port, player->token, NULL, 0);
	if (error != RINGCAST_CLIENT_OK)
		fprintf(stderr, "player %d: %s\n", (int)(player - players), ringcast_client_error_text(error));
	return error == RINGCAST_CLIENT_OK;
}

static void turn(struct player *player, uint64_t now)
{
	ringcast_client_poll(player->client, 0);
	if (!player->is_fast || player->is_up || now < player->echo_due_ms)
		return;
	player->echo_due_ms = now + ECHO_AGAIN_MS;
	ringcast_client_send(player->client, ECHO_OPCODE, player->peer_id, 0, RINGCAST_CLIENT_FAST, "echo", 4);
}

static void turn_all(void)
{
	struct pollfd fds[PLAYERS_MAX];
	uint64_t now = now_ms();
	for (int i = 0; i < player_count; i++) {
		turn(&players[i], now);
		fds[i] = (struct pollfd){.fd = ringcast_client_fd(players[i].client), .events = POLLIN};
	}
	poll(fds, (nfds_t)player_count, 10);
}

static bool read_ca(const char *path)
{
	FILE *file = fopen(path, "re");
	size_t size = file ? fread(ca, 1, sizeof(ca) - 1, file) : 0;
	if (file)
		fclose(file);
	return size > 0;
}

int main(int argc, char **argv)
{
	if (argc < 6 || (strcmp(argv[4], "-") != 0 && !read_ca(argv[3]))) {
		fprintf(stderr, "usage: crowd HOST PORT CA-FILE HOST-NAME|- SECONDS [hold [KEEPALIVE-MS]] <lines\n");
		return 2;
	}
	keepalive_ms = argc > 7 ? (uint32_t)atoi(argv[7]) : 0;
	while (player_count < PLAYERS_MAX && scanf("%128s %u", players[player_count].token, &players[player_count].udp_port) == 2)
		player_count++;
	for (int i = 0; i < player_count; i++) {
		if (!start(&players[i], argv[1], (uint16_t)atoi(argv[2]), argv[4]))
			return 1;
		turn_all();
	}
	uint64_t end_ms = now_ms() + 1000 * (uint64_t)atoi(argv[5]);
	while (up_count < player_count && lost_count == 0 && now_ms() < end_ms)
		turn_all();
	printf("done %d of %d, %d retries\n", up_count, player_count, failure_count);
	fflush(stdout);
	bool is_holding = argc > 6 && up_count == player_count;
	while (is_holding)
		turn_all();
	for (int i = 0; i < player_count; i++)
		ringcast_client_destroy(&players[i].client);
	return up_count == player_count ? 0 : 1;
}
