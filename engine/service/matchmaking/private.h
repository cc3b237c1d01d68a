/* Inside matchmaking: what its files share. maker: a configuration and its pools; ticket: one from start to end; lineup: a match on its way; news: events. */
#ifndef RINGCAST_SERVICE_MATCHMAKING_PRIVATE_H
#define RINGCAST_SERVICE_MATCHMAKING_PRIVATE_H

#include "service/match/pool.h"
#include "service/matchmaking/matchmaking.h"
#include "service/model/tally.h"

enum { ROSTERS_PAUSE_MS = 500, WAITS_KEPT = 64, MATCHMAKING_ID_BYTES = 132, MATCHMAKING_NAME_BYTES = 132 };

struct maker;
struct proposal;

/* A pool with the tickets that are in it. A configuration has one that new tickets go to, and for a while others, from before it was changed. */
struct ground {
	struct list_node node; /* maker.grounds */
	struct maker *maker;
	struct match_rule_set *rule_set;
	struct match_pool *pool;
	json_t *configuration; /* that it was made by */
	uint16_t players_max;  /* of a session, with the places that are kept open */
	uint32_t ticket_count;
	bool is_dirty; /* somebody came since the last round began */
	int64_t round_began_ms, next_round_ms; /* steady */
	uint64_t rounds_seen, passed_seen, failed_seen; /* of the pool's counts, as far as they are in ours */
	uint64_t passed_told[MATCH_RULES_MAX], failed_told[MATCH_RULES_MAX]; /* as far as events have told */
	struct match_effect *effects; /* a copy of what the last call on the pool has caused */
	struct ticket **by_slot; /* by the index of their handle in the pool */
	uint32_t slot_count;
};

struct maker {
	struct list_node node; /* matchmaking.makers */
	char name[MATCHMAKING_NAME_BYTES];
	struct list_node grounds; /* the newest first */
	uint32_t live_count;
	int64_t waits_ms[WAITS_KEPT]; /* of the tickets that were matched last */
	uint32_t wait_count; /* ever */
};

/* A ticket that has not been forgotten. Its document is the record's. */
struct ticket {
	struct list_node node;	    /* matchmaking.live, or ended, the first that ended first */
	struct list_node held_node; /* matchmaking.held, while its start is not durable */
	char id[MATCHMAKING_ID_BYTES];
	struct maker *maker;   /* NULL once it has ended */
	struct ground *ground; /* NULL: in none */
	handle in_pool;
	struct proposal *proposal; /* the match that it is in */
	enum match_ticket_state state;
	struct list_node backfill_node; /* matchmaking.backfills, of a backfill while it is live */
	json_t *session; /* of such a one: its game session's ARN, as it was given */
	struct list_node session_node; /* of such a one: a ring of all of its session, without a head; the index knows the oldest */
	json_t *document;
	json_t *accepted; /* {player id: bool} of those who have answered; NULL: nobody has */
	uint64_t durable_at;
	bool is_held;
	bool is_replaced; /* its end is the beginning of another one, and no news for its session */
	int64_t started_steady_ms;
};

/* A match on its way, from the round that found it to the end of its tickets. */
struct proposal {
	struct list_node node; /* matchmaking.proposals */
	char id[MODEL_ID_BYTES];	/* of the match */
	char placement[MODEL_ID_BYTES]; /* the one that it waits for, or did: the match's id, and from the second queue on with a number */
	json_t *tried; /* the names of the queues it was in, and is; NULL: none yet */
	struct ground *ground;	 /* NULL: it comes from the records, and its tickets are in no pool */
	handle in_pool;
	struct maker *maker;
	json_t *configuration;
	bool is_placed_by_queue;
	int64_t look_ms; /* of running_ms: when to look at its placement, or to give a host up; INT64_MAX: somebody will tell */
	struct host_call *call; /* a host is asked for places in a running session */
	uint32_t asked_count;	/* of its players, without those who are in held */
	json_t *held;		/* places that its players hold already; NULL: none */
	json_t *places;		/* MatchedPlayerSessions so far */
	bool is_told; /* that it was found */
	bool is_over; /* all have agreed, or somebody has not */
	struct ticket *backfill; /* a running match that the others join */
	uint32_t count;
	struct ticket **tickets;
	uint8_t *teams;
};

/* An event that waits for the store. */
struct untold {
	struct list_node node;
	uint64_t durable_at;
	char type[EVENT_TYPE_BYTES];
	char arn[MODEL_ARN_BYTES];
	json_t *detail;
};

