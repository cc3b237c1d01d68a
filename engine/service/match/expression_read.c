/* Reading property expressions: from text to typed nodes. */
#include "service/match/expression.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/attr.h"
#include "service/match/rule_set.h"

/* What a function takes: a list of numbers, lists of texts, or anything listed at least so deeply. */
static const struct {
	const char *name;
	enum expression_kind kind;
	uint8_t list_depth_min;
	int8_t base; /* -1: any */
} functions[] = {
	{"min", EXPRESSION_MIN, 1, EXPRESSION_NUMBER},
	{"max", EXPRESSION_MAX, 1, EXPRESSION_NUMBER},
	{"avg", EXPRESSION_AVG, 1, EXPRESSION_NUMBER},
	{"median", EXPRESSION_MEDIAN, 1, EXPRESSION_NUMBER},
	{"sum", EXPRESSION_SUM, 1, EXPRESSION_NUMBER},
	{"stddev", EXPRESSION_STDDEV, 1, EXPRESSION_NUMBER},
	{"count", EXPRESSION_COUNT, 1, -1},
	{"flatten", EXPRESSION_FLATTEN, 2, -1},
	{"set_intersection", EXPRESSION_SET_INTERSECTION, 2, EXPRESSION_TEXT},
};

struct reader {
	const char *text, *at;
	struct match_rule_set *rule_set;
	unsigned aggregation, depth;
	char *problem;
};

static bool refuse(struct reader *reader, const char *format, ...) PRINTF_LIKE(2, 3);

static bool refuse(struct reader *reader, const char *format, ...)
{
	char what[EXPRESSION_PROBLEM_BYTES - 32];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	snprintf(reader->problem, EXPRESSION_PROBLEM_BYTES, "character %zu: %s", (size_t)(reader->at - reader->text) + 1, what);
	return false;
}

static bool take(struct reader *reader, const char *token)
{
	reader->at += strspn(reader->at, " \t\r\n");
	if (strncmp(reader->at, token, strlen(token)) != 0)
		return false;
	reader->at += strlen(token);
	return true;
}

static size_t word_bytes(const char *at)
{
	size_t size = 0;
	while (isalpha((unsigned char)at[size]) || at[size] == '_')
		size++;
	return size;
}

/* What stands in brackets, up to a comma or the closing one; spaces around it do not count. */
static bool take_name(struct reader *reader, const char **ret_name, size_t *ret_size)
{
	reader->at += strspn(reader->at, " \t\r\n");
	size_t size = strcspn(reader->at, ",[]()");
	*ret_name = reader->at;
	*ret_size = size;
	while (*ret_size > 0 && isspace((unsigned char)(*ret_name)[*ret_size - 1]))
		--*ret_size;
	if (*ret_size == 0)
		return refuse(reader, "a name is missing in the brackets");
	reader->at += size;
	return true;
}

static bool new_node(struct reader *reader, const struct expression_node *node, uint16_t *ret_index)
{
	struct expressions *expressions = &reader->rule_set->expressions;
	if (expressions->count == EXPRESSION_NODES_MAX)
		return refuse(reader, "the rule set's expressions have more than %d parts", EXPRESSION_NODES_MAX);
	expressions->nodes[expressions->count] = *node;
	*ret_index = expressions->count++;
	return true;
}

/* The teams of one name: itself, or all that its definition has made. Bits. */
static uint64_t find_teams(struct match_rule_set *rule_set, const char *name, size_t size)
{
	uint64_t found = 0;
	for (uint16_t i = 0; i < rule_set->team_count; i++) {
		struct match_team *team = &rule_set->teams[i];
		size_t stem = strlen(team->name), definition_size = stem;
		if (stem == size && strncmp(team->name, name, size) == 0) {
			team->is_named = true;
			return UINT64_C(1) << i;
		}
		while (definition_size > 0 && isdigit((unsigned char)team->name[definition_size - 1]))
			definition_size--;
		bool is_made = (i > 0 && team[-1].definition == team->definition) || (i + 1 < rule_set->team_count && team[1].definition == team->definition);
		if (is_made && definition_size == size + 1 && strncmp(team->name, name, size) == 0)
			found |= UINT64_C(1) << i;
	}
	return found;
}

