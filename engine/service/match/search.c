#include "service/match/search.h"

#include <math.h>
#include <stdlib.h>

#include "base/assert.h"
#include "service/match/screen.h"

enum { LOOKS_A_STEP = 16, WORK_A_STEP = 32 }; /* looks at a candidate, and work of the judge, that cost as much as a join */

struct search {
	const struct match_rule_set *rule_set;
	struct judge *judge;
	struct screen screen;
	const struct search_task *task;
	struct search_result *best;
	bool has_best;
	uint64_t step_count, step_max;
	uint16_t candidate_count;
	double sort_keys[MATCH_SORTS_MAX][SEARCH_CANDIDATES_MAX]; /* by sort rule and index in the task */
	uint16_t origin[SEARCH_CANDIDATES_MAX]; /* index in the task: those who cannot join the anchor are left out */
	const struct match_ticket *candidates[SEARCH_CANDIDATES_MAX];
	uint64_t teams[SEARCH_CANDIDATES_MAX];	    /* where a candidate could stand */
	uint64_t shared[SCREEN_COMMONS_MAX][SEARCH_CANDIDATES_MAX]; /* texts shared with the first fixed ticket, by rule */
	uint16_t level_max; /* no clock of any lineup of this search stands higher */
	uint16_t pick_count, picks[MATCH_SMALL_PLAYERS_MAX];
	struct small_lineup small;
	/* By the number of tickets in the lineup: its state, and who of the candidates behind the last pick could still join. */
	struct screen_state states[MATCH_SMALL_PLAYERS_MAX + 1];
	uint64_t common[MATCH_SMALL_PLAYERS_MAX + 1][SCREEN_COMMONS_MAX];
	uint16_t joiner_count[MATCH_SMALL_PLAYERS_MAX + 1], joiners[MATCH_SMALL_PLAYERS_MAX + 1][SEARCH_CANDIDATES_MAX];
};

struct search *ringcast_search_create(const struct match_rule_set *rule_set, struct judge *judge)
{
	struct search *search = calloc(1, sizeof(*search));
	if (search == NULL)
		return NULL;
	search->rule_set = rule_set;
	search->judge = judge;
	ringcast_screen_init(&search->screen, rule_set);
	return search;
}

void ringcast_search_destroy(struct search **search)
{
	free(*search);
	*search = NULL;
}

static bool is_spent(const struct search *search)
{
	return search->step_count >= search->step_max;
}

/* The level whose loosest bounds hold for all that may still become of the lineup: those who join can only lower a clock of the newest. */
static const struct match_level *level_of(const struct search *search)
{
	const struct match_rule_set *rule_set = search->rule_set;
	uint16_t level = rule_set->clock_is_oldest ? search->level_max : ringcast_judge_level(rule_set, &search->small.lineup, search->task->now_ns);
	return &rule_set->levels[level];
}

/* What was taken under looser bounds is looked at again when a younger ticket has made them stricter. */
static bool screen_anew(struct search *search, const struct match_level *level)
{
	const struct lineup *lineup = &search->small.lineup;
	struct screen_state *state = &search->states[lineup->count];
	ringcast_screen_start(&search->screen, state);
	for (uint16_t i = 0; i < lineup->count; i++)
		if (!ringcast_screen_add(&search->screen, state, lineup->tickets[i], level))
			return false;
	return true;
}

static bool passes_screens(struct search *search, const struct match_level *before)
{
	const struct match_level *level = level_of(search);
	const struct lineup *lineup = &search->small.lineup;
	struct screen_state *state = &search->states[lineup->count];
	if (level != before && lineup->count > 1) {
		if (!screen_anew(search, level))
			return false;
	} else {
		*state = search->states[lineup->count - 1];
		if (!ringcast_screen_add(&search->screen, state, lineup->tickets[lineup->count - 1], level))
			return false;
	}
	uint64_t work = search->judge->work;
	bool passes = ringcast_screen_judge(&search->screen, search->judge, lineup, level);
	search->step_count += (search->judge->work - work) / WORK_A_STEP;
	return passes;
}

/* Objectives */

/* Players that the teams have room for, and players that they need. */
static void measure_room(const struct search *search, uint32_t *ret_room, uint32_t *ret_need)
{
	const struct match_level *level = level_of(search);
	*ret_room = *ret_need = 0;
	for (uint16_t team = 0; team < search->rule_set->team_count; team++) {
		uint32_t players = search->small.lineup.team_players[team], most = level->loosest_sizes[team].players_max, least = level->loosest_sizes[team].players_min;
		*ret_room += most > players ? most - players : 0;
		*ret_need += least > players ? least - players : 0;
	}
}

