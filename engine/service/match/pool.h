/*
 * Tickets that wait, and matches that are being made of them. Pure: time comes in, effects come out; the same calls with the same seed have the same effects.
 *
 *     QUEUED -> SEARCHING -> (REQUIRES_ACCEPTANCE ->) PLACING -> COMPLETED | FAILED
 *     CANCELLED and TIMED_OUT from where ticket_state.c's table allows it; a proposal that falls through sends back those who agreed.
 *
 * A ticket is one party, in one match at most, whole. Tickets that have ended are told once, in an effect, and forgotten with ringcast_match_pool_forget.
 * One thread.
 */
#ifndef RINGCAST_SERVICE_MATCH_POOL_H
#define RINGCAST_SERVICE_MATCH_POOL_H

#include "service/match/ticket.h"

/* MATCH_STATE(ID, "name as the API has it", ends) */
#define MATCH_STATES(MATCH_STATE)                                  \
	MATCH_STATE(QUEUED, "QUEUED", false)                           \
	MATCH_STATE(SEARCHING, "SEARCHING", false)                     \
	MATCH_STATE(REQUIRES_ACCEPTANCE, "REQUIRES_ACCEPTANCE", false) \
	MATCH_STATE(PLACING, "PLACING", false)                         \
	MATCH_STATE(COMPLETED, "COMPLETED", true)                      \
	MATCH_STATE(FAILED, "FAILED", true)                            \
	MATCH_STATE(CANCELLED, "CANCELLED", true)                      \
	MATCH_STATE(TIMED_OUT, "TIMED_OUT", true)

enum match_ticket_state {
#define MATCH_STATE(id, name, ends) MATCH_IS_##id,
	MATCH_STATES(MATCH_STATE)
#undef MATCH_STATE
		MATCH_STATE_COUNT
};

/* What can happen to a ticket. */
enum match_ticket_event {
	MATCH_EVENT_BEGIN,	 /* a round takes it in */
	MATCH_EVENT_PROPOSE,
	MATCH_EVENT_CHOOSE,	 /* a match, and nobody is asked */
	MATCH_EVENT_AGREE,	 /* all have accepted */
	MATCH_EVENT_RETURN,	 /* others have not */
	MATCH_EVENT_REJECT,	 /* one of its own players has not */
	MATCH_EVENT_PLACE,
	MATCH_EVENT_PLACE_FAIL,
	MATCH_EVENT_STOP,
	MATCH_EVENT_EXPIRE,
	MATCH_EVENT_COUNT,
};

/* False: the event means nothing in this state, and nothing happens. */
bool ringcast_match_state_next(enum match_ticket_state state, enum match_ticket_event event, enum match_ticket_state *ret_next);
const char *ringcast_match_state_name(enum match_ticket_state state);
bool ringcast_match_state_ends(enum match_ticket_state state);

/* 0 in a field: its default. */
struct match_pool_options {
	uint64_t seed;
	uint32_t tickets_max;		 /* 100 000 */
	uint32_t batch_tickets;		 /* who is looked at together in a small match: 256, at most 512 */
	uint32_t gather_count;		 /* anchors a round that look beyond their batch: 16 */
	uint64_t steps_min, steps_per_ticket; /* a round's search effort: 200 000 and 64 */
	uint64_t request_timeout_ns;	 /* none */
	uint64_t acceptance_timeout_ns;	 /* not 0: players are asked */
};

enum { MATCH_EFFECTS_A_TICKET = 4 }; /* of one call, at most, for each that a pool may have: begun, matched, sent back, ended */

struct match_effect {
	enum match_ticket_state state; /* that the ticket has now */
	handle ticket, match; /* match is HANDLE_NONE where there is none */
};

/* A match being made. Valid until the next call on the pool. */
struct match_lineup_view {
	uint32_t count;
	const handle *tickets;
	const uint8_t *teams; /* by ticket; a backfill's own players keep theirs */
	handle backfill; /* the running match that they join, or HANDLE_NONE */
	uint64_t regions; /* that all of them have named a latency for; bits */
};

struct match_pool_counts {
	uint64_t rounds, matches, searches, cut_searches, steps; /* cut: the steps did not suffice */
	uint32_t waiting;
};

struct match_pool;

/* Borrows the rule set. NULL: out of memory. */
struct match_pool *ringcast_match_pool_create(const struct match_rule_set *rule_set, const struct match_pool_options *options);
void ringcast_match_pool_destroy(struct match_pool **pool);

/* HANDLE_NONE: problem says why. created_ns is now, or earlier for one that comes back. */
handle ringcast_match_pool_add(struct match_pool *pool, const json_t *players, uint64_t created_ns, char problem[MATCH_TICKET_PROBLEM_BYTES]);
/* A running match that wants players: its own players, each with the Team that it plays in. */
handle ringcast_match_pool_add_backfill(struct match_pool *pool, const json_t *players, uint64_t created_ns, char problem[MATCH_TICKET_PROBLEM_BYTES]);
/* A ticket that has just come is looked at by no round while it is held. */
void ringcast_match_pool_hold(struct match_pool *pool, handle ticket, bool is_held);
/* False: the ticket is unknown, or cannot be stopped any more. */
bool ringcast_match_pool_stop(struct match_pool *pool, handle ticket);
/* One player's answer to a proposal. False: the ticket waits for no answer, or has no such player. */
bool ringcast_match_pool_answer(struct match_pool *pool, handle ticket, const char *player_id, bool is_accepted);
/* What became of a match that is being placed. False: there is no such match in that state. */
bool ringcast_match_pool_placed(struct match_pool *pool, handle match, bool is_placed);
/* Frees a ticket that has ended; ended matches go with their last ticket. */
void ringcast_match_pool_forget(struct match_pool *pool, handle ticket);

/* Time-outs, then matches. */
void ringcast_match_pool_round(struct match_pool *pool, uint64_t now_ns);
/*
 * The same in pieces, so that who owns the pool can do something else in between: begin, then continue until it says that the round is over. step_max: search
 * effort of this piece, which ends with the anchor that has used it up. Every other call is allowed in between; who comes meanwhile is in the next round.
 */
void ringcast_match_pool_round_begin(struct match_pool *pool, uint64_t now_ns);
bool ringcast_match_pool_round_continue(struct match_pool *pool, uint64_t step_max); /* true: the round is over */
bool ringcast_match_pool_is_in_round(const struct match_pool *pool);
/* What the last call has caused, in order; until the next call. */
const struct match_effect *ringcast_match_pool_effects(const struct match_pool *pool, uint32_t *ret_count);

/* False: it is unknown, and the state is kept. */
bool ringcast_match_pool_state(const struct match_pool *pool, handle ticket, enum match_ticket_state *ret_state);
const struct match_ticket *ringcast_match_pool_ticket(const struct match_pool *pool, handle ticket); /* NULL: unknown, or a backfill */
bool ringcast_match_pool_match(const struct match_pool *pool, handle match, struct match_lineup_view *ret_view);
const struct match_regions *ringcast_match_pool_regions(const struct match_pool *pool);
const struct match_pool_counts *ringcast_match_pool_counts(const struct match_pool *pool);
size_t ringcast_match_pool_bytes(const struct match_pool *pool); /* of all tickets */
/* How often each rule passed or failed a complete lineup; arrays by rule. */
void ringcast_match_pool_rule_counts(const struct match_pool *pool, const uint64_t **ret_passed, const uint64_t **ret_failed);

#endif
