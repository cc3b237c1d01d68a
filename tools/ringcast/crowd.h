/*
 * A crowd: tickets that come one after the other, out of a CSV file or out of a description of how they come. For `ringcast match simulate`.
 *
 * CSV: a head with the columns ticket, at_s, player, then attributes by name and latencies as @region; one player a line; lines with the same ticket are a party.
 * A list is a|b, a map is a:1|b:2, an empty field is no value.
 *
 * Description: players=500,seconds=300,party=3,skill=1000~200,level=1..60,mode=ranked|casual,@eu=20..120
 *     party      parties of 1 to so many (1)
 *     a..b       any number between; a~b: about a, give or take b; x|y|z: one of these, or for a list some of these, for a map each with 0 to 100
 * An attribute that is not described and has no default gets a number from 0 to 100, or a text out of three.
 */
#ifndef RINGCAST_TOOLS_CROWD_H
#define RINGCAST_TOOLS_CROWD_H

#include "service/match/rule_set.h"

enum { CROWD_TICKETS_MAX = 1000000, CROWD_PROBLEM_BYTES = 256 };

struct crowd_ticket {
	uint64_t at_ns;
	char *name;
	json_t *players; /* as StartMatchmaking has them */
};

struct crowd {
	size_t count, capacity;
	struct crowd_ticket *tickets; /* by at_ns */
};

/* False: problem says what and where; fini it whatever came out. */
bool ringcast_crowd_read_csv(struct crowd *crowd, const struct match_rule_set *rule_set, const char *text, char problem[CROWD_PROBLEM_BYTES]);
bool ringcast_crowd_make(struct crowd *crowd, const struct match_rule_set *rule_set, const char *description, uint64_t seed, char problem[CROWD_PROBLEM_BYTES]);
void ringcast_crowd_fini(struct crowd *crowd);

#endif
