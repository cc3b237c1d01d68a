/*
 * Filling up a running large match. Its players stay in their teams and count in everything: sizes, rules, the clock of expansions, the balance.
 *
 * Who joins: as many as may, and of these whom the teams need to be even; where they are, those like the players who are there. A join may not leave the
 * teams further apart than one player could set them (from the least to the most value of all, by the players of the smallest team), unless they were further
 * apart before: then not further than that. So a match that is filled up again and again does not drift.
 *
 * Each level that the match could come to stand at is tried with those who let it; one other than the match's own only with somebody who sets that clock. In
 * each, regions that suit all who play, the fastest for them first. A trial picks for the team that needs somebody most the one nearest to the value that
 * would even it out; then it exchanges some. What that leaves open is tried out with a few. The judge has the last word.
 */
#include <math.h>
#include <stdlib.h>

#include "base/assert.h"
#include "service/match/large_private.h"
#include "service/match/row.h"

enum {
	EXCHANGES_MAX = 16,   /* in one trial */
	EXCHANGED_MAX = 64,   /* joiners looked at for one of them */
	NEIGHBOURS_MAX = 8,   /* who could come instead, looked at for one joiner */
	FEW_MAX = 24,	      /* who could join, tried out one by one */
	FEW_LINEUPS_MAX = 4096,
	NOBODY = -1,
};

struct filling {
	struct large_round *large;
	struct row row; /* places among the sorted of who could still join */
	const struct pool_running *running;
	uint16_t own_level;
	double latencies[MATCH_REGIONS_MAX]; /* of those who play, summed up */
	double best_apart;
	/* One trial */
	uint16_t level_index;
	struct match_level level; /* whose bounds hold exactly */
	unsigned region; /* MATCH_REGIONS_MAX: no rule asks for one */
	double apart_before;
	struct lineup alone; /* without joiners, as are: */
	struct balance alone_balance;
	struct screen_state alone_state;
	struct balance balance;
	struct screen_state state;
	uint64_t closed; /* teams for which nobody was found; bits */
	uint16_t good_count; /* so many of the joiners made a match that may be */
	/* Trying out */
	uint32_t few_count, few[FEW_MAX], few_lineups;
};

struct filling *ringcast_filling_create(struct large_round *large)
{
	struct filling *filling = calloc(1, sizeof(*filling));
	if (filling != NULL && !ringcast_row_init(&filling->row, large->count)) {
		free(filling);
		return NULL;
	}
	if (filling != NULL)
		filling->large = large;
	return filling;
}

void ringcast_filling_destroy(struct filling **filling)
{
	if (*filling != NULL)
		ringcast_row_fini(&(*filling)->row);
	free(*filling);
	*filling = NULL;
}

static struct lineup *lineup_of(struct filling *filling)
{
	return &filling->large->lineup;
}

static uint16_t joiner_count(const struct filling *filling)
{
	return (uint16_t)(filling->large->lineup.count - filling->running->count);
}

static double value_at(const struct filling *filling, uint32_t place)
{
	return ringcast_balance_value(&filling->balance, filling->large->sorted[place]->ticket);
}

static uint32_t open_in(const struct filling *filling, uint16_t team)
{
	uint32_t have = filling->large->lineup.team_players[team], most = filling->level.sizes[team].players_max;
	return most > have ? most - have : 0;
}

static bool is_own_clock(const struct filling *filling)
{
	return filling->level_index == filling->own_level;
}

/* Good lineups */

static bool has_enough(const struct filling *filling)
{
	for (uint16_t team = 0; team < filling->balance.team_count; team++)
		if (filling->large->lineup.team_players[team] < filling->level.sizes[team].players_min)
			return false;
	return true;
}

static bool is_even(const struct filling *filling)
{
	const struct lineup *lineup = &filling->large->lineup;
	double most = fmax(filling->apart_before, ringcast_balance_one_player(&filling->balance, lineup));
	return ringcast_balance_apart(&filling->balance, lineup) <= most * (1 + 1e-9);
}

