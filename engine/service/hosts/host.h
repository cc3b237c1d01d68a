/*
 * Who runs sessions: the engine of this process, later custom servers and other machines. The service asks by calls that are answered later,
 * and hears by events; it never waits for a host, and a host may be slow, silent or gone.
 *
 * A call belongs to the host from submit until it gives it back; everything in it is a copy, but for the members at its end, which stay the
 * loop's. The loop's thread calls submit; giving back and telling events are for any thread, through the loop's inbox. Calls about one session
 * are carried out and given back in the order in which they were submitted, and the events of one session are told in order; else nothing is
 * promised: an event may overtake the answer that it rests on, and come twice.
 */
#ifndef RINGCAST_SERVICE_HOSTS_HOST_H
#define RINGCAST_SERVICE_HOSTS_HOST_H

#include <jansson.h>

#include "base/list.h"

enum { HOST_ID_BYTES = 64, HOST_PLAYERS_MAX = 25, HOST_TEXT_BYTES = 256, HOST_TICKET_BYTES = 132 };
enum { HOST_PLAYER_ID_BYTES_MAX = 1024, HOST_PLAYER_DATA_BYTES_MAX = 2048 }; /* without NUL */

enum host_call_kind {
	HOST_CREATE,
	HOST_END,
	HOST_UPDATE,
	HOST_RESERVE,
	HOST_DESCRIBE,
	HOST_LOOK_AT_BUILD,
	HOST_SCRIPT_PUSH,
	HOST_SCRIPT_SELECT,
	HOST_SCRIPT_REMOVE
};

enum host_result {
	HOST_OK,
	HOST_NOT_FOUND, /* no such session, or no such script */
	HOST_FULL,	/* of sessions, or the session of players */
	HOST_STATE,	/* draining, or the session is ending; of a script: it is in use, or there is no place for scripts */
	HOST_EXISTS,	/* the player holds a place already */
	HOST_SCRIPT,	/* the script failed, or its package cannot be read; text says how */
	HOST_TIMEOUT,	/* no answer in time: nothing has changed */
	HOST_FAILED,	/* anything else; text says what */
};

struct host_player {
	char *player_id, *data; /* owned by the call; data may be NULL */
	char token[HOST_ID_BYTES]; /* the answer: what the player logs in with */
};

/* Who holds a place in a session now. */
struct host_place {
	char token[HOST_ID_BYTES];
	bool is_active; /* else reserved */
};

/* Where a session is to be found, where that is not the engine's own address. */
struct host_address {
	char ip_address[64], dns_name[256]; /* "" for none */
	char compute[129];
	uint16_t port; /* 0: the engine's */
};

struct model;
struct request;
struct host_call {
	struct list_node node; /* the model's, then the host's, then the loop's */
	uint64_t arrival;      /* the loop's: answers and events are taken in the order in which they came in */
	enum host_call_kind kind;
	uint32_t host;
	char session[HOST_ID_BYTES]; /* the host's name for it; of CREATE the answer */
	/* CREATE and UPDATE. Of SCRIPT_...: script is its name, zip (of a push) its package in base64, version and size the push's answer, version what to select */
	json_t *facts;	 /* as game_session.facts (MatchmakerData among them), the call's own tree: it goes between threads; NULL in an update: unchanged */
	char *script;	 /* "name" or "name@version"; "": none */
	char *zip;
	char version[HOST_ID_BYTES];
	uint64_t zip_bytes;
	uint32_t players_max; /* of an update 0: unchanged */
	bool has_policy, is_deny_all; /* of an update: who may still reserve */
	const char *update_reason;    /* of an update: static, as game servers are told it; NULL: nothing that matchmaking has done */
	char ticket[HOST_TICKET_BYTES]; /* of an update: the backfill that it comes from; "" for none */
	uint32_t activation_timeout_ms; /* of CREATE: how long its script may take to start */
	struct host_address address;	/* of CREATE: the answer */
	uint64_t size_bytes; /* of LOOK_AT_BUILD: the answer. Its session is the build's id, its key what to look at, and as the answer what to name it by */
	/* END */
	bool is_forced;
	/* RESERVE */
	struct host_player players[HOST_PLAYERS_MAX];
	uint32_t player_count;
	/* the answer */
	bool is_activating, has_ended; /* of CREATE and DESCRIBE: its start is not through; of CREATE: it has ended already, and an event may say why */
	struct host_place *places;     /* of DESCRIBE; owned */
	uint32_t place_count;
	enum host_result result;
	char text[HOST_TEXT_BYTES];
	/* who goes on with it, on the loop's thread; frees nothing of the call */
	void (*answered)(struct model *model, struct host_call *call);
	void (*given_up)(struct model *model, struct host_call *call); /* everybody who waited has been refused; the answer may still come. NULL: nothing to do */
	struct request *request; /* that is parked for it, the first of its next_waiting; NULL: nobody waits */
	uint32_t attempt; /* how often the same was asked before */
	char *key;     /* of the game session it is about, which may be gone by then, or the build's folder; owned */
};

