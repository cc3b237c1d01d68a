#include "service/match/screen.h"

#include <math.h>

#include "base/assert.h"

/* The leaf below flattens only, if it reads all teams alike; NULL: something else is done to the values. */
static const struct expression_node *plain_leaf(const struct match_rule_set *rule_set, uint16_t root)
{
	const struct expression_node *node = &rule_set->expressions.nodes[root];
	uint64_t all = rule_set->team_count == 64 ? UINT64_MAX : (UINT64_C(1) << rule_set->team_count) - 1;
	while (node->kind == EXPRESSION_FLATTEN)
		node = &rule_set->expressions.nodes[node->child];
	return node->kind == EXPRESSION_LEAF && (node->teams & all) == all ? node : NULL;
}

/* All in one list, so that a rule compares them with each other. */
static const struct expression_node *leaf_of_all(const struct match_rule_set *rule_set, const struct match_rule *rule)
{
	return rule->measurement_count == 1 ? plain_leaf(rule_set, rule->measurements[0]) : NULL;
}

static bool add_spread(struct screen *screen, uint16_t rule, uint16_t column, double factor)
{
	if (screen->spread_count == SCREEN_SPREADS_MAX)
		return false;
	screen->spreads[screen->spread_count].rule = rule;
	screen->spreads[screen->spread_count].column = column;
	screen->spreads[screen->spread_count++].factor = factor;
	return true;
}

static bool add_text(struct screen *screen, uint16_t column)
{
	if (screen->text_count == SCREEN_TEXTS_MAX)
		return false;
	screen->texts[screen->text_count++] = column;
	return true;
}

/*
 * Each value within max of their average or median: then any two lie within twice that. Of their least or most: within max. Not exact, but it
 * never refuses what the rule would take. The value must be the very same column, of all teams.
 */
static void add_distance(struct screen *screen, uint16_t index)
{
	const struct match_rule_set *rule_set = screen->rule_set;
	const struct match_rule *rule = &rule_set->rules[index];
	const struct expression_node *measured = leaf_of_all(rule_set, rule), *reference, *inner;
	if (measured == NULL || rule->reference_kind != MATCH_REFERENCE_EXPRESSION)
		return;
	reference = &rule_set->expressions.nodes[rule->reference];
	bool is_middle = reference->kind == EXPRESSION_AVG || reference->kind == EXPRESSION_MEDIAN;
	if ((!is_middle && reference->kind != EXPRESSION_MIN && reference->kind != EXPRESSION_MAX) || reference->list_depth != 0)
		return;
	inner = plain_leaf(rule_set, reference->child);
	if (inner != NULL && inner->column == measured->column)
		add_spread(screen, index, measured->column, is_middle ? 2 : 1);
}

/* Whether the rule says something of each value by itself: a plain value against a constant. */
static bool is_single(const struct match_rule *rule)
{
	bool has_constant = rule->reference_kind == MATCH_REFERENCE_NUMBER || rule->reference_kind == MATCH_REFERENCE_TEXT ||
			    rule->reference_kind == MATCH_REFERENCE_TEXTS;
	if (!rule->only_tightens || !has_constant)
		return false;
	return rule->type != MATCH_COLLECTION || rule->operation == MATCH_REFERENCE_COMMON;
}

/* Rules whose whole meaning for a growing match is covered by a cheap screen. */
static bool cover(struct screen *screen, uint16_t index)
{
	const struct match_rule *rule = &screen->rule_set->rules[index];
	const struct expression_node *leaf;
	if (rule->type == MATCH_BATCH_DISTANCE)
		return screen->rule_set->columns[rule->column].kind == MATCH_COLUMN_NUMBER ? add_spread(screen, index, rule->column, 1)
											     : add_text(screen, rule->column);
	if (rule->type == MATCH_LATENCY && !rule->has_distance && screen->latency_count < SCREEN_LATENCIES_MAX) {
		screen->latencies[screen->latency_count++] = index;
		return true;
	}
	if (rule->type != MATCH_COMPARISON || rule->operation != MATCH_EQUAL || rule->reference_kind != MATCH_NO_REFERENCE)
		return false;
	leaf = leaf_of_all(screen->rule_set, rule);
	return leaf != NULL && (leaf->base == EXPRESSION_TEXT ? add_text(screen, leaf->column) : add_spread(screen, index, leaf->column, 0));
}

