/*
 * A game server's side of the GameLift Server SDK's protocol, in C: what a dedicated server of your own links to get its game sessions from
 * ringcastd, or from the vendor's service behind something that speaks TLS for it.
 *
 *     create (connects) -> ready(port) -> poll, poll, ... -> on_start -> activate_session -> accept_player ... -> ending -> destroy
 *
 * One thread owns a server, and callbacks run within poll on that thread. Requests wait for their answer, 20 seconds at most; what is told meanwhile
 * is delivered by the next poll. A lost connection comes back within poll, under the same process id, and the game session goes on.
 */
#ifndef RINGCAST_SERVER_H
#define RINGCAST_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ringcast_server ringcast_server;

typedef struct ringcast_server_session { /* texts are good during the callback; "" for none */
	const char *id, *name, *data, *matchmaker_data;
	uint32_t players_max;
	/* Properties, one after another: NULL past the last. */
	const char *(*property)(const struct ringcast_server_session *session, size_t index, const char **ret_value);
	const void *inside;
	/* Of an update: why (MATCHMAKING_DATA_UPDATED, BACKFILL_FAILED, BACKFILL_TIMED_OUT, BACKFILL_CANCELLED, UNKNOWN), and the backfill that it comes from. */
	const char *update_reason, *backfill_ticket;
} ringcast_server_session;

typedef struct ringcast_server_options {
	/* NULL: from the environment, where an agent puts it: GAMELIFT_SDK_WEBSOCKET_URL, _AUTH_TOKEN, _PROCESS_ID, _HOST_ID, _FLEET_ID */
	const char *url, *token, *process_id, *host_id, *fleet_id;
	void *context;
	void (*on_start)(void *context, const ringcast_server_session *session);  /* load the level; then activate_session, at once or later */
	void (*on_update)(void *context, const ringcast_server_session *session); /* NULL: not interesting */
	void (*on_terminate)(void *context, int64_t until_ms); /* end by then (milliseconds since the epoch): save, say goodbye, ending */
	bool (*is_healthy)(void *context); /* NULL: always */
	uint32_t heartbeat_ms; /* 0: 60 000, as the service expects it */
} ringcast_server_options;

/* Players who join a match that runs; what is NULL ringcastd knows: the configuration that made the match, who holds a place in it, a ticket's id. */
typedef struct ringcast_server_backfill {
	const char *configuration; /* the ARN of a matchmaking configuration */
	const char *ticket;
	const char *players; /* JSON, as the protocol has it: [{"PlayerId": ..., "Team": ..., "PlayerAttributes": {...}}]; the vendor's service needs it */
} ringcast_server_backfill;

enum { RINGCAST_SERVER_LOST = -1, RINGCAST_SERVER_PROBLEM_BYTES = 256, RINGCAST_SERVER_TICKET_BYTES = 132 };

/* NULL: not connected, and problem is one line that says why. Texts of options are copied. */
ringcast_server *ringcast_server_create(const ringcast_server_options *options, char problem[RINGCAST_SERVER_PROBLEM_BYTES]);
void ringcast_server_destroy(ringcast_server **server); /* closes; accepts NULL inside, nulls */

/* Each returns 0, or the status that it was refused with (400, 404, ...), or RINGCAST_SERVER_LOST. ringcast_server_problem has the text. */
int ringcast_server_ready(ringcast_server *server, uint16_t port); /* from now on it may be given a session */
int ringcast_server_activate_session(ringcast_server *server);
int ringcast_server_accept_player(ringcast_server *server, const char *player_session_id); /* the id that the client brings */
int ringcast_server_remove_player(ringcast_server *server, const char *player_session_id);
int ringcast_server_take_players(ringcast_server *server, bool is_open); /* whether new ones may still come */
/* How it ends on_update tells: with players who have their places, or why not. 409: players are looked for already. */
int ringcast_server_start_backfill(ringcast_server *server, const ringcast_server_backfill *backfill, char ret_ticket[RINGCAST_SERVER_TICKET_BYTES]);
int ringcast_server_stop_backfill(ringcast_server *server, const char *ticket); /* NULL: the one that is under way */
int ringcast_server_ending(ringcast_server *server); /* last words: its session ends. Then exit. */
const char *ringcast_server_problem(const ringcast_server *server);

/* Delivers what was told, reports health, comes back after a lost connection. Waits up to timeout_ms where there is nothing. */
void ringcast_server_poll(ringcast_server *server, int timeout_ms);
int ringcast_server_fd(const ringcast_server *server); /* for a poll(2) of your own; -1 while there is no connection; changes */
const char *ringcast_server_session_id(const ringcast_server *server); /* "" while there is none */

#ifdef __cplusplus
}
#endif

#endif