/* Whether the best picks from here on are just the next candidates: then none come earlier. */
static bool is_tight(const struct search_result *best, uint16_t at)
{
	for (uint16_t i = at; i < best->pick_count; i++)
		if (best->picks[i] != best->picks[at] + (i - at))
			return false;
	return true;
}

/* Whether picks with candidates from next on can come before the best's, at the same number of players. */
static bool can_come_first(const struct search *search, uint16_t next)
{
	const struct search_result *best = search->best;
	for (uint16_t i = 0; i < search->pick_count; i++) {
		if (i >= best->pick_count || search->picks[i] > best->picks[i])
			return false;
		if (search->picks[i] < best->picks[i])
			return true;
	}
	if (search->pick_count >= best->pick_count || next > best->picks[search->pick_count])
		return false;
	return next < best->picks[search->pick_count] || !is_tight(best, search->pick_count);
}

/* Whether anything better can come of the lineup with candidates from next on, of whom left players could join. */
static bool is_worth_it(const struct search *search, uint16_t next, uint32_t left)
{
	uint32_t room, need;
	measure_room(search, &room, &need);
	if (need > left)
		return false;
	if (!search->has_best)
		return true;
	uint32_t reachable = search->small.lineup.player_count + (room < left ? room : left);
	return reachable > search->best->player_count || (reachable == search->best->player_count && can_come_first(search, next));
}

static bool is_better(const struct search *search)
{
	const struct search_result *best = search->best;
	if (!search->has_best || search->small.lineup.player_count != best->player_count)
		return !search->has_best || search->small.lineup.player_count > best->player_count;
	for (uint16_t i = 0; i < search->pick_count && i < best->pick_count; i++)
		if (search->picks[i] != best->picks[i])
			return search->picks[i] < best->picks[i];
	return false;
}

/* Takes the lineup as the best so far, if it is a match and better. */
static void consider(struct search *search)
{
	struct lineup *lineup = &search->small.lineup;
	uint16_t rule;
	if (search->pick_count == 0 && search->task->fixed_teams != NULL)
		return; /* a running match that nobody joins */
	if (!is_better(search))
		return;
	uint64_t work = search->judge->work;
	bool is_match = ringcast_judge_all(search->judge, lineup, search->task->now_ns, &rule);
	search->step_count += (search->judge->work - work) / WORK_A_STEP + 1;
	if (!is_match)
		return;
	uint64_t better_end = search->step_count + search->task->better_step_max;
	bool is_full = lineup->player_count == search->rule_set->players_max;
	if (is_full && search->task->better_step_max > 0 && better_end < search->step_max && !(search->has_best && search->best->player_count == lineup->player_count))
		search->step_max = better_end;
	search->has_best = true;
	search->best->player_count = lineup->player_count;
	search->best->pick_count = search->pick_count;
	memcpy(search->best->picks, search->picks, sizeof(search->picks));
	memcpy(search->best->teams, search->small.teams + search->task->fixed_count, search->pick_count);
	search->best->anchor_team = search->small.teams[0];
}

/* Teams */

/* An empty team like another empty one that was tried is not tried again. */
static bool is_repeat(const struct search *search, uint16_t team, uint64_t tried)
{
	const struct match_team *teams = search->rule_set->teams;
	for (; tried != 0; tried &= tried - 1) {
		unsigned other = (unsigned)__builtin_ctzll(tried);
		if (teams[other].definition == teams[team].definition && !teams[other].is_named && !teams[team].is_named &&
		    search->small.lineup.team_players[other] == 0 && search->small.lineup.team_players[team] == 0)
			return true;
	}
	return false;
}

/* The team to try next: of those with room, the one with the fewest players. team_count: none is left. */
static uint16_t next_team(const struct search *search, const struct match_ticket *ticket, uint64_t allowed, uint64_t *tried)
{
	const struct match_level *level = level_of(search);
	uint16_t count = search->rule_set->team_count, best;
	do {
		best = count;
		for (uint16_t team = 0; team < count; team++) {
			uint16_t players = search->small.lineup.team_players[team];
			if ((allowed & ~*tried) >> team & 1 && players + ticket->player_count <= level->loosest_sizes[team].players_max &&
			    (best == count || players < search->small.lineup.team_players[best]))
				best = team;
		}
		if (best == count)
			return count;
		bool is_again = is_repeat(search, best, *tried);
		*tried |= UINT64_C(1) << best;
		if (!is_again)
			return best;
	} while (true);
}

