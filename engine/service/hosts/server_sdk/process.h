/*
 * Game servers' processes, the game session that each of them runs, and its players: plain structs, and what of them is kept for a restart.
 *
 *     CONNECTED --> READY --> BUSY --> ENDING      a session: ACTIVATING --> ACTIVE      a player: RESERVED --> ACTIVE --> COMPLETED
 *                                                                                                     +--> TIMEDOUT
 *
 * Pure. Whatever a process has said is kept within bounds: see message.h.
 */
#ifndef RINGCAST_SERVICE_HOSTS_SERVER_SDK_PROCESS_H
#define RINGCAST_SERVICE_HOSTS_SERVER_SDK_PROCESS_H

#include <jansson.h>

#include "base/list.h"
#include "service/hosts/host.h"

enum sdk_player_status { SDK_PLAYER_RESERVED, SDK_PLAYER_ACTIVE, SDK_PLAYER_COMPLETED, SDK_PLAYER_TIMEDOUT, SDK_PLAYER_STATUS_COUNT };

struct sdk_player {
	struct list_node node; /* sdk_session.players, oldest first */
	char id[HOST_ID_BYTES];
	enum sdk_player_status status;
	int64_t created_ms, ended_ms, reserved_until_ms;
	char *data; /* NULL for none */
	char *player_id;
};

/* A session keeps this many players who have left, for DescribePlayerSessions; the service's index keeps all. */
enum { SDK_LEFT_PLAYERS_MAX = 1000, SDK_RESERVATION_MS = 60 * 1000 };

struct sdk_session {
	char id[HOST_ID_BYTES];
	json_t *facts; /* as the service shows the session: GameSessionId is its ARN */
	bool is_active, is_deny_all;
	bool is_known;	 /* its process has named it, so it has heard of it */
	bool is_changed; /* since it began, by the service: its process was told, or should have been */
	uint32_t players_max, place_count, left_count; /* place_count: reserved and active */
	int64_t created_ms, deadline_ms;		/* deadline_ms: of its activation */
	uint64_t sequence;
	const char *update_reason; /* static: why it was told of a change last; NULL: by the service's API */
	char ticket[HOST_TICKET_BYTES];	   /* of the backfill that the change came from; "" for none */
	struct list_node players;
};

enum sdk_process_state { SDK_CONNECTED, SDK_READY, SDK_BUSY, SDK_ENDING, SDK_PROCESS_STATE_COUNT };

enum { SDK_NAME_BYTES = 129 };

struct sdk_link;
struct sdk_process {
	struct list_node node; /* in the order in which they became ready */
	char fleet[SDK_NAME_BYTES], compute[SDK_NAME_BYTES], id[SDK_NAME_BYTES];
	struct list_node links; /* every open connection that is its */
	struct sdk_link *link;	/* the newest; NULL: it is away */
	enum sdk_process_state state;
	uint16_t port;
	char language[32], version[32];
	uint32_t unhealthy_count; /* reports in a row */
	int64_t heard_ms;	  /* of its health, or that it came or went */
	int64_t deadline_ms;	  /* of its end; 0: none */
	uint32_t question_count;  /* that the service has not answered */
	int64_t asked_second;	  /* when it asked the service last, and how often in that second */
	uint32_t asked_count;
	struct sdk_session *session; /* NULL: none */
	bool is_changed;	     /* since it was saved */
};

struct sdk_session *ringcast_sdk_session_create(json_t *facts); /* takes facts, also on failure; NULL: out of memory */
void ringcast_sdk_session_destroy(struct sdk_session **session);
const char *ringcast_sdk_session_arn(const struct sdk_session *session); /* "" where the facts name none */
/* The host's event about it, numbered. */
struct host_event ringcast_sdk_session_event(struct sdk_session *session, enum host_event_kind kind, const char *player, const char *text);

/* NULL: out of memory. Counts the place. */
struct sdk_player *ringcast_sdk_player_add(struct sdk_session *session, const char *id, const char *player_id, const char *data, int64_t now_ms);
struct sdk_player *ringcast_sdk_player_find(const struct sdk_session *session, const char *id);
bool ringcast_sdk_player_has_place(const struct sdk_session *session, const char *player_id);
/* COMPLETED or TIMEDOUT: gives the place back, and forgets the oldest of those who have left when they are too many. */
void ringcast_sdk_player_end(struct sdk_session *session, struct sdk_player *player, enum sdk_player_status status, int64_t now_ms);
const char *ringcast_sdk_player_status_name(enum sdk_player_status status);

struct sdk_process *ringcast_sdk_process_create(const char *fleet, const char *compute, const char *id); /* NULL: out of memory; in no list */
void ringcast_sdk_process_destroy(struct sdk_process **process); /* in no list */

/* As JSON and back. NULL: out of memory; not a process. */
json_t *ringcast_sdk_process_save(const struct sdk_process *process);
struct sdk_process *ringcast_sdk_process_restore(const json_t *saved);

#endif
