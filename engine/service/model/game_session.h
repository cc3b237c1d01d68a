/*
 * Game sessions and player sessions as the API shows them: an index of what hosts run, and for thirty days of what they ran. The host is
 * right about a live session; what it says reaches this index as events with numbers, so that an older one never overwrites a newer.
 *
 *     ACTIVATING --> ACTIVE --> TERMINATING --> TERMINATED          RESERVED --> ACTIVE --> COMPLETED
 *         |             |            |                                  |
 *         +-------------+------------+--> ERROR                         +--> TIMEDOUT
 *
 * One thread. Time is an argument: milliseconds since the epoch.
 */
#ifndef RINGCAST_SERVICE_MODEL_GAME_SESSION_H
#define RINGCAST_SERVICE_MODEL_GAME_SESSION_H

#include <jansson.h>

#include "base/list.h"
#include "service/hosts/host.h"
#include "service/model/game_facts.h"
#include "service/model/session_order.h"
#include "service/model/text_index.h"

enum game_session_status {
	GAME_SESSION_ACTIVATING,
	GAME_SESSION_ACTIVE,
	GAME_SESSION_TERMINATING,
	GAME_SESSION_TERMINATED,
	GAME_SESSION_ERROR,
	GAME_SESSION_STATUS_COUNT
};

enum player_session_status { PLAYER_SESSION_RESERVED, PLAYER_SESSION_ACTIVE, PLAYER_SESSION_COMPLETED, PLAYER_SESSION_TIMEDOUT, PLAYER_SESSION_STATUS_COUNT };

enum { GAME_SESSION_ID_BYTES = 64, GAME_SESSION_HOSTS_MAX = 2, GAME_SESSION_KEPT_MS = 30 * 24 * 3600 * 1000ll };

struct game_session;
struct host_call;
struct placement;

struct player_session {
	char id[GAME_SESSION_ID_BYTES];
	struct game_session *session;
	uint64_t number;       /* counts up within the session: the order of pages */
	struct list_node node; /* game_session.players, oldest first */
	/* of those that have ended, in the order in which they did; unused before */
	struct list_node left_node;	/* game_session.left_players */
	struct list_node left_all_node; /* game_sessions.left_players */
	enum player_session_status status;
	int64_t created_ms, ended_ms;
	char *data; /* NULL for none */
	char player_id[]; /* with NUL */
};

struct game_sessions;
struct game_session {
	struct game_sessions *all; /* that it is in */
	const char *id;			     /* in key: the last part of its ARN: the idempotency token, or gsess-... */
	char host_session[GAME_SESSION_ID_BYTES]; /* the host's name for it; "" until the host has answered */
	const char *key;		     /* "fleet/id": unique */
	size_t fleet_bytes;		     /* how much of key is the fleet's id */
	const char *location;		     /* "" for the fleet's home */
	uint32_t host;			     /* index of the host that runs it; set_host changes it */
	struct host_address *address;	     /* NULL: the engine's address */
	enum game_session_status status;
	const char *status_reason; /* static; "" for none */
	bool is_deny_all, is_protected;
	uint32_t players_max, player_count; /* player_count: reserved and active */
	int64_t created_ms, ended_ms;
	uint64_t event_sequence; /* of the host's newest event about it */
	uint64_t digest;	 /* of the request that made it, for idempotency */
	struct host_call *creation; /* that the host has not answered; NULL: none. The host's */
	struct placement *placement; /* that waits for it; NULL: none. operations/placing.h */
	uint32_t reserve_count;	 /* calls for places that the host has not answered */
	struct game_facts *facts;
	struct list_node players, left_players; /* of struct player_session; left: of those, what has ended */
	size_t left_count;
	uint64_t next_player;
	struct list_node crowded_node; /* game_sessions.crowded, while left_count is above the bound */
	struct list_node ended_node; /* game_sessions.ended, the first that ended first */
	struct list_node data_node;  /* game_sessions.ended_with_data, likewise */
	size_t data_bytes;	     /* of its facts, while it is there */
	uint64_t number;	  /* counts up: the order of pages */
	char texts[];		  /* key and location */
};

