/*
 * Everything the service knows, and the calls to hosts that its decisions have led to. One thread owns it. Nothing in here reads a clock or
 * entropy: whoever owns the model sets now_ms and gave it random bytes to begin with.
 */
#ifndef RINGCAST_SERVICE_MODEL_MODEL_H
#define RINGCAST_SERVICE_MODEL_MODEL_H

#include "base/prng.h"
#include "service/api/compute_token.h"
#include "service/events/event.h"
#include "service/hosts/host.h"
#include "service/model/early.h"
#include "service/model/fleet_load.h"
#include "service/model/game_session.h"
#include "service/model/record.h"

struct model_settings {
	const char *region; /* in ARNs */
	bool is_dev;	    /* any fleet-... is there, and any key may do anything */
	const char *script; /* what sessions of fleets in dev mode run; NULL: nothing, a relay */
	/* where players connect */
	const char *ip_address, *dns_name; /* dns_name: "" for none */
	uint16_t port;
	bool is_encrypted;
	uint32_t sessions_max; /* that the engine holds; of game servers each process holds one */
	uint32_t players_per_session_max;
	bool has_session_logs;
	const uint8_t *log_secret;   /* LOG_URL_SECRET_BYTES */
	const char *log_endpoint;    /* "http://...", before the path */
	uint32_t fleet_events_max; /* kept of each fleet */
	bool has_stream;	   /* somebody wants to hear what happens */
	uint32_t letters_max;	   /* dead letters that are kept */
	uint32_t metric_names_max; /* queues, and matchmaking configurations, that metrics name */
	uint32_t placements_max, ended_placements_max; /* that wait; that are kept after they have ended */
	uint32_t ended_sessions_max; /* kept, of those that ended within the thirty days */
	size_t ended_data_bytes_max; /* of their MatchmakerData and GameSessionData, all together */
	uint32_t left_players_max, left_players_per_session_max; /* player sessions kept that have ended */
	/* matchmaking */
	uint32_t match_tickets_max;	  /* that have not ended */
	uint32_t match_ended_tickets_max; /* kept for who asks after them */
	uint32_t match_configurations_max, match_rule_sets_max;
	int64_t match_round_ms; /* between rounds of a configuration that somebody has come to */
	/* custom game servers */
	const char *sdk_endpoint; /* where their processes connect: ws://... */
	const char *compute_name; /* this machine's */
	bool has_builds;	  /* there is a folder for them */
	int64_t token_lifetime_s;
};

enum { MODEL_HOST_ENGINE, MODEL_HOST_CUSTOM }; /* which host a game session's is: the engine of this process, or custom game servers */

enum { MODEL_REPAIRS_MAX = 32 };

struct placing;
struct matchmaking;

/* Of games, not placed yet; see game_event.h. */
struct game_events {
	struct list_node waiting; /* oldest first */
	uint32_t count, creating_count; /* creating: sessions that hosts have not answered for */
};