/* Walking */

static void extend(struct search *search);

static bool shares_enough(const struct search *search, const uint64_t *common, uint16_t candidate, const struct match_level *level)
{
	for (uint16_t i = 0; i < search->screen.common_count; i++) {
		double least = level->loosest[search->screen.commons[i].rule].min;
		if (least > 0 && __builtin_popcountll(common[i] & search->shared[i][candidate]) < least)
			return false;
	}
	return true;
}

/* Who of these could join the lineup as it is now. */
static void choose_joiners(struct search *search, const uint16_t *from, uint16_t count)
{
	uint16_t at = search->small.lineup.count, kept = 0;
	const struct match_level *level = level_of(search);
	for (uint16_t i = 0; i < count; i++)
		if (ringcast_screen_fits(&search->screen, &search->states[at], search->candidates[from[i]], level) &&
		    shares_enough(search, search->common[at], from[i], level))
			search->joiners[at][kept++] = from[i];
	search->joiner_count[at] = kept;
	search->step_count += count / LOOKS_A_STEP;
}

/* One of the joiners in each team that it could be in, and all that follows from there. */
static void try_joiner(struct search *search, uint16_t index)
{
	struct lineup *lineup = &search->small.lineup;
	uint16_t at = lineup->count, candidate = search->joiners[at][index], team;
	const struct match_ticket *ticket = search->candidates[candidate];
	const struct match_level *before = level_of(search);
	uint64_t tried = 0, newest_ns = lineup->newest_ns, oldest_ns = lineup->oldest_ns;
	while (!is_spent(search) && (team = next_team(search, ticket, search->teams[candidate], &tried)) < search->rule_set->team_count) {
		search->step_count++;
		ringcast_lineup_add(lineup, ticket, (uint8_t)team);
		search->picks[search->pick_count++] = candidate;
		for (uint16_t i = 0; i < search->screen.common_count; i++)
			search->common[at + 1][i] = search->common[at][i] & search->shared[i][candidate];
		if (passes_screens(search, before)) {
			choose_joiners(search, search->joiners[at] + index + 1, (uint16_t)(search->joiner_count[at] - index - 1));
			extend(search);
		}
		search->pick_count--;
		ringcast_lineup_remove_last(lineup, newest_ns, oldest_ns);
	}
}

/* Whether each team that still needs players has enough joiners who could stand in it. */
static bool can_fill_teams(const struct search *search)
{
	const struct match_level *level = level_of(search);
	uint16_t at = search->small.lineup.count;
	for (uint16_t team = 0; team < search->rule_set->team_count; team++) {
		uint32_t have = search->small.lineup.team_players[team], least = level->loosest_sizes[team].players_min;
		for (uint16_t i = 0; i < search->joiner_count[at] && have < least; i++)
			have += search->teams[search->joiners[at][i]] >> team & 1 ? search->candidates[search->joiners[at][i]]->player_count : 0;
		if (have < least)
			return false;
	}
	return true;
}

static void extend(struct search *search)
{
	uint16_t at = search->small.lineup.count;
	uint32_t left = 0;
	if (!can_fill_teams(search))
		return;
	for (uint16_t i = 0; i < search->joiner_count[at]; i++)
		left += search->candidates[search->joiners[at][i]]->player_count;
	for (uint16_t i = 0; i < search->joiner_count[at] && at < search->small.lineup.capacity; i++) {
		if (is_spent(search) || !is_worth_it(search, search->joiners[at][i], left))
			break;
		left -= search->candidates[search->joiners[at][i]]->player_count;
		try_joiner(search, i);
	}
	consider(search);
}

/* Everybody may join the lineup that the search starts with, as far as the screens know. */
static void start(struct search *search)
{
	uint16_t all[SEARCH_CANDIDATES_MAX];
	for (uint16_t i = 0; i < search->candidate_count; i++)
		all[i] = i;
	for (uint16_t i = 0; i < search->screen.common_count; i++)
		search->common[search->small.lineup.count][i] = search->common[0][i];
	choose_joiners(search, all, search->candidate_count);
	extend(search);
}

/* Preparing */

/* Sort rules */

