#include "service/match/judge.h"

#include <math.h>
#include <stdlib.h>

#include "base/assert.h"

enum { RULE_WORK = 16 }; /* what a rule costs beside its values */

struct judge *ringcast_judge_create(const struct match_rule_set *rule_set)
{
	struct judge *judge = malloc(sizeof(*judge));
	if (judge == NULL)
		return NULL;
	memset(judge, 0, offsetof(struct judge, arena));
	judge->rule_set = rule_set;
	judge->arena.count = 0;
	judge->arena.has_overflowed = false;
	return judge;
}

void ringcast_judge_destroy(struct judge **judge)
{
	free(*judge);
	*judge = NULL;
}

/* A rule while it is judged. */
struct hearing {
	struct judge *judge;
	const struct match_rule *rule;
	const struct match_values *values;
	const struct lineup *lineup;
	struct expression_value reference; /* an expression's; else undefined */
	bool is_heard, has_failed; /* something was measured; something was wrong */
	bool missing_fails; /* a value that a ticket lacks; what a function made of an empty team is only skipped */
};

static enum match_verdict verdict_of(const struct hearing *hearing)
{
	if (hearing->judge->arena.has_overflowed || hearing->has_failed)
		return MATCH_FAILS;
	return hearing->is_heard ? MATCH_PASSES : MATCH_UNDECIDED;
}

static const struct expression_value *items_of(const struct hearing *hearing, const struct expression_value *list)
{
	return hearing->judge->arena.items + list->first;
}

/* Comparison and distance */

static bool holds(enum match_operation operation, double a, double b)
{
	switch (operation) {
	case MATCH_EQUAL:
		return a == b;
	case MATCH_UNEQUAL:
		return a != b;
	case MATCH_LESS:
		return a < b;
	case MATCH_LESS_EQUAL:
		return a <= b;
	case MATCH_GREATER:
		return a > b;
	case MATCH_GREATER_EQUAL:
		return a >= b;
	default:
		ringcast_unreachable("operation of a comparison");
	}
}

static bool is_within(const struct hearing *hearing, double distance)
{
	const struct match_values *bounds = &hearing->values[hearing->rule - hearing->judge->rule_set->rules];
	return !(distance > bounds->max) && !(distance < bounds->min);
}

static void weigh(struct hearing *hearing, const struct expression_value *measured, const struct expression_value *reference)
{
	enum match_operation operation = hearing->rule->operation;
	bool is_good;
	if (reference->kind == EXPRESSION_IS_LIST) {
		hearing->judge->work += reference->count;
		for (uint32_t i = 0; i < reference->count; i++)
			weigh(hearing, measured, items_of(hearing, reference) + i);
		return;
	}
	if (reference->kind == EXPRESSION_UNDEFINED)
		return;
	hearing->is_heard = true;
	if (reference->kind == EXPRESSION_IS_TEXT)
		is_good = (measured->text == reference->text) == (operation == MATCH_EQUAL);
	else if (hearing->rule->type == MATCH_DISTANCE)
		is_good = is_within(hearing, fabs(measured->number - reference->number));
	else
		is_good = holds(operation, measured->number, reference->number);
	hearing->has_failed |= !is_good;
}

static void weigh_all(struct hearing *hearing, const struct expression_value *measured)
{
	if (measured->kind == EXPRESSION_IS_LIST) {
		for (uint32_t i = 0; i < measured->count; i++)
			weigh_all(hearing, items_of(hearing, measured) + i);
		return;
	}
	if (measured->kind != EXPRESSION_UNDEFINED)
		weigh(hearing, measured, &hearing->reference);
	else
		hearing->has_failed |= hearing->missing_fails;
}

/* Compared with each other: at most one value a player. */
struct seen {
	uint32_t count;
	struct expression_value values[2 * MATCH_TEAMS_MAX];
};

static bool is_equal(const struct expression_value *a, const struct expression_value *b)
{
	return a->kind == EXPRESSION_IS_TEXT ? a->text == b->text : a->number == b->number;
}

static void compare_all(struct hearing *hearing, const struct expression_value *measured, struct seen *seen)
{
	if (measured->kind == EXPRESSION_IS_LIST) {
		for (uint32_t i = 0; i < measured->count; i++)
			compare_all(hearing, items_of(hearing, measured) + i, seen);
		return;
	}
	if (measured->kind == EXPRESSION_UNDEFINED) {
		hearing->has_failed |= hearing->missing_fails;
		return;
	}
	hearing->is_heard = true;
	for (uint32_t i = 0; i < seen->count; i++)
		hearing->has_failed |= is_equal(&seen->values[i], measured) != (hearing->rule->operation == MATCH_EQUAL);
	ringcast_assert(seen->count < 2 * MATCH_TEAMS_MAX);
	seen->values[seen->count++] = *measured;
}

