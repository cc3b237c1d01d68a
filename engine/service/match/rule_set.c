/* Reading a rule set: attributes, teams and the algorithm; rules and expansions have files of their own. */
#include "service/match/rule_set.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "service/match/rule_set_read.h"

uint64_t ringcast_match_text(const struct match_rule_set *rule_set, const char *text, size_t size)
{
	return ringcast_hash_bytes(text, size, rule_set->secret);
}

uint16_t ringcast_match_level_at(const struct match_rule_set *rule_set, uint64_t age_ns)
{
	uint16_t level = 0;
	while (level + 1 < rule_set->level_count && rule_set->levels[level + 1].wait_ns <= age_ns)
		level++;
	return level;
}

uint16_t ringcast_match_attribute_find(const struct match_rule_set *rule_set, const char *name, size_t size)
{
	for (uint16_t i = 0; i < rule_set->attribute_count; i++)
		if (strlen(rule_set->attributes[i].name) == size && strncmp(rule_set->attributes[i].name, name, size) == 0)
			return i;
	return MATCH_ATTRIBUTES_MAX;
}

static bool is_same_column(const struct match_column *a, const struct match_column *b)
{
	return a->kind == b->kind && a->aggregation == b->aggregation && a->attribute == b->attribute && a->has_key == b->has_key && a->key == b->key;
}

uint16_t ringcast_match_column_of(struct match_rule_set *rule_set, const struct match_column *column)
{
	for (uint16_t i = 0; i < rule_set->column_count; i++)
		if (is_same_column(&rule_set->columns[i], column))
			return i;
	if (rule_set->column_count == MATCH_COLUMNS_MAX)
		return MATCH_COLUMNS_MAX;
	rule_set->columns[rule_set->column_count] = *column;
	return rule_set->column_count++;
}

/* Attributes */

static bool is_list_of_texts(const json_t *value)
{
	size_t i;
	json_t *item;
	if (!json_is_array(value) || json_array_size(value) > MATCH_TEXTS_MAX)
		return false;
	json_array_foreach((json_t *)value, i, item)
		if (!json_is_string(item))
			return false;
	return true;
}

static bool is_map_of_numbers(const json_t *value)
{
	const char *key;
	json_t *item;
	if (!json_is_object(value) || json_object_size(value) > MATCH_TEXTS_MAX)
		return false;
	json_object_foreach((json_t *)value, key, item)
		if (!json_is_number(item) || !isfinite(json_number_value(item)))
			return false;
	return true;
}

bool ringcast_match_is_of(enum match_attribute_type type, const json_t *value)
{
	switch (type) {
	case MATCH_STRING:
		return json_is_string(value);
	case MATCH_NUMBER:
		return json_is_number(value) && isfinite(json_number_value(value));
	case MATCH_STRING_LIST:
		return is_list_of_texts(value);
	case MATCH_NUMBER_MAP:
		return is_map_of_numbers(value);
	}
	ringcast_unreachable("attribute type");
}

static bool read_attribute(struct rule_set_reader *reader, const json_t *object, const char *of)
{
	static const struct field_choice types[] = {
		{"number", MATCH_NUMBER}, {"string", MATCH_STRING}, {"string_list", MATCH_STRING_LIST}, {"string_number_map", MATCH_NUMBER_MAP}, {NULL, 0}};
	struct match_rule_set *rule_set = reader->rule_set;
	struct match_attribute *attribute = &rule_set->attributes[rule_set->attribute_count];
	char path[DOCUMENT_PATH_BYTES];
	int type = -1;
	if (!ringcast_field_check_names(reader, object, of, "name type default description") ||
	    !ringcast_field_name(reader, object, of, "name", attribute->name) ||
	    !ringcast_field_choice(reader, object, ringcast_field_path(path, of, "type"), types, &type))
		return false;
	if (type < 0)
		return ringcast_document_refuse(&reader->document, of, "type is missing: number, string, string_list or string_number_map");
	if (ringcast_match_attribute_find(rule_set, attribute->name, strlen(attribute->name)) != MATCH_ATTRIBUTES_MAX)
		return ringcast_document_refuse(&reader->document, ringcast_field_path(path, of, "name"), "an attribute of this name is above");
	json_t *value = json_object_get(object, "default");
	attribute->type = (enum match_attribute_type)type;
	if (value != NULL && !ringcast_match_is_of(attribute->type, value))
		return ringcast_document_refuse(&reader->document, ringcast_field_path(path, of, "default"),
						"this must be a value of the attribute's type, with at most %d members", MATCH_TEXTS_MAX);
	attribute->default_value = value == NULL ? NULL : json_deep_copy(value);
	rule_set->attribute_count++;
	return value == NULL || attribute->default_value != NULL || ringcast_document_refuse(&reader->document, of, "out of memory");
}

