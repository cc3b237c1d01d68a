/*
 * A dedicated game server of one's own, in a hundred lines: players connect by TCP, say the player session id that the backend gave them, and
 * everything that they say after that goes to all the others. Who leaves a match that a matchmaker made is replaced. The Server SDK's side is
 * proto/clients/server_sdk.
 *
 * usage: custom-server [PORT]; without one, the port that the agent hands out. The word "crash" makes it crash: for those who want to see that.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/clients/server_sdk/ringcast_server.h"

enum { PLAYERS_MAX = 16, LINE_BYTES = 256 };

struct player {
	int fd;
	char id[64]; /* "" until it was accepted */
	char line[LINE_BYTES];
	size_t size;
};

struct game {
	ringcast_server *sdk;
	struct player players[PLAYERS_MAX];
	int player_count;
	bool is_over, is_matched;
};

static void on_start(void *context, const ringcast_server_session *session)
{
	struct game *game = context;
	printf("session %s, \"%s\", for %u players\n", session->id, session->name, session->players_max);
	const char *value;
	for (size_t i = 0; session->property(session, i, &value) != NULL; i++)
		printf("  %s = %s\n", session->property(session, i, &value), value);
	game->is_matched = *session->matchmaker_data != '\0';
	/* Here a real game loads its level. */
	if (ringcast_server_activate_session(game->sdk) != 0)
		printf("not activated: %s\n", ringcast_server_problem(game->sdk));
}

static void on_update(void *context, const ringcast_server_session *session)
{
	printf("update: %s %s\n", session->update_reason, session->backfill_ticket);
}

static void on_terminate(void *context, int64_t until_ms)
{
	struct game *game = context;
	printf("told to end\n");
	game->is_over = true;
}

static void say(const struct game *game, int except, const char *text)
{
	for (int i = 0; i < game->player_count; i++)
		if (i != except && *game->players[i].id != '\0')
			send(game->players[i].fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Somebody for whoever has left. A search that is under way names who was there before. */
static void find_players(struct game *game)
{
	const ringcast_server_backfill all = {0};
	char ticket[RINGCAST_SERVER_TICKET_BYTES];
	ringcast_server_stop_backfill(game->sdk, NULL);
	if (ringcast_server_start_backfill(game->sdk, &all, ticket) == 0)
		printf("looking for players: %s\n", ticket);
	else
		printf("not looking for players: %s\n", ringcast_server_problem(game->sdk));
}

static void leave(struct game *game, int index)
{
	struct player *player = &game->players[index];
	close(player->fd);
	if (*player->id != '\0' && ringcast_server_remove_player(game->sdk, player->id) == 0 && game->is_matched)
		find_players(game);
	*player = game->players[--game->player_count];
}

/* False: the player is not welcome. */
static bool take_line(struct game *game, int index, const char *line)
{
	struct player *player = &game->players[index];
	char text[LINE_BYTES + 2];
	if (*player->id == '\0') {
		if (strlen(line) >= sizeof(player->id) || ringcast_server_accept_player(game->sdk, line) != 0)
			return false;
		snprintf(player->id, sizeof(player->id), "%s", line);
		send(player->fd, "welcome\n", 8, MSG_NOSIGNAL | MSG_DONTWAIT);
	} else if (strcmp(line, "crash") == 0) {
		abort();
	} else if (strcmp(line, "close") == 0 || strcmp(line, "open") == 0) {
		ringcast_server_take_players(game->sdk, *line == 'o');
	} else {
		snprintf(text, sizeof(text), "%s\n", line);
		say(game, index, text);
	}
	return true;
}

static void read_player(struct game *game, int index)
{
	struct player *player = &game->players[index];
	ssize_t got = recv(player->fd, player->line + player->size, sizeof(player->line) - 1 - player->size, 0);
	char *end;
	player->size += got > 0 ? (size_t)got : 0;
	player->line[player->size] = '\0';
	while (got > 0 && (end = strchr(player->line, '\n')) != NULL) {
		*end = '\0';
		if (!take_line(game, index, player->line)) {
			got = 0;
			break;
		}
		player->size -= (size_t)(end + 1 - player->line);
		memmove(player->line, end + 1, player->size + 1);
	}
	if (got <= 0 || player->size == sizeof(player->line) - 1)
		leave(game, index);
}

static void welcome(struct game *game, int listener)
{
	int fd = accept(listener, NULL, NULL);
	if (fd >= 0 && game->player_count == PLAYERS_MAX)
		close(fd);
	else if (fd >= 0)
		game->players[game->player_count++] = (struct player){.fd = fd};
}

static void play(struct game *game, int listener)
{
	while (!game->is_over) {
		struct pollfd polled[PLAYERS_MAX + 2] = {{ringcast_server_fd(game->sdk), POLLIN, 0}, {listener, POLLIN, 0}};
		for (int i = 0; i < game->player_count; i++)
			polled[i + 2] = (struct pollfd){game->players[i].fd, POLLIN, 0};
		int count = game->player_count;
		poll(polled, (nfds_t)count + 2, 100);
		for (int i = count - 1; i >= 0; i--) /* from behind: who leaves is replaced by the last */
			if (polled[i + 2].revents != 0)
				read_player(game, i);
		if (polled[1].revents != 0)
			welcome(game, listener);
		ringcast_server_poll(game->sdk, 0);
	}
}

static int listen_on(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 16) == 0)
		return fd;
	fprintf(stderr, "port %u: %s\n", port, strerror(errno));
	return -1;
}

int main(int argc, char **argv)
{
	struct game game = {0};
	char problem[RINGCAST_SERVER_PROBLEM_BYTES];
	const char *given = argc > 1 ? argv[1] : getenv("RINGCAST_PORT");
	uint16_t port = (uint16_t)atoi(given != NULL ? given : "0");
	int listener = listen_on(port);
	const ringcast_server_options options = {.context = &game, .on_start = on_start, .on_update = on_update, .on_terminate = on_terminate};
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (listener < 0)
		return 1;
	game.sdk = ringcast_server_create(&options, problem);
	if (game.sdk == NULL || ringcast_server_ready(game.sdk, port) != 0) {
		fprintf(stderr, "%s\n", game.sdk == NULL ? problem : ringcast_server_problem(game.sdk));
		return 1;
	}
	printf("ready on port %u\n", port);
	play(&game, listener);
	say(&game, -1, "goodbye\n");
	ringcast_server_ending(game.sdk);
	ringcast_server_destroy(&game.sdk);
	return 0;
}