static bool read_team_names(struct reader *reader, struct expression_node *leaf)
{
	unsigned names = 0;
	if (take(reader, "*")) {
		leaf->teams = UINT64_MAX;
		leaf->by_team = true;
		return take(reader, "]") || refuse(reader, "']' is missing after *");
	}
	do {
		const char *name;
		size_t size;
		if (!take_name(reader, &name, &size))
			return false;
		uint64_t teams = find_teams(reader->rule_set, name, size);
		if (teams == 0)
			return refuse(reader, "there is no team '%.*s'", (int)size, name);
		leaf->teams |= teams;
		names++;
	} while (take(reader, ","));
	leaf->by_team = names > 1 || (leaf->teams & (leaf->teams - 1)) != 0;
	return take(reader, "]") || refuse(reader, "']' is missing after the team");
}

static unsigned fitting_aggregation(unsigned wanted, enum match_attribute_type type)
{
	if (type == MATCH_STRING_LIST)
		return wanted == MATCH_INTERSECTION ? MATCH_INTERSECTION : MATCH_UNION;
	return wanted > MATCH_MAX ? MATCH_AVERAGE : wanted;
}

static bool read_map_key(struct reader *reader, struct match_column *column)
{
	const char *key;
	size_t size;
	if (!take(reader, "["))
		return refuse(reader, "this attribute is a map: name one of its keys, such as attributes[maps][dust]");
	if (!take_name(reader, &key, &size))
		return false;
	column->has_key = true;
	column->key = ringcast_match_text(reader->rule_set, key, size);
	return take(reader, "]") || refuse(reader, "']' is missing after the key");
}

static bool read_attribute(struct reader *reader, struct expression_node *leaf, struct match_column *column)
{
	const char *name;
	size_t size;
	if (!take(reader, "[") || !take_name(reader, &name, &size))
		return refuse(reader, "attributes[NAME] is missing");
	column->attribute = ringcast_match_attribute_find(reader->rule_set, name, size);
	if (column->attribute == MATCH_ATTRIBUTES_MAX)
		return refuse(reader, "'%.*s' is not among playerAttributes", (int)size, name);
	if (!take(reader, "]"))
		return refuse(reader, "']' is missing after the attribute");
	enum match_attribute_type type = reader->rule_set->attributes[column->attribute].type;
	column->aggregation = type == MATCH_STRING ? MATCH_AVERAGE : fitting_aggregation(reader->aggregation, type);
	column->kind = type == MATCH_STRING_LIST ? MATCH_COLUMN_LIST : type == MATCH_STRING ? MATCH_COLUMN_TEXTS : MATCH_COLUMN_NUMBER;
	leaf->base = column->kind == MATCH_COLUMN_NUMBER ? EXPRESSION_NUMBER : EXPRESSION_TEXT;
	leaf->list_depth = (uint8_t)(leaf->by_team + 1 + (type == MATCH_STRING_LIST));
	return type != MATCH_NUMBER_MAP || read_map_key(reader, column);
}

static bool read_players(struct reader *reader, uint16_t *ret_index, struct expression_node leaf)
{
	struct match_column column = {.attribute = MATCH_PLAYER_IDS, .kind = MATCH_COLUMN_TEXTS};
	if (!take(reader, "players"))
		return refuse(reader, "teams[...].players, players or a function is missing");
	leaf.list_depth = (uint8_t)(leaf.by_team + 1);
	leaf.base = EXPRESSION_PLAYER;
	if (take(reader, "[")) {
		if (!take(reader, "playerId") || !take(reader, "]"))
			return refuse(reader, "only players[playerId] is known");
		leaf.base = EXPRESSION_TEXT;
	} else if (take(reader, ".")) {
		if (!take(reader, "attributes"))
			return refuse(reader, "attributes[NAME] is missing after players.");
		if (!read_attribute(reader, &leaf, &column))
			return false;
	}
	leaf.column = ringcast_match_column_of(reader->rule_set, &column);
	if (leaf.column == MATCH_COLUMNS_MAX)
		return refuse(reader, "the rule set reads more than %d different values of a player", MATCH_COLUMNS_MAX);
	return new_node(reader, &leaf, ret_index);
}

static bool read_expression(struct reader *reader, uint16_t *ret_index);