enum host_event_kind {
	HOST_SESSION_ACTIVE,
	HOST_SESSION_ENDED,
	HOST_SESSION_OPENED, /* to new players, or closed to them */
	HOST_SESSION_CLOSED,
	HOST_SESSION_FOUND, /* it runs one that was begun before the service was, as found says */
	HOST_PLAYER_ACTIVE,
	HOST_PLAYER_COMPLETED,
	HOST_PLAYER_TIMEDOUT,
	HOST_ROOM,	  /* session is a fleet's id: a process of it is free for a session; no sequence */
	HOST_GAME_EVENT, /* a game emits it: text is its name, found its JSON as a text; no sequence */
	HOST_FLEET_EVENT, /* session is the fleet's id, player the event's code, text what happened; no sequence */
	HOST_FLEET_LOAD, /* session is the fleet's id; no sequence: the newest counts */
};

/* Processes that a host runs for a fleet. */
struct host_load {
	uint32_t processes, ready, unhealthy; /* ready: for a session; unhealthy: as they report themselves */
};

struct host_event {
	struct list_node node;
	uint64_t arrival; /* as of a call */
	enum host_event_kind kind;
	uint64_t sequence; /* counts up in each session */
	char session[HOST_ID_BYTES], player[HOST_ID_BYTES];
	char text[HOST_TEXT_BYTES]; /* why it ended */
	struct host_load load; /* of FLEET_LOAD */
	json_t *found; /* owned by who has the event; used nowhere else */
};

/*
 * Who keeps scripts for a host: the daemon's store. Calls come from one thread and may take seconds. What is not OK has one line in text. version:
 * of a push the answer.
 */
struct host_script {
	const char *name;
	const void *zip;
	size_t zip_bytes;
	char version[HOST_ID_BYTES];
	char text[HOST_TEXT_BYTES];
};

struct host_scripts {
	void *context;
	enum host_result (*push)(void *context, struct host_script *script);
	enum host_result (*select)(void *context, struct host_script *script); /* the version becomes one that sessions can have, after a restart too */
	enum host_result (*remove)(void *context, struct host_script *script); /* with all its versions */
};

struct host;
struct host_ops {
	void (*submit)(struct host *host, struct host_call *call);
	/* What is configured and durable: at the start all of it, then every change; document NULL: gone. Taken. NULL function: nobody listens. */
	void (*learn)(struct host *host, const char *kind, const char *id, json_t *document);
};

struct host {
	const struct host_ops *ops;
};

/*
 * What a game asks of the service, by the host that runs it: that players are looked for who join its session, or not any more. The host's until it is
 * asked, then the service's until answered.
 */
enum host_question_kind { HOST_START_BACKFILL, HOST_STOP_BACKFILL };
struct host_question {
	struct list_node node; /* the host's */
	enum host_question_kind kind;
	char session[HOST_ID_BYTES]; /* the host's name for it */
	json_t *input; /* owned; as StartMatchBackfill takes it, or {TicketId}; what is absent the service knows. Used nowhere else */
	/* the answer */
	unsigned status;   /* 200, or what game servers make an error of */
	const char *fault; /* static: the API's word for it; "" for none */
	char text[HOST_TEXT_BYTES], ticket[HOST_TICKET_BYTES];
	void (*answered)(struct host_question *question); /* once, on a thread of the service: the question is the host's again, without its input */
	void *context; /* the host's */
};

struct host_call *ringcast_host_call_create(enum host_call_kind kind); /* NULL: out of memory */
void ringcast_host_call_destroy(struct host_call **call);
/* For whoever takes an answer: names that cannot be (none, without an end, one for two players) make it FAILED. */
void ringcast_host_call_check(struct host_call *call);

#endif
