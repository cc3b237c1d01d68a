/*
 * Cheap questions that are asked of a lineup each time somebody joins it: what they refuse no later joiner can mend. The judge has the last word;
 * a screen only spares it the hopeless.
 */
#ifndef RINGCAST_SERVICE_MATCH_SCREEN_H
#define RINGCAST_SERVICE_MATCH_SCREEN_H

#include "service/match/judge.h"

enum { SCREEN_SPREADS_MAX = 16, SCREEN_TEXTS_MAX = 8, SCREEN_LATENCIES_MAX = 4, SCREEN_COMMONS_MAX = 4 };

/* What a rule set's rules come to, worked out once. */
struct screen {
	const struct match_rule_set *rule_set;
	uint16_t spread_count, text_count, latency_count, common_count, slow_count, single_count;
	struct {
		uint16_t rule, column;
		double factor; /* a column's values lie within factor times the rule's max */
	} spreads[SCREEN_SPREADS_MAX];
	uint16_t texts[SCREEN_TEXTS_MAX]; /* columns in which all players are equal */
	uint16_t latencies[SCREEN_LATENCIES_MAX]; /* rules */
	struct {
		uint16_t rule, column;
	} commons[SCREEN_COMMONS_MAX]; /* lists that must share texts; told by bits over the first ticket's texts, which the search makes */
	uint16_t slow[MATCH_RULES_MAX];	  /* rules that the judge is asked about the lineup as it is */
	uint16_t singles[MATCH_RULES_MAX]; /* rules about one ticket in its team, whoever else is there */
};

/* The state of a lineup; copied at each step of a search. */
struct screen_state {
	uint64_t regions[SCREEN_LATENCIES_MAX];
	uint64_t texts[SCREEN_TEXTS_MAX];
	double least[SCREEN_SPREADS_MAX], most[SCREEN_SPREADS_MAX];
};

void ringcast_screen_init(struct screen *screen, const struct match_rule_set *rule_set);
void ringcast_screen_start(const struct screen *screen, struct screen_state *state);
/* Takes one more ticket into the state. False: no match can have them together under this level's loosest bounds. */
bool ringcast_screen_add(const struct screen *screen, struct screen_state *state, const struct match_ticket *ticket, const struct match_level *level);
/* Whether it could be added; the state stays. */
bool ringcast_screen_fits(const struct screen *screen, const struct screen_state *state, const struct match_ticket *ticket, const struct match_level *level);
/* Which of the first ticket's texts another ticket shares. Bits; all of them when the first has too many for bits: then the judge alone says. */
uint64_t ringcast_screen_shared(const struct screen *screen, uint16_t common, const struct match_ticket *first, const struct match_ticket *ticket);
/* The teams in which the ticket could ever stand, however long it waits. Bits. */
uint64_t ringcast_screen_teams(const struct screen *screen, struct judge *judge, const struct match_ticket *ticket);
/* The rules that need the whole lineup. */
bool ringcast_screen_judge(const struct screen *screen, struct judge *judge, const struct lineup *lineup, const struct match_level *level);

#endif