/* Lists of all, each with each: also judged slowly, since bits may not suffice. */
static void add_common(struct screen *screen, uint16_t index)
{
	const struct match_rule *rule = &screen->rule_set->rules[index];
	const struct expression_node *leaf = leaf_of_all(screen->rule_set, rule);
	if (leaf == NULL || rule->operation != MATCH_COMMON || screen->rule_set->columns[leaf->column].kind != MATCH_COLUMN_LIST ||
	    screen->common_count == SCREEN_COMMONS_MAX)
		return;
	screen->commons[screen->common_count].rule = index;
	screen->commons[screen->common_count++].column = leaf->column;
}

static bool is_expanded(const struct match_rule_set *rule_set, uint16_t rule)
{
	const struct match_values *first = &rule_set->levels[0].loosest[rule], *last = &rule_set->levels[rule_set->level_count - 1].loosest[rule];
	return memcmp(&first->min, &last->min, sizeof(first->min)) != 0 || memcmp(&first->max, &last->max, sizeof(first->max)) != 0;
}

void ringcast_screen_init(struct screen *screen, const struct match_rule_set *rule_set)
{
	*screen = (struct screen){.rule_set = rule_set};
	for (uint16_t i = 0; i < rule_set->rule_count; i++) {
		if (!ringcast_judge_acts(rule_set, i) || cover(screen, i))
			continue;
		if (rule_set->rules[i].type == MATCH_DISTANCE)
			add_distance(screen, i);
		if (rule_set->rules[i].type == MATCH_COLLECTION)
			add_common(screen, i);
		bool is_alone = is_single(&rule_set->rules[i]);
		if (is_alone)
			screen->singles[screen->single_count++] = i;
		/* Teams are worked out once, under the loosest bounds there ever are: a rule that expands is asked again. */
		if (is_alone ? is_expanded(rule_set, i) : rule_set->rules[i].only_tightens)
			screen->slow[screen->slow_count++] = i;
	}
}

void ringcast_screen_start(const struct screen *screen, struct screen_state *state)
{
	for (uint16_t i = 0; i < screen->latency_count; i++)
		state->regions[i] = UINT64_MAX;
	for (uint16_t i = 0; i < screen->text_count; i++)
		state->texts[i] = 0;
	for (uint16_t i = 0; i < screen->spread_count; i++) {
		state->least[i] = INFINITY;
		state->most[i] = -INFINITY;
	}
}

static uint64_t good_regions(const struct match_ticket *ticket, const struct match_rule *rule, double latency_max)
{
	uint64_t good = ticket->regions, at = 0;
	const float *latencies = ticket->latencies[rule->aggregation];
	if (isnan(latency_max))
		return good;
	for (uint64_t bits = ticket->regions; bits != 0; bits &= bits - 1, at++)
		if (latencies[at] > latency_max)
			good &= ~(bits & -bits);
	return good;
}

/* 0 stands for no text yet; a hash that is 0 only makes the screen wave somebody through. */
static bool add_texts(struct screen_state *state, uint16_t at, const struct match_ticket *ticket, const struct match_cell *cell)
{
	uint64_t wanted = state->texts[at] == 0 ? ticket->texts[cell->first] : state->texts[at];
	for (uint32_t i = 0; i < cell->count; i++)
		if (ticket->texts[cell->first + i] != wanted)
			return false;
	state->texts[at] = wanted;
	return true;
}

static bool is_near(const struct screen *screen, const struct match_level *level, uint16_t at, double least, double most)
{
	double factor = screen->spreads[at].factor, max = factor == 0 ? 0 : level->loosest[screen->spreads[at].rule].max * factor;
	/* Sums round: a hair's breadth is left to the judge. */
	return !(most - least > max + (factor == 2 ? 1e-9 * (fabs(most) + fabs(least) + max) : 0));
}

