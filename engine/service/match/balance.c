#include "service/match/balance.h"

#include <math.h>

enum { EVENING_MAX = 64 };

void ringcast_balance_start(struct balance *balance, const struct match_rule_set *rule_set)
{
	*balance = (struct balance){.column = rule_set->balance_column, .team_count = rule_set->team_count, .least = INFINITY, .most = -INFINITY};
}

void ringcast_balance_add(struct balance *balance, const struct match_ticket *ticket, uint16_t team)
{
	double value = ringcast_balance_value(balance, ticket);
	balance->sums[team] += value * ticket->player_count;
	balance->least = value < balance->least ? value : balance->least;
	balance->most = value > balance->most ? value : balance->most;
}

void ringcast_balance_of(struct balance *balance, const struct match_rule_set *rule_set, const struct lineup *lineup)
{
	ringcast_balance_start(balance, rule_set);
	for (uint16_t i = 0; i < lineup->count; i++)
		ringcast_balance_add(balance, lineup->tickets[i], lineup->teams[i]);
}

double ringcast_balance_average(const struct balance *balance, const struct lineup *lineup, uint16_t team)
{
	return lineup->team_players[team] == 0 ? NAN : balance->sums[team] / lineup->team_players[team];
}

double ringcast_balance_apart(const struct balance *balance, const struct lineup *lineup)
{
	double least = INFINITY, most = -INFINITY;
	for (uint16_t team = 0; team < balance->team_count; team++) {
		least = fmin(least, ringcast_balance_average(balance, lineup, team));
		most = fmax(most, ringcast_balance_average(balance, lineup, team));
	}
	return most > least ? most - least : 0;
}

double ringcast_balance_one_player(const struct balance *balance, const struct lineup *lineup)
{
	uint16_t smallest = 0;
	for (uint16_t team = 0; team < balance->team_count; team++) {
		uint16_t players = lineup->team_players[team];
		smallest = players > 0 && (smallest == 0 || players < smallest) ? players : smallest;
	}
	return smallest == 0 ? 0 : (balance->most - balance->least) / smallest;
}

/* The pair of parties of one size whose change of teams brings the two teams' averages closest. False: none brings them closer. */
static bool find_swap(const struct balance *balance, const struct lineup *lineup, uint16_t first, uint16_t high, uint16_t low, uint16_t *ret_a, uint16_t *ret_b)
{
	double high_players = lineup->team_players[high], low_players = lineup->team_players[low];
	double apart = ringcast_balance_average(balance, lineup, high) - ringcast_balance_average(balance, lineup, low), best = apart;
	double wanted = (balance->sums[high] * low_players - balance->sums[low] * high_players) / (high_players + low_players);
	uint16_t partner = 0, count = (uint16_t)(lineup->count - first);
	/* Members are in no order of value, but what is wanted of a partner is nearly the same for neighbours: a bounded look is enough. */
	for (uint16_t i = first; i < lineup->count; i++) {
		if (lineup->teams[i] != high)
			continue;
		double weight = lineup->tickets[i]->player_count, value = ringcast_balance_value(balance, lineup->tickets[i]);
		for (uint16_t looked = 0; looked < EVENING_MAX && looked < count; looked++) {
			partner = (uint16_t)((partner + 1) % count);
			uint16_t other = (uint16_t)(first + partner);
			if (lineup->teams[other] != low || lineup->tickets[other]->player_count != lineup->tickets[i]->player_count)
				continue;
			double moved = (value - ringcast_balance_value(balance, lineup->tickets[other])) * weight;
			double left = fabs(apart - moved * (1 / high_players + 1 / low_players));
			if (left < best * (1 - 1e-9) && moved > 0 && moved < 2 * wanted) {
				best = left;
				*ret_a = i;
				*ret_b = other;
			}
		}
	}
	return best < apart;
}

void ringcast_balance_even_out(struct balance *balance, struct lineup *lineup, uint16_t first)
{
	uint16_t count = balance->team_count, a = 0, b = 0;
	for (unsigned turn = 0; turn < EVENING_MAX && count > 1; turn++) {
		uint16_t high = 0, low = 0;
		for (uint16_t team = 1; team < count; team++) {
			double average = ringcast_balance_average(balance, lineup, team), highest = ringcast_balance_average(balance, lineup, high);
			high = average > highest || isnan(highest) ? team : high;
			double lowest = ringcast_balance_average(balance, lineup, low);
			low = average < lowest || isnan(lowest) ? team : low;
		}
		bool is_apart = high != low && ringcast_balance_average(balance, lineup, high) > ringcast_balance_average(balance, lineup, low);
		if (!is_apart || !find_swap(balance, lineup, first, high, low, &a, &b))
			return;
		double moved = (ringcast_balance_value(balance, lineup->tickets[a]) - ringcast_balance_value(balance, lineup->tickets[b])) * lineup->tickets[a]->player_count;
		balance->sums[high] -= moved;
		balance->sums[low] += moved;
		lineup->teams[a] = (uint8_t)low;
		lineup->teams[b] = (uint8_t)high;
	}
}
