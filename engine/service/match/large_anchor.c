/*
 * New large matches: the region that suits most (or the anchor best), those nearest to the anchor in the balanced attribute, teams filled by need and then
 * evened out.
 *
 * An expansion's clock depends on who joins. So each level that the anchor has reached is tried with those who have reached it too, from the strictest
 * with everybody to the loosest with the oldest, and the fullest match is taken. The judge has the last word on it.
 */
#include "base/assert.h"
#include "service/match/large_private.h"

enum { NEIGHBOURS = 8 };

static bool is_eligible(const struct large_round *large, const struct pool_entry *entry)
{
	const struct match_rule_set *rule_set = large->pool->rule_set;
	uint64_t wait_ns = rule_set->levels[large->level_index].wait_ns;
	return entry->state == MATCH_IS_SEARCHING && (rule_set->clock_is_oldest || ringcast_large_age_ns(large, entry) >= wait_ns);
}

/* Regions */

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
		large->regions[i] = ringcast_large_spend(large, 1) && is_eligible(large, entry) ? ringcast_large_regions(large, entry->ticket, large->level) : 0;
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
		if ((good >> region & 1) != 0 && ringcast_large_spend(large, (uint64_t)__builtin_popcountll(good)))
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

static void take(struct large_round *large, struct pool_entry *entry)
{
	struct screen_state state = large->state;
	uint16_t team = ringcast_large_choose_team(&large->lineup, &large->balance, large->level, entry->ticket->player_count, 0);
	if (team == large->pool->rule_set->team_count || !ringcast_screen_add(&large->screen, &state, entry->ticket, large->level))
		return;
	large->state = state;
	large->members[large->lineup.count] = entry;
	ringcast_balance_add(&large->balance, entry->ticket, team);
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
	if (!ringcast_large_spend(large, 1))
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
	double value = ringcast_balance_value(&large->balance, large->sorted[anchor_at]->ticket);
	ringcast_balance_start(&large->balance, large->pool->rule_set);
	memset(large->lineup.team_players, 0, sizeof(large->lineup.team_players));
	large->lineup.count = large->lineup.player_count = 0;
	large->lineup.newest_ns = 0;
	large->lineup.oldest_ns = UINT64_MAX;
	ringcast_screen_start(&large->screen, &large->state);
	take(large, large->sorted[anchor_at]);
	while ((below > large->from || above < large->to) && !is_full(large) && ringcast_large_may_look(large)) {
		bool goes_below = above == large->to || (below > large->from && value - ringcast_balance_value(&large->balance, large->sorted[below - 1]->ticket) <=
										  ringcast_balance_value(&large->balance, large->sorted[above]->ticket) - value);
		uint32_t at = goes_below ? --below : above++;
		if (is_wanted(large, at, region, rank_max))
			take(large, large->sorted[at]);
	}
}

/* Trials */

static void keep_if_better(struct large_round *large)
{
	uint16_t rule;
	large->pool->counts.searches++;
	if (large->lineup.player_count <= large->best_players || !ringcast_judge_all(large->pool->judge, &large->lineup, large->now_ns, &rule))
		return;
	ringcast_balance_even_out(&large->balance, &large->lineup, 0);
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
	uint64_t left = ringcast_large_regions(large, anchor, large->level);
	count_players(large, left, &choice);
	while (left != 0 && large->best_players < large->pool->rule_set->players_max && ringcast_large_may_look(large)) {
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
	uint16_t own = ringcast_match_level_at(rule_set, ringcast_large_age_ns(large, anchor));
	large->best_players = large->best_count = 0;
	for (uint16_t level = rule_set->clock_is_oldest ? own : 0; level <= own && large->best_players < rule_set->players_max && ringcast_large_may_look(large); level++)
		try_level(large, anchor_at, level);
	return large->best_count > 0;
}

/* Among its neighbours first: those far away would not be taken anyway, and a round must not look at everybody for each match. */
bool ringcast_large_run_anchor(struct large_round *large, uint32_t anchor_at)
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
