/*
 * Matchmaking at work: configurations with their pools of tickets (service/match), every ticket from its start to its end, and what is told of it.
 *
 * A ticket is a record: in the store before its start is answered, and searched for only then, so that nobody is matched with somebody who was
 * told of an error. Its end is a record too, and the event that tells of an end goes out when the store has it. If the store refuses, the ticket is again what
 * its record says. What lies between (SEARCHING, REQUIRES_ACCEPTANCE) is not stored: after a restart a ticket searches on with its age.
 *
 * Rounds are held by the model's steady clock, in pieces, so that no request waits for a whole one. One thread, the model's.
 */
#ifndef RINGCAST_SERVICE_MATCHMAKING_MATCHMAKING_H
#define RINGCAST_SERVICE_MATCHMAKING_MATCHMAKING_H

#include "service/model/model.h"

struct matchmaking;

enum { MATCHMAKING_PROBLEM_BYTES = 320 };

/* Why something was refused. */
enum matchmaking_result { MATCHMAKING_OK, MATCHMAKING_NOT_FOUND, MATCHMAKING_INVALID, MATCHMAKING_LIMIT, MATCHMAKING_MEMORY };

/* MATCHMAKING_COUNT(name, "for /metrics", "help") of what has happened since the start. */
#define MATCHMAKING_COUNTS(MATCHMAKING_COUNT)                                                                     \
	MATCHMAKING_COUNT(tickets_started, "Matchmaking tickets that were started, backfill too.")                \
	MATCHMAKING_COUNT(players_started, "Players in matchmaking tickets that were started.")                   \
	MATCHMAKING_COUNT(tickets_completed, "Matchmaking tickets that ended in a match.")                        \
	MATCHMAKING_COUNT(tickets_failed, "Matchmaking tickets whose match could not be placed.")                 \
	MATCHMAKING_COUNT(tickets_cancelled, "Matchmaking tickets that were stopped or not accepted.")            \
	MATCHMAKING_COUNT(tickets_timed_out, "Matchmaking tickets that found no match in time.")                  \
	MATCHMAKING_COUNT(matches_created, "Potential matches that were found.")                                  \
	MATCHMAKING_COUNT(matches_accepted, "Potential matches that all their players accepted.")                 \
	MATCHMAKING_COUNT(matches_rejected, "Potential matches that somebody rejected or did not answer in time.") \
	MATCHMAKING_COUNT(matches_placed, "Matches whose tickets completed.")                                     \
	MATCHMAKING_COUNT(rule_evaluations_passed, "Times that a rule passed a whole lineup.")                    \
	MATCHMAKING_COUNT(rule_evaluations_failed, "Times that a rule refused a whole lineup.")                   \
	MATCHMAKING_COUNT(rounds, "Rounds of searching that were held.")                                         \
	MATCHMAKING_COUNT(undone, "Tickets that went back to what the store holds, since it refused a change.")

enum match_count {
#define MATCHMAKING_COUNT(name, help) MATCH_COUNT_##name,
	MATCHMAKING_COUNTS(MATCHMAKING_COUNT)
#undef MATCHMAKING_COUNT
	MATCH_COUNT_time_to_match_ms,
	MATCH_COUNT_COUNT
};

struct matchmaking_counts {
#define MATCHMAKING_COUNT(name, help) uint64_t name;
	MATCHMAKING_COUNTS(MATCHMAKING_COUNT)
#undef MATCHMAKING_COUNT
	uint64_t time_to_match_ms; /* that tickets waited for the match that they ended in */
	uint32_t current_tickets; /* not ended */
	uint32_t kept_tickets;	  /* ended */
};

/* Who finds sessions for matches: operations/placing.h. */
struct matchmaking_queues {
	bool (*start)(struct model *model, json_t *document); /* takes the document; false: out of memory */
	bool (*is_full)(const struct model *model);
	uint32_t (*depth)(const struct model *model, const char *queue); /* how many wait in it */
};

/*
 * After the records were loaded, and placements with them. Borrows the model, and is what model->matchmaking names; queues is borrowed and outlives it.
 * Sets model->placement_ended. NULL: out of memory.
 */
struct matchmaking *ringcast_matchmaking_create(struct model *model, const struct matchmaking_queues *queues);
void ringcast_matchmaking_destroy(struct matchmaking **matchmaking); /* accepts NULL inside, nulls */

/* Some of the work that is due; true: there is more at once. */
bool ringcast_matchmaking_turn(struct matchmaking *matchmaking);
int64_t ringcast_matchmaking_due_ms(const struct matchmaking *matchmaking); /* of the steady clock; INT64_MAX: nothing is */
/* The store has taken the oldest changes, or refused all that were open. */
void ringcast_matchmaking_settled(struct matchmaking *matchmaking);
void ringcast_matchmaking_undone(struct matchmaking *matchmaking);

struct matchmaking_start {
	const char *configuration; /* its name */
	const char *ticket;	   /* "": one is made up */
	json_t *players;	   /* borrowed */
	bool is_backfill;
	const char *session; /* of a backfill: the game session's ARN; "" for none */
};

/* ret_ticket: as the API shows it; the caller's. What was put is not durable yet. */
enum matchmaking_result ringcast_matchmaking_start(struct matchmaking *matchmaking, const struct matchmaking_start *start, json_t **ret_ticket,
						   char problem[MATCHMAKING_PROBLEM_BYTES]);
enum matchmaking_result ringcast_matchmaking_stop(struct matchmaking *matchmaking, const char *ticket, char problem[MATCHMAKING_PROBLEM_BYTES]);
enum matchmaking_result ringcast_matchmaking_accept(struct matchmaking *matchmaking, const char *ticket, const json_t *player_ids, bool is_accepted,
						    char problem[MATCHMAKING_PROBLEM_BYTES]);
/* A live backfill of the session with this ARN; borrowed. NULL: there is none that is known by it. */
const char *ringcast_matchmaking_backfill_of(const struct matchmaking *matchmaking, const char *session_arn);
bool ringcast_matchmaking_is_backfill(const struct matchmaking *matchmaking, const char *ticket, const char *session_arn); /* of that session, ended or not */
/* Whether a rule of this configuration asks for latencies: a ticket without any finds nobody in it. False also where there is no such configuration. */
bool ringcast_matchmaking_wants_latencies(struct matchmaking *matchmaking, const char *configuration);
bool ringcast_matchmaking_is_live(const struct matchmaking *matchmaking, const char *ticket); /* false: there is none, or it has ended */
json_t *ringcast_matchmaking_show(const struct matchmaking *matchmaking, const char *ticket); /* NULL: there is none, or no memory */
/* Why it waits, see service/match/explain.h; {"state": ...} of one that is not waiting. NULL: there is none, or no memory. */
json_t *ringcast_matchmaking_explain(struct matchmaking *matchmaking, const char *ticket);
/* Likewise, for as long as *work_left lasts. */
json_t *ringcast_matchmaking_explain_within(struct matchmaking *matchmaking, const char *ticket, uint64_t *work_left);

uint32_t ringcast_matchmaking_live_count(const struct matchmaking *matchmaking, const char *configuration); /* its tickets that have not ended */
/* The configuration was changed: who waits in it does so under the new one. */
void ringcast_matchmaking_reconfigure(struct matchmaking *matchmaking, const char *configuration);
struct matchmaking_counts ringcast_matchmaking_count(const struct matchmaking *matchmaking);

/* {configuration: {name of a count, or current_tickets: number}}, as ringcast_tallies_show. NULL: out of memory. */
json_t *ringcast_matchmaking_show_configurations(struct matchmaking *matchmaking);

#endif
