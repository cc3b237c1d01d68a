/* Expansions, worked out into levels: what holds for those who have waited so long. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"
#include "service/match/rule_set_read.h"

struct step {
	uint64_t wait_s;
	const json_t *value;
};

struct expansion {
	struct rule_set_reader *reader;
	char path[DOCUMENT_PATH_BYTES]; /* expansions[0] */
	char step_path[DOCUMENT_PATH_BYTES];
	const char *target;
	size_t step_count;
	struct step steps[MATCH_STEPS_MAX];
};

#define refuse(expansion, at, ...) ringcast_document_refuse(&(expansion)->reader->document, at, __VA_ARGS__)

/* Steps */

static bool read_step(struct expansion *expansion, const json_t *object, size_t index)
{
	char path[DOCUMENT_PATH_BYTES];
	int64_t wait_s = -1;
	snprintf(expansion->step_path, DOCUMENT_PATH_BYTES, "%.64s.steps[%zu]", expansion->path, index);
	if (!ringcast_field_check_names(expansion->reader, object, expansion->step_path, "waitTimeSeconds value") ||
	    !ringcast_field_whole(expansion->reader, object, ringcast_field_path(path, expansion->step_path, "waitTimeSeconds"), 1, MATCH_WAIT_S_MAX, &wait_s))
		return false;
	if (wait_s < 0 || json_object_get(object, "value") == NULL)
		return refuse(expansion, expansion->step_path, "%s is missing", wait_s < 0 ? "waitTimeSeconds" : "value");
	if (index > 0 && expansion->steps[index - 1].wait_s >= (uint64_t)wait_s)
		return refuse(expansion, expansion->step_path, "steps must be in the order of waitTimeSeconds");
	expansion->steps[expansion->step_count++] = (struct step){(uint64_t)wait_s, json_object_get(object, "value")};
	return true;
}

static bool read_expansion(struct expansion *expansion, const json_t *object, size_t index)
{
	const json_t *steps = json_object_get(object, "steps");
	snprintf(expansion->path, sizeof(expansion->path), "expansions[%zu]", index);
	if (!ringcast_field_check_names(expansion->reader, object, expansion->path, "target steps"))
		return false;
	expansion->target = json_string_value(json_object_get(object, "target"));
	if (expansion->target == NULL)
		return refuse(expansion, expansion->path, "target is missing: rules[NAME].PROPERTY, teams[NAME].minPlayers, algorithm.PROPERTY");
	if (!json_is_array(steps) || json_array_size(steps) == 0 || json_array_size(steps) > MATCH_STEPS_MAX)
		return refuse(expansion, expansion->path, "steps must be an array of 1 to %d", MATCH_STEPS_MAX);
	for (size_t i = 0; i < json_array_size(steps); i++)
		if (!read_step(expansion, json_array_get(steps, i), i))
			return false;
	return true;
}

/* Levels */

static bool add_level(struct expansion *expansion, uint64_t wait_s)
{
	struct match_rule_set *rule_set = expansion->reader->rule_set;
	uint64_t wait_ns = wait_s * NS_PER_S;
	uint16_t at = rule_set->level_count;
	for (uint16_t i = 0; i < rule_set->level_count; i++)
		if (rule_set->levels[i].wait_ns == wait_ns)
			return true;
	if (rule_set->level_count == MATCH_LEVELS_MAX)
		return refuse(expansion, expansion->path, "more than %d different waits", MATCH_LEVELS_MAX - 1);
	for (; at > 0 && rule_set->levels[at - 1].wait_ns > wait_ns; at--)
		rule_set->levels[at].wait_ns = rule_set->levels[at - 1].wait_ns;
	rule_set->levels[at].wait_ns = wait_ns;
	rule_set->level_count++;
	return true;
}

/* Each level starts as the document without expansions. One block for its values, one for its sizes. */
static bool fill_levels(struct rule_set_reader *reader)
{
	struct match_rule_set *rule_set = reader->rule_set;
	for (uint16_t i = 0; i < rule_set->level_count; i++) {
		struct match_level *level = &rule_set->levels[i];
		level->exact = calloc(2u * rule_set->rule_count + 1, sizeof(*level->exact));
		level->sizes = calloc(2u * rule_set->team_count, sizeof(*level->sizes));
		if (level->exact == NULL || level->sizes == NULL)
			return ringcast_document_refuse(&reader->document, "", "out of memory");
		level->loosest = level->exact + rule_set->rule_count;
		level->loosest_sizes = level->sizes + rule_set->team_count;
		memcpy(level->exact, reader->values, rule_set->rule_count * sizeof(*level->exact));
		memcpy(level->sizes, reader->sizes, rule_set->team_count * sizeof(*level->sizes));
		level->batching = reader->batching;
		level->backfill_priority = reader->backfill_priority;
	}
	return true;
}

