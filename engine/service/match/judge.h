/*
 * Whether a lineup keeps the rules. A judge holds the working memory of one thread and counts what each rule said, for events and reports.
 */
#ifndef RINGCAST_SERVICE_MATCH_JUDGE_H
#define RINGCAST_SERVICE_MATCH_JUDGE_H

#include "service/match/lineup.h"

/* UNDECIDED: what the rule reads has no value here, such as the average of an empty team. It holds nobody back. */
enum match_verdict { MATCH_PASSES, MATCH_FAILS, MATCH_UNDECIDED };

struct judge {
	const struct match_rule_set *rule_set;
	uint64_t work; /* done so far: values looked at, with something for each rule */
	uint64_t passed[MATCH_RULES_MAX], failed[MATCH_RULES_MAX]; /* of lineups that were complete */
	struct expression_arena arena;
	struct expression_value common[MATCH_TEXTS_MAX * MATCH_SMALL_PLAYERS_MAX];
};

/* Borrows the rule set. NULL: out of memory. */
struct judge *ringcast_judge_create(const struct match_rule_set *rule_set);
void ringcast_judge_destroy(struct judge **judge);

/* One rule under the values of a level (its exact or its loosest ones; an array by rule). Sort rules always pass. */
enum match_verdict ringcast_judge_rule(struct judge *judge, uint16_t rule, const struct lineup *lineup, const struct match_values *values);
/* Whether the rule acts alone: it is no sort rule, and no compound rule has taken it in. */
bool ringcast_judge_acts(const struct match_rule_set *rule_set, uint16_t rule);
/* The level of the lineup's clock. */
uint16_t ringcast_judge_level(const struct match_rule_set *rule_set, const struct lineup *lineup, uint64_t now_ns);
/* Sizes of teams and all rules, exactly. On false *ret_rule is the rule that failed first, or rule_count when a team has the wrong size. */
bool ringcast_judge_all(struct judge *judge, const struct lineup *lineup, uint64_t now_ns, uint16_t *ret_rule);

#endif