static void set_reference(struct hearing *hearing)
{
	const struct match_values *values = &hearing->values[hearing->rule - hearing->judge->rule_set->rules];
	hearing->reference = (struct expression_value){.kind = EXPRESSION_UNDEFINED};
	if (hearing->rule->reference_kind == MATCH_REFERENCE_NUMBER)
		hearing->reference = (struct expression_value){.kind = EXPRESSION_IS_NUMBER, .number = values->reference};
	else if (hearing->rule->reference_kind == MATCH_REFERENCE_TEXT)
		hearing->reference = (struct expression_value){.kind = EXPRESSION_IS_TEXT, .text = values->text};
	else if (hearing->rule->reference_kind == MATCH_REFERENCE_EXPRESSION)
		hearing->reference = ringcast_expression_evaluate(hearing->judge->rule_set, hearing->rule->reference, hearing->lineup, &hearing->judge->arena);
}

static struct expression_value measure(struct hearing *hearing, uint16_t index)
{
	const struct match_rule_set *rule_set = hearing->judge->rule_set;
	enum expression_kind kind = rule_set->expressions.nodes[hearing->rule->measurements[index]].kind;
	hearing->missing_fails = kind == EXPRESSION_LEAF || kind == EXPRESSION_FLATTEN;
	return ringcast_expression_evaluate(rule_set, hearing->rule->measurements[index], hearing->lineup, &hearing->judge->arena);
}

static enum match_verdict judge_values(struct hearing *hearing)
{
	set_reference(hearing);
	if (hearing->rule->reference_kind != MATCH_NO_REFERENCE && hearing->reference.kind == EXPRESSION_UNDEFINED)
		return verdict_of(hearing);
	for (uint16_t i = 0; i < hearing->rule->measurement_count; i++) {
		struct seen seen = {.count = 0};
		struct expression_value measured = measure(hearing, i);
		if (hearing->rule->reference_kind == MATCH_NO_REFERENCE)
			compare_all(hearing, &measured, &seen);
		else
			weigh_all(hearing, &measured);
	}
	return verdict_of(hearing);
}

/* Collections */

struct gathering {
	uint32_t containing; /* collections that hold the reference */
	bool is_started;
	uint32_t common_count;
	struct expression_value *common; /* what all so far share; the judge's room */
};

static uint32_t count_common(const struct expression_value *a, uint32_t a_count, const struct expression_value *b, uint32_t b_count,
			     struct expression_value *ret_common)
{
	uint32_t count = 0;
	for (uint32_t i = 0, j = 0; i < a_count && j < b_count;) {
		if (a[i].text < b[j].text) {
			i++;
		} else if (a[i].text > b[j].text) {
			j++;
		} else {
			if (ret_common != NULL)
				ret_common[count] = a[i];
			count++;
			i++;
			j++;
		}
	}
	return count;
}

static uint32_t count_reference(const struct hearing *hearing, const struct expression_value *items, uint32_t count)
{
	uint32_t common = 0;
	bool is_list = hearing->reference.kind == EXPRESSION_IS_LIST;
	hearing->judge->work += is_list ? count + hearing->reference.count : (uint64_t)count * hearing->rule->reference_text_count;
	if (is_list)
		return count_common(items, count, items_of(hearing, &hearing->reference), hearing->reference.count, NULL);
	for (uint32_t i = 0; i < count; i++)
		for (uint16_t j = 0; j < hearing->rule->reference_text_count; j++)
			if (items[i].text == hearing->rule->reference_texts[j]) {
				common++;
				break;
			}
	return common;
}

static void take_collection(struct hearing *hearing, const struct expression_value *items, uint32_t count, struct gathering *gathering)
{
	hearing->is_heard = true;
	hearing->judge->work += count;
	if (hearing->rule->operation == MATCH_CONTAINS) {
		bool has = false;
		for (uint32_t i = 0; i < count; i++)
			has |= items[i].text == hearing->reference.text;
		gathering->containing += has;
	} else if (hearing->rule->operation == MATCH_REFERENCE_COMMON) {
		hearing->has_failed |= !is_within(hearing, count_reference(hearing, items, count));
	} else if (!gathering->is_started) {
		gathering->common_count = count;
		memcpy(gathering->common, items, count * sizeof(*items));
	} else {
		gathering->common_count = count_common(gathering->common, gathering->common_count, items, count, gathering->common);
	}
	gathering->is_started = true;
}