static double weaker(double a, double b, bool is_max)
{
	if (isnan(a) || isnan(b))
		return NAN;
	return (a > b) == is_max ? a : b;
}

static void loosen_rules(struct match_rule_set *rule_set, struct match_level *level, const struct match_level *below)
{
	for (uint16_t i = 0; i < rule_set->rule_count; i++) {
		struct match_values *loose = &level->loosest[i];
		*loose = level->exact[i];
		if (below == NULL)
			continue;
		loose->min = weaker(loose->min, below->loosest[i].min, false);
		loose->max = weaker(loose->max, below->loosest[i].max, true);
		loose->latency_max = weaker(loose->latency_max, below->loosest[i].latency_max, true);
	}
}

static void loosen(struct match_rule_set *rule_set)
{
	for (uint16_t i = 0; i < rule_set->level_count; i++) {
		struct match_level *level = &rule_set->levels[i], *below = i == 0 ? NULL : level - 1;
		loosen_rules(rule_set, level, below);
		for (uint16_t team = 0; team < rule_set->team_count; team++) {
			struct match_team_size size = level->sizes[team];
			if (below != NULL && below->loosest_sizes[team].players_max > size.players_max)
				size.players_max = below->loosest_sizes[team].players_max;
			if (below != NULL && below->loosest_sizes[team].players_min < size.players_min)
				size.players_min = below->loosest_sizes[team].players_min;
			level->loosest_sizes[team] = size;
		}
	}
}

/* Targets */

static bool expand_team(struct expansion *expansion, uint16_t team, bool is_max, const struct step *step)
{
	struct match_rule_set *rule_set = expansion->reader->rule_set;
	double number;
	if (!ringcast_field_is_number(step->value, &number) || number != floor(number) || number < is_max || number > MATCH_PLAYERS_MAX)
		return refuse(expansion, expansion->path, "a step's value must be a whole number of players from %d to %d", is_max, MATCH_PLAYERS_MAX);
	for (uint16_t i = 0; i < rule_set->level_count; i++)
		if (rule_set->levels[i].wait_ns >= step->wait_s * NS_PER_S)
			*(is_max ? &rule_set->levels[i].sizes[team].players_max : &rule_set->levels[i].sizes[team].players_min) = (uint16_t)number;
	return true;
}

static bool is_stem(const struct match_rule_set *rule_set, uint16_t team, const char *name, size_t size)
{
	const char *full = rule_set->teams[team].name;
	bool has_brother = (team > 0 && rule_set->teams[team - 1].definition == rule_set->teams[team].definition) ||
			   (team + 1 < rule_set->team_count && rule_set->teams[team + 1].definition == rule_set->teams[team].definition);
	if (strncmp(full, name, size) != 0)
		return false;
	return full[size] == '\0' || (has_brother && full[size] == '_' && strspn(full + size + 1, "0123456789") == strlen(full + size + 1));
}

static bool expand_teams_named(struct expansion *expansion, const char *name, size_t size, bool is_max)
{
	struct match_rule_set *rule_set = expansion->reader->rule_set;
	bool is_found = false, is_all = size == 1 && *name == '*';
	for (uint16_t team = 0; team < rule_set->team_count; team++) {
		if (!is_all && !is_stem(rule_set, team, name, size))
			continue;
		is_found = true;
		/* One of several that a definition has made is from now on unlike its brothers. */
		rule_set->teams[team].is_named |= !is_all && rule_set->teams[team].name[size] == '\0';
		for (size_t i = 0; i < expansion->step_count; i++)
			if (!expand_team(expansion, team, is_max, &expansion->steps[i]))
				return false;
	}
	return is_found || refuse(expansion, expansion->path, "target: there is no team '%.*s'", (int)size, name);
}