static bool read_attributes(struct rule_set_reader *reader)
{
	const json_t *root = reader->document.root, *array = json_object_get(root, "playerAttributes");
	char of[48];
	size_t count;
	if (!ringcast_field_array(reader, root, "playerAttributes", MATCH_ATTRIBUTES_MAX, false, &count))
		return false;
	for (size_t i = 0; i < count; i++) {
		snprintf(of, sizeof(of), "playerAttributes[%zu]", i);
		if (!read_attribute(reader, json_array_get(array, i), of))
			return false;
	}
	return true;
}

/* Teams */

static bool add_team(struct rule_set_reader *reader, const char *of, uint16_t definition, const char *name, struct match_team_size size)
{
	struct match_rule_set *rule_set = reader->rule_set;
	if (rule_set->team_count == MATCH_TEAMS_MAX)
		return ringcast_document_refuse(&reader->document, of, "more than %d teams", MATCH_TEAMS_MAX);
	for (uint16_t i = 0; i < rule_set->team_count; i++)
		if (strcmp(rule_set->teams[i].name, name) == 0)
			return ringcast_document_refuse(&reader->document, of, "a team '%s' is above", name);
	struct match_team *team = &rule_set->teams[rule_set->team_count];
	memcpy(team->name, name, strlen(name) + 1);
	team->definition = definition;
	reader->sizes[rule_set->team_count++] = size;
	return true;
}

static bool read_team(struct rule_set_reader *reader, const json_t *object, uint16_t definition, const char *of)
{
	char path[DOCUMENT_PATH_BYTES], stem[MATCH_NAME_BYTES], name[MATCH_NAME_BYTES + 8];
	int64_t players_min = -1, players_max = -1, quantity = 1;
	if (!ringcast_field_check_names(reader, object, of, "name minPlayers maxPlayers quantity description") ||
	    !ringcast_field_name(reader, object, of, "name", stem) ||
	    !ringcast_field_whole(reader, object, ringcast_field_path(path, of, "maxPlayers"), 1, MATCH_PLAYERS_MAX, &players_max) ||
	    !ringcast_field_whole(reader, object, ringcast_field_path(path, of, "minPlayers"), 0, MATCH_PLAYERS_MAX, &players_min) ||
	    !ringcast_field_whole(reader, object, ringcast_field_path(path, of, "quantity"), 1, MATCH_TEAMS_MAX, &quantity))
		return false;
	if (players_max < 0 || players_min < 0)
		return ringcast_document_refuse(&reader->document, of, "%s is missing", players_max < 0 ? "maxPlayers" : "minPlayers");
	if (players_min > players_max)
		return ringcast_document_refuse(&reader->document, ringcast_field_path(path, of, "minPlayers"), "this must not be above maxPlayers");
	if (strlen(stem) + 4 >= MATCH_NAME_BYTES)
		return ringcast_document_refuse(&reader->document, ringcast_field_path(path, of, "name"), "a team's name has at most 124 characters");
	for (int64_t i = 1; i <= quantity; i++) {
		snprintf(name, sizeof(name), quantity == 1 ? "%s" : "%s_%d", stem, (int)i);
		if (!add_team(reader, of, definition, name, (struct match_team_size){(uint16_t)players_min, (uint16_t)players_max}))
			return false;
	}
	return true;
}

static bool read_teams(struct rule_set_reader *reader)
{
	const json_t *root = reader->document.root, *array = json_object_get(root, "teams");
	char of[48];
	size_t count;
	if (!ringcast_field_array(reader, root, "teams", MATCH_TEAMS_MAX, true, &count))
		return false;
	for (size_t i = 0; i < count; i++) {
		snprintf(of, sizeof(of), "teams[%zu]", i);
		if (!read_team(reader, json_array_get(array, i), (uint16_t)i, of))
			return false;
	}
	return true;
}