struct model {
	struct model_settings settings; /* texts are borrowed and outlive the model */
	int64_t now_ms;		/* since the epoch */
	int64_t steady_ms;	/* of a clock that never jumps */
	int64_t running_ms;	/* what hosts are waited for by: stands still while the process does, as a host of ours did */
	struct matchmaking *matchmaking; /* whoever makes the model makes it, see service/matchmaking */
	struct prng prng;	/* of names that need not be secret */
	struct records records;
	struct compute_token_secret token_secret; /* of tokens for computes; kept as a record, so that they outlive a restart */
	struct game_sessions sessions;
	struct list_node calls; /* of struct host_call, to be submitted; oldest first */
	struct early_news early;
	struct game_events game_events;
	struct fleet_loads loads;
	uint64_t orphan_count; /* sessions that a host goes on running for nobody */
	/* After a gap in what hosts told: every live session is asked after, a few at a time. */
	bool is_repairing;
	uint64_t repair_behind; /* number of the session that was asked after last */
	uint32_t repair_count;	/* asked and not answered */
	int64_t event_moment; /* of the newest fleet event: microseconds, each one once */
	uint64_t events_lost_count; /* events that memory was short for */
	struct list_node stream;    /* of struct service_event, in order; for the loop to take */
	struct list_node resends;   /* of struct resend, likewise */
	uint64_t stream_number;
	/* Who follows what becomes of sessions, in the middle of things; NULL: nobody. Set by ringcast_placing_init. */
	void (*session_followed)(struct model *model, const struct game_session *session); /* its status has changed */
	void (*session_found)(struct model *model, struct game_session *session);	    /* it runs since before the service does */
	void (*room_heard)(struct model *model, const char *fleet_id); /* a game server of the fleet may be free; "": of any */
	struct placing *placing; /* operations/placing.h; NULL: none */
	void (*placement_ended)(struct model *model, const json_t *document); /* of placements with an Owner, when it is durable; NULL: nobody asks */
};

/* A dead letter on its way to the webhook that did not take it. */
struct resend {
	struct list_node node;
	char *url; /* owned */
	struct service_event *event;
};
void ringcast_resend_destroy(struct resend **resend); /* accepts NULL inside, nulls */

void ringcast_model_init(struct model *model, const struct model_settings *settings, uint64_t seed);
void ringcast_model_fini(struct model *model);
void ringcast_model_set_stream(struct model *model, bool has_stream); /* somebody wants to hear what happens from now on, or nobody does */
/* Takes the secret of the records, or makes fresh the one that is kept. After they were loaded, once. */
void ringcast_model_take_secret(struct model *model, const struct compute_token_secret *fresh);

enum { MODEL_ID_BYTES = 64, MODEL_ARN_BYTES = 320 };
/* prefix and a random UUID: "fleet-0d3c...". */
void ringcast_model_new_id(struct model *model, const char *prefix, char ret_id[MODEL_ID_BYTES]);
/* "arn:aws:gamelift:REGION::RESOURCE/ID" */
void ringcast_model_arn(const struct model *model, const char *resource, const char *id, char ret_arn[MODEL_ARN_BYTES]);
void ringcast_model_session_arn(const struct model *model, const struct game_session *session, char ret_arn[MODEL_ARN_BYTES]);
/* What stands behind "RESOURCE/" in an ARN, or the text itself where it is no ARN. Borrowed from text. */
const char *ringcast_model_id_of(const char *text, const char *resource);
json_t *ringcast_model_time(int64_t ms); /* as the API writes times */

/* As the API shows it. NULL: out of memory. */
json_t *ringcast_model_show_session(const struct model *model, const struct game_session *session);
json_t *ringcast_model_show_player(const struct model *model, const struct player_session *player);

/* What a host tells. Events of sessions that the model does not know, and old ones, change nothing. */
void ringcast_model_hear(struct model *model, const struct host_event *event);
/* A session that a host has run since before this service was started; event.found is borrowed, as server_sdk/core.c writes it. */
void ringcast_model_find(struct model *model, const struct host_event *event);
/* The host's answer about a new session: it runs it, under a name of its own. False: the name is taken. */
bool ringcast_model_begin(struct model *model, struct game_session *session, const struct host_call *call);

/*
 * Something of what hosts told is lost: from now on every live session is asked after. repair queues the next calls, at most MODEL_REPAIRS_MAX of them
 * at once, and is called each turn.
 */
void ringcast_model_note_gap(struct model *model);
void ringcast_model_repair(struct model *model);

/* The host gave a player this place, and what it has told of it already holds. NULL: out of memory, or the token is another player's. */
struct player_session *ringcast_model_seat(struct model *model, struct game_session *session, const struct host_player *given);
/* A host runs a session that nobody waits for any more: it is to end it. */
void ringcast_model_disown(struct model *model, uint32_t host, const char *host_session);

#endif