/*
 * A session that a match began, while BackfillMode AUTOMATIC looks for who could take the places that are free in it. A record, under the match's id: written
 * together with what changes it, so that after a restart it is known who plays and which ticket looks for more.
 */
struct roster {
	struct list_node node; /* matchmaking.rosters */
	char *session;	       /* its ARN */
	char configuration[MATCHMAKING_NAME_BYTES], match[MODEL_ID_BYTES];
	json_t *players;       /* with Team and PlayerSessionId */
	uint32_t players_max, ticket_count;
	bool has_changed;      /* since its ticket was made */
	int64_t begin_ms;      /* steady: no ticket is begun before */
	char ticket[MATCHMAKING_ID_BYTES];
};

struct matchmaking {
	struct model *model;
	const struct matchmaking_queues *queues;
	struct list_node rosters, backfills;
	struct text_index backfills_by_session; /* one of each session, the oldest */
	struct text_index proposals_by_id;
	int64_t look_due_ms; /* of running_ms: no proposal is to be looked at before; INT64_MAX: none is */
	int64_t rosters_looked_ms, began_ms;
	struct text_index by_id;
	struct list_node makers, live, ended, held, proposals, untold, notices;
	uint32_t live_count, ended_count;
	struct ground *turn_of; /* whose piece of a round is next; NULL: the first */
	struct tallies counts; /* of each configuration, by enum match_count */
};

/* counts.c */
void ringcast_matchmaking_note(struct matchmaking *matchmaking, const char *configuration, enum match_count count, uint64_t by);

/* maker.c */
struct maker *ringcast_maker_find(const struct matchmaking *matchmaking, const char *name);
/* With a pool of its configuration as it is now. NULL: there is no such configuration, its rule set cannot be used, or memory is short; problem says which. */
struct maker *ringcast_maker_open(struct matchmaking *matchmaking, const char *name, char problem[MATCHMAKING_PROBLEM_BYTES]);
void ringcast_maker_close(struct matchmaking *matchmaking, struct maker *maker); /* no ticket of it is live */
void ringcast_ground_close_empty(struct matchmaking *matchmaking, struct maker *maker);
struct maker *ringcast_maker_ensure(struct matchmaking *matchmaking, const char *name); /* without a pool, if there was none; NULL: out of memory */
struct ground *ringcast_maker_ground(const struct maker *maker);
void ringcast_maker_note_wait(struct maker *maker, int64_t ms);
bool ringcast_maker_estimate_ms(const struct maker *maker, int64_t *ret_ms); /* false: nothing is known yet */
void ringcast_ground_wake(struct matchmaking *matchmaking, struct ground *ground);
bool ringcast_maker_is_standalone(const json_t *configuration);

/* ticket.c */
struct ticket *ringcast_ticket_find(const struct matchmaking *matchmaking, const char *id);
const json_t *ringcast_ticket_players(const struct ticket *ticket);
const char *ringcast_ticket_configuration(const struct ticket *ticket); /* its name */
bool ringcast_ticket_is_backfill(const struct ticket *ticket);
bool ringcast_ticket_is_stopped(const struct ticket *ticket); /* by request */
json_t *ringcast_ticket_show(const struct matchmaking *matchmaking, const struct ticket *ticket);
bool ringcast_ticket_enter(struct matchmaking *matchmaking, struct ticket *ticket, struct ground *ground, char problem[MATCHMAKING_PROBLEM_BYTES]);
void ringcast_ticket_leave(struct matchmaking *matchmaking, struct ticket *ticket); /* its pool, without a word */
void ringcast_ticket_join_backfills(struct matchmaking *matchmaking, struct ticket *ticket); /* if it is one */
void ringcast_ticket_leave_backfills(struct matchmaking *matchmaking, struct ticket *ticket);
/* Whether the game or a backend searches for this session, besides own (NULL: none): with both, two would be sent to the one free place. */
bool ringcast_ticket_has_rival(const struct matchmaking *matchmaking, const char *session, const struct ticket *own);
const char *ringcast_ticket_session(const struct ticket *ticket); /* of a backfill: its game session; "" for none */
/* Its end, as a record; *extra (borrowed, may be NULL) is what its document shows besides. */
void ringcast_ticket_end(struct matchmaking *matchmaking, struct ticket *ticket, enum match_ticket_state state, json_t *extra);
bool ringcast_ticket_put(struct matchmaking *matchmaking, struct ticket *ticket, json_t *document); /* takes the document */
void ringcast_tickets_forget(struct matchmaking *matchmaking);
uint64_t ringcast_matchmaking_open_change(const struct matchmaking *matchmaking); /* what must be durable for all that is done so far to be */
int64_t ringcast_ticket_waited_ms(const struct matchmaking *matchmaking, const struct ticket *ticket);
uint64_t ringcast_matchmaking_clock_ns(int64_t steady_ms);