/* The widest match that the document and its expansions allow; an expansion of maxPlayers can make a small match a large one. */
static bool measure(struct rule_set_reader *reader)
{
	struct match_rule_set *rule_set = reader->rule_set;
	unsigned widest = 0;
	for (uint16_t level = 0; level < rule_set->level_count; level++) {
		unsigned players = 0;
		for (uint16_t i = 0; i < rule_set->team_count; i++)
			players += rule_set->levels[level].sizes[i].players_max;
		widest = players > widest ? players : widest;
	}
	if (widest > MATCH_PLAYERS_MAX)
		return ringcast_document_refuse(&reader->document, "teams", "%u players in all; a match has at most %d", widest, MATCH_PLAYERS_MAX);
	if (widest > MATCH_SMALL_PLAYERS_MAX && !rule_set->is_large)
		return ringcast_document_refuse(&reader->document, "teams",
						"%u players in all; above %d the algorithm's strategy must be balanced", widest, MATCH_SMALL_PLAYERS_MAX);
	rule_set->players_max = (uint16_t)widest;
	return true;
}

/* The algorithm */

static bool read_sort_attributes(struct rule_set_reader *reader, const json_t *algorithm)
{
	struct match_rule_set *rule_set = reader->rule_set;
	const json_t *array = json_object_get(algorithm, "sortByAttributes");
	if (array == NULL && reader->batching != MATCH_SORTED)
		return true;
	if (!json_is_array(array) || json_array_size(array) == 0 || json_array_size(array) > MATCH_SORTS_MAX)
		return ringcast_document_refuse(&reader->document, "algorithm.sortByAttributes", "sorted batches need 1 to %d attributes here", MATCH_SORTS_MAX);
	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *name = json_string_value(json_array_get(array, i));
		uint16_t attribute = name == NULL ? MATCH_ATTRIBUTES_MAX : ringcast_match_attribute_find(rule_set, name, strlen(name));
		if (attribute == MATCH_ATTRIBUTES_MAX || rule_set->attributes[attribute].type > MATCH_NUMBER)
			return ringcast_document_refuse(&reader->document, "algorithm.sortByAttributes", "each must name a player attribute that is a number or a string");
		struct match_column column = {.attribute = attribute,
					      .kind = rule_set->attributes[attribute].type == MATCH_NUMBER ? MATCH_COLUMN_NUMBER : MATCH_COLUMN_TEXTS};
		rule_set->batch_sorts[rule_set->batch_sort_count++] = ringcast_match_column_of(rule_set, &column);
	}
	return true;
}

static bool read_balance(struct rule_set_reader *reader, const json_t *algorithm)
{
	struct match_rule_set *rule_set = reader->rule_set;
	const char *name = json_string_value(json_object_get(algorithm, "balancedAttribute"));
	uint16_t attribute = name == NULL ? MATCH_ATTRIBUTES_MAX : ringcast_match_attribute_find(rule_set, name, strlen(name));
	if (attribute == MATCH_ATTRIBUTES_MAX || rule_set->attributes[attribute].type != MATCH_NUMBER)
		return ringcast_document_refuse(&reader->document, name == NULL ? "algorithm" : "algorithm.balancedAttribute",
						"the balanced strategy needs balancedAttribute: the name of a player attribute that is a number");
	struct match_column column = {.attribute = attribute, .kind = MATCH_COLUMN_NUMBER};
	rule_set->balance_column = ringcast_match_column_of(rule_set, &column);
	return true;
}

static const struct field_choice strategies[] = {{"exhaustiveSearch", 0}, {"balanced", 1}, {NULL, 0}};
static const struct field_choice small_batchings[] = {{"random", MATCH_RANDOM}, {"sorted", MATCH_SORTED}, {NULL, 0}};
static const struct field_choice large_batchings[] = {{"largestPopulation", MATCH_LARGEST_POPULATION}, {"fastestRegion", MATCH_FASTEST_REGION}, {NULL, 0}};
static const struct field_choice ages[] = {{"newest", 0}, {"oldest", 1}, {NULL, 0}};
static const struct field_choice priorities[] = {
	{"low", MATCH_PRIORITY_LOW}, {"normal", MATCH_PRIORITY_NORMAL}, {"high", MATCH_PRIORITY_HIGH}, {NULL, 0}};

static bool read_algorithm(struct rule_set_reader *reader)
{
	const json_t *algorithm = json_object_get(reader->document.root, "algorithm");
	int is_large = 0, batching, clock = 0, priority = MATCH_PRIORITY_NORMAL;
	if (algorithm != NULL &&
	    (!ringcast_field_check_names(reader, algorithm, "algorithm",
					 "strategy batchingPreference sortByAttributes balancedAttribute expansionAgeSelection backfillPriority") ||
	     !ringcast_field_choice(reader, algorithm, "algorithm.strategy", strategies, &is_large)))
		return false;
	batching = is_large ? MATCH_LARGEST_POPULATION : MATCH_RANDOM;
	if (!ringcast_field_choice(reader, algorithm, "algorithm.batchingPreference", is_large ? large_batchings : small_batchings, &batching) ||
	    !ringcast_field_choice(reader, algorithm, "algorithm.expansionAgeSelection", ages, &clock) ||
	    !ringcast_field_choice(reader, algorithm, "algorithm.backfillPriority", priorities, &priority))
		return false;
	reader->rule_set->is_large = is_large != 0;
	reader->rule_set->clock_is_oldest = clock != 0;
	reader->batching = (uint16_t)batching;
	reader->backfill_priority = (uint16_t)priority;
	return is_large ? read_balance(reader, algorithm) : read_sort_attributes(reader, algorithm);
}

