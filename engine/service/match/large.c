/*
 * The balanced algorithm, for matches of up to 5 000: an anchor, the region that suits most (or the anchor best), those nearest to the anchor in the
 * balanced attribute, teams filled by need and then evened out.
 *
 * An expansion's clock depends on who joins. So each level that the anchor has reached is tried with those who have reached it too, from the strictest
 * with everybody to the loosest with the oldest, and the fullest match is taken. The judge has the last word on it.
 */
#include <math.h>
#include <stdlib.h>

#include "base/assert.h"
#include "service/match/pool_private.h"
#include "service/match/screen.h"

enum { FAILURES_MAX = 64, EVENING_MAX = 64, NEIGHBOURS = 8, LOOKS_PER_STEP = 16 };

struct large_round {
	struct match_pool *pool;
	uint64_t now_ns;
	struct screen screen;
	struct pool_entry **sorted; /* by the balanced attribute */
	uint32_t count, gone_count; /* gone: matched since the array was made */
	uint32_t from, to; /* what of it is looked at for one anchor */
	uint64_t *regions; /* by place in sorted: where the ticket may play at the level of the trial; 0 for whom is not eligible */
	uint64_t looks_left, looks; /* the round's effort: tickets looked at, and latencies compared */
	uint64_t first; /* where those who wait are gone through from */
	uint32_t anchor, failures; /* how far */
	/* One trial */
	const struct match_level *level;
	uint16_t level_index;
	struct screen_state state;
	struct lineup lineup; /* of the trial */
	struct pool_entry **members;
	struct pool_entry **best_members;
	uint8_t *best_teams;
	uint32_t best_count, best_players;
	double sums[MATCH_TEAMS_MAX]; /* of the attribute, by player */
};

static double value_of(const struct large_round *large, const struct match_ticket *ticket)
{
	return ticket->cells[large->pool->rule_set->balance_column].number;
}

static int by_value(const void *a, const void *b, void *context)
{
	const struct pool_entry *left = *(struct pool_entry *const *)a, *right = *(struct pool_entry *const *)b;
	double x = value_of(context, left->ticket), y = value_of(context, right->ticket);
	if (x != y)
		return x < y ? -1 : 1;
	return left->self < right->self ? -1 : left->self > right->self;
}

static bool is_eligible(const struct large_round *large, const struct pool_entry *entry)
{
	const struct match_rule_set *rule_set = large->pool->rule_set;
	uint64_t age_ns = large->now_ns > entry->created_ns ? large->now_ns - entry->created_ns : 0;
	return entry->state == MATCH_IS_SEARCHING && (rule_set->clock_is_oldest || age_ns >= rule_set->levels[large->level_index].wait_ns);
}

/* Regions */

/* False: the round has looked at as much as it may. */
static bool spend(struct large_round *large, uint64_t looks)
{
	large->looks += looks;
	large->looks_left -= looks < large->looks_left ? looks : large->looks_left;
	return large->looks_left > 0;
}

/* The regions in which the ticket is fast enough for all latency rules. */
static uint64_t regions_of(struct large_round *large, const struct match_ticket *ticket)
{
	const struct match_rule_set *rule_set = large->pool->rule_set;
	uint64_t good = ticket->regions;
	for (uint16_t i = 0; i < rule_set->rule_count; i++) {
		if (rule_set->rules[i].type != MATCH_LATENCY)
			continue;
		spend(large, (uint64_t)__builtin_popcountll(good));
		for (uint64_t bits = good; bits != 0; bits &= bits - 1) {
			unsigned region = (unsigned)__builtin_ctzll(bits);
			if (ringcast_match_latency(ticket, region, rule_set->rules[i].aggregation) > large->level->exact[i].latency_max)
				good &= ~(UINT64_C(1) << region);
		}
	}
	return good;
}

/* How many of the ticket's good regions are faster for it than this one. */
static unsigned rank_of(const struct match_ticket *ticket, uint64_t good, unsigned region)
{
	unsigned rank = 0;
	float latency = ringcast_match_latency(ticket, region, MATCH_AVERAGE);
	for (uint64_t bits = good; bits != 0; bits &= bits - 1)
		rank += ringcast_match_latency(ticket, (unsigned)__builtin_ctzll(bits), MATCH_AVERAGE) < latency;
	return rank;
}

