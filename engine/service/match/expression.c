/* Evaluating property expressions over a lineup. */
#include "service/match/expression.h"

#include <math.h>

#include "base/assert.h"
#include "service/match/lineup.h"

enum { NUMBERS_MAX = MATCH_TEAMS_MAX };
_Static_assert((int)NUMBERS_MAX >= (int)MATCH_SMALL_PLAYERS_MAX, "a list of numbers has one a ticket, or one a team");

static const struct expression_value undefined = {.kind = EXPRESSION_UNDEFINED};

/* count fresh items, or a list that is undefined when the arena is full. */
static struct expression_value new_list(struct expression_arena *arena, uint32_t count)
{
	if (count > EXPRESSION_ITEMS_MAX - arena->count) {
		arena->has_overflowed = true;
		return undefined;
	}
	struct expression_value list = {.kind = EXPRESSION_IS_LIST, .count = count, .first = arena->count};
	arena->count += count;
	return list;
}

static struct expression_value number_of(double number)
{
	return isnan(number) ? undefined : (struct expression_value){.kind = EXPRESSION_IS_NUMBER, .number = number};
}

/* Leaves */

static uint32_t items_of_ticket(const struct match_column *column, const struct match_ticket *ticket)
{
	return column->kind == MATCH_COLUMN_TEXTS ? ticket->player_count : 1;
}

static struct expression_value text_list(const struct match_cell *cell, const struct match_ticket *ticket, struct expression_arena *arena)
{
	struct expression_value list = new_list(arena, cell->count);
	for (uint32_t i = 0; i < list.count; i++)
		arena->items[list.first + i] = (struct expression_value){.kind = EXPRESSION_IS_TEXT, .text = ticket->texts[cell->first + i]};
	return list;
}

static void put_ticket(const struct match_column *column, const struct match_cell *cell, const struct match_ticket *ticket, uint32_t at,
		       struct expression_arena *arena)
{
	if (column->kind == MATCH_COLUMN_NUMBER)
		arena->items[at] = number_of(cell->number);
	else if (column->kind == MATCH_COLUMN_LIST)
		arena->items[at] = text_list(cell, ticket, arena);
	else
		for (uint32_t i = 0; i < ticket->player_count; i++)
			arena->items[at + i] = (struct expression_value){.kind = EXPRESSION_IS_TEXT, .text = ticket->texts[cell->first + i]};
}

/* Texts of players are kept in order, so that lists of them can be intersected. */
static void sort_texts(struct expression_value *items, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++)
		for (uint32_t j = i; j > 0 && items[j - 1].text > items[j].text; j--) {
			struct expression_value kept = items[j];
			items[j] = items[j - 1];
			items[j - 1] = kept;
		}
}

static struct expression_value list_of_teams(const struct match_rule_set *rule_set, const struct expression_node *leaf, uint64_t teams,
					     const struct lineup *lineup, struct expression_arena *arena)
{
	const struct match_column *column = &rule_set->columns[leaf->column];
	uint32_t count = 0, at;
	for (uint16_t i = 0; i < lineup->count; i++)
		count += teams >> lineup->teams[i] & 1 ? items_of_ticket(column, lineup->tickets[i]) : 0;
	struct expression_value list = new_list(arena, count);
	if (list.kind == EXPRESSION_UNDEFINED)
		return list;
	at = list.first;
	for (uint16_t i = 0; i < lineup->count; i++) {
		const struct match_ticket *ticket = lineup->tickets[i];
		if ((teams >> lineup->teams[i] & 1) == 0)
			continue;
		put_ticket(column, &ticket->cells[leaf->column], ticket, at, arena);
		at += items_of_ticket(column, ticket);
	}
	if (column->kind == MATCH_COLUMN_TEXTS)
		sort_texts(arena->items + list.first, list.count);
	return list;
}

static struct expression_value evaluate_leaf(const struct match_rule_set *rule_set, const struct expression_node *leaf, const struct lineup *lineup,
					     struct expression_arena *arena)
{
	uint64_t all = rule_set->team_count == 64 ? UINT64_MAX : (UINT64_C(1) << rule_set->team_count) - 1, teams = leaf->teams & all;
	if (!leaf->by_team)
		return list_of_teams(rule_set, leaf, teams, lineup, arena);
	struct expression_value list = new_list(arena, (uint32_t)__builtin_popcountll(teams));
	for (uint32_t i = 0; i < list.count; i++, teams &= teams - 1)
		arena->items[list.first + i] = list_of_teams(rule_set, leaf, teams & -teams, lineup, arena);
	return list;
}

/* Functions */

static double median_of(double *numbers, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++)
		for (uint32_t j = i; j > 0 && numbers[j - 1] > numbers[j]; j--) {
			double kept = numbers[j];
			numbers[j] = numbers[j - 1];
			numbers[j - 1] = kept;
		}
	return count % 2 == 1 ? numbers[count / 2] : (numbers[count / 2 - 1] + numbers[count / 2]) / 2;
}

/* Of a whole population: the players of a match are all there are. */
static double stddev_of(const double *numbers, uint32_t count, double average)
{
	double sum = 0;
	for (uint32_t i = 0; i < count; i++)
		sum += (numbers[i] - average) * (numbers[i] - average);
	return sqrt(sum / count);
}