static bool expand_teams(struct expansion *expansion, const char *names, const char *end)
{
	bool is_max = strcmp(end, "].maxPlayers") == 0;
	if (!is_max && strcmp(end, "].minPlayers") != 0)
		return refuse(expansion, expansion->path, "target: of teams only minPlayers and maxPlayers can be expanded");
	while (names < end) {
		names += strspn(names, " ");
		size_t size = strcspn(names, ",]");
		if (size == 0 || !expand_teams_named(expansion, names, size, is_max))
			return size > 0 ? false : refuse(expansion, expansion->path, "target: a team's name is missing");
		names += size + (names[size] == ',');
	}
	return true;
}

static const struct {
	const char *name;
	uint32_t types; /* bit per rule type */
	size_t offset;
} properties[] = {
	{"referenceValue", 1u << MATCH_COMPARISON | 1u << MATCH_DISTANCE | 1u << MATCH_COLLECTION, offsetof(struct match_values, reference)},
	{"minDistance", 1u << MATCH_DISTANCE, offsetof(struct match_values, min)},
	{"maxDistance", 1u << MATCH_DISTANCE | 1u << MATCH_BATCH_DISTANCE | 1u << MATCH_LATENCY, offsetof(struct match_values, max)},
	{"minCount", 1u << MATCH_COLLECTION, offsetof(struct match_values, min)},
	{"maxCount", 1u << MATCH_COLLECTION, offsetof(struct match_values, max)},
	{"maxLatency", 1u << MATCH_LATENCY, offsetof(struct match_values, latency_max)},
};

static bool expand_text(struct expansion *expansion, uint16_t rule, const struct step *step)
{
	struct match_rule_set *rule_set = expansion->reader->rule_set;
	if (!json_is_string(step->value))
		return refuse(expansion, expansion->path, "a step's value must be a text, as the rule's referenceValue is");
	uint64_t text = ringcast_match_text(rule_set, json_string_value(step->value), json_string_length(step->value));
	for (uint16_t i = 0; i < rule_set->level_count; i++)
		if (rule_set->levels[i].wait_ns >= step->wait_s * NS_PER_S)
			rule_set->levels[i].exact[rule].text = text;
	return true;
}

static bool expand_number(struct expansion *expansion, uint16_t rule, size_t property, const struct step *step)
{
	struct match_rule_set *rule_set = expansion->reader->rule_set;
	double number;
	if (!ringcast_field_is_number(step->value, &number) || (property > 0 && number < 0))
		return refuse(expansion, expansion->path, "a step's value must be a number%s", property > 0 ? " of at least 0" : "");
	for (uint16_t i = 0; i < rule_set->level_count; i++)
		if (rule_set->levels[i].wait_ns >= step->wait_s * NS_PER_S)
			*(double *)((char *)&rule_set->levels[i].exact[rule] + properties[property].offset) = number;
	return true;
}

static bool expand_rule_property(struct expansion *expansion, uint16_t index, size_t property)
{
	const struct match_rule *rule = &expansion->reader->rule_set->rules[index];
	bool is_text = property == 0 && rule->reference_kind == MATCH_REFERENCE_TEXT;
	if ((properties[property].types >> rule->type & 1) == 0)
		return refuse(expansion, expansion->path, "target: a %s rule has no %s to expand", ringcast_match_rule_type_name(rule->type),
			      properties[property].name);
	if (property == 0 && !is_text && rule->reference_kind != MATCH_REFERENCE_NUMBER)
		return refuse(expansion, expansion->path, "target: only a referenceValue that is a number or a text can be expanded");
	if (rule->type == MATCH_LATENCY && property == 2 && !rule->has_distance)
		return refuse(expansion, expansion->path, "target: this latency rule has no maxDistance");
	for (size_t i = 0; i < expansion->step_count; i++)
		if (is_text ? !expand_text(expansion, index, &expansion->steps[i]) : !expand_number(expansion, index, property, &expansion->steps[i]))
			return false;
	return true;
}

static bool expand_rule(struct expansion *expansion, const char *name, const char *end)
{
	struct match_rule_set *rule_set = expansion->reader->rule_set;
	uint16_t rule = 0;
	while (rule < rule_set->rule_count && (strncmp(rule_set->rules[rule].name, name, (size_t)(end - name)) != 0 ||
					       rule_set->rules[rule].name[end - name] != '\0'))
		rule++;
	if (rule == rule_set->rule_count)
		return refuse(expansion, expansion->path, "target: there is no rule '%.*s'", (int)(end - name), name);
	for (size_t i = 0; i < ARRAY_COUNT(properties) && end[1] == '.'; i++)
		if (strcmp(end + 2, properties[i].name) == 0)
			return expand_rule_property(expansion, rule, i);
	return refuse(expansion, expansion->path,
		      "target: of rules these can be expanded: referenceValue, minDistance, maxDistance, minCount, maxCount, maxLatency");
}

