/* A stage with players who may come back: what the tests of resuming share. Player 1 asked for it at login, player 2 did not, and is who talks. */
#ifndef RINGCAST_TESTS_UNIT_SHARD_COMEBACK_H
#define RINGCAST_TESTS_UNIT_SHARD_COMEBACK_H

#include "shard/resume.h"
#include "stage.h"

enum { COMEBACK_WINDOW_MS = 20000, COMEBACK_SAY = 7 };

struct comeback {
	struct stage stage;
	struct client first, second, again, third;
	unsigned dropped, resumed, disconnected; /* as the session's hooks were told */
	enum close_reason reason;
};

extern struct comeback all;

void with_window(struct shard_options *options);
void comeback_begin(void); /* with_window */
void comeback_begin_with(stage_options_fn *options);
void comeback_end(void);

void join(struct client *client, uint8_t host, bool may_resume);
/* received: of what the client has heard on the connection before. */
void come_back_with(struct client *client, uint8_t host, const char *token, uint32_t received);
void break_off(struct client *client);
void say(struct client *client, int32_t target, const char *text);
void acknowledge(struct client *client, uint32_t received);
void expect_texts(const struct client *client, const char *texts);
struct player *player_of(int32_t peer_id);
struct resume *resume_of(int32_t peer_id);

#endif
