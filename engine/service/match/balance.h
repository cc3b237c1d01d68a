/*
 * How even the teams of a large match are in the balanced attribute: sums by team over a lineup. A party has one value, which counts once for each of its
 * players in its team's average. A value; one thread.
 */
#ifndef RINGCAST_SERVICE_MATCH_BALANCE_H
#define RINGCAST_SERVICE_MATCH_BALANCE_H

#include "service/match/lineup.h"

struct balance {
	uint16_t column, team_count;
	double sums[MATCH_TEAMS_MAX];
	double least, most; /* of all values in the lineup */
};

void ringcast_balance_start(struct balance *balance, const struct match_rule_set *rule_set);
/* Of a ticket that joins the lineup too. */
void ringcast_balance_add(struct balance *balance, const struct match_ticket *ticket, uint16_t team);
/* Anew for all that is in the lineup: whoever was taken out of it has no share in least and most any more. */
void ringcast_balance_of(struct balance *balance, const struct match_rule_set *rule_set, const struct lineup *lineup);
/* NaN: nobody is in the team. */
double ringcast_balance_average(const struct balance *balance, const struct lineup *lineup, uint16_t team);
/* How far the averages of teams are apart; 0 where fewer than two have players. */
double ringcast_balance_apart(const struct balance *balance, const struct lineup *lineup);
/* How far one player could set them apart: from the least to the most, by the players of the smallest team that has any. */
double ringcast_balance_one_player(const struct balance *balance, const struct lineup *lineup);
/* Tickets with the same number of players change teams while that brings the outermost averages closer; those before the first stay where they are. */
void ringcast_balance_even_out(struct balance *balance, struct lineup *lineup, uint16_t first);

static inline double ringcast_balance_value(const struct balance *balance, const struct match_ticket *ticket)
{
	return ticket->cells[balance->column].number;
}

#endif
