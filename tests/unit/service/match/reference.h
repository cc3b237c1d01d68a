/*
 * A second opinion: random rule sets and tickets as plain values, judged by obvious code that shares nothing with the matcher, and the best match of an
 * anchor by trying everything.
 */
#ifndef RINGCAST_TESTS_MATCH_REFERENCE_H
#define RINGCAST_TESTS_MATCH_REFERENCE_H

#include "base/prng.h"
#include "match_rig.h"

enum { REF_TICKETS_MAX = 10, REF_PARTY_MAX = 3, REF_RULES_MAX = 6, REF_TEAMS_MAX = 3, REF_MAPS = 4, REF_REGIONS = 2 };

enum ref_kind {
	REF_SKILL_MIN,	/* each ticket's skill is at least bound */
	REF_SAME_MODE,
	REF_OTHER_CHARACTERS,
	REF_FAIR_TEAMS, /* teams' averages near the average of all */
	REF_PEERS,	/* each near the average of all */
	REF_BATCH_SKILL,
	REF_BATCH_MODE,
	REF_COMMON_MAPS,
	REF_FEW_X,  /* at most bound tickets with map x */
	REF_SOME_X, /* at least bound */
	REF_LIKES_XY,
	REF_WANTED,
	REF_PING,
	REF_PING_OF_MIN,
	REF_PING_OF_AVERAGE,
	REF_EQUAL_SIZES,
	REF_FIRST_TEAM_WEAK,
	REF_RANGE,
	REF_KINDS,
};

struct ref_rule {
	enum ref_kind kind;
	int aggregation; /* 0 avg, 1 min, 2 max */
	double bound, later; /* from wait_s on */
	int wait_s; /* 0: never another bound */
	bool is_member;
};

struct ref_rule_set {
	int rule_count, team_count, compound; /* 0 none, 1 or, 2 and, 3 xor, 4 not: of the first two rules */
	struct ref_rule rules[REF_RULES_MAX];
	int players_min[REF_TEAMS_MAX], players_max[REF_TEAMS_MAX];
	int relaxed_min, relaxed_wait_s; /* of the first team */
	bool has_quantity, is_oldest, sorts_by_distance;
};

struct ref_player {
	int skill, mode, character;
	bool maps[REF_MAPS], wants[REF_MAPS];
	int latency[REF_REGIONS]; /* -1: none */
};

struct ref_ticket {
	int count, age_s;
	struct ref_player players[REF_PARTY_MAX];
};

struct ref_lineup {
	int count;
	const struct ref_ticket *tickets[REF_TICKETS_MAX];
	int teams[REF_TICKETS_MAX];
};

struct ref_best {
	bool is_found;
	int player_count, pick_count, picks[REF_TICKETS_MAX]; /* candidates in the order in which they are asked */
};

void ref_rules_make(struct prng *prng, struct ref_rule_set *ret_rules);
void ref_ticket_make(struct prng *prng, struct ref_ticket *ret_ticket);
/* As the API has them; the caller frees. */
char *ref_rules_text(const struct ref_rule_set *rules);
json_t *ref_players(const struct ref_ticket *ticket, int number);

bool ref_is_match(const struct ref_rule_set *rules, const struct ref_lineup *lineup);
/* The order in which candidates are asked. */
void ref_order(const struct ref_rule_set *rules, const struct ref_ticket *anchor, const struct ref_ticket *candidates, int count, int *ret_order);
void ref_best_match(const struct ref_rule_set *rules, const struct ref_ticket *anchor, const struct ref_ticket *candidates, int count,
		    struct ref_best *ret_best);

#endif