/* Choices of the algorithm that can be made again: how batches are made, and whether running matches come first. */
static bool expand_algorithm(struct expansion *expansion, const char *property)
{
	static const char *const batchings[] = {"random", "sorted", "largestPopulation", "fastestRegion", NULL};
	static const char *const priorities[] = {"low", "normal", "high", NULL};
	struct match_rule_set *rule_set = expansion->reader->rule_set;
	bool is_batching = strcmp(property, "batchingPreference") == 0;
	if (!is_batching && strcmp(property, "backfillPriority") != 0)
		return refuse(expansion, expansion->path, "target: of the algorithm batchingPreference and backfillPriority can be expanded");
	for (size_t i = 0; i < expansion->step_count; i++) {
		const char *name = json_string_value(expansion->steps[i].value);
		const char *const *choices = is_batching ? batchings : priorities;
		uint16_t choice = 0;
		while (choices[choice] != NULL && (name == NULL || strcmp(choices[choice], name) != 0))
			choice++;
		if (choices[choice] == NULL || (is_batching && (choice >= MATCH_LARGEST_POPULATION) != rule_set->is_large))
			return refuse(expansion, expansion->path, "a step's value must be one that algorithm.%s may have", property);
		if (is_batching && choice == MATCH_SORTED && rule_set->batch_sort_count == 0)
			return refuse(expansion, expansion->path, "sorted batches need algorithm.sortByAttributes");
		for (uint16_t level = 0; level < rule_set->level_count; level++)
			if (rule_set->levels[level].wait_ns >= expansion->steps[i].wait_s * NS_PER_S)
				*(is_batching ? &rule_set->levels[level].batching : &rule_set->levels[level].backfill_priority) = choice;
	}
	return true;
}

static bool expand(struct expansion *expansion)
{
	const char *target = expansion->target, *bracket = strchr(target, ']');
	if (strncmp(target, "algorithm.", 10) == 0)
		return expand_algorithm(expansion, target + 10);
	if (strncmp(target, "rules[", 6) == 0 && bracket != NULL)
		return expand_rule(expansion, target + 6, bracket);
	if (strncmp(target, "teams[", 6) == 0 && bracket != NULL)
		return expand_teams(expansion, target + 6, bracket);
	return refuse(expansion, expansion->path, "target must be rules[NAME].PROPERTY, teams[NAME].minPlayers or .maxPlayers, or algorithm.PROPERTY");
}

static bool check_sizes(struct rule_set_reader *reader)
{
	struct match_rule_set *rule_set = reader->rule_set;
	for (uint16_t level = 0; level < rule_set->level_count; level++)
		for (uint16_t team = 0; team < rule_set->team_count; team++)
			if (rule_set->levels[level].sizes[team].players_min > rule_set->levels[level].sizes[team].players_max)
				return ringcast_document_refuse(&reader->document, "expansions", "after %llu s team '%s' has minPlayers above maxPlayers",
								(unsigned long long)(rule_set->levels[level].wait_ns / NS_PER_S),
								rule_set->teams[team].name);
	return true;
}

/* Which rules may be asked of a match that still grows */

/* Values as tickets have them: no function has made one of several. */
static bool is_plain(const struct match_rule_set *rule_set, uint16_t root)
{
	const struct expression_node *node = &rule_set->expressions.nodes[root];
	while (node->kind == EXPRESSION_FLATTEN)
		node = &rule_set->expressions.nodes[node->child];
	return node->kind == EXPRESSION_LEAF;
}

static bool is_plain_rule(const struct match_rule_set *rule_set, const struct match_rule *rule)
{
	for (uint16_t i = 0; i < rule->measurement_count; i++)
		if (!is_plain(rule_set, rule->measurements[i]))
			return false;
	return true;
}

static bool has_bound(const struct match_rule_set *rule_set, uint16_t rule, bool is_max)
{
	for (uint16_t i = 0; i < rule_set->level_count; i++) {
		double bound = is_max ? rule_set->levels[i].exact[rule].max : rule_set->levels[i].exact[rule].min;
		if (!isnan(bound) && (is_max || bound > 0))
			return true;
	}
	return false;
}

