/* Compound statements: or(and(A,B),not(C)). Names of rules may hold anything but brackets and commas. */
#include <ctype.h>

#include "base/attr.h"
#include "service/match/rule_set_read.h"

enum { STATEMENT_DEPTH_MAX = 8, CHILDREN_MAX = 8 };

struct statement {
	struct rule_set_reader *reader;
	const char *at, *path;
	unsigned depth;
};

#define refuse(statement, ...) ringcast_document_refuse(&(statement)->reader->document, (statement)->path, __VA_ARGS__)

static const struct {
	const char *name;
	int kind;
	uint16_t children_min, children_max;
} functions[] = {{"and", MATCH_AND, 2, CHILDREN_MAX}, {"or", MATCH_OR, 2, CHILDREN_MAX}, {"not", MATCH_NOT, 1, 1}, {"xor", MATCH_XOR, 2, CHILDREN_MAX}};

static bool read_part(struct statement *statement, uint16_t *ret_index);

static bool new_node(struct statement *statement, const struct match_statement_node *node, uint16_t *ret_index)
{
	struct match_rule_set *rule_set = statement->reader->rule_set;
	if (rule_set->statement_node_count == MATCH_STATEMENT_NODES_MAX)
		return refuse(statement, "the statements have more than %d parts in all", MATCH_STATEMENT_NODES_MAX);
	rule_set->statement_nodes[rule_set->statement_node_count] = *node;
	*ret_index = rule_set->statement_node_count++;
	return true;
}

static char next_of(struct statement *statement)
{
	statement->at += strspn(statement->at, " \t\r\n");
	return *statement->at;
}

static bool read_function(struct statement *statement, size_t function, uint16_t *ret_index)
{
	struct match_statement_node node = {.kind = functions[function].kind};
	do {
		statement->at++;
		if (node.child_count == functions[function].children_max)
			return refuse(statement, "%s takes at most %u", functions[function].name, functions[function].children_max);
		if (!read_part(statement, &node.children[node.child_count]))
			return false;
		node.child_count++;
	} while (next_of(statement) == ',');
	if (*statement->at != ')')
		return refuse(statement, "')' is missing after what %s takes", functions[function].name);
	statement->at++;
	if (node.child_count < functions[function].children_min)
		return refuse(statement, "%s takes at least %u", functions[function].name, functions[function].children_min);
	return new_node(statement, &node, ret_index);
}

static bool read_name(struct statement *statement, const char *name, size_t size, uint16_t *ret_index)
{
	struct match_rule_set *rule_set = statement->reader->rule_set;
	struct match_statement_node node = {.kind = MATCH_RULE_OF};
	for (; node.rule < rule_set->rule_count; node.rule++) {
		struct match_rule *rule = &rule_set->rules[node.rule];
		if (strlen(rule->name) != size || strncmp(rule->name, name, size) != 0)
			continue;
		rule->is_member = true;
		return new_node(statement, &node, ret_index);
	}
	return refuse(statement, "'%.*s' is neither a rule of this set nor one of and, or, not, xor", (int)(size > 64 ? 64 : size), name);
}

static bool read_part(struct statement *statement, uint16_t *ret_index)
{
	bool is_read;
	next_of(statement);
	const char *name = statement->at;
	size_t size = strcspn(name, "(),");
	statement->at += size;
	while (size > 0 && isspace((unsigned char)name[size - 1]))
		size--;
	if (*statement->at != '(')
		return read_name(statement, name, size, ret_index);
	if (statement->depth == STATEMENT_DEPTH_MAX)
		return refuse(statement, "nested more than %d deep", STATEMENT_DEPTH_MAX);
	statement->depth++;
	for (size_t i = 0; i < ARRAY_COUNT(functions); i++)
		if (strlen(functions[i].name) == size && strncmp(functions[i].name, name, size) == 0) {
			is_read = read_function(statement, i, ret_index);
			statement->depth--;
			return is_read;
		}
	return refuse(statement, "'%.*s(' is none of and(, or(, not(, xor(", (int)(size > 64 ? 64 : size), name);
}

bool ringcast_statement_read(struct rule_set_reader *reader, const char *text, const char *path, uint16_t *ret_root)
{
	struct statement statement = {.reader = reader, .at = text, .path = path};
	if (strlen(text) > EXPRESSION_BYTES_MAX)
		return refuse(&statement, "longer than %d bytes", EXPRESSION_BYTES_MAX);
	return read_part(&statement, ret_root) && (next_of(&statement) == '\0' || refuse(&statement, "nothing may follow the statement"));
}