static bool read_function(struct reader *reader, size_t function, uint16_t *ret_index)
{
	struct expression_node node = {.kind = functions[function].kind};
	const char *name = reader->at;
	reader->at += strlen(functions[function].name);
	if (!take(reader, "("))
		return refuse(reader, "'(' is missing after %s", functions[function].name);
	if (!read_expression(reader, &node.child))
		return false;
	if (!take(reader, ")"))
		return refuse(reader, "')' is missing after what %s takes", functions[function].name);
	const struct expression_node *child = &reader->rule_set->expressions.nodes[node.child];
	const char *end = reader->at;
	reader->at = name;
	if (functions[function].base >= 0 && (int)child->base != functions[function].base)
		return refuse(reader, "%s takes %s", functions[function].name, functions[function].base == EXPRESSION_NUMBER ? "numbers" : "lists of texts");
	if (child->list_depth < functions[function].list_depth_min)
		return refuse(reader, "%s takes %s; this is %s", functions[function].name, functions[function].list_depth_min == 1 ? "a list" : "a list of lists",
			      child->list_depth == 0 ? "one value" : "a list of values");
	node.base = node.kind == EXPRESSION_COUNT ? EXPRESSION_NUMBER : child->base;
	node.list_depth = (uint8_t)(child->list_depth - 1);
	reader->at = end;
	return new_node(reader, &node, ret_index);
}

static bool read_inner(struct reader *reader, uint16_t *ret_index)
{
	struct expression_node leaf = {.kind = EXPRESSION_LEAF};
	reader->at += strspn(reader->at, " \t\r\n");
	size_t size = word_bytes(reader->at);
	for (size_t i = 0; i < ARRAY_COUNT(functions); i++)
		if (strlen(functions[i].name) == size && strncmp(functions[i].name, reader->at, size) == 0)
			return read_function(reader, i, ret_index);
	if (take(reader, "teams")) {
		if (!take(reader, "["))
			return refuse(reader, "teams[NAME] or teams[*] is missing");
		if (!read_team_names(reader, &leaf))
			return false;
		if (!take(reader, "."))
			return refuse(reader, ".players is missing after teams[...]");
		return read_players(reader, ret_index, leaf);
	}
	leaf.teams = UINT64_MAX;
	if (strncmp(reader->at, "players", 7) == 0)
		return read_players(reader, ret_index, leaf);
	return refuse(reader, "'%.*s' is none of teams[...], players, min, max, avg, median, sum, stddev, count, flatten, set_intersection",
		      (int)(size > 32 ? 32 : size), reader->at);
}

static bool read_expression(struct reader *reader, uint16_t *ret_index)
{
	if (reader->depth == EXPRESSION_DEPTH_MAX)
		return refuse(reader, "functions are nested more than %d deep", EXPRESSION_DEPTH_MAX);
	reader->depth++;
	bool is_read = read_inner(reader, ret_index);
	reader->depth--;
	return is_read;
}

bool ringcast_expression_read(struct match_rule_set *rule_set, const char *text, unsigned aggregation, uint16_t *ret_root,
			      char problem[EXPRESSION_PROBLEM_BYTES])
{
	struct reader reader = {.text = text, .at = text, .rule_set = rule_set, .aggregation = aggregation, .problem = problem};
	if (strlen(text) > EXPRESSION_BYTES_MAX)
		return refuse(&reader, "longer than %d bytes", EXPRESSION_BYTES_MAX);
	if (!read_expression(&reader, ret_root))
		return false;
	reader.at += strspn(reader.at, " \t\r\n");
	return *reader.at == '\0' || refuse(&reader, "nothing may follow here");
}

bool ringcast_expression_is_meant(const char *text)
{
	text += strspn(text, " \t\r\n");
	size_t size = word_bytes(text);
	char next = text[size + strspn(text + size, " \t\r\n")];
	if (size == 5 && strncmp(text, "teams", 5) == 0)
		return next == '[';
	if (size == 7 && strncmp(text, "players", 7) == 0)
		return next == '.' || next == '[';
	for (size_t i = 0; i < ARRAY_COUNT(functions); i++)
		if (strlen(functions[i].name) == size && strncmp(functions[i].name, text, size) == 0)
			return next == '(';
	return false;
}
