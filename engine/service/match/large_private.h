/*
 * Inside a round of large matches: what large.c (the round: whose turn it is, and what it may cost), large_anchor.c (new matches) and filling.c (running
 * ones) share.
 */
#ifndef RINGCAST_SERVICE_MATCH_LARGE_PRIVATE_H
#define RINGCAST_SERVICE_MATCH_LARGE_PRIVATE_H

#include "service/match/balance.h"
#include "service/match/pool_private.h"
#include "service/match/screen.h"

/* Those of one kind, in the order in which they are taken: the oldest, then from one of them on, so that all have their turn in some round. */
struct large_queue {
	struct pool_entry *const *entries;
	uint32_t count, next, failures;
	uint64_t first, used; /* used: of the round's effort */
};

struct filling;

struct large_round {
	struct match_pool *pool;
	uint64_t now_ns;
	struct screen screen;
	struct pool_entry **sorted; /* tickets, by the balanced attribute */
	uint32_t count, gone_count; /* gone: matched since the array was made */
	struct large_queue anchors, running;
	enum match_priority priority; /* of running matches */
	uint32_t level_tickets[MATCH_LEVELS_MAX]; /* how many have waited for each level and no higher one, as the round began */
	struct filling *filling; /* NULL: no running match wants players */
	/* The round's effort: tickets looked at, and latencies compared. The last of looks_left are kept for others than those whose turn it is. */
	uint64_t looks_left, looks, looks_all, looks_kept;
	/* One anchor's trial */
	uint32_t from, to; /* what of the sorted is looked at */
	uint64_t *regions; /* by place in sorted: where the ticket may play at the level of the trial; 0 for whom is not eligible */
	const struct match_level *level;
	uint16_t level_index;
	struct screen_state state;
	struct balance balance;
	struct lineup lineup; /* of the trial */
	struct pool_entry **members;
	/* The best of all trials: who joins, and where */
	struct pool_entry **best_members;
	uint8_t *best_teams;
	uint32_t best_count, best_players;
};

static inline bool ringcast_large_may_look(const struct large_round *large)
{
	return large->looks_left > large->looks_kept;
}

/* False: whoever's turn it is has looked at as much as it may. */
static inline bool ringcast_large_spend(struct large_round *large, uint64_t looks)
{
	large->looks += looks;
	large->looks_left -= looks < large->looks_left ? looks : large->looks_left;
	return ringcast_large_may_look(large);
}

static inline uint64_t ringcast_large_age_ns(const struct large_round *large, const struct pool_entry *entry)
{
	return large->now_ns > entry->created_ns ? large->now_ns - entry->created_ns : 0;
}

/* The regions in which the ticket is fast enough for all latency rules, exactly at this level. */
uint64_t ringcast_large_regions(struct large_round *large, const struct match_ticket *ticket, const struct match_level *level);
/*
 * Of teams that are not closed (bits) and have room for so many players: one below its minimum first, then the one with most open places, then the weakest;
 * team_count: there is none.
 */
uint16_t ringcast_large_choose_team(const struct lineup *lineup, const struct balance *balance, const struct match_level *level, uint32_t players, uint64_t closed);

/* Makes the fullest match that the ticket at this place can have. False: none. */
bool ringcast_large_run_anchor(struct large_round *large, uint32_t anchor_at);

/* NULL: out of memory. */
struct filling *ringcast_filling_create(struct large_round *large);
void ringcast_filling_destroy(struct filling **filling);
/* Lets those join a running match with whom it is fullest, and its teams are as even as may be. False: nobody joins. */
bool ringcast_filling_run(struct filling *filling, struct pool_entry *running);

#endif