struct region_choice {
	uint32_t players[MATCH_REGIONS_MAX];
	uint32_t players_by_rank[MATCH_REGIONS_MAX]; /* of the chosen region, for the fastest first */
};

/* Where everybody may play at this level, which the rest of the trial reads. */
static void count_players(struct large_round *large, uint64_t wanted, struct region_choice *choice)
{
	memset(choice, 0, sizeof(*choice));
	for (uint32_t i = large->from; i < large->to; i++) {
		const struct pool_entry *entry = large->sorted[i];
		large->regions[i] = spend(large, 1) && is_eligible(large, entry) ? regions_of(large, entry->ticket) : 0;
		for (uint64_t good = large->regions[i] & wanted; good != 0; good &= good - 1)
			choice->players[__builtin_ctzll(good)] += entry->ticket->player_count;
	}
}

/* The next region to try, taken out of *left: where most could play, or where the anchor plays best. */
static unsigned next_region(const struct large_round *large, const struct match_ticket *anchor, const struct region_choice *choice, uint64_t *left)
{
	unsigned best = MATCH_REGIONS_MAX;
	for (uint64_t bits = *left; bits != 0; bits &= bits - 1) {
		unsigned region = (unsigned)__builtin_ctzll(bits);
		bool is_first = best == MATCH_REGIONS_MAX, is_near = !is_first && ringcast_match_latency(anchor, region, MATCH_AVERAGE) <
										       ringcast_match_latency(anchor, best, MATCH_AVERAGE);
		bool is_more = !is_first && choice->players[region] > choice->players[best], is_as_many = !is_first && choice->players[region] == choice->players[best];
		if (is_first || (large->level->batching == MATCH_FASTEST_REGION ? is_near : is_more || (is_as_many && is_near)))
			best = region;
	}
	*left &= ~(UINT64_C(1) << best);
	return best;
}

/* Up to which rank tickets are asked, so that there are players enough: their best region, then their second best. */
static unsigned rank_limit(struct large_round *large, unsigned region, struct region_choice *choice)
{
	uint32_t players = 0, wanted = large->pool->rule_set->players_max;
	memset(choice->players_by_rank, 0, sizeof(choice->players_by_rank));
	for (uint32_t i = large->from; i < large->to; i++) {
		const struct match_ticket *ticket = large->sorted[i]->ticket;
		uint64_t good = large->regions[i];
		if ((good >> region & 1) != 0 && spend(large, (uint64_t)__builtin_popcountll(good)))
			choice->players_by_rank[rank_of(ticket, good, region)] += ticket->player_count;
	}
	for (unsigned rank = 0; rank < MATCH_REGIONS_MAX; rank++) {
		players += choice->players_by_rank[rank];
		if (players >= wanted)
			return rank;
	}
	return MATCH_REGIONS_MAX;
}

/* Teams */

/* Below its minimum first, then most open places, then the weakest; team_count: no team has room. */
static uint16_t choose_team(const struct large_round *large, uint32_t players)
{
	const struct match_team_size *sizes = large->level->sizes;
	uint16_t count = large->pool->rule_set->team_count, best = count;
	for (uint16_t team = 0; team < count; team++) {
		uint32_t have = large->lineup.team_players[team], open = have > sizes[team].players_max ? 0 : sizes[team].players_max - have;
		if (open < players)
			continue;
		if (best == count) {
			best = team;
			continue;
		}
		uint32_t best_have = large->lineup.team_players[best], best_open = sizes[best].players_max - best_have;
		bool needs = have < sizes[team].players_min, best_needs = best_have < sizes[best].players_min;
		if (needs != best_needs ? needs : open != best_open ? open > best_open : large->sums[team] < large->sums[best])
			best = team;
	}
	return best;
}

static void take(struct large_round *large, struct pool_entry *entry)
{
	struct screen_state state = large->state;
	uint16_t team = choose_team(large, entry->ticket->player_count);
	if (team == large->pool->rule_set->team_count || !ringcast_screen_add(&large->screen, &state, entry->ticket, large->level))
		return;
	large->state = state;
	large->members[large->lineup.count] = entry;
	large->sums[team] += value_of(large, entry->ticket) * entry->ticket->player_count;
	ringcast_lineup_add(&large->lineup, entry->ticket, (uint8_t)team);
}

