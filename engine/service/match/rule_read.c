/* Reading rules: one function a type, checked as far as can be known before a ticket comes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/attr.h"
#include "service/match/rule_set_read.h"

static const struct field_choice numbers_aggregations[] = {{"avg", MATCH_AVERAGE}, {"min", MATCH_MIN}, {"max", MATCH_MAX}, {NULL, 0}};
static const struct field_choice lists_aggregations[] = {{"union", MATCH_UNION}, {"intersection", MATCH_INTERSECTION}, {NULL, 0}};
static const struct field_choice comparisons[] = {{"=", MATCH_EQUAL}, {"!=", MATCH_UNEQUAL}, {"<", MATCH_LESS}, {"<=", MATCH_LESS_EQUAL},
						  {">", MATCH_GREATER}, {">=", MATCH_GREATER_EQUAL}, {NULL, 0}};
static const struct field_choice collections[] = {
	{"intersection", MATCH_COMMON}, {"contains", MATCH_CONTAINS}, {"reference_intersection_count", MATCH_REFERENCE_COMMON}, {NULL, 0}};
static const struct field_choice directions[] = {{"ascending", 0}, {"descending", 1}, {NULL, 0}};
static const struct field_choice map_keys[] = {{"minValue", 1}, {"maxValue", 2}, {NULL, 0}};
static const struct field_choice distance_references[] = {{"avg", 1}, {"min", 2}, {NULL, 0}};

struct rule_source {
	struct rule_set_reader *reader;
	const json_t *object;
	struct match_rule *rule;
	struct match_values *values;
	char path[DOCUMENT_PATH_BYTES]; /* rules[2] */
	char field[DOCUMENT_PATH_BYTES]; /* the field that is being read */
};

#define refuse(source, key, ...) \
	ringcast_document_refuse(&(source)->reader->document, ringcast_field_path((source)->field, (source)->path, key), __VA_ARGS__)

static bool refuse_missing(struct rule_source *source, const char *what)
{
	return ringcast_document_refuse(&source->reader->document, source->path, "%s is missing", what);
}

static bool read_choice(struct rule_source *source, const char *key, const struct field_choice *choices, int *ret_value)
{
	return ringcast_field_choice(source->reader, source->object, ringcast_field_path(source->field, source->path, key), choices, ret_value);
}

static bool read_aggregation(struct rule_source *source, const struct field_choice *choices)
{
	int value = choices[0].value;
	if (!read_choice(source, "partyAggregation", choices, &value))
		return false;
	source->rule->aggregation = (enum match_aggregation)value;
	return true;
}

static bool read_bound(struct rule_source *source, const char *key, double *ret_bound)
{
	if (!ringcast_field_number(source->reader, source->object, source->path, key, ret_bound))
		return false;
	return isnan(*ret_bound) || *ret_bound >= 0 || refuse(source, key, "this must not be below 0");
}

static const struct expression_node *node_of(const struct rule_source *source, uint16_t root)
{
	return &source->reader->rule_set->expressions.nodes[root];
}

static bool read_expression(struct rule_source *source, const char *key, const json_t *value, uint16_t *ret_root)
{
	char problem[EXPRESSION_PROBLEM_BYTES];
	if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
		return refuse(source, key, "this must be a property expression in quotes, such as \"avg(teams[*].players.attributes[skill])\"");
	if (!ringcast_expression_read(source->reader->rule_set, json_string_value(value), source->rule->aggregation, ret_root, problem))
		return refuse(source, key, "%s", problem);
	return node_of(source, *ret_root)->base != EXPRESSION_PLAYER ||
	       refuse(source, key, "players themselves are no values: count(...) them, or name an attribute");
}