/* The number that a map has for a key; NaN: none. */
static double map_value(const struct match_ticket *ticket, uint16_t column, uint64_t key)
{
	const struct match_cell *cell = &ticket->cells[column];
	double number = NAN;
	for (uint32_t i = 0; i < cell->count; i += 2)
		if (ticket->texts[cell->first + i] == key)
			memcpy(&number, &ticket->texts[cell->first + i + 1], sizeof(number));
	return number;
}

/* The key for which the anchor's map has the least, or the most. */
static uint64_t anchor_key(const struct match_ticket *anchor, const struct match_rule *rule)
{
	const struct match_cell *cell = &anchor->cells[rule->column];
	uint64_t key = 0;
	double best = NAN, number;
	for (uint32_t i = 0; i < cell->count; i += 2) {
		memcpy(&number, &anchor->texts[cell->first + i + 1], sizeof(number));
		if (isnan(best) || (rule->is_key_of_max ? number > best : number < best)) {
			best = number;
			key = anchor->texts[cell->first + i];
		}
	}
	return key;
}

/* What a candidate is sorted by under one rule: less comes first; who has no value comes last. */
static double sort_key(const struct match_rule *rule, const struct match_ticket *anchor, const struct match_ticket *ticket)
{
	uint64_t key = rule->by_map_key ? anchor_key(anchor, rule) : 0;
	double number = rule->by_map_key ? map_value(ticket, rule->column, key) : ticket->cells[rule->column].number;
	if (rule->type == MATCH_DISTANCE_SORT)
		number = fabs(number - (rule->by_map_key ? map_value(anchor, rule->column, key) : anchor->cells[rule->column].number));
	return isnan(number) ? INFINITY : rule->is_descending ? -number : number;
}

static int by_sort_keys(const void *a, const void *b, void *context)
{
	const struct search *search = context;
	uint16_t left = *(const uint16_t *)a, right = *(const uint16_t *)b;
	for (uint16_t i = 0; i < search->rule_set->sort_count; i++)
		if (search->sort_keys[i][left] != search->sort_keys[i][right])
			return search->sort_keys[i][left] < search->sort_keys[i][right] ? -1 : 1;
	return left < right ? -1 : left > right;
}

/* A running match is sorted for as its first ticket would be. */
static void sort_candidates(struct search *search)
{
	const struct match_rule_set *rule_set = search->rule_set;
	for (uint16_t i = 0; i < rule_set->sort_count; i++)
		for (uint16_t j = 0; j < search->candidate_count; j++)
			search->sort_keys[i][search->origin[j]] =
				sort_key(&rule_set->rules[rule_set->sorts[i]], search->task->fixed[0], search->task->candidates[search->origin[j]]);
	if (rule_set->sort_count > 0)
		qsort_r(search->origin, search->candidate_count, sizeof(*search->origin), by_sort_keys, search);
}

/* Candidates who can join the anchor, or the running match, at all. */
static void choose_candidates(struct search *search)
{
	const struct search_task *task = search->task;
	const struct match_level *level = &search->rule_set->levels[search->level_max];
	struct screen_state fixed;
	bool is_good = true;
	search->candidate_count = 0;
	ringcast_screen_start(&search->screen, &fixed);
	for (uint16_t i = 0; i < task->fixed_count; i++)
		is_good &= ringcast_screen_add(&search->screen, &fixed, task->fixed[i], level);
	for (uint16_t i = 0; is_good && i < task->candidate_count; i++) {
		const struct match_ticket *ticket = task->candidates[i];
		if (task->candidate_teams[i] != 0 && ringcast_screen_fits(&search->screen, &fixed, ticket, level))
			search->origin[search->candidate_count++] = i;
	}
	sort_candidates(search);
	for (uint16_t i = 0; i < search->candidate_count; i++) {
		search->candidates[i] = task->candidates[search->origin[i]];
		search->teams[i] = task->candidate_teams[search->origin[i]];
	}
	for (uint16_t rule = 0; rule < search->screen.common_count; rule++) {
		search->common[0][rule] = UINT64_MAX;
		for (uint16_t i = 0; i < task->fixed_count; i++)
			search->common[0][rule] &= ringcast_screen_shared(&search->screen, rule, task->fixed[0], task->fixed[i]);
		for (uint16_t i = 0; i < search->candidate_count; i++)
			search->shared[rule][i] = ringcast_screen_shared(&search->screen, rule, task->fixed[0], search->candidates[i]);
	}
}