static bool has_one_reference(const struct match_rule_set *rule_set, uint16_t rule)
{
	const struct match_values *first = &rule_set->levels[0].exact[rule];
	for (uint16_t i = 1; i < rule_set->level_count; i++) {
		const struct match_values *values = &rule_set->levels[i].exact[rule];
		if (values->text != first->text || (values->reference != first->reference && !isnan(first->reference)))
			return false;
	}
	return rule_set->rules[rule].reference_kind != MATCH_REFERENCE_EXPRESSION;
}

static bool collection_tightens(const struct match_rule_set *rule_set, uint16_t index)
{
	const struct match_rule *rule = &rule_set->rules[index];
	const struct expression_node *reference = &rule_set->expressions.nodes[rule->reference];
	if (!is_plain_rule(rule_set, rule))
		return false;
	if (rule->operation == MATCH_COMMON)
		return !has_bound(rule_set, index, true);
	if (rule->operation == MATCH_CONTAINS)
		return !has_bound(rule_set, index, false) && has_one_reference(rule_set, index);
	if (rule->reference_kind == MATCH_REFERENCE_TEXTS)
		return true;
	return !has_bound(rule_set, index, true) && reference->kind == EXPRESSION_SET_INTERSECTION && is_plain(rule_set, reference->child);
}

static bool rule_tightens(const struct match_rule_set *rule_set, uint16_t index)
{
	const struct match_rule *rule = &rule_set->rules[index];
	switch (rule->type) {
	case MATCH_COMPARISON:
	case MATCH_DISTANCE:
		return is_plain_rule(rule_set, rule) && has_one_reference(rule_set, index);
	case MATCH_BATCH_DISTANCE:
		return true;
	case MATCH_COLLECTION:
		return collection_tightens(rule_set, index);
	case MATCH_LATENCY:
		return !rule->has_distance || rule->is_distance_of_min;
	default:
		return false;
	}
}

static bool statement_tightens(const struct match_rule_set *rule_set, uint16_t root)
{
	const struct match_statement_node *node = &rule_set->statement_nodes[root];
	if (node->kind == MATCH_RULE_OF)
		return rule_set->rules[node->rule].only_tightens;
	for (uint16_t i = 0; i < node->child_count; i++)
		if (!statement_tightens(rule_set, node->children[i]))
			return false;
	return node->kind == MATCH_AND || node->kind == MATCH_OR;
}

static void classify(struct match_rule_set *rule_set)
{
	for (uint16_t i = 0; i < rule_set->rule_count; i++)
		rule_set->rules[i].only_tightens = rule_tightens(rule_set, i);
	for (uint16_t i = 0; i < rule_set->rule_count; i++)
		if (rule_set->rules[i].type == MATCH_COMPOUND)
			rule_set->rules[i].only_tightens = statement_tightens(rule_set, rule_set->rules[i].statement);
}

static bool read_all(struct expansion *expansions, const json_t *array, size_t count)
{
	struct rule_set_reader *reader = expansions[0].reader;
	reader->rule_set->level_count = 1;
	for (size_t i = 0; i < count; i++) {
		expansions[i].reader = reader;
		if (!read_expansion(&expansions[i], json_array_get(array, i), i))
			return false;
		for (size_t step = 0; step < expansions[i].step_count; step++)
			if (!add_level(&expansions[i], expansions[i].steps[step].wait_s))
				return false;
	}
	if (!fill_levels(reader))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!expand(&expansions[i]))
			return false;
	return true;
}

bool ringcast_expansions_read(struct rule_set_reader *reader)
{
	const json_t *root = reader->document.root;
	size_t count;
	if (!ringcast_field_array(reader, root, "expansions", MATCH_EXPANSIONS_MAX, false, &count))
		return false;
	struct expansion *expansions = calloc(count + 1, sizeof(*expansions));
	if (expansions == NULL)
		return ringcast_document_refuse(&reader->document, "", "out of memory");
	expansions[0].reader = reader;
	bool is_read = read_all(expansions, json_object_get(root, "expansions"), count);
	free(expansions);
	if (!is_read || !check_sizes(reader))
		return false;
	loosen(reader->rule_set);
	classify(reader->rule_set);
	return true;
}