static bool is_full(const struct large_round *large)
{
	for (uint16_t team = 0; team < large->pool->rule_set->team_count; team++)
		if (large->lineup.team_players[team] < large->level->sizes[team].players_max)
			return false;
	return true;
}

static bool is_wanted(struct large_round *large, uint32_t at, unsigned region, unsigned rank_max)
{
	const struct pool_entry *entry = large->sorted[at];
	if (!spend(large, 1))
		return false;
	if (region == MATCH_REGIONS_MAX)
		return is_eligible(large, entry);
	uint64_t good = large->regions[at];
	return (good >> region & 1) != 0 && (rank_max >= MATCH_REGIONS_MAX || rank_of(entry->ticket, good, region) <= rank_max);
}

/* From the anchor outwards, the nearer neighbour first. */
static void fill(struct large_round *large, uint32_t anchor_at, unsigned region, unsigned rank_max)
{
	uint32_t below = anchor_at, above = anchor_at + 1;
	double value = value_of(large, large->sorted[anchor_at]->ticket);
	memset(large->sums, 0, sizeof(large->sums));
	memset(large->lineup.team_players, 0, sizeof(large->lineup.team_players));
	large->lineup.count = large->lineup.player_count = 0;
	large->lineup.newest_ns = 0;
	large->lineup.oldest_ns = UINT64_MAX;
	ringcast_screen_start(&large->screen, &large->state);
	take(large, large->sorted[anchor_at]);
	while ((below > large->from || above < large->to) && !is_full(large) && large->looks_left > 0) {
		bool goes_below = above == large->to || (below > large->from && value - value_of(large, large->sorted[below - 1]->ticket) <=
										  value_of(large, large->sorted[above]->ticket) - value);
		uint32_t at = goes_below ? --below : above++;
		if (is_wanted(large, at, region, rank_max))
			take(large, large->sorted[at]);
	}
}

/* Evening out */

static double average_of(const struct large_round *large, uint16_t team)
{
	return large->lineup.team_players[team] == 0 ? NAN : large->sums[team] / large->lineup.team_players[team];
}

/* The pair of parties of one size whose change of teams brings the two teams' averages closest. False: none brings them closer. */
static bool find_swap(const struct large_round *large, uint16_t high, uint16_t low, uint16_t *ret_a, uint16_t *ret_b)
{
	const struct lineup *lineup = &large->lineup;
	double high_players = lineup->team_players[high], low_players = lineup->team_players[low];
	double apart = average_of(large, high) - average_of(large, low), best = apart;
	double wanted = (large->sums[high] * low_players - large->sums[low] * high_players) / (high_players + low_players);
	uint16_t partner = 0;
	/* Members are in no order of value, but what is wanted of a partner is nearly the same for neighbours: a bounded look is enough. */
	for (uint16_t i = 0; i < lineup->count; i++) {
		if (lineup->teams[i] != high)
			continue;
		double weight = lineup->tickets[i]->player_count, value = value_of(large, lineup->tickets[i]);
		for (uint16_t looked = 0; looked < EVENING_MAX && looked < lineup->count; looked++) {
			partner = (uint16_t)((partner + 1) % lineup->count);
			if (lineup->teams[partner] != low || lineup->tickets[partner]->player_count != lineup->tickets[i]->player_count)
				continue;
			double moved = (value - value_of(large, lineup->tickets[partner])) * weight;
			double left = fabs(apart - moved * (1 / high_players + 1 / low_players));
			if (left < best * (1 - 1e-9) && moved > 0 && moved < 2 * wanted) {
				best = left;
				*ret_a = i;
				*ret_b = partner;
			}
		}
	}
	return best < apart;
}