static double fold(enum expression_kind kind, double *numbers, uint32_t count)
{
	double sum = 0, least = INFINITY, most = -INFINITY;
	for (uint32_t i = 0; i < count; i++) {
		sum += numbers[i];
		least = numbers[i] < least ? numbers[i] : least;
		most = numbers[i] > most ? numbers[i] : most;
	}
	switch (kind) {
	case EXPRESSION_MIN:
		return least;
	case EXPRESSION_MAX:
		return most;
	case EXPRESSION_SUM:
		return sum;
	case EXPRESSION_AVG:
		return sum / count;
	case EXPRESSION_STDDEV:
		return stddev_of(numbers, count, sum / count);
	case EXPRESSION_MEDIAN:
		return median_of(numbers, count);
	default:
		ringcast_unreachable("function of numbers");
	}
}

/* One number of a list of them. Who has no value is left out; of nothing there is none. */
static struct expression_value aggregate(enum expression_kind kind, struct expression_value list, const struct expression_arena *arena)
{
	double numbers[NUMBERS_MAX];
	uint32_t count = 0;
	ringcast_assert(list.count <= NUMBERS_MAX || kind == EXPRESSION_COUNT);
	if (kind == EXPRESSION_COUNT)
		return number_of(list.count);
	for (uint32_t i = 0; i < list.count; i++)
		if (arena->items[list.first + i].kind == EXPRESSION_IS_NUMBER)
			numbers[count++] = arena->items[list.first + i].number;
	return count == 0 ? undefined : number_of(fold(kind, numbers, count));
}

static struct expression_value flatten(struct expression_value list, struct expression_arena *arena)
{
	uint32_t count = 0, at;
	for (uint32_t i = 0; i < list.count; i++)
		count += arena->items[list.first + i].kind == EXPRESSION_IS_LIST ? arena->items[list.first + i].count : 0;
	struct expression_value flat = new_list(arena, count);
	at = flat.first;
	for (uint32_t i = 0; i < list.count && flat.kind == EXPRESSION_IS_LIST; i++) {
		struct expression_value inner = arena->items[list.first + i];
		for (uint32_t j = 0; inner.kind == EXPRESSION_IS_LIST && j < inner.count; j++)
			arena->items[at++] = arena->items[inner.first + j];
	}
	return flat;
}

/* Keeps in kept what other has too; both in order. Answers how many stay, each once. */
static uint32_t intersect(struct expression_value *kept, uint32_t kept_count, const struct expression_value *other, uint32_t other_count)
{
	uint32_t count = 0;
	for (uint32_t i = 0, j = 0; i < kept_count && j < other_count;) {
		if (kept[i].text < other[j].text) {
			i++;
		} else if (kept[i].text > other[j].text) {
			j++;
		} else {
			if (count == 0 || kept[count - 1].text != kept[i].text)
				kept[count++] = kept[i];
			i++;
			j++;
		}
	}
	return count;
}

static struct expression_value intersection(struct expression_value list, struct expression_arena *arena)
{
	if (list.count == 0)
		return undefined;
	struct expression_value first = arena->items[list.first];
	struct expression_value common = new_list(arena, first.kind == EXPRESSION_IS_LIST ? first.count : 0);
	if (common.kind == EXPRESSION_UNDEFINED)
		return common;
	memcpy(arena->items + common.first, arena->items + (first.kind == EXPRESSION_IS_LIST ? first.first : 0), common.count * sizeof(*arena->items));
	for (uint32_t i = 0; i < list.count; i++) {
		struct expression_value other = arena->items[list.first + i];
		common.count = other.kind != EXPRESSION_IS_LIST
				       ? 0
				       : intersect(arena->items + common.first, common.count, arena->items + other.first, other.count);
	}
	return common;
}

/* The function on a list listed list_depth deep: on each inner list, until it is what the function takes. */
static struct expression_value apply(enum expression_kind kind, unsigned list_depth, struct expression_value value, struct expression_arena *arena)
{
	unsigned taken = kind == EXPRESSION_SET_INTERSECTION ? 2 : 1;
	if (value.kind != EXPRESSION_IS_LIST)
		return undefined;
	if (kind == EXPRESSION_FLATTEN)
		return flatten(value, arena);
	if (list_depth == taken)
		return kind == EXPRESSION_SET_INTERSECTION ? intersection(value, arena) : aggregate(kind, value, arena);
	struct expression_value list = new_list(arena, value.count);
	for (uint32_t i = 0; i < list.count; i++)
		arena->items[list.first + i] = apply(kind, list_depth - 1, arena->items[value.first + i], arena);
	return list;
}

static struct expression_value evaluate(const struct match_rule_set *rule_set, uint16_t root, const struct lineup *lineup, struct expression_arena *arena)
{
	const struct expression_node *node = &rule_set->expressions.nodes[root];
	if (node->kind == EXPRESSION_LEAF)
		return evaluate_leaf(rule_set, node, lineup, arena);
	struct expression_value value = evaluate(rule_set, node->child, lineup, arena);
	return apply(node->kind, rule_set->expressions.nodes[node->child].list_depth, value, arena);
}

struct expression_value ringcast_expression_evaluate(const struct match_rule_set *rule_set, uint16_t root, const struct lineup *lineup,
						     struct expression_arena *arena)
{
	struct expression_value value = evaluate(rule_set, root, lineup, arena);
	return arena->has_overflowed ? undefined : value;
}