static bool is_good(const struct filling *filling)
{
	return joiner_count(filling) > 0 && has_enough(filling) && is_even(filling);
}

static void keep_if_better(struct filling *filling)
{
	struct large_round *large = filling->large;
	uint16_t rule, count = joiner_count(filling), first = filling->running->count;
	double apart = ringcast_balance_apart(&filling->balance, &large->lineup);
	if (large->lineup.player_count < large->best_players || (large->lineup.player_count == large->best_players && !(apart < filling->best_apart)))
		return;
	large->pool->counts.searches++;
	ringcast_large_spend(large, (uint64_t)large->lineup.count * (large->pool->rule_set->rule_count + 1u));
	if (!ringcast_judge_all(large->pool->judge, &large->lineup, large->now_ns, &rule))
		return;
	filling->best_apart = apart;
	large->best_players = large->lineup.player_count;
	large->best_count = count;
	memcpy(large->best_members, large->members, count * sizeof(*large->members));
	memcpy(large->best_teams, large->lineup.teams + first, count);
}

/* Who could join */

static bool suits_region(const struct filling *filling, const struct match_ticket *ticket)
{
	const struct match_rule_set *rule_set = filling->large->pool->rule_set;
	if (filling->region == MATCH_REGIONS_MAX)
		return true;
	if ((ticket->regions >> filling->region & 1) == 0)
		return false;
	for (uint16_t i = 0; i < rule_set->rule_count; i++)
		if (rule_set->rules[i].type == MATCH_LATENCY &&
		    ringcast_match_latency(ticket, filling->region, rule_set->rules[i].aggregation) > filling->level.exact[i].latency_max)
			return false;
	return true;
}

static bool has_waited(const struct filling *filling, const struct pool_entry *entry, uint16_t level)
{
	const struct match_rule_set *rule_set = filling->large->pool->rule_set;
	return level < rule_set->level_count && ringcast_large_age_ns(filling->large, entry) >= rule_set->levels[level].wait_ns;
}

/* Whether the clock can stand at this level with the ticket in the match. */
static bool allows_clock(const struct filling *filling, const struct pool_entry *entry)
{
	if (filling->large->pool->rule_set->clock_is_oldest)
		return !has_waited(filling, entry, (uint16_t)(filling->level_index + 1));
	return has_waited(filling, entry, filling->level_index);
}

static bool sets_clock(const struct filling *filling, const struct pool_entry *entry)
{
	return has_waited(filling, entry, filling->level_index) && !has_waited(filling, entry, (uint16_t)(filling->level_index + 1));
}

/* Whether the rules let it join those who are in the lineup now; if not, they do not later either. */
static bool may_join(const struct filling *filling, const struct pool_entry *entry)
{
	struct screen_state state = filling->state;
	return entry->state == MATCH_IS_SEARCHING && allows_clock(filling, entry) && suits_region(filling, entry->ticket) &&
	       ringcast_screen_add(&filling->large->screen, &state, entry->ticket, &filling->level);
}

