/* Inside the pool: what pool.c (tickets and their states), round.c (small matches) and large.c (balanced ones) share. */
#ifndef RINGCAST_SERVICE_MATCH_POOL_PRIVATE_H
#define RINGCAST_SERVICE_MATCH_POOL_PRIVATE_H

#include "base/prng.h"
#include "base/slab.h"
#include "service/match/pool.h"
#include "service/match/search.h"

/* A running match's own players, each as a ticket of one. */
struct pool_running {
	uint16_t count;
	uint8_t *teams; /* one block with the parts */
	struct match_ticket *parts[];
};

struct pool_entry {
	handle self;
	enum match_ticket_state state;
	uint64_t created_ns, allowed_teams;
	struct match_ticket *ticket; /* NULL: a backfill */
	uint64_t accepted; /* bit per player */
	handle match;
	struct pool_running *running; /* of a backfill; owned */
	uint64_t hopeless_round; /* searched to the end in this round, for nothing */
	bool is_held; /* not to be looked at yet */
	bool is_forgotten; /* goes when the round is over that may still hold it */
	handle forgotten_next;
};

struct pool_match {
	handle self;
	bool is_proposed;
	uint64_t deadline_ns;
	uint32_t count, ended_count;
	handle backfill;
	uint64_t regions;
	handle *tickets; /* one block with teams */
	uint8_t *teams;
};

struct small_round;
struct large_round;

struct match_pool {
	const struct match_rule_set *rule_set;
	struct match_pool_options options;
	struct prng prng;
	struct judge *judge;
	struct search *search; /* NULL for large matches */
	struct match_regions regions;
	struct slab entries, matches;
	uint32_t effect_count, effect_max;
	struct match_effect *effects;
	struct pool_entry **waiting; /* a round's working array: tickets, then backfills */
	struct pool_entry **working; /* a second one */
	uint32_t waiting_count, backfill_count;
	uint64_t gather_at, fill_at; /* where looking beyond batches goes on, and in large rounds the turns of tickets and of running matches */
	bool is_in_round;
	uint64_t round_now_ns; /* when it began */
	struct small_round *small; /* a round that has begun; NULL: none, or there was no memory for it */
	struct large_round *large;
	handle forgotten; /* the first of a list, by forgotten_next */
	size_t ticket_bytes;
	struct match_pool_counts counts;
};

/* Moves a ticket on and tells it. The event must be allowed. */
void ringcast_pool_move(struct match_pool *pool, struct pool_entry *entry, enum match_ticket_event event, handle match);
/* Makes a match of these, all SEARCHING. False: out of memory, nothing has changed. */
bool ringcast_pool_make(struct match_pool *pool, struct pool_entry *const *entries, const uint8_t *teams, uint32_t count, struct pool_entry *backfill);
/* Sets pool->small or large; NULL: out of memory, and nobody is matched this time. continue: true when it is over; end frees it. */
void ringcast_pool_small_begin(struct match_pool *pool);
bool ringcast_pool_small_continue(struct match_pool *pool, uint64_t step_max);
void ringcast_pool_small_end(struct match_pool *pool);
void ringcast_pool_large_begin(struct match_pool *pool);
bool ringcast_pool_large_continue(struct match_pool *pool, uint64_t step_max);
void ringcast_pool_large_end(struct match_pool *pool);

#endif