/* A collection is an innermost list; where each player has one text only, that text is one. list_depth is the value's. */
static void gather(struct hearing *hearing, const struct expression_value *measured, unsigned list_depth, bool texts_alone, struct gathering *gathering)
{
	if (measured->kind == EXPRESSION_UNDEFINED)
		return;
	if (list_depth == 0 || (list_depth == 1 && !texts_alone)) {
		bool is_list = measured->kind == EXPRESSION_IS_LIST;
		take_collection(hearing, is_list ? items_of(hearing, measured) : measured, is_list ? measured->count : 1, gathering);
		return;
	}
	for (uint32_t i = 0; i < measured->count; i++)
		gather(hearing, items_of(hearing, measured) + i, list_depth - 1, texts_alone, gathering);
}

static bool is_one_text_each(const struct match_rule_set *rule_set, uint16_t root)
{
	const struct expression_node *node = &rule_set->expressions.nodes[root];
	while (node->kind != EXPRESSION_LEAF)
		node = &rule_set->expressions.nodes[node->child];
	return rule_set->columns[node->column].kind == MATCH_COLUMN_TEXTS;
}

static enum match_verdict judge_collection(struct hearing *hearing)
{
	const struct match_rule_set *rule_set = hearing->judge->rule_set;
	struct gathering gathering = {.common = hearing->judge->common};
	set_reference(hearing);
	if (hearing->rule->reference_kind == MATCH_REFERENCE_EXPRESSION && hearing->reference.kind == EXPRESSION_UNDEFINED)
		return verdict_of(hearing);
	for (uint16_t i = 0; i < hearing->rule->measurement_count; i++) {
		struct expression_value measured = measure(hearing, i);
		unsigned list_depth = rule_set->expressions.nodes[hearing->rule->measurements[i]].list_depth;
		gather(hearing, &measured, list_depth, is_one_text_each(rule_set, hearing->rule->measurements[i]), &gathering);
	}
	if (hearing->is_heard && hearing->rule->operation == MATCH_COMMON)
		hearing->has_failed |= !is_within(hearing, gathering.common_count);
	if (hearing->is_heard && hearing->rule->operation == MATCH_CONTAINS)
		hearing->has_failed |= !is_within(hearing, gathering.containing);
	return verdict_of(hearing);
}

/* batchDistance and latency read tickets directly, whatever the size of the match. */

static enum match_verdict judge_batch(const struct hearing *hearing)
{
	const struct match_rule *rule = hearing->rule;
	const struct lineup *lineup = hearing->lineup;
	double least = INFINITY, most = -INFINITY;
	if (lineup->count == 0)
		return MATCH_UNDECIDED;
	for (uint16_t i = 0; i < lineup->count; i++) {
		const struct match_ticket *ticket = lineup->tickets[i];
		const struct match_cell *cell = &ticket->cells[rule->column];
		if (hearing->judge->rule_set->columns[rule->column].kind == MATCH_COLUMN_NUMBER) {
			least = fmin(least, cell->number);
			most = fmax(most, cell->number);
			continue;
		}
		uint64_t first = lineup->tickets[0]->texts[lineup->tickets[0]->cells[rule->column].first];
		for (uint32_t player = 0; player < cell->count; player++)
			if (ticket->texts[cell->first + player] != first)
				return MATCH_FAILS;
	}
	return most > least && most - least > hearing->values[rule - hearing->judge->rule_set->rules].max ? MATCH_FAILS : MATCH_PASSES;
}

static bool is_region_good(const struct hearing *hearing, unsigned region)
{
	const struct match_rule *rule = hearing->rule;
	const struct match_values *bounds = &hearing->values[rule - hearing->judge->rule_set->rules];
	double sum = 0, least = INFINITY, most = -INFINITY;
	for (uint16_t i = 0; i < hearing->lineup->count; i++) {
		double latency = ringcast_match_latency(hearing->lineup->tickets[i], region, rule->aggregation);
		if (latency > bounds->latency_max)
			return false;
		sum += latency;
		least = fmin(least, latency);
		most = fmax(most, latency);
	}
	double reference = rule->is_distance_of_min ? least : sum / hearing->lineup->count;
	return !rule->has_distance || (!(most - reference > bounds->max) && !(reference - least > bounds->max));
}