struct game_sessions {
	/* Whoever follows them: told after each change of a status, and of each new player; in the middle of things. NULL: nobody. */
	void (*session_moved)(void *context, const struct game_session *session);
	void (*player_moved)(void *context, const struct player_session *player);
	void *context;
	struct text_index by_key, by_host_session, players_by_id;
	struct session_order all, live;
	struct list_node ended, ended_with_data;
	size_t ended_data_bytes;   /* of MatchmakerData and GameSessionData of sessions that have ended */
	uint64_t data_forgotten_count; /* sessions that were left without, since the start */
	struct list_node left_players; /* of all sessions: player sessions that have ended, the first that ended first */
	struct list_node crowded;      /* sessions with more of them than are kept of each */
	size_t left_count, left_per_session_max; /* left_per_session_max: no bound before it is set */
	uint64_t next_number;
	size_t live_counts[GAME_SESSION_HOSTS_MAX]; /* of each host */
	size_t live_count, ended_count, status_counts[GAME_SESSION_STATUS_COUNT];
	uint64_t activation_count, interruption_count; /* since the start: players who came to their place, sessions that became ERROR */
};

void ringcast_game_sessions_init(struct game_sessions *sessions, uint64_t seed);
void ringcast_game_sessions_fini(struct game_sessions *sessions);

/* facts: what it shows, as the API gives it. NULL: out of memory. Asserts that there is none of that fleet and id. */
struct game_session *ringcast_game_session_add(struct game_sessions *sessions, const char *fleet_id, const char *location, const char *id,
					       const json_t *facts, int64_t now_ms);
/* Of the first host until this is called. While it lives. */
void ringcast_game_session_set_host(struct game_sessions *sessions, struct game_session *session, uint32_t host);
struct game_session *ringcast_game_session_find(const struct game_sessions *sessions, const char *fleet_id, const char *id);
/* By an ARN or by its last part alone, where that is the host's own name for it. */
struct game_session *ringcast_game_session_resolve(const struct game_sessions *sessions, const char *id_or_arn);
struct game_session *ringcast_game_session_of_host(const struct game_sessions *sessions, const char *host_session);
bool ringcast_game_session_name_host(struct game_sessions *sessions, struct game_session *session, const char *host_session); /* once */
void ringcast_game_session_remove(struct game_sessions *sessions, struct game_session *session); /* with its players */

/* True: the table of legal moves allows it, and it is done. Ends the players too where the session ends. */
bool ringcast_game_session_move(struct game_sessions *sessions, struct game_session *session, enum game_session_status status,
				const char *reason, int64_t now_ms);
static inline bool ringcast_game_session_is_ended(const struct game_session *session)
{
	return session->status == GAME_SESSION_TERMINATED || session->status == GAME_SESSION_ERROR;
}
const char *ringcast_game_session_status_name(enum game_session_status status);
bool ringcast_game_session_status_find(const char *name, enum game_session_status *ret_status);

/* data: NULL for none. NULL: out of memory. Counts it in. */
struct player_session *ringcast_player_session_add(struct game_sessions *sessions, struct game_session *session, const char *id,
						   const char *player_id, const char *data, int64_t now_ms);
struct player_session *ringcast_player_session_find(const struct game_sessions *sessions, const char *id);
bool ringcast_player_session_move(struct player_session *player, enum player_session_status status, int64_t now_ms);
const char *ringcast_player_session_status_name(enum player_session_status status);
bool ringcast_player_session_status_find(const char *name, enum player_session_status *ret_status);

/* Forgets the oldest of more than kept_max player sessions that have ended, and of more than left_per_session_max of one session. */
void ringcast_game_sessions_forget_players(struct game_sessions *sessions, size_t kept_max);

/* The oldest of those that have ended lose their data, until all together have no more than bytes_max. */
void ringcast_game_sessions_forget_data(struct game_sessions *sessions, size_t bytes_max);

/* Forgets what ended before before_ms, and the oldest of more than kept_max; at most count_max now. Returns how many. */
size_t ringcast_game_sessions_forget(struct game_sessions *sessions, int64_t before_ms, size_t kept_max, size_t count_max);

#endif