static void even_out(struct large_round *large)
{
	uint16_t count = large->pool->rule_set->team_count, a = 0, b = 0;
	for (unsigned turn = 0; turn < EVENING_MAX && count > 1; turn++) {
		uint16_t high = 0, low = 0;
		for (uint16_t team = 1; team < count; team++) {
			high = average_of(large, team) > average_of(large, high) || isnan(average_of(large, high)) ? team : high;
			low = average_of(large, team) < average_of(large, low) || isnan(average_of(large, low)) ? team : low;
		}
		if (high == low || !(average_of(large, high) > average_of(large, low)) || !find_swap(large, high, low, &a, &b))
			return;
		double moved = (value_of(large, large->lineup.tickets[a]) - value_of(large, large->lineup.tickets[b])) * large->lineup.tickets[a]->player_count;
		large->sums[high] -= moved;
		large->sums[low] += moved;
		large->lineup.teams[a] = (uint8_t)low;
		large->lineup.teams[b] = (uint8_t)high;
	}
}

/* Trials */

static void keep_if_better(struct large_round *large)
{
	uint16_t rule;
	large->pool->counts.searches++;
	if (large->lineup.player_count <= large->best_players || !ringcast_judge_all(large->pool->judge, &large->lineup, large->now_ns, &rule))
		return;
	even_out(large);
	large->best_players = large->lineup.player_count;
	large->best_count = large->lineup.count;
	memcpy(large->best_members, large->members, large->lineup.count * sizeof(*large->members));
	memcpy(large->best_teams, large->lineup.teams, large->lineup.count);
}

static uint32_t players_needed(const struct large_round *large)
{
	uint32_t needed = 0;
	for (uint16_t team = 0; team < large->pool->rule_set->team_count; team++)
		needed += large->level->sizes[team].players_min;
	return needed;
}

static void try_level(struct large_round *large, uint32_t anchor_at, uint16_t level)
{
	struct region_choice choice;
	const struct match_ticket *anchor = large->sorted[anchor_at]->ticket;
	large->level_index = level;
	large->level = &large->pool->rule_set->levels[level];
	if (large->pool->rule_set->latency_rule_count == 0) {
		fill(large, anchor_at, MATCH_REGIONS_MAX, MATCH_REGIONS_MAX);
		keep_if_better(large);
		return;
	}
	uint64_t left = regions_of(large, anchor);
	count_players(large, left, &choice);
	while (left != 0 && large->best_players < large->pool->rule_set->players_max && large->looks_left > 0) {
		unsigned region = next_region(large, anchor, &choice, &left);
		if (choice.players[region] < players_needed(large) || choice.players[region] <= large->best_players)
			continue;
		bool is_fastest = large->level->batching == MATCH_FASTEST_REGION;
		fill(large, anchor_at, region, is_fastest ? rank_limit(large, region, &choice) : MATCH_REGIONS_MAX);
		keep_if_better(large);
		if (is_fastest && large->best_players > 0)
			return; /* a faster region is worth more than a fuller match */
	}
}

static bool try_levels(struct large_round *large, uint32_t anchor_at)
{
	const struct match_rule_set *rule_set = large->pool->rule_set;
	struct pool_entry *anchor = large->sorted[anchor_at];
	uint64_t age_ns = large->now_ns > anchor->created_ns ? large->now_ns - anchor->created_ns : 0;
	uint16_t own = ringcast_match_level_at(rule_set, age_ns);
	large->best_players = large->best_count = 0;
	for (uint16_t level = rule_set->clock_is_oldest ? own : 0; level <= own && large->best_players < rule_set->players_max && large->looks_left > 0; level++)
		try_level(large, anchor_at, level);
	return large->best_count > 0;
}

/* Among its neighbours first: those far away would not be taken anyway, and a round must not look at everybody for each match. */
static bool run_anchor(struct large_round *large, uint32_t anchor_at)
{
	uint32_t reach = NEIGHBOURS * large->pool->rule_set->players_max;
	large->from = anchor_at > reach ? anchor_at - reach : 0;
	large->to = large->count - anchor_at > reach ? anchor_at + reach : large->count;
	bool is_all = large->from == 0 && large->to == large->count, is_found = try_levels(large, anchor_at);
	if (!is_found && !is_all) {
		large->from = 0;
		large->to = large->count;
		is_found = try_levels(large, anchor_at);
	}
	return is_found && ringcast_pool_make(large->pool, large->best_members, large->best_teams, large->best_count, NULL);
}

/*
 * Where a ticket stands among the sorted: found by its value, then by its handle. False: it has left them, matched, and come back since, because others did
 * not agree; the next round has it again.
 */