static bool add_number(const struct screen *screen, struct screen_state *state, uint16_t at, double number, const struct match_level *level)
{
	if (isnan(number))
		return false;
	state->least[at] = number < state->least[at] ? number : state->least[at];
	state->most[at] = number > state->most[at] ? number : state->most[at];
	return is_near(screen, level, at, state->least[at], state->most[at]);
}

bool ringcast_screen_fits(const struct screen *screen, const struct screen_state *state, const struct match_ticket *ticket, const struct match_level *level)
{
	for (uint16_t i = 0; i < screen->spread_count; i++) {
		double number = ticket->cells[screen->spreads[i].column].number, least = state->least[i], most = state->most[i];
		if (isnan(number) || !is_near(screen, level, i, number < least ? number : least, number > most ? number : most))
			return false;
	}
	for (uint16_t i = 0; i < screen->text_count; i++)
		if (state->texts[i] != 0 && ticket->texts[ticket->cells[screen->texts[i]].first] != state->texts[i])
			return false;
	for (uint16_t i = 0; i < screen->latency_count; i++) {
		uint16_t rule = screen->latencies[i];
		if ((state->regions[i] & good_regions(ticket, &screen->rule_set->rules[rule], level->loosest[rule].latency_max)) == 0)
			return false;
	}
	return true;
}

uint64_t ringcast_screen_shared(const struct screen *screen, uint16_t common, const struct match_ticket *first, const struct match_ticket *ticket)
{
	const struct match_cell *a = &first->cells[screen->commons[common].column], *b = &ticket->cells[screen->commons[common].column];
	uint64_t shared = 0;
	if (a->count > 64)
		return UINT64_MAX;
	for (uint32_t i = 0, j = 0; i < a->count && j < b->count;) {
		uint64_t x = first->texts[a->first + i], y = ticket->texts[b->first + j];
		shared |= (uint64_t)(x == y) << i;
		i += x <= y;
		j += y <= x;
	}
	return shared;
}

bool ringcast_screen_add(const struct screen *screen, struct screen_state *state, const struct match_ticket *ticket, const struct match_level *level)
{
	for (uint16_t i = 0; i < screen->spread_count; i++)
		if (!add_number(screen, state, i, ticket->cells[screen->spreads[i].column].number, level))
			return false;
	for (uint16_t i = 0; i < screen->text_count; i++)
		if (!add_texts(state, i, ticket, &ticket->cells[screen->texts[i]]))
			return false;
	for (uint16_t i = 0; i < screen->latency_count; i++) {
		uint16_t rule = screen->latencies[i];
		state->regions[i] &= good_regions(ticket, &screen->rule_set->rules[rule], level->loosest[rule].latency_max);
		if (state->regions[i] == 0)
			return false;
	}
	return true;
}

uint64_t ringcast_screen_teams(const struct screen *screen, struct judge *judge, const struct match_ticket *ticket)
{
	const struct match_level *level = &screen->rule_set->levels[screen->rule_set->level_count - 1];
	uint64_t teams = 0;
	struct small_lineup alone;
	for (uint16_t team = 0; team < screen->rule_set->team_count; team++) {
		bool is_good = ticket->player_count <= level->loosest_sizes[team].players_max;
		ringcast_lineup_init(&alone);
		ringcast_lineup_add(&alone.lineup, ticket, (uint8_t)team);
		for (uint16_t i = 0; is_good && i < screen->single_count; i++)
			is_good = ringcast_judge_rule(judge, screen->singles[i], &alone.lineup, level->loosest) != MATCH_FAILS;
		teams |= (uint64_t)is_good << team;
	}
	return teams;
}

bool ringcast_screen_judge(const struct screen *screen, struct judge *judge, const struct lineup *lineup, const struct match_level *level)
{
	for (uint16_t i = 0; i < screen->slow_count; i++)
		if (ringcast_judge_rule(judge, screen->slow[i], lineup, level->loosest) == MATCH_FAILS)
			return false;
	return true;
}