/* An array of expressions, or one alone. base is what they must be of; -1: any, but all of one. */
static bool read_measurements(struct rule_source *source, int base)
{
	const json_t *value = json_object_get(source->object, "measurements");
	struct match_rule *rule = source->rule;
	size_t count = json_is_array(value) ? json_array_size(value) : 1;
	if (value == NULL)
		return refuse_missing(source, "measurements");
	if (count == 0 || count > MATCH_MEASUREMENTS_MAX)
		return refuse(source, "measurements", "1 to %d expressions are allowed", MATCH_MEASUREMENTS_MAX);
	for (size_t i = 0; i < count; i++) {
		uint16_t *root = &rule->measurements[i];
		if (!read_expression(source, "measurements", json_is_array(value) ? json_array_get(value, i) : value, root))
			return false;
		if (base >= 0 && (int)node_of(source, *root)->base != base)
			return refuse(source, "measurements", "this rule measures %s", base == EXPRESSION_NUMBER ? "numbers" : "texts");
		base = (int)node_of(source, *root)->base;
		rule->measurement_count++;
	}
	return true;
}

static bool read_reference_texts(struct rule_source *source, const json_t *array)
{
	struct match_rule *rule = source->rule;
	size_t count = json_is_array(array) ? json_array_size(array) : 1;
	if (count == 0 || count > MATCH_TEXTS_MAX)
		return refuse(source, "referenceValue", "1 to %d texts are allowed", MATCH_TEXTS_MAX);
	rule->reference_texts = calloc(count, sizeof(*rule->reference_texts));
	if (rule->reference_texts == NULL)
		return refuse(source, "referenceValue", "out of memory");
	for (size_t i = 0; i < count; i++) {
		const json_t *text = json_is_array(array) ? json_array_get(array, i) : array;
		if (!json_is_string(text))
			return refuse(source, "referenceValue", "each member must be a text");
		uint64_t hash = ringcast_match_text(source->reader->rule_set, json_string_value(text), json_string_length(text));
		size_t at = rule->reference_text_count;
		for (; at > 0 && rule->reference_texts[at - 1] > hash; at--)
			rule->reference_texts[at] = rule->reference_texts[at - 1];
		rule->reference_texts[at] = hash;
		rule->reference_text_count++;
	}
	rule->reference_kind = MATCH_REFERENCE_TEXTS;
	return true;
}

/* A number, a text or an expression of the measurements' base. Absent: there is none. */
static bool read_reference(struct rule_source *source)
{
	const json_t *value = json_object_get(source->object, "referenceValue");
	struct match_rule *rule = source->rule;
	enum expression_base base = node_of(source, rule->measurements[0])->base;
	if (value == NULL)
		return true;
	if (json_is_string(value) && ringcast_expression_is_meant(json_string_value(value))) {
		rule->reference_kind = MATCH_REFERENCE_EXPRESSION;
		return read_expression(source, "referenceValue", value, &rule->reference) &&
		       (node_of(source, rule->reference)->base == base || refuse(source, "referenceValue", "this and the measurements must be of one kind"));
	}
	if (base == EXPRESSION_NUMBER) {
		rule->reference_kind = MATCH_REFERENCE_NUMBER;
		return ringcast_field_is_number(value, &source->values->reference) ||
		       refuse(source, "referenceValue", "this must be a number or a property expression, since numbers are measured");
	}
	if (!json_is_string(value))
		return refuse(source, "referenceValue", "this must be a text or a property expression, since texts are measured");
	rule->reference_kind = MATCH_REFERENCE_TEXT;
	source->values->text = ringcast_match_text(source->reader->rule_set, json_string_value(value), json_string_length(value));
	return true;
}

/* Whether the expression's texts come from lists of texts, not from one text a player. */
static bool is_of_lists(const struct rule_source *source, uint16_t root)
{
	const struct expression_node *node = node_of(source, root);
	while (node->kind != EXPRESSION_LEAF)
		node = node_of(source, node->child);
	return source->reader->rule_set->columns[node->column].kind == MATCH_COLUMN_LIST;
}

static bool check_comparable(struct rule_source *source)
{
	const struct match_rule *rule = source->rule;
	for (uint16_t i = 0; i < rule->measurement_count; i++)
		if (node_of(source, rule->measurements[i])->base == EXPRESSION_TEXT && is_of_lists(source, rule->measurements[i]))
			return refuse(source, "measurements", "lists of texts are compared by a collection rule");
	if (rule->reference_kind == MATCH_REFERENCE_EXPRESSION && node_of(source, rule->reference)->base == EXPRESSION_TEXT && is_of_lists(source, rule->reference))
		return refuse(source, "referenceValue", "lists of texts are compared by a collection rule");
	return true;
}