static uint32_t place_of(const struct filling *filling, double value)
{
	uint32_t from = 0, to = filling->large->count;
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		if (value_at(filling, middle) < value)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

struct wish {
	double value;
	uint32_t players_min, players_max;
	bool sets_clock;
	uint32_t look_max; /* at so many who may join, at most */
};

/* The place of the one nearest to the value who may join; NOBODY. Those who may not are passed over from now on. */
static int64_t find_nearest(struct filling *filling, const struct wish *wish)
{
	struct large_round *large = filling->large;
	uint32_t from = place_of(filling, wish->value), above = ringcast_row_above(&filling->row, from), below = ringcast_row_below(&filling->row, from);
	for (uint32_t looked = 0; looked < wish->look_max && (below > 0 || above < large->count) && ringcast_large_spend(large, 1);) {
		bool goes_below = above == large->count || (below > 0 && wish->value - value_at(filling, below - 1) <= value_at(filling, above) - wish->value);
		uint32_t place = goes_below ? below - 1 : above;
		const struct pool_entry *entry = large->sorted[place];
		if (!may_join(filling, entry))
			ringcast_row_leave(&filling->row, place);
		else if (entry->ticket->player_count >= wish->players_min && entry->ticket->player_count <= wish->players_max &&
			 (!wish->sets_clock || sets_clock(filling, entry)))
			return place;
		else
			looked++;
		if (goes_below)
			below = ringcast_row_below(&filling->row, place);
		else
			above = ringcast_row_above(&filling->row, place + 1);
	}
	return NOBODY;
}

static void join(struct filling *filling, uint32_t place, uint16_t team)
{
	struct large_round *large = filling->large;
	struct pool_entry *entry = large->sorted[place];
	bool fits = ringcast_screen_add(&large->screen, &filling->state, entry->ticket, &filling->level);
	ringcast_assert(fits);
	large->members[joiner_count(filling)] = entry;
	ringcast_lineup_add(&large->lineup, entry->ticket, (uint8_t)team);
	ringcast_balance_add(&filling->balance, entry->ticket, team);
}

/* Picking */

static void start_alone(struct filling *filling)
{
	*lineup_of(filling) = filling->alone;
	filling->balance = filling->alone_balance;
	filling->state = filling->alone_state;
	filling->closed = 0;
	ringcast_row_begin(&filling->row, filling->large->count);
}

/* Where the teams could meet: between those that nobody joins any more, else where all who play are on average. */
static double middle_of(const struct filling *filling)
{
	const struct lineup *lineup = &filling->large->lineup;
	double sum = 0, least = INFINITY, most = -INFINITY;
	for (uint16_t team = 0; team < filling->balance.team_count; team++) {
		double average = ringcast_balance_average(&filling->balance, lineup, team);
		sum += filling->balance.sums[team];
		if (open_in(filling, team) > 0 && (filling->closed >> team & 1) == 0)
			continue;
		least = fmin(least, average);
		most = fmax(most, average);
	}
	return most >= least ? (least + most) / 2 : sum / lineup->player_count;
}

/* Not beyond the values of those who play: the teams shall be even, and the players alike. */
static double within_those_who_play(const struct filling *filling, double value)
{
	return fmin(fmax(value, filling->alone_balance.least), filling->alone_balance.most);
}

/* What each of those whom the team lacks would need to have, for it to come to the middle. */
static double wanted_in(const struct filling *filling, uint16_t team)
{
	double have = filling->large->lineup.team_players[team], open = open_in(filling, team);
	return within_those_who_play(filling, (middle_of(filling) * (have + open) - filling->balance.sums[team]) / open);
}

/* Up to so many joiners. */
static void pick(struct filling *filling, uint16_t joiners_max)
{
	struct large_round *large = filling->large;
	uint16_t team, count = filling->balance.team_count;
	start_alone(filling);
	filling->good_count = 0;
	while (joiner_count(filling) < joiners_max && ringcast_large_may_look(large) &&
	       (team = ringcast_large_choose_team(&large->lineup, &filling->balance, &filling->level, 1, filling->closed)) < count) {
		struct wish wish = {.value = wanted_in(filling, team), .players_min = 1, .players_max = open_in(filling, team), .look_max = UINT32_MAX,
				    .sets_clock = joiner_count(filling) == 0 && !is_own_clock(filling)};
		int64_t place = find_nearest(filling, &wish);
		if (place == NOBODY) {
			filling->closed |= UINT64_C(1) << team;
			continue;
		}
		ringcast_row_leave(&filling->row, (uint32_t)place);
		join(filling, (uint32_t)place, team);
		if (is_good(filling))
			filling->good_count = joiner_count(filling);
	}
}

/* Exchanging */

/* False: no two teams have averages that can be compared. */
static bool find_outermost(const struct filling *filling, uint16_t *ret_high, uint16_t *ret_low)
{
	uint16_t count = filling->balance.team_count, high = count, low = count;
	double least = INFINITY, most = -INFINITY;
	for (uint16_t team = 0; team < count; team++) {
		double average = ringcast_balance_average(&filling->balance, &filling->large->lineup, team);
		high = average > most ? team : high;
		low = average < least ? team : low;
		most = fmax(most, average);
		least = fmin(least, average);
	}
	*ret_high = high;
	*ret_low = low;
	return high != low && high < count && low < count;
}

struct exchange {
	uint16_t joiner; /* in the lineup */
	int64_t place; /* who comes instead; NOBODY */
	double apart;
};

/* How far the teams are apart if somebody with this value were in the joiner's place. */
static double apart_with(struct filling *filling, uint16_t joiner, double value)
{
	const struct lineup *lineup = lineup_of(filling);
	double *sum = &filling->balance.sums[lineup->teams[joiner]], kept = *sum;
	*sum += (value - ringcast_balance_value(&filling->balance, lineup->tickets[joiner])) * lineup->tickets[joiner]->player_count;
	double apart = ringcast_balance_apart(&filling->balance, lineup);
	*sum = kept;
	return apart;
}

/* Who instead of this joiner would bring his team nearest to the middle of the outermost. */
static void find_instead(struct filling *filling, uint16_t joiner, double middle, bool is_any, struct exchange *best)
{
	const struct lineup *lineup = lineup_of(filling);
	uint16_t team = lineup->teams[joiner];
	uint32_t players = lineup->tickets[joiner]->player_count;
	double moved = (middle - ringcast_balance_average(&filling->balance, lineup, team)) * lineup->team_players[team] / players;
	double wanted = ringcast_balance_value(&filling->balance, lineup->tickets[joiner]) + moved;
	struct wish wish = {.value = is_any ? wanted : within_those_who_play(filling, wanted), .players_min = players, .players_max = players, .look_max = NEIGHBOURS_MAX};
	int64_t place = find_nearest(filling, &wish);
	ringcast_large_spend(filling->large, filling->balance.team_count);
	double apart = place == NOBODY ? INFINITY : apart_with(filling, joiner, value_at(filling, (uint32_t)place));
	if (apart < best->apart * (1 - 1e-9))
		*best = (struct exchange){.joiner = joiner, .place = place, .apart = apart};
}

/* What was read from the joiner who goes stays in the state: it only lets fewer come. */
static void carry_out(struct filling *filling, const struct exchange *exchange)
{
	struct lineup *lineup = lineup_of(filling);
	struct pool_entry *entry = filling->large->sorted[exchange->place];
	const struct match_ticket *gone = lineup->tickets[exchange->joiner];
	bool fits = ringcast_screen_add(&filling->large->screen, &filling->state, entry->ticket, &filling->level);
	ringcast_assert(fits);
	ringcast_row_leave(&filling->row, (uint32_t)exchange->place);
	double value = ringcast_balance_value(&filling->balance, entry->ticket);
	filling->balance.sums[lineup->teams[exchange->joiner]] += (value - ringcast_balance_value(&filling->balance, gone)) * gone->player_count;
	lineup->tickets[exchange->joiner] = entry->ticket;
	filling->large->members[exchange->joiner - filling->running->count] = entry;
}

/* Joiners of the outermost teams for others who wait. Who sets the clock stays. */
static void exchange_some(struct filling *filling, bool is_any)
{
	struct lineup *lineup = lineup_of(filling);
	uint16_t first = (uint16_t)(filling->running->count + !is_own_clock(filling)), high, low;
	for (unsigned turn = 0; turn < EXCHANGES_MAX && ringcast_large_may_look(filling->large); turn++) {
		struct exchange best = {.place = NOBODY, .apart = ringcast_balance_apart(&filling->balance, lineup)};
		if (!find_outermost(filling, &high, &low))
			return;
		double middle = (ringcast_balance_average(&filling->balance, lineup, high) + ringcast_balance_average(&filling->balance, lineup, low)) / 2;
		for (uint16_t i = first; i < lineup->count && i - first < EXCHANGED_MAX; i++)
			if (lineup->teams[i] == high || lineup->teams[i] == low)
				find_instead(filling, i, middle, is_any, &best);
		if (best.place == NOBODY)
			return;
		carry_out(filling, &best);
	}
}

/* What adding up as they came does not know any more. */
static void read_anew(struct filling *filling)
{
	struct lineup *lineup = lineup_of(filling);
	ringcast_balance_of(&filling->balance, filling->large->pool->rule_set, lineup);
	lineup->newest_ns = filling->alone.newest_ns;
	lineup->oldest_ns = filling->alone.oldest_ns;
	for (uint16_t i = filling->running->count; i < lineup->count; i++) {
		uint64_t created_ns = lineup->tickets[i]->created_ns;
		lineup->newest_ns = created_ns > lineup->newest_ns ? created_ns : lineup->newest_ns;
		lineup->oldest_ns = created_ns < lineup->oldest_ns ? created_ns : lineup->oldest_ns;
	}
}

static void even_out(struct filling *filling)
{
	ringcast_balance_even_out(&filling->balance, lineup_of(filling), filling->running->count);
	exchange_some(filling, false);
	read_anew(filling);
	if (is_even(filling))
		return;
	exchange_some(filling, true);
	read_anew(filling);
}

/* False: nobody may join, in whatever team. */
static bool try_picking(struct filling *filling)
{
	pick(filling, UINT16_MAX);
	uint16_t good_count = filling->good_count;
	if (joiner_count(filling) == 0)
		return false;
	even_out(filling);
	if (!is_good(filling) && good_count > 0)
		pick(filling, good_count);
	if (is_good(filling))
		keep_if_better(filling);
	return true;
}

/* Trying out */

/* How many players the teams lack, at least and at most. */
static void measure(const struct filling *filling, uint32_t *ret_need, uint32_t *ret_open)
{
	*ret_need = *ret_open = 0;
	for (uint16_t team = 0; team < filling->balance.team_count; team++) {
		uint32_t have = filling->large->lineup.team_players[team], least = filling->level.sizes[team].players_min;
		*ret_need += least > have ? least - have : 0;
		*ret_open += open_in(filling, team);
	}
}

/* What a lineup was before somebody joined it. */
struct mark {
	struct balance balance;
	struct screen_state state;
	uint64_t newest_ns, oldest_ns;
};

static struct mark mark_of(struct filling *filling)
{
	const struct lineup *lineup = lineup_of(filling);
	return (struct mark){.balance = filling->balance, .state = filling->state, .newest_ns = lineup->newest_ns, .oldest_ns = lineup->oldest_ns};
}

static void take_back(struct filling *filling, const struct mark *mark)
{
	ringcast_lineup_remove_last(lineup_of(filling), mark->newest_ns, mark->oldest_ns);
	filling->balance = mark->balance;
	filling->state = mark->state;
}

/* False: there is no room, or it has been tried often enough. */
static bool join_if_open(struct filling *filling, uint32_t place, uint16_t team)
{
	if (open_in(filling, team) < filling->large->sorted[place]->ticket->player_count || filling->few_lineups == 0 ||
	    !ringcast_large_spend(filling->large, 1u + filling->balance.team_count))
		return false;
	filling->few_lineups--;
	join(filling, place, team);
	return true;
}

/* Into the first team in which the match is good with it. */
static void add_if_good(struct filling *filling, uint32_t place)
{
	const struct mark mark = mark_of(filling);
	for (uint16_t team = 0; team < filling->balance.team_count; team++) {
		if (!join_if_open(filling, place, team))
			continue;
		if (is_good(filling))
			return;
		take_back(filling, &mark);
	}
}

/* One of the few after the other, so that nobody is left of them who could join alone. */
static void try_adding(struct filling *filling)
{
	for (uint32_t i = 0; i < filling->few_count; i++)
		if (may_join(filling, filling->large->sorted[filling->few[i]]))
			add_if_good(filling, filling->few[i]);
	if (is_good(filling))
		keep_if_better(filling);
	start_alone(filling);
}

/* One of the few from here on in each team that has room, and all that follows from there. */
static void try_few(struct filling *filling, uint32_t from, uint32_t left)
{
	const struct mark mark = mark_of(filling);
	uint32_t need, open, players = lineup_of(filling)->player_count;
	if (is_good(filling))
		keep_if_better(filling);
	measure(filling, &need, &open);
	for (uint32_t i = from; i < filling->few_count && need <= left && players + (left < open ? left : open) >= filling->large->best_players; i++) {
		const struct pool_entry *entry = filling->large->sorted[filling->few[i]];
		left -= entry->ticket->player_count;
		bool is_welcome = may_join(filling, entry);
		for (uint16_t team = 0; is_welcome && team < filling->balance.team_count; team++) {
			if (!join_if_open(filling, filling->few[i], team))
				continue;
			try_few(filling, i + 1, left);
			take_back(filling, &mark);
		}
	}
}

/* What one who joins this team alone would need to have, for it to come to the middle. */
static double wanted_alone(const struct filling *filling, uint16_t team)
{
	return middle_of(filling) * (filling->large->lineup.team_players[team] + 1) - filling->balance.sums[team];
}

/* The nearest to those who play, and every other time to what one of the teams would need. */
static uint32_t gather_few(struct filling *filling, uint32_t open)
{
	uint16_t team_count = filling->balance.team_count;
	uint32_t players = 0;
	struct wish wish = {.players_min = 1, .players_max = open, .look_max = UINT32_MAX};
	filling->few_count = 0;
	for (uint32_t turn = 0; filling->few_count < FEW_MAX; turn++) {
		uint16_t team = (uint16_t)(turn / 2 % team_count);
		bool is_for_team = turn % 2 == 1 && open_in(filling, team) > 0;
		wish.value = is_for_team ? wanted_alone(filling, team) : middle_of(filling);
		int64_t place = find_nearest(filling, &wish);
		if (place == NOBODY)
			break;
		ringcast_row_leave(&filling->row, (uint32_t)place);
		filling->few[filling->few_count++] = (uint32_t)place;
		players += filling->large->sorted[place]->ticket->player_count;
	}
	return players;
}

static void try_out(struct filling *filling)
{
	uint32_t need, open;
	start_alone(filling);
	measure(filling, &need, &open);
	uint32_t left = gather_few(filling, open);
	filling->few_lineups = FEW_LINEUPS_MAX;
	if (filling->large->best_players >= filling->running->count + (left < open ? left : open))
		return;
	try_adding(filling);
	try_few(filling, 0, left);
}

/* Trials */

static bool is_full(const struct filling *filling)
{
	uint32_t need, open;
	measure(filling, &need, &open);
	return filling->large->best_players >= filling->running->count + open;
}

/* The players who are there, under this level's bounds. False: they break them, or nobody may join. */
static bool begin_level(struct filling *filling, uint16_t level)
{
	struct large_round *large = filling->large;
	const struct pool_running *running = filling->running;
	filling->level_index = level;
	filling->level = large->pool->rule_set->levels[level];
	filling->level.loosest = filling->level.exact;
	*lineup_of(filling) = (struct lineup){.capacity = large->lineup.capacity, .tickets = large->lineup.tickets, .teams = large->lineup.teams, .oldest_ns = UINT64_MAX};
	ringcast_balance_start(&filling->balance, large->pool->rule_set);
	ringcast_screen_start(&large->screen, &filling->state);
	for (uint16_t i = 0; i < running->count; i++) {
		if (!ringcast_large_spend(large, 1) || !ringcast_screen_add(&large->screen, &filling->state, running->parts[i], &filling->level))
			return false;
		ringcast_lineup_add(lineup_of(filling), running->parts[i], running->teams[i]);
		ringcast_balance_add(&filling->balance, running->parts[i], running->teams[i]);
	}
	for (uint16_t team = 0; team < filling->balance.team_count; team++)
		if (large->lineup.team_players[team] > filling->level.sizes[team].players_max)
			return false;
	filling->alone = large->lineup;
	filling->alone_balance = filling->balance;
	filling->alone_state = filling->state;
	filling->apart_before = ringcast_balance_apart(&filling->balance, lineup_of(filling));
	return true;
}

static void try_region(struct filling *filling, unsigned region)
{
	filling->region = region;
	bool may_any_join = try_picking(filling);
	*lineup_of(filling) = filling->alone;
	if (may_any_join && !is_full(filling))
		try_out(filling);
	*lineup_of(filling) = filling->alone;
}

static uint64_t common_regions(struct filling *filling)
{
	uint64_t regions = UINT64_MAX;
	for (uint16_t i = 0; i < filling->running->count && regions != 0; i++)
		regions &= ringcast_large_regions(filling->large, filling->running->parts[i], &filling->level);
	return regions;
}

static void try_level(struct filling *filling, uint16_t level)
{
	bool is_fastest = filling->large->pool->rule_set->levels[level].batching == MATCH_FASTEST_REGION;
	if (!begin_level(filling, level))
		return;
	if (filling->large->pool->rule_set->latency_rule_count == 0) {
		try_region(filling, MATCH_REGIONS_MAX);
		return;
	}
	for (uint64_t left = common_regions(filling); left != 0 && ringcast_large_may_look(filling->large);) {
		unsigned best = (unsigned)__builtin_ctzll(left);
		for (uint64_t bits = left; bits != 0; bits &= bits - 1) {
			unsigned region = (unsigned)__builtin_ctzll(bits);
			best = filling->latencies[region] < filling->latencies[best] ? region : best;
		}
		left &= ~(UINT64_C(1) << best);
		try_region(filling, best);
		if (is_full(filling) || (is_fastest && filling->large->best_count > 0))
			return;
	}
}

static void sum_latencies(struct filling *filling)
{
	memset(filling->latencies, 0, sizeof(filling->latencies));
	for (uint16_t i = 0; i < filling->running->count; i++) {
		const struct match_ticket *part = filling->running->parts[i];
		ringcast_large_spend(filling->large, (uint64_t)__builtin_popcountll(part->regions));
		for (uint64_t bits = part->regions; bits != 0; bits &= bits - 1)
			filling->latencies[__builtin_ctzll(bits)] += ringcast_match_latency(part, (unsigned)__builtin_ctzll(bits), MATCH_AVERAGE);
	}
}

bool ringcast_filling_run(struct filling *filling, struct pool_entry *running)
{
	struct large_round *large = filling->large;
	const struct match_rule_set *rule_set = large->pool->rule_set;
	filling->running = running->running;
	filling->own_level = ringcast_match_level_at(rule_set, ringcast_large_age_ns(large, running));
	filling->best_apart = INFINITY;
	large->best_count = 0;
	large->best_players = filling->running->count;
	uint16_t from = rule_set->clock_is_oldest ? filling->own_level : 0, to = rule_set->clock_is_oldest ? (uint16_t)(rule_set->level_count - 1) : filling->own_level;
	sum_latencies(filling);
	for (uint16_t level = from; level <= to && large->best_players < rule_set->players_max && ringcast_large_may_look(large); level++)
		if (level == filling->own_level || large->level_tickets[level] > 0)
			try_level(filling, level);
	return large->best_count > 0 && ringcast_pool_make(large->pool, large->best_members, large->best_teams, large->best_count, running);
}
