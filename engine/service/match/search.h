/*
 * The small algorithm: the best match that one ticket, the anchor, can have among candidates.
 *
 * Best is: the most players; among those, the one whose candidates come first in the order of the sort rules, and else in the order given (compared from
 * the first on). Teams are found by
 * backtracking, so that no order of joining spoils a match. Within its steps the search is exhaustive; beyond them it answers the best it has found.
 * Pure, deterministic; one thread.
 */
#ifndef RINGCAST_SERVICE_MATCH_SEARCH_H
#define RINGCAST_SERVICE_MATCH_SEARCH_H

#include "service/match/judge.h"

enum { SEARCH_CANDIDATES_MAX = 512 };

/* Who is looked for, and among whom. Borrowed for the call. */
struct search_task {
	uint64_t now_ns;
	uint64_t step_max;
	uint64_t better_step_max; /* of these, how many may go into finding a match that comes first when a full one is found; 0: all */
	/* Fixed from the start, in these teams: a running match that wants more players; or one ticket and no teams: the anchor, in any team. */
	const struct match_ticket *const *fixed;
	const uint8_t *fixed_teams; /* NULL: an anchor */
	uint16_t fixed_count;
	const struct match_ticket *const *candidates;
	const uint64_t *candidate_teams; /* of each: ringcast_search_teams */
	uint16_t candidate_count;
};

struct search_result {
	uint16_t pick_count;
	uint16_t picks[MATCH_SMALL_PLAYERS_MAX]; /* indexes of candidates, those who come first first */
	uint8_t teams[MATCH_SMALL_PLAYERS_MAX];
	uint8_t anchor_team;
	uint16_t player_count; /* of all, fixed ones too */
	uint64_t step_count;
	bool is_exhaustive; /* steps sufficed: there is no better one */
};

struct search;

struct search *ringcast_search_create(const struct match_rule_set *rule_set, struct judge *judge); /* borrows both; NULL: out of memory */
void ringcast_search_destroy(struct search **search);
/* The teams in which a ticket could ever stand. Bits; the same for every search. */
uint64_t ringcast_search_teams(struct search *search, const struct match_ticket *ticket);
/* Whether the two could be in one match as far as the cheap screens know. */
bool ringcast_search_pairs(struct search *search, uint64_t now_ns, const struct match_ticket *anchor, const struct match_ticket *ticket);
/* Order by what the rules want alike, so that neighbours are likelier to fit together than strangers. 0: nothing is wanted alike, or they are. */
int ringcast_search_likeness(const struct search *search, const struct match_ticket *a, const struct match_ticket *b);
/* False: there is no match, or none was found within the steps. */
bool ringcast_search_run(struct search *search, const struct search_task *task, struct search_result *ret_result);

#endif