static uint16_t highest_level(const struct search *search)
{
	const struct search_task *task = search->task;
	uint64_t oldest_ns = UINT64_MAX;
	for (uint16_t i = 0; i < task->fixed_count; i++)
		oldest_ns = task->fixed[i]->created_ns < oldest_ns ? task->fixed[i]->created_ns : oldest_ns;
	for (uint16_t i = 0; i < task->candidate_count && search->rule_set->clock_is_oldest; i++)
		oldest_ns = task->candidates[i]->created_ns < oldest_ns ? task->candidates[i]->created_ns : oldest_ns;
	return ringcast_match_level_at(search->rule_set, task->now_ns > oldest_ns ? task->now_ns - oldest_ns : 0);
}

static void run_anchor(struct search *search)
{
	const struct match_ticket *anchor = search->task->fixed[0];
	uint64_t tried = 0, allowed = ringcast_screen_teams(&search->screen, search->judge, anchor);
	uint16_t team;
	while (!is_spent(search) && (team = next_team(search, anchor, allowed, &tried)) < search->rule_set->team_count) {
		ringcast_lineup_add(&search->small.lineup, anchor, (uint8_t)team);
		if (screen_anew(search, level_of(search)) && ringcast_screen_judge(&search->screen, search->judge, &search->small.lineup, level_of(search)))
			start(search);
		ringcast_lineup_init(&search->small);
	}
}

static void run_fixed(struct search *search)
{
	for (uint16_t i = 0; i < search->task->fixed_count; i++)
		ringcast_lineup_add(&search->small.lineup, search->task->fixed[i], search->task->fixed_teams[i]);
	if (screen_anew(search, level_of(search)))
		start(search);
}

uint64_t ringcast_search_teams(struct search *search, const struct match_ticket *ticket)
{
	return ringcast_screen_teams(&search->screen, search->judge, ticket);
}

bool ringcast_search_pairs(struct search *search, uint64_t now_ns, const struct match_ticket *anchor, const struct match_ticket *ticket)
{
	uint64_t since_ns = search->rule_set->clock_is_oldest && ticket->created_ns < anchor->created_ns ? ticket->created_ns : anchor->created_ns;
	const struct match_level *level = &search->rule_set->levels[ringcast_match_level_at(search->rule_set, now_ns > since_ns ? now_ns - since_ns : 0)];
	struct screen_state *state = &search->states[0];
	ringcast_screen_start(&search->screen, state);
	if (!ringcast_screen_add(&search->screen, state, anchor, level) || !ringcast_screen_fits(&search->screen, state, ticket, level))
		return false;
	for (uint16_t i = 0; i < search->screen.common_count; i++)
		if (__builtin_popcountll(ringcast_screen_shared(&search->screen, i, anchor, ticket)) < level->loosest[search->screen.commons[i].rule].min)
			return false;
	return true;
}

int ringcast_search_likeness(const struct search *search, const struct match_ticket *a, const struct match_ticket *b)
{
	for (uint16_t i = 0; i < search->screen.text_count; i++) {
		uint16_t column = search->screen.texts[i];
		uint64_t left = a->texts[a->cells[column].first], right = b->texts[b->cells[column].first];
		if (left != right)
			return left < right ? -1 : 1;
	}
	for (uint16_t i = 0; i < search->screen.spread_count; i++) {
		double left = a->cells[search->screen.spreads[i].column].number, right = b->cells[search->screen.spreads[i].column].number;
		if (left != right)
			return left < right ? -1 : 1;
	}
	return 0;
}

bool ringcast_search_run(struct search *search, const struct search_task *task, struct search_result *ret_result)
{
	ringcast_assert(task->candidate_count <= SEARCH_CANDIDATES_MAX && task->fixed_count > 0 && task->fixed_count <= MATCH_SMALL_PLAYERS_MAX);
	ringcast_assert(task->fixed_teams != NULL || task->fixed_count == 1);
	search->task = task;
	search->best = ret_result;
	search->has_best = false;
	search->step_count = 0;
	search->step_max = task->step_max;
	search->pick_count = 0;
	search->level_max = highest_level(search);
	ringcast_lineup_init(&search->small);
	choose_candidates(search);
	if (task->fixed_teams == NULL)
		run_anchor(search);
	else
		run_fixed(search);
	for (uint16_t i = 0; search->has_best && i < ret_result->pick_count; i++)
		ret_result->picks[i] = search->origin[ret_result->picks[i]];
	ret_result->step_count = search->step_count;
	ret_result->is_exhaustive = !is_spent(search);
	return search->has_best;
}