static enum match_verdict judge_latency(const struct hearing *hearing)
{
	uint64_t regions = UINT64_MAX;
	if (hearing->lineup->count == 0)
		return MATCH_UNDECIDED;
	for (uint16_t i = 0; i < hearing->lineup->count; i++)
		regions &= hearing->lineup->tickets[i]->regions;
	for (; regions != 0; regions &= regions - 1)
		if (is_region_good(hearing, (unsigned)__builtin_ctzll(regions)))
			return MATCH_PASSES;
	return MATCH_FAILS;
}

/* Compound: in three values, as the verdicts are. */

static enum match_verdict join(unsigned kind, const unsigned count_of[3], unsigned count)
{
	if (kind == MATCH_AND)
		return count_of[MATCH_FAILS] > 0 ? MATCH_FAILS : count_of[MATCH_UNDECIDED] > 0 ? MATCH_UNDECIDED : MATCH_PASSES;
	if (kind == MATCH_OR)
		return count_of[MATCH_PASSES] > 0 ? MATCH_PASSES : count_of[MATCH_UNDECIDED] > 0 ? MATCH_UNDECIDED : MATCH_FAILS;
	if (count_of[MATCH_UNDECIDED] > 0)
		return MATCH_UNDECIDED;
	if (kind == MATCH_NOT)
		return count_of[MATCH_PASSES] > 0 ? MATCH_FAILS : MATCH_PASSES;
	return count_of[MATCH_PASSES] == 1 ? MATCH_PASSES : MATCH_FAILS; /* xor: just one of them */
}

static enum match_verdict judge_statement(struct judge *judge, uint16_t root, const struct lineup *lineup, const struct match_values *values)
{
	const struct match_statement_node *node = &judge->rule_set->statement_nodes[root];
	unsigned count_of[3] = {0};
	if (node->kind == MATCH_RULE_OF)
		return ringcast_judge_rule(judge, node->rule, lineup, values);
	for (uint16_t i = 0; i < node->child_count; i++)
		count_of[judge_statement(judge, node->children[i], lineup, values)]++;
	return join(node->kind, count_of, node->child_count);
}

enum match_verdict ringcast_judge_rule(struct judge *judge, uint16_t rule, const struct lineup *lineup, const struct match_values *values)
{
	ringcast_assert(rule < judge->rule_set->rule_count);
	struct hearing hearing = {.judge = judge, .rule = &judge->rule_set->rules[rule], .values = values, .lineup = lineup};
	judge->work += judge->arena.count + RULE_WORK;
	judge->arena.count = 0;
	judge->arena.has_overflowed = false;
	switch (hearing.rule->type) {
	case MATCH_COMPARISON:
	case MATCH_DISTANCE:
		return judge_values(&hearing);
	case MATCH_COLLECTION:
		return judge_collection(&hearing);
	case MATCH_BATCH_DISTANCE:
		return judge_batch(&hearing);
	case MATCH_LATENCY:
		return judge_latency(&hearing);
	case MATCH_COMPOUND:
		return judge_statement(judge, hearing.rule->statement, lineup, values);
	default:
		return MATCH_PASSES;
	}
}

bool ringcast_judge_acts(const struct match_rule_set *rule_set, uint16_t rule)
{
	enum match_rule_type type = rule_set->rules[rule].type;
	return !rule_set->rules[rule].is_member && type != MATCH_ABSOLUTE_SORT && type != MATCH_DISTANCE_SORT;
}

uint16_t ringcast_judge_level(const struct match_rule_set *rule_set, const struct lineup *lineup, uint64_t now_ns)
{
	uint64_t since = rule_set->clock_is_oldest ? lineup->oldest_ns : lineup->newest_ns;
	return ringcast_match_level_at(rule_set, now_ns > since ? now_ns - since : 0);
}

bool ringcast_judge_all(struct judge *judge, const struct lineup *lineup, uint64_t now_ns, uint16_t *ret_rule)
{
	const struct match_rule_set *rule_set = judge->rule_set;
	const struct match_level *level = &rule_set->levels[ringcast_judge_level(rule_set, lineup, now_ns)];
	*ret_rule = rule_set->rule_count;
	for (uint16_t team = 0; team < rule_set->team_count; team++)
		if (lineup->team_players[team] < level->sizes[team].players_min || lineup->team_players[team] > level->sizes[team].players_max)
			return false;
	for (uint16_t rule = 0; rule < rule_set->rule_count; rule++) {
		if (!ringcast_judge_acts(rule_set, rule))
			continue;
		bool has_failed = ringcast_judge_rule(judge, rule, lineup, level->exact) == MATCH_FAILS;
		(has_failed ? judge->failed : judge->passed)[rule]++;
		*ret_rule = rule;
		if (has_failed)
			return false;
	}
	return true;
}