/* effects.c */
enum ground_cause { GROUND_ROUND, GROUND_ANSWER, GROUND_REJECT, GROUND_STOP, GROUND_PLACED };
void ringcast_ground_take_effects(struct matchmaking *matchmaking, struct ground *ground, enum ground_cause cause);
void ringcast_proposal_destroy(struct matchmaking *matchmaking, struct proposal **proposal);
/* Into the list and the index. False: out of memory. */
bool ringcast_proposal_add(struct matchmaking *matchmaking, struct proposal *proposal);
void ringcast_proposal_look_at(struct matchmaking *matchmaking, struct proposal *proposal, int64_t at_ms);
struct proposal *ringcast_proposal_find(const struct matchmaking *matchmaking, const char *id);
const char *ringcast_proposal_team(const struct proposal *proposal, uint32_t index);
/* All of its tickets end so. connection: borrowed, NULL for none. */
void ringcast_proposal_end(struct matchmaking *matchmaking, struct proposal *proposal, bool is_placed, json_t *connection);
/* Its tickets search on, as old as they are; a backfill too, unless it is to end. */
void ringcast_proposal_send_back(struct matchmaking *matchmaking, struct proposal *proposal, bool does_backfill_end);
json_t *ringcast_ticket_players_in(const struct ticket *ticket, const char *team); /* a new list: each with its Team */

/* session.c */
void ringcast_proposal_place(struct matchmaking *matchmaking, struct proposal *proposal);
/* Who plays, in which team, with which attributes: what the session is told. NULL: memory, or it is too long. The caller's. */
char *ringcast_proposal_matchmaker_data(struct matchmaking *matchmaking, const struct proposal *proposal);
void ringcast_placement_ended(struct model *model, const json_t *document);
bool ringcast_ticket_adopt(struct matchmaking *matchmaking, struct ticket *ticket); /* by the match of its record; false: there is none */
void ringcast_sessions_turn(struct matchmaking *matchmaking);
int64_t ringcast_sessions_due_ms(const struct matchmaking *matchmaking);

/* roster.c */
void ringcast_roster_begin(struct matchmaking *matchmaking, const struct proposal *proposal, const json_t *connection);
/* What the next ticket for this session will be called. False: nobody fills it up by itself. */
bool ringcast_roster_next_ticket(const struct matchmaking *matchmaking, const char *session, char ret_ticket[MATCHMAKING_ID_BYTES]);
bool ringcast_rosters_load(struct matchmaking *matchmaking); /* from the records, in place of those that there are; false: out of memory, and some are missing */
void ringcast_rosters_turn(struct matchmaking *matchmaking);
void ringcast_rosters_free(struct matchmaking *matchmaking);

/* notice.c */
void ringcast_notice_joined(struct matchmaking *matchmaking, const struct proposal *proposal, struct game_session *session); /* also in the index */
void ringcast_notice_ended(struct matchmaking *matchmaking, const struct ticket *ticket); /* any ticket that has ended */
void ringcast_notices_release(struct matchmaking *matchmaking);
void ringcast_notices_drop(struct matchmaking *matchmaking);

/* news.c */
void ringcast_news_searching(struct matchmaking *matchmaking, const struct ticket *ticket);
void ringcast_news_potential(struct matchmaking *matchmaking, const struct proposal *proposal);
void ringcast_news_accept(struct matchmaking *matchmaking, const struct proposal *proposal);
void ringcast_news_accept_completed(struct matchmaking *matchmaking, const struct proposal *proposal, const char *acceptance);
void ringcast_news_succeeded(struct matchmaking *matchmaking, const struct proposal *proposal, const json_t *connection);
void ringcast_news_failed(struct matchmaking *matchmaking, const struct proposal *proposal);
void ringcast_news_ended(struct matchmaking *matchmaking, const struct ticket *ticket); /* TIMED_OUT or CANCELLED */
void ringcast_news_seal(struct matchmaking *matchmaking); /* what was just told of ends waits for the changes that were made since */
void ringcast_news_release(struct matchmaking *matchmaking);
void ringcast_news_drop(struct matchmaking *matchmaking);

#endif