static bool read_comparison(struct rule_source *source)
{
	struct match_rule *rule = source->rule;
	int operation = -1;
	if (!read_aggregation(source, numbers_aggregations) || !read_measurements(source, -1) || !read_reference(source) ||
	    !read_choice(source, "operation", comparisons, &operation))
		return false;
	if (operation < 0)
		return refuse_missing(source, "operation");
	rule->operation = (enum match_operation)operation;
	if (operation > MATCH_UNEQUAL && rule->reference_kind == MATCH_NO_REFERENCE)
		return refuse(source, "operation", "without a referenceValue only = (all are equal) and != (all differ) have a meaning");
	if (operation > MATCH_UNEQUAL && node_of(source, rule->measurements[0])->base == EXPRESSION_TEXT)
		return refuse(source, "operation", "texts know = and != only");
	return check_comparable(source);
}

static bool read_distance(struct rule_source *source)
{
	if (!read_aggregation(source, numbers_aggregations) || !read_measurements(source, EXPRESSION_NUMBER) || !read_reference(source) ||
	    !read_bound(source, "minDistance", &source->values->min) || !read_bound(source, "maxDistance", &source->values->max))
		return false;
	if (source->rule->reference_kind == MATCH_NO_REFERENCE)
		return refuse_missing(source, "referenceValue");
	return !isnan(source->values->min) || !isnan(source->values->max) || refuse_missing(source, "maxDistance or minDistance");
}

static uint16_t find_attribute(struct rule_source *source, const char *key)
{
	const char *name = json_string_value(json_object_get(source->object, key));
	return name == NULL ? MATCH_ATTRIBUTES_MAX : ringcast_match_attribute_find(source->reader->rule_set, name, strlen(name));
}

static bool set_column(struct rule_source *source, uint16_t attribute, enum match_column_kind kind)
{
	struct match_column column = {.attribute = attribute, .kind = kind, .aggregation = kind == MATCH_COLUMN_TEXTS ? MATCH_AVERAGE : source->rule->aggregation};
	source->rule->column = ringcast_match_column_of(source->reader->rule_set, &column);
	return source->rule->column != MATCH_COLUMNS_MAX || refuse(source, "", "the rule set reads more than %d different values of a player", MATCH_COLUMNS_MAX);
}

static bool read_batch_distance(struct rule_source *source)
{
	if (!read_aggregation(source, numbers_aggregations) || !read_bound(source, "maxDistance", &source->values->max))
		return false;
	uint16_t attribute = find_attribute(source, "batchAttribute");
	if (attribute == MATCH_ATTRIBUTES_MAX || source->reader->rule_set->attributes[attribute].type > MATCH_NUMBER)
		return refuse(source, "batchAttribute", "this must be the name of a player attribute that is a number or a string");
	bool is_number = source->reader->rule_set->attributes[attribute].type == MATCH_NUMBER;
	if (is_number && isnan(source->values->max))
		return refuse_missing(source, "maxDistance");
	return set_column(source, attribute, is_number ? MATCH_COLUMN_NUMBER : MATCH_COLUMN_TEXTS);
}

static bool read_collection_reference(struct rule_source *source)
{
	const json_t *value = json_object_get(source->object, "referenceValue");
	struct match_rule *rule = source->rule;
	if (rule->operation == MATCH_COMMON)
		return value == NULL || refuse(source, "referenceValue", "intersection compares players with each other; it takes no reference");
	if (value == NULL)
		return refuse_missing(source, "referenceValue");
	if (rule->operation == MATCH_CONTAINS) {
		if (!json_is_string(value))
			return refuse(source, "referenceValue", "contains takes one text");
		rule->reference_kind = MATCH_REFERENCE_TEXT;
		source->values->text = ringcast_match_text(source->reader->rule_set, json_string_value(value), json_string_length(value));
		return true;
	}
	if (!json_is_string(value) || !ringcast_expression_is_meant(json_string_value(value)))
		return read_reference_texts(source, value);
	rule->reference_kind = MATCH_REFERENCE_EXPRESSION;
	return read_expression(source, "referenceValue", value, &rule->reference) &&
	       ((node_of(source, rule->reference)->base == EXPRESSION_TEXT && node_of(source, rule->reference)->list_depth == 1) ||
		refuse(source, "referenceValue", "this must be one list of texts, such as set_intersection(flatten(...))"));
}