static bool find_sorted(struct large_round *large, struct pool_entry *entry, uint32_t *ret_at)
{
	uint32_t from = 0, to = large->count;
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		if (by_value(&large->sorted[middle], &entry, large) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	*ret_at = from;
	return from < large->count && large->sorted[from] == entry;
}

/* Matched tickets leave the sorted array now and then, so that a walk through it does not pass over ever more of them. */
static void compact(struct large_round *large)
{
	uint32_t kept = 0;
	large->gone_count += large->best_count;
	if (large->gone_count < large->count / 4)
		return;
	large->gone_count = 0;
	for (uint32_t i = 0; i < large->count; i++)
		if (large->sorted[i]->state == MATCH_IS_SEARCHING)
			large->sorted[kept++] = large->sorted[i];
	large->count = kept;
}

/* The oldest first; when many in a row have failed, those behind them get their turn in the next round. True: it is over. */
static bool run(struct large_round *large, uint64_t look_max)
{
	struct match_pool *pool = large->pool;
	uint32_t count = pool->waiting_count;
	uint64_t before = large->looks;
	for (; large->anchor < count && large->failures < FAILURES_MAX && large->looks_left > 0; large->anchor++) {
		struct pool_entry *anchor = pool->waiting[large->anchor == 0 ? 0 : (large->first + large->anchor) % count];
		uint32_t at;
		if (anchor->state != MATCH_IS_SEARCHING || !find_sorted(large, anchor, &at))
			continue;
		if (large->looks - before >= look_max)
			return false;
		pool->gather_at = large->first + large->anchor;
		if (run_anchor(large, at))
			compact(large);
		else
			large->failures++;
	}
	return true;
}

static void note_end(struct large_round *large)
{
	struct match_pool *pool = large->pool;
	pool->counts.steps += large->looks / LOOKS_PER_STEP;
	if (large->looks_left == 0) {
		pool->counts.cut_searches++;
		pool->gather_at++; /* whoever costs a whole round does not cost the next one too */
	} else if (large->failures < FAILURES_MAX) {
		pool->gather_at = 0;
	}
}

void ringcast_pool_large_begin(struct match_pool *pool)
{
	struct large_round *large = calloc(1, sizeof(*large));
	uint32_t players = pool->rule_set->players_max;
	pool->large = large;
	if (large == NULL)
		return;
	large->pool = pool;
	large->now_ns = pool->round_now_ns;
	large->first = pool->gather_at;
	large->sorted = pool->working;
	large->count = pool->waiting_count;
	large->looks_left = LOOKS_PER_STEP * (pool->options.steps_min + pool->options.steps_per_ticket * pool->waiting_count);
	large->regions = calloc(pool->waiting_count > 0 ? pool->waiting_count : 1, sizeof(*large->regions));
	large->lineup.capacity = (uint16_t)players;
	large->lineup.tickets = calloc(players, sizeof(*large->lineup.tickets));
	large->lineup.teams = calloc(players, 1);
	large->members = calloc(players, sizeof(struct pool_entry *));
	large->best_members = calloc(players, sizeof(struct pool_entry *));
	large->best_teams = calloc(players, 1);
	if (large->regions == NULL || large->lineup.tickets == NULL || large->lineup.teams == NULL || large->members == NULL || large->best_members == NULL ||
	    large->best_teams == NULL) {
		ringcast_pool_large_end(pool);
		return;
	}
	ringcast_screen_init(&large->screen, pool->rule_set);
	memcpy(large->sorted, pool->waiting, large->count * sizeof(struct pool_entry *));
	qsort_r(large->sorted, large->count, sizeof(struct pool_entry *), by_value, large);
}

bool ringcast_pool_large_continue(struct match_pool *pool, uint64_t step_max)
{
	bool is_over = run(pool->large, step_max > UINT64_MAX / LOOKS_PER_STEP ? UINT64_MAX : step_max * LOOKS_PER_STEP);
	if (is_over)
		note_end(pool->large);
	return is_over;
}

void ringcast_pool_large_end(struct match_pool *pool)
{
	struct large_round *large = pool->large;
	pool->large = NULL;
	if (large == NULL)
		return;
	free(large->regions);
	free(large->lineup.tickets);
	free(large->lineup.teams);
	free(large->members);
	free(large->best_members);
	free(large->best_teams);
	free(large);
}
