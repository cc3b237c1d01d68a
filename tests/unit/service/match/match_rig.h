/* Rule sets and tickets out of short texts, with ' for ". */
#ifndef RINGCAST_TESTS_MATCH_RIG_H
#define RINGCAST_TESTS_MATCH_RIG_H

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>

#include "service/match/judge.h"

/* A rule set, which must be good. */
struct match_rule_set *rules_of(const char *text);
/* A rule set of what is added to: {"ruleLanguageVersion": "1.0", ...}. */
struct match_rule_set *rules_of_parts(const char *parts);
/* A rule set that must be refused, with a problem that holds this. */
void rules_refused(const char *text, const char *wanted);
/* Players: "a skill=5 maps={'x': 1}; b skill=7 @eu=30". Values are JSON; @ is a latency. The caller frees. */
json_t *players_of(const char *text);
struct match_ticket *ticket_of(const struct match_rule_set *rule_set, struct match_regions *regions, const char *text, uint64_t created_ns);
/* Text with ' for ", as JSON's own. The caller frees. */
char *quoted(const char *text);

#endif