static bool read_collection(struct rule_source *source)
{
	int operation = -1;
	if (!read_aggregation(source, lists_aggregations) || !read_measurements(source, EXPRESSION_TEXT) ||
	    !read_choice(source, "operation", collections, &operation))
		return false;
	if (operation < 0)
		return refuse_missing(source, "operation");
	source->rule->operation = (enum match_operation)operation;
	if (!read_collection_reference(source) || !read_bound(source, "minCount", &source->values->min) ||
	    !read_bound(source, "maxCount", &source->values->max))
		return false;
	if (isnan(source->values->min) && isnan(source->values->max))
		source->values->min = 1;
	return true;
}

static bool read_latency(struct rule_source *source)
{
	struct match_rule *rule = source->rule;
	int reference = 0;
	if (!read_aggregation(source, numbers_aggregations) || !read_bound(source, "maxLatency", &source->values->latency_max) ||
	    !read_bound(source, "maxDistance", &source->values->max) || !read_choice(source, "distanceReference", distance_references, &reference))
		return false;
	rule->has_distance = !isnan(source->values->max);
	rule->is_distance_of_min = reference == 2;
	if (rule->has_distance != (reference != 0))
		return refuse_missing(source, rule->has_distance ? "distanceReference (min or avg), which maxDistance needs," : "maxDistance, which distanceReference needs,");
	if (!rule->has_distance && isnan(source->values->latency_max))
		return refuse_missing(source, "maxLatency");
	source->reader->rule_set->latency_rule_count++;
	return true;
}

static bool read_sort(struct rule_source *source)
{
	struct match_rule_set *rule_set = source->reader->rule_set;
	struct match_rule *rule = source->rule;
	int direction = 0, map_key = 0;
	if (!read_aggregation(source, numbers_aggregations) || !read_choice(source, "sortDirection", directions, &direction) ||
	    !read_choice(source, "mapKey", map_keys, &map_key))
		return false;
	uint16_t attribute = find_attribute(source, "sortAttribute");
	if (attribute == MATCH_ATTRIBUTES_MAX)
		return refuse(source, "sortAttribute", "this must be the name of a player attribute");
	enum match_attribute_type type = rule_set->attributes[attribute].type;
	if (type != MATCH_NUMBER && type != MATCH_NUMBER_MAP)
		return refuse(source, "sortAttribute", "only a number or a string_number_map can be sorted by");
	if ((type == MATCH_NUMBER_MAP) != (map_key != 0))
		return refuse(source, "mapKey", type == MATCH_NUMBER_MAP ? "a map is sorted by minValue or maxValue" : "only a string_number_map has keys");
	if (rule_set->sort_count == MATCH_SORTS_MAX)
		return refuse(source, "type", "more than %d sort rules", MATCH_SORTS_MAX);
	rule->is_descending = direction != 0;
	rule->by_map_key = map_key != 0;
	rule->is_key_of_max = map_key == 2;
	rule_set->sorts[rule_set->sort_count++] = (uint16_t)(rule - rule_set->rules);
	return set_column(source, attribute, type == MATCH_NUMBER ? MATCH_COLUMN_NUMBER : MATCH_COLUMN_MAP);
}

/* Its statement names rules that may stand below: it is read when all are known. */
static bool read_compound(struct rule_source *source)
{
	return json_is_string(json_object_get(source->object, "statement")) || refuse_missing(source, "statement, a text such as or(and(A,B),not(C)),");
}