static bool read_head(struct rule_set_reader *reader)
{
	const json_t *root = reader->document.root, *name = json_object_get(root, "name");
	const char *version = json_string_value(json_object_get(root, "ruleLanguageVersion"));
	if (!ringcast_field_check_names(reader, root, "", "name ruleLanguageVersion playerAttributes algorithm teams rules expansions description"))
		return false;
	if (version == NULL || strcmp(version, "1.0") != 0)
		return ringcast_document_refuse(&reader->document, version == NULL ? "" : "ruleLanguageVersion", "ruleLanguageVersion must be \"1.0\"");
	if (name != NULL && (!json_is_string(name) || json_string_length(name) >= MATCH_NAME_BYTES))
		return ringcast_document_refuse(&reader->document, "name", "this must be a text of at most %d characters", MATCH_NAME_BYTES - 1);
	snprintf(reader->rule_set->name, MATCH_NAME_BYTES, "%s", name == NULL ? "" : json_string_value(name));
	return true;
}

static bool read_all(struct rule_set_reader *reader, const char *text, size_t size, char *problem)
{
	return ringcast_document_open(&reader->document, text, size, problem) && read_head(reader) && read_attributes(reader) && read_teams(reader) &&
	       read_algorithm(reader) && ringcast_rules_read(reader) && ringcast_expansions_read(reader) && measure(reader);
}

struct match_rule_set *ringcast_match_rule_set_create(const char *text, size_t size, uint64_t secret, char problem[DOCUMENT_PROBLEM_BYTES])
{
	struct rule_set_reader *reader = calloc(1, sizeof(*reader));
	struct match_rule_set *rule_set = calloc(1, sizeof(*rule_set));
	if (reader == NULL || rule_set == NULL) {
		snprintf(problem, DOCUMENT_PROBLEM_BYTES, "line 1: out of memory");
		free(reader);
		free(rule_set);
		return NULL;
	}
	rule_set->secret = secret;
	reader->rule_set = rule_set;
	if (!read_all(reader, text, size, problem))
		ringcast_match_rule_set_destroy(&rule_set);
	ringcast_document_close(&reader->document);
	free(reader);
	return rule_set;
}

void ringcast_match_rule_set_destroy(struct match_rule_set **rule_set)
{
	struct match_rule_set *dead = *rule_set;
	*rule_set = NULL;
	if (dead == NULL)
		return;
	for (uint16_t i = 0; i < dead->attribute_count; i++)
		json_decref(dead->attributes[i].default_value);
	for (uint16_t i = 0; i < dead->rule_count; i++)
		free(dead->rules[i].reference_texts);
	for (uint16_t i = 0; i < dead->level_count; i++) {
		free(dead->levels[i].exact);
		free(dead->levels[i].sizes);
	}
	free(dead);
}

static void keep_open(const struct match_rule_set *rule_set, struct match_team_size *sizes, uint16_t count)
{
	for (; count > 0; count--) {
		uint16_t largest = 0;
		for (uint16_t team = 1; team < rule_set->team_count; team++)
			if (sizes[team].players_max > sizes[largest].players_max)
				largest = team;
		if (sizes[largest].players_max <= sizes[largest].players_min || sizes[largest].players_max <= 1)
			return;
		sizes[largest].players_max--;
	}
}

void ringcast_match_rule_set_keep_open(struct match_rule_set *rule_set, uint16_t count)
{
	uint16_t players_max = 0;
	for (uint16_t level = 0; level < rule_set->level_count; level++) {
		uint16_t players = 0;
		keep_open(rule_set, rule_set->levels[level].sizes, count);
		keep_open(rule_set, rule_set->levels[level].loosest_sizes, count);
		for (uint16_t team = 0; team < rule_set->team_count; team++)
			players = (uint16_t)(players + rule_set->levels[level].loosest_sizes[team].players_max);
		players_max = players > players_max ? players : players_max;
	}
	rule_set->players_max = players_max;
}