static const struct rule_type {
	const char *name, *properties;
	bool (*read)(struct rule_source *source);
	bool is_for_large, may_be_member;
} rule_types[MATCH_RULE_TYPES] = {
	[MATCH_COMPARISON] = {"comparison", "name description type measurements referenceValue operation partyAggregation", read_comparison, false, true},
	[MATCH_DISTANCE] = {"distance", "name description type measurements referenceValue minDistance maxDistance partyAggregation", read_distance, false, true},
	[MATCH_BATCH_DISTANCE] = {"batchDistance", "name description type batchAttribute maxDistance partyAggregation", read_batch_distance, true, false},
	[MATCH_COLLECTION] = {"collection", "name description type measurements referenceValue operation minCount maxCount partyAggregation", read_collection,
			      false, true},
	[MATCH_LATENCY] = {"latency", "name description type maxLatency maxDistance distanceReference partyAggregation", read_latency, true, true},
	[MATCH_ABSOLUTE_SORT] = {"absoluteSort", "name description type sortDirection sortAttribute mapKey partyAggregation", read_sort, false, false},
	[MATCH_DISTANCE_SORT] = {"distanceSort", "name description type sortDirection sortAttribute mapKey partyAggregation", read_sort, false, false},
	[MATCH_COMPOUND] = {"compound", "name description type statement", read_compound, false, false},
};

const char *ringcast_match_rule_type_name(enum match_rule_type type)
{
	return rule_types[type].name;
}

static bool read_type(struct rule_source *source)
{
	struct field_choice choices[MATCH_RULE_TYPES + 1];
	int type = -1;
	for (int i = 0; i < MATCH_RULE_TYPES; i++)
		choices[i] = (struct field_choice){rule_types[i].name, i};
	choices[MATCH_RULE_TYPES].name = NULL;
	if (!json_is_object(source->object))
		return ringcast_document_refuse(&source->reader->document, source->path, "a rule is an object: { ... }");
	if (!read_choice(source, "type", choices, &type))
		return false;
	if (type < 0)
		return refuse_missing(source, "type");
	source->rule->type = (enum match_rule_type)type;
	if (source->reader->rule_set->is_large && (!rule_types[type].is_for_large || json_object_get(source->object, "distanceReference") != NULL))
		return refuse(source, "type", "the balanced strategy knows latency with maxLatency, and batchDistance, only");
	return true;
}

static bool read_rule(struct rule_set_reader *reader, const json_t *object, size_t index)
{
	struct match_rule_set *rule_set = reader->rule_set;
	struct rule_source source = {.reader = reader, .object = object, .rule = &rule_set->rules[index], .values = &reader->values[index]};
	snprintf(source.path, sizeof(source.path), "rules[%zu]", index);
	*source.values = (struct match_values){.reference = NAN, .min = NAN, .max = NAN, .latency_max = NAN};
	rule_set->rule_count++;
	if (!read_type(&source) || !ringcast_field_check_names(reader, object, source.path, rule_types[source.rule->type].properties) ||
	    !ringcast_field_name(reader, object, source.path, "name", source.rule->name))
		return false;
	for (size_t i = 0; i < index; i++)
		if (strcmp(rule_set->rules[i].name, source.rule->name) == 0)
			return refuse(&source, "name", "a rule of this name is above");
	return rule_types[source.rule->type].read(&source);
}

static bool read_statements(struct rule_set_reader *reader, const json_t *array)
{
	char path[DOCUMENT_PATH_BYTES];
	struct match_rule_set *rule_set = reader->rule_set;
	for (uint16_t i = 0; i < rule_set->rule_count; i++) {
		if (rule_set->rules[i].type != MATCH_COMPOUND)
			continue;
		const char *text = json_string_value(json_object_get(json_array_get(array, i), "statement"));
		snprintf(path, sizeof(path), "rules[%u].statement", i);
		if (!ringcast_statement_read(reader, text, path, &rule_set->rules[i].statement))
			return false;
	}
	for (uint16_t i = 0; i < rule_set->rule_count; i++) {
		snprintf(path, sizeof(path), "rules[%u]", i);
		if (rule_set->rules[i].is_member && !rule_types[rule_set->rules[i].type].may_be_member)
			return ringcast_document_refuse(&reader->document, path, "a %s rule cannot stand in a compound statement",
							rule_types[rule_set->rules[i].type].name);
	}
	return true;
}

bool ringcast_rules_read(struct rule_set_reader *reader)
{
	const json_t *root = reader->document.root, *array = json_object_get(root, "rules");
	size_t count;
	if (!ringcast_field_array(reader, root, "rules", MATCH_RULES_MAX, false, &count))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!read_rule(reader, json_array_get(array, i), i))
			return false;
	return read_statements(reader, array);
}
